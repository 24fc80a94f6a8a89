//! Items one by one: create, read, update, delete, find by ids, count. What was answered is on disk, and a click on it is
//! taken from then on.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use clicks::{Dfid, DocId, EngineIndex, Item, ItemDigest};
use registry::{Registry, RemoveItem};
use serde::Serialize;

use super::answers::{ItemTold, deleted, json};
use super::bulk::{BULK_ITEMS_MAX, record};
use super::item::{self, Told};
use super::place::Named;
use super::refusal::Refusal;
use super::{Call, Desk};
use crate::feed::ItemLine;
use crate::json::Json;

/// `POST …/items/`. An item of the same id is replaced.
pub(super) async fn create(
    desk: &Desk,
    call: &Call,
    body: Body,
    of: EngineIndex,
) -> Result<Response, Refusal> {
    let held = desk.read(&call.parts, body).await?;
    let line = {
        let object = held.object()?;
        let told = Told::of(&object)?;
        told.made(&of, item::id(&object)?)
    };
    desk.may_feed(call, &of)?;
    put(desk, call, line, StatusCode::CREATED).await
}

/// `GET …/items/{item_id}`.
pub(super) async fn show(
    desk: &Desk,
    call: &Call,
    of: EngineIndex,
    named: Named,
) -> Result<Response, Refusal> {
    desk.may_feed(call, &of)?;
    let item = desk.ask(move |registry| found(registry, &of, &named)).await?;
    Ok(json(StatusCode::OK, &ItemTold::from(item)))
}

/// `PATCH …/items/{item_id}`: what is told replaces what was, the rest stays.
pub(super) async fn update(
    desk: &Desk,
    call: &Call,
    body: Body,
    of: EngineIndex,
    named: Named,
) -> Result<Response, Refusal> {
    let held = desk.read(&call.parts, body).await?;
    let (told, id) = {
        let object = held.object()?;
        (Told::of(&object)?, object.get("id").map(|_| item::id(&object)).transpose()?)
    };
    desk.may_feed(call, &of)?;
    let before = desk.ask(move |registry| found(registry, &of, &named)).await?;
    if id.is_some_and(|id| id != before.doc_id) {
        return Err(Refusal::BadParams("id: must be that of the path, or absent".to_owned()));
    }
    put(desk, call, told.over(before), StatusCode::OK).await
}

/// `DELETE …/items/{item_id}`.
pub(super) async fn delete(
    desk: &Desk,
    call: &Call,
    of: EngineIndex,
    named: Named,
) -> Result<Response, Refusal> {
    desk.may_feed(call, &of)?;
    let removed = desk
        .ask(move |registry| {
            let doc_id = found(registry, &of, &named)?.doc_id;
            Ok(registry.remove_items(&of, &[doc_id])?)
        })
        .await?;
    if removed == [RemoveItem::Removed] { Ok(deleted()) } else { Err(Refusal::no_item()) }
}

#[derive(Serialize)]
struct Count {
    count: u64,
}

/// `GET …/items/_count`.
pub(super) async fn count(desk: &Desk, call: &Call, of: EngineIndex) -> Result<Response, Refusal> {
    desk.may_feed(call, &of)?;
    let count = desk.ask(move |registry| Ok(registry.items_of(&of))).await?;
    Ok(json(StatusCode::OK, &Count { count }))
}

#[derive(Serialize)]
struct Found {
    id: String,
    found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemTold>,
}

/// `POST …/items/_mget`: the items of these ids, in their order.
pub(super) async fn find(desk: &Desk, call: &Call, body: Body, of: EngineIndex) -> Result<Response, Refusal> {
    let held = desk.read(&call.parts, body).await?;
    let ids = ids(&held.json()?)?;
    drop(held);
    desk.may_feed(call, &of)?;
    let look = move |registry: &Registry| {
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let item = registry.item(&dfid(&of, id.as_str()))?.map(ItemTold::from);
            all.push(Found { id: id.to_string(), found: item.is_some(), item });
        }
        Ok(all)
    };
    Ok(json(StatusCode::OK, &desk.ask(look).await?))
}

/// The ids of a list of objects.
pub(super) fn ids(told: &Json<'_>) -> Result<Vec<DocId>, Refusal> {
    let Json::Array(entries) = told else {
        return Err(Refusal::BadParams("the body must be a JSON array".to_owned()));
    };
    if entries.is_empty() {
        return Err(Refusal::BadParams("the body must have at least one item".to_owned()));
    }
    if entries.len() > BULK_ITEMS_MAX {
        return Err(Refusal::TooManyItems);
    }
    Ok(entries.iter().map(item::id).collect::<Result<_, _>>()?)
}

pub(super) fn dfid(of: &EngineIndex, doc_id: &str) -> Dfid {
    Dfid { engine: of.engine, index: of.index.clone(), digest: ItemDigest::of(doc_id) }
}

/// The item that a path names: as it is written, else with `+` for spaces.
fn found(registry: &Registry, of: &EngineIndex, named: &Named) -> Result<Item, Refusal> {
    let look = |id: &String| registry.item(&dfid(of, id)).map_err(Refusal::from);
    let mut item = look(&named.id)?;
    if let (None, Some(spaced)) = (&item, &named.spaced) {
        item = look(spaced)?;
    }
    item.ok_or_else(Refusal::no_item)
}

/// Records one item, and answers with what is kept of it.
async fn put(desk: &Desk, call: &Call, line: ItemLine, status: StatusCode) -> Result<Response, Refusal> {
    let told = ItemTold::from(Item {
        place: EngineIndex { engine: line.engine, index: line.index.clone() },
        doc_id: line.doc_id.clone(),
        title: line.title.clone(),
        link: line.link.clone(),
    });
    let rejected = record(desk, call.caller.account, vec![Ok(line)]).await?;
    match rejected.into_iter().next() {
        Some((_, rejection)) => Err(rejection.into()),
        None => Ok(json(status, &told)),
    }
}
