//! Other programs (DuckDB, Polars, ClickHouse as chDB) ask a data directory that the server has sealed the questions that
//! the statistics answer, and get the same numbers: `tests/days/ask.py`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::kill::Dice;
use crate::running::{Server, run_in};
use crate::shop;

/// 2024-03-20, eleven days before a day of 23 hours in Berlin.
const FIRST_MS: i64 = 1_710_892_800_000;
const DAYS: i64 = 20;
const DAY_MS: i64 = 86_400_000;
const CLICKS: u64 = 30_000;
/// Clicks of another year that fill the memory, so that all that came before them is sealed.
const MORE_CLICKS: u64 = 120_000;
const MORE_FIRST_MS: i64 = 1_680_000_000_000;
const ENGINES: [&str; 2] = [shop::HASHID, "0123456789abcdef0123456789abcdef"];
const TERMS: usize = 40;
const ITEM: &str = "sku3";
const ITEM_MD5: &str = "8a203a0d515deb1c42a1d176e7da3b92";
/// What the script exits with when Python lacks what it needs.
const EXIT_LEFT_OUT: i32 = 3;

fn terms(number: u64) -> String {
    ["  Rote  SCHUHE", "größe", "it's 100 %", "鞋子", "a\\b"]
        .get(usize::try_from(number).unwrap())
        .map_or_else(|| format!("Term {number}"), |text| (*text).to_owned())
}

fn search(number: u64, engine: &str) -> Value {
    let query = terms(number % TERMS as u64);
    json!({"type": "search", "id": format!("q{number}-{engine}"), "at": FIRST_MS, "hashid": engine, "indices": [shop::INDEX], "query": query})
}

fn click(number: u64, dice: &mut Dice) -> Value {
    let at = FIRST_MS + i64::try_from(dice.below(u64::try_from(DAYS * DAY_MS).unwrap())).unwrap();
    let engine = ENGINES[usize::from(dice.below(3) == 0)];
    let squeezed = dice.below(50).min(dice.below(50));
    let mut click = json!({"type": "click", "id": format!("c{number}"), "at": at, "hashid": engine, "index": shop::INDEX, "doc_id": format!("sku{squeezed}")});
    if dice.below(4) > 0 {
        click["query_id"] = json!(format!("q{}-{engine}", dice.below(60).min(dice.below(60))));
    }
    if let Some(device) = ["mobile", "desktop"].get(usize::try_from(dice.below(3)).unwrap()) {
        click["device"] = json!(device);
    }
    click
}

fn import(directory: &Path, name: &str, lines: &[Value]) {
    let log = directory.with_extension(name);
    fs::write(&log, shop::lines(lines)).unwrap();
    let report = run_in(directory, &["import", log.to_str().unwrap(), "--json"]).json();
    assert_eq!(report["rejected_total"], 0, "{report}");
}

/// How many clicks or searches of the questions' days are sealed, by the list of the days.
fn sealed(directory: &Path, kind: &str) -> u64 {
    let manifest = fs::read_to_string(directory.join("MANIFEST")).unwrap();
    let lines = manifest.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let of_kind = lines.filter(|words| words[0] == kind && words[2].starts_with("2024-"));
    of_kind.map(|words| words[3].parse::<u64>().unwrap()).sum()
}

fn wait_until_sealed(directory: &Path, kind: &str, rows: u64) {
    let waited = (0..1_200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        sealed(directory, kind) == rows
    });
    assert!(waited, "{} of {rows} {kind} are sealed", sealed(directory, kind));
}

/// Clicks, of which some are explained by searches that come before them, some by searches that come when their days are
/// sealed, and some never.
fn sealed_shop(directory: &Path) {
    shop::found(directory);
    let engine =
        ["engine", "create", "--account", shop::ACCOUNT, "--hashid", ENGINES[1], "--index", shop::INDEX];
    assert_eq!(run_in(directory, &engine).code, Some(0));
    let searches = |numbers: std::ops::Range<u64>| {
        numbers.flat_map(|number| ENGINES.map(|engine| search(number, engine))).collect::<Vec<_>>()
    };
    let mut dice = Dice::new(7);
    let mut first = searches(0..12);
    first.extend((0..CLICKS).map(|number| click(number, &mut dice)));
    let more = |doc_id: &str| {
        let at = |number: u64| MORE_FIRST_MS + i64::try_from(number).unwrap();
        let click = |number| json!({"type": "click", "at": at(number), "hashid": ENGINES[0], "index": shop::INDEX, "doc_id": doc_id});
        (0..MORE_CLICKS).map(click).collect::<Vec<_>>()
    };
    let options = ["--recent-bytes-max", "16777216", "--clicks-per-second", "0"];
    let server = Server::start(directory, &options);
    import(directory, "first.ndjson", &first);
    import(directory, "second.ndjson", &more("sku1"));
    wait_until_sealed(directory, "clicks", CLICKS);
    import(directory, "third.ndjson", &searches(12..50));
    import(directory, "fourth.ndjson", &more("sku2"));
    wait_until_sealed(directory, "searches", 2 * 50);
    server.stop();
}

/// A question in the words of the command line and of the script, with the answer.
struct Asked<'a> {
    by: &'a str,
    tz: &'a str,
    query: Option<&'a str>,
    /// Only on one item.
    item: bool,
}

/// From the second day to the last but one, wherever a day begins.
fn answered(directory: &Path, asked: &Asked<'_>) -> Value {
    let Asked { by, tz, query, item } = *asked;
    let option = if by == "terms" { "search" } else { by };
    let mut args = vec!["stats", "clicks", "--json", "--by", option, "--tz", tz, "--rows", "1000"];
    let (from, to) = if by == "day" { ("20240321", "20240406") } else { ("1710979200000", "1712447999999") };
    args.extend(["--from", from, "--to", to]);
    query.iter().for_each(|query| args.extend(["--query", query]));
    let dfid = format!("{}@{}@{ITEM_MD5}", ENGINES[0], shop::INDEX);
    if item {
        args.extend(["--dfid", &dfid]);
    }
    let reply = run_in(directory, &args).json();
    let rows: Vec<Value> = reply["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["count"] != 0)
        .map(|row| {
            let key = match by {
                "day" => row["date"].clone(),
                "engine" => row["hashid"].clone(),
                "device" if row["device"] == "unknown" => Value::Null,
                "device" => row["device"].clone(),
                _ => row["query"].clone(),
            };
            json!([key, row["count"]])
        })
        .collect();
    assert!(!rows.is_empty(), "{reply}");
    // Midnight in Berlin is an hour before midnight UTC, and two from 31 March on.
    let (from_ms, until_ms) = match (by, tz) {
        ("day", "Europe/Berlin") => (1_710_979_200_000 - 3_600_000, 1_712_448_000_000 - 7_200_000),
        _ => (1_710_979_200_000_i64, 1_712_448_000_000_i64),
    };
    // What folding comes to for these terms.
    let folded = query.map(|query| {
        query.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().replace('ß', "ss")
    });
    let of_item = |text| item.then_some(text);
    json!({"by": by, "tz": tz, "from_ms": from_ms, "until_ms": until_ms, "query": folded, "hashid": of_item(ENGINES[0]), "index": of_item(shop::INDEX), "doc_id": of_item(ITEM), "rows": rows})
}

fn questions(directory: &Path) -> Vec<Value> {
    let mut questions = Vec::new();
    for tz in ["Etc/UTC", "Europe/Berlin"] {
        questions.push(answered(directory, &Asked { by: "day", tz, query: None, item: false }));
        questions.push(answered(directory, &Asked { by: "day", tz, query: None, item: true }));
        for number in [0, 1, 2, 4, 30] {
            let query = terms(number);
            questions.push(answered(directory, &Asked { by: "day", tz, query: Some(&query), item: false }));
        }
    }
    for by in ["engine", "device", "terms"] {
        questions.push(answered(directory, &Asked { by, tz: "Etc/UTC", query: None, item: false }));
    }
    questions
        .push(answered(directory, &Asked { by: "device", tz: "Etc/UTC", query: Some("term 7"), item: true }));
    questions
}

#[test]
fn other_programs_get_the_same_numbers_from_the_days_as_they_stand() {
    let python = std::env::var("CLICKTALLY_TESTS_PYTHON").unwrap_or_else(|_| "python3".into());
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    sealed_shop(&data);
    let asked = folder.path().join("questions.ndjson");
    let questions = questions(&data);
    // Days, terms and items that nobody clicked would agree too.
    let total: u64 = questions
        .iter()
        .flat_map(|question| question["rows"].as_array().unwrap())
        .map(|row| row[1].as_u64().unwrap())
        .sum();
    assert!(total > 5 * CLICKS / 2, "{total}");
    fs::write(&asked, shop::lines(&questions)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/days/ask.py");
    let ran = match Command::new(&python).arg(script).args([&data, &asked]).output() {
        Ok(ran) => ran,
        Err(error) => return leave_out(&format!("{python} can't be run: {error}")),
    };
    let complaint = String::from_utf8_lossy(&ran.stderr);
    if ran.status.code() == Some(EXIT_LEFT_OUT) {
        return leave_out(complaint.trim());
    }
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{complaint}");
    for peer in ["DuckDB", "Polars", "ClickHouse"] {
        assert!(said.contains(&format!("{peer}: {} questions, {total} clicks", questions.len())), "{said}");
    }
}

/// A test that lacks its tools is left out, in so many words; where completeness is asked for, that is a failure.
fn leave_out(reason: &str) {
    let complete = std::env::var("CLICKTALLY_TESTS_COMPLETE").is_ok_and(|value| value == "1");
    assert!(!complete, "{reason}");
    eprintln!("left out: {reason}");
}
