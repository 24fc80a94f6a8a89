//! The oracle: a store without a disk, written to be read. Every other store has to give its answers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::click::Click;
use crate::filter::ClickFilter;
use crate::names::AccountCode;
use crate::question::Question;
use crate::search::Search;
use crate::store::{ClickStream, Outcome, Promise, Record, Store, StoreError, StoreStatus, ready};
use crate::tally::{Counter, Tally};

/// Keeps everything in memory and walks over all of it for every question.
#[derive(Debug)]
pub struct MemoryStore {
    join_ms: i64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    clicks: Vec<Click>,
    ids: HashSet<(AccountCode, Box<str>)>,
    searches: HashMap<(AccountCode, Box<str>), Arc<Search>>,
}

impl MemoryStore {
    /// An empty store whose clicks wait `join_ms` milliseconds for their search.
    #[must_use]
    pub fn new(join_ms: i64) -> Self {
        Self { join_ms, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, record: Record, join_ms: i64) -> Outcome {
        match record {
            Record::Click(click) => self.keep_click(click),
            Record::Search(search) => self.keep_search(search, join_ms),
        }
    }

    fn keep_click(&mut self, mut click: Click) -> Outcome {
        if let Some(id) = &click.id
            && !self.ids.insert((click.account, id.clone()))
        {
            return Outcome::Duplicate;
        }
        if let Some(id) = &click.query_id
            && let Some(search) = self.searches.get(&(click.account, id.clone()))
        {
            click.complete(search);
        }
        self.clicks.push(click);
        Outcome::Recorded
    }

    fn keep_search(&mut self, search: Search, join_ms: i64) -> Outcome {
        let key = (search.account, search.id.clone());
        if let Some(known) = self.searches.get(&key) {
            return if known.same_as(&search) { Outcome::Duplicate } else { Outcome::Conflict };
        }
        for click in &mut self.clicks {
            let waited_ms = search.received_ms - click.received_ms;
            if (click.account, click.query_id.as_ref()) == (key.0, Some(&key.1)) && waited_ms <= join_ms {
                click.complete(&search);
            }
        }
        self.searches.insert(key, Arc::new(search));
        Outcome::Recorded
    }
}

impl Store for MemoryStore {
    fn append(&self, records: Vec<Record>) -> Promise<'_, Vec<Outcome>> {
        let mut kept = self.kept();
        ready(Ok(records.into_iter().map(|record| kept.keep(record, self.join_ms)).collect()))
    }

    fn tally(&self, question: &Question, stop: &dyn Fn() -> bool) -> Result<Tally, StoreError> {
        if stop() {
            return Err(StoreError::OutOfTime);
        }
        let mut counter = Counter::new(question);
        for click in &self.kept().clicks {
            counter.count(click);
        }
        Ok(counter.finish())
    }

    fn scan(&self, from_ms: i64, until_ms: i64, filter: &ClickFilter) -> Result<ClickStream, StoreError> {
        let in_period = |click: &&Click| (from_ms..until_ms).contains(&click.at_ms) && filter.passes(click);
        let mut clicks: Vec<Click> = self.kept().clicks.iter().filter(in_period).cloned().collect();
        clicks.sort_by_key(|click| click.at_ms);
        Ok(Box::new(clicks.into_iter().map(Ok)))
    }

    fn searches(&self, account: Option<AccountCode>, id: &str) -> Result<Vec<Arc<Search>>, StoreError> {
        let wanted =
            |key: &(AccountCode, Box<str>)| &*key.1 == id && account.is_none_or(|account| account == key.0);
        let kept = self.kept();
        Ok(kept
            .searches
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(_, search)| Arc::clone(search))
            .collect())
    }

    fn settle(&self) -> Promise<'_, ()> {
        ready(Ok(()))
    }

    fn status(&self) -> StoreStatus {
        let kept = self.kept();
        StoreStatus {
            clicks: kept.clicks.len() as u64,
            searches: kept.searches.len() as u64,
            ..StoreStatus::default()
        }
    }
}
