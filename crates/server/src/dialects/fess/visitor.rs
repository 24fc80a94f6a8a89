//! Who clicks, as far as they let themselves be known: the user code. This room must never invent a visitor: what is not
//! told is absent.

use axum::extract::Query;
use axum::http::Uri;
use axum::http::header::HeaderMap;
use clicks::UserCode;

use crate::cookies;
use crate::signed::random;

/// The name of the cookie that holds the user code.
pub(super) const USER_COOKIE: &str = "fsid";

/// The name of the query parameter that may hold it instead.
const USER_PARAMETER: &str = "userCode";

/// The fewest and the most characters of a user code, each of `A-Z a-z 0-9 _`.
const USER_CODE_CHARS_MIN: usize = 20;
const USER_CODE_CHARS_MAX: usize = 100;

/// The visitor's code: of the query parameter, else of the first valid cookie. An invalid one counts as absent.
pub(super) fn user_code(uri: &Uri, headers: &HeaderMap) -> Option<UserCode> {
    let told = Query::<Vec<(String, String)>>::try_from_uri(uri).ok();
    let told = told.and_then(|Query(pairs)| pairs.into_iter().find(|(name, _)| name == USER_PARAMETER));
    told.and_then(|(_, value)| as_user_code(value.as_bytes()))
        .or_else(|| cookies::named(headers, USER_COOKIE).find_map(as_user_code))
}

fn as_user_code(bytes: &[u8]) -> Option<UserCode> {
    let fits = (USER_CODE_CHARS_MIN..=USER_CODE_CHARS_MAX).contains(&bytes.len());
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let text = std::str::from_utf8(bytes).ok().filter(|_| fits && bytes.iter().all(allowed))?;
    text.parse().ok()
}

/// A code for a visitor who has none; `None` when the system gives no random bytes.
pub(super) fn new_user_code() -> Option<String> {
    let bytes: [u8; 16] = random()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use axum::http::header::{COOKIE, HeaderValue};

    use super::*;

    fn code(target: &str, cookie: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookie).unwrap())]);
        user_code(&target.parse().unwrap(), &headers).map(|code| code.to_string())
    }

    #[test]
    fn a_user_code_has_20_to_100_letters_digits_and_underscores() {
        let from = |length: usize| code("/", &format!("fsid={}", "a".repeat(length)));
        assert_eq!([19, 20, 100, 101].map(|length| from(length).is_some()), [false, true, true, false]);
        assert_eq!(code("/", "fsid=aaaaaaaaaaaaaaaaaaa-"), None);
        assert_eq!(
            code("/", "fsid=short; fsid=Zz_45678901234567890"),
            Some("Zz_45678901234567890".to_owned())
        );
    }

    #[test]
    fn the_parameter_comes_before_the_cookie_if_it_is_valid() {
        let cookie = "fsid=cookie_cookie_cookie";
        assert_eq!(code("/?userCode=given_given_given_given", cookie).unwrap(), "given_given_given_given");
        assert_eq!(code("/?userCode=given%5Fgiven_given_given", cookie).unwrap(), "given_given_given_given");
        for target in [
            "/?userCode=short",
            "/?userCode=",
            "/?usercode=given_given_given_given",
            "/?userCode=%ff%zz",
            "/?&&=&%",
        ] {
            assert_eq!(code(target, cookie).unwrap(), "cookie_cookie_cookie", "{target}");
        }
    }

    #[test]
    fn a_new_user_code_is_a_user_code_and_new() {
        let (one, two) = (new_user_code().unwrap(), new_user_code().unwrap());
        assert!(as_user_code(one.as_bytes()).is_some());
        assert_ne!(one, two);
    }
}
