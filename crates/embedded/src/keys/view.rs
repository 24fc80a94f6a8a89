//! What a store looks keys up in: a list of open runs that never changes. A new list shares the runs of the old one, so
//! readers go on with theirs while runs are written and merged. It must never know what a key means to the store, nor
//! remove a file.

use std::sync::Arc;

use journal::Disk;

use crate::keys::entry::Placed;
use crate::keys::error::KeysError;
use crate::keys::filter::folds;
use crate::keys::fingerprint::{Fingerprint, FingerprintKey};
use crate::keys::header::{RunInfo, run_name};
use crate::keys::merge::{merge_plan, merge_runs};
use crate::keys::run::{LastBlock, Run};
use crate::keys::source::Pace;

/// Keys of a batch that are sorted at once: with their places, 16 MiB.
const SORTED_KEYS_MAX: usize = 1 << 20;

/// The limits of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysOptions {
    /// How many bytes of memory all filters may take, 128 MiB when nothing else is said: ten bits for each of 100
    /// million entries. With more entries filters are folded, and more looks go to the disk; with 0 all do.
    pub filter_bytes_max: u64,
}

impl Default for KeysOptions {
    fn default() -> Self {
        Self { filter_bytes_max: 128 << 20 }
    }
}

/// The keys of sealed rows, as of one moment. Cloning is cheap.
#[derive(Clone)]
pub struct Keys {
    disk: Arc<dyn Disk>,
    mark: u64,
    options: KeysOptions,
    /// Newest first.
    runs: Vec<Arc<Run>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keys").field("runs", &self.runs).finish_non_exhaustive()
    }
}

impl Keys {
    /// Opens the listed runs. Each file's length, header, fences and filter are checked now, its entries when they are
    /// read.
    ///
    /// # Errors
    /// When one of them can't be opened.
    pub fn open(
        disk: Arc<dyn Disk>,
        key: &FingerprintKey,
        listed: &[RunInfo],
        options: KeysOptions,
    ) -> Result<Keys, KeysError> {
        Keys { disk, mark: key.mark(), options, runs: Vec::new() }.changed(&[], listed)
    }

    /// The keys without some runs, by their numbers, and with others. The runs that stay are not read again, but for
    /// filters that can be folded less now. The files of those that go may be removed: whoever still looks up in them
    /// has them open.
    ///
    /// # Errors
    /// When a run can't be read.
    pub fn changed(&self, gone: &[u64], come: &[RunInfo]) -> Result<Keys, KeysError> {
        let stays = |run: &&Arc<Run>| !gone.contains(&run.info().number);
        let mut runs: Vec<Arc<Run>> = self.runs.iter().filter(stays).cloned().collect();
        for listed in come {
            runs.push(Arc::new(Run::open(self.disk.as_ref(), self.mark, listed)?));
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.info().number));
        let lines: Vec<u32> = runs.iter().map(|run| run.filter_lines()).collect();
        for (run, fold) in runs.iter_mut().zip(folds(&lines, self.options.filter_bytes_max)) {
            if run.fold() != fold {
                *run = Arc::new(run.with_fold(fold)?);
            }
        }
        Ok(Keys { runs, ..self.clone() })
    }

    /// The runs, newest first: what the store's list has to say.
    pub fn listed(&self) -> impl Iterator<Item = &RunInfo> {
        self.runs.iter().map(|run| run.info())
    }

    /// How many bytes of memory filters and fences take.
    pub fn memory_bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.memory_bytes()).sum()
    }

    fn find(&self, wanted: Fingerprint, mut found: impl FnMut(i32), enough: bool) -> Result<bool, KeysError> {
        let (mut any, mut last) = (false, None);
        for run in self.runs.iter().filter(|run| run.may_contain(wanted)) {
            // Most keys are absent from all runs: a place for a block is made when one is read.
            let last = last.get_or_insert_with(LastBlock::default);
            last.forget();
            run.find(wanted, last, &mut |day| {
                any = true;
                found(day);
            })?;
            if any && enough {
                break;
            }
        }
        Ok(any)
    }

    /// Whether a fingerprint is there.
    ///
    /// # Errors
    /// When a run can't be read: then nothing is known.
    pub fn contains(&self, wanted: Fingerprint) -> Result<bool, KeysError> {
        self.find(wanted, |_| {}, true)
    }

    /// The days of a fingerprint, those of the newest run first.
    ///
    /// # Errors
    /// When a run can't be read: then nothing is known.
    pub fn days_of(&self, wanted: Fingerprint) -> Result<Vec<i32>, KeysError> {
        let mut days = Vec::new();
        self.find(wanted, |day| days.push(day), false)?;
        days_once(&mut days);
        Ok(days)
    }

    /// For each fingerprint, whether it is there. For many of them this is faster than to ask for each: they are sorted,
    /// and each run is gone through once.
    ///
    /// # Errors
    /// When a run can't be read: then nothing is known.
    pub fn contains_many(&self, wanted: &[Fingerprint]) -> Result<Vec<bool>, KeysError> {
        let mut there = vec![false; wanted.len()];
        self.find_many(wanted, |place, _| there[place] = true)?;
        Ok(there)
    }

    /// The places in `wanted` of all fingerprints that are there, with their days, in no order. The same day may come
    /// once for each run.
    ///
    /// # Errors
    /// When a run can't be read: then nothing is known.
    pub fn find_many(
        &self,
        wanted: &[Fingerprint],
        mut found: impl FnMut(usize, i32),
    ) -> Result<(), KeysError> {
        for (first, part) in (0..).step_by(SORTED_KEYS_MAX).zip(wanted.chunks(SORTED_KEYS_MAX)) {
            let sorted = sorted(part);
            for run in &self.runs {
                run.find_sorted(&sorted, &mut |place, day| found(first + place, day))?;
            }
        }
        Ok(())
    }

    /// The numbers of the runs in which any of these is: those that have to be written anew when they are erased.
    ///
    /// # Errors
    /// When a run can't be read.
    pub fn runs_with(&self, wanted: &[Fingerprint]) -> Result<Vec<u64>, KeysError> {
        let mut numbers = Vec::new();
        for run in &self.runs {
            let mut any = false;
            for part in wanted.chunks(SORTED_KEYS_MAX) {
                run.find_sorted(&sorted(part), &mut |_, _| any = true)?;
            }
            if any {
                numbers.push(run.info().number);
            }
        }
        Ok(numbers)
    }

    /// Which runs should be merged next; `None` when there are few enough.
    pub fn merge_plan(&self) -> Option<Vec<u64>> {
        merge_plan(self.listed())
    }

    /// Writes a new run of what is kept of those with these numbers: without entries that `keep` refuses. These keys
    /// don't change: put the new run into the store's list, then see [`Keys::changed`]. Returns only when the new file
    /// is complete and on the medium; `None` when nothing is kept. `pace` may wait, or stop the work.
    ///
    /// # Errors
    /// When a run can't be read or the new one can't be written; of that nothing is left then, if the disk lets us.
    pub fn merge(
        &self,
        numbers: &[u64],
        number: u64,
        keep: impl Fn(Fingerprint, i32) -> bool,
        pace: Pace<'_>,
    ) -> Result<Option<RunInfo>, KeysError> {
        let mut runs = Vec::with_capacity(numbers.len());
        for wanted in numbers {
            match self.runs.iter().find(|run| run.info().number == *wanted) {
                Some(run) => runs.push(run.clone()),
                // Whoever then dropped it would lose its keys.
                None => {
                    let why = "it is to be merged and isn't open";
                    return Err(KeysError::Mistake { file: run_name(*wanted), why });
                }
            }
        }
        merge_runs(self.disk.as_ref(), self.mark, &runs, number, keep, pace)
    }
}

/// Keeps the first of each day.
fn days_once(days: &mut Vec<i32>) {
    let mut kept = 0;
    for place in 0..days.len() {
        if !days[..kept].contains(&days[place]) {
            days.swap(kept, place);
            kept += 1;
        }
    }
    days.truncate(kept);
}

/// Fingerprints in order, with their places.
fn sorted(wanted: &[Fingerprint]) -> Vec<Placed> {
    let mut sorted: Vec<Placed> =
        (0..).zip(wanted).map(|(place, wanted)| Placed::new(*wanted, place)).collect();
    sorted.sort_unstable();
    sorted
}
