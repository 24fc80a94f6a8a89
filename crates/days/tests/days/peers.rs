//! Other programs read the folder as it stands: DuckDB, Polars, ClickHouse (chDB) and pandas, `tests/days/compare.py`.
#![expect(clippy::disallowed_methods, reason = "a test writes a folder for other programs")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use clicks::{Click, Search, SearchKind};
use days::WriteOptions;
use serde_json::{Value, json};

use crate::world::{DAY_FIRST_MS, clicks, searches, small, write_clicks, write_searches};

const DAY_MS: i64 = 86_400_000;
const DAYS: [&str; 2] = ["2024-05-31", "2024-06-01"];
/// What the script exits with when Python lacks what it needs.
const EXIT_LEFT_OUT: i32 = 3;

/// A test that lacks its tools is left out, in so many words; where completeness is asked for, that is a failure.
fn leave_out(reason: &str) {
    let complete = std::env::var("CLICKTALLY_TESTS_COMPLETE").is_ok_and(|value| value == "1");
    assert!(!complete, "{reason}");
    // The harness keeps what a passing test prints to itself, unless it is written to the stream itself.
    writeln!(std::io::stderr(), "left out: {reason}").unwrap();
}

/// Times that other programs can show: within a day of `at_ms`.
fn tame(time_ms: i64, at_ms: i64) -> i64 {
    if (time_ms.saturating_sub(at_ms)).unsigned_abs() < DAY_MS.unsigned_abs() { time_ms } else { at_ms }
}

fn click_json(click: &Click, day: &str) -> Value {
    json!({
        "at": click.at_ms,
        "account": click.account.to_string(),
        "hashid": click.engine.to_string(),
        "index": click.index.as_ref().map(clicks::IndexName::as_str),
        "doc_id": click.doc_id.as_str(),
        "query": click.terms.as_ref().map(clicks::SearchTerms::as_str),
        "device": click.device.map(clicks::Device::as_str),
        "product_type": click.product_type.as_str(),
        "rank": click.rank,
        "query_id": click.query_id,
        "id": click.id,
        "user": click.user.as_ref().map(clicks::UserCode::as_str),
        "session": click.session,
        "searched_at": click.searched_ms,
        "received_at": click.received_ms,
        "custom_result": click.custom_result.as_ref().map(clicks::CustomResultId::as_str),
        "day": day,
    })
}

fn search_json(search: &Search, day: &str) -> Value {
    let indices: Vec<&str> = search.indices.iter().map(clicks::IndexName::as_str).collect();
    let shown = search.doc_ids.as_ref();
    json!({
        "at": search.at_ms,
        "account": search.account.to_string(),
        "hashid": search.engine.to_string(),
        "id": search.id,
        "indices": indices,
        "query": search.query,
        "doc_ids": shown.map(|shown| shown.iter().map(clicks::DocId::as_str).collect::<Vec<_>>()),
        "device": search.device.map(clicks::Device::as_str),
        "total_hits": search.total_hits,
        "user": search.user.as_ref().map(clicks::UserCode::as_str),
        "session": search.session,
        "received_at": search.received_ms,
        "kind": Some(search.kind).filter(|kind| *kind != SearchKind::Asked).map(SearchKind::as_str),
        "day": day,
    })
}

fn lay(folder: &Path, kind: &str, day: &str, name: &str, bytes: Vec<u8>) {
    let folder = folder.join(kind).join(format!("day={day}"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

/// Two days, one of them in two files, and what is in them, a line for each row.
fn write_folder(folder: &Path) {
    let (mut click_lines, mut search_lines) = (String::new(), String::new());
    let files =
        [(0, "a.parquet", small()), (0, "b.parquet", small()), (1, "a.parquet", WriteOptions::default())];
    for (seed, (day, name, options)) in (31..).zip(files) {
        let later_ms = i64::try_from(day).unwrap() * DAY_MS;
        let day = DAYS[day];
        let mut clicks = clicks(seed, 3_000);
        for click in &mut clicks {
            click.at_ms += later_ms;
            click.received_ms = tame(click.received_ms, click.at_ms);
            click.searched_ms = click.searched_ms.map(|searched_ms| tame(searched_ms, click.at_ms));
            click_lines.push_str(&format!("{}\n", click_json(click, day)));
        }
        lay(folder, "clicks", day, name, write_clicks(&clicks, &options).0);
        let mut searches = searches(seed, 1_500);
        for search in &mut searches {
            search.at_ms += later_ms;
            search.received_ms = tame(search.received_ms, search.at_ms);
            search_lines.push_str(&format!("{}\n", search_json(search, day)));
        }
        lay(folder, "searches", day, name, write_searches(&searches, &options).0);
    }
    assert!(click_lines.starts_with("{\"account\"") && DAY_FIRST_MS % DAY_MS == 0);
    fs::write(folder.join("clicks.ndjson"), click_lines).unwrap();
    fs::write(folder.join("searches.ndjson"), search_lines).unwrap();
}

#[test]
fn other_programs_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let python = std::env::var("CLICKTALLY_TESTS_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/days/compare.py");
    let ran = match Command::new(&python).arg(script).arg(folder.path()).output() {
        Ok(ran) => ran,
        Err(error) => return leave_out(&format!("{python} can't be run: {error}")),
    };
    let complaint = String::from_utf8_lossy(&ran.stderr);
    if ran.status.code() == Some(EXIT_LEFT_OUT) {
        return leave_out(complaint.trim());
    }
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{complaint}");
    for peer in ["DuckDB", "Polars", "ClickHouse", "pandas"] {
        assert!(said.contains(&format!("{peer}: 9000 clicks, 4500 searches")), "{said}");
    }
}
