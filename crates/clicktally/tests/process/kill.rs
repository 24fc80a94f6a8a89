//! Kills the server under load, again and again, on one directory: acknowledged ⊆ counted ⊆ sent, each once; and once
//! clients have resent what was not answered, with the same ids, counted = sent.

pub mod client;
mod gate;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use self::client::{Client, Ledger, Manner};
use self::gate::Gate;
use crate::browser::Browser;
use crate::http::Connection;
use crate::running::{Server, run_in, start_and_kill};
use crate::shop;

/// 100 in the long run: `CLICKTALLY_TESTS_KILLS=100`.
const KILLS: u64 = 15;
const CLIENTS_OF_EACH_MANNER: u64 = 4;
/// How many more must be acknowledged before the next kill, so that each kill hits a server at work.
const ACKNOWLEDGED_BETWEEN_KILLS: u64 = 150;
const ITEMS: usize = 10;
/// So little memory for what is not sealed that days are sealed all the time, and kills meet that too.
const OPTIONS: [&str; 6] =
    ["--clicks-per-second", "0", "--stats-per-second", "0", "--recent-bytes-max", "65536"];

/// A sequence that looks random and is the same for the same seed (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to `end` − 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[test]
fn kills_under_load_lose_nothing_acknowledged_and_count_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let key = shop::found(folder.path());
    let now_ms = shop::now_ms();
    let server = Server::start(folder.path(), &OPTIONS);
    shop::stock(server.address, &key, &shop::catalogue(ITEMS, now_ms));
    let browser = Browser::visit(server.address);

    let manners = [Manner::Browser(browser), Manner::Bulk { key: key.clone(), now_ms }];
    let clients = manners.iter().flat_map(|manner| (0..CLIENTS_OF_EACH_MANNER).map(move |_| manner.clone()));
    let clients: Vec<Client> =
        (0..).zip(clients).map(|(number, manner)| Client::new(number, manner)).collect();
    let ledgers: Vec<Mutex<Ledger>> = clients.iter().map(|_| Mutex::new(Ledger::default())).collect();
    let gate = Gate::new(clients.len());
    let mut unanswered = 0;
    std::thread::scope(|scope| {
        let _opened_at_last = gate.end_when_dropped();
        for (client, ledger) in clients.iter().zip(&ledgers) {
            scope.spawn(|| client.work(&gate, ledger));
        }
        let mut server = server;
        let mut dice = Dice::new(20_240_229);
        for kill in 0..kills() {
            gate.open(server.address);
            wait_for_progress(&ledgers, kill);
            std::thread::sleep(Duration::from_millis(dice.below(120)));
            server.kill();
            gate.close_and_wait();
            unanswered +=
                ledgers.iter().map(|ledger| ledger.lock().unwrap().unanswered().len()).sum::<usize>();
            if kill % 3 == 2 {
                start_and_kill(folder.path(), Duration::from_millis(dice.below(60)));
            }
            check(folder.path(), kill);
            server = Server::start(folder.path(), &OPTIONS);
            compare(folder.path(), &server, &key, &ledgers, kill);
        }
        resend(&server, &clients, &ledgers);
        let (sent, counted) = compare(folder.path(), &server, &key, &ledgers, KILLS);
        assert_eq!(counted, sent, "what was resent is not counted exactly once");
        server.stop();
    });
    assert!(unanswered > 0, "no kill interrupted anything: this test tests nothing");
    let manifest = std::fs::read_to_string(folder.path().join("MANIFEST")).unwrap();
    let sealed = manifest.lines().filter(|line| line.starts_with("clicks ")).count();
    assert!(sealed > 0, "nothing was sealed: this test tests half");
    check(folder.path(), KILLS);
}

fn kills() -> u64 {
    std::env::var("CLICKTALLY_TESTS_KILLS").ok().map_or(KILLS, |kills| kills.parse().unwrap())
}

fn acknowledged(ledgers: &[Mutex<Ledger>]) -> u64 {
    ledgers.iter().map(|ledger| ledger.lock().unwrap().acknowledgements()).sum()
}

fn wait_for_progress(ledgers: &[Mutex<Ledger>], kill: u64) {
    let aim = acknowledged(ledgers) + ACKNOWLEDGED_BETWEEN_KILLS;
    for _ in 0..6_000 {
        if acknowledged(ledgers) >= aim {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("before kill {kill} the clients get nowhere");
}

/// At most a torn tail: nothing of what a dead server leaves is damage.
fn check(directory: &Path, kill: u64) {
    let found = run_in(directory, &["check", "--json"]);
    assert_eq!(found.code, Some(0), "after kill {kill}: {} {}", found.stdout, found.stderr);
    for finding in found.json()["findings"].as_array().unwrap() {
        assert_eq!(finding["damage"], false, "after kill {kill}: {finding}");
    }
}

/// Compares what was counted with what was sent and acknowledged; returns how many were sent and counted.
fn compare(
    directory: &Path,
    server: &Server,
    key: &str,
    ledgers: &[Mutex<Ledger>],
    kill: u64,
) -> (usize, usize) {
    let counted = exported(directory);
    let (mut sent, mut acknowledged) = (HashSet::new(), HashSet::new());
    for ledger in ledgers {
        let ledger = ledger.lock().unwrap();
        sent.extend(ledger.sent());
        acknowledged.extend(ledger.acknowledged());
    }
    for (tag, times) in &counted {
        assert_eq!(*times, 1, "after kill {kill}: {tag} is counted more than once");
        assert!(sent.contains(tag), "after kill {kill}: {tag} is counted and was never sent");
    }
    let lost: Vec<_> = acknowledged.iter().filter(|tag| !counted.contains_key(*tag)).collect();
    assert!(lost.is_empty(), "after kill {kill}: acknowledged and lost: {lost:?}");
    let total = shop::clicks_counted(server.address, key);
    assert_eq!(
        usize::try_from(total).unwrap(),
        counted.len(),
        "after kill {kill}: statistics and export differ"
    );
    (sent.len(), counted.len())
}

/// How often each click is in the export, by the tag that its client gave it.
pub fn exported(directory: &Path) -> HashMap<u64, u32> {
    let (from, to) = shop::week();
    let export = run_in(directory, &["export", "--from", &from.to_string(), "--to", &to.to_string()]);
    assert_eq!(export.code, Some(0), "{}", export.stderr);
    let mut counted = HashMap::new();
    for line in export.stdout.lines() {
        let click: Value = serde_json::from_str(line).unwrap();
        *counted.entry(client::tag_of(&click)).or_default() += 1;
    }
    counted
}

/// What was not answered is sent again, with the same ids, until it is.
fn resend(server: &Server, clients: &[Client], ledgers: &[Mutex<Ledger>]) {
    let mut connection = Connection::open(server.address).unwrap();
    for (client, ledger) in clients.iter().zip(ledgers) {
        let mut ledger = ledger.lock().unwrap();
        for place in ledger.unanswered() {
            let tags = ledger.tags(place);
            assert!(client.send(&mut connection, tags).unwrap(), "the server does not take it");
            ledger.acknowledge(place);
        }
    }
}
