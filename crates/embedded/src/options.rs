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
    /// The system has no thread for the writer.
    #[error("the writer's thread could not be started: {0}")]
    Thread(io::Error),
}
