//! The durable log: bytes in order, synced before they are acknowledged; it knows nothing of clicks.
//!
//! Rooms, from the ground up: `disk` (files), `frame` and `segment` (the format, drawn in `docs/formats/journal.md`),
//! `recovery`, `wipe` and `verify` (reading it back), `spare`, `reader`, `forget` and `journal` (one owner, synchronous),
//! `writer` and `receipt` (group commit for many), `copying` (for backups). It must never know what a payload means.

mod copying;
mod disk;
mod error;
mod forget;
mod frame;
mod journal;
mod lock;
mod reader;
mod receipt;
mod recovery;
mod segment;
mod simulated;
mod spare;
mod verify;
mod walk;
mod wipe;
mod writer;

pub use copying::{Copied, carry, copy_open, link_or_keep, put_staged, remove_temporaries, stage_journal};
pub use disk::{Disk, DiskFile, FolderDisk, SMALL_FILE_BYTES_MAX};
pub use error::{AppendError, Damage, OpenError, ReadError};
pub use forget::Forgetter;
pub use frame::{Batch, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, PayloadSize};
pub use journal::{Journal, Options, Status};
pub use lock::{DirLock, LOCK_NOTE_BYTES_MAX, LockError};
pub use reader::{OPEN_SEGMENTS_MAX, Reader};
pub use receipt::{CommitError, Receipt};
pub use recovery::{Recovery, TornTail};
pub use segment::{
    FORMAT_VERSION, SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, SEGMENT_HEADER_BYTES,
    SEGMENTS_MAX,
};
pub use simulated::{Fault, Operation, SECTOR_BYTES, SimulatedDisk};
pub use spare::Spare;
pub use verify::{FINDINGS_MAX, Finding, Verified, What, verify};
pub use writer::{Committer, Refused, TURNS_WAITING_MAX, Writer, WriterOptions, WriterStatus, WriterThread};

/// The global place of a frame's first byte. It grows through the whole life of a journal, across segments.
pub type Position = u64;
