//! Ranks, counted: how many clicks are at each, and what those of a name come to together. It must never know what has a rank.

use std::collections::BTreeMap;

use clicks::RankSum;

/// Figures below this have a cell each: all that recording accepts.
const FEW: usize = 1 << 14;

/// Clicks by figure: one more than their rank, or 0.
#[derive(Debug, Default)]
pub struct FigureCounts {
    few: Vec<u64>,
    others: BTreeMap<u64, u64>,
}

impl FigureCounts {
    /// Adds a row.
    pub fn add_row(&mut self, figure: u64) {
        self.add(figure, 1);
    }

    /// Adds clicks. The number may wrap, if what it takes away comes too.
    pub fn add(&mut self, figure: u64, clicks: u64) {
        let cell = usize::try_from(figure).ok().filter(|cell| *cell < FEW);
        let count = match cell {
            Some(cell) => {
                if self.few.len() <= cell {
                    self.few.resize(cell + 1, 0);
                }
                self.few.get_mut(cell)
            }
            None => Some(self.others.entry(figure).or_default()),
        };
        if let Some(count) = count {
            *count = count.wrapping_add(clicks);
        }
    }

    /// Each rank that has clicks, and no rank, with their number.
    pub fn counted(&self) -> impl Iterator<Item = (Option<u32>, u64)> {
        let few = (0..).zip(self.few.iter().copied());
        let all = few.chain(self.others.iter().map(|(figure, clicks)| (*figure, *clicks)));
        let rank = |figure: u64| figure.checked_sub(1).map(|rank| u32::try_from(rank).unwrap_or(u32::MAX));
        all.filter(|(_, clicks)| *clicks > 0).map(move |(figure, clicks)| (rank(figure), clicks))
    }
}

/// By number, what the clicks of a name tell of their ranks.
#[derive(Debug, Default)]
pub struct RankSums(Vec<RankSum>);

impl RankSums {
    /// Nothing told, for so many numbers.
    pub fn new(numbers: usize) -> Self {
        Self(vec![RankSum::default(); numbers])
    }

    /// Adds clicks with a figure. The number may wrap, if what it takes away comes too.
    pub fn add(&mut self, number: usize, figure: u64, clicks: u64) {
        let Some(rank) = figure.checked_sub(1) else { return };
        if let Some(ranks) = self.0.get_mut(number) {
            ranks.told = ranks.told.wrapping_add(clicks);
            ranks.sum = ranks.sum.wrapping_add(rank.wrapping_mul(clicks));
        }
    }

    /// What was told of a number.
    pub fn of(&self, number: usize) -> RankSum {
        self.0.get(number).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_counted_however_great_they_are() {
        let mut counts = FigureCounts::default();
        for figure in [0, 1, 1, 10_001, u64::from(u32::MAX) + 1, 5] {
            counts.add_row(figure);
        }
        counts.add(5, 1_u64.wrapping_neg());
        let found: Vec<_> = counts.counted().collect();
        assert_eq!(found, [(None, 1), (Some(0), 2), (Some(10_000), 1), (Some(u32::MAX), 1)]);
    }

    #[test]
    fn what_is_taken_back_leaves_no_rank() {
        let mut sums = RankSums::new(3);
        sums.add(1, 5, 1_u64.wrapping_neg());
        sums.add(1, 0, 7);
        sums.add(2, 4, 2);
        sums.add(1, 5, 3);
        assert_eq!(
            [0, 1, 2].map(|number| (sums.of(number).told, sums.of(number).sum)),
            [(0, 0), (2, 8), (2, 6)]
        );
    }
}
