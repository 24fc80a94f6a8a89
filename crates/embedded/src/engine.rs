//! The store: the journal's writer on one side, what is kept on the other, and nothing between them but a lock that is
//! held for moments. It must never answer before the journal has synced.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use clicks::{
    AccountCode, ClickFilter, ClickStream, ClickedItem, Counter, Forget, Forgotten, Grouping, Outcome,
    Promise, Question, Record, Search, Store, StoreError, StoreStatus, Tally, ready,
};
use journal::{CommitError, Disk, Refused, Writer, WriterOptions, WriterThread};

use crate::backup::{BackupError, StoreBackup};
use crate::count::SealedCount;
use crate::evaluate::Evaluator;
use crate::kept::{Shared, read};
use crate::ledger::{Done, Job, Ledger, Place, Queue, SealingRule};
use crate::names::Names;
use crate::naming::{first_rows, is_among, matching};
use crate::options::{EmbeddedOptions, OpenError, OpenReport};
use crate::recovery::{Recovered, recover};
use crate::report::Report;
use crate::room::Room;
use crate::scan::Scan;
use crate::sealed::SealError;
use crate::sealing_thread::{Bell, Sealing};
use crate::seen::Seen;
use crate::trouble::Trouble;

/// How many callers may wait for everything to settle, besides those who record.
const SETTLING_CALLS_MAX: usize = 1_024;

/// A store in one process: durable through its journal, countable from memory and from sealed days.
pub struct EmbeddedStore {
    kept: Arc<Shared>,
    queue: Arc<Queue>,
    trouble: Arc<Trouble>,
    writer: Writer<Ledger>,
    thread: Mutex<Option<WriterThread<Ledger>>>,
    sealing: Arc<Sealing>,
    sealing_thread: Mutex<Option<JoinHandle<()>>>,
    bell: Arc<Bell>,
    room: Room,
    unsealed_bytes_max: u64,
    torn_tail_bytes: u64,
}

impl EmbeddedStore {
    /// Opens the store of a directory, or begins one: opens its sealed days, reads its journal, and starts the threads
    /// that write and seal.
    ///
    /// Nobody else may have the directory open (see [`journal::DirLock`]).
    ///
    /// # Errors
    /// [`OpenError::Journal`] when the journal is damaged, was written by a newer program, or can't be read;
    /// [`OpenError::Sealed`] when the list of the sealed days is.
    pub fn open(disk: Arc<dyn Disk>, options: &EmbeddedOptions) -> Result<(Self, OpenReport), OpenError> {
        Self::start(recover(disk, options)?, options)
    }

    /// Starts the threads of a store that was read.
    fn start(recovered: Recovered, options: &EmbeddedOptions) -> Result<(Self, OpenReport), OpenError> {
        let Recovered { kept, sealer, journal, open_day, report } = recovered;
        let kept = Arc::new(Shared::new(kept));
        let (trouble, bell) = (Arc::new(Trouble::default()), Arc::new(Bell::default()));
        let unsealed_bytes = read(&kept).unsealed_bytes();
        bell.set_unsealed_bytes(unsealed_bytes);
        let rule = SealingRule {
            bytes: if options.seals_by_itself { options.recent_bytes_max / 2 } else { usize::MAX },
            by_day: options.seals_by_itself,
        };
        // A journal may hold more than memory should: the next record may be long in coming.
        if unsealed_bytes >= rule.bytes {
            bell.ring();
        }
        let ledger = Ledger::new(
            Arc::clone(&kept),
            Arc::clone(&trouble),
            options.join_ms,
            rule,
            Arc::clone(&bell),
            open_day,
        );
        let calls_max = usize::try_from(options.queue_records_max).unwrap_or(usize::MAX);
        let writer_options = WriterOptions {
            name: "clicks".to_owned(),
            queue_jobs_max: calls_max.saturating_add(SETTLING_CALLS_MAX),
            queue_bytes_max: options.queue_bytes_max,
            group_jobs_max: options.group_calls_max,
            group_bytes_max: options.group_bytes_max,
            spare: options.spare,
        };
        let (writer, thread) = Writer::spawn(journal, ledger, writer_options).map_err(OpenError::Thread)?;
        let merging = options.merge_bytes_per_second;
        let sealing = Sealing::new(Arc::clone(&kept), writer.clone(), Arc::clone(&bell), sealer, merging);
        let mut store = Self {
            kept,
            queue: Arc::new(Queue::new(options.queue_records_max)),
            trouble,
            writer,
            thread: Mutex::new(Some(thread)),
            sealing: Arc::new(sealing),
            sealing_thread: Mutex::new(None),
            bell,
            room: Room::new(options.question_bytes_max),
            unsealed_bytes_max: options.recent_bytes_max as u64,
            torn_tail_bytes: report.torn_tail.as_ref().map_or(0, |tail| tail.bytes),
        };
        if options.seals_by_itself {
            let sealing = Arc::clone(&store.sealing);
            let thread = std::thread::Builder::new().name("sealing".into()).spawn(move || sealing.run());
            store.sealing_thread = Mutex::new(Some(thread.map_err(OpenError::Thread)?));
        }
        Ok((store, report))
    }

    /// Seals all that was recorded before the call. Blocks; recording and questions go on beside it.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`] when it could not be done; what was recorded is in the journal still.
    pub fn seal(&self) -> Result<(), StoreError> {
        self.sealing.seal().map(drop).map_err(|error| StoreError::NotWritten(error.to_string()))
    }

    /// Merges the parts of every day that has several. Blocks; recording and questions go on beside it.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`] when it could not be done.
    pub fn merge(&self) -> Result<(), StoreError> {
        while self.sealing.merge(2).map_err(|error| StoreError::NotWritten(error.to_string()))? {}
        Ok(())
    }

    /// Brings all that was recorded before the call into another directory, beside recording and questions; the caller
    /// completes it. Blocks; nothing is sealed while the journal is copied.
    ///
    /// # Errors
    /// [`BackupError`]: a damaged day, a target that holds something else, or a disk that fails.
    pub fn backup(&self, target: Arc<dyn Disk>) -> Result<StoreBackup, BackupError> {
        StoreBackup::of_store(&self.sealing, &self.kept, || self.writer.status().journal.end, target)
    }

    /// Takes no more records, and returns when all that wait are durable or have failed and the threads have ended.
    /// Questions are answered still. Blocks; dropping the store does the same.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when a sync had failed, so that the last records may be missing from the next start.
    pub fn close(&self) -> Result<(), StoreError> {
        self.stop_sealing();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.stop().is_none()) {
            return Err(StoreError::Stopped("the writer's thread has panicked".into()));
        }
        if self.writer.status().journal.poisoned {
            return Err(StoreError::Stopped(CommitError::Poisoned.to_string()));
        }
        Ok(())
    }

    /// Breaks off what is being sealed, and ends the thread. What was not sealed is in the journal.
    fn stop_sealing(&self) {
        self.bell.stop();
        let thread = self.sealing_thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A thread that has panicked has left nothing that the next start doesn't tidy.
        let _ = thread.map(JoinHandle::join);
    }

    fn submit(&self, records: Vec<Record>, place: Place) -> Result<journal::Receipt<Done>, StoreError> {
        self.writer.submit(Job::record(records, place)).map_err(|(_, refused)| match refused {
            Refused::QueueFull => StoreError::Busy,
            Refused::Stopped => self.stopped(),
        })
    }

    fn enter(&self, records: usize) -> Result<Place, StoreError> {
        self.queue.enter(records).ok_or(StoreError::Busy)
    }

    async fn recorded(&self, receipt: journal::Receipt<Done>) -> Result<Vec<Outcome>, StoreError> {
        match receipt.await.map_err(|error| self.not_committed(&error))? {
            Done::Recorded(outcomes) => outcomes,
            Done::Frozen(_) | Done::Swapped | Done::TakenFrom => Err(self.stopped()),
        }
    }

    /// Why there is no room in memory, and won't be soon.
    fn no_room(&self) -> Option<StoreError> {
        // Nothing is sealed either once the journal takes nothing more: whoever waited for it would wait for ever.
        let writer = self.writer.status();
        let ended = self.bell.is_stopped() || writer.stopped || writer.journal.poisoned;
        let stopped = ended.then(|| self.stopped());
        let trouble = || self.sealing.trouble();
        stopped.or_else(|| {
            trouble()
                .map(|reason| StoreError::NotWritten(format!("what was recorded can't be sealed: {reason}")))
        })
    }

    fn stopped(&self) -> StoreError {
        let poisoned = self.writer.status().journal.poisoned;
        let reason = if poisoned { CommitError::Poisoned } else { CommitError::Stopped };
        StoreError::Stopped(reason.to_string())
    }

    /// What a failed commit means to callers.
    fn not_committed(&self, error: &CommitError) -> StoreError {
        match error {
            CommitError::Poisoned | CommitError::Stopped => StoreError::Stopped(error.to_string()),
            CommitError::NoSpace(_) | CommitError::Write(_) => {
                self.trouble.note(&error.to_string());
                StoreError::NotWritten(error.to_string())
            }
            CommitError::TooLarge { .. } => StoreError::NotWritten(error.to_string()),
        }
    }
}

impl Store for EmbeddedStore {
    fn append(&self, records: Vec<Record>) -> Promise<'_, Vec<Outcome>> {
        if records.is_empty() {
            return ready(Ok(Vec::new()));
        }
        let place = match self.enter(records.len()) {
            Err(error) => return ready(Err(error)),
            Ok(place) => place,
        };
        if self.bell.unsealed_bytes() > self.unsealed_bytes_max {
            return Box::pin(async move {
                self.bell.room(self.unsealed_bytes_max, || self.no_room()).await?;
                self.recorded(self.submit(records, place)?).await
            });
        }
        match self.submit(records, place) {
            Err(error) => ready(Err(error)),
            Ok(receipt) => Box::pin(self.recorded(receipt)),
        }
    }

    fn tally(&self, question: &Question, stop: &dyn Fn() -> bool) -> Result<Tally, StoreError> {
        if stop() {
            return Err(StoreError::OutOfTime);
        }
        if question.grouping.joins() {
            return Report { kept: &self.kept, room: &self.room, question, stop }.tally();
        }
        let mut counter = Counter::new(question);
        let spans = question.days.spans();
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Ok(counter.finish()) };
        // Names, rows and sealed days are seen at one moment, so that the names of all rows seen are known, and every
        // click is in one place.
        let (from_ms, until_ms) = (first.from_ms, last.until_ms);
        let seen = {
            let kept = read(&self.kept);
            kept.sealed.check_kept(question, from_ms)?;
            Seen::new(&kept, question, from_ms, until_ms)
        };
        if seen.wanted.is_nothing() {
            return Ok(counter.finish());
        }
        let (kept, sealed, wanted) = (&*self.kept, &*seen.sealed, &seen.wanted);
        let sealed = SealedCount { kept, sealed, question, wanted, stop };
        let (bytes, limits) = sealed.limits(self.room.bytes_max(), seen.numbers_end, seen.rows())?;
        let _held = self.room.take(bytes, stop)?;
        let mut evaluator = Evaluator::new(question, &seen.wanted, seen.numbers_end);
        if let Grouping::ItemRanks { rows_max } = question.grouping {
            evaluator.pairs_mut().limit(limits.pair_bytes, limits.pair_rows);
            loop {
                seen.count(&sealed, limits, &mut evaluator)?;
                // What tells no rank comes last: the greatest number, one less than none.
                let name = |names: &Names, (item, figure): (u32, u32)| {
                    Some((names.clicked_item(item)?, figure.wrapping_sub(1)))
                };
                let add = |(item, rank): (ClickedItem, u32), clicks| {
                    counter.add_item_rank_once(item, (rank != u32::MAX).then_some(rank), clicks);
                };
                let top = evaluator.top_pairs(rows_max);
                if evaluator.pairs_mut().are_too_many() {
                    return Err(StoreError::OutOfTime);
                }
                first_rows(kept, &top, name, add, stop)?;
                if !evaluator.pairs_mut().next_share() {
                    return Ok(counter.finish());
                }
            }
        }
        seen.count(&sealed, limits, &mut evaluator)?;
        match question.grouping {
            Grouping::Terms { rows_max } => {
                if evaluator.untold() > 0 {
                    counter.add_terms(None, evaluator.untold());
                }
                let name = |names: &Names, number| names.terms.name(number).cloned();
                let add = |terms, clicks| counter.add_terms(Some(&terms), clicks);
                first_rows(kept, &evaluator.top(rows_max), name, add, stop)?;
            }
            Grouping::Items { rows_max } => {
                let add = |item, clicks| counter.add_item(item, clicks);
                first_rows(kept, &evaluator.top(rows_max), Names::clicked_item, add, stop)?;
            }
            Grouping::CustomResults { rows_max } => {
                let add = |(engine, id), clicks| counter.add_custom_result(engine, id, clicks);
                first_rows(kept, &evaluator.top(rows_max), Names::custom_result, add, stop)?;
            }
            Grouping::ItemsReport { rows_max } => {
                let (cells, end) = (evaluator.cells(), seen.numbers_end);
                let any = |number: usize| cells.get(number).is_some_and(|clicks| *clicks > 0);
                let asked = matching(kept, question, end, any, Names::doc_id, stop)?;
                let is_asked = |number: u32| is_among(asked.as_deref(), number);
                let name = |names: &Names, number| Some((names.clicked_item(number)?, number));
                let add = |(item, number), clicks| {
                    counter.add_item_report(item, clicks, evaluator.rank_sum(number));
                };
                first_rows(kept, &evaluator.top_among(rows_max, is_asked), name, add, stop)?;
            }
            Grouping::Index => {
                let names = &read(kept).names;
                for (cell, clicks) in evaluator.cells().iter().enumerate().filter(|(_, clicks)| **clicks > 0)
                {
                    counter.add_indices(&names.indices_of_cell(cell), *clicks);
                }
            }
            Grouping::ItemRanks { .. } | Grouping::ClickThrough | Grouping::TermsReport { .. } => {}
            Grouping::Distinct => counter.add_distinct(evaluator.into_distinct(stop)?),
            Grouping::Day
            | Grouping::DayAndEngine
            | Grouping::Engine
            | Grouping::Device
            | Grouping::ProductType
            | Grouping::Rank => {
                evaluator.finish(&mut counter);
            }
        }
        Ok(counter.finish())
    }

    fn scan(&self, from_ms: i64, until_ms: i64, filter: &ClickFilter) -> Result<ClickStream, StoreError> {
        let kept = read(&self.kept);
        Ok(Box::new(Scan::new(&self.kept, &kept, filter, from_ms, until_ms)))
    }

    fn searches(&self, account: Option<AccountCode>, id: &str) -> Result<Vec<Arc<Search>>, StoreError> {
        let kept = read(&self.kept);
        match account {
            Some(account) => Ok(kept.search(account, id)?.into_iter().collect()),
            None => kept.searches(id),
        }
    }

    fn forget(&self, what: &Forget) -> Result<Forgotten, StoreError> {
        self.sealing.forget(what).map_err(|error| match error {
            SealError::Damaged(reason) => StoreError::Damaged(reason),
            SealError::Stopped => self.stopped(),
            other => StoreError::NotWritten(other.to_string()),
        })
    }

    fn settle(&self) -> Promise<'_, ()> {
        match self.enter(0).and_then(|place| self.submit(Vec::new(), place)) {
            Err(error) => ready(Err(error)),
            // Jobs are answered in order: whatever this one's answer is, those before it have theirs.
            Ok(receipt) => Box::pin(async move {
                match receipt.await {
                    Err(error @ CommitError::Stopped) => Err(StoreError::Stopped(error.to_string())),
                    _ => Ok(()),
                }
            }),
        }
    }

    fn status(&self) -> StoreStatus {
        let writer = self.writer.status();
        let kept = read(&self.kept);
        let (clicks, searches) = kept.counts();
        let memory_bytes = kept.unsealed_bytes() + kept.names.memory_bytes() + kept.sealed.memory_bytes();
        let unable = if writer.stopped || writer.journal.poisoned {
            Some(self.stopped().to_string())
        } else {
            let is_full = kept.unsealed_bytes() as u64 > self.unsealed_bytes_max;
            let no_room = || self.no_room().filter(|_| is_full).map(|reason| reason.to_string());
            self.trouble.recent().or_else(no_room)
        };
        StoreStatus {
            unable,
            clicks,
            searches,
            disk_bytes: writer.journal.file_bytes + kept.sealed.file_bytes(),
            memory_bytes: memory_bytes as u64,
            unsealed_bytes: kept.unsealed_bytes() as u64,
            sealed_days: kept.sealed.days.len() as u64,
            damaged_days: kept.sealed.damage().collect(),
            sealing_trouble: self.sealing.trouble(),
            waiting: self.queue.waiting(),
            syncs: writer.journal.syncs,
            sync_ns_total: writer.journal.sync_ns_total,
            sync_ns_max: writer.journal.sync_ns_max,
            torn_tail_bytes: self.torn_tail_bytes,
        }
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.stop_sealing();
    }
}
