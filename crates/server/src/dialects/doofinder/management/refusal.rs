//! Why a management call is refused: `{"error":{"code","message"}}`, as in the statistics. No message tells the cause of
//! a failure of ours.

use axum::http::StatusCode;
use axum::http::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use clicks::Hashid;
use registry::RegistryError;
use serde::Serialize;

use super::super::errors::Failure;
use super::answers::json;
use super::body::BODY_BYTES_MAX;
use super::bulk::BULK_ITEMS_MAX;
use crate::access::Denied;
use crate::feed::{FeedError, Rejection};
use crate::http::{BodyError, Trouble};

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    BadParams(String),
    NotAuthenticated,
    AccessDenied(String),
    NotFound(String),
    MethodNotAllowed(&'static str),
    Conflict(String),
    Timeout,
    PayloadTooLarge,
    TooManyItems,
    UriTooLong,
    UnsupportedMediaType,
    TooManyRequests,
    HeadersTooLarge,
    Internal,
    Unavailable,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Described<'a>,
}

#[derive(Serialize)]
struct Described<'a> {
    code: &'a str,
    message: &'a str,
}

impl Refusal {
    pub(super) fn no_route() -> Self {
        Self::NotFound("Not found".to_owned())
    }

    pub(super) fn no_engine(hashid: Hashid) -> Self {
        Denied::Unknown(hashid).into()
    }

    pub(super) fn no_item() -> Self {
        Self::NotFound(NO_ITEM.to_owned())
    }

    fn parts(&self) -> (StatusCode, &'static str, String) {
        let (status, code, message) = match self {
            Self::BadParams(message) => (StatusCode::BAD_REQUEST, "bad_params", message.as_str()),
            Self::NotAuthenticated => {
                (StatusCode::UNAUTHORIZED, "not_authenticated", "Authentication required")
            }
            Self::AccessDenied(message) => (StatusCode::FORBIDDEN, "access_denied", message.as_str()),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, "not_found", message.as_str()),
            Self::MethodNotAllowed(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
            }
            Self::Conflict(message) => (StatusCode::CONFLICT, "conflict", message.as_str()),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "The body did not arrive in time"),
            Self::PayloadTooLarge => {
                let message = format!("The body must have at most {BODY_BYTES_MAX} bytes");
                return (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message);
            }
            Self::TooManyItems => {
                let message = format!("A call must have at most {BULK_ITEMS_MAX} items");
                return (StatusCode::PAYLOAD_TOO_LARGE, "too_many_items", message);
            }
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "uri_too_long", "Request target too long"),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Content-Type: must be application/json, in UTF-8",
            ),
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests")
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
}

/// What is said of an item that is not there.
pub(super) const NO_ITEM: &str = "item not found";

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        let mut response = json(status, &Envelope { error: Described { code, message: &message } });
        let (name, value) = match self {
            Self::NotAuthenticated => (WWW_AUTHENTICATE, HeaderValue::from_static("Token, Bearer")),
            Self::MethodNotAllowed(allow) => (ALLOW, HeaderValue::from_static(allow)),
            // A client that was told to go away may still be sending: its connection is not used again.
            Self::Timeout | Self::PayloadTooLarge => (CONNECTION, HeaderValue::from_static("close")),
            Self::TooManyRequests | Self::Unavailable => (RETRY_AFTER, HeaderValue::from_static("1")),
            _ => return response,
        };
        response.headers_mut().insert(name, value);
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
            Trouble::HostRepeated => Self::BadParams("Host: is given more than once".to_owned()),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotAuthenticated => Self::NotAuthenticated,
            Failure::AccessDenied(message) => Self::AccessDenied(message),
            Failure::TooManyRequests => Self::TooManyRequests,
            Failure::PayloadTooLarge => Self::PayloadTooLarge,
            // A caller is refused for no other reason.
            other => {
                tracing::error!(?other, "a caller was refused in an unforeseen way");
                Self::Internal
            }
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Scope(_) | Denied::Foreign(_) => Self::AccessDenied(denied.to_string()),
            Denied::Unknown(_) => Self::NotFound(denied.to_string()),
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::PayloadTooLarge,
            BodyError::TimedOut => Self::Timeout,
            BodyError::Broken => Self::BadParams("The body broke off".to_owned()),
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection.code {
            "too_many" => Self::Conflict(rejection.message),
            "unknown_engine" | "not_found" => Self::NotFound(rejection.message),
            _ => Self::BadParams(rejection.message),
        }
    }
}

impl From<FeedError> for Refusal {
    fn from(error: FeedError) -> Self {
        tracing::warn!(%error, "items could not be recorded");
        Self::Unavailable
    }
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::NoEngine | RegistryError::NoIndex => Self::NotFound(error.to_string()),
            RegistryError::Invalid { .. } => Self::BadParams(error.to_string()),
            RegistryError::NotWritten(_) | RegistryError::Stopped(_) => {
                tracing::warn!(%error, "the registry could not record a change");
                Self::Unavailable
            }
            RegistryError::Damaged(_) => {
                tracing::error!(%error, "the registry can't be read");
                Self::Internal
            }
            RegistryError::AccountExists
            | RegistryError::NoAccount
            | RegistryError::HashidTaken
            | RegistryError::SiteTaken { .. }
            | RegistryError::NoKey
            | RegistryError::UserExists
            | RegistryError::NoUser
            | RegistryError::IndexExists
            | RegistryError::TooMany { .. } => Self::Conflict(error.to_string()),
        }
    }
}
