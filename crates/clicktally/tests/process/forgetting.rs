//! Retention and erasure as an operator sees them: a command, an option, and what is answered afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::running::{Server, run_in};
use crate::shop::{self, ACCOUNT, HASHID, INDEX};

const DAY_MS: i64 = 86_400_000;

fn click(user: &str, id: &str, at_ms: i64) -> Value {
    json!({"type": "click", "id": id, "at": at_ms, "hashid": HASHID, "index": INDEX, "doc_id": "sku0", "user": user})
}

fn search(user: &str, id: &str, at_ms: i64) -> Value {
    json!({"type": "search", "id": id, "at": at_ms, "hashid": HASHID, "query": shop::QUERY, "user": user})
}

fn erase(directory: &Path, user: &str) -> Value {
    let done = run_in(directory, &["erase", "--account", ACCOUNT, "--user", user, "--json"]);
    done.json()
}

#[test]
fn a_visitor_is_erased_with_a_running_server_and_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (key, now_ms) = (shop::found(folder.path()), shop::now_ms());
    let people = ["anna", "ben", "carla"];
    let lines = people.iter().flat_map(|user| {
        let id = |what: &str| format!("{user}_{what}");
        [
            click(user, &id("1"), now_ms - DAY_MS),
            click(user, &id("2"), now_ms),
            search(user, &id("q"), now_ms),
        ]
    });
    shop::stock(server.address, &key, &shop::lines(&lines.collect::<Vec<_>>()));
    assert_eq!(shop::clicks_counted(server.address, &key), 6);
    let gone = |clicks, searches| json!({"account": ACCOUNT, "clicks": clicks, "searches": searches});
    assert_eq!(erase(folder.path(), "anna"), gone(2, 1));
    assert_eq!(shop::clicks_counted(server.address, &key), 4);
    assert_eq!(erase(folder.path(), "anna"), gone(0, 0));
    server.stop();
    assert_eq!(erase(folder.path(), "ben"), gone(2, 1));
    let said = run_in(folder.path(), &["erase", "--account", ACCOUNT, "--user", "carla"]);
    assert!(
        said.stdout.contains("2 clicks and 1 searches") && said.stdout.contains("Backups"),
        "{}",
        said.stdout
    );
    let nobody = run_in(folder.path(), &["erase", "--account", "nobody", "--user", "anna"]);
    assert_eq!(nobody.code, Some(1), "{}", nobody.stderr);
    assert_eq!(run_in(folder.path(), &["check"]).code, Some(0));
    let server = Server::start(folder.path(), &[]);
    assert_eq!(shop::clicks_counted(server.address, &key), 0);
    server.stop();
}

#[test]
fn days_that_are_too_old_are_removed_and_nothing_more_is_taken_of_them() {
    old_days_go(false);
}

#[test]
fn counts_of_removed_days_answer_what_they_can() {
    old_days_go(true);
}

/// Only a question for terms, or counts that are not kept, tell that a day is gone.
fn old_days_go(counts_stay: bool) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (key, now_ms) = (shop::found(folder.path()), shop::now_ms());
    let old = click("anna", "old", now_ms - 40 * DAY_MS);
    shop::stock(server.address, &key, &shop::lines(&[old.clone(), click("anna", "new", now_ms)]));
    // The old day and its neighbours, whatever the time of day is.
    let old_s = (now_ms - 40 * DAY_MS) / DAY_MS * DAY_MS / 1_000;
    let old_day = format!("/api/v2/stats/clicks?from={old_s}&to={}", old_s + 86_399);
    let whole_days = old_day.clone();
    let counted = shop::stats(server.address, &key, &old_day).json();
    assert_eq!(counted["total_count"], 1, "{counted}");
    server.stop();

    // The clock was seen in the first life, and has gone on.
    let counts = if counts_stay { "true" } else { "false" };
    let server = Server::start(folder.path(), &["--retention-days", "30", "--retention-counts", counts]);
    let begun = Instant::now();
    let by_terms = format!("{old_day}&query=shoes");
    let refused = loop {
        let answer = shop::stats(server.address, &key, &by_terms);
        if answer.status != 200 || begun.elapsed() > Duration::from_secs(20) {
            break answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(refused.status, 400);
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("from: clicks before 20") && message.ends_with(" have been removed"),
        "{message}"
    );
    let by_day = shop::stats(server.address, &key, &whole_days);
    if counts_stay {
        assert_eq!(by_day.json()["total_count"], 1);
    } else {
        assert_eq!(by_day.json()["error"]["message"], message.as_str());
    }
    assert_eq!(shop::clicks_counted(server.address, &key), 1);
    let late = shop::feed(server.address, &key, &shop::lines(&[old, click("anna", "today", now_ms)])).json();
    assert_eq!((&late["recorded"]["clicks"], &late["rejected_total"]), (&json!(1), &json!(1)), "{late}");
    assert_eq!((&late["rejected"][0]["line"], &late["rejected"][0]["code"]), (&json!(1), &json!("expired")));
    // Days that are gone take nothing from those after them.
    let overview = run_in(folder.path(), &["stats", "overview", "--from", "20d", "--json"]).json();
    let [clicks, searches] = [0, 1].map(|row| &overview["results"][row]);
    assert_eq!((&clicks["count"], &searches["before"]), (&json!(2), &json!(null)), "{overview}");
    assert_eq!(clicks["before"], if counts_stay { json!(0) } else { json!(null) }, "{overview}");
    assert!(server.stop().contains("days that were too old are removed"));
}

#[test]
fn a_clock_that_was_never_seen_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (key, now_ms) = (shop::found(folder.path()), shop::now_ms());
    shop::stock(server.address, &key, &shop::lines(&[click("anna", "old", now_ms - 40 * DAY_MS)]));
    server.stop();
    // As if it was seen last two months ago.
    let seen = format!("clicktally clock 1 {}\n", now_ms - 60 * DAY_MS);
    std::fs::write(folder.path().join("CLOCK"), seen).unwrap();
    let server = Server::start(folder.path(), &["--retention-days", "30"]);
    std::thread::sleep(Duration::from_millis(500));
    let old_day = format!("/api/v2/stats/clicks?from={0}&to={0}", (now_ms - 40 * DAY_MS) / 1_000);
    assert_eq!(shop::stats(server.address, &key, &old_day).json()["total_count"], 1);
    assert!(server.stop().contains("no day is removed until"));
}
