//! Click ids that were used since the last sealing, each with the day of its click. It must never know whose id it is.

use hashbrown::HashTable;

use crate::keys::Fingerprint;

/// What makes a click count once.
#[derive(Debug, Default)]
pub struct Ids {
    used: HashTable<(Fingerprint, i32)>,
}

impl Ids {
    /// Whether an id was used.
    pub fn contains(&self, id: Fingerprint) -> bool {
        self.used.find(id.hash(), |used| used.0 == id).is_some()
    }

    /// Notes an id that was not used, and the UTC day of its click.
    pub fn insert(&mut self, id: Fingerprint, day: i32) {
        self.used.insert_unique(id.hash(), (id, day), |used| used.0.hash());
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Fingerprint, i32)> {
        self.used.iter().copied()
    }

    /// About how many bytes the ids take.
    pub fn memory_bytes(&self) -> usize {
        self.used.allocation_size()
    }
}
