//! What a question sees: names, rows and sealed days at one moment, so that the names of all rows are known and every click is in
//! one place. It must never know what becomes of the counts.

use std::sync::Arc;

use clicks::{Measure, Question, StoreError};

use crate::count::{Limits, SealedCount};
use crate::evaluate::Evaluator;
use crate::kept::Kept;
use crate::recent::day::{Counted, day_of};
use crate::sealed::Sealed;
use crate::wanted::Wanted;

/// What a question counts, as it is at one moment.
pub struct Seen {
    pub wanted: Wanted,
    pub numbers_end: usize,
    pub blocks: Vec<Arc<Counted>>,
    /// Rows to take back, and rows to count for them.
    corrected: Vec<(Arc<Counted>, Arc<Counted>)>,
    pub sealed: Arc<Sealed>,
}

impl Seen {
    /// As it is kept, of instants in `from_ms..until_ms`.
    pub fn new(kept: &Kept, question: &Question, from_ms: i64, until_ms: i64) -> Self {
        let (mut blocks, mut corrected) = (Vec::new(), Vec::new());
        let frozen = kept.frozen.as_ref().map(|frozen| &frozen.recent);
        for recent in [Some(&kept.active), frozen].into_iter().flatten() {
            blocks.extend(recent.columns(question.measure, from_ms, until_ms));
            if question.measure == Measure::Clicks {
                corrected.extend(recent.corrections().rows(day_of(from_ms), day_of(until_ms - 1)));
            }
        }
        Self {
            wanted: Wanted::new(question.measure, &question.filter, &kept.names),
            numbers_end: kept.names.numbers_end(question.grouping),
            blocks,
            corrected,
            sealed: Arc::clone(&kept.sealed),
        }
    }

    /// Counts all of it, and what is sealed.
    ///
    /// # Errors
    /// As [`SealedCount::count`].
    pub fn count(
        &self,
        sealed: &SealedCount<'_>,
        limits: Limits,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<(), StoreError> {
        for block in &self.blocks {
            if (sealed.stop)() {
                return Err(StoreError::OutOfTime);
            }
            evaluator.count(&block.columns());
        }
        for (before, after) in &self.corrected {
            evaluator.take_back(&before.columns());
            evaluator.count(&after.columns());
        }
        sealed.count(limits, evaluator)
    }

    /// How many rows are looked at that are not sealed.
    pub fn rows(&self) -> usize {
        let corrected = self.corrected.iter().flat_map(|(before, after)| [before, after]);
        self.blocks.iter().chain(corrected).map(|block| block.columns().at_ms.len()).sum()
    }
}
