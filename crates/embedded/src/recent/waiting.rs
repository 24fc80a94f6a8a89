//! Waiting clicks: those that name a search which is not known yet. It knows where their rows are, and must never
//! know what is in them.

use hashbrown::HashTable;

use crate::keys::Fingerprint;
use crate::recent::day::RowPlace;

/// No further link.
const END: u32 = u32::MAX;

/// Clicks by the query id that they wait for. Mostly one click waits for an id, but thousands may: those before the
/// latest are links of a chain.
#[derive(Debug, Default)]
pub struct Waiting {
    chains: HashTable<Chain>,
    links: Vec<Link>,
    /// The first link that is free to be used again; free links are chained too.
    free: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Chain {
    query: Fingerprint,
    latest: Link,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    row: RowPlace,
    next: u32,
}

impl Waiting {
    /// Lets the click in a row wait for a search.
    pub fn add(&mut self, query: Fingerprint, row: RowPlace) {
        let same = |chain: &Chain| chain.query == query;
        let Some(before) = self.chains.find(query.hash(), same).map(|chain| chain.latest) else {
            let chain = Chain { query, latest: Link { row, next: END } };
            self.chains.insert_unique(query.hash(), chain, |chain| chain.query.hash());
            return;
        };
        let Some(next) = self.put(before) else { return };
        if let Some(chain) = self.chains.find_mut(query.hash(), same) {
            chain.latest = Link { row, next };
        }
    }

    /// The rows whose clicks waited for a search, latest first. They wait no longer.
    pub fn take(&mut self, query: Fingerprint) -> Vec<RowPlace> {
        let Ok(chain) = self.chains.find_entry(query.hash(), |chain| chain.query == query) else {
            return Vec::new();
        };
        let (Chain { latest: Link { row, next: mut at }, .. }, _) = chain.remove();
        let mut rows = vec![row];
        while let Some(link) = usize::try_from(at).ok().and_then(|place| self.links.get_mut(place)) {
            rows.push(link.row);
            let next = std::mem::replace(&mut link.next, self.free.unwrap_or(END));
            self.free = Some(at);
            at = next;
        }
        rows
    }

    /// The rows whose clicks wait for a search, latest first. They wait on.
    pub fn find(&self, query: Fingerprint) -> Vec<RowPlace> {
        let chain = self.chains.find(query.hash(), |chain| chain.query == query);
        chain.map_or_else(Vec::new, |chain| self.rows(chain))
    }

    /// Every query that clicks wait for, with their rows; in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Fingerprint, Vec<RowPlace>)> {
        self.chains.iter().map(|chain| (chain.query, self.rows(chain)))
    }

    fn rows(&self, chain: &Chain) -> Vec<RowPlace> {
        let mut rows = vec![chain.latest.row];
        let mut at = chain.latest.next;
        while let Some(link) = usize::try_from(at).ok().and_then(|place| self.links.get(place)) {
            rows.push(link.row);
            at = link.next;
        }
        rows
    }

    fn put(&mut self, link: Link) -> Option<u32> {
        let free = self.free.and_then(|free| Some((free, self.links.get_mut(usize::try_from(free).ok()?)?)));
        if let Some((place, slot)) = free {
            self.free = (slot.next != END).then_some(slot.next);
            *slot = link;
            return Some(place);
        }
        // `END` links would take 64 GiB of clicks that wait for few searches: they don't come to be.
        let place = u32::try_from(self.links.len()).ok().filter(|place| *place != END)?;
        self.links.push(link);
        Some(place)
    }

    /// About how many bytes waiting takes.
    pub fn memory_bytes(&self) -> usize {
        self.chains.allocation_size() + self.links.capacity() * size_of::<Link>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clicks::AccountCode;
    use clicks::conformance::Dice;

    use super::*;
    use crate::keys::{FingerprintKey, KeyKind};

    #[test]
    fn rows_wait_until_they_are_taken_once() {
        let (key, mut waiting) = (FingerprintKey::from_bytes(&[1; 16]), Waiting::default());
        let mut wanted: HashMap<usize, Vec<RowPlace>> = HashMap::new();
        let mut dice = Dice::new(1);
        for row in 0..20_000 {
            let query = dice.below(50);
            let fingerprint = key.of(KeyKind::Waiting, AccountCode::from_bytes([1; 8]), &query.to_string());
            if dice.once_in(40) {
                let seen = waiting.find(fingerprint);
                let mut found = waiting.take(fingerprint);
                assert_eq!(found, seen);
                found.reverse();
                assert_eq!(found, wanted.remove(&query).unwrap_or_default());
                assert_eq!(waiting.take(fingerprint), []);
            } else {
                let place = RowPlace { day: 1, block: 2, row };
                waiting.add(fingerprint, place);
                wanted.entry(query).or_default().push(place);
            }
        }
        // Links are used again: far fewer than rows ever waited.
        assert!(waiting.links.len() < 5_000, "{}", waiting.links.len());
    }
}
