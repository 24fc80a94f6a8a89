//! Damage: flipped bytes, cut and missing files. Never a wrong payload, never silently fewer.

use std::sync::Arc;

use journal::{
    Damage, FORMAT_VERSION, Journal, OpenError, Options, ReadError, SEGMENT_HEADER_BYTES, SimulatedDisk,
    What, verify,
};

use crate::world::{Opened, SEGMENT_BYTES, open, options, payload, segment};

/// Three segments; the last has batches of one, two and three frames.
struct Sample {
    files: Vec<Vec<u8>>,
    payloads: Vec<Vec<u8>>,
    /// Where each frame of the last segment begins and ends in its file.
    last_frames: Vec<(usize, usize)>,
    last_batch_start: usize,
}

fn sample() -> Sample {
    let disk = SimulatedDisk::new();
    let mut journal = open(&disk).unwrap().journal;
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    let mut positions = Vec::new();
    for sizes in [[900; 4].as_slice(), &[1200, 1200], &[900], &[2000], &[1001], &[30, 33], &[21, 400, 9]] {
        let batch: Vec<Vec<u8>> =
            sizes.iter().map(|bytes| payload((payloads.len() + *bytes) as u64, *bytes)).collect();
        positions.extend(journal.append(&batch.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap());
        payloads.extend(batch);
    }
    let files: Vec<Vec<u8>> = (1..=3).map(|sequence| disk.bytes(&segment(sequence)).unwrap()).collect();
    assert!(disk.bytes(&segment(4)).is_none());
    let start = 2 * (SEGMENT_BYTES - SEGMENT_HEADER_BYTES as u64);
    let end = journal.status().end;
    let offset = |position: u64| usize::try_from(position - start).unwrap() + SEGMENT_HEADER_BYTES;
    let bounds: Vec<u64> = positions.iter().copied().filter(|at| *at >= start).chain([end]).collect();
    let last_frames: Vec<_> = bounds.windows(2).map(|pair| (offset(pair[0]), offset(pair[1]))).collect();
    let last_batch_start = last_frames[last_frames.len() - 3].0;
    Sample { files, payloads, last_frames, last_batch_start }
}

fn open_files(files: &[Vec<u8>]) -> (SimulatedDisk, Result<Opened, OpenError>) {
    let disk = SimulatedDisk::new();
    for (index, bytes) in files.iter().enumerate() {
        disk.put(&segment(index as u64 + 1), bytes);
    }
    let opened = open(&disk);
    (disk, opened)
}

fn damage_of(outcome: Result<Opened, OpenError>) -> (String, u64, Damage) {
    match outcome {
        Err(OpenError::MiddleDamage { file, offset, damage }) => (file, offset, damage),
        Err(other) => panic!("{other}"),
        Ok(opened) => panic!("opened with {:?}", opened.recovery),
    }
}

/// Flips one bit, and opens: either the opening refuses and names the place, or the last batch is cut, at the right
/// frame, and told.
fn judge_flip(sample: &Sample, file: usize, at: usize, bit: usize) {
    let earlier = sample.payloads.len() - sample.last_frames.len();
    let mut files = sample.files.clone();
    files[file][at] ^= 1 << bit;
    let (disk, outcome) = open_files(&files);
    let found = verify(&disk, 0).unwrap();
    let whole = earlier + sample.last_frames.iter().filter(|(_, end)| *end <= at).count();
    if file < 2 || at < sample.last_batch_start {
        let (name, offset, _) = damage_of(outcome);
        assert_eq!(name, segment(file as u64 + 1), "byte {at}, bit {bit}");
        assert!(offset <= at as u64, "byte {at}, bit {bit}: reported at {offset}");
        assert!(found.damaged(), "file {file}, byte {at}, bit {bit}");
        let before = if file == 2 && at >= SEGMENT_HEADER_BYTES { whole } else { 0 };
        assert!(found.frames >= before as u64, "byte {at}, bit {bit}: {found:?}");
        return;
    }
    let opened = outcome.unwrap();
    assert_eq!(opened.payloads(), sample.payloads[..whole], "byte {at}, bit {bit}");
    let torn = opened.recovery.torn_tail.unwrap();
    assert_eq!(torn.file, segment(3));
    assert!((torn.offset..torn.offset + torn.bytes).contains(&(at as u64)), "byte {at}, bit {bit}: {torn:?}");
    // What was cut is gone for good, and what was kept stays.
    drop(opened.journal);
    let again = open(&disk).unwrap();
    assert_eq!((again.frames.len(), again.recovery.torn_tail), (whole, None));
}

#[test]
fn a_flipped_byte_anywhere_is_refused_or_cut_at_the_right_frame_and_told() {
    let sample = sample();
    for file in 0..3 {
        for at in 0..sample.files[file].len() {
            judge_flip(&sample, file, at, at % 8);
        }
    }
}

#[test]
fn each_flipped_bit_of_the_block_with_the_last_frames_is_refused_or_cut_at_the_right_frame_and_told() {
    let sample = sample();
    // Frames of earlier batches, of the last one, and zeros: everything that a block can have.
    let block = SEGMENT_HEADER_BYTES..2 * SEGMENT_HEADER_BYTES;
    assert!(block.contains(&sample.last_batch_start) && sample.last_frames[0].0 < sample.last_batch_start);
    assert!(block.contains(&sample.last_frames.last().unwrap().1));
    for at in block {
        (0..8).for_each(|bit| judge_flip(&sample, 2, at, bit));
    }
}

#[test]
fn a_journal_cut_at_each_of_its_last_65536_bytes_is_refused_and_named() {
    const SEGMENT_BYTES: usize = 72 << 10;
    const CUTS: usize = 1 << 16;
    let disk = SimulatedDisk::new();
    let large = Options { segment_bytes: SEGMENT_BYTES as u64, ..options() };
    let opened = Journal::open(Arc::new(disk.clone()), large, &mut |_, _: &[u8]| Ok(()));
    let mut journal = opened.unwrap().0;
    let mut number = 0;
    while disk.bytes(&segment(2)).is_none() {
        number += 1;
        journal.append(&[&payload(number, 700)]).unwrap();
    }
    drop(journal);
    // Frames to the very end: each cut takes some, or a part of one.
    let whole = disk.bytes(&segment(1)).unwrap();
    assert_eq!(whole.len(), SEGMENT_BYTES);
    for bytes in (SEGMENT_BYTES - CUTS..SEGMENT_BYTES).chain([SEGMENT_BYTES + 1, SEGMENT_BYTES + 4096]) {
        let mut cut = whole.clone();
        cut.resize(bytes, 0);
        let (disk, outcome) = open_files(std::slice::from_ref(&cut));
        let found = damage_of(outcome);
        let place = bytes.min(SEGMENT_BYTES) as u64;
        assert_eq!(found, (segment(1), place, Damage::Length), "{bytes} bytes");
        let found = verify(&disk, 0).unwrap();
        assert_eq!(found.findings[0].what, What::Damage(Damage::Length), "{bytes} bytes");
        assert_eq!(disk.bytes(&segment(1)), Some(cut), "{bytes} bytes: a refused opening changed the file");
    }
    assert_eq!(open_files(&[whole]).1.unwrap().frames.len() as u64, number - 1);
}

#[test]
fn a_write_that_ends_at_any_byte_is_cut_to_its_whole_frames() {
    let sample = sample();
    let (earlier, written) =
        (sample.payloads.len() - sample.last_frames.len(), sample.last_frames.last().unwrap().1);
    for at in SEGMENT_HEADER_BYTES..written {
        let mut files = sample.files.clone();
        files[2][at..].fill(0);
        let first_change = (at..).find(|at| *at >= written || sample.files[2][*at] != 0).unwrap();
        let whole = earlier + sample.last_frames.iter().filter(|(_, end)| *end <= first_change).count();
        let (_, outcome) = open_files(&files);
        let opened = outcome.unwrap();
        assert_eq!(opened.payloads(), sample.payloads[..whole], "byte {at}");
        let clean = sample.last_frames.iter().any(|(start, _)| *start >= at && *start == first_change)
            || first_change >= written;
        let left = files[2][opened.recovery_offset()..].iter().any(|byte| *byte != 0);
        assert_eq!(opened.recovery.torn_tail.is_some(), left, "byte {at}");
        assert!(!(clean && left), "byte {at}");
    }
}

impl Opened {
    fn recovery_offset(&self) -> usize {
        let capacity = SEGMENT_BYTES - SEGMENT_HEADER_BYTES as u64;
        usize::try_from(self.recovery.end - 2 * capacity).unwrap() + SEGMENT_HEADER_BYTES
    }
}

#[test]
fn a_file_that_is_shorter_than_it_was_made_is_damage_at_every_length() {
    let sample = sample();
    for file in [0, 2] {
        for bytes in 0..sample.files[file].len() {
            let mut files = sample.files.clone();
            files[file].truncate(bytes);
            let (disk, outcome) = open_files(&files);
            let found = damage_of(outcome);
            assert_eq!(found, (segment(file as u64 + 1), bytes as u64, Damage::Length));
            assert!(verify(&disk, 0).unwrap().damaged());
        }
    }
}

#[test]
fn a_missing_segment_is_named() {
    let sample = sample();
    for missing in [1, 2] {
        let disk = SimulatedDisk::new();
        for (sequence, bytes) in (1..).zip(&sample.files).filter(|(sequence, _)| *sequence != missing) {
            disk.put(&segment(sequence), bytes);
        }
        assert_eq!(damage_of(open(&disk)), (segment(missing), 0, Damage::Missing));
        let found = verify(&disk, 0).unwrap();
        assert_eq!(found.findings[0].what, What::Damage(Damage::Missing));
    }
}

#[test]
fn the_lost_end_of_an_earlier_segment_is_seen_by_the_next_one() {
    let sample = sample();
    let mut files = sample.files.clone();
    // From the last frame of the second segment on, nothing but zeros: alone it would look like a clean end.
    let last = SEGMENT_HEADER_BYTES + (1200 + 24) * 2 + 24 + 904;
    files[1][last..].fill(0);
    files[1][SEGMENT_HEADER_BYTES + (1200 + 24) * 2..].fill(0);
    let (disk, outcome) = open_files(&files);
    let (name, _, damage) = damage_of(outcome);
    assert_eq!((name, damage), (segment(2), Damage::Ending));
    let found = verify(&disk, 0).unwrap();
    assert_eq!(
        found.findings.iter().map(|found| &found.what).collect::<Vec<_>>(),
        [&What::Damage(Damage::Ending)]
    );
}

#[test]
fn verify_tells_how_much_is_left_behind_a_damage() {
    let sample = sample();
    let mut files = sample.files.clone();
    files[0][SEGMENT_HEADER_BYTES + 100] ^= 1;
    let (disk, outcome) = open_files(&files);
    assert_eq!(damage_of(outcome), (segment(1), SEGMENT_HEADER_BYTES as u64, Damage::Frame));
    let found = verify(&disk, 0).unwrap();
    assert_eq!((found.segments, found.frames), (3, sample.payloads.len() as u64 - 1));
    assert_eq!(found.findings_total, 1);
}

#[test]
fn a_newer_format_is_named_and_not_called_damage() {
    let sample = sample();
    let mut files = sample.files.clone();
    files[2][8..12].copy_from_slice(&(FORMAT_VERSION + 1).to_le_bytes());
    let check = crc32(&files[2][..SEGMENT_HEADER_BYTES - 4]);
    files[2][SEGMENT_HEADER_BYTES - 4..SEGMENT_HEADER_BYTES].copy_from_slice(&check.to_le_bytes());
    let (disk, outcome) = open_files(&files);
    let Err(OpenError::Newer { file, found, known }) = outcome else { panic!("opened") };
    assert_eq!((file, found, known), (segment(3), FORMAT_VERSION + 1, FORMAT_VERSION));
    let newer = What::Newer { found: FORMAT_VERSION + 1, known: FORMAT_VERSION };
    assert_eq!(verify(&disk, 0).unwrap().findings[0].what, newer);
}

/// The CRC of zip and PNG, bit by bit: a second implementation, so that the format's own is checked too.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

#[test]
fn a_segment_in_the_place_of_another_is_refused() {
    let sample = sample();
    let mut files = sample.files.clone();
    files[2] = files[1].clone();
    assert_eq!(damage_of(open_files(&files).1), (segment(3), 0, Damage::Header));
}

#[test]
fn a_reader_never_returns_a_damaged_payload() {
    let sample = sample();
    let (disk, outcome) = open_files(&sample.files);
    let opened = outcome.unwrap();
    let reader = opened.journal.reader();
    let (position, whole) = &opened.frames[2];
    assert_eq!(&reader.read(*position).unwrap(), whole);
    assert!(matches!(reader.read(position + 8), Err(ReadError::Damaged { .. })));
    assert!(matches!(reader.read(position + 1), Err(ReadError::NotFound(_))));
    assert!(matches!(reader.read(opened.recovery.end), Err(ReadError::NotFound(_))));
    let mut bytes = sample.files[0].clone();
    bytes[SEGMENT_HEADER_BYTES + usize::try_from(*position).unwrap() + 24 + 5] ^= 4;
    disk.put(&segment(1), &bytes);
    let fresh = open(&disk);
    assert!(fresh.is_err());
    // The earlier reader kept the replaced file open; one that opens it anew sees the damage.
    assert_eq!(&reader.read(*position).unwrap(), whole);
}
