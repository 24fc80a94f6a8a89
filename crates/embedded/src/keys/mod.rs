//! Keys on disk: which click ids and search ids were used, and which searches are waited for, of rows that are sealed;
//! each with the UTC day of its row. Runs of sorted fingerprints, merged as they become many, drawn in
//! `docs/formats/keys.md`.
//!
//! Rooms, from the ground up: `fingerprint` and `entry` (what is kept), `bits`, `block`, `filter` and `header` (the
//! bytes of a file), `source` (reading it), `writer`, `run` (one file, open), `merge`, `verify`, and `view`, where a
//! store looks things up. They must never know what a click is, which runs count (the store's list says so), or remove
//! a file that was complete.

mod bits;
mod block;
mod entry;
mod error;
mod filter;
mod fingerprint;
mod header;
mod merge;
mod run;
mod source;
#[cfg(test)]
mod tests;
mod verify;
mod view;
mod writer;

pub use error::KeysError;
pub use fingerprint::{Fingerprint, FingerprintKey, KeyKind};
pub use header::{RunInfo, run_name, run_number};
pub use source::at_once;
pub use verify::verify_run;
pub use view::{Keys, KeysOptions};
pub use writer::write_run;
