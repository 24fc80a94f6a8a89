//! `POST /v1/events`: checks the caller and the headers, has the lines read and fed, and reports what became of each.
//! It must never know how a line is read or where it is kept.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use registry::Scope;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::body::{EVENTS_BYTES_MAX, NDJSON, Told, check_media_type, idempotency_key, read_lines};
use super::log::{EventsReader, Unnamed};
use super::refusals::Refusal;
use crate::access::Caller;
use crate::app::App;
use crate::bulk::Defaults;
use crate::callers::Stranger;
use crate::counts::Fate;
use crate::feed::Report;
use crate::feeder::{Feeder, fed};
use crate::http::{BodyError, BodyRoom, Held, NoBody};
use crate::live::Source;
use crate::pages::{Admitted, PAGE_BODY_BYTES_MAX, Rules, is_page_key, tell};

/// How many of the largest bodies are held at the same time. What their lines tell takes a few times as much memory.
pub(super) const EVENTS_BODIES_AT_ONCE_MAX: usize = 4;
/// The same for bodies of pages. They have room of their own, so that strangers can't keep a shop from feeding.
const PAGE_BODIES_AT_ONCE_MAX: usize = 64;
/// Bodies up to this size are read where they arrive; larger ones on a thread of their own, so that no other connection
/// waits for them.
const EVENTS_INLINE_BYTES_MAX: usize = 16 * 1024;

/// What the handlers need: the app, and room for bodies.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    room: BodyRoom,
    page_room: BodyRoom,
}

/// Whose body is read: one that a shop's own system sends, or one that a page sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Shop,
    Page,
}

/// A call after the checks of its caller, and what a page's is held to.
struct Passed {
    caller: Caller,
    rules: Option<Rules>,
}

impl Desk {
    pub(super) fn new(app: Arc<App>) -> Self {
        let room = BodyRoom::new(EVENTS_BYTES_MAX, EVENTS_BODIES_AT_ONCE_MAX);
        Self { app, room, page_room: BodyRoom::new(PAGE_BODY_BYTES_MAX, PAGE_BODIES_AT_ONCE_MAX) }
    }

    pub(super) fn counted(&self, fate: Fate, refusal: Refusal) -> Refusal {
        self.app.counts.met(fate, 1);
        refusal
    }

    fn caller(&self, request: &Request) -> Result<Caller, Refusal> {
        let known = self.app.identify(request).map_err(|stranger| match stranger {
            // Nobody sent it, so it is in nobody's counts.
            Stranger::Unknown => Refusal::from(stranger),
            Stranger::ForeignPage | Stranger::NoToken => self.counted(Fate::ForeignOrigin, stranger.into()),
            Stranger::TooOften => self.counted(Fate::RateLimited, stranger.into()),
        });
        known.map(|known| known.caller)
    }

    /// Lets a page's call pass or not; any other caller passes.
    pub(super) fn admit(&self, caller: &Caller, request: &Request) -> Result<Admitted, Refusal> {
        let admitted = self.app.pages.admit(caller, request, self.app.clock.running_ns());
        admitted.map_err(|blocked| self.counted(blocked.fate(), blocked.into()))
    }

    /// Tells those who watch the account of a call that was refused as a whole.
    pub(super) fn tell(&self, caller: &Caller, refusal: &Refusal) {
        let (code, message) = refusal.words();
        let now_ms = self.app.clock.now_ms();
        self.app.live.refused(caller.account, Source::Native, now_ms, code, &message, None);
    }

    /// Reads a body for which there is room.
    pub(super) async fn body(&self, request: Request, sender: Sender) -> Result<Held, Refusal> {
        let room = match sender {
            Sender::Shop => &self.room,
            Sender::Page => &self.page_room,
        };
        room.read(request).await.map_err(|error| {
            let fate = match error {
                NoBody::NoRoom => Fate::Unavailable,
                NoBody::Unread(BodyError::TooLarge) => Fate::TooLarge,
                NoBody::Unread(_) => Fate::Broken,
            };
            self.counted(fate, Refusal::of_body(error, room.body_bytes_max()))
        })
    }
}

/// Takes a body of lines. The first refusal in this order wins: who calls, the scope, a page's limits and origin, the
/// media type, the `Idempotency-Key`, room, the size.
pub(super) async fn events(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (origin, answer) = match desk.caller(&request) {
        Ok(caller) => let_in(&desk, caller, request).await,
        Err(refusal) => (None, Err(refusal)),
    };
    let mut response = answer.unwrap_or_else(Refusal::into_response);
    tell(origin.as_ref(), &mut response);
    response
}

async fn let_in(desk: &Desk, caller: Caller, request: Request) -> (Admitted, Result<Response, Refusal>) {
    let (origin, answer) = match pass(desk, &caller, &request) {
        Ok((rules, origin)) => (origin, take(desk, Passed { caller: caller.clone(), rules }, request).await),
        Err(refusal) => (None, Err(refusal)),
    };
    (origin, answer.inspect_err(|refusal| desk.tell(&caller, refusal)))
}

/// The checks of the caller, and what a page's call is held to.
fn pass(desk: &Desk, caller: &Caller, request: &Request) -> Result<(Option<Rules>, Admitted), Refusal> {
    const SCOPE: &str = "this key lacks the scope `write`";
    let is_page = is_page_key(caller);
    if !is_page && caller.needs(Scope::Write).is_err() {
        return Err(desk.counted(Fate::AccessDenied, Refusal::AccessDenied(SCOPE)));
    }
    let origin = desk.admit(caller, request)?;
    let app = &desk.app;
    let rules = || Rules::of(&app.settings, request.headers(), app.clock.now_ms());
    Ok((is_page.then(rules), origin))
}

async fn take(desk: &Desk, passed: Passed, request: Request) -> Result<Response, Refusal> {
    check_media_type(request.headers(), NDJSON)
        .map_err(|refusal| desk.counted(Fate::BadMediaType, refusal))?;
    let unnamed =
        idempotency_key(request.headers()).map_err(|refusal| desk.counted(Fate::Invalid, refusal))?;
    let sender = if passed.rules.is_some() { Sender::Page } else { Sender::Shop };
    let (body, room) = desk.body(request, sender).await?;
    let is_short = body.len() <= EVENTS_INLINE_BYTES_MAX;
    let work = read_and_record(Arc::clone(&desk.app), passed, body, unnamed, room);
    let report = if is_short {
        work.await?
    } else {
        let threads = Handle::current();
        tokio::task::spawn_blocking(move || threads.block_on(work))
            .await
            .map_err(|_panicked| Refusal::Internal)??
    };
    Ok(answered(report))
}

async fn read_and_record(
    app: Arc<App>,
    passed: Passed,
    body: Bytes,
    unnamed: Unnamed,
    _room: OwnedSemaphorePermit,
) -> Result<Report, Refusal> {
    let reader = EventsReader::new(Defaults::default(), unnamed, app.clock.now_ms());
    let told = read_lines(&body, reader, passed.rules.as_ref());
    drop(body);
    record(&app, &passed.caller, told).await
}

/// Feeds what the lines tell. Each ends in exactly one count, also when the caller goes away in the meantime.
pub(super) async fn record(app: &Arc<App>, caller: &Caller, told: Told) -> Result<Report, Refusal> {
    let more = told.more();
    let Told { lines, more_rejected, .. } = told;
    for (fate, many) in more_rejected {
        app.counts.met(fate, many);
    }
    let mut report = fed(app, Feeder::of(caller, Source::Native), lines).await?;
    report.received += more;
    report.rejected_total += more;
    Ok(report)
}

/// The report as it is answered.
pub(super) fn answered(report: Report) -> Response {
    // Numbers and texts always serialise.
    let answer = serde_json::to_vec(&Answer::from(report)).unwrap_or_default();
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], answer).into_response()
}

#[derive(Serialize)]
struct Answer {
    received: u64,
    recorded: Recorded,
    duplicates: u64,
    rejected_total: u64,
    rejected: Vec<Rejected>,
}

#[derive(Serialize)]
struct Recorded {
    items: u64,
    searches: u64,
    clicks: u64,
}

#[derive(Serialize)]
struct Rejected {
    line: u64,
    code: &'static str,
    message: String,
}

impl From<Report> for Answer {
    fn from(report: Report) -> Self {
        let told = |(line, rejection): (u64, crate::feed::Rejection)| Rejected {
            line,
            code: rejection.code,
            message: rejection.message,
        };
        Self {
            received: report.received,
            recorded: Recorded { items: report.items, searches: report.searches, clicks: report.clicks },
            duplicates: report.duplicates,
            rejected_total: report.rejected_total,
            rejected: report.rejected.into_iter().map(told).collect(),
        }
    }
}
