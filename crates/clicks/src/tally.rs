//! The tally: the answer to a question. A [`Counter`] gathers counts in any order and from any number of places; what
//! it finishes to does not depend on either, so every store gives the same rows in the same order.

use std::collections::{HashMap, HashSet};

use crate::case::SearchTerms;
use crate::click::{Click, Device, ProductType};
use crate::item::ClickedItem;
use crate::names::{CustomResultId, Hashid, IndexName, UserCode};
use crate::question::{Grouping, Question, TOP_ROWS_MAX};
use crate::report::{ClickThrough, RankSum, Reports};
use crate::search::Search;

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
    /// Most clicks first, then by item, then by rank; no rank last among equals.
    ItemRanks(Vec<(ClickedItem, Option<u32>, u64)>),
    /// Most clicks first, then by engine, then by id.
    CustomResults(Vec<(Hashid, CustomResultId, u64)>),
    /// One row.
    Distinct {
        /// All of them: clicks, or searches.
        count: u64,
        /// Different user codes. What tells none has no visitor here.
        users: u64,
        /// Different items.
        items: u64,
    },
    /// Most clicks first, then by name; no index last among equals.
    Indices(Vec<(Option<IndexName>, u64)>),
    /// Each of [`ProductType::ALL`].
    ProductTypes(Vec<(ProductType, u64)>),
    /// By rank; no rank last.
    Ranks(Vec<(Option<u32>, u64)>),
    /// Most clicks first, then by engine, index and `doc_id`; no index first among equals.
    ItemsReport(Vec<(ClickedItem, u64, RankSum)>),
    /// A row for each of [`crate::LocalDays::days`].
    ClickThrough(Vec<ClickThrough>),
    /// Most searches first, or most clicks where those are measured, then most of the other, then by terms; no terms last among
    /// equals.
    TermsReport(Vec<(Option<SearchTerms>, ClickThrough, RankSum)>),
}

impl Tally {
    /// The sum of all rows' counts; of clicks where rows count searches beside them.
    #[must_use]
    pub fn total(&self) -> u64 {
        match self {
            Self::Days(counts) => counts.iter().sum(),
            Self::DaysAndEngines(rows) => rows.iter().map(|row| row.2).sum(),
            Self::Engines(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Devices(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Terms(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Items(rows) => rows.iter().map(|row| row.1).sum(),
            Self::ItemRanks(rows) => rows.iter().map(|row| row.2).sum(),
            Self::CustomResults(rows) => rows.iter().map(|row| row.2).sum(),
            Self::Distinct { count, .. } => *count,
            Self::Indices(rows) => rows.iter().map(|row| row.1).sum(),
            Self::ProductTypes(rows) => rows.iter().map(|row| row.1).sum(),
            Self::Ranks(rows) => rows.iter().map(|row| row.1).sum(),
            Self::ItemsReport(rows) => rows.iter().map(|row| row.1).sum(),
            Self::ClickThrough(rows) => rows.iter().map(|row| row.clicks).sum(),
            Self::TermsReport(rows) => rows.iter().map(|row| row.1.clicks).sum(),
        }
    }

    /// What the rows of a tally by rank tell of the ranks together; nothing of any other tally.
    #[must_use]
    pub fn rank_sum(&self) -> RankSum {
        let Self::Ranks(rows) = self else { return RankSum::default() };
        rows.iter().fold(RankSum::default(), |mut all, (rank, clicks)| {
            let one = RankSum::of(*rank);
            all.add(RankSum { told: one.told * clicks, sum: one.sum * clicks });
            all
        })
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
    item_ranks: HashMap<(ClickedItem, Option<u32>), u64>,
    /// Those that were added once, each another pair.
    item_ranks_once: Vec<(ClickedItem, Option<u32>, u64)>,
    custom_results: HashMap<(Hashid, CustomResultId), u64>,
    users: HashSet<UserCode>,
    distinct: Distinct,
    indices: HashMap<Option<IndexName>, u64>,
    ranks: HashMap<Option<u32>, u64>,
    reports: Reports,
}

/// How many there are, and how many different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Distinct {
    /// Clicks, or searches.
    pub count: u64,
    /// Visitors.
    pub users: u64,
    /// Items.
    pub items: u64,
}

/// One click.
const CLICK: ClickThrough = ClickThrough { searches: 0, clicked: 0, clicks: 1 };

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
            Grouping::ProductType => ProductType::ALL.len(),
            _ => 0,
        };
        let mut reports = Reports::default();
        if question.grouping == Grouping::ClickThrough {
            reports.days.resize(days, ClickThrough::default());
        }
        Self {
            question,
            cells: vec![0; cells],
            terms: HashMap::new(),
            items: HashMap::new(),
            item_ranks: HashMap::new(),
            item_ranks_once: Vec::new(),
            custom_results: HashMap::new(),
            users: HashSet::new(),
            distinct: Distinct::default(),
            indices: HashMap::new(),
            ranks: HashMap::new(),
            reports,
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
                Grouping::ItemRanks { .. } => self.add_item_rank(ClickedItem::of(click), click.rank, 1),
                Grouping::CustomResults { .. } => {
                    if let Some(id) = &click.custom_result {
                        self.add_custom_result(click.engine, id.clone(), 1);
                    }
                }
                Grouping::Distinct => {
                    self.distinct.count += 1;
                    self.users.extend(click.user.clone());
                    self.add_item(ClickedItem::of(click), 1);
                }
                Grouping::Index => self.add_index(click.index.as_ref(), 1),
                Grouping::ProductType => self.add_product_type(click.product_type, 1),
                Grouping::Rank => self.add_rank(click.rank, 1),
                Grouping::ItemsReport { .. } => {
                    self.add_item_report(ClickedItem::of(click), 1, RankSum::of(click.rank));
                }
                Grouping::ClickThrough => self.add_day_report(day, CLICK),
                Grouping::TermsReport { .. } => {
                    self.add_terms_report(click.terms.clone(), CLICK, RankSum::of(click.rank));
                }
                _ => self.add(day, click.engine, click.device, 1),
            }
        }
    }

    /// Counts a search if it lies in the period and passes the filter. Whether it is a clicked one matters only where searches are
    /// joined to their clicks.
    pub fn count_search(&mut self, search: &Search, is_clicked: bool) {
        if self.question.search_kind() == Some(search.kind)
            && let Some(day) = self.question.days.day_of(search.at_ms)
            && self.question.filter.passes_search(search)
        {
            let redirection = search.redirection().map(|id| ClickedItem {
                engine: search.engine,
                index: None,
                doc_id: id.clone(),
            });
            match self.question.grouping {
                Grouping::Terms { .. } => self.add_terms(search.terms().as_ref(), 1),
                Grouping::Items { .. } => {
                    if let Some(item) = redirection {
                        self.add_item(item, 1);
                    }
                }
                Grouping::ItemRanks { .. } => {
                    if let Some(item) = redirection {
                        self.add_item_rank(item, None, 1);
                    }
                }
                // No search comes from one.
                Grouping::CustomResults { .. } => {}
                Grouping::Distinct => {
                    self.distinct.count += 1;
                    self.users.extend(search.user.clone());
                    if let Some(item) = redirection {
                        self.add_item(item, 1);
                    }
                }
                Grouping::Index => self.add_indices(&search.indices, 1),
                // None is of a kind of result.
                Grouping::ProductType => {}
                Grouping::Rank => self.add_rank(None, 1),
                Grouping::ItemsReport { .. } => {
                    if let Some(item) = redirection {
                        self.add_item_report(item, 1, RankSum::default());
                    }
                }
                Grouping::ClickThrough => {
                    let clicked = u64::from(is_clicked);
                    self.add_day_report(day, ClickThrough { searches: 1, clicked, clicks: 0 });
                }
                Grouping::TermsReport { .. } => {
                    let one = ClickThrough { searches: 1, clicked: u64::from(is_clicked), clicks: 0 };
                    self.add_terms_report(search.terms(), one, RankSum::default());
                }
                _ => self.add(day, search.engine, search.device, 1),
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

    /// Adds clicks on an item at a rank that lie in the period and pass the filter.
    pub fn add_item_rank(&mut self, item: ClickedItem, rank: Option<u32>, clicks: u64) {
        *self.item_ranks.entry((item, rank)).or_default() += clicks;
    }

    /// As [`Counter::add_item_rank`], of an item at a rank that is added once in all and counted here in no other way: it costs no
    /// look whether it is known.
    pub fn add_item_rank_once(&mut self, item: ClickedItem, rank: Option<u32>, clicks: u64) {
        self.item_ranks_once.push((item, rank, clicks));
    }

    /// Adds clicks from a result placed by hand that lie in the period and pass the filter.
    pub fn add_custom_result(&mut self, engine: Hashid, id: CustomResultId, clicks: u64) {
        *self.custom_results.entry((engine, id)).or_default() += clicks;
    }

    /// Adds clicks in an index, or in none, that lie in the period and pass the filter.
    pub fn add_index(&mut self, index: Option<&IndexName>, clicks: u64) {
        *self.indices.entry(index.cloned()).or_default() += clicks;
    }

    /// As [`Counter::add_index`], of searches in several indices, or in none: each counts in each of them.
    pub fn add_indices(&mut self, indices: &[IndexName], searches: u64) {
        let each_once: HashSet<&IndexName> = indices.iter().collect();
        if each_once.is_empty() {
            self.add_index(None, searches);
        }
        each_once.into_iter().for_each(|index| self.add_index(Some(index), searches));
    }

    /// Adds clicks on a kind of result that lie in the period and pass the filter.
    pub fn add_product_type(&mut self, product_type: ProductType, clicks: u64) {
        if let Some(count) = self.cells.get_mut(usize::from(product_type.number())) {
            *count += clicks;
        }
    }

    /// Adds clicks at a rank, or that tell none, that lie in the period and pass the filter.
    pub fn add_rank(&mut self, rank: Option<u32>, clicks: u64) {
        *self.ranks.entry(rank).or_default() += clicks;
    }

    /// Adds clicks on an item, with their ranks, that lie in the period and pass the filter.
    pub fn add_item_report(&mut self, item: ClickedItem, clicks: u64, ranks: RankSum) {
        self.reports.add_item(item, clicks, ranks);
    }

    /// Adds searches and clicks that lie in the period's `day` and pass the filter.
    pub fn add_day_report(&mut self, day: usize, more: ClickThrough) {
        self.reports.add_day(day, more);
    }

    /// Adds searches with these terms, or with none, and clicks from such searches with their ranks, that lie in the period and pass
    /// the filter.
    pub fn add_terms_report(&mut self, terms: Option<SearchTerms>, more: ClickThrough, ranks: RankSum) {
        self.reports.add_terms(terms, more, ranks);
    }

    /// Adds visitors and items that were told apart elsewhere: none of them may be counted here in another way.
    pub const fn add_distinct(&mut self, more: Distinct) {
        let Distinct { count, users, items } = self.distinct;
        self.distinct =
            Distinct { count: count + more.count, users: users + more.users, items: items + more.items };
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
            _ => None,
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
            Grouping::ItemRanks { rows_max } => {
                let rows = self.item_ranks.into_iter();
                let rows = rows.map(|((item, rank), clicks)| (item, rank, clicks));
                let mut rows: Vec<_> = self.item_ranks_once.into_iter().chain(rows).collect();
                rows.sort_unstable_by(|left, right| {
                    let rank = |rank: Option<u32>| (rank.is_none(), rank);
                    right.2.cmp(&left.2).then_with(|| (&left.0, rank(left.1)).cmp(&(&right.0, rank(right.1))))
                });
                rows.truncate(rows_max.min(TOP_ROWS_MAX));
                Tally::ItemRanks(rows)
            }
            Grouping::CustomResults { rows_max } => {
                let rows = self.custom_results.into_iter();
                let mut rows: Vec<_> = rows.map(|((engine, id), clicks)| (engine, id, clicks)).collect();
                rows.sort_unstable_by(|left, right| {
                    right.2.cmp(&left.2).then_with(|| (left.0, &left.1).cmp(&(right.0, &right.1)))
                });
                rows.truncate(rows_max.min(TOP_ROWS_MAX));
                Tally::CustomResults(rows)
            }
            Grouping::Distinct => Tally::Distinct {
                count: self.distinct.count,
                users: self.distinct.users + self.users.len() as u64,
                items: self.distinct.items + self.items.len() as u64,
            },
            Grouping::Index => {
                let mut rows: Vec<_> = self.indices.into_iter().collect();
                rows.sort_unstable_by(|(left, many), (right, few)| {
                    few.cmp(many).then_with(|| (left.is_none(), left).cmp(&(right.is_none(), right)))
                });
                rows.truncate(TOP_ROWS_MAX);
                Tally::Indices(rows)
            }
            Grouping::ProductType => {
                Tally::ProductTypes(ProductType::ALL.into_iter().zip(self.cells).collect())
            }
            Grouping::Rank => {
                let mut rows: Vec<_> = self.ranks.into_iter().collect();
                rows.sort_unstable_by_key(|(rank, _)| (rank.is_none(), *rank));
                Tally::Ranks(rows)
            }
            Grouping::ItemsReport { rows_max } => {
                Tally::ItemsReport(self.reports.into_items(self.question, rows_max))
            }
            Grouping::ClickThrough => Tally::ClickThrough(self.reports.days),
            Grouping::TermsReport { rows_max } => {
                Tally::TermsReport(self.reports.into_terms(self.question, rows_max))
            }
        }
    }
}
