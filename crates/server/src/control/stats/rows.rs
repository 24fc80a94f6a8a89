//! The rows of an answer: a tally, and what the catalogue tells of its items.

use std::collections::BTreeMap;

use clicks::{ClickThrough, ClickedItem, Question, Tally};
use registry::Registry;
use serde::{Deserialize, Serialize};

use crate::control::commands::ControlError;

/// One row. What its key is depends on [`StatsBy`](super::StatsBy).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// The kind of result.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub product_type: Option<String>,
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
    /// How many searches there were.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub searches: Option<u64>,
    /// How many of them were clicked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clicked: Option<u64>,
    /// The rank of the clicks on average; `null` where none tells one.
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "told")]
    pub average_rank: Option<Option<f64>>,
    /// How many of what is counted; clicks where searches are counted beside them.
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StatsReply {
    /// The rows.
    pub results: Vec<StatRow>,
    /// How many rows.
    pub total: u64,
    /// The sum of their counts.
    pub total_count: u64,
    /// The rank of all clicks on average, where they are counted by rank and any tells one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub average_rank: Option<f64>,
    /// The UTC days that are not in it, because they can't be read.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub left_out: Vec<String>,
    /// The first and the last local day, `YYYY-MM-DD`; missing where the period has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<[String; 2]>,
    /// The names of the search engines in the rows, by hashid.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub engines: BTreeMap<String, String>,
    /// Whether there is no answer, because days of the period were removed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub removed: bool,
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
    let day = |place: usize, count: u64| day(question, place, count);
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
        Tally::Indices(rows) => rows
            .into_iter()
            .map(|(index, count)| {
                let index = index.map(|index| index.as_str().to_owned());
                StatRow { index, count, ..StatRow::default() }
            })
            .collect(),
        Tally::ProductTypes(rows) => rows
            .into_iter()
            .map(|(kind, count)| StatRow {
                product_type: Some(kind.as_str().to_owned()),
                count,
                ..StatRow::default()
            })
            .collect(),
        Tally::Ranks(rows) => rows
            .into_iter()
            .map(|(rank, count)| StatRow { rank: Some(rank), count, ..StatRow::default() })
            .collect(),
        report => return reports(registry, question, report),
    })
}

/// Rows that tell more than one number.
fn reports(registry: &Registry, question: &Question, tally: Tally) -> Result<Vec<StatRow>, ControlError> {
    let beside = |counted: ClickThrough, row: StatRow| StatRow {
        searches: Some(counted.searches),
        clicked: Some(counted.clicked),
        count: counted.clicks,
        ..row
    };
    Ok(match tally {
        Tally::ItemsReport(rows) => rows
            .into_iter()
            .map(|(clicked, count, ranks)| {
                Ok(StatRow { average_rank: Some(ranks.average()), count, ..item(registry, &clicked)? })
            })
            .collect::<Result<_, ControlError>>()?,
        Tally::ClickThrough(rows) => rows
            .into_iter()
            .enumerate()
            .map(|(place, counted)| beside(counted, day(question, place, 0)))
            .collect(),
        Tally::TermsReport(rows) => rows
            .into_iter()
            .map(|(terms, counted, ranks)| {
                let query = Some(terms.map(|terms| terms.as_str().to_owned()));
                beside(counted, StatRow { query, average_rank: Some(ranks.average()), ..StatRow::default() })
            })
            .collect(),
        _ => Vec::new(),
    })
}

/// A local day of the question.
fn day(question: &Question, place: usize, count: u64) -> StatRow {
    let day = question.days.days()[place];
    StatRow { date: Some(day.date.to_string()), timestamp: Some(day.first_ms), count, ..StatRow::default() }
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
