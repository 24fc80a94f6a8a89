//! Statistics of the command line: an operator's question, answered for people and for machines.

mod asked;
mod rows;
mod when;

use std::collections::BTreeMap;
use std::sync::Arc;

use clicks::StoreError;
use registry::{Registry, Scopes};
use serde::{Deserialize, Serialize};

use crate::access::Caller;
use crate::app::{Answered, App, AskError};
use crate::control::commands::{ControlError, account_or_only};

pub use rows::{StatRow, StatsReply};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatsOf {
    /// Clicks.
    #[default]
    Clicks,
    /// Searches that were shown.
    Searches,
    /// Sessions, by the moment at which they began.
    Sessions,
    /// Searches that ended in a redirection.
    Redirections,
}

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
    /// The search terms with the greatest counts.
    Search,
    /// The items with the most clicks; of redirections, where they lead.
    Item,
    /// The pairs of an item and a rank with the most clicks.
    ItemRank,
    /// The results placed by hand with the most clicks.
    CustomResult,
    /// All of them in one row: how many, of how many visitors, on how many items.
    Visitors,
    /// The indices with the most clicks.
    Index,
    /// Each kind of result.
    ProductType,
    /// Each rank that has clicks.
    Rank,
    /// The items with the most clicks, each with its average rank.
    ItemReport,
    /// Each local day: searches, clicked ones, and clicks.
    ClickThrough,
    /// The search terms with the most searches, or clicks where those are counted: the same of each, with the average rank.
    SearchReport,
}

/// An operator's question, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatsAsk {
    /// The account's name or code; may be left out where there is only one.
    pub account: Option<String>,
    /// A date, an instant, `today`, `yesterday`, or how many days up to today: `30d`, `4w`.
    pub from: String,
    /// A date, an instant, `today` or `yesterday`.
    pub to: String,
    /// The time zone.
    pub tz: Option<String>,
    /// Search engines by their hashids; with `engines` none = all.
    pub hashids: Vec<String>,
    /// Search engines by their names or hashids.
    #[serde(default)]
    pub engines: Vec<String>,
    /// Indices; none = all.
    pub indices: Vec<String>,
    /// `desktop` or `mobile`.
    pub device: Option<String>,
    /// Search terms.
    pub query: Option<String>,
    /// An item.
    pub dfid: Option<String>,
    /// An item by its id, in whatever index; of redirections, where they lead.
    #[serde(default)]
    pub doc_id: Option<String>,
    /// A result placed by hand.
    #[serde(default)]
    pub custom_result: Option<String>,
    /// Kinds of result; none = all.
    pub product_types: Vec<String>,
    /// Only searches that found so many.
    #[serde(default)]
    pub hits: Option<u64>,
    /// Only searches that did not find so many.
    #[serde(default)]
    pub hits_not: Option<u64>,
    /// What is counted.
    #[serde(default)]
    pub of: StatsOf,
    /// What the rows are rows of.
    pub by: StatsBy,
    /// Whether clicks of no known search are left out of rows of searches.
    #[serde(default)]
    pub known_searches: bool,
    /// What the texts of a report's rows have in them.
    #[serde(default)]
    pub matching: Option<String>,
    /// Whether days that retention has removed are answered by [`StatsReply::removed`], not refused.
    #[serde(default)]
    pub may_be_removed: bool,
    /// The most rows of search terms, items or results placed by hand.
    pub rows_max: usize,
}

/// Answers an operator, who may see everything of an account.
pub(super) async fn answer(app: &Arc<App>, ask: StatsAsk) -> Result<StatsReply, ControlError> {
    let account = account_or_only(&app.registry, ask.account.as_deref())?;
    let caller = Caller { account, scopes: Scopes::default(), key: None, confines: Arc::default() };
    let (rows_max, known_searches, may_be_removed) = (ask.rows_max, ask.known_searches, ask.may_be_removed);
    let asked = asked::asked(&app.registry, account, app.clock.now_ms(), ask)?;
    let answered = match app.tally(&caller, asked).await {
        Ok(answered) => answered,
        Err(AskError::Store(StoreError::Removed { .. })) if may_be_removed => {
            return Ok(StatsReply { removed: true, ..StatsReply::default() });
        }
        Err(error) => return Err(ControlError(error.to_string())),
    };
    let registry = app.registry.clone();
    // What items are called is on the disk, which may be slow.
    let listing = tokio::task::spawn_blocking(move || reply(&registry, answered, rows_max, known_searches));
    listing.await.map_err(|failed| ControlError(failed.to_string()))?
}

fn reply(
    registry: &Registry,
    answered: Answered,
    rows_max: usize,
    known_searches: bool,
) -> Result<StatsReply, ControlError> {
    let Answered { question, tally, left_out } = answered;
    let days = question.days.days();
    let days = days.first().zip(days.last()).map(|(first, last)| [first.date, last.date]);
    let average_rank = tally.rank_sum().average();
    let mut results = rows::rows(registry, &question, tally)?;
    if known_searches {
        results.retain(|row| row.query != Some(None));
        results.truncate(rows_max);
    }
    let total_count = results.iter().map(|row| row.count).sum();
    let mut engines = BTreeMap::new();
    for hashid in results.iter().filter_map(|row| row.hashid.as_ref()) {
        if !engines.contains_key(hashid)
            && let Some(engine) = hashid.parse().ok().and_then(|hashid| registry.engine(hashid))
        {
            engines.insert(hashid.clone(), engine.name.to_string());
        }
    }
    let days = days.map(|days| days.map(|date| date.to_string()));
    Ok(StatsReply {
        total: results.len() as u64,
        results,
        total_count,
        average_rank,
        left_out,
        days,
        engines,
        removed: false,
    })
}

fn wrong(option: &str, rule: impl std::fmt::Display) -> ControlError {
    ControlError(format!("{option}: {rule}"))
}
