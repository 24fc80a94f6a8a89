//! Forgetting, down to the bytes: of an erased visitor nothing is left in any file, whatever was in the way, and days
//! that were removed have no files.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use clicks::conformance::{Dice, JOIN_MS};
use clicks::{
    AccountCode, Click, ClickFilter, Forget, Forgotten, Grouping, Hashid, MemoryStore, Outcome, ProductType,
    Question, Record, Search, Store, StoreError,
};
use days::{ClicksReader, SearchesReader, Source};
use embedded::{EmbeddedOptions, EmbeddedStore, verify};
use journal::{Disk, Fault, Journal, Operation, Options, SimulatedDisk};
use pollster::block_on;

use crate::candidates::{open, options};

const ACCOUNT: AccountCode = AccountCode::from_bytes([1; 8]);
const OTHER_ACCOUNT: AccountCode = AccountCode::from_bytes([2; 8]);
const ENGINE: Hashid = Hashid::from_bytes([1; 16]);
const DAY_MS: i64 = 86_400_000;
/// 2024-10-26 00:00 UTC.
const START_DAY: i32 = 20_022;
const START_MS: i64 = START_DAY as i64 * DAY_MS;
const DAYS: usize = 5;
/// Of many visitors the one who is erased, and the one who is looked at instead to see that looking finds something.
const ERASED: &str = "visitor_who_goes_00";
const CONTROL: &str = "visitor_who_stays_1";

fn small() -> EmbeddedOptions {
    EmbeddedOptions { spare: false, part_rows_max: 40, day_parts_max: 4, ..options(16 << 10) }
}

const fn before(day: i32) -> Forget {
    Forget::DaysBefore { day, keep_counts: false }
}

fn visitor() -> Forget {
    Forget::Visitor { account: ACCOUNT, user: ERASED.parse().unwrap() }
}

fn user(dice: &mut Dice) -> Option<String> {
    let others = |number| format!("somebody_{number}");
    match dice.below(6) {
        0 | 1 => Some(ERASED.to_owned()),
        2 => Some(CONTROL.to_owned()),
        3 => None,
        number => Some(others(number)),
    }
}

/// A click whose id tells its visitor, so that both can be looked for.
fn click(dice: &mut Dice, number: usize) -> Click {
    let user = user(dice);
    let at_ms = START_MS + i64::try_from(dice.below(DAYS * 24)).unwrap() * 3_600_000;
    // The erased one's code is of one account only, so that its bytes are nobody else's.
    let elsewhere = dice.once_in(9) && user.as_deref() != Some(ERASED);
    Click {
        account: if elsewhere { OTHER_ACCOUNT } else { ACCOUNT },
        engine: ENGINE,
        index: None,
        doc_id: dice.below(9).to_string().parse().unwrap(),
        at_ms,
        received_ms: START_MS + 9 * DAY_MS,
        id: Some(format!("id_of_{}_{number}", user.as_deref().unwrap_or("nobody")).into()),
        query_id: dice.once_in(2).then(|| format!("query_{}", dice.below(40)).into()),
        searched_ms: None,
        rank: None,
        device: None,
        product_type: ProductType::Search,
        custom_result: None,
        terms: None,
        user: user.map(|user| user.parse().unwrap()),
        session: None,
    }
}

fn search(dice: &mut Dice) -> Search {
    Search {
        kind: clicks::SearchKind::Asked,
        account: ACCOUNT,
        id: format!("query_{}", dice.below(40)).into(),
        engine: ENGINE,
        indices: vec!["product".parse().unwrap()],
        query: Some(format!("shoes {}", dice.below(5)).into()),
        doc_ids: None,
        device: None,
        at_ms: START_MS + i64::try_from(dice.below(DAYS)).unwrap() * DAY_MS,
        received_ms: START_MS + 9 * DAY_MS,
        total_hits: None,
        user: user(dice).map(|user| user.parse().unwrap()),
        session: None,
    }
}

fn records(seed: u64) -> Vec<Vec<Record>> {
    let mut dice = Dice::new(seed);
    let record = |dice: &mut Dice, number| {
        if dice.once_in(5) { Record::Search(search(dice)) } else { Record::Click(click(dice, number)) }
    };
    (0..24).map(|call| (0..20).map(|row| record(&mut dice, call * 20 + row)).collect()).collect()
}

/// A store in all states: days of several parts, what is frozen by nobody, and a journal.
fn world(disk: &SimulatedDisk, seed: u64) -> (EmbeddedStore, MemoryStore) {
    let (store, oracle) = (open(disk, &small()), MemoryStore::new(JOIN_MS));
    for (number, call) in records(seed).into_iter().enumerate() {
        assert_eq!(block_on(store.append(call.clone())), block_on(oracle.append(call)));
        if number % 5 == 4 {
            store.seal().unwrap();
        }
    }
    (store, oracle)
}

fn all(store: &dyn Store) -> (Vec<Click>, Vec<Search>) {
    let mut found = (Vec::new(), Vec::new());
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        let clicks = store.scan(0, i64::MAX, &ClickFilter::all(account, vec![ENGINE])).unwrap();
        found.0.extend(clicks.map(Result::unwrap));
    }
    for query in 0..40 {
        let searches = store.searches(Some(ACCOUNT), &format!("query_{query}")).unwrap();
        found.1.extend(searches.iter().map(|search| (**search).clone()));
    }
    found
}

/// Every file of a disk, by its path.
fn files(disk: &SimulatedDisk, path: &str) -> Vec<(String, Vec<u8>)> {
    let name = |name: &String| (format!("{path}{name}"), disk.bytes(name).unwrap());
    let mut files: Vec<_> = disk.list().unwrap().iter().map(name).collect();
    for folder in disk.folders().unwrap() {
        files.extend(self::files(&disk.subfolder(&folder).unwrap(), &format!("{path}{folder}/")));
    }
    files
}

struct Bytes(Vec<u8>);

impl Source for Bytes {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.0.len() as u64)
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let rest = self.0.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

/// Where a visitor of [`ACCOUNT`] is still to be found: in the raw bytes of files, and in what they say once they are
/// decoded (Parquet is compressed).
fn traces(disk: &SimulatedDisk, user: &str) -> BTreeSet<String> {
    let (mut found, id) = (BTreeSet::new(), format!("id_of_{user}_"));
    for (path, bytes) in files(disk, "") {
        let mut note = |what: &str| found.insert(format!("{}: {what}", path.split('/').next().unwrap()));
        for needle in [user, &id] {
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                note("bytes");
            }
        }
        if path.starts_with("clicks/") {
            let reader = ClicksReader::open(Arc::new(Bytes(bytes)), &path).unwrap();
            let clicks = reader.rows(0..reader.summary().rows).map(Result::unwrap);
            let theirs = |click: &Click| {
                let named = click.user.as_ref().is_some_and(|found| found.as_str() == user);
                named || click.id.as_ref().unwrap().starts_with(&id)
            };
            if clicks.into_iter().any(|click| theirs(&click)) {
                note("click");
            }
        } else if path.starts_with("searches/") {
            let reader = SearchesReader::open(Arc::new(Bytes(bytes)), &path).unwrap();
            let mut searches = reader.rows(0..reader.summary().rows).map(Result::unwrap);
            if searches.any(|search| search.user.is_some_and(|found| found.as_str() == user)) {
                note("search");
            }
        }
    }
    found
}

/// The fingerprints of a visitor's click ids are looked up where everybody's are: an id that is free was recorded anew.
fn ids_are_free(store: &dyn Store, oracle: &dyn Store, seed: u64) {
    for call in records(seed) {
        let again: Vec<Record> =
            call.into_iter().filter(|record| matches!(record, Record::Click(_))).collect();
        let outcomes = block_on(store.append(again.clone())).unwrap();
        assert_eq!(Ok(&outcomes), block_on(oracle.append(again.clone())).as_ref());
        for (record, outcome) in again.iter().zip(outcomes) {
            let Record::Click(click) = record else { continue };
            let erased =
                click.account == ACCOUNT && click.user.as_ref().is_some_and(|user| user.as_str() == ERASED);
            assert_eq!(outcome == Outcome::Recorded, erased, "{click:?}");
        }
    }
}

#[test]
fn of_an_erased_visitor_nothing_is_left_in_any_file() {
    for seed in 0..6 {
        let disk = SimulatedDisk::new();
        let (store, oracle) = world(&disk, seed);
        if seed % 2 == 1 {
            store.merge().unwrap();
        }
        let days = BTreeSet::from(["clicks: click", "searches: search"].map(str::to_owned));
        let journal = BTreeSet::from(["journal: bytes".to_owned()]);
        for user in [ERASED, CONTROL] {
            assert!(traces(&disk, user).is_superset(&(&days | &journal)), "{user}");
        }
        let gone = store.forget(&visitor()).unwrap();
        assert_eq!(Ok(gone), oracle.forget(&visitor()));
        assert!(gone.clicks > 50 && gone.searches > 5, "{gone:?}");
        assert_eq!(traces(&disk, ERASED), BTreeSet::new());
        assert!(traces(&disk, CONTROL).is_superset(&days));
        assert!(traces(&disk, CONTROL).is_disjoint(&journal));
        assert_eq!(all(&store), all(&oracle));
        assert_eq!(store.forget(&visitor()), Ok(Forgotten::default()));
        store.close().unwrap();
        drop(store);
        let verified = verify(Arc::new(disk.clone())).unwrap();
        assert!(!verified.damaged(), "{:?}", verified.files);
        let store = open(&disk, &small());
        assert_eq!(traces(&disk, ERASED), BTreeSet::new());
        assert_eq!(all(&store), all(&oracle));
        ids_are_free(&store, &oracle, seed);
        store.seal().unwrap();
        assert_eq!(all(&store), all(&oracle));
    }
}

#[test]
fn an_erasure_that_was_killed_anywhere_is_made_again() {
    let (mut killed, mut finished) = (0, 0);
    for after in (0..).step_by(29) {
        let disk = SimulatedDisk::new();
        let (store, oracle) = world(&disk, 3);
        let before = all(&oracle);
        oracle.forget(&visitor()).unwrap();
        disk.stop_after(after);
        let done = store.forget(&visitor());
        disk.heal();
        disk.stop_after(0);
        drop(store);
        disk.crash(after);
        let store = open(&disk, &small());
        let found = all(&store);
        assert!(found == all(&oracle) || (found == before && done.is_err()), "after {after}");
        store.forget(&visitor()).unwrap();
        assert_eq!(all(&store), all(&oracle), "after {after}");
        assert_eq!(traces(&disk, ERASED), BTreeSet::new(), "after {after}");
        killed += u32::from(done.is_err());
        finished += u32::from(done.is_ok());
        if finished == 5 {
            break;
        }
    }
    assert!(killed > 10, "{killed}");
}

#[test]
fn what_failed_attempts_have_left_goes_with_the_visitor() {
    let disk = SimulatedDisk::new();
    let (store, oracle) = world(&disk, 4);
    for after in [3, 8, 15] {
        let error = ErrorKind::StorageFull;
        disk.inject(Fault { operation: Operation::Write, after, times: u64::MAX, error, bytes_written: 9 });
        assert!(store.forget(&visitor()).is_err());
        disk.heal();
    }
    assert_eq!(all(&store), all(&oracle));
    assert!(files(&disk, "").iter().any(|(path, _)| path.ends_with(".new")));
    assert_eq!(store.forget(&visitor()), oracle.forget(&visitor()));
    assert!(!files(&disk, "").iter().any(|(path, _)| path.ends_with(".new")));
    assert_eq!(traces(&disk, ERASED), BTreeSet::new());
    assert_eq!(all(&store), all(&oracle));
}

#[test]
fn a_visitor_is_not_erased_from_a_day_that_cannot_be_read() {
    let disk = SimulatedDisk::new();
    let (store, _) = world(&disk, 5);
    store.seal().unwrap();
    drop(store);
    let day = disk.subfolder("clicks").unwrap().subfolder("day=2024-10-27").unwrap();
    day.remove(&day.list().unwrap()[0]).unwrap();
    let store = open(&disk, &small());
    let refused = store.forget(&visitor());
    assert!(
        matches!(&refused, Err(StoreError::Damaged(reason)) if reason.contains("2024-10-27")),
        "{refused:?}"
    );
    // Once the day is removed, whatever was in it, nothing is in the way.
    store.forget(&before(START_DAY + 2)).unwrap();
    store.forget(&visitor()).unwrap();
    assert_eq!(traces(&disk, ERASED), BTreeSet::new());
}

#[test]
fn removed_days_have_no_files_and_the_journal_has_nothing_of_them() {
    let disk = SimulatedDisk::new();
    let (store, oracle) = world(&disk, 6);
    let days = |what: Forget| {
        assert_eq!(store.forget(&what), oracle.forget(&what));
        assert_eq!(all(&store), all(&oracle));
    };
    days(before(START_DAY + 2));
    for folder in ["clicks", "searches"] {
        let folders = disk.subfolder(folder).unwrap().folders().unwrap();
        assert!(folders.iter().all(|day| day.as_str() >= "day=2024-10-28"), "{folders:?}");
        assert_eq!(folders.len(), DAYS - 2);
    }
    let journal = disk.subfolder("journal").unwrap();
    let mut frames = 0;
    let mut count = |_, _: &[u8]| {
        frames += 1;
        Ok(())
    };
    let copy = SimulatedDisk::new();
    for name in journal.list().unwrap() {
        copy.put(&name, &journal.bytes(&name).unwrap());
    }
    drop(Journal::open(
        Arc::new(copy),
        Options { segment_bytes: 16 << 10, ..Options::default() },
        &mut count,
    ));
    assert_eq!(frames, 0);
    days(before(START_DAY + i32::try_from(DAYS).unwrap()));
    assert_eq!(disk.subfolder("clicks").unwrap().folders().unwrap(), Vec::<String>::new());
    assert_eq!(disk.subfolder("index").unwrap().list().unwrap(), Vec::<String>::new());
    assert_eq!(disk.subfolder("keys").unwrap().list().unwrap(), Vec::<String>::new());
    drop(store);
    let store = open(&disk, &small());
    assert_eq!(all(&store), all(&oracle));
    let late = records(6).remove(0);
    let expired = vec![Outcome::Expired; late.len()];
    assert_eq!(block_on(store.append(late)), Ok(expired));
}

#[test]
fn recording_goes_on_while_a_visitor_is_erased() {
    let disk = SimulatedDisk::new();
    let (store, _) = world(&disk, 7);
    let mut dice = Dice::new(99);
    // Of somebody else, so that what is left of the erased one was not recorded after the call.
    let clicks: Vec<Click> = (1_000..3_000)
        .map(|number| {
            let user = Some(CONTROL.parse().unwrap());
            Click { user, id: Some(format!("late_{number}").into()), ..click(&mut dice, number) }
        })
        .collect();
    let counted = |store: &EmbeddedStore| store.status().clicks;
    let before = counted(&store);
    let mut gone = 0;
    std::thread::scope(|scope| {
        let erasing = scope.spawn(|| (0..3).map(|_| store.forget(&visitor()).unwrap().clicks).sum::<u64>());
        for few in clicks.chunks(40) {
            let call = few.iter().cloned().map(Record::Click).chain([Record::Search(search(&mut dice))]);
            block_on(store.append(call.collect())).unwrap();
        }
        gone = erasing.join().unwrap();
    });
    assert_eq!(counted(&store), before - gone + clicks.len() as u64);
    store.forget(&visitor()).unwrap();
    let found = all(&store);
    drop(store);
    let store = open(&disk, &small());
    assert_eq!(all(&store), found);
    assert_eq!(traces(&disk, ERASED), BTreeSet::new());
}

#[test]
fn kept_counts_that_are_damaged_refuse_their_day_and_nothing_else() {
    let disk = SimulatedDisk::new();
    let (store, oracle) = world(&disk, 8);
    let what = Forget::DaysBefore { day: START_DAY + 2, keep_counts: true };
    assert_eq!(store.forget(&what), oracle.forget(&what));
    assert_eq!(traces(&disk, ERASED).iter().filter(|trace| trace.starts_with("index")).count(), 0);
    drop(store);
    let ask = |store: &dyn Store, from: &str, to: &str| {
        let filter = ClickFilter::all(ACCOUNT, vec![ENGINE]);
        let question = Question::clicks(crate::counting::days(from, to, "Z"), filter, Grouping::Device);
        store.tally(&question, &|| false)
    };
    let index = disk.subfolder("index").unwrap();
    let is_counts = |name: &String| name.starts_with("counts-");
    let name = index.list().unwrap().into_iter().find(is_counts).unwrap();
    let whole = index.bytes(&name).unwrap();
    for damage in [false, true] {
        if damage {
            let mut broken = whole.clone();
            broken[30] ^= 1;
            index.put(&name, &broken);
        }
        let (store, report) = EmbeddedStore::open(Arc::new(disk.clone()), &small()).unwrap();
        assert_eq!(report.damaged_days.len(), usize::from(damage));
        let days = [("20241026", "20241026"), ("20241027", "20241027"), ("20241026", "20241029")];
        let asked = days.map(|(from, to)| (ask(&store, from, to), ask(&oracle, from, to)));
        let right = asked.iter().filter(|(found, wanted)| found == wanted).count();
        let refused = |answer: &Result<_, StoreError>| matches!(answer, Err(StoreError::DamagedDay { .. }));
        let refused = asked.iter().filter(|(found, _)| refused(found)).count();
        assert_eq!((right, refused), if damage { (1, 2) } else { (3, 0) });
        assert_eq!(ask(&store, "20241028", "20241030"), ask(&oracle, "20241028", "20241030"));
        assert_eq!(verify(Arc::new(disk.clone())).unwrap().damaged(), damage);
        // Nothing of a visitor is in counts: damaged ones are in nobody's way.
        store.forget(&visitor()).unwrap();
        oracle.forget(&visitor()).unwrap();
        assert_eq!(all(&store), all(&oracle));
    }
    let store = open(&disk, &small());
    store.forget(&Forget::DaysBefore { day: START_DAY + 3, keep_counts: true }).unwrap();
    assert_eq!(ask(&store, "20241028", "20241030"), ask(&oracle, "20241028", "20241030"));
    assert!(matches!(ask(&store, "20241026", "20241030"), Err(StoreError::Removed { .. })));
}
