//! The tally: the answer to a question. A [`Counter`] gathers counts in any order and from any number of places; what
//! it finishes to does not depend on either, so every store gives the same rows in the same order.

use std::collections::HashMap;

use crate::case::SearchTerms;
use crate::click::{Click, Device};
use crate::names::Hashid;
use crate::question::{Grouping, Question, TERMS_ROWS_MAX};

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
}

impl Tally {
    /// The sum of all rows' counts.
    #[must_use]
    pub fn total(&self) -> u64 {
        match self {
            Self::Days(counts) => counts.iter().sum(),
            Self::DaysAndEngines(rows) => rows.iter().map(|row| row.2).sum(),
            Self::Engines(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Devices(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Terms(rows) => rows.iter().map(|row| row.1).sum(),
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
            Grouping::Terms { .. } => 0,
        };
        Self { question, cells: vec![0; cells], terms: HashMap::new() }
    }

    /// Counts a click if it lies in the period and passes the filter.
    pub fn count(&mut self, click: &Click) {
        if let Some(day) = self.question.days.day_of(click.at_ms)
            && self.question.filter.passes(click)
        {
            self.add(day, click.engine, click.device, click.terms.as_ref(), 1);
        }
    }

    /// Adds clicks that lie in the period's `day` and pass the filter. `terms` are looked at only when grouping by
    /// terms, `device` only when grouping by device.
    pub fn add(
        &mut self,
        day: usize,
        engine: Hashid,
        device: Option<Device>,
        terms: Option<&SearchTerms>,
        clicks: u64,
    ) {
        let engines = &self.question.filter.engines;
        let place = || engines.binary_search(&engine).ok();
        let cell = match self.question.grouping {
            Grouping::Day => Some(day),
            Grouping::DayAndEngine => place().map(|place| day * engines.len() + place),
            Grouping::Engine => place(),
            Grouping::Device => DEVICES.iter().position(|row| *row == device),
            Grouping::Terms { .. } => {
                *self.terms.entry(terms.cloned()).or_default() += clicks;
                None
            }
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
                rows.truncate(rows_max.min(TERMS_ROWS_MAX));
                Tally::Terms(rows)
            }
        }
    }
}
