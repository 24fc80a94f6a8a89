//! The body of `POST /v1/events`: what its headers must say, how large it may be, and its lines. Knows no caller and no
//! store.

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::log::{EventsReader, Unnamed};
use super::refusals::Refusal;
use crate::bulk::{Batch, LogReader};
use crate::counts::Fate;
use crate::feed::{Line, REJECTED_LISTED_MAX, Rejection};
use crate::pages::Rules;

/// The largest body, in bytes.
pub const EVENTS_BYTES_MAX: usize = 8_388_608;
/// The longest `Idempotency-Key`, in characters.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 100;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The media type of `POST /v1/events`.
pub(super) const NDJSON: &[&str] = &["application/x-ndjson"];
/// Those of `POST /v1/collect`: browsers send `text/plain` to other origins without asking first.
pub(super) const PAGE_TYPES: &[&str] = &["text/plain", "application/json", "application/x-ndjson"];

/// Checks what the headers say about the body: one of these media types, in UTF-8, as it is.
pub(super) fn check_media_type(headers: &HeaderMap, taken: &'static [&'static str]) -> Result<(), Refusal> {
    const MEDIA_TYPE: &str = "Content-Type: must be application/x-ndjson, in UTF-8 if it names a charset";
    const PAGE_TYPE: &str = "Content-Type: must be text/plain, application/json or application/x-ndjson, in UTF-8 if it names a charset";
    const ENCODING: &str = "Content-Encoding: must be absent; send the body as it is";
    let mut told = headers.get_all(CONTENT_TYPE).iter();
    let only = match (told.next(), told.next()) {
        (Some(only), None) => only.to_str().ok(),
        _ => None,
    };
    if !only.is_some_and(|only| is_one_of(taken, only)) {
        let rule = if taken == NDJSON { MEDIA_TYPE } else { PAGE_TYPE };
        return Err(Refusal::UnsupportedMediaType(rule));
    }
    let plain = |value: &axum::http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        Ok(())
    } else {
        Err(Refusal::UnsupportedMediaType(ENCODING))
    }
}

fn is_one_of(taken: &[&str], content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_ours = |essence: &str| taken.iter().any(|known| essence.eq_ignore_ascii_case(known));
    let is_ours = parts.next().is_some_and(is_ours);
    let is_utf8 = |part: &str| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    is_ours && parts.all(is_utf8)
}

/// The `Idempotency-Key`, checked.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Unnamed, Refusal> {
    const RULE: &str = "Idempotency-Key: must have 1 to 100 characters of [A-Za-z0-9_-], and be given once";
    let mut told = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = match (told.next(), told.next()) {
        (None, _) => return Ok(Unnamed::Nameless),
        (Some(only), None) => only.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => return Err(Refusal::BadParams(RULE)),
    };
    let fits = (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if fits { Ok(Unnamed::Key(key.into())) } else { Err(Refusal::BadParams(RULE)) }
}

/// What a body's lines tell.
#[derive(Default)]
pub(super) struct Told {
    /// Lines to be fed, and the first [`REJECTED_LISTED_MAX`] of those that can't be.
    pub(super) lines: Vec<(u64, Result<Line, Rejection>)>,
    /// How many more can't be, by what became of them. They are only counted, so that millions of short and senseless
    /// lines take no more memory than one.
    pub(super) more_rejected: Vec<(Fate, u64)>,
    listed: usize,
}

impl Told {
    /// How many lines were rejected and are not in [`Told::lines`].
    pub(super) fn more(&self) -> u64 {
        self.more_rejected.iter().map(|(_, many)| many).sum()
    }

    /// Takes what a line tells, if the rules let it.
    pub(super) fn take(&mut self, number: u64, line: Result<Line, Rejection>, rules: Option<&Rules>) {
        let held = match rules {
            Some(rules) => line.and_then(|line| rules.hold(line)),
            None => line,
        };
        match held {
            Err(rejection) if self.listed >= REJECTED_LISTED_MAX => self.count(rejection.fate),
            held => {
                self.listed += usize::from(held.is_err());
                self.lines.push((number, held));
            }
        }
    }

    fn count(&mut self, fate: Fate) {
        match self.more_rejected.iter_mut().find(|(known, _)| *known == fate) {
            Some((_, many)) => *many += 1,
            None => self.more_rejected.push((fate, 1)),
        }
    }
}

/// Reads all lines. A line feed ends a line, and may be missing from the last. Those of a page are held to its rules.
pub(super) fn read_lines(body: &[u8], mut reader: EventsReader, rules: Option<&Rules>) -> Told {
    let mut told = Told::default();
    let mut batch = Batch::default();
    for (number, bytes) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        reader.line(number, bytes, &mut batch);
        for (number, line) in batch.lines.drain(..) {
            told.take(number, line, rules);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::Defaults;

    fn headers(told: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in told {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_plain_ndjson_in_utf_8_is_taken() {
        for taken in
            ["application/x-ndjson", "Application/X-NDJSON ; charset=\"UTF-8\"", "application/x-ndjson; v=1"]
        {
            assert_eq!(check_media_type(&headers(&[("content-type", taken)]), NDJSON), Ok(()), "{taken}");
        }
        for refused in
            ["application/json", "", "application/x-ndjson; charset=latin1", "application/x-ndjsonx"]
        {
            assert!(check_media_type(&headers(&[("content-type", refused)]), NDJSON).is_err(), "{refused}");
        }
        assert!(check_media_type(&HeaderMap::new(), NDJSON).is_err());
        let ndjson = ("content-type", "application/x-ndjson");
        assert!(check_media_type(&headers(&[ndjson, ndjson]), NDJSON).is_err());
        assert!(check_media_type(&headers(&[ndjson, ("content-encoding", "gzip")]), NDJSON).is_err());
        assert!(check_media_type(&headers(&[ndjson, ("content-encoding", "identity")]), NDJSON).is_ok());
        for taken in ["text/plain;charset=UTF-8", "application/json", "application/x-ndjson"] {
            assert_eq!(check_media_type(&headers(&[("content-type", taken)]), PAGE_TYPES), Ok(()), "{taken}");
        }
        assert!(check_media_type(&headers(&[("content-type", "text/html")]), PAGE_TYPES).is_err());
    }

    #[test]
    fn lines_beyond_those_that_are_listed_are_counted_and_not_kept() {
        let body = "x\n\n".repeat(5_000);
        let reader = EventsReader::new(Defaults::default(), Unnamed::Nameless, 0);
        let told = read_lines(body.as_bytes(), reader, None);
        assert_eq!((told.lines.len(), told.more()), (REJECTED_LISTED_MAX, 4_000));
        assert_eq!(told.lines.last().map(|(number, _)| *number), Some(1_999));
        assert_eq!(told.more_rejected, [(Fate::Invalid, 4_000)]);
    }
}
