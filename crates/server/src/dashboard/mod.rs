//! The dashboard: one document at `/`, whose views are its query, and the files that it is made of. It must know no
//! statistic and no session: those it asks for as anybody may, at their own documented paths.

mod bundle;
mod files;
mod names;

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;

use names::{Named, renamed};

/// Where the files lie.
const FOLDER: &str = "/dashboard/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The document names the files of this version: it is asked for each time.
const ASK_EACH_TIME: &str = "no-cache";

/// Nothing but what this server itself serves; no text becomes markup or code; nobody may frame it.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
                      object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const GUARDS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // What is searched for stands in the address of a view, and is nobody else's business.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The routes of the dashboard.
pub fn routes() -> Router {
    Router::new()
        .route("/", get(page))
        .route("/dashboard/{file}", get(file))
        .with_state(Arc::new(Dashboard::new()))
}

struct Dashboard {
    page: File,
    files: HashMap<String, File>,
}

/// Bytes to be sent, as they are and smaller.
struct File {
    kind: &'static str,
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl Dashboard {
    fn new() -> Self {
        let named = named();
        let page = renamed(files::PAGE, &named, FOLDER);
        let files = named.into_iter().map(|file| (file.name, File::new(file.kind, file.bytes))).collect();
        Self { page: File::new("text/html; charset=utf-8", page.into()), files }
    }
}

/// What is served beside the document.
fn named() -> Vec<Named> {
    let ((sheet, style), (module, script)) = (files::SHEET, files::MODULE);
    let single = files::VENDORED.iter().chain(files::PICTURES);
    single
        .map(|file| Named::new(file.name, file.kind, Bytes::from_static(file.bytes)))
        .chain([
            Named::new(sheet, style, bundle::sheet(files::STYLES).into()),
            Named::new(module, script, bundle::script(files::MODULES).into()),
        ])
        .collect()
}

impl File {
    fn new(kind: &'static str, plain: Bytes) -> Self {
        let gzip = compressed(&plain).filter(|gzip| gzip.len() < plain.len());
        Self { kind, plain, gzip }
    }

    fn answer(&self, headers: &HeaderMap, cache: &'static str) -> Response {
        let gzip = self.gzip.as_ref().filter(|_| takes_gzip(headers));
        let mut response = Response::new(Body::from(gzip.unwrap_or(&self.plain).clone()));
        let told = response.headers_mut();
        told.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        told.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        told.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if gzip.is_some() {
            told.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        guarded(response)
    }
}

fn compressed(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Whether `Accept-Encoding` names gzip, or anything, without a weight of zero.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut any = None;
    for coding in values.flat_map(|value| value.split(',')) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().to_ascii_lowercase();
        let wanted = weight.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_none_or(|q| q > 0.0);
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                return wanted;
            }
            "*" => any = Some(wanted),
            _ => {}
        }
    }
    any.unwrap_or(false)
}

fn guarded(mut response: Response) -> Response {
    for (name, value) in GUARDS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn page(State(dashboard): State<Arc<Dashboard>>, headers: HeaderMap) -> Response {
    dashboard.page.answer(&headers, ASK_EACH_TIME)
}

async fn file(
    State(dashboard): State<Arc<Dashboard>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Some(file) = dashboard.files.get(&name) {
        return file.answer(&headers, FOR_EVER);
    }
    guarded((StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "not found\n").into_response())
}

#[cfg(test)]
mod tests;
