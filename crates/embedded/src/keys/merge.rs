//! Merging: several runs become one, entry by entry, and which runs are to. It must never change a run that is read.

use std::sync::Arc;

use journal::Disk;

use crate::keys::entry::Entry;
use crate::keys::error::KeysError;
use crate::keys::fingerprint::Fingerprint;
use crate::keys::header::RunInfo;
use crate::keys::run::Run;
use crate::keys::source::{Cursor, Pace};
use crate::keys::writer::write_entries;

/// So many runs of similar size are merged.
pub const SIMILAR_RUNS_MAX: usize = 4;
/// Runs up to this size are similar; larger ones when they are in the same class, each four times the one before.
const SMALL_ENTRIES_MAX: u64 = 1 << 16;

/// Entries of several open runs in one order; an entry of several runs comes several times.
struct Together<'a> {
    heads: Vec<(Entry, Cursor<'a>)>,
}

impl<'a> Together<'a> {
    fn of(runs: &'a [Arc<Run>], pace: Pace<'a>) -> Result<Together<'a>, KeysError> {
        let mut heads = Vec::with_capacity(runs.len());
        for run in runs {
            let mut cursor = run.cursor(pace);
            if let Some(first) = cursor.next()? {
                heads.push((first, cursor));
            }
        }
        Ok(Together { heads })
    }

    /// The least entry that is left. There are few runs, so it looks at the head of each.
    fn next(&mut self) -> Result<Option<Entry>, KeysError> {
        let Some(place) = (0..self.heads.len()).min_by_key(|place| self.heads[*place].0) else {
            return Ok(None);
        };
        let (head, cursor) = &mut self.heads[place];
        let entry = *head;
        match cursor.next()? {
            Some(next) => *head = next,
            None => drop(self.heads.swap_remove(place)),
        }
        Ok(Some(entry))
    }
}

/// Writes one run of what is kept of several. Returns only when the new file is complete and on the medium; `None` when
/// nothing is kept.
pub fn merge_runs(
    disk: &dyn Disk,
    mark: u64,
    runs: &[Arc<Run>],
    number: u64,
    keep: impl Fn(Fingerprint, i32) -> bool,
    pace: Pace<'_>,
) -> Result<Option<RunInfo>, KeysError> {
    let mut together = Together::of(runs, pace)?;
    let next = || {
        while let Some(entry) = together.next()? {
            if keep(entry.fingerprint(), entry.day()) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    };
    write_entries(disk, mark, number, next, pace)
}

/// Which runs should become one: the smaller ones first, and each entry once for each class of size it goes through.
/// While nothing is to be merged there are at most three runs of each class: twenty at 100 million entries, seldom more
/// than ten.
pub fn merge_plan<'a>(runs: impl Iterator<Item = &'a RunInfo>) -> Option<Vec<u64>> {
    let mut sizes: Vec<(u32, u64)> = runs.map(|run| (class(run.entries), run.number)).collect();
    sizes.sort_unstable();
    let similar =
        sizes.chunk_by(|one, other| one.0 == other.0).find(|runs| runs.len() >= SIMILAR_RUNS_MAX)?;
    Some(similar.iter().map(|(_, number)| *number).collect())
}

fn class(entries: u64) -> u32 {
    (entries / SMALL_ENTRIES_MAX).checked_ilog(4).map_or(0, |class| class + 1)
}

#[cfg(test)]
mod tests {
    use clicks::conformance::Dice;

    use super::*;

    fn run(number: u64, entries: u64) -> RunInfo {
        RunInfo { number, entries, bytes: 0, day_first: 0, day_last: 0, check: 0 }
    }

    fn plan(sizes: &[u64]) -> Option<Vec<u64>> {
        let runs: Vec<RunInfo> = (0..).zip(sizes).map(|(number, entries)| run(number, *entries)).collect();
        merge_plan(runs.iter())
    }

    #[test]
    fn four_of_a_size_are_merged_and_the_smallest_first() {
        assert_eq!(plan(&[]), None);
        assert_eq!(plan(&[1, 2, 3]), None);
        assert_eq!(plan(&[1, 70_000, 3, 60_000, 9]), Some(vec![0, 2, 3, 4]));
        assert_eq!(plan(&[1 << 20, 1 << 18, 1 << 20, 1 << 20, 1 << 21]), Some(vec![0, 2, 3, 4]));
        assert_eq!(plan(&[1 << 20, 1, 1 << 20, 1, 1 << 20, 1, 1 << 21, 1]), Some(vec![1, 3, 5, 7]));
    }

    #[test]
    fn a_year_of_days_leaves_few_runs_and_writes_each_entry_a_few_times() {
        let mut dice = Dice::new(1);
        let (mut runs, mut written, mut entries, mut most) = (Vec::new(), 0, 0, 0);
        for number in 0..3 * 365 {
            runs.push(run(number, 150_000 + dice.throw() % 200_000));
            entries += runs.last().unwrap().entries;
            while let Some(numbers) = merge_plan(runs.iter()) {
                let merged = runs.extract_if(.., |run| numbers.contains(&run.number));
                let sum = merged.map(|run| run.entries).sum();
                written += sum;
                runs.push(run(1_000_000 + number, sum));
            }
            most = most.max(runs.len());
        }
        assert!(most <= 16, "{most} runs at most");
        assert!(written < 6 * entries, "{written} of {entries}");
    }
}
