//! Generations: the registry's journal is written anew when too much of it is outdated, beside the old one and under
//! another prefix; a small file, the head, tells which one counts. This room knows names and the head, no record.

use std::io;
use std::sync::Arc;

use journal::{Disk, DiskFile};

use crate::error::OpenError;
use crate::secret::MasterSecret;

/// The head's name.
pub(crate) const HEAD: &str = "registry.head";
/// The version of the registry's files.
pub(crate) const REGISTRY_VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"CTALLYR\0";
const HEAD_BYTES: usize = 56;

/// What a generation's files begin with.
pub(crate) fn prefix(generation: u64) -> String {
    format!("generation-{generation:08}-")
}

/// Proves that a secret is the one that the registry was made with, without telling anything about it.
pub(crate) type SecretCheck = [u8; 32];

pub(crate) fn secret_check(secret: &MasterSecret) -> SecretCheck {
    secret.derive("registry check")
}

/// The head: which generation counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) generation: u64,
    pub(crate) check: SecretCheck,
}

impl Head {
    /// Reads the head, if there is one.
    pub(crate) fn read(disk: &dyn Disk) -> Result<Option<Self>, OpenError> {
        let damaged = |what: &str| OpenError::Damaged { file: HEAD.to_owned(), what: what.to_owned() };
        let Some(bytes) = disk.read_small(HEAD).map_err(OpenError::disk(HEAD))? else { return Ok(None) };
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| damaged("it is too short"))?;
        let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(|| damaged("it is too short"))?;
        if magic != MAGIC {
            return Err(damaged("it does not begin as a registry's head"));
        }
        let found = u32::from_le_bytes(*version);
        if found > REGISTRY_VERSION {
            return Err(OpenError::Newer { file: HEAD.to_owned(), found, known: REGISTRY_VERSION });
        }
        let (whole, sum) = bytes.split_at(bytes.len() - 4);
        if bytes.len() != HEAD_BYTES || found == 0 || crc32fast::hash(whole).to_le_bytes() != sum {
            return Err(damaged("its checksum is wrong"));
        }
        let (generation, rest) = rest.split_first_chunk().ok_or_else(|| damaged("it is too short"))?;
        let check = *rest.first_chunk().ok_or_else(|| damaged("it is too short"))?;
        Ok(Some(Self { generation: u64::from_le_bytes(*generation), check }))
    }

    /// Writes the head. Returns only when it is durable; a crash on the way leaves the old or the new one.
    pub(crate) fn write(self, disk: &dyn Disk) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&REGISTRY_VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&self.check);
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        disk.write_small(HEAD, &bytes)
    }
}

/// The generation that a file belongs to, if it is one of a generation.
pub(crate) fn generation_of(name: &str) -> Option<u64> {
    let (number, _) = name.strip_prefix("generation-")?.split_once('-')?;
    number.parse().ok()
}

/// Removes the files of every generation but `keep`.
pub(crate) fn remove_others(disk: &dyn Disk, keep: u64) -> io::Result<()> {
    for name in disk.list()? {
        if generation_of(&name).is_some_and(|generation| generation != keep) {
            disk.remove(&name)?;
        }
    }
    Ok(())
}

/// The part of a directory whose names have one prefix, as a directory of its own.
pub(crate) struct GenerationDisk {
    disk: Arc<dyn Disk>,
    prefix: String,
}

impl GenerationDisk {
    pub(crate) fn new(disk: &Arc<dyn Disk>, generation: u64) -> Self {
        Self { disk: Arc::clone(disk), prefix: prefix(generation) }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl Disk for GenerationDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let names = self.disk.list()?.into_iter();
        Ok(names.filter_map(|name| name.strip_prefix(&self.prefix).map(str::to_owned)).collect())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn DiskFile>> {
        self.disk.create(&self.name(name), bytes)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(&self.name(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(&self.name(from), &self.name(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(&self.name(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_names()
    }

    fn read_small(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.disk.read_small(&self.name(name))
    }

    fn write_small(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk.write_small(&self.name(name), bytes)
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        self.disk.folder(&self.name(name))
    }

    fn folders(&self) -> io::Result<Vec<String>> {
        let names = self.disk.folders()?.into_iter();
        Ok(names.filter_map(|name| name.strip_prefix(&self.prefix).map(str::to_owned)).collect())
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        self.disk.remove_folder(&self.name(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::SimulatedDisk;

    const GOOD: Head = Head { generation: 3, check: [7; 32] };

    #[test]
    fn a_head_reads_back_and_any_changed_or_missing_byte_is_noticed() {
        let disk = SimulatedDisk::new();
        assert!(matches!(Head::read(&disk), Ok(None)));
        GOOD.write(&disk).unwrap();
        assert_eq!(Head::read(&disk).unwrap(), Some(GOOD));
        let bytes = disk.read_small(HEAD).unwrap().unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            disk.write_small(HEAD, &changed).unwrap();
            assert!(Head::read(&disk).is_err(), "byte {place}");
            disk.write_small(HEAD, &bytes[..place]).unwrap();
            assert!(Head::read(&disk).is_err(), "length {place}");
        }
    }

    #[test]
    fn a_newer_head_is_named_as_such_whatever_follows() {
        let disk = SimulatedDisk::new();
        disk.write_small(HEAD, &[&MAGIC[..], &[9, 0, 0, 0], b"whatever"].concat()).unwrap();
        assert!(matches!(Head::read(&disk), Err(OpenError::Newer { found: 9, known: 1, .. })));
    }

    #[test]
    fn a_generation_sees_its_own_files_only() {
        let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::new());
        let (one, two) = (GenerationDisk::new(&disk, 1), GenerationDisk::new(&disk, 2));
        one.write_small("a", b"1").unwrap();
        two.write_small("a", b"2").unwrap();
        disk.write_small("other", b"3").unwrap();
        assert_eq!(one.list().unwrap(), ["a"]);
        assert_eq!(two.read_small("a").unwrap().unwrap(), b"2");
        remove_others(disk.as_ref(), 2).unwrap();
        assert_eq!(disk.list().unwrap(), ["generation-00000002-a", "other"]);
    }
}
