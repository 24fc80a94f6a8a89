//! The oracle: a store without a disk, written to be read. Every other store has to give its answers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::click::Click;
use crate::filter::ClickFilter;
use crate::names::{AccountCode, UserCode};
use crate::question::{CLICKED_WITHIN_MS, Measure, Question};
use crate::search::Search;
use crate::store::{
    ClickStream, Forget, Forgotten, Outcome, Promise, Record, Store, StoreError, StoreStatus, ready,
};
use crate::tally::{Counter, Tally};

/// Keeps everything in memory and walks over all of it for every question.
#[derive(Debug)]
pub struct MemoryStore {
    join_ms: i64,
    kept: Mutex<Kept>,
}

const DAY_MS: i64 = 86_400_000;

#[derive(Debug, Default)]
struct Kept {
    clicks: Vec<Click>,
    /// For each click, whether it waits for its search: the first one that it meets is the only one.
    waits: Vec<bool>,
    ids: HashSet<(AccountCode, Box<str>)>,
    searches: HashMap<(AccountCode, Box<str>), Arc<Search>>,
    /// The first instant that is kept, once days were removed.
    kept_from_ms: Option<i64>,
    /// Clicks of removed days that are counted still, and the first instant from which on they are.
    counted: Vec<Click>,
    counted_from_ms: Option<i64>,
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

    fn is_removed(&self, at_ms: i64) -> bool {
        self.kept_from_ms.is_some_and(|from_ms| at_ms < from_ms)
    }

    fn keep_click(&mut self, mut click: Click) -> Outcome {
        if self.is_removed(click.at_ms) {
            return Outcome::Expired;
        }
        if let Some(id) = &click.id
            && !self.ids.insert((click.account, id.clone()))
        {
            return Outcome::Duplicate;
        }
        let mut waits = false;
        if let Some(id) = &click.query_id {
            match self.searches.get(&(click.account, id.clone())) {
                Some(search) => click.complete(search),
                None => waits = true,
            }
        }
        self.clicks.push(click);
        self.waits.push(waits);
        Outcome::Recorded
    }

    fn keep_search(&mut self, search: Search, join_ms: i64) -> Outcome {
        if self.is_removed(search.at_ms) {
            return Outcome::Expired;
        }
        let key = (search.account, search.id.clone());
        if let Some(known) = self.searches.get(&key) {
            return if known.same_as(&search) { Outcome::Duplicate } else { Outcome::Conflict };
        }
        for (click, waits) in self.clicks.iter_mut().zip(&mut self.waits) {
            let waited_ms = search.received_ms - click.received_ms;
            if *waits && (click.account, click.query_id.as_ref()) == (key.0, Some(&key.1)) {
                *waits = false;
                if waited_ms <= join_ms {
                    click.complete(&search);
                }
            }
        }
        self.searches.insert(key, Arc::new(search));
        Outcome::Recorded
    }

    /// The instants of the clicks that name a search, by that search.
    fn named(&self) -> HashMap<(AccountCode, &str), Vec<i64>> {
        let mut named: HashMap<(AccountCode, &str), Vec<i64>> = HashMap::new();
        for click in &self.clicks {
            if let Some(id) = &click.query_id {
                named.entry((click.account, id)).or_default().push(click.at_ms);
            }
        }
        named
    }

    fn forget(&mut self, click_goes: impl Fn(&Click) -> bool, goes: impl Fn(&Search) -> bool) -> Forgotten {
        let before = (self.clicks.len(), self.searches.len());
        let all = std::mem::take(&mut self.clicks).into_iter().zip(std::mem::take(&mut self.waits));
        (self.clicks, self.waits) = all.filter(|(click, _)| !click_goes(click)).unzip();
        self.searches.retain(|_, search| !goes(search));
        let id = |click: &Click| Some((click.account, click.id.clone()?));
        self.ids = self.clicks.iter().filter_map(id).collect();
        Forgotten {
            clicks: (before.0 - self.clicks.len()) as u64,
            searches: (before.1 - self.searches.len()) as u64,
        }
    }

    /// Refuses a question about days that were removed.
    fn check_kept(&self, question: &Question) -> Result<(), StoreError> {
        let Some(span) = question.days.spans().first() else { return Ok(()) };
        let counted = self.counted_from_ms.is_none_or(|from_ms| span.from_ms >= from_ms);
        let answered = |from_ms| counted && question.counts_answer(from_ms);
        let touched = self.is_removed(span.from_ms) && !self.kept_from_ms.is_some_and(answered);
        match self.kept_from_ms.filter(|_| touched).map(jiff::Timestamp::from_millisecond) {
            None => Ok(()),
            Some(Ok(first)) => {
                Err(StoreError::Removed { first_kept: first.strftime("%Y-%m-%d").to_string() })
            }
            Some(Err(error)) => Err(StoreError::Removed { first_kept: error.to_string() }),
        }
    }
}

/// Whether any of the clicks that name a search is not too far from it.
fn is_clicked(search: &Search, clicks_ms: &[i64]) -> bool {
    clicks_ms.iter().any(|at_ms| at_ms.abs_diff(search.at_ms) <= CLICKED_WITHIN_MS.unsigned_abs())
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
        let kept = self.kept();
        kept.check_kept(question)?;
        let mut counter = Counter::new(question);
        if question.measure == Measure::Clicks || question.grouping.joins() {
            kept.clicks.iter().chain(&kept.counted).for_each(|click| counter.count(click));
        }
        if question.measure != Measure::Clicks || question.grouping.joins() {
            let named = kept.named();
            kept.searches.values().for_each(|search| {
                let clicks = named.get(&(search.account, &*search.id));
                counter.count_search(search, clicks.is_some_and(|at_ms| is_clicked(search, at_ms)));
            });
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

    fn forget(&self, what: &Forget) -> Result<Forgotten, StoreError> {
        let mut kept = self.kept();
        Ok(match what {
            Forget::DaysBefore { day, keep_counts } => {
                let from_ms = i64::from(*day) * DAY_MS;
                if kept.kept_from_ms >= Some(from_ms) {
                    return Ok(Forgotten::default());
                }
                kept.kept_from_ms = Some(from_ms);
                if *keep_counts {
                    let removed = |click: &&Click| click.at_ms < from_ms;
                    let removed: Vec<Click> = kept.clicks.iter().filter(removed).cloned().collect();
                    kept.counted.extend(removed);
                } else {
                    kept.counted.clear();
                    kept.counted_from_ms = Some(from_ms);
                }
                kept.forget(|click| click.at_ms < from_ms, |search| search.at_ms < from_ms)
            }
            Forget::Visitor { account, user } => {
                let theirs = |of: AccountCode, who: Option<&UserCode>| of == *account && who == Some(user);
                kept.forget(
                    |click| theirs(click.account, click.user.as_ref()),
                    |search| theirs(search.account, search.user.as_ref()),
                )
            }
        })
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
