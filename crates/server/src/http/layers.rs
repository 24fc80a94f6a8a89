//! What every request passes before it reaches a handler: the limits of its head, the house rules and a place to run.
//!
//! This room must never know how a dialect words a refusal: it names the trouble, and the router's hook finds the words.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::client_address::TrustedProxies;
use super::connection::Crowded;
use super::limits::Limits;
use super::metrics::Metrics;
use super::observe::Observation;
use super::panics;
use super::probes::is_probe;
use super::serve::Peer;

/// Why the front itself refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The handler panicked: 500.
    Panicked,
    /// Too much is going on: 503. The front adds `Retry-After: 1`.
    Busy,
    /// The request's target is too long: 414.
    UriTooLong,
    /// The headers are too large: 431.
    HeadersTooLarge,
    /// `Host` came twice: 400 (RFC 9112, 3.2).
    HostRepeated,
}

impl Trouble {
    /// The status that the answer should have.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HostRepeated => StatusCode::BAD_REQUEST,
        }
    }

    /// A sentence for the caller, without a cause.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Panicked => "internal error",
            Self::Busy => "the server is busy",
            Self::UriTooLong => "the request target is too long",
            Self::HeadersTooLarge => "the request headers are too large",
            Self::HostRepeated => "the Host header must not be repeated",
        }
    }
}

/// The answer to a trouble in plain text, for routes without a dialect.
#[must_use]
pub fn plain_refusal(_uri: &Uri, trouble: Trouble) -> Response {
    (trouble.status(), trouble.message()).into_response()
}

/// How long a handler may wait for its request's body; in the extensions of each request that a handler gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyTimeout(pub Duration);

/// What the layers of one or more routers share.
#[derive(Debug)]
pub struct Layers {
    uri_bytes_max: usize,
    header_bytes_max: usize,
    running: Semaphore,
    waiting: Semaphore,
    waiting_timeout: Duration,
    body_timeout: BodyTimeout,
    proxies: TrustedProxies,
    metrics: Arc<Metrics>,
    refusal: fn(&Uri, Trouble) -> Response,
}

impl Layers {
    /// Layers with these limits. Each handler finds [`Facts`](super::Facts) and a [`BodyTimeout`] in its request's
    /// extensions; `refusal` words the front's own refusals in the dialect of the path.
    #[must_use]
    pub fn new(
        limits: &Limits,
        proxies: TrustedProxies,
        metrics: Arc<Metrics>,
        refusal: fn(&Uri, Trouble) -> Response,
    ) -> Arc<Self> {
        let permits = |count: usize| Semaphore::new(count.min(Semaphore::MAX_PERMITS));
        Arc::new(Self {
            uri_bytes_max: limits.uri_bytes_max,
            header_bytes_max: limits.header_bytes_max,
            running: permits(limits.requests_running_max.max(1)),
            waiting: permits(limits.requests_waiting_max),
            waiting_timeout: limits.waiting_timeout,
            body_timeout: BodyTimeout(limits.body_timeout),
            proxies,
            metrics,
            refusal,
        })
    }

    async fn pass(&self, mut request: Request, next: Next) -> Result<Response, Trouble> {
        let may_skip_the_queue = is_probe(request.uri().path());
        self.check_head(&request)?;
        let _place = if may_skip_the_queue {
            None
        } else if request.extensions().get::<Crowded>().is_some() {
            return Err(Trouble::Busy);
        } else {
            Some(self.place().await?)
        };
        self.tell_the_handler(&mut request);
        panics::catch(next.run(request)).await.map_err(|panics::Panicked| {
            self.metrics.panicked();
            Trouble::Panicked
        })
    }

    fn tell_the_handler(&self, request: &mut Request) {
        let peer = request.extensions().get::<Peer>().copied().unwrap_or_default();
        let facts = self.proxies.facts(peer, request.uri(), request.headers());
        request.extensions_mut().insert(facts);
        request.extensions_mut().insert(self.body_timeout);
    }

    fn check_head(&self, request: &Request) -> Result<(), Trouble> {
        let uri = request.uri();
        if uri.path().len() + uri.query().map_or(0, |query| query.len() + 1) > self.uri_bytes_max {
            return Err(Trouble::UriTooLong);
        }
        if header_bytes(request.headers()) > self.header_bytes_max {
            return Err(Trouble::HeadersTooLarge);
        }
        if request.headers().get_all(header::HOST).iter().nth(1).is_some() {
            return Err(Trouble::HostRepeated);
        }
        Ok(())
    }

    /// Waits for a place to run, in order of arrival, if few enough wait already. The place is held while the handler
    /// runs, not while its answer is sent: a slow reader must not keep others from being served.
    async fn place(&self) -> Result<SemaphorePermit<'_>, Trouble> {
        if let Ok(place) = self.running.try_acquire() {
            return Ok(place);
        }
        let _in_queue = self.waiting.try_acquire().map_err(|_full| Trouble::Busy)?;
        match tokio::time::timeout(self.waiting_timeout, self.running.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Trouble::Busy),
        }
    }
}

/// Puts the layers around all routes of a router, its fallback too. To be called last, when every route is in.
pub fn guarded(router: Router, layers: Arc<Layers>) -> Router {
    router.layer(from_fn_with_state(layers, guard))
}

async fn guard(State(layers): State<Arc<Layers>>, request: Request, next: Next) -> Response {
    let observation = Observation::begin(&layers.metrics, &request);
    let uri = request.uri().clone();
    let response = match layers.pass(request, next).await {
        Ok(response) => response,
        Err(trouble) => refuse(&layers, &uri, trouble),
    };
    observation.finish(response)
}

fn refuse(layers: &Layers, uri: &Uri, trouble: Trouble) -> Response {
    let mut response = (layers.refusal)(uri, trouble);
    if trouble == Trouble::Busy {
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
    }
    response
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
