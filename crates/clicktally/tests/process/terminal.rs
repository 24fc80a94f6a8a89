//! The command line as people look at it: every statistic beside the API's answer, in windows of several widths, in a pipe, on a
//! terminal; `top`, `status`; and what shells and `man` are told of it.

mod pty;

pub use pty::python;

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::running::{Done, Server, binary, finish, run, run_in};
use crate::shop::{self, HASHID, INDEX};

/// A name that is wide, and that would move the cursor of a terminal which acts on it.
const TITLE: &str = "赤い靴 \u{1b}[2J\u{202e}red";
const LONG_QUERY: &str = "a search with very many words that nobody can type without a pause in between, and then some more of them";

/// A shop with something in every statistic: clicks on items, a banner and a custom result, searches, sessions, a redirection.
fn stock(server: &Server, directory: &Path) -> String {
    let key = shop::found(directory);
    let at = shop::now_ms() - 60_000;
    let mut lines = vec![
        json!({"type": "item", "hashid": HASHID, "index": INDEX, "doc_id": "sku1", "title": TITLE.replace(char::is_control, " "), "link": "https://shop.example.com/1"}),
        json!({"type": "item", "hashid": HASHID, "index": INDEX, "doc_id": "sku2"}),
    ];
    for (n, query) in ["red shoes", "red shoes", "赤い靴", LONG_QUERY, "nothing"].into_iter().enumerate() {
        let hits = if query == "nothing" { 0 } else { 12 };
        lines.push(json!({"type": "search", "id": format!("q{n}"), "at": at, "hashid": HASHID, "indices": [INDEX], "query": query, "device": "mobile", "total_hits": hits, "user": format!("u{n}"), "session": "s"}));
    }
    for n in 0..2 {
        lines.push(json!({"type": "search", "id": format!("o{n}"), "kind": "opened", "at": at, "hashid": HASHID, "user": "u1", "session": format!("s{n}")}));
    }
    lines.push(json!({"type": "search", "id": "r0", "kind": "redirected", "at": at, "hashid": HASHID, "query": "sale", "doc_ids": ["17"]}));
    for n in 0..12_u64 {
        let doc_id = if n % 3 == 0 { "sku2" } else { "sku1" };
        lines.push(json!({"type": "click", "id": format!("c{n}"), "at": at, "hashid": HASHID, "index": INDEX, "doc_id": doc_id, "query_id": format!("q{}", n % 4), "rank": n % 3 + 1, "user": format!("u{}", n % 2)}));
    }
    lines.push(json!({"type": "click", "id": "b", "at": at, "hashid": HASHID, "doc_id": "7", "product_type": "banner"}));
    lines.push(json!({"type": "click", "id": "k", "at": at, "hashid": HASHID, "index": INDEX, "doc_id": "sku1", "custom_result": "99"}));
    shop::stock(server.address, &key, &shop::lines(&lines));
    key
}

/// The rows of the API, each with the fields that both sides have, under the names of the command line.
fn served(server: &Server, key: &str, path: &str, renamed: &[(&str, &str)]) -> Vec<BTreeMap<String, Value>> {
    let (from, to) = shop::week();
    let and = if path.contains('?') { '&' } else { '?' };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v2/stats/{path}") };
    let answer = shop::stats(server.address, key, &format!("{path}{and}from={from}&to={to}"));
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    picked(&answer.json(), renamed.iter().map(|(theirs, ours)| (*theirs, *ours)))
}

fn picked<'a>(
    reply: &Value,
    fields: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Vec<BTreeMap<String, Value>> {
    let rows = reply["results"].as_array().unwrap();
    // An id that is a number there is a text here.
    let plain = |value: &Value| if value.is_u64() { json!(value.to_string()) } else { value.clone() };
    let row = |row: &Value| {
        fields.clone().map(|(from, to)| (to.to_owned(), plain(&row[from]))).collect::<BTreeMap<_, _>>()
    };
    rows.iter().map(row).collect()
}

fn week() -> [String; 4] {
    let (from, to) = shop::week();
    ["--from".to_owned(), from.to_string(), "--to".to_owned(), to.to_string()]
}

fn asked(directory: &Path, args: &[&str], more: &[&str]) -> Done {
    let week = week();
    let week: Vec<&str> = week.iter().map(String::as_str).collect();
    run_in(directory, &[&["stats"], args, &week[..], more].concat())
}

/// Each statistic: as it is typed, where the API has it, and how the API calls what the command line shows.
type Statistic = (&'static [&'static str], &'static str, &'static [(&'static str, &'static str)]);
const STATISTICS: [Statistic; 22] = [
    (&["clicks"], "clicks", &[("date", "date"), ("timestamp", "timestamp"), ("count", "count")]),
    (
        &["clicks", "--aggregate", "false"],
        "clicks?aggregate=false",
        &[("date", "date"), ("hashid", "hashid"), ("count", "count")],
    ),
    (&["items"], "clicked_items", &[("count", "count"), ("title", "title"), ("link", "link")]),
    (
        &["positions"],
        "clicked_items/position",
        &[("product", "doc_id"), ("position", "rank"), ("clicks", "count")],
    ),
    (
        &["item-searches", "sku1"],
        "clicked_items/searches?dfid=ITEM",
        &[("query", "query"), ("count", "count")],
    ),
    (&["visitors"], "clicks/users", &[("users", "users"), ("clicks", "count"), ("product_clicks", "items")]),
    (&["searches"], "searches", &[("date", "date"), ("count", "count")]),
    (&["searches", "--hits", "0"], "searches?total_hits=0", &[("date", "date"), ("count", "count")]),
    (&["top-searches"], "searches/top", &[("query", "query"), ("count", "count")]),
    (
        &["top-searches", "--no-results"],
        "searches/top?no_results=true",
        &[("query", "query"), ("count", "count")],
    ),
    (
        &["popular-searches", "--limit", "2"],
        "searches/popular?limit=2",
        &[("query", "query"), ("count", "count")],
    ),
    (&["sessions"], "inits", &[("date", "date"), ("count", "count")]),
    (&["sessions", "--visitors"], "inits/users", &[("users", "users"), ("sessions", "count")]),
    (&["banners"], "banners", &[("id", "doc_id"), ("clicks", "count")]),
    (&["custom-results"], "custom-results", &[("id", "custom_result"), ("clicks", "count")]),
    (&["redirects"], "redirects", &[("id", "doc_id"), ("count", "count")]),
    (&["ranks"], "/v1/stats/ranks", &[("rank", "rank"), ("clicks", "count")]),
    (
        &["clickthrough"],
        "/v1/stats/clickthrough",
        &[("date", "date"), ("searches", "searches"), ("clicked", "clicked"), ("clicks", "count")],
    ),
    (
        &["search-report", "--matching", "RED"],
        "/v1/stats/searches?matching=RED",
        &[
            ("query", "query"),
            ("searches", "searches"),
            ("clicked", "clicked"),
            ("clicks", "count"),
            ("average_rank", "average_rank"),
        ],
    ),
    (
        &["items", "--matching", "sku"],
        "/v1/stats/items?matching=sku",
        &[
            ("hashid", "hashid"),
            ("doc_id", "doc_id"),
            ("title", "title"),
            ("clicks", "count"),
            ("average_rank", "average_rank"),
        ],
    ),
    (
        &["clicks", "--by", "index"],
        "/v1/stats/clicks/by?group=index",
        &[("index", "index"), ("clicks", "count")],
    ),
    (
        &["clicks", "--by", "product-type"],
        "/v1/stats/clicks/by?group=product_type",
        &[("product_type", "product_type"), ("clicks", "count")],
    ),
];

#[test]
fn every_statistic_says_in_the_terminal_what_the_api_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--stats-per-second", "0"]);
    let key = stock(&server, folder.path());
    let listed = shop::stats(
        server.address,
        &key,
        &format!("/api/v2/stats/clicked_items?from={}&to={}", week()[1], week()[3]),
    )
    .json();
    let item =
        listed["results"][0]["dfid"].as_str().expect("the item with the most clicks is sku1").to_owned();
    for (args, path, fields) in STATISTICS {
        let done = asked(folder.path(), args, &["--format", "json"]);
        let ours = picked(&done.json(), fields.iter().map(|(_, ours)| (*ours, *ours)));
        let theirs = served(&server, &key, &path.replace("ITEM", &item), fields);
        assert_eq!(ours, theirs, "{args:?}");
        let counted = |row: &BTreeMap<String, Value>| row["count"] != json!("0");
        assert!(ours.iter().any(counted), "{args:?} counted nothing: {}", done.stdout);
        // The same as a table of machines: a row for each, and as many cells as the header has.
        let tsv = asked(folder.path(), args, &["--format", "tsv"]).stdout;
        let cells: Vec<usize> = tsv.lines().map(|line| line.split('\t').count()).collect();
        assert!(cells.len() == ours.len() + 1 && cells.iter().all(|many| *many == cells[0]), "{tsv}");
        let csv = asked(folder.path(), args, &["--format", "csv"]).stdout;
        assert_eq!(csv, asked(folder.path(), args, &["--csv"]).stdout);
        assert_eq!(csv.matches("\r\n").count(), ours.len() + 1, "{csv}");
    }
    rates_and_overview(folder.path(), &server, &key);
    server.stop();
}

fn rates_and_overview(directory: &Path, server: &Server, key: &str) {
    let rates = asked(directory, &["rates"], &["--json"]).json();
    let of = |path: &str| served(server, key, path, &[("date", "date"), ("count", "count")]);
    let sector = of("sector/click_through_rate?sector=x");
    let ours: Vec<Value> =
        rates["results"].as_array().unwrap().iter().map(|row| row["clicks_per_search"].clone()).collect();
    assert_eq!(ours.len(), sector.len());
    assert!(ours.iter().any(Value::is_number) && ours.iter().any(Value::is_null), "{rates}");
    for (ours, theirs) in ours.iter().zip(&sector) {
        match (ours.as_f64(), theirs["count"].as_f64()) {
            (Some(ours), Some(theirs)) => assert!((ours - theirs).abs() < 1e-6, "{ours} {theirs}"),
            (ours, theirs) => assert_eq!((ours, theirs), (None, None)),
        }
    }
    let overview = run_in(directory, &["stats", "overview", "--from", "2d", "--json"]).json();
    let totals: Vec<&Value> =
        overview["results"].as_array().unwrap().iter().map(|row| &row["count"]).collect();
    assert_eq!(totals, [&json!(14), &json!(5), &json!(2)], "{overview}");
    assert_eq!(overview["results"][0]["before"], 0, "{overview}");
    assert_eq!(overview["engines"][0]["clicks"], 14, "{overview}");
}

#[test]
fn nothing_is_wider_than_the_window_and_nothing_moves_its_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    stock(&server, folder.path());
    let mut commands: Vec<&[&str]> = STATISTICS.iter().map(|statistic| statistic.0).collect();
    commands.extend([&["overview"][..], &["rates"]]);
    for columns in ["24", "50", "80", "200"] {
        for args in &commands {
            let week = week();
            let mut command = binary(&[&["stats"], *args].concat());
            command.args(week).arg("--data-dir").arg(folder.path()).env("COLUMNS", columns);
            let done = finish(command);
            assert_eq!(done.code, Some(0), "{args:?}: {}", done.stderr);
            let widest = done.stdout.lines().map(|line| line.width()).max().unwrap();
            assert!(widest <= columns.parse().unwrap(), "{columns} {args:?}: {}", done.stdout);
            assert!(!done.stdout.contains(['\u{1b}', '\u{202e}']), "{args:?}: {}", done.stdout);
        }
    }
    // Without a window nothing is cut.
    let whole = asked(folder.path(), &["top-searches"], &[]).stdout;
    assert!(whole.contains(LONG_QUERY) && !whole.contains('\u{1b}'), "{whole}");
    server.stop();
}

#[test]
fn periods_and_search_engines_are_named_as_people_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    stock(&server, folder.path());
    let engine = |name: &str| {
        let made = run_in(
            folder.path(),
            &["engine", "create", "--account", shop::ACCOUNT, "--name", name, "--json"],
        )
        .json();
        made["hashid"].as_str().unwrap().to_owned()
    };
    let blog = engine("Blog");
    for twice in 0..2 {
        engine("Twin");
        let done = run_in(folder.path(), &["stats", "clicks", "--engine", "Twin"]);
        assert_eq!(done.code, Some(twice), "{}", done.stderr);
    }
    let rows = |args: &[&str]| {
        let reply = run_in(folder.path(), &[&["stats", "clicks", "--json"], args].concat()).json();
        (reply["results"].as_array().unwrap().len(), reply["total_count"].as_u64().unwrap())
    };
    // Midnight may have passed since the clicks were recorded, a minute ago.
    assert_eq!(rows(&[]), (30, 14));
    assert_eq!(rows(&["--from", "2w"]), (14, 14));
    assert_eq!(rows(&["--from", "2d", "--engine", HASHID]), (2, 14));
    assert_eq!(rows(&["--from", "2d", "--engine", "Blog"]), (2, 0));
    assert_eq!(rows(&["--from", "2d", "--engine", &blog, "--hashid", HASHID]), (2, 14));
    assert_eq!(rows(&["--from", "yesterday"]).0, 2);
    let shown = run_in(folder.path(), &["stats", "clicks", "--by", "engine", "--from", "2d"]).stdout;
    assert!(shown.contains("Blog") && !shown.contains(&blog), "a name tells more than a hashid: {shown}");
    for (args, part) in [
        (["--engine", "Nobody"], "engine list"),
        (["--engine", "Twin"], " or "),
        (["--from", "tomorrow"], "yesterday"),
        (["--to", "7d"], "--to"),
        (["--from", "0d"], "--from"),
    ] {
        let done = run_in(folder.path(), &[&["stats", "clicks"], &args[..]].concat());
        assert!(
            done.code == Some(1) && done.stderr.contains(part),
            "{args:?}: {} {}",
            done.stdout,
            done.stderr
        );
    }
    server.stop();
}

#[test]
fn a_running_server_is_watched_and_asked_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for command in [["status"], ["top"]] {
        let done = run_in(folder.path(), &command);
        assert!(
            done.code == Some(1) && done.stderr.contains("no server runs on"),
            "{command:?}: {}",
            done.stderr
        );
    }
    let server = Server::start(folder.path(), &[]);
    let key = stock(&server, folder.path());
    let state = run_in(folder.path(), &["status", "--json"]).json();
    assert_eq!(
        (&state["ready"], &state["clicks"], &state["searches"]),
        (&json!(true), &json!(14), &json!(8)),
        "{state}"
    );
    let fates: u64 = state["fates"].as_object().unwrap().values().map(|many| many.as_u64().unwrap()).sum();
    assert_eq!(json!(fates), state["received"], "{state}");
    assert!(run_in(folder.path(), &["status"]).stdout.starts_with("ready\n14 clicks, 8 searches"));

    let mut command = binary(&["top", "--interval", "1", "--count", "3", "--data-dir"]);
    command.arg(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watching = command.spawn().unwrap();
    // As long as it is watched, however slow the machine is.
    for n in 0..600 {
        if watching.try_wait().unwrap().is_some() {
            break;
        }
        let lines = [
            json!({"type": "click", "id": format!("t{n}"), "at": shop::now_ms(), "hashid": HASHID, "doc_id": "sku1"}),
            json!({"type": "click", "at": shop::now_ms(), "doc_id": "nowhere"}),
        ];
        let answer = shop::feed(server.address, &key, &shop::lines(&lines)).json();
        assert_eq!(answer["rejected_total"], 1, "{answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let watched = watching.wait_with_output().unwrap();
    let shown = String::from_utf8(watched.stdout).unwrap();
    assert!(watched.status.success(), "{}", String::from_utf8_lossy(&watched.stderr));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3, "a line for each interval: {shown}");
    assert!(
        !shown.contains('\u{1b}') && lines.iter().all(|line| line.contains(" ready=true clicks/s=")),
        "{shown}"
    );
    assert!(lines.iter().any(|line| line.contains(" unknown_engine=")), "why something was refused: {shown}");
    let clicks = |line: &str| -> u64 {
        line.split(' ').find_map(|pair| pair.strip_prefix("clicks=")).unwrap().parse().unwrap()
    };
    assert!(clicks(lines[0]) < clicks(lines[2]), "{shown}");
    server.stop();
}

#[test]
fn shells_and_man_know_every_command() {
    for (shell, part) in [
        ("bash", "complete -F _clicktally"),
        ("zsh", "#compdef clicktally"),
        ("fish", "complete -c clicktally"),
    ] {
        let done = run(&["completions", shell]);
        assert!(done.code == Some(0) && done.stdout.contains(part), "{shell}: {}", done.stderr);
        for word in ["top-searches", "popular-searches", "completions", "engine", "restore"] {
            assert!(done.stdout.contains(word), "{shell} does not know {word}");
        }
    }
    completions_are_bash();
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    assert_eq!(run(&["man", pages.to_str().unwrap()]).code, Some(0));
    for page in [
        "clicktally.1",
        "clicktally-serve.1",
        "clicktally-stats.1",
        "clicktally-stats-clicks.1",
        "clicktally-key-create.1",
    ] {
        let text =
            std::fs::read_to_string(pages.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(".SH SYNOPSIS") && text.contains(".SH NAME"), "{page}: {text}");
    }
    assert!(run(&["man"]).stdout.contains(".TH clicktally 1"));
    assert_eq!(run(&["completions", "cmd.exe"]).code, Some(2));
}

/// Bash itself completes what a half of a command may become.
fn completions_are_bash() {
    let script = run(&["completions", "bash"]).stdout;
    let asked = format!(
        "{script}\nCOMP_WORDS=(clicktally stats it); COMP_CWORD=2; _clicktally clicktally it stats; echo \"${{COMPREPLY[*]}}\""
    );
    let Ok(done) = Command::new("bash").args(["--norc", "-c", &asked]).output() else { return };
    let said = String::from_utf8_lossy(&done.stdout);
    let mut words: Vec<&str> = said.split_whitespace().collect();
    words.sort_unstable();
    assert_eq!(words, ["item-searches", "items"], "{said} {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_service_manager_is_told_when_the_server_listens_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let told = || {
        let mut bytes = [0; 256];
        let many = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..many]).into_owned()
    };
    let data = folder.path().join("data");
    let server = Server::try_start(&data, &[], &[("NOTIFY_SOCKET", path.as_os_str())]);
    let server = server.unwrap_or_else(|(_, log)| panic!("{log}"));
    assert_eq!(told(), "READY=1");
    server.stop();
    assert_eq!(told(), "STOPPING=1");
    // A manager that is gone stops no server.
    std::fs::remove_file(&path).unwrap();
    let server = Server::try_start(&data, &[], &[("NOTIFY_SOCKET", path.as_os_str())]);
    server.unwrap_or_else(|(_, log)| panic!("{log}")).stop();
}
