//! The front over real sockets: hostile clients, the life of connections, and the probes.
//!
//! These tests speak raw bytes, because a polite HTTP client can't misbehave. Limits are short, and every wait is bounded.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says by a panic what went wrong"
)]

mod hostile;
mod life;
mod probes;
mod rig;
