//! User Behavior Insights (UBI), the log format of OpenSearch for what people search and do: its exports are read line
//! by line, and its documents are taken over HTTP as OpenSearch takes them; either way they are told as searches and
//! clicks. It must know no other dialect, no store and no file system.
//!
//! Rooms: `documents` (one document), `searches` (what several tell of one search), `export` (a file of them); `caller`
//! (who sends them over HTTP), `bulk` (the pairs of a bulk body), `http` (the routes), `put` (what
//! becomes of each document), `answer` and `refusal` (what is answered).

mod answer;
mod bulk;
mod caller;
mod documents;
mod export;
mod http;
mod put;
mod refusal;
mod searches;

pub use export::{
    EngineOf, UBI_BYTES_BUFFERED_MAX, UBI_CLICKS_BUFFERED_MAX, UBI_LINE_BYTES_MAX, UbiOptions, UbiReader,
};
pub(crate) use http::{refusal, routes};
pub use searches::{SAME_SEARCH_KIND, UBI_SEARCHES_BUFFERED_MAX};

/// What these routes serve, as a part of the server's OpenAPI document: `paths` and `components`.
pub const OPENAPI: &str = include_str!("openapi.json");
