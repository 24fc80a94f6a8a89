//! Verification, for `check`: reads a whole registry without changing a byte and without the master secret, and lists
//! everything that is not as it should be.

use std::io;
use std::sync::Arc;

use journal::{Disk, DiskFile, Options};

use crate::error::OpenError;
use crate::generation::{GenerationDisk, Head, prefix};
use crate::opening::{check_present, open_journal};
use crate::record::Records;

/// What reading everything came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What the journal says of its files; their names lack the prefix.
    pub journal: journal::Verified,
    /// What the names of the files begin with.
    pub prefix: String,
    /// How many whole records.
    pub records: u64,
    /// Frames that are whole, and records in them that can't be read; at most one a frame, at most
    /// [`journal::FINDINGS_MAX`].
    pub unreadable: Vec<String>,
}

impl Verified {
    /// Whether opening the registry would refuse.
    #[must_use]
    pub fn damaged(&self) -> bool {
        self.journal.damaged() || !self.unreadable.is_empty()
    }
}

/// Reads every file of the registry in a directory; `None` where there is none.
///
/// # Errors
/// [`OpenError`] when the head or the directory itself can't be read.
pub fn verify(disk: &Arc<dyn Disk>) -> Result<Option<Verified>, OpenError> {
    let Some(head) = Head::read(disk.as_ref())? else { return Ok(None) };
    check_present(disk, head.generation)?;
    let own = GenerationDisk::new(disk, head.generation);
    let prefix = prefix(head.generation);
    let journal =
        journal::verify(&own, 0).map_err(|error| OpenError::Journal { files: prefix.clone(), error })?;
    let mut verified = Verified { journal, prefix, records: 0, unreadable: Vec::new() };
    if verified.journal.damaged() {
        return Ok(Some(verified));
    }
    let frozen: Arc<dyn Disk> = Arc::new(FrozenDisk(Arc::clone(disk)));
    open_journal(&frozen, head.generation, &Options::default(), &mut |position, payload| {
        let found = Records::of(payload)
            .and_then(|mut records| records.try_fold(0, |count, record| record.map(|_| count + 1)));
        match found {
            Ok(records) => verified.records += records,
            Err(error) if verified.unreadable.len() < journal::FINDINGS_MAX => {
                verified.unreadable.push(format!("{}*, position {position}: {error}", verified.prefix));
            }
            Err(_) => {}
        }
        Ok(())
    })?;
    Ok(Some(verified))
}

/// A directory that can be read as if it could be written: what recovery would mend goes nowhere.
struct FrozenDisk(Arc<dyn Disk>);

struct FrozenFile(Box<dyn DiskFile>);

impl Disk for FrozenDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str, _bytes: u64) -> io::Result<Box<dyn DiskFile>> {
        Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, format!("{name} is not made to be read")))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FrozenFile(self.0.open(name)?)))
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Ok(())
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
        Ok(())
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        if !self.0.folders()?.iter().any(|folder| folder == name) {
            return Err(io::Error::new(
                io::ErrorKind::ReadOnlyFilesystem,
                format!("{name} is not made to be read"),
            ));
        }
        Ok(Arc::new(FrozenDisk(self.0.folder(name)?)))
    }

    fn folders(&self) -> io::Result<Vec<String>> {
        self.0.folders()
    }

    fn remove_folder(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for FrozenFile {
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
