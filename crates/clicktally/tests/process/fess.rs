//! Fess's own files, in its own form, loaded by the binary: the backup of its administration, the CSV of older versions and
//! documents of its index; and its link of a result, which leads to what was loaded.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::http;
use crate::running::{Server, run_in};
use crate::shop::{self, HASHID};

const QUERY: &str = "bd60f9579a494dfd8c03db7c8aa905b0";
const VISITOR: &str = "4f0ad97be37d4a71bbd8d1b1b2c7f9aa";

/// `2024-06-01T10:00:00.000`, as Fess writes times: in UTC, and without saying so.
fn time(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap();
    jiff::tz::TimeZone::UTC.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string()
}

/// A line of `search_log.ndjson`.
fn search(at_ms: i64) -> String {
    format!(
        r#"{{"id":"s1","query-id":"{QUERY}","user-info-id":"{VISITOR}","user-session-id":"{VISITOR}","user":null,"search-word":"Red Shoes","hit-count":2,"query-page-size":20,"query-offset":0,"referer":"https://www.example.com/","languages":"en","roles":["Rguest"],"user-agent":"Mozilla/5.0 (Linux; Android 14) Mobile","client-ip":"192.0.2.1","access-type":"web","query-time":3,"response-time":12,"requested-at":"{}","search-field":{{}},"headers":{{}}}}"#,
        time(at_ms)
    )
}

/// A line of `click_log.ndjson`.
fn click(id: &str, doc: &str, order: u32, at_ms: i64) -> String {
    format!(
        r#"{{"id":"{id}","query-id":"{QUERY}","user-session-id":"{VISITOR}","doc-id":"{doc}","url":"https://www.example.com/{doc}","order":{order},"query-requested-at":"{}","requested-at":"{}"}}"#,
        time(at_ms - 5_000),
        time(at_ms)
    )
}

/// A line of `click_log.csv`, whose times are those of a clock nine hours ahead.
fn csv(doc: &str, at_ms: i64) -> String {
    let tokyo = time(at_ms + 9 * 3_600_000);
    format!("{QUERY},{VISITOR},{doc},https://www.example.com/{doc},3,{tokyo},{tokyo}")
}

fn write(folder: &Path, name: &str, lines: &[String]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    path
}

fn import(directory: &Path, file: &Path, more: &[&str]) -> Value {
    let args = [&["import", "--format", "fess", file.to_str().unwrap(), "--json"], more].concat();
    run_in(directory, &args).json()
}

#[test]
fn fess_s_own_files_are_loaded_once_and_its_links_lead_to_them() {
    let (files, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(folder.path(), &[]);
    let key = shop::found(folder.path());
    let at_ms = shop::now_ms() - 3 * 3_600_000;
    let documents: Vec<String> = ["a5e1f0", "b7c2d1"]
        .iter()
        .flat_map(|doc| {
            let document = json!({"doc_id": doc, "url": format!("https://www.example.com/{doc}"), "title": "A page", "content": "words"});
            [json!({"index": {"_index": "fess.20240601", "_id": doc}}).to_string(), document.to_string()]
        })
        .collect();
    let documents = write(files.path(), "fess_search.ndjson", &documents);
    assert_eq!(import(folder.path(), &documents, &["--index", "documents"])["recorded"]["items"], 2);
    let searches = write(files.path(), "search_log.ndjson", &[search(at_ms)]);
    let clicks = write(
        files.path(),
        "click_log.ndjson",
        &[click("c1", "a5e1f0", 1, at_ms + 5_000), click("c2", "b7c2d1", 2, at_ms + 9_000)],
    );
    assert_eq!(
        import(folder.path(), &searches, &[])["recorded"],
        json!({"items": 0, "searches": 1, "clicks": 0})
    );
    assert_eq!(import(folder.path(), &clicks, &[])["recorded"]["clicks"], 2);
    let again = import(folder.path(), &clicks, &["--hashid", HASHID]);
    assert_eq!((&again["recorded"]["clicks"], &again["duplicates"]), (&json!(0), &json!(2)));
    let old = write(files.path(), "click_log.csv", &[csv("a5e1f0", at_ms + 20_000)]);
    assert_eq!(import(folder.path(), &old, &["--tz", "Asia/Tokyo"])["recorded"]["clicks"], 1);
    let users = write(
        files.path(),
        "user_info.ndjson",
        &[format!(r#"{{"id":"{VISITOR}","created-at":"{0}","updated-at":"{0}"}}"#, time(at_ms))],
    );
    assert_eq!(import(folder.path(), &users, &[])["skipped"], json!({"user_info": 1}));

    let cookie = format!("fsid={VISITOR}");
    let target = format!("/go/?rt={at_ms}&docId=b7c2d1&queryId={QUERY}&order=2&hash=%23top");
    let answer = http::ask(server.address, "GET", &target, &[("Cookie", &cookie)], None);
    assert_eq!(answer.status, 302, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.headers_named("location").next(), Some("https://www.example.com/b7c2d1#top"));

    assert_eq!(shop::clicks_counted(server.address, &key), 4);
    let (from, to) = shop::week();
    let counted = |filter: &str| {
        let target = format!("/api/v2/stats/clicks?from={from}&to={to}&{filter}");
        shop::stats(server.address, &key, &target).json()["total_count"].clone()
    };
    assert_eq!(counted("query=red%20shoes"), 4, "each click has the terms of its search");
    assert_eq!(
        counted("device=mobile"),
        3,
        "what was imported has its search's device, the last one its own"
    );
    assert_eq!(counted("indices%5B0%5D%5Bname%5D=documents"), 4);
    // The CSV's hour is that of its zone: read as UTC it would lie nine hours ahead.
    let hour = format!("from={at_ms}&to={}", at_ms + 60_000);
    let target = format!("/api/v2/stats/clicks?{hour}");
    assert_eq!(shop::stats(server.address, &key, &target).json()["total_count"], 3);
    server.stop();
}
