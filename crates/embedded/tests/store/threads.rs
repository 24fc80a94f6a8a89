//! Many callers at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clicks::conformance;
use clicks::{AccountCode, Click, ClickFilter, Hashid, Outcome, Record, Store, StoreError};
use embedded::EmbeddedOptions;
use journal::SimulatedDisk;
use pollster::block_on;

use crate::candidates::{open, options};

const ACCOUNT: AccountCode = AccountCode::from_bytes([1; 8]);
const ENGINE: Hashid = Hashid::from_bytes([1; 16]);

pub fn click(id: Option<String>) -> Click {
    let click = conformance::click("a", 1_717_156_800_000).unwrap();
    Click { account: ACCOUNT, engine: ENGINE, id: id.map(String::into_boxed_str), ..click }
}

/// Every click of the account, by the id that it has.
pub fn kept_ids(store: &dyn Store) -> Vec<String> {
    let filter = ClickFilter::all(ACCOUNT, vec![ENGINE]);
    let clicks = store.scan(0, i64::MAX, &filter).unwrap();
    clicks.map(|click| click.unwrap().id.unwrap().into_string()).collect()
}

#[test]
fn ids_shared_by_eight_threads_count_once_each() {
    const THREADS: usize = 8;
    const IDS: usize = 400;
    let disk = SimulatedDisk::new();
    let store = open(&disk, &options(64 << 10));
    let send = |thread: usize| {
        let mut recorded = 0;
        for call in 0..IDS / 2 {
            // Each thread begins elsewhere, and sends two ids in a call, of which others send one with another.
            let ids = [(call * 2 + thread * 50) % IDS, (call * 2 + thread * 50 + 1 + thread % 3 * 2) % IDS];
            let call = ids.map(|id| Record::Click(click(Some(id.to_string())))).to_vec();
            let outcomes = block_on(store.append(call)).unwrap();
            recorded += outcomes.iter().filter(|outcome| **outcome == Outcome::Recorded).count();
        }
        recorded
    };
    let recorded: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || send(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    for store in [store, open(&disk, &options(64 << 10))] {
        let ids = kept_ids(&store);
        assert_eq!(ids.len(), IDS);
        assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), IDS);
        store.close().unwrap();
    }
    assert_eq!(recorded, IDS);
}

#[test]
fn questions_and_scans_see_all_that_was_acknowledged_before_them() {
    let store = Arc::new(open(&SimulatedDisk::new(), &options(256 << 10)));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut seen, mut scans) = (0, 0);
            while !done.load(Ordering::Acquire) {
                let acknowledged = store.status().clicks;
                let found = kept_ids(store.as_ref());
                assert!(found.len() as u64 >= acknowledged, "{} of {acknowledged}", found.len());
                assert!(found.len() >= seen);
                seen = found.len();
                scans += 1;
            }
            scans
        });
        for id in 0..3_000 {
            let outcomes = block_on(store.append(vec![Record::Click(click(Some(id.to_string())))]));
            assert_eq!(outcomes, Ok(vec![Outcome::Recorded]));
        }
        done.store(true, Ordering::Release);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(kept_ids(store.as_ref()).len(), 3_000);
}

#[test]
fn a_full_queue_is_busy_and_a_large_call_is_taken_alone() {
    let options = EmbeddedOptions { queue_records_max: 10, ..options(64 << 10) };
    let store = open(&SimulatedDisk::new(), &options);
    let call = |records: usize| vec![Record::Click(click(None)); records];
    // Many calls at once: the writer can't drain them between two lines, so some of them meet a full queue.
    let promises: Vec<_> = (0..2_000).map(|_| store.append(call(4))).collect();
    let answers: Vec<_> = promises.into_iter().map(block_on).collect();
    let (taken, busy): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert!(busy.iter().all(|answer| *answer == Err(StoreError::Busy)));
    assert!(!busy.is_empty());
    assert_eq!(store.status().clicks, taken.len() as u64 * 4);
    // Answered is answered: the queue is empty, and a call that is larger than all of it finds room.
    assert_eq!(store.status().waiting, 0);
    assert_eq!(block_on(store.append(call(11))).map(|outcomes| outcomes.len()), Ok(11));
}

#[test]
fn a_promise_that_is_dropped_is_kept_all_the_same() {
    let store = open(&SimulatedDisk::new(), &options(64 << 10));
    for id in 0..50 {
        drop(store.append(vec![Record::Click(click(Some(id.to_string())))]));
    }
    block_on(store.settle()).unwrap();
    assert_eq!(kept_ids(&store).len(), 50);
}

#[test]
fn a_closed_store_answers_questions_and_records_nothing() {
    let store = open(&SimulatedDisk::new(), &options(64 << 10));
    let pending = store.append(vec![Record::Click(click(Some("1".into())))]);
    store.close().unwrap();
    assert_eq!(block_on(pending), Ok(vec![Outcome::Recorded]));
    let late = block_on(store.append(vec![Record::Click(click(Some("2".into())))]));
    assert!(matches!(late, Err(StoreError::Stopped(_))), "{late:?}");
    assert!(store.status().unable.is_some());
    assert_eq!(kept_ids(&store), ["1"]);
    store.close().unwrap();
}
