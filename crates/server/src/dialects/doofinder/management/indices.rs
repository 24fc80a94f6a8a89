//! Indices of a search engine: list, create, read, update, delete. An index is its name; options, presets and data
//! sources are accepted and not kept.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use clicks::{EngineIndex, Hashid, IndexName};

use super::answers::{IndexTold, deleted, json};
use super::refusal::Refusal;
use super::{Call, Desk};
use crate::json::Json;

const PRESETS: [&str; 4] = ["generic", "product", "page", "category"];

/// `GET …/indices`.
pub(super) fn list(desk: &Desk, call: &Call, hashid: Hashid) -> Result<Response, Refusal> {
    desk.may_manage(call, hashid)?;
    let engine = desk.app.registry.engine(hashid).ok_or_else(|| Refusal::no_engine(hashid))?;
    Ok(json(StatusCode::OK, &engine.indices.iter().map(IndexTold::from).collect::<Vec<_>>()))
}

/// `POST …/indices`.
pub(super) async fn create(
    desk: &Desk,
    call: &Call,
    body: Body,
    hashid: Hashid,
) -> Result<Response, Refusal> {
    let held = desk.read(&call.parts, body).await?;
    let index = index(&held.object()?)?;
    desk.may_manage(call, hashid)?;
    let of = EngineIndex { engine: hashid, index: index.clone() };
    desk.ask(move |registry| Ok(registry.create_index(of)?)).await?;
    Ok(json(StatusCode::CREATED, &IndexTold::from(&index)))
}

/// `GET …/indices/{name}`.
pub(super) fn show(desk: &Desk, call: &Call, of: &EngineIndex) -> Result<Response, Refusal> {
    desk.may_manage(call, of.engine)?;
    desk.holds(of)?;
    Ok(json(StatusCode::OK, &IndexTold::from(&of.index)))
}

/// `PATCH …/indices/{name}`: there is nothing that could change.
pub(super) async fn update(
    desk: &Desk,
    call: &Call,
    body: Body,
    of: &EngineIndex,
) -> Result<Response, Refusal> {
    let held = desk.read(&call.parts, body).await?;
    held.object()?;
    show(desk, call, of)
}

/// `DELETE …/indices/{name}`.
pub(super) async fn delete(desk: &Desk, call: &Call, of: EngineIndex) -> Result<Response, Refusal> {
    desk.may_manage(call, of.engine)?;
    desk.ask(move |registry| Ok(registry.delete_index(of)?)).await?;
    Ok(deleted())
}

/// The name as it is published: other names, made elsewhere, can be read and fed, but not made here.
fn index(told: &Json<'_>) -> Result<IndexName, Refusal> {
    let bad = |why: &str| Refusal::BadParams(why.to_owned());
    let name = told.get("name").ok_or_else(|| bad("name: is required"))?;
    let name = name.text().filter(|name| is_published(name));
    let name =
        name.ok_or_else(|| bad("name: must be a lower case letter, then lower case letters, digits and _"))?;
    let preset = told.get("preset").ok_or_else(|| bad("preset: is required"))?;
    if !preset.text().is_some_and(|preset| PRESETS.contains(&preset)) {
        return Err(bad("preset: must be one of generic, product, page, category"));
    }
    name.parse().map_err(|error| Refusal::BadParams(format!("name: {error}")))
}

fn is_published(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(allowed)
}
