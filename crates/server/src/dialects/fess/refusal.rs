//! Why a request of this dialect is refused, and what became of the click that it carried. Knows status codes and
//! error codes of the Fess v2 API, and no cause of a failure of ours: that goes to the log, not to the caller.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use clicks::StoreError;

use super::click_body::CLICK_BODY_BYTES_MAX;
use crate::app::RecordError;
use crate::counts::Fate;
use crate::http::BodyError;
use crate::intake::Unplaced;

/// When a client should try again after a failure of ours, in seconds.
const RETRY_SECONDS: u64 = 1;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many clicks from one address; how long until the next one is admitted.
    RateLimited(Duration),
    /// A page of another site.
    ForeignOrigin,
    /// No session, an expired one, or not its token.
    BadToken,
    /// There is nothing at this path.
    NoRoute,
    /// There is, for these methods.
    MethodNotAllowed(&'static str),
    /// The body does not say that it is JSON in UTF-8.
    BadMediaType,
    /// The body is larger than its limit.
    TooLarge,
    /// The body did not arrive in time.
    Slow,
    /// The body broke off.
    Broken,
    /// The body or a field breaks its rule; names the field.
    Invalid(Cow<'static, str>),
    /// The item was not among those that the search showed.
    NotInResult,
    /// No catalogue holds the item, or none that is known for sure.
    UnknownItem,
    /// Not now.
    Unavailable,
    /// A failure of ours.
    Internal,
}

/// Status, code and message.
pub(super) type Words<'r> = (StatusCode, &'static str, Cow<'r, str>);

impl Refusal {
    /// What the caller is told.
    pub(super) fn words(&self) -> Words<'_> {
        let plain = |status, code, message: &'static str| (status, code, Cow::Borrowed(message));
        match self {
            Self::RateLimited(_) => plain(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many requests"),
            Self::ForeignOrigin => plain(StatusCode::FORBIDDEN, "forbidden", "cross-site request blocked"),
            Self::BadToken => plain(StatusCode::FORBIDDEN, "forbidden", "invalid csrf token"),
            Self::NoRoute => plain(StatusCode::NOT_FOUND, "not_found", "there is no such endpoint"),
            Self::MethodNotAllowed(_) => {
                plain(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "method not allowed")
            }
            Self::BadMediaType => plain(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Content-Type must be application/json in UTF-8",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload_too_large",
                format!("the body may have at most {CLICK_BODY_BYTES_MAX} bytes").into(),
            ),
            Self::Slow => plain(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not arrive in time"),
            Self::Broken => plain(StatusCode::BAD_REQUEST, "invalid_request", "the body broke off"),
            Self::Invalid(message) => (StatusCode::BAD_REQUEST, "invalid_request", Cow::Borrowed(message)),
            Self::NotInResult => plain(StatusCode::NOT_FOUND, "not_found", "doc not in search result"),
            Self::UnknownItem => plain(StatusCode::NOT_FOUND, "not_found", "doc not found"),
            Self::Unavailable => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "service_unavailable",
                "clicks can't be recorded at the moment; please try again",
            ),
            Self::Internal => plain(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "internal error"),
        }
    }

    /// When to try again, in seconds.
    pub(super) fn retry_seconds(&self) -> Option<u64> {
        match self {
            Self::RateLimited(wait) => {
                Some(wait.as_millis().div_ceil(1_000).try_into().unwrap_or(RETRY_SECONDS))
            }
            Self::Unavailable => Some(RETRY_SECONDS),
            _ => None,
        }
    }

    /// The methods that are served instead.
    pub(super) const fn allow(&self) -> Option<&'static str> {
        match self {
            Self::MethodNotAllowed(allow) => Some(allow),
            _ => None,
        }
    }

    /// What became of a click that was refused so.
    pub(super) const fn fate(&self) -> Fate {
        match self {
            Self::RateLimited(_) => Fate::RateLimited,
            Self::ForeignOrigin => Fate::ForeignOrigin,
            Self::BadToken => Fate::BadToken,
            Self::BadMediaType => Fate::BadMediaType,
            Self::TooLarge => Fate::TooLarge,
            Self::Slow | Self::Broken => Fate::Broken,
            Self::NoRoute | Self::MethodNotAllowed(_) | Self::Invalid(_) => Fate::Invalid,
            Self::NotInResult => Fate::NotInResult,
            Self::UnknownItem => Fate::UnknownItem,
            Self::Unavailable | Self::Internal => Fate::Unavailable,
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

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Unplaced(Unplaced::NotInResult) => Self::NotInResult,
            RecordError::Unplaced(Unplaced::UnknownItem) => Self::UnknownItem,
            // This is the server saying that it is busy, not that something is wrong.
            RecordError::Store(StoreError::Busy) => Self::Unavailable,
            RecordError::Store(error @ (StoreError::Damaged(_) | StoreError::DamagedDay { .. })) => {
                tracing::error!(%error, "a click was not recorded");
                Self::Internal
            }
            RecordError::Store(error) => {
                tracing::error!(%error, "a click was not recorded");
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
        let cause = || "/var/lib/secret".to_owned();
        let errors = [
            (StoreError::Busy, 503, Some(1)),
            (StoreError::NotWritten(cause()), 503, Some(1)),
            (StoreError::Stopped(cause()), 503, Some(1)),
            (StoreError::OutOfTime, 503, Some(1)),
            (StoreError::Damaged(cause()), 500, None),
        ];
        for (error, status, retry) in errors {
            let refusal = Refusal::from(RecordError::Store(error));
            let (given, _, message) = refusal.words();
            assert_eq!((given.as_u16(), refusal.retry_seconds()), (status, retry));
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn the_time_to_wait_is_rounded_up_to_whole_seconds() {
        for (wait_ms, seconds) in [(1, 1), (999, 1), (1_000, 1), (1_001, 2)] {
            assert_eq!(Refusal::RateLimited(Duration::from_millis(wait_ms)).retry_seconds(), Some(seconds));
        }
    }

    #[test]
    fn every_refusal_of_a_click_is_described() {
        let document: serde_json::Value = serde_json::from_str(super::super::OPENAPI).unwrap();
        let described = &document["paths"]["/api/v2/click"]["post"]["responses"];
        let codes = document.pointer(
            "/components/schemas/FessError/properties/response/properties/error/properties/code/enum",
        );
        let codes = codes.and_then(serde_json::Value::as_array).unwrap();
        let refusals = [
            Refusal::RateLimited(Duration::ZERO),
            Refusal::ForeignOrigin,
            Refusal::BadToken,
            Refusal::BadMediaType,
            Refusal::TooLarge,
            Refusal::Slow,
            Refusal::Broken,
            Refusal::Invalid("".into()),
            Refusal::NotInResult,
            Refusal::UnknownItem,
            Refusal::Unavailable,
            Refusal::Internal,
        ];
        for refusal in refusals {
            let (status, code, _) = refusal.words();
            assert!(described.get(status.as_str()).is_some(), "{status}");
            assert!(codes.contains(&code.into()), "{code}");
        }
    }
}
