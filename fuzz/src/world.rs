//! A small world: clicks and searches of two engines and two UTC days, a store that holds them in every form there is,
//! and questions whose answers are known. It must never know what is done to the store's files.

use std::sync::{Arc, LazyLock};

use clicks::conformance::Dice;
use clicks::{
    AccountCode, Click, ClickFilter, Device, Dfid, Forget, Grouping, Hashid, IndexName, ItemDigest,
    LocalDays, Measure, Period, ProductType, Question, Record, Search, SearchKind, SearchTerms, Store,
    StoreError, Tally, Zone,
};
use embedded::{EmbeddedOptions, EmbeddedStore};
use journal::{Disk, Journal, Options, SimulatedDisk};
use pollster::block_on;

use crate::checks::checked_manifest;

/// Whose clicks.
pub const ACCOUNT: AccountCode = AccountCode::from_bytes([0xa1; 8]);
/// Two engines.
pub const ENGINES: [Hashid; 2] = [Hashid::from_bytes([0x11; 16]), Hashid::from_bytes([0x22; 16])];
/// The key of all fingerprints.
const KEY: &str = "000102030405060708090a0b0c0d0e0f";
/// The size of the journals' segments.
pub const SEGMENT_BYTES: u64 = 16 << 10;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The first day: 2024-05-30, numbered from 1970-01-01.
const FIRST_DAY: i32 = 19_873;
const START_MS: i64 = FIRST_DAY as i64 * DAY_MS;

/// Clicks, always the same.
#[must_use]
pub fn clicks(count: usize) -> Vec<Click> {
    let mut dice = Dice::new(1);
    let click = |number: usize| {
        let indices: [IndexName; 2] = ["product".parse().unwrap(), "page".parse().unwrap()];
        let day = if dice.once_in(4) { 0 } else { DAY_MS };
        let at_ms = START_MS + day + 60_000 * i64::try_from(dice.below(24 * 60)).unwrap();
        // Every second click is on one item: of a popular one an index keeps more.
        let popular = dice.once_in(2);
        let (engine, index) = (*dice.pick(&ENGINES), dice.pick_or_none(4, &indices));
        let other = dice.below(12);
        Click {
            account: ACCOUNT,
            engine: if popular { ENGINES[0] } else { engine },
            index: if popular { Some(indices[0].clone()) } else { index },
            doc_id: format!("sku{}", if popular { 1 } else { other }).parse().unwrap(),
            at_ms,
            received_ms: at_ms + 500,
            id: (!dice.once_in(3)).then(|| format!("click {number}").into()),
            query_id: (!dice.once_in(3)).then(|| format!("q{}", dice.below(40)).into()),
            searched_ms: dice.once_in(2).then_some(at_ms - 7_000),
            rank: dice.pick_or_none(3, &[1, 2, 70]),
            device: dice.pick_or_none(5, &[Device::Mobile, Device::Desktop]),
            product_type: *dice.pick(&ProductType::ALL),
            custom_result: (number % 6 == 0).then(|| (number % 4).to_string().parse().unwrap()),
            terms: dice.once_in(4).then(|| SearchTerms::fold("Red  Shoes")).flatten(),
            user: dice.once_in(2).then(|| format!("visitor{}", dice.below(6)).parse().unwrap()),
            session: dice.once_in(3).then(|| "session".into()),
        }
    };
    (0..count).map(click).collect()
}

/// Searches, always the same.
#[must_use]
pub fn searches(count: usize) -> Vec<Search> {
    let mut dice = Dice::new(2);
    let search = |number| {
        let at_ms = START_MS + 60_000 * i64::try_from(dice.below(2 * 24 * 60)).unwrap();
        let kind = match number % 5 {
            3 => SearchKind::Opened,
            4 => SearchKind::Redirected,
            _ => SearchKind::Asked,
        };
        let shown = if kind == SearchKind::Redirected { 1 } else { 2 };
        let doc_ids = ["sku1", "sku2"][..shown].iter().map(|id| id.parse().unwrap()).collect();
        Search {
            kind,
            account: ACCOUNT,
            id: format!("q{number}").into(),
            engine: *dice.pick(&ENGINES),
            indices: if dice.once_in(3) { Vec::new() } else { vec!["product".parse().unwrap()] },
            query: dice.pick_or_none(6, &["hat".into(), "Blue hat ".into(), "Café".into()]),
            doc_ids: (dice.once_in(2) || kind == SearchKind::Redirected).then_some(doc_ids),
            device: dice.pick_or_none(2, &[Device::Mobile]),
            at_ms,
            received_ms: at_ms + 100,
            total_hits: dice.pick_or_none(2, &[0, 90_000]),
            user: dice.once_in(4).then(|| "visitor1".parse().unwrap()),
            session: None,
        }
    };
    (0..count).map(search).collect()
}

/// Small files, and one thread beside the caller's.
#[must_use]
pub fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        segment_bytes: SEGMENT_BYTES,
        spare: false,
        seals_by_itself: false,
        part_rows_max: 400,
        day_parts_max: 3,
        index_bytes_max: 1 << 20,
        question_bytes_max: 64 << 10,
        filter_bytes_max: 1 << 20,
        ..EmbeddedOptions::default()
    }
}

/// Opens a store.
///
/// # Errors
/// The store's own.
pub fn open(disk: &SimulatedDisk) -> Result<EmbeddedStore, embedded::OpenError> {
    EmbeddedStore::open(Arc::new(disk.clone()), &options()).map(|opened| opened.0)
}

/// A file of a store.
#[derive(Debug, Clone)]
pub struct File {
    /// The folders that it lies in, outermost first.
    pub folders: Vec<String>,
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl File {
    /// As people write it.
    #[must_use]
    pub fn path(&self) -> String {
        self.folders.iter().chain([&self.name]).map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// Puts it on a disk.
    pub fn put(&self, disk: &SimulatedDisk) {
        let folder = self.folders.iter().fold(disk.clone(), |disk, name| disk.subfolder(name).unwrap());
        folder.put(&self.name, &self.bytes);
    }
}

/// All files of a disk.
#[must_use]
pub fn files(disk: &SimulatedDisk) -> Vec<File> {
    let (mut files, mut waiting) = (Vec::new(), vec![(disk.clone(), Vec::new())]);
    while let Some((disk, folders)) = waiting.pop() {
        for name in disk.list().unwrap() {
            let bytes = disk.bytes(&name).unwrap();
            files.push(File { folders: folders.clone(), name, bytes });
        }
        for name in disk.folders().unwrap() {
            let mut inner = folders.clone();
            inner.push(name.clone());
            waiting.push((disk.subfolder(&name).unwrap(), inner));
        }
    }
    files.sort_by_key(File::path);
    files
}

/// Sealed days with several parts, a removed one whose counts are kept, a late search, and what is in the journal only.
pub struct World {
    /// Its files.
    pub files: Vec<File>,
    /// What is asked, and the right answers.
    pub answers: Vec<(Question, Result<Tally, StoreError>)>,
    /// Clicks that are sealed in a day that is kept, and have an id.
    pub sealed: Vec<Click>,
}

/// How many clicks are recorded before the last sealing.
pub const RECORDED: usize = 280;

/// A disk on which a store has begun that draws nothing at random: its key and the salts of its journals are given.
#[must_use]
pub fn begun() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.put(
        "MANIFEST",
        checked_manifest(&format!("clicktally store 1\nbegin 0\nnext 1\nnames 1 0\nkey {KEY}")).as_bytes(),
    );
    for folder in ["journal", "names-0001"] {
        let options = Options { salt: Some(7), segment_bytes: SEGMENT_BYTES, begin: 0 };
        let folder = Arc::new(disk.subfolder(folder).unwrap());
        drop(Journal::open(folder, options, &mut |_, _| Ok(())).unwrap());
    }
    disk
}

/// The world, always the same.
pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let disk = begun();
    let store = open(&disk).unwrap();
    let record = |records: Vec<Record>| {
        records.chunks(50).for_each(|some| drop(block_on(store.append(some.to_vec())).unwrap()));
    };
    let (clicks, searches) = (clicks(RECORDED + 10), searches(40));
    let later = searches.iter().filter(|search| search.at_ms >= START_MS + DAY_MS);
    record(clicks[..60].iter().cloned().map(Record::Click).collect());
    record(later.clone().take(10).cloned().map(Record::Search).collect());
    store.seal().unwrap();
    store.forget(&Forget::DaysBefore { day: FIRST_DAY + 1, keep_counts: true }).unwrap();
    record(clicks[60..RECORDED].iter().cloned().map(Record::Click).collect());
    store.seal().unwrap();
    clicks[RECORDED..].iter().for_each(|click| record(vec![Record::Click(click.clone())]));
    later.skip(10).for_each(|search| record(vec![Record::Search(search.clone())]));
    let answers = questions().into_iter().map(|question| {
        let answer = store.tally(&question, &|| false);
        (question, answer)
    });
    let answers = answers.collect();
    store.close().unwrap();
    drop(store);
    let sealed =
        clicks[..RECORDED].iter().filter(|click| click.at_ms >= START_MS + DAY_MS && click.id.is_some());
    World { files: files(&disk), answers, sealed: sealed.cloned().collect() }
});

/// Questions that every reader of a sealed day has to answer.
#[must_use]
pub fn questions() -> Vec<Question> {
    let days = |from: &str, to: &str, zone: &str| {
        let period = Period { from: from.parse().unwrap(), to: to.parse().unwrap() };
        Arc::new(LocalDays::of(&period, &Zone::parse(zone).unwrap()).unwrap())
    };
    let all = ClickFilter::all(ACCOUNT, ENGINES.to_vec());
    let terms = SearchTerms::fold("red shoes");
    let item = Dfid { engine: ENGINES[0], index: "product".parse().unwrap(), digest: ItemDigest::of("sku1") };
    let ask = Question::clicks;
    vec![
        ask(days("20240530", "20240603", "Z"), all.clone(), Grouping::Day),
        // What begins inside a quarter of an hour is counted click by click.
        ask(days("20240601", "20240602", "+05:17"), all.clone(), Grouping::DayAndEngine),
        ask(days("20240531", "20240601", "Z"), all.clone(), Grouping::Terms { rows_max: 10 }),
        ask(days("20240531", "20240602", "Z"), ClickFilter { terms, ..all.clone() }, Grouping::Device),
        ask(
            days("20240531", "20240602", "Z"),
            ClickFilter { item: Some(item), ..all.clone() },
            Grouping::Engine,
        ),
        ask(days("20240531", "20240602", "Z"), all.clone(), Grouping::Items { rows_max: 9 }),
        ask(days("20240531", "20240602", "Z"), all.clone(), Grouping::Distinct),
        ask(days("20240531", "20240602", "Z"), all.clone(), Grouping::ItemRanks { rows_max: 9 }),
        ask(days("20240531", "20240602", "Z"), all.clone(), Grouping::CustomResults { rows_max: 9 }),
        ask(days("20240531", "20240602", "Z"), all.clone(), Grouping::Rank),
        ask(days("20240531", "20240602", "Z"), all.clone(), Grouping::ItemsReport { rows_max: 9 }),
        ask(days("20240530", "20240603", "Z"), all.clone(), Grouping::ClickThrough),
        ask(days("20240601", "20240602", "+05:17"), all.clone(), Grouping::TermsReport { rows_max: 9 }),
        Question::searches(days("20240530", "20240603", "Z"), all.clone(), Grouping::Day),
        Question::searches(
            days("20240601", "20240602", "+05:17"),
            ClickFilter { hits: Some(12), ..all.clone() },
            Grouping::Terms { rows_max: 9 },
        ),
        Question {
            measure: Measure::Redirections,
            ..ask(days("20240531", "20240602", "Z"), all, Grouping::Distinct)
        },
    ]
}

/// All clicks that a store reads, or why it reads not all.
///
/// # Errors
/// The store's own.
pub fn scan(store: &dyn Store) -> Result<Vec<Click>, StoreError> {
    store.scan(i64::MIN, i64::MAX, &ClickFilter::all(ACCOUNT, ENGINES.to_vec()))?.collect()
}
