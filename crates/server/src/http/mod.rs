//! The generic HTTP front: sockets, limits, probes and what is observed about requests.
//!
//! This room must never know a dialect, a store, an account or a click's content (but for two plain reports of numbers, in
//! `gauges`): it hands requests to a router
//! and gives the router's authors what every dialect needs.

mod body;
mod client_address;
mod connection;
mod control_socket;
mod gauges;
mod layers;
mod limits;
mod metrics;
mod observe;
mod panics;
mod probes;
mod rate;
mod serve;
mod socket;

pub use body::{BodyError, BodyRoom, Held, NoBody, read_body};
pub use client_address::{Facts, TrustedProxies, was_forwarded};
pub use gauges::{RegistryGauges, StoreGauges};
pub use layers::{BodyTimeout, Layers, Trouble, guarded, plain_refusal};
pub use limits::Limits;
pub use metrics::Metrics;
pub use panics::log_panics;
pub use probes::{Check, MayReadMetrics, MetricsAccess, Probe, probe_routes};
pub use rate::{SlidingWindow, rate_key};
pub use serve::{Drained, Front, Peer};
