//! The server on a disk that is sabotaged at its n-th write, sync or change of a name: killed there, refused, cut short,
//! slowed. Whatever happens, acknowledged ⊆ counted ⊆ sent, each once; and after a resending with the same ids, counted =
//! sent. The saboteur stands between the process and the C library (`crates/saboteur`); the product has no hook for it.
//! Left out where `LD_PRELOAD` is not to be had: off Linux, and where programs are linked without a loader.

mod trial;
mod visitors;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use self::trial::{Ended, Template, Trial};
use crate::http;
use crate::running::Server;

const ITEMS: u64 = 10;
/// So little memory for what is not sealed that sealing is among the first writes.
const OPTIONS: [&str; 6] =
    ["--clicks-per-second", "0", "--stats-per-second", "0", "--recent-bytes-max", "65536"];
const SIGKILL: i32 = 9;
const THREADS: usize = 3;
/// Each kind of call is met at its first, second, … up to this one.
const POINTS: u64 = 200;
/// As many bodies as it takes to come to the last point, sealing and merging on the way.
const BODIES: usize = 72;
/// Far more, for those who are killed at that point.
const BODIES_MAX: usize = 400;
const SLOW_SYNC_US: u64 = 5_000;

/// Runs trials beside each other; each is given a number from the range.
fn for_each(numbers: std::ops::RangeInclusive<u64>, step: u64, trial: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(*numbers.start());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(step, Ordering::SeqCst);
                    if number > *numbers.end() {
                        break;
                    }
                    trial(number);
                }
            });
        }
    });
}

/// What kind of file a plan met.
fn kind_of(file: &str) -> &str {
    let (folder, name) = file.split_once('/').unwrap_or(("", file));
    match folder {
        "" => name,
        "journal" if name.contains("spare") => "spare",
        _ => folder,
    }
}

/// Every point in the long run, which `CLICKTALLY_TESTS_KILLS` asks for; else one of so many.
fn one_of(points: u64) -> u64 {
    if std::env::var_os("CLICKTALLY_TESTS_KILLS").is_some() { 1 } else { points }
}

fn kill_at_each(kind: &str, step: u64, must_meet: &[&str]) {
    let template = Template::new();
    let met = Mutex::new(BTreeMap::<String, u64>::new());
    for_each(step..=POINTS, step, |number| {
        let plan = format!("kill {kind} {number}");
        let mut trial = template.trial();
        let ended = trial.live(&plan, BODIES_MAX);
        assert_eq!(ended.status.signal(), Some(SIGKILL), "{plan}: it ended by itself: {}", ended.log);
        let file = ended.met().unwrap_or_else(|| panic!("{plan}: {}", ended.log)).to_owned();
        *met.lock().unwrap().entry(kind_of(&file).to_owned()).or_default() += 1;
        trial.settle(&plan);
    });
    let met = met.into_inner().unwrap();
    println!("killed at: {met:?}");
    for file in must_meet {
        assert!(met.contains_key(*file), "no kill met {file}: this test tests a part");
    }
}

#[test]
fn killed_at_each_write_it_loses_nothing_acknowledged_and_counts_nothing_twice() {
    kill_at_each("write", one_of(2), &["journal", "clicks", "index"]);
}

#[test]
fn killed_at_each_sync_it_loses_nothing_acknowledged_and_counts_nothing_twice() {
    kill_at_each("sync", one_of(2), &["journal", "clicks", "index"]);
}

#[test]
fn killed_at_each_change_of_a_name_it_loses_nothing_acknowledged_and_counts_nothing_twice() {
    kill_at_each("name", one_of(5), &["clicks"]);
}

fn refused_properly(plan: &str, ended: &Ended) {
    assert_eq!(ended.status.code(), Some(1), "{plan}: {}", ended.log);
    assert!(
        ended.log.contains("clicktally: "),
        "{plan}: it refuses to start and says nothing: {}",
        ended.log
    );
}

/// A server with which something fails once, and that has been sent everything; `None` when it refused to start, which
/// is settled then.
fn with_a_fault<'t>(mut trial: Trial<'t>, plan: &str) -> Option<(Trial<'t>, Server)> {
    match trial.start(plan) {
        Err(ended) => {
            refused_properly(plan, &ended);
            trial.settle(plan);
            None
        }
        Ok(server) => {
            assert!(!trial.send_until(&server, BODIES), "{plan}: a connection broke: {}", server.log());
            Some((trial, server))
        }
    }
}

#[test]
fn a_write_that_fails_or_falls_short_is_made_good_without_a_restart() {
    let template = Template::new();
    let step = one_of(20);
    for action in ["fail write N 5", "fail write N 28", "short write N"] {
        for_each(step..=POINTS, step, |number| {
            let plan = action.replace('N', &number.to_string());
            let Some((mut trial, server)) = with_a_fault(template.trial(), &plan) else { return };
            if action.starts_with("short") {
                assert_eq!(trial.sent.refused(), 0, "{plan}: {}", server.log());
            }
            trial.resend_until_taken(&server, &plan);
            assert_eq!(trial.compare(&server, &plan), trial.sent.tags().count(), "{plan}");
            server.stop();
            trial.settle(&plan);
        });
    }
}

#[test]
fn a_change_of_a_name_that_fails_loses_nothing() {
    let template = Template::new();
    let step = one_of(10);
    for_each(step..=POINTS, step, |number| {
        let plan = format!("fail name {number} 5");
        let Some((trial, server)) = with_a_fault(template.trial(), &plan) else { return };
        trial.compare(&server, &plan);
        server.stop();
        trial.settle(&plan);
    });
}

#[test]
fn after_a_sync_of_the_journal_failed_nothing_is_acknowledged_until_a_restart() {
    let template = Template::new();
    let step = one_of(8);
    let poisoned = AtomicU64::new(0);
    for_each(step..=POINTS, step, |number| {
        let plan = format!("fail sync {number} 5");
        let Some((trial, server)) = with_a_fault(template.trial(), &plan) else { return };
        trial.compare(&server, &plan);
        let ready = http::ask(server.address, "GET", "/readyz", &[], None).status;
        let met = Ended::met_in(&server.log()).map(str::to_owned);
        if met.is_some_and(|file| file.starts_with("journal/journal-0")) {
            poisoned.fetch_add(1, Ordering::SeqCst);
            assert_eq!(ready, 503, "{plan}");
            assert!(trial.sent.is_refused_from_the_first_on(), "{plan}: {:?}", trial.sent);
        }
        server.stop();
        trial.settle(&plan);
    });
    assert!(poisoned.into_inner() > 0, "no sync of the journal failed: this test tests nothing");
}

#[test]
fn a_full_disk_is_said_and_recording_goes_on_by_itself_once_there_is_space() {
    let template = Template::new();
    let step = one_of(10);
    for_each(step..=POINTS, step, |number| {
        let trial = template.trial();
        let space = trial.signal();
        let plan = format!("fail write {number} 28 {}", space.display());
        let Some((mut trial, server)) = with_a_fault(trial, &plan) else { return };
        assert!(trial.sent.refused() > 0, "{plan}: a full disk refuses nothing");
        assert_eq!(http::ask(server.address, "GET", "/readyz", &[], None).status, 503, "{plan}");
        trial.compare(&server, &plan);
        std::fs::write(&space, "").unwrap();
        trial.resend_until_taken(&server, &plan);
        // The last body may have filled the memory, and what could not be sealed is tried again a little later.
        trial.wait_until_ready(&server, &plan);
        assert_eq!(trial.compare(&server, &plan), trial.sent.tags().count(), "{plan}");
        server.stop();
        trial.settle(&plan);
    });
}

#[test]
fn with_slow_syncs_no_click_is_acknowledged_before_its_sync_has_ended() {
    let template = Template::new();
    for round in 0..2 {
        let plan = format!("slow sync {SLOW_SYNC_US}");
        let mut trial = template.trial();
        let server = trial.start(&plan).unwrap_or_else(|ended| panic!("{plan}: {}", ended.log));
        for bodies in 1..BODIES {
            let begun = Instant::now();
            assert!(!trial.send_until(&server, bodies), "{plan}: {}", server.log());
            assert!(
                begun.elapsed() >= Duration::from_micros(SLOW_SYNC_US),
                "{plan}: body {bodies} was answered too soon"
            );
        }
        assert_eq!(trial.sent.refused(), 0, "{plan}");
        if round == 0 {
            server.stop();
        } else {
            server.kill();
        }
        trial.settle(&plan);
    }
}
