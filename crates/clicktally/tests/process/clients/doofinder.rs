//! Doofinder's own clients: `pydoof` for shops' servers (management, events, statistics), and the `doofinder` package that
//! shops put into their pages.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{node_modules, play, python};
use crate::running::{Server, run_in};
use crate::shop::{self, ACCOUNT, HASHID, INDEX};

const SITE: &str = "shop.example.com";
const OTHER_HASHID: &str = "22222222222222222222222222222222";

/// Two accounts with an engine each: `shop`, whose engine has a site, and another one.
fn found(directory: &Path) {
    for account in [ACCOUNT, "other"] {
        run_in(directory, &["account", "create", account, "--json"]).json();
    }
    let engine = |account: &str, hashid: &str, site: &[&str]| {
        let args = ["engine", "create", "--account", account, "--hashid", hashid, "--index", INDEX, "--json"];
        run_in(directory, &[&args, site].concat()).json();
    };
    engine(ACCOUNT, HASHID, &["--site", SITE]);
    engine("other", OTHER_HASHID, &[]);
}

/// A server without limits, one with a limit that everybody meets, and what a client has to know of them.
struct Place {
    folders: [tempfile::TempDir; 2],
    servers: [Server; 2],
}

impl Place {
    fn open() -> Self {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let open = |folder: &tempfile::TempDir, per_second: &str| {
            let options = ["--stats-per-second", per_second, "--clicks-per-second", per_second];
            let server = Server::start(folder.path(), &options);
            found(folder.path());
            server
        };
        let servers = [open(&folders[0], "0"), open(&folders[1], "1")];
        Self { folders, servers }
    }

    fn told(&self) -> Value {
        let (here, slow) = (self.folders[0].path(), self.folders[1].path());
        let (from, to) = shop::week();
        let url = |server: &Server| format!("http://{}", server.address);
        json!({
            "url": url(&self.servers[0]),
            "key": shop::key(here, &[]),
            "read_key": shop::key(here, &["--scope", "read"]),
            "write_key": shop::key(here, &["--scope", "write"]),
            "click_key": shop::key(here, &["--scope", "click"]),
            "hashid": HASHID,
            "site": SITE,
            "foreign_hashid": OTHER_HASHID,
            "from": from / 1_000,
            "to": to / 1_000,
            "slow": {"url": url(&self.servers[1]), "key": shop::key(slow, &[])},
        })
    }

    /// Neither has said that something of its own went wrong.
    fn close(self) {
        for server in self.servers {
            let log = server.stop();
            assert!(!log.contains("\"ERROR\""), "{log}");
        }
    }
}

#[test]
fn pydoof_gets_what_it_expects_from_every_call() {
    let Some(python) = python("pydoof") else { return };
    let place = Place::open();
    let said = play(Command::new(python), "pydoof_calls.py", &place.told());
    assert_eq!(said, "pydoof: 104 calls as expected\n");
    place.close();
}

#[test]
fn the_doofinder_package_records_from_servers_and_from_pages() {
    let Some(modules) = node_modules("doofinder") else { return };
    let place = Place::open();
    let told = place.told();
    let (address, key) = (place.servers[0].address, told["key"].as_str().unwrap());
    shop::stock(address, key, &shop::catalogue(3, shop::now_ms()));
    let mut node = Command::new("node");
    node.env("NODE_PATH", modules);
    let said = play(node, "doofinder_calls.cjs", &told);
    assert_eq!(said, "doofinder: 39 calls as expected\n");
    // Under Node seven clicks and of the page four: two on custom results, three on banners.
    let counted = |filter: &str| {
        let (from, to) = shop::week();
        let answer = shop::stats(address, key, &format!("/api/v2/stats/clicks?from={from}&to={to}{filter}"));
        answer.json()["total_count"].as_u64().unwrap()
    };
    assert_eq!(counted(""), 11);
    assert_eq!(counted("&product_type=custom_result"), 2);
    assert_eq!(counted("&product_type=banner"), 3);
    let (from, to) = shop::week();
    let target = format!("/api/v2/stats/custom-results?from={from}&to={to}");
    let by_id = shop::stats(address, key, &target).json();
    assert_eq!(by_id["results"], serde_json::json!([{"id": 5, "clicks": 2, "displays": null}]));
    assert_eq!(counted("&query=RED%20shoes"), 6);
    // A page's browser tells the device, a program does not.
    assert_eq!(counted("&device=desktop"), 4);
    place.close();
}
