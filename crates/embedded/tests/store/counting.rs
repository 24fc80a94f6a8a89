//! Many rows: blocks that fill, days in every state, and readers that hold what the writer changes.

use std::sync::Arc;

use clicks::conformance::{Dice, JOIN_MS};
use clicks::{
    AccountCode, Bound, Click, ClickFilter, Device, Dfid, EngineIndex, Grouping, Hashid, ItemDigest,
    LocalDays, MemoryStore, Outcome, Period, ProductType, Question, Record, Search, SearchTerms, Store,
    Tally, Zone,
};
use embedded::{EmbeddedOptions, EmbeddedStore};
use journal::SimulatedDisk;
use pollster::block_on;

use crate::candidates::{open, options};

/// Enough that each of the three days has more than one block of 16,384 rows.
const ROWS: usize = 60_000;
pub const CALL_ROWS: usize = 4_000;
pub const ACCOUNTS: [AccountCode; 2] = [AccountCode::from_bytes([1; 8]), AccountCode::from_bytes([2; 8])];
pub const ENGINES: [Hashid; 3] =
    [Hashid::from_bytes([1; 16]), Hashid::from_bytes([2; 16]), Hashid::from_bytes([3; 16])];
/// 2024-10-26 00:00 UTC: the clock falls back in Madrid on the 27th.
pub const START_MS: i64 = 1_729_900_800_000;
pub const DAY_MS: i64 = 86_400_000;

fn click(dice: &mut Dice, row: usize) -> Click {
    // One account has one engine, as most have; the other mixes its engines in every block.
    let account = usize::from(dice.once_in(3));
    let engine = if account == 0 { 0 } else { dice.below(ENGINES.len()) };
    Click {
        account: ACCOUNTS[account],
        engine: ENGINES[engine],
        index: dice.pick_or_none(3, &["product", "page"]).map(|index| index.parse().unwrap()),
        doc_id: dice.below(500).to_string().parse().unwrap(),
        at_ms: START_MS + i64::try_from(dice.below(usize::try_from(3 * DAY_MS).unwrap())).unwrap(),
        received_ms: START_MS + 4 * DAY_MS,
        id: None,
        query_id: dice.once_in(4).then(|| dice.below(1_000).to_string().into()),
        // Tells each from all others.
        searched_ms: i64::try_from(row).ok(),
        rank: dice.pick_or_none(9, &[0, 1, 2, 3, 300, 10_000]),
        device: dice.pick_or_none(3, &[Device::Desktop, Device::Mobile]),
        product_type: *dice.pick(&ProductType::ALL),
        custom_result: dice.once_in(4).then(|| format!("{}", dice.below(6)).parse().unwrap()),
        terms: dice.once_in(2).then(|| SearchTerms::fold(&dice.below(300).to_string()).unwrap()),
        user: (!dice.once_in(5)).then(|| format!("visitor{}", dice.below(9_000)).parse().unwrap()),
        session: None,
    }
}

fn search(dice: &mut Dice, id: usize) -> Search {
    Search {
        kind: clicks::SearchKind::Asked,
        account: *dice.pick(&ACCOUNTS),
        id: id.to_string().into(),
        engine: *dice.pick(&ENGINES),
        indices: vec!["product".parse().unwrap()],
        query: Some(dice.below(400).to_string().into()),
        doc_ids: None,
        device: Some(Device::Mobile),
        at_ms: START_MS,
        received_ms: START_MS + 4 * DAY_MS + JOIN_MS,
        total_hits: None,
        user: None,
        session: None,
    }
}

pub fn days(from: &str, to: &str, zone: &str) -> Arc<LocalDays> {
    let period = Period { from: from.parse::<Bound>().unwrap(), to: to.parse::<Bound>().unwrap() };
    Arc::new(LocalDays::of(&period, &Zone::parse(zone).unwrap()).unwrap())
}

pub fn filters() -> Vec<ClickFilter> {
    let mut filters = Vec::new();
    for account in ACCOUNTS {
        let all = ClickFilter::all(account, ENGINES.to_vec());
        let index = |index: &str| EngineIndex { engine: ENGINES[0], index: index.parse().unwrap() };
        filters.extend([
            ClickFilter { engines: vec![ENGINES[0]], ..all.clone() },
            ClickFilter { engines: vec![ENGINES[2]], ..all.clone() },
            ClickFilter { device: Some(Device::Mobile), ..all.clone() },
            ClickFilter { terms: SearchTerms::fold("7"), ..all.clone() },
            ClickFilter { places: Some(vec![index("page")]), ..all.clone() },
            ClickFilter { product_types: vec![ProductType::Banner, ProductType::Aichat], ..all.clone() },
            ClickFilter {
                item: Some(Dfid {
                    engine: ENGINES[0],
                    index: "product".parse().unwrap(),
                    digest: ItemDigest::of("7"),
                }),
                ..all.clone()
            },
            ClickFilter {
                places: Some(vec![index("product")]),
                device: Some(Device::Desktop),
                terms: SearchTerms::fold("3"),
                ..all.clone()
            },
            all,
        ]);
    }
    filters
}

const GROUPINGS: [Grouping; 21] = [
    Grouping::Day,
    Grouping::DayAndEngine,
    Grouping::Engine,
    Grouping::Device,
    Grouping::Terms { rows_max: 10_000 },
    Grouping::Terms { rows_max: 7 },
    Grouping::Items { rows_max: 10_000 },
    Grouping::Items { rows_max: 9 },
    Grouping::ItemRanks { rows_max: 10_000 },
    Grouping::ItemRanks { rows_max: 9 },
    Grouping::CustomResults { rows_max: 10_000 },
    Grouping::CustomResults { rows_max: 2 },
    Grouping::Distinct,
    Grouping::Index,
    Grouping::ProductType,
    Grouping::Rank,
    Grouping::ItemsReport { rows_max: 10_000 },
    Grouping::ItemsReport { rows_max: 9 },
    Grouping::ClickThrough,
    Grouping::TermsReport { rows_max: 10_000 },
    Grouping::TermsReport { rows_max: 7 },
];

const PERIODS: [(&str, &str, &str); 3] = [
    ("20241025", "20241030", "Europe/Madrid"),
    ("20241026", "20241028", "Z"),
    ("1729944000000", "1729990000000", "Asia/Kolkata"),
];

/// What a store answers to every filter in every grouping, and every click that passes.
pub fn answers(store: &dyn Store) -> Vec<(String, Tally, Vec<Click>)> {
    let mut answers = Vec::new();
    for filter in filters() {
        let clicks = store.scan(START_MS + DAY_MS / 2, START_MS + 2 * DAY_MS, &filter).unwrap();
        let mut clicks: Vec<Click> = clicks.map(Result::unwrap).collect();
        for (from, to, zone) in PERIODS {
            for grouping in GROUPINGS {
                let question = Question::clicks(days(from, to, zone), filter.clone(), grouping);
                let what = format!("{grouping:?} from {from} to {to} in {zone} of {filter:?}");
                let tally = store.tally(&question, &|| false).unwrap();
                answers.push((what, tally, std::mem::take(&mut clicks)));
            }
        }
    }
    answers
}

pub fn compare(found: &[(String, Tally, Vec<Click>)], wanted: &[(String, Tally, Vec<Click>)]) {
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found.1, wanted.1, "{}", wanted.0);
        let first = found.2.iter().zip(&wanted.2).find(|(found, wanted)| found != wanted);
        assert!(found.2 == wanted.2, "scans differ: {}, first at {first:?}", wanted.0);
    }
    assert_eq!(found.len(), wanted.len());
}

pub fn records(dice: &mut Dice) -> Vec<Vec<Record>> {
    let mut records: Vec<Record> = (0..ROWS).map(|row| Record::Click(click(dice, row))).collect();
    // Searches are sent only after all clicks, so that most of them change full blocks.
    records.extend((0..700).map(|id| Record::Search(search(dice, id))));
    records.chunks(CALL_ROWS).map(<[_]>::to_vec).collect()
}

#[test]
fn many_rows_are_counted_as_the_oracle_counts_them() {
    let mut dice = Dice::new(20_241_027);
    let (disk, options) = (SimulatedDisk::new(), options(4 << 20));
    let (store, oracle) = (open(&disk, &options), MemoryStore::new(JOIN_MS));
    for call in records(&mut dice) {
        let wanted = block_on(oracle.append(call.clone())).unwrap();
        assert_eq!(block_on(store.append(call)), Ok(wanted));
    }
    let wanted = answers(&oracle);
    compare(&answers(&store), &wanted);
    store.close().unwrap();
    drop(store);
    compare(&answers(&open(&disk, &options)), &wanted);
}

#[test]
fn clicks_of_one_instant_are_scanned_as_recorded_across_blocks() {
    let mut dice = Dice::new(5);
    let store = open(&SimulatedDisk::new(), &options(4 << 20));
    let at_one_instant =
        |row| Click { at_ms: START_MS, account: ACCOUNTS[0], engine: ENGINES[0], ..click(&mut dice, row) };
    let clicks: Vec<Click> = (0..40_000).map(at_one_instant).collect();
    for call in clicks.chunks(CALL_ROWS) {
        block_on(store.append(call.iter().cloned().map(Record::Click).collect())).unwrap();
    }
    let filter = ClickFilter::all(ACCOUNTS[0], ENGINES.to_vec());
    let found = store.scan(START_MS, START_MS + 1, &filter).unwrap();
    assert!(found.map(Result::unwrap).eq(clicks));
}

#[test]
fn a_scan_gives_what_was_there_when_it_began() {
    let mut dice = Dice::new(7);
    let options = EmbeddedOptions { segment_bytes: 4 << 20, ..EmbeddedOptions::default() };
    let (store, _) = EmbeddedStore::open(Arc::new(SimulatedDisk::new()), &options).unwrap();
    let filter = ClickFilter::all(ACCOUNTS[0], ENGINES.to_vec());
    let mut calls = records(&mut dice).into_iter();
    let half = calls.len() / 2;
    for call in calls.by_ref().take(half) {
        block_on(store.append(call)).unwrap();
    }
    let scan = || store.scan(0, i64::MAX, &filter).unwrap().map(Result::unwrap);
    let before: Vec<Click> = scan().collect();
    let mut held = scan();
    let mut found = vec![held.next().unwrap()];
    for call in calls {
        block_on(store.append(call)).unwrap();
    }
    found.extend(held);
    assert!(found == before);
    let after: Vec<Click> = scan().collect();
    assert!(after.len() > before.len());
}

#[test]
fn a_question_that_runs_out_of_time_stops_between_blocks() {
    let mut dice = Dice::new(9);
    let store = open(&SimulatedDisk::new(), &options(4 << 20));
    for call in records(&mut dice).into_iter().take(12) {
        assert!(block_on(store.append(call)).unwrap().iter().all(|outcome| *outcome == Outcome::Recorded));
    }
    let filter = ClickFilter::all(ACCOUNTS[0], ENGINES.to_vec());
    let question =
        Question::clicks(days("20241025", "20241030", "Z"), filter, Grouping::Terms { rows_max: 9 });
    let asked = std::cell::Cell::new(0);
    let stop_after = |times: i32| {
        asked.set(0);
        store.tally(&question, &|| {
            asked.set(asked.get() + 1);
            asked.get() > times
        })
    };
    let answer = stop_after(i32::MAX).unwrap();
    let asked_in_all = asked.get();
    assert!(asked_in_all > 3, "asked {asked_in_all} times");
    for times in 0..asked_in_all {
        assert_eq!(stop_after(times), Err(clicks::StoreError::OutOfTime));
    }
    assert_eq!(stop_after(asked_in_all), Ok(answer));
}
