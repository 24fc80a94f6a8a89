//! Checksums, made to fit bytes that the fuzzer has changed, so that readers look behind them. Written from
//! `docs/formats/`, not from the product's code: where the two differ, no target gets past the first check.

use std::fmt::Write as _;

/// Where the frames of a segment begin.
pub const SEGMENT_HEADER_BYTES: usize = 4096;
const FRAME_HEADER_BYTES: usize = 24;
/// How many sections an index has.
const INDEX_SECTIONS: usize = 6;
/// The size of a block in a day's check block, and of a block of keys.
const BLOCK_BYTES: usize = 4096;

/// The 32-bit number at a place; 0 beyond the end.
#[must_use]
pub fn word_at(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
    word.map_or(0, |word| u32::from_le_bytes(*word))
}

fn long_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(word_at(bytes, at)) | u64::from(word_at(bytes, at + 4)) << 32
}

/// Puts bytes at a place, as far as there is room.
pub fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    for (byte, new) in bytes.iter_mut().skip(at).zip(new) {
        *byte = *new;
    }
}

/// Makes the check of a header block fit (`docs/formats/journal.md`, and the same place in `keys.md`).
pub fn fit_header_block(file: &mut [u8]) {
    if let Some(block) = file.get(..BLOCK_BYTES - 4) {
        let check = crc32fast::hash(block);
        put(file, BLOCK_BYTES - 4, &check.to_le_bytes());
    }
}

/// Makes the frames of a segment fit, as far as their lengths lead.
pub fn fit_frames(segment: &mut [u8]) {
    let (salt, start) = (long_at(segment, 40), long_at(segment, 24));
    let (mut at, mut previous) = (SEGMENT_HEADER_BYTES, word_at(segment, 12));
    while at + FRAME_HEADER_BYTES <= segment.len() {
        let payload = word_at(segment, at) as usize;
        let frame_bytes = FRAME_HEADER_BYTES + payload.next_multiple_of(8);
        if payload == 0 || frame_bytes > segment.len() - at {
            break;
        }
        let payload_crc = crc32fast::hash(&segment[at + FRAME_HEADER_BYTES..at + frame_bytes]);
        put(segment, at + 8, &previous.to_le_bytes());
        put(segment, at + 12, &payload_crc.to_le_bytes());
        let mut check = crc32fast::Hasher::new();
        check.update(&salt.to_le_bytes());
        check.update(&start.wrapping_add((at - SEGMENT_HEADER_BYTES) as u64).to_le_bytes());
        check.update(&segment[at..at + 20]);
        previous = check.finalize();
        put(segment, at + 20, &previous.to_le_bytes());
        at += frame_bytes;
    }
}

/// Makes the check at the end of a file fit: counts, and the registry's head.
pub fn fit_end(file: &mut [u8]) {
    if let Some(checked) = file.len().checked_sub(4) {
        let check = crc32fast::hash(&file[..checked]);
        put(file, checked, &check.to_le_bytes());
    }
}

/// Ends the lines of a manifest with their check (`docs/formats/store.md`).
#[must_use]
pub fn checked_manifest(lines: &str) -> String {
    let mut text = lines.strip_suffix('\n').unwrap_or(lines).to_owned();
    text.push('\n');
    let check = crc32fast::hash(text.as_bytes());
    let _ = writeln!(text, "check {check:08x}");
    text
}

/// Makes the checks of an index fit (`docs/formats/index.md`).
pub fn fit_index(file: &mut [u8]) {
    for section in 0..INDEX_SECTIONS {
        let at = 24 + section * 20;
        let (offset, bytes) = (long_at(file, at + 4), long_at(file, at + 12));
        let end = offset.checked_add(bytes).and_then(|end| usize::try_from(end).ok());
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(bytes) = end.and_then(|end| file.get(start..end)) {
            let check = crc32fast::hash(bytes);
            put(file, at, &check.to_le_bytes());
        }
    }
    fit_start(file, 24 + INDEX_SECTIONS * 20);
}

/// Makes the check fit that stands behind so many bytes.
fn fit_start(file: &mut [u8], checked: usize) {
    if let Some(bytes) = file.get(..checked) {
        let check = crc32fast::hash(bytes);
        put(file, checked, &check.to_le_bytes());
    }
}

/// Makes the checks of a run of keys fit (`docs/formats/keys.md`); returns that of its header.
pub fn fit_keys(file: &mut [u8]) -> u32 {
    let (blocks, lines) = (word_at(file, 40) as usize, word_at(file, 44) as usize);
    let fences_at = BLOCK_BYTES.saturating_add(blocks.saturating_mul(BLOCK_BYTES));
    for (number, fence) in (fences_at..file.len()).step_by(16).enumerate().take(blocks) {
        let block_at = BLOCK_BYTES + number * BLOCK_BYTES;
        if let Some(block) = file.get(block_at..block_at + BLOCK_BYTES) {
            let check = crc32fast::hash(block);
            put(file, fence + 12, &check.to_le_bytes());
        }
    }
    let filter_at = fences_at.saturating_add(blocks.saturating_mul(16));
    let end = filter_at.saturating_add(lines.saturating_mul(64));
    for (at, part) in [(56, fences_at..filter_at), (60, filter_at..end)] {
        if let Some(part) = file.get(part) {
            let check = crc32fast::hash(part);
            put(file, at, &check.to_le_bytes());
        }
    }
    fit_header_block(file);
    word_at(file, BLOCK_BYTES - 4)
}

/// Makes the check block of a day's file fit (`docs/formats/day.md`); returns the check that stands for the file.
pub fn fit_day(file: &mut [u8]) -> Option<u32> {
    let footer_bytes = word_at(file, file.len().checked_sub(8)?) as usize;
    let footer_at = (file.len() - 8).checked_sub(footer_bytes)?;
    let tail_at = footer_at.checked_sub(24)?;
    let guarded = usize::try_from(long_at(file, tail_at)).ok().filter(|guarded| *guarded < tail_at)?;
    if guarded + guarded.div_ceil(BLOCK_BYTES) * 4 != tail_at {
        return None;
    }
    for number in 0..guarded.div_ceil(BLOCK_BYTES) {
        let block = number * BLOCK_BYTES..((number + 1) * BLOCK_BYTES).min(guarded);
        let check = crc32fast::hash(&file[block]);
        put(file, guarded + number * 4, &check.to_le_bytes());
    }
    let footer = crc32fast::hash(&file[footer_at..]);
    put(file, tail_at + 8, &footer.to_le_bytes());
    let own = crc32fast::hash(&file[guarded..tail_at + 12]);
    put(file, tail_at + 12, &own.to_le_bytes());
    Some(own)
}
