//! Recovery: reading a journal back when it is opened, and making its end fit to be written on.
//!
//! A torn tail is cut and reported; damage in the middle is an error, never skipped. The rules and their reasons are
//! in `docs/formats/journal.md`. It must never know what a payload means.

use crate::Position;
use crate::disk::{Disk, DiskFile, read_full};
use crate::error::{Damage, OpenError};
use crate::segment::{SEGMENTS_MAX, SEQUENCE_FIRST, SPARE_NAME, SegmentHeader, segment_name, sequence_of};
use crate::walk::{Tail, Walk};

/// What opening a journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// How many segments there are.
    pub segments: u64,
    /// How many frames were replayed.
    pub frames: u64,
    /// How many bytes these frames take, headers and padding included.
    pub bytes: u64,
    /// The position behind the last frame.
    pub end: Position,
    /// The unfinished write that was cut off, if there was one.
    pub torn_tail: Option<TornTail>,
}

/// The rest of a write that a crash interrupted. None of it had been acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment's name.
    pub file: String,
    /// Where the cut was made.
    pub offset: u64,
    /// How many bytes were cut.
    pub bytes: u64,
}

/// A journal whose end may be written on.
pub(crate) struct Recovered {
    /// The headers of all segments, oldest first; never empty.
    pub(crate) headers: Vec<SegmentHeader>,
    pub(crate) last: SegmentHeader,
    pub(crate) file: Box<dyn DiskFile>,
    /// Where in the last segment the next frame goes.
    pub(crate) end: u64,
    /// The check of the last frame.
    pub(crate) previous: u32,
    pub(crate) recovery: Recovery,
}

/// The replay's receiver: a frame's position and payload. A reason instead of `Ok` ends the opening.
pub(crate) type OnFrame<'a> = dyn FnMut(Position, &[u8]) -> Result<(), String> + 'a;

/// Replays all segments and mends the end. `None` when the disk holds no journal.
pub(crate) fn recover(disk: &dyn Disk, on_frame: &mut OnFrame<'_>) -> Result<Option<Recovered>, OpenError> {
    let sequences = segments_of(disk)?;
    let Some(&last_sequence) = sequences.last() else { return Ok(None) };
    if let Some(missing) = first_missing(&sequences) {
        let file = segment_name(missing);
        return Err(OpenError::MiddleDamage { file, offset: 0, damage: Damage::Missing });
    }
    let mut buffer = Vec::new();
    let mut headers: Vec<SegmentHeader> = Vec::new();
    let mut recovery = Recovery { segments: last_sequence, frames: 0, bytes: 0, end: 0, torn_tail: None };
    let mut before: Option<Ending> = None;
    for sequence in sequences {
        let (header, file) = load(disk, sequence, &mut buffer)?;
        if let Some(before) = &before {
            before.check_follower(&header)?;
        } else if header.start != 0 || header.previous != 0 {
            return Err(OpenError::MiddleDamage { file: header.name(), offset: 0, damage: Damage::Header });
        }
        headers.push(header);
        let walk = replay(header, &buffer, on_frame)?;
        recovery.frames += walk.frames;
        recovery.bytes += (walk.offset - crate::SEGMENT_HEADER_BYTES) as u64;
        recovery.end = header.position(walk.offset as u64);
        let (end, previous) = (walk.offset as u64, walk.previous);
        if sequence == last_sequence {
            recovery.torn_tail = mend(&walk, header, &buffer, file.as_ref())?;
            return Ok(Some(Recovered { headers, last: header, file, end, previous, recovery }));
        }
        if walk.tail() != Tail::Clean {
            return Err(OpenError::MiddleDamage { file: header.name(), offset: end, damage: Damage::Frame });
        }
        before = Some(Ending { header, offset: end, previous });
    }
    Ok(None)
}

/// Removes what an unfinished creation left behind. It never held a record.
pub(crate) fn remove_leftovers(disk: &dyn Disk) -> Result<(), OpenError> {
    let names = disk.list().map_err(OpenError::io("the journal's directory"))?;
    if names.iter().any(|name| name == SPARE_NAME) {
        disk.remove(SPARE_NAME).map_err(OpenError::io(SPARE_NAME))?;
    }
    Ok(())
}

/// The sequences of all segments, sorted.
pub(crate) fn segments_of(disk: &dyn Disk) -> Result<Vec<u64>, OpenError> {
    let names = disk.list().map_err(OpenError::io("the journal's directory"))?;
    let mut sequences: Vec<u64> = names.iter().filter_map(|name| sequence_of(name)).collect();
    sequences.sort_unstable();
    Ok(sequences)
}

/// The first sequence that is not where it should be.
pub(crate) fn first_missing(sequences: &[u64]) -> Option<u64> {
    (SEQUENCE_FIRST..=SEGMENTS_MAX).zip(sequences).find(|(due, found)| due != *found).map(|(due, _)| due)
}

/// Reads a whole segment into `buffer`.
pub(crate) fn load(
    disk: &dyn Disk,
    sequence: u64,
    buffer: &mut Vec<u8>,
) -> Result<(SegmentHeader, Box<dyn DiskFile>), OpenError> {
    let name = segment_name(sequence);
    let file = disk.open(&name).map_err(OpenError::io(&name))?;
    let file_bytes = file.len().map_err(OpenError::io(&name))?;
    let mut block = vec![0; crate::SEGMENT_HEADER_BYTES];
    let read = read_full(file.as_ref(), &mut block, 0).map_err(OpenError::io(&name))?;
    let header = SegmentHeader::read(&block[..read], sequence)?;
    // A segment gets its name only after its full length was synced: no crash can make it shorter, and nobody can tell
    // how many records a shorter one has lost.
    let wrong_length =
        |offset| OpenError::MiddleDamage { file: name.clone(), offset, damage: Damage::Length };
    let bytes = usize::try_from(header.bytes).map_err(|_| wrong_length(0))?;
    if file_bytes != header.bytes {
        return Err(wrong_length(file_bytes.min(header.bytes)));
    }
    buffer.resize(bytes, 0);
    let read = read_full(file.as_ref(), buffer, 0).map_err(OpenError::io(&name))?;
    if read != bytes {
        return Err(wrong_length(read as u64));
    }
    Ok((header, file))
}

/// How a segment ended, for the check of the next one.
pub(crate) struct Ending {
    pub(crate) header: SegmentHeader,
    pub(crate) offset: u64,
    pub(crate) previous: u32,
}

impl Ending {
    /// A follower of the same journal, at the place where this segment ends, on this segment's last frame.
    pub(crate) fn check_follower(&self, next: &SegmentHeader) -> Result<(), OpenError> {
        let same_journal = next.salt == self.header.salt && next.start == self.header.end();
        if !same_journal {
            return Err(OpenError::MiddleDamage { file: next.name(), offset: 0, damage: Damage::Header });
        }
        if next.previous != self.previous {
            let (file, offset) = (self.header.name(), self.offset);
            return Err(OpenError::MiddleDamage { file, offset, damage: Damage::Ending });
        }
        Ok(())
    }
}

fn replay<'a>(
    header: SegmentHeader,
    bytes: &'a [u8],
    on_frame: &mut OnFrame<'_>,
) -> Result<Walk<'a>, OpenError> {
    let mut walk = Walk::new(header, bytes);
    while let Some((position, payload)) = walk.next_frame() {
        on_frame(position, payload).map_err(|reason| OpenError::Refused { position, reason })?;
    }
    Ok(walk)
}

/// Cuts a torn tail, and makes durable what was replayed.
fn mend(
    walk: &Walk<'_>,
    header: SegmentHeader,
    bytes: &[u8],
    file: &dyn DiskFile,
) -> Result<Option<TornTail>, OpenError> {
    let name = header.name();
    let offset = walk.offset as u64;
    let mut torn_tail = None;
    match walk.tail() {
        Tail::Damaged => {
            return Err(OpenError::MiddleDamage { file: name, offset, damage: Damage::Frame });
        }
        Tail::Torn { rubbish_end } => {
            let zeros = vec![0; rubbish_end - walk.offset];
            file.write_at(&zeros, offset).map_err(OpenError::io(&name))?;
            torn_tail = Some(TornTail { file: name.clone(), offset, bytes: zeros.len() as u64 });
        }
        Tail::Clean => {}
    }
    // The last batch may have been read from memory that never reached the medium, be it that the process ended before
    // its sync or that the sync failed. A sync alone would not write pages that a failed one marked as clean, so the
    // same bytes are written again. All earlier batches were synced before this one was begun.
    let last_batch = &bytes[walk.batch_start..walk.offset];
    if !last_batch.is_empty() {
        file.write_at(last_batch, walk.batch_start as u64).map_err(OpenError::io(&name))?;
    }
    file.sync().map_err(OpenError::io(&name))?;
    Ok(torn_tail)
}
