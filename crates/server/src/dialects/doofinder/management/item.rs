//! The fields of an item: its id, and what is kept of it. All others are accepted, and not kept.

use clicks::{DocId, EngineIndex, Item};

use crate::feed::{ItemLine, Rejection};
use crate::fields::{Fields, breaks, required};
use crate::json::Json;

/// The longest title, in characters.
pub(super) const ITEM_TITLE_CHARS_MAX: usize = 1_000;
/// The longest link, in characters.
pub(super) const ITEM_LINK_CHARS_MAX: usize = 2_048;

/// What is told of an item. `Some(None)` takes away what was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    title: Option<Option<Box<str>>>,
    link: Option<Option<Box<str>>>,
}

impl Told {
    /// Reads what is told but for the id.
    pub(super) fn of(object: &Json<'_>) -> Result<Self, Rejection> {
        // No field of an item tells a time.
        let fields = Fields::new(object, 0);
        let title = fields.short_text("title", ITEM_TITLE_CHARS_MAX)?.map(Box::from);
        let link = fields.web_address("link", ITEM_LINK_CHARS_MAX)?.map(Box::from);
        let is_told = |name: &str| match object {
            Json::Object(entries) => entries.iter().any(|(field, _)| field == name),
            _ => false,
        };
        Ok(Self { title: is_told("title").then_some(title), link: is_told("link").then_some(link) })
    }

    /// A new item.
    pub(super) fn made(self, of: &EngineIndex, doc_id: DocId) -> ItemLine {
        let (title, link) = (self.title.flatten(), self.link.flatten());
        ItemLine { engine: of.engine, index: of.index.clone(), doc_id, title, link }
    }

    /// What becomes of an item that was there.
    pub(super) fn over(self, before: Item) -> ItemLine {
        ItemLine {
            engine: before.place.engine,
            index: before.place.index,
            doc_id: before.doc_id,
            title: self.title.unwrap_or(before.title),
            link: self.link.unwrap_or(before.link),
        }
    }
}

/// The id that an object tells: a text, or a number.
pub(super) fn id(object: &Json<'_>) -> Result<DocId, Rejection> {
    if !matches!(object, Json::Object(_)) {
        return Err(Rejection::bad_params("an item must be a JSON object"));
    }
    let parse = |text: &str| text.parse().map_err(|error| breaks("id", error));
    match object.get("id") {
        None => Err(required("id")),
        Some(Json::Text(text)) => parse(text),
        Some(Json::Natural(number)) => parse(&number.to_string()),
        Some(_) => Err(breaks("id", "must be a string")),
    }
}
