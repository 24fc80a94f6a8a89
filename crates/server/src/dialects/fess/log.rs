//! Fess's logs, read line by line: what its administration backs up (`search_log.ndjson`, `click_log.ndjson`, and the CSV of
//! older versions), its search log file, dumps of its log index, and documents of its search index as items. They are
//! told as searches, clicks and items. Knows no HTTP and no file system.
//!
//! The same field has three spellings, by where it was written: `query-id` in a backup, `query_id` in the log file and
//! `queryId` in the index.

use clicks::{
    Device, DocId, Hashid, ProductType, SEARCH_DOCS_MAX, SEARCH_QUERY_CHARS_MAX, SearchKind, UserCode, Zone,
    check_id,
};

use super::log_csv;
use crate::bulk::{Batch, Defaults, FileDigest, LogReader, fitting_id, is_blank, without_mark};
use crate::counts::Fate;
use crate::feed::{ClickLine, ItemLine, Line, Rejection, SearchLine};
use crate::fields::{AT_AHEAD_MS_MAX, AT_MS_MIN, breaks, required};
use crate::json::{Json, in_place};
use crate::user_agent::device_of;

/// The longest line, in bytes: a document of the index has its whole content.
pub const FESS_LINE_BYTES_MAX: usize = 4_194_304;
/// The index of items where none is named.
pub const FESS_INDEX: &str = "documents";

const RANK_MAX: u64 = 10_000;
const TOTAL_HITS_MAX: u64 = 9_007_199_254_740_991;
const TITLE_CHARS_MAX: usize = 1_000;
const LINK_CHARS_MAX: usize = 2_048;
/// What lines are counted as that tell nothing of clicks.
const USER_KIND: &str = "user_info";
const FAVORITE_KIND: &str = "favorite_log";
const NAMELESS_KIND: &str = "search_without_query_id";

/// What holds for a whole file.
#[derive(Debug, Clone)]
pub struct FessOptions {
    /// The search engine of all that is told, and the index.
    pub engine: Hashid,
    /// The index of items, searches and clicks, where it is named.
    pub defaults: Defaults,
    /// Names clicks that have no id.
    pub digest: FileDigest,
    /// Whose wall clock the times of CSV show: Fess writes them without a zone.
    pub zone: Zone,
    /// The time of the import, in milliseconds: nothing may be more than a day later.
    pub now_ms: i64,
}

/// Reads Fess's logs.
#[derive(Debug)]
pub struct FessReader {
    options: FessOptions,
    /// The action line before a document of a dump: its number, and the document's id.
    action: Option<(u64, Option<String>)>,
}

impl FessReader {
    /// A reader of one file.
    #[must_use]
    pub fn new(options: FessOptions) -> Self {
        Self { options, action: None }
    }

    fn json(&mut self, number: u64, json: &Json<'_>, batch: &mut Batch) {
        if let Some(action) = ["index", "create"].iter().find_map(|kind| json.get(kind))
            && matches!(action, Json::Object(_))
        {
            self.left_alone(batch);
            self.action = Some((number, action.get("_id").and_then(Json::text).map(str::to_owned)));
            return;
        }
        let id = self.action.take().and_then(|(_, id)| id);
        let document = json.get("_source").unwrap_or(json);
        let told = |key: &str| json.get(key).and_then(Json::text).map(str::to_owned);
        let id = id.or_else(|| told("_id")).or_else(|| told("id"));
        let entry = Entry { options: &self.options, document, id, number, zone: &Zone::UTC };
        entry.read(batch);
    }

    /// An action line whose document did not follow.
    fn left_alone(&mut self, batch: &mut Batch) {
        if let Some((number, _)) = self.action.take() {
            batch.rejects(number, Rejection::bad_params("the action line has no document after it"));
        }
    }
}

impl LogReader for FessReader {
    fn line(&mut self, number: u64, bytes: &[u8], batch: &mut Batch) {
        let bytes = without_mark(number, bytes);
        if is_blank(bytes) {
            return;
        }
        if bytes.len() > FESS_LINE_BYTES_MAX {
            self.action = None;
            let message = format!("a line must have at most {FESS_LINE_BYTES_MAX} bytes");
            batch.rejects(number, Rejection { fate: Fate::TooLarge, code: "too_long", message });
            return;
        }
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            match log_csv::object(bytes) {
                Some(object) => {
                    let (options, zone) = (&self.options, &self.options.zone);
                    Entry { options, document: &object, id: None, number, zone }.read(batch);
                }
                None => batch.rejects(number, unreadable("neither a JSON object nor a line of Fess's CSV")),
            }
            return;
        }
        match in_place(bytes) {
            Ok(json) => self.json(number, &json, batch),
            Err(error) => {
                self.action = None;
                batch.rejects(number, unreadable(&error.to_string()));
            }
        }
    }

    fn finish(&mut self, batch: &mut Batch) {
        self.left_alone(batch);
    }
}

fn unreadable(message: &str) -> Rejection {
    Rejection { fate: Fate::Invalid, code: "invalid_json", message: message.to_owned() }
}

/// One entry of a log.
struct Entry<'e> {
    options: &'e FessOptions,
    document: &'e Json<'e>,
    id: Option<String>,
    number: u64,
    /// Where times without a zone are from.
    zone: &'e Zone,
}

/// A field in its three spellings.
type Field = [&'static str; 3];

const QUERY_ID: Field = ["query-id", "query_id", "queryId"];
const DOC_ID: Field = ["doc-id", "doc_id", "docId"];
const REQUESTED_AT: Field = ["requested-at", "requested_at", "requestedAt"];
const QUERY_REQUESTED_AT: Field = ["query-requested-at", "query_requested_at", "queryRequestedAt"];
const CREATED_AT: Field = ["created-at", "created_at", "createdAt"];
const SEARCH_WORD: Field = ["search-word", "search_word", "searchWord"];
const HIT_COUNT: Field = ["hit-count", "hit_count", "hitCount"];
const PAGE_SIZE: Field = ["query-page-size", "query_page_size", "queryPageSize"];
const USER_SESSION_ID: Field = ["user-session-id", "user_session_id", "userSessionId"];
const USER_AGENT: Field = ["user-agent", "user_agent", "userAgent"];
const EVENT_TYPE: &str = "event_type";

impl Entry<'_> {
    fn read(&self, batch: &mut Batch) {
        if !matches!(self.document, Json::Object(_)) {
            batch.rejects(self.number, unreadable("a line must be a JSON object"));
            return;
        }
        let has = |field: Field| self.get(field).is_some();
        let event_type = self.document.get(EVENT_TYPE).and_then(Json::text);
        let told = match event_type {
            Some("search") => self.search(),
            Some("click") => self.click(),
            Some("favorite") => Err(FAVORITE_KIND.into()),
            Some(_) => Err(USER_KIND.into()),
            None if has(SEARCH_WORD) || has(HIT_COUNT) || has(PAGE_SIZE) => self.search(),
            None if has(DOC_ID) && has(REQUESTED_AT) => self.click(),
            None if has(DOC_ID) && has(CREATED_AT) => Err(FAVORITE_KIND.into()),
            None if has(DOC_ID) => self.item().map(Line::Item).map_err(Untold::Rejected),
            None if has(CREATED_AT) => Err(USER_KIND.into()),
            None => Err(Untold::Rejected(Rejection::bad_params(
                "the line is no search, no click and no document of Fess's",
            ))),
        };
        match told {
            Ok(line) => batch.tells(self.number, line),
            Err(Untold::Skipped(kind)) => batch.skipped.count(kind, 1),
            Err(Untold::Rejected(rejection)) => batch.rejects(self.number, rejection),
        }
    }

    fn search(&self) -> Result<Line, Untold> {
        // Fess gives each search an id, but for some of its own; no click can name one that has none.
        let Some(id) = self.code(QUERY_ID)? else { return Err(NAMELESS_KIND.into()) };
        let device = self.text(USER_AGENT)?.filter(|agent| !agent.is_empty()).map(device_of);
        Ok(Line::Search(SearchLine {
            kind: SearchKind::Asked,
            id: id.into(),
            at_ms: self.at(REQUESTED_AT)?.ok_or_else(|| required(REQUESTED_AT[0]))?,
            engine: self.options.engine,
            indices: self.options.defaults.index.iter().cloned().collect(),
            query: self.words()?,
            doc_ids: self.shown()?,
            device,
            total_hits: self.number(HIT_COUNT, TOTAL_HITS_MAX)?,
            user: self.user()?,
            session: None,
        }))
    }

    fn click(&self) -> Result<Line, Untold> {
        let id = self.id.as_deref().map(|id| fitting_id(&format!("fess/{id}")));
        let rank = self.number(["order"; 3], RANK_MAX)?;
        Ok(Line::Click(ClickLine {
            id: Some(id.unwrap_or_else(|| self.options.digest.line_id(self.number))),
            at_ms: self.at(REQUESTED_AT)?.ok_or_else(|| required(REQUESTED_AT[0]))?,
            engine: Some(self.options.engine),
            index: self.options.defaults.index.clone(),
            doc_id: self.doc_id()?,
            query_id: self.code(QUERY_ID)?.map(Box::from),
            searched_ms: self.at(QUERY_REQUESTED_AT)?,
            rank: rank.and_then(|rank| u32::try_from(rank).ok()),
            device: None::<Device>,
            product_type: ProductType::Search,
            custom_result: None,
            terms: None,
            user: self.user()?,
            session: None,
        }))
    }

    fn item(&self) -> Result<ItemLine, Rejection> {
        let title =
            self.text(["title"; 3])?.map(|title| title.chars().take(TITLE_CHARS_MAX).collect::<String>());
        let index = match &self.options.defaults.index {
            Some(index) => index.clone(),
            None => FESS_INDEX.parse().map_err(|error| breaks("index", error))?,
        };
        Ok(ItemLine {
            engine: self.options.engine,
            index,
            doc_id: self.doc_id()?,
            title: title.map(Box::from),
            // A link leads to a page; what Fess has of file systems and buckets leads nowhere that a browser may go.
            link: self.text(["url"; 3])?.filter(|url| is_link(url)).map(Box::from),
        })
    }

    fn get(&self, field: Field) -> Option<&Json<'_>> {
        field.iter().find_map(|name| self.document.get(name))
    }

    fn text(&self, field: Field) -> Result<Option<&str>, Rejection> {
        match self.get(field) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(breaks(field[0], "must be a string")),
        }
    }

    /// An id or a code; an empty one counts as absent, as Fess writes it.
    fn code(&self, field: Field) -> Result<Option<&str>, Rejection> {
        let Some(code) = self.text(field)?.filter(|code| !code.is_empty()) else { return Ok(None) };
        check_id(code).map(|()| Some(code)).map_err(|error| breaks(field[0], error))
    }

    fn user(&self) -> Result<Option<UserCode>, Rejection> {
        let code = self.code(USER_SESSION_ID)?;
        code.map(|code| code.parse().map_err(|error| breaks(USER_SESSION_ID[0], error))).transpose()
    }

    fn doc_id(&self) -> Result<DocId, Rejection> {
        let told = self.text(DOC_ID)?.ok_or_else(|| required(DOC_ID[0]))?;
        told.parse().map_err(|error| breaks(DOC_ID[0], error))
    }

    fn words(&self) -> Result<Option<Box<str>>, Rejection> {
        let words = self.text(SEARCH_WORD)?.filter(|words| !words.is_empty());
        match words {
            Some(words) if words.chars().count() > SEARCH_QUERY_CHARS_MAX => Err(breaks(
                SEARCH_WORD[0],
                format_args!("must have at most {SEARCH_QUERY_CHARS_MAX} characters"),
            )),
            words => Ok(words.map(Box::from)),
        }
    }

    /// A number, which CSV writes as a text; an empty one counts as absent.
    fn number(&self, field: Field, max: u64) -> Result<Option<u64>, Rejection> {
        let rule = || breaks(field[0], format_args!("must be an integer from 0 to {max}"));
        let number = match self.get(field) {
            None => return Ok(None),
            Some(Json::Text(text)) if text.is_empty() => return Ok(None),
            Some(Json::Text(text)) => text.parse().map_err(|_| rule())?,
            Some(Json::Natural(number)) => *number,
            Some(_) => return Err(rule()),
        };
        if number <= max { Ok(Some(number)) } else { Err(rule()) }
    }

    /// The documents that a search showed, where Fess logs them. More than a search may tell count as not told: a cut
    /// list would say that the rest was not shown.
    fn shown(&self) -> Result<Option<Vec<DocId>>, Rejection> {
        let documents = match self.document.get("documents") {
            Some(Json::Array(documents)) if documents.len() <= SEARCH_DOCS_MAX => documents,
            _ => return Ok(None),
        };
        let id = |document: &Json<'_>| {
            let told = DOC_ID.iter().find_map(|name| document.get(name)).and_then(Json::text);
            let told = told.ok_or_else(|| breaks("documents", "each must have a doc_id"))?;
            told.parse().map_err(|error| breaks("documents", format_args!("each doc_id: {error}")))
        };
        documents.iter().map(id).collect::<Result<_, _>>().map(Some)
    }

    /// An instant: milliseconds, or `2024-06-01T10:00:00.123` with a zone or without.
    fn at(&self, field: Field) -> Result<Option<i64>, Rejection> {
        let rule = || breaks(field[0], "must be a time such as 2024-06-01T10:00:00.000");
        let at_ms = match self.get(field) {
            None => return Ok(None),
            Some(Json::Natural(at_ms)) => i64::try_from(*at_ms).unwrap_or(i64::MAX),
            Some(Json::Text(text)) if text.is_empty() => return Ok(None),
            Some(Json::Text(text)) => self.instant_ms(text).ok_or_else(rule)?,
            Some(_) => return Err(rule()),
        };
        if at_ms < AT_MS_MIN {
            return Err(breaks(field[0], "must not be before 2000-01-01"));
        }
        if at_ms > self.options.now_ms.saturating_add(AT_AHEAD_MS_MAX) {
            return Err(breaks(field[0], "must not be more than a day ahead of the server's clock"));
        }
        Ok(Some(at_ms))
    }

    fn instant_ms(&self, text: &str) -> Option<i64> {
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(instant.as_millisecond());
        }
        let local = text.parse::<jiff::civil::DateTime>().ok()?;
        let local_ms = local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
        // The offset at the instant itself; where clocks were moved in between, the second look has it.
        let near_ms = local_ms - self.zone.offset_at(local_ms).0;
        Some(local_ms - self.zone.offset_at(near_ms).0)
    }
}

/// Why an entry tells nothing.
enum Untold {
    Skipped(&'static str),
    Rejected(Rejection),
}

impl From<&'static str> for Untold {
    fn from(kind: &'static str) -> Self {
        Self::Skipped(kind)
    }
}

impl From<Rejection> for Untold {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Whether an address is one of a page, as a link of an item must be.
fn is_link(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let has_host = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    let is_plain = !url.contains(|c: char| c.is_control() || c.is_whitespace());
    is_web && has_host && is_plain && url.chars().count() <= LINK_CHARS_MAX
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
