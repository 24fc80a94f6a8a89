//! The Doofinder Management API v2 below `/api/v2/search_engines`: search engines, their indices, and the items that the
//! click call checks. This file holds the order of checks: route, method, caller, how often, then what each call asks.
//! It must never know how anything is kept.
//!
//! Rooms: `place` (what a path stands for), `body` (JSON in), `answers` (JSON out), `engines`, `indices`, `items`, `bulk`, `scrolls` (the calls), `item` (the fields of one), `refusal`.

mod answers;
mod body;
mod bulk;
mod engines;
mod indices;
mod item;
mod items;
mod place;
mod refusal;
mod scrolls;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use clicks::{EngineIndex, Hashid};
use registry::{Registry, Scope};
use tokio::sync::Semaphore;

use super::stats::Stats;
use crate::access::Caller;
use crate::app::App;
use crate::http::Trouble;
use body::BODIES_BYTES_AT_ONCE_MAX;
use place::{Place, Target};
use refusal::Refusal;
use scrolls::Scrolls;

/// What these routes serve, as a part of the server's OpenAPI document: `paths` and `components`.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

/// What these routes share.
struct Desk {
    app: Arc<App>,
    /// Knows callers, and how often they called: a key has one limit for all of this API.
    stats: Arc<Stats>,
    scrolls: Scrolls,
    /// Room for bodies.
    room: Arc<Semaphore>,
}

/// One call of a caller who is known.
struct Call {
    caller: Caller,
    parts: Parts,
}

/// The routes below `/api/v2/search_engines`. Whatever is not served there is refused in this API's words.
pub(super) fn routes(stats: Arc<Stats>) -> Router {
    let root = place::ROOT;
    let mut routes = Router::new();
    for path in [root.to_owned(), format!("{root}/"), format!("{root}/{{*rest}}")] {
        routes = routes.route(&path, any(dispatch));
    }
    let room = Arc::new(Semaphore::new(BODIES_BYTES_AT_ONCE_MAX));
    let app = Arc::clone(&stats.app);
    routes.with_state(Arc::new(Desk { app, stats, scrolls: Scrolls::default(), room }))
}

/// The front's own refusals in these words, if the path is one of these.
pub(super) fn refusal(uri: &Uri, trouble: Trouble) -> Option<Response> {
    place::is_below(uri.path()).then(|| Refusal::from(trouble).into_response())
}

async fn dispatch(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let target = Target::of(parts.uri.path()).ok_or_else(Refusal::no_route)?;
    let method = if parts.method == Method::HEAD { Method::GET } else { parts.method.clone() };
    let allow = target.place.allow();
    if !allow.split(", ").any(|allowed| allowed == method.as_str()) {
        return Err(Refusal::MethodNotAllowed(allow));
    }
    let caller = desk.stats.admit(&parts)?;
    let call = &Call { caller, parts };
    if matches!(target.place, Place::Engines) {
        return if method == Method::GET {
            engines::list(&desk, call)
        } else {
            engines::create(&desk, call, body).await
        };
    }
    let hashid = target.hashid()?;
    match target.place {
        Place::Engines | Place::Engine if method == Method::GET => engines::show(&desk, call, hashid),
        Place::Engines | Place::Engine if method == Method::PATCH => {
            engines::update(&desk, call, body, hashid).await
        }
        Place::Engines | Place::Engine => engines::delete(&desk, call, hashid).await,
        Place::Indices if method == Method::GET => indices::list(&desk, call, hashid),
        Place::Indices => indices::create(&desk, call, body, hashid).await,
        Place::Absent(why) => absent(&desk, call, hashid, why),
        _ => {
            let index = target.index()?;
            in_index(&desk, call, body, &method, target.place, EngineIndex { engine: hashid, index }).await
        }
    }
}

async fn in_index(
    desk: &Desk,
    call: &Call,
    body: Body,
    method: &Method,
    place: Place,
    of: EngineIndex,
) -> Result<Response, Refusal> {
    match place {
        Place::Index if method == Method::GET => indices::show(desk, call, &of),
        Place::Index if method == Method::PATCH => indices::update(desk, call, body, &of).await,
        Place::Index => indices::delete(desk, call, of).await,
        Place::Items if method == Method::GET => scrolls::page(desk, call, of).await,
        Place::Items => items::create(desk, call, body, of).await,
        Place::Bulk if method == Method::DELETE => bulk::delete(desk, call, body, of).await,
        Place::Bulk => bulk::put(desk, call, body, of, method == Method::PATCH).await,
        Place::Mget => items::find(desk, call, body, of).await,
        Place::Count => items::count(desk, call, of).await,
        Place::Item(named) if method == Method::GET => items::show(desk, call, of, named).await,
        Place::Item(named) if method == Method::PATCH => items::update(desk, call, body, of, named).await,
        Place::Item(named) => items::delete(desk, call, of, named).await,
        Place::Engines | Place::Engine | Place::Indices | Place::Absent(_) => Err(Refusal::no_route()),
    }
}

/// What has no meaning here, and says so to those who may ask.
fn absent(desk: &Desk, call: &Call, hashid: Hashid, why: &'static str) -> Result<Response, Refusal> {
    desk.may_manage(call, hashid)?;
    Err(Refusal::NotFound(why.to_owned()))
}

impl Desk {
    /// Whether the caller may manage this engine.
    fn may_manage(&self, call: &Call, hashid: Hashid) -> Result<(), Refusal> {
        call.caller.needs(Scope::Manage)?;
        Ok(call.caller.owns(&self.app.registry, hashid)?)
    }

    /// Whether the caller may see and change items of this index, and there is one.
    fn may_feed(&self, call: &Call, of: &EngineIndex) -> Result<(), Refusal> {
        call.caller.needs(Scope::Manage).or_else(|_| call.caller.needs(Scope::Write))?;
        call.caller.owns(&self.app.registry, of.engine)?;
        self.holds(of)
    }

    fn holds(&self, of: &EngineIndex) -> Result<(), Refusal> {
        let engine = self.app.registry.engine(of.engine);
        let listed = engine.is_some_and(|engine| engine.indices.contains(&of.index));
        let missing = || Refusal::NotFound(format!("search engine {} has no index {}", of.engine, of.index));
        if listed { Ok(()) } else { Err(missing()) }
    }

    /// Asks the registry what needs a disk or takes long, where no other connection waits for it.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let registry = self.app.registry.clone();
        let done = tokio::task::spawn_blocking(move || work(&registry)).await;
        done.unwrap_or_else(|failed| {
            tracing::error!(error = %failed, "a management call panicked");
            Err(Refusal::Internal)
        })
    }
}

#[cfg(test)]
mod tests;
