//! Directories that a server must not touch: foreign ones, newer ones, damaged ones. And what a crash leaves, which is
//! no damage.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::http;
use crate::running::{Server, refused_start, run_in, start_and_kill};
use crate::shop;

/// As `docs/formats/journal.md` draws it.
const SEGMENT_HEADER_BYTES: usize = 4_096;

/// The journal of the clicks that was written to, and where its content ends.
fn journal(directory: &Path) -> (PathBuf, Vec<u8>, usize) {
    let folder = directory.join("journal");
    let mut written: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    written.sort();
    let (path, bytes) = written.pop().expect("no journal");
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    (path, bytes, end)
}

/// A directory with a few clicks, each acknowledged for itself, and a key.
fn used(directory: &Path) -> String {
    let key = shop::found(directory);
    let server = Server::start(directory, &[]);
    for n in 0..20 {
        let click = json!({"type": "click", "id": format!("c{n}"), "at": shop::now_ms(), "hashid": shop::HASHID, "doc_id": "sku1"});
        shop::stock(server.address, &key, &shop::lines(&[click]));
    }
    server.kill();
    key
}

#[test]
fn a_directory_of_something_else_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "precious").unwrap();
    let done = refused_start(folder.path(), &[]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("thesis.txt"), "{}", done.stderr);
    let account = run_in(folder.path(), &["account", "create", "shop"]);
    assert_eq!(account.code, Some(1));
    assert!(account.stderr.contains("thesis.txt"), "{}", account.stderr);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["thesis.txt"]);
}

#[test]
fn a_directory_of_a_newer_version_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    let format = folder.path().join("FORMAT");
    let ours = fs::read_to_string(&format).unwrap();
    let newer = ours.replace('2', "7");
    assert_ne!(ours, newer);
    fs::write(&format, &newer).unwrap();
    let done = refused_start(folder.path(), &[]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("format is 7"), "{}", done.stderr);
    for command in [&["key", "list"][..], &["account", "create", "other"], &["check"]] {
        assert_eq!(run_in(folder.path(), command).code, Some(1), "{command:?}");
    }
    assert_eq!(fs::read_to_string(&format).unwrap(), newer);
    fs::write(&format, &ours).unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(shop::clicks_counted(server.address, &key), 0);
    server.stop();
}

#[test]
fn a_first_start_that_was_broken_off_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    for leftover in ["LOCK", "FORMAT.tmp", "secret.key.tmp"] {
        fs::write(folder.path().join(leftover), "").unwrap();
    }
    Server::start(folder.path(), &[]).stop();
    for step in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        start_and_kill(folder.path(), std::time::Duration::from_millis(step * 4));
        Server::start(folder.path(), &[]).stop();
    }
}

#[test]
fn damage_in_the_middle_is_named_and_no_server_starts_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let key = used(folder.path());
    let (path, sound, end) = journal(folder.path());
    let mut damaged = sound.clone();
    // The middle of what is written, not of the head of the file.
    damaged[usize::midpoint(SEGMENT_HEADER_BYTES, end)] ^= 0x20;
    fs::write(&path, &damaged).unwrap();

    let name = path.file_name().unwrap().to_str().unwrap();
    let checked = run_in(folder.path(), &["check"]);
    assert_eq!(checked.code, Some(1), "{} {}", checked.stdout, checked.stderr);
    assert!(checked.stdout.contains(name), "{}", checked.stdout);
    let findings = run_in(folder.path(), &["check", "--json"]).any_json();
    assert!(
        findings["findings"].as_array().unwrap().iter().any(|finding| finding["damage"] == true),
        "{findings}"
    );
    let done = refused_start(folder.path(), &[]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains(name) && done.stderr.contains("clicktally check"), "{}", done.stderr);
    assert_eq!(fs::read(&path).unwrap(), damaged, "a refused start or a check changed the file");

    fs::write(&path, &sound).unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(shop::clicks_counted(server.address, &key), 20);
    server.stop();
}

#[test]
fn a_journal_of_another_length_than_it_was_made_is_named_and_no_server_starts_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let key = used(folder.path());
    let (path, sound, end) = journal(folder.path());
    let name = path.file_name().unwrap().to_str().unwrap();
    // Without its last zero, without any, without a part of the last click, of the head, of everything; and too long.
    for bytes in [sound.len() - 1, end, end - 9, SEGMENT_HEADER_BYTES - 1, 0, sound.len() + 1] {
        let mut damaged = sound.clone();
        damaged.resize(bytes, 0);
        fs::write(&path, &damaged).unwrap();
        let checked = run_in(folder.path(), &["check"]);
        assert_eq!(checked.code, Some(1), "{bytes}: {} {}", checked.stdout, checked.stderr);
        assert!(checked.stdout.contains(name), "{bytes}: {}", checked.stdout);
        let done = refused_start(folder.path(), &[]);
        assert_eq!(done.code, Some(1), "{bytes}: {}", done.stderr);
        assert!(done.stderr.contains(name), "{bytes}: {}", done.stderr);
        assert!(fs::read(&path).unwrap() == damaged, "{bytes}: a refused start or a check changed the file");
    }
    fs::write(&path, &sound).unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(shop::clicks_counted(server.address, &key), 20);
    server.stop();
}

#[test]
fn a_torn_tail_is_cut_and_said_so_and_what_stands_before_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let key = used(folder.path());
    let (path, mut bytes, end) = journal(folder.path());
    bytes[end - 20..end].fill(0);
    fs::write(&path, &bytes).unwrap();
    let checked = run_in(folder.path(), &["check"]);
    assert_eq!(checked.code, Some(0), "{} {}", checked.stdout, checked.stderr);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(checked.stdout.contains(name), "check is silent about it: {}", checked.stdout);
    let server = Server::start(folder.path(), &[]);
    assert!(server.log().contains(name), "the start is silent about it: {}", server.log());
    let metrics = String::from_utf8(http::ask(server.address, "GET", "/metrics", &[], None).body).unwrap();
    let torn = metrics.lines().find_map(|line| line.strip_prefix("clicktally_journal_torn_tail_bytes "));
    assert!(torn.unwrap().parse::<u64>().unwrap() > 0, "the metric is silent about it: {metrics}");
    assert_eq!(shop::clicks_counted(server.address, &key), 19);
    server.stop();
    assert_eq!(run_in(folder.path(), &["check", "--json"]).json()["findings"], json!([]));
}

#[test]
fn a_missing_secret_is_not_replaced_by_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    let (secret, aside) = (folder.path().join("secret.key"), folder.path().with_extension("key"));
    fs::rename(&secret, &aside).unwrap();
    let done = refused_start(folder.path(), &[]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("secret.key"), "{}", done.stderr);
    assert!(!secret.exists());
    let server = Server::start(folder.path(), &["--secret-file", aside.to_str().unwrap()]);
    assert_eq!(shop::clicks_counted(server.address, &key), 0);
    server.stop();
    fs::remove_file(aside).unwrap();
}
