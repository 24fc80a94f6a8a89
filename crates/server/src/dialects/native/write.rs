//! Clicks, searches and items as native lines: what `export` writes and `import --url` sends. Each line reads back to
//! what it was written from. Knows no HTTP and no file system.

use clicks::{Click, CustomResultId, Device, DocId, IndexName, Search, SearchKind, SearchTerms, UserCode};
use serde::Serialize;

use crate::bulk::fitting_id;
use crate::feed::{ClickLine, ItemLine, Line, SearchLine};

/// What bulk loading puts before a line's `id`, to keep it apart from ids that the server gives.
const FED_ID_PREFIX: &str = "id/";

#[derive(Serialize)]
struct ItemTold<'a> {
    r#type: &'static str,
    hashid: String,
    index: &'a str,
    doc_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
}

#[derive(Serialize)]
struct SearchTold<'a> {
    r#type: &'static str,
    /// Left out where it is the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    id: &'a str,
    at: i64,
    hashid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    indices: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_hits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc_ids: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
}

#[derive(Serialize)]
struct ClickTold<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    doc_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    searched_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'static str>,
    product_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_result: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
}

/// Writes a kept click as a line, line feed included.
pub fn write_click(out: &mut Vec<u8>, click: &Click) {
    write_click_line(out, &told_click(click));
}

/// Writes a kept search as a line, line feed included.
pub fn write_search(out: &mut Vec<u8>, search: &Search) {
    write_search_line(out, &told_search(search));
}

/// Writes what any log told as a native line, line feed included.
pub fn write_line(out: &mut Vec<u8>, line: &Line) {
    match line {
        Line::Item(item) => write_item_line(out, item),
        Line::Search(search) => write_search_line(out, search),
        Line::Click(click) => write_click_line(out, click),
    }
}

/// The id of a kept click as a line tells it: one that bulk loading gave, as it was sent; one that the server gave, as
/// the server keeps it.
#[must_use]
pub fn told_id(click: &Click) -> Option<Box<str>> {
    click.id.as_deref().map(|id| fitting_id(id.strip_prefix(FED_ID_PREFIX).unwrap_or(id)))
}

/// What a line tells of a kept click: all but its account and the time of its admission.
fn told_click(click: &Click) -> ClickLine {
    ClickLine {
        id: told_id(click),
        at_ms: click.at_ms,
        engine: Some(click.engine),
        index: click.index.clone(),
        doc_id: click.doc_id.clone(),
        query_id: click.query_id.clone(),
        searched_ms: click.searched_ms,
        rank: click.rank,
        device: click.device,
        product_type: click.product_type,
        custom_result: click.custom_result.clone(),
        terms: click.terms.clone(),
        user: click.user.clone(),
        session: click.session.clone(),
    }
}

/// What a line tells of a kept search: all but its account and the time of its admission.
fn told_search(search: &Search) -> SearchLine {
    SearchLine {
        kind: search.kind,
        id: search.id.clone(),
        at_ms: search.at_ms,
        engine: search.engine,
        indices: search.indices.clone(),
        query: search.query.clone(),
        doc_ids: search.doc_ids.clone(),
        device: search.device,
        total_hits: search.total_hits,
        user: search.user.clone(),
        session: search.session.clone(),
    }
}

fn write_item_line(out: &mut Vec<u8>, item: &ItemLine) {
    let told = ItemTold {
        r#type: "item",
        hashid: item.engine.to_string(),
        index: item.index.as_str(),
        doc_id: item.doc_id.as_str(),
        title: item.title.as_deref(),
        link: item.link.as_deref(),
    };
    write(out, &told);
}

fn write_search_line(out: &mut Vec<u8>, search: &SearchLine) {
    let told = SearchTold {
        r#type: "search",
        kind: Some(search.kind).filter(|kind| *kind != SearchKind::Asked).map(SearchKind::as_str),
        id: &search.id,
        at: search.at_ms,
        hashid: search.engine.to_string(),
        indices: search.indices.iter().map(IndexName::as_str).collect(),
        query: search.query.as_deref(),
        device: search.device.map(Device::as_str),
        total_hits: search.total_hits,
        doc_ids: search.doc_ids.as_ref().map(|docs| docs.iter().map(DocId::as_str).collect()),
        user: search.user.as_ref().map(UserCode::as_str),
        session: search.session.as_deref(),
    };
    write(out, &told);
}

fn write_click_line(out: &mut Vec<u8>, click: &ClickLine) {
    let told = ClickTold {
        r#type: "click",
        id: click.id.as_deref(),
        at: click.at_ms,
        hashid: click.engine.map(|engine| engine.to_string()),
        index: click.index.as_ref().map(IndexName::as_str),
        doc_id: click.doc_id.as_str(),
        query_id: click.query_id.as_deref(),
        query: click.terms.as_ref().map(SearchTerms::as_str),
        searched_at: click.searched_ms,
        rank: click.rank,
        device: click.device.map(Device::as_str),
        product_type: click.product_type.as_str(),
        custom_result: click.custom_result.as_ref().map(CustomResultId::as_str),
        user: click.user.as_ref().map(UserCode::as_str),
        session: click.session.as_deref(),
    };
    write(out, &told);
}

fn write(out: &mut Vec<u8>, told: &impl Serialize) {
    let start = out.len();
    // Texts and integers always serialise, and a Vec takes all bytes; should that ever change, no half line is left.
    match serde_json::to_writer(&mut *out, told) {
        Ok(()) => out.push(b'\n'),
        Err(_) => out.truncate(start),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::line;
    use super::*;
    use crate::bulk::Defaults;
    use crate::chance::Chance;
    use clicks::{AccountCode, Hashid, ProductType};

    const NOW_MS: i64 = 1_717_236_000_000;
    const TYPED: [&str; 3] = ["Red  Shoes", "STRASSE ß", "ΣΊΣΥΦΟΣ"];
    const TEXTS: [&str; 8] = ["sku1", "é\"\\/", "a b", "\u{1F980}", "</script>", "id/x", "\u{2028}", "0"];

    fn maybe<T>(chance: &mut Chance, make: impl FnOnce(&mut Chance) -> T) -> Option<T> {
        (chance.below(2) == 1).then(|| make(chance))
    }

    fn text(chance: &mut Chance) -> Box<str> {
        Box::from(*chance.pick(&TEXTS))
    }

    fn named<T: std::str::FromStr<Err: std::fmt::Debug>>(chance: &mut Chance) -> T {
        chance.pick(&TEXTS).parse().unwrap()
    }

    fn random_click(chance: &mut Chance) -> Click {
        let product_type = *chance.pick(&ProductType::ALL);
        Click {
            account: AccountCode::from_bytes([1; 8]),
            engine: Hashid::from_bytes([u8::try_from(chance.below(256)).unwrap(); 16]),
            index: maybe(chance, named),
            doc_id: named(chance),
            at_ms: NOW_MS - i64::try_from(chance.below(1_000_000_000)).unwrap(),
            received_ms: NOW_MS,
            id: maybe(chance, |chance| format!("id/{}", chance.pick(&TEXTS)).into()),
            query_id: maybe(chance, text),
            searched_ms: maybe(chance, |chance| i64::try_from(chance.below(9_999_999_999_999)).unwrap()),
            rank: maybe(chance, |chance| u32::try_from(chance.below(10_001)).unwrap()),
            device: maybe(chance, |chance| *chance.pick(&[Device::Desktop, Device::Mobile])),
            product_type,
            custom_result: maybe(chance, named).filter(|_| product_type == ProductType::CustomResult),
            terms: maybe(chance, |chance| *chance.pick(&TYPED)).and_then(SearchTerms::fold),
            user: maybe(chance, named),
            session: maybe(chance, text),
        }
    }

    fn random_search(chance: &mut Chance) -> Search {
        Search {
            kind: *chance.pick(&[SearchKind::Asked, SearchKind::Opened]),
            account: AccountCode::from_bytes([1; 8]),
            id: text(chance),
            engine: Hashid::from_bytes([7; 16]),
            indices: maybe(chance, |chance| vec![named(chance)]).unwrap_or_default(),
            query: maybe(chance, text),
            doc_ids: maybe(chance, |chance| (0..chance.below(4)).map(|_| named(chance)).collect()),
            device: maybe(chance, |chance| *chance.pick(&[Device::Desktop, Device::Mobile])),
            at_ms: NOW_MS - i64::try_from(chance.below(1_000_000_000)).unwrap(),
            received_ms: NOW_MS,
            total_hits: maybe(chance, |chance| chance.next() >> 11),
            user: maybe(chance, named),
            session: maybe(chance, text),
        }
    }

    fn read_back(written: &[u8]) -> Line {
        let (last, bytes) = written.split_last().unwrap();
        assert_eq!(*last, b'\n');
        assert!(!bytes.contains(&b'\n'), "{}", String::from_utf8_lossy(written));
        line(bytes, &Defaults::default(), NOW_MS).unwrap()
    }

    #[test]
    fn a_written_line_reads_back_to_the_same_click_or_search() {
        let seed = 3;
        let mut chance = Chance::new(seed);
        for round in 0..2_000 {
            let (click, search) = (random_click(&mut chance), random_search(&mut chance));
            let mut written = Vec::new();
            write_click(&mut written, &click);
            let told = told_click(&click);
            assert_eq!(told.id.as_deref(), click.id.as_deref().and_then(|id| id.strip_prefix("id/")));
            assert_eq!(read_back(&written), Line::Click(told), "seed {seed}, round {round}");
            written.clear();
            write_search(&mut written, &search);
            assert_eq!(read_back(&written), Line::Search(told_search(&search)), "seed {seed}, round {round}");
        }
    }

    #[test]
    fn an_item_reads_back_too() {
        let item = Line::Item(ItemLine {
            engine: Hashid::from_bytes([7; 16]),
            index: "product".parse().unwrap(),
            doc_id: "sku1".parse().unwrap(),
            title: Some("Red \"shoes\"".into()),
            link: Some("https://shop.example.com/sku1".into()),
        });
        let mut written = Vec::new();
        write_line(&mut written, &item);
        assert_eq!(read_back(&written), item);
    }

    #[test]
    fn an_id_of_the_server_that_is_longer_than_a_line_may_tell_is_written_as_its_digest() {
        let mut click = random_click(&mut Chance::new(1));
        click.id = Some(format!("key/{}/{}", "k".repeat(100), "d".repeat(512)).into());
        let mut written = Vec::new();
        write_click(&mut written, &click);
        let Line::Click(told) = read_back(&written) else { panic!("no click") };
        assert!(told.id.unwrap().starts_with("sha256/"));
    }
}
