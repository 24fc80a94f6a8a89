//! The rows of one engine in one part, read in place. It must never know what is counted.

use std::ops::Range;

use crate::index::build::Postings;
use crate::index::cuts::QUARTERS;
use crate::index::directory::{Directory, place};
use crate::index::head::EngineEntry;
use crate::index::numbers::Numbers;
use crate::index::part_quarters::Kind;
use crate::wanted::Wanted;

/// The rows of one engine.
pub struct Rows<'a> {
    pub terms: Directory<'a>,
    /// Items, each with its place among the item rows.
    pub items: Directory<'a>,
    /// Rows by item.
    pub item_rows: Numbers<'a>,
    /// By row: by terms, then kind, then quarter.
    pub quarters: &'a [u8],
    row_kinds: Numbers<'a>,
    /// The same rows, where many have the same terms.
    pub terms_runs: Runs<'a>,
    /// Rows of popular items: by item, then kind, then quarter.
    pub popular_runs: Runs<'a>,
    kinds: &'a [Kind],
    by_quarter: &'a [u32; QUARTERS as usize],
    passes: &'a [bool],
    /// By row, one more than what it tells in a number, or 0; `None` where no row tells one.
    figures: Option<Numbers<'a>>,
    wanted: &'a Wanted,
    /// Whether every row passes that lies in the question's time.
    pub all_pass: bool,
}

/// Of numbers with many rows, where the rows of each kind end.
pub struct Runs<'a> {
    /// By row.
    pub quarters: &'a [u8],
    numbers: Directory<'a>,
    kinds: Numbers<'a>,
    ends: Numbers<'a>,
}

impl<'a> Runs<'a> {
    /// The runs of a number; `None` where it has few rows.
    pub fn find(&self, number: u32) -> Option<Range<usize>> {
        self.numbers.find(number).map(|found| place(found.start)..place(found.end))
    }

    /// The rows of some runs, where those of all runs follow each other.
    pub fn rows(&self, runs: &Range<usize>) -> Range<usize> {
        let end = |run: Option<usize>| run.map_or(0, |run| self.ends.get(run));
        end(runs.start.checked_sub(1))..end(runs.end.checked_sub(1))
    }

    /// Each of some runs: its kind, and its rows. The rows of the first begin at `from`.
    pub fn each(&self, runs: Range<usize>, mut from: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
        runs.map(move |run| {
            let until = self.ends.get(run);
            (self.kinds.get(run), std::mem::replace(&mut from, until)..until)
        })
    }
}

impl<'a> Rows<'a> {
    /// The rows that an entry of a head tells of; `passes` and `by_quarter` say which of them count, and for what. `None` when
    /// the bytes can't be what was written.
    pub fn new(
        entry: &EngineEntry,
        postings: &'a [u8],
        figures: Option<&'a [u8]>,
        kinds: &'a [Kind],
        by_quarter: &'a [u32; QUARTERS as usize],
        (wanted, passes): (&'a Wanted, &'a [bool]),
    ) -> Option<Self> {
        let part = |part: Postings| postings.get(entry.parts[part as usize].clone());
        let (rows, greatest_kind) = (place(entry.rows), kinds.len().saturating_sub(1));
        let quarters = part(Postings::Quarters).filter(|quarters| quarters.len() == rows)?;
        let runs = |quarters: &'a [u8], [numbers, run_kinds, ends]: [Postings; 3]| {
            let kinds = Numbers::all(part(run_kinds)?, greatest_kind)?;
            let ends = Numbers::new(part(ends)?, kinds.len(), quarters.len())?;
            Some(Runs { quarters, numbers: Directory::new(part(numbers)?)?, kinds, ends })
        };
        Some(Self {
            terms: Directory::new(part(Postings::Terms)?)?,
            items: Directory::new(part(Postings::Items)?)?,
            item_rows: Numbers::all(part(Postings::ItemRows)?, rows.saturating_sub(1))?,
            quarters,
            row_kinds: Numbers::new(part(Postings::Kinds)?, rows, greatest_kind)?,
            terms_runs: runs(quarters, Postings::TERMS_RUNS)?,
            popular_runs: runs(part(Postings::PopularQuarters)?, Postings::POPULAR_RUNS)?,
            kinds,
            by_quarter,
            passes,
            figures: match figures {
                Some(figures) if !entry.figures.is_empty() => {
                    Some(Numbers::of_any_width(figures.get(entry.figures.clone())?, rows)?)
                }
                _ => None,
            },
            wanted,
            all_pass: !passes.contains(&false) && !wanted.asks_figures(),
        })
    }

    /// The segment that a row lies in, if the row passes.
    pub fn segment(&self, row: usize) -> Option<usize> {
        let quarter = usize::from(*self.quarters.get(row)?);
        let segment = self.by_quarter.get(quarter)?.checked_sub(1)?;
        let passes =
            self.all_pass || (self.passes(self.kind(row)) && self.wanted.passes_figure(self.figure(row)));
        passes.then_some(place(segment))
    }

    /// One more than what a row tells in a number, or 0.
    pub fn figure(&self, row: usize) -> u64 {
        self.figures.as_ref().map_or(0, |figures| figures.get(row) as u64)
    }

    /// Shows what each row tells in a number.
    pub fn each_figure(&self, mut show: impl FnMut(u64)) {
        match &self.figures {
            Some(figures) => figures.for_each(|figure| show(figure as u64)),
            None => self.quarters.iter().for_each(|_| show(0)),
        }
    }

    /// The kinds of the engine, by their places.
    pub const fn kinds(&self) -> &'a [Kind] {
        self.kinds
    }

    /// The kind of a row, as its place.
    pub fn kind(&self, row: usize) -> usize {
        self.row_kinds.get(row)
    }

    /// Whether rows of a kind pass.
    pub fn passes(&self, kind: usize) -> bool {
        self.passes.get(kind).copied().unwrap_or(false)
    }

    /// The device of a kind.
    pub fn device(&self, kind: usize) -> u8 {
        self.kinds.get(kind).map_or(0, |kind| kind.device)
    }

    /// The rows of terms, or all.
    pub fn of_terms(&self, terms: Option<u32>) -> Option<Range<usize>> {
        match terms {
            None => Some(0..self.quarters.len()),
            Some(terms) => self.terms.find(terms).map(|found| place(found.start)..place(found.end)),
        }
    }

    /// The rows of an item that lie in a range, sorted.
    pub fn of_item(&self, item: u32, within: &Range<usize>) -> Option<Numbers<'a>> {
        let found = self.items.find(item)?;
        self.item_rows.slice(place(found.start)..place(found.end))?.within(within)
    }

    /// Shows every row that passes, and its segment.
    pub fn each_passing(&self, wanted: &Wanted, mut show: impl FnMut(usize, usize)) {
        let Some(range) = self.of_terms(wanted.terms()) else { return };
        let mut see = |row| {
            if let Some(segment) = self.segment(row) {
                show(row, segment);
            }
        };
        match wanted.items() {
            None => range.for_each(see),
            Some(items) => {
                for found in items.iter().filter_map(|item| self.of_item(*item, &range)) {
                    found.for_each(&mut see);
                }
            }
        }
    }
}
