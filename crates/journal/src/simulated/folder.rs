//! One directory of the simulated disk: its names, and which of them a loss of power leaves.
//!
//! It must never know what is in a file.

use std::collections::BTreeMap;
use std::io;

use super::random::Random;
use crate::disk::check_plain;

pub(super) type FileId = u64;
pub(super) type FolderId = u64;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    File(FileId),
    Folder(FolderId),
}

pub(super) enum NameChange {
    Create(String, Entry),
    Rename(String, String),
    Remove(String),
}

impl NameChange {
    /// Makes the change; one whose file is not there is void.
    fn apply(&self, names: &mut BTreeMap<String, Entry>) {
        match self {
            NameChange::Create(name, entry) => {
                names.insert(name.clone(), *entry);
            }
            NameChange::Rename(from, to) => {
                if let Some(entry) = names.remove(from) {
                    names.insert(to.clone(), entry);
                }
            }
            NameChange::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

#[derive(Default)]
pub(super) struct SimulatedFolder {
    names: BTreeMap<String, Entry>,
    durable_names: BTreeMap<String, Entry>,
    /// Changes of names since the directory was last synced.
    unsynced_names: Vec<NameChange>,
}

impl SimulatedFolder {
    pub(super) fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.durable_names.clone_from(&self.names);
        self.unsynced_names.clear();
    }

    /// Each unsynced change of a name is kept or lost.
    pub(super) fn crash(&mut self, random: &mut Random) {
        for change in std::mem::take(&mut self.unsynced_names) {
            if random.below(2) == 0 {
                change.apply(&mut self.durable_names);
            }
        }
        self.names.clone_from(&self.durable_names);
    }

    /// Puts a durable name in place, whatever was there.
    pub(super) fn put(&mut self, name: &str, entry: Entry) {
        self.names.insert(name.to_owned(), entry);
        self.durable_names.insert(name.to_owned(), entry);
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.names.values().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names of all that `kind` chooses, sorted.
    pub(super) fn names(&self, kind: impl Fn(Entry) -> bool) -> Vec<String> {
        self.names.iter().filter(|(_, entry)| kind(**entry)).map(|(name, _)| name.clone()).collect()
    }

    /// Refuses a name that is taken, or that no file may have.
    pub(super) fn check_free(&self, name: &str) -> io::Result<()> {
        check_plain(name)?;
        if self.names.contains_key(name) { Err(io::ErrorKind::AlreadyExists.into()) } else { Ok(()) }
    }

    pub(super) fn file(&self, name: &str) -> io::Result<FileId> {
        match self.names.get(name) {
            Some(Entry::File(file)) => Ok(*file),
            Some(Entry::Folder(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn folder(&self, name: &str) -> io::Result<FolderId> {
        match self.names.get(name) {
            Some(Entry::Folder(folder)) => Ok(*folder),
            Some(Entry::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
