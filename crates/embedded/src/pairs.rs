//! Pairs of an item and a figure, counted: a table of open addresses, which grows with what it meets. Where there are too many
//! for memory, they are counted in shares, by item. It must never know what a figure stands for.

/// How many bytes a pair takes, at most, while the table grows.
pub const PAIR_BYTES: usize = 6 * size_of::<Slot>();
/// The slots that a table begins with.
const SLOTS_MIN: usize = 1 << 12;
/// Spreads numbers that follow each other.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A pair and its clicks. Items are numbered from 1 on, so that a slot with item 0 is free.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    item: u32,
    figure: u32,
    clicks: u64,
}

/// Which items are counted now: one of 2^bits shares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    pub number: u32,
    pub bits: u32,
}

impl Share {
    /// Whether an item is in this share.
    pub const fn has(self, item: u32) -> bool {
        // Other bits than those that a slot is found by.
        self.bits == 0 || (item.wrapping_mul(0x85eb_ca6b) >> (32 - self.bits)) == self.number
    }
}

/// Counted pairs.
#[derive(Debug, Default)]
pub struct Pairs {
    slots: Vec<Slot>,
    used: usize,
    share: Share,
}

impl Pairs {
    /// Counts the items of one share, from nothing on.
    pub fn begin(&mut self, share: Share) {
        self.slots.clear();
        self.used = 0;
        self.share = share;
    }

    /// Which items are counted.
    pub const fn share(&self) -> Share {
        self.share
    }

    /// Adds clicks to a pair. The number may wrap, if what it takes away comes too. Figures above 32 bits are one.
    pub fn add(&mut self, item: u32, figure: u64, clicks: u64) {
        if item == 0 || !self.share.has(item) {
            return;
        }
        if self.used * 2 >= self.slots.len() {
            self.grow();
        }
        let figure = u32::try_from(figure).unwrap_or(u32::MAX);
        let at = self.place(item, figure);
        if let Some(slot) = self.slots.get_mut(at) {
            if slot.item == 0 {
                (slot.item, slot.figure) = (item, figure);
                self.used += 1;
            }
            slot.clicks = slot.clicks.wrapping_add(clicks);
        }
    }

    /// The slot of a pair, or the free one that it would get. One slot in two is free.
    fn place(&self, item: u32, figure: u32) -> usize {
        let last = self.slots.len() - 1;
        let key = u64::from(item) << 32 | u64::from(figure);
        let mut at = usize::try_from(key.wrapping_mul(SPREAD) >> 32).unwrap_or(0) & last;
        while let Some(slot) = self.slots.get(at)
            && slot.item != 0
            && (slot.item, slot.figure) != (item, figure)
        {
            at = (at + 1) & last;
        }
        at
    }

    fn grow(&mut self) {
        let length = (self.slots.len() * 2).max(SLOTS_MIN);
        let before = std::mem::replace(&mut self.slots, vec![Slot::default(); length]);
        for kept in before.into_iter().filter(|slot| slot.item != 0) {
            let at = self.place(kept.item, kept.figure);
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = kept;
            }
        }
    }

    /// Every pair that has clicks: its item, its figure, its clicks.
    pub fn counted(&self) -> impl Iterator<Item = ((u32, u32), u64)> + Clone {
        let counted = self.slots.iter().filter(|slot| slot.item != 0 && slot.clicks != 0);
        counted.map(|slot| ((slot.item, slot.figure), slot.clicks))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clicks::conformance::Dice;

    use super::*;

    #[test]
    fn pairs_are_counted_as_a_map_counts_them_in_any_number_of_shares() {
        let mut dice = Dice::new(4);
        for bits in [0, 0, 1, 3, 6] {
            let items = 1 + dice.below(9_000);
            let clicks: Vec<(u32, u64, u64)> = (0..dice.below(60_000))
                .map(|_| {
                    let item = u32::try_from(1 + dice.below(items)).unwrap();
                    (item, *dice.pick(&[0, 1, 2, 11, 10_001]), *dice.pick(&[1, 1, 5, 0]))
                })
                .collect();
            let mut due: HashMap<(u32, u32), u64> = HashMap::new();
            for (item, figure, clicks) in &clicks {
                *due.entry((*item, u32::try_from(*figure).unwrap())).or_default() += clicks;
            }
            due.retain(|_, clicks| *clicks > 0);
            let (mut pairs, mut found) = (Pairs::default(), Vec::new());
            for number in 0..1 << bits {
                pairs.begin(Share { number, bits });
                for (item, figure, clicks) in &clicks {
                    pairs.add(*item, *figure, *clicks);
                }
                found.extend(pairs.counted());
            }
            assert_eq!(found.len(), due.len());
            assert_eq!(found.into_iter().collect::<HashMap<_, _>>(), due);
        }
    }

    #[test]
    fn what_is_taken_back_is_not_counted() {
        let mut pairs = Pairs::default();
        pairs.add(7, 2, 1_u64.wrapping_neg());
        pairs.add(7, 2, 1);
        pairs.add(8, 0, 3);
        pairs.add(0, 1, 1);
        assert_eq!(pairs.counted().collect::<Vec<_>>(), [((8, 0), 3)]);
    }
}
