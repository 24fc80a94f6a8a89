//! The header of a run's file: where its parts are, and checks that tie all of them together. It must never read a file.

use crate::keys::block::BLOCK_BYTES;
use crate::keys::error::{Damage, KeysError};
use crate::keys::filter::LINE_BYTES;
use crate::keys::fingerprint::{FINGERPRINT_BYTES, Fingerprint};

/// The format that this program writes, and the newest that it reads.
pub const KEYS_VERSION: u32 = 1;
/// Every run begins with a header of this size.
pub const HEADER_BYTES: usize = 4096;
/// The size of a fence: a block's first fingerprint and the check of its bytes.
pub const FENCE_BYTES: usize = FINGERPRINT_BYTES + 4;

const MAGIC: &[u8; 8] = b"CTALLYK\0";
/// Where the check of the header lies, in every version of the format.
const CHECK_AT: usize = HEADER_BYTES - 4;
const NAME_START: &str = "keys-";
const NAME_DIGITS: usize = 16;

/// The name of a run's file.
pub fn run_name(number: u64) -> String {
    format!("{NAME_START}{number:0NAME_DIGITS$}")
}

/// The number of the run that a file's name says; `None` when it isn't the name of a run.
pub fn run_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix(NAME_START)?.parse().ok()?;
    (run_name(number) == name).then_some(number)
}

/// What a store has to remember of a run to know it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunInfo {
    /// The number in its file's name. Newer runs have greater numbers.
    pub number: u64,
    /// How many entries it has.
    pub entries: u64,
    /// The length of its file.
    pub bytes: u64,
    /// The first day of any entry, in days since 1970-01-01 UTC.
    pub day_first: i32,
    /// The last day of any entry.
    pub day_last: i32,
    /// The check of its header, which holds the checks of all other parts.
    pub check: u32,
}

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub number: u64,
    pub entries: u64,
    /// Tells under which secret key the fingerprints were taken.
    pub mark: u64,
    pub blocks: u32,
    pub filter_lines: u32,
    pub day_first: i32,
    pub day_last: i32,
    pub fences_check: u32,
    pub filter_check: u32,
}

impl Header {
    pub const fn fences_at(&self) -> u64 {
        block_at(self.blocks)
    }

    pub const fn filter_at(&self) -> u64 {
        self.fences_at() + self.blocks as u64 * FENCE_BYTES as u64
    }

    /// The length of the file.
    pub const fn bytes(&self) -> u64 {
        self.filter_at() + self.filter_lines as u64 * LINE_BYTES as u64
    }

    /// The header's bytes, and what there is to remember of the run.
    pub fn to_bytes(self) -> ([u8; HEADER_BYTES], RunInfo) {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&KEYS_VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.entries.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.mark.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.blocks.to_le_bytes());
        bytes[44..48].copy_from_slice(&self.filter_lines.to_le_bytes());
        bytes[48..52].copy_from_slice(&self.day_first.to_le_bytes());
        bytes[52..56].copy_from_slice(&self.day_last.to_le_bytes());
        bytes[56..60].copy_from_slice(&self.fences_check.to_le_bytes());
        bytes[60..64].copy_from_slice(&self.filter_check.to_le_bytes());
        let check = crc32fast::hash(&bytes[..CHECK_AT]);
        bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        let info = RunInfo {
            number: self.number,
            entries: self.entries,
            bytes: self.bytes(),
            day_first: self.day_first,
            day_last: self.day_last,
            check,
        };
        (bytes, info)
    }

    /// Reads the header of the run that is listed so.
    pub fn read(bytes: &[u8; HEADER_BYTES], mark: u64, listed: &RunInfo) -> Result<Header, KeysError> {
        let file = run_name(listed.number);
        let damaged = |what| KeysError::Damaged { file: file.clone(), what };
        let check = u32_at(bytes, CHECK_AT);
        if &bytes[..8] != MAGIC || crc32fast::hash(&bytes[..CHECK_AT]) != check {
            return Err(damaged(Damage::Header));
        }
        let found = u32_at(bytes, 8);
        if found > KEYS_VERSION {
            return Err(KeysError::Newer { file, found, known: KEYS_VERSION });
        }
        let header = Header {
            number: u64_at(bytes, 16),
            entries: u64_at(bytes, 24),
            mark: u64_at(bytes, 32),
            blocks: u32_at(bytes, 40),
            filter_lines: u32_at(bytes, 44),
            day_first: u32_at(bytes, 48).cast_signed(),
            day_last: u32_at(bytes, 52).cast_signed(),
            fences_check: u32_at(bytes, 56),
            filter_check: u32_at(bytes, 60),
        };
        if header.to_bytes() != (*bytes, *listed) {
            return Err(damaged(Damage::Other));
        }
        if header.blocks == 0 || header.filter_lines == 0 {
            return Err(damaged(Damage::Contradiction));
        }
        if header.mark != mark {
            return Err(KeysError::OtherKey { file });
        }
        Ok(header)
    }
}

/// Where a block is in its file.
pub const fn block_at(block: u32) -> u64 {
    HEADER_BYTES as u64 + block as u64 * BLOCK_BYTES as u64
}

/// What is known of a block without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// Its first fingerprint.
    pub first: Fingerprint,
    /// The CRC-32 of its bytes.
    pub check: u32,
}

impl Fence {
    pub fn to_bytes(self) -> [u8; FENCE_BYTES] {
        (self.first.number() | u128::from(self.check) << (FINGERPRINT_BYTES * 8)).to_le_bytes()
    }

    pub const fn from_bytes(bytes: [u8; FENCE_BYTES]) -> Fence {
        let both = u128::from_le_bytes(bytes);
        Fence { first: Fingerprint::from_number(both), check: (both >> (FINGERPRINT_BYTES * 8)) as u32 }
    }
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        number: 7,
        entries: 1_000,
        mark: 9,
        blocks: 3,
        filter_lines: 20,
        day_first: -5,
        day_last: 20_000,
        fences_check: 11,
        filter_check: 12,
    };

    #[test]
    fn a_header_comes_back_and_another_one_is_told_apart() {
        let (bytes, info) = HEADER.to_bytes();
        assert_eq!(info.bytes, 4_096 * 4 + 3 * 16 + 20 * 64);
        assert_eq!(Header::read(&bytes, 9, &info).unwrap(), HEADER);
        assert!(matches!(Header::read(&bytes, 8, &info), Err(KeysError::OtherKey { .. })));
        for other in
            [RunInfo { entries: 999, ..info }, RunInfo { check: 1, ..info }, RunInfo { number: 8, ..info }]
        {
            let error = Header::read(&bytes, 9, &other).unwrap_err();
            assert!(matches!(error, KeysError::Damaged { what: Damage::Other, .. }), "{error}");
        }
        let mut newer = bytes;
        newer[8] = 2;
        let check = crc32fast::hash(&newer[..CHECK_AT]);
        newer[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        assert!(matches!(Header::read(&newer, 9, &info), Err(KeysError::Newer { found: 2, known: 1, .. })));
    }

    #[test]
    fn names_and_numbers_agree() {
        assert_eq!(run_name(12), "keys-0000000000000012");
        for number in [0, 12, u64::MAX] {
            assert_eq!(run_number(&run_name(number)), Some(number));
        }
        for name in [
            "keys-12",
            "keys-00000000000000012",
            "keys-+000000000000012",
            "keys-",
            "key",
            "keys-000000000000001x",
        ] {
            assert_eq!(run_number(name), None);
        }
    }

    #[test]
    fn a_fence_comes_back() {
        let fence = Fence { first: Fingerprint::from_number((1 << 96) - 2), check: 0xfedc_ba98 };
        assert_eq!(Fence::from_bytes(fence.to_bytes()), fence);
    }
}
