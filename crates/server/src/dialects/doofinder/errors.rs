//! Refusals and failures: what the Stats API answers when it does not answer the question. The same JSON whatever
//! `format` says. No message tells the cause of a failure of ours.

use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use clicks::{LOCAL_DAYS_MAX, PeriodError, StoreError};
use serde::Serialize;

use crate::access::Denied;
use crate::app::{ANSWER_ROWS_MAX, AskError, LISTED_ROWS_MAX};
use crate::asking::Turned;
use crate::callers::Stranger;
use crate::http::Trouble;
use crate::query_params::BadParams;

/// Why the question was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    BadParams(String),
    NotAuthenticated,
    AccessDenied(String),
    NotFound(String),
    MethodNotAllowed,
    Timeout,
    PayloadTooLarge,
    UriTooLong,
    TooManyRequests,
    HeadersTooLarge,
    Internal,
    /// In words, with the day that can't be read.
    DamagedDay(String),
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

impl Failure {
    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::BadParams(message) => (StatusCode::BAD_REQUEST, "bad_params", message),
            Self::NotAuthenticated => {
                (StatusCode::UNAUTHORIZED, "not_authenticated", "Authentication required")
            }
            Self::AccessDenied(message) => (StatusCode::FORBIDDEN, "access_denied", message),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, "not_found", message),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
            }
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "Request timed out"),
            Self::PayloadTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "Payload too large")
            }
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "uri_too_long", "Request target too long"),
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests")
            }
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
                "Request headers too large",
            ),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Internal error"),
            Self::DamagedDay(message) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable"),
        }
    }

    /// The header that tells a client what to do next.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::NotAuthenticated => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Token, Bearer"))),
            Self::MethodNotAllowed => Some((ALLOW, HeaderValue::from_static("GET, HEAD"))),
            // A client that was told to go away may still be sending: its connection is not used again.
            Self::Timeout | Self::PayloadTooLarge => Some((CONNECTION, HeaderValue::from_static("close"))),
            Self::TooManyRequests | Self::Unavailable => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::BadParams(_)
            | Self::AccessDenied(_)
            | Self::NotFound(_)
            | Self::UriTooLong
            | Self::HeadersTooLarge
            | Self::Internal
            | Self::DamagedDay(_) => None,
        }
    }
}

impl IntoResponse for Failure {
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

impl From<Trouble> for Failure {
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

impl From<BadParams> for Failure {
    fn from(error: BadParams) -> Self {
        Self::BadParams(error.to_string())
    }
}

impl From<Turned> for Failure {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::Stranger(Stranger::Unknown) => Self::NotAuthenticated,
            Turned::Stranger(stranger @ (Stranger::ForeignPage | Stranger::NoToken)) => {
                Self::AccessDenied(stranger.to_string())
            }
            Turned::Stranger(Stranger::TooOften) => Self::TooManyRequests,
            Turned::BodyTooLarge => Self::PayloadTooLarge,
        }
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Period(error) => error.into(),
            AskError::TooManyRows => Self::BadParams(format!(
                "aggregate: the answer would have more than {ANSWER_ROWS_MAX} rows, or {LISTED_ROWS_MAX} of lists; \
                 ask for fewer days or engines"
            )),
            AskError::Denied(denied) => denied.into(),
            AskError::Store(error) => error.into(),
        }
    }
}

impl From<PeriodError> for Failure {
    fn from(error: PeriodError) -> Self {
        Self::BadParams(match error {
            PeriodError::Bound => format!("from, to: must be {error}"),
            PeriodError::Backwards => "from: must not be after to".to_owned(),
            PeriodError::TooLong => format!("from, to: must not touch more than {LOCAL_DAYS_MAX} days"),
        })
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Scope(_) | Denied::Foreign(_) => Self::AccessDenied(denied.to_string()),
            Denied::Unknown(_) => Self::NotFound(denied.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::OutOfTime => Self::Timeout,
            StoreError::Busy => Self::Unavailable,
            StoreError::NotWritten(_) | StoreError::Stopped(_) => {
                tracing::warn!(%error, "a statistics call could not be answered");
                Self::Unavailable
            }
            StoreError::Removed { .. } => Self::BadParams(format!("from: {error}")),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(failure: Failure, header: &HeaderName) -> (u16, Option<String>) {
        let response = failure.into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        let value = response.headers().get(header).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), value)
    }

    #[test]
    fn failures_of_ours_say_when_to_come_back_and_never_why() {
        let cause = || "/var/lib/clicktally/secret".to_owned();
        assert_eq!(sent(StoreError::OutOfTime.into(), &CONNECTION), (408, Some("close".to_owned())));
        assert_eq!(sent(StoreError::Busy.into(), &RETRY_AFTER), (503, Some("1".to_owned())));
        assert_eq!(sent(StoreError::Stopped(cause()).into(), &RETRY_AFTER), (503, Some("1".to_owned())));
        assert_eq!(sent(StoreError::Damaged(cause()).into(), &RETRY_AFTER), (500, None));
        for error in
            [StoreError::Stopped(cause()), StoreError::NotWritten(cause()), StoreError::Damaged(cause())]
        {
            assert!(!Failure::from(error).parts().2.contains("secret"));
        }
    }

    #[test]
    fn a_question_about_removed_days_is_told_the_first_kept_one() {
        let failure = Failure::from(StoreError::Removed { first_kept: "2026-01-01".into() });
        let (status, code, message) = failure.parts();
        assert_eq!((status.as_u16(), code), (400, "bad_params"));
        assert_eq!(message, "from: clicks before 2026-01-01 have been removed");
    }

    #[test]
    fn refusals_say_what_would_help() {
        assert_eq!(
            sent(Failure::NotAuthenticated, &WWW_AUTHENTICATE),
            (401, Some("Token, Bearer".to_owned()))
        );
        assert_eq!(sent(Failure::MethodNotAllowed, &ALLOW), (405, Some("GET, HEAD".to_owned())));
        assert_eq!(sent(Failure::PayloadTooLarge, &CONNECTION), (413, Some("close".to_owned())));
        assert_eq!(sent(Failure::TooManyRequests, &RETRY_AFTER), (429, Some("1".to_owned())));
    }
}
