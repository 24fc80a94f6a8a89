//! Cookies, read and written (RFC 6265). Knows no cookie's meaning.

use std::time::Duration;

use axum::http::header::{COOKIE, HeaderMap, HeaderValue};

/// The values of the cookies with this name, in the order in which they were sent. Works on bytes: another cookie of the
/// site may hold anything, and must not make ours unreadable.
pub(crate) fn named<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(value)
    })
}

/// Where a cookie may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only with pages of the same site; by https only, if `secure`.
    SameSite {
        /// Whether browsers reach the server by https.
        secure: bool,
    },
    /// With pages of other sites too, apart for each of them (CHIPS). Browsers take such cookies only by https.
    CrossSite,
    /// Only with what pages of the same site ask for, not when somebody follows a link to them; by https only, if `secure`.
    OwnPages {
        /// Whether browsers reach the server by https.
        secure: bool,
    },
}

/// A `Set-Cookie` header; `None` when the value can't stand in one.
pub(crate) fn set(name: &str, value: &str, life: Duration, reach: Reach) -> Option<HeaderValue> {
    let reach = match reach {
        Reach::SameSite { secure: false } => "SameSite=Lax",
        Reach::SameSite { secure: true } => "SameSite=Lax; Secure",
        Reach::CrossSite => "SameSite=None; Secure; Partitioned",
        Reach::OwnPages { secure: false } => "SameSite=Strict",
        Reach::OwnPages { secure: true } => "SameSite=Strict; Secure",
    };
    let seconds = life.as_secs();
    HeaderValue::try_from(format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; {reach}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    #[test]
    fn every_cookie_of_the_name_is_found_among_others() {
        let sent = headers(&[b"a=1; id=x;id=;  id=y=z ;ID=no; idx=no; id", b"b=\xff\xfe; id=last"]);
        let found: Vec<&[u8]> = named(&sent, "id").collect();
        assert_eq!(found, [&b"x"[..], b"", b"y=z", b"last"]);
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let seed = 11;
        let mut chance = Chance::new(seed);
        for _ in 0..5_000 {
            let line: Vec<u8> = (0..chance.below(40)).map(|_| *chance.pick(b"id=; \t\xff\"a")).collect();
            let text = String::from_utf8_lossy(&line).into_owned();
            let sent = headers(&[&line]);
            let found = named(&sent, "id").count();
            assert!(found <= text.matches("id=").count(), "seed {seed}: {text}");
        }
    }
}
