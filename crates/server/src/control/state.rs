//! How the server is: whether it can record, what it has received, and what its store and registry say of themselves. The
//! same numbers as in `/metrics`, for the command line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::counts::Fate;

/// The state of a server at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StateReply {
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// The version of the program.
    pub version: String,
    /// Whether it can record.
    pub ready: bool,
    /// Why it can't.
    pub unable: Vec<String>,
    /// Clicks, searches and items received since the start.
    pub received: u64,
    /// What became of them, by fate; they add up to what was received.
    pub fates: BTreeMap<String, u64>,
    /// Clicks kept.
    pub clicks: u64,
    /// Searches kept.
    pub searches: u64,
    /// Accounts.
    pub accounts: u64,
    /// Search engines.
    pub engines: u64,
    /// Items, over all search engines.
    pub items: u64,
    /// Bytes on disk, of the store and the registry.
    pub disk_bytes: u64,
    /// Bytes in memory of the store and the registry, about.
    pub memory_bytes: u64,
    /// Bytes in memory of what is not sealed yet, about.
    pub unsealed_bytes: u64,
    /// Records that wait to be durable.
    pub waiting: u64,
    /// Syncs of the journal since the start.
    pub syncs: u64,
    /// How long they took, in nanoseconds.
    pub sync_ns_total: u64,
    /// The longest one, in nanoseconds.
    pub sync_ns_max: u64,
    /// UTC days that are sealed.
    pub sealed_days: u64,
    /// Sealed UTC days that can't be read.
    pub damaged_days: Vec<String>,
    /// Why what was recorded could not be sealed the last time.
    pub sealing_trouble: Option<String>,
}

/// The state now.
pub(super) fn state(app: &App) -> StateReply {
    let (store, registry) = (app.store.status(), app.registry.counts());
    let unable: Vec<String> = store.unable.into_iter().chain(app.registry.unable()).collect();
    StateReply {
        at: app.clock.now_ms(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ready: unable.is_empty(),
        unable,
        received: app.counts.received(),
        fates: Fate::ALL.iter().map(|fate| (fate.label().to_owned(), app.counts.of(*fate))).collect(),
        clicks: store.clicks,
        searches: store.searches,
        accounts: registry.accounts,
        engines: registry.engines,
        items: registry.items,
        disk_bytes: store.disk_bytes + registry.disk_bytes,
        memory_bytes: store.memory_bytes + registry.memory_bytes,
        unsealed_bytes: store.unsealed_bytes,
        waiting: store.waiting,
        syncs: store.syncs,
        sync_ns_total: store.sync_ns_total,
        sync_ns_max: store.sync_ns_max,
        sealed_days: store.sealed_days,
        damaged_days: store.damaged_days.into_iter().map(|(day, _)| day).collect(),
        sealing_trouble: store.sealing_trouble,
    }
}
