//! A disk in memory that crashes, tears and fails on demand, for tests of whatever is durable.
//!
//! It keeps what is durable and what is merely written apart, sector by sector. It must never know what is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile, check_small};

/// What a medium writes in one piece: a crash leaves each sector as it was at some moment since its last sync.
pub const SECTOR_BYTES: usize = 512;

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

type Sector = [u8; SECTOR_BYTES];
type FileId = u64;

#[derive(Default)]
struct SimulatedFile {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What is on the medium for sure.
    durable: Vec<u8>,
    /// For each sector that may differ from the medium: what was written since, oldest first.
    versions: BTreeMap<usize, Vec<Sector>>,
    /// Sectors that the next sync will write. After a failed sync they count as clean, as with Linux.
    dirty: BTreeSet<usize>,
}

impl SimulatedFile {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if end > self.seen.len() {
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        for sector in offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let content = sector_of(&self.seen, sector);
            self.versions.entry(sector).or_default().push(content);
            self.dirty.insert(sector);
        }
    }

    fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            put_sector(&mut self.durable, sector, &sector_of(&self.seen, sector));
            self.versions.remove(&sector);
        }
    }

    fn crash(&mut self, random: &mut Random) {
        if self.seen.len() > self.durable.len() && random.below(2) == 0 {
            self.durable.resize(self.seen.len(), 0);
        }
        for (sector, versions) in std::mem::take(&mut self.versions) {
            // Either the medium's old content stays, or one of the later contents reached it.
            let choice = random.below(versions.len() + 1);
            if let Some(content) = choice.checked_sub(1).and_then(|choice| versions.get(choice)) {
                put_sector(&mut self.durable, sector, content);
            }
        }
        self.dirty.clear();
        self.seen.clone_from(&self.durable);
    }
}

fn sector_of(bytes: &[u8], sector: usize) -> Sector {
    let mut content = [0; SECTOR_BYTES];
    let start = (sector * SECTOR_BYTES).min(bytes.len());
    let end = (start + SECTOR_BYTES).min(bytes.len());
    content[..end - start].copy_from_slice(&bytes[start..end]);
    content
}

/// Writes as much of a sector as the file is long.
fn put_sector(bytes: &mut [u8], sector: usize, content: &Sector) {
    let start = (sector * SECTOR_BYTES).min(bytes.len());
    let end = (start + SECTOR_BYTES).min(bytes.len());
    bytes[start..end].copy_from_slice(&content[..end - start]);
}

enum NameChange {
    Create(String, FileId),
    Rename(String, String),
    Remove(String),
}

impl NameChange {
    /// Makes the change; one whose file is not there is void.
    fn apply(&self, names: &mut BTreeMap<String, FileId>) {
        match self {
            NameChange::Create(name, file) => {
                names.insert(name.clone(), *file);
            }
            NameChange::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            NameChange::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

#[derive(Default)]
struct State {
    files: BTreeMap<FileId, SimulatedFile>,
    names: BTreeMap<String, FileId>,
    durable_names: BTreeMap<String, FileId>,
    /// Changes of names since the directory was last synced.
    unsynced_names: Vec<NameChange>,
    files_made: FileId,
    /// Grows with each crash; handles of an earlier life are dead.
    life: u64,
    operations: u64,
    stop_at: Option<u64>,
    faults: Vec<Fault>,
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

    fn change_name(&mut self, operation: Operation, change: NameChange) -> io::Result<()> {
        self.step_simply(operation)?;
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
        self.sync_names()
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.step_simply(Operation::SyncNames)?;
        self.durable_names.clone_from(&self.names);
        self.unsynced_names.clear();
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
            Err(_) => file.dirty.clear(),
        }
        outcome
    }

    fn file(&mut self, file: FileId) -> io::Result<&mut SimulatedFile> {
        self.files.get_mut(&file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn named(&self, name: &str) -> io::Result<FileId> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A disk in memory. Clones are handles of the same disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
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
        for change in std::mem::take(&mut state.unsynced_names) {
            if random.below(2) == 0 {
                change.apply(&mut state.durable_names);
            }
        }
        state.names.clone_from(&state.durable_names);
        let named: BTreeSet<FileId> = state.names.values().copied().collect();
        state.files.retain(|file, _| named.contains(file));
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

    /// A file's bytes as a reader sees them.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let mut state = self.lock();
        let file = state.named(name).ok()?;
        state.file(file).ok().map(|file| file.seen.clone())
    }

    /// Puts a durable file in place, whatever was there.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.lock();
        state.files_made += 1;
        let file = state.files_made;
        let content =
            SimulatedFile { seen: bytes.to_vec(), durable: bytes.to_vec(), ..SimulatedFile::default() };
        state.files.insert(file, content);
        state.names.insert(name.to_owned(), file);
        state.durable_names.insert(name.to_owned(), file);
    }
}

impl State {
    fn restart(&mut self) {
        self.life += 1;
        self.faults.clear();
        self.stop_at = None;
    }
}

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        state.step_simply(Operation::Read)?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.files_made += 1;
        let file = state.files_made;
        state.files.insert(file, SimulatedFile::default());
        let zeros = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        // The name comes first and is synced last, as on a real disk.
        state.step_simply(Operation::Create)?;
        let change = NameChange::Create(name.to_owned(), file);
        change.apply(&mut state.names);
        state.unsynced_names.push(change);
        state.write(file, &zeros, 0)?;
        state.sync(file)?;
        state.sync_names()?;
        let life = state.life;
        Ok(Box::new(SimulatedHandle { disk: self.clone(), file, life }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.step_simply(Operation::Read)?;
        let (file, life) = (state.named(name)?, state.life);
        Ok(Box::new(SimulatedHandle { disk: self.clone(), file, life }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.named(from)?;
        state.change_name(Operation::Rename, NameChange::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.named(name)?;
        state.change_name(Operation::Remove, NameChange::Remove(name.to_owned()))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.lock().sync_names()
    }

    fn read_small(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.lock();
        state.step_simply(Operation::Read)?;
        let Ok(file) = state.named(name) else { return Ok(None) };
        let bytes = state.file(file)?.seen.clone();
        check_small(name, bytes.len())?;
        Ok(Some(bytes))
    }

    fn write_small(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        check_small(name, bytes.len())?;
        let temporary = format!("{name}.tmp");
        if self.lock().names.contains_key(&temporary) {
            self.remove(&temporary)?;
        }
        let file = self.create(&temporary, 0)?;
        file.write_at(bytes, 0)?;
        file.sync()?;
        self.rename(&temporary, name)
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
        self.lock()?.sync(self.file)
    }
}

/// The splitmix64 generator: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_outlives_every_crash_and_what_was_not_may_be_torn() {
        let mut torn = 0;
        for seed in 0..64 {
            let disk = SimulatedDisk::new();
            let file = disk.create("a", 2048).unwrap();
            file.write_at(&[1; 2048], 0).unwrap();
            file.sync().unwrap();
            file.write_at(&[2; 1024], 512).unwrap();
            disk.crash(seed);
            assert!(file.sync().is_err(), "a handle from before the crash is dead");
            let bytes = disk.bytes("a").unwrap();
            assert_eq!((&bytes[..512], &bytes[1536..]), (&[1; 512][..], &[1; 512][..]));
            torn += u32::from(bytes[512] != bytes[1024]);
            assert!(bytes[512..1024].iter().all(|byte| *byte == bytes[512]), "a sector is never torn");
        }
        assert!((10..54).contains(&torn), "{torn} of 64 crashes tore the write");
    }

    #[test]
    fn a_failed_sync_is_not_made_good_by_the_next() {
        let lost = (0..64).filter(|seed| {
            let disk = SimulatedDisk::new();
            let file = disk.create("a", 512).unwrap();
            file.write_at(&[1; 512], 0).unwrap();
            disk.inject(Fault::next(Operation::Sync, io::ErrorKind::Other));
            assert!(file.sync().is_err());
            file.sync().unwrap();
            disk.crash(*seed);
            disk.bytes("a").unwrap()[0] == 0
        });
        assert!(lost.count() > 0);
    }

    #[test]
    fn a_dead_disk_stays_dead_until_the_restart() {
        let disk = SimulatedDisk::new();
        disk.stop_after(1);
        assert!(disk.create("a", 512).is_err());
        assert!(disk.list().is_err());
        disk.restart();
        assert_eq!(disk.list().unwrap(), ["a"]);
    }
}
