//! One line of `POST /v1/events`: bytes → what it tells, or why it is not taken. Knows no HTTP, no store and no clock.

use clicks::{
    DocId, IndexName, ProductType, SEARCH_DOCS_MAX, SEARCH_QUERY_CHARS_MAX, SearchKind, SearchTerms,
};

use crate::bulk::Defaults;
use crate::counts::Fate;
use crate::feed::{ClickLine, ItemLine, Line, Rejection, SearchLine};
use crate::fields::{Fields, Offset, breaks, required};
use crate::json::{Json, in_place};
use crate::pages::PAGE_AGE_MS_MAX;

/// The longest line, in bytes.
pub const EVENT_LINE_BYTES_MAX: usize = 1_048_576;
/// The largest rank.
pub const RANK_MAX: u32 = 10_000;
/// The most indices of one search.
pub const SEARCH_INDICES_MAX: usize = 1_000;
/// The longest terms that a click tells, in characters. An exported click tells folded ones, and folding can make three
/// characters of one.
pub const CLICK_QUERY_CHARS_MAX: usize = 3 * SEARCH_QUERY_CHARS_MAX;
/// The longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 1_000;
/// The longest link, in characters.
pub const LINK_CHARS_MAX: usize = 2_048;
/// The most hits that a search may tell: what a JavaScript number holds exactly.
pub const TOTAL_HITS_MAX: u64 = 9_007_199_254_740_991;
/// The largest time of a search that a click tells (`searched_at`), in milliseconds.
pub const SEARCHED_AT_MS_MAX: u64 = 9_999_999_999_999;

const SEARCH_KINDS: &str = "asked, opened, redirected";
const DEVICES: &str = "desktop, mobile";
const PRODUCT_TYPES: &str = "search, banner, custom_result, recommendation, quizz, aichat";

/// Reads one line, without its line feed. `now_ms` bounds the times it may tell.
///
/// # Errors
/// A [`Rejection`]: `invalid_json`, `too_long`, or `bad_params` with the name of the field.
pub fn line(bytes: &[u8], defaults: &Defaults, now_ms: i64) -> Result<Line, Rejection> {
    if bytes.len() > EVENT_LINE_BYTES_MAX {
        let message = format!("a line must have at most {EVENT_LINE_BYTES_MAX} bytes");
        return Err(Rejection { fate: Fate::TooLarge, code: "too_long", message });
    }
    let json = in_place(bytes).map_err(|error| invalid_json(error.to_string()))?;
    told(&json, defaults, now_ms, At::Told)
}

/// What a line that does not say when is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// A mistake.
    Told,
    /// Of now, or as long ago as it says by its `age`.
    Now,
}

/// Reads one line that is JSON already.
pub(super) fn told(json: &Json<'_>, defaults: &Defaults, now_ms: i64, at: At) -> Result<Line, Rejection> {
    if !matches!(json, Json::Object(_)) {
        return Err(invalid_json("a line must be a JSON object".to_owned()));
    }
    let fields = Fields::new(json, now_ms);
    let at_ms = || match (json.get("at"), at) {
        (None, At::Now) => Ok(now_ms.saturating_sub(age_ms(fields)?)),
        _ => fields.at("at", Offset::Rfc3339),
    };
    match fields.text("type")? {
        Some("click") => click(fields, defaults, at_ms).map(Line::Click),
        Some("search") => search(fields, defaults, at_ms).map(Line::Search),
        Some("item") => item(fields, defaults).map(Line::Item),
        Some(_) => Err(breaks("type", "must be one of item, search, click")),
        None => Err(required("type")),
    }
}

/// How long ago it happened, by a page whose clock may be wrong: the length of a time is right on it all the same.
fn age_ms(fields: Fields<'_>) -> Result<i64, Rejection> {
    let told = fields.natural("age", PAGE_AGE_MS_MAX.unsigned_abs())?;
    Ok(told.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0))
}

pub(super) fn invalid_json(message: String) -> Rejection {
    Rejection { fate: Fate::Invalid, code: "invalid_json", message }
}

fn item(fields: Fields<'_>, defaults: &Defaults) -> Result<ItemLine, Rejection> {
    Ok(ItemLine {
        engine: fields.name("hashid")?.or(defaults.engine).ok_or_else(|| required("hashid"))?,
        index: fields.name("index")?.or_else(|| defaults.index.clone()).ok_or_else(|| required("index"))?,
        doc_id: fields.name("doc_id")?.ok_or_else(|| required("doc_id"))?,
        title: fields.short_text("title", TITLE_CHARS_MAX)?.map(Box::from),
        link: fields.web_address("link", LINK_CHARS_MAX)?.map(Box::from),
    })
}

fn search(
    fields: Fields<'_>,
    defaults: &Defaults,
    at_ms: impl FnOnce() -> Result<i64, Rejection>,
) -> Result<SearchLine, Rejection> {
    let kind = fields.word("kind", SEARCH_KINDS)?.unwrap_or_default();
    let doc_ids: Option<Vec<DocId>> = fields.ids("doc_ids", SEARCH_DOCS_MAX)?;
    if kind == SearchKind::Redirected && doc_ids.as_ref().is_none_or(|ids| ids.len() != 1) {
        return Err(breaks("doc_ids", "must be one, the redirection's, where kind is redirected"));
    }
    Ok(SearchLine {
        kind,
        id: fields.id("id")?.ok_or_else(|| required("id"))?.into(),
        at_ms: at_ms()?,
        engine: fields.name("hashid")?.or(defaults.engine).ok_or_else(|| required("hashid"))?,
        indices: indices(fields, defaults)?,
        query: fields.short_text("query", SEARCH_QUERY_CHARS_MAX)?.map(Box::from),
        doc_ids,
        device: fields.word("device", DEVICES)?,
        total_hits: fields.natural("total_hits", TOTAL_HITS_MAX)?,
        user: fields.name("user")?,
        session: fields.id("session")?.map(Box::from),
    })
}

/// Each index once, so that a search of one index is seen to be one however it is told.
fn indices(fields: Fields<'_>, defaults: &Defaults) -> Result<Vec<IndexName>, Rejection> {
    let Some(told) = fields.ids::<IndexName>("indices", SEARCH_INDICES_MAX)? else {
        return Ok(defaults.index.iter().cloned().collect());
    };
    let mut indices: Vec<IndexName> = Vec::with_capacity(told.len());
    for index in told {
        if !indices.contains(&index) {
            indices.push(index);
        }
    }
    Ok(indices)
}

fn click(
    fields: Fields<'_>,
    defaults: &Defaults,
    at_ms: impl FnOnce() -> Result<i64, Rejection>,
) -> Result<ClickLine, Rejection> {
    let rank = fields.natural("rank", u64::from(RANK_MAX))?;
    let searched_ms = fields.natural("searched_at", SEARCHED_AT_MS_MAX)?;
    let custom_result = fields.name("custom_result")?;
    let product_type = match (fields.word("product_type", PRODUCT_TYPES)?, &custom_result) {
        (None, None) => ProductType::Search,
        (None | Some(ProductType::CustomResult), Some(_)) => ProductType::CustomResult,
        (Some(_), Some(_)) => {
            return Err(breaks("custom_result", "must come with no other product_type than custom_result"));
        }
        (Some(told), None) => told,
    };
    Ok(ClickLine {
        id: fields.id("id")?.map(Box::from),
        at_ms: at_ms()?,
        engine: fields.name("hashid")?.or(defaults.engine),
        index: fields.name("index")?.or_else(|| defaults.index.clone()),
        doc_id: fields.name("doc_id")?.ok_or_else(|| required("doc_id"))?,
        query_id: fields.id("query_id")?.map(Box::from),
        searched_ms: searched_ms.and_then(|ms| i64::try_from(ms).ok()),
        rank: rank.and_then(|rank| u32::try_from(rank).ok()),
        device: fields.word("device", DEVICES)?,
        product_type,
        custom_result,
        terms: fields.short_text("query", CLICK_QUERY_CHARS_MAX)?.and_then(SearchTerms::fold),
        user: fields.name("user")?,
        session: fields.id("session")?.map(Box::from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use clicks::Device;

    const NOW_MS: i64 = 1_717_236_000_000;
    const HASHID: &str = "d8fdeab7fce96a19d3fc7b0ca7a1e98b";
    const CLICK: &str = r#"{"type":"click","id":"c1","at":1717142405000,"hashid":"d8fdeab7fce96a19d3fc7b0ca7a1e98b","index":"product","doc_id":"sku1","query_id":"q1","rank":1,"device":"mobile","product_type":"search","user":"u","session":"s"}"#;

    fn read(text: &str) -> Result<Line, Rejection> {
        line(text.as_bytes(), &Defaults::default(), NOW_MS)
    }

    fn message(text: &str) -> String {
        read(text).unwrap_err().message
    }

    /// A click with one more field.
    fn click_with(field: &str) -> Result<Line, Rejection> {
        read(&format!(r#"{{"type":"click","at":1717142405000,"doc_id":"sku1",{field}}}"#))
    }

    #[test]
    fn the_documented_lines_are_read() {
        let Ok(Line::Click(click)) = read(CLICK) else { panic!("no click") };
        assert_eq!(click.engine, HASHID.parse().ok());
        assert_eq!(
            (click.at_ms, click.rank, click.device),
            (1_717_142_405_000, Some(1), Some(Device::Mobile))
        );
        let search = r#"{"type":"search","id":"q1","at":"2024-05-31T08:00:00Z","hashid":"d8fdeab7fce96a19d3fc7b0ca7a1e98b","indices":["product","page","product"],"query":"red shoes","device":"mobile","total_hits":12,"doc_ids":["sku1","sku2"],"user":"u","session":"s"}"#;
        let Ok(Line::Search(search)) = read(search) else { panic!("no search") };
        assert_eq!((search.at_ms, search.total_hits), (1_717_142_400_000, Some(12)));
        assert_eq!((search.indices.len(), search.doc_ids.unwrap().len()), (2, 2));
        let item = r#"{"type":"item","hashid":"d8fdeab7fce96a19d3fc7b0ca7a1e98b","index":"product","doc_id":"sku1","title":"Red","link":"https://shop.example.com/1"}"#;
        let Ok(Line::Item(item)) = read(item) else { panic!("no item") };
        assert_eq!(item.title.as_deref(), Some("Red"));
    }

    #[test]
    fn null_counts_as_absent_and_unknown_fields_are_ignored() {
        let plain = read(r#"{"type":"click","at":1717142405000,"doc_id":"sku1"}"#).unwrap();
        let nulls = [
            "id",
            "hashid",
            "index",
            "query_id",
            "rank",
            "device",
            "product_type",
            "user",
            "session",
            "query",
        ]
        .map(|field| format!("\"{field}\":null"))
        .join(",");
        assert_eq!(click_with(&nulls), Ok(plain.clone()));
        assert_eq!(click_with(r#""campaign":{"a":[1,2]}"#), Ok(plain));
    }

    #[test]
    fn defaults_hold_only_where_the_line_is_silent() {
        let other = "11111111111111111111111111111111";
        let defaults = Defaults { engine: other.parse().ok(), index: "page".parse().ok() };
        let Ok(Line::Click(told)) = line(CLICK.as_bytes(), &defaults, NOW_MS) else { panic!("no click") };
        assert_eq!((told.engine, told.index.unwrap().as_str()), (HASHID.parse().ok(), "product"));
        let silent = br#"{"type":"search","id":"q","at":1717142405000}"#;
        let Ok(Line::Search(silent)) = line(silent, &defaults, NOW_MS) else { panic!("no search") };
        assert_eq!((silent.engine.to_string(), silent.indices[0].as_str()), (other.to_owned(), "page"));
    }

    #[test]
    fn each_field_is_taken_up_to_its_edge() {
        let long = |chars: usize| "é".repeat(chars);
        let taken = [
            format!(r#""id":"{}""#, long(512)),
            format!(r#""query":"{}""#, long(3_000)),
            r#""rank":0"#.to_owned(),
            r#""rank":10000"#.to_owned(),
            r#""searched_at":9999999999999"#.to_owned(),
            r#""product_type":"quizz""#.to_owned(),
        ];
        for field in taken {
            assert!(click_with(&field).is_ok(), "{field}");
        }
        let refused = [
            (format!(r#""id":"{}""#, long(513)), "id"),
            (r#""id":"""#.to_owned(), "id"),
            (r#""id":"a\u0000b""#.to_owned(), "id"),
            (r#""id":7"#.to_owned(), "id"),
            (format!(r#""query":"{}""#, long(3_001)), "query"),
            (r#""hashid":"D8FDEAB7FCE96A19D3FC7B0CA7A1E98B""#.to_owned(), "hashid"),
            (r#""index":"""#.to_owned(), "index"),
            (r#""query_id":[]"#.to_owned(), "query_id"),
            (r#""rank":10001"#.to_owned(), "rank"),
            (r#""rank":-1"#.to_owned(), "rank"),
            (r#""rank":1.0"#.to_owned(), "rank"),
            (r#""rank":"1""#.to_owned(), "rank"),
            (r#""searched_at":10000000000000"#.to_owned(), "searched_at"),
            (r#""device":"tablet""#.to_owned(), "device"),
            (r#""product_type":"quiz""#.to_owned(), "product_type"),
            (r#""user":"a\nb""#.to_owned(), "user"),
            (format!(r#""session":"{}""#, long(513)), "session"),
        ];
        for (field, name) in refused {
            let rejection = click_with(&field).unwrap_err();
            assert_eq!(rejection.code, "bad_params", "{field}");
            assert!(rejection.message.starts_with(&format!("{name}: ")), "{field}: {}", rejection.message);
        }
    }

    #[test]
    fn a_search_takes_a_thousand_documents_and_a_thousand_characters() {
        let search = |field: &str| {
            read(&format!(r#"{{"type":"search","id":"q","at":1717142405000,"hashid":"{HASHID}",{field}}}"#))
        };
        let docs = |many: usize| format!(r#""doc_ids":[{}]"#, vec![r#""a""#; many].join(","));
        assert!(search(&docs(1_000)).is_ok());
        assert!(search(&docs(1_001)).unwrap_err().message.starts_with("doc_ids: "));
        assert!(search(r#""doc_ids":["a",""]"#).unwrap_err().message.starts_with("doc_ids: each entry"));
        assert!(search(r#""doc_ids":"a""#).unwrap_err().message.starts_with("doc_ids: "));
        assert!(search(r#""doc_ids":[1]"#).unwrap_err().message.starts_with("doc_ids: "));
        assert!(search(&format!(r#""query":"{}""#, "é".repeat(1_000))).is_ok());
        assert!(
            search(&format!(r#""query":"{}""#, "é".repeat(1_001)))
                .unwrap_err()
                .message
                .starts_with("query: ")
        );
        assert!(search(r#""total_hits":9007199254740991"#).is_ok());
        assert!(search(r#""total_hits":9007199254740992"#).unwrap_err().message.starts_with("total_hits: "));
    }

    #[test]
    fn a_link_leads_to_a_page() {
        let item = |link: &str| {
            read(&format!(
                r#"{{"type":"item","hashid":"{HASHID}","index":"product","doc_id":"a","link":"{link}"}}"#
            ))
        };
        let long = |chars: usize| format!("https://e.com/{}", "x".repeat(chars - 14));
        for link in
            ["http://e.com", "HTTPS://e.com/?a=b#c", "https://[::1]/", "https://é.example/", &long(2_048)]
        {
            assert!(item(link).is_ok(), "{link}");
        }
        for link in [
            "",
            "javascript:alert(1)",
            "javascript://e.com",
            "/a",
            "//e.com",
            "https://",
            "https:///a",
            "https://e.com/a b",
            "ftp://e.com",
            &long(2_049),
        ] {
            assert!(item(link).unwrap_err().message.starts_with("link: "), "{link}");
        }
    }

    #[test]
    fn a_search_tells_its_kind_and_a_redirection_its_own_id() {
        let search = |more: &str| {
            read(&format!(r#"{{"type":"search","id":"q","at":1717142405000,"hashid":"{HASHID}"{more}}}"#))
        };
        let kind = |more: &str| match search(more) {
            Ok(Line::Search(search)) => search.kind,
            other => panic!("{more}: {other:?}"),
        };
        assert_eq!(kind(""), SearchKind::Asked);
        assert_eq!(kind(r#","kind":"asked""#), SearchKind::Asked);
        assert_eq!(kind(r#","kind":"opened""#), SearchKind::Opened);
        assert_eq!(kind(r#","kind":"redirected","doc_ids":["9771"]"#), SearchKind::Redirected);
        for wrong in [r#","kind":"redirected""#, r#","kind":"redirected","doc_ids":["a","b"]"#] {
            assert!(search(wrong).unwrap_err().message.starts_with("doc_ids: "), "{wrong}");
        }
        assert!(search(r#","kind":"closed""#).unwrap_err().message.starts_with("kind: "));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(message("{}"), "type: is required");
        assert_eq!(message(r#"{"type":"hit"}"#), "type: must be one of item, search, click");
        assert_eq!(message(r#"{"type":"click","at":1717142405000}"#), "doc_id: is required");
        assert_eq!(message(r#"{"type":"click","doc_id":"a"}"#), "at: is required");
        assert_eq!(message(r#"{"type":"search","id":"q","at":1717142405000}"#), "hashid: is required");
        assert_eq!(
            message(&format!(r#"{{"type":"item","hashid":"{HASHID}","doc_id":"a"}}"#)),
            "index: is required"
        );
    }

    #[test]
    fn what_is_no_object_is_invalid_json() {
        for text in ["[]", "1", "null", "{", "{} {}", "\"a\"", r#"{"a":1,"a":2}"#] {
            assert_eq!(read(text).unwrap_err().code, "invalid_json", "{text}");
        }
        let long = vec![b' '; EVENT_LINE_BYTES_MAX + 1];
        assert_eq!(line(&long, &Defaults::default(), NOW_MS).unwrap_err().code, "too_long");
    }

    #[test]
    fn no_bytes_make_the_reader_fail_in_another_way() {
        let seed = 5;
        let mut chance = Chance::new(seed);
        let pieces: [&[u8]; 10] =
            [b"\"", b"{", b"}", b":", b"null", b"-1", b"1e9", b"\xff", b"\\ud800", b"[]"];
        for _ in 0..30_000 {
            let mut bytes = CLICK.as_bytes().to_vec();
            for _ in 0..=chance.below(4) {
                let at = chance.below(bytes.len());
                let until = (at + chance.below(6)).min(bytes.len());
                bytes.splice(at..until, chance.pick(&pieces).iter().copied());
            }
            let _ = line(&bytes, &Defaults::default(), NOW_MS);
        }
    }

    /// Not a test of speed on a busy machine, but a number to look at: `cargo test -p server --release lines_a_second --
    /// --ignored --nocapture`.
    #[test]
    #[ignore = "prints a speed; run it on an idle machine"]
    fn lines_a_second() {
        let rounds = 1_000_000_u32;
        let start = std::time::Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(line(std::hint::black_box(CLICK.as_bytes()), &Defaults::default(), NOW_MS))
                .unwrap();
        }
        println!("{:.0} click lines a second", f64::from(rounds) / start.elapsed().as_secs_f64());
    }
}
