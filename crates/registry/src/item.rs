//! Items by the million: a table of what is where, without a text. Titles and links stay in the journal; an item costs
//! 37 bytes here, at the table's fullest, and no allocation of its own.

use std::collections::{BinaryHeap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use clicks::{Item, ItemDigest};
use hashbrown::HashTable;
use journal::Position;

use crate::error::RegistryError;

/// The longest title, in characters.
pub const ITEM_TITLE_CHARS_MAX: usize = 2_000;
/// The longest link, in bytes.
pub const ITEM_LINK_BYTES_MAX: usize = 8_192;

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutItem {
    /// It is kept, or its title or link has changed.
    Recorded,
    /// It was kept already, just so.
    Duplicate,
    /// It is not kept; the others of the same call are.
    Refused(RegistryError),
}

/// What became of an item that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveItem {
    /// It is kept no more.
    Removed,
    /// It was not kept.
    Missing,
}

/// The number of an index of an engine, for as long as the registry is open.
pub(crate) type Place = u32;

/// Where an item's record is: in one of two generations of the journal, in which frame, and where in its payload.
/// Packed into 64 bits: 1 for the generation, 43 for the position (frames begin at multiples of 8), 20 for the offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordAt(u64);

impl RecordAt {
    const OFFSET_BITS: u32 = 20;
    const POSITION_BITS: u32 = 43;
    /// The largest payload that holds items.
    pub(crate) const PAYLOAD_BYTES_MAX: usize = 1 << Self::OFFSET_BITS;

    /// `None` when the journal or the payload is too long: more than 64 TiB, or 1 MiB.
    pub(crate) fn new(odd_generation: bool, position: Position, offset: usize) -> Option<Self> {
        let fits = position.is_multiple_of(8) && position >> 3 < 1 << Self::POSITION_BITS;
        let offset = u64::try_from(offset).ok().filter(|offset| offset >> Self::OFFSET_BITS == 0)?;
        let generation = u64::from(odd_generation) << 63;
        fits.then_some(Self(generation | (position >> 3) << Self::OFFSET_BITS | offset))
    }

    pub(crate) const fn odd_generation(self) -> bool {
        self.0 >> 63 == 1
    }

    pub(crate) const fn position(self) -> Position {
        (self.0 << 1 >> (Self::OFFSET_BITS + 1)) << 3
    }

    pub(crate) fn offset(self) -> usize {
        let offset = self.0 & ((1 << Self::OFFSET_BITS) - 1);
        usize::try_from(offset).unwrap_or(usize::MAX)
    }
}

/// One item of the table. The 64-bit numbers are kept as bytes, so that no padding is added.
struct Entry {
    digest: [u8; 16],
    place: Place,
    content: [u8; 8],
    at: [u8; 8],
}

/// What the table knows of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// The hash of its title and link.
    pub(crate) content: u64,
    pub(crate) at: RecordAt,
}

impl Entry {
    fn known(&self) -> Known {
        Known { content: u64::from_le_bytes(self.content), at: RecordAt(u64::from_le_bytes(self.at)) }
    }

    fn is(&self, digest: ItemDigest, place: Place) -> bool {
        self.place == place && self.digest == *digest.as_bytes()
    }
}

/// The table is cut into shards, so that growing it makes nobody wait for long.
const SHARDS: usize = 64;

/// All items. Those with the same `doc_id` are found together.
pub(crate) struct ItemTable {
    hasher: RandomState,
    shards: [RwLock<HashTable<Entry>>; SHARDS],
    items: AtomicU64,
}

impl ItemTable {
    pub(crate) fn new() -> Self {
        let shards = std::array::from_fn(|_| RwLock::new(HashTable::new()));
        Self { hasher: RandomState::new(), shards, items: AtomicU64::new(0) }
    }

    /// A hash of title and link; the same for as long as the registry is open.
    pub(crate) fn content_hash(&self, title: Option<&str>, link: Option<&str>) -> u64 {
        self.hasher.hash_one((title, link))
    }

    pub(crate) fn len(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    pub(crate) fn find(&self, digest: ItemDigest, place: Place) -> Option<Known> {
        let hash = self.hash(digest);
        self.read(hash).find(hash, |entry| entry.is(digest, place)).map(Entry::known)
    }

    /// Every place that holds an item of this digest, in the order of their numbers.
    pub(crate) fn places(&self, digest: ItemDigest) -> Vec<Place> {
        let hash = self.hash(digest);
        let shard = self.read(hash);
        let same = shard.iter_hash(hash).filter(|entry| entry.digest == *digest.as_bytes());
        let mut places: Vec<Place> = same.map(|entry| entry.place).collect();
        drop(shard);
        places.sort_unstable();
        places
    }

    /// Keeps an item, in the stead of an earlier one of the same name.
    pub(crate) fn put(&self, digest: ItemDigest, place: Place, known: Known) {
        let hash = self.hash(digest);
        let (content, at) = (known.content.to_le_bytes(), known.at.0.to_le_bytes());
        let mut shard = self.write(hash);
        if let Some(entry) = shard.find_mut(hash, |entry| entry.is(digest, place)) {
            (entry.content, entry.at) = (content, at);
            return;
        }
        let entry = Entry { digest: *digest.as_bytes(), place, content, at };
        shard.insert_unique(hash, entry, |entry| self.hasher.hash_one(entry.digest));
        drop(shard);
        self.items.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps an item no more; whether it was kept.
    pub(crate) fn remove(&self, digest: ItemDigest, place: Place) -> bool {
        let hash = self.hash(digest);
        let mut shard = self.write(hash);
        let found = shard.find_entry(hash, |entry| entry.is(digest, place)).map(|found| found.remove());
        let was_kept = found.is_ok();
        drop(shard);
        self.items.fetch_sub(u64::from(was_kept), Ordering::Relaxed);
        was_kept
    }

    /// Keeps no item of these places any more. Walks the whole table, a shard at a time.
    pub(crate) fn forget(&self, places: &HashSet<Place>) {
        if places.is_empty() {
            return;
        }
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            shard.retain(|entry| !places.contains(&entry.place));
            let gone = before - shard.len();
            drop(shard);
            self.items.fetch_sub(gone as u64, Ordering::Relaxed);
        }
    }

    /// How many items a place has. Walks the whole table.
    pub(crate) fn len_of(&self, place: Place) -> u64 {
        let shards = self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner));
        shards.map(|shard| shard.iter().filter(|entry| entry.place == place).count() as u64).sum()
    }

    /// The digests of a place's items, smallest first: the first `max` that are larger than `after`. Walks the whole
    /// table.
    pub(crate) fn digests(&self, place: Place, after: Option<ItemDigest>, max: usize) -> Vec<ItemDigest> {
        // The largest of those found so far is on top, and goes when there is a smaller one.
        let mut smallest = BinaryHeap::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            for entry in shard.iter().filter(|entry| entry.place == place) {
                let digest = ItemDigest::from_bytes(entry.digest);
                let is_due = after.is_none_or(|after| digest > after);
                if is_due && (smallest.len() < max || smallest.peek().is_some_and(|last| digest < *last)) {
                    smallest.push(digest);
                    if smallest.len() > max {
                        smallest.pop();
                    }
                }
            }
        }
        smallest.into_sorted_vec()
    }

    /// What the table takes, in bytes: an entry and a control byte for each bucket, of which 7 in 8 may be used.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let shards = self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner));
        shards.map(|shard| shard.allocation_size() as u64).sum()
    }

    fn hash(&self, digest: ItemDigest) -> u64 {
        self.hasher.hash_one(digest.as_bytes())
    }

    fn read(&self, hash: u64) -> RwLockReadGuard<'_, HashTable<Entry>> {
        self.shards[shard_of(hash)].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, hash: u64) -> RwLockWriteGuard<'_, HashTable<Entry>> {
        self.shards[shard_of(hash)].write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bits from the middle of the hash: a shard's own table uses those at both ends.
fn shard_of(hash: u64) -> usize {
    usize::from(hash.to_le_bytes()[5]) % SHARDS
}

/// Checks what the words leave open.
pub(crate) fn check(item: &Item) -> Result<(), RegistryError> {
    if item.title.as_ref().is_some_and(|title| title.chars().count() > ITEM_TITLE_CHARS_MAX) {
        return Err(RegistryError::Invalid { what: "a title has at most 2,000 characters" });
    }
    if item.link.as_ref().is_some_and(|link| link.len() > ITEM_LINK_BYTES_MAX) {
        return Err(RegistryError::Invalid { what: "a link has at most 8,192 bytes" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_over_its_whole_range() {
        for odd in [false, true] {
            for position in [0, 8, 4096, (1 << 46) - 8] {
                for offset in [0, 1, (1 << 20) - 1] {
                    let at = RecordAt::new(odd, position, offset).unwrap();
                    assert_eq!((at.odd_generation(), at.position(), at.offset()), (odd, position, offset));
                }
            }
        }
        assert_eq!(RecordAt::new(false, 1 << 46, 0), None);
        assert_eq!(RecordAt::new(false, 4, 0), None);
        assert_eq!(RecordAt::new(false, 0, 1 << 20), None);
    }

    #[test]
    fn an_entry_takes_36_bytes() {
        assert_eq!(size_of::<Entry>(), 36);
    }

    #[test]
    fn items_of_the_same_name_in_other_places_stay_apart() {
        let table = ItemTable::new();
        let known = |number: u64| Known { content: number, at: RecordAt::new(false, number * 8, 1).unwrap() };
        let digest = ItemDigest::of("sku1");
        for place in [3, 1, 2] {
            table.put(digest, place, known(u64::from(place)));
        }
        table.put(digest, 2, known(9));
        assert_eq!(table.len(), 3);
        assert_eq!(table.places(digest), [1, 2, 3]);
        assert_eq!(table.find(digest, 2), Some(known(9)));
        assert_eq!(table.find(digest, 3), Some(known(3)));
        assert_eq!(table.find(digest, 4), None);
        assert_eq!(table.places(ItemDigest::of("sku2")), [0; 0]);
        assert!(table.remove(digest, 2));
        assert!(!table.remove(digest, 2));
        assert_eq!((table.len(), table.places(digest)), (2, vec![1, 3]));
    }

    #[test]
    fn a_place_is_listed_in_order_and_forgotten_as_a_whole() {
        let table = ItemTable::new();
        let known = Known { content: 0, at: RecordAt::new(false, 8, 1).unwrap() };
        let mut all: Vec<ItemDigest> =
            (0..500).map(|number| ItemDigest::of(&format!("sku{number}"))).collect();
        for (number, digest) in all.iter().enumerate() {
            table.put(*digest, u32::try_from(number % 2).unwrap(), known);
            table.put(*digest, 7, known);
        }
        all.sort_unstable();
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = table.digests(7, after, 33);
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 33);
            after = Some(*last);
            listed.extend(page);
        }
        assert_eq!(listed, all);
        assert_eq!((table.len_of(0), table.len_of(7), table.len_of(9)), (250, 500, 0));
        assert!(table.digests(7, None, 0).is_empty());
        table.forget(&HashSet::from([7, 0]));
        assert_eq!((table.len(), table.len_of(0), table.len_of(1), table.len_of(7)), (250, 0, 250, 0));
    }
}
