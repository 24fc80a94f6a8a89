//! A schema fuzzer that we did not write holds the server to its own OpenAPI document: no 5xx, no status, media type or
//! body that the document doesn't know.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::browser::Browser;
use crate::running::Server;
use crate::shop;

/// How many examples the fuzzer makes up for each operation, unless `CLICKTALLY_TESTS_EXAMPLES` says.
const EXAMPLES: &str = "10";
/// Where its dice begin, unless `CLICKTALLY_TESTS_SEED` says.
const SEED: &str = "1";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";

/// The Python that has the fuzzer; `None` leaves the test out, unless it must not be.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("CLICKTALLY_TESTS_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let found = Command::new(&python).args(["-c", "import schemathesis"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(
        std::env::var_os("CLICKTALLY_TESTS_COMPLETE").is_none(),
        "{} has no schemathesis: pip install -r tests/requirements.txt",
        python.display()
    );
    eprintln!("left out: the schema fuzzer is not installed (pip install -r tests/requirements.txt)");
    None
}

#[test]
fn no_answer_is_outside_the_served_document() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = ["--stats-per-second", "0", "--clicks-per-second", "0", "--unknown-items", "accept"];
    let server = Server::start(folder.path(), &options);
    let key = shop::found(folder.path());
    let browser = Browser::visit(server.address);
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/schema");
    let told = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let examples = told("CLICKTALLY_TESTS_EXAMPLES", EXAMPLES);
    let seed = told("CLICKTALLY_TESTS_SEED", SEED);
    let ran = Command::new(python)
        .args(["-m", "schemathesis.cli", "run", &format!("http://{}/openapi.json", server.address)])
        .args(["--header", &format!("Authorization: Token {key}")])
        .args(["--header", &format!("X-Fess-CSRF-Token: {}", browser.token)])
        .args(["--header", &format!("Cookie: {}", browser.cookies)])
        .args(["--max-examples", &examples, "--phases", "examples,coverage,fuzzing", "--checks", CHECKS])
        .args(["--continue-on-failure", "--no-color", "--generation-database", "none", "--seed", &seed])
        // That a name it made up was not found is no finding.
        .args(["--warnings", "off"])
        .current_dir(folder.path())
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", hooks)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let log = server.stop();
    assert!(ran.status.success(), "{}\n{log}", said.chars().take(20_000).collect::<String>());
    assert!(said.contains("No issues found"), "{said}");
    assert!(!log.contains("\"ERROR\""), "{log}");
}
