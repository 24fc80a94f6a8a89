//! Why an event is refused, in this API's own words: `{"error":"…"}`. The texts up to `Forbidden` are published ones.
//! No message tells the cause of a failure of ours.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{EVENT_BODY_BYTES_MAX, dress};
use crate::counts::Fate;
use crate::http::{BodyError, Trouble};
use crate::pages::Blocked;

/// When a client should try again after a failure of ours, in seconds.
const RETRY_SECONDS: u64 = 1;

/// Why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("[{0}] fields are missing")]
    Missing(String),
    #[error("session_id should have 32 characters or less")]
    Session,
    #[error("invalid_user_id")]
    User,
    #[error("Bad request, dfid is invalid")]
    Dfid,
    #[error("Item hashid must be the same as search engine hashid")]
    ForeignItem,
    #[error("Invalid position")]
    Position,
    #[error("Invalid redirect id")]
    Numbered,
    #[error("Bad request, bad query")]
    Query,
    #[error("Bad request, {0}")]
    Bad(String),
    #[error("Not found")]
    NotFound(Fate),
    #[error("forbidden")]
    Forbidden(Fate),
    #[error("Not found")]
    NoRoute,
    #[error("The body broke off")]
    Broken,
    #[error("Method not allowed")]
    MethodNotAllowed(Method),
    #[error("The body did not arrive in time")]
    Slow,
    #[error("The body must have at most {EVENT_BODY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("Content-Type must be application/json in UTF-8")]
    BadMediaType,
    #[error("Too many requests")]
    RateLimited(Duration),
    #[error("Request target too long")]
    UriTooLong,
    #[error("Request headers too large")]
    HeadersTooLarge,
    #[error("Internal error")]
    Internal,
    #[error("Temporarily unavailable")]
    Unavailable,
}

#[derive(Serialize)]
struct Envelope {
    error: String,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Missing(_)
            | Self::Session
            | Self::User
            | Self::Dfid
            | Self::ForeignItem
            | Self::Position
            | Self::Numbered
            | Self::Query
            | Self::Bad(_)
            | Self::Broken => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::BadMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What became of an event that was refused so.
    pub(super) const fn fate(&self) -> Fate {
        match self {
            Self::NotFound(fate) | Self::Forbidden(fate) => *fate,
            Self::Slow | Self::Broken => Fate::Broken,
            Self::TooLarge => Fate::TooLarge,
            Self::BadMediaType => Fate::BadMediaType,
            Self::RateLimited(_) => Fate::RateLimited,
            Self::Internal | Self::Unavailable => Fate::Unavailable,
            _ => Fate::Invalid,
        }
    }

    fn retry_seconds(&self) -> Option<u64> {
        match self {
            Self::RateLimited(wait) => {
                Some(wait.as_millis().div_ceil(1_000).try_into().unwrap_or(RETRY_SECONDS))
            }
            Self::Unavailable => Some(RETRY_SECONDS),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // A text always serialises; an empty body would still carry the status.
        let body = serde_json::to_vec(&Envelope { error: self.to_string() }).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        dress(headers);
        if let Some(seconds) = self.retry_seconds() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        match self {
            Self::MethodNotAllowed(Method::GET) => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, OPTIONS"));
            }
            Self::MethodNotAllowed(_) => {
                headers.insert(ALLOW, HeaderValue::from_static("PUT, OPTIONS"));
            }
            // A client that was told to go away may still be sending: its connection is not used again.
            Self::Slow | Self::TooLarge => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

impl From<Blocked> for Refusal {
    fn from(blocked: Blocked) -> Self {
        match blocked {
            Blocked::ForeignOrigin => Self::Forbidden(blocked.fate()),
            Blocked::RateLimited(wait) => Self::RateLimited(wait),
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::TimedOut => Self::Slow,
            BodyError::Broken => Self::Broken,
        }
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Panicked => Self::Internal,
            Trouble::Busy => Self::Unavailable,
            Trouble::UriTooLong => Self::UriTooLong,
            Trouble::HeadersTooLarge => Self::HeadersTooLarge,
            Trouble::HostRepeated => Self::Bad("the Host header must not be repeated".to_owned()),
        }
    }
}
