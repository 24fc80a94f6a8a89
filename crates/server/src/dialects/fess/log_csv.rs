//! Lines of the CSV that older versions of Fess back their logs up in: no header, a column's meaning is its place. They are
//! told as the objects that newer versions write. Knows no times and no ids.

use std::borrow::Cow;

use crate::json::Json;

/// The columns of `click_log.csv`.
const CLICK: [&str; 7] =
    ["query-id", "user-session-id", "doc-id", "url", "order", "query-requested-at", "requested-at"];
/// The columns of `search_log.csv`; pairs of a search field and its value follow. Fess leaves `roles` out of a line that
/// has some, and writes an empty one for a line that has none.
const SEARCH: [&str; 17] = [
    "query-id",
    "user-info-id",
    "user-session-id",
    "user",
    "search-word",
    "hit-count",
    "query-page-size",
    "query-offset",
    "referer",
    "languages",
    "roles",
    "user-agent",
    "client-ip",
    "access-type",
    "query-time",
    "response-time",
    "requested-at",
];
/// The place of `roles`.
const ROLES: usize = 10;
/// The columns of `favorite_log.csv` and `user_info.csv`, which tell nothing of clicks.
const FAVORITE: [&str; 5] = ["query-id", "user-info-id", "doc-id", "url", "created-at"];
const USER: [&str; 2] = ["created-at", "updated-at"];

/// The line as an object; `None` when it is none of these.
pub(super) fn object(bytes: &[u8]) -> Option<Json<'static>> {
    let record = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes)
        .records()
        .next()?
        .ok()?;
    let cells: Vec<&str> = record.iter().collect();
    let columns: Vec<&'static str> = match cells.len() {
        2 => USER.to_vec(),
        5 => FAVORITE.to_vec(),
        7 => CLICK.to_vec(),
        16.. if cells.get(15).is_some_and(|cell| is_time(cell)) => {
            SEARCH.iter().enumerate().filter(|(place, _)| *place != ROLES).map(|(_, name)| *name).collect()
        }
        17.. => SEARCH.to_vec(),
        _ => return None,
    };
    let text = |cell: &str| Json::Text(Cow::Owned(cell.to_owned()));
    let entries = columns.iter().zip(&cells).map(|(name, cell)| (Cow::Borrowed(*name), text(cell)));
    Some(Json::Object(entries.collect()))
}

/// Whether a cell is a time as Fess writes it: `2018-06-01T10:00:00.000`.
fn is_time(cell: &str) -> bool {
    cell.len() == 23 && cell.as_bytes().get(10) == Some(&b'T')
}
