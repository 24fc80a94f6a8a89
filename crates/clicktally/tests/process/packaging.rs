//! What is packed beside the binary: the dashboards ask for nothing that the server does not serve, and the packages hold what they
//! promise.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::http;
use crate::running::Server;
use crate::shop::{self, HASHID, INDEX};

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(file)
}

fn dashboard(file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(packaging(file)).unwrap()).unwrap()
}

/// The targets of all panels.
fn targets(dashboard: &Value) -> Vec<Value> {
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap().clone()).collect()
}

/// A shop whose server has been asked and told a little of everything.
fn used(folder: &Path) -> (Server, String) {
    let server = Server::start(folder, &[]);
    let key = shop::found(folder);
    let at = shop::now_ms();
    shop::stock(server.address, &key, &shop::catalogue(3, at));
    let browser = Browser::visit(server.address);
    browser.click_once(server.address, &json!({"doc_id": "sku1", "query_id": "q1", "rank": 1}));
    let search = |id: &str, more: &Value| {
        let mut search = json!({"type": "search", "id": id, "at": at, "hashid": HASHID, "user": "u1"});
        search.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        search
    };
    let lines = [
        search("q2", &json!({"query": "nothing", "total_hits": 0})),
        search("o1", &json!({"kind": "opened"})),
        json!({"type": "click", "at": at, "hashid": HASHID, "doc_id": "7", "product_type": "banner"}),
        json!({"type": "click", "at": at, "hashid": HASHID, "index": INDEX, "doc_id": "sku1", "custom_result": "9"}),
    ];
    shop::stock(server.address, &key, &shop::lines(&lines));
    (server, key)
}

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(|character| !is_part(character));
    words.filter(|word| word.starts_with("clicktally_")).map(str::to_owned).collect()
}

#[test]
fn the_dashboard_of_the_server_asks_only_for_metrics_that_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = used(folder.path());
    let metrics = String::from_utf8(http::ask(server.address, "GET", "/metrics", &[], None).body).unwrap();
    let samples: String =
        metrics.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let served = names(&samples);
    let dashboard = dashboard("grafana/server.json");
    let asked: String =
        targets(&dashboard).iter().map(|target| target["expr"].as_str().unwrap().to_owned() + "\n").collect();
    let asked = &names(&asked) | &names(&dashboard["templating"].to_string());
    let missing: Vec<&String> = asked.difference(&served).collect();
    assert!(missing.is_empty(), "{missing:?} is not in {metrics}");
    assert!(asked.len() >= 20, "{asked:?}");
    // Labels too: each that is grouped or held to by name is one of its metric.
    for label in ["fate", "status", "route", "le"] {
        assert!(samples.contains(&format!("{label}=\"")), "{label}");
    }
    server.stop();
}

#[test]
fn the_dashboard_of_clicks_gets_every_column_that_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = used(folder.path());
    let (from, to) = shop::week();
    let dashboard = dashboard("grafana/statistics.json");
    let told = |text: &str| {
        text.replace("${__from}", &from.to_string())
            .replace("${__to}", &to.to_string())
            .replace("${tz}", "Etc/UTC")
    };
    let targets = targets(&dashboard);
    assert!(targets.len() >= 13);
    for target in targets {
        let url = told(target["url"].as_str().unwrap());
        let path = url.strip_prefix("${url}").unwrap_or_else(|| panic!("{url}"));
        // A key may make 20 calls a second.
        std::thread::sleep(std::time::Duration::from_millis(60));
        let answer = shop::stats(server.address, &key, path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        let answer = answer.json();
        let rows = answer[target["root_selector"].as_str().unwrap()].as_array().unwrap().clone();
        assert!(!rows.is_empty(), "{path}");
        for column in target["columns"].as_array().unwrap() {
            let field = column["selector"].as_str().unwrap();
            assert!(rows.iter().all(|row| row.get(field).is_some()), "{path} has no {field}: {answer}");
        }
    }
    server.stop();
}

/// Builds a package of the binary under test, as the script does of the released one, and looks into it.
#[test]
fn a_debian_package_holds_all_that_a_service_needs() {
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok_and(|ran| ran.status.success());
    if !["dpkg-deb", "gzip", "bash"].iter().all(|tool| has(tool)) {
        assert!(std::env::var_os("CLICKTALLY_TESTS_COMPLETE").is_none(), "dpkg-deb must be there");
        eprintln!("left out: there is no dpkg-deb");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let built = Command::new(packaging("debian/build"))
        .arg(env!("CARGO_BIN_EXE_clicktally"))
        .arg(folder.path())
        // A binary for tests is large, and what is looked at is not how small it can be made.
        .envs([("DPKG_DEB_COMPRESSOR_TYPE", "gzip"), ("DPKG_DEB_COMPRESSOR_LEVEL", "1")])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let package = String::from_utf8(built.stdout).unwrap().trim().to_owned();
    let dpkg = |args: &[&str]| {
        let done = Command::new("dpkg-deb").args(args).arg(&package).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let listed = dpkg(&["--contents"]);
    for path in [
        "./usr/bin/clicktally",
        "./usr/lib/systemd/system/clicktally.service",
        "./etc/clicktally/clicktally.toml",
        "./usr/share/man/man1/clicktally.1.gz",
        "./usr/share/man/man1/clicktally-stats-clicks.1.gz",
        "./usr/share/bash-completion/completions/clicktally",
        "./usr/share/zsh/vendor-completions/_clicktally",
        "./usr/share/fish/vendor_completions.d/clicktally.fish",
        "./usr/share/doc/clicktally/grafana/server.json",
    ] {
        let line = listed.lines().find(|line| line.ends_with(path));
        let line = line.unwrap_or_else(|| panic!("{path} is not in {listed}"));
        assert!(line.contains("root/root"), "{line}");
    }
    let control = dpkg(&["--field"]);
    assert!(control.contains("Package: clicktally\n"), "{control}");
    for left in ["@VERSION@", "@ARCH@", "@SIZE@", "@DEPENDS@"] {
        assert!(!control.contains(left), "{control}");
    }
    let version = crate::running::run(&["--version"]).stdout;
    assert!(
        control.contains(&format!("Version: {}", version.trim().rsplit(' ').next().unwrap())),
        "{control}"
    );
    // What is unpacked runs, and its configuration is one.
    let root = folder.path().join("root");
    let unpacked = Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&root).status().unwrap();
    assert!(unpacked.success());
    let data = folder.path().join("data");
    let listed = Command::new(root.join("usr/bin/clicktally"))
        .args(["account", "create", "shop", "--config"])
        .arg(root.join("etc/clicktally/clicktally.toml"))
        .arg("--data-dir")
        .arg(&data)
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let conffiles = Command::new("dpkg-deb").args(["--info", &package, "conffiles"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&conffiles.stdout).trim(), "/etc/clicktally/clicktally.toml");
}
