//! The index of a part as a file: sections with checks, drawn in `docs/formats/index.md`. A file that is missing, damaged
//! or of another part is told apart from none: whoever asks builds it anew. It must never know what a section says.

use std::io;
use std::ops::Range;

use journal::{Disk, DiskFile};

use crate::index::directory::{place, put_u32, u32_at};
use crate::store_files::{read_exactly, write_file};

/// The version of the format.
const INDEX_VERSION: u32 = 6;
const MAGIC: &[u8; 8] = b"ctindex\0";
/// How many sections there are.
pub const SECTIONS: usize = 9;
const SECTION_BYTES: usize = 20;
const HEADER_BYTES: usize = 24 + SECTIONS * SECTION_BYTES + 4;

/// The sections, by their place in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Engines = 0,
    Kinds = 1,
    Postings = 2,
    Counters = 3,
    /// Rows by the hash of an id: clicks that wait for a search, or searches.
    Ids = 4,
    /// Visitors.
    Users = 5,
    /// Ranks, or how much was found.
    Figures = 6,
    /// Clicks from results placed by hand.
    CustomResults = 7,
    /// The searches that clicks name, or searches.
    Queries = 8,
}

/// All of them.
pub const SECTIONS_ALL: [Section; SECTIONS] = [
    Section::Engines,
    Section::Kinds,
    Section::Postings,
    Section::Counters,
    Section::Ids,
    Section::Users,
    Section::Figures,
    Section::CustomResults,
    Section::Queries,
];

/// Why an index can't be used: it has to be built anew.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// There is none.
    #[error("it is missing")]
    Missing,
    /// It was written by another version of this program.
    #[error("it has version {0}")]
    Version(u32),
    /// It was built of another part, or of another content of it.
    #[error("it belongs to another part")]
    Stale,
    /// It is not what was written.
    #[error("it is damaged")]
    Damaged,
    /// The disk failed.
    #[error("{0}")]
    Io(io::Error),
}

/// Which part an index belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub part: u32,
    /// The check of the part's footer.
    pub check: u32,
    /// The generation of names whose numbers it has.
    pub names: u32,
}

/// The name of a part's index.
pub fn index_name(part: u32) -> String {
    format!("part-{part:08}.index")
}

/// Writes an index; it is synced.
///
/// # Errors
/// The disk's own.
pub fn write_index(disk: &dyn Disk, owner: Owner, sections: [&[u8]; SECTIONS]) -> io::Result<u64> {
    let mut bytes =
        Vec::with_capacity(HEADER_BYTES + sections.iter().map(|section| section.len()).sum::<usize>());
    bytes.extend_from_slice(MAGIC);
    for word in [INDEX_VERSION, owner.part, owner.check, owner.names] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    let mut offset = HEADER_BYTES as u64;
    for section in sections {
        bytes.extend_from_slice(&crc32fast::hash(section).to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&(section.len() as u64).to_le_bytes());
        offset += section.len() as u64;
    }
    let check = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&check.to_le_bytes());
    sections.iter().for_each(|section| bytes.extend_from_slice(section));
    write_file(disk, &index_name(owner.part), &bytes)?;
    Ok(bytes.len() as u64)
}

/// An index whose header is read. Its file is opened when a section is.
#[derive(Debug, Clone)]
pub struct IndexFile {
    owner: Owner,
    /// Offset, length and check.
    sections: [(u64, u64, u32); SECTIONS],
}

impl IndexFile {
    /// Reads the header.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn open(disk: &dyn Disk, owner: Owner) -> Result<Self, IndexError> {
        let file = open(disk, owner)?;
        let header = exactly(file.as_ref(), 0, HEADER_BYTES)?;
        let checked = header.len() - 4;
        if !header.starts_with(MAGIC) {
            return Err(IndexError::Damaged);
        }
        let version = u32_at(&header, 8);
        if version != INDEX_VERSION {
            return Err(IndexError::Version(version));
        }
        if crc32fast::hash(&header[..checked]) != u32_at(&header, checked) {
            return Err(IndexError::Damaged);
        }
        let found =
            Owner { part: u32_at(&header, 12), check: u32_at(&header, 16), names: u32_at(&header, 20) };
        if found != owner {
            return Err(IndexError::Stale);
        }
        let mut sections = [(0, 0, 0); SECTIONS];
        for (section, bytes) in sections.iter_mut().zip(header[24..].chunks_exact(SECTION_BYTES)) {
            let word = |at| u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32;
            *section = (word(4), word(12), u32_at(bytes, 0));
        }
        let end = sections.last().map_or(0, |section| section.0.saturating_add(section.1));
        if file.len().map_err(IndexError::Io)? != end {
            return Err(IndexError::Damaged);
        }
        Ok(Self { owner, sections })
    }

    /// Reads a section as a whole, and checks it.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn read(&self, disk: &dyn Disk, section: Section) -> Result<Vec<u8>, IndexError> {
        let (offset, bytes, check) = self.sections[section as usize];
        let length = usize::try_from(bytes).map_err(|_| IndexError::Damaged)?;
        let bytes = exactly(open(disk, self.owner)?.as_ref(), offset, length)?;
        if crc32fast::hash(&bytes) == check { Ok(bytes) } else { Err(IndexError::Damaged) }
    }

    /// How many bytes a section has.
    pub fn section_bytes(&self, section: Section) -> usize {
        usize::try_from(self.sections[section as usize].1).unwrap_or(usize::MAX)
    }

    /// How many bytes the file has.
    pub const fn file_bytes(&self) -> u64 {
        let (offset, bytes, _) = self.sections[SECTIONS - 1];
        offset + bytes
    }

    /// Rows by the hash of an id. A hash may have rows of other ids.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn rows_with(&self, disk: &dyn Disk, hash: u32) -> Result<Vec<u64>, IndexError> {
        // Read as a whole, since only so it can be checked; whoever asks does so for few parts.
        let ids = self.read(disk, Section::Ids)?;
        let rows = ids.len() / ID_BYTES;
        let at = |row: usize| u32_at(&ids, row * ID_BYTES);
        let first = partition(0..rows, |row| at(row) < hash);
        let same = (first..rows).take_while(|row| at(*row) == hash);
        Ok(same.map(|row| u64::from(u32_at(&ids, row * ID_BYTES + 4))).collect())
    }
}

/// The first of a range for which something no longer holds.
fn partition(range: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = usize::midpoint(low, high);
        if holds(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// How many bytes a row takes in [`Section::Ids`].
const ID_BYTES: usize = 8;

/// The bytes of [`Section::Ids`]: hashes of ids and their rows.
pub fn put_ids(mut ids: Vec<(u32, u32)>) -> Vec<u8> {
    ids.sort_unstable();
    let mut bytes = Vec::with_capacity(ids.len() * ID_BYTES);
    for (hash, row) in ids {
        bytes.extend_from_slice(&hash.to_le_bytes());
        put_u32(&mut bytes, place(row));
    }
    bytes
}

/// Reads [`Section::Ids`] back.
pub fn read_ids(bytes: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    bytes.chunks_exact(ID_BYTES).map(|id| (u32_at(id, 0), u32_at(id, 4)))
}

fn open(disk: &dyn Disk, owner: Owner) -> Result<Box<dyn DiskFile>, IndexError> {
    disk.open(&index_name(owner.part)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => IndexError::Missing,
        _ => IndexError::Io(error),
    })
}

fn exactly(file: &dyn DiskFile, offset: u64, length: usize) -> Result<Vec<u8>, IndexError> {
    // A length that the file can't have is not trusted with memory.
    let file_bytes = file.len().map_err(IndexError::Io)?;
    if offset.checked_add(length as u64).is_none_or(|end| end > file_bytes) {
        return Err(IndexError::Damaged);
    }
    read_exactly(file, offset, length).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => IndexError::Damaged,
        _ => IndexError::Io(error),
    })
}
