//! The store: what keeps clicks and searches, and answers questions about them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::click::Click;
use crate::filter::ClickFilter;
use crate::names::{AccountCode, UserCode};
use crate::question::Question;
use crate::search::Search;
use crate::tally::Tally;

/// How long a click waits for its search by default: 30 days, in milliseconds.
pub const DEFAULT_JOIN_MS: i64 = 30 * 86_400_000;

/// What a store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A click, completed as far as was possible when it was admitted.
    Click(Click),
    /// A search that was shown to a visitor.
    Search(Search),
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept, and counted from now on.
    Recorded,
    /// It was kept already: the same click id, or the same search.
    Duplicate,
    /// Another search is kept under its id. Nothing was changed.
    Conflict,
    /// It is of a day that was removed. Nothing was changed.
    Expired,
}

/// What a store is to forget for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// Every click and every search of the UTC days before one. Ids of what goes are free again; what comes later for
    /// such a day is [`Outcome::Expired`].
    DaysBefore {
        /// The first day that is kept, numbered from 1970-01-01.
        day: i32,
        /// Whether counts by quarter of an hour, engine, index, device and product type stay, for questions that they
        /// can answer (see [`Question::counts_answer`]). If not, those of days that were removed before go too.
        keep_counts: bool,
    },
    /// Every click and every search of one visitor that was recorded before the call. Ids of what goes are free again.
    /// Clicks of others that were completed from a search that goes stay as they are.
    Visitor {
        /// Whose visitor.
        account: AccountCode,
        /// Which one.
        user: UserCode,
    },
}

/// How much was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Clicks that went.
    pub clicks: u64,
    /// Searches that went.
    pub searches: u64,
}

/// Why a store could not do what was asked. None of these is the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too much is waiting to be recorded; soon there will be room.
    #[error("too many records are waiting")]
    Busy,
    /// The records could not be written; nothing was kept, and a later attempt may succeed.
    #[error("the records could not be written: {0}")]
    NotWritten(String),
    /// A sync failed: nothing is recorded until the server is started again.
    #[error("recording has stopped until a restart: {0}")]
    Stopped(String),
    /// The question was told to stop before its answer was complete.
    #[error("the question ran out of time")]
    OutOfTime,
    /// A UTC day that is asked for can't be read, and the answer would not be exact.
    #[error("the clicks of {day} (UTC) can't be read: {reason}")]
    DamagedDay {
        /// Its date.
        day: String,
        /// What is wrong, for the log.
        reason: String,
    },
    /// The question touches days that were removed, and the answer would not be exact.
    #[error("clicks before {first_kept} have been removed")]
    Removed {
        /// The date of the first UTC day that is kept.
        first_kept: String,
    },
    /// What is kept is damaged, and the answer would not be exact.
    #[error("what is kept is damaged: {0}")]
    Damaged(String),
}

/// How a store is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreStatus {
    /// Why it can't record at the moment; `None` when it can.
    pub unable: Option<String>,
    /// Clicks kept.
    pub clicks: u64,
    /// Searches kept.
    pub searches: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes in memory, about.
    pub memory_bytes: u64,
    /// Records that wait to be durable.
    pub waiting: u64,
    /// Syncs that were made, and how long they took in all and at most, in nanoseconds.
    pub syncs: u64,
    /// Nanoseconds spent in syncs.
    pub sync_ns_total: u64,
    /// The longest sync, in nanoseconds.
    pub sync_ns_max: u64,
    /// Bytes in memory of what is not sealed yet, about.
    pub unsealed_bytes: u64,
    /// UTC days that are sealed.
    pub sealed_days: u64,
    /// Sealed days that can't be read, by date, and why: a question that touches one is refused.
    pub damaged_days: Vec<(String, String)>,
    /// Why what was recorded could not be sealed the last time; `None` when it could.
    pub sealing_trouble: Option<String>,
    /// Bytes that were cut from a torn tail at the last start.
    pub torn_tail_bytes: u64,
}

/// What a store does later.
pub type Promise<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Clicks as they are read, oldest first.
pub type ClickStream = Box<dyn Iterator<Item = Result<Click, StoreError>> + Send>;

/// Keeps clicks and searches, and answers questions about them.
pub trait Store: Send + Sync {
    /// Keeps records, and returns what became of each, in their order. Returns only when every record is durable and
    /// counted by the next [`Store::tally`]: all or none. A click with an id that its account has used is a
    /// duplicate, also of an earlier one of the same call; so is a search that is known. A click is completed from its
    /// search whichever of the two comes first.
    fn append(&self, records: Vec<Record>) -> Promise<'_, Vec<Outcome>>;

    /// Answers a question: exactly, or with an error. Sees all that was acknowledged before the call. `stop` is asked
    /// now and then; once it says true the question ends as [`StoreError::OutOfTime`].
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`], [`StoreError::Damaged`], and [`StoreError::Removed`].
    fn tally(&self, question: &Question, stop: &dyn Fn() -> bool) -> Result<Tally, StoreError>;

    /// Reads the clicks from `from_ms` until just before `until_ms` that pass the filter: oldest first, those of one
    /// instant in the order in which they were recorded.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], here or later in the stream.
    fn scan(&self, from_ms: i64, until_ms: i64, filter: &ClickFilter) -> Result<ClickStream, StoreError>;

    /// Finds the search with this id: of one account, or of each account that has one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    fn searches(&self, account: Option<AccountCode>, id: &str) -> Result<Vec<Arc<Search>>, StoreError>;

    /// Forgets for good, and says how much. Returns only when nothing of it is counted, found or on disk any more, but
    /// for what a scan that goes on still reads. Blocks, for as long as it takes to read every day. An attempt that
    /// failed, or that a crash ended, has forgotten all or nothing; it may be made again.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`] and [`StoreError::Damaged`].
    fn forget(&self, what: &Forget) -> Result<Forgotten, StoreError>;

    /// Returns when all that was handed to [`Store::append`] before is durable and visible, or has failed.
    fn settle(&self) -> Promise<'_, ()>;

    /// How the store is doing; cheap.
    fn status(&self) -> StoreStatus;
}

/// A promise that is kept at once.
pub fn ready<'a, T: Send + 'a>(result: Result<T, StoreError>) -> Promise<'a, T> {
    Box::pin(std::future::ready(result))
}
