//! Feeding: items, searches and clicks in bulk, from a shop's own systems or its old logs. Good lines are kept when
//! others are bad, and each line ends in exactly one number of the report.

use clicks::{
    AccountCode, Click, CustomResultId, Device, DocId, EngineIndex, Hashid, IndexName, Item, Outcome,
    ProductType, Record, Search, SearchKind, SearchTerms, StoreError, UserCode,
};
use registry::{Engine, PutItem, RegistryError};

use crate::app::App;
use crate::counts::Fate;
use crate::feeder::Feeder;
use crate::live::Source;

/// The most rejections that a report lists; it counts them all.
pub const REJECTED_LISTED_MAX: usize = 1_000;

/// The most bytes of records that are appended together, about: half of what a store takes at once.
const APPEND_BYTES_MAX: usize = 6 * 1024 * 1024;
/// What a record takes besides its texts, at most.
const RECORD_BYTES: usize = 128;
/// What a name in a list takes besides its text, at most.
const RECORD_NAME_BYTES: usize = 4;

/// An item as a line tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemLine {
    /// The search engine.
    pub engine: Hashid,
    /// The index.
    pub index: IndexName,
    /// What the search site calls it.
    pub doc_id: DocId,
    /// Shown to people.
    pub title: Option<Box<str>>,
    /// Where it leads.
    pub link: Option<Box<str>>,
}

/// A search as a line tells it; see [`Search`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of `Search`, where they are explained")]
pub struct SearchLine {
    pub kind: SearchKind,
    pub id: Box<str>,
    pub at_ms: i64,
    pub engine: Hashid,
    pub indices: Vec<IndexName>,
    pub query: Option<Box<str>>,
    pub doc_ids: Option<Vec<DocId>>,
    pub device: Option<Device>,
    pub total_hits: Option<u64>,
    pub user: Option<UserCode>,
    pub session: Option<Box<str>>,
}

/// A click as a line tells it; see [`Click`]. Its search or its item may tell the engine and the index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of `Click`, where they are explained")]
pub struct ClickLine {
    pub id: Option<Box<str>>,
    pub at_ms: i64,
    pub engine: Option<Hashid>,
    pub index: Option<IndexName>,
    pub doc_id: DocId,
    pub query_id: Option<Box<str>>,
    pub searched_ms: Option<i64>,
    pub rank: Option<u32>,
    pub device: Option<Device>,
    pub product_type: ProductType,
    pub custom_result: Option<CustomResultId>,
    pub terms: Option<SearchTerms>,
    pub user: Option<UserCode>,
    pub session: Option<Box<str>>,
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// An item of a catalogue.
    Item(ItemLine),
    /// A search that was shown.
    Search(SearchLine),
    /// A click.
    Click(ClickLine),
}

/// Why a line was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What became of it.
    pub fate: Fate,
    /// Machine-readable: `invalid_json`, `bad_params`, `unknown_engine`, `access_denied`, `conflict`, …
    pub code: &'static str,
    /// For people; names the field.
    pub message: String,
}

impl Rejection {
    /// A line that breaks a field's rule.
    #[must_use]
    pub fn bad_params(message: impl Into<String>) -> Self {
        Self { fate: Fate::Invalid, code: "bad_params", message: message.into() }
    }

    fn unknown_engine(message: impl Into<String>) -> Self {
        Self { fate: Fate::UnknownEngine, code: "unknown_engine", message: message.into() }
    }
}

/// What was made of lines: received = items + searches + clicks + duplicates + rejected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// All lines but blank ones.
    pub received: u64,
    /// Items recorded.
    pub items: u64,
    /// Searches recorded.
    pub searches: u64,
    /// Clicks recorded.
    pub clicks: u64,
    /// Known already.
    pub duplicates: u64,
    /// The lines of the first [`REJECTED_LISTED_MAX`] of them.
    pub duplicate_lines: Vec<u64>,
    /// Rejected in all.
    pub rejected_total: u64,
    /// The first [`REJECTED_LISTED_MAX`] of them, by line number.
    pub rejected: Vec<(u64, Rejection)>,
}

impl Report {
    fn rejected(&mut self, line: u64, rejection: Rejection) {
        self.rejected_total += 1;
        self.rejected.push((line, rejection));
    }

    fn duplicated(&mut self, line: u64) {
        self.duplicates += 1;
        if self.duplicate_lines.len() < REJECTED_LISTED_MAX {
            self.duplicate_lines.push(line);
        }
    }

    /// Adds the report of later lines.
    pub fn add(&mut self, later: Self) {
        self.received += later.received;
        self.items += later.items;
        self.searches += later.searches;
        self.clicks += later.clicks;
        self.duplicates += later.duplicates;
        self.duplicate_lines.extend(later.duplicate_lines);
        self.duplicate_lines.truncate(REJECTED_LISTED_MAX);
        self.rejected_total += later.rejected_total;
        self.rejected.extend(later.rejected);
        self.list_first();
    }

    fn list_first(&mut self) {
        self.rejected.sort_by_key(|(line, _)| *line);
        self.rejected.truncate(REJECTED_LISTED_MAX);
    }

    fn outcome(&mut self, line: u64, outcome: Outcome, recorded: impl FnOnce(&mut Self) -> &mut u64) {
        match outcome {
            Outcome::Recorded => *recorded(self) += 1,
            Outcome::Duplicate => self.duplicated(line),
            Outcome::Conflict => {
                let message = "id: another search is known by it, and the first one counts".to_owned();
                self.rejected(line, Rejection { fate: Fate::Conflict, code: "conflict", message });
            }
            Outcome::Expired => {
                let message = "at: that day has been removed, and nothing more is taken of it".to_owned();
                self.rejected(line, Rejection { fate: Fate::Expired, code: "expired", message });
            }
        }
    }
}

/// Why lines could not be fed at all. What was recorded before stays recorded; sending the same lines again is safe
/// for all that has an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The store could not record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registry could not record.
    #[error("the catalogue could not be written: {0}")]
    Registry(String),
}

/// Lines with their numbers, sorted by what they tell.
#[derive(Default)]
struct Sorted {
    items: Vec<(u64, ItemLine)>,
    searches: Vec<(u64, SearchLine)>,
    clicks: Vec<(u64, ClickLine)>,
}

impl App {
    /// Records numbered lines for an account, or for those of its search engines that the feeder may feed: items first, then searches, then clicks, so that a click finds its
    /// search and its item wherever in the lines they stand. Returns only when all that the report calls recorded is
    /// on disk and counted by the next question.
    ///
    /// # Errors
    /// [`FeedError`] when the store or the registry can't record.
    pub async fn feed(
        &self,
        feeder: impl Into<Feeder>,
        lines: Vec<(u64, Result<Line, Rejection>)>,
    ) -> Result<Report, FeedError> {
        let feeder = &feeder.into();
        let mut report = Report { received: lines.len() as u64, ..Report::default() };
        let mut sorted = Sorted::default();
        for (number, line) in lines {
            match line {
                Ok(Line::Item(item)) => sorted.items.push((number, item)),
                Ok(Line::Search(search)) => sorted.searches.push((number, search)),
                Ok(Line::Click(click)) => sorted.clicks.push((number, click)),
                Err(rejection) => report.rejected(number, rejection),
            }
        }
        self.feed_items(feeder, sorted.items, &mut report).await?;
        self.feed_searches(feeder, sorted.searches, &mut report).await?;
        self.feed_clicks(feeder, sorted.clicks, &mut report).await?;
        for (_, rejection) in &report.rejected {
            self.counts.met(rejection.fate, 1);
        }
        self.counts.met(Fate::Recorded, report.items + report.searches + report.clicks);
        self.counts.met(Fate::Duplicate, report.duplicates);
        report.list_first();
        if let Some(source) = feeder.source {
            self.live.rejected(feeder.account, source, self.clock.now_ms(), &report.rejected);
        }
        Ok(report)
    }

    fn own(&self, feeder: &Feeder, engine: Hashid) -> Result<(), Rejection> {
        let denied = |message| Rejection { fate: Fate::AccessDenied, code: "access_denied", message };
        match self.registry.engine(engine) {
            None => Err(Rejection::unknown_engine(format!("hashid: search engine {engine} not found"))),
            Some(known) if known.account != feeder.account => {
                Err(denied(format!("hashid: search engine {engine} belongs to another account")))
            }
            Some(_) if !feeder.confines.hold(engine) => {
                Err(denied(format!("hashid: this key is not for search engine {engine}")))
            }
            Some(_) => Ok(()),
        }
    }

    async fn feed_items(
        &self,
        feeder: &Feeder,
        lines: Vec<(u64, ItemLine)>,
        report: &mut Report,
    ) -> Result<(), FeedError> {
        let (mut numbers, mut items) = (Vec::new(), Vec::new());
        for (number, line) in lines {
            match self.own(feeder, line.engine) {
                Err(rejection) => report.rejected(number, rejection),
                Ok(()) => {
                    let ItemLine { engine, index, doc_id, title, link } = line;
                    numbers.push(number);
                    items.push(Item { place: EngineIndex { engine, index }, doc_id, title, link });
                }
            }
        }
        if items.is_empty() {
            return Ok(());
        }
        let registry = self.registry.clone();
        let put = tokio::task::spawn_blocking(move || registry.put_items(items)).await;
        let outcomes = put
            .map_err(|failed| FeedError::Registry(failed.to_string()))?
            .map_err(|failed| FeedError::Registry(failed.to_string()))?;
        for (number, outcome) in numbers.into_iter().zip(outcomes) {
            match outcome {
                PutItem::Recorded => report.items += 1,
                PutItem::Duplicate => report.duplicated(number),
                PutItem::Refused(refused) => report.rejected(number, refused_item(&refused)),
            }
        }
        Ok(())
    }

    async fn feed_searches(
        &self,
        feeder: &Feeder,
        lines: Vec<(u64, SearchLine)>,
        report: &mut Report,
    ) -> Result<(), FeedError> {
        let received_ms = self.clock.now_ms();
        let (mut numbers, mut records) = (Vec::new(), Vec::new());
        for (number, line) in lines {
            match self.own(feeder, line.engine) {
                Err(rejection) => report.rejected(number, rejection),
                Ok(()) => {
                    numbers.push(number);
                    records.push(Record::Search(search(feeder.account, line, received_ms)));
                }
            }
        }
        for (number, outcome) in numbers.into_iter().zip(self.append(records).await?) {
            report.outcome(number, outcome, |report| &mut report.searches);
        }
        Ok(())
    }

    async fn feed_clicks(
        &self,
        feeder: &Feeder,
        lines: Vec<(u64, ClickLine)>,
        report: &mut Report,
    ) -> Result<(), FeedError> {
        let received_ms = self.clock.now_ms();
        let (mut numbers, mut records) = (Vec::new(), Vec::new());
        for (number, line) in lines {
            match self.click(feeder, line, received_ms)? {
                Err(rejection) => report.rejected(number, rejection),
                Ok(click) => {
                    numbers.push(number);
                    records.push(Record::Click(click));
                }
            }
        }
        let watched = feeder.source.filter(|_| self.live.is_watched(feeder.account));
        let shown: Vec<Click> = records.iter().filter(|_| watched.is_some()).filter_map(as_click).collect();
        let outcomes = self.append(records).await?;
        if let Some(source) = watched {
            let is_new =
                |(click, outcome): (Click, &Outcome)| (*outcome == Outcome::Recorded).then_some(click);
            self.live.recorded(shown.into_iter().zip(&outcomes).filter_map(is_new), source);
        }
        for (number, outcome) in numbers.into_iter().zip(outcomes) {
            report.outcome(number, outcome, |report| &mut report.clicks);
        }
        Ok(())
    }

    /// Records one click of an engine for which its caller may. Where the line tells no index there is none: nothing is
    /// looked up. Returns only when the click is on disk and counted by the next question; counts no fate.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be kept.
    pub async fn record_of(&self, engine: &Engine, line: ClickLine) -> Result<Outcome, StoreError> {
        let index = line.index.clone();
        let click = placed(engine.account, engine.hashid, index, line, self.clock.now_ms());
        self.append_click(click, Source::Doofinder).await
    }

    /// As [`App::record_of`], a search.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be kept.
    pub async fn record_search_of(&self, engine: &Engine, line: SearchLine) -> Result<Outcome, StoreError> {
        let search = search(engine.account, line, self.clock.now_ms());
        let outcomes = self.store.append(vec![Record::Search(search)]).await?;
        Ok(outcomes.first().copied().unwrap_or(Outcome::Recorded))
    }

    /// Appends records together, unless their searches have made them larger than a store takes at once. Every portion
    /// is handed over before the first is waited for, so they may share a sync.
    async fn append(&self, records: Vec<Record>) -> Result<Vec<Outcome>, StoreError> {
        let (mut promises, mut portion, mut bytes) = (Vec::new(), Vec::new(), 0);
        for record in records {
            let record_bytes = record_bytes(&record);
            if bytes + record_bytes > APPEND_BYTES_MAX && !portion.is_empty() {
                promises.push(self.store.append(std::mem::take(&mut portion)));
                bytes = 0;
            }
            bytes += record_bytes;
            portion.push(record);
        }
        if !portion.is_empty() {
            promises.push(self.store.append(portion));
        }
        let mut outcomes = Vec::new();
        for promise in promises {
            outcomes.extend(promise.await?);
        }
        Ok(outcomes)
    }

    /// The engine is the one that the line names, else its search's, else the only one of the account that holds the
    /// item.
    fn click(
        &self,
        feeder: &Feeder,
        line: ClickLine,
        received_ms: i64,
    ) -> Result<Result<Click, Rejection>, StoreError> {
        let account = feeder.account;
        let searches = match &line.query_id {
            Some(id) if line.engine.is_none() || line.index.is_none() => {
                self.store.searches(Some(account), id)?
            }
            _ => Vec::new(),
        };
        let search = searches.first();
        let told = line.engine.or_else(|| search.map(|search| search.engine));
        let Some(engine) = told.or_else(|| self.only_holder(feeder, &line.doc_id)) else {
            let message = "hashid: neither the line nor its search or item tells the search engine";
            return Ok(Err(Rejection::unknown_engine(message)));
        };
        if let Err(rejection) = self.own(feeder, engine) {
            return Ok(Err(rejection));
        }
        let searched = search.map_or(&[][..], |search| &search.indices);
        let index =
            line.index.clone().or_else(|| self.registry.index_of(engine, line.doc_id.as_str(), searched));
        Ok(Ok(placed(account, engine, index, line, received_ms)))
    }

    fn only_holder(&self, feeder: &Feeder, doc_id: &DocId) -> Option<Hashid> {
        let places = self.registry.places_within(feeder.account, doc_id.as_str());
        let engines = places.into_iter().map(|place| place.engine);
        let mut engines = engines.filter(|engine| feeder.confines.hold(*engine));
        let first = engines.next()?;
        engines.all(|engine| engine == first).then_some(first)
    }
}

fn as_click(record: &Record) -> Option<Click> {
    match record {
        Record::Click(click) => Some(click.clone()),
        Record::Search(_) => None,
    }
}

/// The click that a line tells, once its engine and index are known.
fn placed(
    account: AccountCode,
    engine: Hashid,
    index: Option<IndexName>,
    line: ClickLine,
    received_ms: i64,
) -> Click {
    Click {
        account,
        engine,
        index,
        doc_id: line.doc_id,
        at_ms: line.at_ms,
        received_ms,
        id: line.id.map(|id| ["id/", &id].concat().into()),
        query_id: line.query_id,
        searched_ms: line.searched_ms,
        rank: line.rank,
        device: line.device,
        product_type: line.product_type,
        custom_result: line.custom_result,
        terms: line.terms,
        user: line.user,
        session: line.session,
    }
}

/// About how many bytes a record takes in a store's log.
fn record_bytes(record: &Record) -> usize {
    let text = |text: Option<&str>| text.map_or(0, str::len);
    RECORD_BYTES
        + match record {
            Record::Click(click) => {
                let names = [click.id.as_deref(), click.query_id.as_deref(), click.session.as_deref()];
                click.doc_id.as_str().len()
                    + text(click.terms.as_ref().map(SearchTerms::as_str))
                    + text(click.index.as_ref().map(IndexName::as_str))
                    + text(click.user.as_ref().map(UserCode::as_str))
                    + text(click.custom_result.as_ref().map(CustomResultId::as_str))
                    + names.into_iter().map(text).sum::<usize>()
            }
            Record::Search(search) => {
                let shown =
                    search.doc_ids.iter().flatten().map(|doc_id| RECORD_NAME_BYTES + doc_id.as_str().len());
                let indices = search.indices.iter().map(|index| RECORD_NAME_BYTES + index.as_str().len());
                search.id.len() + text(search.query.as_deref()) + shown.chain(indices).sum::<usize>()
            }
        }
}

/// Why the catalogue does not take an item, in the words of a line's rejection.
fn refused_item(refused: &RegistryError) -> Rejection {
    let message = refused.to_string();
    match refused {
        RegistryError::NoEngine => Rejection::unknown_engine(message),
        RegistryError::TooMany { .. } => Rejection { fate: Fate::TooLarge, code: "too_many", message },
        _ => Rejection::bad_params(message),
    }
}

fn search(account: AccountCode, line: SearchLine, received_ms: i64) -> Search {
    let SearchLine { kind, id, at_ms, engine, indices, query, doc_ids, device, total_hits, user, session } =
        line;
    Search {
        kind,
        account,
        id,
        engine,
        indices,
        query,
        doc_ids,
        device,
        at_ms,
        received_ms,
        total_hits,
        user,
        session,
    }
}
