//! The ledger: decides what becomes of each record, on the one thread that writes. It decides against what is kept
//! and against what is staged in the same group, writes what it accepts, and makes it visible once it is durable.
//! It must never answer a caller: the journal's writer does, after the sync.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clicks::{AccountCode, Click, IndexName, Outcome, Record, Search, StoreError, UserCode};
use journal::{Committer, Position};

use crate::kept::{FoundForClick, FoundForSearch, Frozen, Kept, Shared, read, write};
use crate::keys::Fingerprint;
use crate::recent::day::day_of;
use crate::record::{RecordError, begin_frame, put_click, put_search};
use crate::sealed::sealing::Change;
use crate::sealing_thread::Bell;
use crate::trouble::Trouble;

/// What is asked of the writer's thread.
pub struct Job(Task);

enum Task {
    Record(Box<Call>),
    Freeze,
    Swap(Waiting),
    TakeFrom(i32),
}

/// A change that waits to be swapped in. Whoever asks for it keeps it until then: a group may fail for the sake of others.
pub type Waiting = Arc<Mutex<Option<Change>>>;

/// The records of one call.
struct Call {
    records: Vec<Record>,
    decided: Vec<Decided>,
    /// Something that has to be read to decide could not be: nothing of the call is kept.
    failed: Option<StoreError>,
    bytes: usize,
    _place: Place,
}

/// What becomes of a record, with what was found for it.
enum Decided {
    Click(FoundForClick),
    Search(FoundForSearch),
    Refused(Outcome),
}

impl Decided {
    const fn outcome(&self) -> Outcome {
        match self {
            Self::Click(_) | Self::Search(_) => Outcome::Recorded,
            Self::Refused(outcome) => *outcome,
        }
    }
}

/// What the writer's thread answers.
pub enum Done {
    Recorded(Result<Vec<Outcome>, StoreError>),
    /// What is to be sealed; `None` when there is nothing.
    Frozen(Option<Arc<Frozen>>),
    Swapped,
    /// Whatever is decided from here on is of this day or later.
    TakenFrom,
}

impl Job {
    /// A call that waits at a place in the queue.
    pub fn record(records: Vec<Record>, place: Place) -> Self {
        let bytes = records.iter().map(record_bytes).sum();
        let decided = Vec::with_capacity(records.len());
        Self(Task::Record(Box::new(Call { records, decided, failed: None, bytes, _place: place })))
    }

    /// Sets aside what was recorded, to be sealed.
    pub const fn freeze() -> Self {
        Self(Task::Freeze)
    }

    /// Takes nothing more of days before this one.
    pub const fn take_from(day: i32) -> Self {
        Self(Task::TakeFrom(day))
    }

    /// Puts sealed days in their place.
    pub fn swap(change: &Waiting) -> Self {
        Self(Task::Swap(Arc::clone(change)))
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
    let user = |user: &Option<UserCode>| user.as_ref().map_or(0, |user| user.as_str().len());
    let name = |index: &IndexName| index.as_str().len();
    let texts = match record {
        Record::Click(click) => {
            let terms = click.terms.as_ref().map_or(0, |terms| terms.as_str().len());
            click.doc_id.as_str().len()
                + terms
                + click.index.as_ref().map_or(0, name)
                + click.custom_result.as_ref().map_or(0, |id| id.as_str().len())
                + user(&click.user)
                + text(&click.id)
                + text(&click.query_id)
                + text(&click.session)
        }
        Record::Search(search) => {
            let shown = search.doc_ids.iter().flatten();
            let names = shown.map(|doc_id| doc_id.as_str().len() + size_of_val(doc_id)).sum::<usize>();
            let indices = search.indices.iter().map(|index| name(index) + size_of_val(index)).sum::<usize>();
            search.id.len()
                + text(&search.query)
                + text(&search.session)
                + user(&search.user)
                + names
                + indices
        }
    };
    size_of::<Record>() + texts
}

/// When the ledger asks for a sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealingRule {
    /// What is not sealed takes so many bytes.
    pub bytes: usize,
    /// A UTC day has closed since the first record that is not sealed.
    pub by_day: bool,
}

/// Decides, and makes visible.
pub struct Ledger {
    kept: Arc<Shared>,
    trouble: Arc<Trouble>,
    join_ms: i64,
    staged_ids: HashSet<Fingerprint>,
    staged_searches: HashMap<(AccountCode, Box<str>), Search>,
    rule: SealingRule,
    bell: Arc<Bell>,
    /// The day on which the first record that is not sealed was received.
    open_day: Option<i32>,
    /// How many records are active when memory is looked at again.
    look_at_records: u64,
}

/// Memory is added up once for so many records at most.
const LOOK_RECORDS_MAX: u64 = 4_096;
/// And at least so often that they can't take much more than half of what is allowed: a record takes more than this.
const RECORD_BYTES_MIN: u64 = 128;

impl Ledger {
    /// A ledger that keeps in `kept`. `open_day` is the day on which the first record there was received.
    pub fn new(
        kept: Arc<Shared>,
        trouble: Arc<Trouble>,
        join_ms: i64,
        rule: SealingRule,
        bell: Arc<Bell>,
        open_day: Option<i32>,
    ) -> Self {
        Self {
            kept,
            trouble,
            join_ms,
            staged_ids: HashSet::new(),
            staged_searches: HashMap::new(),
            rule,
            bell,
            open_day,
            look_at_records: 0,
        }
    }

    /// `id` is the fingerprint of a click's id; `sealed` tells of all ids of its call.
    fn decide(
        &mut self,
        kept: &Kept,
        sealed: &SealedIds,
        record: &Record,
        id: Option<Fingerprint>,
    ) -> Result<Decided, StoreError> {
        let (Record::Click(Click { at_ms, .. }) | Record::Search(Search { at_ms, .. })) = record;
        if kept.is_expired(*at_ms) {
            return Ok(Decided::Refused(Outcome::Expired));
        }
        match record {
            Record::Click(click) => self.decide_click(kept, sealed, click, id),
            Record::Search(search) => self.decide_search(kept, search),
        }
    }

    fn decide_click(
        &mut self,
        kept: &Kept,
        sealed: &SealedIds,
        click: &Click,
        id: Option<Fingerprint>,
    ) -> Result<Decided, StoreError> {
        if let Some(id) = id {
            // What is staged is answered only with its group: a duplicate never before the first is durable.
            if sealed.has(kept, id)? || kept.has_recent_click(id) || self.staged_ids.contains(&id) {
                return Ok(Decided::Refused(Outcome::Duplicate));
            }
        }
        let found = kept.look_for_click(click, id)?;
        self.staged_ids.extend(id);
        Ok(Decided::Click(found))
    }

    fn decide_search(&mut self, kept: &Kept, search: &Search) -> Result<Decided, StoreError> {
        let again = |known: &Search| {
            Decided::Refused(if known.same_as(search) { Outcome::Duplicate } else { Outcome::Conflict })
        };
        if let Some(known) = kept.search(search.account, &search.id)? {
            return Ok(again(&known));
        }
        let key = (search.account, search.id.clone());
        if let Some(known) = self.staged_searches.get(&key) {
            return Ok(again(known));
        }
        let found = kept.look_for_search(search, self.join_ms)?;
        self.staged_searches.insert(key, search.clone());
        Ok(Decided::Search(found))
    }

    fn keep(&self, kept: &mut Kept, record: Record, decided: Decided) -> Result<(), RecordError> {
        match (record, decided) {
            (Record::Click(click), Decided::Click(found)) => kept.keep_click(click, found),
            (Record::Search(search), Decided::Search(found)) => {
                kept.keep_search(&search, found, self.join_ms)
            }
            _ => Ok(()),
        }
    }

    fn keep_call(&self, kept: &mut Kept, call: Call) -> Result<Vec<Outcome>, StoreError> {
        if let Some(error) = call.failed {
            return Err(error);
        }
        let mut outcomes = Vec::with_capacity(call.records.len());
        for (record, decided) in call.records.into_iter().zip(call.decided) {
            outcomes.push(decided.outcome());
            self.keep(kept, record, decided).map_err(|error| StoreError::Damaged(error.to_string()))?;
        }
        Ok(outcomes)
    }

    /// Asks for a sealing when it is time.
    fn look_at_memory(&mut self, kept: &Kept, received_ms: Option<i64>) {
        let day = received_ms.map(day_of);
        let closed = self.rule.by_day && day > self.open_day && self.open_day.is_some();
        if kept.active.records() == 0 {
            self.open_day = None;
        } else if self.open_day.is_none() {
            self.open_day = day;
        }
        let mut full = false;
        if kept.active.records() >= self.look_at_records {
            let bytes = kept.unsealed_bytes();
            self.bell.set_unsealed_bytes(bytes);
            let often = (self.rule.bytes as u64 / RECORD_BYTES_MIN).clamp(1, LOOK_RECORDS_MAX);
            self.look_at_records = kept.active.records() + often;
            full = bytes >= self.rule.bytes;
        }
        if (closed || full) && kept.frozen.is_none() {
            self.open_day = day;
            self.bell.ring();
        }
    }
}

/// A call of so many records looks up its ids together.
const TOGETHER_RECORDS_MIN: usize = 64;

/// Which ids of a call's clicks are sealed.
enum SealedIds {
    Together(HashSet<Fingerprint>),
    OneByOne,
}

impl SealedIds {
    fn of(kept: &Kept, ids: &[Option<Fingerprint>]) -> Result<Self, StoreError> {
        if ids.len() < TOGETHER_RECORDS_MIN {
            return Ok(Self::OneByOne);
        }
        let ids: Vec<Fingerprint> = ids.iter().copied().flatten().collect();
        let known = kept.sealed.has_keys(&ids)?;
        Ok(Self::Together(ids.into_iter().zip(known).filter(|(_, known)| *known).map(|(id, _)| id).collect()))
    }

    fn has(&self, kept: &Kept, id: Fingerprint) -> Result<bool, StoreError> {
        match self {
            Self::Together(sealed) => Ok(sealed.contains(&id)),
            Self::OneByOne => kept.sealed.has_key(id),
        }
    }
}

fn click_id(kept: &Kept, record: &Record) -> Option<Fingerprint> {
    match record {
        Record::Click(click) => kept.click_id(click),
        Record::Search(_) => None,
    }
}

fn received_ms(record: &Record) -> i64 {
    match record {
        Record::Click(click) => click.received_ms,
        Record::Search(search) => search.received_ms,
    }
}

impl Committer for Ledger {
    type Job = Job;
    type Done = Done;

    fn job_bytes(job: &Job) -> usize {
        match &job.0 {
            Task::Record(call) => call.bytes,
            Task::Freeze | Task::Swap(_) | Task::TakeFrom(_) => 0,
        }
    }

    fn stage(&mut self, job: &mut Job, frame: &mut Vec<u8>) {
        let Task::Record(call) = &mut job.0 else { return };
        let shared = Arc::clone(&self.kept);
        let kept = read(&shared);
        let ids: Vec<_> = call.records.iter().map(|record| click_id(&kept, record)).collect();
        let sealed = match SealedIds::of(&kept, &ids) {
            Ok(sealed) => sealed,
            Err(error) => {
                call.failed = Some(error);
                return;
            }
        };
        for (record, id) in call.records.iter().zip(ids) {
            let decided = match self.decide(&kept, &sealed, record, id) {
                Ok(decided) => decided,
                Err(error) => {
                    frame.clear();
                    forget(&mut self.staged_ids, &mut self.staged_searches, &kept, call);
                    call.failed = Some(error);
                    return;
                }
            };
            if decided.outcome() == Outcome::Recorded {
                if frame.is_empty() {
                    begin_frame(frame);
                }
                match record {
                    Record::Click(click) => put_click(frame, click),
                    Record::Search(search) => put_search(frame, search, self.join_ms),
                }
            }
            call.decided.push(decided);
        }
    }

    fn committed(&mut self, jobs: Vec<Job>, positions: &[Option<Position>], end: Position) -> Vec<Done> {
        self.staged_ids.clear();
        self.staged_searches.clear();
        // A group without frames wrote nothing, and proves nothing about the disk.
        if positions.iter().any(Option::is_some) {
            self.trouble.clear();
        }
        let shared = Arc::clone(&self.kept);
        let mut kept = write(&shared);
        let (mut last_ms, mut look) = (None, false);
        let mut keep = |job: Job| match job.0 {
            Task::Record(call) => {
                last_ms = last_ms.max(call.records.last().map(received_ms));
                Done::Recorded(self.keep_call(&mut kept, *call))
            }
            Task::Freeze => Done::Frozen(None),
            Task::TakeFrom(day) => {
                kept.take_from(day);
                Done::TakenFrom
            }
            Task::Swap(change) => {
                if let Some(change) = change.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    kept.swap(change);
                }
                look = true;
                Done::Swapped
            }
        };
        let mut done: Vec<Done> = jobs.into_iter().map(&mut keep).collect();
        // All records of the group lie before `end`: so what is set aside has to have all of them.
        for frozen in &mut done {
            if let Done::Frozen(frozen) = frozen {
                *frozen = kept.freeze(end);
                look = true;
            }
        }
        if look {
            self.look_at_records = 0;
        }
        self.look_at_memory(&kept, last_ms);
        done
    }

    fn failed(&mut self, jobs: &[Job]) {
        let shared = Arc::clone(&self.kept);
        let kept = read(&shared);
        for job in jobs {
            if let Task::Record(call) = &job.0 {
                forget(&mut self.staged_ids, &mut self.staged_searches, &kept, call);
            }
        }
    }
}

/// Forgets what was staged of a call.
fn forget(
    ids: &mut HashSet<Fingerprint>,
    searches: &mut HashMap<(AccountCode, Box<str>), Search>,
    kept: &Kept,
    call: &Call,
) {
    for (record, decided) in call.records.iter().zip(&call.decided) {
        match (record, decided) {
            (Record::Click(click), Decided::Click(_)) => {
                kept.click_id(click).map(|id| ids.remove(&id));
            }
            (Record::Search(search), Decided::Search(_)) => {
                searches.remove(&(search.account, search.id.clone()));
            }
            _ => {}
        }
    }
}
