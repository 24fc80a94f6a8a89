//! Reading a whole run to see that it is as it was written. It must never repair.

use journal::Disk;

use crate::keys::error::{Damage, KeysError};
use crate::keys::fingerprint::FingerprintKey;
use crate::keys::header::RunInfo;
use crate::keys::run::Run;
use crate::keys::source::Pace;
use crate::keys::writer::each_line;

/// Returns only when each byte of a run's file is as it was written, and all its parts say the same.
pub fn verify_run(
    disk: &dyn Disk,
    key: &FingerprintKey,
    listed: &RunInfo,
    pace: Pace<'_>,
) -> Result<(), KeysError> {
    let run = Run::open(disk, key.mark(), listed)?;
    let mut entries = run.cursor(pace);
    let (mut count, mut days) = (0, None);
    while let Some(entry) = entries.next()? {
        let day = entry.day();
        let (first, last) = days.unwrap_or((day, day));
        days = Some((day.min(first), day.max(last)));
        count += 1;
    }
    if count != listed.entries || days != Some((listed.day_first, listed.day_last)) {
        return Err(run.damaged(Damage::Contradiction));
    }
    let mut check = crc32fast::Hasher::new();
    each_line(run.cursor(pace), run.filter_lines(), |line| {
        check.update(&line.to_bytes());
        Ok(())
    })?;
    let (found, wanted) = run.filter_checks()?;
    if found != wanted || check.finalize() != wanted {
        return Err(run.damaged(Damage::Filter));
    }
    Ok(())
}
