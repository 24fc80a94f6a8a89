//! Room: memory that running questions hold from one part of a day to the next. All of them together have so much; a question
//! that finds too little waits, and whoever comes later waits behind it. It must never know what is asked.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clicks::StoreError;

/// How often whoever waits looks at the clock.
const LOOK: Duration = Duration::from_millis(2);

/// The memory of all running questions.
#[derive(Debug)]
pub struct Room {
    bytes_max: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: usize,
    /// Who waits, in the order of coming.
    waiting: VecDeque<u64>,
    tickets: u64,
}

/// A part of it that one question has, until it is dropped.
#[derive(Debug)]
pub struct Held<'r> {
    room: &'r Room,
    bytes: usize,
}

impl Room {
    /// Room for so many bytes.
    pub const fn new(bytes_max: usize) -> Self {
        let state = State { held: 0, waiting: VecDeque::new(), tickets: 0 };
        Self { bytes_max, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// How many bytes there are in all.
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes as much as is wanted, or all that there is if more is wanted; waits until it is free.
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`].
    pub fn take(&self, wanted: usize, stop: &dyn Fn() -> bool) -> Result<Held<'_>, StoreError> {
        let bytes = wanted.min(self.bytes_max);
        if bytes == 0 {
            return Ok(Held { room: self, bytes });
        }
        let mut state = self.lock();
        state.tickets += 1;
        let ticket = state.tickets;
        state.waiting.push_back(ticket);
        while state.waiting.front() != Some(&ticket) || self.bytes_max - state.held < bytes {
            if stop() {
                state.waiting.retain(|waiting| *waiting != ticket);
                self.changed.notify_all();
                return Err(StoreError::OutOfTime);
            }
            (state, _) = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.pop_front();
        state.held += bytes;
        self.changed.notify_all();
        Ok(Held { room: self, bytes })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.room.lock().held -= self.bytes;
            self.room.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn what_is_held_never_passes_what_there_is_and_comes_back() {
        let (room, held, most) = (Room::new(100), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for wanted in [10, 60, 100, 5_000] {
                let (room, held, most) = (&room, &held, &most);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let taken = room.take(wanted, &|| false).unwrap();
                        assert_eq!(taken.bytes, wanted.min(100));
                        let now = held.fetch_add(taken.bytes, Ordering::SeqCst) + taken.bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        held.fetch_sub(taken.bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 100);
        assert_eq!(room.take(usize::MAX, &|| true).unwrap().bytes, 100);
    }

    #[test]
    fn who_waits_for_room_stops_in_time() {
        let room = Room::new(100);
        let _all = room.take(100, &|| false).unwrap();
        assert_eq!(room.take(1, &|| true).unwrap_err(), StoreError::OutOfTime);
        assert_eq!(room.take(0, &|| true).unwrap().bytes, 0);
    }

    #[test]
    fn who_wants_all_of_it_is_not_passed_by_those_who_want_little() {
        let room = Room::new(100);
        let first = room.take(10, &|| false).unwrap();
        thread::scope(|scope| {
            let large = scope.spawn(|| room.take(100, &|| false).map(|held| held.bytes));
            while room.lock().waiting.is_empty() {
                thread::yield_now();
            }
            assert_eq!(room.take(1, &|| true).unwrap_err(), StoreError::OutOfTime, "behind the large one");
            drop(first);
            assert_eq!(large.join().unwrap(), Ok(100));
        });
        assert_eq!(room.take(1, &|| true).unwrap().bytes, 1);
    }
}
