//! Official clients, installed as their users install them and unmodified, against the running server: what they make of its
//! answers is theirs to say.

mod answers;
mod dashboard;
mod doofinder;
mod insights;
mod tracker;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Where the pinned packages of `tests/clients` are installed; `None` leaves the tests of a client out, unless they must not
/// be.
fn node_modules(package: &str) -> Option<PathBuf> {
    let modules = std::env::var_os("CLICKTALLY_TESTS_NODE_MODULES").map(PathBuf::from);
    let has_node = || Command::new("node").arg("--version").output().is_ok_and(|ran| ran.status.success());
    if let Some(modules) = modules.filter(|modules| modules.join(package).is_dir() && has_node()) {
        return Some(modules);
    }
    assert!(
        std::env::var_os("CLICKTALLY_TESTS_COMPLETE").is_none(),
        "CLICKTALLY_TESTS_NODE_MODULES must name the node_modules of tests/clients (npm ci), and node must be there"
    );
    eprintln!("left out: {package} is not installed (npm ci in a copy of tests/clients)");
    None
}

/// Debian's browser, or the one that `CLICKTALLY_TESTS_CHROMIUM` names; `None` leaves the tests in it out, unless they must
/// not be.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CLICKTALLY_TESTS_CHROMIUM").map(PathBuf::from);
    let chromium = named.unwrap_or_else(|| "/usr/bin/chromium".into());
    if chromium.is_file() {
        return Some(chromium);
    }
    assert!(
        std::env::var_os("CLICKTALLY_TESTS_COMPLETE").is_none(),
        "{} is not there: apt-get install chromium",
        chromium.display()
    );
    eprintln!("left out: {} is not installed (apt-get install chromium)", chromium.display());
    None
}

/// A Python that has a package; `None` leaves the tests out, unless they must not be.
fn python(package: &str) -> Option<PathBuf> {
    let python = std::env::var_os("CLICKTALLY_TESTS_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let found = Command::new(&python).args(["-c", &format!("import {package}")]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(
        std::env::var_os("CLICKTALLY_TESTS_COMPLETE").is_none(),
        "{} has no {package}: pip install -r tests/requirements.txt",
        python.display()
    );
    eprintln!("left out: {package} is not installed (pip install -r tests/requirements.txt)");
    None
}

/// Held by whoever leads a browser: two of them at once are slow enough on two cores to run into each other's limits.
static BROWSER: Mutex<()> = Mutex::new(());

/// Runs a script of `tests/clients` to its end, which must be a good one; returns what it said. What it has to know goes to
/// its standard input.
fn play(mut interpreter: Command, script: &str, told: &Value) -> String {
    let _alone = told.get("chromium").map(|_| BROWSER.lock().unwrap_or_else(PoisonError::into_inner));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(script);
    interpreter.arg(script).env_remove("http_proxy").env_remove("HTTP_PROXY");
    interpreter.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = interpreter.spawn().unwrap();
    child.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{stdout}{stderr}");
    stdout.into_owned()
}
