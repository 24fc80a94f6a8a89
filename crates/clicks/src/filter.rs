//! Which clicks a question counts.

use crate::case::SearchTerms;
use crate::click::{Click, Device, ProductType};
use crate::item::{Dfid, ItemDigest};
use crate::names::{AccountCode, EngineIndex, Hashid};

/// Which clicks a question counts: those that pass every part that is set. A click that lacks what a part asks for
/// doesn't pass it.
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
    /// On one of these kinds of result; empty = all.
    pub product_types: Vec<ProductType>,
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
            product_types: Vec::new(),
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
            && (self.product_types.is_empty() || self.product_types.contains(&click.product_type))
    }
}
