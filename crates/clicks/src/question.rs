//! The question: what a caller asks the statistics. Every statistic is one of these.

use std::sync::Arc;

use crate::filter::ClickFilter;
use crate::local_days::LocalDays;
use crate::search::SearchKind;

/// A quarter of an hour, in milliseconds.
const QUARTER_MS: i64 = 900_000;
/// The most rows of search terms or items that a question may ask for.
pub const TOP_ROWS_MAX: usize = 10_000;
/// How far a click may be from the search that it names, before it or after it, for that search to be a clicked one: a day,
/// in milliseconds.
pub const CLICKED_WITHIN_MS: i64 = 86_400_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Clicks.
    #[default]
    Clicks,
    /// Searches that were shown. They have terms, a device and a visitor as clicks do, and no item.
    Searches,
    /// Openings of the search, each of which begins a session.
    Openings,
    /// Searches that ended in a redirection, which stands in the place of an item.
    Redirections,
}

impl Measure {
    /// Which searches are counted; `None` where clicks are.
    #[must_use]
    pub const fn searches(self) -> Option<SearchKind> {
        match self {
            Self::Clicks => None,
            Self::Searches => Some(SearchKind::Asked),
            Self::Openings => Some(SearchKind::Opened),
            Self::Redirections => Some(SearchKind::Redirected),
        }
    }
}

/// What the counts are counts by.
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
    /// The search terms with the greatest counts; what has no terms is a row of its own.
    Terms {
        /// How many rows at most, up to [`TOP_ROWS_MAX`].
        rows_max: usize,
    },
    /// The items with the most clicks.
    Items {
        /// How many rows at most, up to [`TOP_ROWS_MAX`].
        rows_max: usize,
    },
    /// The pairs of an item and a rank with the most clicks; clicks of an item that tell no rank are a row of their own.
    ItemRanks {
        /// How many rows at most, up to [`TOP_ROWS_MAX`].
        rows_max: usize,
    },
    /// The results placed by hand with the most clicks. Clicks that tell none are in no row, and searches neither.
    CustomResults {
        /// How many rows at most, up to [`TOP_ROWS_MAX`].
        rows_max: usize,
    },
    /// How many there are in all, and how many different visitors and items.
    Distinct,
    /// The indices with the most clicks, by name whatever their engine; clicks that tell none are a row of their own. A search is
    /// in each of its indices.
    Index,
    /// Each kind of result, zeros included. Searches are of none, and in no row.
    ProductType,
    /// Each rank that has clicks; clicks that tell none are a row of their own. Searches tell none.
    Rank,
    /// The items with the most clicks, each with what its clicks tell of their ranks.
    ItemsReport {
        /// How many rows at most, up to [`TOP_ROWS_MAX`].
        rows_max: usize,
    },
    /// Each local day, zeros included: searches, how many of them are clicked ones, and clicks, whatever is measured. The searches
    /// are of the kind that is measured, or asked.
    ClickThrough,
    /// The search terms with the most searches, or with the most clicks where those are measured, each with what
    /// [`Grouping::ClickThrough`] counts and with the ranks of its clicks; what has no terms is a row of its own.
    TermsReport {
        /// How many rows at most, up to [`TOP_ROWS_MAX`].
        rows_max: usize,
    },
}

impl Grouping {
    /// Whether it tells apart terms, items, results placed by hand, visitors or ranks, which counts by quarter of an hour don't: of most
    /// of these there may be as many as there are clicks.
    #[must_use]
    pub const fn is_by_names(self) -> bool {
        match self {
            Self::Terms { .. }
            | Self::Items { .. }
            | Self::ItemRanks { .. }
            | Self::CustomResults { .. }
            | Self::Distinct
            | Self::Rank
            | Self::ItemsReport { .. }
            | Self::ClickThrough
            | Self::TermsReport { .. } => true,
            Self::Day
            | Self::DayAndEngine
            | Self::Engine
            | Self::Device
            | Self::Index
            | Self::ProductType => false,
        }
    }

    /// Whether searches are joined to the clicks that name them: such a question needs the clicks of
    /// [`CLICKED_WITHIN_MS`] around its period too.
    #[must_use]
    pub const fn joins(self) -> bool {
        matches!(self, Self::ClickThrough | Self::TermsReport { .. })
    }
}

/// What a caller asks: measure × grouping × filter, in the local days of a period.
#[derive(Debug, Clone)]
pub struct Question {
    /// The days of the period, and which instants lie in it.
    pub days: Arc<LocalDays>,
    /// What is counted.
    pub measure: Measure,
    /// Which clicks count, or which searches.
    pub filter: ClickFilter,
    /// What the counts are counts by.
    pub grouping: Grouping,
    /// Of [`Grouping::ItemsReport`] and [`Grouping::TermsReport`] only rows whose `doc_id`, or folded terms, have this text in
    /// them. Other groupings don't look at it.
    pub matching: Option<Box<str>>,
}

impl Question {
    /// A question about clicks.
    #[must_use]
    pub const fn clicks(days: Arc<LocalDays>, filter: ClickFilter, grouping: Grouping) -> Self {
        Self { days, measure: Measure::Clicks, filter, grouping, matching: None }
    }

    /// A question about searches.
    #[must_use]
    pub const fn searches(days: Arc<LocalDays>, filter: ClickFilter, grouping: Grouping) -> Self {
        Self { days, measure: Measure::Searches, filter, grouping, matching: None }
    }

    /// Which searches are counted: those that are measured, or asked ones where a grouping counts them beside clicks.
    #[must_use]
    pub fn search_kind(&self) -> Option<SearchKind> {
        self.measure.searches().or_else(|| self.grouping.joins().then_some(SearchKind::Asked))
    }

    /// Whether a row with this text is asked for; one that has none is not where any has to match.
    #[must_use]
    pub fn matches(&self, text: Option<&str>) -> bool {
        self.matching.as_deref().is_none_or(|wanted| text.is_some_and(|text| text.contains(wanted)))
    }

    /// Whether counts of clicks by quarter of an hour, engine, index, device and product type answer it as far as instants before
    /// `before_ms` go: it has to do with neither terms nor an item nor a result placed by hand, and no day of it begins or ends within a quarter.
    #[must_use]
    pub fn counts_answer(&self, before_ms: i64) -> bool {
        let asks_more = self.measure != Measure::Clicks
            || self.filter.terms.is_some()
            || self.filter.item.is_some()
            || self.filter.doc_id.is_some()
            || self.filter.custom_result.is_some()
            || self.grouping.is_by_names();
        let cuts = |edge_ms: i64| edge_ms < before_ms && edge_ms.rem_euclid(QUARTER_MS) != 0;
        !asks_more && !self.days.spans().iter().any(|span| cuts(span.from_ms) || cuts(span.until_ms))
    }
}
