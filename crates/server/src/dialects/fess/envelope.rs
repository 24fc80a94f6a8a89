//! The common envelope: `{"response":{"status":…,…}}`, and the headers that every answer carries. Status 0 is success, 1
//! the caller's error, 9 ours. Knows nothing of why something is answered.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
    VARY,
};
use axum::response::Response;
use serde::Serialize;

use super::refusal::{Refusal, Words};
use crate::http::Trouble;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

#[derive(Serialize)]
struct Envelope<T> {
    response: T,
}

#[derive(Serialize)]
struct Success<T> {
    status: u8,
    #[serde(flatten)]
    payload: T,
}

#[derive(Serialize)]
struct Failure<'a, D> {
    status: u8,
    error: Described<'a, D>,
}

#[derive(Serialize)]
struct Described<'a, D> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<D>,
}

/// 200 with these fields.
pub(super) fn success(payload: impl Serialize) -> Response {
    json(StatusCode::OK, &Envelope { response: Success { status: 0, payload } })
}

/// What a click is answered. Written out, because it is what this server says most.
pub(super) fn logged(logged: bool) -> Response {
    const LOGGED: &str = r#"{"response":{"status":0,"ok":true,"logged":true}}"#;
    const NOT_LOGGED: &str = r#"{"response":{"status":0,"ok":true,"logged":false}}"#;
    with_body(StatusCode::OK, Body::from(if logged { LOGGED } else { NOT_LOGGED }))
}

/// The answer to a request that is refused.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let mut response = failure(&refusal.words(), None::<()>);
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_seconds() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Some(allow) = refusal.allow() {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

/// A refusal with more to say.
pub(super) fn refused_with_details(refusal: &Refusal, details: impl Serialize) -> Response {
    let mut response = failure(&refusal.words(), Some(details));
    if let Some(seconds) = refusal.retry_seconds() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// The front's own refusals. They are given before a request's origin is looked at, hence without CORS headers.
pub(super) fn trouble(trouble: Trouble) -> Response {
    let status = trouble.status();
    let code = match trouble {
        Trouble::Panicked => "internal_error",
        Trouble::Busy => "service_unavailable",
        Trouble::UriTooLong | Trouble::HeadersTooLarge | Trouble::HostRepeated => "invalid_request",
    };
    let mut response = failure(&(status, code, trouble.message().into()), None::<()>);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    // The front reads no body of what it refuses, so the connection can't be used again.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn failure((status, code, message): &Words<'_>, details: Option<impl Serialize>) -> Response {
    let severity = if status.is_server_error() { 9 } else { 1 };
    json(
        *status,
        &Envelope { response: Failure { status: severity, error: Described { code, message, details } } },
    )
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Plain fields always serialise; an empty body would still carry the status.
    with_body(status, Body::from(serde_json::to_vec(body).unwrap_or_default()))
}

fn with_body(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    dress(&mut response);
    response
}

/// The headers of every answer, with a body or without.
pub(super) fn dress(response: &mut Response) {
    const ALWAYS: [(HeaderName, HeaderValue); 2] = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
    ];
    response.headers_mut().extend(ALWAYS);
}
