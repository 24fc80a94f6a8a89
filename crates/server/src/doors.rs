//! Every door of the house in one place: which paths there are, and what stands before them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use registry::{MasterSecret, Scope};
use serde_json::Value;
use tower::Layer;
use tower::util::{BoxCloneSyncService, MapRequestLayer};

use crate::access;
use crate::app::App;
use crate::control::{self, Maintenance};
use crate::counts::Fate;
use crate::dashboard;
use crate::dialects;
use crate::http::{
    Check, Layers, Limits, MayReadMetrics, Metrics, MetricsAccess, Probe, Trouble, TrustedProxies, guarded,
    plain_refusal, probe_routes,
};
use crate::tracker;

/// The doors that the public may knock at.
pub fn public(
    app: &Arc<App>,
    secret: &MasterSecret,
    metrics: &Arc<Metrics>,
    limits: &Limits,
    proxies: TrustedProxies,
) -> Router {
    let document = dialects::openapi(&app.settings.zone);
    let access = MetricsAccess::LocalOr(may_read_metrics(app));
    let routes = Router::new()
        .route("/openapi.json", get(move || openapi(document.clone())))
        .fallback(async || plain(StatusCode::NOT_FOUND, "not found\n"))
        .merge(dashboard::routes())
        .merge(dialects::routes(app, secret))
        .merge(tracker::routes())
        .merge(probe_routes(probe(app), Arc::clone(metrics), access));
    let layers = Layers::new(limits, proxies, Arc::clone(metrics), dialects::refusal);
    one_slash_less(guarded(routes, layers))
}

/// The doors of the second address, which only admins reach.
pub fn admin(app: &Arc<App>, metrics: &Arc<Metrics>, limits: &Limits) -> Router {
    let routes = probe_routes(probe(app), Arc::clone(metrics), MetricsAccess::Everybody)
        .fallback(async || plain(StatusCode::NOT_FOUND, "not found\n"));
    let layers = Layers::new(limits, TrustedProxies::default(), Arc::clone(metrics), plain_refusal);
    guarded(routes, layers)
}

/// The doors of the control socket.
pub fn control(
    app: &Arc<App>,
    maintenance: Arc<dyn Maintenance>,
    metrics: &Arc<Metrics>,
    limits: &Limits,
) -> Router {
    let layers = Layers::new(limits, TrustedProxies::default(), Arc::clone(metrics), plain_refusal);
    guarded(control::routes(Arc::clone(app), maintenance), layers)
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

async fn openapi(document: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

/// One trailing slash on a path is ignored. This has to happen before a route is looked for.
fn one_slash_less(routes: Router) -> Router {
    let trim = MapRequestLayer::new(|mut request: Request| {
        if let Some(uri) = trimmed(request.uri()) {
            *request.uri_mut() = uri;
        }
        request
    });
    Router::new().fallback_service(BoxCloneSyncService::new(trim.layer(routes.into_service())))
}

fn trimmed(uri: &Uri) -> Option<Uri> {
    let shorter = uri.path().strip_suffix('/').filter(|path| !path.is_empty())?;
    let target = uri.query().map_or_else(|| shorter.to_owned(), |query| format!("{shorter}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

fn may_read_metrics(app: &Arc<App>) -> MayReadMetrics {
    let app = Arc::clone(app);
    Arc::new(move |headers: HeaderMap| {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let caller = value.and_then(|value| access::caller(&app.registry, value, app.clock.now_ms()));
        let may = caller.is_some_and(|caller| caller.needs(Scope::Manage).is_ok());
        Box::pin(std::future::ready(may))
    })
}

fn probe(app: &Arc<App>) -> Arc<dyn Probe> {
    Arc::new(State(Arc::clone(app)))
}

struct State(Arc<App>);

impl Probe for State {
    fn checks(&self) -> Vec<Check> {
        let store = Check { name: "store", passed: self.0.store.status().unable.is_none() };
        vec![store, Check { name: "registry", passed: self.0.registry.unable().is_none() }]
    }

    fn refresh(&self, metrics: &Metrics) {
        metrics.set_received(self.0.counts.received());
        for fate in Fate::ALL {
            metrics.set_fate(fate.label(), self.0.counts.of(*fate));
        }
        metrics.store.set(&self.0.store.status());
        metrics.registry.set(&self.0.registry.counts());
    }
}

/// The fragments of the dialects, as one document.
pub(crate) fn merged(zone: &str, fragments: &[&str]) -> String {
    let mut document = serde_json::json!({
        "openapi": "3.0.3",
        "info": {
            "title": "ClickTally",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Records clicks on search results and counts them.",
        },
        "servers": [{ "url": "/", "description": format!("zone {zone}") }],
        "paths": {},
        "components": {},
    });
    for fragment in fragments.iter().chain(&[include_str!("http/openapi.json")]) {
        if let Ok(fragment) = serde_json::from_str(fragment) {
            merge(&mut document, fragment);
        }
    }
    document.to_string()
}

/// Objects are merged, lists are appended, all else is replaced.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from),
        (into, from) => *into = from,
    }
}

/// The front's own refusals on paths that belong to no dialect.
pub(crate) fn stranger_refusal(uri: &Uri, trouble: Trouble) -> Response {
    plain_refusal(uri, trouble)
}
