//! The body of `POST /1/events` → the clicks that it tells. Every event must be sound, or none is taken. Knows no HTTP, no
//! search engine and no clock.

use clicks::{DocId, UserCode, check_id};

use crate::bulk::FileDigest;
use crate::feed::Rejection;
use crate::fields::{Fields, breaks, required};
use crate::json::{Json, in_place};

/// The most events of one call.
pub const EVENTS_MAX: usize = 1_000;
/// The most objects, or filters, of one event.
pub const OBJECTS_MAX: usize = 20;
/// How old an event may be, in milliseconds: four days.
pub const EVENT_AGE_MS_MAX: i64 = 4 * 86_400_000;

const EVENT_NAME_CHARS_MAX: usize = 64;
const TOKEN_CHARS_MAX: usize = 129;
/// The largest rank that is recorded, as everywhere in this server. A position beyond it is believed, and not kept.
const RANK_MAX: u64 = 10_000;
/// How far ahead of the server's clock an event may be: a day, in milliseconds.
const AHEAD_MS_MAX: i64 = 86_400_000;

/// What a call tells.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) clicks: Vec<Clicked>,
    /// How many events are no clicks on results.
    pub(super) others: u64,
}

/// A click on one result.
#[derive(Debug, PartialEq)]
pub(super) struct Clicked {
    /// The place of its event in the call, from 0.
    pub(super) event: usize,
    pub(super) index: Box<str>,
    pub(super) doc_id: DocId,
    pub(super) rank: Option<u32>,
    pub(super) query_id: Option<Box<str>>,
    pub(super) user: UserCode,
    pub(super) at_ms: i64,
    /// What makes it count once, where the event can be recognised when it is sent again.
    pub(super) id: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EventType {
    Click,
    View,
    Conversion,
}

/// Reads a call's body.
///
/// # Errors
/// What is wrong with it, for people; names the event and its field.
pub(super) fn read(body: &[u8], now_ms: i64) -> Result<Told, String> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let json = in_place(body).map_err(|error| error.to_string())?;
    if !matches!(json, Json::Object(_)) {
        return Err("The body must be a JSON object with the field `events`".to_owned());
    }
    let events = match json.get("events") {
        Some(Json::Array(events)) => events,
        Some(_) => return Err("events: must be an array of events".to_owned()),
        None => return Err("events: is required".to_owned()),
    };
    if events.is_empty() {
        return Err("events: No events to process".to_owned());
    }
    if events.len() > EVENTS_MAX {
        return Err(format!("events: must have at most {EVENTS_MAX} entries"));
    }
    let mut told = Told { clicks: Vec::new(), others: 0 };
    for (number, event) in events.iter().enumerate() {
        let read = Event { number, json: event, fields: Fields::new(event, now_ms), now_ms }.read();
        let clicks = read.map_err(|rejection| format!("events[{number}].{}", rejection.message))?;
        told.others += u64::from(clicks.is_empty());
        told.clicks.extend(clicks);
    }
    Ok(told)
}

struct Event<'j> {
    number: usize,
    json: &'j Json<'j>,
    fields: Fields<'j>,
    now_ms: i64,
}

impl Event<'_> {
    /// The clicks on results that it tells; none when it is something else.
    fn read(&self) -> Result<Vec<Clicked>, Rejection> {
        if !matches!(self.json, Json::Object(_)) {
            return Err(breaks("", "must be an object"));
        }
        let event_type = self.event_type()?;
        let name = self.name()?;
        let index = self.fields.text("index")?.ok_or_else(|| required("index"))?;
        check_id(index).map_err(|error| breaks("index", error))?;
        let user = self.token("userToken")?.ok_or_else(|| required("userToken"))?;
        self.token("authenticatedUserToken")?;
        let query_id = self.fields.id("queryID")?;
        let told_at = self.timestamp()?;
        let objects = self.list::<DocId>("objectIDs")?;
        let filters = self.list::<String>("filters")?;
        self.object_data(objects.as_ref().map_or(0, Vec::len))?;
        let positions =
            self.positions(event_type, query_id.is_some(), objects.as_ref().map_or(0, Vec::len))?;
        let (EventType::Click, Some(objects)) = (event_type, self.either(objects, filters)?) else {
            return Ok(Vec::new());
        };
        let user: UserCode = user.parse().map_err(|error| breaks("userToken", error))?;
        let click = |(place, doc_id): (usize, DocId)| {
            let position = positions.get(place).copied();
            // The client names no event. Where it tells the millisecond, the same event sent again is recognised by all
            // that it says.
            let id = told_at.map(|at_ms| {
                let said = (index, name, user.as_str(), query_id, place, doc_id.as_str(), position, at_ms);
                format!("insights/{}", FileDigest::of_bytes(format!("{said:?}").as_bytes())).into()
            });
            Clicked {
                event: self.number,
                index: index.into(),
                doc_id,
                rank: position.filter(|rank| *rank <= RANK_MAX).and_then(|rank| u32::try_from(rank).ok()),
                query_id: query_id.map(Box::from),
                user: user.clone(),
                at_ms: told_at.unwrap_or(self.now_ms),
                id,
            }
        };
        Ok(objects.into_iter().enumerate().map(click).collect())
    }

    fn event_type(&self) -> Result<EventType, Rejection> {
        let event_type = match self.fields.text("eventType")?.ok_or_else(|| required("eventType"))? {
            "click" => EventType::Click,
            "view" => EventType::View,
            "conversion" => EventType::Conversion,
            _ => return Err(breaks("eventType", "must be one of click, view, conversion")),
        };
        match self.fields.text("eventSubtype")? {
            None => Ok(event_type),
            Some("addToCart" | "purchase") if event_type == EventType::Conversion => Ok(event_type),
            Some(_) => Err(breaks("eventSubtype", "must be addToCart or purchase, of a conversion")),
        }
    }

    fn name(&self) -> Result<&str, Rejection> {
        let name = self.fields.text("eventName")?.ok_or_else(|| required("eventName"))?;
        let printable = name.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        if printable && (1..=EVENT_NAME_CHARS_MAX).contains(&name.len()) {
            Ok(name)
        } else {
            Err(breaks("eventName", "must have 1 to 64 printable ASCII characters"))
        }
    }

    /// A token is a text; the client's own types let it be a number.
    fn token(&self, field: &str) -> Result<Option<String>, Rejection> {
        let token = match self.json.get(field) {
            None => return Ok(None),
            Some(Json::Natural(number)) => number.to_string(),
            Some(Json::Text(text)) => text.clone().into_owned(),
            Some(_) => return Err(breaks(field, "must be a string")),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_=/+-".contains(&byte);
        if (1..=TOKEN_CHARS_MAX).contains(&token.len()) && token.bytes().all(plain) {
            Ok(Some(token))
        } else {
            Err(breaks(field, "must have 1 to 129 characters of [A-Za-z0-9_=/+-]"))
        }
    }

    fn timestamp(&self) -> Result<Option<i64>, Rejection> {
        const RULE: &str = "must be epoch milliseconds, at most 4 days old and at most a day ahead";
        let at_ms = match self.json.get("timestamp") {
            None => return Ok(None),
            Some(Json::Natural(at_ms)) => i64::try_from(*at_ms).unwrap_or(i64::MAX),
            Some(_) => return Err(breaks("timestamp", RULE)),
        };
        let first_ms = self.now_ms.saturating_sub(EVENT_AGE_MS_MAX);
        let last_ms = self.now_ms.saturating_add(AHEAD_MS_MAX);
        if (first_ms..=last_ms).contains(&at_ms) { Ok(Some(at_ms)) } else { Err(breaks("timestamp", RULE)) }
    }

    fn list<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        field: &str,
    ) -> Result<Option<Vec<T>>, Rejection> {
        let list = self.fields.ids::<T>(field, OBJECTS_MAX)?;
        match list {
            Some(list) if list.is_empty() => Err(breaks(field, "must have at least one entry")),
            list => Ok(list),
        }
    }

    /// An event is about objects or about filters.
    fn either(
        &self,
        objects: Option<Vec<DocId>>,
        filters: Option<Vec<String>>,
    ) -> Result<Option<Vec<DocId>>, Rejection> {
        match (objects, filters) {
            (Some(_), Some(_)) => Err(breaks("objectIDs", "can't be given together with filters")),
            (None, None) => Err(breaks("objectIDs", "is required, or filters")),
            (objects, _) => Ok(objects),
        }
    }

    fn object_data(&self, objects: usize) -> Result<(), Rejection> {
        match self.json.get("objectData") {
            None => Ok(()),
            Some(Json::Array(data)) if data.len() == objects => Ok(()),
            Some(_) => Err(breaks("objectData", "must be an array with one entry for each of objectIDs")),
        }
    }

    fn positions(
        &self,
        event_type: EventType,
        after_search: bool,
        objects: usize,
    ) -> Result<Vec<u64>, Rejection> {
        const RULE: &str = "must be an array with an integer from 1 for each of objectIDs";
        let entries = match self.json.get("positions") {
            None if event_type == EventType::Click && after_search && objects > 0 => {
                return Err(breaks("positions", "is required of a click with a queryID"));
            }
            None => return Ok(Vec::new()),
            Some(_) if event_type != EventType::Click => {
                return Err(breaks("positions", "belongs to clicks alone"));
            }
            Some(Json::Array(entries)) if entries.len() == objects => entries,
            Some(_) => return Err(breaks("positions", RULE)),
        };
        let position = |entry: &Json<'_>| match entry {
            Json::Natural(position) if *position > 0 => Ok(*position),
            _ => Err(breaks("positions", RULE)),
        };
        entries.iter().map(position).collect()
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
