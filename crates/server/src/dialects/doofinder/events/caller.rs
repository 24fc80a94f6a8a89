//! Who may send events: a caller with a key of the engine's account, or a page of a site that is bound to the engine.
//! Official front ends have no key; their browser tells where the page is from. A key that stands in a page is held to
//! the engines and origins that are listed with it. Whoever may not learns nothing more.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, ORIGIN, REFERER};
use registry::{Engine, Scope};

use super::refusal::Refusal;
use super::{Desk, hashid};
use crate::access::{self, Caller};
use crate::app::App;
use crate::counts::Fate;
use crate::origins::{Origin, sole};

/// The engine that the caller may send events of.
pub(super) fn engine(desk: &Desk, request: &Request, named: Option<&str>) -> Result<Arc<Engine>, Refusal> {
    let (app, headers) = (&desk.app, request.headers());
    let engine = hashid(named).and_then(|hashid| app.registry.engine(hashid));
    if !headers.contains_key(AUTHORIZATION) {
        let bound = engine.filter(|engine| is_page_of(app, headers, engine));
        let stranger = if headers.contains_key(ORIGIN) { Fate::ForeignOrigin } else { Fate::AccessDenied };
        return bound.ok_or(Refusal::Forbidden(stranger));
    }
    let denied = || Refusal::Forbidden(Fate::AccessDenied);
    let caller = caller(app, headers).filter(may_record).ok_or_else(denied)?;
    let engine = match engine {
        Some(engine) => engine,
        None if named.is_none() => return Err(Refusal::Missing("hashid".to_owned())),
        None => return Err(Refusal::NotFound(Fate::UnknownEngine)),
    };
    if engine.account != caller.account || !caller.confines.hold(engine.hashid) {
        return Err(denied());
    }
    // Whom the site alone lets in, a key does not shut out.
    if !is_page_of(app, headers, &engine) {
        app.pages.admit(&caller, request, app.clock.running_ns())?;
    }
    Ok(engine)
}

fn may_record(caller: &Caller) -> bool {
    [Scope::Write, Scope::Click].into_iter().any(|scope| caller.needs(scope).is_ok())
}

/// `Authorization: Token <key>`. Some clients send the key alone.
fn caller(app: &App, headers: &HeaderMap) -> Option<Caller> {
    let told = sole(headers, &AUTHORIZATION)?.trim();
    let now_ms = app.clock.now_ms();
    if told.contains(' ') {
        return access::caller(&app.registry, told, now_ms);
    }
    access::caller(&app.registry, &format!("Token {told}"), now_ms)
}

/// Whether the request comes from a page of a site of the engine, by its browser's word. A browser that reads from its own origin
/// tells only the page.
fn is_page_of(app: &App, headers: &HeaderMap, engine: &Engine) -> bool {
    let origin = match headers.contains_key(ORIGIN) {
        true => sole(headers, &ORIGIN).and_then(Origin::parse),
        false => sole(headers, &REFERER).and_then(Origin::of_address),
    };
    origin.is_some_and(|origin| is_site_of(app, &origin, engine))
}

/// Whether the origin's host is a site of the engine. As for browsers, a site's port does not matter.
pub(super) fn is_site_of(app: &App, origin: &Origin, engine: &Engine) -> bool {
    app.registry.site(origin.host()).is_some_and(|bound| bound.hashid == engine.hashid)
}
