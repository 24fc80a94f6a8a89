//! `search-insights`, the official client of the Algolia Insights API: every call that it has, good and bad, from its build
//! for servers, its build for browsers, and as a beacon.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::node_modules;
use crate::running::{Server, run_in};
use crate::shop::{self, ACCOUNT, HASHID, INDEX};

const ORIGIN: &str = "https://shop.example.com";
/// Calls of the client, and the clicks on results that each tells.
const CALLS: [(&str, u64); 13] = [
    ("clickedObjectIDsAfterSearch", 2),
    ("clickedObjectIDs", 1),
    ("clickedFilters", 0),
    ("convertedObjectIDsAfterSearch", 0),
    ("addedToCartObjectIDsAfterSearch", 0),
    ("purchasedObjectIDsAfterSearch", 0),
    ("convertedObjectIDs", 0),
    ("addedToCartObjectIDs", 0),
    ("purchasedObjectIDs", 0),
    ("convertedFilters", 0),
    ("viewedObjectIDs", 0),
    ("viewedFilters", 0),
    ("sendEvents", 1),
];
/// Two objects in each of three good calls besides: three days old, with credentials of its own, a beacon.
const OTHER_CLICKS: u64 = 6;

fn calls(modules: &Path, told: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/insights_calls.cjs");
    let ran = Command::new("node").arg(script).arg(modules).arg(told.to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[test]
fn the_official_insights_client_runs_unmodified() {
    let Some(modules) = node_modules("search-insights") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--log-level", "debug"]);
    let key = shop::found(folder.path());
    shop::stock(server.address, &key, &shop::catalogue(3, shop::now_ms()));
    let other =
        run_in(folder.path(), &["engine", "create", "--account", ACCOUNT, "--index", "blog", "--json"]);
    let page_key = shop::key(folder.path(), &["--scope", "click", "--engine", HASHID, "--origin", ORIGIN]);
    let told = json!({
        "url": format!("http://{}", server.address),
        "application": ACCOUNT,
        "key": page_key,
        "origin": ORIGIN,
        "index": INDEX,
        "otherIndex": other.json()["hashid"],
    });
    let made = calls(&modules, &told);
    for build in ["node", "browser"] {
        for (method, _) in CALLS {
            assert_eq!(made[format!("{build} {method}")], true, "{build} {method}: {made}");
        }
    }
    for (name, result) in made.as_object().unwrap() {
        if name.starts_with("bad: ") {
            assert_eq!(*result, false, "{name}");
        } else if name.starts_with("good: ") {
            assert_eq!(*result, true, "{name}");
        }
    }
    assert_eq!(made.as_object().unwrap().keys().filter(|name| name.starts_with("bad: ")).count(), 9);
    assert_eq!(made["beacon"], json!([200, ORIGIN]));
    assert_eq!(made["foreign beacon"], json!([403, null]));
    assert_eq!(made["opted out"], false, "the client itself keeps silent");
    let clicks: u64 = CALLS.iter().map(|(_, clicks)| 2 * clicks).sum();
    assert_eq!(shop::clicks_counted(server.address, &key), clicks + OTHER_CLICKS);
    let log = server.stop();
    assert!(!log.contains(&page_key), "a key that stood in an address is in the log");
    assert!(log.contains("/1/events"), "the log tells nothing of the calls at all");
}
