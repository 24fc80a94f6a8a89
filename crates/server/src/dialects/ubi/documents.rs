//! One UBI document → what it tells: a search, a click, or nothing that is counted. Knows nothing of the documents
//! around it.

use clicks::{
    DocId, Hashid, ProductType, SEARCH_DOCS_MAX, SEARCH_QUERY_CHARS_MAX, SearchTerms, UserCode, check_id,
};

use super::export::{EngineOf, UbiOptions};
use crate::bulk::fitting_id;
use crate::counts::Fate;
use crate::feed::{ClickLine, Rejection, SearchLine};
use crate::fields::{Fields, Offset, breaks, required};
use crate::json::Json;
use crate::user_agent::device_of;

/// The largest rank that is recorded, as everywhere in this server.
const RANK_MAX: u32 = 10_000;
/// The most hits that are believed: what a JavaScript number holds exactly.
const TOTAL_HITS_MAX: u64 = 9_007_199_254_740_991;
/// The `action_name` of a click on a result. A `global_click` is one on a place of a page, and is none.
const CLICK_ACTIONS: [&str; 2] = ["click", "item_click"];
/// The `message_type` of an event that tells a search.
const SEARCH_MESSAGE_TYPE: &str = "QUERY";
/// What events are counted as that have an empty `action_name`.
const UNNAMED_KIND: &str = "unnamed";

const OBJECT_ID: &str = "event_attributes.object.object_id";
const ORDINAL: &str = "event_attributes.position.ordinal";

/// Where a document stood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The number of its line.
    pub(super) line: u64,
    /// The OpenSearch index that held it, where told.
    pub(super) index: Option<&'a str>,
    /// Its id in that index, where told.
    pub(super) id: Option<&'a str>,
}

/// What holds for all documents of an export.
pub(super) struct Rules {
    pub(super) options: UbiOptions,
    pub(super) engine_of: EngineOf,
    /// What to do where no search engine is known.
    pub(super) hint: &'static str,
}

/// What a document tells.
#[derive(Debug)]
pub(super) enum Told {
    /// A search, as the search server logged it.
    Search(SearchLine),
    /// A search, as a page logged it: it knows less. With its `action_name`.
    SearchEvent(SearchLine, Box<str>),
    /// A click on a result.
    Click(ClickLine),
    /// Something else; of this kind.
    Skipped(Box<str>),
}

impl Rules {
    /// Reads a document.
    ///
    /// # Errors
    /// A [`Rejection`] when it should be a search or a click and is not a sound one, or can't be told to be anything.
    pub(super) fn read(&mut self, origin: Origin<'_>, document: &Json<'_>) -> Result<Told, Rejection> {
        if !matches!(document, Json::Object(_)) {
            let message = "a document must be a JSON object".to_owned();
            return Err(Rejection { fate: Fate::Invalid, code: "invalid_json", message });
        }
        let fields = Fields::new(document, self.options.now_ms);
        let Some(action) = fields.text("action_name")? else {
            return self.search(document, fields).map(Told::Search);
        };
        if CLICK_ACTIONS.contains(&action) {
            return self.click(origin, document, fields).map(Told::Click);
        }
        let action = if action.is_empty() { UNNAMED_KIND } else { action };
        let is_search = document.get("message_type").and_then(Json::text) == Some(SEARCH_MESSAGE_TYPE);
        match code(fields, "query_id")? {
            Some(query_id) if is_search => {
                let search = self.search_event(query_id, document, fields)?;
                Ok(Told::SearchEvent(search, action.into()))
            }
            // Without an id no click can name it, so it explains nothing.
            _ => Ok(Told::Skipped(action.into())),
        }
    }

    fn search(&mut self, document: &Json<'_>, fields: Fields<'_>) -> Result<SearchLine, Rejection> {
        let id = code(fields, "query_id")?.ok_or_else(|| {
            Rejection::bad_params(
                "the document has neither a query_id (a search) nor an action_name (an event)",
            )
        })?;
        let query = fields.short_text("user_query", SEARCH_QUERY_CHARS_MAX)?;
        let mut search = self.plain_search(id, query, document, fields)?;
        // An empty list only says that this one of several requests for the same page returned no documents.
        search.doc_ids = hits(document)?.filter(|hits| !hits.is_empty());
        Ok(search)
    }

    fn search_event(
        &mut self,
        id: &str,
        document: &Json<'_>,
        fields: Fields<'_>,
    ) -> Result<SearchLine, Rejection> {
        let query = fields.short_text("message", SEARCH_QUERY_CHARS_MAX)?;
        let mut search = self.plain_search(id, query, document, fields)?;
        search.total_hits = match inner(document, &["event_attributes", "result_count"]) {
            Some(Json::Natural(total)) if *total <= TOTAL_HITS_MAX => Some(*total),
            _ => None,
        };
        Ok(search)
    }

    fn plain_search(
        &mut self,
        id: &str,
        query: Option<&str>,
        document: &Json<'_>,
        fields: Fields<'_>,
    ) -> Result<SearchLine, Rejection> {
        Ok(SearchLine {
            kind: clicks::SearchKind::Asked,
            id: id.into(),
            at_ms: fields.at("timestamp", Offset::ColonOptional)?,
            engine: self.engine(fields)?,
            indices: self.options.defaults.index.iter().cloned().collect(),
            query: query.filter(|query| !query.is_empty()).map(Box::from),
            doc_ids: None,
            device: device(document),
            total_hits: None,
            user: user(fields)?,
            session: session(document, fields)?,
        })
    }

    fn click(
        &mut self,
        origin: Origin<'_>,
        document: &Json<'_>,
        fields: Fields<'_>,
    ) -> Result<ClickLine, Rejection> {
        Ok(ClickLine {
            id: Some(self.click_id(origin, fields)?),
            at_ms: fields.at("timestamp", Offset::ColonOptional)?,
            engine: Some(self.engine(fields)?),
            index: self.options.defaults.index.clone(),
            doc_id: object_id(document)?,
            query_id: code(fields, "query_id")?.map(Box::from),
            searched_ms: None,
            rank: rank(document)?,
            device: device(document),
            product_type: ProductType::Search,
            custom_result: None,
            terms: fields.short_text("user_query", SEARCH_QUERY_CHARS_MAX)?.and_then(SearchTerms::fold),
            user: user(fields)?,
            session: session(document, fields)?,
        })
    }

    /// The same event has the same id in every export of its index; without an id, in every import of the same file.
    fn click_id(&self, origin: Origin<'_>, fields: Fields<'_>) -> Result<Box<str>, Rejection> {
        let application = fields.text("application")?.unwrap_or_default();
        Ok(match origin.id {
            Some(id) => fitting_id(&format!("ubi/{}/{application}/{id}", origin.index.unwrap_or_default())),
            None => self.options.digest.line_id(origin.line),
        })
    }

    fn engine(&mut self, fields: Fields<'_>) -> Result<Hashid, Rejection> {
        let application = fields.text("application")?.unwrap_or_default();
        let engine = self.options.defaults.engine.or_else(|| (self.engine_of)(application));
        engine.ok_or_else(|| {
            let shown: String = application.chars().filter(|c| !c.is_control()).take(64).collect();
            let message = format!("application: no search engine is known for `{shown}`; {}", self.hint);
            Rejection { fate: Fate::UnknownEngine, code: "unknown_engine", message }
        })
    }
}

/// An id or a code; an empty one counts as absent, as UBI's collectors write it.
fn code<'j>(fields: Fields<'j>, field: &str) -> Result<Option<&'j str>, Rejection> {
    match fields.text(field)? {
        None | Some("") => Ok(None),
        Some(code) => check_id(code).map(|()| Some(code)).map_err(|error| breaks(field, error)),
    }
}

fn user(fields: Fields<'_>) -> Result<Option<UserCode>, Rejection> {
    code(fields, "client_id")?
        .map(|code| code.parse().map_err(|error| breaks("client_id", error)))
        .transpose()
}

fn session(document: &Json<'_>, fields: Fields<'_>) -> Result<Option<Box<str>>, Rejection> {
    let session = match code(fields, "session_id")? {
        Some(session) => Some(session),
        None => inner(document, &["event_attributes", "session_id"])
            .and_then(Json::text)
            .filter(|session| check_id(session).is_ok()),
    };
    Ok(session.map(Box::from))
}

/// Told by `event_attributes.browser` where that is a user agent (RFC 9110: products with their versions) and not just
/// a browser's name.
fn device(document: &Json<'_>) -> Option<clicks::Device> {
    let browser = inner(document, &["event_attributes", "browser"])?.text()?;
    browser.contains('/').then(|| device_of(browser))
}

fn object_id(document: &Json<'_>) -> Result<DocId, Rejection> {
    let told =
        inner(document, &["event_attributes", "object", "object_id"]).ok_or_else(|| required(OBJECT_ID))?;
    id_of(told)
        .ok_or_else(|| breaks(OBJECT_ID, "must be a string or an integer"))?
        .parse()
        .map_err(|error| breaks(OBJECT_ID, error))
}

/// As the log tells it: some collectors count from 0, others from 1, and nothing in a document says which. Some write -1
/// where they don't know it. UBI's schema allows any integer: one that can't be a rank leaves the click without one.
fn rank(document: &Json<'_>) -> Result<Option<u32>, Rejection> {
    match inner(document, &["event_attributes", "position", "ordinal"]) {
        None => Ok(None),
        Some(Json::Natural(rank)) => Ok(u32::try_from(*rank).ok().filter(|rank| *rank <= RANK_MAX)),
        Some(Json::Negative(_)) => Ok(None),
        Some(_) => Err(breaks(ORDINAL, "must be an integer")),
    }
}

/// The items that a search returned. More than a search may tell count as not told: a cut list would say that the rest
/// was not shown.
fn hits(document: &Json<'_>) -> Result<Option<Vec<DocId>>, Rejection> {
    const FIELD: &str = "query_response_hit_ids";
    let entries = match document.get(FIELD) {
        None => return Ok(None),
        Some(Json::Array(entries)) => entries,
        Some(_) => return Err(breaks(FIELD, "must be an array of ids")),
    };
    if entries.len() > SEARCH_DOCS_MAX {
        return Ok(None);
    }
    let read = |entry: &Json<'_>| {
        let id = id_of(entry).ok_or_else(|| breaks(FIELD, "must be an array of ids"))?;
        id.parse().map_err(|error| breaks(FIELD, format_args!("each entry: {error}")))
    };
    entries.iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// An id is a text; catalogues that number their items log numbers.
fn id_of(value: &Json<'_>) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone().into_owned()),
        Json::Natural(number) => Some(number.to_string()),
        Json::Negative(number) => Some(number.to_string()),
        _ => None,
    }
}

fn inner<'j, 'a>(document: &'j Json<'a>, path: &[&str]) -> Option<&'j Json<'a>> {
    path.iter().try_fold(document, |object, key| object.get(key))
}
