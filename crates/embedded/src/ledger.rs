//! The ledger: decides what becomes of each record, on the one thread that writes. It decides against what is kept
//! and against what is staged in the same group, writes what it accepts, and makes it visible once it is durable.
//! It must never answer a caller: the journal's writer does, after the sync.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use clicks::{AccountCode, Click, Outcome, Record, Search, StoreError};
use journal::{Committer, Position};

use crate::recent::Recent;
use crate::recent::fingerprint::Fingerprint;
use crate::record::{RecordError, begin_frame, put_click, put_search};
use crate::trouble::Trouble;

/// The records of one call.
pub struct Job {
    records: Vec<Record>,
    outcomes: Vec<Outcome>,
    bytes: usize,
    _place: Place,
}

impl Job {
    /// A call that waits at a place in the queue.
    pub fn new(records: Vec<Record>, place: Place) -> Self {
        let bytes = records.iter().map(record_bytes).sum();
        Self { outcomes: Vec::with_capacity(records.len()), records, bytes, _place: place }
    }
}

/// How many records wait to be durable, and how many may.
#[derive(Debug)]
pub struct Queue {
    waiting: AtomicU64,
    records_max: u64,
}

impl Queue {
    /// A queue for `records_max` records.
    pub const fn new(records_max: u64) -> Self {
        Self { waiting: AtomicU64::new(0), records_max }
    }

    /// Takes places for some records; `None` when there are not so many. A call that is larger than the whole queue
    /// is taken alone.
    pub fn enter(self: &Arc<Self>, records: usize) -> Option<Place> {
        let records = records as u64;
        let room = |waiting: u64| {
            let after = waiting.checked_add(records)?;
            (waiting == 0 || after <= self.records_max).then_some(after)
        };
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        Some(Place { queue: Arc::clone(self), records })
    }

    /// How many records wait.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// Places in the queue, given back when dropped, whatever became of the records.
#[derive(Debug)]
pub struct Place {
    queue: Arc<Queue>,
    records: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(self.records, Ordering::Relaxed);
    }
}

/// About how much memory a waiting record takes, in bytes.
fn record_bytes(record: &Record) -> usize {
    let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
    let texts = match record {
        Record::Click(click) => {
            let terms = click.terms.as_ref().map_or(0, |terms| terms.as_str().len());
            click.doc_id.as_str().len()
                + terms
                + text(&click.id)
                + text(&click.query_id)
                + text(&click.session)
        }
        Record::Search(search) => {
            let shown = search.doc_ids.iter().flatten();
            let names = shown.map(|doc_id| doc_id.as_str().len() + size_of_val(doc_id)).sum::<usize>();
            search.id.len() + text(&search.query) + text(&search.session) + names
        }
    };
    size_of::<Record>() + texts
}

/// Decides, and makes visible.
pub struct Ledger {
    recent: Arc<RwLock<Recent>>,
    trouble: Arc<Trouble>,
    join_ms: i64,
    staged_ids: HashSet<Fingerprint>,
    staged_searches: HashMap<(AccountCode, Box<str>), Search>,
}

impl Ledger {
    /// A ledger that writes into `recent`.
    pub fn new(recent: Arc<RwLock<Recent>>, trouble: Arc<Trouble>, join_ms: i64) -> Self {
        Self { recent, trouble, join_ms, staged_ids: HashSet::new(), staged_searches: HashMap::new() }
    }

    fn decide_click(&mut self, recent: &Recent, click: &Click) -> Outcome {
        let Some(id) = &click.id else { return Outcome::Recorded };
        let id = recent.id_fingerprint(click.account, id);
        // What is staged is answered only with its group: a duplicate never before the first is durable.
        if recent.has_id(id) || !self.staged_ids.insert(id) { Outcome::Duplicate } else { Outcome::Recorded }
    }

    fn decide_search(&mut self, recent: &Recent, search: &Search) -> Result<Outcome, RecordError> {
        let again =
            |known: &Search| if known.same_as(search) { Outcome::Duplicate } else { Outcome::Conflict };
        if let Some(known) = recent.searches().get(search.account, &search.id) {
            return Ok(again(&known.unpack()?));
        }
        let key = (search.account, search.id.clone());
        if let Some(known) = self.staged_searches.get(&key) {
            return Ok(again(known));
        }
        self.staged_searches.insert(key, search.clone());
        Ok(Outcome::Recorded)
    }

    fn keep(recent: &mut Recent, record: Record, join_ms: i64) -> Result<(), RecordError> {
        match record {
            Record::Click(click) => recent.keep_click(click),
            Record::Search(search) => recent.keep_search(&search, join_ms),
        }
    }
}

impl Committer for Ledger {
    type Job = Job;
    type Done = Result<Vec<Outcome>, StoreError>;

    fn job_bytes(job: &Job) -> usize {
        job.bytes
    }

    fn stage(&mut self, job: &mut Job, frame: &mut Vec<u8>) {
        let recent = Arc::clone(&self.recent);
        let recent = recent.read().unwrap_or_else(PoisonError::into_inner);
        for record in &job.records {
            let outcome = match record {
                Record::Click(click) => self.decide_click(&recent, click),
                // A kept search that can't be read back (damaged memory) can't be called the same.
                Record::Search(search) => self.decide_search(&recent, search).unwrap_or(Outcome::Conflict),
            };
            job.outcomes.push(outcome);
            if outcome != Outcome::Recorded {
                continue;
            }
            if frame.is_empty() {
                begin_frame(frame);
            }
            match record {
                Record::Click(click) => put_click(frame, click),
                Record::Search(search) => put_search(frame, search, self.join_ms),
            }
        }
    }

    fn committed(
        &mut self,
        jobs: Vec<Job>,
        positions: &[Option<Position>],
        _end: Position,
    ) -> Vec<Self::Done> {
        self.staged_ids.clear();
        self.staged_searches.clear();
        // A group without frames wrote nothing, and proves nothing about the disk.
        if positions.iter().any(Option::is_some) {
            self.trouble.clear();
        }
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        let keep_job = |job: Job| {
            let decided = job.records.into_iter().zip(&job.outcomes);
            for (record, _) in decided.filter(|(_, outcome)| **outcome == Outcome::Recorded) {
                Self::keep(&mut recent, record, self.join_ms)
                    .map_err(|error| StoreError::Damaged(error.to_string()))?;
            }
            Ok(job.outcomes)
        };
        jobs.into_iter().map(keep_job).collect()
    }

    fn failed(&mut self, jobs: &[Job]) {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        for job in jobs {
            let decided = job.records.iter().zip(&job.outcomes);
            for (record, _) in decided.filter(|(_, outcome)| **outcome == Outcome::Recorded) {
                match record {
                    Record::Click(click) => {
                        if let Some(id) = &click.id {
                            self.staged_ids.remove(&recent.id_fingerprint(click.account, id));
                        }
                    }
                    Record::Search(search) => {
                        self.staged_searches.remove(&(search.account, search.id.clone()));
                    }
                }
            }
        }
    }
}
