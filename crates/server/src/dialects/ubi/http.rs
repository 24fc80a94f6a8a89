//! Documents over HTTP, as OpenSearch takes them: one at a time or many, into the two indices of UBI. They are read as an
//! export's are, so that a document means the same by whatever way it comes. It must never know how a document is read.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::answer::{self, Done};
use super::bulk::{self, Action, Wanted};
use super::caller;
use super::put::record;
use super::refusal::Refusal;
use crate::access::Caller;
use crate::app::App;
use crate::browser::told_device;
use crate::http::{BodyRoom, Held, Trouble};
use crate::live::Source;
use crate::pages::{Admitted, Callable, PAGE_BODY_BYTES_MAX, Rules, is_page_key, preflight, tell};

/// The largest body, in bytes.
pub(super) const UBI_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many of the largest bodies are held at the same time.
const BODIES_AT_ONCE_MAX: usize = 4;
/// The same for bodies of pages.
const PAGE_BODIES_AT_ONCE_MAX: usize = 64;

/// What a page may send.
const CALLABLE: Callable = Callable { methods: "POST, PUT", headers: "Content-Type, Authorization" };

/// The indices of UBI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    Queries,
    Events,
}

impl Index {
    pub(super) const ALL: [Self; 2] = [Self::Queries, Self::Events];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Queries => "ubi_queries",
            Self::Events => "ubi_events",
        }
    }
}

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `/{index}`: an array of documents, or the index itself.
    Documents(Index),
    /// `/{index}/_doc` and `/{index}/_doc/{id}`.
    Document(Index),
    /// `/{index}/_create/{id}`.
    Create(Index),
    /// `/_bulk` and `/{index}/_bulk`.
    Bulk(Option<Index>),
}

impl Place {
    /// The methods that are served. A document without an id is posted.
    const fn allow(self, has_id: bool) -> &'static str {
        match self {
            Self::Document(_) if !has_id => "POST",
            Self::Documents(_) => "HEAD, POST, PUT",
            _ => "POST, PUT",
        }
    }
}

/// What the handlers need.
struct Desk {
    app: Arc<App>,
    room: BodyRoom,
    page_room: BodyRoom,
}

/// The routes of the two indices, and of `_bulk`.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let room = BodyRoom::new(UBI_BYTES_MAX, BODIES_AT_ONCE_MAX);
    let page_room = BodyRoom::new(PAGE_BODY_BYTES_MAX, PAGE_BODIES_AT_ONCE_MAX);
    let route = |place: Place| {
        any(move |State(desk): State<Arc<Desk>>, id: Option<Path<String>>, request: Request| async move {
            dispatch(&desk, place, id.map(|Path(id)| id), request).await
        })
    };
    let mut routes = Router::new().route("/_bulk", route(Place::Bulk(None)));
    for index in Index::ALL {
        let name = index.as_str();
        routes = routes
            .route(&format!("/{name}"), route(Place::Documents(index)))
            .route(&format!("/{name}/_bulk"), route(Place::Bulk(Some(index))))
            .route(&format!("/{name}/_doc"), route(Place::Document(index)))
            .route(&format!("/{name}/_doc/{{id}}"), route(Place::Document(index)))
            .route(&format!("/{name}/_create/{{id}}"), route(Place::Create(index)))
            .route(&format!("/{name}/{{*rest}}"), any(async || Refusal::NoPath));
    }
    routes.with_state(Arc::new(Desk { app, room, page_room }))
}

/// What a caller of these routes is told when the front itself refuses a request; `None` for the path of another
/// dialect.
pub(crate) fn refusal(uri: &Uri, trouble: Trouble) -> Option<Response> {
    let is_ours = |root: &str| {
        uri.path().strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    ["/ubi_queries", "/ubi_events", "/_bulk"]
        .into_iter()
        .any(is_ours)
        .then(|| Refusal::from(trouble).into_response())
}

async fn dispatch(desk: &Desk, place: Place, id: Option<String>, request: Request) -> Response {
    if *request.method() == Method::OPTIONS {
        return preflight(&desk.app.registry, request.headers(), CALLABLE).unwrap_or_else(|| {
            let mut response = Refusal::ForeignOrigin.into_response();
            tell(None, &mut response);
            response
        });
    }
    let (origin, answer) = match caller(desk, place, id.is_some(), &request) {
        Ok(caller) => let_in(desk, &caller, place, id, request).await,
        Err(refusal) => (None, Err(refusal)),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    tell(origin.as_ref(), &mut response);
    response
}

async fn let_in(
    desk: &Desk,
    caller: &Caller,
    place: Place,
    id: Option<String>,
    request: Request,
) -> (Admitted, Result<Response, Refusal>) {
    match pass(desk, caller, &request) {
        Ok(origin) => match place {
            // Loaders ask for their index, and make it where it is not there: it always is.
            Place::Documents(index) if request.method() != Method::POST => (origin, Ok(answer::index(index))),
            _ => (origin, take(desk, caller, place, id, request).await),
        },
        Err(refusal) => (None, Err(refused(&desk.app, caller, refusal))),
    }
}

/// A call that was refused as a whole is one that was received; those who watch the account learn of it.
fn refused(app: &App, caller: &Caller, refusal: Refusal) -> Refusal {
    if let Some(fate) = refusal.fate() {
        app.counts.met(fate, 1);
        let (kind, reason) = refusal.words();
        app.live.refused(caller.account, Source::Ubi, app.clock.now_ms(), kind, &reason, None);
    }
    refusal
}

/// The checks of the method and the caller, in their order.
fn caller(desk: &Desk, place: Place, has_id: bool, request: &Request) -> Result<Caller, Refusal> {
    let allow = place.allow(has_id);
    if !allow.split(", ").any(|method| method == request.method().as_str()) {
        return Err(Refusal::MethodNotAllowed(allow));
    }
    caller::of(&desk.app, request.uri(), request.headers())
}

fn pass(desk: &Desk, caller: &Caller, request: &Request) -> Result<Admitted, Refusal> {
    caller::may_feed(caller, request.headers())?;
    let app = &desk.app;
    Ok(app.pages.admit(caller, request, app.clock.running_ns())?)
}

/// Checks what the headers say about the body: JSON or lines of it, as it is. Beacons send it as `text/plain`.
fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let plain = |told: &HeaderValue| told.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Err(Refusal::Compressed);
    }
    let Some(told) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let told = told.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = told.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_utf8 =
        |part: &str| part.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8");
    let is_json = essence == "text/plain"
        || essence.strip_prefix("application/").is_some_and(|kind| kind.contains("json"));
    if is_json && parts.all(is_utf8) { Ok(()) } else { Err(Refusal::NotAcceptable) }
}

/// Takes what a call tells, in a task of its own once the body is there: a caller that goes away can't make it half done,
/// nor its counts wrong.
async fn take(
    desk: &Desk,
    caller: &Caller,
    place: Place,
    id: Option<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let began_ns = desk.app.clock.running_ns();
    let read = read(desk, caller, request).await.map_err(|refusal| refused(&desk.app, caller, refusal));
    let (held, rules) = read?;
    let (app, caller) = (Arc::clone(&desk.app), caller.clone());
    let work = tokio::spawn(async move {
        let (body, _place_in_room) = held;
        let done = answered(&app, &caller, place, id, &body, rules.as_ref()).await?;
        Ok(match (place, done.as_slice()) {
            (Place::Document(_) | Place::Create(_), [one]) => answer::one(one),
            _ => answer::many(&done, app.clock.running_ns().saturating_sub(began_ns) / 1_000_000),
        })
    });
    work.await.unwrap_or_else(|failed| {
        tracing::error!(error = %failed, "recording documents panicked");
        Err(Refusal::Internal)
    })
}

/// What became of each document.
async fn answered(
    app: &Arc<App>,
    caller: &Caller,
    place: Place,
    id: Option<String>,
    body: &[u8],
    rules: Option<&Rules>,
) -> Result<Vec<Done>, Refusal> {
    let arrays;
    let wanted = match place {
        Place::Bulk(index) => bulk::pairs(body, index),
        Place::Documents(index) => {
            arrays = bulk::documents(body);
            arrays.as_ref().map_err(Clone::clone).map(|documents| {
                documents.iter().map(|document| put(Action::Index, index, None, document)).collect()
            })
        }
        Place::Document(index) => Ok(vec![put(Action::Index, index, id, body)]),
        Place::Create(index) => Ok(vec![put(Action::Create, index, id, body)]),
    };
    let wanted = wanted.map_err(|reason| refused(app, caller, Refusal::BadRequest(reason.into())))?;
    record(app, caller, wanted, rules).await
}

fn put(action: Action, index: Index, id: Option<String>, document: &[u8]) -> Wanted<'_> {
    Wanted { action, index: index.as_str().to_owned(), id, document }
}

/// The body with its place in the room, and what it is held to if a page sent it.
async fn read(desk: &Desk, caller: &Caller, request: Request) -> Result<(Held, Option<Rules>), Refusal> {
    let (app, headers) = (&desk.app, request.headers());
    check_media_type(headers)?;
    let is_page = is_page_key(caller);
    let rules = is_page
        .then(|| Rules::of(&app.settings, headers, app.clock.now_ms()).with_device(told_device(headers)));
    let room = if is_page { &desk.page_room } else { &desk.room };
    let held = room.read(request).await.map_err(|error| Refusal::of_body(error, room.body_bytes_max()))?;
    Ok((held, rules))
}
