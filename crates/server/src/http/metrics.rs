//! The numbers of the server, and their rendering for Prometheus.
//!
//! This room must never carry a label from accounts, keys, search engines or searches: every label value is a word of ours
//! or a route's pattern, so the number of series is bounded.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry as Series;

use super::gauges::{RegistryGauges, StoreGauges};

/// The media type of [`Metrics::render`].
pub(super) const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Routes with series of their own; further ones share `other`. Far more than the server has.
const ROUTES_MAX: usize = 128;

/// Bounds of the request buckets, in seconds.
const REQUEST_SECONDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

type Word = [(&'static str, &'static str); 1];
type Words = Family<Word, Counter>;
type RouteLabels = [(&'static str, String); 1];
type RouteStatusLabels = [(&'static str, String); 2];

/// All metrics of a server. One for each server, shared by its listeners; there is no global one.
#[derive(Debug)]
pub struct Metrics {
    series: Series,
    connections_open: Gauge,
    connections_accepted: Counter,
    connections_refused: Words,
    connections_ended: Words,
    requests_in_flight: Gauge,
    requests_abandoned: Counter,
    requests: Family<RouteStatusLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    routes: RwLock<HashMap<String, Arc<RouteMetrics>>>,
    panics: Counter,
    received: Counter,
    fates: Words,
    ready: Family<Word, Gauge>,
    /// The state of the store; set before each rendering.
    pub store: StoreGauges,
    /// The state of the registry; set before each rendering.
    pub registry: RegistryGauges,
}

/// The series of one route. Kept beside the families, so that a request looks up one string and allocates nothing.
#[derive(Debug)]
pub(super) struct RouteMetrics {
    pattern: String,
    by_class: [Counter; STATUS_CLASSES.len()],
    seconds: Histogram,
}

impl RouteMetrics {
    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(super) fn answered(&self, status: StatusCode, elapsed: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.by_class.get(class) {
            counter.inc();
        }
        self.seconds.observe(elapsed.as_secs_f64());
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            series: Series::with_prefix("clicktally"),
            connections_open: Gauge::default(),
            connections_accepted: Counter::default(),
            connections_refused: Words::default(),
            connections_ended: Words::default(),
            requests_in_flight: Gauge::default(),
            requests_abandoned: Counter::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            routes: RwLock::default(),
            panics: Counter::default(),
            received: Counter::default(),
            fates: Words::default(),
            ready: Family::default(),
            store: StoreGauges::default(),
            registry: RegistryGauges::default(),
        };
        metrics.register_front();
        metrics.register_walks();
        metrics
    }

    fn register_front(&mut self) {
        let r = &mut self.series;
        r.register("connections_open", "Connections that are open", self.connections_open.clone());
        r.register("connections_accepted", "Connections served", self.connections_accepted.clone());
        r.register("connections_refused", "Connections refused, by reason", self.connections_refused.clone());
        r.register("connections_ended", "Connections ended, by cause", self.connections_ended.clone());
        r.register("requests_in_flight", "Requests not yet answered", self.requests_in_flight.clone());
        let abandoned = "Requests whose client was gone before there was an answer";
        r.register("requests_abandoned", abandoned, self.requests_abandoned.clone());
        r.register("requests", "Requests answered, by route and status class", self.requests.clone());
        let seconds = "From the arrival of a request to the end of its answer";
        r.register("request_seconds", seconds, self.request_seconds.clone());
        r.register("panics", "Handlers that panicked", self.panics.clone());
        r.register("ready", "1 for each check of readiness that passes, else 0", self.ready.clone());
    }

    fn register_walks(&mut self) {
        let r = &mut self.series;
        r.register("received", "Clicks, searches and items received", self.received.clone());
        r.register("fates", "What became of what was received, by fate", self.fates.clone());
        self.store.register(r);
        self.registry.register(r);
    }

    /// Takes over how many clicks, searches and items were received since the start. They are counted elsewhere, so that
    /// there is one truth; here they are only rendered. To be called in [`Probe::refresh`](super::Probe::refresh).
    pub fn set_received(&self, total: u64) {
        self.received.inner().store(total, Ordering::Relaxed);
    }

    /// Takes over how many of those met this fate; `fate` is a word of ours.
    pub fn set_fate(&self, fate: &'static str, total: u64) {
        self.fates.get_or_create(&[("fate", fate)]).inner().store(total, Ordering::Relaxed);
    }

    /// All series in the text format of Prometheus (OpenMetrics 1.0).
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string can't fail; a metric that can't be encoded would leave the text without its closing mark,
        // which a scraper notices.
        if encode(&mut text, &self.series).is_err() {
            tracing::error!("can't render metrics");
        }
        text
    }

    pub(super) fn set_ready(&self, check: &'static str, passed: bool) {
        self.ready.get_or_create(&[("check", check)]).set(i64::from(passed));
    }

    pub(super) fn connection_opened(&self) {
        self.connections_accepted.inc();
        self.connections_open.inc();
    }

    pub(super) fn connection_closed(&self) {
        self.connections_open.dec();
    }

    pub(super) fn connection_ended(&self, cause: &'static str) {
        self.connections_ended.get_or_create(&[("cause", cause)]).inc();
    }

    pub(super) fn connection_refused(&self, reason: &'static str) {
        self.connections_refused.get_or_create(&[("reason", reason)]).inc();
    }

    pub(super) fn request_began(&self) {
        self.requests_in_flight.inc();
    }

    pub(super) fn request_ended(&self) {
        self.requests_in_flight.dec();
    }

    pub(super) fn request_abandoned(&self) {
        self.requests_abandoned.inc();
    }

    pub(super) fn panicked(&self) {
        self.panics.inc();
    }

    pub(super) fn route(&self, pattern: &str) -> Arc<RouteMetrics> {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(pattern).cloned();
        known.unwrap_or_else(|| self.open_route(pattern))
    }

    fn open_route(&self, pattern: &str) -> Arc<RouteMetrics> {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let pattern = if routes.len() < ROUTES_MAX { pattern } else { "other" };
        let opened = routes.entry(pattern.to_owned()).or_insert_with(|| {
            let labels = |class: &str| [("route", pattern.to_owned()), ("status", class.to_owned())];
            Arc::new(RouteMetrics {
                pattern: pattern.to_owned(),
                by_class: STATUS_CLASSES.map(|class| self.requests.get_or_create_owned(&labels(class))),
                seconds: self.request_seconds.get_or_create_owned(&[("route", pattern.to_owned())]),
            })
        });
        Arc::clone(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clicks::StoreStatus;

    #[test]
    fn totals_that_are_counted_elsewhere_are_rendered_as_they_stand() {
        let metrics = Metrics::new();
        for total in [5, 7] {
            metrics.set_received(total + 1);
            metrics.set_fate("recorded", total);
        }
        let status = StoreStatus { clicks: 3, sync_ns_total: 1_500_000_000, ..StoreStatus::default() };
        metrics.store.set(&status);
        let text = metrics.render();
        let line = |wanted: &str| text.lines().any(|line| line == wanted);
        assert!(line("clicktally_received_total 8"), "{text}");
        assert!(line("clicktally_fates_total{fate=\"recorded\"} 7"), "{text}");
        assert!(line("clicktally_store_clicks 3"), "{text}");
        assert!(line("clicktally_journal_sync_seconds_total 1.5"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn routes_beyond_the_maximum_share_one_series() {
        let metrics = Metrics::new();
        for i in 0..1_000 {
            metrics.route(&format!("/{i}")).answered(StatusCode::OK, Duration::from_millis(3));
        }
        let text = metrics.render();
        assert!(text.contains("clicktally_requests_total{route=\"/127\",status=\"2xx\"} 1\n"));
        assert!(text.contains("clicktally_requests_total{route=\"other\",status=\"2xx\"} 872\n"));
    }
}
