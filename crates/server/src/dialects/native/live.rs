//! `GET /v1/live`: what happens in the caller's account, as server-sent events. It must never tell who a visitor is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use clicks::{Click, Device, Dfid, IndexName, ItemDigest, SearchTerms};
use hyper::body::Frame;
use registry::Scope;
use serde::Serialize;
use tokio::sync::mpsc;

use super::events::Desk;
use super::refusals::Refusal;
use crate::access;
use crate::app::App;
use crate::callers::Identified;
use crate::live::{Event, Seen, Source, Watch};
use crate::sessions::Session;

/// How often a stream says that it is alive, and finds out whether its reader still may read.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many events a stream has ready for its connection.
const READY_EVENTS_MAX: usize = 4;
/// Tells proxies not to gather what comes.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Serialize)]
struct ClickTold<'a> {
    at: i64,
    received_at: i64,
    hashid: String,
    index: Option<&'a str>,
    doc_id: &'a str,
    title: Option<Box<str>>,
    link: Option<Box<str>>,
    query: Option<String>,
    rank: Option<u32>,
    device: Option<&'static str>,
    product_type: &'static str,
    source: &'static str,
}

#[derive(Serialize)]
struct RefusedTold<'a> {
    at: i64,
    source: &'static str,
    code: &'static str,
    message: &'a str,
    hashid: Option<String>,
}

#[derive(Serialize)]
struct Hello {
    at: i64,
}

#[derive(Serialize)]
struct Dropped {
    missed: u64,
}

/// What lets somebody read.
enum Pass {
    Session(Session),
    Authorization(HeaderValue),
}

impl Pass {
    /// Whether it still does.
    fn holds(&self, app: &App) -> bool {
        let caller = match self {
            Self::Session(session) => app.standing(session),
            Self::Authorization(told) => {
                told.to_str().ok().and_then(|told| access::caller(&app.registry, told, app.clock.now_ms()))
            }
        };
        caller.is_some_and(|caller| caller.needs(Scope::Read).is_ok())
    }
}

/// Answers with a stream that ends with the session, with the server, or with a reader who is too slow.
pub(super) async fn live(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    const SCOPE: &str = "this key lacks the scope `read`";
    let app = &desk.app;
    let Identified { caller, session } = app.identify(&request)?;
    caller.needs(Scope::Read).map_err(|_| Refusal::AccessDenied(SCOPE))?;
    let authorization = request.headers().get(AUTHORIZATION).cloned();
    let pass = match (session, authorization) {
        (Some(session), _) => Pass::Session(session),
        (None, Some(told)) => Pass::Authorization(told),
        (None, None) => return Err(Refusal::NotAuthenticated),
    };
    let watch = app.live.watch(caller.account).ok_or(Refusal::TooManyRequests)?;
    let (events, ready) = mpsc::channel(READY_EVENTS_MAX);
    tokio::spawn(play(Arc::clone(app), watch, pass, events));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::new(Stream { ready })).into_response())
}

/// Writes what happens until somebody ends it.
async fn play(app: Arc<App>, mut watch: Watch, pass: Pass, events: mpsc::Sender<Bytes>) {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    // The first beat comes at once; `hello` says it.
    heartbeat.tick().await;
    let mut next = event("hello", &Hello { at: app.clock.now_ms() });
    loop {
        if !taken(&events, next).await {
            return;
        }
        next = tokio::select! {
            biased;
            () = events.closed() => return,
            _ = heartbeat.tick() => {
                if !pass.holds(&app) {
                    return;
                }
                Bytes::from_static(b": \n\n")
            }
            seen = watch.next() => match seen {
                Seen::Over => return,
                Seen::Missed(missed) => {
                    taken(&events, event("dropped", &Dropped { missed })).await;
                    return;
                }
                // Whoever was asked to go must not see one more, however long the heart takes to beat.
                Seen::Event(_) if !pass.holds(&app) => return,
                Seen::Event(told) => match shown(&app, told).await {
                    Some(bytes) => bytes,
                    None => return,
                },
            },
        };
    }
}

/// Hands an event to the connection; false where nobody reads, or nobody has taken any for so long that they only keep a place that
/// somebody else could have.
async fn taken(events: &mpsc::Sender<Bytes>, event: Bytes) -> bool {
    matches!(tokio::time::timeout(HEARTBEAT, events.send(event)).await, Ok(Ok(())))
}

/// An event as it is sent; what it is called is looked up on the disk, which may be slow.
async fn shown(app: &Arc<App>, told: Event) -> Option<Bytes> {
    match told {
        Event::Click(click, source) => {
            let app = Arc::clone(app);
            tokio::task::spawn_blocking(move || clicked(&app, &click, source)).await.ok()
        }
        Event::Refused { at_ms, source, code, message, engine } => {
            let hashid = engine.map(|engine| engine.to_string());
            let told = RefusedTold { at: at_ms, source: source.as_str(), code, message: &message, hashid };
            Some(event("refused", &told))
        }
    }
}

fn clicked(app: &App, click: &Click, source: Source) -> Bytes {
    let search =
        || app.store.searches(Some(click.account), click.query_id.as_deref()?).ok()?.into_iter().next();
    let search = search();
    // As it is counted: with what its search tells. The search's words as they were typed, where it is known.
    let mut click = click.clone();
    if let Some(search) = &search {
        click.complete(search);
    }
    let typed = search.and_then(|search| search.query.clone());
    let folded = || click.terms.as_ref().map(|terms| SearchTerms::as_str(terms).to_owned());
    let dfid = click.index.as_ref().map(|index| Dfid {
        engine: click.engine,
        index: index.clone(),
        digest: ItemDigest::of(click.doc_id.as_str()),
    });
    let item = dfid.and_then(|dfid| app.registry.item(&dfid).ok().flatten());
    let (title, link) = item.map_or((None, None), |item| (item.title, item.link));
    let told = ClickTold {
        at: click.at_ms,
        received_at: click.received_ms,
        hashid: click.engine.to_string(),
        index: click.index.as_ref().map(IndexName::as_str),
        doc_id: click.doc_id.as_str(),
        title,
        link,
        query: typed.map(String::from).or_else(folded),
        rank: click.rank,
        device: click.device.map(Device::as_str),
        product_type: click.product_type.as_str(),
        source: source.as_str(),
    };
    event("click", &told)
}

/// An event as the stream carries it: JSON has no line break in it.
fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// The body of an answer that ends when nobody writes it any more.
struct Stream {
    ready: mpsc::Receiver<Bytes>,
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.ready.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
