//! Kept searches by their id, packed. It must never know which clicks came from them.

use std::hash::{BuildHasher, RandomState};

use clicks::AccountCode;
use hashbrown::HashTable;

use crate::record::PackedSearch;

/// The searches of all accounts.
#[derive(Debug, Default)]
pub struct Searches {
    /// Hashed by the id alone, which tells nearly all apart.
    kept: HashTable<PackedSearch>,
    hasher: RandomState,
    packed_bytes: usize,
}

fn has_key(search: &PackedSearch, account: AccountCode, id: &str) -> bool {
    search.key().is_ok_and(|key| key == (account, id))
}

impl Searches {
    /// Keeps a search whose account has none with its id.
    pub fn insert(&mut self, id: &str, search: PackedSearch) {
        self.packed_bytes += search.bytes();
        let hasher = &self.hasher;
        let rehash = |kept: &PackedSearch| kept.key().map_or(0, |key| hasher.hash_one(key.1));
        self.kept.insert_unique(hasher.hash_one(id), search, rehash);
    }

    /// The search of an account.
    pub fn get(&self, account: AccountCode, id: &str) -> Option<&PackedSearch> {
        self.kept.find(self.hasher.hash_one(id), |kept| has_key(kept, account, id))
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &PackedSearch> {
        self.kept.iter()
    }

    /// How many searches are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// About how many bytes they take.
    pub fn memory_bytes(&self) -> usize {
        self.kept.allocation_size() + self.packed_bytes
    }
}
