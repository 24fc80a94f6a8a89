//! Hashing passwords: where it runs, and how much of it at once. Each hash takes 19 MiB and tens of milliseconds of a
//! core, so what anybody on the net can ask for has a bound. It must never know who signs in, nor keep a password.

use std::sync::Arc;

use registry::{PasswordHash, RegistryError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many hashes are worked on at once: 38 MiB.
pub const HASHES_MAX: usize = 2;

/// Where passwords are hashed.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(HASHES_MAX)) }
    }
}

impl Passwords {
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
