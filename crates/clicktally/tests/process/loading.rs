//! Loading logs and writing them out: plain or gzip, into a directory, through a control socket or over HTTP, once or
//! twice. What is received is recorded, known already, skipped or rejected; nothing else.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::running::{Server, binary, run, run_in};
use crate::shop::{self, HASHID, INDEX};

const DAY_MS: i64 = 86_400_000;
/// 2024-02-28: the days around it hold the end of a leap February.
const FIRST_MS: i64 = 1_709_078_400_000;
const CLICKS: i64 = 200;
const PERIOD: [&str; 4] = ["--from", "20240227", "--to", "20240305"];

/// A log of items, searches and clicks, of which those with an odd number have no id.
fn log_lines() -> Vec<Value> {
    let mut told = Vec::new();
    for n in 0..4 {
        told.push(json!({"type": "item", "hashid": HASHID, "index": INDEX, "doc_id": format!("sku{n}"), "title": format!("Shoe {n}")}));
    }
    for n in 0..8 {
        let device = ["desktop", "mobile"][n % 2];
        let query = format!("  Shoe  {}", n % 3);
        told.push(json!({"type": "search", "id": format!("q{n}"), "at": FIRST_MS, "hashid": HASHID, "indices": [INDEX], "query": query, "device": device}));
    }
    for n in 0..CLICKS {
        let at = FIRST_MS + n * 5 * DAY_MS / CLICKS;
        let mut click = json!({"type": "click", "at": at, "hashid": HASHID, "doc_id": format!("sku{}", n % 6), "rank": n % 10 + 1});
        if n % 2 == 0 {
            click["id"] = json!(format!("c{n}"));
        }
        if n % 3 != 0 {
            click["query_id"] = json!(format!("q{}", n % 10));
        }
        if n % 7 == 0 {
            click["custom_result"] = json!(format!("{}", n % 4));
        }
        told.push(click);
    }
    told
}

fn write_logs(folder: &Path) -> (PathBuf, PathBuf) {
    let (plain, packed) = (folder.join("log.ndjson"), folder.join("log.ndjson.gz"));
    let bytes = shop::lines(&log_lines());
    fs::write(&plain, &bytes).unwrap();
    // Two members, as `cat a.gz b.gz` makes them: both must be read.
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let members = [first, second].map(|half| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(half).unwrap();
        encoder.finish().unwrap()
    });
    fs::write(&packed, members.concat()).unwrap();
    (plain, packed)
}

/// A report whose parts add up; returns items, searches, clicks and duplicates.
#[track_caller]
fn parts(report: &Value) -> [u64; 4] {
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{report}"));
    let recorded = ["items", "searches", "clicks"].map(|kind| number(&report["recorded"][kind]));
    let skipped: u64 = report["skipped"].as_object().unwrap().values().map(number).sum();
    let (duplicates, rejected) = (number(&report["duplicates"]), number(&report["rejected_total"]));
    let told = recorded.iter().sum::<u64>() + duplicates + skipped + rejected;
    assert_eq!(number(&report["received"]), told, "{report}");
    [recorded[0], recorded[1], recorded[2], duplicates]
}

fn import(directory: &Path, file: &Path, more: &[&str]) -> Value {
    run_in(directory, &[&["import", file.to_str().unwrap(), "--json"], more].concat()).json()
}

/// Everything that the statistics say of a directory.
fn numbers(directory: &Path) -> Vec<Value> {
    let mut answers = Vec::new();
    for by in ["day", "search", "device", "engine"] {
        let args =
            [&["stats", "clicks", "--json", "--tz", "America/New_York", "--by", by], &PERIOD[..]].concat();
        answers.push(run_in(directory, &args).json());
    }
    answers
}

fn clicks(directory: &Path) -> u64 {
    numbers(directory)[0]["total_count"].as_u64().unwrap()
}

const ALL: [u64; 4] = [4, 8, 200, 0];
/// Items that come again replace themselves, so they may count as recorded or as known.
#[track_caller]
fn is_repetition(report: &Value) {
    let [items, searches, clicks, duplicates] = parts(report);
    assert_eq!((searches, clicks, items + duplicates), (0, 0, ALL.iter().sum()), "{report}");
}

#[test]
fn the_same_log_plain_or_packed_counts_once_into_a_directory_and_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (plain, packed) = write_logs(folder.path());
    shop::found(&data);
    assert_eq!(parts(&import(&data, &packed, &[])), ALL);
    let first = numbers(&data);
    assert_eq!(first[0]["total_count"], CLICKS);
    is_repetition(&import(&data, &plain, &[]));
    let server = Server::start(&data, &[]);
    is_repetition(&import(&data, &packed, &[]));
    is_repetition(&import(&data, &plain, &[]));
    assert_eq!(numbers(&data), first);
    server.stop();
    assert_eq!(numbers(&data), first);
}

#[test]
fn a_log_loaded_over_http_counts_as_one_loaded_into_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let (plain, packed) = write_logs(folder.path());
    shop::found(&here);
    import(&here, &plain, &[]);
    let key = shop::found(&there);
    let server = Server::start(&there, &[]);
    let url = format!("http://{}", server.address);
    let sent = |file: &Path, key: &str| {
        run(&["import", file.to_str().unwrap(), "--json", "--url", &url, "--key", key])
    };
    assert_eq!(parts(&sent(&packed, &key).json()), ALL);
    is_repetition(&sent(&plain, &key).json());
    assert_eq!(numbers(&there), numbers(&here));
    let refused = sent(&plain, &"x".repeat(40));
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("401"), "{}", refused.stderr);
    server.stop();
}

#[test]
fn bad_lines_are_named_and_good_ones_are_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    shop::found(&data);
    let log = folder.path().join("mixed.ndjson");
    let good = |id: &str| {
        json!({"type": "click", "id": id, "at": FIRST_MS, "hashid": HASHID, "doc_id": "sku1"}).to_string()
    };
    let foreign =
        json!({"type": "click", "at": FIRST_MS, "hashid": "0".repeat(32), "doc_id": "sku1"}).to_string();
    let lines = [
        &good("a"),
        "",
        "{not json",
        &good("b"),
        &foreign,
        r#"{"type":"click","at":1,"doc_id":"x"}"#,
        &good("a"),
    ];
    fs::write(&log, lines.join("\n")).unwrap();
    let done = run_in(&data, &["import", log.to_str().unwrap(), "--json"]);
    let report = done.json();
    assert_eq!(parts(&report), [0, 0, 2, 1]);
    assert_eq!(report["received"], 6, "a blank line is no line");
    let named: Vec<_> =
        report["rejected"].as_array().unwrap().iter().map(|line| line["line"].clone()).collect();
    assert_eq!(named, [3, 5, 6]);
    assert_eq!(clicks(&data), 2);
    let told = run_in(&data, &["import", log.to_str().unwrap()]);
    assert!(told.stdout.contains("line 5: unknown_engine"), "{}", told.stdout);

    // Nothing but bad lines is the wrong file, and a machine has to see that.
    fs::write(&log, "{not json\nnot json either\n").unwrap();
    let done = run_in(&data, &["import", log.to_str().unwrap(), "--json"]);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert_eq!(done.any_json()["rejected_total"], 2);
}

#[test]
fn a_cut_gzip_file_is_an_error_and_not_a_short_log() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    shop::found(&data);
    let (_, packed) = write_logs(folder.path());
    let whole = fs::read(&packed).unwrap();
    fs::write(&packed, &whole[..whole.len() - 20]).unwrap();
    let done = run_in(&data, &["import", packed.to_str().unwrap(), "--json"]);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stderr.contains("log.ndjson.gz"), "{}", done.stderr);
}

#[test]
fn an_export_loaded_into_another_directory_gives_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let (plain, _) = write_logs(folder.path());
    shop::found(&first);
    import(&first, &plain, &[]);
    let out = folder.path().join("export.ndjson");
    let args = [&["export", "--output", out.to_str().unwrap()], &PERIOD[..]].concat();
    let done = run_in(&first, &args);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 200);
    let printed = run_in(&first, &[&["export"], &PERIOD[..]].concat()).stdout;
    assert_eq!(fs::read_to_string(&out).unwrap(), printed);

    shop::found(&second);
    assert_eq!(parts(&import(&second, &out, &[])), [0, 0, 200, 0]);
    assert_eq!(numbers(&second), numbers(&first));
    // What comes back to where it came from is known there.
    is_known(&import(&first, &out, &[]));
    assert_eq!(numbers(&first), numbers(&second));

    let table = run_in(&first, &[&["export", "--format", "csv"], &PERIOD[..]].concat()).stdout;
    assert_eq!(table.matches("\r\n").count(), 201);
    assert!(table.starts_with("at,hashid,index,doc_id,"), "{table}");
}

#[track_caller]
fn is_known(report: &Value) {
    assert_eq!(parts(report), [0, 0, 0, 200], "{report}");
}

fn run_in_bytes(directory: &Path, args: &[&str]) -> Vec<u8> {
    let mut command = binary(args);
    let output = command.arg("--data-dir").arg(directory).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn clicks_come_back_from_parquet_as_they_went_and_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let (plain, _) = write_logs(folder.path());
    shop::found(&here);
    import(&here, &plain, &[]);
    let export = |directory: &Path, format: &str, name: &str| {
        let file = folder.path().join(name);
        let told = ["export", "--format", format, "--output", file.to_str().unwrap()];
        let done = run_in(directory, &[&told, &PERIOD[..]].concat());
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        file
    };
    let file = export(&here, "parquet", "here.parquet");
    let streamed = run_in_bytes(&here, &[&["export", "--format", "parquet"], &PERIOD[..]].concat());
    assert_eq!(streamed, fs::read(&file).unwrap(), "a file and standard output differ");

    // With a server, without one, and over HTTP: into a directory that knows the engine and nothing else.
    let key = shop::found(&there);
    let parquet = |directory: &Path, file: &Path| parts(&import(directory, file, &["--format", "parquet"]));
    assert_eq!(parquet(&there, &file), [0, 0, 200, 0]);
    assert_eq!(parquet(&there, &file), [0, 0, 0, 200]);
    let server = Server::start(&there, &[]);
    assert_eq!(parquet(&there, &file), [0, 0, 0, 200]);
    let url = format!("http://{}", server.address);
    let sent =
        ["import", file.to_str().unwrap(), "--format", "parquet", "--json", "--url", &url, "--key", &key];
    assert_eq!(parts(&run(&sent).json()), [0, 0, 0, 200]);
    server.stop();
    assert_eq!(numbers(&there), numbers(&here));
    let lines = |directory: &Path, name| fs::read_to_string(export(directory, "ndjson", name)).unwrap();
    assert_eq!(lines(&there, "there.ndjson"), lines(&here, "here.ndjson"));

    // A third generation is the same file but for the account's code and the times of admission.
    let third = folder.path().join("third");
    shop::found(&third);
    assert_eq!(parquet(&third, &export(&there, "parquet", "there.parquet")), [0, 0, 200, 0]);
    assert_eq!(lines(&third, "third.ndjson"), lines(&here, "here.ndjson"));
}

#[test]
fn a_parquet_file_that_is_damaged_or_of_another_program_is_refused_and_nothing_is_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (plain, _) = write_logs(folder.path());
    shop::found(&data);
    import(&data, &plain, &[]);
    let file = folder.path().join("all.parquet");
    let told = ["export", "--format", "parquet", "--output", file.to_str().unwrap()];
    assert_eq!(run_in(&data, &[&told, &PERIOD[..]].concat()).code, Some(0));
    let whole = fs::read(&file).unwrap();
    let fresh = folder.path().join("fresh");
    shop::found(&fresh);
    let mut flipped = whole.clone();
    flipped[whole.len() / 3] ^= 4;
    for (name, bytes) in [
        ("foreign.parquet", &b"PAR1 something else PAR1"[..]),
        ("cut.parquet", &whole[..whole.len() - 9]),
        ("flipped.parquet", &flipped),
        ("log.ndjson", &fs::read(&plain).unwrap()),
        ("empty", &[]),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let done = run_in(&fresh, &["import", file.to_str().unwrap(), "--format", "parquet"]);
        assert_eq!(done.code, Some(1), "{name}: {}", done.stdout);
        assert!(done.stderr.contains(name) && done.stderr.contains("damaged"), "{name}: {}", done.stderr);
    }
    assert_eq!(clicks(&fresh), 0);
}
