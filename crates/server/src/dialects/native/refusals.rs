//! What the routes below `/v1` answer when they take no lines at all: JSON with a code and a message. No message tells the
//! cause of a failure of ours.

use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use clicks::StoreError;
use serde::Serialize;

use crate::feed::FeedError;
use crate::http::{BodyError, NoBody, Trouble};
use crate::pages::Blocked;

/// Why no line was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    BadParams(&'static str),
    NotAuthenticated,
    AccessDenied(&'static str),
    NotFound,
    MethodNotAllowed,
    Timeout,
    PayloadTooLarge(usize),
    TooManyRequests,
    UriTooLong,
    UnsupportedMediaType(&'static str),
    HeadersTooLarge,
    Internal,
    Unavailable,
}

#[derive(Serialize)]
struct Envelope {
    error: Described,
}

#[derive(Serialize)]
struct Described {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn parts(&self) -> (StatusCode, &'static str, String) {
        let (status, code, message) = match self {
            Self::BadParams(message) => (StatusCode::BAD_REQUEST, "bad_params", *message),
            Self::NotAuthenticated => {
                (StatusCode::UNAUTHORIZED, "not_authenticated", "Authentication required")
            }
            Self::AccessDenied(message) => (StatusCode::FORBIDDEN, "access_denied", *message),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
            }
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "The body did not arrive in time"),
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests")
            }
            Self::PayloadTooLarge(bytes_max) => {
                let message = format!("The body must have at most {bytes_max} bytes");
                return (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message);
            }
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "uri_too_long", "Request target too long"),
            Self::UnsupportedMediaType(message) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", *message)
            }
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
                "Request headers too large",
            ),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Internal error"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable"),
        };
        (status, code, message.to_owned())
    }

    /// The header that tells a client what to do next.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::NotAuthenticated => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Token, Bearer"))),
            Self::MethodNotAllowed => Some((ALLOW, HeaderValue::from_static("POST"))),
            // A client that was told to go away may still be sending: its connection is not used again.
            Self::Timeout | Self::PayloadTooLarge(_) => Some((CONNECTION, HeaderValue::from_static("close"))),
            Self::Unavailable => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            // A window of a second is free again after a second at most.
            Self::TooManyRequests => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::BadParams(_)
            | Self::AccessDenied(_)
            | Self::NotFound
            | Self::UriTooLong
            | Self::UnsupportedMediaType(_)
            | Self::HeadersTooLarge
            | Self::Internal => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        // Two texts always serialise; an empty body would still carry the status.
        let body = serde_json::to_vec(&Envelope { error: Described { code, message } }).unwrap_or_default();
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut response = (status, headers, body).into_response();
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
            Trouble::HostRepeated => Self::BadParams("Host: is given more than once"),
        }
    }
}

impl Refusal {
    /// Why a body of at most `bytes_max` bytes was not read.
    pub(super) fn of_body(error: NoBody, bytes_max: usize) -> Self {
        match error {
            NoBody::NoRoom => Self::Unavailable,
            NoBody::Unread(BodyError::TooLarge) => Self::PayloadTooLarge(bytes_max),
            NoBody::Unread(BodyError::TimedOut) => Self::Timeout,
            NoBody::Unread(BodyError::Broken) => Self::BadParams("The body broke off"),
        }
    }
}

impl From<Blocked> for Refusal {
    fn from(blocked: Blocked) -> Self {
        const ORIGIN: &str =
            "Origin: pages of this origin may not use this key; list it with `key create --origin`";
        match blocked {
            Blocked::ForeignOrigin => Self::AccessDenied(ORIGIN),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_ours_says_when_to_come_back_and_never_why() {
        let cause = || "/var/lib/clicktally/secret".to_owned();
        let unavailable = [
            FeedError::Store(StoreError::Busy),
            FeedError::Store(StoreError::NotWritten(cause())),
            FeedError::Store(StoreError::Stopped(cause())),
            FeedError::Registry(cause()),
        ];
        for error in unavailable {
            let refusal = Refusal::from(error);
            assert!(!refusal.parts().2.contains("secret"));
            let response = refusal.into_response();
            assert_eq!(
                (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
                (503, &HeaderValue::from_static("1"))
            );
        }
        assert_eq!(Refusal::from(FeedError::Store(StoreError::Damaged(cause()))), Refusal::Internal);
    }
}
