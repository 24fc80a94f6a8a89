//! The dialects: each speaks one public API, and translates it to drafts and questions and back. A new one is a folder,
//! a line in each of the three lists here, and a folder of golden exchanges.

pub mod doofinder;
pub mod fess;
pub mod insights;
pub mod native;
pub mod ubi;

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::response::Response;
use registry::MasterSecret;

use crate::app::App;
use crate::doors::{merged, stranger_refusal};
use crate::http::Trouble;

/// The routes of every dialect.
pub(crate) fn routes(app: &Arc<App>, secret: &MasterSecret) -> Router {
    Router::new()
        .merge(doofinder::routes(Arc::clone(app)))
        .merge(native::routes(Arc::clone(app)))
        .merge(insights::routes(Arc::clone(app)))
        .merge(ubi::routes(Arc::clone(app)))
        .merge(fess::routes(Arc::clone(app), secret))
}

/// What every dialect says about itself, as one OpenAPI document.
pub(crate) fn openapi(zone: &str) -> String {
    let ours = [
        doofinder::OPENAPI,
        doofinder::events::OPENAPI,
        doofinder::management::OPENAPI,
        native::OPENAPI,
        native::STATS_OPENAPI,
        insights::OPENAPI,
        ubi::OPENAPI,
        fess::OPENAPI,
    ];
    merged(zone, &ours)
}

/// The front's own refusals in the words of the dialect that the path belongs to.
pub(crate) fn refusal(uri: &Uri, trouble: Trouble) -> Response {
    let speaks: [fn(&Uri, Trouble) -> Option<Response>; 5] =
        [doofinder::refusal, native::refusal, insights::refusal, ubi::refusal, fess::refusal];
    speaks.iter().find_map(|refusal| refusal(uri, trouble)).unwrap_or_else(|| stranger_refusal(uri, trouble))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Every `$ref` in a part of the document.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_served_document_has_every_dialect_and_no_reference_leads_nowhere() {
        let document: Value = serde_json::from_str(&openapi("eu1")).unwrap();
        let paths = [
            "/api/v2/click",
            "/go/",
            "/v1/events",
            "/v1/collect",
            "/v1/stats/ranks",
            "/1/events",
            "/ubi_events/_doc",
            "/_bulk",
        ];
        for path in paths {
            assert!(document["paths"][path].is_object(), "{path}");
        }
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}
