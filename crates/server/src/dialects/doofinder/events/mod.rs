//! The session and event calls of the Doofinder Search API: `PUT /6/{hashid}/stats/click`, `…/image` (a click on a
//! banner), `…/init` and `…/redirect`, and `GET /5/stats/…` as older clients send them. This file holds the paths and the
//! order of checks: address rate, method, caller, fields, item. It must never know how a click is kept.
//!
//! Rooms: `place` (what a path stands for), `caller` (a key, or a page of the engine's own site), `cors` (what a browser
//! is told about that), `told` (fields, whichever way they were sent), `click` (a click or a banner's), `session` (an
//! opening or a redirection), `refusal` (what is answered otherwise).

mod caller;
mod click;
mod cors;
mod place;
mod refusal;
mod session;
mod told;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use clicks::{Device, Hashid};
use registry::Engine;

use crate::app::App;
use crate::browser::{Wish, asks_not_to_be_tracked, told_device, wish};
use crate::counts::Fate;
use crate::http::{BodyTimeout, Facts, SlidingWindow, Trouble, rate_key, read_body};
use crate::live::Source;
use crate::media_type::is_json;
use crate::origins::Origins;
use crate::received::Received;
use click::Kept;
use place::{Event, Place, Version};
use refusal::Refusal;
use told::Told;

/// What these routes serve, as a part of the server's OpenAPI document: `paths` and `components`.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

/// The largest body, in bytes: the longest query in the longest spelling that JSON has for it, and room for the rest.
const EVENT_BODY_BYTES_MAX: usize = 16_384;
/// How long a body may take where the front does not say.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// The most client addresses whose events of the last second are followed.
const EVENT_ADDRESSES_MAX: usize = 65_536;

/// What these routes share.
struct Desk {
    app: Arc<App>,
    origins: Origins,
    rate: SlidingWindow<IpAddr>,
}

/// The routes below `/5` and `/6`. Whatever is not served there is refused in this API's words.
pub(super) fn routes(app: Arc<App>) -> Router {
    let mut routes = Router::new();
    for root in place::ROOTS {
        for path in [root.to_owned(), format!("{root}/"), format!("{root}/{{*rest}}")] {
            routes = routes.route(&path, any(dispatch));
        }
    }
    let origins = Origins::new(app.settings.public_origin.as_deref(), &app.settings.cors_origins);
    let rate = SlidingWindow::new(app.settings.clicks_per_second, EVENT_ADDRESSES_MAX);
    routes.with_state(Arc::new(Desk { app, origins, rate }))
}

/// The front's own refusals in these words, if the path is one of these.
pub(super) fn refusal(uri: &Uri, trouble: Trouble) -> Option<Response> {
    place::is_below(uri.path()).then(|| Refusal::from(trouble).into_response())
}

async fn dispatch(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let place = Place::of(request.uri());
    let headers = request.headers().clone();
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = match &place {
        place if is_preflight => cors::options(&desk, place.as_ref(), &headers),
        Some(place) => event(&desk, place, request).await,
        None => Err(Refusal::NoRoute),
    }
    .unwrap_or_else(IntoResponse::into_response);
    cors::tell(&desk, place.as_ref(), &headers, &mut response);
    response
}

/// One event, whose fate is counted whatever it is.
async fn event(desk: &Desk, place: &Place, request: Request) -> Result<Response, Refusal> {
    let answer = taken(desk, place, request).await;
    if let Err(refusal) = &answer
        && let Some(engine) =
            hashid(place.hashid.as_deref()).and_then(|hashid| desk.app.registry.engine(hashid))
    {
        // These refusals have words and no codes: what became of the event stands for one.
        let (code, now_ms) = (refusal.fate().label(), desk.app.clock.now_ms());
        let (account, engine) = (engine.account, Some(engine.hashid));
        desk.app.live.refused(account, Source::Doofinder, now_ms, code, &refusal.to_string(), engine);
    }
    answer
}

async fn taken(desk: &Desk, place: &Place, request: Request) -> Result<Response, Refusal> {
    let received = Received::new(&desk.app);
    match check(desk, place, request).await {
        Ok(Checked::Recorded(engine, line)) => click::record(received, engine, line).await.map(registered),
        Ok(Checked::NotLogged(fate)) => {
            received.met(fate);
            Ok(registered(false))
        }
        Err(refusal) => {
            received.met(refusal.fate());
            Err(refusal)
        }
    }
}

/// What the checks make of an event.
enum Checked {
    /// It is well-formed, and its item is known.
    Recorded(Arc<Engine>, Box<Kept>),
    /// It is not to be logged, which is no error.
    NotLogged(Fate),
}

/// The checks, in their order.
async fn check(desk: &Desk, place: &Place, request: Request) -> Result<Checked, Refusal> {
    let app = &desk.app;
    let facts = Facts::of(request.extensions(), request.uri(), request.headers());
    let admitted = desk.rate.admit(&rate_key(facts.client), app.clock.running_ns());
    admitted.map_err(Refusal::RateLimited)?;
    let allow = place.version.method();
    if request.method() != allow {
        return Err(Refusal::MethodNotAllowed(allow));
    }
    let engine = caller::engine(desk, &request, place.hashid.as_deref())?;
    if !app.settings.click_log {
        return Ok(Checked::NotLogged(Fate::SwitchedOff));
    }
    let (parts, body) = request.into_parts();
    let wish = wish(app.settings.opt_out, asks_not_to_be_tracked(&parts.headers));
    if wish == Wish::NotLogged {
        return Ok(Checked::NotLogged(Fate::OptedOut));
    }
    let body = match place.version {
        Version::Six => read(&parts, body).await?,
        Version::Five => None,
    };
    let told = Told::read(parts.uri.query().unwrap_or_default(), body.as_deref())?;
    let event = match place.event {
        Event::Click => Kept::Click(click::click(&told, place.version, engine.hashid, app).await?),
        Event::Banner => Kept::Click(click::banner(&told, place.version)?),
        Event::Opening => {
            let nonce = (wish == Wish::NotNamed).then(|| nonce().ok_or(Refusal::Unavailable)).transpose()?;
            Kept::Search(session::opening(&told, engine.hashid, nonce.as_deref())?)
        }
        Event::Redirection => {
            let nonce = nonce().ok_or(Refusal::Unavailable)?;
            Kept::Search(session::redirection(&told, place.version, engine.hashid, &nonce)?)
        }
    };
    // A shop's server that sends the clicks of others holds no device itself.
    let event = seen(event, app.clock.now_ms(), told_device(&parts.headers), wish == Wish::NotNamed);
    Ok(Checked::Recorded(engine, Box::new(event)))
}

/// An event with what the server saw of it; `unknown` leaves out who it was.
fn seen(event: Kept, now_ms: i64, on: Option<Device>, unknown: bool) -> Kept {
    match event {
        Kept::Click(mut line) => {
            (line.at_ms, line.device) = (now_ms, on);
            if unknown {
                (line.user, line.session) = (None, None);
            }
            Kept::Click(line)
        }
        Kept::Search(mut line) => {
            (line.at_ms, line.device) = (now_ms, on);
            if unknown {
                (line.user, line.session) = (None, None);
            }
            Kept::Search(line)
        }
    }
}

/// 32 hexadecimal digits that nobody has had before; `None` when the system gives no randomness.
fn nonce() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The body, if there is any: official clients send one, or everything in the query string and none.
async fn read(parts: &Parts, body: Body) -> Result<Option<Bytes>, Refusal> {
    let time_max = parts.extensions.get::<BodyTimeout>().map_or(BODY_TIME_MAX, |timeout| timeout.0);
    let bytes = read_body(body, EVENT_BODY_BYTES_MAX, time_max).await?;
    match bytes.is_empty() {
        true => Ok(None),
        false if is_json(&parts.headers) => Ok(Some(bytes)),
        false => Err(Refusal::BadMediaType),
    }
}

/// The one answer to a good event. It says what is true: an event that is not to be logged is not registered.
fn registered(registered: bool) -> Response {
    const REGISTERED: &str = r#"{"status":"registered"}"#;
    const NOT_REGISTERED: &str = r#"{"status":"not_registered"}"#;
    let mut response = Response::new(Body::from(if registered { REGISTERED } else { NOT_REGISTERED }));
    dress(response.headers_mut());
    response
}

/// The headers of every answer with a body.
fn dress(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// The search engine's name as a path or a query string spells it.
fn hashid(text: Option<&str>) -> Option<Hashid> {
    text?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_front_refuses_with_statuses_that_the_document_names() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let troubles = [
            Trouble::Panicked,
            Trouble::Busy,
            Trouble::UriTooLong,
            Trouble::HeadersTooLarge,
            Trouble::HostRepeated,
        ];
        for (path, item) in document["paths"].as_object().unwrap() {
            let uri: Uri = path.replace("{hashid}", "x").parse().unwrap();
            assert!(Place::of(&uri).is_some(), "{path}");
            for trouble in troubles {
                let status = refusal(&uri, trouble).unwrap().status();
                assert_eq!(status, trouble.status());
                for operation in item.as_object().unwrap().values() {
                    assert!(operation["responses"][status.as_str()].is_object(), "{path} {status}");
                }
            }
        }
        assert!(refusal(&Uri::from_static("/api/v2/click"), Trouble::Busy).is_none());
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let parts: Vec<&str> = OPENAPI.split("\"$ref\": \"#").skip(1).collect();
        assert!(parts.len() > 10);
        for part in parts {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
