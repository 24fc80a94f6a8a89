//! Every limit of the front, in one place.
//!
//! This room holds numbers and nothing else. It must never know where they were configured.

use std::time::Duration;

/// Connections in the reserve: they are accepted beyond [`Limits::connections_max`] so that probes still get an
/// answer, and everybody else a polite refusal, while the house is full.
pub(super) const CONNECTIONS_RESERVE_MAX: usize = 64;

/// How long a connection of the reserve may take for its request's head.
pub(super) const CROWDED_HEADER_TIME_MAX: Duration = Duration::from_secs(1);

/// The largest request head (request line and headers) that is read at all, in bytes. It is larger than the two limits
/// that are checked afterwards, so that those can be refused by name.
pub(super) const HEAD_BUFFER_BYTES_MAX: usize = 128 * 1024;

/// Bytes that a client must take in each [`Limits::write_timeout`] while its answer is waiting to be sent.
pub(super) const WRITE_STEP_BYTES_MIN: usize = 64 * 1024;

/// After the last answer of a connection, this much of what the client still sends is read and thrown away. Without
/// that the kernel would answer it with a reset, which can destroy the answer before the client has read it.
pub(super) const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long that goes on.
pub(super) const LINGER_TIME_MAX: Duration = Duration::from_secs(2);

/// It ends before, when the client has sent nothing for this long.
pub(super) const LINGER_QUIET_MAX: Duration = Duration::from_millis(500);

/// A keep-alive connection that has been idle for less is not closed to make room: its next request may be on its way.
pub(super) const EVICTABLE_IDLE_MIN: Duration = Duration::from_secs(1);

/// How long a new connection waits for the place of an idle one that was asked to go.
pub(super) const EVICTION_TIME_MAX: Duration = Duration::from_millis(500);

/// The pause after the operating system refused to accept (out of file descriptors, mostly): doubled up to the maximum.
pub(super) const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest such pause.
pub(super) const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// What the front allows. Every value is configurable; [`Limits::default`] is documented here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections: 1,024. When they are used up, the longest idle keep-alive connection makes room; when none is
    /// idle, the newcomer gets 503 with `Retry-After: 1`, unless it asks for a probe.
    pub connections_max: usize,
    /// From the first byte of a request (for a new connection: from its opening) to the end of its headers: 10 s.
    pub header_timeout: Duration,
    /// From the moment a body is first asked for to its last byte: 30 s. The front hands this to those who call
    /// [`read_body`](super::read_body).
    pub body_timeout: Duration,
    /// Between two requests of a connection: 60 s.
    pub idle_timeout: Duration,
    /// In each such period a client must take at least 64 KiB of an answer that is waiting for it: 30 s.
    pub write_timeout: Duration,
    /// Bytes in a request's target (path and query): 16 KiB, else 414.
    pub uri_bytes_max: usize,
    /// Bytes in all header names and values together: 32 KiB, else 431. There is also a fixed limit of 100 headers.
    pub header_bytes_max: usize,
    /// Requests whose handlers run at the same time: 512. Probes are not counted.
    pub requests_running_max: usize,
    /// Requests that may wait for one of those to end: 512; further ones get 503 with `Retry-After: 1`.
    pub requests_waiting_max: usize,
    /// How long they wait before they get the same 503: 2 s.
    pub waiting_timeout: Duration,
    /// How long open requests may go on once the server was asked to stop: 10 s.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            uri_bytes_max: 16 * 1024,
            header_bytes_max: 32 * 1024,
            requests_running_max: 512,
            requests_waiting_max: 512,
            waiting_timeout: Duration::from_secs(2),
            drain_timeout: Duration::from_secs(10),
        }
    }
}
