//! Recovery: what a directory holds becomes what is kept: its sealed days first, then what its journal says beyond them. It
//! must never know a thread.

use std::sync::Arc;
use std::time::Instant;

use clicks::StoreError;
use journal::{Disk, Journal, Options};

use crate::kept::Kept;
use crate::options::{EmbeddedOptions, OpenError, OpenReport};
use crate::recent::day::day_of;
use crate::record::{Accepted, RecordError, read_frame};
use crate::sealed::opening::{self, Opened, SealedOptions};
use crate::sealed::sealing::{PartLimits, Sealer};

/// The folder of the journal.
pub const JOURNAL_FOLDER: &str = "journal";

/// A store that was read and is not running yet.
pub struct Recovered {
    pub kept: Kept,
    pub sealer: Sealer,
    pub journal: Journal,
    /// The UTC day on which the first record was received that is not sealed.
    pub open_day: Option<i32>,
    pub report: OpenReport,
}

/// Reads the store of a directory, or begins one.
///
/// # Errors
/// [`OpenError::Journal`], and [`OpenError::Sealed`].
pub fn recover(disk: Arc<dyn Disk>, options: &EmbeddedOptions) -> Result<Recovered, OpenError> {
    match recover_reading(Arc::clone(&disk), options, false) {
        // What a record was decided by may have been damaged since. Keys are built anew where they are, once all of
        // them are read; where it was something else, the same refusal comes back.
        Err(OpenError::Journal(journal::OpenError::Refused { .. })) => recover_reading(disk, options, true),
        other => other,
    }
}

fn recover_reading(
    disk: Arc<dyn Disk>,
    options: &EmbeddedOptions,
    reads_keys: bool,
) -> Result<Recovered, OpenError> {
    let begun = Instant::now();
    let sealed_options = SealedOptions {
        limits: PartLimits { rows_max: options.part_rows_max, parts_max: options.day_parts_max },
        index_bytes_max: options.index_bytes_max,
        filter_bytes_max: options.filter_bytes_max,
        reads_keys,
    };
    let opened = opening::open(Arc::clone(&disk), &sealed_options);
    let Opened { sealer, sealed, names, rebuilt } =
        opened.map_err(|error| OpenError::Sealed(error.to_string()))?;
    let mut kept = Kept::new(names, Arc::new(sealed), sealer.key);
    let (mut repeated, mut open_day) = (0, None);
    let journal_options =
        Options { segment_bytes: options.segment_bytes, begin: sealer.manifest.begin, ..Options::default() };
    let folder = disk.folder(JOURNAL_FOLDER);
    let folder = folder.map_err(|error| OpenError::Sealed(format!("{JOURNAL_FOLDER}: {error}")))?;
    let mut replay = |_, frame: &[u8]| {
        replay(&mut kept, frame, &mut repeated, &mut open_day).map_err(|error| error.to_string())
    };
    let (journal, recovery) = Journal::open(folder, journal_options, &mut replay)?;
    let (clicks, searches) = kept.counts();
    let report = OpenReport {
        clicks,
        searches,
        repeated,
        rebuilt,
        damaged_days: kept.sealed.damage().collect(),
        torn_tail: recovery.torn_tail,
        took: begun.elapsed(),
    };
    Ok(Recovered { kept, sealer, journal, open_day, report })
}

/// Keeps what a frame says.
fn replay(
    kept: &mut Kept,
    frame: &[u8],
    repeated: &mut u64,
    open_day: &mut Option<i32>,
) -> Result<(), StoreError> {
    let damaged = |error: RecordError| StoreError::Damaged(error.to_string());
    for accepted in read_frame(frame) {
        match accepted.map_err(damaged)? {
            Accepted::Click(click) => {
                open_day.get_or_insert(day_of(click.received_ms));
                let id = kept.click_id(&click);
                if id.map_or(Ok(false), |id| kept.has_click(id))? {
                    *repeated += 1;
                } else {
                    let found = kept.look_for_click(&click, id)?;
                    kept.keep_click(click, found).map_err(damaged)?;
                }
            }
            Accepted::Search(search, join_ms) => {
                open_day.get_or_insert(day_of(search.received_ms));
                if kept.search(search.account, &search.id)?.is_some() {
                    *repeated += 1;
                } else {
                    let found = kept.look_for_search(&search, join_ms)?;
                    kept.keep_search(&search, found, join_ms).map_err(damaged)?;
                }
            }
        }
    }
    Ok(())
}
