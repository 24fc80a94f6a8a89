//! Why keys can't be read or written. It must never say that a key is absent.

use std::io;

/// Why keys can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The disk refused.
    #[error("{file}: {error}")]
    Disk {
        /// The file's name.
        file: String,
        /// What the disk said.
        error: io::Error,
    },
    /// A file isn't what was written. Nothing in it can be relied on; keys are made anew from the days.
    #[error("{file} is damaged: {what}")]
    Damaged {
        /// The file's name.
        file: String,
        /// Which part of it.
        what: Damage,
    },
    /// A newer program wrote the file.
    #[error("{file} has version {found}, this program knows {known}")]
    Newer {
        /// The file's name.
        file: String,
        /// Its version.
        found: u32,
        /// The newest version that this program reads.
        known: u32,
    },
    /// The file holds fingerprints under another secret key.
    #[error("{file} holds fingerprints of another store")]
    OtherKey {
        /// The file's name.
        file: String,
    },
    /// Entries to write don't come in order or are more than a run may have, or a run to merge isn't open: the caller's
    /// mistake.
    #[error("{file} can't be written or merged: {why}")]
    Mistake {
        /// The file's name.
        file: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The caller's pace said to stop.
    #[error("stopped as asked")]
    Stopped,
}

/// Which part of a run is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file isn't as long as it was made.
    #[error("its length is wrong")]
    Length,
    /// The header's bytes are not those that were written.
    #[error("its header")]
    Header,
    /// The file is whole, but isn't the one that is listed.
    #[error("another run is in its place")]
    Other,
    /// The index of blocks.
    #[error("its fences")]
    Fences,
    /// The filter.
    #[error("its filter")]
    Filter,
    /// A block of entries; the first is 0.
    #[error("block {0}")]
    Block(u32),
    /// The parts don't say the same.
    #[error("its parts contradict each other")]
    Contradiction,
}
