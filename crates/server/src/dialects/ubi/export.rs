//! A UBI export, read line by line: bulk pairs (an action line, then its document), documents alone, or documents in the
//! envelope that dump tools write (`_index`, `_id`, `_source`). Memory is bounded whatever the size of the file. Knows
//! no file system.

use clicks::Hashid;

use super::documents::{Origin, Rules, Told};
use super::searches::{Searches, UBI_SEARCHES_BUFFERED_MAX};
use crate::bulk::{Batch, Defaults, FileDigest, LogReader, is_blank, without_mark};
use crate::counts::Fate;
use crate::feed::{ClickLine, Line, Rejection};
use crate::json::{Json, in_place};

/// The longest line, in bytes. Documents carry the whole request that was sent to the search server.
pub const UBI_LINE_BYTES_MAX: usize = 4_194_304;
/// The most clicks that wait for the searches before and after them.
pub const UBI_CLICKS_BUFFERED_MAX: usize = 200_000;
/// The most bytes that waiting searches and clicks take, about; then all are handed over.
pub const UBI_BYTES_BUFFERED_MAX: usize = 64 * 1024 * 1024;

/// Bytes that a click takes beyond its texts, about.
const CLICK_BYTES: usize = 512;
/// What `delete` lines are counted as: they tell neither a search nor a click.
const DELETE_KIND: &str = "delete";

/// Tells the search engine that documents of an `application` belong to; the application is empty where none is told.
pub type EngineOf = Box<dyn FnMut(&str) -> Option<Hashid> + Send>;

/// What holds for a whole export.
#[derive(Debug, Clone)]
pub struct UbiOptions {
    /// The search engine of all documents, where it doesn't depend on their application, and the index of all searches
    /// and clicks.
    pub defaults: Defaults,
    /// Names clicks whose documents have no id.
    pub digest: FileDigest,
    /// The time of the import, in milliseconds: no document may be more than a day later.
    pub now_ms: i64,
}

/// Reads UBI exports. Searches are handed over before the clicks that were read with them, so that each click finds its
/// search.
pub struct UbiReader {
    rules: Rules,
    action: Option<Action>,
    searches: Searches,
    clicks: Vec<(u64, ClickLine)>,
    click_bytes: usize,
}

/// The first line of a bulk pair.
struct Action {
    line: u64,
    is_update: bool,
    index: Option<String>,
    id: Option<String>,
}

impl UbiReader {
    /// A reader of one export. `engine_of` is asked only where the options name no search engine.
    #[must_use]
    pub fn new(options: UbiOptions, engine_of: EngineOf) -> Self {
        let rules = Rules { options, engine_of, hint: "name one with --hashid" };
        Self { rules, action: None, searches: Searches::default(), clicks: Vec::new(), click_bytes: 0 }
    }

    /// Says how a search engine is named where the documents' application names none.
    pub(super) fn with_hint(mut self, hint: &'static str) -> Self {
        self.rules.hint = hint;
        self
    }

    fn document(&mut self, number: u64, json: &Json<'_>, batch: &mut Batch) {
        let action = self.action.take();
        if action.as_ref().is_some_and(|action| action.is_update) {
            batch.rejects(number, Rejection::bad_params("an update does not tell a whole document"));
            return;
        }
        let (envelope, document) = match json.get("_source") {
            Some(source) => (Some(json), source),
            None => (None, json),
        };
        let told = |key: &str| envelope.and_then(|envelope| envelope.get(key)).and_then(Json::text);
        let origin = Origin {
            line: number,
            index: action.as_ref().and_then(|action| action.index.as_deref()).or_else(|| told("_index")),
            id: action.as_ref().and_then(|action| action.id.as_deref()).or_else(|| told("_id")),
        };
        self.take(origin, document, batch);
    }

    /// Takes one document. What it tells is handed over with what other documents tell.
    pub(super) fn take(&mut self, origin: Origin<'_>, document: &Json<'_>, batch: &mut Batch) {
        let number = origin.line;
        match self.rules.read(origin, document) {
            Ok(Told::Search(search)) => self.searches.document(number, search, batch),
            Ok(Told::SearchEvent(search, action)) => self.searches.event(number, search, action, batch),
            Ok(Told::Click(click)) => {
                self.click_bytes +=
                    CLICK_BYTES + click.terms.as_ref().map_or(0, |terms| terms.as_str().len());
                self.clicks.push((number, click));
            }
            Ok(Told::Skipped(kind)) => batch.skipped.count(&kind, 1),
            Err(rejection) => batch.rejects(number, rejection),
        }
        if self.is_full() {
            self.give_out(batch);
        }
    }

    fn is_full(&self) -> bool {
        self.searches.len() >= UBI_SEARCHES_BUFFERED_MAX
            || self.clicks.len() >= UBI_CLICKS_BUFFERED_MAX
            || self.searches.bytes() + self.click_bytes >= UBI_BYTES_BUFFERED_MAX
    }

    fn give_out(&mut self, batch: &mut Batch) {
        self.searches.give_out(batch);
        batch.lines.extend(self.clicks.drain(..).map(|(number, click)| (number, Ok(Line::Click(click)))));
        self.click_bytes = 0;
    }

    /// An action line whose document did not follow.
    fn left_alone(&mut self, batch: &mut Batch) {
        if let Some(action) = self.action.take() {
            batch.rejects(action.line, Rejection::bad_params("the action line has no document after it"));
        }
    }
}

impl LogReader for UbiReader {
    fn line(&mut self, number: u64, bytes: &[u8], batch: &mut Batch) {
        let bytes = without_mark(number, bytes);
        if is_blank(bytes) {
            return;
        }
        if bytes.len() > UBI_LINE_BYTES_MAX {
            self.action = None;
            let message = format!("a line must have at most {UBI_LINE_BYTES_MAX} bytes");
            batch.rejects(number, Rejection { fate: Fate::TooLarge, code: "too_long", message });
            return;
        }
        let json = match in_place(bytes) {
            Ok(json) => json,
            Err(error) => {
                // Whatever it was, it stood where the action's document should be.
                self.action = None;
                let rejection =
                    Rejection { fate: Fate::Invalid, code: "invalid_json", message: error.to_string() };
                batch.rejects(number, rejection);
                return;
            }
        };
        match action_of(&json) {
            None => self.document(number, &json, batch),
            Some((verb, target)) => {
                self.left_alone(batch);
                if verb == "delete" {
                    batch.skipped.count(DELETE_KIND, 1);
                    return;
                }
                let text = |key: &str| target.get(key).and_then(Json::text).map(str::to_owned);
                let is_update = verb == "update";
                self.action =
                    Some(Action { line: number, is_update, index: text("_index"), id: text("_id") });
            }
        }
    }

    fn finish(&mut self, batch: &mut Batch) {
        self.left_alone(batch);
        self.give_out(batch);
    }
}

/// The verb and target of an action line: an object of one key, which holds an object.
fn action_of<'j, 'a>(json: &'j Json<'a>) -> Option<(&'j str, &'j Json<'a>)> {
    let Json::Object(entries) = json else { return None };
    match entries.as_slice() {
        [(verb, target @ Json::Object(_))]
            if ["index", "create", "update", "delete"].contains(&verb.as_ref()) =>
        {
            Some((verb, target))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
