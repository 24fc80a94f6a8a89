//! Retention: which days are too old. It believes a clock only as far as it has reason to, since a clock that jumps ahead
//! must remove nothing early. It must never know a file or a store.

const DAY_MS: i64 = 86_400_000;
const MS_NS: u64 = 1_000_000;

/// A server may have been down for so long; where the clock has gone further since it was last believed, it is doubted.
pub const DOWN_MS_MAX: i64 = 31 * DAY_MS;
/// A clock that is doubted is believed once it has gone evenly for so long.
pub const WATCHED_MS: i64 = DAY_MS;
/// So much may the wall clock and the running time come apart in that time.
pub const APART_MS_MAX: i64 = 10 * 60_000;

/// A wall clock, and the running time at which it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    wall_ms: i64,
    running_ns: u64,
}

impl Reading {
    /// What the wall clock would show now if it had gone evenly since.
    fn expected_ms(self, running_ns: u64) -> i64 {
        let elapsed_ms = running_ns.saturating_sub(self.running_ns) / MS_NS;
        self.wall_ms.saturating_add(i64::try_from(elapsed_ms).unwrap_or(i64::MAX))
    }
}

/// A wall clock that is believed as far as there is reason to.
#[derive(Debug)]
pub struct TrustedClock {
    believed: Option<Reading>,
    /// Since when it is watched, while it is not believed.
    watched: Reading,
}

impl TrustedClock {
    /// Begins with what the clock shows at the start. `last_ms` is what was believed last, in an earlier life;
    /// `nothing_kept` that there is nothing to remove yet, so that the clock can do no harm.
    #[must_use]
    pub fn new(last_ms: Option<i64>, nothing_kept: bool, wall_ms: i64, running_ns: u64) -> Self {
        let watched = Reading { wall_ms, running_ns };
        let in_reach = last_ms.map_or(nothing_kept, |last_ms| wall_ms.saturating_sub(last_ms) <= DOWN_MS_MAX);
        Self { believed: in_reach.then_some(watched), watched }
    }

    /// Whether the clock is believed: while it is not, nothing is removed.
    #[must_use]
    pub const fn is_believed(&self) -> bool {
        self.believed.is_some()
    }

    /// What time it is for all that is known, in milliseconds since 1970-01-01 UTC; `None` while that is not known. Never
    /// ahead of the clock, nor of the time that has run since it was believed.
    pub fn now_ms(&mut self, wall_ms: i64, running_ns: u64) -> Option<i64> {
        if let Some(believed) = self.believed {
            return Some(wall_ms.min(believed.expected_ms(running_ns)));
        }
        let reading = Reading { wall_ms, running_ns };
        let expected_ms = self.watched.expected_ms(running_ns);
        if wall_ms.abs_diff(expected_ms) > APART_MS_MAX.unsigned_abs() {
            self.watched = reading;
        } else if expected_ms.saturating_sub(self.watched.wall_ms) >= WATCHED_MS {
            self.believed = Some(reading);
        }
        self.believed.map(|believed| believed.wall_ms)
    }
}

/// The first UTC day that is kept, numbered from 1970-01-01; `None` where everything is kept for ever.
#[must_use]
pub fn first_kept_day(now_ms: i64, retention_days: u32) -> Option<i32> {
    let today = now_ms.div_euclid(DAY_MS);
    let first = today.saturating_sub(i64::from(retention_days));
    i32::try_from(first).ok().filter(|_| retention_days > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, TestClock};

    const HOUR_MS: i64 = 3_600_000;
    /// 2026-01-31 00:00 UTC.
    const NOW_MS: i64 = 20_484 * DAY_MS;

    struct Life {
        clock: TestClock,
        trusted: TrustedClock,
    }

    impl Life {
        fn begun(last_ms: Option<i64>, nothing_kept: bool, wall_ms: i64) -> Self {
            let clock = TestClock::new(wall_ms);
            let trusted = TrustedClock::new(last_ms, nothing_kept, clock.now_ms(), clock.running_ns());
            Self { clock, trusted }
        }

        fn now(&mut self) -> Option<i64> {
            self.trusted.now_ms(self.clock.now_ms(), self.clock.running_ns())
        }

        fn after(&mut self, ms: i64) -> Option<i64> {
            self.clock.advance(ms);
            self.now()
        }
    }

    #[test]
    fn an_even_clock_is_followed() {
        let mut life = Life::begun(Some(NOW_MS - 31 * DAY_MS), false, NOW_MS);
        assert_eq!(life.now(), Some(NOW_MS));
        assert_eq!(life.after(40 * DAY_MS), Some(NOW_MS + 40 * DAY_MS));
    }

    #[test]
    fn a_clock_that_jumps_ahead_while_it_runs_moves_nothing() {
        let mut life = Life::begun(Some(NOW_MS), false, NOW_MS);
        life.clock.set(NOW_MS + 3_650 * DAY_MS);
        assert_eq!(life.now(), Some(NOW_MS));
        for hour in 1..100 {
            assert_eq!(life.after(HOUR_MS), Some(NOW_MS + hour * HOUR_MS));
        }
        // Set back, it is behind for as long as it is.
        life.clock.set(NOW_MS - DAY_MS);
        assert_eq!(life.now(), Some(NOW_MS - DAY_MS));
    }

    #[test]
    fn a_start_with_a_clock_that_is_far_ahead_waits_for_a_day_of_even_running() {
        let ahead_ms = NOW_MS + DOWN_MS_MAX + 1;
        let mut life = Life::begun(Some(NOW_MS), false, ahead_ms);
        for _ in 0..23 {
            assert_eq!(life.after(HOUR_MS), None);
        }
        // It was set right: watching begins anew.
        life.clock.set(NOW_MS);
        assert_eq!(life.now(), None);
        for _ in 0..23 {
            assert_eq!(life.after(HOUR_MS), None);
            assert!(!life.trusted.is_believed());
        }
        // A clock that is adjusted a little goes evenly enough.
        life.clock.set(NOW_MS + 23 * HOUR_MS + 1_000);
        assert_eq!(life.after(HOUR_MS), Some(NOW_MS + DAY_MS + 1_000));
        assert!(life.trusted.is_believed());
    }

    #[test]
    fn a_first_start_believes_only_where_there_is_nothing_to_remove() {
        assert_eq!(Life::begun(None, true, NOW_MS).now(), Some(NOW_MS));
        assert_eq!(Life::begun(None, false, NOW_MS).now(), None);
        assert_eq!(Life::begun(Some(NOW_MS), true, NOW_MS + 32 * DAY_MS).now(), None);
        // A clock that was ahead in an earlier life and is right now.
        assert_eq!(Life::begun(Some(NOW_MS + 900 * DAY_MS), false, NOW_MS).now(), Some(NOW_MS));
    }

    #[test]
    fn whole_days_are_kept() {
        assert_eq!(first_kept_day(NOW_MS, 0), None);
        assert_eq!(first_kept_day(NOW_MS, 1), Some(20_483));
        assert_eq!(first_kept_day(NOW_MS - 1, 1), Some(20_482));
        assert_eq!(first_kept_day(NOW_MS + DAY_MS - 1, 30), Some(20_454));
        assert_eq!(first_kept_day(i64::MAX, 1), None);
    }
}
