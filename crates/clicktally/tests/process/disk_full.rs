//! A full disk: recording is refused and never half done, asking goes on, and recording goes on when there is space
//! again. Needs a file system of its own, so it is left out where none can be mounted.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http;
use crate::running::Server;
use crate::shop::{self, HASHID};

/// What the file system holds: the journals as they are made, and some.
const DISK_BYTES: &str = "size=160m";
const RECOVERY_TIME_MAX: Duration = Duration::from_secs(30);
const CLICKS_IN_BODY: u64 = 500;
/// More than fits on the disk, whatever the form of a click: then the test ends instead of going on for ever.
const BODIES_MAX: u64 = 1_000;

/// A file system in memory, until it is dropped.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(place: &'a Path) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", DISK_BYTES, "tmpfs"]).arg(place).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(place))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        // What can't be unmounted now goes with the machine's memory; the test's own failure is the news.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Clicks with long texts: they fill a disk soon.
fn body(number: u64, now_ms: i64) -> Vec<u8> {
    let long = "x".repeat(500);
    let click = |n| {
        let id = format!("{number}-{n}");
        json!({"type": "click", "id": id, "at": now_ms, "hashid": HASHID, "doc_id": long, "query_id": long, "user": long, "session": long})
    };
    shop::lines(&(0..CLICKS_IN_BODY).map(click).collect::<Vec<Value>>())
}

/// Feeds bodies until one is refused; returns how many were acknowledged.
fn feed_until_full(server: &Server, key: &str, first: u64) -> u64 {
    for number in first..first + BODIES_MAX {
        let answer = shop::feed(server.address, key, &body(number, shop::now_ms()));
        if answer.status == 503 {
            assert!(answer.headers_named("retry-after").next().is_some(), "{answer:?}");
            assert_eq!(answer.json()["error"]["code"], "unavailable");
            return number - first;
        }
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    panic!("the disk does not get full");
}

fn fill(place: &Path) {
    let filler = fs::File::create(place).unwrap();
    let piece = vec![b'x'; 1 << 16];
    // Until there is no space: the error is what is wanted.
    while std::io::Write::write_all(&mut &filler, &piece).is_ok() {}
}

#[test]
fn a_full_disk_refuses_clicks_answers_questions_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(folder.path()) else {
        println!("left out: no file system can be mounted here");
        return;
    };
    let data = folder.path().join("data");
    let key = shop::found(&data);
    let server = Server::start(&data, &["--stats-per-second", "0"]);
    let filler = folder.path().join("filler");
    fill(&filler);
    let acknowledged = feed_until_full(&server, &key, 0);
    let counted = shop::clicks_counted(server.address, &key);
    assert!(
        (acknowledged * CLICKS_IN_BODY..=(acknowledged + 1) * CLICKS_IN_BODY).contains(&counted),
        "{acknowledged} bodies acknowledged, {counted} clicks counted"
    );
    assert_eq!(http::ask(server.address, "GET", "/healthz", &[], None).status, 200);

    fs::remove_file(&filler).unwrap();
    let deadline = Instant::now() + RECOVERY_TIME_MAX;
    // The body that was refused is sent again: what of it was counted already counts once.
    while shop::feed(server.address, &key, &body(acknowledged, shop::now_ms())).status != 200 {
        assert!(Instant::now() < deadline, "there is space, and recording does not go on: {}", server.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(http::ask(server.address, "GET", "/readyz", &[], None).status, 200);
    let counted = shop::clicks_counted(server.address, &key);
    assert_eq!(counted, (acknowledged + 1) * CLICKS_IN_BODY);
    server.stop();
    let server = Server::start(&data, &[]);
    assert_eq!(shop::clicks_counted(server.address, &key), counted);
    server.stop();
}
