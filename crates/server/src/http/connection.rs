//! One connection: its phases, its timeouts and its requests.
//!
//! Hyper's own header timeout also runs between requests, so that it can't tell a slow head from a quiet keep-alive
//! connection. Here each connection has a phase, and each phase its own time.
//!
//! This room must never know what a request asks, or how many connections there are.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tower::Service;

use super::limits::{HEAD_BUFFER_BYTES_MAX, Limits};
use super::serve::Peer;
use super::socket::PacedSocket;

/// In the extensions of a request that came over a connection of the reserve: only probes are answered there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowded;

/// Nothing has come in yet. Such a connection runs out like a slow head and makes room like an idle one.
const SILENT: u8 = 0;
const READING_HEAD: u8 = 1;
const BUSY: u8 = 2;
const IDLE: u8 = 3;

/// What is going on in a connection. Written by its own task, read by the accept loop too, when it looks for a place.
#[derive(Debug)]
pub(super) struct ConnectionState {
    opened: Instant,
    phase: AtomicU8,
    /// Milliseconds after `opened` at which the phase began.
    phase_since_ms: AtomicU64,
    write_waiting: AtomicBool,
    write_stalled: AtomicBool,
    leave: Notify,
}

/// Why a connection ended; a label in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The client or an answer closed it.
    Closed,
    /// What came was not HTTP, or not whole.
    Broken,
    HeaderTimeout,
    IdleTimeout,
    /// The client did not take its answer.
    WriteTimeout,
    /// It was idle and made room.
    Evicted,
    /// The server stopped while it was idle.
    Stopped,
}

impl Ending {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Broken => "broken",
            Self::HeaderTimeout => "header_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::Evicted => "evicted",
            Self::Stopped => "stopped",
        }
    }
}

impl ConnectionState {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            phase: AtomicU8::new(SILENT),
            phase_since_ms: AtomicU64::new(0),
            write_waiting: AtomicBool::new(false),
            write_stalled: AtomicBool::new(false),
            leave: Notify::new(),
        }
    }

    /// Bytes came in. Between two requests they begin a head. The first head's time began when the connection was opened.
    pub(super) fn heard(&self) {
        match self.phase.load(Ordering::Relaxed) {
            SILENT => self.phase.store(READING_HEAD, Ordering::Relaxed),
            IDLE => self.enter(READING_HEAD),
            _ => {}
        }
    }

    pub(super) fn set_write_waiting(&self, waiting: bool) {
        self.write_waiting.store(waiting, Ordering::Relaxed);
    }

    pub(super) fn set_write_stalled(&self) {
        self.write_stalled.store(true, Ordering::Relaxed);
    }

    /// How long the connection has been idle, or `None` when there is a request or an answer in it.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let phase = self.phase.load(Ordering::Relaxed);
        let idle = matches!(phase, SILENT | IDLE) && !self.write_waiting.load(Ordering::Relaxed);
        idle.then(|| self.opened.elapsed().saturating_sub(self.phase_began()))
    }

    /// Asks the connection to make room. It goes unless a request has come in meanwhile.
    pub(super) fn ask_to_leave(&self) {
        self.leave.notify_one();
    }

    fn enter(&self, phase: u8) {
        let now_ms = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.phase_since_ms.store(now_ms, Ordering::Relaxed);
        self.phase.store(phase, Ordering::Relaxed);
    }

    fn phase_began(&self) -> Duration {
        Duration::from_millis(self.phase_since_ms.load(Ordering::Relaxed))
    }

    /// When the present phase runs out, and what that would mean; `None` while a handler works or an answer is being sent,
    /// which have their own limits.
    fn runs_out(&self, limits: &Limits) -> Option<(Instant, Ending)> {
        if self.write_waiting.load(Ordering::Relaxed) {
            return None;
        }
        let began = self.opened + self.phase_began();
        match self.phase.load(Ordering::Relaxed) {
            SILENT | READING_HEAD => Some((began + limits.header_timeout, Ending::HeaderTimeout)),
            IDLE => Some((began + limits.idle_timeout, Ending::IdleTimeout)),
            _ => None,
        }
    }
}

/// Serves one connection until it ends. Returns why it did.
pub(super) async fn serve_connection<S>(
    stream: S,
    peer: Peer,
    crowded: bool,
    router: Router,
    state: Arc<ConnectionState>,
    limits: &Limits,
    mut stop: watch::Receiver<bool>,
) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let socket = PacedSocket::new(stream, Arc::clone(&state), limits.write_timeout);
    let served = Arc::clone(&state);
    let service =
        service_fn(move |request| answer(router.clone(), Arc::clone(&served), peer, crowded, request));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.max_buf_size(HEAD_BUFFER_BYTES_MAX).header_read_timeout(None);
    let mut connection = pin!(http.serve_connection(TokioIo::new(socket), service));

    // The clock is looked at when the phase runs out, but at least once in each shorter timeout: so a phase that begins
    // between two looks can't have run out before the next one, and nothing has to be wound up for each request.
    let look_every = limits.header_timeout.min(limits.idle_timeout);
    let mut clock = pin!(tokio::time::sleep(look_every));
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                return match ended {
                    _ if state.write_stalled.load(Ordering::Relaxed) => Ending::WriteTimeout,
                    Ok(()) => Ending::Closed,
                    Err(_broken) => Ending::Broken,
                };
            }
            changed = stop.changed(), if !stopping => {
                // The sender is only dropped after all connections have ended; should it be, that means stop, too.
                stopping = changed.is_err() || *stop.borrow();
                if stopping {
                    if state.idle_for().is_some() {
                        return Ending::Stopped;
                    }
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = state.leave.notified() => {
                if state.idle_for().is_some() {
                    return Ending::Evicted;
                }
            }
            () = clock.as_mut() => {
                let now = Instant::now();
                match state.runs_out(limits) {
                    Some((at, ending)) if at <= now => return ending,
                    Some((at, _)) => clock.as_mut().reset(at.min(now + look_every)),
                    None => clock.as_mut().reset(now + look_every),
                }
            }
        }
    }
}

/// Plays one request through the router and keeps the connection's phase.
async fn answer(
    mut router: Router,
    state: Arc<ConnectionState>,
    peer: Peer,
    crowded: bool,
    request: Request<Incoming>,
) -> Result<Response<PhaseBody>, Infallible> {
    state.enter(BUSY);
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    if crowded {
        request.extensions_mut().insert(Crowded);
    }
    // A router is always ready: its `poll_ready` says so without looking.
    let mut response = router.call(request).await?;
    if crowded {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|inner| PhaseBody { inner, state }))
}

/// An answer's body; when hyper lets go of it, the answer is complete (but for what the socket still holds).
struct PhaseBody {
    inner: Body,
    state: Arc<ConnectionState>,
}

impl Drop for PhaseBody {
    fn drop(&mut self) {
        self.state.enter(IDLE);
    }
}

impl HttpBody for PhaseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
