//! A run that the first version wrote: it has to stay readable, and an id has to keep its fingerprint.

use std::sync::Arc;

use journal::SimulatedDisk;

use super::{key, print_of};
use crate::keys::{Fingerprint, Keys, KeysOptions, RunInfo, at_once, run_name, verify_run, write_run};

const RUN: &[u8] = include_bytes!("fixtures/version-1/keys-0000000000000007");
const LISTED: RunInfo =
    RunInfo { number: 7, entries: 61, bytes: 8_336, day_first: -3, day_last: 20_009, check: 2_686_418_060 };

/// Fifty ids with one day each, and one with ten.
fn entries() -> Vec<(Fingerprint, i32)> {
    let mut entries: Vec<(Fingerprint, i32)> = (0..50).map(|id| (print_of(id), 20_000 - 3)).collect();
    entries.extend((0..9).map(|days| (print_of(50), 20_000 + days)));
    entries.extend([(print_of(50), -3), (print_of(51), 20_009)]);
    entries.sort_unstable();
    entries
}

#[test]
fn a_run_of_version_1_is_read() {
    let disk = Arc::new(SimulatedDisk::new());
    disk.put(&run_name(7), RUN);
    verify_run(disk.as_ref(), &key(), &LISTED, &at_once).unwrap();
    let keys = Keys::open(disk, &key(), &[LISTED], KeysOptions::default()).unwrap();
    for (fingerprint, day) in entries() {
        assert!(keys.days_of(fingerprint).unwrap().contains(&day));
    }
    assert_eq!(keys.days_of(print_of(50)).unwrap().len(), 10);
    assert!(!keys.contains(print_of(52)).unwrap());
}

#[test]
fn the_same_entries_still_make_the_same_file() {
    let disk = SimulatedDisk::new();
    let info = write_run(&disk, &key(), 7, entries()).unwrap().unwrap();
    let bytes = disk.bytes(&run_name(7)).unwrap();
    assert_eq!(info, LISTED);
    assert!(bytes == RUN);
}
