//! What all statistics share before and after they are asked, in whatever dialect: who calls, how often, and which days an answer is
//! without. Knows no status codes; each dialect has its own.

use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use registry::{KeyId, Registry};

use crate::access::{self, Caller};
use crate::app::App;
use crate::http::SlidingWindow;

/// The largest body that a request may announce, in bytes. Nothing is asked in a body; it is never read.
pub(crate) const STATS_BODY_BYTES_MAX: usize = 8_388_608;
/// The most keys whose calls of the last second are remembered.
const STATS_KEYS_MAX: usize = 100_000;

/// How often each key may ask: one limit for all statistics, whatever their dialect.
pub(crate) fn limit(per_second_max: u32) -> SlidingWindow<KeyId> {
    SlidingWindow::new(per_second_max, STATS_KEYS_MAX)
}

/// Why a caller was turned away before anything was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// Nobody knows who calls.
    Unknown,
    /// The key's last second is full.
    TooOften,
    /// The request announces a body that is larger than any may be.
    BodyTooLarge,
}

/// Who calls: whoever the only `Authorization` header tells. Of several headers nobody could say which one another server on the
/// way has checked.
pub(crate) fn caller_of(registry: &Registry, headers: &HeaderMap, now_ms: i64) -> Option<Caller> {
    let mut told = headers.get_all(AUTHORIZATION).iter();
    match (told.next(), told.next()) {
        (Some(only), None) => access::caller(registry, only.to_str().ok()?, now_ms),
        _ => None,
    }
}

/// Finds out who calls, and whether they call too often. A token counts for the key that signed it. The order of the checks is a
/// promise: who, how often, how large.
///
/// # Errors
/// [`Turned`].
pub(crate) fn admit(app: &App, headers: &HeaderMap) -> Result<Caller, Turned> {
    let caller = caller_of(&app.registry, headers, app.clock.now_ms()).ok_or(Turned::Unknown)?;
    if let Some(key) = &caller.key {
        app.stats_limit.admit(key, app.clock.running_ns()).map_err(|_wait| Turned::TooOften)?;
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > STATS_BODY_BYTES_MAX as u64) {
        return Err(Turned::BodyTooLarge);
    }
    Ok(caller)
}

/// Names the UTC days that an answer is without, where the team has set that there may be such.
const LEFT_OUT: HeaderName = HeaderName::from_static("clicktally-left-out");
/// More days than this are told as a number: a header has to stay short.
const LEFT_OUT_NAMED_MAX: usize = 100;

/// Says in a header which days an answer is without.
pub(crate) fn left_out(mut response: Response, days: &[String]) -> Response {
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
