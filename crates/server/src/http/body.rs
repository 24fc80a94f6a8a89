//! Reading a request's body within a size, a time and a room.
//!
//! This room must never know what a body means or how a refusal is worded.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::layers::BodyTimeout;

/// How long a body may take where the front does not say.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// Memory that is reserved for a body before its bytes are there. A caller's `Content-Length` is a claim, not a fact.
const RESERVED_BYTES_MAX: usize = 64 * 1024;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is, or claims to be, larger than allowed. (413)
    #[error("the request body is too large")]
    TooLarge,
    /// The body did not end in time. The answer should carry `Connection: close`. (408)
    #[error("the request body did not arrive in time")]
    TimedOut,
    /// The body ended early or broke the rules of its framing. (400)
    #[error("the request body is broken")]
    Broken,
}

/// Why there is no body to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBody {
    /// Too many bodies are being read already. (503)
    #[error("too many request bodies are being read")]
    NoRoom,
    /// It was not read.
    #[error(transparent)]
    Unread(#[from] BodyError),
}

/// Room for the bodies that are held at the same time behind one door.
#[derive(Clone, Debug)]
pub struct BodyRoom {
    room: Arc<Semaphore>,
    body_bytes_max: usize,
}

/// A body, and its place in the room: whoever drops the place has dropped the body.
pub type Held = (Bytes, OwnedSemaphorePermit);

impl BodyRoom {
    /// Room for as many of the largest bodies.
    #[must_use]
    pub fn new(body_bytes_max: usize, largest_at_once: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(body_bytes_max * largest_at_once)), body_bytes_max }
    }

    /// The largest body, in bytes.
    #[must_use]
    pub fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    /// Reads a request's body if there is room for it, within the time that the front gives it.
    ///
    /// # Errors
    /// [`NoBody`]. Nothing that was read is kept.
    pub async fn read(&self, request: Request) -> Result<Held, NoBody> {
        let time_max = request.extensions().get::<BodyTimeout>().map_or(BODY_TIME_MAX, |timeout| timeout.0);
        let body = request.into_body();
        let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if claimed > self.body_bytes_max {
            return Err(BodyError::TooLarge.into());
        }
        let read = tokio::time::timeout(time_max, self.gather(body)).await;
        read.unwrap_or(Err(NoBody::Unread(BodyError::TimedOut)))
    }

    /// Takes room for each piece as it comes: who has sent nothing keeps nobody out.
    async fn gather(&self, mut body: Body) -> Result<Held, NoBody> {
        let mut place = self.place(0)?;
        let mut whole = Vec::new();
        while let Some(data) = next_data(&mut body).await? {
            if data.len() > self.body_bytes_max - whole.len() {
                return Err(BodyError::TooLarge.into());
            }
            place.merge(self.place(data.len())?);
            // Nearly every body comes as one piece, which then needs no copy.
            if whole.is_empty() && body.is_end_stream() {
                return Ok((data, place));
            }
            whole.extend_from_slice(&data);
        }
        Ok((Bytes::from(whole), place))
    }

    fn place(&self, bytes: usize) -> Result<OwnedSemaphorePermit, NoBody> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Arc::clone(&self.room).try_acquire_many_owned(bytes).map_err(|_full| NoBody::NoRoom)
    }
}

/// Reads a whole body of at most `bytes_max` bytes within `time_max`.
///
/// A `Content-Length` beyond the limit is refused before anything is read (and before `100 Continue` is sent); a chunked
/// body as soon as it has one byte too many. What was not read makes the front close the connection after the answer.
///
/// # Errors
///
/// See [`BodyError`]. Nothing that was read is kept.
pub async fn read_body(body: Body, bytes_max: usize, time_max: Duration) -> Result<Bytes, BodyError> {
    let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if claimed > bytes_max {
        return Err(BodyError::TooLarge);
    }
    match tokio::time::timeout(time_max, gather(body, bytes_max, claimed)).await {
        Ok(read) => read,
        Err(_elapsed) => Err(BodyError::TimedOut),
    }
}

async fn gather(mut body: Body, bytes_max: usize, claimed: usize) -> Result<Bytes, BodyError> {
    let Some(first) = next_data(&mut body).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > bytes_max {
        return Err(BodyError::TooLarge);
    }
    // Almost every click arrives as one piece, which then needs no copy.
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = Vec::with_capacity(claimed.clamp(first.len(), RESERVED_BYTES_MAX.max(first.len())));
    whole.extend_from_slice(&first);
    while let Some(data) = next_data(&mut body).await? {
        if data.len() > bytes_max - whole.len() {
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(Bytes::from(whole))
}

/// The next piece of data; trailers are skipped.
async fn next_data(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        match frame.map_err(|_broken| BodyError::Broken)?.into_data() {
            Ok(data) => return Ok(Some(data)),
            Err(_trailers) => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_room_holds_so_many_bodies_and_no_more() {
        let room = BodyRoom::new(4, 2);
        let request = |text: &'static str| Request::new(Body::from(text));
        let held = [room.read(request("1234")).await.unwrap(), room.read(request("123")).await.unwrap()];
        assert_eq!(room.read(request("12")).await.err(), Some(NoBody::NoRoom));
        assert!(room.read(request("1")).await.is_ok());
        drop(held);
        assert!(room.read(request("12")).await.is_ok());
        assert_eq!(room.read(request("12345")).await.err(), Some(NoBody::Unread(BodyError::TooLarge)));
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_refused() {
        assert_eq!(read_body(Body::from("12345"), 5, LONG).await, Ok(Bytes::from("12345")));
        assert_eq!(read_body(Body::from("123456"), 5, LONG).await, Err(BodyError::TooLarge));
        assert_eq!(read_body(Body::empty(), 0, LONG).await, Ok(Bytes::new()));
    }
}
