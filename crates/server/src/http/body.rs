//! Reading a request's body within a size and a time.
//!
//! This room must never know what a body means or how a refusal is worded.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;

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
    async fn a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_refused() {
        assert_eq!(read_body(Body::from("12345"), 5, LONG).await, Ok(Bytes::from("12345")));
        assert_eq!(read_body(Body::from("123456"), 5, LONG).await, Err(BodyError::TooLarge));
        assert_eq!(read_body(Body::empty(), 0, LONG).await, Ok(Bytes::new()));
    }
}
