//! Receipts: how whoever gave something to the writer's thread waits for its answer, with a runtime or without.
//!
//! It must never know what is answered, nor an async runtime.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::sync::oneshot;

use crate::error::AppendError;

/// Why a job was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The disk has no room. A later job may succeed.
    #[error("no room on the disk: {0}")]
    NoSpace(String),
    /// The write failed. A later job may succeed.
    #[error("the disk could not be written: {0}")]
    Write(String),
    /// A sync failed; nothing is recorded until a restart.
    #[error("a sync failed; nothing is recorded until a restart")]
    Poisoned,
    /// The job's frame is larger than a frame may be.
    #[error("a record of {bytes} bytes is too large, {bytes_max} are possible")]
    TooLarge {
        /// The payload's size.
        bytes: u64,
        /// The largest payload.
        bytes_max: u64,
    },
    /// The writer's thread ended before it answered: the job may or may not have been recorded.
    #[error("the writer has ended")]
    Stopped,
}

impl From<AppendError> for CommitError {
    fn from(error: AppendError) -> CommitError {
        match error {
            AppendError::NoSpace(error) => CommitError::NoSpace(error.to_string()),
            AppendError::Write(error) => CommitError::Write(error.to_string()),
            AppendError::Poisoned => CommitError::Poisoned,
            AppendError::TooLarge { bytes, bytes_max } => CommitError::TooLarge { bytes, bytes_max },
        }
    }
}

/// The answer to come. A future, for any runtime; or wait for it with [`Receipt::wait`].
pub struct Receipt<D> {
    answer: oneshot::Receiver<Result<D, CommitError>>,
}

/// Where the answer comes from. Dropping it answers [`CommitError::Stopped`].
pub(crate) type Slot<D> = oneshot::Sender<Result<D, CommitError>>;

impl<D> Receipt<D> {
    pub(crate) fn new() -> (Slot<D>, Receipt<D>) {
        let (slot, answer) = oneshot::channel();
        (slot, Receipt { answer })
    }

    /// Blocks the thread until the job is answered. Not for threads of an async runtime.
    pub fn wait(self) -> Result<D, CommitError> {
        let mut answer = pin!(self);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(answer) = answer.as_mut().poll(&mut context) {
                return answer;
            }
            thread::park();
        }
    }
}

impl<D> Future for Receipt<D> {
    type Output = Result<D, CommitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.answer).poll(context);
        answer.map(|answer| answer.unwrap_or(Err(CommitError::Stopped)))
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
