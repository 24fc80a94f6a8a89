//! What the routes below `/v1` answer when they take no lines at all, or tell no statistic: JSON with a code and a message. No message tells the
//! cause of a failure of ours.

use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use clicks::{LOCAL_DAYS_MAX, PeriodError, StoreError};
use serde::Serialize;

use crate::access::Denied;
use crate::app::{ANSWER_ROWS_MAX, AskError};
use crate::asking::{STATS_BODY_BYTES_MAX, Turned};
use crate::callers::Stranger;
use crate::feed::FeedError;
use crate::http::{BodyError, NoBody, Trouble};
use crate::pages::Blocked;
use crate::query_params::BadParams;

/// Why no line was taken, or nothing was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    BadParams(&'static str),
    NotAuthenticated,
    AccessDenied(&'static str),
    NotFound,
    /// With what `Allow` says.
    MethodNotAllowed(&'static str),
    /// What was shown to sign in is wrong, and nobody learns in which part.
    WrongCredentials,
    /// Too many failures to sign in: how many seconds to wait.
    TooManyAttempts(u64),
    Timeout,
    /// The answer took too long.
    NoTime,
    PayloadTooLarge(usize),
    TooManyRequests,
    UriTooLong,
    UnsupportedMediaType(&'static str),
    HeadersTooLarge,
    Internal,
    Unavailable,
    /// A question that can't be asked, in words that name the parameter.
    BadQuestion(String),
    /// What the caller may not see, in words.
    Hidden(String),
    /// What there is not, in words.
    Missing(String),
    /// In words, with the day that can't be read.
    DamagedDay(String),
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
        let (status, code, message): (_, _, &str) = match self {
            Self::BadParams(message) => (StatusCode::BAD_REQUEST, "bad_params", message),
            Self::BadQuestion(message) => (StatusCode::BAD_REQUEST, "bad_params", message),
            Self::Hidden(message) => (StatusCode::FORBIDDEN, "access_denied", message),
            Self::Missing(message) => (StatusCode::NOT_FOUND, "not_found", message),
            Self::DamagedDay(message) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message),
            Self::NoTime => (StatusCode::REQUEST_TIMEOUT, "timeout", "Request timed out"),
            Self::NotAuthenticated => {
                (StatusCode::UNAUTHORIZED, "not_authenticated", "Authentication required")
            }
            Self::AccessDenied(message) => (StatusCode::FORBIDDEN, "access_denied", message),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::WrongCredentials => {
                (StatusCode::UNAUTHORIZED, "not_authenticated", "Wrong key, or wrong user or password")
            }
            Self::TooManyAttempts(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many attempts to sign in")
            }
            Self::MethodNotAllowed(_) => {
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
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
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

    /// Its code and message.
    pub(super) fn words(&self) -> (&'static str, String) {
        let (_, code, message) = self.parts();
        (code, message)
    }

    /// The header that tells a client what to do next.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::NotAuthenticated | Self::WrongCredentials => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Token, Bearer")))
            }
            Self::MethodNotAllowed(allow) => Some((ALLOW, HeaderValue::from_static(allow))),
            Self::TooManyAttempts(seconds) => Some((RETRY_AFTER, HeaderValue::from(*seconds))),
            // A client that was told to go away may still be sending: its connection is not used again.
            Self::Timeout | Self::NoTime | Self::PayloadTooLarge(_) => {
                Some((CONNECTION, HeaderValue::from_static("close")))
            }
            Self::Unavailable => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            // A window of a second is free again after a second at most.
            Self::TooManyRequests => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::BadParams(_)
            | Self::AccessDenied(_)
            | Self::NotFound
            | Self::UriTooLong
            | Self::UnsupportedMediaType(_)
            | Self::HeadersTooLarge
            | Self::BadQuestion(_)
            | Self::Hidden(_)
            | Self::Missing(_)
            | Self::DamagedDay(_)
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

impl From<Stranger> for Refusal {
    fn from(stranger: Stranger) -> Self {
        const ORIGIN: &str = "Origin: must be this server's own";
        const TOKEN: &str = "X-ClickTally-CSRF: must be the session's `csrf`";
        match stranger {
            Stranger::Unknown => Self::NotAuthenticated,
            Stranger::ForeignPage => Self::AccessDenied(ORIGIN),
            Stranger::NoToken => Self::AccessDenied(TOKEN),
            Stranger::TooOften => Self::TooManyRequests,
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

impl From<Turned> for Refusal {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::Stranger(stranger) => stranger.into(),
            Turned::BodyTooLarge => Self::PayloadTooLarge(STATS_BODY_BYTES_MAX),
        }
    }
}

impl From<BadParams> for Refusal {
    fn from(error: BadParams) -> Self {
        Self::BadQuestion(error.to_string())
    }
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Period(error) => error.into(),
            AskError::TooManyRows => {
                Self::BadQuestion(format!("from, to: the answer would have more than {ANSWER_ROWS_MAX} rows"))
            }
            AskError::Denied(denied) => match denied {
                Denied::Scope(_) | Denied::Foreign(_) => Self::Hidden(denied.to_string()),
                Denied::Unknown(_) => Self::Missing(denied.to_string()),
            },
            AskError::Store(error) => error.into(),
        }
    }
}

impl From<PeriodError> for Refusal {
    fn from(error: PeriodError) -> Self {
        Self::BadQuestion(match error {
            PeriodError::Bound => format!("from, to: must be {error}"),
            PeriodError::Backwards => "from: must not be after to".to_owned(),
            PeriodError::TooLong => format!("from, to: must not touch more than {LOCAL_DAYS_MAX} days"),
        })
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::OutOfTime => Self::NoTime,
            StoreError::Busy => Self::Unavailable,
            StoreError::NotWritten(_) | StoreError::Stopped(_) => {
                tracing::warn!(%error, "a statistics call could not be answered");
                Self::Unavailable
            }
            StoreError::Removed { .. } => Self::BadQuestion(format!("from: {error}")),
            StoreError::DamagedDay { ref day, .. } => {
                tracing::error!(%error, "a statistics call could not be answered exactly");
                Self::DamagedDay(format!("The clicks of {day} (UTC) can't be read"))
            }
            StoreError::Damaged(_) => {
                tracing::error!(%error, "a statistics call could not be answered exactly");
                Self::Internal
            }
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
