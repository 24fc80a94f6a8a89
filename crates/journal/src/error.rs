//! What can go wrong, one small enum for each verb: open, append, read.
//!
//! It must never know how a caller answers for it (no status codes here).

use std::fmt;
use std::io;

use crate::Position;

/// Why a journal could not be opened. Nothing was changed but leftovers of unfinished segments.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A segment was written by a newer program.
    #[error(
        "{file} has format version {found}; this program knows versions up to {known}: use the newer program"
    )]
    Newer {
        /// The segment's name.
        file: String,
        /// The version it has.
        found: u32,
        /// The newest version that this program reads.
        known: u32,
    },
    /// Bytes that had been synced are missing or changed. They are never skipped.
    #[error("{file} is damaged at byte {offset}: {damage}")]
    MiddleDamage {
        /// The segment's name.
        file: String,
        /// Where in the file the first damaged byte may be.
        offset: u64,
        /// In which way.
        damage: Damage,
    },
    /// The caller counts on a beginning behind the journal's end: records between the two are gone.
    #[error("the journal ends at position {end}, before position {begin}, from which on it should be kept")]
    BeginPastEnd {
        /// What the caller gave as [`Options::begin`](crate::Options::begin).
        begin: Position,
        /// The position behind the last frame.
        end: Position,
    },
    /// No frame begins or ends where the caller's beginning is.
    #[error("no record begins or ends at position {begin}, from which on the journal should be kept")]
    BeginInside {
        /// What the caller gave as [`Options::begin`](crate::Options::begin).
        begin: Position,
    },
    /// The caller's replay refused a frame.
    #[error("the record at position {position} was refused: {reason}")]
    Refused {
        /// The frame's position.
        position: Position,
        /// The caller's words.
        reason: String,
    },
    /// An option is out of its range.
    #[error("the journal's options can't be used: {0}")]
    Options(String),
    /// The disk failed.
    #[error("{file}: {source}")]
    Io {
        /// The file, or the directory when it concerns no single file.
        file: String,
        /// The disk's own error.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io(file: impl Into<String>) -> impl FnOnce(io::Error) -> OpenError {
        let file = file.into();
        |source| OpenError::Io { file, source }
    }
}

/// In which way synced bytes are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A segment between two others, or the one that holds the journal's beginning, is not there.
    Missing,
    /// The file is not as long as it was made.
    Length,
    /// The header block is not whole, or is that of another segment.
    Header,
    /// A frame is not whole although later bytes were synced after it.
    Frame,
    /// The segment ends before the frame that the next segment follows on.
    Ending,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Damage::Missing => "the segment is missing",
            Damage::Length => "the file is not as long as it was made",
            Damage::Header => "the header block is not whole",
            Damage::Frame => "a record is not whole, though later ones were written after it",
            Damage::Ending => {
                "records at the end of this segment are missing, though a later segment follows"
            }
        })
    }
}

/// Why a batch was not appended. Nothing of it is acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// There is no room on the disk, or the next segment could not be made. A later append may succeed.
    #[error("no room for the next records: {0}")]
    NoSpace(io::Error),
    /// The write failed; what it left will be overwritten. A later append may succeed.
    #[error("the records could not be written: {0}")]
    Write(io::Error),
    /// A sync failed, now or earlier: nobody knows what is on the medium. Only opening the journal again helps.
    #[error("a sync failed; nothing more is recorded until the journal is opened again")]
    Poisoned,
    /// A payload is empty or larger than a frame may be, or the batch is larger than a segment.
    #[error("{bytes} bytes are not within 1..={bytes_max}")]
    TooLarge {
        /// What was asked for, in bytes.
        bytes: u64,
        /// What is possible.
        bytes_max: u64,
    },
}

/// Why a frame could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No acknowledged frame can begin at this position, or its segment was forgotten.
    #[error("there is no record at position {0}")]
    NotFound(Position),
    /// The bytes there are not a whole frame.
    #[error("{file} is damaged at byte {offset}")]
    Damaged {
        /// The segment's name.
        file: String,
        /// The frame's first byte in it.
        offset: u64,
    },
    /// The disk failed.
    #[error("{file}: {source}")]
    Io {
        /// The segment's name.
        file: String,
        /// The disk's own error.
        source: io::Error,
    },
}
