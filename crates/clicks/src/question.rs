//! The question: what a caller asks the statistics. Every statistic is one of these.

use std::sync::Arc;

use crate::filter::ClickFilter;
use crate::local_days::LocalDays;

/// A quarter of an hour, in milliseconds.
const QUARTER_MS: i64 = 900_000;
/// The most rows of search terms or items that a question may ask for.
pub const TOP_ROWS_MAX: usize = 10_000;

/// What the counts are counts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// Each local day, zeros included.
    Day,
    /// Each local day and each engine of the filter, zeros included.
    DayAndEngine,
    /// Each engine of the filter, zeros included.
    Engine,
    /// Mobile, desktop and unknown, zeros included.
    Device,
    /// The search terms with the most clicks; clicks without terms are a row of their own.
    Terms {
        /// How many rows at most, up to [`TOP_ROWS_MAX`].
        rows_max: usize,
    },
    /// The items with the most clicks.
    Items {
        /// How many rows at most, up to [`TOP_ROWS_MAX`].
        rows_max: usize,
    },
    /// How many different visitors and items there are.
    Distinct,
}

/// What a caller asks: grouping × filter, in the local days of a period.
#[derive(Debug, Clone)]
pub struct Question {
    /// The days of the period, and which instants lie in it.
    pub days: Arc<LocalDays>,
    /// Which clicks count.
    pub filter: ClickFilter,
    /// What the counts are counts of.
    pub grouping: Grouping,
}

impl Question {
    /// Whether counts by quarter of an hour, engine, index, device and product type answer it as far as instants before
    /// `before_ms` go: it has to do with neither terms nor an item, and no day of it begins or ends within a quarter.
    #[must_use]
    pub fn counts_answer(&self, before_ms: i64) -> bool {
        let asks_more = self.filter.terms.is_some()
            || self.filter.item.is_some()
            || matches!(self.grouping, Grouping::Terms { .. } | Grouping::Items { .. } | Grouping::Distinct);
        let cuts = |edge_ms: i64| edge_ms < before_ms && edge_ms.rem_euclid(QUARTER_MS) != 0;
        !asks_more && !self.days.spans().iter().any(|span| cuts(span.from_ms) || cuts(span.until_ms))
    }
}
