//! Backups, broken off at each single step: until the new one is whole, either the earlier one is there to the last
//! record, or the directory says that it is none; and the same call again mends it.

use std::sync::Arc;

use clicks::{Record, Store};
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
