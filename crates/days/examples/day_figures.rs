//! What a day takes: bytes of each column, rows written and read in a second.
//! `cargo run --release -p days --example day_figures -- [clicks] [--queries] [--visitors] [--ids]`
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a program that measures; it ends when something is wrong"
)]

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use clicks::{AccountCode, Click, Device, Hashid, ProductType, Search, SearchTerms};
use days::{ClickText, ClicksReader, ClicksWriter, SearchesReader, SearchesWriter, WriteOptions};
use parquet::file::reader::{FileReader, SerializedFileReader};

const DAY_MS: u64 = 86_400_000;
const DAY_FIRST_MS: i64 = 1_717_113_600_000;
const ENGINES: usize = 20;
const TERMS: usize = 500_000;
const ITEMS: usize = 1_000_000;
const WORDS: [&str; 24] = [
    "red",
    "shoes",
    "running",
    "leather",
    "women",
    "black",
    "jacket",
    "trail",
    "waterproof",
    "cotton",
    "summer",
    "kids",
    "boots",
    "size",
    "winter",
    "dress",
    "blue",
    "hiking",
    "backpack",
    "lamp",
    "wireless",
    "garden",
    "chair",
    "oak",
];

struct Dice(clicks::conformance::Dice);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(clicks::conformance::Dice::new(seed))
    }

    fn next(&mut self) -> u64 {
        self.0.throw()
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn code(&mut self, alphabet: &[u8], chars: u64) -> String {
        (0..chars).map(|_| char::from(alphabet[self.below(alphabet.len() as u64) as usize])).collect()
    }
}

struct Zipf(Vec<f64>);

impl Zipf {
    fn new(count: usize) -> Self {
        let mut sum = 0.0;
        Self(
            (1..=count)
                .map(|rank| {
                    sum += 1.0 / rank as f64;
                    sum
                })
                .collect(),
        )
    }

    fn draw(&self, dice: &mut Dice) -> usize {
        let point = dice.next() as f64 / u64::MAX as f64 * self.0[self.0.len() - 1];
        self.0.partition_point(|&sum| sum < point).min(self.0.len() - 1)
    }
}

struct Shape {
    queries: bool,
    visitors: bool,
    ids: bool,
}

const CODE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
const HEX: &[u8] = b"0123456789abcdef";

/// A visit: who, and the searches within a quarter of an hour.
struct Visit {
    user: String,
    session: String,
    left: u64,
    until_ms: i64,
    search: Option<Search>,
}

fn terms(number: usize) -> String {
    // One to four words and now and then a number, always the same for one number.
    let mut dice = Dice::new(number as u64);
    let words = 1 + dice.below(4);
    let mut text: Vec<String> = (0..words).map(|_| WORDS[dice.below(24) as usize].to_owned()).collect();
    text.push(format!("{:x}", dice.below(1 << 12)));
    text.join(" ")
}

fn make(count: u64, shape: &Shape) -> (Vec<Click>, Vec<Search>) {
    let mut dice = Dice::new(7);
    let (engines, term_ranks, items) = (Zipf::new(ENGINES), Zipf::new(TERMS), Zipf::new(ITEMS));
    let hashids: Vec<Hashid> = (0..ENGINES).map(|_| dice.code(HEX, 32).parse().unwrap()).collect();
    let accounts: Vec<AccountCode> = (0..ENGINES / 2).map(|_| dice.code(HEX, 16).parse().unwrap()).collect();
    let names = ["product", "page", "article", "brand"];
    let mut visits: Vec<Visit> = Vec::new();
    let (mut clicks, mut searches) = (Vec::new(), Vec::new());
    let mut times: Vec<i64> = (0..count).map(|_| DAY_FIRST_MS + dice.below(DAY_MS) as i64).collect();
    times.sort_unstable();
    for at_ms in times {
        let engine = engines.draw(&mut dice);
        visits.retain(|visit| visit.until_ms > at_ms && visit.left > 0);
        if visits.len() < 300 {
            let user_chars = 20 + dice.below(13);
            visits.push(Visit {
                user: dice.code(CODE, user_chars),
                session: dice.code(CODE, 24),
                left: 1 + dice.below(5),
                until_ms: at_ms + 900_000,
                search: None,
            });
        }
        let turn = dice.below(visits.len() as u64) as usize;
        let index = names[dice.below(2 + engine as u64 % 3) as usize];
        let device = if dice.below(100) < 62 { Device::Mobile } else { Device::Desktop };
        let visit = &mut visits[turn];
        visit.left -= 1;
        if visit.search.is_none() || dice.below(3) > 0 {
            let mut doc_ids: Vec<_> = Vec::new();
            for _ in 0..20 {
                doc_ids.push(format!("sku-{:06}", items.draw(&mut dice)).parse().unwrap());
            }
            visit.search = Some(Search {
                kind: clicks::SearchKind::Asked,
                account: accounts[engine / 2],
                id: dice.code(HEX, 32).into(),
                engine: hashids[engine],
                indices: vec![index.parse().unwrap()],
                query: Some(terms(term_ranks.draw(&mut dice)).into()),
                doc_ids: Some(doc_ids),
                device: Some(device),
                at_ms,
                received_ms: at_ms + dice.below(40) as i64,
                total_hits: Some(dice.below(5_000)),
                user: shape.visitors.then(|| visit.user.parse().unwrap()),
                session: shape.visitors.then(|| visit.session.clone().into()),
            });
            searches.extend(visit.search.clone());
        }
        let search = visit.search.as_ref().unwrap();
        clicks.push(Click {
            account: accounts[engine / 2],
            engine: hashids[engine],
            index: Some(index.parse().unwrap()),
            doc_id: format!("sku-{:06}", items.draw(&mut dice)).parse().unwrap(),
            at_ms,
            received_ms: at_ms + dice.below(40) as i64,
            id: shape.ids.then(|| dice.code(HEX, 32).into()),
            query_id: shape.queries.then(|| search.id.clone()),
            searched_ms: shape.queries.then(|| at_ms - 500 - dice.below(60_000) as i64),
            rank: Some(1 + (dice.below(20) * dice.below(20) / 20) as u32),
            device: Some(device),
            product_type: ProductType::ALL[(dice.below(36) / 5).saturating_sub(2) as usize % 6],
            custom_result: None,
            terms: search.query.as_deref().and_then(SearchTerms::fold),
            user: search.user.clone(),
            session: search.session.clone(),
        });
    }
    (clicks, searches)
}

fn columns(out: &mut impl Write, bytes: &[u8], rows: usize) {
    let file = SerializedFileReader::new(bytes::Bytes::copy_from_slice(bytes)).unwrap();
    let schema = file.metadata().file_metadata().schema_descr();
    for number in 0..schema.num_columns() {
        let sizes: i64 =
            file.metadata().row_groups().iter().map(|g| g.column(number).compressed_size()).sum();
        let encodings: Vec<_> = file.metadata().row_group(0).column(number).encodings().collect();
        let name = schema.column(number).path().string();
        writeln!(out, "  {name:22} {:6.2} bytes a row  {encodings:?}", sizes as f64 / rows as f64).unwrap();
    }
    let data: i64 = file.metadata().row_groups().iter().map(|group| group.compressed_size()).sum();
    writeln!(out, "  beside the columns     {:6.2}", (bytes.len() as f64 - data as f64) / rows as f64)
        .unwrap();
    writeln!(out, "  all                    {:6.2}", bytes.len() as f64 / rows as f64).unwrap();
}

fn timed<T>(out: &mut impl Write, what: &str, rows: usize, run: impl Fn() -> T) -> T {
    run();
    let mut seconds: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    writeln!(out, "  {what:24} {:10.0} rows a second ({:.1} ms)", rows as f64 / seconds[2], seconds[2] * 1e3)
        .unwrap();
    run()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let shape = Shape { queries: has("--queries"), visitors: has("--visitors"), ids: has("--ids") };
    let count = args.first().and_then(|count| count.parse().ok()).unwrap_or(274_000);
    let (clicks, searches) = make(count, &shape);
    let mut out = io::stdout().lock();
    let options = WriteOptions::default();
    writeln!(out, "{} clicks", clicks.len()).unwrap();
    let bytes = timed(&mut out, "written", clicks.len(), || {
        let mut writer = ClicksWriter::new(Vec::new(), &options).unwrap();
        clicks.iter().for_each(|click| writer.push(click).unwrap());
        writer.finish().unwrap().0
    });
    let reader = ClicksReader::open(Arc::new(bytes.clone()), "clicks").unwrap();
    let rows = reader.summary().rows;
    timed(&mut out, "opened", 1, || ClicksReader::open(Arc::new(bytes.clone()), "clicks").unwrap());
    timed(&mut out, "verified", clicks.len(), || reader.verify().unwrap());
    timed(&mut out, "read", clicks.len(), || {
        assert!(reader.rows(0..rows).map(Result::unwrap).eq(clicks.iter().cloned()));
    });
    timed(&mut out, "counted", clicks.len(), || reader.rows(0..rows).map(Result::unwrap).count());
    use ClickText::{Account, Device, DocId, Hashid, Index, ProductType, Query};
    let texts = [Account, Hashid, Index, DocId, Query, Device, ProductType];
    timed(&mut out, "by column", clicks.len(), || {
        reader.batches(0..rows, &texts).map(|batch| batch.unwrap().at_ms.len()).sum::<usize>()
    });
    timed(&mut out, "one row", 1, || reader.rows_at(&[rows / 2]).count());
    columns(&mut out, &bytes, clicks.len());
    writeln!(out, "{} searches", searches.len()).unwrap();
    let bytes = timed(&mut out, "written", searches.len(), || {
        let mut writer = SearchesWriter::new(Vec::new(), &options).unwrap();
        searches.iter().for_each(|search| writer.push(search).unwrap());
        writer.finish().unwrap().0
    });
    let reader = SearchesReader::open(Arc::new(bytes.clone()), "searches").unwrap();
    let rows = reader.summary().rows;
    timed(&mut out, "read", searches.len(), || {
        assert!(reader.rows(0..rows).map(Result::unwrap).eq(searches.iter().cloned()));
    });
    timed(&mut out, "one row", 1, || reader.rows_at(&[rows / 2]).count());
    columns(&mut out, &bytes, searches.len());
}
