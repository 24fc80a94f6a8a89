//! Trouble: why the last attempt to record failed, for whoever asks how the store is doing. It must never decide
//! whether anything is recorded: every attempt is made.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long a failed write makes the store call itself unable, unless a later one succeeds first. Whoever sends
/// nothing to a store that is unable has to try again some time, or it would stay so for ever.
pub const UNABLE_SECONDS_MAX: u64 = 10;

/// The last failure that another attempt may overcome.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Option<(Instant, String)>>);

impl Trouble {
    fn lock(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a failure.
    pub fn note(&self, reason: &str) {
        *self.lock() = Some((Instant::now(), reason.to_owned()));
    }

    /// Something was recorded.
    pub fn clear(&self) {
        *self.lock() = None;
    }

    /// The last failure, if nothing was recorded since and it is recent.
    pub fn recent(&self) -> Option<String> {
        let last = self.lock();
        let (at, reason) = last.as_ref()?;
        (at.elapsed() < Duration::from_secs(UNABLE_SECONDS_MAX)).then(|| reason.clone())
    }
}
