//! What is written down about a request: one line in the log, one count, one duration.
//!
//! This room must never write keys, addresses, query strings, search terms or cookies: only the matched route's pattern, a
//! standard method's name and numbers. Answers of 500 and above are logged at `warn` (their cause has been logged where it
//! was handled), all others at `debug`, because a line for each click would cost more than the click.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::metrics::{Metrics, RouteMetrics};

/// A request between its arrival and the last byte of its answer. One that is dropped before has lost its client.
pub(super) struct Observation {
    metrics: Arc<Metrics>,
    route: Arc<RouteMetrics>,
    method: &'static str,
    began: Instant,
    /// Set once there is an answer.
    status: Option<StatusCode>,
    bytes: u64,
}

impl Observation {
    pub(super) fn begin(metrics: &Arc<Metrics>, request: &Request) -> Self {
        metrics.request_began();
        let pattern = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
        Self {
            route: metrics.route(pattern),
            metrics: Arc::clone(metrics),
            method: method_name(request.method()),
            began: Instant::now(),
            status: None,
            bytes: 0,
        }
    }

    /// Follows the answer's body. What was observed is written down when hyper is done with it.
    pub(super) fn finish(mut self, response: Response) -> Response {
        self.status = Some(response.status());
        response.map(|inner| Body::new(ObservedBody { inner, observation: self }))
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.metrics.request_ended();
        let elapsed = self.began.elapsed();
        let duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let (method, route, bytes) = (self.method, self.route.pattern(), self.bytes);
        let Some(status) = self.status else {
            self.metrics.request_abandoned();
            tracing::debug!(method, route, duration_us, "request abandoned");
            return;
        };
        self.route.answered(status, elapsed);
        let status = status.as_u16();
        if status >= 500 {
            tracing::warn!(method, route, status, duration_us, bytes, "request");
        } else {
            tracing::debug!(method, route, status, duration_us, bytes, "request");
        }
    }
}

/// A method as a word of ours: the client may send any token.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

struct ObservedBody {
    inner: Body,
    observation: Observation,
}

impl HttpBody for ObservedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.observation.bytes += u64::try_from(bytes).unwrap_or(0);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
