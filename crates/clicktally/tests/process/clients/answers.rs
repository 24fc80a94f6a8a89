//! The dashboard's files in a real browser, against answers that are made up: refused, failed and late ones, which a real server
//! gives too seldom.

use std::process::Command;

use serde_json::json;

use super::{chromium, node_modules, play};

#[test]
fn the_dashboard_shows_what_is_known_whatever_the_answers_are() {
    let Some((modules, chromium)) = node_modules("playwright-core").zip(chromium()) else { return };
    let mut node = Command::new("node");
    node.env("NODE_PATH", modules);
    let said = play(node, "dashboard/answers.cjs", &json!({ "chromium": chromium }));
    assert!(said.contains("answers: "), "{said}");
}
