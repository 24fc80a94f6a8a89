//! Sealed days: what is on disk, what a fault leaves, what damage is told from none, and that it happens by itself.

use std::io::ErrorKind;
use std::sync::Arc;

use clicks::conformance::{Dice, JOIN_MS};
use clicks::{
    Click, ClickFilter, Grouping, MemoryStore, Question, Record, Search, SearchTerms, Store, StoreError,
    Tally,
};
use embedded::{EmbeddedOptions, EmbeddedStore, OpenReport, verify};
use journal::{Disk, Fault, Operation, SimulatedDisk};
use pollster::block_on;

use crate::candidates::options;
use crate::counting::{ACCOUNTS, ENGINES, START_MS, answers, compare, days, records};
use crate::threads::click;

fn large_parts() -> EmbeddedOptions {
    EmbeddedOptions { part_rows_max: 9_000, day_parts_max: 1_000, spare: false, ..options(1 << 20) }
}

fn opened(disk: &SimulatedDisk, options: &EmbeddedOptions) -> (EmbeddedStore, OpenReport) {
    EmbeddedStore::open(Arc::new(disk.clone()), options).unwrap()
}

/// A store whose records are sealed every few calls, and the oracle that had the same.
fn sealed_world(disk: &SimulatedDisk, every: usize) -> (EmbeddedStore, MemoryStore) {
    // Room for a number of each name, for what is not sealed, and for little else: visitors are counted in shares.
    let options = EmbeddedOptions { question_bytes_max: 400 << 10, ..large_parts() };
    let (store, oracle) = (opened(disk, &options).0, MemoryStore::new(JOIN_MS));
    for (number, call) in records(&mut Dice::new(20_241_027)).into_iter().enumerate() {
        block_on(oracle.append(call.clone())).unwrap();
        block_on(store.append(call)).unwrap();
        if number % every == every - 1 {
            store.seal().unwrap();
        }
    }
    (store, oracle)
}

fn files_of(disk: &SimulatedDisk, folder: &str) -> Vec<(SimulatedDisk, String)> {
    let folder = disk.subfolder(folder).unwrap();
    let mut files: Vec<_> = folder.list().unwrap().into_iter().map(|name| (folder.clone(), name)).collect();
    for day in folder.folders().unwrap() {
        let day = folder.subfolder(&day).unwrap();
        files.extend(day.list().unwrap().into_iter().map(|name| (day.clone(), name)));
    }
    files
}

#[test]
fn a_question_whose_names_have_no_room_ends_as_out_of_time_and_others_are_answered() {
    let disk = SimulatedDisk::new();
    let store = sealed_world(&disk, 3).0;
    store.close().unwrap();
    drop(store);
    let (store, _) = opened(&disk, &EmbeddedOptions { question_bytes_max: 1 << 10, ..large_parts() });
    let asked = |grouping| {
        let filter = ClickFilter::all(ACCOUNTS[0], ENGINES.to_vec());
        let question = Question::clicks(days("20241026", "20241028", "Z"), filter, grouping);
        store.tally(&question, &|| false)
    };
    assert_eq!(asked(Grouping::Items { rows_max: 9 }), Err(StoreError::OutOfTime));
    assert_eq!(asked(Grouping::Distinct), Err(StoreError::OutOfTime));
    let Ok(Tally::Days(counts)) = asked(Grouping::Day) else { panic!("no counts") };
    assert!(counts.iter().sum::<u64>() > 0);
}

#[test]
fn items_with_their_ranks_that_have_little_room_are_counted_in_shares_and_with_none_end_as_out_of_time() {
    let disk = SimulatedDisk::new();
    let (store, oracle) = sealed_world(&disk, 3);
    store.close().unwrap();
    drop(store);
    for (bytes, fits) in [(256 << 10, true), (48 << 10, true), (64, false)] {
        let (store, _) = opened(&disk, &EmbeddedOptions { question_bytes_max: bytes, ..large_parts() });
        for (account, rows_max) in ACCOUNTS.into_iter().flat_map(|account| [(account, 10_000), (account, 7)])
        {
            let filter = ClickFilter::all(account, ENGINES.to_vec());
            let grouping = Grouping::ItemRanks { rows_max };
            let question = Question::clicks(days("20241026", "20241028", "Z"), filter, grouping);
            let due = oracle.tally(&question, &|| false).unwrap();
            assert!(matches!(&due, Tally::ItemRanks(rows) if !rows.is_empty()));
            let found = store.tally(&question, &|| false);
            assert_eq!(found, if fits { Ok(due) } else { Err(StoreError::OutOfTime) }, "{bytes} bytes");
        }
        store.close().unwrap();
    }
}

#[test]
fn many_rows_are_counted_from_sealed_days_as_the_oracle_counts_them() {
    let disk = SimulatedDisk::new();
    let (store, oracle) = sealed_world(&disk, 3);
    let wanted = answers(&oracle);
    compare(&answers(&store), &wanted);
    store.seal().unwrap();
    compare(&answers(&store), &wanted);
    let before = files_of(&disk, "clicks").len();
    store.merge().unwrap();
    compare(&answers(&store), &wanted);
    assert!(files_of(&disk, "clicks").len() < before);
    store.close().unwrap();
    drop(store);
    let (store, report) = opened(&disk, &large_parts());
    assert_eq!((report.rebuilt, report.damaged_days, report.repeated), (vec![], vec![], 0));
    compare(&answers(&store), &wanted);
    let (found, due) = (store.status(), oracle.status());
    assert_eq!((found.clicks, found.searches, found.sealed_days), (due.clicks, due.searches, 3));
    let verified = verify(Arc::new(disk)).unwrap();
    assert!(!verified.damaged(), "{:?}", verified.files);
    assert_eq!((verified.clicks, verified.searches), (due.clicks, due.searches));
}

#[test]
fn sealed_days_are_folders_of_files_and_the_journal_forgets_them() {
    let disk = SimulatedDisk::new();
    let options = EmbeddedOptions { spare: false, part_rows_max: 9_000, ..options(256 << 10) };
    let (store, _) = opened(&disk, &options);
    for call in records(&mut Dice::new(20_241_027)) {
        for few in call.chunks(500) {
            block_on(store.append(few.to_vec())).unwrap();
        }
    }
    let journal = files_of(&disk, "journal").len();
    store.seal().unwrap();
    let left = files_of(&disk, "journal").len();
    assert!(journal > 10 && left <= 2, "{journal} segments, and {left} after sealing");
    let days = disk.subfolder("clicks").unwrap().folders().unwrap();
    assert_eq!(days, ["day=2024-10-26", "day=2024-10-27", "day=2024-10-28"]);
    assert_eq!(disk.subfolder("searches").unwrap().folders().unwrap(), ["day=2024-10-26"]);
    let parts = files_of(&disk, "clicks");
    assert!(parts.iter().all(|(_, name)| name.ends_with(".parquet")), "{:?}", parts[0].1);
}

/// One click and one search for each day, which nothing else has.
fn question(day: &str) -> Question {
    let filter = ClickFilter::all(ACCOUNTS[1], ENGINES.to_vec());
    Question::clicks(days(day, day, "Z"), filter, Grouping::Terms { rows_max: 9 })
}

#[test]
fn a_day_that_is_missing_or_short_is_named_and_the_others_answer() {
    for cut in [None, Some(0), Some(1_000)] {
        let disk = SimulatedDisk::new();
        let (store, oracle) = sealed_world(&disk, 20);
        store.seal().unwrap();
        drop(store);
        let day = disk.subfolder("clicks").unwrap().subfolder("day=2024-10-27").unwrap();
        let name = day.list().unwrap().remove(0);
        match cut {
            None => day.remove(&name).unwrap(),
            Some(bytes) => day.put(&name, &day.bytes(&name).unwrap()[..bytes]),
        }
        let (store, report) = opened(&disk, &large_parts());
        assert_eq!(report.damaged_days.len(), 1);
        assert_eq!(report.damaged_days[0].0, "2024-10-27");
        assert!(report.damaged_days[0].1.contains(&name), "{:?}", report.damaged_days);
        assert_eq!(store.status().damaged_days, report.damaged_days);
        let refused = store.tally(&question("20241027"), &|| false);
        assert!(matches!(refused, Err(StoreError::DamagedDay { day, .. }) if day == "2024-10-27"));
        let filter = ClickFilter::all(ACCOUNTS[1], ENGINES.to_vec());
        assert!(store.scan(0, i64::MAX, &filter).unwrap().any(|click| click.is_err()));
        for other in ["20241026", "20241028"] {
            let wanted = oracle.tally(&question(other), &|| false);
            assert_eq!(store.tally(&question(other), &|| false), wanted);
        }
        let found = verify(Arc::new(disk)).unwrap();
        assert!(found.files.iter().any(|found| found.file.ends_with(&name)), "{:?}", found.files);
    }
}

#[test]
fn what_only_makes_answers_fast_is_built_anew_when_it_is_missing_or_damaged() {
    for (folder, missing) in [
        ("index", true),
        ("index", false),
        ("names-0001", true),
        ("names-0001", false),
        ("keys", true),
        ("keys", false),
    ] {
        let disk = SimulatedDisk::new();
        let (store, oracle) = sealed_world(&disk, 5);
        store.seal().unwrap();
        drop(store);
        for (number, (place, name)) in files_of(&disk, folder).into_iter().enumerate() {
            let mut bytes = place.bytes(&name).unwrap();
            // Of each file another byte, the first ones in the header.
            let at = (number * 37 + 4_200 * usize::from(folder == "names-0001")) % bytes.len();
            bytes[at] ^= 0x10;
            if missing { place.remove(&name).unwrap() } else { place.put(&name, &bytes) }
        }
        let damaged = verify(Arc::new(disk.clone())).unwrap();
        assert!(damaged.damaged(), "{folder}");
        let wanted = || asked(&oracle);
        let (store, report) = opened(&disk, &large_parts());
        assert!(!report.rebuilt.is_empty() && report.damaged_days.is_empty(), "{folder}: {report:?}");
        assert_eq!(asked(&store), wanted(), "{folder}");
        // What was sent before is known still, and what clicks wait for is found.
        for call in records(&mut Dice::new(5)).into_iter().rev().take(2) {
            assert_eq!(block_on(store.append(call.clone())), block_on(oracle.append(call)));
        }
        assert_eq!(asked(&store), wanted(), "{folder}");
        drop(store);
        // Damage in what is read only when it is asked for was found by asking.
        drop(opened(&disk, &large_parts()));
        let (store, report) = opened(&disk, &large_parts());
        assert_eq!(report.rebuilt, Vec::<String>::new(), "{folder}");
        assert_eq!(asked(&store), wanted(), "{folder}");
        drop(store);
        let mended = verify(Arc::new(disk)).unwrap();
        assert!(!mended.damaged(), "{folder}: {:?}", mended.files);
    }
}

/// Blocks of keys are checked when they are read, and a start reads only those that the journal's records need.
#[test]
fn a_damaged_block_of_keys_that_a_record_needs_does_not_keep_a_store_from_opening() {
    let disk = SimulatedDisk::new();
    let store = opened(&disk, &large_parts()).0;
    let Click { account, engine, at_ms, .. } = click(None);
    let waiting = |id: u32| Click { query_id: Some("q".into()), ..click(Some(id.to_string())) };
    block_on(store.append((0..50).map(|id| Record::Click(waiting(id))).collect())).unwrap();
    store.seal().unwrap();
    let late = Search {
        kind: clicks::SearchKind::Asked,
        account,
        id: "q".into(),
        engine,
        indices: Vec::new(),
        query: Some("Hat".into()),
        doc_ids: None,
        device: None,
        at_ms,
        received_ms: at_ms,
        total_hits: None,
        user: None,
        session: None,
    };
    block_on(store.append(vec![Record::Search(late)])).unwrap();
    drop(store);
    for (place, name) in files_of(&disk, "keys") {
        let mut bytes = place.bytes(&name).unwrap();
        bytes[4_096 + 100] ^= 0x10;
        place.put(&name, &bytes);
    }
    let (store, report) = opened(&disk, &large_parts());
    assert!(report.rebuilt.iter().any(|what| what.starts_with("keys")), "{report:?}");
    let filter = ClickFilter::all(account, vec![engine]);
    let question =
        Question::clicks(days("20240530", "20240602", "Z"), filter, Grouping::Terms { rows_max: 9 });
    let learned = Tally::Terms(vec![(SearchTerms::fold("hat"), 50)]);
    assert_eq!(store.tally(&question, &|| false), Ok(learned));
    drop(store);
    assert!(!verify(Arc::new(disk)).unwrap().damaged());
}

#[test]
fn a_flipped_bit_is_never_a_wrong_answer() {
    let disk = SimulatedDisk::new();
    let (store, oracle) = sealed_world(&disk, 7);
    store.seal().unwrap();
    drop(store);
    let mut dice = Dice::new(77);
    let wanted: Vec<_> = asked(&oracle).into_iter().map(Result::unwrap).collect();
    for folder in ["clicks", "searches", "index", "keys", "names-0001"] {
        for _ in 0..12 {
            let files = files_of(&disk, folder);
            let (place, name) = dice.pick(&files);
            let whole = place.bytes(name).unwrap();
            let mut broken = whole.clone();
            broken[dice.below(whole.len())] ^= 1 << dice.below(8);
            place.put(name, &broken);
            if let Ok((store, _)) = EmbeddedStore::open(Arc::new(disk.clone()), &large_parts()) {
                for (found, wanted) in asked(&store).into_iter().zip(&wanted) {
                    if let Ok(found) = found {
                        assert_eq!(found, *wanted, "{folder}/{name}");
                    }
                }
            }
            place.put(name, &whole);
        }
    }
}

/// Indexes that are damaged while the store is open are noticed when they are read: of clicks, of searches, and of both.
#[test]
fn searches_are_joined_to_their_clicks_whatever_indexes_are_lost_meanwhile() {
    let disk = SimulatedDisk::new();
    let (store, oracle) = sealed_world(&disk, 5);
    store.seal().unwrap();
    drop(store);
    let parts = |folder: &str| -> Vec<String> {
        let number = |name: &str| name.trim_end_matches(".parquet").to_owned();
        files_of(&disk, folder).iter().map(|(_, name)| number(name)).collect()
    };
    let all = [parts("clicks"), parts("searches")];
    for which in [vec![0], vec![1], vec![0, 1]] {
        let (store, _) = opened(&disk, &large_parts());
        let lost: Vec<&String> = which.iter().flat_map(|kind| &all[*kind]).collect();
        let mut found = 0;
        for (place, name) in files_of(&disk, "index") {
            if lost.iter().any(|part| name.starts_with(part.as_str())) {
                place.remove(&name).unwrap();
                found += 1;
            }
        }
        assert_eq!(found, lost.len());
        // Once from the files, and once from what the first time kept.
        for _ in 0..2 {
            assert_eq!(asked(&store), asked(&oracle), "{which:?}");
        }
        drop(store);
        let (_, report) = opened(&disk, &large_parts());
        assert_eq!(report.rebuilt.len(), lost.len());
    }
}

/// Searches of every day and their clicks, some of them a day apart, in whatever states: sealed together, apart, merged, not yet.
#[test]
fn searches_of_many_days_are_joined_as_the_oracle_joins_them() {
    let disk = SimulatedDisk::new();
    let options = EmbeddedOptions { question_bytes_max: 2 << 20, ..large_parts() };
    let (store, oracle) = (opened(&disk, &options).0, MemoryStore::new(JOIN_MS));
    let mut dice = Dice::new(24);
    let (start_ms, mut clicked) = (START_MS, 0);
    for step in 0..12 {
        let mut records = Vec::new();
        for _ in 0..700 {
            let id: Box<str> = dice.below(3_000).to_string().into();
            let at_ms = start_ms + i64::try_from(dice.below(5 * 86_400_000)).unwrap();
            let engine = *dice.pick(&ENGINES);
            let bare = clicks::conformance::search(&id, at_ms);
            let account = ACCOUNTS[0];
            if dice.once_in(3) {
                let query = Some(dice.below(40).to_string().into());
                records.push(Record::Search(Search { account, engine, query, ..bare }));
            } else {
                let click = clicks::conformance::click(&dice.below(9).to_string(), at_ms).unwrap();
                let (rank, query_id) = (dice.pick_or_none(3, &[1, 2, 9]), Some(id));
                records.push(Record::Click(Click { account, engine, query_id, rank, ..click }));
            }
        }
        let wanted = block_on(oracle.append(records.clone()));
        assert_eq!(block_on(store.append(records)), wanted);
        match step % 4 {
            1 => store.seal().unwrap(),
            3 => store.merge().unwrap(),
            _ => {}
        }
        for zone in ["Z", "Asia/Tokyo", "+00:07"] {
            for engines in [ENGINES.to_vec(), vec![ENGINES[1]]] {
                for grouping in [Grouping::ClickThrough, Grouping::TermsReport { rows_max: 30 }] {
                    let filter = ClickFilter::all(ACCOUNTS[0], engines.clone());
                    let question = Question::searches(days("20241026", "20241029", zone), filter, grouping);
                    let due = oracle.tally(&question, &|| false);
                    if let Ok(Tally::ClickThrough(rows)) = &due {
                        clicked += rows.iter().map(|row| row.clicked).sum::<u64>();
                    }
                    assert_eq!(store.tally(&question, &|| false), due, "step {step} in {zone}, {grouping:?}");
                }
            }
        }
    }
    assert!(clicked > 1_000, "{clicked}");
    // It stops wherever it is told to.
    let filter = ClickFilter::all(ACCOUNTS[0], ENGINES.to_vec());
    let report = Grouping::TermsReport { rows_max: 9 };
    let question = Question::searches(days("20241026", "20241029", "Z"), filter, report);
    let mut times = 0;
    loop {
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) >= times;
        match store.tally(&question, &stop) {
            Err(StoreError::OutOfTime) => times += 1,
            answer => {
                assert_eq!(answer, oracle.tally(&question, &|| false));
                break;
            }
        }
    }
    assert!(times > 10, "{times}");
    store.close().unwrap();
    drop(store);
    let (store, _) = opened(&disk, &EmbeddedOptions { question_bytes_max: 1 << 10, ..large_parts() });
    assert_eq!(store.tally(&question, &|| false), Err(StoreError::OutOfTime));
}

/// A few questions, and one that has to read the clicks.
fn asked(store: &dyn Store) -> Vec<Result<Tally, StoreError>> {
    let filter = ClickFilter::all(ACCOUNTS[1], ENGINES.to_vec());
    let ask = |zone: &str, grouping| {
        let question = Question::clicks(days("20241025", "20241030", zone), filter.clone(), grouping);
        store.tally(&question, &|| false)
    };
    vec![
        ask("Z", Grouping::DayAndEngine),
        ask("Europe/Madrid", Grouping::Device),
        ask("Z", Grouping::Terms { rows_max: 10_000 }),
        ask("+03:17", Grouping::Day),
        ask("Z", Grouping::Rank),
        ask("Z", Grouping::ClickThrough),
        ask("Europe/Madrid", Grouping::TermsReport { rows_max: 10_000 }),
        ask("+03:17", Grouping::ClickThrough),
    ]
}

#[test]
fn a_full_disk_puts_sealing_off_and_nothing_is_lost() {
    for operation in [Operation::Create, Operation::Write, Operation::Sync] {
        let disk = SimulatedDisk::new();
        let (store, oracle) = (opened(&disk, &large_parts()).0, MemoryStore::new(JOIN_MS));
        let mut calls = records(&mut Dice::new(3)).into_iter();
        let append = |call: Vec<Record>| {
            block_on(oracle.append(call.clone())).unwrap();
            block_on(store.append(call)).unwrap();
        };
        calls.by_ref().take(5).for_each(append);
        for after in [0, 1, 2, 5, 9, 14, 20, 30] {
            disk.inject(Fault {
                operation,
                after,
                times: u64::MAX,
                error: ErrorKind::StorageFull,
                bytes_written: 7,
            });
            let failed = store.seal();
            disk.heal();
            assert!(failed.is_err() || after > 9, "{operation:?} after {after}");
            if failed.is_ok() {
                break;
            }
            assert!(store.status().sealing_trouble.is_some());
            calls.by_ref().take(1).for_each(append);
        }
        // After a failed sync of names, or of the manifest's directory, only a restart may go on.
        if operation != Operation::Sync {
            assert_eq!(store.seal(), Ok(()), "{operation:?}");
            assert_eq!(store.status().sealing_trouble, None);
        }
        compare(&answers(&store), &answers(&oracle));
        drop(store);
        let (store, _) = opened(&disk, &large_parts());
        assert_eq!(store.seal(), Ok(()), "{operation:?}");
        compare(&answers(&store), &answers(&oracle));
        drop(store);
        let (store, report) = opened(&disk, &large_parts());
        assert_eq!((report.rebuilt, report.damaged_days), (vec![], vec![]));
        compare(&answers(&store), &answers(&oracle));
    }
}

#[test]
fn memory_is_bounded_by_sealing_that_happens_by_itself() {
    let disk = SimulatedDisk::new();
    let options = EmbeddedOptions {
        seals_by_itself: true,
        recent_bytes_max: 2 << 20,
        merge_bytes_per_second: u64::MAX,
        ..large_parts()
    };
    let (store, oracle) = (opened(&disk, &options).0, MemoryStore::new(JOIN_MS));
    let mut most = 0;
    for call in records(&mut Dice::new(20_241_027)) {
        for few in call.chunks(250) {
            block_on(oracle.append(few.to_vec())).unwrap();
            block_on(store.append(few.to_vec())).unwrap();
            most = most.max(store.status().unsealed_bytes);
        }
    }
    // A look at memory is taken every 4,096 records, a megabyte.
    assert!(most < 4 << 20, "{most} bytes were not sealed");
    assert!(store.status().sealed_days == 3);
    compare(&answers(&store), &answers(&oracle));
    store.close().unwrap();
    drop(store);
    compare(&answers(&opened(&disk, &options).0), &answers(&oracle));
}

#[test]
fn a_day_that_has_closed_is_sealed_by_itself() {
    let disk = SimulatedDisk::new();
    let options = EmbeddedOptions { seals_by_itself: true, ..large_parts() };
    let (store, _) = opened(&disk, &options);
    let click = |received_ms: i64| {
        let mut click = crate::threads::click(None);
        (click.at_ms, click.received_ms) = (received_ms, received_ms);
        vec![Record::Click(click)]
    };
    block_on(store.append(click(START_MS + 1_000))).unwrap();
    block_on(store.append(click(START_MS + 2_000))).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(store.status().sealed_days, 0);
    block_on(store.append(click(START_MS + 86_400_000))).unwrap();
    let sealed = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        store.status().sealed_days > 0
    });
    assert!(sealed, "nothing was sealed in five seconds");
}

#[test]
fn a_start_with_more_than_memory_should_hold_seals_without_a_record() {
    let disk = SimulatedDisk::new();
    let (store, _) = opened(&disk, &large_parts());
    for call in records(&mut Dice::new(20_241_027)) {
        block_on(store.append(call)).unwrap();
    }
    let unsealed_bytes = usize::try_from(store.status().unsealed_bytes).unwrap();
    store.close().unwrap();
    drop(store);
    let options =
        EmbeddedOptions { seals_by_itself: true, recent_bytes_max: unsealed_bytes, ..large_parts() };
    let (store, _) = opened(&disk, &options);
    let sealed = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        store.status().sealed_days == 3 && store.status().unsealed_bytes == 0
    });
    assert!(sealed, "{:?}", store.status());
}

#[test]
fn what_is_recorded_while_days_are_sealed_and_merged_is_counted_once() {
    let disk = SimulatedDisk::new();
    let options = EmbeddedOptions { part_rows_max: 2_000, ..large_parts() };
    let (store, oracle) = (opened(&disk, &options).0, MemoryStore::new(JOIN_MS));
    let done = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sealed = 0;
            while !done.load(relaxed) {
                store.seal().unwrap();
                sealed += 1;
                if sealed % 3 == 0 {
                    store.merge().unwrap();
                }
            }
            assert!(sealed > 5, "sealed {sealed} times");
        });
        // Clicks and the searches that they wait for, mixed: many searches find their clicks on the way to disk.
        let mut all: Vec<Record> = records(&mut Dice::new(20_241_027)).concat();
        let searches = all.split_off(all.len() - 700);
        let clicks: Vec<Vec<Record>> = all.chunks(90).map(<[_]>::to_vec).collect();
        for (number, mut call) in clicks.into_iter().enumerate() {
            call.extend(searches.get(number).cloned());
            let wanted = block_on(oracle.append(call.clone())).unwrap();
            assert_eq!(block_on(store.append(call)), Ok(wanted));
        }
        done.store(true, relaxed);
    });
    compare(&answers(&store), &answers(&oracle));
    drop(store);
    compare(&answers(&opened(&disk, &options).0), &answers(&oracle));
}
