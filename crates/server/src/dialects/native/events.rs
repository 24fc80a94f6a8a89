//! `POST /v1/events`: checks the caller and the headers, has the lines read and fed, and reports what became of each.
//! It must never know how a line is read or where it is kept.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use registry::Scope;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::body::{EVENTS_BYTES_MAX, NDJSON, Told, check_media_type, idempotency_key, read_lines};
use super::log::{EventsReader, Unnamed};
use super::refusals::Refusal;
use crate::access::{Caller, caller};
use crate::app::App;
use crate::bulk::Defaults;
use crate::counts::Fate;
use crate::feed::{Feeder, Report, fed};
use crate::http::{BodyTimeout, Facts, read_body};
use crate::pages::{Admitted, PAGE_BODY_BYTES_MAX, Rules, is_page_key, tell};

/// The most bytes of bodies that are held at the same time: four of the largest. What their lines tell takes a few times
/// as much memory.
pub(super) const EVENTS_BYTES_AT_ONCE_MAX: usize = 4 * EVENTS_BYTES_MAX;
/// The most bytes of bodies of pages that are held at the same time. They have room of their own, so that strangers can't
/// keep a shop from feeding.
const PAGE_BYTES_AT_ONCE_MAX: usize = 64 * PAGE_BODY_BYTES_MAX;
/// How long a body may take where the front does not say.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// The address of a caller whose address is not known, as on the control socket.
const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Bodies up to this size are read where they arrive; larger ones on a thread of their own, so that no other connection
/// waits for them.
const EVENTS_INLINE_BYTES_MAX: usize = 16 * 1024;

/// What the handlers need: the app, and room for bodies.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    room: Arc<Semaphore>,
    page_room: Arc<Semaphore>,
}

/// Whose body is read: one that a shop's own system sends, or one that a page sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Shop,
    Page,
}

/// A call after the checks of its caller: what a page is held to, and the origin to answer to.
pub(super) struct Passed {
    pub(super) caller: Caller,
    pub(super) rules: Option<Rules>,
}

impl Desk {
    pub(super) fn new(app: Arc<App>) -> Self {
        let room = |bytes| Arc::new(Semaphore::new(bytes));
        Self { app, room: room(EVENTS_BYTES_AT_ONCE_MAX), page_room: room(PAGE_BYTES_AT_ONCE_MAX) }
    }

    pub(super) fn counted(&self, fate: Fate, refusal: Refusal) -> Refusal {
        self.app.counts.met(fate, 1);
        refusal
    }

    fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let mut told = headers.get_all(AUTHORIZATION).iter();
        match (told.next(), told.next()) {
            (Some(only), None) => caller(&self.app.registry, only.to_str().ok()?, self.app.clock.now_ms()),
            _ => None,
        }
    }

    /// Lets a page's call pass or not; any other caller passes.
    pub(super) fn admit(&self, caller: &Caller, request: &Request) -> Result<Admitted, Refusal> {
        let client = request.extensions().get::<Facts>().map_or(NO_ADDRESS, |facts| facts.client);
        let admitted = self.app.pages.admit(caller, request.headers(), client, self.app.clock.running_ns());
        admitted.map_err(|blocked| self.counted(blocked.fate(), blocked.into()))
    }

    /// Reads a body for which room was made.
    pub(super) async fn body(
        &self,
        request: Request,
        sender: Sender,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Refusal> {
        let (room, bytes_max) = match sender {
            Sender::Shop => (&self.room, EVENTS_BYTES_MAX),
            Sender::Page => (&self.page_room, PAGE_BODY_BYTES_MAX),
        };
        let time_max = request.extensions().get::<BodyTimeout>().map_or(BODY_TIME_MAX, |timeout| timeout.0);
        let told = request.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        let bytes = u32::try_from(told.unwrap_or(bytes_max).clamp(1, bytes_max)).unwrap_or(u32::MAX);
        let full = |_| self.counted(Fate::Unavailable, Refusal::Unavailable);
        let room = Arc::clone(room).try_acquire_many_owned(bytes).map_err(full)?;
        let read = read_body(request.into_body(), bytes_max, time_max).await;
        read.map(|bytes| (bytes, room)).map_err(|error| match Refusal::of_body(error, bytes_max) {
            refusal @ Refusal::PayloadTooLarge(_) => self.counted(Fate::TooLarge, refusal),
            refusal => self.counted(Fate::Broken, refusal),
        })
    }
}

/// Takes a body of lines. The first refusal in this order wins: who calls, the scope, a page's limits and origin, the
/// media type, the `Idempotency-Key`, room, the size.
pub(super) async fn events(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (origin, answer) = match pass(&desk, &request) {
        Ok((passed, origin)) => (origin, take(&desk, passed, request).await),
        Err(refusal) => (None, Err(refusal)),
    };
    let mut response = answer.unwrap_or_else(Refusal::into_response);
    tell(origin.as_ref(), &mut response);
    response
}

/// The checks of the caller, and what a page's call is held to.
fn pass(desk: &Desk, request: &Request) -> Result<(Passed, Admitted), Refusal> {
    const SCOPE: &str = "this key lacks the scope `write`";
    let caller = desk.caller(request.headers()).ok_or(Refusal::NotAuthenticated)?;
    let is_page = is_page_key(&caller);
    if !is_page && caller.needs(Scope::Write).is_err() {
        return Err(desk.counted(Fate::AccessDenied, Refusal::AccessDenied(SCOPE)));
    }
    let origin = desk.admit(&caller, request)?;
    let app = &desk.app;
    let rules = || Rules::of(app.settings.opt_out, request.headers(), None, app.clock.now_ms());
    Ok((Passed { caller, rules: is_page.then(rules) }, origin))
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

/// Feeds what the lines tell. Each ends in exactly one count.
pub(super) async fn record(app: &Arc<App>, caller: &Caller, told: Told) -> Result<Report, Refusal> {
    let more = told.more();
    let Told { lines, more_rejected, .. } = told;
    let mut report = fed(app, Feeder::from(caller), lines).await.map_err(|error| {
        app.counts.met(Fate::Unavailable, more);
        Refusal::from(error)
    })?;
    for (fate, many) in more_rejected {
        app.counts.met(fate, many);
        report.received += many;
        report.rejected_total += many;
    }
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
