//! A request's body, and whether any of it was left unread. Knows nothing of what it holds.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};

use crate::http::{BodyError, read_body};

/// A body that is read at most once.
pub(super) struct RequestBody {
    body: Option<Body>,
    broken_off: bool,
}

impl RequestBody {
    pub(super) fn new(body: Body) -> Self {
        Self { body: Some(body), broken_off: false }
    }

    /// Reads the whole body; see [`read_body`].
    pub(super) async fn read(&mut self, bytes_max: usize, time_max: Duration) -> Result<Bytes, BodyError> {
        let body = self.body.take().unwrap_or_default();
        // Until the end has come there may be more; also when the reading itself is broken off.
        self.broken_off = true;
        let bytes = read_body(body, bytes_max, time_max).await?;
        self.broken_off = false;
        Ok(bytes)
    }

    /// Takes in and drops a short body that was not read, so that the connection can be used again. One that is longer,
    /// or does not say how long it is, is left alone.
    pub(super) async fn discard(&mut self, bytes_max: usize, time_max: Duration) {
        let exact = self.body.as_ref().and_then(|body| body.size_hint().exact());
        if exact.is_some_and(|bytes| usize::try_from(bytes).is_ok_and(|bytes| bytes <= bytes_max)) {
            // What did not arrive is left over, and said to be.
            let _ = self.read(bytes_max, time_max).await;
        }
    }

    /// Whether the client may still be sending.
    pub(super) fn is_left_over(&self) -> bool {
        self.broken_off || self.body.as_ref().is_some_and(|body| !body.is_end_stream())
    }
}
