//! What is answered when no document is taken at all, in OpenSearch's envelope: `{"error":{"type","reason",…},"status"}`.
//! No reason tells the cause of a failure of ours or repeats a key.

use std::borrow::Cow;

use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use clicks::StoreError;
use serde::Serialize;

use crate::counts::Fate;
use crate::feed::FeedError;
use crate::http::{BodyError, NoBody, Trouble};
use crate::pages::Blocked;

/// Why no document was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    BadRequest(Cow<'static, str>),
    NotAuthenticated,
    AccessDenied(&'static str),
    ForeignOrigin,
    NoPath,
    MethodNotAllowed(&'static str),
    NotAcceptable,
    Compressed,
    Timeout,
    PayloadTooLarge(usize),
    UriTooLong,
    TooManyRequests,
    HeadersTooLarge,
    Internal,
    Unavailable,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Described<'a>,
    status: u16,
}

#[derive(Serialize)]
struct Described<'a> {
    root_cause: [Cause<'a>; 1],
    r#type: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Cause<'a> {
    r#type: &'a str,
    reason: &'a str,
}

/// An error in OpenSearch's envelope.
pub(super) fn error(status: StatusCode, kind: &str, reason: &str) -> Response {
    let described = Described { root_cause: [Cause { r#type: kind, reason }], r#type: kind, reason };
    json(status, &Envelope { error: described, status: status.as_u16() })
}

/// An answer as JSON.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Numbers and texts always serialise; an empty body would still carry the status.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

impl Refusal {
    /// What became of the call, where anything was received at all.
    pub(super) fn fate(&self) -> Option<Fate> {
        Some(match self {
            Self::BadRequest(_) => Fate::Invalid,
            Self::AccessDenied(_) => Fate::AccessDenied,
            Self::ForeignOrigin => Fate::ForeignOrigin,
            Self::NotAcceptable | Self::Compressed => Fate::BadMediaType,
            Self::Timeout => Fate::Broken,
            Self::PayloadTooLarge(_) => Fate::TooLarge,
            Self::TooManyRequests => Fate::RateLimited,
            Self::Internal | Self::Unavailable => Fate::Unavailable,
            Self::NotAuthenticated
            | Self::NoPath
            | Self::MethodNotAllowed(_)
            | Self::UriTooLong
            | Self::HeadersTooLarge => return None,
        })
    }

    /// Its kind and reason.
    pub(super) fn words(&self) -> (&'static str, Cow<'_, str>) {
        let (_, kind, reason) = self.parts();
        (kind, reason)
    }

    fn parts(&self) -> (StatusCode, &'static str, Cow<'_, str>) {
        const SECURITY: &str = "security_exception";
        const ARGUMENT: &str = "illegal_argument_exception";
        let (status, kind, reason) = match self {
            Self::BadRequest(reason) => return (StatusCode::BAD_REQUEST, ARGUMENT, reason.as_ref().into()),
            Self::NotAuthenticated => (StatusCode::UNAUTHORIZED, SECURITY, "Authentication required"),
            Self::AccessDenied(reason) => (StatusCode::FORBIDDEN, SECURITY, *reason),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                SECURITY,
                "pages of this origin may not use this key; list it with `key create --origin`",
            ),
            Self::NoPath => (StatusCode::NOT_FOUND, ARGUMENT, "No such path"),
            Self::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, ARGUMENT, "Method not allowed"),
            Self::NotAcceptable => {
                (StatusCode::NOT_ACCEPTABLE, ARGUMENT, "Content-Type: must be JSON or NDJSON, in UTF-8")
            }
            Self::Compressed => {
                let reason = "Content-Encoding: must be absent; send the body as it is";
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, ARGUMENT, reason)
            }
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, ARGUMENT, "The body did not arrive in time"),
            Self::PayloadTooLarge(bytes_max) => {
                let reason = format!("The body must have at most {bytes_max} bytes");
                return (StatusCode::PAYLOAD_TOO_LARGE, ARGUMENT, reason.into());
            }
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, ARGUMENT, "Request target too long"),
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "circuit_breaking_exception", "Too many requests")
            }
            Self::HeadersTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, ARGUMENT, "Request headers too large")
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "exception", "Internal error"),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable_shards_exception", "Temporarily unavailable")
            }
        };
        (status, kind, reason.into())
    }

    /// The header that tells a client what to do next.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::NotAuthenticated => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Token, ApiKey"))),
            Self::MethodNotAllowed(allow) => Some((ALLOW, HeaderValue::from_static(allow))),
            // A client that was told to go away may still be sending: its connection is not used again.
            Self::Timeout | Self::PayloadTooLarge(_) => Some((CONNECTION, HeaderValue::from_static("close"))),
            Self::Unavailable | Self::TooManyRequests => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        }
    }

    /// Why a body of at most `bytes_max` bytes was not read.
    pub(super) fn of_body(error: NoBody, bytes_max: usize) -> Self {
        match error {
            NoBody::NoRoom => Self::Unavailable,
            NoBody::Unread(BodyError::TooLarge) => Self::PayloadTooLarge(bytes_max),
            NoBody::Unread(BodyError::TimedOut) => Self::Timeout,
            NoBody::Unread(BodyError::Broken) => Self::BadRequest("The body broke off".into()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, kind, reason) = self.parts();
        let mut response = error(status, kind, &reason);
        response.headers_mut().extend(self.header());
        response
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Panicked => Self::Internal,
            Trouble::Busy => Self::Unavailable,
            Trouble::UriTooLong => Self::UriTooLong,
            Trouble::HeadersTooLarge => Self::HeadersTooLarge,
            Trouble::HostRepeated => Self::BadRequest("Host: is given more than once".into()),
        }
    }
}

impl From<Blocked> for Refusal {
    fn from(blocked: Blocked) -> Self {
        match blocked {
            Blocked::ForeignOrigin => Self::ForeignOrigin,
            Blocked::RateLimited(_) => Self::TooManyRequests,
        }
    }
}

impl From<FeedError> for Refusal {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Store(StoreError::Damaged(_) | StoreError::DamagedDay { .. }) => {
                tracing::error!(%error, "documents could not be recorded");
                Self::Internal
            }
            FeedError::Store(StoreError::Busy) => Self::Unavailable,
            FeedError::Store(_) | FeedError::Registry(_) => {
                tracing::warn!(%error, "documents could not be recorded");
                Self::Unavailable
            }
        }
    }
}
