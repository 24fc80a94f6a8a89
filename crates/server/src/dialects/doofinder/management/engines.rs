//! Search engines: list, create, read, update, delete. Of what is published, the name is kept; the rest says how to
//! search, which this server does not.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use clicks::{Hashid, check_id};
use registry::{EngineUpdate, NewEngine, Scope};

use super::answers::{EngineTold, deleted, json};
use super::refusal::Refusal;
use super::{Call, Desk};
use crate::json::Json;

/// `GET /api/v2/search_engines`.
pub(super) fn list(desk: &Desk, call: &Call) -> Result<Response, Refusal> {
    call.caller.needs(Scope::Manage)?;
    let engines = desk.app.registry.engines(Some(call.caller.account));
    Ok(json(StatusCode::OK, &engines.iter().map(|engine| EngineTold::from(&**engine)).collect::<Vec<_>>()))
}

/// `POST /api/v2/search_engines`.
pub(super) async fn create(desk: &Desk, call: &Call, body: Body) -> Result<Response, Refusal> {
    let held = desk.read(&call.parts, body).await?;
    let name = name(&held.object()?)?.ok_or_else(|| Refusal::BadParams("name: is required".to_owned()))?;
    call.caller.needs(Scope::Manage)?;
    let (account, new) = (call.caller.account, NewEngine { name: Some(name), ..NewEngine::default() });
    let engine = desk.ask(move |registry| Ok(registry.create_engine(account, new)?)).await?;
    Ok(json(StatusCode::CREATED, &EngineTold::from(&*engine)))
}

/// `GET /api/v2/search_engines/{hashid}`.
pub(super) fn show(desk: &Desk, call: &Call, hashid: Hashid) -> Result<Response, Refusal> {
    desk.may_manage(call, hashid)?;
    let engine = desk.app.registry.engine(hashid).ok_or_else(|| Refusal::no_engine(hashid))?;
    Ok(json(StatusCode::OK, &EngineTold::from(&*engine)))
}

/// `PATCH /api/v2/search_engines/{hashid}`.
pub(super) async fn update(
    desk: &Desk,
    call: &Call,
    body: Body,
    hashid: Hashid,
) -> Result<Response, Refusal> {
    let held = desk.read(&call.parts, body).await?;
    let name = name(&held.object()?)?;
    desk.may_manage(call, hashid)?;
    let update = EngineUpdate { name, sites: None };
    let engine = desk.ask(move |registry| Ok(registry.update_engine(hashid, update)?)).await?;
    Ok(json(StatusCode::OK, &EngineTold::from(&*engine)))
}

/// `DELETE /api/v2/search_engines/{hashid}`.
pub(super) async fn delete(desk: &Desk, call: &Call, hashid: Hashid) -> Result<Response, Refusal> {
    desk.may_manage(call, hashid)?;
    desk.ask(move |registry| Ok(registry.delete_engine(hashid)?)).await?;
    Ok(deleted())
}

fn name(told: &Json<'_>) -> Result<Option<String>, Refusal> {
    let bad = |rule: String| Refusal::BadParams(format!("name: {rule}"));
    let Some(name) = told.get("name") else { return Ok(None) };
    let name = name.text().ok_or_else(|| bad("must be a string".to_owned()))?;
    check_id(name).map_err(|error| bad(error.to_string()))?;
    Ok(Some(name.to_owned()))
}
