//! An opening of the search, which begins a session, and a search that ended in a redirection: fields become a search, or a
//! refusal in this API's words. Knows no header and no path.

use clicks::{Hashid, SEARCH_QUERY_CHARS_MAX, SearchKind};
use sha2::{Digest, Sha256};

use super::click::{missing, numbered, session_id, user_id};
use super::place::Version;
use super::refusal::Refusal;
use super::told::Told;
use crate::feed::SearchLine;

/// An opening, without its time and device. A session is opened once, however often that is told; where nothing of it may be kept,
/// `nonce` stands for it.
pub(super) fn opening(told: &Told, engine: Hashid, nonce: Option<&str>) -> Result<SearchLine, Refusal> {
    let session = told.text("session_id")?;
    missing(&[("session_id", session.is_some())])?;
    let session = session_id(session)?;
    let user = told.text("user_id")?.map(user_id).transpose()?;
    let name = nonce.map_or_else(|| digest(session.as_deref().unwrap_or_default()), str::to_owned);
    let id = format!("init/{engine}/{name}");
    Ok(SearchLine { kind: SearchKind::Opened, user, session, ..line(id, engine) })
}

/// A redirection, without its time and device. `nonce` tells it from all others: each counts.
pub(super) fn redirection(
    told: &Told,
    version: Version,
    engine: Hashid,
    nonce: &str,
) -> Result<SearchLine, Refusal> {
    let (id, session) = (told.text("id")?, told.text("session_id")?);
    let needs_session = session.is_some() || version == Version::Five;
    missing(&[("session_id", needs_session), ("id", id.is_some())])?;
    let session = session_id(session)?;
    let user = told.text("user_id")?.map(user_id).transpose()?;
    let doc_id = id.and_then(numbered).ok_or(Refusal::Numbered)?;
    let query = told.text("query")?;
    if query.is_some_and(|query| query.chars().count() > SEARCH_QUERY_CHARS_MAX) {
        return Err(Refusal::Query);
    }
    Ok(SearchLine {
        kind: SearchKind::Redirected,
        query: query.map(Box::from),
        doc_ids: Some(vec![doc_id]),
        user,
        session,
        ..line(format!("redirect/{engine}/{nonce}"), engine)
    })
}

fn line(id: String, engine: Hashid) -> SearchLine {
    SearchLine {
        kind: SearchKind::Asked,
        id: id.into(),
        at_ms: 0,
        engine,
        indices: Vec::new(),
        query: None,
        doc_ids: None,
        device: None,
        total_hits: None,
        user: None,
        session: None,
    }
}

/// 32 hexadecimal digits of a text: it may be longer than an id with the engine's name.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
