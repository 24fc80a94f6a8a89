//! Blocks: some hundred sorted entries in 4 KiB. Fingerprints are kept in about two bits more than the logarithm of
//! their mean distance (Elias-Fano: the lowest bits as they are, what is above them as a row of steps), days in as many
//! bits as the block's days need. Drawn in `docs/formats/keys.md`. It must never know a file or a check.

use crate::keys::bits::{SLACK_BYTES, WIDTH_BITS_MAX, get, mask, nth_zero, put, word};
use crate::keys::entry::Entry;
use crate::keys::fingerprint::{FINGERPRINT_BITS, Fingerprint};

/// The size of a block: what the system reads in one piece.
pub const BLOCK_BYTES: usize = 4096;
/// Where the steps begin.
const STEPS_AT: usize = 10;
const STEPS_AT_BIT: usize = STEPS_AT * 8;
const DAY_WIDTH_MAX: u32 = 32;

/// How the entries of a block are laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shape {
    count: u16,
    /// How many bits the row of steps has: one for each entry, and a zero for each step.
    steps: u16,
    /// How many of the lowest bits of a distance are kept as they are.
    low_width: u32,
    day_width: u32,
}

impl Shape {
    /// The smaller of the two shapes that can be the smallest; `None` when it doesn't fit in a block.
    fn of(count: usize, range: u128, days: u32) -> Option<Shape> {
        let widest = range.checked_ilog2().unwrap_or(0).saturating_sub(count.ilog2());
        let steps = |low_width: u32| count as u128 + (range >> low_width);
        let bits = |low_width: u32| steps(low_width) + count as u128 * u128::from(low_width);
        let narrower = widest.saturating_sub(1);
        let low_width = if bits(narrower) < bits(widest) { narrower } else { widest };
        let shape = Shape {
            count: u16::try_from(count).ok()?,
            steps: u16::try_from(steps(low_width)).ok()?,
            low_width,
            day_width: u32::BITS - days.leading_zeros(),
        };
        (shape.bytes() <= BLOCK_BYTES).then_some(shape)
    }

    fn lows_at_bit(&self) -> usize {
        STEPS_AT_BIT + usize::from(self.steps).next_multiple_of(8)
    }

    fn days_at_bit(&self) -> usize {
        self.lows_at_bit() + (usize::from(self.count) * self.low_width as usize).next_multiple_of(8)
    }

    fn bytes(&self) -> usize {
        (self.days_at_bit() + usize::from(self.count) * self.day_width as usize).div_ceil(8)
    }
}

/// Gathers the entries of one block.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    entries: Vec<Entry>,
    day_first: i32,
    day_last: i32,
    shape: Shape,
}

impl BlockBuilder {
    /// Takes an entry that comes after all others; `false` when the block is full and it wasn't taken.
    pub fn push(&mut self, entry: Entry) -> bool {
        let day = entry.day();
        let (mut day_first, mut day_last, mut range) = (day, day, 0);
        if let Some(first) = self.entries.first() {
            (day_first, day_last) = (day.min(self.day_first), day.max(self.day_last));
            range = entry.fingerprint().number() - first.fingerprint().number();
        }
        let Some(shape) = Shape::of(self.entries.len() + 1, range, day_first.abs_diff(day_last)) else {
            return false;
        };
        (self.day_first, self.day_last, self.shape) = (day_first, day_last, shape);
        self.entries.push(entry);
        true
    }

    /// The block's bytes and its first fingerprint, and begins another block; `None` when there are no entries.
    pub fn finish(&mut self) -> Option<([u8; BLOCK_BYTES], Fingerprint)> {
        let first = self.entries.first()?.fingerprint();
        let shape = self.shape;
        let mut bytes = [0; BLOCK_BYTES + SLACK_BYTES];
        bytes[..2].copy_from_slice(&shape.count.to_le_bytes());
        bytes[2..4].copy_from_slice(&shape.steps.to_le_bytes());
        // Both are far below 256.
        bytes[4] = shape.low_width.to_le_bytes()[0];
        bytes[5] = shape.day_width.to_le_bytes()[0];
        bytes[6..STEPS_AT].copy_from_slice(&self.day_first.to_le_bytes());
        let (mut low_at, mut day_at) = (shape.lows_at_bit(), shape.days_at_bit());
        for (place, entry) in self.entries.drain(..).enumerate() {
            let distance = entry.fingerprint().number() - first.number();
            let steps = usize::try_from(distance >> shape.low_width).unwrap_or(usize::MAX);
            put(&mut bytes, STEPS_AT_BIT + steps + place, 1);
            put(&mut bytes, low_at, distance & mask(shape.low_width));
            put(&mut bytes, day_at, u128::from(entry.day().abs_diff(self.day_first)));
            low_at += shape.low_width as usize;
            day_at += shape.day_width as usize;
        }
        bytes.first_chunk().map(|block| (*block, first))
    }
}

/// A block that was read, and its first fingerprint. Its bytes were checked; that they make sense was not.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    bytes: &'a [u8; BLOCK_BYTES],
    first: u128,
    shape: Shape,
    day_first: i32,
    lows_at_bit: usize,
    days_at_bit: usize,
}

impl<'a> Block<'a> {
    /// Reads a block's head; `None` when no block has such a head.
    pub fn read(bytes: &'a [u8; BLOCK_BYTES], first: Fingerprint) -> Option<Block<'a>> {
        let [count_low, count_high, steps_low, steps_high, low_width, day_width, day @ .., _, _, _, _, _, _] =
            *bytes.first_chunk::<16>()?;
        let shape = Shape {
            count: u16::from_le_bytes([count_low, count_high]),
            steps: u16::from_le_bytes([steps_low, steps_high]),
            low_width: u32::from(low_width),
            day_width: u32::from(day_width),
        };
        let possible = (1..=shape.steps).contains(&shape.count)
            && shape.low_width <= WIDTH_BITS_MAX
            && shape.day_width <= DAY_WIDTH_MAX
            && shape.bytes() <= BLOCK_BYTES;
        possible.then(|| Block {
            bytes,
            first: first.number(),
            shape,
            day_first: i32::from_le_bytes(day),
            lows_at_bit: shape.lows_at_bit(),
            days_at_bit: shape.days_at_bit(),
        })
    }

    fn low(&self, place: usize) -> u128 {
        get(self.bytes, self.lows_at_bit + place * self.shape.low_width as usize, self.shape.low_width)
    }

    fn day(&self, place: usize) -> Option<i32> {
        let at = self.days_at_bit + place * self.shape.day_width as usize;
        let days = u32::try_from(get(self.bytes, at, self.shape.day_width)).ok()?;
        self.day_first.checked_add_unsigned(days)
    }

    /// The steps from a bit on that is a multiple of 64; bits behind the last are 0.
    fn steps_word(&self, at: usize) -> u64 {
        let left = usize::from(self.shape.steps).saturating_sub(at);
        let word = word(self.bytes, STEPS_AT_BIT + at);
        if left < 64 { word & !(u64::MAX << left) } else { word }
    }

    /// The bit behind so many zeros; the end of the steps or a later bit when there are fewer.
    fn behind_zeros(&self, zeros: usize) -> usize {
        let Some(mut before) = zeros.checked_sub(1) else { return 0 };
        let end = usize::from(self.shape.steps);
        for at in (0..end).step_by(64) {
            let word = self.steps_word(at);
            let here = word.count_zeros() as usize;
            if before < here {
                let place = u32::try_from(before).ok().and_then(|before| nth_zero(word, before));
                return place.map_or(end, |place| at + place as usize + 1);
            }
            before -= here;
        }
        end
    }

    /// Tells the days of a fingerprint, first to last; `None` when the block makes no sense.
    pub fn find(&self, wanted: Fingerprint, found: &mut impl FnMut(i32)) -> Option<()> {
        let Some(distance) = wanted.number().checked_sub(self.first) else { return Some(()) };
        let steps = distance >> self.shape.low_width;
        if steps >= u128::from(self.shape.steps) {
            return Some(());
        }
        let (steps, low) = (usize::try_from(steps).ok()?, distance & mask(self.shape.low_width));
        let mut at = self.behind_zeros(steps);
        while at < usize::from(self.shape.steps) && get(self.bytes, STEPS_AT_BIT + at, 1) == 1 {
            let place = at - steps;
            if place >= usize::from(self.shape.count) {
                return None;
            }
            match self.low(place).cmp(&low) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => found(self.day(place)?),
                std::cmp::Ordering::Greater => break,
            }
            at += 1;
        }
        Some(())
    }

    /// Adds all entries to `entries`, in order; `None` when the block makes no sense.
    pub fn read_all(&self, entries: &mut Vec<Entry>) -> Option<()> {
        let count = usize::from(self.shape.count);
        let mut place = 0;
        for at in (0..usize::from(self.shape.steps)).step_by(64) {
            let mut word = self.steps_word(at);
            while word != 0 {
                let bit = at + word.trailing_zeros() as usize;
                word &= word - 1;
                if place == count {
                    return None;
                }
                let steps = (bit - place) as u128;
                let number = self.first + (steps << self.shape.low_width | self.low(place));
                if number > mask(FINGERPRINT_BITS) {
                    return None;
                }
                entries.push(Entry::new(Fingerprint::from_number(number), self.day(place)?));
                place += 1;
            }
        }
        (place == count).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use clicks::conformance::Dice;

    use super::*;

    /// Entries of all kinds of spread: alike, close, far, many days for one fingerprint.
    fn some_entries(dice: &mut Dice, count: usize) -> Vec<Entry> {
        let spread = u32::try_from(dice.below(97)).unwrap();
        let days_end = if dice.once_in(2) { 3 } else { 70_000 };
        let days = 1 + dice.below(days_end);
        let mut entries: Vec<Entry> = (0..count)
            .map(|_| {
                let number = u128::from(dice.throw()) << 64 | u128::from(dice.throw());
                let day = i32::try_from(dice.below(days)).unwrap() - 1_000;
                Entry::new(Fingerprint::from_number(number & mask(spread)), day)
            })
            .collect();
        entries.sort_unstable();
        entries.dedup();
        entries
    }

    #[test]
    fn a_block_gives_back_what_was_put_in() {
        for seed in 0..400 {
            let mut dice = Dice::new(seed);
            let count = 1 + dice.below(1_200);
            let mut entries = some_entries(&mut dice, count);
            let mut builder = BlockBuilder::default();
            let taken = entries.iter().take_while(|entry| builder.push(**entry)).count();
            assert!(taken >= count.min(200) || taken == entries.len(), "{taken} entries are a full block");
            entries.truncate(taken);
            let (bytes, first) = builder.finish().unwrap();
            assert!(builder.finish().is_none());
            let block = Block::read(&bytes, first).unwrap();
            let mut back = Vec::new();
            block.read_all(&mut back).unwrap();
            assert_eq!(back, entries);
            for entry in &entries {
                for number in [entry.fingerprint().number(), entry.fingerprint().number() ^ 1] {
                    let wanted = Fingerprint::from_number(number);
                    let days: Vec<i32> = entries
                        .iter()
                        .filter(|entry| entry.fingerprint() == wanted)
                        .map(|entry| entry.day())
                        .collect();
                    let mut found = Vec::new();
                    block.find(wanted, &mut |day| found.push(day)).unwrap();
                    assert_eq!(found, days);
                }
            }
        }
    }

    #[test]
    fn entries_far_apart_fill_a_block_well() {
        let mut dice = Dice::new(7);
        let mut builder = BlockBuilder::default();
        let mut number = 0;
        let mut count = 0_u32;
        // The mean distance of a million fingerprints.
        while builder.push(Entry::new(Fingerprint::from_number(number), 20_000)) {
            number += 1 + (u128::from(dice.throw()) << 13);
            count += 1;
        }
        let bits_each = f64::from(u32::try_from(BLOCK_BYTES * 8).unwrap()) / f64::from(count);
        assert!(bits_each < 78.4, "{bits_each} bits an entry");
    }

    #[test]
    fn bytes_that_are_no_block_never_panic() {
        let mut dice = Dice::new(3);
        let (mut sensible, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let mut bytes = [0; BLOCK_BYTES];
            for chunk in bytes.chunks_mut(8) {
                chunk.copy_from_slice(&dice.throw().to_le_bytes());
            }
            bytes[1] &= 3;
            bytes[3] &= 7;
            bytes[4] %= 110;
            bytes[5] %= 40;
            let first = Fingerprint::from_number(u128::from(dice.throw()) << dice.below(40));
            let Some(block) = Block::read(&bytes, first) else {
                refused += 1;
                continue;
            };
            sensible += 1;
            let _ = block.read_all(&mut Vec::new());
            for _ in 0..20 {
                let wanted = first.number() + (u128::from(dice.throw()) >> dice.below(64) << dice.below(32));
                let _ = block.find(Fingerprint::from_number(wanted), &mut |_| {});
            }
        }
        assert!(sensible > 1_000 && refused > 1_000, "{sensible} {refused}");
    }
}
