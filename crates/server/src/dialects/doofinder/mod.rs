//! The Doofinder Stats API v2 (`GET /api/v2/stats/…`): its routes. This dialect knows its own JSON, parameters
//! and status codes; it can't name another dialect or an engine.

mod answer;
mod csv;
mod errors;
pub(crate) mod events;
mod lists;
pub(crate) mod management;
mod params;
mod reads;
mod rows;
mod stats;

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use crate::app::App;
use crate::http::Trouble;
use errors::Failure;
use reads::{READS, UNANSWERED};
use stats::Stats;

/// What these routes serve, as a part of the server's OpenAPI document: `paths` and `components`.
pub const OPENAPI: &str = include_str!("openapi.json");

/// The paths that are this dialect's, with all below them.
const ROOTS: [&str; 1] = ["/api/v2/stats"];

/// The routes below `/api/v2/stats`, `/api/v2/search_engines`, `/5` and `/6`. Whatever is not served there is refused in this
/// dialect's words.
pub fn routes(app: Arc<App>) -> Router {
    let mut routes = Router::new();
    for read in READS {
        let answer = get(move |stats, parts| reads::read(read, stats, parts));
        let answer = answer.fallback(async || Failure::MethodNotAllowed);
        routes = routes.route(&format!("/api/v2/stats/{}", read.path), answer);
    }
    let sector = get(reads::sector).fallback(async || Failure::MethodNotAllowed);
    routes = routes.route("/api/v2/stats/sector/{name}", sector);
    for (path, reason) in UNANSWERED {
        let refuse = any(move || std::future::ready(reads::unanswered(reason)));
        routes = routes.route(&format!("/api/v2/stats/{path}"), refuse);
    }
    for root in ROOTS {
        // A wildcard needs at least one character, so the root and its slash are routes of their own.
        for path in [root.to_owned(), format!("{root}/"), format!("{root}/{{*rest}}")] {
            routes = routes.route(&path, any(async || Failure::NotFound("Not found".to_owned())));
        }
    }
    let stats = Arc::new(Stats::new(Arc::clone(&app)));
    routes.with_state(Arc::clone(&stats)).merge(management::routes(stats)).merge(events::routes(app))
}

/// What the front's own refusal of a request says in this dialect; `None` for a path that is not one of these routes.
#[must_use]
pub fn refusal(uri: &Uri, trouble: Trouble) -> Option<Response> {
    let below = |root: &str| {
        uri.path().strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let stats = ROOTS.iter().any(|root| below(root)).then(|| Failure::from(trouble).into_response());
    stats.or_else(|| management::refusal(uri, trouble)).or_else(|| events::refusal(uri, trouble))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn clicks() -> Value {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        document["paths"]["/api/v2/stats/clicks"]["get"].clone()
    }

    /// The names of an operation's parameters.
    fn parameters(path: &str) -> Vec<String> {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let listed = document["paths"][path]["get"]["parameters"].as_array().unwrap().clone();
        let name = |one: &Value| {
            let one = one["$ref"].as_str().map_or(one, |found| document.pointer(&found[1..]).unwrap());
            one["name"].as_str().unwrap().to_owned()
        };
        listed.iter().map(name).collect()
    }

    #[test]
    fn the_document_has_every_statistic_with_its_parameters() {
        for read in READS {
            let names = parameters(&format!("/api/v2/stats/{}", read.path));
            for name in ["from", "to", "hashids", "tz", "format"].iter().chain(read.accepts) {
                assert!(names.iter().any(|known| known == name), "{}: {name}", read.path);
            }
        }
        assert!(parameters("/api/v2/stats/sector/{name}").contains(&"sector".to_owned()));
    }

    #[test]
    fn the_document_has_every_published_parameter_and_status() {
        let names = parameters("/api/v2/stats/clicks");
        let published = [
            "from",
            "to",
            "hashids",
            "hashid",
            "tz",
            "device",
            "format",
            "aggregate",
            "indices",
            "query",
            "dfid",
            "product_type",
        ];
        assert_eq!(names, published);
        for status in ["200", "400", "401", "403", "404", "408", "429"] {
            assert!(clicks()["responses"][status].is_object(), "{status}");
        }
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
        let path = Uri::from_static("/api/v2/stats/clicks?from=1");
        for trouble in troubles {
            let status = refusal(&path, trouble).unwrap().status();
            assert_eq!(status, trouble.status());
            assert!(clicks()["responses"][status.as_str()].is_object(), "{status}");
        }
    }

    #[test]
    fn the_front_is_given_words_for_these_paths_only() {
        for path in
            ["/api/v2/stats", "/api/v2/stats/", "/api/v2/search_engines/x", "/api/v2/search_engines?x"]
        {
            assert!(refusal(&Uri::from_static(path), Trouble::Busy).is_some(), "{path}");
        }
        for path in ["/", "/api/v2/click", "/api/v2/statistics", "/v1/events"] {
            assert!(refusal(&Uri::from_static(path), Trouble::Busy).is_none(), "{path}");
        }
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
