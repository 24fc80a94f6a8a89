//! Reading single frames by their position, from any thread, while the journal is being written.
//!
//! It must never show a frame that is not synced, nor know what a payload means.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::Position;
use crate::disk::{Disk, DiskFile, read_full};
use crate::error::ReadError;
use crate::frame::{FRAME_ALIGN_BYTES, FRAME_HEADER_BYTES, FrameHeader};
use crate::segment::{SEGMENT_HEADER_BYTES, SegmentHeader};

/// How many segments are kept open for reading, so that a long journal can't use up the process's files.
pub const OPEN_SEGMENTS_MAX: usize = 64;

/// One read brings the header and, for most frames, the whole payload.
const READ_AHEAD_BYTES: usize = 4096;

/// Where the frames are, shared by the journal and its readers.
pub(crate) struct Shelves {
    disk: Arc<dyn Disk>,
    /// Oldest first; the last is the one that is written.
    segments: RwLock<Vec<SegmentHeader>>,
    /// Nothing before this position is shown, though its file may still be about to go.
    hidden: AtomicU64,
    open: Mutex<VecDeque<(u64, Arc<dyn DiskFile>)>>,
    /// The position behind the last synced frame.
    end: AtomicU64,
}

impl Shelves {
    pub(crate) fn new(disk: Arc<dyn Disk>, segments: Vec<SegmentHeader>, end: Position) -> Shelves {
        let open = Mutex::new(VecDeque::new());
        let (segments, hidden) = (RwLock::new(segments), AtomicU64::new(0));
        Shelves { disk, segments, hidden, open, end: AtomicU64::new(end) }
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    pub(crate) fn add(&self, header: SegmentHeader) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).push(header);
    }

    pub(crate) fn set_end(&self, end: Position) {
        self.end.store(end, Ordering::Release);
    }

    pub(crate) fn end(&self) -> Position {
        self.end.load(Ordering::Acquire)
    }

    /// How many segments there are.
    pub(crate) fn len(&self) -> usize {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The oldest segment, if it ends at or before `position` and is not the one that is written.
    pub(crate) fn oldest_before(&self, position: Position) -> Option<SegmentHeader> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let oldest = segments.first().filter(|oldest| segments.len() > 1 && oldest.end() <= position);
        oldest.copied()
    }

    /// Shows nothing more of the segments before `position`, and closes them: an open file would keep its space.
    pub(crate) fn hide_before(&self, position: Position) {
        self.hidden.fetch_max(position, Ordering::AcqRel);
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let shown = segments.iter().find(|segment| segment.start >= position);
        let first = shown.map_or(u64::MAX, |segment| segment.sequence);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(sequence, _)| *sequence >= first);
    }

    /// Takes out the oldest segment, whose file is gone.
    pub(crate) fn take_out(&self, oldest: &SegmentHeader) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).retain(|segment| segment != oldest);
    }

    fn find(&self, position: Position) -> Option<SegmentHeader> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let behind = segments.partition_point(|segment| segment.start <= position);
        segments.get(behind.checked_sub(1)?).copied()
    }

    /// The file of a segment; `None` when it is hidden.
    fn file(&self, segment: &SegmentHeader) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked up under the lock: who hides a segment closes it under the same lock, and after this it stays closed.
        if segment.start < self.hidden.load(Ordering::Acquire) {
            return Ok(None);
        }
        if let Some((_, file)) = open.iter().find(|(sequence, _)| *sequence == segment.sequence) {
            return Ok(Some(Arc::clone(file)));
        }
        let file: Arc<dyn DiskFile> = Arc::from(self.disk.open(&segment.name())?);
        if open.len() >= OPEN_SEGMENTS_MAX {
            open.pop_front();
        }
        open.push_back((segment.sequence, Arc::clone(&file)));
        Ok(Some(file))
    }
}

/// Reads frames by position. Cheap to clone; usable from any thread; outlives the journal.
#[derive(Clone)]
pub struct Reader {
    shelves: Arc<Shelves>,
}

impl Reader {
    pub(crate) fn new(shelves: Arc<Shelves>) -> Reader {
        Reader { shelves }
    }

    /// The position behind the last frame that is synced.
    pub fn end(&self) -> Position {
        self.shelves.end()
    }

    /// The payload at a position that `append` or the replay gave out. Its checksums are checked.
    pub fn read(&self, position: Position) -> Result<Vec<u8>, ReadError> {
        if position >= self.end() || !position.is_multiple_of(FRAME_ALIGN_BYTES as u64) {
            return Err(ReadError::NotFound(position));
        }
        let segment = self.shelves.find(position).ok_or(ReadError::NotFound(position))?;
        let offset = position - segment.start + SEGMENT_HEADER_BYTES as u64;
        let failed = |source| ReadError::Io { file: segment.name(), source };
        let damaged = || ReadError::Damaged { file: segment.name(), offset };

        let file = self.shelves.file(&segment).map_err(failed)?.ok_or(ReadError::NotFound(position))?;
        let mut bytes = vec![0; READ_AHEAD_BYTES];
        let read = read_full(file.as_ref(), &mut bytes, offset).map_err(failed)?;
        bytes.truncate(read);
        let header = FrameHeader::read(&bytes, segment.salt, position).ok_or_else(damaged)?;
        bytes.resize(header.frame_bytes(), 0);
        if header.frame_bytes() > read {
            let missing =
                read_full(file.as_ref(), &mut bytes[read..], offset + read as u64).map_err(failed)?;
            if read + missing < header.frame_bytes() {
                return Err(damaged());
            }
        }
        header.payload(&bytes).ok_or_else(damaged)?;
        bytes.truncate(FRAME_HEADER_BYTES + header.payload_bytes);
        bytes.drain(..FRAME_HEADER_BYTES);
        Ok(bytes)
    }
}
