//! Writing a run: entries in order become blocks as they come, the filter is made from the blocks when all are written,
//! the header comes last. So memory is bounded by the fences, 16 bytes for some 400 entries. It must never know where
//! entries come from.

use journal::Disk;

use crate::keys::block::{BLOCK_BYTES, BlockBuilder};
use crate::keys::entry::Entry;
use crate::keys::error::KeysError;
use crate::keys::filter::{FilterBuilder, Line, lines_of};
use crate::keys::fingerprint::{Fingerprint, FingerprintKey};
use crate::keys::header::{Fence, HEADER_BYTES, Header, RunInfo, run_name};
use crate::keys::source::{Cursor, PIECE_BYTES, Pace, Source, at_once, keep_pace};

/// The most entries that a run may have.
pub const RUN_ENTRIES_MAX: u64 = 1 << 32;
/// How many bytes an entry may take on disk, all parts together, in runs of a million and more.
pub const ENTRY_BYTES_MAX: u64 = 12;
/// Smaller runs may take more bytes an entry: their filter isn't cut.
const CUT_ENTRIES_MIN: u64 = 1_000_000;
/// How many bits of a filter an entry has; fewer only so that [`ENTRY_BYTES_MAX`] holds.
const FILTER_BITS_MAX: u64 = 10;
const FILTER_BITS_MIN: u64 = 6;
/// What is written is synced in portions of this size, 8 MiB: were all of it synced in the end, a click that is to be
/// recorded at that moment would wait for all of it.
const SYNC_BYTES: usize = 8 << 20;

/// Writes a run of entries that come in order; the same entry twice is one. Returns only when the file is complete and
/// on the medium; `None` when there are no entries, and then there is no file.
///
/// # Errors
/// What was written is removed again, if the disk lets us: nothing lists it.
pub fn write_run(
    disk: &dyn Disk,
    key: &FingerprintKey,
    number: u64,
    entries: impl IntoIterator<Item = (Fingerprint, i32)>,
) -> Result<Option<RunInfo>, KeysError> {
    let mut entries = entries.into_iter().map(|(fingerprint, day)| Ok(Entry::new(fingerprint, day)));
    write_entries(disk, key.mark(), number, || entries.next().transpose(), &at_once)
}

/// Writes a run of whatever `next` gives.
pub(super) fn write_entries(
    disk: &dyn Disk,
    mark: u64,
    number: u64,
    mut next: impl FnMut() -> Result<Option<Entry>, KeysError>,
    pace: Pace<'_>,
) -> Result<Option<RunInfo>, KeysError> {
    let Some(first) = next()? else { return Ok(None) };
    let name = run_name(number);
    let written = match disk.create(&name, 0) {
        Ok(file) => write_all(&Source::new(name.clone(), file), mark, number, first, &mut next, pace),
        // The file of that name isn't ours to remove.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(KeysError::Disk { file: name, error });
        }
        Err(error) => Err(KeysError::Disk { file: name.clone(), error }),
    };
    if written.is_err() {
        // That this may fail too is of no weight, the first error is the news.
        let _ = disk.remove(&name);
    }
    written.map(Some)
}

fn write_all(
    source: &Source,
    mark: u64,
    number: u64,
    first: Entry,
    next: &mut impl FnMut() -> Result<Option<Entry>, KeysError>,
    pace: Pace<'_>,
) -> Result<RunInfo, KeysError> {
    let mut writer = Writer::new(source, first, pace);
    while let Some(entry) = next()? {
        writer.push(entry)?;
    }
    writer.finish(mark, number)
}

/// Appends to a file piece by piece, and syncs in portions.
struct Appender<'a> {
    source: &'a Source,
    pace: Pace<'a>,
    buffer: Vec<u8>,
    /// Where the buffer's first byte belongs.
    at: u64,
    unsynced: usize,
}

impl Appender<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), KeysError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), KeysError> {
        let bytes = self.buffer.len();
        self.write(self.at)?;
        self.at += bytes as u64;
        self.unsynced += bytes;
        if self.unsynced >= SYNC_BYTES {
            self.sync()?;
        }
        keep_pace(self.pace, bytes)
    }

    fn write(&mut self, at: u64) -> Result<(), KeysError> {
        self.source.file().write_at(&self.buffer, at).map_err(|error| self.source.disk_error(error))?;
        self.buffer.clear();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), KeysError> {
        self.unsynced = 0;
        self.source.file().sync().map_err(|error| self.source.disk_error(error))
    }
}

struct Writer<'a> {
    out: Appender<'a>,
    block: BlockBuilder,
    fences: Vec<Fence>,
    last: Entry,
    entries: u64,
    day_first: i32,
    day_last: i32,
}

impl<'a> Writer<'a> {
    fn new(source: &'a Source, first: Entry, pace: Pace<'a>) -> Writer<'a> {
        let buffer = Vec::with_capacity(PIECE_BYTES + BLOCK_BYTES);
        let out = Appender { source, pace, buffer, at: HEADER_BYTES as u64, unsynced: 0 };
        let mut block = BlockBuilder::default();
        // An empty block takes any entry.
        block.push(first);
        let (day_first, day_last) = (first.day(), first.day());
        Writer { out, block, fences: Vec::new(), last: first, entries: 1, day_first, day_last }
    }

    fn push(&mut self, entry: Entry) -> Result<(), KeysError> {
        if entry <= self.last {
            return if entry == self.last { Ok(()) } else { self.refuse("entries out of order") };
        }
        if self.entries == RUN_ENTRIES_MAX {
            return self.refuse("too many entries");
        }
        if !self.block.push(entry) {
            self.finish_block()?;
            self.block.push(entry);
        }
        self.last = entry;
        self.entries += 1;
        self.day_first = self.day_first.min(entry.day());
        self.day_last = self.day_last.max(entry.day());
        Ok(())
    }

    fn refuse(&self, why: &'static str) -> Result<(), KeysError> {
        Err(KeysError::Mistake { file: self.out.source.name().to_owned(), why })
    }

    fn finish_block(&mut self) -> Result<(), KeysError> {
        let Some((bytes, first)) = self.block.finish() else { return Ok(()) };
        self.fences.push(Fence { first, check: crc32fast::hash(&bytes) });
        self.out.append(&bytes)
    }

    fn finish(mut self, mark: u64, number: u64) -> Result<RunInfo, KeysError> {
        self.finish_block()?;
        let mut fences_check = crc32fast::Hasher::new();
        for fence in &self.fences {
            let bytes = fence.to_bytes();
            fences_check.update(&bytes);
            self.out.append(&bytes)?;
        }
        self.out.flush()?;
        let Self { mut out, fences, .. } = self;
        let filter_lines = lines_of(self.entries, filter_bits(self.entries, out.at));
        let mut filter_check = crc32fast::Hasher::new();
        each_line(Cursor::new(out.source, &fences, out.pace), filter_lines, |line| {
            let bytes = line.to_bytes();
            filter_check.update(&bytes);
            out.append(&bytes)
        })?;
        out.flush()?;
        let header = Header {
            number,
            entries: self.entries,
            mark,
            // Even entries that fill a block worst leave fewer blocks than entries.
            blocks: u32::try_from(fences.len()).unwrap_or(u32::MAX),
            filter_lines,
            day_first: self.day_first,
            day_last: self.day_last,
            fences_check: fences_check.finalize(),
            filter_check: filter_check.finalize(),
        };
        let (bytes, info) = header.to_bytes();
        out.buffer.extend_from_slice(&bytes);
        out.write(0)?;
        out.sync()?;
        Ok(info)
    }
}

/// How many bits of a filter each entry gets when the other parts of the file take so many bytes.
fn filter_bits(entries: u64, other_bytes: u64) -> u64 {
    if entries < CUT_ENTRIES_MIN {
        return FILTER_BITS_MAX;
    }
    let left = (entries * ENTRY_BYTES_MAX).saturating_sub(other_bytes);
    (left * 8 / entries).clamp(FILTER_BITS_MIN, FILTER_BITS_MAX)
}

/// Makes the lines of the filter of a run.
pub(super) fn each_line(
    mut entries: Cursor<'_>,
    lines: u32,
    mut each: impl FnMut(Line) -> Result<(), KeysError>,
) -> Result<(), KeysError> {
    let mut filter = FilterBuilder::new(lines);
    while let Some(entry) = entries.next()? {
        filter.push(entry.fingerprint(), &mut each)?;
    }
    filter.finish(&mut each)
}
