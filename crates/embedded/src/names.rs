//! Dictionaries: names as small numbers, so that a row holds four bytes for each and a question compares numbers.
//! A number never changes and is never given to another name. It must never know what is counted.

use std::hash::Hash;

use ahash::RandomState;
use clicks::{
    AccountCode, Click, ClickedItem, CustomResultId, DocId, Grouping, Hashid, IndexName, ItemDigest, Search,
    SearchTerms,
};
use hashbrown::HashTable;

use crate::index::users::Marks;
use crate::recent::day::Row;
use crate::recent::{hits_figure, rank_figure, search_code};
use crate::record::device_code;

/// A name that is not told. The first name has the number 1.
pub const UNTOLD: u32 = 0;
/// A number of an index with this bit is one of several indices: the rest of it is their number.
pub const SEVERAL: u32 = 1 << 31;

/// About what a text costs beside its bytes: the count of its owners, its length, the allocator's own.
const TEXT_OVERHEAD_BYTES: usize = 32;

/// Names of one kind and their numbers.
#[derive(Debug)]
pub struct Dictionary<K> {
    names: Vec<K>,
    numbers: HashTable<Slot>,
    hasher: RandomState,
}

/// A number with half of its name's hash: so the table grows without looking at names, and looks at few that are others.
#[derive(Debug, Clone, Copy)]
struct Slot {
    half: u32,
    number: u32,
}

impl Slot {
    /// Half of a hash.
    const fn half(hash: u64) -> u32 {
        (hash >> 32) as u32
    }

    /// The hash that the table knows a slot by.
    const fn hash(half: u32) -> u64 {
        // The table looks at the highest bits and the lowest: both have to differ.
        (half as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl<K> Default for Dictionary<K> {
    fn default() -> Self {
        Self { names: Vec::new(), numbers: HashTable::new(), hasher: RandomState::new() }
    }
}

impl<K: Hash + Eq> Dictionary<K> {
    /// The number of a name; `None` when no row has it.
    pub fn number(&self, name: &K) -> Option<u32> {
        self.find(Slot::half(self.hasher.hash_one(name)), name)
    }

    fn find(&self, half: u32, name: &K) -> Option<u32> {
        let same = |slot: &Slot| slot.half == half && self.name(slot.number) == Some(name);
        self.numbers.find(Slot::hash(half), same).map(|slot| slot.number)
    }

    /// The number of a name, which gets one if it has none yet.
    pub fn intern(&mut self, name: K) -> u32 {
        let half = Slot::half(self.hasher.hash_one(&name));
        if let Some(number) = self.find(half, &name) {
            return number;
        }
        self.names.push(name);
        // So many names take more memory than any machine has, long before their numbers run out.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.numbers.insert_unique(Slot::hash(half), Slot { half, number }, |slot| Slot::hash(slot.half));
        number
    }

    /// The name with a number.
    pub fn name(&self, number: u32) -> Option<&K> {
        named(&self.names, number)
    }

    /// All names, from number 1 on.
    pub fn names(&self) -> &[K] {
        &self.names
    }

    /// One more than the greatest number.
    pub const fn numbers_end(&self) -> usize {
        self.names.len() + 1
    }

    fn memory_bytes(&self) -> usize {
        self.names.capacity() * size_of::<K>() + self.numbers.allocation_size()
    }
}

fn named<K>(names: &[K], number: u32) -> Option<&K> {
    names.get(usize::try_from(number).ok()?.checked_sub(1)?)
}

/// An item, as clicks name it: the same `doc_id` in another index is another item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItemName {
    /// The number of its engine.
    pub engine: u32,
    /// The number of its index, or [`UNTOLD`].
    pub index: u32,
    pub doc_id: DocId,
}

/// All names that rows have.
#[derive(Debug, Default)]
pub struct Names {
    /// An account's search engine. The account is part of the name, so that a question of one account can't meet a
    /// row of another.
    pub engines: Dictionary<(AccountCode, Hashid)>,
    /// An index of an engine, which is given by its number.
    pub indices: Dictionary<(u32, IndexName)>,
    /// Items. An item's number tells its engine and its index.
    pub items: Dictionary<ItemName>,
    /// Folded search terms.
    pub terms: Dictionary<SearchTerms>,
    /// Indices of one engine that were searched together: their numbers, sorted, each once.
    pub several: Dictionary<Box<[u32]>>,
    /// Results placed by hand, of an engine which is given by its number.
    pub custom_results: Dictionary<(u32, CustomResultId)>,
    digests: Digests,
    accounts: Vec<AccountCode>,
    text_bytes: usize,
}

impl Names {
    /// The number of an account's engine.
    pub fn intern_engine(&mut self, account: AccountCode, engine: Hashid) -> u32 {
        let known = self.engines.numbers_end();
        let number = self.engines.intern((account, engine));
        if self.engines.numbers_end() > known && !self.accounts.contains(&account) {
            self.accounts.push(account);
        }
        number
    }

    /// The accounts that any engine belongs to, each once.
    pub fn accounts(&self) -> &[AccountCode] {
        &self.accounts
    }

    /// The row of a click whose names are all known; `None` when one is not.
    pub fn row(&self, click: &Click, marks: Marks) -> Option<Row> {
        let engine = self.engines.number(&(click.account, click.engine))?;
        let index = |index: &IndexName| self.indices.number(&(engine, index.clone()));
        let index = click.index.as_ref().map_or(Some(UNTOLD), index)?;
        let terms = |terms: &SearchTerms| self.terms.number(terms);
        let custom = |id: &CustomResultId| self.custom_results.number(&(engine, id.clone()));
        Some(Row {
            at_ms: click.at_ms,
            engine,
            index,
            item: self.items.number(&ItemName { engine, index, doc_id: click.doc_id.clone() })?,
            terms: click.terms.as_ref().map_or(Some(UNTOLD), terms)?,
            device: device_code(click.device),
            product: click.product_type.number(),
            user: marks.user,
            search: marks.search,
            figure: rank_figure(click.rank),
            custom: click.custom_result.as_ref().map_or(Some(UNTOLD), custom)?,
        })
    }

    /// The row of a search whose names are all known; `None` when one is not.
    pub fn search_row(&self, search: &Search, marks: Marks) -> Option<Row> {
        let engine = self.engines.number(&(search.account, search.engine))?;
        let index = |index: &IndexName| self.indices.number(&(engine, index.clone()));
        let indices = search.indices.iter().map(index).collect::<Option<Vec<u32>>>()?;
        let terms = |terms: SearchTerms| self.terms.number(&terms);
        Some(Row {
            at_ms: search.at_ms,
            engine,
            index: match each_once(indices).as_slice() {
                [] => UNTOLD,
                [only] => *only,
                several => SEVERAL | self.several.number(&several.into())?,
            },
            item: search.redirection().map_or(Some(UNTOLD), |id| {
                self.items.number(&ItemName { engine, index: UNTOLD, doc_id: id.clone() })
            })?,
            terms: search.terms().map_or(Some(UNTOLD), terms)?,
            device: device_code(search.device),
            product: search_code(search.kind, search.found()),
            user: marks.user,
            search: marks.search,
            figure: hits_figure(search.found()),
            custom: UNTOLD,
        })
    }

    /// The number of indices of one engine, as that of an index.
    pub fn intern_indices(&mut self, indices: Vec<u32>) -> u32 {
        match each_once(indices).as_slice() {
            [] => UNTOLD,
            [only] => *only,
            several => {
                let known = self.several.numbers_end();
                let number = self.several.intern(several.into());
                if self.several.numbers_end() > known {
                    self.text_bytes += size_of_val(several) + TEXT_OVERHEAD_BYTES;
                }
                SEVERAL | number
            }
        }
    }

    /// The number of an engine's index; [`UNTOLD`] for none.
    pub fn intern_index(&mut self, engine: u32, index: Option<&IndexName>) -> u32 {
        let Some(index) = index else { return UNTOLD };
        let known = self.indices.numbers_end();
        let number = self.indices.intern((engine, index.clone()));
        self.count_text(index.as_str(), self.indices.numbers_end() > known);
        number
    }

    /// The number of an item in an index, or in none.
    pub fn intern_item(&mut self, engine: u32, index: u32, doc_id: &DocId) -> u32 {
        let known = self.items.numbers_end();
        let number = self.items.intern(ItemName { engine, index, doc_id: doc_id.clone() });
        let new = self.items.numbers_end() > known;
        if new {
            self.digests.push(ItemDigest::of(doc_id.as_str()), number);
        }
        self.count_text(doc_id.as_str(), new);
        number
    }

    /// The number of search terms; [`UNTOLD`] for none.
    pub fn intern_terms(&mut self, terms: Option<&SearchTerms>) -> u32 {
        let Some(terms) = terms else { return UNTOLD };
        let known = self.terms.numbers_end();
        let number = self.terms.intern(terms.clone());
        self.count_text(terms.as_str(), self.terms.numbers_end() > known);
        number
    }

    /// The number of an engine's result placed by hand; [`UNTOLD`] for none.
    pub fn intern_custom_result(&mut self, engine: u32, id: Option<&CustomResultId>) -> u32 {
        let Some(id) = id else { return UNTOLD };
        let known = self.custom_results.numbers_end();
        let number = self.custom_results.intern((engine, id.clone()));
        self.count_text(id.as_str(), self.custom_results.numbers_end() > known);
        number
    }

    /// The names of the indices in a cell of [`Grouping::Index`]: several where they were searched together.
    pub fn indices_of_cell(&self, cell: usize) -> Vec<IndexName> {
        let name = |number: u32| self.indices.name(number).map(|(_, index)| index.clone());
        let number = |cell: usize| u32::try_from(cell).unwrap_or(u32::MAX);
        match cell.checked_sub(self.indices.numbers_end()) {
            None => name(number(cell)).into_iter().collect(),
            Some(several) => {
                self.several.name(number(several)).into_iter().flatten().copied().filter_map(name).collect()
            }
        }
    }

    /// A result placed by hand in words, with its engine; `None` when the number is none.
    pub fn custom_result(&self, number: u32) -> Option<(Hashid, CustomResultId)> {
        let (engine, id) = self.custom_results.name(number)?;
        Some((self.engines.name(*engine)?.1, id.clone()))
    }

    /// The numbers of all items of an index with a digest: more than one only where somebody made two ids collide.
    pub fn items_with(&self, engine: u32, index: u32, digest: &ItemDigest) -> Vec<u32> {
        let mut found = self.digests.find(digest);
        let place = |item: &ItemName| (item.engine, item.index) == (engine, index);
        found.retain(|number| self.items.name(*number).is_some_and(place));
        found
    }

    /// The `doc_id` of an item.
    pub fn doc_id(&self, item: u32) -> Option<&str> {
        self.items.name(item).map(|item| item.doc_id.as_str())
    }

    /// The folded text of terms.
    pub fn terms_text(&self, terms: u32) -> Option<&str> {
        self.terms.name(terms).map(SearchTerms::as_str)
    }

    /// An item in words; `None` when the number is none.
    pub fn clicked_item(&self, number: u32) -> Option<ClickedItem> {
        let item = self.items.name(number)?;
        let (_, engine) = *self.engines.name(item.engine)?;
        let index = self.indices.name(item.index).map(|(_, index)| index.clone());
        Some(ClickedItem { engine, index, doc_id: item.doc_id.clone() })
    }

    /// One more than the greatest number of what is grouped by; 0 where that has no cell for each number.
    pub const fn numbers_end(&self, grouping: Grouping) -> usize {
        match grouping {
            Grouping::Terms { .. } | Grouping::TermsReport { .. } => self.terms.numbers_end(),
            Grouping::Items { .. } | Grouping::Distinct | Grouping::ItemsReport { .. } => {
                self.items.numbers_end()
            }
            Grouping::Index => self.indices.numbers_end() + self.several.numbers_end(),
            Grouping::CustomResults { .. } => self.custom_results.numbers_end(),
            // Pairs are sorted and counted, without a cell for each.
            Grouping::ItemRanks { .. } => 0,
            Grouping::Day | Grouping::DayAndEngine | Grouping::Engine | Grouping::Device => 0,
            Grouping::ProductType | Grouping::Rank | Grouping::ClickThrough => 0,
        }
    }

    fn count_text(&mut self, text: &str, new: bool) {
        if new {
            self.text_bytes += text.len() + TEXT_OVERHEAD_BYTES;
        }
    }

    /// About how many bytes all names take.
    pub fn memory_bytes(&self) -> usize {
        self.engines.memory_bytes()
            + self.indices.memory_bytes()
            + self.items.memory_bytes()
            + self.terms.memory_bytes()
            + self.several.memory_bytes()
            + self.custom_results.memory_bytes()
            + self.digests.memory_bytes()
            + self.text_bytes
    }
}

fn each_once(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// From an item's digest, which questions name it by, to its number.
#[derive(Debug, Default)]
struct Digests {
    digests: Vec<ItemDigest>,
    numbers: HashTable<Slot>,
    hasher: RandomState,
}

impl Digests {
    fn push(&mut self, digest: ItemDigest, number: u32) {
        self.digests.push(digest);
        let half = Slot::half(self.hasher.hash_one(digest));
        self.numbers.insert_unique(Slot::hash(half), Slot { half, number }, |slot| Slot::hash(slot.half));
    }

    fn find(&self, digest: &ItemDigest) -> Vec<u32> {
        let half = Slot::half(self.hasher.hash_one(digest));
        let slots = self.numbers.iter_hash(Slot::hash(half));
        slots.map(|slot| slot.number).filter(|number| named(&self.digests, *number) == Some(digest)).collect()
    }

    fn memory_bytes(&self) -> usize {
        self.digests.capacity() * size_of::<ItemDigest>() + self.numbers.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut names = Dictionary::default();
        let numbers: Vec<u32> = (0..1_000).map(|name: u32| names.intern(name.to_string())).collect();
        assert_eq!(numbers, (1..=1_000).collect::<Vec<u32>>());
        for (name, number) in numbers.iter().enumerate() {
            assert_eq!(names.intern(name.to_string()), *number);
            assert_eq!(names.number(&name.to_string()), Some(*number));
            assert_eq!(names.name(*number), Some(&name.to_string()));
        }
        assert_eq!(names.number(&"1000".to_owned()), None);
        assert_eq!(names.name(UNTOLD), None);
        assert_eq!(names.name(1_001), None);
    }

    #[test]
    fn an_item_is_found_by_its_digest() {
        let mut names = Names::default();
        let places = [(1, 1), (1, 2), (2, UNTOLD)];
        let doc_id = |item: u32| item.to_string();
        let intern = |item: u32| {
            places.map(|(engine, index)| names.intern_item(engine, index, &doc_id(item).parse().unwrap()))
        };
        let numbers: Vec<[u32; 3]> = (0..100).map(intern).collect();
        for (item, numbers) in (0..).zip(numbers) {
            for ((engine, index), number) in places.into_iter().zip(numbers) {
                assert_eq!(names.items_with(engine, index, &ItemDigest::of(&doc_id(item))), [number]);
            }
        }
        assert_eq!(names.items_with(1, 1, &ItemDigest::of("100")), []);
        assert_eq!(names.items_with(2, 1, &ItemDigest::of("1")), []);
    }
}
