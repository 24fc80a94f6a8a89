//! The search: what a visitor asked and was shown.

use std::str::FromStr;

use crate::case::SearchTerms;
use crate::click::Device;
use crate::names::{AccountCode, DocId, Hashid, IndexName, UserCode};

/// The most items that a search tells to have shown.
pub const SEARCH_DOCS_MAX: usize = 1_000;
/// The most characters of a typed search.
pub const SEARCH_QUERY_CHARS_MAX: usize = 1_000;

/// What a visitor did at the search box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SearchKind {
    /// Asked, and was shown results.
    #[default]
    Asked,
    /// Opened it, and asked nothing yet: a session begins.
    Opened,
    /// Asked, and was led to a page instead: the only one of the shown items names the redirection.
    Redirected,
}

impl SearchKind {
    /// As files spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Opened => "opened",
            Self::Redirected => "redirected",
        }
    }
}

impl FromStr for SearchKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Asked, Self::Opened, Self::Redirected].into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// What a visitor asked and was shown. Times are milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What it was.
    pub kind: SearchKind,
    /// Whose it is.
    pub account: AccountCode,
    /// Its `query_id`: what clicks name it by. The first search with an id wins.
    pub id: Box<str>,
    /// The search engine that was asked.
    pub engine: Hashid,
    /// The indices that were searched; empty where not told.
    pub indices: Vec<IndexName>,
    /// What was typed, as it was typed.
    pub query: Option<Box<str>>,
    /// The items shown, best first; `None` where not told.
    pub doc_ids: Option<Vec<DocId>>,
    /// What the visitor held.
    pub device: Option<Device>,
    /// When it was made.
    pub at_ms: i64,
    /// When the server admitted it.
    pub received_ms: i64,
    /// How many items matched in all.
    pub total_hits: Option<u64>,
    /// The visitor.
    pub user: Option<UserCode>,
    /// The visitor's session.
    pub session: Option<Box<str>>,
}

impl Search {
    /// The folded terms.
    #[must_use]
    pub fn terms(&self) -> Option<SearchTerms> {
        self.query.as_deref().and_then(SearchTerms::fold)
    }

    /// Whether `other` tells the same search: all but the time at which the server heard of it.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let Self {
            kind,
            account,
            id,
            engine,
            indices,
            query,
            doc_ids,
            device,
            at_ms,
            received_ms: _,
            total_hits,
            user,
            session,
        } = self;
        (kind, account, id, engine, indices, query)
            == (&other.kind, &other.account, &other.id, &other.engine, &other.indices, &other.query)
            && (doc_ids, device, at_ms, total_hits)
                == (&other.doc_ids, &other.device, &other.at_ms, &other.total_hits)
            && (user, session) == (&other.user, &other.session)
    }

    /// The redirection that it ended in.
    #[must_use]
    pub fn redirection(&self) -> Option<&DocId> {
        self.doc_ids.as_ref()?.first().filter(|_| self.kind == SearchKind::Redirected)
    }

    /// How much was found, where results were asked for.
    #[must_use]
    pub fn found(&self) -> Option<u64> {
        self.total_hits.filter(|_| self.kind == SearchKind::Asked)
    }

    /// Whether `doc_id` was among the items shown; `None` where it is not known what was shown.
    #[must_use]
    pub fn showed(&self, doc_id: &str) -> Option<bool> {
        self.doc_ids.as_ref().map(|shown| shown.iter().any(|doc| doc.as_str() == doc_id))
    }
}
