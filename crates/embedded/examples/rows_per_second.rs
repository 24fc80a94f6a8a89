//! How fast rows are counted, how much memory a click takes, and how fast a store records and opens.
//!
//! `cargo run --release -p embedded --example rows_per_second [million clicks]`

use std::sync::Arc;
use std::time::Instant;

use clicks::conformance::Dice;
use clicks::{
    AccountCode, Bound, Click, ClickFilter, Device, Dfid, EngineIndex, Grouping, Hashid, ItemDigest,
    LocalDays, Period, ProductType, Question, Record, Search, SearchTerms, Store, Zone,
};
use embedded::{EmbeddedOptions, EmbeddedStore};
use journal::FolderDisk;

type Failed = Box<dyn std::error::Error>;

const ACCOUNT: AccountCode = AccountCode::from_bytes([1; 8]);
const ENGINE: Hashid = Hashid::from_bytes([1; 16]);
const CALL_CLICKS: usize = 4_096;
const DAYS: usize = 30;
/// 2024-06-01 00:00 UTC.
const START_MS: i64 = 1_717_200_000_000;

fn click(dice: &mut Dice, number: usize, clicks: usize) -> Result<Click, Failed> {
    let at_ms = START_MS + i64::try_from(number * DAYS * 86_400 / clicks * 1_000 + dice.below(1_000))?;
    Ok(Click {
        account: ACCOUNT,
        engine: ENGINE,
        index: Some(if dice.once_in(4) { "page" } else { "product" }.parse()?),
        doc_id: format!("sku-{}", dice.below(50_000)).parse()?,
        at_ms,
        received_ms: at_ms + 3,
        id: None,
        query_id: Some(format!("{:016x}", dice.throw()).into()),
        searched_ms: Some(at_ms - 5_000),
        rank: Some(u32::try_from(dice.below(20))?),
        device: dice.pick_or_none(9, &[Device::Desktop, Device::Mobile]),
        product_type: ProductType::Search,
        custom_result: None,
        terms: SearchTerms::fold(&format!("search terms {}", dice.below(20_000))),
        user: None,
        session: None,
    })
}

/// The search that a click names: every second click does.
fn search_of(click: &Click) -> Option<Search> {
    let id = click.query_id.clone()?;
    let query = click.terms.as_ref().map(|terms| terms.as_str().into());
    let bare = clicks::conformance::search(&id, click.searched_ms?);
    Some(Search { account: ACCOUNT, engine: ENGINE, query, device: click.device, ..bare })
}

fn days(zone: &str) -> Result<Arc<LocalDays>, Failed> {
    let period = Period { from: "20240601".parse::<Bound>()?, to: "20240630".parse()? };
    Ok(Arc::new(LocalDays::of(&period, &Zone::parse(zone)?)?))
}

fn ask(
    store: &dyn Store,
    what: &str,
    zone: &str,
    filter: &ClickFilter,
    grouping: Grouping,
) -> Result<(), Failed> {
    let question = Question::clicks(days(zone)?, filter.clone(), grouping);
    let (mut best_seconds, mut first_seconds) = (f64::INFINITY, None);
    let mut total = 0;
    for _ in 0..5 {
        let begun = Instant::now();
        total = store.tally(&question, &|| false)?.total();
        let seconds = begun.elapsed().as_secs_f64();
        best_seconds = best_seconds.min(seconds);
        first_seconds.get_or_insert(seconds);
    }
    let first_ms = first_seconds.unwrap_or_default() * 1e3;
    #[expect(clippy::cast_precision_loss, reason = "millions of rows, shown with three digits")]
    let rows_per_second = store.status().clicks as f64 / best_seconds / 1e6;
    let best_ms = best_seconds * 1e3;
    println!(
        "{what:<44} {best_ms:>9.3} ms {rows_per_second:>9.0} M rows/s  total {total}, first {first_ms:.3} ms"
    );
    Ok(())
}

fn main() -> Result<(), Failed> {
    let millions = std::env::args().nth(1).map_or(Ok(5), |text| text.parse::<usize>())?;
    let clicks = millions * 1_000_000;
    let folder = tempfile::tempdir()?;
    let open = || {
        EmbeddedStore::open(Arc::new(FolderDisk::open(folder.path())?), &EmbeddedOptions::default())
            .map_err(Failed::from)
    };
    let (store, _) = open()?;
    let mut dice = Dice::new(1);
    let begun = Instant::now();
    for first in (0..clicks).step_by(CALL_CLICKS) {
        let call = first..clicks.min(first + CALL_CLICKS);
        let mut records = Vec::with_capacity(2 * CALL_CLICKS);
        for number in call {
            let click = click(&mut dice, number, clicks)?;
            records.extend(search_of(&click).filter(|_| number % 2 == 0).map(Record::Search));
            records.push(Record::Click(click));
        }
        pollster::block_on(store.append(records))?;
    }
    let (seconds, status) = (begun.elapsed().as_secs_f64(), store.status());
    println!("{clicks} clicks recorded in {seconds:.1} s, {} a call", CALL_CLICKS);
    println!(
        "{} bytes of memory a click, {} on disk",
        status.memory_bytes / status.clicks,
        status.disk_bytes / status.clicks
    );

    let all = ClickFilter::all(ACCOUNT, vec![ENGINE]);
    let other = Hashid::from_bytes([2; 16]);
    let place = EngineIndex { engine: ENGINE, index: "product".parse()? };
    let item = Dfid { engine: ENGINE, index: "product".parse()?, digest: ItemDigest::of("sku-77") };
    let with = |change: &dyn Fn(&mut ClickFilter)| {
        let mut filter = all.clone();
        change(&mut filter);
        filter
    };
    ask(&store, "days, UTC", "Z", &all, Grouping::Day)?;
    ask(&store, "days, Madrid", "Europe/Madrid", &all, Grouping::Day)?;
    ask(
        &store,
        "days and engines, Madrid",
        "Europe/Madrid",
        &with(&|f| f.engines.push(other)),
        Grouping::DayAndEngine,
    )?;
    ask(
        &store,
        "days of an index, Madrid",
        "Europe/Madrid",
        &with(&|f| f.places = Some(vec![place.clone()])),
        Grouping::Day,
    )?;
    ask(
        &store,
        "days on mobile, Madrid",
        "Europe/Madrid",
        &with(&|f| f.device = Some(Device::Mobile)),
        Grouping::Day,
    )?;
    ask(
        &store,
        "days of terms, Madrid",
        "Europe/Madrid",
        &with(&|f| f.terms = SearchTerms::fold("search terms 77")),
        Grouping::Day,
    )?;
    ask(
        &store,
        "days of an item, Madrid",
        "Europe/Madrid",
        &with(&|f| f.item = Some(item.clone())),
        Grouping::Day,
    )?;
    ask(&store, "devices, UTC", "Z", &all, Grouping::Device)?;
    ask(&store, "top 100 terms, UTC", "Z", &all, Grouping::Terms { rows_max: 100 })?;
    ask(&store, "ranks, UTC", "Z", &all, Grouping::Rank)?;
    ask(&store, "ranks, Madrid", "Europe/Madrid", &all, Grouping::Rank)?;
    ask(&store, "indices, UTC", "Z", &all, Grouping::Index)?;
    ask(&store, "top 100 items with ranks, UTC", "Z", &all, Grouping::ItemsReport { rows_max: 100 })?;
    ask(&store, "clicked searches by day, UTC", "Z", &all, Grouping::ClickThrough)?;
    ask(&store, "clicked searches by day, Madrid", "Europe/Madrid", &all, Grouping::ClickThrough)?;
    ask(&store, "clicked searches by terms, UTC", "Z", &all, Grouping::TermsReport { rows_max: 100 })?;

    let begun = Instant::now();
    let read = store.scan(0, i64::MAX, &all)?.filter(Result::is_ok).count();
    println!("{read} clicks scanned in {:.1} s", begun.elapsed().as_secs_f64());
    store.close()?;
    drop(store);
    let (_, report) = open()?;
    println!("{} clicks opened in {:.1} s", report.clicks, report.took.as_secs_f64());
    Ok(())
}
