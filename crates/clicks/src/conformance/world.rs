//! The small world of the exam: a few accounts, engines and names, and short ways to record and to ask.

use std::sync::Arc;

use pollster::block_on;

use crate::case::SearchTerms;
use crate::click::{Click, ProductType};
use crate::conformance::Failure;
use crate::filter::ClickFilter;
use crate::local_days::LocalDays;
use crate::names::{AccountCode, Hashid};
use crate::period::{Bound, INSTANT_MS_MAX, Period};
use crate::question::{Grouping, Question};
use crate::search::Search;
use crate::store::{Outcome, Record, Store};
use crate::tally::Tally;
use crate::zone::Zone;

/// How long the clicks of a store that takes the exam wait for their search: an hour, in milliseconds.
pub const JOIN_MS: i64 = 3_600_000;

/// The account that most cases are about.
pub const ACCOUNT: AccountCode = AccountCode::from_bytes([0xa1; 8]);
/// Another account.
pub const OTHER_ACCOUNT: AccountCode = AccountCode::from_bytes([0xb2; 8]);
/// The engine that most cases are about.
pub const ENGINE: Hashid = Hashid::from_bytes([0x11; 16]);
/// A second engine of the same account.
pub const SECOND_ENGINE: Hashid = Hashid::from_bytes([0x22; 16]);
/// 2024-05-31 12:00 UTC.
pub const NOON_MS: i64 = 1_717_156_800_000;
/// An hour.
pub const HOUR_MS: i64 = 3_600_000;

/// A click of the account and engine that most cases are about, which tells no more than it has to.
pub fn click(doc_id: &str, at_ms: i64) -> Result<Click, Failure> {
    Ok(Click {
        account: ACCOUNT,
        engine: ENGINE,
        index: None,
        doc_id: doc_id.parse()?,
        at_ms,
        received_ms: at_ms,
        id: None,
        query_id: None,
        searched_ms: None,
        rank: None,
        device: None,
        product_type: ProductType::Search,
        custom_result: None,
        terms: None,
        user: None,
        session: None,
    })
}

/// A click that names the search it came from.
pub fn click_from(query_id: &str, doc_id: &str, at_ms: i64) -> Result<Click, Failure> {
    Ok(Click { query_id: Some(query_id.into()), ..click(doc_id, at_ms)? })
}

/// A search of the account and engine that most cases are about, which tells no more than it has to.
pub fn search(id: &str, at_ms: i64) -> Search {
    Search {
        kind: crate::search::SearchKind::Asked,
        account: ACCOUNT,
        id: id.into(),
        engine: ENGINE,
        indices: Vec::new(),
        query: None,
        doc_ids: None,
        device: None,
        at_ms,
        received_ms: at_ms,
        total_hits: None,
        user: None,
        session: None,
    }
}

/// Every click of [`ACCOUNT`]'s two engines.
pub fn everything() -> ClickFilter {
    ClickFilter::all(ACCOUNT, vec![ENGINE, SECOND_ENGINE])
}

/// The folded form of typed terms.
pub fn terms(typed: &str) -> Result<SearchTerms, Failure> {
    SearchTerms::fold(typed).ok_or_else(|| Failure::new("no terms"))
}

/// The local days from one bound to another, each as the API spells it.
pub fn days(from: &str, to: &str, zone: &str) -> Result<Arc<LocalDays>, Failure> {
    let period = Period { from: from.parse::<Bound>()?, to: to.parse::<Bound>()? };
    Ok(Arc::new(LocalDays::of(&period, &Zone::parse(zone)?)?))
}

/// Records clicks and searches, and returns what became of each.
pub fn record(store: &dyn Store, records: Vec<Record>) -> Result<Vec<Outcome>, Failure> {
    Ok(block_on(store.append(records))?)
}

/// Records clicks that are all to be kept.
pub fn keep(store: &dyn Store, clicks: Vec<Click>) -> Result<(), Failure> {
    keep_all(store, clicks.into_iter().map(Record::Click).collect())
}

/// Records what is all to be kept.
pub fn keep_all(store: &dyn Store, records: Vec<Record>) -> Result<(), Failure> {
    let wanted = vec![Outcome::Recorded; records.len()];
    super::same("outcomes", &record(store, records)?, &wanted)
}

/// Asks about the three days around [`NOON_MS`] in UTC.
pub fn ask(store: &dyn Store, grouping: Grouping, filter: ClickFilter) -> Result<Tally, Failure> {
    ask_in(store, days("20240530", "20240601", "Z")?, grouping, filter)
}

/// Asks about some days.
pub fn ask_in(
    store: &dyn Store,
    days: Arc<LocalDays>,
    grouping: Grouping,
    filter: ClickFilter,
) -> Result<Tally, Failure> {
    Ok(store.tally(&Question::clicks(days, filter, grouping), &|| false)?)
}

/// How many clicks of the three days around [`NOON_MS`] pass a filter.
pub fn count(store: &dyn Store, filter: ClickFilter) -> Result<u64, Failure> {
    Ok(ask(store, Grouping::Day, filter)?.total())
}

/// The clicks of all time that pass a filter, as a scan gives them.
pub fn scan_all(store: &dyn Store, filter: &ClickFilter) -> Result<Vec<Click>, Failure> {
    scan(store, i64::MIN, INSTANT_MS_MAX, filter)
}

/// The clicks that a scan gives.
pub fn scan(
    store: &dyn Store,
    from_ms: i64,
    until_ms: i64,
    filter: &ClickFilter,
) -> Result<Vec<Click>, Failure> {
    Ok(store.scan(from_ms, until_ms, filter)?.collect::<Result<_, _>>()?)
}
