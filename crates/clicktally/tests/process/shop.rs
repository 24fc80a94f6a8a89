//! A shop as most tests need it: one account, one search engine, a catalogue, searches, and a key.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::running::run_in;

pub const ACCOUNT: &str = "shop";
pub const HASHID: &str = "d8fdeab7fce96a19d3fc7b0ca7a1e98b";
pub const INDEX: &str = "product";
pub const QUERY: &str = "red shoes";

/// Makes the account and its engine; returns a key.
pub fn found(directory: &Path) -> String {
    run_in(directory, &["account", "create", ACCOUNT, "--json"]).json();
    run_in(
        directory,
        &["engine", "create", "--account", ACCOUNT, "--hashid", HASHID, "--index", INDEX, "--json"],
    )
    .json();
    key(directory, &[])
}

/// Makes one more key.
pub fn key(directory: &Path, options: &[&str]) -> String {
    let args = [&["key", "create", "--account", ACCOUNT, "--json"], options].concat();
    let made = run_in(directory, &args).json();
    made["key"].as_str().unwrap().to_owned()
}

/// Lines of bulk loading.
pub fn lines(values: &[Value]) -> Vec<u8> {
    values.iter().flat_map(|value| format!("{value}\n").into_bytes()).collect()
}

/// The items `sku0`, `sku1`, … and the search `q1` that showed them all.
pub fn catalogue(items: usize, now_ms: i64) -> Vec<u8> {
    let item = |n| json!({"type": "item", "hashid": HASHID, "index": INDEX, "doc_id": format!("sku{n}")});
    let shown: Vec<String> = (0..items).map(|n| format!("sku{n}")).collect();
    let search = json!({"type": "search", "id": "q1", "at": now_ms, "hashid": HASHID, "indices": [INDEX], "query": QUERY, "doc_ids": shown});
    lines(&(0..items).map(item).chain([search]).collect::<Vec<_>>())
}

/// Feeds lines; returns the answer.
pub fn feed(address: SocketAddr, key: &str, lines: &[u8]) -> Answer {
    let authorization = format!("Token {key}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/x-ndjson")];
    http::ask(address, "POST", "/v1/events", &headers, Some(lines))
}

/// Feeds lines of which each must be recorded.
pub fn stock(address: SocketAddr, key: &str, lines: &[u8]) {
    let answer = feed(address, key, lines);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let report = answer.json();
    assert_eq!((&report["duplicates"], &report["rejected_total"]), (&json!(0), &json!(0)), "{report}");
}

/// Asks for statistics; returns the answer.
pub fn stats(address: SocketAddr, key: &str, target: &str) -> Answer {
    let authorization = format!("Token {key}");
    http::ask(address, "GET", target, &[("Authorization", &authorization)], None)
}

/// The sum of all clicks of the last week.
pub fn clicks_counted(address: SocketAddr, key: &str) -> u64 {
    let (from, to) = week();
    let answer = stats(address, key, &format!("/api/v2/stats/clicks?from={from}&to={to}"));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["total_count"].as_u64().unwrap()
}

/// From six days ago to an hour ahead, in milliseconds: whatever the time of day, all that a test records is inside.
pub fn week() -> (i64, i64) {
    let now_ms = now_ms();
    (now_ms - 6 * 86_400_000, now_ms + 3_600_000)
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
