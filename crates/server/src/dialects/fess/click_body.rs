//! The body of a click: bytes in, four fields or a refusal that names the field out. Knows no header and no registry.

use std::borrow::Cow;

use clicks::DocId;

use super::refusal::Refusal;
use crate::json::{self, Json};

/// The largest body, in bytes.
pub(super) const CLICK_BODY_BYTES_MAX: usize = 2_048;

/// The most characters of a `doc_id`.
const DOC_ID_CHARS_MAX: usize = 512;
/// The most characters of a `query_id`.
const QUERY_ID_CHARS_MAX: usize = 100;
/// The most characters of an `Idempotency-Key`.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 100;
/// The latest `rt`: 13 digits, in milliseconds.
const RT_MS_MAX: u64 = 9_999_999_999_999;
/// The largest `rank`.
const RANK_MAX: u64 = 10_000;

/// What a click's body tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClickBody {
    pub(super) doc_id: DocId,
    pub(super) query_id: Option<Box<str>>,
    /// `rt`: when the search was made, in milliseconds.
    pub(super) searched_ms: Option<i64>,
    pub(super) rank: Option<u32>,
}

impl ClickBody {
    /// Reads a body. An empty one counts as `{}`, a UTF-8 byte order mark is skipped, `null` is absent, and a field that
    /// isn't known is ignored.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let body = if bytes.is_empty() {
            Json::Object(Vec::new())
        } else {
            json::in_place(bytes).map_err(|error| Refusal::Invalid(error.to_string().into()))?
        };
        if !matches!(body, Json::Object(_)) {
            return Err(Refusal::Invalid("the body must be a JSON object".into()));
        }
        // The fields are read in this order, so the first wrong one is named whatever their order in the body.
        let doc_id = name(&body, "doc_id", DOC_ID_CHARS_MAX)?;
        let doc_id = doc_id
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| not_a_name("doc_id", DOC_ID_CHARS_MAX))?;
        let query_id = name(&body, "query_id", QUERY_ID_CHARS_MAX)?.map(Into::into);
        let searched_ms = natural(&body, "rt", RT_MS_MAX)?.and_then(|ms| i64::try_from(ms).ok());
        let rank = natural(&body, "rank", RANK_MAX)?.and_then(|rank| u32::try_from(rank).ok());
        Ok(Self { doc_id, query_id, searched_ms, rank })
    }
}

/// Reads the value of an `Idempotency-Key` header.
pub(super) fn idempotency_key(text: &str) -> Result<Box<str>, Refusal> {
    if is_name(text, IDEMPOTENCY_KEY_CHARS_MAX) {
        Ok(text.into())
    } else {
        Err(not_a_name("Idempotency-Key", IDEMPOTENCY_KEY_CHARS_MAX))
    }
}

fn name<'j>(body: &'j Json<'_>, field: &str, chars_max: usize) -> Result<Option<&'j str>, Refusal> {
    match body.get(field) {
        None => Ok(None),
        Some(value) => match value.text() {
            Some(text) if is_name(text, chars_max) => Ok(Some(text)),
            _ => Err(not_a_name(field, chars_max)),
        },
    }
}

fn is_name(text: &str, chars_max: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=chars_max).contains(&text.len()) && text.bytes().all(allowed)
}

fn not_a_name(field: &str, chars_max: usize) -> Refusal {
    Refusal::Invalid(Cow::Owned(format!(
        "{field} must be 1 to {chars_max} characters of A-Z, a-z, 0-9, _ and -"
    )))
}

fn natural(body: &Json<'_>, field: &str, max: u64) -> Result<Option<u64>, Refusal> {
    match body.get(field) {
        None => Ok(None),
        Some(Json::Natural(number)) if *number <= max => Ok(Some(*number)),
        Some(_) => Err(Refusal::Invalid(Cow::Owned(format!("{field} must be an integer from 0 to {max}")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    fn refused(body: &str) -> String {
        match ClickBody::parse(body.as_bytes()) {
            Err(Refusal::Invalid(message)) => message.into_owned(),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_whole_click_is_read_and_unknown_fields_are_ignored() {
        let read = ClickBody::parse(b"\xef\xbb\xbf {\"x\":{\"doc_id\":1},\"rank\":0,\"rt\":9999999999999,\"query_id\":\"q_-1\",\"doc_id\":\"A-z_0\"} ");
        let doc_id = "A-z_0".parse().unwrap();
        let expected = ClickBody {
            doc_id,
            query_id: Some("q_-1".into()),
            searched_ms: Some(9_999_999_999_999),
            rank: Some(0),
        };
        assert_eq!(read, Ok(expected));
        let read = ClickBody::parse(br#"{"doc_id":"a","query_id":null,"rt":null,"rank":null}"#).unwrap();
        assert_eq!((read.query_id, read.searched_ms, read.rank), (None, None, None));
    }

    #[test]
    fn the_first_wrong_field_in_the_order_of_the_checks_is_named() {
        assert!(refused(r#"{"rank":-1,"rt":-1,"query_id":"","doc_id":""}"#).starts_with("doc_id "));
        assert!(refused(r#"{"rank":-1,"rt":-1,"query_id":"","doc_id":"a"}"#).starts_with("query_id "));
        assert!(refused(r#"{"rank":-1,"rt":-1,"doc_id":"a"}"#).starts_with("rt "));
        assert!(refused(r#"{"rank":-1,"doc_id":"a"}"#).starts_with("rank "));
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let seed = 31;
        let mut chance = Chance::new(seed);
        let pieces: [&[u8]; 16] = [
            b"{",
            b"}",
            b"\"doc_id\"",
            b"\"rank\"",
            b"\"rt\"",
            b":",
            b",",
            b"\"a\"",
            b"1",
            b"-1",
            b"1.0",
            b"null",
            b"\xff",
            b"\xef\xbb\xbf",
            b"[",
            b"\\u0000",
        ];
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..chance.below(10)).flat_map(|_| chance.pick(&pieces).to_vec()).collect();
            if let Ok(read) = ClickBody::parse(&bytes) {
                assert_eq!(read.doc_id.as_str(), "a", "seed {seed}: {bytes:?}");
            }
        }
    }
}
