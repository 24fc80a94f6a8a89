//! Reports: rows that tell more than one number. They are gathered in any order and from any number of places, as all counts are.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::case::SearchTerms;
use crate::item::ClickedItem;
use crate::question::{Measure, Question, TOP_ROWS_MAX};

/// How many searches there were, how many of them are clicked ones, and how many clicks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClickThrough {
    /// Searches.
    pub searches: u64,
    /// Those of them that at least one click of their account names, at most [`crate::CLICKED_WITHIN_MS`] away.
    pub clicked: u64,
    /// Clicks: also those that name no search, or one that is not counted here.
    pub clicks: u64,
}

impl ClickThrough {
    /// Adds others.
    pub const fn add(&mut self, more: Self) {
        self.searches += more.searches;
        self.clicked += more.clicked;
        self.clicks += more.clicks;
    }

    const fn is_nothing(&self) -> bool {
        self.searches == 0 && self.clicks == 0
    }
}

/// The ranks of some clicks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RankSum {
    /// How many clicks tell one.
    pub told: u64,
    /// The sum of their ranks.
    pub sum: u64,
}

impl RankSum {
    /// The rank of one click.
    #[must_use]
    pub fn of(rank: Option<u32>) -> Self {
        Self { told: u64::from(rank.is_some()), sum: rank.map_or(0, u64::from) }
    }

    /// The rank of clicks on average; `None` where no click tells one.
    #[must_use]
    pub fn average(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "sums of ranks are far below 2^53")]
        (self.told > 0).then(|| self.sum as f64 / self.told as f64)
    }

    /// Adds other clicks.
    pub const fn add(&mut self, more: Self) {
        self.told += more.told;
        self.sum += more.sum;
    }
}

/// A row of a report of terms.
pub(crate) type TermsRow = (Option<SearchTerms>, ClickThrough, RankSum);
/// A row of a report of items.
pub(crate) type ItemsRow = (ClickedItem, u64, RankSum);

/// Gathers the rows of reports.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    pub(crate) days: Vec<ClickThrough>,
    terms: HashMap<Option<SearchTerms>, (ClickThrough, RankSum)>,
    items: HashMap<ClickedItem, (u64, RankSum)>,
}

impl Reports {
    pub(crate) fn add_day(&mut self, day: usize, more: ClickThrough) {
        if let Some(day) = self.days.get_mut(day) {
            day.add(more);
        }
    }

    pub(crate) fn add_terms(&mut self, terms: Option<SearchTerms>, more: ClickThrough, ranks: RankSum) {
        let row = self.terms.entry(terms).or_default();
        row.0.add(more);
        row.1.add(ranks);
    }

    pub(crate) fn add_item(&mut self, item: ClickedItem, clicks: u64, ranks: RankSum) {
        let row = self.items.entry(item).or_default();
        row.0 += clicks;
        row.1.add(ranks);
    }

    /// Most searches first, or most clicks where those are measured, then most of the other, then by terms; no terms last
    /// among equals.
    pub(crate) fn into_terms(self, question: &Question, rows_max: usize) -> Vec<TermsRow> {
        let rows = self.terms.into_iter().map(|(terms, (through, ranks))| (terms, through, ranks));
        let asked =
            |row: &TermsRow| question.matches(row.0.as_ref().map(SearchTerms::as_str)) && !row.1.is_nothing();
        let mut rows: Vec<TermsRow> = rows.filter(asked).collect();
        let many = |row: &TermsRow| question.measure.first_then(row.1);
        rows.sort_unstable_by(|left, right| {
            let by_name = |row: &TermsRow| row.0.is_none();
            let named = || (by_name(left), &left.0).cmp(&(by_name(right), &right.0));
            Reverse(many(left)).cmp(&Reverse(many(right))).then_with(named)
        });
        rows.truncate(rows_max.min(TOP_ROWS_MAX));
        rows
    }

    /// Most clicks first, then by item.
    pub(crate) fn into_items(self, question: &Question, rows_max: usize) -> Vec<ItemsRow> {
        let rows = self.items.into_iter().map(|(item, (clicks, ranks))| (item, clicks, ranks));
        let mut rows: Vec<ItemsRow> =
            rows.filter(|row| question.matches(Some(row.0.doc_id.as_str()))).collect();
        rows.sort_unstable_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        rows.truncate(rows_max.min(TOP_ROWS_MAX));
        rows
    }
}

impl Measure {
    /// What rows of a report of terms are ordered by: first what is measured, then the other.
    #[must_use]
    pub const fn first_then(self, row: ClickThrough) -> (u64, u64) {
        match self {
            Self::Clicks => (row.clicks, row.searches),
            _ => (row.searches, row.clicks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_is_of_the_clicks_that_tell_a_rank() {
        let mut ranks = RankSum::default();
        assert_eq!(ranks.average(), None);
        for rank in [Some(1), None, Some(4), Some(0), None] {
            ranks.add(RankSum::of(rank));
        }
        assert_eq!(ranks, RankSum { told: 3, sum: 5 });
        assert_eq!(ranks.average(), Some(5.0 / 3.0));
    }
}
