//! `GET /clicktally.js`: the script that pages of other sites load (`tracker/clicktally.js`), embedded and compressed. It
//! must never know what the script does, nor who asks.

use std::io::Write;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::Response;
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

const SOURCE: &str = include_str!("../tracker/clicktally.js");
/// The largest that the script may be as browsers get it, in bytes.
pub const TRACKER_GZIP_BYTES_MAX: usize = 2_000;

const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const ETAG_BYTES: usize = 8;

/// The headers of every answer. The script is the same for everybody: any page may load it, with `crossorigin` and under
/// `Cross-Origin-Embedder-Policy` too. Pages can't name a version of it, so a new one reaches them within an hour.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_TYPE, "text/javascript; charset=utf-8"),
    (CACHE_CONTROL, "public, max-age=3600"),
    (VARY, "Accept-Encoding"),
    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (CORP, "cross-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The route of the script.
pub(crate) fn routes() -> Router {
    let script = Arc::new(Script::of(SOURCE));
    Router::new().route("/clicktally.js", get(async move |headers: HeaderMap| script.answer(&headers)))
}

/// The script in the two forms that it is served in.
struct Script {
    plain: Form,
    gzip: Option<Form>,
}

struct Form {
    /// Strong, so that each form has its own.
    etag: String,
    body: Bytes,
}

impl Script {
    fn of(source: &str) -> Self {
        let plain = stripped(source);
        let digest = Sha256::digest(plain.as_bytes());
        let name: String = digest.iter().take(ETAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
        let form = |etag: String, body: Vec<u8>| Form { etag, body: body.into() };
        let gzip = gzipped(plain.as_bytes()).map(|body| form(format!("\"{name}-gzip\""), body));
        Self { plain: form(format!("\"{name}\""), plain.into_bytes()), gzip }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let gzip = self.gzip.as_ref().filter(|_| takes_gzip(headers));
        let form = gzip.unwrap_or(&self.plain);
        let is_known = knows(headers, &form.etag);
        let body = if is_known { Body::empty() } else { form.body.clone().into() };
        let mut response = Response::new(body);
        let told = response.headers_mut();
        told.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        told.extend(HeaderValue::from_str(&form.etag).map(|etag| (ETAG, etag)));
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if gzip.is_some() {
            told.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// The script without comments, indentation and empty lines. Its comments stand on lines of their own, and no text of its
/// goes over a line, so nothing has to be read.
fn stripped(source: &str) -> String {
    let lines = source.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

/// `None` where memory can't be written to, which does not happen; the script is then served as it is.
fn gzipped(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

/// The entries of a list that may come in several headers.
fn entries(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether the caller takes gzip (RFC 9110, 12.5.3): it is named, and its weight is not 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    entries(headers, ACCEPT_ENCODING).any(|entry| {
        let (coding, weight) = entry.split_once(';').unwrap_or((entry, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
        coding.trim().eq_ignore_ascii_case("gzip") && weight != Some(Ok(0.0))
    })
}

/// Whether the caller has this form already (RFC 9110, 13.1.2: compared weakly).
fn knows(headers: &HeaderMap, etag: &str) -> bool {
    entries(headers, IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(told: &[(HeaderName, &'static str)]) -> HeaderMap {
        told.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_is_served_is_under_two_kilobytes() {
        let script = Script::of(SOURCE);
        let gzip = script.gzip.unwrap().body;
        assert!(gzip.len() < TRACKER_GZIP_BYTES_MAX, "{} bytes", gzip.len());
        // And it is the script: as long as its comments are, it would be no feat.
        assert!(script.plain.body.len() > 2 * gzip.len());
        assert!(script.plain.body.starts_with(b"(() => {\n"));
        assert!(script.plain.body.ends_with(b"})();\n"));
    }

    #[test]
    fn only_whole_lines_are_left_out() {
        assert_eq!(stripped("// a\n\n  b(\"// c\"); // d\r\n\n    // e\n  f\n"), "b(\"// c\"); // d\nf\n");
        // What would be taken for a comment and is none, or the other way round.
        for (number, line) in SOURCE.lines().enumerate() {
            let line = line.trim();
            let is_comment = line.starts_with("//");
            assert!(is_comment || !line.contains("//"), "line {}: a comment behind code", number + 1);
            assert!(is_comment || !line.contains("/*"), "line {}: a block comment", number + 1);
            assert_eq!(line.matches('`').count() % 2, 0, "line {}: a text over several lines", number + 1);
        }
    }

    #[test]
    fn gzip_goes_to_those_who_take_it() {
        for takes in ["gzip", "br, gzip", "deflate;q=0.1, GZIP;q=0.5", "gzip; q=1"] {
            assert!(takes_gzip(&headers(&[(ACCEPT_ENCODING, takes)])), "{takes}");
        }
        for takes_not in ["", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip-not", "identity"] {
            assert!(!takes_gzip(&headers(&[(ACCEPT_ENCODING, takes_not)])), "{takes_not}");
        }
        let script = Script::of("a\n");
        let [plain, gzip] =
            [headers(&[]), headers(&[(ACCEPT_ENCODING, "gzip")])].map(|told| script.answer(&told));
        assert!(plain.headers().get(CONTENT_ENCODING).is_none());
        assert_eq!(gzip.headers()[CONTENT_ENCODING], "gzip");
        assert_ne!(plain.headers()[ETAG], gzip.headers()[ETAG]);
    }

    #[test]
    fn who_has_it_is_not_sent_it_again() {
        let script = Script::of("a\n");
        let etag = script.plain.etag.clone();
        let told = |known: String| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(&known).unwrap())]);
            script.answer(&headers)
        };
        for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
            let answer = told(known);
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(answer.headers()[ETAG], etag.as_str());
            assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=3600");
        }
        for other in [format!("\"{}\"", "0".repeat(16)), etag.replace('"', "")] {
            assert_eq!(told(other).status(), StatusCode::OK);
        }
        let changed = Script::of("b\n").plain.etag;
        assert_ne!(changed, etag);
    }
}
