//! `/healthz`, `/readyz` and `/metrics`.
//!
//! This room must never know what makes a server ready: it asks. It must never tell details to strangers.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::client_address::was_forwarded;
use super::metrics::{METRICS_CONTENT_TYPE, Metrics};
use super::serve::Peer;

const HEALTHZ: &str = "/healthz";
const READYZ: &str = "/readyz";
const METRICS: &str = "/metrics";

/// True for the paths that are answered even when the house is full.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, HEALTHZ | READYZ | METRICS)
}

/// One thing that must be true of a server that is able to record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// A word of ours; a label in the metrics.
    pub name: &'static str,
    /// Whether it holds.
    pub passed: bool,
}

/// Who knows the state of the server. Both verbs must be cheap and must not block.
pub trait Probe: Send + Sync + 'static {
    /// All checks of readiness. The server is ready when all pass.
    fn checks(&self) -> Vec<Check>;

    /// Sets the gauges that are only looked at when somebody asks.
    fn refresh(&self, metrics: &Metrics);
}

/// Decides from a request's headers whether its caller may read the metrics (it holds a `manage` key).
pub type MayReadMetrics = Arc<dyn Fn(HeaderMap) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// Who may read `/metrics` on a listener.
#[derive(Clone)]
pub enum MetricsAccess {
    /// Callers on the machine itself whose request passed no proxy, and those that the predicate accepts.
    LocalOr(MayReadMetrics),
    /// Everybody: the listener is the admins' own.
    Everybody,
}

#[derive(Clone)]
struct Probes {
    probe: Arc<dyn Probe>,
    metrics: Arc<Metrics>,
    access: MetricsAccess,
}

/// The routes of the probes, to be merged into a listener's router before [`guarded`](super::guarded).
pub fn probe_routes(probe: Arc<dyn Probe>, metrics: Arc<Metrics>, access: MetricsAccess) -> Router {
    Router::new()
        .route(HEALTHZ, get(async || plain(StatusCode::OK, "ok\n")))
        .route(READYZ, get(readyz))
        .route(METRICS, get(render_metrics))
        .with_state(Probes { probe, metrics, access })
}

async fn readyz(State(probes): State<Probes>) -> Response {
    if probes.probe.checks().iter().all(|check| check.passed) {
        plain(StatusCode::OK, "ready\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn render_metrics(State(probes): State<Probes>, request: Request) -> Response {
    let allowed = match &probes.access {
        MetricsAccess::Everybody => true,
        MetricsAccess::LocalOr(may_read) => is_local(&request) || may_read(request.headers().clone()).await,
    };
    if !allowed {
        return plain(StatusCode::FORBIDDEN, "metrics are for this machine and for manage keys\n");
    }
    for check in probes.probe.checks() {
        probes.metrics.set_ready(check.name, check.passed);
    }
    probes.probe.refresh(&probes.metrics);
    let mut response = plain(StatusCode::OK, probes.metrics.render());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(METRICS_CONTENT_TYPE));
    response
}

/// A caller on this machine. With a reverse proxy on the same machine every peer is loopback, so a request that has passed
/// one counts as a stranger's, whether the proxy is trusted or not.
fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<Peer>();
    peer.is_some_and(|peer| peer.addr.is_none_or(|addr| addr.to_canonical().is_loopback()))
        && !was_forwarded(request.headers())
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text.into()).into_response()
}
