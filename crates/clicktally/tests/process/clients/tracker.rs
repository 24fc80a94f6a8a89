//! The tracker that pages load, in Debian's Chromium: what a visitor does counts, each once, whatever the network and the
//! page do meanwhile. It must never know how the tracker does it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::{chromium, node_modules, play};
use crate::http;
use crate::running::Server;
use crate::shop::{self, HASHID};

const VISITS: u64 = 1_000;
const TABS: u64 = 8;
/// The whole script as a browser gets it, in bytes.
const GZIP_BYTES_MAX: usize = 2_000;

/// A server, and what a script has to know of it.
struct Place {
    server: Server,
    told: Value,
    modules: PathBuf,
    _folder: tempfile::TempDir,
}

impl Place {
    /// `None` where there is no browser.
    fn open() -> Option<Self> {
        let (modules, chromium) = (node_modules("playwright-core")?, chromium()?);
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &["--clicks-per-second", "0", "--stats-per-second", "0"]);
        let key = shop::found(folder.path());
        let origins = ["--origin", "http://shop.example.com", "http://other.example.com"];
        let click_key =
            shop::key(folder.path(), &[&["--scope", "click", "--engine", HASHID], &origins[..]].concat());
        let told = json!({
            "url": format!("http://{}", server.address),
            "key": key,
            "clickKey": click_key,
            "hashid": HASHID,
            "chromium": chromium,
            "visits": VISITS,
            "tabs": TABS,
        });
        Some(Self { server, told, modules, _folder: folder })
    }

    fn play(&self, script: &str) -> String {
        let mut node = Command::new("node");
        node.env("NODE_PATH", &self.modules);
        play(node, script, &self.told)
    }

    /// It has not said that something of its own went wrong, nor a key that stood in an address.
    fn close(self) {
        let log = self.server.stop();
        assert!(!log.contains("\"ERROR\""), "{log}");
        assert!(!log.contains(self.told["clickKey"].as_str().unwrap()), "a key is in the log");
    }
}

#[test]
fn a_thousand_visits_that_leave_with_their_click_count_once_each() {
    let Some(place) = Place::open() else { return };
    assert_eq!(place.play("tracker_visits.cjs"), format!("visits: {VISITS} clicks, each once\n"));
    place.close();
}

#[test]
fn the_tracker_keeps_what_it_promises_to_pages() {
    let Some(place) = Place::open() else { return };
    assert_eq!(place.play("tracker_pages.cjs"), "tracker: 19 scenes as expected\n");
    place.close();
}

#[test]
fn any_page_may_load_the_tracker_and_keep_it_for_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let ask = |method: &str, headers: &[(&str, &str)]| {
        http::ask(server.address, method, "/clicktally.js", headers, None)
    };
    let gzip = [("Accept-Encoding", "gzip, deflate, br")];
    let answer = ask("GET", &gzip);
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() < GZIP_BYTES_MAX, "{} bytes", answer.body.len());
    let header = |name: &str| answer.headers_named(name).collect::<Vec<_>>().join(" & ");
    let expected = [
        ("content-type", "text/javascript; charset=utf-8"),
        ("content-encoding", "gzip"),
        ("cache-control", "public, max-age=3600"),
        ("vary", "Accept-Encoding"),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("x-content-type-options", "nosniff"),
    ];
    for (name, value) in expected {
        assert_eq!(header(name), value, "{name}");
    }
    let etag = header("etag");
    let again = ask("GET", &[gzip[0], ("If-None-Match", &etag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.headers_named("etag").next(), Some(etag.as_str()));
    let plain = ask("GET", &[("If-None-Match", &etag)]);
    assert_eq!((plain.status, plain.headers_named("content-encoding").count()), (200, 0));
    assert!(plain.body.starts_with(b"(() => {"));
    assert_eq!(ask("HEAD", &gzip).status, 200);
    assert_eq!(ask("POST", &[]).status, 405);
    server.stop();
}
