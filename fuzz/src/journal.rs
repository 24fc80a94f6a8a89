//! The journal: segments as they are found on a disk. Damage that a checksum can't miss must be found and named, and must
//! cost nothing but an unfinished batch at the end. Segments with fitting checksums must read the same however they are
//! read: opened, verified, copied, frame by frame, and after something was appended.

use std::sync::{Arc, LazyLock};

use journal::{
    Copied, Disk, Journal, OpenError, Options, Position, SimulatedDisk, put_staged, stage_journal, verify,
};

use crate::checks::{SEGMENT_HEADER_BYTES, fit_frames, fit_header_block, put};
use crate::input::{Damage, Input};
use crate::memory::bounded;

const SEGMENT_BYTES: usize = 8 << 10;

type Frames = Vec<(Position, Vec<u8>)>;

/// A journal of several segments, as the product writes it.
struct Written {
    segments: Vec<(String, Vec<u8>)>,
    frames: Frames,
    /// How many frames there are in the batches before the last one of each segment.
    settled: Vec<usize>,
}

static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let disk = SimulatedDisk::new();
    let (mut journal, _) = Journal::open(Arc::new(disk.clone()), options(0), &mut |_, _| Ok(())).unwrap();
    let (mut frames, mut settled) = (Frames::new(), Vec::new());
    for batch in 0..14_u8 {
        let payloads: Vec<Vec<u8>> = (0..=batch % 3)
            .map(|frame| vec![batch + 1; 1 + usize::from(batch) * 90 + usize::from(frame)])
            .collect();
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let before = frames.len();
        let positions = journal.append(&payloads).unwrap();
        frames.extend(positions.into_iter().zip(payloads.iter().map(|payload| payload.to_vec())));
        let segments = usize::try_from(journal.status().segments).unwrap();
        settled.resize(segments, 0);
        settled[segments - 1] = before;
    }
    drop(journal);
    let segments = disk.list().unwrap().into_iter().map(|name| {
        let bytes = disk.bytes(&name).unwrap();
        (name, bytes)
    });
    let segments: Vec<_> = segments.filter(|(name, _)| name.ends_with(".log")).collect();
    assert!(segments.len() > 2 && segments.len() == settled.len());
    Written { segments, frames, settled }
});

fn options(begin: Position) -> Options {
    Options { segment_bytes: SEGMENT_BYTES as u64, salt: Some(7), begin }
}

fn open(disk: &SimulatedDisk, begin: Position) -> Result<(Journal, Frames, bool), OpenError> {
    let mut frames = Frames::new();
    let mut take = |position, payload: &[u8]| {
        frames.push((position, payload.to_vec()));
        Ok(())
    };
    let (journal, recovery) = Journal::open(Arc::new(disk.clone()), options(begin), &mut take)?;
    assert_eq!(recovery.frames, frames.len() as u64);
    Ok((journal, frames, recovery.torn_tail.is_some()))
}

/// Reads segments that were damaged, or made by the fuzzer.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.byte() % 2 {
        0 => damaged(&mut input),
        _ => forged(&mut input),
    }
}

fn damaged(input: &mut Input<'_>) {
    let Written { segments, frames, settled } = &*WRITTEN;
    let number = usize::from(input.byte()) % segments.len();
    let Some(damage) = Damage::of(input, SEGMENT_BYTES) else { return };
    let disk = SimulatedDisk::new();
    for (place, (name, bytes)) in segments.iter().enumerate() {
        let bytes = if place == number { damage.changed(bytes) } else { Some(bytes.clone()) };
        if let Some(bytes) = bytes {
            disk.put(name, &bytes);
        }
    }
    let last = number + 1 == segments.len();
    if last && damage == Damage::Gone {
        // Nothing tells that there was another segment.
        return;
    }
    let verified = verify(&disk, 0).unwrap();
    assert!(verified.findings_total > 0, "{damage:?} of segment {number} is not listed");
    match open(&disk, 0) {
        Err(error) => {
            assert!(verified.damaged(), "verified: {verified:?}; opened: {error}");
            let name = &segments[number].0;
            // What is missing at the end of a segment is said of that, whichever of the two was changed.
            let neighbour = segments.get(number.wrapping_sub(1)).map_or(name, |(name, _)| name);
            let text = error.to_string();
            assert!(text.contains(name.as_str()) || text.contains(neighbour.as_str()), "{text}");
        }
        Ok((_, found, torn)) => {
            assert!(last && torn && !verified.damaged(), "{damage:?} of segment {number} went unnoticed");
            assert!(found.len() >= settled[number], "{} frames of {}", found.len(), settled[number]);
            assert_eq!(found, frames[..found.len()]);
        }
    }
}

/// One or two segments whose frames the fuzzer wrote.
fn forged(input: &mut Input<'_>) {
    let flags = input.byte();
    let begin = if flags & 1 == 0 { 0 } else { input.small() as Position };
    let disk = SimulatedDisk::new();
    let read = input.rest().len();
    let (mut start, mut sequence) = (0_u64, 1_u64);
    if flags & 2 != 0 {
        (start, sequence) = (input.long(), 1 + u64::from(input.byte()));
    }
    let mut previous = 0;
    for _ in 0..=(flags >> 2 & 1) {
        let mut segment = vec![0; SEGMENT_BYTES];
        put(&mut segment, 0, b"CTALLYJ\0\x01\0\0\0");
        put(&mut segment, 12, &u32::to_le_bytes(previous));
        for (at, number) in [(16, sequence), (24, start), (32, SEGMENT_BYTES as u64), (40, 7)] {
            put(&mut segment, at, &u64::to_le_bytes(number));
        }
        let count = if flags >> 2 & 1 == 1 { input.small() } else { usize::MAX };
        put(&mut segment, SEGMENT_HEADER_BYTES, input.bytes(count.min(SEGMENT_BYTES - SEGMENT_HEADER_BYTES)));
        if flags & 8 != 0 {
            // Fields of the header as the fuzzer wants them.
            let (at, word) = (usize::from(input.byte()) % 48, input.word());
            put(&mut segment, at, &word.to_le_bytes());
        }
        if flags & 16 == 0 {
            fit_frames(&mut segment);
        }
        fit_header_block(&mut segment);
        disk.put(&format!("journal-{sequence:016}.log"), &segment);
        previous = last_check(&segment);
        start = start.wrapping_add((SEGMENT_BYTES - SEGMENT_HEADER_BYTES) as u64);
        sequence += 1;
    }
    bounded(read + 4 * SEGMENT_BYTES, || read_everyway(&disk, begin));
}

/// The check of the last frame that the lengths lead to.
fn last_check(segment: &[u8]) -> u32 {
    use crate::checks::word_at;
    let (mut at, mut previous) = (SEGMENT_HEADER_BYTES, word_at(segment, 12));
    while at + 24 <= segment.len() {
        let payload = word_at(segment, at) as usize;
        let frame_bytes = 24 + payload.next_multiple_of(8);
        if payload == 0 || frame_bytes > segment.len() - at {
            break;
        }
        previous = word_at(segment, at + 20);
        at += frame_bytes;
    }
    previous
}

fn read_everyway(disk: &SimulatedDisk, begin: Position) {
    let verified = verify(disk, begin).unwrap();
    let (mut journal, mut frames, _) = match open(disk, begin) {
        Err(error) => {
            assert!(verified.damaged(), "verified: {verified:?}; opened: {error}");
            return;
        }
        Ok(opened) => opened,
    };
    assert!(!verified.damaged(), "{verified:?}");
    let reader = journal.reader();
    for (position, payload) in &frames {
        assert_eq!(&reader.read(*position).unwrap(), payload);
    }
    copied(disk, begin, journal.status().end, &frames);
    let Ok(positions) = journal.append(&[b"one more"]) else {
        panic!("a journal that opens takes no frame");
    };
    frames.push((positions[0], b"one more".to_vec()));
    drop(journal);
    let (_, again, torn) = open(disk, begin).expect("it was opened before");
    assert_eq!(again, frames);
    assert!(!torn);
}

/// What a backup copies is what was there.
fn copied(disk: &SimulatedDisk, begin: Position, end: Position, frames: &Frames) {
    let target = SimulatedDisk::new();
    let names =
        stage_journal(disk, &target, begin, end, &mut Copied::default()).expect("it was opened before");
    put_staged(&target, &names).unwrap();
    let (_, there, _) = open(&target, begin).expect("a copy of what was opened");
    assert_eq!(&there, frames);
}

/// Damage to each segment, and the frames that the product wrote.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, (_, segment)) in (0_u8..).zip(&WRITTEN.segments) {
        for damage in
            [&[0][..], &[1, 0, 24], &[2, 4, 16, 0, 1], &[2, 24, 0, 0, 1], &[2, 100, 30, 0, 255, 255]]
        {
            seeds.push([&[0, number], damage].concat());
        }
        let frames = &segment[SEGMENT_HEADER_BYTES..];
        let end = frames.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        seeds.push([&[1, 0], &frames[..end]].concat());
        seeds.push([&[1, 4, 60, 0], &frames[..60], &frames[..end.min(400)]].concat());
    }
    seeds
}
