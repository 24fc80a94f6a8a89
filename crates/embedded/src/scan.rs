//! Scans: the clicks themselves, oldest first. A scan holds the blocks as they were when it began; names are looked up
//! a page at a time, so that a long scan never holds up recording. It must never know who reads it.

use std::sync::{Arc, PoisonError, RwLock};

use clicks::{Click, StoreError};

use crate::recent::Recent;
use crate::recent::day::Block;
use crate::wanted::{Passing, Wanted};

/// How many clicks are read while the lock is held: well under a millisecond.
const PAGE_CLICKS_MAX: usize = 512;

/// A click's instant and its place. The order of these is the order of a scan: within an instant, places are in the
/// order of recording.
type Found = (i64, usize, u32);

/// The clicks of a period that pass a filter.
pub struct Scan {
    recent: Arc<RwLock<Recent>>,
    wanted: Wanted,
    from_ms: i64,
    until_ms: i64,
    /// Days that are not begun.
    days: std::vec::IntoIter<Vec<Block>>,
    /// The blocks of the day that is being read, and its clicks that are not read yet.
    blocks: Vec<Block>,
    found: std::vec::IntoIter<Found>,
    /// Clicks that are read and not given out yet.
    page: std::vec::IntoIter<Result<Click, StoreError>>,
}

impl Scan {
    /// A scan of `days`, which `wanted` was resolved for.
    pub fn new(
        recent: Arc<RwLock<Recent>>,
        wanted: Wanted,
        from_ms: i64,
        until_ms: i64,
        days: Vec<Vec<Block>>,
    ) -> Self {
        Self {
            recent,
            wanted,
            from_ms,
            until_ms,
            days: days.into_iter(),
            blocks: Vec::new(),
            found: Vec::new().into_iter(),
            page: Vec::new().into_iter(),
        }
    }

    fn begin_day(&mut self, blocks: Vec<Block>) {
        let (mut found, mut mask) = (Vec::new(), Vec::new());
        for (place, block) in blocks.iter().enumerate() {
            let columns = block.counted.columns();
            let passing = self.wanted.select(&columns, &mut mask);
            if passing == Passing::None {
                continue;
            }
            for (row, at_ms) in (0..).zip(columns.at_ms) {
                let passes = passing == Passing::All || mask.get(row).is_some_and(|passes| *passes == 1);
                if passes && (self.from_ms..self.until_ms).contains(at_ms) {
                    found.push((*at_ms, place, u32::try_from(row).unwrap_or(u32::MAX)));
                }
            }
        }
        found.sort_unstable();
        self.blocks = blocks;
        self.found = found.into_iter();
    }

    fn read_page(&mut self) {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let read = |(_, place, row): Found| {
            let block =
                self.blocks.get(place).ok_or_else(|| StoreError::Damaged("a block is gone".into()))?;
            let click = recent.names().click(&block.counted, &block.rest, row);
            click.map_err(|error| StoreError::Damaged(error.to_string()))
        };
        self.page = self.found.by_ref().take(PAGE_CLICKS_MAX).map(read).collect::<Vec<_>>().into_iter();
    }
}

impl Iterator for Scan {
    type Item = Result<Click, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(click) = self.page.next() {
                return Some(click);
            }
            if self.found.len() > 0 {
                self.read_page();
            } else {
                let blocks = self.days.next()?;
                self.begin_day(blocks);
            }
        }
    }
}
