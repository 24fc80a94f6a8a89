//! Drawing by weight, the same on every machine: nothing but whole numbers and the four operations that floating point
//! defines exactly. It must never know what is drawn.

use clicks::conformance::Dice;

/// A throw as a number below `bound`, which is at most 2^32.
pub const fn below(throw: u64, bound: u64) -> u64 {
    ((throw >> 32) * bound) >> 32
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// How likely each of a few numbers is.
#[derive(Debug)]
pub struct Likely {
    /// What the numbers weigh up to each, itself included.
    sums: Vec<u64>,
}

impl Likely {
    /// Numbers from 0 as likely as their weights say; together they are less than 2^32.
    pub fn new(weights: impl IntoIterator<Item = u64>) -> Self {
        let sums = weights.into_iter().scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    /// Draws a number.
    pub fn draw(&self, dice: &mut Dice) -> usize {
        let coin = below(dice.throw(), self.sums.last().copied().unwrap_or(0));
        self.sums.iter().position(|&sum| coin < sum).unwrap_or(0)
    }
}

/// Ranks by Zipf's law: the second is half as likely as the first, the third a third.
///
/// A table of a million ranks would be read at a new place for every click, and that takes longer than all else. So a
/// rank is drawn in two steps: first one of a few blocks, 1, 2..=3, 4..=7 and so on, then a rank in it, again and again
/// until it passes.
#[derive(Debug)]
pub struct Zipf {
    count: u64,
    blocks: Likely,
}

/// What the blocks weigh together, about.
const BLOCKS_WEIGHT: f64 = 1_000_000_000.0;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "weights lie in 0..=BLOCKS_WEIGHT, and a cast of a float saturates"
)]
fn whole(weight: f64) -> u64 {
    weight as u64
}

impl Zipf {
    /// Of so many ranks.
    pub fn new(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let sum = |from: u32, until: u32| (from..until).map(|rank| 1.0 / f64::from(rank)).sum::<f64>();
        let ends =
            std::iter::successors(Some(1_u32), |first| first.checked_mul(2).filter(|next| *next <= count));
        let weights: Vec<f64> =
            ends.map(|first| sum(first, first.saturating_mul(2).min(count.saturating_add(1)))).collect();
        let all: f64 = weights.iter().sum();
        let blocks = Likely::new(weights.iter().map(|weight| whole(weight / all * BLOCKS_WEIGHT)));
        Self { count: count.into(), blocks }
    }

    /// Draws a rank, from 0.
    pub fn draw(&self, dice: &mut Dice) -> usize {
        let first = 1 << self.blocks.draw(dice);
        let ranks = first.min(self.count + 1 - first);
        loop {
            let throw = dice.throw();
            let rank = first + below(throw, ranks);
            // The first of the block passes always, one of twice its rank would pass every other time.
            if below(throw << 32, rank) < first {
                return index(rank - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_come_up_as_often_as_zipf_says() {
        for count in [1, 2, 3, 1_000, 1_023, 1_024] {
            let (zipf, mut dice) = (Zipf::new(count), Dice::new(3));
            let mut drawn = vec![0_u32; count];
            (0..1_000_000).for_each(|_| drawn[zipf.draw(&mut dice)] += 1);
            let harmonic: f64 = (1..=count).map(|rank| 1.0 / rank as f64).sum();
            for rank in [1, 2, 3, 10, 100, 700, 1_000, 1_024].into_iter().filter(|rank| *rank <= count) {
                let expected = 1_000_000.0 / harmonic / rank as f64;
                let found = f64::from(drawn[rank - 1]);
                assert!((found - expected).abs() < 5.0 * expected.sqrt(), "{rank} of {count}: {found}");
            }
        }
    }

    #[test]
    fn what_weighs_nothing_never_comes_up() {
        let (likely, mut dice) = (Likely::new([0, 1, 0, 3]), Dice::new(3));
        let drawn: Vec<usize> = (0..10_000).map(|_| likely.draw(&mut dice)).collect();
        assert!(drawn.iter().all(|number| [1, 3].contains(number)));
        let threes = drawn.iter().filter(|&&number| number == 3).count();
        assert!((7_300..7_700).contains(&threes), "{threes}");
    }
}
