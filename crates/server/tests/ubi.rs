//! UBI exports against a second count of the same file: `fixtures/ubi/expect.py` counts by hand, in another language and
//! in another order; the reader's lines go through a store. Both must come to the same numbers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says by a panic what went wrong")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clicks::{AccountCode, Click, ClickFilter, Hashid, MemoryStore, Outcome, Record, Search, Store};
use serde::Deserialize;
use server::bulk::{Batch, Defaults, FileDigest, LogReader};
use server::dialects::ubi::{UbiOptions, UbiReader};
use server::feed::{ClickLine, Line, SearchLine};

const NOW_MS: i64 = 1_780_000_000_000;
const ACCOUNT: AccountCode = AccountCode::from_bytes([1; 8]);
const ENGINE: Hashid = Hashid::from_bytes([2; 16]);

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Expected {
    received: u64,
    searches: u64,
    searches_with_items: u64,
    clicks: u64,
    skipped: BTreeMap<String, u64>,
    rejected: Vec<RejectedLine>,
    clicks_by_day: BTreeMap<String, u64>,
    clicks_by_terms: BTreeMap<String, u64>,
    clicks_by_device: BTreeMap<String, u64>,
    clicks_by_rank: BTreeMap<String, u64>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct RejectedLine {
    line: u64,
    code: String,
}

#[test]
fn the_excerpt_is_counted_as_by_hand() {
    let folder = fixtures();
    assert_eq!(
        counted(&read(&folder.join("excerpt.ndjson"))),
        expected(&folder.join("excerpt.expected.json"))
    );
}

#[test]
fn the_whole_sample_is_counted_as_by_hand() {
    let sample =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/chorus_ubi_queries_events.ndjson");
    if !sample.exists() {
        println!("left out: {} is not here", sample.display());
        return;
    }
    assert_eq!(counted(&read(&sample)), expected(&fixtures().join("chorus.expected.json")));
}

#[test]
fn the_same_file_read_again_tells_the_same_lines() {
    let bytes = read(&fixtures().join("excerpt.ndjson"));
    let (first, second) = (lines(&bytes), lines(&bytes));
    assert_eq!(first.lines, second.lines);
    let store = MemoryStore::new(clicks::DEFAULT_JOIN_MS);
    let recorded =
        |outcomes: &[Outcome]| outcomes.iter().filter(|outcome| **outcome == Outcome::Recorded).count();
    let good = first.lines.iter().filter(|(_, told)| told.is_ok()).count();
    assert_eq!(recorded(&append(&store, first)), good);
    let again = append(&store, second);
    assert!(again.iter().all(|outcome| *outcome == Outcome::Duplicate), "{again:?}");
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ubi")
}

#[expect(clippy::disallowed_methods, reason = "a file of the repository, not of a data directory")]
fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap()
}

fn expected(file: &Path) -> Expected {
    serde_json::from_slice(&read(file)).unwrap()
}

fn lines(bytes: &[u8]) -> Batch {
    let defaults = Defaults { engine: Some(ENGINE), index: None };
    let digest = FileDigest::of(bytes).unwrap();
    let options = UbiOptions { defaults, digest, now_ms: NOW_MS };
    let mut reader = UbiReader::new(options, Box::new(|_| None));
    let mut batch = Batch::default();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        reader.line(number, line, &mut batch);
    }
    reader.finish(&mut batch);
    batch
}

fn append(store: &MemoryStore, batch: Batch) -> Vec<Outcome> {
    let records = batch.lines.into_iter().filter_map(|(_, told)| told.ok()).map(record).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.append(records)).unwrap()
}

fn record(line: Line) -> Record {
    match line {
        Line::Search(line) => Record::Search(search(line)),
        Line::Click(line) => Record::Click(click(line)),
        Line::Item(item) => panic!("no UBI document tells an item: {item:?}"),
    }
}

fn search(line: SearchLine) -> Search {
    let SearchLine { kind, id, at_ms, engine, indices, query, doc_ids, device, total_hits, user, session } =
        line;
    let (account, received_ms) = (ACCOUNT, NOW_MS);
    Search {
        kind,
        account,
        id,
        engine,
        indices,
        query,
        doc_ids,
        device,
        at_ms,
        received_ms,
        total_hits,
        user,
        session,
    }
}

fn click(line: ClickLine) -> Click {
    Click {
        account: ACCOUNT,
        engine: line.engine.unwrap(),
        index: line.index,
        doc_id: line.doc_id,
        at_ms: line.at_ms,
        received_ms: NOW_MS,
        id: line.id,
        query_id: line.query_id,
        searched_ms: line.searched_ms,
        rank: line.rank,
        device: line.device,
        product_type: line.product_type,
        custom_result: line.custom_result,
        terms: line.terms,
        user: line.user,
        session: line.session,
    }
}

fn counted(bytes: &[u8]) -> Expected {
    let batch = lines(bytes);
    let skipped = batch.skipped.kinds().map(|(kind, many)| (kind.to_owned(), many)).collect();
    let rejected = |(line, told): &(u64, Result<Line, server::feed::Rejection>)| {
        told.as_ref().err().map(|rejection| RejectedLine { line: *line, code: rejection.code.to_owned() })
    };
    let received = batch.lines.len() as u64 + batch.skipped.total();
    let mut counted = Expected {
        received,
        searches: 0,
        searches_with_items: 0,
        clicks: 0,
        skipped,
        rejected: batch.lines.iter().filter_map(rejected).collect(),
        clicks_by_day: BTreeMap::new(),
        clicks_by_terms: BTreeMap::new(),
        clicks_by_device: BTreeMap::new(),
        clicks_by_rank: BTreeMap::new(),
    };
    counted.rejected.sort_by_key(|rejected| rejected.line);
    for (_, told) in &batch.lines {
        if let Ok(Line::Search(search)) = told {
            counted.searches += 1;
            counted.searches_with_items += u64::from(search.doc_ids.is_some());
        }
    }
    let store = MemoryStore::new(clicks::DEFAULT_JOIN_MS);
    assert!(append(&store, batch).iter().all(|outcome| *outcome == Outcome::Recorded));
    for click in store.scan(0, i64::MAX, &ClickFilter::all(ACCOUNT, vec![ENGINE])).unwrap() {
        let click = click.unwrap();
        let day = jiff::Timestamp::from_millisecond(click.at_ms).unwrap().strftime("%Y-%m-%d").to_string();
        let terms = click.terms.map_or_else(String::new, |terms| terms.as_str().to_owned());
        let device = click.device.map_or_else(|| "unknown".to_owned(), |device| device.to_string());
        counted.clicks += 1;
        *counted.clicks_by_day.entry(day).or_default() += 1;
        *counted.clicks_by_terms.entry(terms).or_default() += 1;
        *counted.clicks_by_device.entry(device).or_default() += 1;
        *counted.clicks_by_rank.entry(click.rank.unwrap().to_string()).or_default() += 1;
    }
    counted
}
