//! What a browser is told about pages of other origins (Fetch standard, CORS protocol). A page may read the answers if
//! its site is bound to the engine, or its origin is listed in the configuration or with a key; whether it may record is
//! decided by `caller` alone. No cookie is ever looked at here, so none is asked for.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, HeaderValue, ORIGIN, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::place::{Place, Version};
use super::refusal::Refusal;
use super::{Desk, caller, hashid};
use crate::counts::Fate;
use crate::origins::{Origin, sole};

/// How long a browser may remember a preflight's answer, in seconds: an hour.
const PREFLIGHT_SECONDS_MAX: &str = "3600";

/// Answers `OPTIONS`: with an `Origin` it is a preflight, without one it asks which methods there are.
/// A preflight passes on every path: a page that calls what isn't there shall be able to read the 404.
pub(super) fn options(desk: &Desk, place: Option<&Place>, headers: &HeaderMap) -> Result<Response, Refusal> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let told = response.headers_mut();
    told.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let methods = HeaderValue::from_static(match place.map(|place| place.version) {
        Some(Version::Five) => "GET, OPTIONS",
        Some(Version::Six) => "PUT, OPTIONS",
        None => "GET, PUT, OPTIONS",
    });
    if !headers.contains_key(ORIGIN) {
        place.ok_or(Refusal::NoRoute)?;
        told.insert(ALLOW, methods);
        return Ok(response);
    }
    if !is_let_in(desk, place, headers) {
        return Err(Refusal::Forbidden(Fate::ForeignOrigin));
    }
    told.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    told.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
    told.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS_MAX));
    Ok(response)
}

/// Lets pages that may read the answer, whatever it is, and tells caches that answers differ by origin.
pub(super) fn tell(desk: &Desk, place: Option<&Place>, headers: &HeaderMap, response: &mut Response) {
    let told = response.headers_mut();
    told.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = headers.get(ORIGIN).filter(|_| is_let_in(desk, place, headers)) {
        told.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// Whether the origin is listed, in the configuration or with a key, or its host is a site of the engine that is named; of
/// any engine where none is. A preflight shows no key: the call itself is held to its key's own origins.
fn is_let_in(desk: &Desk, place: Option<&Place>, headers: &HeaderMap) -> bool {
    let registry = &desk.app.registry;
    let Some(text) = sole(headers, &ORIGIN) else { return false };
    let Some(origin) = Origin::parse(text) else { return false };
    let is_site = || match place {
        None => registry.site(origin.host()).is_some(),
        Some(place) => {
            let engine = hashid(place.hashid.as_deref()).and_then(|hashid| registry.engine(hashid));
            engine.is_some_and(|engine| caller::is_site_of(&desk.app, &origin, &engine))
        }
    };
    desk.origins.lists(&origin) || registry.lists_origin(text) || is_site()
}
