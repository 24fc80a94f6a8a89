//! A disk in memory that crashes, tears and fails on demand, for tests of whatever is durable.
//!
//! It keeps what is durable and what is merely written apart, sector by sector and name by name. It must never know what
//! is written.

mod file;
mod folder;
mod random;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::file::SimulatedFile;
use self::folder::{Entry, FileId, FolderId, NameChange, SimulatedFolder};
use self::random::Random;
use crate::disk::{Disk, DiskFile, check_plain, check_small};

/// What a medium writes in one piece: a crash leaves each sector as it was at some moment since its last sync.
pub const SECTOR_BYTES: usize = 512;

/// The directory that every disk has.
const ROOT: FolderId = 0;

/// Kinds of operations that a [`Fault`] can hit and that count for [`SimulatedDisk::stop_after`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A new name.
    Create,
    /// A write of bytes.
    Write,
    /// A sync of a file.
    Sync,
    /// A changed name.
    Rename,
    /// A removed name.
    Remove,
    /// A sync of the directory.
    SyncNames,
    /// A read; it doesn't count for [`SimulatedDisk::stop_after`].
    Read,
}

/// An injected failure.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What fails.
    pub operation: Operation,
    /// How many such operations still succeed.
    pub after: u64,
    /// How many fail then.
    pub times: u64,
    /// With what, for instance `StorageFull`.
    pub error: io::ErrorKind,
    /// How many bytes a failing write writes all the same.
    pub bytes_written: usize,
}

impl Fault {
    /// The next operation of a kind fails, once.
    pub fn next(operation: Operation, error: io::ErrorKind) -> Fault {
        Fault { operation, after: 0, times: 1, error, bytes_written: 0 }
    }
}

#[derive(Default)]
struct State {
    files: BTreeMap<FileId, SimulatedFile>,
    /// Removed ones stay until the next crash: unless its removal is synced, a folder may come back.
    folders: BTreeMap<FolderId, SimulatedFolder>,
    /// How many files and folders were ever made; the last one's id.
    made: u64,
    /// Grows with each crash; handles of an earlier life are dead.
    life: u64,
    operations: u64,
    stop_at: Option<u64>,
    faults: Vec<Fault>,
    /// How long a sync of an open file takes.
    sync_takes: Duration,
}

impl State {
    /// Counts an operation, and fails it if it is its turn.
    fn step(&mut self, operation: Operation) -> Result<(), (io::Error, usize)> {
        if self.stop_at.is_some_and(|stop_at| self.operations >= stop_at) {
            return Err((io::Error::other("the disk is dead"), 0));
        }
        if operation != Operation::Read {
            self.operations += 1;
        }
        let due = |fault: &Fault| fault.operation == operation && fault.times > 0;
        for fault in self.faults.iter_mut().filter(|fault| due(fault)) {
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            fault.times -= 1;
            return Err((io::Error::new(fault.error, "injected"), fault.bytes_written));
        }
        Ok(())
    }

    fn step_simply(&mut self, operation: Operation) -> io::Result<()> {
        self.step(operation).map_err(|(error, _)| error)
    }

    fn change_name(&mut self, folder: FolderId, operation: Operation, change: NameChange) -> io::Result<()> {
        self.step_simply(operation)?;
        self.folder(folder)?.change(change);
        self.sync_names(folder)
    }

    fn sync_names(&mut self, folder: FolderId) -> io::Result<()> {
        self.step_simply(Operation::SyncNames)?;
        self.folder(folder)?.sync();
        Ok(())
    }

    fn write(&mut self, file: FileId, bytes: &[u8], offset: u64) -> io::Result<()> {
        let outcome = self.step(Operation::Write);
        let written =
            outcome.as_ref().map_or_else(|(_, written)| (*written).min(bytes.len()), |()| bytes.len());
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        self.file(file)?.write(&bytes[..written], offset);
        outcome.map_err(|(error, _)| error)
    }

    fn sync(&mut self, file: FileId) -> io::Result<()> {
        let outcome = self.step_simply(Operation::Sync);
        let file = self.file(file)?;
        match &outcome {
            Ok(()) => file.sync(),
            Err(_) => file.fail_sync(),
        }
        outcome
    }

    fn file(&mut self, file: FileId) -> io::Result<&mut SimulatedFile> {
        self.files.get_mut(&file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// A directory that is there. Only one that lost its name in a crash, or was removed before one, is not.
    fn folder(&mut self, folder: FolderId) -> io::Result<&mut SimulatedFolder> {
        if folder == ROOT {
            return Ok(self.folders.entry(ROOT).or_default());
        }
        self.folders.get_mut(&folder).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn next_id(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn make_folder(&mut self, parent: FolderId, name: &str) -> io::Result<FolderId> {
        self.step_simply(Operation::Create)?;
        let folder = self.next_id();
        self.folders.insert(folder, SimulatedFolder::default());
        self.folder(parent)?.change(NameChange::Create(name.to_owned(), Entry::Folder(folder)));
        if let Err(error) = self.sync_names(parent) {
            // As on a real disk: the next call must not take the unsynced name for a durable one.
            self.folder(parent)?.change(NameChange::Remove(name.to_owned()));
            return Err(error);
        }
        Ok(folder)
    }

    /// Drops what has no name any more.
    fn retain_named(&mut self) {
        let mut files = BTreeSet::new();
        let mut folders = BTreeSet::from([ROOT]);
        let mut to_visit = vec![ROOT];
        while let Some(folder) = to_visit.pop() {
            for entry in self.folders.get(&folder).into_iter().flat_map(SimulatedFolder::entries) {
                match entry {
                    Entry::File(file) => {
                        files.insert(file);
                    }
                    Entry::Folder(inner) => {
                        folders.insert(inner);
                        to_visit.push(inner);
                    }
                }
            }
        }
        self.files.retain(|file, _| files.contains(file));
        self.folders.retain(|folder, _| folders.contains(folder));
    }

    fn restart(&mut self) {
        self.life += 1;
        self.faults.clear();
        self.stop_at = None;
    }
}

/// A disk in memory. Clones are handles of the same directory; all directories of a disk share its operations, its
/// faults and its losses of power.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
    folder: FolderId,
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> SimulatedDisk {
        SimulatedDisk::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loses power, and comes back: each unsynced sector and each unsynced name is kept, lost or torn as `seed` says.
    /// Injected faults and a stop are forgotten; open files are dead.
    pub fn crash(&self, seed: u64) {
        let mut random = Random(seed);
        let mut state = self.lock();
        let state = &mut *state;
        state.folders.values_mut().for_each(|folder| folder.crash(&mut random));
        state.retain_named();
        state.files.values_mut().for_each(|file| file.crash(&mut random));
        state.restart();
    }

    /// The process ends and begins again, with power all the time: what was written is still to be seen.
    pub fn restart(&self) {
        self.lock().restart();
    }

    /// Adds a fault. Of several that are due the first hits.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Each sync of an open file takes so long from now on; before this call none takes time.
    pub fn slow_down(&self, sync_takes: Duration) {
        self.lock().sync_takes = sync_takes;
    }

    /// Forgets all faults and a stop.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.faults.clear();
        state.stop_at = None;
    }

    /// After this many more operations every one fails, reads too, until the next crash or restart.
    pub fn stop_after(&self, operations: u64) {
        let mut state = self.lock();
        state.stop_at = Some(state.operations + operations);
    }

    /// How many operations there were; reads don't count.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// A directory inside this one, made when missing, like [`Disk::folder`]. The handle outlives a crash if the
    /// directory does.
    pub fn subfolder(&self, name: &str) -> io::Result<SimulatedDisk> {
        check_plain(name)?;
        let mut state = self.lock();
        let found = state.folder(self.folder)?.folder(name);
        let folder = match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound => state.make_folder(self.folder, name)?,
            other => {
                state.step_simply(Operation::Read)?;
                other?
            }
        };
        Ok(SimulatedDisk { state: Arc::clone(&self.state), folder })
    }

    /// A file's bytes as a reader sees them.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let mut state = self.lock();
        let file = state.folder(self.folder).ok()?.file(name).ok()?;
        state.file(file).ok().map(|file| file.seen.clone())
    }

    /// Puts a durable file in place, whatever was there; in a directory that is gone, nothing.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.lock();
        let file = state.next_id();
        state.files.insert(file, SimulatedFile::durable(bytes));
        if let Ok(folder) = state.folder(self.folder) {
            folder.put(name, Entry::File(file));
        }
    }

    fn handle(&self, file: FileId, life: u64) -> Box<dyn DiskFile> {
        Box::new(SimulatedHandle { disk: self.clone(), file, life })
    }
}

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        state.step_simply(Operation::Read)?;
        Ok(state.folder(self.folder)?.names(|entry| matches!(entry, Entry::File(_))))
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.folder(self.folder)?.check_free(name)?;
        let file = state.next_id();
        state.files.insert(file, SimulatedFile::default());
        let zeros = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        // The name comes first and is synced last, as on a real disk.
        state.step_simply(Operation::Create)?;
        let change = NameChange::Create(name.to_owned(), Entry::File(file));
        state.folder(self.folder)?.change(change);
        state.write(file, &zeros, 0)?;
        state.sync(file)?;
        state.sync_names(self.folder)?;
        Ok(self.handle(file, state.life))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.step_simply(Operation::Read)?;
        let file = state.folder(self.folder)?.file(name)?;
        Ok(self.handle(file, state.life))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_plain(to)?;
        let mut state = self.lock();
        let folder = state.folder(self.folder)?;
        folder.file(from)?;
        if folder.folder(to).is_ok() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let change = NameChange::Rename(from.to_owned(), to.to_owned());
        state.change_name(self.folder, Operation::Rename, change)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.folder(self.folder)?.file(name)?;
        state.change_name(self.folder, Operation::Remove, NameChange::Remove(name.to_owned()))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.lock().sync_names(self.folder)
    }

    fn read_small(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.lock();
        state.step_simply(Operation::Read)?;
        let file = match state.folder(self.folder)?.file(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let bytes = state.file(file)?.seen.clone();
        check_small(name, bytes.len())?;
        Ok(Some(bytes))
    }

    fn write_small(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        check_small(name, bytes.len())?;
        let temporary = format!("{name}.tmp");
        if self.lock().folder(self.folder)?.file(&temporary).is_ok() {
            self.remove(&temporary)?;
        }
        let file = self.create(&temporary, 0)?;
        file.write_at(bytes, 0)?;
        file.sync()?;
        self.rename(&temporary, name)
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        Ok(Arc::new(self.subfolder(name)?))
    }

    fn folders(&self) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        state.step_simply(Operation::Read)?;
        Ok(state.folder(self.folder)?.names(|entry| matches!(entry, Entry::Folder(_))))
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        let inner = state.folder(self.folder)?.folder(name)?;
        if !state.folder(inner)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.change_name(self.folder, Operation::Remove, NameChange::Remove(name.to_owned()))
    }
}

struct SimulatedHandle {
    disk: SimulatedDisk,
    file: FileId,
    life: u64,
}

impl SimulatedHandle {
    fn lock(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.lock();
        if state.life == self.life { Ok(state) } else { Err(io::Error::other("opened before the crash")) }
    }
}

impl DiskFile for SimulatedHandle {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.lock()?;
        state.step_simply(Operation::Read)?;
        Ok(state.file(self.file)?.seen.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.lock()?;
        state.step_simply(Operation::Read)?;
        let seen = &state.file(self.file)?.seen;
        let start = usize::try_from(offset).map_or(seen.len(), |offset| offset.min(seen.len()));
        let read = buffer.len().min(seen.len() - start);
        buffer[..read].copy_from_slice(&seen[start..start + read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.lock()?.write(self.file, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        let takes = self.lock()?.sync_takes;
        if !takes.is_zero() {
            std::thread::sleep(takes);
        }
        self.lock()?.sync(self.file)
    }
}
