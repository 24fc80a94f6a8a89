//! The one clock: every other room is told the time.
//!
//! This room is the only one that reads the system's time. It must never know what the time is used for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the time comes from.
///
/// There are two times, because they answer different questions: the wall clock stamps clicks and may be
/// set back by an administrator; the running time measures windows and never goes back.
pub trait Clock: Send + Sync {
    /// The wall clock, in milliseconds since 1970-01-01T00:00:00Z; negative before that.
    fn now_ms(&self) -> i64;

    /// Nanoseconds since some fixed moment of this process. Never decreases.
    fn running_ns(&self) -> u64;
}

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose running time starts at zero.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn running_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until it is told to move. For tests.
#[derive(Debug)]
pub struct TestClock {
    wall_ms: AtomicI64,
    running_ms: AtomicI64,
}

impl TestClock {
    /// A clock that shows `now_ms` (milliseconds since 1970) and has been running for no time at all.
    #[must_use]
    pub fn new(now_ms: i64) -> Self {
        Self { wall_ms: AtomicI64::new(now_ms), running_ms: AtomicI64::new(0) }
    }

    /// Sets the wall clock, back too; the running time stays.
    pub fn set(&self, now_ms: i64) {
        self.wall_ms.store(now_ms, Ordering::SeqCst);
    }

    /// Lets `ms` milliseconds go by on both clocks. Negative values count as zero.
    pub fn advance(&self, ms: i64) {
        self.wall_ms.fetch_add(ms.max(0), Ordering::SeqCst);
        self.running_ms.fetch_add(ms.max(0), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn running_ns(&self) -> u64 {
        u64::try_from(self.running_ms.load(Ordering::SeqCst)).unwrap_or(0).saturating_mul(1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_may_be_set_back_but_the_running_time_goes_on() {
        let clock = TestClock::new(1_000);
        clock.advance(5);
        clock.set(10);
        clock.advance(-7);
        assert_eq!(clock.now_ms(), 10);
        assert_eq!(clock.running_ns(), 5_000_000);
    }

    #[test]
    fn the_system_clock_is_past_the_day_this_was_written() {
        assert!(SystemClock::new().now_ms() > 1_700_000_000_000);
    }
}
