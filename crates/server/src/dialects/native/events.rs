//! `POST /v1/events`: checks the caller and the headers, has the lines read and fed, and reports what became of each.
//! It must never know how a line is read or where it is kept.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use registry::Scope;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::body::{EVENTS_BYTES_MAX, Told, check_media_type, idempotency_key, read_lines};
use super::log::{EventsReader, Unnamed};
use super::refusals::Refusal;
use crate::access::{Caller, caller};
use crate::app::App;
use crate::bulk::Defaults;
use crate::counts::Fate;
use crate::feed::Report;
use crate::http::{BodyTimeout, read_body};

/// The most bytes of bodies that are held at the same time: four of the largest. What their lines tell takes a few times
/// as much memory.
pub(super) const EVENTS_BYTES_AT_ONCE_MAX: usize = 4 * EVENTS_BYTES_MAX;
/// The largest body of a caller with the scope `click` only: its key stands in a public page.
pub(super) const EVENTS_PUBLIC_BYTES_MAX: usize = 65_536;
/// The most bytes of such bodies that are held at the same time. They have room of their own, so that strangers can't
/// keep a shop from feeding.
const EVENTS_PUBLIC_BYTES_AT_ONCE_MAX: usize = 64 * EVENTS_PUBLIC_BYTES_MAX;
/// Bodies up to this size are read where they arrive; larger ones on a thread of their own, so that no other connection
/// waits for them.
const EVENTS_INLINE_BYTES_MAX: usize = 16 * 1024;

/// What the handler needs: the app, and room for bodies.
pub(super) struct Desk {
    app: Arc<App>,
    room: Arc<Semaphore>,
    public_room: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new(app: Arc<App>) -> Self {
        let room = |bytes| Arc::new(Semaphore::new(bytes));
        Self { app, room: room(EVENTS_BYTES_AT_ONCE_MAX), public_room: room(EVENTS_PUBLIC_BYTES_AT_ONCE_MAX) }
    }

    fn counted(&self, fate: Fate, refusal: Refusal) -> Refusal {
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

    /// Reads a body for which room was made.
    async fn body(
        &self,
        request: Request,
        timeout: BodyTimeout,
        may_write_items: bool,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Refusal> {
        let (room, bytes_max) = match may_write_items {
            true => (&self.room, EVENTS_BYTES_MAX),
            false => (&self.public_room, EVENTS_PUBLIC_BYTES_MAX),
        };
        let told = request.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        let bytes = u32::try_from(told.unwrap_or(bytes_max).clamp(1, bytes_max)).unwrap_or(u32::MAX);
        let full = |_| self.counted(Fate::Unavailable, Refusal::Unavailable);
        let room = Arc::clone(room).try_acquire_many_owned(bytes).map_err(full)?;
        let read = read_body(request.into_body(), bytes_max, timeout.0).await.map_err(Refusal::from);
        read.map(|bytes| (bytes, room)).map_err(|refusal| match refusal {
            Refusal::PayloadTooLarge => self.counted(Fate::TooLarge, refusal),
            refusal => self.counted(Fate::Broken, refusal),
        })
    }
}

/// Takes a body of lines. The first refusal in this order wins: who calls, the scope, the media type, the
/// `Idempotency-Key`, room, the size.
pub(super) async fn events(
    State(desk): State<Arc<Desk>>,
    timeout: Extension<BodyTimeout>,
    request: Request,
) -> Result<Response, Refusal> {
    const SCOPE: &str = "this key lacks the scope `write`";
    let caller = desk.caller(request.headers()).ok_or(Refusal::NotAuthenticated)?;
    let may_write_items = caller.needs(Scope::Write).is_ok();
    if !may_write_items && caller.needs(Scope::Click).is_err() {
        return Err(desk.counted(Fate::AccessDenied, Refusal::AccessDenied(SCOPE)));
    }
    check_media_type(request.headers()).map_err(|refusal| desk.counted(Fate::BadMediaType, refusal))?;
    let unnamed =
        idempotency_key(request.headers()).map_err(|refusal| desk.counted(Fate::Invalid, refusal))?;
    let (body, room) = desk.body(request, timeout.0, may_write_items).await?;
    let is_short = body.len() <= EVENTS_INLINE_BYTES_MAX;
    let work = record(Arc::clone(&desk.app), caller, body, unnamed, may_write_items, room);
    let report = if is_short {
        work.await?
    } else {
        let threads = Handle::current();
        tokio::task::spawn_blocking(move || threads.block_on(work))
            .await
            .map_err(|_panicked| Refusal::Internal)??
    };
    // Numbers and texts always serialise.
    let answer = serde_json::to_vec(&Answer::from(report)).unwrap_or_default();
    Ok(([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], answer).into_response())
}

/// Reads the lines and feeds them. Each ends in exactly one count.
async fn record(
    app: Arc<App>,
    caller: Caller,
    body: Bytes,
    unnamed: Unnamed,
    may_write_items: bool,
    _room: OwnedSemaphorePermit,
) -> Result<Report, Refusal> {
    let reader = EventsReader::new(Defaults::default(), unnamed, app.clock.now_ms());
    let told = read_lines(&body, reader, may_write_items);
    drop(body);
    let received = told.received();
    let Told { lines, more_rejected } = told;
    let mut report = app.feed(caller.account, lines).await.map_err(|error| {
        app.counts.met(Fate::Unavailable, received);
        Refusal::from(error)
    })?;
    for (fate, many) in more_rejected {
        app.counts.met(fate, many);
        report.received += many;
        report.rejected_total += many;
    }
    Ok(report)
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
