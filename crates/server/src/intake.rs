//! From draft to click: which search engine it belongs to, whether its item is known, and what its search tells. Pure:
//! what is known is handed in, nothing is looked up and no clock is read.

use std::sync::Arc;

use clicks::{
    AccountCode, Click, Device, DocId, EngineIndex, Hashid, IndexName, ProductType, Search, UserCode,
};
use registry::Engine;

use crate::settings::UnknownItems;

/// What a browser's call tells of a click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The item.
    pub doc_id: DocId,
    /// The search that showed it.
    pub query_id: Option<Box<str>>,
    /// Place in the result list.
    pub rank: Option<u32>,
    /// When the search was made, in milliseconds.
    pub searched_ms: Option<i64>,
    /// What the visitor holds.
    pub device: Device,
    /// What kind of result it was.
    pub product_type: ProductType,
    /// The visitor, unless they asked not to be known.
    pub user: Option<UserCode>,
    /// The `Idempotency-Key`: with it, the same click counts once.
    pub idempotency_key: Option<Box<str>>,
}

/// What the registries know that bears on a draft.
#[derive(Debug, Default)]
pub struct Known {
    /// The engine bound to the host that was called.
    pub site: Option<Arc<Engine>>,
    /// The searches with the draft's query id: of the site's account, else of every account.
    pub searches: Vec<Arc<Search>>,
    /// Each engine and index that holds the item, with the engine's account.
    pub holders: Vec<(AccountCode, EngineIndex)>,
    /// The only engine that there is, where there is only one.
    pub only_engine: Option<Arc<Engine>>,
}

/// Why a draft is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unplaced {
    /// The search is known, and what it showed, and the item is not among it.
    #[error("doc not in search result")]
    NotInResult,
    /// No engine holds the item, or it can't be told which one is meant.
    #[error("document not found")]
    UnknownItem,
}

/// Where a draft belongs.
struct Place {
    account: AccountCode,
    engine: Hashid,
}

/// Completes a draft to a click, stamped `now_ms`.
///
/// # Errors
/// [`Unplaced`], in the order of its variants.
pub fn admit(
    draft: Draft,
    known: &Known,
    unknown_items: UnknownItems,
    now_ms: i64,
) -> Result<Click, Unplaced> {
    // Two accounts know the query id, and no site says which is meant: as if unknown.
    let search = match known.searches.as_slice() {
        [] => None,
        [only] => Some(only),
        _ => return Err(Unplaced::UnknownItem),
    };
    if search.and_then(|search| search.showed(draft.doc_id.as_str())) == Some(false) {
        return Err(Unplaced::NotInResult);
    }
    let place = place(search, known, unknown_items).ok_or(Unplaced::UnknownItem)?;
    let index = index(&place, search, known);
    if index.is_none() && unknown_items == UnknownItems::Reject {
        return Err(Unplaced::UnknownItem);
    }
    let id = draft.idempotency_key.as_deref().map(|key| once_id(key, place.engine, &draft));
    let mut click = Click {
        account: place.account,
        engine: place.engine,
        index,
        doc_id: draft.doc_id,
        at_ms: now_ms,
        received_ms: now_ms,
        id,
        query_id: draft.query_id,
        searched_ms: Some(draft.searched_ms.unwrap_or(now_ms)),
        rank: draft.rank,
        device: Some(draft.device),
        product_type: draft.product_type,
        custom_result: None,
        terms: None,
        user: draft.user,
        session: None,
    };
    if let Some(search) = search {
        click.complete(search);
    }
    Ok(click)
}

/// The account and engine: the search's, else the site's, else the one that holds the item.
fn place(search: Option<&Arc<Search>>, known: &Known, unknown_items: UnknownItems) -> Option<Place> {
    if let Some(search) = search {
        return Some(Place { account: search.account, engine: search.engine });
    }
    if let Some(site) = &known.site {
        return Some(Place { account: site.account, engine: site.hashid });
    }
    if let Some((account, first)) = known.holders.first() {
        let only = known.holders.iter().all(|(_, holder)| holder.engine == first.engine);
        return only.then_some(Place { account: *account, engine: first.engine });
    }
    match (unknown_items, &known.only_engine) {
        (UnknownItems::Accept, Some(engine)) => {
            Some(Place { account: engine.account, engine: engine.hashid })
        }
        _ => None,
    }
}

/// The index of the engine that holds the item: one that was searched, else the first.
fn index(place: &Place, search: Option<&Arc<Search>>, known: &Known) -> Option<IndexName> {
    let holds = |index: &IndexName| {
        known.holders.iter().any(|(_, holder)| holder.engine == place.engine && holder.index == *index)
    };
    let searched = search.map_or(&[][..], |search| &search.indices);
    let first = || known.holders.iter().find(|(_, holder)| holder.engine == place.engine);
    searched
        .iter()
        .find(|index| holds(index))
        .cloned()
        .or_else(|| first().map(|(_, holder)| holder.index.clone()))
}

/// The same click under the same key has the same id. Another item, search or engine under a key that was used by mistake
/// is another click: it was answered `logged:true` and has to count. The visitor is no part of it: a browser that lost
/// its session between two attempts sends the same click. The prefix keeps these ids apart from those of bulk loading.
fn once_id(key: &str, engine: Hashid, draft: &Draft) -> Box<str> {
    format!("key/{key}/{engine}/{}/{}", draft.doc_id, draft.query_id.as_deref().unwrap_or_default()).into()
}
