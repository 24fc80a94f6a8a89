//! What became of documents, in OpenSearch's words. Knows no HTTP beyond its status codes, and nothing of what a document
//! told.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::bulk::Action;
use super::http::Index;
use super::refusal;
use crate::feed::Rejection;

/// What became of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is on disk, and counted.
    Created,
    /// Known already: the same search, or the same click.
    Known,
    /// Taken, and nothing that is counted.
    Skipped,
    /// Not taken.
    Rejected(Rejection),
}

/// A document that was asked to be put, and what became of it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) action: Action,
    pub(super) index: String,
    pub(super) id: String,
    pub(super) outcome: Outcome,
}

impl Done {
    fn status(&self) -> StatusCode {
        match &self.outcome {
            Outcome::Created => StatusCode::CREATED,
            Outcome::Known if self.action == Action::Create => StatusCode::CONFLICT,
            Outcome::Known | Outcome::Skipped => StatusCode::OK,
            Outcome::Rejected(rejection) => match rejection.code {
                "conflict" => StatusCode::CONFLICT,
                "access_denied" => StatusCode::FORBIDDEN,
                "unknown_engine" | NO_INDEX => StatusCode::NOT_FOUND,
                _ => StatusCode::BAD_REQUEST,
            },
        }
    }

    /// Why it was not put, if it was not: a type of OpenSearch's, and a reason.
    fn error(&self) -> Option<(&'static str, &str)> {
        const KNOWN: &str = "a document with this id is known already";
        match &self.outcome {
            Outcome::Known if self.action == Action::Create => {
                Some(("version_conflict_engine_exception", KNOWN))
            }
            Outcome::Created | Outcome::Known | Outcome::Skipped => None,
            Outcome::Rejected(rejection) => {
                let kind = match rejection.code {
                    "conflict" => "version_conflict_engine_exception",
                    "access_denied" => "security_exception",
                    "unknown_engine" | NO_INDEX => "index_not_found_exception",
                    "invalid_json" => "mapper_parsing_exception",
                    _ => "illegal_argument_exception",
                };
                Some((kind, &rejection.message))
            }
        }
    }

    fn put(&self) -> Value {
        let result = if self.outcome == Outcome::Created { "created" } else { "noop" };
        json!({
            "_index": self.index,
            "_id": self.id,
            "_version": 1,
            "result": result,
            "_shards": { "total": 1, "successful": 1, "failed": 0 },
            "_seq_no": 0,
            "_primary_term": 1,
        })
    }
}

/// The code of a document for an index that is not one of ours.
pub(super) const NO_INDEX: &str = "no_index";

/// The answer to who asks for an index, or makes it: it is there.
pub(super) fn index(index: Index) -> Response {
    let told = json!({ "acknowledged": true, "shards_acknowledged": true, "index": index.as_str() });
    refusal::json(StatusCode::OK, &told)
}

/// The answer to one document.
pub(super) fn one(done: &Done) -> Response {
    match done.error() {
        Some((kind, reason)) => refusal::error(done.status(), kind, reason),
        None => refusal::json(done.status(), &done.put()),
    }
}

/// The answer to several.
pub(super) fn many(done: &[Done], took_ms: u64) -> Response {
    let item = |done: &Done| {
        let status = done.status().as_u16();
        let told = match done.error() {
            Some((kind, reason)) => json!({
                "_index": done.index,
                "_id": done.id,
                "status": status,
                "error": { "type": kind, "reason": reason },
            }),
            None => {
                let mut put = done.put();
                put["status"] = status.into();
                put
            }
        };
        json!({ done.action.as_str(): told })
    };
    let errors = done.iter().any(|done| done.error().is_some());
    let items: Vec<Value> = done.iter().map(item).collect();
    refusal::json(StatusCode::OK, &json!({ "took": took_ms, "errors": errors, "items": items }))
}
