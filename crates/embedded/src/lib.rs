//! The default engine: a journal, in memory what was recorded last, and sealed days on disk with what makes their
//! answers instant.
//!
//! Rooms, from the ground up: `wire` and `record` (what a frame says, drawn in `docs/formats/records.md`), `names` (the
//! dictionaries), `recent` (what is not sealed, in columns), `keys` (used ids on disk), `index` (counters and postings),
//! `sealed` (the days: their list, parts, writing, opening), `kept` (all of it behind one lock), `wanted`, `evaluate`,
//! `pairs`, `ranks`, `room` and `count` (counting), `clicked` and `report` (searches beside the clicks that name them), `scan` (the clicks themselves), `ledger` (decisions and group commit), `recovery`, `sealing_thread`,
//! `seen` and `naming` (a moment's view, and names for numbers), `engine` (the store), `backup`, `verify`. It must never know HTTP or JSON.

mod backup;
mod clicked;
mod count;
mod engine;
mod evaluate;
mod index;
mod kept;
mod keys;
mod ledger;
mod names;
mod naming;
mod options;
mod pairs;
mod ranks;
mod recent;
mod record;
mod recovery;
mod report;
mod room;
mod scan;
mod sealed;
mod sealing_thread;
mod seen;
mod store_files;
mod trouble;
mod verify;
mod wanted;
mod wire;

pub use backup::{BackupError, StoreBackup};
pub use engine::EmbeddedStore;
pub use options::{EmbeddedOptions, OpenError, OpenReport};
pub use record::{RECORDS_VERSION, RecordError};
pub use recovery::JOURNAL_FOLDER;
pub use trouble::UNABLE_SECONDS_MAX;
pub use verify::{FileFinding, UNREADABLE_FRAMES_MAX, UnreadableFrame, Verified, verify};
