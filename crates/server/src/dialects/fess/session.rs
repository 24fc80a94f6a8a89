//! Sessions without a memory: a signed cookie, and a token that only the same server can derive from it. Both outlive a
//! restart and are valid on every node that has the master secret. This room must never know who the visitor is.

use std::time::Duration;

use axum::http::header::{HeaderMap, HeaderName};
use registry::MasterSecret;

use crate::cookies;
use crate::origins::sole;
use crate::signed::{Signer, in_force, random};

/// The name of the session's cookie.
pub(super) const SESSION_COOKIE: &str = "clicktally_session";

/// The header that carries the token.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-fess-csrf-token");

/// The form of the cookie's content: version, id, time of issue (milliseconds, big-endian), flags, then the signature.
const VERSION: u8 = 1;
const ID_BYTES: usize = 16;
const SIGNED_BYTES: usize = 1 + ID_BYTES + 8 + 1;
/// Set in the flags when the visitor asked not to be tracked.
const OPTED_OUT: u8 = 1;

/// The most cookies of this name that are looked at; a browser sends one, or two while a path or domain changes.
const SESSION_COOKIES_MAX: usize = 8;

/// One visitor's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    id: [u8; ID_BYTES],
    issued_ms: i64,
    /// The visitor asked not to be tracked when the session was opened.
    pub(super) opted_out: bool,
}

/// Issues and recognises sessions.
pub(super) struct Sessions {
    cookies: Signer,
    tokens: Signer,
    life: Duration,
}

impl Sessions {
    pub(super) fn new(secret: &MasterSecret, life: Duration) -> Self {
        Self { cookies: Signer::new(secret, "session"), tokens: Signer::new(secret, "csrf token"), life }
    }

    /// How long a session lasts from its issue.
    pub(super) const fn life(&self) -> Duration {
        self.life
    }

    /// A session from now on: the given one renewed, which keeps its token, or a new one. `None` when the system gives
    /// no random bytes.
    pub(super) fn open(&self, earlier: Option<&Session>, opted_out: bool, now_ms: i64) -> Option<Session> {
        let id = match earlier {
            Some(earlier) => earlier.id,
            None => random()?,
        };
        Some(Session { id, issued_ms: now_ms, opted_out })
    }

    /// The session of a request: the first valid cookie.
    pub(super) fn of(&self, headers: &HeaderMap, now_ms: i64) -> Option<Session> {
        let tried = cookies::named(headers, SESSION_COOKIE).take(SESSION_COOKIES_MAX);
        tried
            .filter_map(|value| self.read(value))
            .find(|session| in_force(session.issued_ms, self.life, now_ms))
    }

    /// The value of the session's cookie.
    pub(super) fn write(&self, session: &Session) -> String {
        let mut bytes = Vec::with_capacity(SIGNED_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&session.id);
        bytes.extend_from_slice(&session.issued_ms.to_be_bytes());
        bytes.push(if session.opted_out { OPTED_OUT } else { 0 });
        self.cookies.seal(bytes)
    }

    fn read(&self, value: &[u8]) -> Option<Session> {
        let signed: [u8; SIGNED_BYTES] = self.cookies.open(value)?;
        let (version, rest) = signed.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (issued_ms, flags) = rest.split_first_chunk()?;
        let opted_out = flags.first()? & OPTED_OUT != 0;
        (*version == VERSION).then_some(Session {
            id: *id,
            issued_ms: i64::from_be_bytes(*issued_ms),
            opted_out,
        })
    }

    /// The token that a page must show to change something in this session.
    pub(super) fn token(&self, session: &Session) -> String {
        self.tokens.token(&session.id)
    }

    /// Whether the request shows the session's token, compared in constant time.
    pub(super) fn token_matches(&self, session: &Session, headers: &HeaderMap) -> bool {
        let shown = sole(headers, &TOKEN_HEADER).unwrap_or_default();
        self.tokens.token_matches(&session.id, shown)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::{COOKIE, HeaderValue};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::chance::Chance;
    use crate::signed::SKEW_MS_MAX;

    const LIFE_MS: i64 = 60_000;

    fn sessions(secret: &str) -> Sessions {
        Sessions::new(&MasterSecret::from_hex(&secret.repeat(32)).unwrap(), Duration::from_millis(60_000))
    }

    fn carrying(values: &[&str]) -> HeaderMap {
        let text: Vec<String> = values.iter().map(|value| format!("{SESSION_COOKIE}={value}")).collect();
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&text.join("; ")).unwrap())])
    }

    #[test]
    fn a_session_outlives_a_restart_and_ends_with_its_time() {
        let before = sessions("ab");
        let session = before.open(None, true, 1_000).unwrap();
        let cookie = before.write(&session);
        let after = sessions("ab");
        assert_eq!(after.of(&carrying(&[&cookie]), 1_000), Some(session.clone()));
        assert_eq!(after.token(&session), before.token(&session));
        assert!(after.of(&carrying(&[&cookie]), 1_000 + LIFE_MS - 1).is_some());
        assert!(after.of(&carrying(&[&cookie]), 1_000 + LIFE_MS).is_none());
        assert!(after.of(&carrying(&[&cookie]), 1_000 - SKEW_MS_MAX).is_some());
        assert!(after.of(&carrying(&[&cookie]), 1_000 - SKEW_MS_MAX - 1).is_none());
        assert!(sessions("cd").of(&carrying(&[&cookie]), 1_000).is_none());
    }

    #[test]
    fn a_renewed_session_keeps_its_token_and_a_new_one_has_another() {
        let sessions = sessions("ab");
        let first = sessions.open(None, false, 0).unwrap();
        let renewed = sessions.open(Some(&first), true, 5).unwrap();
        assert_eq!(sessions.token(&first), sessions.token(&renewed));
        assert_eq!((renewed.issued_ms, renewed.opted_out), (5, true));
        assert_ne!(sessions.token(&first), sessions.token(&sessions.open(None, false, 0).unwrap()));
    }

    #[test]
    fn the_first_valid_cookie_of_the_name_counts() {
        let sessions = sessions("ab");
        let old = sessions.write(&sessions.open(None, false, -LIFE_MS).unwrap());
        let valid = sessions.open(None, false, 0).unwrap();
        let later = sessions.open(None, false, 0).unwrap();
        let [first, second] = [&valid, &later].map(|session| sessions.write(session));
        assert_eq!(sessions.of(&carrying(&["", &old, &first, &second]), 0), Some(valid));
        let many = [old.as_str(); SESSION_COOKIES_MAX];
        assert_eq!(sessions.of(&carrying(&[&many[..], &[&first]].concat()), 0), None);
    }

    #[test]
    fn no_changed_bit_and_no_made_up_cookie_is_a_session() {
        let sessions = sessions("ab");
        let cookie = sessions.write(&sessions.open(None, false, 0).unwrap());
        let bytes = URL_SAFE_NO_PAD.decode(&cookie).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sessions.read(URL_SAFE_NO_PAD.encode(changed).as_bytes()), None, "bit {bit}");
        }
        let seed = 7;
        let mut chance = Chance::new(seed);
        for _ in 0..5_000 {
            let made_up: Vec<u8> = (0..chance.below(90)).map(|_| chance.next().to_le_bytes()[0]).collect();
            assert_eq!(sessions.read(&made_up), None, "seed {seed}: {made_up:?}");
        }
    }

    #[test]
    fn only_the_sole_and_whole_token_matches() {
        let sessions = sessions("ab");
        let session = sessions.open(None, false, 0).unwrap();
        let token = sessions.token(&session);
        let shown = |tokens: &[&str]| {
            let mut headers = HeaderMap::new();
            for token in tokens {
                headers.append(TOKEN_HEADER, HeaderValue::from_str(token).unwrap());
            }
            sessions.token_matches(&session, &headers)
        };
        assert!(shown(&[&token]));
        assert!(!shown(&[]));
        assert!(!shown(&[""]));
        assert!(!shown(&[&token[1..]]));
        assert!(!shown(&[&token, &token]));
        assert!(!shown(&[&sessions.token(&sessions.open(None, false, 0).unwrap())]));
    }
}
