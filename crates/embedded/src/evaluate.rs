//! The evaluator: counts the rows of columns for a question. It reads plain slices, so that a day in memory and a
//! sealed day on disk are counted by the same lines. It must never know where the columns come from.

use std::cmp::Reverse;

use clicks::{
    Counter, Device, Distinct, Grouping, Measure, ProductType, Question, RankSum, Span, StoreError,
    TOP_ROWS_MAX,
};

use crate::index::users::{Mark, Visitors};
use crate::names::UNTOLD;
use crate::pairs::Pairs;
use crate::ranks::{FigureCounts, RankSums};
use crate::wanted::{Passing, Wanted, narrow};

/// Some clicks, column by column; all slices have the same length, but for one that may end early. Numbers are those of the dictionaries that the
/// filter was resolved against.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// Instants in milliseconds, in any order.
    pub at_ms: &'a [i64],
    /// An account's engine.
    pub engine: &'a [u32],
    /// An engine's index, or `UNTOLD`.
    pub index: &'a [u32],
    /// The item.
    pub item: &'a [u32],
    /// The terms, or `UNTOLD`.
    pub terms: &'a [u32],
    /// Unknown, desktop, mobile.
    pub device: &'a [u8],
    /// The product type's number.
    pub product: &'a [u8],
    /// The visitor.
    pub user: &'a [Mark],
    /// Of clicks the search that each names, of searches each itself.
    pub search: &'a [Mark],
    /// One more than a rank, or than how much was found; 0 where it is not told.
    pub figure: &'a [u64],
    /// The result placed by hand, or `UNTOLD`; rows after its end tell none.
    pub custom: &'a [u32],
    /// The first and the last instant; backwards when there are no rows.
    pub range_ms: (i64, i64),
    /// The engine of all rows, where they have one in common.
    pub only_engine: Option<u32>,
}

/// The devices in the order of their codes.
const DEVICES: [Option<Device>; 3] = [None, Some(Device::Desktop), Some(Device::Mobile)];

/// Counts rows for one question.
#[derive(Debug)]
pub struct Evaluator<'q> {
    question: &'q Question,
    wanted: &'q Wanted,
    /// One cell for each day, engine, pair of them (day-major), device, or number of what is grouped by.
    cells: Vec<u64>,
    /// Where items are counted by rank.
    pairs: Pairs,
    /// Where visitors are told apart: those that were met.
    visitors: Visitors,
    /// Where ranks are counted by.
    ranks: FigureCounts,
    /// Where names come with their ranks.
    rank_sums: RankSums,
    /// Masks, kept from block to block for their memory.
    passing: Vec<u8>,
    in_span: Vec<u8>,
    /// What a row counts: 1, or one less than nothing where rows are taken back.
    weight: u64,
}

/// Where clicks belong that were counted elsewhere. A grouping looks only at what it groups by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The question's day.
    pub day: usize,
    /// The engine's number.
    pub engine: u32,
    /// Unknown, desktop, mobile.
    pub device: u8,
    /// The terms' number.
    pub terms: u32,
    /// The item's number.
    pub item: u32,
    /// One more than the rank, or 0.
    pub figure: u64,
    /// The number of the result placed by hand.
    pub custom: u32,
    /// The index's number.
    pub index: u32,
    /// The product type's number.
    pub product: u8,
}

impl<'q> Evaluator<'q> {
    /// An evaluator at zero. `numbers_end` is one more than the greatest number of what is grouped by names.
    pub fn new(question: &'q Question, wanted: &'q Wanted, numbers_end: usize) -> Self {
        let (days, engines) = (question.days.days().len(), question.filter.engines.len());
        let cells = match question.grouping {
            Grouping::Day => days,
            Grouping::DayAndEngine => days * engines,
            Grouping::Engine => engines,
            Grouping::Device => DEVICES.len(),
            Grouping::Terms { .. }
            | Grouping::Items { .. }
            | Grouping::CustomResults { .. }
            | Grouping::Distinct
            | Grouping::Index
            | Grouping::ItemsReport { .. }
            | Grouping::TermsReport { .. } => numbers_end,
            Grouping::ProductType => ProductType::ALL.len(),
            Grouping::ItemRanks { .. } | Grouping::Rank | Grouping::ClickThrough => 0,
        };
        let with_ranks =
            matches!(question.grouping, Grouping::ItemsReport { .. } | Grouping::TermsReport { .. });
        Self {
            question,
            wanted,
            cells: vec![0; cells],
            pairs: Pairs::default(),
            visitors: Visitors::default(),
            ranks: FigureCounts::default(),
            rank_sums: RankSums::new(if with_ranks { numbers_end } else { 0 }),
            passing: Vec::new(),
            in_span: Vec::new(),
            weight: 1,
        }
    }

    /// What is counted.
    pub const fn measure(&self) -> Measure {
        self.question.measure
    }

    /// What is counted by.
    pub const fn grouping(&self) -> Grouping {
        self.question.grouping
    }

    /// Adds clicks that pass the filter and lie in the period. The number may wrap, if what it takes away comes too.
    pub fn add_at(&mut self, at: Place, clicks: u64) {
        let cell = match self.question.grouping {
            Grouping::Day => at.day,
            Grouping::DayAndEngine | Grouping::Engine => self.engine_cell(at.engine, at.day),
            Grouping::Device => usize::from(at.device),
            Grouping::Terms { .. } => usize::try_from(at.terms).unwrap_or(usize::MAX),
            Grouping::Items { .. } | Grouping::Distinct => usize::try_from(at.item).unwrap_or(usize::MAX),
            Grouping::CustomResults { .. } => usize::try_from(at.custom).unwrap_or(usize::MAX),
            Grouping::Index => self.wanted.index_cell(at.index),
            Grouping::ProductType => self.product_cell(at.product),
            Grouping::ItemRanks { .. } => return self.pairs.add(at.item, at.figure, clicks),
            Grouping::Rank => return self.ranks.add(self.rank_figure(at.figure), clicks),
            Grouping::ItemsReport { .. } => return self.add_ranked(at.item, at.figure, clicks),
            Grouping::TermsReport { .. } => return self.add_ranked(at.terms, at.figure, clicks),
            // Its parts are questions of their own.
            Grouping::ClickThrough => return,
        };
        self.add(cell, clicks);
    }

    /// Adds clicks of a name, with what each tells of its rank.
    pub fn add_ranked(&mut self, number: u32, figure: u64, clicks: u64) {
        let (number, figure) = (usize::try_from(number).unwrap_or(usize::MAX), self.rank_figure(figure));
        self.add(number, clicks);
        self.rank_sums.add(number, figure, clicks.wrapping_mul(self.weight));
    }

    /// What a row's figure tells of a rank: that of a search tells none.
    pub fn rank_figure(&self, figure: u64) -> u64 {
        if self.question.measure == Measure::Clicks { figure } else { 0 }
    }

    /// The cell of a product type; searches have none.
    fn product_cell(&self, product: u8) -> usize {
        if self.question.measure == Measure::Clicks { usize::from(product) } else { usize::MAX }
    }

    /// Clicks by rank, where they are counted so.
    pub const fn ranks_mut(&mut self) -> &mut FigureCounts {
        &mut self.ranks
    }

    /// Items with their ranks, where they are counted so.
    pub const fn pairs_mut(&mut self) -> &mut Pairs {
        &mut self.pairs
    }

    /// One more than the greatest number of what is grouped by names.
    pub const fn numbers_end(&self) -> usize {
        self.cells.len()
    }

    /// As [`Evaluator::add_at`], where names are grouped by: of the name with a number.
    pub fn add_number(&mut self, number: u32, clicks: u64) {
        self.add(usize::try_from(number).unwrap_or(usize::MAX), clicks);
    }

    /// The visitors that were met, where they are told apart.
    pub const fn visitors_mut(&mut self) -> &mut Visitors {
        &mut self.visitors
    }

    /// Takes the rows of a block back: they were counted as they had been before they learned from a search.
    pub fn take_back(&mut self, columns: &Columns<'_>) {
        self.weight = 1_u64.wrapping_neg();
        self.count(columns);
        self.weight = 1;
    }

    /// Counts the rows of a block.
    pub fn count(&mut self, columns: &Columns<'_>) {
        let (first_ms, last_ms) = columns.range_ms;
        let spans = self.question.days.spans();
        let from = spans.partition_point(|span| span.until_ms <= first_ms);
        let until = spans.partition_point(|span| span.from_ms <= last_ms);
        let Some(spans) = spans.get(from..until).filter(|spans| !spans.is_empty()) else { return };
        let mut passing = std::mem::take(&mut self.passing);
        let found = self.wanted.select(columns, &mut passing);
        // A block lies in one UTC day, so its rows lie in few spans, and mostly in one.
        match (found, spans) {
            (Passing::None, _) => {}
            (Passing::All, [span]) if covers(span, columns) => self.count_all(columns, span.day),
            (_, [span]) if covers(span, columns) => self.count_passing(columns, span.day, &passing),
            (_, spans) => {
                if found == Passing::All {
                    passing.clear();
                    passing.resize(columns.at_ms.len(), 1);
                }
                for span in spans {
                    self.count_in_span(columns, span, &passing);
                }
            }
        }
        self.passing = passing;
    }

    fn count_in_span(&mut self, columns: &Columns<'_>, span: &Span, passing: &[u8]) {
        let mut in_span = std::mem::take(&mut self.in_span);
        in_span.clear();
        in_span.extend_from_slice(passing);
        let Span { from_ms, until_ms, day } = *span;
        narrow(&mut in_span, columns.at_ms, |at_ms| (at_ms >= from_ms) & (at_ms < until_ms));
        self.count_passing(columns, day, &in_span);
        self.in_span = in_span;
    }

    /// Counts every row of a block, all on one day.
    fn count_all(&mut self, columns: &Columns<'_>, day: usize) {
        let rows = columns.at_ms.len();
        match (self.question.grouping, columns.only_engine) {
            (Grouping::Day, _) => self.add(day, rows as u64),
            (Grouping::Engine | Grouping::DayAndEngine, Some(engine)) => {
                let cell = self.engine_cell(engine, day);
                self.add(cell, rows as u64);
            }
            _ => {
                let mut all = std::mem::take(&mut self.in_span);
                all.clear();
                all.resize(rows, 1);
                self.count_passing(columns, day, &all);
                self.in_span = all;
            }
        }
    }

    /// Counts the rows whose byte in the mask is 1, all on one day.
    fn count_passing(&mut self, columns: &Columns<'_>, day: usize, mask: &[u8]) {
        match (self.question.grouping, columns.only_engine) {
            (Grouping::Day, _) => self.add(day, ones(mask)),
            (Grouping::Engine | Grouping::DayAndEngine, Some(engine)) => {
                let cell = self.engine_cell(engine, day);
                self.add(cell, ones(mask));
            }
            (Grouping::Engine | Grouping::DayAndEngine, None) => {
                for (engine, passing) in columns.engine.iter().zip(mask) {
                    if *passing != 0 {
                        let cell = self.engine_cell(*engine, day);
                        self.add(cell, 1);
                    }
                }
            }
            (Grouping::Device, _) => {
                for (code, passing) in columns.device.iter().zip(mask) {
                    self.add(usize::from(*code), u64::from(*passing));
                }
            }
            (Grouping::Terms { .. }, _) => self.add_numbers(columns.terms, mask),
            (Grouping::Items { .. }, _) => self.add_numbers(columns.item, mask),
            (Grouping::CustomResults { .. }, _) => self.add_numbers(columns.custom, mask),
            (Grouping::ItemRanks { .. }, _) => {
                let rows = columns.item.iter().zip(columns.figure).zip(mask);
                for ((item, figure), _) in rows.filter(|(_, passing)| **passing != 0) {
                    self.pairs.add(*item, *figure, self.weight);
                }
            }
            (Grouping::Index, _) => {
                for (index, passing) in columns.index.iter().zip(mask) {
                    self.add(self.wanted.index_cell(*index), u64::from(*passing));
                }
            }
            (Grouping::ProductType, _) => {
                for (product, passing) in columns.product.iter().zip(mask) {
                    self.add(self.product_cell(*product), u64::from(*passing));
                }
            }
            (Grouping::Rank, _) => {
                for (figure, _) in columns.figure.iter().zip(mask).filter(|(_, passing)| **passing != 0) {
                    let figure = self.rank_figure(*figure);
                    self.ranks.add(figure, self.weight);
                }
            }
            (Grouping::ItemsReport { .. }, _) => self.add_numbers_ranked(columns.item, columns.figure, mask),
            (Grouping::TermsReport { .. }, _) => self.add_numbers_ranked(columns.terms, columns.figure, mask),
            (Grouping::ClickThrough, _) => {}
            (Grouping::Distinct, _) => {
                self.add_numbers(columns.item, mask);
                let clicks = if self.weight == 1 { 1 } else { -1 };
                for (user, _) in columns.user.iter().zip(mask).filter(|(_, passing)| **passing != 0) {
                    self.visitors.add(*user, clicks);
                }
            }
        }
    }

    fn add_numbers(&mut self, numbers: &[u32], mask: &[u8]) {
        for (number, passing) in numbers.iter().zip(mask) {
            self.add(usize::try_from(*number).unwrap_or(usize::MAX), u64::from(*passing));
        }
    }

    fn add_numbers_ranked(&mut self, numbers: &[u32], figures: &[u64], mask: &[u8]) {
        let rows = numbers.iter().zip(figures).zip(mask);
        for ((number, figure), _) in rows.filter(|(_, passing)| **passing != 0) {
            self.add_ranked(*number, *figure, 1);
        }
    }

    /// The cell of a row's engine. A row that passed has an engine that is wanted.
    fn engine_cell(&self, engine: u32, day: usize) -> usize {
        let place = self.wanted.engine_place(engine).unwrap_or(usize::MAX);
        match self.question.grouping {
            Grouping::DayAndEngine => place.saturating_add(day * self.question.filter.engines.len()),
            _ => place,
        }
    }

    fn add(&mut self, cell: usize, clicks: u64) {
        if let Some(count) = self.cells.get_mut(cell) {
            *count = count.wrapping_add(clicks.wrapping_mul(self.weight));
        }
    }

    /// Hands counts by day, engine, device, kind of result or rank to the counter that makes the tally.
    pub fn finish(self, counter: &mut Counter<'_>) {
        for (rank, clicks) in self.ranks.counted() {
            counter.add_rank(rank, clicks);
        }
        if self.question.grouping == Grouping::ProductType {
            for (kind, clicks) in ProductType::ALL.into_iter().zip(self.cells) {
                counter.add_product_type(kind, clicks);
            }
            return;
        }
        let engines = &self.question.filter.engines;
        // Where a grouping has no day, engine or device, the counter looks at none.
        let somewhere = engines.first().copied();
        for (cell, clicks) in self.cells.into_iter().enumerate().filter(|(_, clicks)| *clicks > 0) {
            let (day, engine, device) = match self.question.grouping {
                Grouping::Day => (cell, somewhere, None),
                Grouping::DayAndEngine => {
                    (cell / engines.len(), engines.get(cell % engines.len()).copied(), None)
                }
                Grouping::Engine => (0, engines.get(cell).copied(), None),
                Grouping::Device => (0, somewhere, DEVICES.get(cell).copied().flatten()),
                _ => return,
            };
            if let Some(engine) = engine {
                counter.add(day, engine, device, clicks);
            }
        }
    }

    /// The greatest counts by number, of a question that groups by names.
    pub fn top(&self, rows_max: usize) -> TopNumbers<u32> {
        self.top_among(rows_max, |_| true)
    }

    /// The greatest counts by number, of some of them.
    pub fn top_among(&self, rows_max: usize, is_asked: impl Fn(u32) -> bool + Clone) -> TopNumbers<u32> {
        let numbered = (0..).zip(self.cells.iter().copied());
        TopNumbers::new(numbered.filter(|(number, _)| *number != UNTOLD && is_asked(*number)), rows_max)
    }

    /// By day or by number, what was counted.
    pub fn cells(&self) -> &[u64] {
        &self.cells
    }

    /// What the clicks of a name tell of their ranks.
    pub fn rank_sum(&self, number: u32) -> RankSum {
        usize::try_from(number).map_or_else(|_| RankSum::default(), |number| self.rank_sums.of(number))
    }

    /// What was counted of no terms, or of no item.
    pub fn untold(&self) -> u64 {
        usize::try_from(UNTOLD).ok().and_then(|untold| self.cells.get(untold)).copied().unwrap_or(0)
    }

    /// The greatest counts of items with their ranks.
    pub fn top_pairs(&mut self, rows_max: usize) -> TopNumbers<(u32, u32)> {
        TopNumbers::new(self.pairs.counted(), rows_max)
    }

    /// What was counted, of a question that tells visitors and items apart.
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`].
    pub fn into_distinct(self, stop: &dyn Fn() -> bool) -> Result<Distinct, StoreError> {
        let items = (0..).zip(&self.cells).filter(|(item, clicks)| *item != UNTOLD && **clicks > 0).count();
        let count = self.cells.iter().copied().fold(0, u64::wrapping_add);
        Ok(Distinct { count, users: self.visitors.count(stop)?, items: items as u64 })
    }
}

fn covers(span: &Span, columns: &Columns<'_>) -> bool {
    let (first_ms, last_ms) = columns.range_ms;
    span.from_ms <= first_ms && last_ms < span.until_ms
}

/// How many bytes of a mask are 1.
fn ones(mask: &[u8]) -> u64 {
    // Sums of so few bytes fit in one, which lets the compiler add many at once.
    const BYTES_MAX: usize = 255;
    mask.chunks(BYTES_MAX).map(|bytes| u64::from(bytes.iter().sum::<u8>())).sum()
}

/// Counts of terms or items by number, of which only the first rows are wanted. Millions may have a click each: so names
/// are looked at only where counts are equal and at the edge of what is wanted.
#[derive(Debug)]
pub struct TopNumbers<K, C = u64> {
    /// Certain to be wanted.
    pub above: Vec<(K, C)>,
    /// Numbers whose count is the least that may be wanted, and how many of them are: the first by name.
    pub level: Vec<K>,
    /// That count.
    pub level_clicks: C,
    /// How many at that level are wanted.
    pub level_rows_max: usize,
}

impl<K, C: Copy + Ord + Default> TopNumbers<K, C> {
    /// Of counts, the greatest; a count that is the least there can be is none.
    pub fn new(counts: impl Iterator<Item = (K, C)> + Clone, rows_max: usize) -> Self {
        let rows_max = rows_max.min(TOP_ROWS_MAX);
        let level_clicks = least_wanted(counts.clone().map(|row| row.1), rows_max);
        let (mut above, mut level) = (Vec::new(), Vec::new());
        let is_wanted = |row: &(K, C)| rows_max > 0 && row.1 >= level_clicks && row.1 > C::default();
        for (number, clicks) in counts.filter(is_wanted) {
            if clicks > level_clicks {
                above.push((number, clicks));
            } else {
                level.push(number);
            }
        }
        Self { level_rows_max: rows_max.saturating_sub(above.len()), above, level, level_clicks }
    }
}

/// The count of the last row that is wanted, of the most counted first; none when there are fewer rows.
fn least_wanted<C: Copy + Ord + Default>(counts: impl Iterator<Item = C>, rows_max: usize) -> C {
    let Some(last) = rows_max.checked_sub(1) else { return C::default() };
    // A few times as many as are wanted, and the least of those that were picked out of them last.
    let (mut most, mut least) = (Vec::with_capacity(rows_max * 4), C::default());
    let pick = |most: &mut Vec<C>| {
        let least = *most.select_nth_unstable_by_key(last, |count| Reverse(*count)).1;
        most.truncate(rows_max);
        least
    };
    for count in counts {
        if count > least {
            most.push(count);
            if most.len() == rows_max * 4 {
                least = pick(&mut most);
            }
        }
    }
    if most.len() < rows_max { C::default() } else { pick(&mut most) }
}

/// The first names of many, in memory for few.
#[derive(Debug)]
pub struct FirstNames<N> {
    rows_max: usize,
    names: Vec<N>,
}

impl<N: Ord> FirstNames<N> {
    /// Keeps at most `rows_max` names.
    pub const fn new(rows_max: usize) -> Self {
        Self { rows_max, names: Vec::new() }
    }

    /// Looks at some names.
    pub fn extend(&mut self, names: impl Iterator<Item = N>) {
        self.names.extend(names);
        if self.names.len() > self.rows_max {
            if self.rows_max > 0 {
                self.names.select_nth_unstable(self.rows_max - 1);
            }
            self.names.truncate(self.rows_max);
        }
    }

    /// The first of them, in no order.
    pub fn into_names(self) -> Vec<N> {
        self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_are_counted_beyond_what_a_byte_holds() {
        for length in [0, 1, 254, 255, 256, 1_000, 16_384] {
            assert_eq!(ones(&vec![1; length]), length as u64);
            assert_eq!(ones(&vec![0; length]), 0);
        }
    }

    #[test]
    fn only_numbers_at_the_edge_need_their_name() {
        let cells = [9, 5, 1, 3, 0, 3, 3, 8];
        let top = |cells: &[u64], rows_max| {
            let counts: Vec<(u32, u64)> = (0..).zip(cells.iter().copied()).skip(1).collect();
            TopNumbers::new(counts.into_iter(), rows_max)
        };
        let counts = top(&cells, 3);
        assert_eq!((counts.level_clicks, counts.level_rows_max), (3, 1));
        let sorted = |mut rows: Vec<u32>| {
            rows.sort_unstable();
            rows
        };
        assert_eq!(sorted(counts.level), [3, 5, 6]);
        assert_eq!(sorted(counts.above.iter().map(|row| row.0).collect()), [1, 7]);
        let all = top(&cells, 100);
        assert_eq!((all.above.len(), all.level.len()), (6, 0));
        let none = top(&cells, 0);
        assert_eq!((none.above.len(), none.level.len()), (0, 0));
        for rows_max in 1..200 {
            let cells: Vec<u64> =
                (0..1_000_u64).map(|number| number.wrapping_mul(2_654_435_761) % 300).collect();
            let top = top(&cells, rows_max);
            let mut sorted = cells[1..].to_vec();
            sorted.sort_unstable_by_key(|count| Reverse(*count));
            assert_eq!(top.level_clicks, sorted[rows_max - 1]);
            assert_eq!(top.above.len(), sorted.iter().filter(|count| **count > top.level_clicks).count());
            assert_eq!(top.level.len(), sorted.iter().filter(|count| **count == top.level_clicks).count());
        }
    }

    #[test]
    fn the_first_names_of_many_are_kept() {
        let mut first = FirstNames::new(2);
        for names in [["d", "c"], ["b", "e"], ["a", "f"]] {
            first.extend(names.into_iter());
        }
        let mut names = first.into_names();
        names.sort_unstable();
        assert_eq!(names, ["a", "b"]);
    }
}
