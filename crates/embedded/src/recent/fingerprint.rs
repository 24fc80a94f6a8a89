//! Fingerprints: an account's id in 16 bytes, and the set of ids that were used. It must never know whose id it is:
//! click ids and query ids have fingerprints of their own keys.

use std::hash::{BuildHasher, RandomState};

use clicks::AccountCode;
use hashbrown::HashTable;

/// 128 bits that stand for an account and an id: two SipHash values under two keys that are drawn at each start.
///
/// Two different ids have the same fingerprint with a probability of 2^-128, whoever chose them, since nobody knows
/// the keys. Among a thousand million ids the chance that any two meet is below 10^-20: less than that of a memory
/// error that nobody notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u64; 2]);

impl Fingerprint {
    /// A hash of it: it is one.
    pub const fn hash(self) -> u64 {
        self.0[0]
    }
}

/// Takes fingerprints, all under the same keys.
#[derive(Debug, Clone, Default)]
pub struct Fingerprints([RandomState; 2]);

impl Fingerprints {
    /// The fingerprint of an account's id.
    pub fn of(&self, account: AccountCode, id: &str) -> Fingerprint {
        Fingerprint([self.0[0].hash_one((account, id)), self.0[1].hash_one((account, id))])
    }
}

/// The click ids that were used: what makes a click count once.
#[derive(Debug, Default)]
pub struct Ids {
    used: HashTable<Fingerprint>,
}

impl Ids {
    /// Whether an id was used.
    pub fn contains(&self, id: Fingerprint) -> bool {
        self.used.find(id.hash(), |used| *used == id).is_some()
    }

    /// Notes an id; `false` when it was used already.
    pub fn insert(&mut self, id: Fingerprint) -> bool {
        let new = !self.contains(id);
        if new {
            self.used.insert_unique(id.hash(), id, |used| used.hash());
        }
        new
    }

    /// About how many bytes the ids take.
    pub fn memory_bytes(&self) -> usize {
        self.used.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_used_once_in_each_account() {
        let (fingerprints, mut ids) = (Fingerprints::default(), Ids::default());
        for account in [AccountCode::from_bytes([1; 8]), AccountCode::from_bytes([2; 8])] {
            for id in 0..1_000 {
                let id = fingerprints.of(account, &id.to_string());
                assert!(!ids.contains(id));
                assert!(ids.insert(id));
                assert!(ids.contains(id));
                assert!(!ids.insert(id));
            }
        }
    }

    #[test]
    fn both_halves_of_a_fingerprint_tell_ids_apart() {
        let fingerprints = Fingerprints::default();
        let account = AccountCode::from_bytes([1; 8]);
        let (one, two) = (fingerprints.of(account, "1"), fingerprints.of(account, "2"));
        assert_ne!(one.0[0], two.0[0]);
        assert_ne!(one.0[1], two.0[1]);
        assert_ne!(one.0[0], one.0[1]);
    }
}
