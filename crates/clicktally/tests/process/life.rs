//! A server's life: it stops without cutting anybody off, it comes back knowing everybody, and its log gives nobody
//! away.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::browser::{Browser, is_logged};
use crate::http::{self, Connection};
use crate::running::{Server, run_in};
use crate::shop;

/// A server that is stopped while nothing is under way must not wait for its drain time (10 s).
const PROMPT_STOP_TIME_MAX: Duration = Duration::from_secs(8);

fn wait_for_log(server: &Server, part: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !server.log().contains(part) {
        assert!(Instant::now() < deadline, "`{part}` is never logged: {}", server.log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_request_in_the_middle_of_which_the_server_is_stopped_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    let server = Server::start(folder.path(), &[]);
    shop::stock(server.address, &key, &shop::catalogue(3, shop::now_ms()));
    let browser = Browser::visit(server.address);

    let body = json!({"doc_id": "sku1", "query_id": "q1"}).to_string();
    let head = format!(
        "POST /api/v2/click HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nX-Fess-CSRF-Token: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        server.address,
        browser.cookies,
        browser.token,
        body.len()
    );
    let mut connection = Connection::open(server.address).unwrap();
    connection.send(head.as_bytes()).unwrap();
    connection.send(&body.as_bytes()[..5]).unwrap();
    // A second request on another connection is answered after the first one's bytes have arrived.
    http::ask(server.address, "GET", "/healthz", &[], None);
    server.ask_to_stop();
    wait_for_log(&server, "stopping");
    std::thread::sleep(Duration::from_millis(200));
    connection.send(&body.as_bytes()[5..]).unwrap();
    let answer = connection.answer().unwrap();
    assert!(is_logged(&answer), "{answer:?}");
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("everything that was acknowledged is on disk"), "{log}");

    let server = Server::start(folder.path(), &[]);
    assert_eq!(shop::clicks_counted(server.address, &key), 1);
    server.stop();
}

#[test]
fn idle_connections_do_not_hold_a_stop_up() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut idle: Vec<Connection> = (0..8).map(|_| Connection::open(server.address).unwrap()).collect();
    for connection in &mut idle[..4] {
        assert_eq!(connection.ask("GET", "/healthz", &[], None).unwrap().status, 200);
    }
    let started = Instant::now();
    server.stop();
    assert!(started.elapsed() < PROMPT_STOP_TIME_MAX, "{:?}", started.elapsed());
}

#[test]
fn a_restart_keeps_sessions_keys_items_searches_and_clicks() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    let server = Server::start(folder.path(), &[]);
    shop::stock(server.address, &key, &shop::catalogue(3, shop::now_ms()));
    let browser = Browser::visit(server.address);
    let body = json!({"doc_id": "sku1", "query_id": "q1", "rank": 2});
    let click = |server: &Server, once| {
        let mut connection = Connection::open(server.address).unwrap();
        let answer = browser.click(&mut connection, &body, once).unwrap();
        assert!(is_logged(&answer), "{answer:?}");
    };
    click(&server, Some("once"));
    server.stop();

    let server = Server::start(folder.path(), &[]);
    assert_eq!(shop::clicks_counted(server.address, &key), 1);
    click(&server, Some("once"));
    assert_eq!(shop::clicks_counted(server.address, &key), 1, "the same click counts again after a restart");
    click(&server, None);
    assert_eq!(shop::clicks_counted(server.address, &key), 2);
    let unknown = browser.click_once(server.address, &json!({"doc_id": "sku7", "query_id": "q1"}));
    assert_eq!(unknown.status, 404, "what the search showed is forgotten");
    let (from, to) = shop::week();
    let asked = format!("/api/v2/stats/clicks?from={from}&to={to}&query=%20RED%20%20Shoes");
    assert_eq!(shop::stats(server.address, &key, &asked).json()["total_count"], 2);
    server.stop();
}

#[test]
fn a_switched_off_click_log_answers_and_records_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    let server = Server::start(folder.path(), &["--click-log", "false"]);
    let browser = Browser::visit(server.address);
    let mut connection = Connection::open(server.address).unwrap();
    // Nobody reads the body, and the connection serves on all the same.
    for _ in 0..3 {
        let answer = browser.click(&mut connection, &json!({"doc_id": "sku1"}), None).unwrap();
        assert_eq!(answer.json(), json!({"response": {"status": 0, "ok": true, "logged": false}}));
    }
    assert_eq!(shop::clicks_counted(server.address, &key), 0);
    server.stop();
}

#[test]
fn a_log_at_debug_level_gives_nobody_away() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    let options = ["--log-level", "debug", "--trusted-proxies", "127.0.0.1"];
    let server = Server::start(folder.path(), &options);
    let now_ms = shop::now_ms();
    shop::stock(server.address, &key, &shop::catalogue(3, now_ms));
    let late = shop::key(folder.path(), &["--scope", "read"]);
    let browser = Browser::visit(server.address);
    let authorization = format!("Token {key}");

    let told = [
        json!({"type": "search", "id": "query-zebra", "at": now_ms, "hashid": shop::HASHID, "query": "words zebra", "user": "user-zebra", "doc_ids": ["sku1"]}),
        json!({"type": "click", "id": "id-zebra", "at": "yesterday-zebra", "doc_id": "doc-zebra", "session": "session-zebra"}),
        json!({"type": "zebra"}),
    ];
    let body = shop::lines(&told);
    assert_eq!(shop::feed(server.address, &key, &body).json()["rejected_total"], 2);
    assert!(is_logged(
        &browser.click_once(server.address, &json!({"doc_id": "sku1", "query_id": "query-zebra"}))
    ));
    assert_eq!(browser.click_once(server.address, &json!({"doc_id": "doc-zebra"})).status, 404);
    let forwarded = [
        ("X-Forwarded-For", "203.0.113.77"),
        ("Authorization", authorization.as_str()),
        ("User-Agent", "agent-zebra"),
    ];
    let targets = [
        "/api/v2/stats/clicks?from=20240101&to=20240102&query=zebra",
        "/api/v2/stats/clicks?from=zebra&to=20240102",
        "/path-zebra?zebra=1",
        "/api/v2/click?userCode=zebra_zebra_zebra_zebra",
        "/metrics",
    ];
    for target in targets {
        http::ask(server.address, "GET", target, &forwarded, None);
    }
    let wrong = [("Authorization", "Token zebrazebrazebrazebrazebrazebrazebrazebra")];
    assert_eq!(http::ask(server.address, "GET", targets[0], &wrong, None).status, 401);
    let hostile = [("Origin", "https://zebra.example"), ("X-Fess-CSRF-Token", "zebra")];
    assert_eq!(http::ask(server.address, "POST", "/api/v2/click", &hostile, Some(b"{zebra")).status, 403);
    assert_eq!(shop::feed(server.address, &late, &body).status, 403);
    let metrics = http::ask(server.address, "GET", "/metrics", &[], None);
    let metrics = String::from_utf8(metrics.body).unwrap();
    let exported = run_in(folder.path(), &["export", "--from", "20000101", "--to", "20000102"]);
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);

    let log = server.stop();
    assert!(log.lines().count() > 15, "the log is too short to prove anything: {log}");
    let secret = std::fs::read_to_string(folder.path().join("secret.key")).unwrap();
    let mut telltales = vec!["zebra", "203.0.113.77", &key, &late, &browser.token, secret.trim()];
    telltales.extend(
        browser.cookies.split("; ").filter_map(|cookie| cookie.split_once('=')).map(|(_, value)| value),
    );
    for (name, text) in [("log", &log), ("metrics", &metrics)] {
        for telltale in &telltales {
            assert!(
                !text.to_lowercase().contains(&telltale.to_lowercase()),
                "the {name} holds {telltale}: {text}"
            );
        }
    }
}
