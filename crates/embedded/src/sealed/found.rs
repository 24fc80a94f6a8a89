//! Sealed searches that were looked up last: visitors who see the same results name the same search, and reading one from its
//! file takes a thousand times as long. It must never answer for a part that is not asked about.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clicks::Search;

use crate::keys::Fingerprint;

/// How many bytes of memory they may take, about.
const BYTES_MAX: usize = 16 << 20;

/// Where a search was found: its UTC day, and the number of the part, which no other part ever has.
pub type Place = (i32, u32);

/// Searches by the fingerprint of their id, each with its place.
#[derive(Debug, Default)]
pub struct FoundSearches(Mutex<Generations>);

/// When the young ones take half of the memory they become the old ones, and those go. Who is asked for becomes young again.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Fingerprint, (Place, Arc<Search>)>,
    young_bytes: usize,
    old: HashMap<Fingerprint, (Place, Arc<Search>)>,
    old_bytes: usize,
}

impl FoundSearches {
    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A search that was found, if there still is the part in which it was.
    pub fn get(&self, key: Fingerprint, is_there: impl Fn(Place) -> bool) -> Option<Arc<Search>> {
        let mut kept = self.lock();
        if let Some((place, search)) = kept.young.get(&key) {
            return is_there(*place).then(|| Arc::clone(search));
        }
        let (place, search) = kept.old.remove(&key).filter(|(place, _)| is_there(*place))?;
        kept.keep(key, place, Arc::clone(&search));
        Some(search)
    }

    /// Keeps a search that was found.
    pub fn keep(&self, key: Fingerprint, place: Place, search: &Arc<Search>) {
        self.lock().keep(key, place, Arc::clone(search));
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        let kept = self.lock();
        kept.young_bytes + kept.old_bytes
    }
}

impl Generations {
    fn keep(&mut self, key: Fingerprint, place: Place, search: Arc<Search>) {
        let bytes = bytes_of(&search);
        if self.young_bytes + bytes > BYTES_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
            self.old_bytes = std::mem::take(&mut self.young_bytes);
        }
        if bytes <= BYTES_MAX / 2 && self.young.insert(key, (place, search)).is_none() {
            self.young_bytes += bytes;
        }
    }
}

/// About how many bytes of memory a search takes.
fn bytes_of(search: &Search) -> usize {
    /// What an allocation costs besides.
    const EACH: usize = 32;
    let doc_ids = search.doc_ids.iter().flatten().map(|doc_id| doc_id.as_str().len() + EACH).sum::<usize>();
    let text = search.id.len() + search.query.as_ref().map_or(0, |query| query.len());
    size_of::<(Fingerprint, Place, Search)>() + doc_ids + search.indices.len() * EACH + text + 4 * EACH
}

#[cfg(test)]
mod tests {
    use clicks::conformance;

    use super::*;

    fn key(number: u32) -> Fingerprint {
        Fingerprint::from_number(u128::from(number) << 32 | u128::from(number))
    }

    fn search(number: u32) -> Arc<Search> {
        Arc::new(conformance::search(&number.to_string(), 0))
    }

    #[test]
    fn a_search_is_found_in_its_part_and_in_no_other() {
        let found = FoundSearches::default();
        found.keep(key(1), (5, 7), &search(1));
        assert_eq!(found.get(key(1), |place| place == (5, 7)), Some(search(1)));
        assert_eq!(found.get(key(1), |_| false), None);
        assert_eq!(found.get(key(2), |_| true), None);
    }

    #[test]
    fn memory_is_bounded_and_those_asked_for_stay() {
        let found = FoundSearches::default();
        found.keep(key(0), (0, 0), &search(0));
        for number in 1..200_000 {
            found.keep(key(number), (1, number), &search(number));
            if number % 1_000 == 0 {
                assert_eq!(found.get(key(0), |place| place == (0, 0)), Some(search(0)), "after {number}");
            }
            assert!(found.bytes() <= BYTES_MAX);
        }
        assert_eq!(found.get(key(1), |_| true), None);
        assert_eq!(found.get(key(199_999), |_| true), Some(search(199_999)));
    }
}
