//! What `POST /1/events` answers: `{"status","message"}`, for success too. No message tells the cause of a failure of ours
//! or repeats a key.

use std::borrow::Cow;

use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use clicks::StoreError;
use serde::Serialize;

use super::call::INSIGHTS_BYTES_MAX;
use crate::counts::Fate;
use crate::feed::FeedError;
use crate::http::{BodyError, NoBody, Trouble};
use crate::pages::Blocked;

/// Why no event was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    BadRequest(&'static str),
    InvalidCredentials,
    NoScope,
    ForeignOrigin,
    NoPath,
    /// Which event names no index, or several.
    NoIndex {
        event: usize,
        /// As much of the name as is shown.
        name: String,
        why: &'static str,
    },
    MethodNotAllowed,
    Timeout,
    PayloadTooLarge,
    UriTooLong,
    Compressed,
    /// What is wrong with the events, all of which are refused with it.
    Unprocessable(String),
    TooManyRequests,
    HeadersTooLarge,
    Internal,
    Unavailable,
}

#[derive(Serialize)]
struct Envelope<'a> {
    status: u16,
    message: &'a str,
}

/// The answer to events that were taken.
pub(super) fn ok() -> Response {
    answer(StatusCode::OK, "OK")
}

fn answer(status: StatusCode, message: &str) -> Response {
    // A number and a text always serialise; an empty body would still carry the status.
    let body = serde_json::to_vec(&Envelope { status: status.as_u16(), message }).unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

impl Refusal {
    /// What became of the call, where anything was received at all.
    pub(super) fn fate(&self) -> Option<Fate> {
        Some(match self {
            Self::NoScope => Fate::AccessDenied,
            Self::ForeignOrigin => Fate::ForeignOrigin,
            Self::TooManyRequests => Fate::RateLimited,
            Self::NoIndex { .. } => Fate::UnknownEngine,
            Self::PayloadTooLarge => Fate::TooLarge,
            Self::Compressed => Fate::BadMediaType,
            Self::Unprocessable(_) => Fate::Invalid,
            Self::Timeout | Self::BadRequest(_) => Fate::Broken,
            Self::Unavailable | Self::Internal => Fate::Unavailable,
            Self::InvalidCredentials
            | Self::NoPath
            | Self::MethodNotAllowed
            | Self::UriTooLong
            | Self::HeadersTooLarge => return None,
        })
    }

    /// What is wrong, in words that repeat nothing of what was sent.
    pub(super) fn rule(&self) -> Cow<'_, str> {
        match self {
            Self::NoIndex { event, why, .. } => format!("events[{event}].index: {why}").into(),
            other => other.parts().1,
        }
    }

    fn parts(&self) -> (StatusCode, Cow<'_, str>) {
        let (status, message) = match self {
            Self::BadRequest(message) => (StatusCode::BAD_REQUEST, *message),
            Self::InvalidCredentials => (StatusCode::UNAUTHORIZED, "Invalid credentials"),
            Self::NoScope => (
                StatusCode::UNAUTHORIZED,
                "Invalid credentials: this key has neither the scope `click` nor `write`",
            ),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "Pages of this origin may not use this key; list it with `key create --origin`",
            ),
            Self::NoPath => (StatusCode::NOT_FOUND, "Path not supported; events are sent to POST /1/events"),
            Self::NoIndex { event, name, why } => {
                let message = format!("events[{event}].index: `{name}`: {why}");
                return (StatusCode::NOT_FOUND, message.into());
            }
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time"),
            Self::PayloadTooLarge => {
                let message = format!("The body must have at most {INSIGHTS_BYTES_MAX} bytes");
                return (StatusCode::PAYLOAD_TOO_LARGE, message.into());
            }
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "Request target too long"),
            Self::Compressed => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Content-Encoding: must be absent; send the body as it is",
            ),
            Self::Unprocessable(message) => {
                return (StatusCode::UNPROCESSABLE_ENTITY, message.as_str().into());
            }
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::HeadersTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request headers too large")
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable"),
        };
        (status, message.into())
    }

    /// The header that tells a client what to do next.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed => Some((ALLOW, HeaderValue::from_static("POST"))),
            // A client that was told to go away may still be sending: its connection is not used again.
            Self::Timeout | Self::PayloadTooLarge => Some((CONNECTION, HeaderValue::from_static("close"))),
            Self::Unavailable | Self::TooManyRequests => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = self.parts();
        let mut response = answer(status, &message);
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
            Trouble::HostRepeated => Self::BadRequest("Host: is given more than once"),
        }
    }
}

impl From<NoBody> for Refusal {
    fn from(error: NoBody) -> Self {
        match error {
            NoBody::NoRoom => Self::Unavailable,
            NoBody::Unread(BodyError::TooLarge) => Self::PayloadTooLarge,
            NoBody::Unread(BodyError::TimedOut) => Self::Timeout,
            NoBody::Unread(BodyError::Broken) => Self::BadRequest("The body broke off"),
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
                tracing::error!(%error, "events could not be recorded");
                Self::Internal
            }
            FeedError::Store(StoreError::Busy) => Self::Unavailable,
            FeedError::Store(_) | FeedError::Registry(_) => {
                tracing::warn!(%error, "events could not be recorded");
                Self::Unavailable
            }
        }
    }
}
