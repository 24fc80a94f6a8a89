//! One socket with manners: a client that doesn't take its answer is dropped, and the last answer isn't destroyed.
//!
//! This room must never know HTTP. It sees bytes come and go, and tells the connection's state about them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::connection::ConnectionState;
use super::limits::{LINGER_BYTES_MAX, LINGER_QUIET_MAX, LINGER_TIME_MAX, WRITE_STEP_BYTES_MIN};

/// A socket whose writes have a pace and whose end is gentle.
pub(super) struct PacedSocket<S> {
    inner: S,
    state: Arc<ConnectionState>,
    write_timeout: Duration,
    /// Runs while an answer waits for the client.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Bytes taken since `waiting` was wound up.
    taken_bytes: usize,
    client_is_done: bool,
    farewell: Farewell,
}

/// How far the closing has come.
enum Farewell {
    NotYet,
    Lingering { until: Instant, quiet: Pin<Box<Sleep>>, bytes: usize },
    Over,
}

impl<S: AsyncRead + AsyncWrite + Unpin> PacedSocket<S> {
    pub(super) fn new(inner: S, state: Arc<ConnectionState>, write_timeout: Duration) -> Self {
        Self {
            inner,
            state,
            write_timeout,
            waiting: None,
            taken_bytes: 0,
            client_is_done: false,
            farewell: Farewell::NotYet,
        }
    }

    /// Settles what a write came to. A client that takes a few bytes now and then doesn't wind the clock up again: it has
    /// to take all that is there, or a whole step.
    fn paced(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
        offered_bytes: usize,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.taken_bytes = self.taken_bytes.saturating_add(bytes);
                if bytes >= offered_bytes || self.taken_bytes >= WRITE_STEP_BYTES_MIN {
                    self.waiting = None;
                    self.taken_bytes = 0;
                    self.state.set_write_waiting(false);
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.state.set_write_waiting(true);
                let deadline = Instant::now() + self.write_timeout;
                let waiting =
                    self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
                ready!(waiting.as_mut().poll(cx));
                self.state.set_write_stalled();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for PacedSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.state.heard();
        } else if buffer.remaining() > 0 {
            self.client_is_done = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for PacedSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.paced(cx, written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, pieces);
        self.paced(cx, written, pieces.iter().map(|piece| piece.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Closes our side, then throws away what the client still sends, within a size and a time (see
    /// [`LINGER_BYTES_MAX`]).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.farewell {
                Farewell::Over => return Poll::Ready(Ok(())),
                Farewell::NotYet => {
                    ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
                    this.farewell = if this.client_is_done {
                        Farewell::Over
                    } else {
                        let quiet = Box::pin(tokio::time::sleep(LINGER_QUIET_MAX));
                        Farewell::Lingering { until: Instant::now() + LINGER_TIME_MAX, quiet, bytes: 0 }
                    };
                }
                Farewell::Lingering { until, quiet, bytes } => {
                    let mut waste = [0_u8; 8 * 1024];
                    let mut waste = ReadBuf::new(&mut waste);
                    let goes_on = match Pin::new(&mut this.inner).poll_read(cx, &mut waste) {
                        Poll::Ready(Ok(())) if waste.filled().is_empty() => false,
                        Poll::Ready(Ok(())) => {
                            *bytes += waste.filled().len();
                            let now = Instant::now();
                            quiet.as_mut().reset((now + LINGER_QUIET_MAX).min(*until));
                            *bytes < LINGER_BYTES_MAX && now < *until
                        }
                        Poll::Ready(Err(_gone)) => false,
                        Poll::Pending => {
                            ready!(quiet.as_mut().poll(cx));
                            false
                        }
                    };
                    if !goes_on {
                        this.farewell = Farewell::Over;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const TIMEOUT: Duration = Duration::from_millis(200);

    fn socket(inner: tokio::io::DuplexStream) -> PacedSocket<tokio::io::DuplexStream> {
        PacedSocket::new(inner, Arc::new(ConnectionState::new()), TIMEOUT)
    }

    #[tokio::test]
    async fn a_client_that_sips_is_dropped_although_it_takes_something_all_the_time() {
        let (ours, mut client) = tokio::io::duplex(1_000);
        let mut socket = socket(ours);
        let sipping = tokio::spawn(async move {
            let mut sip = [0; 100];
            while client.read(&mut sip).await.is_ok_and(|bytes| bytes > 0) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let answer = vec![0; 60_000];
        let written = tokio::time::timeout(Duration::from_secs(2), socket.write_all(&answer)).await;
        assert_eq!(written.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(socket);
        sipping.await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_takes_its_steps_may_take_long_over_the_whole() {
        let (ours, mut client) = tokio::io::duplex(WRITE_STEP_BYTES_MIN);
        let mut socket = socket(ours);
        let reading = tokio::spawn(async move {
            let mut step = vec![0; WRITE_STEP_BYTES_MIN];
            for _ in 0..6 {
                tokio::time::sleep(TIMEOUT / 2).await;
                client.read_exact(&mut step).await.unwrap();
            }
        });
        socket.write_all(&vec![0; 6 * WRITE_STEP_BYTES_MIN]).await.unwrap();
        reading.await.unwrap();
    }
}
