//! Backups while a server records, what is restored from them, and what becomes of one that is broken off.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::Connection;
use crate::running::{Done, Server, binary, refused_start, run, run_in};
use crate::shop::{self, HASHID, INDEX};

const OPTIONS: [&str; 4] = ["--clicks-per-second", "0", "--stats-per-second", "0"];
const DAY_MS: i64 = 86_400_000;
const WRITERS: u64 = 3;
/// Clicks in one body.
const LINES: u64 = 7;
/// A backup of some megabytes, beside recording and sealing, on a machine that does other things too.
const BACKUP_TIME_MAX: Duration = Duration::from_secs(20);
/// A sealing writes about ten.
const PARTS_BETWEEN_BACKUPS: u64 = 20;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn click(tag: u64, now_ms: i64) -> Value {
    let at = now_ms - i64::try_from(tag % 5).unwrap() * DAY_MS;
    json!({"type": "click", "id": format!("c{tag}"), "at": at, "hashid": HASHID, "index": INDEX, "doc_id": format!("sku{}", tag % 9)})
}

/// The ids of all clicks, each of them once.
#[track_caller]
fn counted(directory: &Path) -> HashSet<String> {
    let (from, to) = shop::week();
    let export = run_in(directory, &["export", "--from", &from.to_string(), "--to", &to.to_string()]);
    assert_eq!(export.code, Some(0), "{}", export.stderr);
    let mut times: HashMap<String, u32> = HashMap::new();
    for line in export.stdout.lines() {
        let click: Value = serde_json::from_str(line).unwrap();
        *times.entry(click["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "a click is counted twice");
    times.into_keys().collect()
}

#[track_caller]
fn is_clean(directory: &Path) {
    let found = run_in(directory, &["check", "--json"]);
    assert_eq!(found.code, Some(0), "{} {}", found.stdout, found.stderr);
    assert_eq!(found.json()["findings"], json!([]));
}

#[track_caller]
fn backup(directory: &Path, target: &Path, more: &[&str]) -> Value {
    run_in(directory, &[&["backup", text(target), "--json"], more].concat()).json()
}

fn restore(target: &Path, to: &Path) -> Done {
    run(&["restore", text(target), "--data-dir", text(to), "--json"])
}

/// Restores with the old secret put beside it, and leaves nothing of an earlier restoring.
#[track_caller]
fn restored(source: &Path, target: &Path, to: &Path) {
    restore(target, to).json();
    fs::copy(source.join("secret.key"), to.join("secret.key")).unwrap();
    is_clean(to);
}

fn parquet_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for kind in ["clicks", "searches"] {
        for day in fs::read_dir(directory.join(kind)).into_iter().flatten() {
            let files = fs::read_dir(day.unwrap().path()).unwrap().map(|file| file.unwrap().path());
            found.extend(files.map(|path| path.strip_prefix(directory).unwrap().to_path_buf()));
        }
    }
    found.sort();
    found
}

/// More than memory of 16 MiB takes: some are sealed, and the rest is in the journal.
const CLICKS: u64 = 120_000;

/// A shop with clicks on several days, most of them sealed.
fn sealed_shop(directory: &Path, now_ms: i64) -> String {
    let key = shop::found(directory);
    let log = directory.with_extension("ndjson");
    fs::write(&log, shop::lines(&(0..CLICKS).map(|tag| click(tag, now_ms)).collect::<Vec<_>>())).unwrap();
    let server = Server::start(directory, &[&OPTIONS[..], &["--recent-bytes-max", "16777216"]].concat());
    let report = run_in(directory, &["import", text(&log), "--json"]).json();
    assert_eq!(report["recorded"]["clicks"], CLICKS);
    // A stop breaks a sealing off.
    let sealed = || fs::read_to_string(directory.join("MANIFEST")).unwrap().contains("\nclicks ");
    let waited = (0..1_200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        sealed()
    });
    assert!(waited, "nothing is sealed");
    server.stop();
    key
}

struct Load {
    ended: AtomicBool,
    sent: AtomicU64,
}

/// Lets all writers go home, also when the test fails.
struct EndWhenDropped<'l>(&'l Load);

impl Drop for EndWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }
}

/// Sends bodies until it is ended; after each, all tags below the returned one are acknowledged.
fn write(load: &Load, address: SocketAddr, key: &str, writer: u64, now_ms: i64, acknowledged: &AtomicU64) {
    let mut connection = Connection::open(address).unwrap();
    let authorization = format!("Token {key}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/x-ndjson")];
    let mut next = 0;
    while !load.ended.load(Ordering::SeqCst) {
        let tags = (next..next + LINES).map(|number| 1_000_000 * (writer + 1) + number);
        let body = shop::lines(&tags.map(|tag| click(tag, now_ms)).collect::<Vec<_>>());
        load.sent.fetch_add(LINES, Ordering::SeqCst);
        let answer = connection.ask("POST", "/v1/events", &headers, Some(&body)).unwrap();
        assert_eq!(answer.status, 200);
        next += LINES;
        acknowledged.store(next, Ordering::SeqCst);
    }
}

fn tags_below(acknowledged: &[AtomicU64]) -> HashSet<String> {
    tags_up_to(acknowledged, 0)
}

fn tags_up_to(acknowledged: &[AtomicU64], more: u64) -> HashSet<String> {
    let mut tags = HashSet::new();
    for (writer, numbers) in (1..).zip(acknowledged) {
        let end = numbers.load(Ordering::SeqCst) + more;
        tags.extend((0..end).map(|number| format!("c{}", 1_000_000 * writer + number)));
    }
    tags
}

#[test]
fn backups_under_load_hold_all_that_was_acknowledged_before_and_nothing_that_was_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (data, target) = (folder.path().join("data"), folder.path().join("backup"));
    let now_ms = shop::now_ms();
    let key = sealed_shop(&data, now_ms);
    let server = Server::start(&data, &OPTIONS);
    let load = Load { ended: AtomicBool::new(false), sent: AtomicU64::new(0) };
    let acknowledged: Vec<AtomicU64> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
    let imported: HashSet<String> = (0..CLICKS).map(|tag| format!("c{tag}")).collect();
    std::thread::scope(|scope| {
        for (writer, acknowledged) in (0..).zip(&acknowledged) {
            let (load, address, key) = (&load, server.address, &key);
            scope.spawn(move || write(load, address, key, writer, now_ms, acknowledged));
        }
        for round in 0..3 {
            std::thread::sleep(Duration::from_millis(150));
            let before = tags_below(&acknowledged);
            assert!(round == 0 || before.len() > 50, "the writers get nowhere");
            backup(&data, &target, &[]);
            let sent_after = load.sent.load(Ordering::SeqCst);
            let to = folder.path().join(format!("restored-{round}"));
            restored(&data, &target, &to);
            let there = counted(&to);
            assert!(imported.is_subset(&there), "round {round}");
            let lost: Vec<_> = before.difference(&there).collect();
            assert!(lost.is_empty(), "round {round}: acknowledged before and not in the backup: {lost:?}");
            assert!(there.len() as u64 <= CLICKS + sent_after, "round {round}: more than was sent");
        }
        load.ended.store(true, Ordering::SeqCst);
    });
    // The last backup is of a server that rests: the same clicks, not more and not fewer.
    backup(&data, &target, &[]);
    let to = folder.path().join("at-last");
    restored(&data, &target, &to);
    assert_eq!(counted(&to), counted(&data));
    let all: HashSet<String> = tags_below(&acknowledged).union(&imported).cloned().collect();
    assert_eq!(counted(&to), all);
    server.stop();
    // What is restored is a directory like any other: its keys open, and it records.
    let server = Server::start(&to, &OPTIONS);
    assert_eq!(shop::clicks_counted(server.address, &key), all.len() as u64);
    shop::stock(server.address, &key, &shop::lines(&[click(5_000_000, now_ms)]));
    server.stop();
    assert_eq!(counted(&to).len(), all.len() + 1);
    is_clean(&to);
}

/// How many parts and runs were written so far.
fn parts_written(directory: &Path) -> u64 {
    let manifest = fs::read_to_string(directory.join("MANIFEST")).unwrap();
    let next = manifest.lines().find_map(|line| line.strip_prefix("next "));
    next.unwrap().parse().unwrap()
}

#[test]
fn a_backup_ends_soon_and_is_whole_while_days_are_sealed_all_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let (data, target) = (folder.path().join("data"), folder.path().join("backup"));
    let (key, now_ms) = (shop::found(&data), shop::now_ms());
    let server = Server::start(&data, &[&OPTIONS[..], &["--recent-bytes-max", "65536"]].concat());
    let load = Load { ended: AtomicBool::new(false), sent: AtomicU64::new(0) };
    let acknowledged: Vec<AtomicU64> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        let _ended_at_last = EndWhenDropped(&load);
        for (writer, acknowledged) in (0..).zip(&acknowledged) {
            let (load, address, key) = (&load, server.address, &key);
            scope.spawn(move || write(load, address, key, writer, now_ms, acknowledged));
        }
        for round in 0..4 {
            let written = parts_written(&data);
            let sealed_again = (0..1_200).any(|_| {
                std::thread::sleep(Duration::from_millis(50));
                parts_written(&data) > written + PARTS_BETWEEN_BACKUPS
            });
            assert!(sealed_again, "round {round}: nothing is sealed");
            let before = tags_below(&acknowledged);
            let begun = Instant::now();
            backup(&data, &target, &[]);
            assert!(begun.elapsed() < BACKUP_TIME_MAX, "round {round}: {:?}", begun.elapsed());
            // One body of each writer is on its way.
            let sent = tags_up_to(&acknowledged, LINES);
            let to = folder.path().join(format!("restored-{round}"));
            restored(&data, &target, &to);
            let there = counted(&to);
            let lost: Vec<_> = before.difference(&there).collect();
            assert!(lost.is_empty(), "round {round}: acknowledged before and not in the backup: {lost:?}");
            let invented: Vec<_> = there.difference(&sent).collect();
            assert!(invented.is_empty(), "round {round}: in the backup and not sent: {invented:?}");
        }
    });
    assert_eq!(counted(&data), tags_below(&acknowledged));
    server.stop();
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_backup_is_brought_up_to_date_by_links_and_a_plain_copy_of_a_stopped_directory_is_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let (data, target) = (folder.path().join("data"), folder.path().join("backup"));
    let key = sealed_shop(&data, shop::now_ms());
    let all = counted(&data);
    let first = backup(&data, &target, &[]);
    assert!(first["linked"].as_u64().unwrap() >= 3, "{first}");
    assert_eq!((&first["kept"], &first["has_secret"]), (&json!(0), &json!(false)), "{first}");
    assert!(!target.join("secret.key").exists());
    let parts = parquet_files(&data);
    assert_eq!(parquet_files(&target), parts);
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    for part in &parts {
        assert_eq!(inode(data.join(part)), inode(target.join(part)), "{part:?} is not linked");
    }
    let second = backup(&data, &target, &["--with-secret"]);
    assert_eq!((&second["kept"], &second["linked"]), (&first["linked"], &json!(0)), "{second}");
    assert_eq!(fs::read(target.join("secret.key")).unwrap(), fs::read(data.join("secret.key")).unwrap());
    is_clean(&target);

    // With the secret in it, it is restored as it is; without, the old secret may be named.
    let to = folder.path().join("with-secret");
    restore(&target, &to).json();
    assert_eq!(counted(&to), all);
    backup(&data, &target, &[]);
    assert!(!target.join("secret.key").exists(), "a backup without the secret keeps none of an earlier one");
    let to = folder.path().join("named-secret");
    restore(&target, &to).json();
    let refused = run_in(&to, &["account", "list"]);
    assert!(refused.stderr.contains("secret.key is missing"), "{}", refused.stderr);
    let secret = data.join("secret.key");
    let accounts = run_in(&to, &["account", "list", "--json", "--secret-file", text(&secret)]).json();
    assert_eq!(accounts[0]["account"], shop::ACCOUNT);

    // A plain copy needs no command; `restore` takes it all the same.
    let copy = folder.path().join("copy");
    copy_tree(&data, &copy);
    is_clean(&copy);
    let server = Server::start(&copy, &OPTIONS);
    assert_eq!(shop::clicks_counted(server.address, &key), CLICKS);
    server.stop();
    let to = folder.path().join("of-the-copy");
    restore(&copy, &to).json();
    is_clean(&to);
    assert_eq!(counted(&to), all);
}

#[test]
fn a_backup_that_was_killed_is_no_backup_until_it_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (data, target) = (folder.path().join("data"), folder.path().join("backup"));
    sealed_shop(&data, shop::now_ms());
    let all = counted(&data);
    let server = Server::start(&data, &OPTIONS);
    server.stop();
    let mut killed = 0;
    for delay_ms in (0..600).step_by(40) {
        let mut command = binary(&["backup", text(&target), "--data-dir", text(&data)]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let to = folder.path().join(format!("restored-{delay_ms}"));
        let tried = restore(&target, &to);
        if tried.code == Some(0) {
            is_clean(&to);
        } else {
            assert!(!to.join("FORMAT").exists(), "{}", tried.stderr);
        }
    }
    assert!(killed > 0, "no backup was broken off: this test tests nothing");

    // What a kill between the taking of an earlier backup's place and the end leaves.
    backup(&data, &target, &[]);
    fs::remove_file(target.join("MANIFEST")).unwrap();
    let to = folder.path().join("too-early");
    let refused = restore(&target, &to);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("broken off"), "{}", refused.stderr);
    assert!(run_in(&to, &["account", "list"]).stderr.contains("not restored to its end"));
    let found = run_in(&target, &["check", "--json"]);
    assert_eq!(found.code, Some(1), "{}", found.stdout);

    backup(&data, &target, &[]);
    restored(&data, &target, &to);
    assert_eq!(counted(&to), all);
}

#[test]
fn a_backup_goes_nowhere_where_it_would_do_harm() {
    let folder = tempfile::tempdir().unwrap();
    let (data, other, target) =
        (folder.path().join("data"), folder.path().join("other"), folder.path().join("backup"));
    shop::found(&data);
    shop::found(&other);
    backup(&data, &target, &[]);
    let refused = |args: &[&str], words: &str| {
        let done = run(args);
        assert_eq!(done.code, Some(1), "{args:?}: {}", done.stdout);
        assert!(done.stderr.contains(words), "{args:?}: {}", done.stderr);
    };
    let inside = data.join("backup");
    refused(&["backup", text(&inside), "--data-dir", text(&data)], "is in the data directory");
    refused(&["backup", text(&target), "--data-dir", text(&other)], "another data directory");
    refused(&["backup", text(&other), "--data-dir", text(&data)], "give an empty directory");
    refused(&["restore", text(&target), "--data-dir", text(&other)], "give an empty directory");
    refused(&["restore", text(folder.path()), "--data-dir", text(&inside)], "this is no backup");
    let refused = refused_start(&target, &[]);
    assert!(refused.stderr.contains("this is a backup"), "{}", refused.stderr);
    is_clean(&target);
    is_clean(&data);
    is_clean(&other);
}
