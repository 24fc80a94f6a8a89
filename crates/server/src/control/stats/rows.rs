//! The rows of an answer: a tally, and what the catalogue tells of its items.

use std::collections::BTreeMap;

use clicks::{ClickedItem, Question, Tally};
use registry::Registry;
use serde::{Deserialize, Serialize};

use crate::control::commands::ControlError;

/// One row. What its key is depends on [`StatsBy`](super::StatsBy).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatRow {
    /// The local date, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub date: Option<String>,
    /// The first instant of that local day, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timestamp: Option<i64>,
    /// The search engine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hashid: Option<String>,
    /// `mobile`, `desktop` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<String>,
    /// Search terms, folded; `null` for clicks whose search is not known.
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "told")]
    pub query: Option<Option<String>>,
    /// The item's index; missing where clicks don't tell it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<String>,
    /// The item.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub doc_id: Option<String>,
    /// What the catalogue calls it; missing where it doesn't know.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    /// Where the catalogue says that it is; missing where it doesn't know.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
    /// The rank of the clicks, 1-based; `null` for clicks that tell none.
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "told")]
    pub rank: Option<Option<u32>>,
    /// A result placed by hand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub custom_result: Option<String>,
    /// How many different visitors. What tells none has no visitor here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub users: Option<u64>,
    /// How many different items.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub items: Option<u64>,
    /// How many of what is counted.
    pub count: u64,
}

/// A field that is there, if only as `null`, is told.
fn told<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatsReply {
    /// The rows.
    pub results: Vec<StatRow>,
    /// How many rows.
    pub total: u64,
    /// The sum of their counts.
    pub total_count: u64,
    /// The UTC days that are not in it, because they can't be read.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub left_out: Vec<String>,
    /// The first and the last local day, `YYYY-MM-DD`; missing where the period has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<[String; 2]>,
    /// The names of the search engines in the rows, by hashid.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub engines: BTreeMap<String, String>,
}

/// The rows of a tally.
///
/// # Errors
/// [`ControlError`] when the catalogue can't be read.
pub(super) fn rows(
    registry: &Registry,
    question: &Question,
    tally: Tally,
) -> Result<Vec<StatRow>, ControlError> {
    let day = |day: usize, count: u64| {
        let day = question.days.days()[day];
        StatRow {
            date: Some(day.date.to_string()),
            timestamp: Some(day.first_ms),
            count,
            ..StatRow::default()
        }
    };
    Ok(match tally {
        Tally::Days(counts) => {
            counts.into_iter().enumerate().map(|(place, count)| day(place, count)).collect()
        }
        Tally::DaysAndEngines(rows) => rows
            .into_iter()
            .map(|(place, engine, count)| StatRow { hashid: Some(engine.to_string()), ..day(place, count) })
            .collect(),
        Tally::Engines(rows) => rows
            .into_iter()
            .map(|(engine, count)| StatRow { hashid: Some(engine.to_string()), count, ..StatRow::default() })
            .collect(),
        Tally::Devices(rows) => rows
            .into_iter()
            .map(|(device, count)| {
                let device = device.map_or("unknown", clicks::Device::as_str);
                StatRow { device: Some(device.to_owned()), count, ..StatRow::default() }
            })
            .collect(),
        Tally::Terms(rows) => rows
            .into_iter()
            .map(|(terms, count)| {
                let query = Some(terms.map(|terms| terms.as_str().to_owned()));
                StatRow { query, count, ..StatRow::default() }
            })
            .collect(),
        Tally::Items(rows) => rows
            .into_iter()
            .map(|(clicked, count)| Ok(StatRow { count, ..item(registry, &clicked)? }))
            .collect::<Result<_, ControlError>>()?,
        Tally::ItemRanks(rows) => rows
            .into_iter()
            .map(|(clicked, rank, count)| {
                Ok(StatRow { rank: Some(rank), count, ..item(registry, &clicked)? })
            })
            .collect::<Result<_, ControlError>>()?,
        Tally::CustomResults(rows) => rows
            .into_iter()
            .map(|(engine, id, count)| StatRow {
                hashid: Some(engine.to_string()),
                custom_result: Some(id.as_str().to_owned()),
                count,
                ..StatRow::default()
            })
            .collect(),
        Tally::Distinct { count, users, items } => {
            vec![StatRow { users: Some(users), items: Some(items), count, ..StatRow::default() }]
        }
        // Nothing here asks for these.
        Tally::Indices(_)
        | Tally::ProductTypes(_)
        | Tally::Ranks(_)
        | Tally::ItemsReport(_)
        | Tally::ClickThrough(_)
        | Tally::TermsReport(_) => Vec::new(),
    })
}

/// An item with what the catalogue tells of it.
fn item(registry: &Registry, clicked: &ClickedItem) -> Result<StatRow, ControlError> {
    let known = clicked.dfid().map(|dfid| registry.item(&dfid)).transpose()?.flatten();
    let (title, link) = known.map_or((None, None), |item| (item.title, item.link));
    Ok(StatRow {
        hashid: Some(clicked.engine.to_string()),
        index: clicked.index.as_ref().map(|index| index.as_str().to_owned()),
        doc_id: Some(clicked.doc_id.as_str().to_owned()),
        title: title.map(String::from),
        link: link.map(String::from),
        ..StatRow::default()
    })
}
