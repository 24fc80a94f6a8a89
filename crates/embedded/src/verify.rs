//! Verification: reads a whole store without changing a byte, down to each record. It goes on behind what it finds,
//! and must never decide what may be done about it.

use std::io;
use std::sync::Arc;

use journal::{Disk, DiskFile, Journal, Options, Position};

use crate::record::{Accepted, RecordError, read_frame};
use crate::recovery::JOURNAL_FOLDER;
use crate::sealed::verify::{folder, verify_days};

pub use crate::sealed::verify::FileFinding;

/// The most unreadable frames that are listed; all are counted.
pub const UNREADABLE_FRAMES_MAX: usize = 1_000;

/// What reading everything came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// The journal's files.
    pub journal: journal::Verified,
    /// Files of the sealed days.
    pub sealed_files: u64,
    /// How many bytes they have.
    pub sealed_bytes: u64,
    /// Clicks that were read.
    pub clicks: u64,
    /// Searches that were read.
    pub searches: u64,
    /// Files of the sealed days, their indexes and their list that are not as they should be.
    pub files: Vec<FileFinding>,
    /// The first [`UNREADABLE_FRAMES_MAX`] whole frames whose records can't be read.
    pub unreadable: Vec<UnreadableFrame>,
    /// How many there are in all.
    pub unreadable_total: u64,
}

impl Verified {
    /// Whether anything is damaged. A torn tail alone is no damage.
    #[must_use]
    pub fn damaged(&self) -> bool {
        self.journal.damaged() || self.unreadable_total > 0 || !self.files.is_empty()
    }
}

/// A whole frame of the journal whose records can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableFrame {
    /// Where it is.
    pub position: Position,
    /// Why it can't be read.
    pub error: RecordError,
}

/// Reads every record. Damage is listed; records behind it, which no opening would reach, are not counted.
///
/// # Errors
/// When the directory itself can't be listed.
pub fn verify(disk: Arc<dyn Disk>) -> Result<Verified, journal::OpenError> {
    let failed = |source| journal::OpenError::Io { file: "the store's folder".into(), source };
    let mut verified = Verified::default();
    let Some(days) = verify_days(&disk).map_err(failed)? else { return Ok(verified) };
    (verified.sealed_files, verified.sealed_bytes) = (days.files, days.bytes);
    (verified.clicks, verified.searches, verified.files) = (days.clicks, days.searches, days.findings);
    let begin = days.manifest.begin;
    let Some(folder) = folder(&disk, JOURNAL_FOLDER).map_err(failed)? else {
        if begin > 0 {
            verified.files.push(FileFinding { file: JOURNAL_FOLDER.into(), what: "it is missing".into() });
        }
        return Ok(verified);
    };
    verified.journal = journal::verify(folder.as_ref(), begin)?;
    if verified.journal.segments == 0 {
        return Ok(verified);
    }
    let mut read = |position, frame: &[u8]| {
        for record in read_frame(frame) {
            match record {
                Ok(Accepted::Click(_)) => verified.clicks += 1,
                Ok(Accepted::Search(..)) => verified.searches += 1,
                Err(error) => {
                    verified.unreadable_total += 1;
                    if verified.unreadable.len() < UNREADABLE_FRAMES_MAX {
                        verified.unreadable.push(UnreadableFrame { position, error });
                    }
                }
            }
        }
        Ok(())
    };
    // Why the journal can't be opened, if it can't, is among its findings already.
    let options = Options { begin, ..Options::default() };
    drop(Journal::open(Arc::new(Untouched(folder)), options, &mut read));
    Ok(verified)
}

/// A disk that is read as it is, and that takes no change: opening a journal cuts a torn tail, and here it must not.
struct Untouched(Arc<dyn Disk>);

struct UntouchedFile(Box<dyn DiskFile>);

impl Disk for Untouched {
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }
    fn create(&self, _name: &str, _bytes: u64) -> io::Result<Box<dyn DiskFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(UntouchedFile(self.0.open(name)?)))
    }
    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
    fn remove(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }
    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }
    fn read_small(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.read_small(name)
    }
    fn write_small(&self, _name: &str, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
    fn folder(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        if !self.0.folders()?.iter().any(|folder| folder == name) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok(Arc::new(Untouched(self.0.folder(name)?)))
    }
    fn folders(&self) -> io::Result<Vec<String>> {
        self.0.folders()
    }
    fn remove_folder(&self, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

impl DiskFile for UntouchedFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
