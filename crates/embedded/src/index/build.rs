//! Builds the index of one part of a day from its rows. Laid out by engine, terms, kind and quarter, so that the clicks of a
//! search are neighbours, and those of a kind among them; a second order lists the same rows by item. It must never know
//! where the rows come from.

use std::collections::BTreeMap;

use clicks::Measure;

use crate::index::custom_results::put_custom_results;
use crate::index::cuts::quarter_of;
use crate::index::directory::{place, put_directory, put_u32};
use crate::index::file::SECTIONS;
use crate::index::numbers::width_of;
use crate::index::part_quarters::{EngineQuarters, Kind};
use crate::index::queries::put_queries;
use crate::index::users::put_users;
use crate::names::UNTOLD;
use crate::recent::day::Row;
use crate::wire::put_number;

/// The sections of an index, as bytes: drawn in `docs/formats/index.md`.
#[derive(Debug, Default)]
pub struct Sections {
    pub engines: Vec<u8>,
    pub kinds: Vec<u8>,
    pub postings: Vec<u8>,
    pub counters: Vec<u8>,
    pub users: Vec<u8>,
    pub figures: Vec<u8>,
    pub customs: Vec<u8>,
    pub queries: Vec<u8>,
}

impl Sections {
    /// All sections in the order of the file, with the one that is not built of rows alone.
    pub fn with_ids<'s>(&'s self, ids: &'s [u8]) -> [&'s [u8]; SECTIONS] {
        let Self { engines, kinds, postings, counters, users, figures, customs, queries } = self;
        [engines, kinds, postings, counters, ids, users, figures, customs, queries]
    }
}

/// Builds the sections of some rows, all of one UTC day, of clicks or of searches. Rows are numbered in 32 bits.
pub fn build(rows: &[Row], measure: Measure) -> Sections {
    let mut order: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
    let row = |at: &u32| &rows[place(*at)];
    order.sort_by_cached_key(|at| {
        let row = row(at);
        (row.engine, row.terms, kind_of(row), quarter_of(row.at_ms))
    });
    let mut sections = Sections::default();
    for engine_rows in order.chunk_by(|left, right| row(left).engine == row(right).engine) {
        let rows: Vec<Row> = engine_rows.iter().map(|at| *row(at)).collect();
        EngineBuild::new(&rows).put(&mut sections);
    }
    put_queries(&mut sections.queries, order.iter().map(row), measure);
    sections
}

/// One engine's rows, sorted by terms, kind and quarter.
struct EngineBuild<'r> {
    rows: &'r [Row],
    kinds: BTreeMap<Kind, u32>,
}

impl<'r> EngineBuild<'r> {
    fn new(rows: &'r [Row]) -> Self {
        let mut kinds: BTreeMap<Kind, u32> = rows.iter().map(|row| (kind_of(row), 0)).collect();
        for (place, (_, number)) in (0..).zip(&mut kinds) {
            *number = place;
        }
        Self { rows, kinds }
    }

    fn put(&self, sections: &mut Sections) {
        let kinds_at = sections.kinds.len();
        for kind in self.kinds.keys() {
            sections.kinds.extend_from_slice(&kind.index.to_le_bytes());
            sections.kinds.extend_from_slice(&[kind.device, kind.product, 0, 0]);
        }
        let postings_at = sections.postings.len() as u64;
        let lengths = self.put_postings(&mut sections.postings);
        let users_at = sections.users.len() as u64;
        let marks = put_users(&mut sections.users, self.rows);
        let figures_at = sections.figures.len() as u64;
        self.put_figures(&mut sections.figures);
        put_custom_results(&mut sections.customs, self.rows);
        let figures_bytes = sections.figures.len() as u64 - figures_at;
        let counters_at = sections.counters.len();
        self.put_counters(&mut sections.counters);
        let out = &mut sections.engines;
        out.extend_from_slice(&self.rows.first().map_or(0, |row| row.engine).to_le_bytes());
        put_u32(out, self.rows.len());
        put_u32(out, kinds_at / KIND_BYTES);
        put_u32(out, self.kinds.len());
        out.extend_from_slice(&postings_at.to_le_bytes());
        lengths.into_iter().for_each(|bytes| put_u32(out, bytes));
        put_u32(out, counters_at);
        put_u32(out, sections.counters.len() - counters_at);
        out.extend_from_slice(&users_at.to_le_bytes());
        put_u32(out, marks);
        out.extend_from_slice(&figures_at.to_le_bytes());
        out.extend_from_slice(&figures_bytes.to_le_bytes());
    }

    /// Nothing where no row tells one.
    fn put_figures(&self, out: &mut Vec<u8>) {
        let greatest = self.rows.iter().map(|row| row.figure).max().unwrap_or(0);
        if greatest > 0 {
            let width = width_of(usize::try_from(greatest).unwrap_or(usize::MAX));
            self.rows.iter().for_each(|row| out.extend_from_slice(&row.figure.to_le_bytes()[..width]));
        }
    }

    /// Returns how many bytes each of the postings takes, in the order of [`Postings`].
    fn put_postings(&self, out: &mut Vec<u8>) -> [usize; POSTINGS] {
        let mut ends = Vec::with_capacity(POSTINGS + 1);
        ends.push(out.len());
        let terms = counts(self.rows.iter().map(|row| row.terms));
        put_directory(out, &terms);
        ends.push(out.len());
        out.extend(self.rows.iter().map(|row| quarter_of(row.at_ms)));
        ends.push(out.len());
        self.put_kinds(out, self.rows.iter().map(kind_of));
        ends.push(out.len());
        self.put_runs(
            out,
            &mut ends,
            self.rows.iter().map(|row| (row.terms, row)),
            &popular(&terms, POPULAR_TERMS_ROWS_MIN),
        );
        let row = |number: &u32| &self.rows[place(*number)];
        // Searches are on no item.
        let numbers = 0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let mut by_item: Vec<u32> = numbers.filter(|number| row(number).item != UNTOLD).collect();
        by_item.sort_by_key(|number| row(number).item);
        let items = counts(by_item.iter().map(|number| row(number).item));
        put_directory(out, &items);
        ends.push(out.len());
        let width = width_of(self.rows.len().saturating_sub(1));
        for number in &by_item {
            out.extend_from_slice(&number.to_le_bytes()[..width]);
        }
        ends.push(out.len());
        let popular = popular(&items, POPULAR_ITEM_ROWS_MIN);
        let mut rows: Vec<&Row> =
            by_item.iter().map(row).filter(|row| is_among(&popular, row.item)).collect();
        rows.sort_by_cached_key(|row| (row.item, kind_of(row), quarter_of(row.at_ms)));
        out.extend(rows.iter().map(|row| quarter_of(row.at_ms)));
        ends.push(out.len());
        self.put_runs(out, &mut ends, rows.into_iter().map(|row| (row.item, row)), &popular);
        let mut bytes = [0; POSTINGS];
        bytes.iter_mut().zip(ends.windows(2)).for_each(|(bytes, ends)| *bytes = ends[1] - ends[0]);
        bytes
    }

    fn put_kinds(&self, out: &mut Vec<u8>, kinds: impl Iterator<Item = Kind>) {
        let width = width_of(self.kinds.len().saturating_sub(1));
        for kind in kinds {
            let kind = self.kinds.get(&kind).copied().unwrap_or_default();
            out.extend_from_slice(&kind.to_le_bytes()[..width]);
        }
    }

    /// Adds where the rows of each kind end, of popular numbers: a directory over these runs, then their kinds, then their
    /// ends. `rows` are by number and kind.
    fn put_runs<'a>(
        &self,
        out: &mut Vec<u8>,
        ends: &mut Vec<usize>,
        rows: impl ExactSizeIterator<Item = (u32, &'a Row)>,
        popular: &[u32],
    ) {
        let width = width_of(rows.len());
        let mut runs: Vec<(u32, Kind, usize)> = Vec::new();
        for (end, (number, row)) in (1..).zip(rows) {
            let kind = kind_of(row);
            match runs.last_mut().filter(|run| (run.0, run.1) == (number, kind)) {
                Some(run) => run.2 = end,
                None if is_among(popular, number) => runs.push((number, kind, end)),
                None => {}
            }
        }
        put_directory(out, &counts(runs.iter().map(|run| run.0)));
        ends.push(out.len());
        self.put_kinds(out, runs.iter().map(|run| run.1));
        ends.push(out.len());
        for (_, _, end) in &runs {
            out.extend_from_slice(&end.to_le_bytes()[..width]);
        }
        ends.push(out.len());
    }

    fn put_counters(&self, out: &mut Vec<u8>) {
        for clicks in quarters_of(self.rows).kinds.into_iter().map(|(_, clicks)| clicks) {
            put_number(out, clicks.len() as u64);
            let mut before = 0;
            for (quarter, clicks) in clicks {
                put_number(out, u64::from(quarter - before));
                put_number(out, u64::from(clicks));
                before = quarter;
            }
        }
    }
}

/// The postings of an engine, in their order.
#[derive(Debug, Clone, Copy)]
pub enum Postings {
    /// Terms, each with its rows.
    Terms = 0,
    /// By row.
    Quarters = 1,
    Kinds = 2,
    /// Terms with many rows, each with its runs of rows of one kind; of each run its kind and its end.
    TermsRuns = 3,
    TermsRunKinds = 4,
    TermsRunEnds = 5,
    /// Items, each with its place among the item rows.
    Items = 6,
    /// Rows by item.
    ItemRows = 7,
    /// Of the rows of items with many, by item, kind and quarter; and the runs among them.
    PopularQuarters = 8,
    PopularRuns = 9,
    PopularRunKinds = 10,
    PopularRunEnds = 11,
}

impl Postings {
    /// Runs of the rows by terms: directory, kinds, ends.
    pub const TERMS_RUNS: [Self; 3] = [Self::TermsRuns, Self::TermsRunKinds, Self::TermsRunEnds];
    /// Runs of the rows of popular items.
    pub const POPULAR_RUNS: [Self; 3] = [Self::PopularRuns, Self::PopularRunKinds, Self::PopularRunEnds];
}

/// How many there are.
pub const POSTINGS: usize = 12;

/// From so many rows on the kinds of a search's rows are kept as runs as well: reading fewer takes no longer.
const POPULAR_TERMS_ROWS_MIN: u32 = 256;
/// From so many rows on an item's rows are kept by kind and quarter as well: looking at fewer one by one takes no longer.
const POPULAR_ITEM_ROWS_MIN: u32 = 32;

/// How many bytes a kind takes in its table.
pub const KIND_BYTES: usize = 8;

fn kind_of(row: &Row) -> Kind {
    Kind { index: row.index, device: row.device, product: row.product }
}

/// Numbers with how often they come, where equal ones are neighbours.
fn counts(numbers: impl Iterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut counts: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match counts.last_mut().filter(|last| last.0 == number) {
            Some(last) => last.1 += 1,
            None => counts.push((number, 1)),
        }
    }
    counts
}

/// The numbers that have so many rows, rising as they were.
fn popular(counts: &[(u32, u32)], rows_min: u32) -> Vec<u32> {
    counts.iter().filter(|count| count.1 >= rows_min).map(|count| count.0).collect()
}

fn is_among(numbers: &[u32], number: u32) -> bool {
    numbers.binary_search(&number).is_ok()
}

/// One engine's clicks by kind and quarter; kinds in their order.
fn quarters_of(rows: &[Row]) -> EngineQuarters {
    let mut kinds: BTreeMap<Kind, BTreeMap<u8, u32>> = BTreeMap::new();
    for row in rows {
        *kinds.entry(kind_of(row)).or_default().entry(quarter_of(row.at_ms)).or_default() += 1;
    }
    let kinds = kinds.into_iter().map(|(kind, clicks)| (kind, clicks.into_iter().collect())).collect();
    EngineQuarters { kinds }
}
