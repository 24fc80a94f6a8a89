//! Embedded stores that take the exam: on a simulated disk that loses power, and in a real folder.

use std::sync::Arc;

use clicks::Store;
use clicks::conformance::{Candidate, Dice, JOIN_MS};
use embedded::{EmbeddedOptions, EmbeddedStore};
use journal::{Disk, FolderDisk, SimulatedDisk};
use tempfile::TempDir;

/// Small segments, so that a short history crosses several.
pub const SMALL_SEGMENT_BYTES: u64 = 16 << 10;

pub fn options(segment_bytes: u64) -> EmbeddedOptions {
    EmbeddedOptions { join_ms: JOIN_MS, segment_bytes, ..EmbeddedOptions::default() }
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

    fn unplug_soon(&mut self, seed: u64) -> bool {
        self.disk.stop_after(seed % 12);
        true
    }

    fn crash(&mut self, seed: u64) -> bool {
        let mut dice = Dice::new(seed);
        self.lose_power(dice.throw());
        // The power may fail again while the store is being opened.
        while dice.once_in(3) {
            self.disk.stop_after(dice.below(8) as u64);
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
}
