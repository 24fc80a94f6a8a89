//! Random histories of runs, and the promises on size and memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use clicks::conformance::Dice;
use journal::{Disk, Fault, FolderDisk, Operation, SimulatedDisk};

use super::{entries_of, key, print_of, stop_at_once};
use crate::keys::{
    Fingerprint, FingerprintKey, Keys, KeysError, KeysOptions, RunInfo, at_once, run_name, verify_run,
    write_run,
};

const IDS: usize = 4_000;
/// An id that is written with so many days that they fill blocks.
const BUSY_ID: usize = 17;

type Entries = BTreeSet<(Fingerprint, i32)>;

struct World {
    dice: Dice,
    disk: Arc<SimulatedDisk>,
    keys: Keys,
    /// What each run has to hold, by its number.
    model: BTreeMap<u64, Entries>,
    number: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let disk = Arc::new(SimulatedDisk::new());
        let keys = Keys::open(disk.clone(), &key(), &[], KeysOptions::default()).unwrap();
        World { dice: Dice::new(seed), disk, keys, model: BTreeMap::new(), number: 0 }
    }

    fn some_entries(&mut self) -> Entries {
        let count = *self.dice.pick(&[0, 1, 5, 300, 2_000]);
        let days = *self.dice.pick(&[1, 3, 400]);
        let mut entries = Entries::new();
        for _ in 0..count {
            let day = i32::try_from(self.dice.below(days)).unwrap() - 7;
            entries.insert((print_of(self.dice.below(IDS)), day));
        }
        if self.dice.once_in(4) {
            let days = i32::try_from(self.dice.below(10_000)).unwrap();
            entries.extend((0..days).map(|day| (print_of(BUSY_ID), day)));
        }
        entries
    }

    /// The store's list after a run was written or merged.
    fn change(&mut self, gone: &[u64], come: Option<RunInfo>, entries: Entries) {
        assert_eq!(come.is_none(), entries.is_empty());
        if let Some(info) = &come {
            let days = entries.iter().map(|(_, day)| *day);
            assert_eq!((info.number, info.entries), (self.number, entries.len() as u64));
            assert_eq!((info.day_first, info.day_last), (days.clone().min().unwrap(), days.max().unwrap()));
            assert_eq!(info.bytes, self.disk.bytes(&run_name(info.number)).unwrap().len() as u64);
            verify_run(self.disk.as_ref(), &key(), info, &at_once).unwrap();
            self.model.insert(info.number, entries.clone());
        }
        self.keys = self.keys.changed(gone, come.as_slice()).unwrap();
        for number in gone {
            self.model.remove(number);
            self.disk.remove(&run_name(*number)).unwrap();
        }
        let listed: Vec<u64> = self.keys.listed().map(|info| info.number).collect();
        assert!(listed.iter().eq(self.model.keys().rev()));
    }

    fn write(&mut self) {
        self.number += 1;
        let entries = self.some_entries();
        let info = write_run(self.disk.as_ref(), &key(), self.number, entries.iter().copied()).unwrap();
        self.change(&[], info, entries);
    }

    fn merge(&mut self) {
        let mut numbers = self.keys.merge_plan().unwrap_or_default();
        if numbers.is_empty() || self.dice.once_in(4) {
            let dice = &mut self.dice;
            numbers = self.model.keys().copied().filter(|_| dice.once_in(2)).collect();
        }
        self.number += 1;
        let kept_from = *self.dice.pick(&[i32::MIN, i32::MIN, 0, 50]);
        let erased: BTreeSet<Fingerprint> =
            (0..self.dice.below(20)).map(|_| print_of(self.dice.below(IDS))).collect();
        let keep = |fingerprint, day| day >= kept_from && !erased.contains(&fingerprint);
        let sum: Entries = numbers.iter().flat_map(|number| self.model[number].iter().copied()).collect();
        let entries: Entries =
            sum.into_iter().filter(|(fingerprint, day)| keep(*fingerprint, *day)).collect();
        let before = self.keys.clone();
        let info = self.keys.merge(&numbers, self.number, keep, &at_once).unwrap();
        let model = self.model.clone();
        self.change(&numbers, info, entries);
        // A reader that was there before the merge goes on with the old runs, whose files are gone.
        for _ in 0..5 {
            let id = print_of(self.dice.below(IDS));
            let there = model.values().any(|run| run.iter().any(|(here, _)| *here == id));
            assert_eq!(before.contains(id).unwrap(), there);
        }
    }

    /// The disk refuses a write or a sync, or the caller stops: nothing is left, and nothing changed.
    fn fail(&mut self) {
        let before = self.disk.list().unwrap();
        let entries: Entries = (0..3_000).map(|id| (print_of(id), 1)).collect();
        if self.dice.once_in(3) {
            let numbers: Vec<u64> = self.model.keys().copied().collect();
            let merged = self.keys.merge(&numbers, u64::MAX, |_, _| true, &stop_at_once);
            assert!(numbers.is_empty() || matches!(merged, Err(KeysError::Stopped)), "{merged:?}");
        } else {
            let operation = *self.dice.pick(&[Operation::Create, Operation::Write, Operation::Sync]);
            self.disk.inject(Fault::next(operation, io::ErrorKind::StorageFull));
            let written = write_run(self.disk.as_ref(), &key(), u64::MAX, entries);
            assert!(matches!(written, Err(KeysError::Disk { .. })), "{written:?}");
            self.disk.heal();
        }
        assert_eq!(self.disk.list().unwrap(), before);
    }

    fn reopen(&mut self) {
        let listed: Vec<RunInfo> = self.keys.listed().copied().collect();
        if self.dice.once_in(2) {
            self.disk.crash(self.dice.throw());
            self.disk.restart();
        }
        let filter_bytes_max = *self.dice.pick(&[0, 500, 2_000, 10_000, 1 << 20]);
        let options = KeysOptions { filter_bytes_max };
        self.keys = Keys::open(self.disk.clone(), &key(), &listed, options).unwrap();
        let blocks: u64 = listed.iter().map(|info| info.bytes / 4_096).sum();
        assert!(self.keys.memory_bytes() <= filter_bytes_max + blocks * 16);
    }

    fn look(&mut self) {
        let mut all: BTreeMap<Fingerprint, BTreeSet<i32>> = BTreeMap::new();
        for (fingerprint, day) in self.model.values().flatten() {
            all.entry(*fingerprint).or_default().insert(*day);
        }
        let mut ids = vec![print_of(BUSY_ID)];
        ids.extend((0..200).map(|_| print_of(self.dice.below(IDS + 500))));
        for id in &ids {
            let mut days = self.keys.days_of(*id).unwrap();
            assert_eq!(self.keys.contains(*id).unwrap(), !days.is_empty());
            days.sort_unstable();
            assert!(days.iter().eq(all.get(id).into_iter().flatten()));
        }
        let there = self.keys.contains_many(&ids).unwrap();
        assert!(there.iter().eq(ids.iter().map(|id| all.contains_key(id)).collect::<Vec<_>>().iter()));
        let mut found = vec![BTreeSet::new(); ids.len()];
        let note = |place: usize, day| {
            found[place].insert(day);
        };
        self.keys.find_many(&ids, note).unwrap();
        assert!(found.iter().zip(&ids).all(|(days, id)| *days == all.get(id).cloned().unwrap_or_default()));
        let some = &ids[..self.dice.below(4)];
        let with = self.model.iter().rev().filter(|(_, run)| run.iter().any(|(id, _)| some.contains(id)));
        assert!(self.keys.runs_with(some).unwrap().iter().eq(with.map(|(number, _)| number)));
    }
}

#[test]
fn histories_agree_with_a_set_in_memory() {
    for seed in 0..60 {
        let mut world = World::new(seed);
        for _ in 0..30 {
            match world.dice.below(10) {
                0..4 => world.write(),
                4..6 => world.merge(),
                6 => world.fail(),
                7 => world.reopen(),
                _ => world.look(),
            }
        }
        world.look();
    }
}

#[test]
fn the_newest_run_comes_first_and_a_day_once() {
    let disk = Arc::new(SimulatedDisk::new());
    let id = print_of(1);
    let write = |number, days: &[i32]| {
        write_run(disk.as_ref(), &key(), number, days.iter().map(|day| (id, *day))).unwrap().unwrap()
    };
    let listed = [write(1, &[5, 9]), write(3, &[7, 9]), write(2, &[1, 5])];
    let keys = Keys::open(disk.clone(), &key(), &listed, KeysOptions::default()).unwrap();
    assert_eq!(keys.days_of(id).unwrap(), [7, 9, 1, 5]);
    assert!(keys.days_of(print_of(2)).unwrap().is_empty());
}

#[test]
fn entries_out_of_order_and_another_stores_runs_are_refused() {
    let disk = Arc::new(SimulatedDisk::new());
    let mut entries = [(print_of(1), 1), (print_of(2), 1)];
    entries.sort_unstable();
    let info = write_run(disk.as_ref(), &key(), 1, entries).unwrap().unwrap();
    let other = FingerprintKey::from_bytes(&[43; 16]);
    let opened = Keys::open(disk.clone(), &other, &[info], KeysOptions::default());
    assert!(matches!(opened, Err(KeysError::OtherKey { .. })));
    entries.reverse();
    let written = write_run(disk.as_ref(), &key(), 2, entries);
    assert!(matches!(written, Err(KeysError::Mistake { .. })));
    assert_eq!(disk.list().unwrap(), [run_name(1)]);
    // A number that is taken belongs to a run that may be in use.
    assert!(matches!(write_run(disk.as_ref(), &key(), 1, entries), Err(KeysError::Disk { .. })));
    let keys = Keys::open(disk, &key(), &[info], KeysOptions::default()).unwrap();
    assert!(matches!(keys.merge(&[1, 2], 3, |_, _| true, &at_once), Err(KeysError::Mistake { .. })));
}

#[test]
fn a_million_entries_take_at_most_twelve_bytes_each() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FolderDisk::open(folder.path()).unwrap();
    for (number, days, tenths_max) in [(1, 1, 112), (2, 30, 118), (3, 365, 120)] {
        let entries = entries_of(&mut Dice::new(number), 1_000_000, days);
        let info = write_run(&disk, &key(), number, entries.iter().copied()).unwrap().unwrap();
        assert_eq!(info.entries, 1_000_000);
        assert!(info.bytes * 10 <= info.entries * tenths_max, "{} bytes with {days} days", info.bytes);
        let keys = Keys::open(Arc::new(disk.clone()), &key(), &[info], KeysOptions::default()).unwrap();
        let mut wanted: Vec<Fingerprint> = entries.iter().map(|(fingerprint, _)| *fingerprint).collect();
        assert!(keys.contains_many(&wanted).unwrap().iter().all(|there| *there), "none is missed");
        wanted.truncate(20_000);
        assert!(wanted.iter().all(|wanted| keys.contains(*wanted).unwrap()), "none is missed alone");
    }
}
