//! What all statistics share before and after they are asked, in whatever dialect: who calls, how often, and which days an answer is
//! without. Knows no status codes; each dialect has its own.

use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use crate::access::Caller;
use crate::app::App;
use crate::callers::{Head, Stranger};

/// The largest body that a request may announce, in bytes. Nothing is asked in a body; it is never read.
pub(crate) const STATS_BODY_BYTES_MAX: usize = 8_388_608;
/// Why a caller was turned away before anything was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// Nobody knows who calls, or they call too often.
    Stranger(Stranger),
    /// The request announces a body that is larger than any may be.
    BodyTooLarge,
}

impl From<Stranger> for Turned {
    fn from(stranger: Stranger) -> Self {
        Self::Stranger(stranger)
    }
}

/// Finds out who calls, and whether they call too often. A token counts for the key that signed it. The order of the checks is a
/// promise: who, how often, how large.
///
/// # Errors
/// [`Turned`].
pub(crate) fn admit<'r>(app: &App, head: impl Into<Head<'r>>) -> Result<Caller, Turned> {
    let head = head.into();
    let caller = app.asking(head)?;
    let headers = head.headers();
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
