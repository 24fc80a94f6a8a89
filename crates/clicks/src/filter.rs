//! Which clicks a question counts.

use crate::case::SearchTerms;
use crate::click::{Click, Device, ProductType};
use crate::item::{Dfid, ItemDigest};
use crate::names::{AccountCode, CustomResultId, DocId, EngineIndex, Hashid};
use crate::search::Search;

/// Which clicks a question counts, or which searches: those that pass every part that is set. One that lacks what a part
/// asks for doesn't pass it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClickFilter {
    /// Whose clicks.
    pub account: AccountCode,
    /// Of these search engines, sorted, each once. An empty list counts nothing.
    pub engines: Vec<Hashid>,
    /// In one of these indices.
    pub places: Option<Vec<EngineIndex>>,
    /// On this device.
    pub device: Option<Device>,
    /// From a search with these terms.
    pub terms: Option<SearchTerms>,
    /// On this item.
    pub item: Option<Dfid>,
    /// On an item with this id, in whatever index or in none.
    pub doc_id: Option<DocId>,
    /// On one of these kinds of result; empty = all.
    pub product_types: Vec<ProductType>,
    /// From this result that was placed by hand.
    pub custom_result: Option<CustomResultId>,
    /// From so many results; clicks tell none.
    pub hits: Option<u64>,
    /// Not from so many results: what tells none passes.
    pub hits_not: Option<u64>,
}

impl ClickFilter {
    /// Every click of an account's engines.
    #[must_use]
    pub fn all(account: AccountCode, mut engines: Vec<Hashid>) -> Self {
        engines.sort_unstable();
        engines.dedup();
        Self {
            account,
            engines,
            places: None,
            device: None,
            terms: None,
            item: None,
            doc_id: None,
            product_types: Vec::new(),
            custom_result: None,
            hits: None,
            hits_not: None,
        }
    }

    /// Whether the click passes. This is what the filter means; a store may find the same clicks faster.
    #[must_use]
    pub fn passes(&self, click: &Click) -> bool {
        click.account == self.account
            && self.engines.binary_search(&click.engine).is_ok()
            && self.places.as_ref().is_none_or(|places| {
                places
                    .iter()
                    .any(|place| place.engine == click.engine && Some(&place.index) == click.index.as_ref())
            })
            && self.device.is_none_or(|device| click.device == Some(device))
            && self.terms.as_ref().is_none_or(|terms| click.terms.as_ref() == Some(terms))
            && self.item.as_ref().is_none_or(|item| {
                item.engine == click.engine
                    && Some(&item.index) == click.index.as_ref()
                    && item.digest == ItemDigest::of(click.doc_id.as_str())
            })
            && self.doc_id.as_ref().is_none_or(|doc_id| *doc_id == click.doc_id)
            && (self.product_types.is_empty() || self.product_types.contains(&click.product_type))
            && self.custom_result.as_ref().is_none_or(|wanted| click.custom_result.as_ref() == Some(wanted))
            && self.passes_hits(None)
    }

    /// Whether the search passes. A search is on no item but its redirection, and neither of a kind of result nor from one that was placed by hand. It was made in all indices that it tells:
    /// one of them is enough.
    #[must_use]
    pub fn passes_search(&self, search: &Search) -> bool {
        search.account == self.account
            && self.engines.binary_search(&search.engine).is_ok()
            && self.places.as_ref().is_none_or(|places| {
                places
                    .iter()
                    .any(|place| place.engine == search.engine && search.indices.contains(&place.index))
            })
            && self.device.is_none_or(|device| search.device == Some(device))
            && self.terms.as_ref().is_none_or(|terms| search.terms().as_ref() == Some(terms))
            && self.item.is_none()
            && self.doc_id.as_ref().is_none_or(|doc_id| search.redirection() == Some(doc_id))
            && self.product_types.is_empty()
            && self.custom_result.is_none()
            && self.passes_hits(search.found())
    }

    fn passes_hits(&self, hits: Option<u64>) -> bool {
        self.hits.is_none_or(|wanted| hits == Some(wanted))
            && self.hits_not.is_none_or(|unwanted| hits != Some(unwanted))
    }
}
