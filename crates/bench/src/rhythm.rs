//! When clicks come: a year with its days and weeks, cut into as many moments as there are clicks. It must never know
//! what is clicked.

use clicks::conformance::Dice;

/// The year's first instant: 2025-01-01 00:00 UTC, a Wednesday.
pub const YEAR_FIRST_MS: i64 = 1_735_689_600_000;
/// Its days.
pub const YEAR_DAYS: usize = 365;
/// A day.
pub const DAY_MS: i64 = 86_400_000;

const HOUR_MS: i64 = 3_600_000;
const WEEKDAY_OF_FIRST: usize = 2;

/// Clicks in each hour of the day, in thousandths of the busiest.
const HOURS: [u64; 24] = [
    180, 110, 70, 50, 50, 80, 180, 320, 450, 540, 600, 640, 700, 680, 640, 650, 700, 780, 870, 960, 1000,
    940, 700, 380,
];
/// Monday to Sunday.
const WEEKDAYS: [u64; 7] = [820, 780, 760, 790, 850, 1000, 980];

/// The moments of a number of clicks, in the order of time.
#[derive(Debug)]
pub struct Rhythm {
    clicks: u64,
    /// What the hours weigh up to the end of each.
    weights: Vec<u64>,
    hour: usize,
    /// How many clicks the hour has, and how many of them have come.
    in_hour: (u64, u64),
}

impl Rhythm {
    /// Lays out so many clicks over the year.
    pub fn new(clicks: u64, dice: &mut Dice) -> Self {
        let mut sum = 0;
        let mut weights = Vec::with_capacity(YEAR_DAYS * 24);
        for day in 0..YEAR_DAYS {
            // No two days are alike.
            let luck = 900 + dice.below(200) as u64;
            for hour in HOURS {
                sum += hour * WEEKDAYS[(WEEKDAY_OF_FIRST + day) % 7] * luck;
                weights.push(sum);
            }
        }
        Self { clicks, weights, hour: 0, in_hour: (0, 0) }.at_hour(0)
    }

    fn at_hour(mut self, hour: usize) -> Self {
        self.enter(hour);
        self
    }

    /// How many clicks have come when so much of the year has weighed in.
    fn by(&self, weight: u64) -> u64 {
        let all = u128::from(self.weights.last().copied().unwrap_or(1));
        u64::try_from(u128::from(self.clicks) * u128::from(weight) / all).unwrap_or(0)
    }

    fn enter(&mut self, hour: usize) {
        let before = hour.checked_sub(1).map_or(0, |hour| self.weights[hour]);
        self.hour = hour;
        self.in_hour = (self.by(self.weights[hour]) - self.by(before), 0);
    }

    /// The next moment, in milliseconds; `None` after the last click.
    pub fn next(&mut self, dice: &mut Dice) -> Option<i64> {
        while self.in_hour.1 == self.in_hour.0 {
            if self.hour + 1 == self.weights.len() {
                return None;
            }
            self.enter(self.hour + 1);
        }
        let (of, come) = self.in_hour;
        self.in_hour.1 += 1;
        let hour_ms = HOUR_MS.unsigned_abs();
        let within = (come * hour_ms + dice.throw() % hour_ms) / of;
        Some(YEAR_FIRST_MS + i64::try_from(self.hour).unwrap_or(0) * HOUR_MS + within.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(clicks: u64) -> Vec<i64> {
        let mut dice = Dice::new(1);
        let mut rhythm = Rhythm::new(clicks, &mut dice);
        std::iter::from_fn(|| rhythm.next(&mut dice)).collect()
    }

    #[test]
    fn as_many_as_asked_for_in_order_and_within_the_year() {
        for clicks in [0, 1, 7, 10_000, 100_000] {
            let moments = moments(clicks);
            assert_eq!(moments.len() as u64, clicks);
            assert!(moments.is_sorted());
            let year = YEAR_FIRST_MS..YEAR_FIRST_MS + YEAR_DAYS as i64 * DAY_MS;
            assert!(moments.iter().all(|moment| year.contains(moment)));
        }
    }

    #[test]
    fn evenings_and_weekends_are_busier() {
        let moments = moments(100_000);
        let at = |hour: i64| moments.iter().filter(|&moment| moment / HOUR_MS % 24 == hour).count();
        assert!(at(20) > 15 * at(4));
        let on = |day: i64| moments.iter().filter(|&moment| (moment / DAY_MS + 3) % 7 == day).count();
        assert!(on(5) > on(2) * 5 / 4);
    }
}
