//! The native dialect: `POST /v1/events` and its lines, which `import` reads and `export` writes, and `POST /v1/collect`,
//! which takes them from public pages; and the statistics below `/v1/stats`, beside those of the Doofinder-shaped API. It must
//! know no other dialect and no store.

mod body;
mod collect;
mod events;
mod lines;
mod live;
mod log;
mod refusals;
mod session;
mod setup;
mod stats;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};

use crate::app::App;
use crate::http::Trouble;
use events::Desk;
use refusals::Refusal;

pub use crate::bulk::Defaults;
pub use body::{EVENTS_BYTES_MAX, IDEMPOTENCY_KEY_CHARS_MAX};
pub use lines::{
    CLICK_QUERY_CHARS_MAX, EVENT_LINE_BYTES_MAX, LINK_CHARS_MAX, RANK_MAX, SEARCH_INDICES_MAX,
    SEARCHED_AT_MS_MAX, TITLE_CHARS_MAX, TOTAL_HITS_MAX, line,
};
pub use log::{EventsReader, Unnamed};
pub use write::{told_id, write_click, write_line, write_search};

/// What these routes serve, as a part of the server's OpenAPI document: `paths` and `components`.
pub const OPENAPI: &str = include_str!("openapi.json");
/// The same of the statistics.
pub const STATS_OPENAPI: &str = include_str!("stats/openapi.json");

const PATHS: &str = "/v1/";

/// The routes below `/v1`. Whatever is not served there is refused in this dialect's words.
pub fn routes(app: Arc<App>) -> Router {
    let events = post(events::events).options(collect::options);
    let collect = post(collect::collect).options(collect::options);
    let [live, engines] = [get(live::live), get(setup::engines)]
        .map(|read| read.fallback(async || Refusal::MethodNotAllowed("GET, HEAD")));
    let (keys, key) = (get(setup::keys).post(setup::make_key), delete(setup::revoke_key));
    let session = get(session::show).post(session::open).delete(session::close);
    Router::new()
        .route("/v1/events", events.fallback(async || Refusal::MethodNotAllowed("POST")))
        .route("/v1/collect", collect.fallback(async || Refusal::MethodNotAllowed("POST")))
        .route("/v1/live", live)
        .route("/v1/engines", engines)
        .route("/v1/keys", keys.fallback(async || Refusal::MethodNotAllowed("GET, HEAD, POST")))
        .route("/v1/keys/{id}", key.fallback(async || Refusal::MethodNotAllowed("DELETE")))
        .route("/v1/session", session.fallback(async || Refusal::MethodNotAllowed("GET, HEAD, POST, DELETE")))
        .merge(stats::routes())
        .route("/v1/{*rest}", any(async || Refusal::NotFound))
        .with_state(Arc::new(Desk::new(app)))
}

/// What a caller of these routes is told when the front itself refuses a request; `None` for the path of another
/// dialect.
#[must_use]
pub fn refusal(uri: &Uri, trouble: Trouble) -> Option<Response> {
    uri.path().starts_with(PATHS).then(|| Refusal::from(trouble).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn responses() -> Value {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        document["paths"]["/v1/events"]["post"]["responses"].clone()
    }

    #[test]
    fn the_front_refuses_with_statuses_that_the_document_names() {
        let troubles = [
            Trouble::Panicked,
            Trouble::Busy,
            Trouble::UriTooLong,
            Trouble::HeadersTooLarge,
            Trouble::HostRepeated,
        ];
        let uri = Uri::from_static("/v1/events");
        for trouble in troubles {
            let status = refusal(&uri, trouble).unwrap().status();
            assert_eq!(status, trouble.status());
            assert!(responses()[status.as_str()].is_object(), "{status}");
        }
        assert!(refusal(&Uri::from_static("/api/v2/click"), Trouble::Busy).is_none());
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let parts: Vec<&str> = OPENAPI.split("\"$ref\": \"#").skip(1).collect();
        assert!(parts.len() > 5);
        for part in parts {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
