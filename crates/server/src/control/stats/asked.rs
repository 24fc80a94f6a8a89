//! What was typed becomes what is asked, or the first thing wrong with it by the name of its option.

use clicks::{
    AccountCode, Dfid, Grouping, Hashid, IndexName, Measure, Period, SearchTerms, TOP_ROWS_MAX, Zone,
};
use registry::Registry;

use super::{StatsAsk, StatsBy, StatsOf, when, wrong};
use crate::app::Asked;
use crate::control::commands::ControlError;

/// The question of the store.
///
/// # Errors
/// [`ControlError`] that names the option.
pub(super) fn asked(
    registry: &Registry,
    account: AccountCode,
    now_ms: i64,
    ask: StatsAsk,
) -> Result<Asked, ControlError> {
    can_be_told(&ask)?;
    let zone = ask.tz.as_deref().map_or(Ok(Zone::UTC), Zone::parse).map_err(|error| wrong("--tz", error))?;
    let from = when::first(&ask.from, &zone, now_ms).map_err(|rule| wrong("--from", rule))?;
    let to = when::last(&ask.to, &zone, now_ms).map_err(|rule| wrong("--to", rule))?;
    let mut hashids: Vec<Hashid> = each(&ask.hashids, "--hashid", "32 characters of [0-9a-f]")?;
    for name in &ask.engines {
        hashids.push(engine_of(registry, account, name)?);
    }
    let indices: Vec<IndexName> = each(&ask.indices, "--index", "1 to 512 characters")?;
    let item = one::<Dfid>(ask.dfid.as_deref(), "--dfid", "{hashid}@{index}@{md5 of the item's id}")?;
    Ok(Asked {
        period: Period { from, to },
        zone,
        hashids: (!hashids.is_empty()).then_some(hashids),
        indices: (!indices.is_empty()).then(|| indices.into_iter().map(|index| (index, None)).collect()),
        device: one(ask.device.as_deref(), "--device", "desktop or mobile")?,
        terms: ask.query.as_deref().and_then(SearchTerms::fold),
        item,
        product_types: each(
            &ask.product_types,
            "--product-type",
            "search, banner, custom_result, recommendation, quizz or aichat",
        )?,
        doc_id: one(ask.doc_id.as_deref(), "an id", NAME_RULE)?,
        custom_result: one(ask.custom_result.as_deref(), "--id", NAME_RULE)?,
        hits: (ask.hits, ask.hits_not),
        matching: None,
        measure: match ask.of {
            StatsOf::Clicks => Measure::Clicks,
            StatsOf::Searches => Measure::Searches,
            StatsOf::Sessions => Measure::Openings,
            StatsOf::Redirections => Measure::Redirections,
        },
        grouping: grouping(&ask),
    })
}

const NAME_RULE: &str = "1 to 512 characters, none of them a control character";

fn grouping(ask: &StatsAsk) -> Grouping {
    let rows_max = ask.rows_max.min(TOP_ROWS_MAX);
    match ask.by {
        StatsBy::Day => Grouping::Day,
        StatsBy::DayAndEngine => Grouping::DayAndEngine,
        StatsBy::Engine => Grouping::Engine,
        StatsBy::Device => Grouping::Device,
        // One more, since what has no terms is no row then.
        StatsBy::Search if ask.known_searches => {
            Grouping::Terms { rows_max: (rows_max + 1).min(TOP_ROWS_MAX) }
        }
        StatsBy::Search => Grouping::Terms { rows_max },
        StatsBy::Item => Grouping::Items { rows_max },
        StatsBy::ItemRank => Grouping::ItemRanks { rows_max },
        StatsBy::CustomResult => Grouping::CustomResults { rows_max },
        StatsBy::Visitors => Grouping::Distinct,
    }
}

/// Refuses what nobody tells: better no answer than a zero that was made up.
fn can_be_told(ask: &StatsAsk) -> Result<(), ControlError> {
    use StatsBy::{CustomResult, Item, ItemRank, Search};
    let (of, by) = (ask.of, ask.by);
    let of_clicks = of == StatsOf::Clicks;
    let of_sessions = of == StatsOf::Sessions;
    let unindexed = matches!(of, StatsOf::Sessions | StatsOf::Redirections);
    let untold = [
        (!of_clicks && matches!(by, ItemRank | CustomResult), "only clicks have a rank or a custom result"),
        (
            matches!(of, StatsOf::Searches | StatsOf::Sessions) && by == Item,
            "searches and sessions are not counted by items",
        ),
        (unindexed && by == Search, "sessions and redirections are not counted by searches"),
        (!of_clicks && ask.dfid.is_some(), "--dfid: only clicks are on an item"),
        (
            matches!(of, StatsOf::Searches | StatsOf::Sessions) && ask.doc_id.is_some(),
            "an id: only clicks and redirections have one",
        ),
        (!of_clicks && ask.custom_result.is_some(), "--id: only clicks come from a custom result"),
        (!of_clicks && !ask.product_types.is_empty(), "--product-type: only clicks are of a kind of result"),
        (of_sessions && ask.query.is_some(), "--query: a session begins without one"),
        (unindexed && !ask.indices.is_empty(), "--index: sessions and redirections belong to none"),
        (
            of != StatsOf::Searches && (ask.hits.is_some() || ask.hits_not.is_some()),
            "--hits: only searches tell how much was found",
        ),
    ];
    match untold.into_iter().find(|(applies, _)| *applies) {
        Some((_, reason)) => Err(ControlError(reason.to_owned())),
        None => Ok(()),
    }
}

fn each<T: std::str::FromStr>(texts: &[String], option: &str, rule: &str) -> Result<Vec<T>, ControlError> {
    texts.iter().map(|text| text.parse().map_err(|_| wrong(option, rule))).collect()
}

fn one<T: std::str::FromStr>(
    text: Option<&str>,
    option: &str,
    rule: &str,
) -> Result<Option<T>, ControlError> {
    text.map(|text| text.parse().map_err(|_| wrong(option, rule))).transpose()
}

/// A search engine of the account by its hashid, else by its name where only one has it.
fn engine_of(registry: &Registry, account: AccountCode, name: &str) -> Result<Hashid, ControlError> {
    let engines = registry.engines(Some(account));
    if let Some(engine) = engines.iter().find(|engine| engine.hashid.to_string() == name) {
        return Ok(engine.hashid);
    }
    let named: Vec<Hashid> =
        engines.iter().filter(|engine| &*engine.name == name).map(|engine| engine.hashid).collect();
    match named.as_slice() {
        [only] => Ok(*only),
        [] => Err(wrong("--engine", format!("there is no `{name}`: `clicktally engine list` shows them"))),
        several => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(wrong(
                "--engine",
                format!("several are called `{name}`: say which, {}", several.join(" or ")),
            ))
        }
    }
}
