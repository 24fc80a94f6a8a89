//! Folders and files that grow: the same verbs on a real disk and on the simulated one, and what a loss of power leaves.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use journal::{Disk, Fault, FolderDisk, Operation, SimulatedDisk};

fn both(test: impl Fn(Arc<dyn Disk>)) {
    let folder = tempfile::tempdir().unwrap();
    test(Arc::new(FolderDisk::open(folder.path().join("disk")).unwrap()));
    test(Arc::new(SimulatedDisk::new()));
}

#[test]
fn folders_are_made_listed_and_removed_alike_on_both_disks() {
    both(|disk| {
        let day = disk.folder("day=2026-01-31").unwrap();
        disk.folder("day=2026-01-30").unwrap().folder("inner").unwrap();
        day.write_small("part", b"one").unwrap();
        disk.write_small("part", b"another").unwrap();
        assert_eq!(disk.folders().unwrap(), ["day=2026-01-30", "day=2026-01-31"]);
        assert_eq!(disk.list().unwrap(), ["part"]);
        assert_eq!(day.list().unwrap(), ["part"]);
        assert_eq!(day.folders().unwrap(), [""; 0]);
        let again = disk.folder("day=2026-01-31").unwrap();
        assert_eq!(again.read_small("part").unwrap().unwrap(), b"one");

        let kind = |outcome: std::io::Result<()>| outcome.unwrap_err().kind();
        assert_eq!(kind(disk.remove_folder("day=2026-01-31")), ErrorKind::DirectoryNotEmpty);
        assert_eq!(kind(disk.remove_folder("day=2026-01-30")), ErrorKind::DirectoryNotEmpty);
        assert_eq!(kind(disk.remove_folder("none")), ErrorKind::NotFound);
        assert_eq!(kind(disk.remove_folder("part")), ErrorKind::NotADirectory);
        assert_eq!(kind(disk.create("day=2026-01-31", 0).map(drop)), ErrorKind::AlreadyExists);
        for name in ["", ".", "..", "a/b", "/tmp"] {
            assert_eq!(kind(disk.folder(name).map(drop)), ErrorKind::InvalidInput, "{name:?}");
        }
        assert!(disk.folder("part").is_err());
        assert!(disk.remove("day=2026-01-31").is_err());
        day.remove("part").unwrap();
        disk.remove_folder("day=2026-01-31").unwrap();
        assert_eq!(disk.folders().unwrap(), ["day=2026-01-30"]);
        assert_eq!(disk.folder("day=2026-01-31").unwrap().list().unwrap(), [""; 0]);
    });
}

#[test]
fn a_file_grows_as_it_is_written_alike_on_both_disks() {
    both(|disk| {
        let folder = disk.folder("day=2026-01-31").unwrap();
        let file = folder.create("part.tmp", 0).unwrap();
        assert_eq!(file.len().unwrap(), 0);
        file.write_at(b"abc", 0).unwrap();
        file.write_at(b"def", 3).unwrap();
        file.write_at(b"z", 10).unwrap();
        file.sync().unwrap();
        folder.rename("part.tmp", "part").unwrap();
        let file = folder.open("part").unwrap();
        let mut bytes = [1; 20];
        assert_eq!((file.len().unwrap(), file.read_at(&mut bytes, 0).unwrap()), (11, 11));
        assert_eq!(&bytes[..11], b"abcdef\0\0\0\0z");
        assert_eq!(folder.list().unwrap(), ["part"]);
    });
}

#[test]
fn unsynced_growth_is_kept_lost_or_cut_anywhere_and_synced_growth_stays() {
    let mut lengths = BTreeSet::new();
    let mut torn = 0;
    for seed in 0..256 {
        let disk = SimulatedDisk::new();
        let folder = disk.subfolder("day").unwrap();
        let file = folder.create("part", 0).unwrap();
        file.write_at(&[1; 700], 0).unwrap();
        file.sync().unwrap();
        file.write_at(&[2; 4000], 700).unwrap();
        folder.rename("part", "done").unwrap();
        disk.crash(seed);
        let bytes = folder.bytes("done").unwrap();
        assert!((700..=4700).contains(&bytes.len()));
        assert!(bytes[..700].iter().all(|byte| *byte == 1), "seed {seed}: synced bytes are lost");
        assert!(bytes[700..].iter().all(|byte| [0, 2].contains(byte)), "seed {seed}");
        torn += u32::from(bytes[700..].contains(&0) && bytes[700..].contains(&2));
        lengths.insert(bytes.len());
    }
    assert!(lengths.contains(&700) && lengths.contains(&4700) && lengths.len() > 20, "{lengths:?}");
    assert!(torn > 20, "{torn}");
}

#[test]
fn one_loss_of_power_hits_the_names_of_all_folders() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..64 {
        let disk = SimulatedDisk::new();
        let synced = disk.subfolder("synced").unwrap();
        synced.write_small("kept", b"kept").unwrap();
        // Two names whose syncs fail: one in the folder, one of a folder.
        disk.inject(Fault { times: 1, ..Fault::next(Operation::SyncNames, ErrorKind::Other) });
        assert!(synced.rename("kept", "renamed").is_err());
        disk.inject(Fault { times: 1, ..Fault::next(Operation::SyncNames, ErrorKind::Other) });
        assert!(disk.create("unsynced", 0).is_err());
        let operations = disk.operations();
        assert_eq!(operations, synced.operations());
        disk.crash(seed);
        assert_eq!(disk.folders().unwrap(), ["synced"]);
        assert_eq!(synced.list().unwrap().len(), 1, "one of the two names");
        outcomes.insert((synced.bytes("renamed").is_some(), disk.bytes("unsynced").is_some()));
    }
    assert_eq!(outcomes.len(), 4, "each on its own: {outcomes:?}");
}

#[test]
fn a_folder_whose_name_is_lost_takes_all_with_it_and_a_failed_making_is_made_again() {
    let mut left = BTreeSet::new();
    for seed in 0..64 {
        let disk = SimulatedDisk::new();
        disk.inject(Fault::next(Operation::SyncNames, ErrorKind::Other));
        assert!(disk.folder("day").is_err());
        assert_eq!(disk.folders().unwrap(), [""; 0], "an unsynced name is not taken for a durable one");
        disk.crash(seed);
        left.insert(disk.folders().unwrap().len());
        let day = disk.subfolder("day").unwrap();
        day.write_small("part", b"part").unwrap();
        disk.inject(Fault::next(Operation::SyncNames, ErrorKind::Other));
        day.remove("part").unwrap_err();
        disk.inject(Fault::next(Operation::SyncNames, ErrorKind::Other));
        disk.remove_folder("day").unwrap_err();
        disk.crash(seed);
        let there = disk.folders().unwrap().len() == 1;
        assert_eq!(day.list().is_ok(), there, "the handle lives as long as the folder");
        assert!(there || day.bytes("part").is_none());
        left.insert(2 + usize::from(there));
    }
    assert_eq!(left, BTreeSet::from([0, 1, 2, 3]));
}

#[test]
fn a_stop_and_a_fault_hit_whichever_folder_comes_next() {
    let disk = SimulatedDisk::new();
    let (one, two) = (disk.subfolder("one").unwrap(), disk.subfolder("two").unwrap());
    let file = one.create("a", 0).unwrap();
    disk.inject(Fault { after: 1, ..Fault::next(Operation::Write, ErrorKind::StorageFull) });
    file.write_at(b"fits", 0).unwrap();
    assert_eq!(two.create("b", 0).map(drop).unwrap_err().kind(), ErrorKind::StorageFull);
    one.stop_after(1);
    file.sync().unwrap();
    assert!(two.list().is_err());
    assert!(disk.folders().is_err());
    disk.restart();
    assert_eq!(one.bytes("a").unwrap(), b"fits");
    assert!(file.len().is_err(), "opened before the restart");
}
