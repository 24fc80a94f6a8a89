//! What a browser is told about other origins (Fetch standard, CORS protocol). This room must never decide who may
//! change something: `origins` does, and the checks that come after it.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderValue, ORIGIN, VARY,
};
use axum::response::Response;

use super::Call;
use super::envelope;
use super::refusal::Refusal;
use crate::origins::Source;

/// How long a browser may remember a preflight's answer, in seconds: an hour.
const PREFLIGHT_SECONDS_MAX: &str = "3600";

/// Answers `OPTIONS`. With an `Origin` it is a preflight, which only a listed origin passes, on every path: a page that
/// calls a path that isn't there shall be able to read the 404. Without one, it asks which methods there are.
pub(super) fn options(call: &Call, allow: Option<&'static str>) -> Result<Response, Refusal> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if call.parts.headers.contains_key(ORIGIN) {
        if !matches!(call.source, Source::Listed(_)) {
            return Err(Refusal::ForeignOrigin);
        }
        let allowed = "Content-Type, X-Fess-CSRF-Token, Idempotency-Key";
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS_MAX));
    } else {
        headers.insert(ALLOW, HeaderValue::from_static(allow.ok_or(Refusal::NoRoute)?));
    }
    envelope::dress(&mut response);
    Ok(response)
}

/// Lets a listed origin read the answer, whatever it is, and tells caches that answers differ by origin.
pub(super) fn tell(source: &Source, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Source::Listed(Some(origin)) = source {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}
