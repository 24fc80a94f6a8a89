//! Items by the list: create, update, delete. Good entries are recorded when others are bad, and each is answered for in
//! its order.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use clicks::{AccountCode, DocId, EngineIndex, Item};
use registry::{Registry, RemoveItem};
use serde::Serialize;

use super::answers::json;
use super::body::Held;
use super::item::{self, Told};
use super::items::{dfid, ids};
use super::refusal::{NO_ITEM, Refusal};
use super::{Call, Desk};
use crate::counts::Fate;
use crate::feed::{ItemLine, Line, REJECTED_LISTED_MAX, Rejection};
use crate::feeder::{Feeder, fed};
use crate::json::Json;

/// The most items of one call. As many as fit the largest body, and mean something.
pub(super) const BULK_ITEMS_MAX: usize = 100_000;

#[derive(Serialize)]
struct Results {
    results: Vec<Outcome>,
    errors: bool,
}

#[derive(Serialize)]
struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// An entry of the list: its id, if it could be read, and what is to be recorded.
type Entry = (Option<String>, Result<ItemLine, Rejection>);

/// `POST …/items/_bulk` and, for what is there already, `PATCH …/items/_bulk`.
pub(super) async fn put(
    desk: &Desk,
    call: &Call,
    body: Body,
    of: EngineIndex,
    is_update: bool,
) -> Result<Response, Refusal> {
    let held = desk.read(&call.parts, body).await?;
    let place = of.clone();
    let entries = desk
        .ask(move |registry| match is_update {
            true => entries(&held, |id, told, before| updated(registry, &place, id, told, before)),
            false => entries(&held, |id, told, _| Ok(told.made(&place, id))),
        })
        .await?;
    desk.may_feed(call, &of)?;
    let (ids, lines): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
    let rejected = record(desk, call.caller.account, lines).await?;
    let done = if is_update { "updated" } else { "created" };
    let mut results: Vec<Outcome> =
        ids.into_iter().map(|id| Outcome { result: Some(done), id, error: None }).collect();
    let errors = !rejected.is_empty();
    for (number, rejection) in rejected {
        if let Some(outcome) = results.get_mut(number) {
            (outcome.result, outcome.error) = (None, Some(rejection.message));
        }
    }
    Ok(json(StatusCode::OK, &Results { results, errors }))
}

/// `DELETE …/items/_bulk`.
pub(super) async fn delete(
    desk: &Desk,
    call: &Call,
    body: Body,
    of: EngineIndex,
) -> Result<Response, Refusal> {
    let held = desk.read(&call.parts, body).await?;
    let ids = ids(&held.json()?)?;
    drop(held);
    desk.may_feed(call, &of)?;
    let (ids, removed) = desk
        .ask(move |registry| {
            let removed = registry.remove_items(&of, &ids)?;
            Ok((ids, removed))
        })
        .await?;
    let outcome = |(id, removed): (DocId, RemoveItem)| match removed {
        RemoveItem::Removed => Outcome { result: Some("deleted"), id: Some(id.to_string()), error: None },
        RemoveItem::Missing => {
            Outcome { result: None, id: Some(id.to_string()), error: Some(NO_ITEM.to_owned()) }
        }
    };
    let results: Vec<Outcome> = ids.into_iter().zip(removed).map(outcome).collect();
    let errors = results.iter().any(|outcome| outcome.error.is_some());
    Ok(json(StatusCode::OK, &Results { results, errors }))
}

/// Reads a list. What an entry's item is to be is for `make` to say, which is told what an earlier entry has made of it.
fn entries(
    held: &Held,
    make: impl Fn(DocId, Told, Option<&ItemLine>) -> Result<ItemLine, Rejection>,
) -> Result<Vec<Entry>, Refusal> {
    let json = held.json()?;
    let Json::Array(told) = &json else {
        return Err(Refusal::BadParams("the body must be a JSON array".to_owned()));
    };
    if told.is_empty() {
        return Err(Refusal::BadParams("the body must have at least one item".to_owned()));
    }
    if told.len() > BULK_ITEMS_MAX {
        return Err(Refusal::TooManyItems);
    }
    let mut made: HashMap<DocId, ItemLine> = HashMap::new();
    let mut entries = Vec::with_capacity(told.len());
    for object in told {
        let id = item::id(object);
        let text = id.as_ref().ok().map(DocId::to_string);
        let line = id.and_then(|id| make(id.clone(), Told::of(object)?, made.get(&id)));
        if let Ok(line) = &line {
            made.insert(line.doc_id.clone(), line.clone());
        }
        entries.push((text, line));
    }
    Ok(entries)
}

fn updated(
    registry: &Registry,
    of: &EngineIndex,
    id: DocId,
    told: Told,
    made: Option<&ItemLine>,
) -> Result<ItemLine, Rejection> {
    let refused = |fate, code, message: &str| Rejection { fate, code, message: message.to_owned() };
    if let Some(ItemLine { title, link, .. }) = made.cloned() {
        return Ok(told.over(Item { place: of.clone(), doc_id: id, title, link }));
    }
    match registry.item(&dfid(of, id.as_str())) {
        Ok(Some(before)) => Ok(told.over(before)),
        Ok(None) => Err(refused(Fate::UnknownItem, "not_found", NO_ITEM)),
        Err(error) => {
            tracing::error!(%error, "an item could not be read");
            Err(refused(Fate::Unavailable, "internal_error", "the item can't be read"))
        }
    }
}

/// Records items, and tells those that were not, by their place in the list.
pub(super) async fn record(
    desk: &Desk,
    account: AccountCode,
    lines: Vec<Result<ItemLine, Rejection>>,
) -> Result<Vec<(usize, Rejection)>, Refusal> {
    let mut rejected = Vec::new();
    let mut numbered = (0_u64..).zip(lines.into_iter().map(|line| line.map(Line::Item)));
    loop {
        // A report lists so many rejections: of a portion of that size, all.
        let portion: Vec<_> = numbered.by_ref().take(REJECTED_LISTED_MAX).collect();
        if portion.is_empty() {
            return Ok(rejected);
        }
        let report = fed(&desk.app, Feeder::from(account), portion).await?;
        let place =
            |(number, rejection)| usize::try_from(number).ok().map(|number: usize| (number, rejection));
        rejected.extend(report.rejected.into_iter().filter_map(place));
    }
}
