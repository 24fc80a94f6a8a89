//! Backups, broken off at each single step: until the new one is whole, either the earlier one is there to the last
//! record, or the directory says that it is none; and the same call again mends it.

use std::sync::Arc;

use clicks::{ClickFilter, Forget, Grouping, LocalDays, Period, Question, Record, Store, StoreError, Zone};
use embedded::{BackupError, EmbeddedOptions, EmbeddedStore, StoreBackup, verify};
use journal::{Copied, Disk, SimulatedDisk};
use pollster::block_on;

use crate::candidates::{open, options};
use crate::threads::{click, kept_ids};

/// Few parts, so that merging replaces them, and many segments.
fn large_parts() -> EmbeddedOptions {
    EmbeddedOptions { part_rows_max: 9_000, day_parts_max: 1_000, spare: false, ..options(8 << 10) }
}

fn append(store: &EmbeddedStore, ids: std::ops::Range<u32>) {
    for id in ids {
        block_on(store.append(vec![Record::Click(click(Some(id.to_string())))])).unwrap();
    }
}

fn completed(begun: Result<StoreBackup, BackupError>) -> Result<Copied, BackupError> {
    let backup = begun?;
    backup.replace()?;
    backup.complete()
}

fn backup(store: &EmbeddedStore, target: &SimulatedDisk) -> Result<Copied, BackupError> {
    completed(store.backup(Arc::new(target.clone())))
}

/// The ids of what is restored of a backup, which must be without fault.
fn restored(target: &SimulatedDisk) -> Result<Vec<String>, BackupError> {
    let fresh = SimulatedDisk::new();
    completed(StoreBackup::of_folder(Arc::new(target.clone()), Arc::new(fresh.clone())))?;
    let verified = verify(Arc::new(fresh.clone())).unwrap();
    assert!(!verified.damaged(), "{:?}", verified.files);
    Ok(kept_ids(&open(&fresh, &large_parts())))
}

/// A store with sealed, merged and unsealed clicks, a backup of its first days, and what is in that.
fn world() -> (EmbeddedStore, SimulatedDisk, Vec<String>) {
    let (source, target) = (SimulatedDisk::new(), SimulatedDisk::new());
    let store = open(&source, &large_parts());
    append(&store, 0..20);
    store.seal().unwrap();
    append(&store, 20..30);
    store.seal().unwrap();
    append(&store, 30..180);
    backup(&store, &target).unwrap();
    let first = kept_ids(&store);
    store.seal().unwrap();
    store.merge().unwrap();
    append(&store, 180..330);
    (store, target, first)
}

#[test]
fn a_backup_that_is_broken_off_at_any_step_is_the_earlier_one_or_none() {
    let (store, target, first) = world();
    let second = kept_ids(&store);
    assert_eq!(restored(&target).unwrap(), first);
    let before = target.operations();
    backup(&store, &target).unwrap();
    let steps = target.operations() - before;
    assert_eq!(restored(&target).unwrap(), second);
    let (mut earlier, mut none, mut later) = (0, 0, 0);
    for step in 0..steps {
        let (store, target, _) = world();
        target.stop_after(step);
        assert!(backup(&store, &target).is_err(), "step {step} of {steps}");
        target.crash(step);
        match restored(&target) {
            Ok(ids) if ids == first => earlier += 1,
            Ok(ids) => {
                assert_eq!(ids, second, "step {step} of {steps}");
                later += 1;
            }
            Err(error) => {
                let has_list = target.list().unwrap().iter().any(|name| name == "MANIFEST");
                assert!(!has_list, "step {step} of {steps}: {error}");
                none += 1;
            }
        }
        backup(&store, &target).unwrap();
        assert_eq!(restored(&target).unwrap(), second, "repeated after step {step} of {steps}");
    }
    assert!(earlier > 20 && none > 2 && later > 2, "{earlier}, {none}, {later} of {steps}");
}

#[test]
fn a_backup_takes_no_more_than_was_there_and_another_store_no_place_of_it() {
    let (store, target, _) = world();
    let before = kept_ids(&store);
    let begun = store.backup(Arc::new(target.clone()));
    append(&store, 330..340);
    store.seal().unwrap();
    store.merge().unwrap();
    completed(begun).unwrap();
    assert_eq!(restored(&target).unwrap(), before);
    let other = open(&SimulatedDisk::new(), &large_parts());
    let refused = backup(&other, &target).unwrap_err();
    assert!(refused.to_string().contains("another data directory"), "{refused}");
    assert_eq!(restored(&target).unwrap(), before);
}

/// The clicks of a week, by day and engine.
fn counted(store: &EmbeddedStore) -> Result<u64, StoreError> {
    let period = Period { from: "20240528".parse().unwrap(), to: "20240603".parse().unwrap() };
    let days = Arc::new(LocalDays::of(&period, &Zone::UTC).unwrap());
    let clicks = click(None);
    let filter = ClickFilter::all(clicks.account, vec![clicks.engine]);
    store.tally(&Question::clicks(days, filter, Grouping::Day), &|| false).map(|tally| tally.total())
}

/// Nothing can build counts of removed days anew.
#[test]
fn counts_of_removed_days_are_in_a_backup_and_damaged_ones_are_refused() {
    let source = SimulatedDisk::new();
    let store = open(&source, &large_parts());
    append(&store, 0..20);
    store.seal().unwrap();
    let day = i32::try_from(click(None).at_ms / 86_400_000).unwrap() + 1;
    store.forget(&Forget::DaysBefore { day, keep_counts: true }).unwrap();
    assert_eq!(counted(&store), Ok(20));
    let target = SimulatedDisk::new();
    backup(&store, &target).unwrap();
    let fresh = SimulatedDisk::new();
    completed(StoreBackup::of_folder(Arc::new(target.clone()), Arc::new(fresh.clone()))).unwrap();
    assert_eq!(counted(&open(&fresh, &large_parts())), Ok(20));

    let index = source.subfolder("index").unwrap();
    let name = index.list().unwrap().into_iter().find(|name| name.starts_with("counts-")).unwrap();
    let mut bytes = index.bytes(&name).unwrap();
    bytes[20] ^= 1;
    index.put(&name, &bytes);
    let refused = backup(&store, &target).unwrap_err();
    assert!(refused.to_string().contains(&name), "{refused}");
    assert_eq!(counted(&open(&fresh, &large_parts())), Ok(20));
}
