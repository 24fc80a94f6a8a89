//! What all statistics share before and after they are asked: who calls, how often, and which days an answer is without. The
//! order of the checks is a promise: 401, 429, 413, 400, then 403 or 404.

use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use registry::KeyId;

use super::errors::Failure;
use crate::access::{self, Caller};
use crate::app::App;
use crate::http::SlidingWindow;

/// The largest body that a request may announce, in bytes. Nothing is asked in a body; it is never read.
const STATS_BODY_BYTES_MAX: u64 = 8_388_608;
/// The most keys whose calls of the last second are remembered.
const STATS_KEYS_MAX: usize = 100_000;

/// What the calls of this dialect share.
pub(super) struct Stats {
    pub(super) app: Arc<App>,
    rate: SlidingWindow<KeyId>,
}

impl Stats {
    pub(super) fn new(app: Arc<App>) -> Self {
        let rate = SlidingWindow::new(app.settings.stats_per_second, STATS_KEYS_MAX);
        Self { app, rate }
    }

    /// Finds out who calls, and whether they call too often. A token counts for the key that signed it.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<Caller, Failure> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        // Of several headers nobody could say which one another server on the way has checked.
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Failure::NotAuthenticated);
        };
        let authorization = value.to_str().map_err(|_| Failure::NotAuthenticated)?;
        let caller = access::caller(&self.app.registry, authorization, self.app.clock.now_ms())
            .ok_or(Failure::NotAuthenticated)?;
        if let Some(key) = &caller.key {
            let admitted = self.rate.admit(key, self.app.clock.running_ns());
            admitted.map_err(|_wait| Failure::TooManyRequests)?;
        }
        refuse_large_body(headers)?;
        Ok(caller)
    }
}

/// Names the UTC days that an answer is without, where the team has set that there may be such.
const LEFT_OUT: HeaderName = HeaderName::from_static("clicktally-left-out");
/// More days than this are told as a number: a header has to stay short.
const LEFT_OUT_NAMED_MAX: usize = 100;

/// Says in a header which days an answer is without.
pub(super) fn left_out(mut response: Response, days: &[String]) -> Response {
    if let Some(days) = days_left_out(days) {
        response.headers_mut().insert(LEFT_OUT, days);
    }
    response
}

fn days_left_out(days: &[String]) -> Option<HeaderValue> {
    if days.is_empty() {
        return None;
    }
    let named = days.get(..LEFT_OUT_NAMED_MAX.min(days.len())).unwrap_or_default().join(", ");
    let more = days.len().saturating_sub(LEFT_OUT_NAMED_MAX);
    let text = if more == 0 { named } else { format!("{named} and {more} more") };
    HeaderValue::try_from(text).ok()
}

fn refuse_large_body(headers: &HeaderMap) -> Result<(), Failure> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > STATS_BODY_BYTES_MAX) {
        Err(Failure::PayloadTooLarge)
    } else {
        Ok(())
    }
}
