//! The store: the journal's writer on one side, what is kept in memory on the other, and nothing between them but a
//! lock that is held for moments. It must never answer before the journal has synced.

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use clicks::{
    AccountCode, ClickFilter, ClickStream, Counter, Grouping, Outcome, Promise, Question, Record, Search,
    SearchTerms, Store, StoreError, StoreStatus, Tally, ready,
};
use journal::{CommitError, Disk, Journal, Options, Refused, Writer, WriterOptions, WriterThread};

use crate::evaluate::{Evaluator, FirstTexts, TermsCounts};
use crate::ledger::{Job, Ledger, Queue};
use crate::options::{EmbeddedOptions, OpenError, OpenReport};
use crate::recent::Recent;
use crate::record::{Accepted, RecordError, read_frame};
use crate::scan::Scan;
use crate::trouble::Trouble;
use crate::wanted::Wanted;

/// How many callers may wait for everything to settle, besides those who record.
const SETTLING_CALLS_MAX: usize = 1_024;
/// How many texts are looked up while the lock is held.
const PAGE_TEXTS_MAX: usize = 4_096;

/// A store in one process: durable through its journal, countable from memory.
pub struct EmbeddedStore {
    recent: Arc<RwLock<Recent>>,
    queue: Arc<Queue>,
    trouble: Arc<Trouble>,
    writer: Writer<Ledger>,
    thread: Mutex<Option<WriterThread<Ledger>>>,
    torn_tail_bytes: u64,
}

impl EmbeddedStore {
    /// Opens the store of a directory, or begins one: reads its journal, and starts the thread that writes.
    ///
    /// Nobody else may have the directory open (see [`journal::DirLock`]).
    ///
    /// # Errors
    /// [`OpenError::Journal`] when the journal is damaged, was written by a newer program, or can't be read.
    pub fn open(disk: Arc<dyn Disk>, options: &EmbeddedOptions) -> Result<(Self, OpenReport), OpenError> {
        let begun = Instant::now();
        let (mut recent, mut repeated) = (Recent::default(), 0);
        let journal_options = Options { segment_bytes: options.segment_bytes, ..Options::default() };
        let mut replay =
            |_, frame: &[u8]| replay(&mut recent, frame, &mut repeated).map_err(|error| error.to_string());
        let (journal, recovery) = Journal::open(disk, journal_options, &mut replay)?;
        let report = OpenReport {
            clicks: recent.clicks(),
            searches: recent.searches().len() as u64,
            repeated,
            torn_tail: recovery.torn_tail,
            took: begun.elapsed(),
        };
        let recent = Arc::new(RwLock::new(recent));
        let trouble = Arc::new(Trouble::default());
        let ledger = Ledger::new(Arc::clone(&recent), Arc::clone(&trouble), options.join_ms);
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
        let store = Self {
            recent,
            queue: Arc::new(Queue::new(options.queue_records_max)),
            trouble,
            writer,
            thread: Mutex::new(Some(thread)),
            torn_tail_bytes: report.torn_tail.as_ref().map_or(0, |tail| tail.bytes),
        };
        Ok((store, report))
    }

    /// Takes no more records, and returns when all that wait are durable or have failed and the threads have ended.
    /// Questions are answered still. Blocks; dropping the store does the same.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when a sync had failed, so that the last records may be missing from the next start.
    pub fn close(&self) -> Result<(), StoreError> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.stop().is_none()) {
            return Err(StoreError::Stopped("the writer's thread has panicked".into()));
        }
        if self.writer.status().journal.poisoned {
            return Err(StoreError::Stopped(CommitError::Poisoned.to_string()));
        }
        Ok(())
    }

    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, records: Vec<Record>) -> Result<journal::Receipt<Done>, StoreError> {
        let place = self.queue.enter(records.len()).ok_or(StoreError::Busy)?;
        self.writer.submit(Job::new(records, place)).map_err(|(_, refused)| match refused {
            Refused::QueueFull => StoreError::Busy,
            Refused::Stopped => self.stopped(),
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

    /// Looks up the terms that are among the first rows, some at a time.
    fn count_terms(
        &self,
        terms: TermsCounts,
        counter: &mut Counter<'_>,
        question: &Question,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), StoreError> {
        // The counter looks at neither day nor engine of terms.
        let Some(engine) = question.filter.engines.first().copied() else { return Ok(()) };
        let mut add = |terms: Option<&SearchTerms>, clicks| counter.add(0, engine, None, terms, clicks);
        if terms.untold > 0 {
            add(None, terms.untold);
        }
        for page in terms.above.chunks(PAGE_TEXTS_MAX) {
            let recent = self.recent();
            for (number, clicks) in page {
                add(Some(recent.names().terms.name(*number).ok_or_else(lost_name)?), *clicks);
            }
        }
        let mut first = FirstTexts::new(terms.level_rows_max);
        for page in terms.level.chunks(PAGE_TEXTS_MAX) {
            if stop() {
                return Err(StoreError::OutOfTime);
            }
            let recent = self.recent();
            first.extend(page.iter().filter_map(|number| recent.names().terms.name(*number).cloned()));
        }
        first.into_texts().iter().for_each(|text| add(Some(text), terms.level_clicks));
        Ok(())
    }
}

type Done = Result<Vec<Outcome>, StoreError>;

fn lost_name() -> StoreError {
    StoreError::Damaged("a row has terms that are not in the dictionary".into())
}

/// Keeps what a frame says.
fn replay(recent: &mut Recent, frame: &[u8], repeated: &mut u64) -> Result<(), RecordError> {
    for accepted in read_frame(frame) {
        match accepted? {
            Accepted::Click(click) => {
                let id = click.id.as_ref().map(|id| recent.id_fingerprint(click.account, id));
                if id.is_some_and(|id| recent.has_id(id)) {
                    *repeated += 1;
                } else {
                    recent.keep_click(click)?;
                }
            }
            Accepted::Search(search, join_ms) => {
                if recent.searches().get(search.account, &search.id).is_some() {
                    *repeated += 1;
                } else {
                    recent.keep_search(&search, join_ms)?;
                }
            }
        }
    }
    Ok(())
}

impl Store for EmbeddedStore {
    fn append(&self, records: Vec<Record>) -> Promise<'_, Vec<Outcome>> {
        if records.is_empty() {
            return ready(Ok(Vec::new()));
        }
        match self.submit(records) {
            Err(error) => ready(Err(error)),
            Ok(receipt) => {
                Box::pin(async move { receipt.await.map_err(|error| self.not_committed(&error))? })
            }
        }
    }

    fn tally(&self, question: &Question, stop: &dyn Fn() -> bool) -> Result<Tally, StoreError> {
        if stop() {
            return Err(StoreError::OutOfTime);
        }
        let mut counter = Counter::new(question);
        let spans = question.days.spans();
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Ok(counter.finish()) };
        // Names and blocks are seen at one moment, so that the names of all rows seen are known.
        let (wanted, days, terms_end) = {
            let recent = self.recent();
            let wanted = Wanted::new(&question.filter, recent.names());
            (wanted, recent.blocks(first.from_ms, last.until_ms), recent.names().terms.numbers_end())
        };
        if wanted.is_nothing() {
            return Ok(counter.finish());
        }
        let mut evaluator = Evaluator::new(question, &wanted, terms_end);
        for block in days.iter().flatten() {
            if stop() {
                return Err(StoreError::OutOfTime);
            }
            evaluator.count(&block.counted.columns());
        }
        if matches!(question.grouping, Grouping::Terms { .. }) {
            self.count_terms(evaluator.into_terms(), &mut counter, question, stop)?;
        } else {
            evaluator.finish(&mut counter);
        }
        Ok(counter.finish())
    }

    fn scan(&self, from_ms: i64, until_ms: i64, filter: &ClickFilter) -> Result<ClickStream, StoreError> {
        let recent = self.recent();
        let wanted = Wanted::new(filter, recent.names());
        let days = if wanted.is_nothing() { Vec::new() } else { recent.blocks(from_ms, until_ms) };
        drop(recent);
        Ok(Box::new(Scan::new(Arc::clone(&self.recent), wanted, from_ms, until_ms, days)))
    }

    fn searches(&self, account: Option<AccountCode>, id: &str) -> Result<Vec<Arc<Search>>, StoreError> {
        let packed = self.recent().searches().find(account, id);
        let unpack = |search: &crate::record::PackedSearch| search.unpack().map(Arc::new);
        packed
            .iter()
            .map(unpack)
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::Damaged(error.to_string()))
    }

    fn settle(&self) -> Promise<'_, ()> {
        match self.submit(Vec::new()) {
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
        let (clicks, searches, memory_bytes) = {
            let recent = self.recent();
            (recent.clicks(), recent.searches().len() as u64, recent.memory_bytes() as u64)
        };
        let unable = if writer.stopped || writer.journal.poisoned {
            Some(self.stopped().to_string())
        } else {
            self.trouble.recent()
        };
        StoreStatus {
            unable,
            clicks,
            searches,
            disk_bytes: writer.journal.file_bytes,
            memory_bytes,
            waiting: self.queue.waiting(),
            syncs: writer.journal.syncs,
            sync_ns_total: writer.journal.sync_ns_total,
            sync_ns_max: writer.journal.sync_ns_max,
            torn_tail_bytes: self.torn_tail_bytes,
        }
    }
}
