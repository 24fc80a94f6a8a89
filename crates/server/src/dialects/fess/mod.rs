//! The Fess v2 click log API: `POST /api/v2/click`, `GET /api/v2/ui/config`, `GET /api/v2/health`, `GET /go/`, and the refusal of
//! everything else below `/api/v2/` that is not another dialect's. This file holds the routes and the order of checks:
//! origin, token, route, method. It must never name a store or another dialect.
//!
//! Rooms: `cors` (what a browser is told about where it comes from), `session` (signed sessions and their tokens),
//! `visitor` (the user code), `click` (the call itself), `click_body` (its fields), `ui_config`, `health`,
//! `refusal` and `envelope` (what is answered).

mod click;
mod click_body;
mod cors;
mod envelope;
mod go;
mod health;
mod log;
mod log_csv;
mod refusal;
mod request_body;
mod session;
mod ui_config;
mod visitor;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, EXPECT, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::any;
use registry::MasterSecret;

use crate::app::App;
use crate::http::{Facts, SlidingWindow, Trouble};
use crate::origins::{Origins, Source};
use click_body::CLICK_BODY_BYTES_MAX;
use refusal::Refusal;
use request_body::RequestBody;
use session::{Session, Sessions};

pub use log::{FESS_INDEX, FESS_LINE_BYTES_MAX, FessOptions, FessReader};

/// What these routes serve, as a part of the server's OpenAPI document: `paths` and `components`.
pub const OPENAPI: &str = include_str!("openapi.json");

/// How long a short body may take that nobody reads: it mostly came with its head.
const UNREAD_BODY_TIME_MAX: Duration = Duration::from_millis(100);

/// The most client addresses whose clicks of the last second are followed.
const CLICK_ADDRESSES_MAX: usize = 65_536;

/// The routes below `/api/v2/` that belong to no other dialect. Each goes through `dispatch`, because the checks of
/// origin and token come before the question whether there is such a route.
pub fn routes(app: Arc<App>, secret: &MasterSecret) -> Router {
    let route = |place: Place| {
        any(move |State(fess): State<Arc<Fess>>, request: Request| async move {
            dispatch(&fess, place, request).await
        })
    };
    Router::new()
        .route("/go", route(Place::Go))
        .route("/api/v2/click", route(Place::Click))
        .route("/api/v2/ui/config", route(Place::UiConfig))
        .route("/api/v2/health", route(Place::Health))
        .route("/api/v2", route(Place::Nowhere))
        .route("/api/v2/", route(Place::Nowhere))
        .route("/api/v2/{*rest}", route(Place::Nowhere))
        .with_state(Arc::new(Fess::new(app, secret)))
}

/// The front's own refusals in this dialect's words, if the path belongs to it.
pub fn refusal(uri: &Uri, trouble: Trouble) -> Option<Response> {
    let path = uri.path();
    let rest = path.strip_prefix("/api/v2").or_else(|| path.strip_prefix("/go"))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| envelope::trouble(trouble))
}

/// What these routes share.
struct Fess {
    app: Arc<App>,
    origins: Origins,
    sessions: Sessions,
    click_rate: SlidingWindow<IpAddr>,
}

/// The routes of this dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Click,
    UiConfig,
    Health,
    Go,
    Nowhere,
}

impl Place {
    /// The methods that are served, for `Allow`; `None` where there is nothing.
    const fn allow(self) -> Option<&'static str> {
        match self {
            Self::Click => Some("POST"),
            Self::UiConfig | Self::Health | Self::Go => Some("GET, HEAD"),
            Self::Nowhere => None,
        }
    }
}

/// A request without its body, and what is known about it.
struct Call {
    parts: Parts,
    facts: Facts,
    source: Source,
    now_ms: i64,
}

impl Fess {
    fn new(app: Arc<App>, secret: &MasterSecret) -> Self {
        Self {
            origins: Origins::new(app.settings.public_origin.as_deref(), &app.settings.cors_origins),
            sessions: Sessions::new(secret, app.settings.session),
            click_rate: SlidingWindow::new(app.settings.clicks_per_second, CLICK_ADDRESSES_MAX),
            app,
        }
    }

    fn call(&self, parts: Parts) -> Call {
        let facts = Facts::of(&parts.extensions, &parts.uri, &parts.headers);
        let source = self.origins.source(&parts.headers, &facts);
        Call { parts, facts, source, now_ms: self.app.clock.now_ms() }
    }

    /// The two checks that come before all others, for every method that may change something: the page that sent the
    /// request is ours or a listed one, and it knows the token of the caller's session.
    fn guard(&self, call: &Call) -> Result<Session, Refusal> {
        if !call.source.may_change() {
            return Err(Refusal::ForeignOrigin);
        }
        let session = self.sessions.of(&call.parts.headers, call.now_ms).ok_or(Refusal::BadToken)?;
        if self.sessions.token_matches(&session, &call.parts.headers) {
            Ok(session)
        } else {
            Err(Refusal::BadToken)
        }
    }
}

async fn dispatch(fess: &Arc<Fess>, place: Place, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let call = fess.call(parts);
    let mut body = RequestBody::new(body);
    let mut response =
        answer(fess, place, &call, &mut body).await.unwrap_or_else(|refusal| envelope::refused(&refusal));
    // A click that is not logged is no reason to lose the connection. A client that waits for leave to send its body has
    // not sent it, and who is refused may connect again.
    if body.is_left_over() && response.status().is_success() && !call.parts.headers.contains_key(EXPECT) {
        body.discard(CLICK_BODY_BYTES_MAX, UNREAD_BODY_TIME_MAX).await;
    }
    if body.is_left_over() {
        // What the client still sends belongs to no request: the connection can't be used again.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    cors::tell(&call.source, &mut response);
    response
}

async fn answer(
    fess: &Arc<Fess>,
    place: Place,
    call: &Call,
    body: &mut RequestBody,
) -> Result<Response, Refusal> {
    let method = &call.parts.method;
    if place == Place::Click && method == Method::POST {
        return click::answer(fess, call, body).await;
    }
    if method == Method::OPTIONS {
        return cors::options(call, place.allow());
    }
    let reads = method == Method::GET || method == Method::HEAD;
    if !reads {
        fess.guard(call)?;
    }
    match place {
        Place::UiConfig if reads => ui_config::answer(fess, call),
        Place::Health if reads => Ok(health::answer(&fess.app)),
        Place::Go if reads => go::answer(fess, call).await,
        _ => Err(place.allow().map_or(Refusal::NoRoute, Refusal::MethodNotAllowed)),
    }
}
