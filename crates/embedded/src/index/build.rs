//! Builds the index of one part of a day from its rows. Laid out by engine, terms and quarter, so that the clicks of a
//! search are neighbours; a second order lists the same rows by item. It must never know where the rows come from.

use std::collections::BTreeMap;

use crate::index::counters::{EngineQuarters, Kind};
use crate::index::cuts::quarter_of;
use crate::index::directory::{place, put_directory, put_u32};
use crate::recent::day::Row;
use crate::wire::put_number;

/// The sections of an index, as bytes: drawn in `docs/formats/index.md`.
#[derive(Debug, Default)]
pub struct Sections {
    pub engines: Vec<u8>,
    pub kinds: Vec<u8>,
    pub postings: Vec<u8>,
    pub counters: Vec<u8>,
}

/// Builds the sections of some rows, all of one UTC day. Rows are numbered in 32 bits.
pub fn build(rows: &[Row]) -> Sections {
    let mut order: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
    let row = |at: &u32| &rows[place(*at)];
    order.sort_by_cached_key(|at| {
        let row = row(at);
        (row.engine, row.terms, quarter_of(row.at_ms))
    });
    let mut sections = Sections::default();
    for engine_rows in order.chunk_by(|left, right| row(left).engine == row(right).engine) {
        let rows: Vec<Row> = engine_rows.iter().map(|at| *row(at)).collect();
        EngineBuild::new(&rows).put(&mut sections);
    }
    sections
}

/// One engine's rows, sorted by terms and quarter.
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
        let (terms, items, quarters, kinds, item_rows) = self.put_postings(&mut sections.postings);
        let counters_at = sections.counters.len();
        self.put_counters(&mut sections.counters);
        let out = &mut sections.engines;
        out.extend_from_slice(&self.rows.first().map_or(0, |row| row.engine).to_le_bytes());
        put_u32(out, self.rows.len());
        put_u32(out, kinds_at / KIND_BYTES);
        put_u32(out, self.kinds.len());
        out.extend_from_slice(&postings_at.to_le_bytes());
        for bytes in [terms, items, quarters, kinds, item_rows] {
            put_u32(out, bytes);
        }
        put_u32(out, counters_at);
        put_u32(out, sections.counters.len() - counters_at);
    }

    /// Returns how many bytes the terms, the items, the quarters, the kinds and the items' rows take.
    fn put_postings(&self, out: &mut Vec<u8>) -> (usize, usize, usize, usize, usize) {
        let mut ends = vec![out.len()];
        put_directory(out, &counts(self.rows.iter().map(|row| row.terms)));
        ends.push(out.len());
        let mut by_item: Vec<u32> = (0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX)).collect();
        let item = |row: &u32| self.rows[place(*row)].item;
        by_item.sort_by_key(item);
        put_directory(out, &counts(by_item.iter().map(item)));
        ends.push(out.len());
        out.extend(self.rows.iter().map(|row| quarter_of(row.at_ms)));
        ends.push(out.len());
        let width = width_of(self.kinds.len().saturating_sub(1));
        for row in self.rows {
            let kind = self.kinds.get(&kind_of(row)).copied().unwrap_or_default();
            out.extend_from_slice(&kind.to_le_bytes()[..width]);
        }
        ends.push(out.len());
        let width = width_of(self.rows.len().saturating_sub(1));
        for row in by_item {
            out.extend_from_slice(&row.to_le_bytes()[..width]);
        }
        ends.push(out.len());
        let bytes = |part: usize| ends[part + 1] - ends[part];
        (bytes(0), bytes(1), bytes(2), bytes(3), bytes(4))
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
