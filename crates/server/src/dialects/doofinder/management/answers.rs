//! What management calls are answered, in JSON: engines, indices and items as this server knows them. What it does not
//! keep is not made up.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::Response;
use clicks::{IndexName, Item};
use registry::Engine;
use serde::Serialize;

/// A search engine.
#[derive(Serialize)]
pub(super) struct EngineTold<'e> {
    hashid: String,
    name: &'e str,
    status: &'static str,
    indices: Vec<IndexTold<'e>>,
}

/// An index. Presets and data sources have no meaning here: all indices are `generic`, and fed by calls.
#[derive(Serialize)]
pub(super) struct IndexTold<'e> {
    name: &'e str,
    preset: &'static str,
    options: Nothing,
    datasources: [Nothing; 0],
}

/// An empty object.
#[derive(Serialize)]
struct Nothing {}

/// An item, as far as it is kept.
#[derive(Serialize)]
pub(super) struct ItemTold {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Box<str>>,
}

impl<'e> From<&'e Engine> for EngineTold<'e> {
    fn from(engine: &'e Engine) -> Self {
        Self {
            hashid: engine.hashid.to_string(),
            name: &engine.name,
            status: "active",
            indices: engine.indices.iter().map(IndexTold::from).collect(),
        }
    }
}

impl<'e> From<&'e IndexName> for IndexTold<'e> {
    fn from(index: &'e IndexName) -> Self {
        Self { name: index.as_str(), preset: "generic", options: Nothing {}, datasources: [] }
    }
}

impl From<Item> for ItemTold {
    fn from(item: Item) -> Self {
        Self { id: item.doc_id.to_string(), title: item.title, link: item.link }
    }
}

/// An answer with a body.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Texts and numbers always serialise; an empty body would still carry the status.
    let mut response = Response::new(Body::from(serde_json::to_vec(body).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to what is gone.
pub(super) fn deleted() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
