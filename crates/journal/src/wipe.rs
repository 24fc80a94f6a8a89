//! Wiping: puts zeros over what an interrupted or failed write left, so that no later opening takes them for durable
//! before they are.
//!
//! After a failed sync, readers see zeros that the medium may not have, and the next sync would not write them. So the
//! last byte stays marked until the zeros before it are synced: whoever opens the journal in between sees the mark, and
//! wipes again. It must never touch a byte of an acknowledged frame.

use std::io;

use crate::disk::DiskFile;

/// Any byte but zero. A single one is no frame.
const MARK: u8 = 0xFF;

/// Zeros are written in pieces of at most this size.
const ZEROS_BYTES: u64 = 1 << 20;

/// Why wiping failed.
pub(crate) enum WipeError {
    /// It may be tried again.
    Write(io::Error),
    /// Nobody knows what is on the medium.
    Sync(io::Error),
}

impl From<WipeError> for io::Error {
    fn from(error: WipeError) -> io::Error {
        match error {
            WipeError::Write(error) | WipeError::Sync(error) => error,
        }
    }
}

/// Makes all bytes within `from..to` zeros. Returns `Ok` only when they are synced.
pub(crate) fn wipe(file: &dyn DiskFile, from: u64, to: u64) -> Result<(), WipeError> {
    let Some(last) = to.checked_sub(1).filter(|last| *last >= from) else { return Ok(()) };
    file.write_at(&[MARK], last).map_err(WipeError::Write)?;
    write_zeros(file, from, last).map_err(WipeError::Write)?;
    file.sync().map_err(WipeError::Sync)?;
    file.write_at(&[0], last).map_err(WipeError::Write)?;
    file.sync().map_err(WipeError::Sync)
}

/// Writes zeros over `from..to`, without a sync.
pub(crate) fn write_zeros(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let mut from = from;
    while from < to {
        let piece = (to - from).min(ZEROS_BYTES);
        let zeros = vec![0; usize::try_from(piece).map_err(io::Error::other)?];
        file.write_at(&zeros, from)?;
        from += piece;
    }
    Ok(())
}
