//! Faults, one by one: what each is called, what may be tried again, what is left behind.

use std::io::ErrorKind;
use std::sync::Arc;

use journal::{
    AppendError, Disk, FRAME_BYTES_MAX, Fault, FolderDisk, Journal, OpenError, Operation, Options,
    SEGMENT_HEADER_BYTES, SimulatedDisk, verify,
};

use crate::world::{open, options, payload, segment};

#[test]
fn what_was_appended_is_replayed_in_order_on_a_real_disk_too() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("records");
    let mut kept = Vec::new();
    for round in 0..3u64 {
        let mut seen = Vec::new();
        let disk = Arc::new(FolderDisk::open(&place).unwrap());
        let (mut journal, _) = Journal::open(disk, options(), &mut |position, payload| {
            seen.push((position, payload.to_vec()));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, kept);
        for number in 0..10 {
            let payloads = [payload(round * 100 + number, 300), payload(round * 100 + number + 50, 5)];
            let positions = journal.append(&[&payloads[0], &payloads[1]]).unwrap();
            kept.extend(positions.into_iter().zip(payloads));
        }
        let reader = journal.reader();
        drop(journal);
        for (position, payload) in &kept {
            assert_eq!(&reader.read(*position).unwrap(), payload);
        }
    }
    let disk = FolderDisk::open(&place).unwrap();
    assert!(disk.list().unwrap().len() >= 3);
    assert_eq!(verify(&disk, 0).unwrap().findings, []);
}

#[test]
fn files_are_private_and_small_ones_are_replaced_whole() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let disk = FolderDisk::open(folder.path().join("a/b")).unwrap();
    assert_eq!(disk.read_small("state").unwrap(), None);
    disk.write_small("state", b"one").unwrap();
    disk.write_small("state", b"two").unwrap();
    assert_eq!(disk.read_small("state").unwrap().unwrap(), b"two");
    disk.create("zeros", 10_000).unwrap();
    assert!(disk.create("zeros", 1).is_err());
    assert_eq!(disk.list().unwrap(), ["state", "zeros"]);
    let mode = |path: &std::path::Path| path.metadata().unwrap().mode() & 0o777;
    assert_eq!(mode(&disk.path().join("state")), 0o600);
    assert_eq!(mode(&disk.path().join("zeros")), 0o600);
    assert_eq!(mode(disk.path()), 0o700);
    assert!(disk.open("../b/state").is_err());
    assert!(disk.write_small("large", &vec![0; journal::SMALL_FILE_BYTES_MAX + 1]).is_err());
}

#[test]
fn a_full_disk_is_told_and_the_same_append_succeeds_when_there_is_room() {
    let disk = SimulatedDisk::new();
    let mut journal = open(&disk).unwrap().journal;
    journal.append(&[&[b'a'; 3000]]).unwrap();
    disk.inject(Fault { times: 2, ..Fault::next(Operation::Create, ErrorKind::StorageFull) });
    for _ in 0..2 {
        assert!(matches!(journal.append(&[&[b'b'; 3000]]), Err(AppendError::NoSpace(_))));
    }
    // What still fits into the current segment may go on while there is no room for the next one.
    journal.append(&[b"small"]).unwrap();
    journal.append(&[&[b'b'; 3000]]).unwrap();
    assert_eq!((journal.status().failures, journal.status().poisoned), (2, false));
    disk.crash(1);
    let frames: Vec<usize> = open(&disk).unwrap().payloads().iter().map(Vec::len).collect();
    assert_eq!(frames, [3000, 5, 3000]);
}

#[test]
fn a_failed_batch_never_comes_back_behind_its_own_retry() {
    for seed in 0..64 {
        let disk = SimulatedDisk::new();
        let mut journal = open(&disk).unwrap().journal;
        let fault = Fault::next(Operation::Write, ErrorKind::Other);
        disk.inject(Fault { bytes_written: 4096, ..fault });
        assert!(matches!(journal.append(&[b"first", b"second"]), Err(AppendError::Write(_))));
        // The retry has the same first frame at the same place: the second would follow on it.
        journal.append(&[b"first"]).unwrap();
        disk.crash(seed);
        assert_eq!(open(&disk).unwrap().payloads(), [b"first"]);
    }
}

#[test]
fn a_failed_sync_poisons_until_the_journal_is_opened_again() {
    for seed in 0..64 {
        let disk = SimulatedDisk::new();
        let mut journal = open(&disk).unwrap().journal;
        journal.append(&[b"kept"]).unwrap();
        disk.inject(Fault::next(Operation::Sync, ErrorKind::Other));
        // Longer than a few sectors: the next batch must not bring them to the medium by sharing them.
        let unknown = payload(7, 1200);
        assert!(matches!(journal.append(&[&unknown]), Err(AppendError::Poisoned)));
        let operations = disk.operations();
        assert!(matches!(journal.append(&[b"refused"]), Err(AppendError::Poisoned)));
        assert_eq!(disk.operations(), operations, "nothing is tried any more");
        assert!(journal.status().poisoned);
        // The process restarts with power on: it reads the batch from memory, and must make it durable to build on it.
        disk.restart();
        let mut again = open(&disk).unwrap();
        assert_eq!(again.payloads(), [b"kept".to_vec(), unknown]);
        again.journal.append(&[&payload(1, 1500)]).unwrap();
        disk.crash(seed);
        assert_eq!(open(&disk).unwrap().frames.len(), 3, "seed {seed}");
    }
}

#[test]
fn a_torn_tail_whose_wiping_failed_is_wiped_again_and_never_comes_back() {
    let (mut torn, mut failed) = (0, 0);
    let faults = [(Operation::Sync, 0), (Operation::Sync, 1), (Operation::Write, 0), (Operation::Write, 1)];
    for seed in 0..1024u64 {
        let disk = SimulatedDisk::new();
        let mut journal = open(&disk).unwrap().journal;
        // The first ends with a sector: writing it again leaves the second alone.
        let (first, second) = (payload(1, 1000), payload(2, 1000));
        disk.inject(Fault::next(Operation::Sync, ErrorKind::Other));
        journal.append(&[&first, &second]).unwrap_err();
        disk.crash(seed);
        // Power stays on from here: readers see what was written, whether the medium has it or not.
        let (operation, after) = faults[usize::try_from(seed % 4).unwrap()];
        disk.inject(Fault { after, times: 1 + seed % 3, ..Fault::next(operation, ErrorKind::Other) });
        failed += u32::from(open(&disk).is_err());
        disk.restart();
        let mut opened = open(&disk).unwrap();
        if opened.frames.is_empty() {
            torn += 1;
            // The same frame at the same place: the second would follow on it.
            opened.journal.append(&[&first]).unwrap();
            if seed % 8 < 4 {
                opened.journal.turn().unwrap();
            }
            disk.crash(seed + 1);
            assert_eq!(open(&disk).unwrap().payloads(), [first], "seed {seed}");
        }
    }
    assert!(torn > 300 && failed > 300, "{torn} {failed}");
}

#[test]
fn what_a_failed_write_left_never_comes_back_though_its_wiping_failed_too() {
    let mut empty = 0;
    for seed in 0..512u64 {
        let disk = SimulatedDisk::new();
        let mut journal = open(&disk).unwrap().journal;
        let first = payload(1, 1000);
        let fault = Fault::next(Operation::Write, ErrorKind::Other);
        disk.inject(Fault { bytes_written: 2048, ..fault.clone() });
        // Two of three frames are written: there is nothing yet where the batch would have ended.
        journal.append(&[&first, &payload(2, 1000), &payload(3, 1000)]).unwrap_err();
        match seed % 4 {
            0 => disk.inject(Fault::next(Operation::Sync, ErrorKind::Other)),
            1 => disk.inject(Fault { after: 1, ..Fault::next(Operation::Sync, ErrorKind::Other) }),
            after => disk.inject(Fault { after: after - 2, ..fault }),
        }
        journal.append(&[&first]).unwrap_err();
        disk.restart();
        disk.inject(Fault { after: seed / 4 % 2, ..Fault::next(Operation::Sync, ErrorKind::Other) });
        let _ = open(&disk);
        disk.restart();
        let mut opened = open(&disk).unwrap();
        if opened.frames.is_empty() {
            empty += 1;
            opened.journal.append(&[&first]).unwrap();
            disk.crash(seed);
            assert_eq!(open(&disk).unwrap().payloads().len(), 1, "seed {seed}");
        }
    }
    assert!(empty > 100, "{empty}");
}

#[test]
fn a_rename_that_may_have_happened_is_no_trap() {
    for operation in [Operation::Rename, Operation::SyncNames] {
        for seed in 0..32 {
            let disk = SimulatedDisk::new();
            let mut journal = open(&disk).unwrap().journal;
            journal.append(&[&[b'a'; 3000]]).unwrap();
            // The third sync of names in a turn is the rename's; a spare's removal isn't needed here.
            let after = u64::from(operation == Operation::SyncNames);
            disk.inject(Fault { after, ..Fault::next(operation, ErrorKind::Other) });
            assert!(matches!(journal.append(&[&[b'b'; 3000]]), Err(AppendError::NoSpace(_))));
            // A small batch would fit into the old segment, but the new one's header would not know of it.
            journal.append(&[b"small"]).unwrap();
            disk.crash(seed);
            let frames: Vec<usize> = open(&disk).unwrap().payloads().iter().map(Vec::len).collect();
            assert_eq!(frames, [3000, 5], "seed {seed}");
        }
    }
}

#[test]
fn a_name_whose_sync_failed_is_synced_by_the_next_opening() {
    for seed in 0..32 {
        let disk = SimulatedDisk::new();
        disk.inject(Fault { after: 1, ..Fault::next(Operation::SyncNames, ErrorKind::Other) });
        assert!(matches!(open(&disk), Err(OpenError::Io { .. })));
        disk.restart();
        open(&disk).unwrap().journal.append(&[b"kept"]).unwrap();
        disk.crash(seed);
        assert_eq!(open(&disk).unwrap().payloads(), [b"kept"], "seed {seed}");
    }
}

#[test]
fn a_crash_at_any_operation_of_a_turn_leaves_no_rubbish() {
    for operations in 0..16 {
        for seed in 0..16 {
            let disk = SimulatedDisk::new();
            let mut journal = open(&disk).unwrap().journal;
            journal.append(&[&[b'a'; 3000]]).unwrap();
            disk.stop_after(operations);
            let done = journal.append(&[&[b'b'; 3000]]).is_ok();
            disk.crash(seed);
            let opened = open(&disk).unwrap();
            assert!(opened.frames.len() > usize::from(done));
            let names = disk.list().unwrap();
            assert!(names.iter().all(|name| name.ends_with(".log")), "{names:?}");
        }
    }
}

#[test]
fn a_spare_made_ahead_is_used_and_never_left_over() {
    let disk = SimulatedDisk::new();
    let mut journal = open(&disk).unwrap().journal;
    journal.append(&[&[b'a'; 3000]]).unwrap();
    journal.spare().prepare().unwrap();
    disk.inject(Fault::next(Operation::Create, ErrorKind::StorageFull));
    journal.append(&[&[b'b'; 3000]]).unwrap();
    assert_eq!(journal.status().segments, 2);
    disk.heal();
    journal.spare().prepare().unwrap();
    assert_eq!(disk.list().unwrap().len(), 3);
    disk.restart();
    assert_eq!(open(&disk).unwrap().recovery.segments, 2);
    assert_eq!(disk.list().unwrap(), [segment(1), segment(2)]);
}

#[test]
fn sizes_have_limits_and_a_batch_is_all_or_none() {
    let disk = SimulatedDisk::new();
    let mut journal = open(&disk).unwrap().journal;
    let room = usize::try_from(journal.batch_bytes_max()).unwrap();
    assert!(matches!(journal.append(&[b"a", b""]), Err(AppendError::TooLarge { bytes: 0, .. })));
    let large = vec![1; FRAME_BYTES_MAX + 1];
    assert!(matches!(journal.append(&[b"a", &large]), Err(AppendError::TooLarge { .. })));
    assert!(matches!(journal.append(&[&vec![1; room - 16]]), Err(AppendError::TooLarge { .. })));
    assert_eq!(journal.append(&[]).unwrap(), []);
    journal.append(&[&vec![1; room - 24]]).unwrap();
    assert_eq!(journal.append(&[b"next"]).unwrap(), [room as u64]);
    let odd = Options { segment_bytes: (SEGMENT_HEADER_BYTES * 2 + 1) as u64, salt: None, begin: 0 };
    let refused = Journal::open(Arc::new(disk), odd, &mut |_, _| Ok(()));
    assert!(matches!(refused, Err(OpenError::Options(_))));
}

#[test]
fn segments_of_other_sizes_go_on_being_read() {
    let disk = SimulatedDisk::new();
    open(&disk).unwrap().journal.append(&[b"small segment"]).unwrap();
    let larger = Options { segment_bytes: 65536, salt: None, begin: 0 };
    let (mut journal, _) = Journal::open(Arc::new(disk.clone()), larger, &mut |_, _| Ok(())).unwrap();
    journal.append(&[&payload(1, 50_000)]).unwrap();
    drop(journal);
    let mut opened = open(&disk).unwrap();
    opened.journal.append(&[&payload(2, 3_000), b"x"]).unwrap();
    drop(opened);
    assert_eq!(open(&disk).unwrap().frames.len(), 4);
}

#[test]
fn a_refused_record_ends_the_opening_with_the_callers_words() {
    let disk = SimulatedDisk::new();
    open(&disk).unwrap().journal.append(&[b"a", b"b"]).unwrap();
    let refused = Journal::open(Arc::new(disk), options(), &mut |position, _| {
        if position == 0 { Ok(()) } else { Err("unknown kind".to_owned()) }
    });
    let Err(OpenError::Refused { position, reason }) = refused else { panic!("opened") };
    assert_eq!((position, reason.as_str()), (32, "unknown kind"));
}
