//! The accept loop: who is let in, who waits, who is turned away, and how all of them leave.
//!
//! This room must never know a route, except that probes are answered when the house is full (`layers` sees to it).
//!
//! When all places are taken, a newcomer is still accepted, into a small reserve. There, first the longest idle keep-alive
//! connection is asked to go, and the newcomer takes its place. When none is idle, the newcomer is served one request from
//! the reserve: a probe is answered as ever, so that a busy server isn't taken for a dead one and killed; everything else
//! gets 503 with `Retry-After: 1`. (To stop accepting instead would let probes time out in the kernel's queue.) Only when
//! the reserve is full too, a connection gets a fixed 503 without being read.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::connection::{ConnectionState, serve_connection};
use super::control_socket::ControlSocket;
use super::limits::{
    ACCEPT_PAUSE_MAX, ACCEPT_PAUSE_MIN, CONNECTIONS_RESERVE_MAX, CROWDED_HEADER_TIME_MAX, EVICTABLE_IDLE_MIN,
    EVICTION_TIME_MAX, Limits,
};
use super::metrics::Metrics;

/// The other end of a connection, in the extensions of each of its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; `None` on the control socket.
    pub addr: Option<IpAddr>,
}

/// What was left when a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because a request had not ended within the drain time.
    pub cut: usize,
}

/// A bound listener that does not serve yet.
#[derive(Debug)]
pub struct Front {
    door: Door,
}

#[derive(Debug)]
enum Door {
    Tcp(TcpListener),
    Control(ControlSocket),
}

impl Front {
    /// Binds a TCP address. Clients can connect from now on; they are answered once [`serve`](Self::serve) runs.
    ///
    /// # Errors
    ///
    /// Those of the operating system, such as an address in use.
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self { door: Door::Tcp(TcpListener::bind(addr).await?) })
    }

    /// Binds a UNIX socket that only its owner may open (mode 0600). A socket left there by a dead server is replaced, so
    /// the caller must hold the directory's lock. The path may have about 100 bytes. The file goes when the front does.
    ///
    /// # Errors
    ///
    /// When a file that is no socket is in the way, and those of the operating system.
    pub fn bind_control(path: &Path) -> io::Result<Self> {
        Ok(Self { door: Door::Control(ControlSocket::bind(path)?) })
    }

    /// The bound address (with the port that the system chose for port 0); `None` for a control socket.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.door {
            Door::Tcp(listener) => listener.local_addr().ok(),
            Door::Control(_) => None,
        }
    }

    /// Serves `router` until `shutdown` is ready, then stops accepting, closes idle connections at once, lets open requests
    /// end within the drain time and cuts the rest. Returns when no connection is left.
    ///
    /// The router should have been through [`guarded`](super::guarded). A handler's future is dropped when its client goes
    /// away or is cut, at any await: work that must not be half done belongs to a task of its own.
    pub async fn serve(
        self,
        router: Router,
        limits: Limits,
        metrics: Arc<Metrics>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Drained {
        let house = Arc::new(House::new(router, limits, metrics));
        match self.door {
            Door::Tcp(listener) => accept_loop(house, listener, shutdown).await,
            Door::Control(socket) => accept_loop(house, socket, shutdown).await,
        }
    }
}

/// Where connections come from.
trait Entrance: Send {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection. Dropping the future loses none.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;

    /// Writes a fixed answer, if the socket takes it at once, and closes.
    fn turn_away(stream: Self::Stream, answer: &[u8]);
}

impl Entrance for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, addr) = self.accept().await?;
        // An answer is written in one go; waiting for more would only delay it. A socket that refuses the option works, too.
        let _ = stream.set_nodelay(true);
        Ok((stream, Peer { addr: Some(addr.ip().to_canonical()) }))
    }

    fn turn_away(stream: TcpStream, answer: &[u8]) {
        let _ = stream.into_std().and_then(|mut plain| plain.write(answer));
    }
}

impl Entrance for ControlSocket {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _unnamed) = self.listener.accept().await?;
        Ok((stream, Peer { addr: None }))
    }

    fn turn_away(stream: UnixStream, answer: &[u8]) {
        let _ = stream.into_std().and_then(|mut plain| plain.write(answer));
    }
}

const TURNED_AWAY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// What all connections of one listener share.
struct House {
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    places: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    guests: Mutex<HashMap<u64, Arc<ConnectionState>>>,
    next_guest: AtomicU64,
}

impl House {
    fn new(router: Router, limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.connections_max.clamp(1, Semaphore::MAX_PERMITS))),
            reserve: Arc::new(Semaphore::new(CONNECTIONS_RESERVE_MAX)),
            guests: Mutex::new(HashMap::new()),
            next_guest: AtomicU64::new(0),
            router,
            limits,
            metrics,
        }
    }

    /// Asks the longest idle connection to go. True when there was one that has been idle for long enough.
    ///
    /// This looks at every connection. It happens only when all places are taken, and their number is bounded.
    fn make_room(&self) -> bool {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = guests
            .values()
            .filter_map(|guest| guest.idle_for().map(|idle| (idle, guest)))
            .filter(|(idle, _)| *idle >= EVICTABLE_IDLE_MIN)
            .max_by_key(|(idle, _)| *idle);
        if let Some((_, guest)) = longest {
            guest.ask_to_leave();
        }
        longest.is_some()
    }

    async fn host<S>(self: Arc<Self>, stream: S, peer: Peer, place: Place, stop: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let place = self.settle(place).await;
        let crowded = matches!(place, Place::Reserve(_));
        let mut limits = self.limits.clone();
        if crowded {
            self.metrics.connection_refused("no_place");
            limits.header_timeout = limits.header_timeout.min(CROWDED_HEADER_TIME_MAX);
        }
        let stay = Stay::begin(&self);
        let state = Arc::clone(&stay.state);
        let router = self.router.clone();
        let ending = serve_connection(stream, peer, crowded, router, state, &limits, stop).await;
        self.metrics.connection_ended(ending.label());
        drop(place);
    }

    /// Moves a newcomer from the reserve to a place, when one can be made free.
    async fn settle(&self, place: Place) -> Place {
        if matches!(place, Place::Taken(_)) || !self.make_room() {
            return place;
        }
        match tokio::time::timeout(EVICTION_TIME_MAX, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(permit)) => Place::Taken(permit),
            _ => place,
        }
    }
}

/// Where a connection is. The permit is given back when the place is dropped.
enum Place {
    Taken(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
    Reserve(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
}

/// A connection's entry in the guest book, which ends with the connection however that ends.
struct Stay<'h> {
    house: &'h House,
    number: u64,
    state: Arc<ConnectionState>,
}

impl<'h> Stay<'h> {
    fn begin(house: &'h House) -> Self {
        let state = Arc::new(ConnectionState::new());
        let number = house.next_guest.fetch_add(1, Ordering::Relaxed);
        let mut guests = house.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.insert(number, Arc::clone(&state));
        house.metrics.connection_opened();
        Self { house, number, state }
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        let mut guests = self.house.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.remove(&self.number);
        self.house.metrics.connection_closed();
    }
}

async fn accept_loop<E: Entrance>(
    house: Arc<House>,
    entrance: E,
    shutdown: impl Future<Output = ()> + Send,
) -> Drained {
    let mut shutdown = pin!(shutdown);
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut pause = ACCEPT_PAUSE_MIN;
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.as_mut() => break,
            Some(ended) = connections.join_next() => {
                log_panic(ended);
                continue;
            }
            accepted = entrance.next() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = ACCEPT_PAUSE_MIN;
                match find_place(&house) {
                    Some(place) => {
                        connections.spawn(Arc::clone(&house).host(stream, peer, place, stopped.clone()));
                    }
                    None => {
                        house.metrics.connection_refused("no_reserve");
                        E::turn_away(stream, TURNED_AWAY);
                    }
                }
            }
            Err(error) if concerns_one_client(&error) => {}
            Err(error) => {
                // Out of file descriptors, mostly. Trying again at once would only burn a core.
                tracing::warn!(%error, pause_ms = pause.as_millis(), "can't accept connections");
                house.metrics.connection_refused("accept_failed");
                house.make_room();
                tokio::select! {
                    () = shutdown.as_mut() => break,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
            }
        }
    }
    // The listener goes first, so that newcomers are refused by the kernel and not left waiting.
    drop(entrance);
    drop(stopped);
    stop.send_replace(true);
    drain(connections, house.limits.drain_timeout).await
}

fn find_place(house: &House) -> Option<Place> {
    if let Ok(permit) = Arc::clone(&house.places).try_acquire_owned() {
        return Some(Place::Taken(permit));
    }
    Arc::clone(&house.reserve).try_acquire_owned().ok().map(Place::Reserve)
}

fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn drain(mut connections: JoinSet<()>, drain_timeout: Duration) -> Drained {
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            log_panic(ended);
        }
    };
    if tokio::time::timeout(drain_timeout, all_ended).await.is_ok() {
        return Drained { cut: 0 };
    }
    let cut = connections.len();
    connections.shutdown().await;
    tracing::warn!(connections = cut, "cut connections that had not ended within the drain time");
    Drained { cut }
}

/// Handlers' panics are caught with their request; one that gets here came from an answer's body.
fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("a connection ended in a panic");
    }
}
