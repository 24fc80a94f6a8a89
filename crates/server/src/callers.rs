//! Who calls, on every path that a key opens: by `Authorization`, or by the cookie of one who signed in. One function
//! finds them for all, so that no path can forget a rule. It must never know a path, a status or a dialect's words.
//!
//! The rules: a request with `Authorization` is judged by that alone. One that a cookie makes known, and that may change
//! something, comes from the server's own pages and shows the session's token.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, Uri};
use registry::{KeyId, MasterSecret};

use crate::access::{self, Caller};
use crate::app::App;
use crate::http::{Facts, SlidingWindow, rate_key};
use crate::origins::{Origins, Source};
use crate::sessions::{Session, Sessions, Subject};
use crate::settings::Settings;
use crate::sign_ins::{Attempt, SignIns};

/// The most keys, and the most of those who signed in, whose calls of the last second are remembered.
const CALLERS_MAX: usize = 100_000;

/// The head of a request, as far as it tells who calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    extensions: &'r Extensions,
}

impl<'r> From<&'r Parts> for Head<'r> {
    fn from(parts: &'r Parts) -> Self {
        let Parts { method, uri, headers, extensions, .. } = parts;
        Self { method, uri, headers, extensions }
    }
}

impl<'r> From<&'r Request> for Head<'r> {
    fn from(request: &'r Request) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'r> Head<'r> {
    pub(crate) fn headers(self) -> &'r HeaderMap {
        self.headers
    }

    fn facts(self) -> Facts {
        Facts::of(self.extensions, self.uri, self.headers)
    }
}

/// A caller, and the session if a cookie made them known.
pub(crate) struct Identified {
    pub(crate) caller: Caller,
    pub(crate) session: Option<Session>,
}

/// Why a request is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stranger {
    /// It shows nothing that opens anything.
    #[error("Authentication required")]
    Unknown,
    /// It would change something in a session, and does not come from the server's own pages.
    #[error("Origin: must be this server's own")]
    ForeignPage,
    /// It would change something in a session, and does not show the session's token.
    #[error("X-ClickTally-CSRF: must be the session's `csrf`")]
    NoToken,
    /// Too many requests in the last second.
    #[error("Too many requests")]
    TooOften,
}

/// What is needed to find callers.
pub struct Callers {
    origins: Origins,
    pub(crate) sessions: Sessions,
    by_key: SlidingWindow<KeyId>,
    by_session: SlidingWindow<Subject>,
    sign_ins: SignIns,
}

impl Callers {
    /// With the limits that the team set.
    #[must_use]
    pub fn new(settings: &Settings, secret: &MasterSecret) -> Self {
        Self {
            origins: Origins::new(settings.public_origin.as_deref(), &[]),
            sessions: Sessions::new(secret, settings.session),
            by_key: SlidingWindow::new(settings.stats_per_second, CALLERS_MAX),
            by_session: SlidingWindow::new(settings.session_requests_per_second, CALLERS_MAX),
            sign_ins: SignIns::new(secret),
        }
    }

    /// Whether browsers reach the server by https.
    pub(crate) fn https(&self, head: Head<'_>) -> bool {
        self.origins.https(&head.facts())
    }

    /// Whether a page of another origin sent the request.
    pub(crate) fn is_foreign(&self, head: Head<'_>) -> bool {
        !matches!(self.origins.source(head.headers, &head.facts()), Source::Own | Source::NoPage)
    }

    fn guard(&self, head: Head<'_>, session: &Session) -> Result<(), Stranger> {
        let is_own = self.origins.source(head.headers, &head.facts()) == Source::Own;
        if !is_own || !head.headers.contains_key(ORIGIN) {
            return Err(Stranger::ForeignPage);
        }
        if self.sessions.token_matches(session, head.headers) { Ok(()) } else { Err(Stranger::NoToken) }
    }
}

impl App {
    /// Who calls. Callers with a session are held to their own limit; those with a key to none here.
    pub(crate) fn identify<'r>(&self, head: impl Into<Head<'r>>) -> Result<Identified, Stranger> {
        let head = head.into();
        if head.headers.contains_key(AUTHORIZATION) {
            // Of several headers nobody could say which one another server on the way has checked.
            let told = crate::origins::sole(head.headers, &AUTHORIZATION).ok_or(Stranger::Unknown)?;
            let caller = access::caller(&self.registry, told, self.clock.now_ms());
            return Ok(Identified { caller: caller.ok_or(Stranger::Unknown)?, session: None });
        }
        let callers = &self.callers;
        let session = callers.sessions.of(head.headers, callers.https(head), self.clock.now_ms());
        let session = session.ok_or(Stranger::Unknown)?;
        let caller = session.caller(&self.registry).ok_or(Stranger::Unknown)?;
        if !head.method.is_safe() {
            callers.guard(head, &session)?;
        }
        let admitted = callers.by_session.admit(&session.subject, self.clock.running_ns());
        admitted.map_err(|_wait| Stranger::TooOften)?;
        Ok(Identified { caller, session: Some(session) })
    }

    /// Who a session stands for now; `None` when it has ended.
    pub(crate) fn standing(&self, session: &Session) -> Option<Caller> {
        let sessions = &self.callers.sessions;
        let is_over = sessions.is_ended(session) || sessions.ends_ms(session) <= self.clock.now_ms();
        session.caller(&self.registry).filter(|_| !is_over)
    }

    /// Who calls, where keys are held to the limit of those who ask. A token counts for the key that signed it.
    pub(crate) fn asking<'r>(&self, head: impl Into<Head<'r>>) -> Result<Caller, Stranger> {
        let Identified { caller, session } = self.identify(head)?;
        if let (Some(key), None) = (&caller.key, &session) {
            let admitted = self.callers.by_key.admit(key, self.clock.running_ns());
            admitted.map_err(|_wait| Stranger::TooOften)?;
        }
        Ok(caller)
    }

    /// Begins an attempt to sign in.
    ///
    /// # Errors
    /// How long to wait, after too many failures from the address.
    pub(crate) fn attempt<'r>(&self, head: impl Into<Head<'r>>) -> Result<Attempt<'_>, Duration> {
        let address = rate_key(head.into().facts().client);
        self.callers.sign_ins.attempt(address, self.clock.running_ns())
    }
}
