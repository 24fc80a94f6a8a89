//! One file of the simulated disk: what a reader sees, and what of it a loss of power leaves.
//!
//! It must never know names, nor faults.

use std::collections::{BTreeMap, BTreeSet};

use super::SECTOR_BYTES;
use super::random::Random;

type Sector = [u8; SECTOR_BYTES];

#[derive(Default)]
pub(super) struct SimulatedFile {
    /// What a reader sees.
    pub(super) seen: Vec<u8>,
    /// What is on the medium for sure.
    durable: Vec<u8>,
    /// For each sector that may differ from the medium: what was written since, oldest first.
    versions: BTreeMap<usize, Vec<Sector>>,
    /// Sectors that the next sync will write. After a failed sync they count as clean, as with Linux.
    dirty: BTreeSet<usize>,
}

impl SimulatedFile {
    /// A file that has been on the medium for long.
    pub(super) fn durable(bytes: &[u8]) -> SimulatedFile {
        SimulatedFile { seen: bytes.to_vec(), durable: bytes.to_vec(), ..SimulatedFile::default() }
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
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

    /// Everything in a sector that counts as written by an earlier, failed sync stays as unsure as it was.
    pub(super) fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            put_sector(&mut self.durable, sector, &sector_of(&self.seen, sector));
            self.versions.remove(&sector);
        }
    }

    /// A sync fails: the pages count as clean, and no later sync writes them.
    pub(super) fn fail_sync(&mut self) {
        self.dirty.clear();
    }

    pub(super) fn crash(&mut self, random: &mut Random) {
        let grown = self.seen.len().saturating_sub(self.durable.len());
        if grown > 0 {
            // The length may have reached the medium in full, not at all, or as of some moment on the way.
            let kept = match random.below(3) {
                0 => 0,
                1 => grown,
                _ => random.below(grown),
            };
            self.durable.resize(self.durable.len() + kept, 0);
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
