//! Clicks from results placed by hand: which of a part's rows came from which. They are few, so each is noted by itself, and a
//! question reads no other row. It must never know where its bytes come from.

use std::ops::Range;

use crate::evaluate::Evaluator;
use crate::index::cuts::DayCuts;
use crate::index::directory::{place, u32_at};
use crate::index::postings::{PartBytes, each_engine};
use crate::names::UNTOLD;
use crate::recent::day::Row;
use crate::wanted::Wanted;

/// How many bytes a click takes: its engine, its row among that engine's, and the result's number.
pub const CUSTOM_RESULT_BYTES: usize = 12;

/// Adds the rows of one engine that came from results placed by hand. Engines come by number.
pub fn put_custom_results(out: &mut Vec<u8>, rows: &[Row]) {
    for (number, row) in (0_u32..).zip(rows).filter(|(_, row)| row.custom != UNTOLD) {
        for word in [row.engine, number, row.custom] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}

/// The rows of one engine that came from results placed by hand, by row.
struct Told<'a>(&'a [[u8; CUSTOM_RESULT_BYTES]]);

impl<'a> Told<'a> {
    /// `None` when the bytes can't be what was written.
    fn new(bytes: &'a [u8], engine: u32) -> Option<Self> {
        let (told, rest) = bytes.as_chunks();
        let from = told.partition_point(|told| u32_at(told, 0) < engine);
        let until = told.partition_point(|told| u32_at(told, 0) <= engine);
        told.get(from..until).filter(|_| rest.is_empty()).map(Self)
    }

    /// The rows that lie in a range, each with its result.
    fn within(&self, range: &Range<usize>) -> impl Iterator<Item = (usize, u32)> + use<'a> {
        let from = self.0.partition_point(|told| place(u32_at(told, 4)) < range.start);
        let until = self.0.partition_point(|told| place(u32_at(told, 4)) < range.end);
        let told = self.0.get(from..until).unwrap_or_default().iter();
        told.map(|told| (place(u32_at(told, 4)), u32_at(told, 8)))
    }
}

/// Counts a part's clicks in whole quarters by the results placed by hand that they came from. `None` when the bytes can't be what
/// was written.
pub fn count(
    part: &PartBytes<'_>,
    wanted: &Wanted,
    cuts: &DayCuts<'_>,
    evaluator: &mut Evaluator<'_>,
) -> Option<()> {
    let Some(customs) = &part.customs else { return Some(()) };
    each_engine(part, wanted, cuts, |entry, rows, _| {
        let told = Told::new(customs, entry.engine)?;
        let Some(range) = rows.of_terms(wanted.terms()) else { return Some(()) };
        let mut count = |row: usize, custom: u32| {
            if wanted.passes_custom_result(custom) && rows.segment(row).is_some() {
                evaluator.add_number(custom, 1);
            }
        };
        match wanted.items() {
            None => told.within(&range).for_each(|(row, custom)| count(row, custom)),
            Some(items) => {
                for found in items.iter().filter_map(|item| rows.of_item(*item, &range)) {
                    found.for_each(|row| {
                        told.within(&(row..row + 1)).for_each(|(row, custom)| count(row, custom));
                    });
                }
            }
        }
        Some(())
    })
}
