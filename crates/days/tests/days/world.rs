//! Clicks and searches as odd as their types allow, from a seed.

use std::sync::Arc;

use clicks::{AccountCode, Click, Device, Hashid, ProductType, Search, SearchKind, SearchTerms};
use days::{ClicksReader, ClicksWriter, SearchesReader, SearchesWriter, Summary, WriteOptions};

/// 2024-05-31 00:00:00 UTC.
pub const DAY_FIRST_MS: i64 = 1_717_113_600_000;
const DAY_MS: u64 = 86_400_000;
const TOTAL_HITS: [u64; 4] = [0, 12, u64::MAX, 1 << 63];
const TIMES_MS: [i64; 5] = [0, i64::MIN, i64::MAX, -1, DAY_FIRST_MS];

/// Numbers that look like chance, the same for the same seed.
pub struct Dice(clicks::conformance::Dice);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(clicks::conformance::Dice::new(seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0.throw()
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn place(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap()
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// A text of a name's form: mostly short, at times 512 characters of four bytes.
    fn name(&mut self) -> String {
        match self.below(40) {
            0 => "\u{1f45f}".repeat(512),
            1 => "é".to_owned(),
            2 => " \u{a0}'\",;%/\\".to_owned(),
            3 => format!("long-{}", self.next()).repeat(20),
            _ => format!("n{}", self.below(500)),
        }
    }

    /// Any text at all, the empty one too.
    fn text(&mut self) -> String {
        match self.below(20) {
            0 => String::new(),
            1 => "\0\n\u{85}".to_owned(),
            2 => "schöne rote Schuhe ".repeat(160),
            _ => self.name(),
        }
    }

    fn time(&mut self, around_ms: i64) -> i64 {
        if self.one_in(30) {
            TIMES_MS[self.place(TIMES_MS.len())]
        } else {
            around_ms + i64::try_from(self.below(5_000)).unwrap() - 2_500
        }
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (!self.one_in(3)).then(|| make(self))
    }

    fn device(&mut self) -> Option<Device> {
        [None, Some(Device::Desktop), Some(Device::Mobile)][self.place(3)]
    }

    fn account(&mut self) -> AccountCode {
        AccountCode::from_bytes([u8::try_from(self.below(3)).unwrap(); 8])
    }

    fn engine(&mut self) -> Hashid {
        Hashid::from_bytes([u8::try_from(self.below(20)).unwrap(); 16])
    }
}

fn times(dice: &mut Dice, count: usize) -> Vec<i64> {
    let mut times: Vec<i64> =
        (0..count).map(|_| DAY_FIRST_MS + i64::try_from(dice.below(DAY_MS)).unwrap()).collect();
    times.sort_unstable();
    times
}

/// Clicks in the order of their time.
pub fn clicks(seed: u64, count: usize) -> Vec<Click> {
    let mut dice = Dice::new(!seed);
    let told = clicks_that_tell_no_custom_result(seed, count).into_iter();
    told.map(|click| {
        let placed = dice.one_in(5).then(|| dice.name().parse().unwrap());
        Click { custom_result: placed, ..click }
    })
    .collect()
}

/// Clicks in the order of their time. Files of versions 1.0 and 1.1, which had no custom results, hold these.
pub fn clicks_that_tell_no_custom_result(seed: u64, count: usize) -> Vec<Click> {
    let mut dice = Dice::new(seed);
    let click = |at_ms: i64, dice: &mut Dice| Click {
        account: dice.account(),
        engine: dice.engine(),
        index: dice.maybe(|dice| dice.name().parse().unwrap()),
        doc_id: dice.name().parse().unwrap(),
        at_ms,
        received_ms: dice.time(at_ms),
        id: dice.maybe(|dice| format!("{:x}", dice.next()).into()),
        query_id: dice.maybe(|dice| dice.text().into()),
        searched_ms: dice.maybe(|dice| dice.time(at_ms)),
        rank: dice.maybe(|dice| [0, 1, 10_000, u32::MAX, 1 << 31][dice.place(5)]),
        device: dice.device(),
        product_type: ProductType::ALL[dice.place(6)],
        custom_result: None,
        terms: dice.maybe(|dice| SearchTerms::from_folded(&dice.text())),
        user: dice.maybe(|dice| dice.name().parse().unwrap()),
        session: dice.maybe(|dice| dice.text().into()),
    };
    times(&mut dice, count).into_iter().map(|at_ms| click(at_ms, &mut dice)).collect()
}

/// Searches of all kinds in the order of their time.
pub fn searches(seed: u64, count: usize) -> Vec<Search> {
    const KINDS: [SearchKind; 4] =
        [SearchKind::Asked, SearchKind::Asked, SearchKind::Opened, SearchKind::Redirected];
    let mut dice = Dice::new(!seed);
    let asked = asked_searches(seed, count).into_iter();
    asked.map(|search| Search { kind: KINDS[dice.place(4)], ..search }).collect()
}

/// Searches that were asked, in the order of their time. Files of version 1.0, which knew no other, hold these.
pub fn asked_searches(seed: u64, count: usize) -> Vec<Search> {
    let mut dice = Dice::new(seed);
    let lengths = [0, 0, 1, 2, 10];
    let search = |at_ms: i64, dice: &mut Dice| Search {
        kind: SearchKind::Asked,
        account: dice.account(),
        id: format!("{:x}{}", dice.next(), dice.text()).into(),
        engine: dice.engine(),
        indices: (0..lengths[dice.place(5)]).map(|_| dice.name().parse().unwrap()).collect(),
        query: dice.maybe(|dice| dice.text().into()),
        doc_ids: dice.maybe(|dice| {
            let length = if dice.one_in(100) { 1_000 } else { lengths[dice.place(5)] };
            (0..length).map(|_| dice.name().parse().unwrap()).collect()
        }),
        device: dice.device(),
        at_ms,
        received_ms: dice.time(at_ms),
        total_hits: dice.maybe(|dice| TOTAL_HITS[dice.place(4)]),
        user: dice.maybe(|dice| dice.name().parse().unwrap()),
        session: dice.maybe(|dice| dice.text().into()),
    };
    times(&mut dice, count).into_iter().map(|at_ms| search(at_ms, &mut dice)).collect()
}

/// Small row groups and pages, so that a small file has many.
pub fn small() -> WriteOptions {
    WriteOptions { row_group_rows: 5_000, page_rows: 1_024, ..WriteOptions::default() }
}

pub fn write_clicks(clicks: &[Click], options: &WriteOptions) -> (Vec<u8>, Summary) {
    let mut writer = ClicksWriter::new(Vec::new(), options).unwrap();
    clicks.iter().for_each(|click| writer.push(click).unwrap());
    writer.finish().unwrap()
}

pub fn write_searches(searches: &[Search], options: &WriteOptions) -> (Vec<u8>, Summary) {
    let mut writer = SearchesWriter::new(Vec::new(), options).unwrap();
    searches.iter().for_each(|search| writer.push(search).unwrap());
    writer.finish().unwrap()
}

pub fn open_clicks(bytes: Vec<u8>) -> ClicksReader {
    ClicksReader::open(Arc::new(bytes), "clicks.parquet").unwrap()
}

pub fn open_searches(bytes: Vec<u8>) -> SearchesReader {
    SearchesReader::open(Arc::new(bytes), "searches.parquet").unwrap()
}
