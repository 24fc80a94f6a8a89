//! The state of the store and of the registry, as numbers that are taken over when somebody asks for the metrics.
//!
//! This room knows two plain reports of numbers. It must never know who wrote them, nor carry a name of an account, a key or
//! a search engine.

use std::sync::atomic::{AtomicU64, Ordering};

use clicks::StoreStatus;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry as Series;
use registry::RegistryCounts;

type Level = Gauge<u64, AtomicU64>;
type Seconds = Counter<f64, AtomicU64>;

/// The state of the store.
#[derive(Clone, Debug, Default)]
pub struct StoreGauges {
    clicks: Level,
    searches: Level,
    disk_bytes: Level,
    memory_bytes: Level,
    waiting: Level,
    syncs: Counter,
    sync_seconds: Seconds,
    sync_seconds_max: Gauge<f64, AtomicU64>,
    torn_tail_bytes: Level,
    sealed_days: Level,
    damaged_day: Family<Vec<(String, String)>, Level>,
    sealing_trouble: Level,
}

impl StoreGauges {
    pub(super) fn register(&self, series: &mut Series) {
        series.register("store_clicks", "Clicks kept", self.clicks.clone());
        series.register("store_searches", "Searches kept", self.searches.clone());
        series.register("store_disk_bytes", "Bytes on disk", self.disk_bytes.clone());
        series.register("store_memory_bytes", "Bytes in memory, about", self.memory_bytes.clone());
        series.register("store_waiting", "Records that wait to be durable", self.waiting.clone());
        series.register("journal_syncs", "Syncs of the journal", self.syncs.clone());
        series.register("journal_sync_seconds", "Time spent in syncs", self.sync_seconds.clone());
        series.register("journal_sync_seconds_max", "The longest sync", self.sync_seconds_max.clone());
        let torn = "Bytes cut from a torn tail at the last start";
        series.register("journal_torn_tail_bytes", torn, self.torn_tail_bytes.clone());
        series.register("store_sealed_days", "UTC days that are sealed", self.sealed_days.clone());
        let damaged = "1 for each sealed UTC day that can't be read";
        series.register("store_damaged_day", damaged, self.damaged_day.clone());
        let trouble = "1 when what was recorded could not be sealed the last time";
        series.register("store_sealing_trouble", trouble, self.sealing_trouble.clone());
    }

    /// Takes over what the store says of itself.
    pub fn set(&self, status: &StoreStatus) {
        self.clicks.set(status.clicks);
        self.searches.set(status.searches);
        self.disk_bytes.set(status.disk_bytes);
        self.memory_bytes.set(status.memory_bytes);
        self.waiting.set(status.waiting);
        self.syncs.inner().store(status.syncs, Ordering::Relaxed);
        self.sync_seconds.inner().store(seconds(status.sync_ns_total).to_bits(), Ordering::Relaxed);
        self.sync_seconds_max.set(seconds(status.sync_ns_max));
        self.torn_tail_bytes.set(status.torn_tail_bytes);
        self.sealed_days.set(status.sealed_days);
        self.damaged_day.clear();
        for (day, _) in &status.damaged_days {
            self.damaged_day.get_or_create(&vec![("day".to_owned(), day.clone())]).set(1);
        }
        self.sealing_trouble.set(u64::from(status.sealing_trouble.is_some()));
    }
}

/// The state of the registry.
#[derive(Clone, Debug, Default)]
pub struct RegistryGauges {
    accounts: Level,
    keys: Level,
    engines: Level,
    items: Level,
    memory_bytes: Level,
    disk_bytes: Level,
}

impl RegistryGauges {
    pub(super) fn register(&self, series: &mut Series) {
        series.register("registry_accounts", "Accounts", self.accounts.clone());
        series.register("registry_keys", "Keys that are not revoked", self.keys.clone());
        series.register("registry_engines", "Search engines", self.engines.clone());
        series.register("registry_items", "Items, over all engines", self.items.clone());
        series.register("registry_memory_bytes", "Bytes in memory, about", self.memory_bytes.clone());
        series.register("registry_disk_bytes", "Bytes on disk", self.disk_bytes.clone());
    }

    /// Takes over what the registry says of itself.
    pub fn set(&self, counts: &RegistryCounts) {
        self.accounts.set(counts.accounts);
        self.keys.set(counts.keys);
        self.engines.set(counts.engines);
        self.items.set(counts.items);
        self.memory_bytes.set(counts.memory_bytes);
        self.disk_bytes.set(counts.disk_bytes);
    }
}

fn seconds(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}
