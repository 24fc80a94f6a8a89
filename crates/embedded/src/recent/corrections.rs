//! Corrections: what clicks that are sealed already have learned from a search that came later. Until their day is
//! written anew, they are counted as two rows: one takes back what the sealed one counts, one counts what it should.
//! It must never change a sealed day itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use clicks::{Click, Device, IndexName, SearchTerms};

use crate::recent::day::{Counted, Row, RowPlace, day_of};

/// Which click was corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A row of what is being sealed: of which freezing, since the next one has rows at the same places.
    Frozen { freezing: u64, row: RowPlace },
    /// A row of a part.
    Sealed { part: u32, row: u32 },
}

/// What a click has learned: all that [`Click::complete`] can fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    index: Option<IndexName>,
    device: Option<Device>,
    terms: Option<SearchTerms>,
}

impl Learned {
    /// What a completed click has.
    pub fn of(click: &Click) -> Self {
        Self { index: click.index.clone(), device: click.device, terms: click.terms.clone() }
    }

    /// Gives a click what it has learned.
    pub fn apply(&self, click: &mut Click) {
        click.index.clone_from(&self.index);
        click.device = self.device;
        click.terms.clone_from(&self.terms);
    }
}

/// By row, what its click has learned.
pub type LearnedRows = HashMap<Origin, Learned>;

/// What sealed clicks have learned.
#[derive(Debug, Default)]
pub struct Corrections {
    /// Shared with scans that go on.
    learned: Arc<LearnedRows>,
    /// The row of each as it is sealed, and as it should be.
    rows: HashMap<Origin, (Row, Row)>,
    /// The same by UTC day, in columns: the rows as they are sealed, and as they should be.
    days: BTreeMap<i32, (Arc<Counted>, Arc<Counted>)>,
}

/// About what a correction takes beside its rows.
const LEARNED_BYTES: usize = 128;

impl Corrections {
    /// Notes what a click has learned, with its row before and after.
    pub fn add(&mut self, origin: Origin, learned: Learned, before: Row, after: Row) {
        Arc::make_mut(&mut self.learned).insert(origin, learned);
        self.rows.insert(origin, (before, after));
        self.count(before, after);
    }

    fn count(&mut self, before: Row, after: Row) {
        let (minus, plus) = self.days.entry(day_of(before.at_ms)).or_default();
        Arc::make_mut(minus).push(before);
        Arc::make_mut(plus).push(after);
    }

    /// By row, what its click has learned: as it is now.
    pub fn learned(&self) -> Arc<LearnedRows> {
        Arc::clone(&self.learned)
    }

    /// The rows to take back and those to count, of the days from `first` to `last`.
    pub fn rows(&self, first: i32, last: i32) -> Vec<(Arc<Counted>, Arc<Counted>)> {
        if first > last {
            return Vec::new();
        }
        self.days.range(first..=last).map(|(_, rows)| rows.clone()).collect()
    }

    /// Follows rows that have moved, and forgets those that are gone.
    pub fn follow(&mut self, moved: impl Fn(Origin) -> Option<Origin>) {
        if self.learned.is_empty() {
            return;
        }
        let before = self.rows.len();
        let learned =
            self.learned.iter().filter_map(|(origin, learned)| Some((moved(*origin)?, learned.clone())));
        self.learned = Arc::new(learned.collect());
        let rows = std::mem::take(&mut self.rows).into_iter();
        self.rows = rows.filter_map(|(origin, rows)| Some((moved(origin)?, rows))).collect();
        if self.rows.len() < before {
            self.days.clear();
            let rows: Vec<(Row, Row)> = self.rows.values().copied().collect();
            rows.into_iter().for_each(|(before, after)| self.count(before, after));
        }
    }

    /// About how many bytes they take.
    pub fn memory_bytes(&self) -> usize {
        self.learned.len() * (LEARNED_BYTES + 4 * size_of::<Row>())
    }
}
