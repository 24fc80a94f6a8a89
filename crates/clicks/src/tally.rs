//! The tally: the answer to a question. A [`Counter`] gathers counts in any order and from any number of places; what
//! it finishes to does not depend on either, so every store gives the same rows in the same order.

use std::collections::{HashMap, HashSet};

use crate::case::SearchTerms;
use crate::click::{Click, Device};
use crate::item::ClickedItem;
use crate::names::{Hashid, UserCode};
use crate::question::{Grouping, Question, TOP_ROWS_MAX};

/// The answer to a question: rows of key and count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tally {
    /// A count for each of [`crate::LocalDays::days`].
    Days(Vec<u64>),
    /// For each day, in its order, a row for each engine, by hashid.
    DaysAndEngines(Vec<(usize, Hashid, u64)>),
    /// A row for each engine, by hashid.
    Engines(Vec<(Hashid, u64)>),
    /// Mobile, desktop, unknown.
    Devices(Vec<(Option<Device>, u64)>),
    /// Most clicks first, then by terms; no terms last among equals.
    Terms(Vec<(Option<SearchTerms>, u64)>),
    /// Most clicks first, then by engine, index and `doc_id`; no index first among equals.
    Items(Vec<(ClickedItem, u64)>),
    /// One row, without a count of clicks.
    Distinct {
        /// Different user codes. Clicks that tell none have no visitor here.
        users: u64,
        /// Different items.
        items: u64,
    },
}

impl Tally {
    /// The sum of all rows' counts of clicks; 0 where there are none.
    #[must_use]
    pub fn total(&self) -> u64 {
        match self {
            Self::Days(counts) => counts.iter().sum(),
            Self::DaysAndEngines(rows) => rows.iter().map(|row| row.2).sum(),
            Self::Engines(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Devices(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Terms(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Items(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Distinct { .. } => 0,
        }
    }
}

/// Gathers counts for one question.
#[derive(Debug)]
pub struct Counter<'q> {
    question: &'q Question,
    /// One cell for each day, each engine, or each pair of them (day-major).
    cells: Vec<u64>,
    terms: HashMap<Option<SearchTerms>, u64>,
    items: HashMap<ClickedItem, u64>,
    users: HashSet<UserCode>,
    distinct: (u64, u64),
}

/// Mobile, desktop, unknown: the order of the rows.
const DEVICES: [Option<Device>; 3] = [Some(Device::Mobile), Some(Device::Desktop), None];

impl<'q> Counter<'q> {
    /// A counter at zero.
    #[must_use]
    pub fn new(question: &'q Question) -> Self {
        let (days, engines) = (question.days.days().len(), question.filter.engines.len());
        let cells = match question.grouping {
            Grouping::Day => days,
            Grouping::DayAndEngine => days * engines,
            Grouping::Engine => engines,
            Grouping::Device => DEVICES.len(),
            Grouping::Terms { .. } | Grouping::Items { .. } | Grouping::Distinct => 0,
        };
        Self {
            question,
            cells: vec![0; cells],
            terms: HashMap::new(),
            items: HashMap::new(),
            users: HashSet::new(),
            distinct: (0, 0),
        }
    }

    /// Counts a click if it lies in the period and passes the filter.
    pub fn count(&mut self, click: &Click) {
        if let Some(day) = self.question.days.day_of(click.at_ms)
            && self.question.filter.passes(click)
        {
            match self.question.grouping {
                Grouping::Terms { .. } => self.add_terms(click.terms.as_ref(), 1),
                Grouping::Items { .. } => self.add_item(ClickedItem::of(click), 1),
                Grouping::Distinct => {
                    self.users.extend(click.user.clone());
                    self.add_item(ClickedItem::of(click), 1);
                }
                _ => self.add(day, click.engine, click.device, 1),
            }
        }
    }

    /// Adds clicks that lie in the period and pass the filter, and came from a search with these terms, or from none.
    pub fn add_terms(&mut self, terms: Option<&SearchTerms>, clicks: u64) {
        *self.terms.entry(terms.cloned()).or_default() += clicks;
    }

    /// Adds clicks on an item that lie in the period and pass the filter.
    pub fn add_item(&mut self, item: ClickedItem, clicks: u64) {
        *self.items.entry(item).or_default() += clicks;
    }

    /// Adds visitors and items that were told apart elsewhere: none of them may be counted here in another way.
    pub const fn add_distinct(&mut self, users: u64, items: u64) {
        self.distinct = (self.distinct.0 + users, self.distinct.1 + items);
    }

    /// Adds clicks that lie in the period's `day` and pass the filter, where days, engines or devices are grouped by.
    /// What the grouping doesn't group by is not looked at.
    pub fn add(&mut self, day: usize, engine: Hashid, device: Option<Device>, clicks: u64) {
        let engines = &self.question.filter.engines;
        let place = || engines.binary_search(&engine).ok();
        let cell = match self.question.grouping {
            Grouping::Day => Some(day),
            Grouping::DayAndEngine => place().map(|place| day * engines.len() + place),
            Grouping::Engine => place(),
            Grouping::Device => DEVICES.iter().position(|row| *row == device),
            Grouping::Terms { .. } | Grouping::Items { .. } | Grouping::Distinct => None,
        };
        if let Some(count) = cell.and_then(|cell| self.cells.get_mut(cell)) {
            *count += clicks;
        }
    }

    /// The answer.
    #[must_use]
    pub fn finish(self) -> Tally {
        let engines = &self.question.filter.engines;
        match self.question.grouping {
            Grouping::Day => Tally::Days(self.cells),
            Grouping::DayAndEngine => Tally::DaysAndEngines(
                self.cells
                    .iter()
                    .enumerate()
                    .map(|(cell, count)| (cell / engines.len(), engines[cell % engines.len()], *count))
                    .collect(),
            ),
            Grouping::Engine => Tally::Engines(engines.iter().copied().zip(self.cells).collect()),
            Grouping::Device => Tally::Devices(DEVICES.into_iter().zip(self.cells).collect()),
            Grouping::Terms { rows_max } => {
                let mut rows: Vec<_> = self.terms.into_iter().collect();
                rows.sort_unstable_by(|(left, many), (right, few)| {
                    few.cmp(many).then_with(|| (left.is_none(), left).cmp(&(right.is_none(), right)))
                });
                rows.truncate(rows_max.min(TOP_ROWS_MAX));
                Tally::Terms(rows)
            }
            Grouping::Items { rows_max } => {
                let mut rows: Vec<_> = self.items.into_iter().collect();
                rows.sort_unstable_by(|(left, many), (right, few)| {
                    few.cmp(many).then_with(|| left.cmp(right))
                });
                rows.truncate(rows_max.min(TOP_ROWS_MAX));
                Tally::Items(rows)
            }
            Grouping::Distinct => Tally::Distinct {
                users: self.distinct.0 + self.users.len() as u64,
                items: self.distinct.1 + self.items.len() as u64,
            },
        }
    }
}
