//! The journal: one owner that appends, synchronously. A batch is one write and one sync, and lies in one segment.
//!
//! It must never acknowledge what is not synced, retry a sync that failed, or know what a payload means.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::Position;
use crate::disk::{Disk, DiskFile};
use crate::error::{AppendError, OpenError};
use crate::forget::Forgetter;
use crate::frame::{Batch, PayloadSize};
use crate::reader::{Reader, Shelves};
use crate::recovery::{OnFrame, Recovered, Recovery, recover, remove_leftovers};
use crate::segment::{
    SEGMENT_BYTES_DEFAULT, SEGMENT_HEADER_BYTES, SEGMENTS_MAX, SEQUENCE_FIRST, SPARE_NAME, SegmentHeader,
    check_size,
};
use crate::spare::{Spare, SpareShelf};
use crate::wipe::{WipeError, wipe, write_zeros};

/// How a journal is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// The size of each new segment: a multiple of 4096 within 8 KiB..=1 GiB. A batch must fit into one.
    pub segment_bytes: u64,
    /// What goes into every checksum of a new journal, so that nobody who sends payloads can forge a frame inside one.
    /// `None` takes a random number; a fixed one is for tests and samples.
    pub salt: Option<u64>,
    /// Everything before this position was forgotten by the owner, who keeps this number durably elsewhere; 0 when
    /// nothing was. A frame begins or ends there. Segments that lie wholly before it may be missing, and are removed.
    pub begin: Position,
}

impl Default for Options {
    fn default() -> Options {
        Options { segment_bytes: SEGMENT_BYTES_DEFAULT, salt: None, begin: 0 }
    }
}

/// How a journal does. Counts begin when it is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// How many segments there are now.
    pub segments: u64,
    /// How many bytes the segments take on the disk, without the spare.
    pub file_bytes: u64,
    /// The position behind the last synced frame; the start of the current segment if that is later.
    pub end: Position,
    /// How many frames were appended.
    pub frames: u64,
    /// How many bytes of frames were appended, headers and padding included.
    pub frame_bytes: u64,
    /// How many batches were synced.
    pub syncs: u64,
    /// How long these syncs took in all, in nanoseconds.
    pub sync_ns_total: u64,
    /// The longest of them, in nanoseconds.
    pub sync_ns_max: u64,
    /// How many appends failed.
    pub failures: u64,
    /// Whether a sync failed: nothing more is recorded until the journal is opened again.
    pub poisoned: bool,
}

/// The live numbers behind [`Status`], readable from other threads.
#[derive(Default)]
pub(crate) struct Gauges {
    segments: AtomicU64,
    file_bytes: AtomicU64,
    end: AtomicU64,
    frames: AtomicU64,
    frame_bytes: AtomicU64,
    syncs: AtomicU64,
    sync_ns_total: AtomicU64,
    sync_ns_max: AtomicU64,
    failures: AtomicU64,
    poisoned: AtomicBool,
}

impl Gauges {
    pub(crate) fn remove_segment(&self, bytes: u64) {
        self.segments.fetch_sub(1, Ordering::Relaxed);
        self.file_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn status(&self) -> Status {
        let read = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        Status {
            segments: read(&self.segments),
            file_bytes: read(&self.file_bytes),
            end: read(&self.end),
            frames: read(&self.frames),
            frame_bytes: read(&self.frame_bytes),
            syncs: read(&self.syncs),
            sync_ns_total: read(&self.sync_ns_total),
            sync_ns_max: read(&self.sync_ns_max),
            failures: read(&self.failures),
            poisoned: self.poisoned.load(Ordering::Relaxed),
        }
    }
}

fn add(gauge: &AtomicU64, amount: u64) {
    gauge.fetch_add(amount, Ordering::Relaxed);
}

/// A durable log of byte strings. One owner; readers on any thread through [`Journal::reader`].
pub struct Journal {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    current: SegmentHeader,
    file: Box<dyn DiskFile>,
    /// Where in the current segment the next batch goes.
    end: u64,
    /// What a failed write may have left lies between `end` and here; no more than `end` when there is nothing.
    rubbish_end: u64,
    /// The check of the last frame.
    previous: u32,
    /// The next segment may have got its name already, in a rename that reported an error. Its header tells on which
    /// frame it follows, so nothing may be appended before it.
    must_turn: bool,
    /// The current segment was there before this opening.
    recovered: bool,
    shelf: Arc<SpareShelf>,
    shelves: Arc<Shelves>,
    forgetter: Forgetter,
    gauges: Arc<Gauges>,
    batch: Batch,
}

impl Journal {
    /// Opens the journal of a directory, or begins one. Every frame from [`Options::begin`] on is given to `on_frame`,
    /// oldest first, exactly once; all of them are synced when this returns.
    ///
    /// Nobody else may have the directory open: see [`DirLock`](crate::DirLock).
    ///
    /// # Errors
    /// [`OpenError::MiddleDamage`] when bytes that had been synced are missing or changed, [`OpenError::BeginPastEnd`]
    /// or [`OpenError::BeginInside`] for a beginning that is none, [`OpenError::Newer`], the callback's refusal, a failing
    /// disk.
    pub fn open(
        disk: Arc<dyn Disk>,
        options: Options,
        on_frame: &mut OnFrame<'_>,
    ) -> Result<(Journal, Recovery), OpenError> {
        check_size(options.segment_bytes).map_err(OpenError::Options)?;
        let recovered = recover(disk.as_ref(), options.begin, on_frame)?;
        // An earlier process may have ended before the name of its last segment was synced: without its name, all that
        // is appended to that segment would be lost.
        disk.sync_names().map_err(OpenError::io("the journal's directory"))?;
        let first_kept = recovered.as_ref().and_then(|recovered| recovered.headers.first());
        remove_leftovers(disk.as_ref(), first_kept.map(|header| header.sequence))?;
        let shelf = Arc::new(SpareShelf::new(Arc::clone(&disk), options.segment_bytes));
        let new = recovered.is_none();
        let recovered = match recovered {
            Some(recovered) => recovered,
            None => begin(disk.as_ref(), &shelf, &options)?,
        };
        let Recovered { headers, last, file, end, previous, recovery } = recovered;
        let gauges = Gauges::default();
        add(&gauges.segments, headers.len() as u64);
        add(&gauges.file_bytes, headers.iter().map(|header| header.bytes).sum());
        add(&gauges.end, recovery.end);
        let gauges = Arc::new(gauges);
        let shelves = Arc::new(Shelves::new(Arc::clone(&disk), headers, recovery.end));
        let journal = Journal {
            forgetter: Forgetter::new(Arc::clone(&shelves), Arc::clone(&gauges)),
            shelves,
            disk,
            segment_bytes: options.segment_bytes,
            current: last,
            file,
            end,
            rubbish_end: end,
            previous,
            must_turn: false,
            recovered: !new,
            shelf,
            gauges,
            batch: Batch::new(),
        };
        Ok((journal, recovery))
    }

    /// Appends payloads of 1..=[`FRAME_BYTES_MAX`](crate::FRAME_BYTES_MAX) bytes and returns their positions.
    ///
    /// Returns `Ok` only when all are synced. After an error none is acknowledged, and all may be sent again; whether
    /// any of them comes back at the next opening is open only if the process ends before a later append succeeds.
    pub fn append(&mut self, payloads: &[&[u8]]) -> Result<Vec<Position>, AppendError> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        let pushed = payloads.iter().try_for_each(|payload| batch.push(payload));
        let outcome = match pushed {
            Ok(()) => self.append_batch(&mut batch),
            Err(PayloadSize { bytes }) => {
                Err(AppendError::TooLarge { bytes: bytes as u64, bytes_max: crate::FRAME_BYTES_MAX as u64 })
            }
        };
        self.batch = batch;
        outcome
    }

    /// Like [`Journal::append`], for frames that were gathered in a batch. The batch keeps its frames.
    pub fn append_batch(&mut self, batch: &mut Batch) -> Result<Vec<Position>, AppendError> {
        let outcome = self.try_append(batch);
        if outcome.is_err() {
            add(&self.gauges.failures, 1);
        }
        outcome
    }

    /// Begins a new segment if the current one has frames, and returns the position from which on it holds frames.
    /// All frames appended before are before it, and can be forgotten to the last byte with their segments.
    ///
    /// Returns `Ok` only when the new segment is durable. After an error a later turn or append tries again.
    pub fn turn(&mut self) -> Result<Position, AppendError> {
        let outcome = self.try_turn();
        if outcome.is_err() {
            add(&self.gauges.failures, 1);
        }
        outcome
    }

    /// All frames appended so far are before this position, and all later ones at it or after.
    pub fn end(&self) -> Position {
        self.current.position(self.end)
    }

    /// The largest batch, in bytes with headers and padding.
    pub fn batch_bytes_max(&self) -> u64 {
        self.segment_bytes - SEGMENT_HEADER_BYTES as u64
    }

    /// A reader of single frames.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shelves))
    }

    /// A handle to remove the oldest segments, beside whoever appends.
    pub fn forgetter(&self) -> Forgetter {
        self.forgetter.clone()
    }

    /// A handle to make the next segment's file ahead of time.
    pub fn spare(&self) -> Spare {
        Spare::new(Arc::clone(&self.shelf))
    }

    /// How the journal does.
    pub fn status(&self) -> Status {
        self.gauges.status()
    }

    pub(crate) fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.gauges)
    }

    fn try_append(&mut self, batch: &mut Batch) -> Result<Vec<Position>, AppendError> {
        if self.gauges.poisoned.load(Ordering::Relaxed) {
            return Err(AppendError::Poisoned);
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = batch.bytes() as u64;
        if bytes > self.batch_bytes_max() {
            return Err(AppendError::TooLarge { bytes, bytes_max: self.batch_bytes_max() });
        }
        self.clear_rubbish()?;
        if self.must_turn || bytes > self.current.bytes - self.end {
            self.begin_segment()?;
        }
        let first = self.current.position(self.end);
        let previous = batch.seal(self.current.salt, first, self.previous);
        if let Err(error) = self.file.write_at(batch.as_bytes(), self.end) {
            self.rubbish_end = self.end + bytes;
            return Err(write_error(error));
        }
        let begun = Instant::now();
        self.sync()?;
        self.count_sync(begun);
        self.end += bytes;
        self.previous = previous;
        self.publish(batch);
        if self.current.bytes - self.end < self.current.capacity() / 2 {
            self.shelf.wish();
        }
        Ok(batch.positions(first))
    }

    fn try_turn(&mut self) -> Result<Position, AppendError> {
        if self.gauges.poisoned.load(Ordering::Relaxed) {
            return Err(AppendError::Poisoned);
        }
        // What a failed write left would be damage in a segment that has a follower.
        self.clear_rubbish()?;
        if self.must_turn || self.end > SEGMENT_HEADER_BYTES as u64 {
            self.begin_segment()?;
        }
        Ok(self.end())
    }

    fn publish(&self, batch: &Batch) {
        add(&self.gauges.frames, batch.len() as u64);
        add(&self.gauges.frame_bytes, batch.bytes() as u64);
        self.publish_end();
    }

    fn publish_end(&self) {
        self.gauges.end.store(self.end(), Ordering::Relaxed);
        self.shelves.set_end(self.end());
    }

    fn count_sync(&self, begun: Instant) {
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        add(&self.gauges.syncs, 1);
        add(&self.gauges.sync_ns_total, took);
        self.gauges.sync_ns_max.fetch_max(took, Ordering::Relaxed);
    }

    fn sync(&mut self) -> Result<(), AppendError> {
        self.file.sync().map_err(|_| self.poison())
    }

    fn poison(&self) -> AppendError {
        self.gauges.poisoned.store(true, Ordering::Relaxed);
        AppendError::Poisoned
    }

    /// Puts zeros over what a failed write may have left, and syncs them before anything is written there: else frames
    /// of the failed batch could, after a crash, follow on those of the next.
    fn clear_rubbish(&mut self) -> Result<(), AppendError> {
        match wipe(self.file.as_ref(), self.end, self.rubbish_end) {
            Err(WipeError::Write(error)) => return Err(write_error(error)),
            Err(WipeError::Sync(_)) => return Err(self.poison()),
            Ok(()) => {}
        }
        self.rubbish_end = self.end;
        Ok(())
    }

    /// Makes sure that there are zeros behind the last frame on the medium too. An earlier opening may have failed when
    /// it wiped a torn tail: then its mark may still be there, though readers see a zero. While the segment is the last
    /// one that would count as a torn tail; once it has a follower, as damage.
    fn clear_rest(&mut self) -> Result<(), AppendError> {
        if self.recovered {
            write_zeros(self.file.as_ref(), self.end, self.current.bytes).map_err(write_error)?;
            self.sync()?;
            self.recovered = false;
        }
        Ok(())
    }

    /// Goes on to the next segment.
    fn begin_segment(&mut self) -> Result<(), AppendError> {
        let header = SegmentHeader {
            sequence: self.current.sequence + 1,
            start: self.current.end(),
            bytes: self.segment_bytes,
            salt: self.current.salt,
            previous: self.previous,
        };
        if self.shelves.len() as u64 >= SEGMENTS_MAX {
            let message = format!("a journal has at most {SEGMENTS_MAX} segments");
            return Err(AppendError::NoSpace(io::Error::other(message)));
        }
        self.clear_rest()?;
        let file = prepare(&self.shelf, &header).map_err(AppendError::NoSpace)?;
        self.must_turn = true;
        self.disk.rename(SPARE_NAME, &header.name()).map_err(AppendError::NoSpace)?;
        self.must_turn = false;
        self.current = header;
        self.file = file;
        self.end = SEGMENT_HEADER_BYTES as u64;
        self.rubbish_end = self.end;
        self.shelves.add(header);
        add(&self.gauges.segments, 1);
        add(&self.gauges.file_bytes, header.bytes);
        self.publish_end();
        Ok(())
    }
}

/// Takes the spare and gives it a synced header. After an error the file is left to be replaced.
fn prepare(shelf: &SpareShelf, header: &SegmentHeader) -> io::Result<Box<dyn DiskFile>> {
    let file = shelf.take()?;
    file.write_at(&header.to_block(), 0)?;
    file.sync()?;
    Ok(file)
}

/// Makes the first segment.
fn begin(disk: &dyn Disk, shelf: &SpareShelf, options: &Options) -> Result<Recovered, OpenError> {
    let header = SegmentHeader {
        sequence: SEQUENCE_FIRST,
        start: 0,
        bytes: options.segment_bytes,
        salt: options.salt.unwrap_or_else(|| RandomState::new().hash_one(0u8)),
        previous: 0,
    };
    let file = prepare(shelf, &header).map_err(OpenError::io(SPARE_NAME))?;
    disk.rename(SPARE_NAME, &header.name()).map_err(OpenError::io(header.name()))?;
    let recovery = Recovery { segments: 1, frames: 0, bytes: 0, end: 0, torn_tail: None };
    let end = SEGMENT_HEADER_BYTES as u64;
    Ok(Recovered { headers: vec![header], last: header, file, end, previous: 0, recovery })
}

fn write_error(error: io::Error) -> AppendError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::NoSpace(error),
        _ => AppendError::Write(error),
    }
}
