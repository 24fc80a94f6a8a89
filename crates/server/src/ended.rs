//! Sessions that were signed out of: their cookies are worth nothing from then on, wherever a copy of them is. Each is
//! remembered until it would have ended by itself; a restart forgets them. It must never know who had a session.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

/// The most sessions that are remembered; past it, the one that would end first is forgotten first.
pub(crate) const ENDED_MAX: usize = 65_536;

/// Sessions that were signed out of, and when they would have ended.
pub(crate) struct Ended<T> {
    max: usize,
    until_ms: RwLock<HashMap<T, i64>>,
}

impl<T> Default for Ended<T> {
    fn default() -> Self {
        Self { max: ENDED_MAX, until_ms: RwLock::default() }
    }
}

impl<T: Eq + Hash + Copy> Ended<T> {
    /// Remembers a session until then.
    pub(crate) fn add(&self, session: T, until_ms: i64, now_ms: i64) {
        let mut ended = self.until_ms.write().unwrap_or_else(PoisonError::into_inner);
        if ended.len() >= self.max {
            ended.retain(|_, until_ms| *until_ms > now_ms);
        }
        if ended.len() >= self.max {
            let first = ended.iter().min_by_key(|(_, until_ms)| **until_ms).map(|(session, _)| *session);
            first.and_then(|first| ended.remove(&first));
        }
        ended.insert(session, until_ms);
    }

    pub(crate) fn has(&self, session: &T) -> bool {
        self.until_ms.read().unwrap_or_else(PoisonError::into_inner).contains_key(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_would_end_first_are_forgotten_first_and_never_more_than_fit() {
        let ended = Ended { max: 3, until_ms: RwLock::default() };
        for (session, until_ms) in [(1, 30), (2, 10), (3, 20)] {
            ended.add(session, until_ms, 0);
        }
        assert!(ended.has(&1) && ended.has(&2) && ended.has(&3) && !ended.has(&4));
        ended.add(4, 40, 5);
        assert!(!ended.has(&2) && ended.has(&1) && ended.has(&3) && ended.has(&4));
        ended.add(5, 50, 30);
        let left: Vec<_> = (1..=5).filter(|session| ended.has(session)).collect();
        assert_eq!(left, [4, 5], "what has ended by itself goes all together");
    }
}
