//! The Algolia Insights API: `POST /1/events`, as its client for browsers and servers sends it. Clicks on results are
//! recorded; views, conversions and clicks on filters are taken and not recorded. It must know no other dialect and no
//! store.
//!
//! Rooms: `call` (who calls, and the order of checks), `events` (what the body tells), `index` (which search engine an
//! index name means), `refusals` (what is answered).

mod call;
mod events;
mod index;
mod refusals;

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};

use crate::app::App;
use crate::http::Trouble;
use call::Desk;
use refusals::Refusal;

pub use call::INSIGHTS_BYTES_MAX;
pub use events::{EVENT_AGE_MS_MAX, EVENTS_MAX, OBJECTS_MAX};

/// What these routes serve, as a part of the server's OpenAPI document: `paths` and `components`.
pub const OPENAPI: &str = include_str!("openapi.json");

const PATHS: &str = "/1/";

/// The routes below `/1`. Whatever is not served there is refused in this dialect's words.
pub fn routes(app: Arc<App>) -> Router {
    let events = post(call::events).options(call::options).fallback(async || Refusal::MethodNotAllowed);
    Router::new()
        .route("/1/events", events)
        .route("/1/{*rest}", any(async || Refusal::NoPath))
        .with_state(Arc::new(Desk::new(app)))
}

/// What a caller of these routes is told when the front itself refuses a request; `None` for the path of another
/// dialect.
#[must_use]
pub fn refusal(uri: &Uri, trouble: Trouble) -> Option<Response> {
    uri.path().starts_with(PATHS).then(|| Refusal::from(trouble).into_response())
}
