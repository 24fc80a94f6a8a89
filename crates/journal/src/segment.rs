//! Segments: the files a journal consists of, their names and their header block.
//!
//! The layout is drawn in `docs/formats/journal.md`. It must never know what a frame holds.

use crate::Position;
use crate::error::{Damage, OpenError};
use crate::frame::{u32_at, u64_at};

/// The format that this program writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// Every segment begins with a header block of this size.
pub const SEGMENT_HEADER_BYTES: usize = 4096;
/// The smallest segment: 8 KiB.
pub const SEGMENT_BYTES_MIN: u64 = 8 << 10;
/// The size of a segment when nothing else is said: 32 MiB.
pub const SEGMENT_BYTES_DEFAULT: u64 = 32 << 20;
/// The largest segment: 1 GiB. A segment is read as a whole when a journal is opened.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// The most segments that a journal may have.
pub const SEGMENTS_MAX: u64 = 1_000_000;
/// No segment starts at a later position: more than any journal reaches, and a sum of two of them is a number still.
const START_MAX: Position = 1 << 62;

const MAGIC: &[u8; 8] = b"CTALLYJ\0";
/// Where the check of the header block lies, in every version of the format.
const CHECK_AT: usize = SEGMENT_HEADER_BYTES - 4;
const NAME_DIGITS: usize = 16;

/// The name that a segment has until its header is synced.
pub(crate) const SPARE_NAME: &str = "journal-spare.tmp";
/// The sequence of a journal's first segment.
pub(crate) const SEQUENCE_FIRST: u64 = 1;

/// What the header block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) sequence: u64,
    /// The position of the first byte behind the header block.
    pub(crate) start: Position,
    /// The length of the file.
    pub(crate) bytes: u64,
    /// A number that is the same in all segments of a journal and that no sender of payloads can know.
    pub(crate) salt: u64,
    /// The check of the last frame before this segment; 0 when there is none.
    pub(crate) previous: u32,
}

impl SegmentHeader {
    pub(crate) fn name(&self) -> String {
        segment_name(self.sequence)
    }

    /// How many bytes there are for frames.
    pub(crate) fn capacity(&self) -> u64 {
        self.bytes - SEGMENT_HEADER_BYTES as u64
    }

    /// The position of the byte behind the segment, which is the first of the next one.
    pub(crate) fn end(&self) -> Position {
        self.start + self.capacity()
    }

    /// The position of a byte of the file.
    pub(crate) fn position(&self, offset: u64) -> Position {
        self.start + offset - SEGMENT_HEADER_BYTES as u64
    }

    /// The header block.
    pub(crate) fn to_block(self) -> Vec<u8> {
        let mut block = vec![0; SEGMENT_HEADER_BYTES];
        block[..8].copy_from_slice(MAGIC);
        block[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        block[12..16].copy_from_slice(&self.previous.to_le_bytes());
        block[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        block[24..32].copy_from_slice(&self.start.to_le_bytes());
        block[32..40].copy_from_slice(&self.bytes.to_le_bytes());
        block[40..48].copy_from_slice(&self.salt.to_le_bytes());
        let check = crc32fast::hash(&block[..CHECK_AT]);
        block[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        block
    }

    /// Reads the header of the segment with this sequence from a file's first bytes.
    ///
    /// Magic, version and check have their place in every version of the format: only so can a newer file be told
    /// from a damaged one.
    pub(crate) fn read(bytes: &[u8], sequence: u64) -> Result<SegmentHeader, OpenError> {
        let file = segment_name(sequence);
        let Some(block) = bytes.get(..SEGMENT_HEADER_BYTES) else {
            return Err(OpenError::MiddleDamage { file, offset: bytes.len() as u64, damage: Damage::Length });
        };
        let damaged = OpenError::MiddleDamage { file: file.clone(), offset: 0, damage: Damage::Header };
        if &block[..8] != MAGIC || crc32fast::hash(&block[..CHECK_AT]) != u32_at(block, CHECK_AT) {
            return Err(damaged);
        }
        let found = u32_at(block, 8);
        if found > FORMAT_VERSION {
            return Err(OpenError::Newer { file, found, known: FORMAT_VERSION });
        }
        let header = SegmentHeader {
            previous: u32_at(block, 12),
            sequence: u64_at(block, 16),
            start: u64_at(block, 24),
            bytes: u64_at(block, 32),
            salt: u64_at(block, 40),
        };
        let possible = found == FORMAT_VERSION
            && header.sequence == sequence
            && header.start <= START_MAX
            && header.start.is_multiple_of(SEGMENT_HEADER_BYTES as u64)
            && check_size(header.bytes).is_ok();
        if possible { Ok(header) } else { Err(damaged) }
    }
}

/// Refuses a size that no segment may have.
pub(crate) fn check_size(bytes: u64) -> Result<(), String> {
    let whole_blocks = bytes.is_multiple_of(SEGMENT_HEADER_BYTES as u64);
    if whole_blocks && (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&bytes) {
        return Ok(());
    }
    Err(format!(
        "a segment of {bytes} bytes is not a multiple of {SEGMENT_HEADER_BYTES} within \
         {SEGMENT_BYTES_MIN}..={SEGMENT_BYTES_MAX}"
    ))
}

/// The file name of a segment.
pub(crate) fn segment_name(sequence: u64) -> String {
    format!("journal-{sequence:0NAME_DIGITS$}.log")
}

/// The sequence in a segment's file name; `None` for any other file.
pub(crate) fn sequence_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("journal-")?.strip_suffix(".log")?;
    let plain = digits.len() == NAME_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_block_comes_back_and_no_flipped_byte_passes() {
        let header = SegmentHeader { sequence: 9, start: 4096, bytes: 8192, salt: 77, previous: 5 };
        let block = header.to_block();
        assert_eq!(SegmentHeader::read(&block, 9).unwrap(), header);
        assert!(SegmentHeader::read(&block, 8).is_err());
        for at in 0..block.len() {
            let mut flipped = block.clone();
            flipped[at] ^= 0x10;
            let refused = SegmentHeader::read(&flipped, 9).unwrap_err();
            assert!(matches!(refused, OpenError::MiddleDamage { .. }), "byte {at}: {refused}");
        }
    }

    #[test]
    fn a_start_that_no_segment_has_is_damage_though_the_check_holds() {
        let starts = [
            (4_096, true),
            (START_MAX, true),
            (1, false),
            (4_104, false),
            (START_MAX + 4_096, false),
            (u64::MAX - 4_095, false),
        ];
        for (start, possible) in starts {
            let header = SegmentHeader { sequence: 9, start, bytes: 8192, salt: 77, previous: 5 };
            assert_eq!(SegmentHeader::read(&header.to_block(), 9).is_ok(), possible, "{start}");
        }
    }

    #[test]
    fn only_exact_names_are_segments() {
        assert_eq!(sequence_of(&segment_name(12)), Some(12));
        for name in
            ["journal-1.log", "journal-+000000000000001.log", "journal-0000000000000001.log~", SPARE_NAME]
        {
            assert_eq!(sequence_of(name), None, "{name}");
        }
    }
}
