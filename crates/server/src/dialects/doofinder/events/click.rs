//! A click on a result, and one on a banner: fields become a click, or a refusal in this API's words, and a click is
//! recorded. Knows no header and no path.

use std::sync::Arc;

use clicks::{
    CustomResultId, DocId, EngineIndex, Hashid, IndexName, Outcome, ProductType, SEARCH_QUERY_CHARS_MAX,
    SearchKind, SearchTerms, StoreError, UserCode, check_id,
};
use registry::Engine;

use super::place::Version;
use super::refusal::Refusal;
use super::told::Told;
use crate::app::App;
use crate::counts::Fate;
use crate::feed::{ClickLine, SearchLine};
use crate::received::Received;
use crate::settings::UnknownItems;

/// The longest session id, in characters.
const SESSION_CHARS_MAX: usize = 32;
/// The longest user id, in characters.
const USER_CHARS_MAX: usize = 36;
/// The largest position. The first is 1; 0 is accepted.
const POSITION_MAX: u32 = 10_000;
/// The longest number of a banner or a redirection, in digits.
const NUMBER_DIGITS_MAX: usize = 19;

/// What is kept of an event.
pub(super) enum Kept {
    /// A click on a result or a banner.
    Click(ClickLine),
    /// An opening or a redirection.
    Search(SearchLine),
}

/// A click on a result, without its time and device.
pub(super) async fn click(
    told: &Told,
    version: Version,
    engine: Hashid,
    app: &App,
) -> Result<ClickLine, Refusal> {
    let (dfid, session) = (told.text("dfid")?, told.text("session_id")?);
    let named = match version {
        // Clients of version 5 may name an item by the shop's own id and the index.
        Version::Five if dfid.is_none() => told.text("id")?.zip(told.text("datatype")?),
        _ => None,
    };
    missing(&[("dfid", dfid.is_some() || named.is_some()), ("session_id", session.is_some())])?;
    let session = session_id(session)?;
    let user = told.text("user_id")?.map(user_id).transpose()?;
    let (index, doc_id) = match (dfid, named) {
        (Some(dfid), _) => of_dfid(dfid, engine, app).await?,
        (None, Some((id, index))) => of_names(id, index, engine, app)?,
        (None, None) => return Err(Refusal::Missing("dfid".to_owned())),
    };
    let custom_result = told.text("custom_results_id")?.map(custom_result).transpose()?;
    let product_type = match custom_result {
        Some(_) => ProductType::CustomResult,
        None => ProductType::Search,
    };
    let rank = told.text("position")?.map(position).transpose()?;
    Ok(ClickLine {
        index: Some(index),
        user,
        rank,
        product_type,
        custom_result,
        ..line(told, doc_id, session)?
    })
}

/// A click on a banner, without its time and device. No catalogue holds banners.
pub(super) fn banner(told: &Told, version: Version) -> Result<ClickLine, Refusal> {
    let names: &[&str] = match version {
        Version::Five => &["img_id", "banner_id", "id"],
        Version::Six => &["id"],
    };
    let mut id = None;
    for name in names {
        id = id.or(told.text(name)?);
    }
    let session = told.text("session_id")?;
    // Clients of version 5 do not tell the session of a click on a banner.
    missing(&[("id", id.is_some()), ("session_id", session.is_some() || version == Version::Five)])?;
    let session = session_id(session)?;
    let user = told.text("user_id")?.map(user_id).transpose()?;
    let doc_id = id.and_then(numbered).ok_or(Refusal::Numbered)?;
    Ok(ClickLine { user, product_type: ProductType::Banner, ..line(told, doc_id, session)? })
}

/// What banners and redirections are named by.
pub(super) fn numbered(id: &str) -> Option<DocId> {
    let is_number = id.len() <= NUMBER_DIGITS_MAX && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| id.parse().ok()).flatten()
}

fn line(told: &Told, doc_id: DocId, session: Option<Box<str>>) -> Result<ClickLine, Refusal> {
    let query = told.text("query")?;
    if query.is_some_and(|query| query.chars().count() > SEARCH_QUERY_CHARS_MAX) {
        return Err(Refusal::Query);
    }
    Ok(ClickLine {
        id: None,
        at_ms: 0,
        engine: None,
        index: None,
        doc_id,
        query_id: None,
        searched_ms: None,
        rank: None,
        device: None,
        product_type: ProductType::Search,
        custom_result: None,
        terms: query.and_then(SearchTerms::fold),
        user: None,
        session,
    })
}

pub(super) fn missing(fields: &[(&str, bool)]) -> Result<(), Refusal> {
    let missing: Vec<&str> = fields.iter().filter(|(_, told)| !told).map(|(name, _)| *name).collect();
    if missing.is_empty() { Ok(()) } else { Err(Refusal::Missing(missing.join(", "))) }
}

pub(super) fn session_id(told: Option<&str>) -> Result<Option<Box<str>>, Refusal> {
    let Some(session) = told else { return Ok(None) };
    if session.chars().count() > SESSION_CHARS_MAX {
        return Err(Refusal::Session);
    }
    check_id(session).map_err(|_| Refusal::Bad("session_id is invalid".to_owned()))?;
    Ok(Some(session.into()))
}

pub(super) fn user_id(told: &str) -> Result<UserCode, Refusal> {
    let short = told.chars().count() <= USER_CHARS_MAX;
    short.then(|| told.parse().ok()).flatten().ok_or(Refusal::User)
}

fn custom_result(told: &str) -> Result<CustomResultId, Refusal> {
    told.parse().map_err(|_| Refusal::Bad("custom_results_id is invalid".to_owned()))
}

fn position(told: &str) -> Result<u32, Refusal> {
    let digits = told.bytes().all(|byte| byte.is_ascii_digit());
    let position = told.parse().ok().filter(|position| digits && *position <= POSITION_MAX);
    position.ok_or(Refusal::Position)
}

/// The item of a dfid. Only a catalogue can tell what it is the digest of, so one that no catalogue holds is refused
/// whatever the settings say.
async fn of_dfid(dfid: &str, engine: Hashid, app: &App) -> Result<(IndexName, DocId), Refusal> {
    let dfid: clicks::Dfid = dfid.parse().map_err(|_| Refusal::Dfid)?;
    if dfid.engine != engine {
        return Err(Refusal::ForeignItem);
    }
    // What an item is called is on the disk, which may be slow.
    let (registry, wanted) = (app.registry.clone(), dfid.clone());
    let found = tokio::task::spawn_blocking(move || registry.item(&wanted)).await;
    let item =
        found.map_err(|failed| failed.to_string()).and_then(|item| item.map_err(|error| error.to_string()));
    let item = item.map_err(|error| {
        tracing::error!(%error, "the item of a click could not be looked up");
        Refusal::Internal
    })?;
    item.map(|item| (dfid.index, item.doc_id)).ok_or(Refusal::NotFound(Fate::UnknownItem))
}

fn of_names(id: &str, index: &str, engine: Hashid, app: &App) -> Result<(IndexName, DocId), Refusal> {
    let bad = |name: &str| Refusal::Bad(format!("{name} is invalid"));
    let doc_id: DocId = id.parse().map_err(|_| bad("id"))?;
    let index: IndexName = index.parse().map_err(|_| bad("datatype"))?;
    let place = EngineIndex { engine, index };
    if app.settings.unknown_items == UnknownItems::Reject && !app.registry.holds(&place, id) {
        return Err(Refusal::NotFound(Fate::UnknownItem));
    }
    Ok((place.index, doc_id))
}

/// Records an event in a task of its own: a client that goes away in the meantime can't make it half done, nor its
/// count wrong. Returns only when it is on disk and counted by the next question; whether it is kept: it is not where
/// the server's clock shows a day that was removed.
pub(super) async fn record(
    received: Received,
    engine: Arc<Engine>,
    event: Box<Kept>,
) -> Result<bool, Refusal> {
    let work = tokio::spawn(async move {
        let app = received.app();
        let is_opening = matches!(&*event, Kept::Search(line) if line.kind == SearchKind::Opened);
        let result = match *event {
            Kept::Click(line) => app.record_of(&engine, line).await,
            Kept::Search(line) => app.record_search_of(&engine, line).await,
        };
        let result = result.map_err(refused);
        received.met(match &result {
            Ok(Outcome::Recorded) => Fate::Recorded,
            Ok(Outcome::Duplicate) => Fate::Duplicate,
            // A session that was opened is open, whatever else is told of it.
            Ok(Outcome::Conflict) if is_opening => Fate::Duplicate,
            Ok(Outcome::Conflict) => Fate::Conflict,
            Ok(Outcome::Expired) => Fate::Expired,
            Err(refusal) => refusal.fate(),
        });
        result.map(|outcome| outcome != Outcome::Expired)
    });
    work.await.unwrap_or_else(|failed| {
        tracing::error!(error = %failed, "recording a click panicked");
        Err(Refusal::Internal)
    })
}

fn refused(error: StoreError) -> Refusal {
    match error {
        StoreError::Damaged(_) | StoreError::DamagedDay { .. } => {
            tracing::error!(%error, "a click could not be recorded");
            Refusal::Internal
        }
        _ => {
            tracing::warn!(%error, "a click could not be recorded");
            Refusal::Unavailable
        }
    }
}
