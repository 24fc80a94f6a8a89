//! Forgetting: removes the oldest segments once their owner keeps elsewhere what they hold, beside a running writer.
//!
//! It must never touch the segment that is written, leave a gap, or decide what may be forgotten.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Position;
use crate::journal::Gauges;
use crate::reader::Shelves;

/// Removes whole segments from the oldest on. Cheap to clone; usable from any thread, for as long as this opening of
/// the journal lasts.
#[derive(Clone)]
pub struct Forgetter {
    shelves: Arc<Shelves>,
    gauges: Arc<Gauges>,
    /// One removal at a time, or a later segment could go before an earlier one.
    removing: Arc<Mutex<()>>,
}

impl Forgetter {
    pub(crate) fn new(shelves: Arc<Shelves>, gauges: Arc<Gauges>) -> Forgetter {
        Forgetter { shelves, gauges, removing: Arc::default() }
    }

    /// Removes all segments whose room for frames ends at or before `position`, oldest first, but never the one that is
    /// written. Returns how many bytes that freed; when it returns, the files are gone for good.
    ///
    /// The caller has stored `position`, or a later one, durably: the next opening must be told it as
    /// [`Options::begin`](crate::Options::begin).
    ///
    /// # Errors
    /// `InvalidInput` for a position behind the journal's end. When the disk fails, segments may be left, never with a
    /// gap; the next call or the next opening goes on with them. Readers have lost them all the same.
    pub fn forget_before(&self, position: Position) -> io::Result<u64> {
        let end = self.shelves.end();
        if position > end {
            let message = format!("position {position} is behind the journal's end at {end}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let _removing = self.removing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut freed_bytes = 0;
        while let Some(oldest) = self.shelves.oldest_before(position) {
            self.shelves.hide_before(oldest.end());
            let disk = self.shelves.disk();
            match disk.remove(&oldest.name()) {
                // An earlier removal may have failed between the name and its sync.
                Err(error) if error.kind() == io::ErrorKind::NotFound => disk.sync_names()?,
                other => other?,
            }
            self.shelves.take_out(&oldest);
            self.gauges.remove_segment(oldest.bytes);
            freed_bytes += oldest.bytes;
        }
        Ok(freed_bytes)
    }
}
