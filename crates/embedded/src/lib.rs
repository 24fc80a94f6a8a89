//! The default engine: a journal, and in memory what makes its clicks countable.
//!
//! Rooms, from the ground up: `wire` and `record` (what a frame says, drawn in `docs/formats/records.md`), `recent`
//! (what is kept, in columns), `wanted` and `evaluate` (counting), `scan` (the clicks themselves), `ledger` (decisions
//! and group commit), `engine` (the store), `backup`, `verify`. It must never know HTTP, JSON or a file.

mod backup;
mod count;
mod engine;
mod evaluate;
mod index;
mod kept;
mod keys;
mod ledger;
mod names;
mod options;
mod recent;
mod record;
mod scan;
mod sealed;
mod sealing_thread;
mod store_files;
mod trouble;
mod verify;
mod wanted;
mod wire;

pub use backup::{BackupError, StoreBackup};
pub use engine::{EmbeddedStore, JOURNAL_FOLDER};
pub use options::{EmbeddedOptions, OpenError, OpenReport};
pub use record::{RECORDS_VERSION, RecordError};
pub use trouble::UNABLE_SECONDS_MAX;
pub use verify::{FileFinding, UNREADABLE_FRAMES_MAX, UnreadableFrame, Verified, verify};
