//! One entry of a run: a fingerprint and the day of its row, as one number; and a fingerprint with its place in a list.
//! It must never know how a run is laid out.

use crate::keys::fingerprint::Fingerprint;

const DAY_BITS: u32 = 32;
/// Makes days before 1970 come before those after it.
const DAY_SIGN: u32 = 1 << 31;

/// A fingerprint and a day; the order is that of fingerprints, then days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry(u128);

impl Entry {
    pub const fn new(fingerprint: Fingerprint, day: i32) -> Entry {
        Entry(fingerprint.number() << DAY_BITS | (day.cast_unsigned() ^ DAY_SIGN) as u128)
    }

    pub const fn fingerprint(self) -> Fingerprint {
        Fingerprint::from_number(self.0 >> DAY_BITS)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower 32 bits are the day")]
    pub const fn day(self) -> i32 {
        (self.0 as u32 ^ DAY_SIGN).cast_signed()
    }
}

/// A fingerprint and its place in a caller's list; the order is that of fingerprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed(u128);

impl Placed {
    pub fn new(fingerprint: Fingerprint, place: u32) -> Placed {
        Placed(fingerprint.number() << u32::BITS | u128::from(place))
    }

    pub const fn fingerprint(self) -> Fingerprint {
        Fingerprint::from_number(self.0 >> u32::BITS)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower 32 bits are the place")]
    pub const fn place(self) -> usize {
        self.0 as u32 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_ordered_by_fingerprint_then_day() {
        let mut last = None;
        for number in [0, 1, 5 << 64, (1 << 96) - 1] {
            for day in [i32::MIN, -1, 0, 1, i32::MAX] {
                let entry = Entry::new(Fingerprint::from_number(number), day);
                assert_eq!((entry.fingerprint().number(), entry.day()), (number, day));
                assert!(last < Some(entry));
                last = Some(entry);
            }
        }
    }
}
