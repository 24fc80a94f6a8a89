//! Faults of the disk: no room, failed writes, failed syncs, damage; and what a later start makes of them.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clicks::conformance::{self, Candidate, JOIN_MS};
use clicks::{Click, ClickFilter, Outcome, Record, Search, Store, StoreError};
use embedded::{EmbeddedOptions, EmbeddedStore, OpenError, RecordError, verify};
use journal::{Disk, Fault, Journal, Operation, Options, SimulatedDisk};
use pollster::block_on;

use crate::candidates::{SMALL_SEGMENT_BYTES, Simulated, open, options};
use crate::threads::{click, kept_ids};

fn with_id(id: u32) -> Vec<Record> {
    vec![Record::Click(click(Some(id.to_string())))]
}

fn search() -> Search {
    let Click { account, engine, .. } = click(None);
    let query = Some("shoes".into());
    Search { account, engine, query, received_ms: JOIN_MS, ..conformance::search("q", 0) }
}

fn no_spare() -> EmbeddedOptions {
    EmbeddedOptions { spare: false, ..options(SMALL_SEGMENT_BYTES) }
}

#[test]
fn a_sealed_search_is_read_once_for_the_clicks_that_name_it() {
    let disk = SimulatedDisk::new();
    let store = open(&disk, &no_spare());
    let from_search = || vec![Record::Click(Click { query_id: Some("q".into()), ..click(None) })];
    block_on(store.append(vec![Record::Search(search())])).unwrap();
    store.seal().unwrap();
    assert_eq!(block_on(store.append(from_search())), Ok(vec![Outcome::Recorded]));
    disk.inject(Fault { times: u64::MAX, ..Fault::next(Operation::Read, ErrorKind::Other) });
    assert_eq!(block_on(store.append(from_search())), Ok(vec![Outcome::Recorded]));
    disk.heal();
    let filter = ClickFilter::all(click(None).account, vec![click(None).engine]);
    let clicks: Vec<Click> = store.scan(0, i64::MAX, &filter).unwrap().map(Result::unwrap).collect();
    assert_eq!(clicks.len(), 2);
    assert!(clicks.iter().all(|click| click.terms == clicks::SearchTerms::fold("shoes")), "{clicks:?}");
}

#[test]
fn a_full_disk_refuses_until_there_is_room_and_loses_nothing() {
    let disk = SimulatedDisk::new();
    let store = open(&disk, &no_spare());
    let full = Fault {
        operation: Operation::Create,
        after: 0,
        times: u64::MAX,
        error: ErrorKind::StorageFull,
        bytes_written: 0,
    };
    disk.inject(full);
    let mut acknowledged = Vec::new();
    let refused = (0..10_000).find(|id| match block_on(store.append(with_id(*id))) {
        Ok(_) => {
            acknowledged.push(id.to_string());
            false
        }
        Err(StoreError::NotWritten(_)) => true,
        Err(other) => panic!("{other:?}"),
    });
    let refused = refused.expect("the segment never filled");
    assert!(store.status().unable.is_some());
    assert_eq!(kept_ids(&store), acknowledged);
    disk.heal();
    // What was refused left no trace: its id is new.
    assert_eq!(block_on(store.append(with_id(refused))), Ok(vec![Outcome::Recorded]));
    acknowledged.push(refused.to_string());
    assert_eq!(store.status().unable, None);
    drop(store);
    assert_eq!(kept_ids(&open(&disk, &no_spare())), acknowledged);
}

#[test]
fn a_failed_write_is_forgotten_wholly() {
    let disk = SimulatedDisk::new();
    let store = open(&disk, &no_spare());
    let search = search();
    let call = |total_hits| {
        let mut call = with_id(1);
        call.push(Record::Search(Search { total_hits: Some(total_hits), ..search.clone() }));
        call
    };
    disk.inject(Fault { bytes_written: 100, ..Fault::next(Operation::Write, ErrorKind::Other) });
    let refused = block_on(store.append(call(1)));
    assert!(matches!(refused, Err(StoreError::NotWritten(_))), "{refused:?}");
    assert_eq!((store.status().clicks, store.status().searches), (0, 0));
    // Neither the id nor the search is remembered: another search with that id is the first.
    assert_eq!(block_on(store.append(call(2))), Ok(vec![Outcome::Recorded; 2]));
    drop(store);
    let store = open(&disk, &no_spare());
    assert_eq!(store.searches(None, "q").unwrap()[0].total_hits, Some(2));
    assert_eq!(kept_ids(&store), ["1"]);
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_a_reopening() {
    let disk = SimulatedDisk::new();
    let store = open(&disk, &no_spare());
    assert_eq!(block_on(store.append(with_id(1))), Ok(vec![Outcome::Recorded]));
    disk.inject(Fault::next(Operation::Sync, ErrorKind::Other));
    for id in 2..6 {
        let refused = block_on(store.append(with_id(id)));
        assert!(matches!(refused, Err(StoreError::Stopped(_))), "{refused:?}");
    }
    // Not even that it is kept already: this answer too would have to be durable.
    assert!(matches!(block_on(store.append(with_id(1))), Err(StoreError::Stopped(_))));
    assert_eq!(block_on(store.settle()), Ok(()));
    assert!(store.status().unable.is_some());
    assert_eq!(kept_ids(&store), ["1"]);
    assert!(store.close().is_err());
    drop(store);
    disk.crash(3);
    let store = open(&disk, &no_spare());
    assert_eq!(store.status().unable, None);
    // Only the call whose own sync failed may have become durable.
    let kept = kept_ids(&store);
    assert!(kept == ["1"] || kept == ["1", "2"], "{kept:?}");
    assert_eq!(block_on(store.append(with_id(3))), Ok(vec![Outcome::Recorded]));
}

/// A store whose journal ends while memory is full; `None` when the second call came too late for that.
fn full_and_poisoned() -> Option<EmbeddedStore> {
    let disk = SimulatedDisk::new();
    let one_by_one = EmbeddedOptions { group_calls_max: 1, seals_by_itself: true, ..options(256 << 10) };
    let store = open(&disk, &EmbeddedOptions { recent_bytes_max: 1_000, spare: false, ..one_by_one });
    disk.inject(Fault { after: 1, ..Fault::next(Operation::Sync, ErrorKind::Other) });
    let (first, second) = (store.append((0..500).flat_map(with_id).collect()), store.append(with_id(1_000)));
    let (first, second) = (block_on(first), block_on(second));
    (first.is_ok() && matches!(second, Err(StoreError::Stopped(_)))).then_some(store)
}

#[test]
fn after_a_failed_sync_nobody_waits_for_room_in_memory() {
    let store = (0..100).find_map(|_| full_and_poisoned()).expect("the second call always came too late");
    let (sender, answers) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let refused = block_on(store.append(with_id(1_001)));
        // The test may have given up.
        let _ = sender.send((refused, store.status().unable));
    });
    let answer = answers.recv_timeout(Duration::from_secs(10));
    let (refused, unable) = answer.expect("a call waits for a sealing that never comes");
    assert!(matches!(refused, Err(StoreError::Stopped(_))), "{refused:?}");
    assert!(unable.is_some());
}

/// Writes fail now and then, beside sealing; a failed one takes all that waits with it into its failure.
#[test]
fn sealing_goes_on_when_a_write_failed_that_was_none_of_its_own() {
    const CALLS: u32 = 10_000;
    let disk = SimulatedDisk::new();
    let store = open(&disk, &EmbeddedOptions { part_rows_max: 1_000, ..options(256 << 10) });
    let ended = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let (store, ended) = (&store, &ended);
        scope.spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                store.seal().ok();
            }
        });
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                scope.spawn(move || {
                    let call = |id: &u32| block_on(store.append(with_id(*id))).is_ok();
                    (writer * CALLS..(writer + 1) * CALLS).filter(call).collect::<Vec<_>>()
                })
            })
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            disk.inject(Fault { times: 20, ..Fault::next(Operation::Write, ErrorKind::StorageFull) });
            std::thread::sleep(Duration::from_millis(4));
        }
        ended.store(true, Ordering::Relaxed);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<BTreeSet<_>>()
    });
    disk.heal();
    assert!(acknowledged.len() < 2 * CALLS as usize, "no write failed: this test tests nothing");
    assert!(acknowledged.len() > 100, "hardly a write succeeded: {}", acknowledged.len());
    assert_eq!(store.seal().map_err(|error| error.to_string()).map(drop), Ok(()));
    let kept: BTreeSet<u32> = kept_ids(&store).iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!((kept.len(), kept), (kept_ids(&store).len(), acknowledged));
}

#[test]
fn a_call_that_no_segment_can_hold_is_refused_and_the_next_is_not() {
    let store = open(&SimulatedDisk::new(), &no_spare());
    let large = vec![Record::Click(click(Some("x".repeat(400)))); 1];
    let many: Vec<Record> =
        (0..60).map(|id| Record::Click(click(Some(format!("{id}{}", "x".repeat(400)))))).collect();
    let refused = block_on(store.append(many));
    assert!(matches!(refused, Err(StoreError::NotWritten(_))), "{refused:?}");
    assert_eq!(store.status().clicks, 0);
    assert_eq!(block_on(store.append(large)), Ok(vec![Outcome::Recorded]));
}

#[test]
fn a_join_window_is_part_of_what_was_decided() {
    let disk = SimulatedDisk::new();
    let store = open(&disk, &options(SMALL_SEGMENT_BYTES));
    let early = clicks::Click { query_id: Some("q".into()), received_ms: 0, ..click(Some("1".into())) };
    block_on(store.append(vec![Record::Click(early.clone()), Record::Search(search())])).unwrap();
    drop(store);
    let store = open(&disk, &EmbeddedOptions { join_ms: 0, ..options(SMALL_SEGMENT_BYTES) });
    let filter = ClickFilter::all(early.account, vec![early.engine]);
    let found: Vec<_> = store.scan(0, i64::MAX, &filter).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(found[0].terms.as_ref().map(|terms| terms.as_str()), Some("shoes"));
}

#[test]
fn damage_is_refused_at_the_start_and_named_by_verification() {
    let disk = SimulatedDisk::new();
    let store = open(&disk, &no_spare());
    for id in 0..100 {
        block_on(store.append(with_id(id))).unwrap();
    }
    drop(store);
    let whole = verify(Arc::new(disk.clone())).unwrap();
    assert!(!whole.damaged() && whole.clicks == 100, "{whole:?}");
    let folder = disk.subfolder("journal").unwrap();
    let name = folder.list().unwrap().into_iter().next().unwrap();
    let mut bytes = folder.bytes(&name).unwrap();
    bytes[4_096 + 200] ^= 1;
    folder.put(&name, &bytes);
    let found = verify(Arc::new(disk.clone())).unwrap();
    assert!(found.damaged() && found.clicks < 100, "{found:?}");
    let opened = EmbeddedStore::open(Arc::new(disk.clone()), &no_spare());
    assert!(matches!(opened, Err(OpenError::Journal(journal::OpenError::MiddleDamage { .. }))));
    assert_eq!(folder.bytes(&name), Some(bytes), "verification and a refused start change nothing");
}

#[test]
fn records_of_a_newer_version_are_refused_and_named_by_verification() {
    let disk = SimulatedDisk::new();
    drop(open(&disk, &no_spare()));
    let journal_options = Options { segment_bytes: SMALL_SEGMENT_BYTES, salt: None, begin: 0 };
    let folder = Arc::new(disk.subfolder("journal").unwrap());
    let (mut journal, _) = Journal::open(folder, journal_options, &mut |_, _: &[u8]| Ok(())).unwrap();
    journal.append(&[&[2, 1, 1]]).unwrap();
    drop(journal);
    let found = verify(Arc::new(disk.clone())).unwrap();
    assert!(found.damaged());
    assert_eq!(found.unreadable[0].error, RecordError::Version(2));
    let opened = EmbeddedStore::open(Arc::new(disk), &no_spare());
    assert!(matches!(opened, Err(OpenError::Journal(journal::OpenError::Refused { .. }))));
}

#[test]
fn a_frame_that_is_there_twice_counts_once() {
    let disk = SimulatedDisk::new();
    let store = open(&disk, &no_spare());
    let mut call = with_id(1);
    call.push(Record::Search(search()));
    block_on(store.append(call)).unwrap();
    drop(store);
    let journal_options = Options { segment_bytes: SMALL_SEGMENT_BYTES, salt: None, begin: 0 };
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let mut read = |_, frame: &[u8]| {
        frames.push(frame.to_vec());
        Ok(())
    };
    let folder = Arc::new(disk.subfolder("journal").unwrap());
    let (mut journal, _) = Journal::open(folder, journal_options, &mut read).unwrap();
    journal.append(&[&frames[0]]).unwrap();
    drop(journal);
    let (store, report) = EmbeddedStore::open(Arc::new(disk), &no_spare()).unwrap();
    assert_eq!((report.clicks, report.searches, report.repeated), (1, 1, 2));
    assert_eq!(kept_ids(&store), ["1"]);
}

#[test]
fn verification_of_a_torn_tail_changes_nothing_and_opening_cuts_it() {
    // Power is lost during a write of several sectors; some seed leaves a part of them.
    let torn = (0..200).find_map(|seed| {
        let candidate = Simulated::new(no_spare());
        let call: Vec<Record> = (0..40).flat_map(with_id).collect();
        block_on(candidate.store().append(with_id(99))).unwrap();
        candidate.disk.stop_after(1);
        drop(candidate.store().append(call));
        block_on(candidate.store().settle()).ok();
        let disk = candidate.disk.clone();
        candidate.close();
        disk.crash(seed);
        let found = verify(Arc::new(disk.clone())).unwrap();
        (found.journal.findings_total > 0).then_some((disk, found))
    });
    let (disk, found) = torn.expect("no seed tore a write");
    assert!(!found.damaged(), "{found:?}");
    assert_eq!(verify(Arc::new(disk.clone())).unwrap(), found);
    let (store, report) = EmbeddedStore::open(Arc::new(disk.clone()), &no_spare()).unwrap();
    assert!(report.torn_tail.is_some());
    assert!(store.status().torn_tail_bytes > 0);
    assert_eq!(kept_ids(&store), ["99"]);
    drop(store);
    assert_eq!(verify(Arc::new(disk)).unwrap().journal.findings_total, 0);
}
