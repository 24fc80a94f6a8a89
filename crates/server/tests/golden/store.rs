//! A store that can be told to fail, and that remembers the last click it was given.

use std::sync::{Arc, Mutex};

use clicks::{
    AccountCode, Click, ClickFilter, ClickStream, Forget, Forgotten, MemoryStore, Outcome, Promise, Question,
    Record, Search, Store, StoreError, StoreStatus, Tally, ready,
};

pub struct MoodyStore {
    inner: MemoryStore,
    mood: Mutex<Option<StoreError>>,
    last: Mutex<Option<Click>>,
}

/// Comes before the date of a UTC day that can't be read.
const DAMAGED_DAY: &str = "damaged_day=";

impl MoodyStore {
    pub fn new() -> Self {
        Self {
            inner: MemoryStore::new(clicks::DEFAULT_JOIN_MS),
            mood: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// `ok`, or the error that every verb gives from now on.
    pub fn set_mood(&self, mood: &str) -> Result<(), String> {
        let cause = || "secret cause".to_owned();
        *self.mood.lock().unwrap() = match mood {
            "ok" => None,
            "busy" => Some(StoreError::Busy),
            "not_written" => Some(StoreError::NotWritten(cause())),
            "stopped" => Some(StoreError::Stopped(cause())),
            "out_of_time" => Some(StoreError::OutOfTime),
            "damaged" => Some(StoreError::Damaged(cause())),
            _ if mood.starts_with(DAMAGED_DAY) => {
                let day = mood[DAMAGED_DAY.len()..].to_owned();
                Some(StoreError::DamagedDay { day, reason: cause() })
            }
            _ => return Err(format!("`{mood}` is no mood of a store")),
        };
        Ok(())
    }

    /// The click that was recorded last, as it is kept now: its search may have come later.
    pub fn last(&self) -> Option<Click> {
        let given = self.last.lock().unwrap().clone()?;
        let filter = ClickFilter::all(given.account, vec![given.engine]);
        self.inner.scan(given.at_ms, given.at_ms + 1, &filter).ok()?.last()?.ok()
    }

    fn mood(&self) -> Result<(), StoreError> {
        self.mood.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl Store for MoodyStore {
    fn append(&self, records: Vec<Record>) -> Promise<'_, Vec<Outcome>> {
        if let Err(error) = self.mood() {
            return ready(Err(error));
        }
        if let Some(Record::Click(click)) = records.last() {
            *self.last.lock().unwrap() = Some(click.clone());
        }
        self.inner.append(records)
    }

    fn tally(&self, question: &Question, stop: &dyn Fn() -> bool) -> Result<Tally, StoreError> {
        match self.mood() {
            Err(StoreError::DamagedDay { day, .. })
                if question.days.without(day.parse().unwrap()).is_none() => {}
            mood => mood?,
        }
        self.inner.tally(question, stop)
    }

    fn scan(&self, from_ms: i64, until_ms: i64, filter: &ClickFilter) -> Result<ClickStream, StoreError> {
        self.mood()?;
        self.inner.scan(from_ms, until_ms, filter)
    }

    fn searches(&self, account: Option<AccountCode>, id: &str) -> Result<Vec<Arc<Search>>, StoreError> {
        self.inner.searches(account, id)
    }

    fn forget(&self, what: &Forget) -> Result<Forgotten, StoreError> {
        self.mood()?;
        self.inner.forget(what)
    }

    fn settle(&self) -> Promise<'_, ()> {
        self.inner.settle()
    }

    fn status(&self) -> StoreStatus {
        StoreStatus { unable: self.mood().err().map(|error| error.to_string()), ..self.inner.status() }
    }
}
