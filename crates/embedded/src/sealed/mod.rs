//! The sealed days: what is on disk for good, and what is kept in memory of it to find it. A view never changes: sealing
//! and merging make another one. It must never know what is not sealed yet.

pub mod cache;
pub mod date;
pub mod folders;
pub mod forgetting;
pub mod found;
pub mod manifest;
pub mod moved;
pub mod names_log;
pub mod opening;
pub mod part;
pub mod publishing;
pub mod sealing;
pub mod verify;
pub mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use clicks::{AccountCode, Click, Measure, Question, Search, StoreError};

use crate::index::counters::Counters;
use crate::keys::{Fingerprint, Keys, KeysError};
use crate::recent::corrections::Origin;
use crate::recent::day::{DAY_MS, day_of};
use crate::sealed::cache::IndexCache;
use crate::sealed::found::{FoundSearches, Place};
use crate::sealed::part::Part;

/// Why a sealing came to nothing. What was to be sealed is still in the journal and in memory.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The disk failed, or has no room. A later attempt may succeed.
    #[error("{file}: {error}")]
    Io { file: String, error: io::Error },
    /// What has to be read for it is damaged.
    #[error("{0}")]
    Damaged(String),
    /// Nobody knows what is on the disk: nothing more is sealed until a restart.
    #[error("nothing is sealed until a restart: {0}")]
    UntilRestart(String),
    /// The store is being closed, or has stopped recording.
    #[error("the store has stopped")]
    Stopped,
}

impl SealError {
    /// The names could not be written.
    pub fn names(error: &journal::AppendError) -> Self {
        match error {
            journal::AppendError::Poisoned => Self::UntilRestart(format!("names: {error}")),
            other => Self::Io { file: "names".into(), error: io::Error::other(other.to_string()) },
        }
    }

    /// The manifest, or what it names, could not be renamed.
    pub fn renamed(error: io::Error) -> Self {
        Self::UntilRestart(format!("a file could not be renamed: {error}"))
    }

    /// The disk failed at a file.
    pub fn io(file: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        |error| Self::Io { file, error }
    }
}

impl From<StoreError> for SealError {
    fn from(error: StoreError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// The parts of one day, in the order in which their rows were recorded.
#[derive(Clone, Default)]
pub struct DayParts {
    pub clicks: Vec<Arc<Part>>,
    pub searches: Vec<Arc<Part>>,
    /// What is wrong with it: such a day answers nothing.
    pub damaged: Option<String>,
}

impl DayParts {
    /// The parts that have what is counted.
    pub fn parts(&self, measure: Measure) -> &[Arc<Part>] {
        match measure {
            Measure::Clicks => &self.clicks,
            _ => &self.searches,
        }
    }
}

/// All sealed days.
#[derive(Clone)]
pub struct Sealed {
    pub days: BTreeMap<i32, DayParts>,
    /// The first UTC day that is kept: days before it were removed. The least number while none was.
    pub kept_from: i32,
    /// From this day on, removed days have their counts among the counters.
    pub counts_from: i32,
    /// The removed days that have any.
    pub counted: BTreeSet<i32>,
    /// Of clicks.
    pub counters: Counters,
    pub search_counters: Counters,
    pub keys: Arc<Keys>,
    pub cache: Arc<IndexCache>,
    pub found: Arc<FoundSearches>,
    pub clicks: u64,
    pub searches: u64,
    /// Some day is damaged.
    pub has_damage: bool,
}

impl Sealed {
    /// How many clicks and searches are sealed.
    pub const fn counts(&self) -> (u64, u64) {
        (self.clicks, self.searches)
    }

    /// Whether a sealed row has this key.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn has_key(&self, key: Fingerprint) -> Result<bool, StoreError> {
        if self.kept_from == i32::MIN {
            return self.keys.contains(key).map_err(|error| StoreError::Damaged(error.to_string()));
        }
        // A key of a removed day stays until its run is merged, and counts no more.
        Ok(self.days_of(key)?.into_iter().any(|day| day >= self.kept_from))
    }

    /// For each key, whether a sealed row has it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn has_keys(&self, keys: &[Fingerprint]) -> Result<Vec<bool>, StoreError> {
        let damaged = |error: KeysError| StoreError::Damaged(error.to_string());
        if self.kept_from == i32::MIN {
            return self.keys.contains_many(keys).map_err(damaged);
        }
        let mut there = vec![false; keys.len()];
        let found = |place: usize, day| {
            if let Some(there) = there.get_mut(place) {
                *there |= day >= self.kept_from;
            }
        };
        self.keys.find_many(keys, found).map_err(damaged)?;
        Ok(there)
    }

    fn days_of(&self, key: Fingerprint) -> Result<Vec<i32>, StoreError> {
        self.keys.days_of(key).map_err(|error| StoreError::Damaged(error.to_string()))
    }

    /// The sealed search of an account.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn search(
        &self,
        key: Fingerprint,
        account: AccountCode,
        id: &str,
    ) -> Result<Option<Arc<Search>>, StoreError> {
        let parts_of = |day: &i32| self.days.get(day).into_iter().flat_map(|day| &day.searches);
        let is_it = |search: &Search| search.account == account && *search.id == *id;
        let is_there = |(day, part): Place| parts_of(&day).any(|kept| kept.info().number == part);
        if let Some(search) = self.found.get(key, is_there).filter(|search| is_it(search)) {
            return Ok(Some(search));
        }
        for day in self.days_of(key)? {
            for part in parts_of(&day) {
                if let Some(search) = part.searches_with(hash_of(key))?.into_iter().find(is_it) {
                    let search = Arc::new(search);
                    self.found.keep(key, (day, part.info().number), &search);
                    return Ok(Some(search));
                }
            }
        }
        Ok(None)
    }

    /// Adds the sealed clicks that name a search which was not known when they were sealed.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn waiting(
        &self,
        key: Fingerprint,
        search: &Search,
        found: &mut Vec<(Origin, Click)>,
    ) -> Result<(), StoreError> {
        for day in self.days_of(key)? {
            for part in self.days.get(&day).iter().flat_map(|day| &day.clicks) {
                for (row, click) in part.clicks_waiting(hash_of(key))? {
                    if click.account == search.account && click.query_id.as_deref() == Some(&*search.id) {
                        found.push((Origin::Sealed { part: part.info().number, row }, click));
                    }
                }
            }
        }
        Ok(())
    }

    /// Refuses a question about instants from `from_ms` on, if their days were removed and no counts answer it.
    ///
    /// # Errors
    /// [`StoreError::Removed`].
    pub fn check_kept(&self, question: &Question, from_ms: i64) -> Result<(), StoreError> {
        let first = day_of(from_ms);
        let answered = || {
            first >= self.counts_from
                && question.counts_answer(i64::from(self.kept_from).saturating_mul(DAY_MS))
        };
        if first >= self.kept_from || answered() {
            return Ok(());
        }
        Err(StoreError::Removed { first_kept: date::date_of(self.kept_from) })
    }

    /// The days that are damaged, by date, and why.
    pub fn damage(&self) -> impl Iterator<Item = (String, String)> {
        let damaged = |(day, parts): (&i32, &DayParts)| Some((date::date_of(*day), parts.damaged.clone()?));
        self.days.iter().filter_map(damaged)
    }

    /// How many bytes all files take.
    pub fn file_bytes(&self) -> u64 {
        let clicks = |day: &DayParts| day.clicks.iter().map(|part| part.file_bytes()).sum::<u64>();
        let searches = |day: &DayParts| day.searches.iter().map(|part| part.file_bytes()).sum::<u64>();
        let days = self.days.values().map(|day| clicks(day) + searches(day)).sum::<u64>();
        days + self.keys.listed().map(|run| run.bytes).sum::<u64>()
    }

    /// The first and the last day that has anything.
    pub fn day_range(&self) -> Option<(i32, i32)> {
        let days = || self.days.keys().chain(&self.counted).copied();
        Some((days().min()?, days().max()?))
    }

    /// About how many bytes of memory it takes.
    pub fn memory_bytes(&self) -> usize {
        let part = |part: &Arc<Part>| part.memory_bytes();
        let parts = self.days.values().flat_map(|day| day.clicks.iter().chain(&day.searches));
        let parts = parts.map(part).sum::<usize>();
        let keys = usize::try_from(self.keys.memory_bytes()).unwrap_or(usize::MAX);
        let counters = self.counters.memory_bytes() + self.search_counters.memory_bytes();
        parts + counters + self.cache.bytes() + self.found.bytes() + keys
    }
}

/// What rows are found by in a part, from the fingerprint that tells the day.
pub fn hash_of(key: Fingerprint) -> u32 {
    // Its highest bits order the runs; any other 32 do as well.
    u32::try_from(key.number() & u128::from(u32::MAX)).unwrap_or_default()
}
