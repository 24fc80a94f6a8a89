//! Sessions of those who signed in: a signed cookie that says with which key or as which user, and a token that only the
//! same server can derive from it. What the key or user may do, and whether it still is one, is asked at each request;
//! nothing is remembered but which sessions were signed out of. This room must never hold a key or know a path.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use registry::{Confines, KeyId, MasterSecret, Registry, Scope, UserStamp};

use crate::access::Caller;
use crate::cookies::{self, Reach};
use crate::ended::Ended;
use crate::origins::sole;
use crate::signed::{Signer, in_force, random};

/// The cookie's name. Another than that of a visitor's session in the Fess dialect, which a browser may have beside it.
const COOKIE: &str = "clicktally_dashboard";
/// Its name under https: browsers take such a cookie only from this very host, and only by https.
const HOST_COOKIE: &str = "__Host-clicktally_dashboard";
/// The header that carries the token.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-clicktally-csrf");

/// The form of the cookie's content: version, id, time of issue (milliseconds, big-endian), and who signed in.
const VERSION: u8 = 1;
const ID_BYTES: usize = 16;
const SUBJECT_BYTES: usize = 8;
const SIGNED_BYTES: usize = 1 + ID_BYTES + 8 + 1 + SUBJECT_BYTES;
/// What stands before a key's id.
const BY_KEY: u8 = 1;
/// What stands before a user's stamp, which changes with the password.
const BY_USER: u8 = 2;

/// The most cookies of this name that are looked at; a browser sends one, or two while a path or domain changes.
const COOKIES_MAX: usize = 8;

/// What was shown to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// A key.
    Key(KeyId),
    /// A user's password, as it was then.
    User(UserStamp),
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    id: [u8; ID_BYTES],
    issued_ms: i64,
    pub(crate) subject: Subject,
}

impl Session {
    /// Who it stands for now; `None` when what was shown opens nothing any more.
    pub(crate) fn caller(&self, registry: &Registry) -> Option<Caller> {
        let confines = Arc::new(Confines::default());
        match self.subject {
            Subject::Key(id) => registry
                .key(&id)
                .filter(|key| !key.scopes.contains(Scope::Click))
                .map(|key| Caller { account: key.account, scopes: key.scopes, key: Some(key.id), confines }),
            Subject::User(stamp) => registry.user(stamp).map(|user| Caller {
                account: user.account,
                scopes: user.scopes,
                key: None,
                confines,
            }),
        }
    }
}

/// Issues and recognises sessions.
pub(crate) struct Sessions {
    cookies: Signer,
    tokens: Signer,
    life: Duration,
    ended: Ended<[u8; ID_BYTES]>,
}

impl Sessions {
    pub(crate) fn new(secret: &MasterSecret, life: Duration) -> Self {
        let [cookies, tokens] =
            ["dashboard session", "dashboard csrf token"].map(|purpose| Signer::new(secret, purpose));
        Self { cookies, tokens, life, ended: Ended::default() }
    }

    /// A new session. `None` when the system gives no random bytes.
    pub(crate) fn open(&self, subject: Subject, now_ms: i64) -> Option<Session> {
        Some(Session { id: random()?, issued_ms: now_ms, subject })
    }

    /// The session of a request: the first valid cookie that was not signed out of.
    pub(crate) fn of(&self, headers: &HeaderMap, https: bool, now_ms: i64) -> Option<Session> {
        let tried = cookies::named(headers, name(https)).take(COOKIES_MAX);
        let mut valid = tried.filter_map(|value| self.read(value));
        valid.find(|session| in_force(session.issued_ms, self.life, now_ms) && !self.is_ended(session))
    }

    /// The `Set-Cookie` header that gives a browser this session.
    pub(crate) fn give(&self, session: &Session, https: bool) -> Option<HeaderValue> {
        cookies::set(name(https), &self.write(session), self.life, Reach::OwnPages { secure: https })
    }

    /// The `Set-Cookie` header that takes it away.
    pub(crate) fn take_away(https: bool) -> Option<HeaderValue> {
        cookies::set(name(https), "", Duration::ZERO, Reach::OwnPages { secure: https })
    }

    /// Ends it before its time.
    pub(crate) fn end(&self, session: &Session, now_ms: i64) {
        self.ended.add(session.id, self.ends_ms(session), now_ms);
    }

    /// Whether it was ended before its time.
    pub(crate) fn is_ended(&self, session: &Session) -> bool {
        self.ended.has(&session.id)
    }

    /// When it ends, in milliseconds since 1970.
    pub(crate) fn ends_ms(&self, session: &Session) -> i64 {
        session.issued_ms.saturating_add(i64::try_from(self.life.as_millis()).unwrap_or(i64::MAX))
    }

    /// The token that a page must show to change something in this session.
    pub(crate) fn token(&self, session: &Session) -> String {
        self.tokens.token(&session.id)
    }

    /// Whether the request shows the session's token.
    pub(crate) fn token_matches(&self, session: &Session, headers: &HeaderMap) -> bool {
        self.tokens.token_matches(&session.id, sole(headers, &TOKEN_HEADER).unwrap_or_default())
    }

    fn write(&self, session: &Session) -> String {
        let mut bytes = Vec::with_capacity(SIGNED_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&session.id);
        bytes.extend_from_slice(&session.issued_ms.to_be_bytes());
        match session.subject {
            Subject::Key(id) => {
                bytes.push(BY_KEY);
                bytes.extend_from_slice(id.as_bytes());
            }
            Subject::User(stamp) => {
                bytes.push(BY_USER);
                bytes.extend_from_slice(stamp.as_bytes());
            }
        }
        self.cookies.seal(bytes)
    }

    fn read(&self, value: &[u8]) -> Option<Session> {
        let signed: [u8; SIGNED_BYTES] = self.cookies.open(value)?;
        let (version, rest) = signed.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (issued_ms, rest) = rest.split_first_chunk()?;
        let (by, subject) = rest.split_first()?;
        let subject = match *by {
            BY_KEY => Subject::Key(KeyId::from_bytes(*subject.first_chunk()?)),
            BY_USER => Subject::User(UserStamp::from_bytes(*subject.first_chunk()?)),
            _ => return None,
        };
        (*version == VERSION).then_some(Session {
            id: *id,
            issued_ms: i64::from_be_bytes(*issued_ms),
            subject,
        })
    }
}

const fn name(https: bool) -> &'static str {
    if https { HOST_COOKIE } else { COOKIE }
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE as COOKIE_HEADER;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const LIFE_MS: i64 = 60_000;
    const SUBJECT: Subject = Subject::Key(KeyId::from_bytes([7; 8]));

    fn sessions(secret: &str) -> Sessions {
        Sessions::new(&MasterSecret::from_hex(&secret.repeat(32)).unwrap(), Duration::from_millis(60_000))
    }

    fn carrying(name: &str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE_HEADER, HeaderValue::from_str(&format!("{name}={value}")).unwrap())])
    }

    #[test]
    fn a_session_outlives_a_restart_and_ends_with_its_time() {
        let session = sessions("ab").open(SUBJECT, 1_000).unwrap();
        let cookie = sessions("ab").write(&session);
        let after = sessions("ab");
        let at = |now_ms| after.of(&carrying(COOKIE, &cookie), false, now_ms);
        assert_eq!(at(1_000), Some(session.clone()));
        assert_eq!(after.ends_ms(&session), 1_000 + LIFE_MS);
        assert!(at(1_000 + LIFE_MS - 1).is_some());
        assert!(at(1_000 + LIFE_MS).is_none());
        assert!(sessions("cd").of(&carrying(COOKIE, &cookie), false, 1_000).is_none());
    }

    #[test]
    fn a_user_s_session_is_no_key_s_and_ends_when_it_is_ended() {
        let sessions = sessions("ab");
        let subject = Subject::User(UserStamp::from_bytes([7; 8]));
        let [session, other] = [(); 2].map(|()| sessions.open(subject, 0).unwrap());
        let found = |session| sessions.of(&carrying(COOKIE, &sessions.write(session)), false, 0);
        assert_eq!(found(&session).unwrap().subject, subject);
        assert_ne!(
            sessions.open(SUBJECT, 0).unwrap().subject,
            subject,
            "the same bytes of a key are a key's"
        );
        sessions.end(&session, 0);
        assert!(sessions.is_ended(&session) && found(&session).is_none());
        assert!(!sessions.is_ended(&other) && found(&other).is_some());
    }

    #[test]
    fn under_https_only_a_cookie_of_this_very_host_counts() {
        let sessions = sessions("ab");
        let session = sessions.open(SUBJECT, 0).unwrap();
        let cookie = sessions.write(&session);
        assert!(sessions.of(&carrying(HOST_COOKIE, &cookie), true, 0).is_some());
        assert!(sessions.of(&carrying(COOKIE, &cookie), true, 0).is_none());
        assert!(sessions.of(&carrying(HOST_COOKIE, &cookie), false, 0).is_none());
    }

    #[test]
    fn no_changed_bit_is_a_session() {
        let sessions = sessions("ab");
        let cookie = sessions.write(&sessions.open(SUBJECT, 0).unwrap());
        let bytes = URL_SAFE_NO_PAD.decode(&cookie).unwrap();
        assert!(sessions.read(cookie.as_bytes()).is_some());
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sessions.read(URL_SAFE_NO_PAD.encode(changed).as_bytes()), None, "bit {bit}");
        }
    }

    #[test]
    fn only_the_sole_and_whole_token_of_the_session_matches() {
        let sessions = sessions("ab");
        let [session, other] = [(); 2].map(|()| sessions.open(SUBJECT, 0).unwrap());
        let token = sessions.token(&session);
        let shown = |tokens: &[&str]| {
            let mut headers = HeaderMap::new();
            for token in tokens {
                headers.append(TOKEN_HEADER, HeaderValue::from_str(token).unwrap());
            }
            sessions.token_matches(&session, &headers)
        };
        assert!(shown(&[&token]));
        assert!(!shown(&[]) && !shown(&[""]) && !shown(&[&token[1..]]) && !shown(&[&token, &token]));
        assert!(!shown(&[&sessions.token(&other)]));
    }
}
