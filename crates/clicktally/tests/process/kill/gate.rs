//! Tells clients where the server is while there is one, and lets nobody past while there is none. It must never know
//! what they do there.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

const WAIT_TIME_MAX: Duration = Duration::from_secs(60);

#[derive(Default)]
struct State {
    address: Option<SocketAddr>,
    waiting: usize,
    over: bool,
}

/// The gate before the server.
pub struct Gate {
    clients: usize,
    state: Mutex<State>,
    changed: Condvar,
}

/// Lets all clients go home when it is dropped, also when the test fails.
pub struct End<'a>(&'a Gate);

impl Drop for End<'_> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.0.state.lock() {
            state.over = true;
        }
        self.0.changed.notify_all();
    }
}

impl Gate {
    pub fn new(clients: usize) -> Self {
        Self { clients, state: Mutex::default(), changed: Condvar::new() }
    }

    pub const fn end_when_dropped(&self) -> End<'_> {
        End(self)
    }

    pub fn open(&self, address: SocketAddr) {
        self.state.lock().unwrap().address = Some(address);
        self.changed.notify_all();
    }

    /// Closes the gate and returns once every client stands before it.
    pub fn close_and_wait(&self) {
        let mut state = self.state.lock().unwrap();
        state.address = None;
        self.changed.notify_all();
        let (_state, timeout) = self
            .changed
            .wait_timeout_while(state, WAIT_TIME_MAX, |state| state.waiting < self.clients)
            .unwrap();
        assert!(!timeout.timed_out(), "a client hangs or has failed");
    }

    /// Waits until the gate is open; `None` when it never opens again.
    pub fn pass(&self) -> Option<SocketAddr> {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.changed.notify_all();
        let mut state =
            self.changed.wait_while(state, |state| !state.over && state.address.is_none()).unwrap();
        state.waiting -= 1;
        if state.over { None } else { state.address }
    }

    /// Returns when the gate is closed, as it must soon be after a connection broke: only a kill breaks one.
    pub fn wait_until_closed(&self) {
        let started = Instant::now();
        let state = self.state.lock().unwrap();
        let open = |state: &mut State| !state.over && state.address.is_some();
        drop(self.changed.wait_timeout_while(state, WAIT_TIME_MAX, open).unwrap());
        assert!(started.elapsed() < WAIT_TIME_MAX, "a connection broke although nobody killed the server");
    }
}
