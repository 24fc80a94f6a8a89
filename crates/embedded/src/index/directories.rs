//! Directories of many parts, added up together: where every row of a part counts, its directory says it all. It must never
//! know which part a directory is of.

use std::ops::Range;
use std::sync::Arc;

use crate::evaluate::Evaluator;
use crate::index::directory::Directory;

/// How many cells are added into at once: they stay in fast memory.
const NUMBERS_AT_ONCE: usize = 16_384;

/// Directories that are not added up yet, and the postings that they are part of.
#[derive(Debug, Default)]
pub struct Directories {
    kept: Vec<(Arc<Vec<u8>>, Range<usize>)>,
    bytes: usize,
}

impl Directories {
    /// Keeps one, of terms or of items, whichever is grouped by.
    pub fn keep(&mut self, postings: &Arc<Vec<u8>>, range: Range<usize>) {
        // The engines of a part follow each other.
        if self.kept.last().is_none_or(|(last, _)| !Arc::ptr_eq(last, postings)) {
            self.bytes += postings.len();
        }
        self.kept.push((Arc::clone(postings), range));
    }

    /// How many bytes of postings they hold in memory, at most.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds them up and lets them go: all of them for some numbers, then for the next. `None` when one can't be what was
    /// written.
    pub fn add_up(&mut self, evaluator: &mut Evaluator<'_>) -> Option<()> {
        let Self { kept, .. } = std::mem::take(self);
        let directories = kept.iter().map(|(postings, range)| Directory::new(postings.get(range.clone())?));
        let directories: Vec<Directory<'_>> = directories.collect::<Option<_>>()?;
        let mut next = vec![0; directories.len()];
        for numbers in (0..evaluator.numbers_end()).step_by(NUMBERS_AT_ONCE) {
            let end = u32::try_from(numbers + NUMBERS_AT_ONCE).unwrap_or(u32::MAX);
            for (directory, next) in directories.iter().zip(&mut next) {
                let add = |number, rows: Range<u32>| evaluator.add_number(number, rows.len() as u64);
                *next = directory.for_each_before(*next, end, add)?;
            }
        }
        Some(())
    }
}
