//! Official clients, installed as their users install them and not changed in a byte: each plays every call that it has for
//! what is served, good and bad, against the real server, and must get what its own maker would have answered: the
//! answer, or its own exception for the status.

mod insights;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Where the scripts are that call the clients.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients")
}

/// A Node that finds a package: in `CLICKTALLY_TESTS_NODE`, or beside the scripts.
fn node(package: &str) -> Option<Command> {
    let folder = std::env::var_os("CLICKTALLY_TESTS_NODE").map_or_else(scripts, PathBuf::from);
    let modules = folder.join("node_modules");
    let mut node = Command::new("node");
    node.env("NODE_PATH", &modules);
    let runs = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    let is_there = runs && modules.join(package).join("package.json").exists();
    or_left_out(is_there, package, "npm ci --prefix tests/clients").then_some(node)
}

fn or_left_out(is_there: bool, package: &str, install: &str) -> bool {
    assert!(
        is_there || std::env::var_os("CLICKTALLY_TESTS_COMPLETE").is_none(),
        "{package} is not installed: {install}"
    );
    if !is_there {
        eprintln!("left out: {package} is not installed ({install})");
    }
    is_there
}

/// Runs a script to its end, which must be a good one; returns what it said.
fn play(mut interpreter: Command, script: &str, told: &Value) -> String {
    let mut child = interpreter
        .arg(scripts().join(script))
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{stdout}{stderr}");
    stdout.into_owned()
}
