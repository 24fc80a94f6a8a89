//! The two walks: a draft becomes a click on disk, a question becomes a tally. Knows no dialect and no engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clicks::{
    Click, ClickFilter, CustomResultId, Device, Dfid, DocId, EngineIndex, Grouping, Hashid, IndexName,
    LocalDays, Measure, Outcome, Period, PeriodError, ProductType, Question, Record, SearchTerms, Store,
    StoreError, Tally, Zone,
};
use jiff::civil::Date;
use registry::{MasterSecret, Registry, Scope};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::access::{Caller, Denied};
use crate::callers::Callers;
use crate::clock::Clock;
use crate::counts::Counts;
use crate::intake::{self, Draft, Known, Unplaced};
use crate::live::{Live, Source};
use crate::pages::Pages;
use crate::passwords::Passwords;
use crate::settings::{DamagedDays, Settings, UnknownItems};

/// The most rows that one answer may have.
pub const ANSWER_ROWS_MAX: usize = 1_000_000;
/// The most rows that lists of several search engines may have together.
pub const LISTED_ROWS_MAX: usize = 100_000;
/// The most questions that may wait for their turn.
pub const QUESTIONS_WAITING_MAX: usize = 1_024;

/// Why a draft was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It does not belong anywhere.
    #[error(transparent)]
    Unplaced(#[from] Unplaced),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a dialect understood of a statistics call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The period, in its zone.
    pub period: Period,
    /// Whose wall clock makes the days.
    pub zone: Zone,
    /// The search engines; `None` = all of the account.
    pub hashids: Option<Vec<Hashid>>,
    /// Indices, each of one engine or of every selected one; `None` = all.
    pub indices: Option<Vec<(IndexName, Option<Hashid>)>>,
    /// The device.
    pub device: Option<Device>,
    /// The terms.
    pub terms: Option<SearchTerms>,
    /// The item.
    pub item: Option<Dfid>,
    /// The item's id, in whatever index.
    pub doc_id: Option<DocId>,
    /// The kinds of result; empty = all.
    pub product_types: Vec<ProductType>,
    /// The result placed by hand.
    pub custom_result: Option<CustomResultId>,
    /// How much a search found, and how much it must not have found.
    pub hits: (Option<u64>, Option<u64>),
    /// What is counted.
    pub measure: Measure,
    /// What the counts are counts by.
    pub grouping: Grouping,
    /// What the texts of a report's rows have in them.
    pub matching: Option<Box<str>>,
}

/// A question with its answer.
#[derive(Debug)]
pub struct Answered {
    /// What was asked, in the end.
    pub question: Question,
    /// The answer.
    pub tally: Tally,
    /// The dates of the UTC days that are not in it, because they can't be read.
    pub left_out: Vec<String>,
}

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The period can't be asked about.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The answer would have more than [`ANSWER_ROWS_MAX`] rows.
    #[error("the answer would have more than {ANSWER_ROWS_MAX} rows")]
    TooManyRows,
    /// The caller may not see it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It could not be answered.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the server is made of: a store, a registry, a clock, and what the team set.
pub struct App {
    /// Keeps clicks and searches.
    pub store: Arc<dyn Store>,
    /// Knows accounts, keys, engines and items.
    pub registry: Registry,
    /// The one clock.
    pub clock: Arc<dyn Clock>,
    /// What the team set.
    pub settings: Settings,
    /// What became of all that was received.
    pub counts: Counts,
    /// What stands before the doors for public pages.
    pub pages: Pages,
    /// Finds out who calls.
    pub callers: Callers,
    /// Where passwords are hashed.
    pub(crate) passwords: Passwords,
    /// Those who watch what happens.
    pub live: Arc<Live>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        registry: Registry,
        clock: Arc<dyn Clock>,
        settings: Settings,
        secret: &MasterSecret,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(settings.questions_max.max(1)));
        Self {
            store,
            registry,
            clock,
            pages: Pages::new(&settings),
            callers: Callers::new(&settings, secret),
            passwords: Passwords::default(),
            live: Arc::default(),
            settings,
            counts: Counts::default(),
            turns,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Records a browser's click that came for `host`. Returns only when it is on disk and counted by the next
    /// question.
    ///
    /// # Errors
    /// [`RecordError::Unplaced`] when it belongs nowhere, [`RecordError::Store`] when it could not be kept.
    pub async fn record(&self, draft: Draft, host: &str) -> Result<Outcome, RecordError> {
        let click = self.admit(draft, host)?;
        Ok(self.keep(click).await?)
    }

    /// The click that a browser's call for `host` is, completed by what is known. Keeps nothing.
    ///
    /// # Errors
    /// As [`App::record`].
    pub fn admit(&self, draft: Draft, host: &str) -> Result<Click, RecordError> {
        let known = self.known(&draft, host)?;
        Ok(intake::admit(draft, &known, self.settings.unknown_items, self.clock.now_ms())?)
    }

    /// Keeps a click. Returns only when it is on disk and counted by the next question.
    ///
    /// # Errors
    /// The store's.
    pub async fn keep(&self, click: Click) -> Result<Outcome, StoreError> {
        self.append_click(click, Source::Fess).await
    }

    /// Keeps a click, and tells those who watch.
    pub(crate) async fn append_click(&self, click: Click, source: Source) -> Result<Outcome, StoreError> {
        let shown = self.live.is_watched(click.account).then(|| click.clone());
        let outcomes = self.store.append(vec![Record::Click(click)]).await?;
        let outcome = outcomes.first().copied().unwrap_or(Outcome::Recorded);
        if outcome == Outcome::Recorded {
            self.live.recorded(shown, source);
        }
        Ok(outcome)
    }

    fn known(&self, draft: &Draft, host: &str) -> Result<Known, StoreError> {
        let site = self.registry.site(host);
        let account = site.as_ref().map(|engine| engine.account);
        let mut searches = match &draft.query_id {
            Some(id) => self.store.searches(account, id)?,
            None => Vec::new(),
        };
        // A search outlives its engine, and no question reaches what belongs to an engine that is gone.
        searches.retain(|search| self.registry.engine(search.engine).is_some());
        let doc_id = draft.doc_id.as_str();
        let places = match account {
            Some(account) => self.registry.places_within(account, doc_id),
            None => self.registry.places_of(doc_id),
        };
        let owner =
            |place: EngineIndex| self.registry.engine(place.engine).map(|engine| (engine.account, place));
        let holders = places.into_iter().filter_map(owner).collect();
        let mut known = Known { site, searches, holders, only_engine: None };
        if self.settings.unknown_items == UnknownItems::Accept
            && let [only] = self.registry.engines(account).as_slice()
        {
            known.only_engine = Some(Arc::clone(only));
        }
        Ok(known)
    }

    /// Answers what a caller asked. The first error in this order wins: the period, the number of rows, the scope,
    /// the first search engine that is not the caller's.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn tally(&self, caller: &Caller, asked: Asked) -> Result<Answered, AskError> {
        self.tally_until(caller, asked, Instant::now() + self.settings.stats_timeout).await
    }

    async fn tally_until(
        &self,
        caller: &Caller,
        asked: Asked,
        deadline: Instant,
    ) -> Result<Answered, AskError> {
        let days = LocalDays::of(&asked.period, &asked.zone)?;
        let engines = self.selected(caller, &asked);
        let rows = match asked.grouping {
            Grouping::DayAndEngine => days.days().len().saturating_mul(engines.len()),
            _ => days.days().len(),
        };
        if rows > ANSWER_ROWS_MAX {
            return Err(AskError::TooManyRows);
        }
        caller.needs(Scope::Read)?;
        self.owned(caller, &asked)?;
        let filter = filter(caller, engines, &asked);
        let Asked { measure, grouping, matching, .. } = asked;
        let question = Question { days: Arc::new(days), measure, filter, grouping, matching };
        Ok(self.answer(question, deadline).await?)
    }

    /// Answers several questions, one after the other, all within the time of one.
    ///
    /// # Errors
    /// As [`App::tally`]; the first.
    pub async fn tally_all(&self, caller: &Caller, asked: Vec<Asked>) -> Result<Vec<Answered>, AskError> {
        let deadline = Instant::now() + self.settings.stats_timeout;
        let mut answered = Vec::with_capacity(asked.len());
        for asked in asked {
            answered.push(self.tally_until(caller, asked, deadline).await?);
        }
        Ok(answered)
    }

    /// Answers the same of each search engine that is asked about, one after the other, in the order of their hashids, all within
    /// the time of one question; each may have `rows_max` rows.
    ///
    /// # Errors
    /// As [`App::tally`].
    pub async fn tally_each(
        &self,
        caller: &Caller,
        asked: Asked,
        rows_max: usize,
    ) -> Result<Vec<Answered>, AskError> {
        let engines = self.selected(caller, &asked);
        if engines.len().saturating_mul(rows_max) > LISTED_ROWS_MAX {
            return Err(AskError::TooManyRows);
        }
        caller.needs(Scope::Read)?;
        self.owned(caller, &asked)?;
        let of_one = |engine| Asked { hashids: Some(vec![engine]), ..asked.clone() };
        self.tally_all(caller, engines.into_iter().map(of_one).collect()).await
    }

    /// The search engines that are asked about, sorted, each once: those named, else all of the account.
    fn selected(&self, caller: &Caller, asked: &Asked) -> Vec<Hashid> {
        let mut engines = asked.hashids.clone().unwrap_or_else(|| {
            self.registry.engines(Some(caller.account)).iter().map(|engine| engine.hashid).collect()
        });
        engines.sort_unstable();
        engines.dedup();
        engines
    }

    /// Whether every search engine that is named, also within indices and the item, is the caller's.
    fn owned(&self, caller: &Caller, asked: &Asked) -> Result<(), Denied> {
        let in_indices = asked.indices.iter().flatten().filter_map(|(_, hashid)| *hashid);
        let named = asked.hashids.iter().flatten().copied().chain(in_indices);
        let mut named = named.chain(asked.item.as_ref().map(|item| item.engine));
        named.try_for_each(|hashid| caller.owns(&self.registry, hashid))
    }

    /// A question waits for its turn and is answered off the threads that serve connections, all within its time.
    async fn answer(&self, question: Question, deadline: Instant) -> Result<Answered, StoreError> {
        let waiting = Waiting::join(&self.waiting).ok_or(StoreError::Busy)?;
        let turn = tokio::time::timeout_at(deadline, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| StoreError::OutOfTime)?.map_err(|_| StoreError::Busy)?;
        drop(waiting);
        let (store, damaged_days) = (Arc::clone(&self.store), self.settings.damaged_days);
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let stop = || Instant::now() >= deadline;
            match damaged_days {
                DamagedDays::Refuse => {
                    let tally = store.tally(&question, &stop)?;
                    Ok(Answered { question, tally, left_out: Vec::new() })
                }
                DamagedDays::LeaveOut => answer_without_damage(&*store, question, &stop),
            }
        });
        work.await.unwrap_or_else(|failed| Err(StoreError::Damaged(failed.to_string())))
    }
}

/// Asks again without each day that turns out to be damaged.
fn answer_without_damage(
    store: &dyn Store,
    mut question: Question,
    stop: &dyn Fn() -> bool,
) -> Result<Answered, StoreError> {
    let mut left_out = Vec::new();
    loop {
        let error = match store.tally(&question, stop) {
            Ok(tally) => return Ok(Answered { question, tally, left_out }),
            Err(error) => error,
        };
        let StoreError::DamagedDay { day, .. } = &error else { return Err(error) };
        let damaged: Option<Date> = day.parse().ok();
        // Where searches are joined to their clicks, those of the days beside it may have been clicked on the damaged one.
        let beside = |date: Date| [date.yesterday().ok(), Some(date), date.tomorrow().ok()];
        let without: Vec<Date> = match damaged {
            Some(date) if question.grouping.joins() => beside(date).into_iter().flatten().collect(),
            date => date.into_iter().collect(),
        };
        let before = left_out.len();
        for date in without {
            if let Some(rest) = question.days.without(date) {
                question.days = Arc::new(rest);
                left_out.push(date.to_string());
            }
        }
        // Each time there are fewer instants, so this ends.
        if left_out.len() == before {
            return Err(error);
        }
    }
}

fn filter(caller: &Caller, engines: Vec<Hashid>, asked: &Asked) -> ClickFilter {
    let places = asked.indices.as_ref().map(|indices| {
        let of_each = |engine: Hashid, index: &IndexName| EngineIndex { engine, index: index.clone() };
        let place = |(index, hashid): &(IndexName, Option<Hashid>)| match hashid {
            Some(hashid) => vec![of_each(*hashid, index)],
            None => engines.iter().map(|engine| of_each(*engine, index)).collect(),
        };
        let mut places: Vec<_> = indices.iter().flat_map(place).collect();
        places.sort_unstable();
        places.dedup();
        places
    });
    ClickFilter {
        account: caller.account,
        engines,
        places,
        device: asked.device,
        terms: asked.terms.clone(),
        item: asked.item.clone(),
        doc_id: asked.doc_id.clone(),
        product_types: asked.product_types.clone(),
        custom_result: asked.custom_result.clone(),
        hits: asked.hits.0,
        hits_not: asked.hits.1,
    }
}

/// A place in the line of questions, given up when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(line: &'a AtomicUsize) -> Option<Self> {
        let place = Self(line);
        (line.fetch_add(1, Ordering::Relaxed) < QUESTIONS_WAITING_MAX).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
