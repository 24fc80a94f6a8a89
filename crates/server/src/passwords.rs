//! Hashing passwords: where it runs, and how much of it at once. Each hash takes 19 MiB and tens of milliseconds of a
//! core, so what anybody on the net can ask for has a bound. It must never know who signs in, nor keep a password.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use registry::{PasswordHash, RegistryError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many hashes are worked on at once: 38 MiB.
pub const HASHES_MAX: usize = 2;
/// How many who sign in may wait for their turn.
pub const SIGN_INS_WAITING_MAX: usize = 32;
/// How long they may.
pub const SIGN_IN_WAIT_MAX: Duration = Duration::from_secs(5);

/// Too many sign in at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

/// Where passwords are hashed.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(HASHES_MAX)), waiting: AtomicUsize::new(0) }
    }
}

impl Passwords {
    /// Whether it is the password that the hash was made of.
    pub(crate) async fn matches(&self, hash: PasswordHash, password: String) -> Result<bool, Busy> {
        let turn = {
            let _place = Place::take(&self.waiting).ok_or(Busy)?;
            let turn = Arc::clone(&self.turns).acquire_owned();
            tokio::time::timeout(SIGN_IN_WAIT_MAX, turn)
                .await
                .map_err(|_late| Busy)?
                .map_err(|_closed| Busy)?
        };
        worked(turn, move || hash.matches(&password)).await.ok_or(Busy)
    }

    /// Hashes a password that the operator gives, who waits for it.
    pub(crate) async fn hash(&self, password: String) -> Result<PasswordHash, RegistryError> {
        let stopped = || RegistryError::Stopped("the server is stopping".to_owned());
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_closed| stopped())?;
        worked(turn, move || PasswordHash::of(&password)).await.ok_or_else(stopped)?
    }
}

/// Works where no connection waits for it. The turn is over when the work is, whether or not anybody still waits.
async fn worked<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let worked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    worked.await.ok()
}

/// A place in the line, given up when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(line: &'a AtomicUsize) -> Option<Self> {
        let place = Self(line);
        (line.fetch_add(1, Ordering::Relaxed) < SIGN_INS_WAITING_MAX).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse";

    #[tokio::test]
    async fn a_password_is_hashed_and_found_again() {
        let passwords = Passwords::default();
        let hash = passwords.hash(PASSWORD.to_owned()).await.unwrap();
        assert_eq!(passwords.matches(hash.clone(), PASSWORD.to_owned()).await, Ok(true));
        assert_eq!(passwords.matches(hash, "another one".to_owned()).await, Ok(false));
        assert!(passwords.hash("short".to_owned()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn two_turns_a_short_line_and_then_busy() {
        let passwords = Arc::new(Passwords::default());
        let turns: Vec<_> =
            (0..HASHES_MAX).map(|_| Arc::clone(&passwords.turns).try_acquire_owned().unwrap()).collect();
        assert!(Arc::clone(&passwords.turns).try_acquire_owned().is_err());
        let ask = || {
            let passwords = Arc::clone(&passwords);
            tokio::spawn(async move { passwords.matches(PasswordHash::nobodys(), PASSWORD.to_owned()).await })
        };
        let waiting: Vec<_> = (0..SIGN_INS_WAITING_MAX).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        let began = tokio::time::Instant::now();
        assert_eq!(ask().await.unwrap(), Err(Busy));
        assert_eq!(began.elapsed(), Duration::ZERO, "the line is full: nobody waits to be told so");
        for asked in waiting {
            assert_eq!(asked.await.unwrap(), Err(Busy));
        }
        assert_eq!(began.elapsed(), SIGN_IN_WAIT_MAX);
        drop(turns);
        assert_eq!(ask().await.unwrap(), Ok(false));
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(passwords.turns.available_permits(), HASHES_MAX);
    }
}
