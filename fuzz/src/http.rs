//! Requests, as a browser, a shop's server or nobody in their right mind sends them: paths, query strings, headers, tokens,
//! cookies, bodies. Each is answered in its dialect, none with an error of ours, and each click meets one fate.
//!
//! An input is text: requests with `---` between them, each `METHOD target`, headers, an empty line, a body. What can't be
//! guessed is put in: `{key}`, `{page_key}`, `{account}`, `{cookie}`, `{token}`; and a value that begins with `{sign}` is a token's
//! header and claims, as JSON with a `|` between them, which is signed.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clicks::ItemDigest;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use server::http::Peer;
use sha2::Sha256;
use tower::ServiceExt;

use crate::memory::bounded;
use crate::site::{NOW_MS, RUNTIME, Site};

/// The most requests of one input.
const REQUESTS_MAX: usize = 4;
/// The most bytes that an answer may have: none of a small site is long.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// The engine of a site.
const HASHID: &str = "11111111111111111111111111111111";

/// Sends requests to a site.
pub fn run(bytes: &[u8]) {
    // The document of all paths and a decade of days are some megabytes.
    let allowed = bytes.len() + (32 << 10);
    Site::with(|site| {
        let mut secrets = Secrets {
            key: site.key.clone(),
            page_key: site.page_key.clone(),
            account: site.account.code.to_string(),
            ..Secrets::default()
        };
        for text in split(bytes, b"\n---\n").take(REQUESTS_MAX) {
            let Some(request) = secrets.request(text) else { continue };
            let path = request.uri().path();
            let fess = path == "/api/v2" || path.starts_with("/api/v2/");
            let head = request.method() == Method::HEAD;
            let answer = bounded(allowed, || answer(site.public.clone(), request));
            secrets.remember(&answer);
            check(&answer, fess, head);
        }
    });
}

/// Pieces between separators.
pub fn split<'a>(bytes: &'a [u8], at: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let now = rest?;
        let found = now.windows(at.len()).position(|window| window == at);
        rest = found.map(|found| &now[found + at.len()..]);
        Some(found.map_or(now, |found| &now[..found]))
    })
}

/// What was answered.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: axum::http::HeaderMap,
    /// All of its body.
    pub body: Vec<u8>,
}

/// Sends a request through a router.
#[must_use]
pub fn answer(router: axum::Router, request: Request<Body>) -> Answer {
    RUNTIME.block_on(async {
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.expect("an answer ends").to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    })
}

/// What no answer may break.
fn check(answer: &Answer, fess: bool, head: bool) {
    let Answer { status, headers, body } = answer;
    assert!(*status < 500 || *status == 501, "{status} {}", String::from_utf8_lossy(body));
    assert!(body.len() < ANSWER_BYTES_MAX);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") && !head {
        let told: serde_json::Result<serde_json::Value> = serde_json::from_slice(body);
        assert!(told.is_ok(), "{}", String::from_utf8_lossy(body));
    }
    if fess {
        assert!(headers.contains_key(header::CACHE_CONTROL), "{status} {headers:?}");
    }
}

/// What a caller knows and a fuzzer can't guess.
#[derive(Default)]
struct Secrets {
    key: String,
    page_key: String,
    account: String,
    cookie: String,
    token: String,
}

impl Secrets {
    fn fill(&self, text: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(text) else { return text.to_vec() };
        if !text.contains('{') {
            return text.as_bytes().to_vec();
        }
        let known = [
            ("{key}", &self.key),
            ("{page_key}", &self.page_key),
            ("{account}", &self.account),
            ("{cookie}", &self.cookie),
            ("{token}", &self.token),
        ];
        let filled = known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        match filled.split_once("{sign}") {
            Some((before, claims)) => format!("{before}{}", self.sign(claims)).into_bytes(),
            None => filled.into_bytes(),
        }
    }

    /// A signed token.
    fn sign(&self, text: &str) -> String {
        let (head, claims) = text.split_once('|').unwrap_or((r#"{"alg":"HS256"}"#, text));
        let signed = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).unwrap().chain_update(&signed);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn request(&self, text: &[u8]) -> Option<Request<Body>> {
        let (head, body) = match text.windows(2).position(|window| window == b"\n\n") {
            Some(at) => (&text[..at], &text[at + 2..]),
            None => (text, &[][..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = lines.next()?;
        let space = first.iter().position(|byte| *byte == b' ')?;
        let method = Method::from_bytes(&first[..space]).ok()?;
        let target = self.fill(&first[space + 1..]);
        // As in the first line of a request: a path, with a query perhaps.
        let uri: Uri =
            std::str::from_utf8(&target).ok().filter(|target| target.starts_with('/'))?.parse().ok()?;
        let mut request = Request::builder().method(method).uri(uri);
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            let value = HeaderValue::from_bytes(self.fill(&line[colon + 1..]).trim_ascii()).ok()?;
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(self.fill(body))).ok()?;
        let host = HeaderValue::from_static("shop.example.com");
        request.headers_mut().entry(header::HOST).or_insert(host);
        request.extensions_mut().insert(Peer { addr: Some("192.0.2.10".parse().unwrap()) });
        Some(request)
    }

    /// Keeps the session that an answer began.
    fn remember(&mut self, answer: &Answer) {
        for value in answer.headers.get_all(header::SET_COOKIE) {
            let pair = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if !self.cookie.is_empty() {
                self.cookie.push_str("; ");
            }
            self.cookie.push_str(pair);
        }
        let told: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
        if let Some(token) = told.as_ref().and_then(|told| told["response"]["csrf_token"].as_str()) {
            token.clone_into(&mut self.token);
        }
    }
}

/// The golden exchanges that dialects are tested with: their requests, each after one that begins a session.
///
/// # Errors
/// Those of reading the files.
pub fn seeds() -> std::io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/server/tests/golden");
    let mut files = Vec::new();
    for dialect in ["doofinder", "fess", "insights", "native", "ubi"] {
        for file in std::fs::read_dir(format!("{golden}/{dialect}"))? {
            files.push(file?.path());
        }
    }
    files.sort();
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "http")) {
        for exchange in std::fs::read_to_string(file)?.split("\n---\n") {
            let request = exchange.split("\n=> ").next().unwrap_or_default();
            let said = |line: &&str| !line.starts_with(['#', '@']);
            let request = request.lines().filter(said).collect::<Vec<_>>().join("\n");
            let session = if request.contains("cookie:") { "GET /api/v2/ui/config\n---\n" } else { "" };
            seeds.push(format!("{session}{}", filled(&request)).into_bytes());
        }
    }
    let claims =
        format!(r#"{{"iat":{},"exp":{},"name":"{{account}}"}}"#, NOW_MS / 1_000 - 5, NOW_MS / 1_000 + 500);
    seeds.push(
        format!(
            "GET /api/v2/stats/clicks?from=20240530&to=20240601\nAuthorization: Bearer {{sign}}{claims}\n\n"
        )
        .into_bytes(),
    );
    Ok(seeds)
}

/// What a script of the golden exchanges leaves open, as inputs have it.
fn filled(request: &str) -> String {
    let mut text =
        request.replace("{now}", &NOW_MS.to_string()).replace("d8fdeab7fce96a19d3fc7b0ca7a1e98b", HASHID);
    while let Some(at) = text.find("{key:") {
        let end = text[at..].find('}').map_or(text.len(), |end| at + end + 1);
        let name = if text[at..end].contains(":click") { "{page_key}" } else { "{key}" };
        text.replace_range(at..end, name);
    }
    while let Some(at) = text.find("{md5:") {
        let end = text[at..].find('}').map_or(text.len(), |end| at + end);
        let digest = ItemDigest::of(&text[at + 5..end]).to_string();
        text.replace_range(at..(end + 1).min(text.len()), &digest);
    }
    for (open, name) in
        [("{cookie:", "{cookie}"), ("{cookies:", "{cookie}"), ("{csrf:", "{token}"), ("{token:", "{token}")]
    {
        while let Some(at) = text.find(open) {
            let end = text[at..].find('}').map_or(text.len(), |end| at + end + 1);
            text.replace_range(at..end, name);
        }
    }
    text
}
