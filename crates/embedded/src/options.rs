//! What a store is opened with, and what opening it came to.

use std::io;
use std::time::Duration;

use clicks::DEFAULT_JOIN_MS;
use journal::{SEGMENT_BYTES_DEFAULT, TornTail};

/// The limits of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// How long clicks wait for their search, in milliseconds.
    pub join_ms: i64,
    /// The size of each new segment of the journal, in bytes: a multiple of 4096 within 8 KiB..=1 GiB. What one call
    /// records has to fit in half of one.
    pub segment_bytes: u64,
    /// How many records may wait to be durable; more are refused as busy. A call with more of them is taken alone.
    pub queue_records_max: u64,
    /// How many bytes they may take, about. A call with more of them is taken alone.
    pub queue_bytes_max: usize,
    /// How many calls share one sync at most.
    pub group_calls_max: usize,
    /// How many bytes share one sync, before the last call's.
    pub group_bytes_max: usize,
    /// Whether a second thread makes the journal's next segment while the current one fills.
    pub spare: bool,
    /// How many bytes of memory what is not sealed may take, about: at half of it sealing begins, and beyond it calls
    /// wait.
    pub recent_bytes_max: usize,
    /// How many bytes of the sealed days' postings and visitors are kept in memory.
    pub index_bytes_max: usize,
    /// How many bytes of memory all running questions may hold together, about, beyond what is kept of indexes: a number for
    /// each name, directories that are added up together, and visitors. What others hold is waited for. A question that needs
    /// more than there is counts visitors in shares; one whose names alone need more ends as out of time.
    pub question_bytes_max: usize,
    /// How many bytes the filters of click and search ids may take.
    pub filter_bytes_max: u64,
    /// The most clicks of one Parquet file. While it is written, each takes about a hundred bytes of memory.
    pub part_rows_max: usize,
    /// A day of so many files is merged at once; one of fewer when nothing else is to be done.
    pub day_parts_max: usize,
    /// How many bytes a second merging writes at most, about.
    pub merge_bytes_per_second: u64,
    /// Whether days are sealed when they close or when memory fills; else only when somebody asks.
    pub seals_by_itself: bool,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            join_ms: DEFAULT_JOIN_MS,
            segment_bytes: SEGMENT_BYTES_DEFAULT,
            queue_records_max: 1 << 18,
            queue_bytes_max: 128 << 20,
            group_calls_max: 4_096,
            group_bytes_max: 4 << 20,
            spare: true,
            recent_bytes_max: 128 << 20,
            index_bytes_max: 768 << 20,
            question_bytes_max: 256 << 20,
            filter_bytes_max: 128 << 20,
            part_rows_max: 1 << 20,
            day_parts_max: 8,
            merge_bytes_per_second: 64 << 20,
            seals_by_itself: true,
        }
    }
}

/// What opening a store came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// Clicks kept.
    pub clicks: u64,
    /// Searches kept.
    pub searches: u64,
    /// Records that were in the journal although one with their id was before them. They were left out, so that an
    /// id counts once. No version of this program writes such a journal.
    pub repeated: u64,
    /// Indexes that were built anew from the days, and why.
    pub rebuilt: Vec<String>,
    /// Days that can't be read, and why. They answer nothing; the others do.
    pub damaged_days: Vec<(String, String)>,
    /// The rest of an interrupted write that was cut. It had not been acknowledged.
    pub torn_tail: Option<TornTail>,
    /// How long reading the journal took.
    pub took: Duration,
}

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal can't be.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// What lists the sealed days can't be, or the disk fails.
    #[error("the sealed days: {0}")]
    Sealed(String),
    /// The system has no thread for the writer.
    #[error("the writer's thread could not be started: {0}")]
    Thread(io::Error),
}
