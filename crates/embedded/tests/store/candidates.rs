//! Embedded stores that take the exam: on a simulated disk that loses power, and in a real folder.

use std::sync::Arc;

use clicks::conformance::{Candidate, Dice, JOIN_MS};
use clicks::{
    AccountCode, ClickFilter, ClickStream, Forget, Forgotten, Outcome, Promise, Question, Record, Search,
    Store, StoreError, StoreStatus, Tally,
};
use embedded::{EmbeddedOptions, EmbeddedStore};
use journal::{Disk, FolderDisk, SimulatedDisk};
use tempfile::TempDir;

/// Small segments, so that a short history crosses several.
pub const SMALL_SEGMENT_BYTES: u64 = 16 << 10;

pub fn options(segment_bytes: u64) -> EmbeddedOptions {
    EmbeddedOptions {
        join_ms: JOIN_MS,
        segment_bytes,
        // Sealed only when the test says so: a history is the same each time.
        seals_by_itself: false,
        part_rows_max: 6,
        day_parts_max: 3,
        ..EmbeddedOptions::default()
    }
}

pub fn open(disk: &(impl Disk + Clone), options: &EmbeddedOptions) -> EmbeddedStore {
    EmbeddedStore::open(Arc::new(disk.clone()), options).unwrap().0
}

pub struct Simulated {
    pub disk: SimulatedDisk,
    pub options: EmbeddedOptions,
    store: Option<EmbeddedStore>,
}

impl Simulated {
    pub fn new(options: EmbeddedOptions) -> Self {
        let disk = SimulatedDisk::new();
        let store = Some(open(&disk, &options));
        Self { disk, options, store }
    }

    /// Ends the store, whatever the disk lets it do.
    pub fn close(self) {
        drop(self.store);
    }

    /// The process dies with whatever the disk is doing, then the power fails.
    fn lose_power(&mut self, seed: u64) {
        self.disk.stop_after(0);
        self.store = None;
        self.disk.crash(seed);
    }
}

impl Candidate for Simulated {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) -> bool {
        self.store.take().unwrap().close().unwrap();
        self.store = Some(open(&self.disk, &self.options));
        true
    }

    fn seal(&mut self) -> bool {
        self.store.as_ref().unwrap().seal().is_ok()
    }

    fn merge(&mut self) -> bool {
        self.store.as_ref().unwrap().merge().is_ok()
    }

    fn unplug_soon(&mut self, seed: u64) -> bool {
        self.disk.stop_after(seed % 160);
        true
    }

    fn crash(&mut self, seed: u64) -> bool {
        let mut dice = Dice::new(seed);
        self.lose_power(dice.throw());
        // The power may fail again while the store is being opened.
        while dice.once_in(3) {
            self.disk.stop_after(dice.below(40) as u64);
            self.store =
                EmbeddedStore::open(Arc::new(self.disk.clone()), &self.options).ok().map(|opened| opened.0);
            self.lose_power(dice.throw());
        }
        self.store = Some(open(&self.disk, &self.options));
        true
    }
}

pub struct InFolder {
    folder: TempDir,
    options: EmbeddedOptions,
    store: Option<EmbeddedStore>,
}

impl InFolder {
    pub fn new(options: EmbeddedOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Some(open(&FolderDisk::open(folder.path()).unwrap(), &options));
        Self { folder, options, store }
    }
}

impl Candidate for InFolder {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) -> bool {
        self.store = None;
        self.store = Some(open(&FolderDisk::open(self.folder.path()).unwrap(), &self.options));
        true
    }

    fn seal(&mut self) -> bool {
        self.store.as_ref().unwrap().seal().is_ok()
    }

    fn merge(&mut self) -> bool {
        self.store.as_ref().unwrap().merge().is_ok()
    }
}

/// A store that seals after every call: all that is asked is answered from sealed days.
pub struct AlwaysSealed {
    disk: SimulatedDisk,
    options: EmbeddedOptions,
    store: Option<Sealing>,
}

struct Sealing(EmbeddedStore);

impl AlwaysSealed {
    pub fn new(options: EmbeddedOptions) -> Self {
        let disk = SimulatedDisk::new();
        let store = Some(Sealing(open(&disk, &options)));
        Self { disk, options, store }
    }
}

impl Candidate for AlwaysSealed {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) -> bool {
        self.store = None;
        self.store = Some(Sealing(open(&self.disk, &self.options)));
        true
    }
}

impl Store for Sealing {
    fn append(&self, records: Vec<Record>) -> Promise<'_, Vec<Outcome>> {
        let outcomes = pollster::block_on(self.0.append(records));
        self.0.seal().unwrap();
        clicks::ready(outcomes)
    }

    fn tally(&self, question: &Question, stop: &dyn Fn() -> bool) -> Result<Tally, StoreError> {
        self.0.tally(question, stop)
    }

    fn scan(&self, from_ms: i64, until_ms: i64, filter: &ClickFilter) -> Result<ClickStream, StoreError> {
        self.0.scan(from_ms, until_ms, filter)
    }

    fn searches(&self, account: Option<AccountCode>, id: &str) -> Result<Vec<Arc<Search>>, StoreError> {
        self.0.searches(account, id)
    }

    fn forget(&self, what: &Forget) -> Result<Forgotten, StoreError> {
        self.0.forget(what)
    }

    fn settle(&self) -> Promise<'_, ()> {
        self.0.settle()
    }

    fn status(&self) -> StoreStatus {
        self.0.status()
    }
}
