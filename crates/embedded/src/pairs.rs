//! Pairs of an item and a figure, counted: rows are gathered, sorted and counted a batch at a time, so that memory is read in its
//! order and what is counted takes a few bytes a pair. Where the pairs are too many for memory, they are counted in shares, by
//! item. It must never know what a figure stands for.

/// How many bytes a pair takes, at most: counted before a batch and after it, and its part of the batch, which is half as long.
pub const PAIR_BYTES: usize = 4 * size_of::<Counted>();
/// Pairs are counted in at most 2^6 shares: each of them goes through everything.
const SHARE_BITS_MAX: u32 = 6;
/// How many rows are gathered before they are counted, at least: so many stay in fast memory while they are sorted.
const BATCH_ROWS: usize = 1 << 18;
/// Fewer rows are sorted by comparing them.
const DIGITS_ROWS_MIN: usize = 1 << 10;
/// How many bits of a number are sorted by at once.
const DIGIT_BITS: u32 = 10;
const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;

/// A pair as a number, by which pairs are in the order of their items, and its clicks.
type Counted = (u64, u64);

/// Which items are counted now: one of 2^bits shares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    number: u32,
    bits: u32,
}

impl Share {
    /// Whether an item is in this share.
    const fn has(self, item: u32) -> bool {
        // Items that follow each other are in different shares.
        self.bits == 0 || (item.wrapping_mul(0x85eb_ca6b) >> (32 - self.bits)) == self.number
    }
}

/// Counted pairs.
#[derive(Debug)]
pub struct Pairs {
    /// Rows that are not counted yet, each as its pair,
    rows: Vec<u64>,
    /// and those that count another number of clicks than one.
    changes: Vec<Counted>,
    /// Pairs that have clicks, sorted.
    counted: Vec<Counted>,
    /// Kept for its memory.
    spare: Vec<u64>,
    share: Share,
    /// How many pairs are kept, at most.
    pairs_max: usize,
    /// With so many rows, they are counted,
    batch_rows: usize,
    /// and that is never less.
    batch_rows_min: usize,
    too_many: bool,
}

impl Default for Pairs {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            changes: Vec::new(),
            counted: Vec::new(),
            spare: Vec::new(),
            share: Share::default(),
            pairs_max: usize::MAX,
            batch_rows: BATCH_ROWS,
            batch_rows_min: BATCH_ROWS,
            too_many: false,
        }
    }
}

impl Pairs {
    /// Holds itself to so many bytes, before so many rows are added. There are no more pairs than rows; where there may be more than
    /// have room, and it turns out so, they are counted in shares.
    pub fn limit(&mut self, bytes_max: usize, rows: usize) {
        self.pairs_max = bytes_max / PAIR_BYTES;
        // Where all rows have room, one batch may be all of them.
        let batch_max = if rows <= self.pairs_max { rows } else { self.pairs_max / 2 };
        self.batch_rows_min = BATCH_ROWS.min(batch_max).max(1);
        self.batch_rows = self.batch_rows_min;
        self.rows.reserve_exact(self.batch_rows);
    }

    /// Adds a row.
    pub fn add_row(&mut self, item: u32, figure: u64) {
        self.rows.push(pair(item, figure));
        if self.rows.len() >= self.batch_rows {
            self.fold();
        }
    }

    /// Adds clicks to a pair. The number may wrap, if what it takes away comes too. Figures above 32 bits are one.
    pub fn add(&mut self, item: u32, figure: u64, clicks: u64) {
        if clicks == 1 {
            return self.add_row(item, figure);
        }
        self.changes.push((pair(item, figure), clicks));
        if self.changes.len() * 8 >= self.batch_rows {
            self.fold();
        }
    }

    /// Counts what was gathered. Where that is more than there is memory for, half of the items are left to a later share.
    fn fold(&mut self) {
        if !self.rows.is_empty() {
            sort(&mut self.rows, &mut self.spare);
            let rows = self.rows.chunk_by(|left, right| left == right);
            let rows = rows.filter_map(|same| Some((*same.first()?, same.len() as u64)));
            self.counted = merged(&self.counted, rows, self.rows.len());
            self.rows.clear();
        }
        if !self.changes.is_empty() {
            self.changes.sort_unstable_by_key(|change| change.0);
            let changes = self.changes.iter().copied();
            self.counted = merged(&self.counted, changes, self.changes.len());
            self.changes.clear();
        }
        self.keep_share();
        while self.counted.len() > self.pairs_max {
            if self.share.bits == SHARE_BITS_MAX {
                self.too_many = true;
                self.counted = Vec::new();
            } else {
                self.share = Share { number: self.share.number * 2, bits: self.share.bits + 1 };
                self.keep_share();
            }
        }
        // The more pairs there are, the more rows share the work of going through them.
        self.batch_rows = self.batch_rows_min.max(self.counted.len() / 2);
    }

    /// Lets go what is not in the share; nothing is of no item.
    fn keep_share(&mut self) {
        let share = self.share;
        if share.bits > 0 || self.counted.first().is_some_and(|pair| item_of(pair.0) == 0) {
            self.counted.retain(|(pair, _)| item_of(*pair) != 0 && share.has(item_of(*pair)));
        }
    }

    /// Whether the pairs are more than can be counted in time with so little memory.
    pub const fn are_too_many(&self) -> bool {
        self.too_many
    }

    /// Every pair of the share that has clicks: its item, its figure, its clicks.
    pub fn counted(&mut self) -> impl Iterator<Item = ((u32, u32), u64)> + Clone {
        self.fold();
        self.counted.iter().map(|(pair, clicks)| ((item_of(*pair), figure_of(*pair)), *clicks))
    }

    /// Begins the next share, of which everything has to be added again; `false` when that was the last.
    pub fn next_share(&mut self) -> bool {
        let Share { number, bits } = self.share;
        self.rows.clear();
        self.changes.clear();
        self.counted.clear();
        self.share.number += 1;
        number + 1 < 1 << bits
    }
}

fn pair(item: u32, figure: u64) -> u64 {
    u64::from(item) << 32 | u64::from(u32::try_from(figure).unwrap_or(u32::MAX))
}

const fn item_of(pair: u64) -> u32 {
    (pair >> 32) as u32
}

const fn figure_of(pair: u64) -> u32 {
    (pair & 0xffff_ffff) as u32
}

/// Two lists of pairs as one, without those that have no clicks. The second has at most so many, and may repeat one.
fn merged(left: &[Counted], right: impl Iterator<Item = Counted>, right_max: usize) -> Vec<Counted> {
    let mut both: Vec<Counted> = Vec::with_capacity(left.len() + right_max);
    let (mut left, mut right) = (left.iter().copied().peekable(), right.peekable());
    loop {
        let next = match (left.peek(), right.peek()) {
            (None, None) => return both,
            (Some(before), Some(after)) if before.0 <= after.0 => left.next(),
            (Some(_), None) => left.next(),
            (_, Some(_)) => right.next(),
        };
        let Some((pair, mut clicks)) = next else { return both };
        while let Some((_, more)) = right.next_if(|next| next.0 == pair) {
            clicks = clicks.wrapping_add(more);
        }
        if clicks != 0 {
            both.push((pair, clicks));
        }
    }
}

/// Sorts pairs: by their figures, then by their items, some bits at a time.
fn sort(pairs: &mut Vec<u64>, spare: &mut Vec<u64>) {
    if pairs.len() < DIGITS_ROWS_MIN {
        return pairs.sort_unstable();
    }
    let (all, any) = pairs.iter().fold((u64::MAX, 0), |(all, any), pair| (all & pair, any | pair));
    let differ = all ^ any;
    spare.clear();
    spare.resize(pairs.len(), 0);
    for (from, part) in [(0, figure_of(differ)), (32, item_of(differ))] {
        let bits = 32 - part.leading_zeros();
        let digits = bits.div_ceil(DIGIT_BITS);
        for digit in 0..digits {
            let (first, end) = (bits * digit / digits, bits * (digit + 1) / digits);
            sort_by_digit(pairs, spare, from + first, end - first);
            std::mem::swap(pairs, spare);
        }
    }
}

/// Copies pairs in the order of some of their bits; equal ones stay in theirs.
fn sort_by_digit(pairs: &[u64], sorted: &mut [u64], shift: u32, bits: u32) {
    let mut next = [0_usize; 1 << DIGIT_BITS];
    let mask = (1_u64 << bits) - 1;
    let digit = |pair: u64| usize::from(((pair >> shift) & mask & DIGIT_MASK) as u16);
    for pair in pairs {
        next[digit(*pair)] += 1;
    }
    let mut before = 0;
    for next in &mut next {
        before += std::mem::replace(next, before);
    }
    for pair in pairs {
        let next = &mut next[digit(*pair)];
        if let Some(place) = sorted.get_mut(*next) {
            *place = *pair;
        }
        *next += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clicks::conformance::Dice;

    use super::*;

    #[test]
    fn pairs_are_counted_as_a_map_counts_them_in_whatever_memory() {
        let mut dice = Dice::new(4);
        for (bytes_max, in_shares) in
            [(usize::MAX, false), (1 << 26, false), (1 << 20, true), (1 << 19, true), (200_000, true)]
        {
            let clicks: Vec<(u32, u64, u64)> = (0..60_000 + dice.below(300_000))
                .map(|_| {
                    let item = u32::try_from(dice.below(9_000) << dice.below(3)).unwrap();
                    let figure = *dice.pick(&[0, 1, 2, 11, 10_001, u64::from(u32::MAX)]);
                    (item, figure, *dice.pick(&[1, 1, 1, 5, 0]))
                })
                .collect();
            let mut due: HashMap<(u32, u32), u64> = HashMap::new();
            for (item, figure, clicks) in clicks.iter().filter(|click| click.0 != 0) {
                *due.entry((*item, u32::try_from(*figure).unwrap())).or_default() += clicks;
            }
            due.retain(|_, clicks| *clicks > 0);
            let (mut pairs, mut found, mut shares) = (Pairs::default(), Vec::new(), 0);
            pairs.limit(bytes_max, clicks.len());
            loop {
                clicks.iter().for_each(|(item, figure, clicks)| pairs.add(*item, *figure, *clicks));
                found.extend(pairs.counted());
                assert!(pairs.counted.len() <= pairs.pairs_max && !pairs.are_too_many());
                shares += 1;
                if !pairs.next_share() {
                    break;
                }
            }
            assert_eq!(shares > 1, in_shares, "{shares} shares with {bytes_max} bytes");
            assert_eq!(found.len(), due.len());
            assert_eq!(found.into_iter().collect::<HashMap<_, _>>(), due);
        }
    }

    #[test]
    fn what_is_taken_back_is_not_counted() {
        let mut pairs = Pairs::default();
        pairs.add(7, 2, 1_u64.wrapping_neg());
        pairs.add(9, 2, 1_u64.wrapping_neg());
        pairs.fold();
        pairs.add(7, 2, 1);
        pairs.add(8, 0, 3);
        pairs.add(0, 1, 1);
        pairs.add(9, 2, 2);
        assert_eq!(pairs.counted().collect::<Vec<_>>(), [((8, 0), 3), ((9, 2), 1)]);
    }

    #[test]
    fn more_pairs_than_all_shares_hold_are_too_many() {
        let mut pairs = Pairs::default();
        pairs.limit(10 * PAIR_BYTES, 2_000);
        (1..2_000).for_each(|item| pairs.add_row(item, 1));
        assert!(pairs.are_too_many());
    }

    #[test]
    fn pairs_are_sorted_whatever_their_bits() {
        let mut dice = Dice::new(8);
        for (items, figures) in [(1, 1), (3, 40), (1 << 20, 1 << 7), (1 << 31, 1 << 31), (1, 1 << 11)] {
            for rows in [0, 1, DIGITS_ROWS_MIN, 20_000] {
                let item = |dice: &mut Dice| u32::try_from(dice.below(items)).unwrap();
                let mut pairs: Vec<u64> =
                    (0..rows).map(|_| pair(item(&mut dice), dice.below(figures) as u64)).collect();
                let mut due = pairs.clone();
                due.sort_unstable();
                sort(&mut pairs, &mut Vec::new());
                assert_eq!(pairs, due);
            }
        }
    }
}
