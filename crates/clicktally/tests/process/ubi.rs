//! A real log of OpenSearch User Behavior Insights, imported by the binary and counted a second way: by a small reading
//! of the file that shares nothing with the product's.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::running::{Server, run_in};

const LOG: &str = "../../../shared/data/chorus_ubi_queries_events.ndjson";
/// Set where every test must run: then a missing log is a failure.
const COMPLETE: &str = "CLICKTALLY_TESTS_COMPLETE";
/// What the documentation counts as a click on a result.
const CLICK_ACTIONS: [&str; 2] = ["click", "item_click"];
const PERIOD: [&str; 4] = ["--from", "20240101", "--to", "20251231"];

type Counts = BTreeMap<String, u64>;

/// What the file says, counted by hand.
#[derive(Debug, Default)]
struct Expected {
    documents: u64,
    clicks: u64,
    searches: u64,
    conflicts: u64,
    by_day: Counts,
    by_device: Counts,
    by_application: Counts,
    by_terms: Counts,
    /// Events of which none is a click or a search.
    skipped: Counts,
}

fn log() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(LOG);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os(COMPLETE).is_none_or(|value| value != "1"), "{} is missing", path.display());
    println!("left out: {} is missing", path.display());
    None
}

/// The documents of a file of bulk pairs: each second line.
fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).step_by(2).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn folded(terms: &str) -> String {
    terms.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The date in UTC: the log has milliseconds and RFC 3339 in UTC, and its one other spelling belongs to no click.
fn date(timestamp: &Value) -> String {
    match timestamp {
        Value::String(text) => {
            assert!(text.ends_with('Z'), "{text}");
            text[..10].to_owned()
        }
        number => {
            let at = jiff::Timestamp::from_millisecond(number.as_i64().unwrap()).unwrap();
            at.to_string()[..10].to_owned()
        }
    }
}

/// Told by the user agent, which these logs call `browser`.
fn device(event: &Value) -> &'static str {
    match event["event_attributes"]["browser"].as_str() {
        None => "unknown",
        Some(agent)
            if ["iPhone", "iPad", "iPod", "Android", "Mobile"].iter().any(|part| agent.contains(part)) =>
        {
            "mobile"
        }
        Some(_) => "desktop",
    }
}

fn text<'a>(document: &'a Value, field: &str) -> Option<&'a str> {
    document[field].as_str().filter(|text| !text.is_empty())
}

/// The text of each search: as the search server logged it first, else as a page did; and how many documents of the
/// search server contradict an earlier one.
fn searches(documents: &[Value]) -> (HashMap<&str, Option<&str>>, u64) {
    let mut texts: HashMap<&str, Option<&str>> = HashMap::new();
    let mut conflicts = 0;
    for document in documents.iter().filter(|document| document["action_name"].is_null()) {
        let (id, query) = (text(document, "query_id").unwrap(), text(document, "user_query"));
        let first = *texts.entry(id).or_insert(query);
        conflicts += u64::from(first.map(folded) != query.map(folded));
    }
    for event in documents.iter().filter(|event| event["message_type"] == "QUERY") {
        if let Some(id) = text(event, "query_id") {
            texts.entry(id).or_insert(text(event, "message"));
        }
    }
    (texts, conflicts)
}

fn expected(documents: &[Value]) -> Expected {
    let (texts, conflicts) = searches(documents);
    let mut expected = Expected {
        documents: documents.len() as u64,
        searches: texts.len() as u64,
        conflicts,
        ..Expected::default()
    };
    let one_more = |counts: &mut Counts, key: &str| *counts.entry(key.to_owned()).or_default() += 1;
    for event in documents {
        let Some(action) = event["action_name"].as_str() else { continue };
        if !CLICK_ACTIONS.contains(&action) {
            if event["message_type"] != "QUERY" {
                one_more(&mut expected.skipped, action);
            }
            continue;
        }
        let of_search = || texts.get(text(event, "query_id")?).copied().flatten();
        let terms =
            text(event, "user_query").or_else(of_search).map_or_else(|| "(unknown)".to_owned(), folded);
        expected.clicks += 1;
        one_more(&mut expected.by_day, &date(&event["timestamp"]));
        one_more(&mut expected.by_device, device(event));
        one_more(&mut expected.by_application, event["application"].as_str().unwrap());
        one_more(&mut expected.by_terms, &terms);
    }
    expected
}

/// The rows of `stats clicks`, without those that have no clicks.
fn stats(directory: &Path, by: &str, key: &str) -> Counts {
    let args = [&["stats", "clicks", "--json", "--rows", "1000", "--by", by], &PERIOD[..]].concat();
    let answer = run_in(directory, &args).json();
    let rows = answer["results"].as_array().unwrap();
    assert_eq!(answer["total"], rows.len());
    assert_eq!(answer["total_count"], rows.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>());
    let named = rows.iter().map(|row| {
        let name = row[key].as_str().unwrap_or("(unknown)").to_owned();
        (name, row["count"].as_u64().unwrap())
    });
    named.filter(|(_, count)| *count > 0).collect()
}

fn import(directory: &Path, log: &Path, more: &[&str]) -> Value {
    let args = [&["import", "--format", "ubi", log.to_str().unwrap(), "--json"], more].concat();
    run_in(directory, &args).json()
}

fn compare(directory: &Path, expected: &Expected) {
    assert_eq!(stats(directory, "day", "date"), expected.by_day);
    assert_eq!(stats(directory, "device", "device"), expected.by_device);
    assert_eq!(stats(directory, "search", "query"), expected.by_terms);
    let engines = run_in(directory, &["engine", "list", "--json"]).json();
    let names: HashMap<&str, &str> = engines
        .as_array()
        .unwrap()
        .iter()
        .map(|engine| (engine["hashid"].as_str().unwrap(), engine["name"].as_str().unwrap()))
        .collect();
    let by_engine = stats(directory, "engine", "hashid");
    let by_application: Counts =
        by_engine.iter().map(|(hashid, count)| (names[hashid.as_str()].to_owned(), *count)).collect();
    assert_eq!(by_application, expected.by_application);
}

#[test]
fn a_real_log_gives_the_numbers_that_are_counted_by_hand() {
    let Some(log) = log() else { return };
    let documents = documents(&log);
    let expected = expected(&documents);
    assert!(expected.clicks > 0 && expected.by_terms.len() > 10, "the log is not read: {expected:?}");
    let folder = tempfile::tempdir().unwrap();
    let report = import(folder.path(), &log, &[]);
    assert_eq!(report["received"], expected.documents);
    assert_eq!(report["recorded"]["clicks"], expected.clicks);
    assert_eq!(report["recorded"]["searches"], expected.searches);
    assert_eq!(
        (&report["duplicates"], &report["rejected_total"]),
        (&Value::from(0), &Value::from(expected.conflicts))
    );
    for rejected in report["rejected"].as_array().unwrap() {
        assert_eq!(rejected["code"], "conflict", "{rejected}");
    }
    let skipped = report["skipped"].as_object().unwrap();
    for (kind, many) in &expected.skipped {
        assert_eq!(skipped[kind], *many, "{kind}");
    }
    let skipped_total: u64 = skipped.values().map(|many| many.as_u64().unwrap()).sum();
    let told = expected.clicks + expected.searches + expected.conflicts + skipped_total;
    assert_eq!(told, expected.documents, "something is dropped in silence: {report}");
    compare(folder.path(), &expected);
}

#[test]
fn a_real_log_imported_again_changes_nothing_by_whatever_door() {
    let Some(log) = log() else { return };
    let expected = expected(&documents(&log));
    let folder = tempfile::tempdir().unwrap();
    let first = import(folder.path(), &log, &[]);
    let known = expected.clicks + expected.searches;
    let again = |report: Value| {
        assert_eq!(report["recorded"], serde_json::json!({"items": 0, "searches": 0, "clicks": 0}));
        assert_eq!(report["duplicates"], known, "{report}");
        assert_eq!(
            (&report["skipped"], &report["rejected_total"]),
            (&first["skipped"], &first["rejected_total"])
        );
    };
    again(import(folder.path(), &log, &[]));
    let server = Server::start(folder.path(), &[]);
    again(import(folder.path(), &log, &[]));
    compare(folder.path(), &expected);
    server.stop();
}
