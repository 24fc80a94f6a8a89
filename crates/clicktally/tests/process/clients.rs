//! Official clients, unmodified, against the running server: what they make of its answers is theirs to say.

mod insights;

use std::path::PathBuf;
use std::process::Command;

/// Where the pinned packages of `tests/clients` are installed; `None` leaves the tests out, unless they must not be.
fn node_modules() -> Option<PathBuf> {
    let modules = std::env::var_os("CLICKTALLY_TESTS_NODE_MODULES").map(PathBuf::from);
    let has_node = || Command::new("node").arg("--version").output().is_ok_and(|ran| ran.status.success());
    if let Some(modules) = modules.filter(|modules| modules.join("search-insights").is_dir() && has_node()) {
        return Some(modules);
    }
    assert!(
        std::env::var_os("CLICKTALLY_TESTS_COMPLETE").is_none(),
        "CLICKTALLY_TESTS_NODE_MODULES must name the node_modules of tests/clients (npm ci), and node must be there"
    );
    eprintln!("left out: the official clients are not installed (npm ci in a copy of tests/clients)");
    None
}
