//! `POST /1/events`: who calls, the order of checks, and the recording of what the events tell. It must never know how an
//! event is read.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use axum::http::{HeaderName, Uri};
use axum::response::{IntoResponse, Response};
use clicks::ProductType;
use registry::{Engine, Scope};

use super::events::{Clicked, Told, read};
use super::index::{NoPlace, place};
use super::refusals::{Refusal, ok};
use crate::access::{Caller, key_caller};
use crate::app::App;
use crate::browser::told_device;
use crate::counts::Fate;
use crate::feed::{ClickLine, Line, Rejection, Report};
use crate::feeder::{Feeder, fed};
use crate::http::BodyRoom;
use crate::live::Source;
use crate::origins::sole;
use crate::pages::{Admitted, Callable, Rules, is_page_key, preflight, tell};

/// The largest body, in bytes.
pub const INSIGHTS_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How many of the largest bodies are held at the same time.
const BODIES_AT_ONCE_MAX: usize = 16;
/// The longest part of a name that a message repeats, in characters.
const SHOWN_CHARS_MAX: usize = 64;

const APPLICATION_ID: HeaderName = HeaderName::from_static("x-algolia-application-id");
const API_KEY: HeaderName = HeaderName::from_static("x-algolia-api-key");

/// What a page may send. The client itself puts all of its own into the address.
const CALLABLE: Callable = Callable {
    methods: "POST",
    headers: "Content-Type, X-Algolia-Application-Id, X-Algolia-API-Key, X-Algolia-Agent, X-Algolia-UserToken",
};

/// What the handlers need: the app, and room for bodies.
pub(super) struct Desk {
    app: Arc<App>,
    room: BodyRoom,
    /// For bodies of pages, whose keys everybody can read.
    page_room: BodyRoom,
}

impl Desk {
    pub(super) fn new(app: Arc<App>) -> Self {
        let [room, page_room] = [(); 2].map(|()| BodyRoom::new(INSIGHTS_BYTES_MAX, BODIES_AT_ONCE_MAX));
        Self { app, room, page_room }
    }
}

/// Answers `OPTIONS`.
pub(super) async fn options(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    preflight(&desk.app.registry, request.headers(), CALLABLE).unwrap_or_else(|| {
        let mut response = Refusal::ForeignOrigin.into_response();
        tell(None, &mut response);
        response
    })
}

/// Takes events, all or none. The first refusal in this order wins: who calls, the scope, a page's limits and origin, the
/// encoding, room, the size, what an event says, which index it names.
pub(super) async fn events(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (origin, answer) = match caller(&desk.app, &request) {
        Ok(caller) => let_in(&desk, &caller, request).await,
        Err(refusal) => (None, Err(refusal)),
    };
    let mut response = answer.map_or_else(Refusal::into_response, |()| ok());
    tell(origin.as_ref(), &mut response);
    response
}

async fn let_in(desk: &Desk, caller: &Caller, request: Request) -> (Admitted, Result<(), Refusal>) {
    let (origin, understood) = match pass(desk, caller, &request) {
        Ok(origin) => (origin, understand(desk, caller, request).await),
        Err(refusal) => (None, Err(refusal)),
    };
    let answer = match understood {
        Ok(understood) => record(&desk.app, caller, understood).await,
        Err(refusal) => Err(refused(&desk.app, caller, refusal)),
    };
    (origin, answer)
}

/// A call that was refused as a whole is one that was received; those who watch the account learn of it.
fn refused(app: &App, caller: &Caller, refusal: Refusal) -> Refusal {
    if let Some(fate) = refusal.fate() {
        app.counts.met(fate, 1);
        // These refusals have words and no codes: what became of the call stands for one.
        let (code, now_ms) = (fate.label(), app.clock.now_ms());
        app.live.refused(caller.account, Source::Insights, now_ms, code, &refusal.rule(), None);
    }
    refusal
}

fn caller(app: &App, request: &Request) -> Result<Caller, Refusal> {
    let told = |name: &HeaderName| {
        credential(request.uri(), request.headers(), name).ok_or(Refusal::InvalidCredentials)
    };
    let caller = key_caller(&app.registry, &told(&API_KEY)?).ok_or(Refusal::InvalidCredentials)?;
    let application = told(&APPLICATION_ID)?;
    let account = app.registry.account(caller.account).ok_or(Refusal::InvalidCredentials)?;
    let is_named = application == account.code.to_string() || application == *account.name;
    if is_named { Ok(caller) } else { Err(Refusal::InvalidCredentials) }
}

fn pass(desk: &Desk, caller: &Caller, request: &Request) -> Result<Admitted, Refusal> {
    if caller.needs(Scope::Click).is_err() && caller.needs(Scope::Write).is_err() {
        return Err(Refusal::NoScope);
    }
    let app = &desk.app;
    Ok(app.pages.admit(caller, request, app.clock.running_ns())?)
}

/// What the header says, or the parameter of the same name in any letter case; given once.
fn credential(uri: &Uri, headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    if headers.contains_key(name) {
        return sole(headers, name).map(str::to_owned);
    }
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    let mut told = pairs.into_iter().filter(|(known, _)| known.eq_ignore_ascii_case(name.as_str()));
    told.next().filter(|_| told.next().is_none()).map(|(_, value)| value)
}

/// Events that may be recorded.
struct Understood {
    clicks: Vec<(u64, ClickLine)>,
    /// How many events are no clicks on results.
    others: u64,
    rules: Rules,
}

async fn understand(desk: &Desk, caller: &Caller, request: Request) -> Result<Understood, Refusal> {
    let app = &desk.app;
    let headers = request.headers();
    // Clients send JSON as text/plain, as a form or as JSON, whatever spares them a preflight: the body itself tells.
    let plain = |told: &HeaderValue| told.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Err(Refusal::Compressed);
    }
    let now_ms = app.clock.now_ms();
    let rules = Rules::of(&app.settings, headers, now_ms);
    let rules = rules.with_device(told_device(headers)).of_any_age();
    let room = if is_page_key(caller) { &desk.page_room } else { &desk.room };
    let (body, _place) = room.read(request).await?;
    let Told { clicks, others } = read(&body, now_ms).map_err(Refusal::Unprocessable)?;
    let mut engines = app.registry.engines(Some(caller.account));
    engines.retain(|engine| caller.confines.hold(engine.hashid));
    let clicks = clicks.into_iter().map(|click| line(&engines, click)).collect::<Result<_, _>>()?;
    Ok(Understood { clicks, others, rules })
}

/// Records the clicks; each ends in exactly one count, as does every other event.
async fn record(app: &Arc<App>, caller: &Caller, understood: Understood) -> Result<(), Refusal> {
    let Understood { clicks, others, rules } = understood;
    app.counts.met(Fate::NotAClick, others);
    if let Some(fate) = rules.not_logged() {
        app.counts.met(fate, clicks.len() as u64);
        return Ok(());
    }
    let hold = |(event, click)| (event, rules.hold(Line::Click(click)));
    complain(fed(app, Feeder::of(caller, Source::Insights), clicks.into_iter().map(hold).collect()).await?)
}

/// Whether any click was not taken after all: of a day that was removed, mostly.
fn complain(report: Report) -> Result<(), Refusal> {
    let Some((event, Rejection { message, .. })) = report.rejected.into_iter().next() else { return Ok(()) };
    Err(Refusal::Unprocessable(format!(
        "events[{}].{message} ({} clicks were not recorded, all others were)",
        event.saturating_sub(1),
        report.rejected_total
    )))
}

fn line(engines: &[Arc<Engine>], click: Clicked) -> Result<(u64, ClickLine), Refusal> {
    let place = place(engines, &click.index).map_err(|why| no_index(click.event, &click.index, why))?;
    let line = ClickLine {
        id: click.id,
        at_ms: click.at_ms,
        engine: Some(place.engine),
        index: place.index,
        doc_id: click.doc_id,
        query_id: click.query_id,
        searched_ms: None,
        rank: click.rank,
        device: None,
        product_type: ProductType::Search,
        custom_result: None,
        terms: None,
        user: Some(click.user),
        session: None,
    };
    Ok((click.event as u64 + 1, line))
}

fn no_index(event: usize, name: &str, why: NoPlace) -> Refusal {
    let name = name.chars().take(SHOWN_CHARS_MAX).collect();
    let why = match why {
        NoPlace::Unknown => "no search engine of this key has this name, hashid or index",
        NoPlace::Ambiguous => "several search engines have this name or index; name one as `hashid:index`",
    };
    Refusal::NoIndex { event, name, why }
}
