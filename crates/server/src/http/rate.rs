//! At most so many in any second, or any other span of time, for each key.
//!
//! This room must never know what a key stands for, nor read a clock: it is told the time.
//!
//! The window is a true one: the moments of the last second are kept, and an (N+1)-th within any second is refused. Memory
//! stays small although a key may allow thousands a second, because a key holds only the moments that it really used, and
//! all keys together hold only what was admitted in the last two seconds. Two generations of keys make forgetting cheap:
//! a key that was not touched for a whole generation (a second or more) has no moment left that counts.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A limiter of admissions a second, for each key.
#[derive(Debug)]
pub struct SlidingWindow<K> {
    max: u32,
    span_ns: u64,
    keys_max: usize,
    generations: Mutex<Generations<K>>,
}

#[derive(Debug)]
struct Generations<K> {
    current: HashMap<K, VecDeque<u64>>,
    previous: HashMap<K, VecDeque<u64>>,
    current_since_ns: u64,
}

impl<K: Eq + Hash + Clone> SlidingWindow<K> {
    /// Admits `per_second_max` in any second for each key; 0 means no limit.
    ///
    /// At most `keys_max` keys are followed in a second. Keys beyond that are admitted without being counted: a limit
    /// for single callers must not become a way to lock out everybody, and the front's other limits still hold.
    #[must_use]
    pub fn new(per_second_max: u32, keys_max: usize) -> Self {
        Self::within(Duration::from_secs(1), per_second_max, keys_max)
    }

    /// The same within any span of this length.
    #[must_use]
    pub fn within(span: Duration, max: u32, keys_max: usize) -> Self {
        let span_ns = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let generations =
            Generations { current: HashMap::new(), previous: HashMap::new(), current_since_ns: 0 };
        Self { max, span_ns, keys_max, generations: Mutex::new(generations) }
    }

    /// Admits one, or tells how long until one would be admitted (more than zero, at most the span). A refused one does
    /// not count. `now_ns` is a running time in nanoseconds (see [`Clock`](crate::clock::Clock)).
    ///
    /// # Errors
    ///
    /// The time to wait, when the key's last span is full.
    pub fn admit(&self, key: &K, now_ns: u64) -> Result<(), Duration> {
        if self.max == 0 {
            return Ok(());
        }
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.turn(now_ns, self.span_ns);
        let Some(moments) = generations.moments(key, self.keys_max) else {
            return Ok(());
        };
        // Callers read the clock before they take the lock, so a moment may come in slightly out of order.
        let now_ns = moments.back().map_or(now_ns, |last| now_ns.max(*last));
        while moments.front().is_some_and(|first| now_ns - first >= self.span_ns) {
            moments.pop_front();
        }
        match moments.front() {
            Some(first) if moments.len() >= self.max as usize => {
                Err(Duration::from_nanos(first + self.span_ns - now_ns))
            }
            _ => {
                moments.push_back(now_ns);
                Ok(())
            }
        }
    }

    /// Counts the latest one of this key no more.
    pub fn take_back(&self, key: &K) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let Generations { current, previous, .. } = &mut *generations;
        if let Some(moments) = current.get_mut(key).or_else(|| previous.get_mut(key)) {
            moments.pop_back();
        }
    }

    /// How many keys are held now. Never more than twice `keys_max`.
    #[must_use]
    pub fn keys(&self) -> usize {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.current.len() + generations.previous.len()
    }
}

impl<K: Eq + Hash + Clone> Generations<K> {
    fn turn(&mut self, now_ns: u64, span_ns: u64) {
        let age_ns = now_ns.saturating_sub(self.current_since_ns);
        if age_ns < span_ns {
            return;
        }
        self.previous = std::mem::take(&mut self.current);
        if age_ns >= 2 * span_ns {
            self.previous = HashMap::new();
        }
        self.current_since_ns = now_ns;
    }

    /// The moments of a key, carried over from the previous generation, or none when no further key can be followed.
    fn moments(&mut self, key: &K, keys_max: usize) -> Option<&mut VecDeque<u64>> {
        // The key is looked up twice because the borrow checker can't see that the early return ends the first borrow.
        if !self.current.contains_key(key) {
            if self.current.len() >= keys_max {
                return None;
            }
            let carried = self.previous.remove(key).unwrap_or_default();
            self.current.insert(key.clone(), carried);
        }
        self.current.get_mut(key)
    }
}

/// The key under which a client address is counted: an IPv4 address itself, an IPv6 address by its /64, because one
/// subscriber has all of those.
#[must_use]
pub fn rate_key(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn the_21st_within_any_second_is_refused_and_does_not_count() {
        let window = SlidingWindow::new(20, 10);
        for i in 0..20 {
            assert_eq!(window.admit(&"k", i * 50 * MS), Ok(()));
        }
        // 0, 50, … 950 are taken. Refused ones must not push the window along.
        for _ in 0..100 {
            assert_eq!(window.admit(&"k", 999 * MS), Err(Duration::from_millis(1)));
        }
        assert_eq!(window.admit(&"k", 1_000 * MS), Ok(()));
        assert_eq!(window.admit(&"k", 1_049 * MS), Err(Duration::from_millis(1)));
        assert_eq!(window.admit(&"other", 1_049 * MS), Ok(()));
    }

    #[test]
    fn zero_means_no_limit() {
        let window = SlidingWindow::new(0, 1);
        for _ in 0..1_000 {
            assert_eq!(window.admit(&1, 0), Ok(()));
        }
        assert_eq!(window.keys(), 0);
    }

    #[test]
    fn keys_are_bounded_and_forgotten() {
        let window = SlidingWindow::new(1, 100);
        for key in 0..10_000 {
            assert_eq!(window.admit(&key, 5), Ok(()));
        }
        assert_eq!(window.keys(), 100);
        assert!(window.admit(&0, 6).is_err(), "a followed key stays followed");
        for second in 1..=2 {
            assert_eq!(window.admit(&-1, second * SECOND_NS + 10), Ok(()));
        }
        assert_eq!(window.keys(), 1);
    }

    #[test]
    fn random_histories_agree_with_a_list_of_all_admissions() {
        let seed = 0x5eed_u64;
        let mut state = seed;
        let window = SlidingWindow::new(7, 1_000);
        let mut admitted: Vec<(u64, u64)> = Vec::new();
        let mut now = 0;
        for step in 0..20_000 {
            let random = splitmix64(&mut state);
            now += random % (120 * MS);
            let key = (random >> 40) % 3;
            let recent = admitted.iter().filter(|(k, at)| *k == key && now - at < SECOND_NS).count();
            let outcome = window.admit(&key, now);
            assert_eq!(outcome.is_ok(), recent < 7, "seed {seed:#x} step {step}");
            if outcome.is_ok() {
                admitted.push((key, now));
            }
            admitted.retain(|(_, at)| now - at < SECOND_NS);
        }
    }

    #[test]
    fn a_longer_span_is_kept_and_what_is_taken_back_does_not_count() {
        let window = SlidingWindow::within(Duration::from_secs(60), 2, 10);
        assert_eq!([window.admit(&"a", 0), window.admit(&"a", SECOND_NS)], [Ok(()); 2]);
        assert_eq!(window.admit(&"a", 59 * SECOND_NS), Err(Duration::from_secs(1)));
        window.take_back(&"a");
        assert_eq!(window.admit(&"a", 59 * SECOND_NS), Ok(()));
        assert_eq!(window.admit(&"a", 59 * SECOND_NS), Err(Duration::from_secs(1)));
        window.take_back(&"nobody");
        assert_eq!(window.admit(&"a", 60 * SECOND_NS), Ok(()));
        assert_eq!(window.admit(&"a", 118 * SECOND_NS), Err(Duration::from_secs(1)));
        window.take_back(&"a");
        assert_eq!(window.admit(&"a", 118 * SECOND_NS), Ok(()));
    }

    #[test]
    fn one_ipv6_subscriber_is_one_key() {
        let key = |text: &str| rate_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
        assert_eq!(key("::ffff:1.2.3.4"), key("1.2.3.4"));
        assert_ne!(key("1.2.3.4"), key("1.2.3.5"));
    }

    fn splitmix64(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
