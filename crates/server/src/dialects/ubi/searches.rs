//! Searches that wait for the rest of what is told about them. One `query_id` is logged several times: by the page when
//! it searches, and by the search server for each of the page's requests (results, facets, …). Together they are one
//! search. Knows nothing of how documents are read.

use std::collections::HashMap;

use clicks::SearchTerms;

use crate::bulk::Batch;
use crate::counts::Fate;
use crate::feed::{Line, Rejection, SearchLine};

/// The most searches that wait; then all are handed over.
pub const UBI_SEARCHES_BUFFERED_MAX: usize = 200_000;
/// What documents and events are counted as that tell a search again.
pub const SAME_SEARCH_KIND: &str = "same_search";

/// Bytes that a search takes beyond its texts, about.
const SEARCH_BYTES: usize = 400;
/// Bytes that a shown item takes beyond its id, about.
const DOC_BYTES: usize = 48;

/// Searches by their `query_id`, in the order in which they came.
#[derive(Default)]
pub(super) struct Searches {
    held: Vec<Held>,
    by_id: HashMap<Box<str>, usize>,
    bytes: usize,
}

struct Held {
    line: u64,
    search: SearchLine,
    terms: Option<SearchTerms>,
    told_by: Teller,
}

enum Teller {
    /// A document of the search server.
    Document,
    /// An event of a page, told again that many times.
    Event { action: Box<str>, again: u64 },
}

impl Searches {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The bytes that they take, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a search that the search server logged. The first one with an id counts: its time and its text; its items
    /// are the first that any of them tells. What a page said of it before is given up for it.
    pub(super) fn document(&mut self, line: u64, search: SearchLine, batch: &mut Batch) {
        let terms = search.query.as_deref().and_then(SearchTerms::fold);
        let Some(held) = self.by_id.get(&search.id).and_then(|at| self.held.get_mut(*at)) else {
            self.hold(Held { line, search, terms, told_by: Teller::Document });
            return;
        };
        if let Teller::Event { action, again } = &held.told_by {
            batch.skipped.count(action, 1 + again);
            self.bytes += bytes_of(&search);
            *held = Held { line, search, terms, told_by: Teller::Document };
        } else if (held.search.engine, &held.terms) == (search.engine, &terms) {
            batch.skipped.count(SAME_SEARCH_KIND, 1);
            if held.search.doc_ids.is_none() && search.doc_ids.is_some() {
                self.bytes += bytes_of(&search);
                held.search.doc_ids = search.doc_ids;
            }
        } else {
            batch.rejects(line, conflict(held.line));
        }
    }

    /// Takes a search that a page logged: it counts only where the search server logged none with its id.
    pub(super) fn event(&mut self, line: u64, search: SearchLine, action: Box<str>, batch: &mut Batch) {
        let terms = search.query.as_deref().and_then(SearchTerms::fold);
        let Some(held) = self.by_id.get(&search.id).and_then(|at| self.held.get_mut(*at)) else {
            self.hold(Held { line, search, terms, told_by: Teller::Event { action, again: 0 } });
            return;
        };
        let is_same = (held.search.engine, &held.terms) == (search.engine, &terms);
        match &mut held.told_by {
            Teller::Event { again, .. } if is_same => *again += 1,
            Teller::Event { .. } | Teller::Document => batch.skipped.count(&action, 1),
        }
    }

    fn hold(&mut self, held: Held) {
        self.bytes += bytes_of(&held.search);
        self.by_id.insert(held.search.id.clone(), self.held.len());
        self.held.push(held);
    }

    /// Hands all of them over.
    pub(super) fn give_out(&mut self, batch: &mut Batch) {
        for Held { line, search, told_by, .. } in std::mem::take(self).held {
            if let Teller::Event { again, .. } = told_by {
                batch.skipped.count(SAME_SEARCH_KIND, again);
            }
            batch.tells(line, Line::Search(search));
        }
    }
}

fn conflict(first: u64) -> Rejection {
    let message = format!("query_id: another search has it (line {first}), and the first one counts");
    Rejection { fate: Fate::Conflict, code: "conflict", message }
}

fn bytes_of(search: &SearchLine) -> usize {
    let docs = search.doc_ids.iter().flatten().map(|doc| doc.as_str().len() + DOC_BYTES);
    SEARCH_BYTES + 2 * search.id.len() + 2 * search.query.as_deref().map_or(0, str::len) + docs.sum::<usize>()
}
