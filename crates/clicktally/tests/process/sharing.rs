//! One directory, several processes: one owner at a time, and everybody else is told who it is.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::running::{Server, refused_start, run_in};
use crate::shop;

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_server_refuses_and_names_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    let first = Server::start(folder.path(), &[]);
    let second = refused_start(folder.path(), &[]);
    assert_eq!(second.code, Some(1), "{}", second.stderr);
    for part in [first.pid().to_string(), first.address.to_string(), folder.path().display().to_string()] {
        assert!(second.stderr.contains(&part), "`{part}` is missing in: {}", second.stderr);
    }
    assert_eq!(shop::clicks_counted(first.address, &key), 0, "the first one was disturbed");
    first.stop();
    Server::start(folder.path(), &[]).stop();
}

#[test]
fn a_server_on_a_taken_address_refuses_and_leaves_the_directory_free() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = run_in(folder.path(), &["serve", "--listen", &address]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains(&address), "{}", done.stderr);
    Server::start(folder.path(), &[]).stop();
}

#[test]
fn secrets_and_the_control_socket_are_only_their_owners() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("data");
    let server = Server::start(&directory, &[]);
    assert_eq!(mode(&directory.join("secret.key")), 0o600);
    assert_eq!(mode(&directory.join("control.sock")), 0o600);
    assert_eq!(mode(&directory), 0o700);
    server.stop();
    assert!(!directory.join("control.sock").exists(), "a stopped server leaves a door");
}

#[test]
fn a_dead_servers_socket_and_lock_are_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    Server::start(folder.path(), &[]).kill();
    assert!(folder.path().join("control.sock").exists(), "the case is not the one that is meant");
    assert_eq!(run_in(folder.path(), &["key", "list"]).code, Some(0));
    let server = Server::start(folder.path(), &[]);
    assert_eq!(run_in(folder.path(), &["key", "list"]).code, Some(0));
    assert_eq!(shop::clicks_counted(server.address, &key), 0);
    server.stop();
}

#[test]
fn commands_that_read_and_write_clicks_work_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    let server = Server::start(folder.path(), &[]);
    let log = folder.path().with_extension("ndjson");
    let now_ms = shop::now_ms();
    let click = serde_json::json!({"type": "click", "id": "c1", "at": now_ms, "hashid": shop::HASHID, "doc_id": "sku1"});
    std::fs::write(&log, shop::lines(&[click])).unwrap();
    let imported = run_in(folder.path(), &["import", log.to_str().unwrap(), "--json"]);
    std::fs::remove_file(&log).unwrap();
    assert_eq!(imported.json()["recorded"]["clicks"], 1);
    assert_eq!(shop::clicks_counted(server.address, &key), 1);
    let (from, to) = shop::week();
    let exported = run_in(folder.path(), &["export", "--from", &from.to_string(), "--to", &to.to_string()]);
    assert_eq!(exported.stdout.lines().count(), 1, "{}", exported.stderr);
    let checked = run_in(folder.path(), &["check", "--json"]).json();
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert!(checked["records"].as_u64().unwrap() >= 1, "{checked}");
    server.stop();
}
