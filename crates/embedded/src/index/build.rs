//! Builds the index of one part of a day from its rows. Laid out by engine, terms, kind and quarter, so that the clicks of a
//! search are neighbours, and those of a kind among them; a second order lists the same rows by item. It must never know
//! where the rows come from.

use std::collections::BTreeMap;

use crate::index::counters::{EngineQuarters, Kind};
use crate::index::cuts::quarter_of;
use crate::index::directory::{place, put_directory, put_u32};
use crate::index::file::SECTIONS;
use crate::index::users::put_users;
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
}

impl Sections {
    /// All sections in the order of the file, with the one that is not built of rows alone.
    pub fn with_ids<'s>(&'s self, ids: &'s [u8]) -> [&'s [u8]; SECTIONS] {
        [&self.engines, &self.kinds, &self.postings, &self.counters, ids, &self.users]
    }
}

/// Builds the sections of some rows, all of one UTC day. Rows are numbered in 32 bits.
pub fn build(rows: &[Row]) -> Sections {
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
    }

    /// Returns how many bytes each of the postings takes, in the order of [`Postings`].
    fn put_postings(&self, out: &mut Vec<u8>) -> [usize; POSTINGS] {
        let mut ends = Vec::with_capacity(POSTINGS + 1);
        ends.push(out.len());
        put_directory(out, &counts(self.rows.iter().map(|row| row.terms)));
        ends.push(out.len());
        self.put_columns(out, &mut ends, self.rows.iter());
        let mut by_item: Vec<u32> = (0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX)).collect();
        let row = |number: &u32| &self.rows[place(*number)];
        by_item.sort_by_key(|number| row(number).item);
        let items = counts(by_item.iter().map(|number| row(number).item));
        put_directory(out, &items);
        ends.push(out.len());
        let width = width_of(self.rows.len().saturating_sub(1));
        for number in &by_item {
            out.extend_from_slice(&number.to_le_bytes()[..width]);
        }
        ends.push(out.len());
        let popular: Vec<(u32, u32)> = items.into_iter().filter(|item| item.1 >= POPULAR_ROWS_MIN).collect();
        put_directory(out, &popular);
        ends.push(out.len());
        let is_popular = |row: &&Row| popular.binary_search_by_key(&row.item, |item| item.0).is_ok();
        let mut rows: Vec<&Row> = by_item.iter().map(row).filter(is_popular).collect();
        rows.sort_by_cached_key(|row| (row.item, kind_of(row), quarter_of(row.at_ms)));
        self.put_columns(out, &mut ends, rows.into_iter());
        let mut bytes = [0; POSTINGS];
        bytes.iter_mut().zip(ends.windows(2)).for_each(|(bytes, ends)| *bytes = ends[1] - ends[0]);
        bytes
    }

    /// Adds the quarters of some rows, then their kinds.
    fn put_columns<'a>(
        &self,
        out: &mut Vec<u8>,
        ends: &mut Vec<usize>,
        rows: impl Iterator<Item = &'a Row> + Clone,
    ) {
        out.extend(rows.clone().map(|row| quarter_of(row.at_ms)));
        ends.push(out.len());
        let width = width_of(self.kinds.len().saturating_sub(1));
        for row in rows {
            let kind = self.kinds.get(&kind_of(row)).copied().unwrap_or_default();
            out.extend_from_slice(&kind.to_le_bytes()[..width]);
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
    /// Items, each with its place among the item rows.
    Items = 3,
    /// Rows by item.
    ItemRows = 4,
    /// Items with many rows, each with its place in the two that follow.
    Popular = 5,
    /// Of the rows of these items, by item, kind and quarter.
    PopularQuarters = 6,
    PopularKinds = 7,
}

/// How many there are.
pub const POSTINGS: usize = 8;

/// From so many rows on an item's rows are kept by kind and quarter as well: looking at fewer one by one takes no longer.
pub const POPULAR_ROWS_MIN: u32 = 64;

/// How many bytes a kind takes in its table.
pub const KIND_BYTES: usize = 8;

fn kind_of(row: &Row) -> Kind {
    Kind { index: row.index, device: row.device, product: row.product }
}

/// How many bytes are enough for a number.
pub const fn width_of(greatest: usize) -> usize {
    match greatest {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xff_ffff => 3,
        _ => 4,
    }
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

/// One engine's clicks by kind and quarter; kinds in their order.
fn quarters_of(rows: &[Row]) -> EngineQuarters {
    let mut kinds: BTreeMap<Kind, BTreeMap<u8, u32>> = BTreeMap::new();
    for row in rows {
        *kinds.entry(kind_of(row)).or_default().entry(quarter_of(row.at_ms)).or_default() += 1;
    }
    let kinds = kinds.into_iter().map(|(kind, clicks)| (kind, clicks.into_iter().collect())).collect();
    EngineQuarters { kinds }
}
