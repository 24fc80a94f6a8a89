//! Forgetting: what may be missing, what must be there, and what is left of a record on the disk.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use journal::{
    Damage, Disk, Fault, FolderDisk, Journal, OpenError, Operation, Options, Position, ReadError,
    SEGMENT_HEADER_BYTES, SimulatedDisk, What, verify,
};

use crate::world::{Opened, SEGMENT_BYTES, open, open_from, options, payload, segment};

const CAPACITY: u64 = SEGMENT_BYTES - SEGMENT_HEADER_BYTES as u64;

/// Four segments: two that filled up, one that a turn closed early, and the one that is written.
struct Sample {
    disk: SimulatedDisk,
    frames: Vec<(Position, Vec<u8>)>,
    /// Where frames begin or end.
    borders: BTreeSet<Position>,
    end: Position,
}

fn sample() -> Sample {
    let disk = SimulatedDisk::new();
    let mut journal = open(&disk).unwrap().journal;
    let mut frames = Vec::new();
    let mut borders = BTreeSet::new();
    for number in 0..14u64 {
        if number == 12 {
            assert_eq!(journal.turn().unwrap(), 3 * CAPACITY);
        }
        let payloads = [payload(number * 2, 700), payload(number * 2 + 1, 20)];
        let positions = journal.append(&[&payloads[0], &payloads[1]]).unwrap();
        borders.extend(positions.iter().copied());
        borders.extend([positions[1], journal.end()]);
        frames.extend(positions.into_iter().zip(payloads));
    }
    let end = journal.status().end;
    assert_eq!((journal.status().segments, disk.list().unwrap().len()), (4, 4));
    Sample { disk, frames, borders, end }
}

/// The same files on a disk of their own.
fn copy(disk: &SimulatedDisk, change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> SimulatedDisk {
    let other = SimulatedDisk::new();
    for name in disk.list().unwrap() {
        if let Some(bytes) = change(&name, disk.bytes(&name).unwrap()) {
            other.put(&name, &bytes);
        }
    }
    other
}

fn damage_of(outcome: Result<Opened, OpenError>) -> (String, Damage) {
    match outcome {
        Err(OpenError::MiddleDamage { file, damage, .. }) => (file, damage),
        Err(other) => panic!("{other}"),
        Ok(opened) => panic!("opened with {:?}", opened.recovery),
    }
}

#[test]
fn every_border_is_a_beginning_and_no_other_place_is() {
    let sample = sample();
    for begin in 0..sample.end + 2 * CAPACITY {
        let disk = copy(&sample.disk, |_, bytes| Some(bytes));
        let found = verify(&disk, begin).unwrap();
        let outcome = open_from(&disk, begin);
        assert_eq!(found.damaged(), outcome.is_err(), "begin {begin}: {:?}", found.findings);
        let opened = match outcome {
            Ok(opened) => opened,
            Err(error) => {
                assert!(!sample.borders.contains(&begin), "begin {begin}: {error}");
                match error {
                    OpenError::BeginInside { begin: said } => {
                        assert_eq!((said, begin < sample.end), (begin, true));
                    }
                    OpenError::BeginPastEnd { begin: said, end } => {
                        assert_eq!((said, end, begin > end), (begin, sample.end, true));
                    }
                    other => panic!("begin {begin}: {other}"),
                }
                assert!(
                    matches!(found.findings[..], [journal::Finding { what: What::NoBeginning(at), .. }] if at == begin)
                );
                assert_eq!(disk.list().unwrap().len(), 4, "nothing is removed");
                continue;
            }
        };
        assert!(sample.borders.contains(&begin), "begin {begin}");
        let kept: Vec<_> = sample.frames.iter().filter(|(at, _)| *at >= begin).cloned().collect();
        assert_eq!(opened.frames, kept, "begin {begin}");
        let left: Vec<String> = (begin.min(sample.end - 1) / CAPACITY + 1..=4).map(segment).collect();
        assert_eq!(disk.list().unwrap(), left, "begin {begin}");
        assert_eq!(found.forgotten_segments, 4 - left.len() as u64);
        assert_eq!((opened.recovery.segments, opened.recovery.end), (left.len() as u64, sample.end));
    }
}

#[test]
fn segments_before_the_beginning_may_be_missing_or_damaged_and_those_behind_may_not() {
    let sample = sample();
    // The beginning lies in the third segment.
    let (begin, kept) = (sample.frames[22].0, sample.frames[22..].to_vec());
    assert_eq!(begin / CAPACITY, 2);
    for left in 1..=3 {
        let disk = copy(&sample.disk, |name, bytes| (name >= segment(left).as_str()).then_some(bytes));
        assert!(!verify(&disk, begin).unwrap().damaged());
        assert_eq!(open_from(&disk, begin).unwrap().frames, kept);
        assert_eq!(disk.list().unwrap(), [segment(3), segment(4)]);
    }
    let spoilt =
        copy(&sample.disk, |name, bytes| Some(if name < segment(3).as_str() { vec![7] } else { bytes }));
    assert_eq!(open_from(&spoilt, begin).unwrap().frames, kept);
    assert_eq!(spoilt.list().unwrap(), [segment(3), segment(4)]);

    for (missing, named) in [(vec![3], 3), (vec![1, 3], 3), (vec![1, 2, 3], 3), (vec![2, 3], 2)] {
        let disk = copy(&sample.disk, |name, bytes| {
            (!missing.iter().any(|missing| name == segment(*missing))).then_some(bytes)
        });
        let files = disk.list().unwrap();
        assert_eq!(damage_of(open_from(&disk, begin)), (segment(named), Damage::Missing), "{missing:?}");
        let found = verify(&disk, begin).unwrap();
        assert_eq!(found.findings[0].what, What::Damage(Damage::Missing));
        assert_eq!(disk.list().unwrap(), files, "nothing is removed");
    }
    // The last one: all that is left ends before the beginning.
    let disk = copy(&sample.disk, |name, bytes| (name < segment(3).as_str()).then_some(bytes));
    assert!(matches!(open_from(&disk, begin), Err(OpenError::BeginPastEnd { .. })));
    assert!(verify(&disk, begin).unwrap().damaged());
    // And nothing at all is no new journal.
    let empty = SimulatedDisk::new();
    assert_eq!(damage_of(open_from(&empty, begin)).1, Damage::Missing);
    assert!(verify(&empty, begin).unwrap().damaged());
    assert!(!verify(&empty, 0).unwrap().damaged());
    assert_eq!(empty.list().unwrap(), [""; 0]);
}

#[test]
fn an_owner_who_forgot_that_he_forgot_is_told() {
    let sample = sample();
    let begin = sample.frames[22].0;
    let journal = open_from(&sample.disk, begin).unwrap().journal;
    drop(journal);
    for earlier in [0, sample.frames[3].0, 2 * CAPACITY - 8] {
        let (file, damage) = damage_of(open_from(&sample.disk, earlier));
        let named = if earlier == 0 { 1 } else { 2 };
        // Without a beginning the first segment is missed; else the one before the oldest.
        assert!(file == segment(named) || file == segment(2), "{file}");
        assert_eq!(damage, Damage::Missing);
        assert!(verify(&sample.disk, earlier).unwrap().damaged());
    }
    open_from(&sample.disk, begin).unwrap();
}

#[test]
fn frames_before_the_beginning_in_its_segment_are_checked() {
    let sample = sample();
    let begin = sample.frames[22].0;
    let before = SEGMENT_HEADER_BYTES..usize::try_from(begin - 2 * CAPACITY).unwrap() + SEGMENT_HEADER_BYTES;
    assert!(before.len() > 700);
    for at in (0..before.end).step_by(7) {
        let disk = copy(&sample.disk, |name, mut bytes| {
            bytes[at] ^= if name == segment(3) { 4 } else { 0 };
            Some(bytes)
        });
        let (file, _) = damage_of(open_from(&disk, begin));
        assert_eq!(file, segment(3), "byte {at}");
        assert!(verify(&disk, begin).unwrap().damaged(), "byte {at}");
    }
    // Zeros from before the beginning on look like a clean end; the next segment knows better.
    let cut = copy(&sample.disk, |name, mut bytes| {
        if name == segment(3) {
            bytes[before.end - 48..].fill(0);
        }
        Some(bytes)
    });
    assert_eq!(damage_of(open_from(&cut, begin)), (segment(3), Damage::Ending));
}

#[test]
fn a_lost_last_batch_before_the_beginning_is_never_taken_for_a_torn_tail() {
    let sample = sample();
    let last = sample.frames[sample.frames.len() - 2].0;
    let at = usize::try_from(last - 3 * CAPACITY).unwrap() + SEGMENT_HEADER_BYTES + 30;
    let spoil = |disk: &SimulatedDisk| {
        copy(disk, |name, mut bytes| {
            bytes[at] ^= if name == segment(4) { 4 } else { 0 };
            Some(bytes)
        })
    };
    assert!(open_from(&spoil(&sample.disk), last).unwrap().recovery.torn_tail.is_some());
    let disk = spoil(&sample.disk);
    let bytes = disk.bytes(&segment(4));
    let refused = open_from(&disk, sample.end);
    assert!(
        matches!(refused, Err(OpenError::BeginPastEnd { begin, end }) if (begin, end) == (sample.end, last))
    );
    assert_eq!(disk.bytes(&segment(4)), bytes, "and nothing was cut");
}

#[test]
fn readers_of_forgotten_segments_find_nothing_and_all_others_go_on() {
    let sample = sample();
    let journal = open(&sample.disk).unwrap().journal;
    let reader = journal.reader();
    let reads = |position| reader.read(position);
    for (position, whole) in &sample.frames {
        assert_eq!(&reads(*position).unwrap(), whole);
    }
    let begin = sample.frames[22].0;
    assert_eq!(journal.forgetter().forget_before(begin).unwrap(), 2 * SEGMENT_BYTES);
    assert_eq!(journal.forgetter().forget_before(begin).unwrap(), 0);
    let status = journal.status();
    assert_eq!((status.segments, status.file_bytes), (2, 2 * SEGMENT_BYTES));
    for (position, whole) in &sample.frames {
        match reads(*position) {
            Ok(read) => assert_eq!((&read, *position >= 2 * CAPACITY), (whole, true)),
            Err(ReadError::NotFound(at)) => assert!(at == *position && at < 2 * CAPACITY),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(journal.forgetter().forget_before(sample.end).unwrap(), SEGMENT_BYTES);
    assert_eq!(sample.disk.list().unwrap(), [segment(4)]);
    let beyond = journal.forgetter().forget_before(sample.end + 1).unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_removal_that_fails_or_is_interrupted_leaves_no_gap_and_is_gone_on_with() {
    let begin = sample().frames[24].0;
    assert_eq!(begin / CAPACITY, 3);
    for operation in [Operation::Remove, Operation::SyncNames] {
        for after in 0..3 {
            for seed in 0..8 {
                let sample = sample();
                let journal = open(&sample.disk).unwrap().journal;
                sample.disk.inject(Fault { after, ..Fault::next(operation, ErrorKind::Other) });
                assert!(journal.forgetter().forget_before(begin).is_err());
                assert!(matches!(journal.reader().read(0), Err(ReadError::NotFound(0))));
                assert_eq!(journal.status().segments, 4 - after);
                if seed % 2 == 0 {
                    let freed = journal.forgetter().forget_before(begin).unwrap();
                    assert_eq!(freed, (3 - after) * SEGMENT_BYTES);
                    assert_eq!(journal.status().segments, 1);
                }
                sample.disk.crash(seed);
                // What a removal returned for is gone before anyone opens the journal.
                let gone = if seed % 2 == 0 { 4 } else { 1 + after };
                assert!(sample.disk.list().unwrap()[0] >= segment(gone), "{operation:?} {after} {seed}");
                assert_eq!(open_from(&sample.disk, begin).unwrap().frames, sample.frames[24..]);
                assert_eq!(sample.disk.list().unwrap(), [segment(4)]);
            }
        }
    }
    for operations in 0..6 {
        for seed in 0..16 {
            let sample = sample();
            let journal = open(&sample.disk).unwrap().journal;
            sample.disk.stop_after(operations);
            assert!(journal.forgetter().forget_before(begin).is_err());
            sample.disk.crash(seed);
            assert_eq!(open_from(&sample.disk, begin).unwrap().frames, sample.frames[24..]);
            assert_eq!(sample.disk.list().unwrap(), [segment(4)]);
        }
    }
}

#[test]
fn an_opening_that_is_interrupted_leaves_no_gap_among_what_it_removes() {
    let mut seen = BTreeSet::new();
    for operations in 0..12 {
        let sample = sample();
        let begin = sample.frames[24].0;
        sample.disk.stop_after(operations);
        let opened = open_from(&sample.disk, begin).is_ok();
        sample.disk.restart();
        let names = sample.disk.list().unwrap();
        let left: Vec<String> = (5 - names.len() as u64..=4).map(segment).collect();
        assert_eq!(names, left, "after {operations} operations");
        assert!(!opened || names.len() == 1, "after {operations} operations");
        seen.insert((names.len(), opened));
        assert_eq!(open_from(&sample.disk, begin).unwrap().frames, sample.frames[24..]);
    }
    assert!(
        [(4, false), (3, false), (2, false), (1, true)].iter().all(|case| seen.contains(case)),
        "{seen:?}"
    );
}

#[test]
fn the_current_segment_stays_though_all_of_it_may_go() {
    let disk = SimulatedDisk::new();
    let mut journal = open(&disk).unwrap().journal;
    let full = payload(1, usize::try_from(CAPACITY).unwrap() - 24);
    journal.append(&[&full]).unwrap();
    let begin = journal.status().end;
    assert_eq!(begin, CAPACITY);
    assert_eq!(journal.forgetter().forget_before(begin).unwrap(), 0);
    drop(journal);
    let mut opened = open_from(&disk, begin).unwrap();
    assert_eq!((opened.frames.len(), opened.recovery.segments), (0, 1));
    assert_eq!(opened.journal.append(&[b"next"]).unwrap(), [begin]);
    assert_eq!(opened.journal.forgetter().forget_before(begin).unwrap(), SEGMENT_BYTES);
    drop(opened);
    assert_eq!(open_from(&disk, begin).unwrap().payloads(), [b"next"]);
}

#[test]
fn after_a_turn_and_a_forgetting_no_byte_of_a_record_is_left() {
    const SECRET: &[u8] = b"the visitor's name";
    let holds_secret = |disk: &SimulatedDisk| {
        let names = disk.list().unwrap().into_iter();
        names
            .filter(|name| disk.bytes(name).unwrap().windows(SECRET.len()).any(|bytes| bytes == SECRET))
            .count()
    };
    let disk = SimulatedDisk::new();
    let mut journal = open(&disk).unwrap().journal;
    journal.append(&[b"before", SECRET, b"behind"]).unwrap();
    // A batch that was never acknowledged leaves its bytes too.
    disk.inject(Fault { bytes_written: 4000, ..Fault::next(Operation::Write, ErrorKind::Other) });
    assert!(journal.append(&[SECRET, SECRET]).is_err());
    assert_eq!(holds_secret(&disk), 1);
    let begin = journal.turn().unwrap();
    journal.forgetter().forget_before(begin).unwrap();
    assert_eq!(holds_secret(&disk), 0);
    journal.append(&[b"next"]).unwrap();
    disk.crash(5);
    assert_eq!(open_from(&disk, begin).unwrap().payloads(), [b"next"]);
    assert_eq!(holds_secret(&disk), 0);
}

#[test]
fn a_turn_that_may_have_happened_is_no_trap() {
    for operation in [Operation::Create, Operation::Write, Operation::Rename, Operation::SyncNames] {
        for seed in 0..32 {
            let disk = SimulatedDisk::new();
            let mut journal = open(&disk).unwrap().journal;
            journal.append(&[b"old"]).unwrap();
            let after = u64::from(operation == Operation::SyncNames);
            disk.inject(Fault { after, ..Fault::next(operation, ErrorKind::StorageFull) });
            assert!(journal.turn().is_err());
            assert_eq!(journal.status().end, 32, "nothing is promised");
            if seed % 2 == 0 {
                assert_eq!(journal.turn().unwrap(), CAPACITY);
            }
            journal.append(&[b"new"]).unwrap();
            disk.crash(seed);
            assert_eq!(open(&disk).unwrap().payloads(), [b"old", b"new"], "seed {seed}");
        }
    }
}

#[test]
fn sequences_go_on_for_ever_while_few_segments_stay() {
    let disk = SimulatedDisk::new();
    let mut begin = 0;
    for round in 0..50u64 {
        let mut journal = open_from(&disk, begin).unwrap().journal;
        assert_eq!(journal.append(&[b"x"]).unwrap(), [round * CAPACITY]);
        begin = journal.turn().unwrap();
        // Now and then the process ends between the number and the files.
        if round % 3 != 0 {
            journal.forgetter().forget_before(begin).unwrap();
        }
    }
    assert_eq!(open_from(&disk, begin).unwrap().recovery.segments, 1);
    assert_eq!(disk.list().unwrap(), [segment(51)]);
}

#[test]
fn on_a_real_disk_the_files_vanish_and_their_space_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("records");
    let disk = Arc::new(FolderDisk::open(&place).unwrap());
    let files = || disk.list().unwrap();
    let (mut journal, _) = Journal::open(disk.clone(), options(), &mut |_, _| Ok(())).unwrap();
    let reader = journal.reader();
    let positions: Vec<Position> =
        (0..8).map(|number| journal.append(&[&payload(number, 3000)]).unwrap()[0]).collect();
    positions.iter().for_each(|position| {
        reader.read(*position).unwrap();
    });
    assert_eq!(files().len(), 8);
    let begin = positions[5];
    assert_eq!(journal.forgetter().forget_before(begin).unwrap(), 5 * SEGMENT_BYTES);
    assert_eq!(files(), [segment(6), segment(7), segment(8)]);
    // An open file would keep its space: none of those that were removed is open.
    let open_files = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let target = std::fs::read_link(entry.unwrap().path()).ok()?;
        target.starts_with(&place).then(|| target.to_string_lossy().into_owned())
    });
    let deleted: Vec<String> = open_files.filter(|target| target.ends_with(" (deleted)")).collect();
    assert_eq!(deleted, [""; 0]);
    drop(journal);
    let mut seen = Vec::new();
    let options = Options { begin, ..options() };
    Journal::open(disk.clone(), options, &mut |position, _| {
        seen.push(position);
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, positions[5..]);
}
