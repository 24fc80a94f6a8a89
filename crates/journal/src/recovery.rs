//! Recovery: reading a journal back when it is opened, and making its end fit to be written on.
//!
//! A torn tail is cut and reported; damage in the middle is an error, never skipped. The rules and their reasons are
//! in `docs/formats/journal.md`. It must never know what a payload means.

use crate::Position;
use crate::disk::{Disk, DiskFile, read_full};
use crate::error::{Damage, OpenError};
use crate::segment::{SEQUENCE_FIRST, SPARE_NAME, SegmentHeader, segment_name, sequence_of};
use crate::walk::{Tail, Walk};
use crate::wipe::wipe;

/// What opening a journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// How many segments there are, without those that are forgotten.
    pub segments: u64,
    /// How many frames were replayed.
    pub frames: u64,
    /// How many bytes these frames take, headers and padding included.
    pub bytes: u64,
    /// The position behind the last frame; never before the beginning that the caller gave.
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
    /// The headers of all segments that are kept, oldest first; never empty.
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

/// Where the journal begins for its owner, and whether the replay came by.
struct Begin {
    position: Position,
    reached: bool,
}

impl Begin {
    /// Takes notice of a place where a frame begins or ends; refuses one behind a beginning that is no such place.
    fn pass(&mut self, border: Position) -> Result<(), OpenError> {
        self.reached |= border == self.position;
        if border > self.position && !self.reached {
            return Err(OpenError::BeginInside { begin: self.position });
        }
        Ok(())
    }

    /// Takes notice of the journal's end.
    fn end(&mut self, end: Position) -> Result<(), OpenError> {
        self.pass(end)?;
        if self.reached { Ok(()) } else { Err(OpenError::BeginPastEnd { begin: self.position, end }) }
    }
}

/// Replays the segments from the one on that holds `begin`, and mends the end. Frames before `begin` are checked like
/// all others and not given to `on_frame`. `None` when the disk holds no journal and none is asked for.
pub(crate) fn recover(
    disk: &dyn Disk,
    begin: Position,
    on_frame: &mut OnFrame<'_>,
) -> Result<Option<Recovered>, OpenError> {
    let Some(sequences) = kept_segments(disk, begin)? else { return Ok(None) };
    let mut begin = Begin { position: begin, reached: false };
    let mut buffer = Vec::new();
    let mut headers: Vec<SegmentHeader> = Vec::new();
    let mut recovery =
        Recovery { segments: sequences.len() as u64, frames: 0, bytes: 0, end: 0, torn_tail: None };
    let mut before: Option<Ending> = None;
    for (index, &sequence) in sequences.iter().enumerate() {
        let (header, file) = load(disk, sequence, &mut buffer)?;
        match &before {
            Some(before) => before.check_follower(&header)?,
            None => check_first(&header)?,
        }
        headers.push(header);
        begin.pass(header.start)?;
        let walk = replay(header, &buffer, &mut begin, &mut recovery, on_frame)?;
        recovery.end = header.position(walk.offset as u64);
        let (end, previous) = (walk.offset as u64, walk.previous);
        if index + 1 == sequences.len() {
            recovery.torn_tail = mend(&walk, header, &buffer, file.as_ref(), &mut begin)?;
            return Ok(Some(Recovered { headers, last: header, file, end, previous, recovery }));
        }
        if walk.tail() != Tail::Clean {
            return Err(OpenError::MiddleDamage { file: header.name(), offset: end, damage: Damage::Frame });
        }
        before = Some(Ending { header, offset: end, previous });
    }
    Ok(None)
}

/// Removes what an unfinished creation or an unfinished forgetting left behind: the spare, which never held a record,
/// and the segments before the first that is kept, oldest first, so that an interruption leaves no gap.
pub(crate) fn remove_leftovers(disk: &dyn Disk, first_kept: Option<u64>) -> Result<(), OpenError> {
    let names = disk.list().map_err(OpenError::io("the journal's directory"))?;
    for name in &names {
        let forgotten = sequence_of(name).zip(first_kept).is_some_and(|(sequence, first)| sequence < first);
        if forgotten || name == SPARE_NAME {
            disk.remove(name).map_err(OpenError::io(name))?;
        }
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

/// The sequences without gaps from the segment on that holds `begin`; `None` for a directory where a new journal may
/// be begun.
fn kept_segments(disk: &dyn Disk, begin: Position) -> Result<Option<Vec<u64>>, OpenError> {
    let mut sequences = segments_of(disk)?;
    let Some(&oldest) = sequences.first() else {
        if begin == 0 {
            return Ok(None);
        }
        // Without any segment nobody can tell which one held the beginning.
        return Err(missing("the journal's directory".to_owned()));
    };
    let holder = match begin {
        0 => Some(0).filter(|_| oldest == SEQUENCE_FIRST),
        _ => find_holder(disk, &sequences, begin)?,
    };
    let Some(holder) = holder else { return Err(missing(missing_before(oldest))) };
    sequences.drain(..holder);
    match first_gap(&sequences) {
        Some(gap) => Err(missing(segment_name(gap))),
        None => Ok(Some(sequences)),
    }
}

fn missing(file: String) -> OpenError {
    OpenError::MiddleDamage { file, offset: 0, damage: Damage::Missing }
}

/// The name of the segment that is missed when the oldest one there is begins too late.
pub(crate) fn missing_before(oldest: u64) -> String {
    segment_name(oldest.saturating_sub(1).max(SEQUENCE_FIRST))
}

/// Which of the segments holds `begin`: the newest that starts at or before it. Those before it are forgotten, and
/// not even looked at. A header that can't be read on the way belongs to a segment that must be there: the one behind
/// it starts too late.
fn find_holder(disk: &dyn Disk, sequences: &[u64], begin: Position) -> Result<Option<usize>, OpenError> {
    for (index, &sequence) in sequences.iter().enumerate().rev() {
        if load_header(disk, sequence)?.0.start <= begin {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// The first sequence behind a gap that should be there.
pub(crate) fn first_gap(sequences: &[u64]) -> Option<u64> {
    sequences.windows(2).find(|pair| pair[0] + 1 != pair[1]).map(|pair| pair[0] + 1)
}

/// Reads a segment's header block.
pub(crate) fn load_header(
    disk: &dyn Disk,
    sequence: u64,
) -> Result<(SegmentHeader, Box<dyn DiskFile>), OpenError> {
    let name = segment_name(sequence);
    let file = disk.open(&name).map_err(OpenError::io(&name))?;
    let mut block = vec![0; crate::SEGMENT_HEADER_BYTES];
    let read = read_full(file.as_ref(), &mut block, 0).map_err(OpenError::io(&name))?;
    Ok((SegmentHeader::read(&block[..read], sequence)?, file))
}

/// The journal's first segment starts at 0 and follows on no frame.
pub(crate) fn check_first(header: &SegmentHeader) -> Result<(), OpenError> {
    if header.sequence != SEQUENCE_FIRST || (header.start, header.previous) == (0, 0) {
        return Ok(());
    }
    Err(OpenError::MiddleDamage { file: header.name(), offset: 0, damage: Damage::Header })
}

/// Reads a whole segment into `buffer`.
pub(crate) fn load(
    disk: &dyn Disk,
    sequence: u64,
    buffer: &mut Vec<u8>,
) -> Result<(SegmentHeader, Box<dyn DiskFile>), OpenError> {
    let (header, file) = load_header(disk, sequence)?;
    let name = header.name();
    let file_bytes = file.len().map_err(OpenError::io(&name))?;
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
    begin: &mut Begin,
    recovery: &mut Recovery,
    on_frame: &mut OnFrame<'_>,
) -> Result<Walk<'a>, OpenError> {
    let mut walk = Walk::new(header, bytes);
    while let Some((position, payload)) = walk.next_frame() {
        begin.pass(position)?;
        if begin.reached {
            on_frame(position, payload).map_err(|reason| OpenError::Refused { position, reason })?;
            recovery.frames += 1;
            recovery.bytes += header.position(walk.offset as u64) - position;
        }
    }
    begin.reached |= header.position(walk.offset as u64) == begin.position;
    Ok(walk)
}

/// Cuts a torn tail, and makes durable what was replayed.
fn mend(
    walk: &Walk<'_>,
    header: SegmentHeader,
    bytes: &[u8],
    file: &dyn DiskFile,
    begin: &mut Begin,
) -> Result<Option<TornTail>, OpenError> {
    let name = header.name();
    let offset = walk.offset as u64;
    let mut torn_tail = None;
    let tail = walk.tail();
    if tail != Tail::Damaged {
        begin.end(header.position(offset))?;
    }
    match tail {
        Tail::Damaged => {
            return Err(OpenError::MiddleDamage { file: name, offset, damage: Damage::Frame });
        }
        Tail::Torn { rubbish_end } => {
            let rubbish_end = rubbish_end as u64;
            wipe(file, offset, rubbish_end).map_err(|error| OpenError::io(&name)(error.into()))?;
            torn_tail = Some(TornTail { file: name.clone(), offset, bytes: rubbish_end - offset });
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
