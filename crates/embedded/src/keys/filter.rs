//! Filters: what tells most absent fingerprints without a look at the disk. It must never say of a fingerprint that is
//! there that it isn't, and never know where its bytes are kept.
//!
//! A Bloom filter of lines as long as a line of the processor's cache: one miss a look. Which line is a fingerprint's
//! grows with the fingerprint, so a filter is written from sorted entries line by line, and neighbouring lines can be
//! folded onto each other when memory is short: fewer bits, more false alarms, no miss.

use crate::keys::fingerprint::Fingerprint;

/// The size of a line.
pub const LINE_BYTES: usize = 64;
const LINE_BITS: u64 = LINE_BYTES as u64 * 8;
/// How many bits each fingerprint sets in its line. Six would be best for filters as they are written, four for folded
/// ones.
const PROBES: u32 = 5;
/// How many bits choose one bit of a line.
const PROBE_WIDTH: u32 = 9;
/// A filter that is folded more often than this is rarely right, and isn't kept.
pub const FOLD_MAX: u32 = 4;

/// One line of a filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(align(64))]
pub struct Line([u64; 8]);

impl Line {
    fn places(fingerprint: Fingerprint) -> impl Iterator<Item = (usize, u64)> {
        let pattern = fingerprint.pattern();
        (0..PROBES).map(move |probe| {
            let bit = pattern >> (probe * PROBE_WIDTH);
            ((bit >> 6 & 7) as usize, 1 << (bit & 63))
        })
    }

    fn insert(&mut self, fingerprint: Fingerprint) {
        for (word, bit) in Self::places(fingerprint) {
            self.0[word] |= bit;
        }
    }

    fn may_contain(&self, fingerprint: Fingerprint) -> bool {
        Self::places(fingerprint).all(|(word, bit)| self.0[word] & bit != 0)
    }

    fn fold(&mut self, other: &Line) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
    }

    /// The line's bytes.
    pub fn to_bytes(self) -> [u8; LINE_BYTES] {
        let mut bytes = [0; LINE_BYTES];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The line with these bytes.
    pub fn from_bytes(bytes: &[u8; LINE_BYTES]) -> Line {
        let mut line = Line::default();
        let (words, _) = bytes.as_chunks();
        for (word, bytes) in line.0.iter_mut().zip(words) {
            *word = u64::from_le_bytes(*bytes);
        }
        line
    }
}

/// How many lines so many entries get with so many bits each.
pub fn lines_of(entries: u64, bits_each: u64) -> u32 {
    u32::try_from(entries.saturating_mul(bits_each).div_ceil(LINE_BITS)).unwrap_or(u32::MAX).max(1)
}

/// Which of `lines` lines is a fingerprint's.
const fn line_of(fingerprint: Fingerprint, lines: u32) -> u32 {
    ((fingerprint.whereabouts() as u64 * lines as u64) >> 32) as u32
}

/// Makes the lines of a filter from fingerprints in their order.
#[derive(Debug)]
pub struct FilterBuilder {
    lines: u32,
    /// The place of the line that is being made.
    place: u32,
    line: Line,
}

impl FilterBuilder {
    /// For a filter of so many lines.
    pub fn new(lines: u32) -> Self {
        Self { lines, place: 0, line: Line::default() }
    }

    /// Takes a fingerprint that is not before the last; hands over the lines that are complete.
    pub fn push<E>(
        &mut self,
        fingerprint: Fingerprint,
        done: &mut impl FnMut(Line) -> Result<(), E>,
    ) -> Result<(), E> {
        let place = line_of(fingerprint, self.lines);
        while self.place < place {
            done(std::mem::take(&mut self.line))?;
            self.place += 1;
        }
        self.line.insert(fingerprint);
        Ok(())
    }

    /// Hands over the lines that are left.
    pub fn finish<E>(mut self, done: &mut impl FnMut(Line) -> Result<(), E>) -> Result<(), E> {
        while self.place < self.lines {
            done(std::mem::take(&mut self.line))?;
            self.place += 1;
        }
        Ok(())
    }
}

/// A filter in memory, perhaps folded.
#[derive(Debug)]
pub struct Filter {
    /// How many lines were written.
    written: u32,
    /// How many of them are folded onto one.
    fold: u32,
    lines: Vec<Line>,
}

/// How many bytes a filter of so many written lines takes when so many of them are folded onto one; a fold of 0 is none.
pub const fn folded_bytes(written: u32, fold: u32) -> u64 {
    if fold == 0 { 0 } else { written.div_ceil(fold) as u64 * LINE_BYTES as u64 }
}

impl Filter {
    /// An empty one, for so many written lines, `fold` of which become one.
    pub fn new(written: u32, fold: u32) -> Filter {
        Filter {
            written,
            fold: fold.max(1),
            lines: Vec::with_capacity(written.div_ceil(fold.max(1)) as usize),
        }
    }

    /// Takes the next written line, which has this place among them.
    pub fn push(&mut self, place: u32, line: &Line) {
        match self.lines.get_mut((place / self.fold) as usize) {
            Some(folded) => folded.fold(line),
            None => self.lines.push(*line),
        }
    }

    /// How many written lines are folded onto one.
    pub const fn fold(&self) -> u32 {
        self.fold
    }

    /// `false` only when the fingerprint is absent.
    pub fn may_contain(&self, fingerprint: Fingerprint) -> bool {
        let written = line_of(fingerprint, self.written);
        let place = if self.fold == 1 { written } else { written / self.fold };
        self.lines.get(place as usize).is_none_or(|line| line.may_contain(fingerprint))
    }
}

/// How far each filter is folded so that together they take at most `bytes_max`: those that take most are folded first.
/// 0 means that a filter isn't kept.
pub fn folds(written: &[u32], bytes_max: u64) -> Vec<u32> {
    let mut folds = vec![1; written.len()];
    let size = |folds: &[u32], place: usize| folded_bytes(written[place], folds[place]);
    let mut total: u64 = (0..written.len()).map(|place| size(&folds, place)).sum();
    while total > bytes_max {
        let Some(largest) = (0..written.len()).max_by_key(|place| size(&folds, *place)) else { break };
        total -= size(&folds, largest);
        folds[largest] = (folds[largest] + 1) % (FOLD_MAX + 1);
        total += size(&folds, largest);
    }
    folds
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use clicks::conformance::Dice;

    use super::*;

    fn some(dice: &mut Dice, count: usize) -> Vec<Fingerprint> {
        let mut all: Vec<Fingerprint> = (0..count)
            .map(|_| {
                Fingerprint::from_number(u128::from(dice.throw()) << 32 | u128::from(dice.throw() >> 32))
            })
            .collect();
        all.sort_unstable();
        all
    }

    fn lines(fingerprints: &[Fingerprint], lines: u32) -> Vec<Line> {
        let mut all = Vec::new();
        let mut done = |line| {
            all.push(line);
            Ok::<_, Infallible>(())
        };
        let mut builder = FilterBuilder::new(lines);
        for fingerprint in fingerprints {
            builder.push(*fingerprint, &mut done).unwrap();
        }
        builder.finish(&mut done).unwrap();
        all
    }

    #[test]
    fn a_filter_misses_nothing_however_folded_and_alarms_rarely() {
        let mut dice = Dice::new(1);
        let here = some(&mut dice, 100_000);
        let absent = some(&mut dice, 100_000);
        let written = lines_of(100_000, 10);
        let all = lines(&here, written);
        assert_eq!(all.len(), written as usize);
        for (fold, alarms_max) in (1..=FOLD_MAX).zip([1_600, 12_000, 31_000, 51_000]) {
            let mut filter = Filter::new(written, fold);
            for (place, line) in (0..).zip(&all) {
                assert_eq!(Line::from_bytes(&line.to_bytes()), *line);
                filter.push(place, line);
            }
            assert_eq!(filter.lines.len() as u64 * LINE_BYTES as u64, folded_bytes(written, fold));
            assert!(here.iter().all(|fingerprint| filter.may_contain(*fingerprint)));
            let alarms = absent.iter().filter(|fingerprint| filter.may_contain(**fingerprint)).count();
            assert!(alarms < alarms_max, "folded {fold} times: {alarms}");
        }
    }

    #[test]
    fn the_largest_filters_are_folded_first_and_the_budget_holds() {
        assert_eq!(folds(&[10, 100], 110 * 64), [1, 1]);
        assert_eq!(folds(&[10, 100], 109 * 64), [1, 2]);
        assert_eq!(folds(&[10, 100], 36 * 64), [1, 4]);
        assert_eq!(folds(&[10, 100], 30 * 64), [1, 0]);
        assert_eq!(folds(&[10, 100], 0), [0, 0]);
        assert!(folds(&[], 0).is_empty());
        let mut dice = Dice::new(2);
        for _ in 0..1_000 {
            let written: Vec<u32> = (0..dice.below(12)).map(|_| 1 + (dice.throw() % 1_000) as u32).collect();
            let bytes_max = dice.throw() % 300_000;
            let folds = folds(&written, bytes_max);
            let total: u64 =
                written.iter().zip(&folds).map(|(lines, fold)| folded_bytes(*lines, *fold)).sum();
            assert!(total <= bytes_max);
        }
    }
}
