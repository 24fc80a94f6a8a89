//! `stats clicks` of the command line: an operator's question, answered for people and for machines.

use std::sync::Arc;

use clicks::{
    Bound, Dfid, Grouping, Hashid, IndexName, Measure, Period, Question, SearchTerms, TOP_ROWS_MAX, Tally,
    Zone,
};
use registry::Scopes;
use serde::{Deserialize, Serialize};

use crate::access::Caller;
use crate::app::{Answered, App, Asked};
use crate::control::commands::{ControlError, account_or_only};

/// What the rows are rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatsBy {
    /// Each local day.
    #[default]
    Day,
    /// Each local day and search engine.
    DayAndEngine,
    /// Each search engine.
    Engine,
    /// Mobile, desktop and unknown.
    Device,
    /// The search terms with the most clicks.
    Search,
    /// The items with the most clicks.
    Item,
}

/// An operator's question, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatsAsk {
    /// The account's name or code; may be left out where there is only one.
    pub account: Option<String>,
    /// `YYYYMMDD`, Unix seconds or milliseconds.
    pub from: String,
    /// `YYYYMMDD`, Unix seconds or milliseconds.
    pub to: String,
    /// The time zone.
    pub tz: Option<String>,
    /// Search engines; none = all.
    pub hashids: Vec<String>,
    /// Indices; none = all.
    pub indices: Vec<String>,
    /// `desktop` or `mobile`.
    pub device: Option<String>,
    /// Search terms.
    pub query: Option<String>,
    /// An item.
    pub dfid: Option<String>,
    /// Kinds of result; none = all.
    pub product_types: Vec<String>,
    /// What the rows are rows of.
    pub by: StatsBy,
    /// The most rows of search terms or items.
    pub rows_max: usize,
}

/// One row. What its key is depends on [`StatsBy`].
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
    /// How many clicks.
    pub count: u64,
}

/// A field that is there, if only as `null`, is told.
fn told<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// Answers an operator, who may see everything of an account.
pub(super) async fn answer(app: &Arc<App>, ask: StatsAsk) -> Result<StatsReply, ControlError> {
    let account = account_or_only(&app.registry, ask.account.as_deref())?;
    let caller = Caller { account, scopes: Scopes::default(), key: None, confines: Arc::default() };
    let Answered { question, tally, left_out } =
        app.tally(&caller, asked(ask)?).await.map_err(|error| ControlError(error.to_string()))?;
    let total_count = tally.total();
    let results = rows(&question, tally);
    Ok(StatsReply { total: results.len() as u64, total_count, results, left_out })
}

fn wrong(option: &str, rule: impl std::fmt::Display) -> ControlError {
    ControlError(format!("{option}: {rule}"))
}

fn each<T: std::str::FromStr>(texts: &[String], option: &str, rule: &str) -> Result<Vec<T>, ControlError> {
    texts.iter().map(|text| text.parse().map_err(|_| wrong(option, rule))).collect()
}

fn asked(ask: StatsAsk) -> Result<Asked, ControlError> {
    let bound = |text: &str, option: &str| text.parse::<Bound>().map_err(|error| wrong(option, error));
    let period = Period { from: bound(&ask.from, "--from")?, to: bound(&ask.to, "--to")? };
    let zone = ask.tz.as_deref().map_or(Ok(Zone::UTC), Zone::parse).map_err(|error| wrong("--tz", error))?;
    let hashids: Vec<Hashid> = each(&ask.hashids, "--hashid", "32 characters of [0-9a-f]")?;
    let indices: Vec<IndexName> = each(&ask.indices, "--index", "1 to 512 characters")?;
    let item =
        ask.dfid.map(|text| text.parse::<Dfid>()).transpose().map_err(|error| wrong("--dfid", error))?;
    Ok(Asked {
        period,
        zone,
        hashids: (!hashids.is_empty()).then_some(hashids),
        indices: (!indices.is_empty()).then(|| indices.into_iter().map(|index| (index, None)).collect()),
        device: ask
            .device
            .map(|text| text.parse().map_err(|()| wrong("--device", "desktop or mobile")))
            .transpose()?,
        terms: ask.query.as_deref().and_then(SearchTerms::fold),
        item,
        product_types: each(
            &ask.product_types,
            "--product-type",
            "search, banner, custom_result, recommendation, quizz or aichat",
        )?,
        doc_id: None,
        custom_result: None,
        matching: None,
        hits: (None, None),
        measure: Measure::Clicks,
        grouping: match ask.by {
            StatsBy::Day => Grouping::Day,
            StatsBy::DayAndEngine => Grouping::DayAndEngine,
            StatsBy::Engine => Grouping::Engine,
            StatsBy::Device => Grouping::Device,
            StatsBy::Search => Grouping::Terms { rows_max: ask.rows_max.min(TOP_ROWS_MAX) },
            StatsBy::Item => Grouping::Items { rows_max: ask.rows_max.min(TOP_ROWS_MAX) },
        },
    })
}

fn rows(question: &Question, tally: Tally) -> Vec<StatRow> {
    let day = |day: usize, count: u64| {
        let day = question.days.days()[day];
        StatRow {
            date: Some(day.date.to_string()),
            timestamp: Some(day.first_ms),
            count,
            ..StatRow::default()
        }
    };
    match tally {
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
            .map(|(item, count)| StatRow {
                hashid: Some(item.engine.to_string()),
                index: item.index.map(|index| index.as_str().to_owned()),
                doc_id: Some(item.doc_id.as_str().to_owned()),
                count,
                ..StatRow::default()
            })
            .collect(),
        // Nothing here asks for these.
        _ => Vec::new(),
    }
}
