//! Room: memory that running questions hold from one part of a day to the next. All of them together have so much; a question
//! that finds too little waits. It must never know what is asked.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use clicks::StoreError;

/// How often whoever waits looks at the clock.
const LOOK: Duration = Duration::from_millis(2);

/// The memory of all running questions.
#[derive(Debug)]
pub struct Room {
    bytes_max: usize,
    free: Mutex<usize>,
    freed: Condvar,
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
        Self { bytes_max, free: Mutex::new(bytes_max), freed: Condvar::new() }
    }

    /// Takes as much as is wanted, or all that there is if more is wanted; waits until it is free.
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`].
    pub fn take(&self, wanted: usize, stop: &dyn Fn() -> bool) -> Result<Held<'_>, StoreError> {
        let bytes = wanted.min(self.bytes_max);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            if stop() {
                return Err(StoreError::OutOfTime);
            }
            (free, _) = self.freed.wait_timeout(free, LOOK).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        Ok(Held { room: self, bytes })
    }
}

impl Held<'_> {
    /// How many bytes they are.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.room.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.room.freed.notify_all();
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
                        assert_eq!(taken.bytes(), wanted.min(100));
                        let now = held.fetch_add(taken.bytes(), Ordering::SeqCst) + taken.bytes();
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        held.fetch_sub(taken.bytes(), Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 100);
        assert_eq!(room.take(usize::MAX, &|| true).unwrap().bytes(), 100);
    }

    #[test]
    fn who_waits_for_room_stops_in_time() {
        let room = Room::new(100);
        let _all = room.take(100, &|| false).unwrap();
        assert_eq!(room.take(1, &|| true).unwrap_err(), StoreError::OutOfTime);
        assert_eq!(room.take(0, &|| true).unwrap().bytes(), 0);
    }
}
