//! A newcomer's way: account, engine, key, a click, a number; with a running server and without one. What machines read
//! has exactly the promised fields.

use std::path::Path;

use serde_json::{Value, json};

use crate::browser::{Browser, is_logged};
use crate::running::{Done, Server, binary, run, run_in};
use crate::shop::{self, ACCOUNT, HASHID};

#[track_caller]
fn fields(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
fn refused(done: &Done, code: i32, part: &str) {
    assert_eq!(done.code, Some(code), "{} {}", done.stdout, done.stderr);
    assert!(done.stderr.contains(part), "`{part}` is missing in: {}", done.stderr);
}

fn is_key(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_hashid(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Every command of the registry, as the command line answers it wherever the directory is.
fn newcomers_way(directory: &Path) {
    let account = run_in(directory, &["account", "create", ACCOUNT, "--json"]).json();
    assert_eq!(fields(&account), ["account", "account_code"]);
    assert_eq!(account["account"], ACCOUNT);
    let code = account["account_code"].as_str().unwrap().to_owned();
    assert_eq!(run_in(directory, &["account", "list", "--json"]).json(), json!([account]));
    refused(&run_in(directory, &["account", "create", ACCOUNT]), 1, "account of this name already");

    let named = [
        "engine",
        "create",
        "--account",
        ACCOUNT,
        "--hashid",
        HASHID,
        "--index",
        "product",
        "page",
        "--json",
    ];
    let engine = run_in(directory, &named).json();
    for field in ["hashid", "name", "account", "indices"] {
        assert!(!engine[field].is_null(), "{field} is missing in {engine}");
    }
    assert_eq!((&engine["hashid"], &engine["account"]), (&json!(HASHID), &json!(ACCOUNT)));
    assert_eq!(engine["indices"], json!(["product", "page"]));
    refused(&run_in(directory, &named), 1, "hashid already");
    let other =
        run_in(directory, &["engine", "create", "--account", &code, "--name", "Blog", "--json"]).json();
    assert!(is_hashid(other["hashid"].as_str().unwrap()), "{other}");
    assert_eq!((&other["name"], &other["account"]), (&json!("Blog"), &json!(ACCOUNT)));
    let engines = run_in(directory, &["engine", "list", "--json"]).json();
    assert_eq!(engines.as_array().unwrap().len(), 2);
    assert!(engines.as_array().unwrap().contains(&other));

    let made =
        run_in(directory, &["key", "create", "--account", ACCOUNT, "--scope", "read", "--json"]).json();
    assert_eq!(fields(&made), ["account", "id", "key"]);
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(is_key(key), "{made}");
    let listed = run_in(directory, &["key", "list", "--json"]);
    assert!(!listed.stdout.contains(key), "a list of keys gives a key away");
    assert_eq!((&listed.json()[0]["id"], &listed.json()[0]["scopes"]), (&json!(id), &json!("read")));
    assert_eq!(run_in(directory, &["key", "revoke", id, "--json"]).json()["id"], id);
    assert_eq!(run_in(directory, &["key", "list", "--json"]).json(), json!([]));
    assert_eq!(run_in(directory, &["key", "revoke", id]).code, Some(1));
    page_keys(directory);

    refused(
        &run_in(directory, &["key", "create", "--account", "nobody"]),
        1,
        "clicktally account create nobody",
    );
    refused(
        &run_in(directory, &["key", "create", "--account", ACCOUNT, "--scope", "all"]),
        1,
        "read, write, manage",
    );
    refused(
        &run_in(directory, &["engine", "create", "--account", ACCOUNT, "--hashid", "xyz"]),
        1,
        "--hashid",
    );
}

/// Keys that stand in a public page: their engines and origins are checked, kept and listed.
fn page_keys(directory: &Path) {
    let origin = "https://shop.example.com";
    let create = ["key", "create", "--account", ACCOUNT];
    let click = [&create[..], &["--scope", "click"]].concat();
    let made = run_in(
        directory,
        &[&click[..], &["--engine", HASHID, "--origin", origin, "http://localhost:3000", "--json"]].concat(),
    );
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let listed = run_in(directory, &["key", "list", "--json"]).json();
    assert_eq!(listed[0]["engines"], json!([HASHID]));
    assert_eq!(listed[0]["origins"], json!([origin, "http://localhost:3000"]));
    assert_eq!(run_in(directory, &["key", "revoke", &id]).code, Some(0));
    let wrong = [
        (&["--origin", "*"], "--origin"),
        (&["--origin", "https://shop.example.com/"], "--origin"),
        (&["--engine", "00000000000000000000000000000000"], "engine list"),
    ];
    for (options, why) in wrong {
        refused(&run_in(directory, &[&click[..], options].concat()), 1, why);
    }
    refused(&run_in(directory, &[&create[..], &["--origin", origin]].concat()), 1, "--scope click");
}

#[test]
fn commands_answer_as_promised_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    newcomers_way(&folder.path().join("made/by/the/first/command"));
}

#[test]
fn commands_answer_as_promised_on_the_directory_of_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    newcomers_way(folder.path());
    server.stop();
}

#[test]
fn what_is_typed_is_in_effect_on_the_running_server_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let key = shop::found(folder.path());
    let now_ms = shop::now_ms();
    shop::stock(server.address, &key, &shop::catalogue(3, now_ms));
    let browser = Browser::visit(server.address);
    let clicked = browser.click_once(server.address, &json!({"doc_id": "sku1", "query_id": "q1", "rank": 2}));
    assert!(is_logged(&clicked), "{}", clicked.json());
    assert_eq!(shop::clicks_counted(server.address, &key), 1);

    let listed = run_in(folder.path(), &["key", "list", "--json"]).json();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(run_in(folder.path(), &["key", "revoke", &id]).code, Some(0));
    let (from, to) = shop::week();
    let target = format!("/api/v2/stats/clicks?from={from}&to={to}");
    assert_eq!(shop::stats(server.address, &key, &target).status, 401);
    assert_eq!(shop::feed(server.address, &key, &shop::catalogue(1, now_ms)).status, 401);
    let next = shop::key(folder.path(), &["--scope", "read"]);
    assert_eq!(shop::stats(server.address, &next, &target).status, 200);
    assert_eq!(shop::feed(server.address, &next, &shop::catalogue(1, now_ms)).status, 403);
    server.stop();
}

#[test]
fn stats_in_the_terminal_say_what_the_server_answers() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let key = shop::found(folder.path());
    shop::stock(server.address, &key, &shop::catalogue(3, shop::now_ms()));
    let browser = Browser::visit(server.address);
    for rank in 1..=3 {
        browser.click_once(server.address, &json!({"doc_id": "sku0", "query_id": "q1", "rank": rank}));
    }
    let (from, to) = shop::week();
    let period = ["--from", &from.to_string(), "--to", &to.to_string()];
    let asked = |more: &[&str]| run_in(folder.path(), &[&["stats", "clicks"], &period[..], more].concat());
    let days = asked(&["--json"]).json();
    let served =
        shop::stats(server.address, &key, &format!("/api/v2/stats/clicks?from={from}&to={to}")).json();
    assert_eq!(days, served);
    let terms = asked(&["--by", "search", "--json"]).json();
    assert_eq!(terms["results"], json!([{"query": shop::QUERY, "count": 3}]));
    let devices = asked(&["--by", "device", "--json"]).json();
    assert!(
        devices["results"].as_array().unwrap().contains(&json!({"device": "desktop", "count": 3})),
        "{devices}"
    );
    let engines = asked(&["--by", "engine", "--json"]).json();
    assert_eq!(engines["results"], json!([{"hashid": HASHID, "count": 3}]));
    let csv = asked(&["--csv"]).stdout;
    assert_eq!(csv.lines().next(), Some("date,timestamp,count"), "{csv}");
    let counted = csv.lines().skip(1).map(|row| row.rsplit(',').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(counted.sum::<u64>(), 3, "{csv}");
    let shown = asked(&[]).stdout;
    let total = shown.lines().last().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert!(total == Some(vec!["total", "3"]) && shown.contains('█'), "{shown}");
    server.stop();
}

#[test]
fn wrong_usage_is_named_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("never-made");
    let wrong: [(&[&str], &str); 12] = [
        (&["serve", "--nonsense"], "--nonsense"),
        (&["serve", "--listen", "8080"], "--listen"),
        (&["serve", "--opt-out", "maybe"], "--opt-out"),
        (&["serve", "--click-log", "perhaps"], "--click-log"),
        (&["serve", "--cors-origins", "*"], "CLICKTALLY_CORS_ORIGINS"),
        (&["serve", "--trusted-proxies", "10.0.0.0/99"], "--trusted-proxies"),
        (&["serve", "--stats-timeout-ms", "0"], "--stats-timeout-ms"),
        (&["serve", "--zone", "EU 1"], "--zone"),
        (&["serve", "--config", "/nowhere/clicktally.toml"], "/nowhere/clicktally.toml"),
        (&["key", "create"], "--account"),
        (&["stats", "clicks", "--limit", "0"], "--limit"),
        (&["import", "x.ndjson", "--url", "http://localhost:1"], "--key"),
    ];
    for (args, name) in wrong {
        refused(&run_in(&directory, args), 2, name);
    }
    assert!(!directory.exists(), "a command that was not understood made a directory");
    refused(&run(&["tally"]), 2, "tally");
    let mut by_environment = binary(&["serve"]);
    by_environment.env("CLICKTALLY_DATA_DIR", &directory).env("CLICKTALLY_CORS_ORIGINS", "*");
    let output = by_environment.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("CLICKTALLY_CORS_ORIGINS"));
}

#[test]
fn a_question_that_makes_no_sense_is_refused_by_the_name_of_its_option() {
    let folder = tempfile::tempdir().unwrap();
    shop::found(folder.path());
    let asked = |more: &[&str]| {
        let period = ["stats", "clicks", "--from", "20240101", "--to", "20240131"];
        run_in(folder.path(), &[&period[..], more].concat())
    };
    assert_eq!(asked(&[]).code, Some(0));
    for [option, value] in [
        ["--tz", "Mars/Olympus"],
        ["--device", "toaster"],
        ["--hashid", "xyz"],
        ["--dfid", "xyz"],
        ["--product-type", "shoe"],
    ] {
        let done = asked(&[option, value]);
        assert_ne!(done.code, Some(0), "{option} {value}: {}", done.stdout);
        assert!(done.stderr.contains(option), "{}", done.stderr);
    }
    for period in [["20240230", "20240301"], ["20240131", "20240101"], ["tomorrow", "20240101"]] {
        let done = run_in(folder.path(), &["stats", "clicks", "--from", period[0], "--to", period[1]]);
        assert_ne!(done.code, Some(0), "{period:?}: {}", done.stdout);
        assert!(done.stderr.contains("from"), "{}", done.stderr);
    }
}

#[test]
fn every_command_explains_itself() {
    let commands: [&[&str]; 20] = [
        &[],
        &["serve"],
        &["demo"],
        &["import"],
        &["export"],
        &["account", "create"],
        &["key", "create"],
        &["key", "list"],
        &["key", "revoke"],
        &["engine", "create"],
        &["engine", "list"],
        &["stats"],
        &["stats", "overview"],
        &["stats", "clicks"],
        &["stats", "top-searches"],
        &["check"],
        &["top"],
        &["status"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        let done = run(&[command, &["--help"]].concat());
        assert_eq!(done.code, Some(0), "{command:?}: {}", done.stderr);
        assert!(done.stdout.contains("Usage: clicktally"), "{command:?}: {}", done.stdout);
    }
}

#[test]
fn a_reading_command_makes_no_directory() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("misspelt");
    let reading: [&[&str]; 5] = [
        &["stats", "clicks", "--from", "20240101", "--to", "20240101"],
        &["export", "--from", "20240101", "--to", "20240101"],
        &["check"],
        &["key", "list"],
        &["engine", "list"],
    ];
    for command in reading {
        refused(&run_in(&missing, command), 1, "misspelt");
        assert!(!missing.exists(), "{command:?} made the directory");
    }
}
