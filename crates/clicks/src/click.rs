//! The click: one accepted click on one search result.

use std::fmt;
use std::str::FromStr;

use crate::case::SearchTerms;
use crate::names::{AccountCode, CustomResultId, DocId, EngineIndex, Hashid, IndexName, UserCode};
use crate::search::Search;

/// What a visitor held in the hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    /// A desktop computer, or anything that isn't known to be mobile.
    Desktop,
    /// A phone or a tablet.
    Mobile,
}

impl Device {
    /// As the APIs spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
        }
    }
}

impl FromStr for Device {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Desktop, Self::Mobile].into_iter().find(|device| device.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was clicked. The six values and their spelling are those of the Doofinder Stats API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ProductType {
    /// A search result.
    #[default]
    Search,
    /// A banner among the results.
    Banner,
    /// A result that was placed by hand.
    CustomResult,
    /// A recommendation.
    Recommendation,
    /// A result of a quiz (spelled `quizz` in the API).
    Quizz,
    /// A result in a chat.
    Aichat,
}

impl ProductType {
    /// All of them, in the order of their numbers in storage.
    pub const ALL: [Self; 6] =
        [Self::Search, Self::Banner, Self::CustomResult, Self::Recommendation, Self::Quizz, Self::Aichat];

    /// As the APIs spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Banner => "banner",
            Self::CustomResult => "custom_result",
            Self::Recommendation => "recommendation",
            Self::Quizz => "quizz",
            Self::Aichat => "aichat",
        }
    }

    /// Its place in [`ProductType::ALL`].
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl FromStr for ProductType {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

impl fmt::Display for ProductType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One accepted click on one search result. Times are milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    /// Whose it is. Ids and query ids are unique within an account.
    pub account: AccountCode,
    /// The search engine that it belongs to; nothing that comes later moves it to another.
    pub engine: Hashid,
    /// The index that holds the item, where known.
    pub index: Option<IndexName>,
    /// The item.
    pub doc_id: DocId,
    /// When it happened: its day is the day of this instant.
    pub at_ms: i64,
    /// When the server admitted it.
    pub received_ms: i64,
    /// Makes it count once, however often it is sent.
    pub id: Option<Box<str>>,
    /// The search that it came from.
    pub query_id: Option<Box<str>>,
    /// When that search was made, as the click told (`rt`).
    pub searched_ms: Option<i64>,
    /// Place in the result list, 1-based; 0 is accepted.
    pub rank: Option<u32>,
    /// Unknown where neither the click nor its search tells.
    pub device: Option<Device>,
    /// What kind of result it was.
    pub product_type: ProductType,
    /// Which result that was placed by hand it came from; only a click of the kind [`ProductType::CustomResult`] tells one.
    pub custom_result: Option<CustomResultId>,
    /// The folded terms of its search.
    pub terms: Option<SearchTerms>,
    /// The visitor.
    pub user: Option<UserCode>,
    /// The visitor's session.
    pub session: Option<Box<str>>,
}

impl Click {
    /// Fills in what the click does not tell and its search does. The engine stays, whatever the search says; an
    /// index is taken only from a search of the click's own engine in exactly one index. The visitor stays as the
    /// click told: one who asked not to be known is not made known by the search.
    pub fn complete(&mut self, search: &Search) {
        self.device = self.device.or(search.device);
        if self.terms.is_none() {
            self.terms = search.terms();
        }
        if self.index.is_none()
            && search.engine == self.engine
            && let [only] = search.indices.as_slice()
        {
            self.index = Some(only.clone());
        }
    }

    /// The engine and index of the item, where the index is known.
    #[must_use]
    pub fn place(&self) -> Option<EngineIndex> {
        self.index.clone().map(|index| EngineIndex { engine: self.engine, index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_spellings_read_back() {
        for kind in ProductType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(ProductType::ALL[usize::from(kind.number())], kind);
        }
        assert!("quiz".parse::<ProductType>().is_err());
        assert_eq!("mobile".parse(), Ok(Device::Mobile));
        assert!("Mobile".parse::<Device>().is_err());
    }
}
