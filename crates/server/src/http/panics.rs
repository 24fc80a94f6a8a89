//! A panic in a handler ends one request, not the connection and not the server.
//!
//! This room must never log a panic's message: it may quote what a visitor sent. The place in the source is enough.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// A future ended in a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panicked;

/// Runs a future to its end, or to its panic.
///
/// A handler owns what it works on; what it shares is behind locks and atomics that stay valid when a panic passes.
pub(super) async fn catch<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(_message) => Poll::Ready(Err(Panicked)),
    })
    .await
}

/// Makes every panic of the process a line of the log with its place in the source, instead of text with its message on
/// the standard error stream. For the roof, once, at the start of a server.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let (file, line) = info.location().map_or(("unknown", 0), |place| (place.file(), place.line()));
        tracing::error!(file, line, "panic");
    }));
}
