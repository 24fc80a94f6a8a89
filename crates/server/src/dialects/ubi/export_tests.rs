//! What a UBI export tells, line by line. Whole files are counted in `tests/ubi.rs`.

use clicks::{Device, Hashid, SEARCH_DOCS_MAX};

use super::super::searches::SAME_SEARCH_KIND;
use super::*;
use crate::chance::Chance;
use crate::feed::SearchLine;

const NOW_MS: i64 = 1_780_000_000_000;
const ENGINE: Hashid = Hashid::from_bytes([7; 16]);

fn reader() -> UbiReader {
    let digest = FileDigest::of(&b"abc"[..]).unwrap();
    let options = UbiOptions { defaults: Defaults::default(), digest, now_ms: NOW_MS };
    UbiReader::new(options, Box::new(|application| (application != "stranger").then_some(ENGINE)))
}

fn read(lines: &[&str]) -> Batch {
    let (mut reader, mut batch) = (reader(), Batch::default());
    for (number, line) in (1..).zip(lines) {
        reader.line(number, line.as_bytes(), &mut batch);
    }
    reader.finish(&mut batch);
    batch
}

fn searches(batch: &Batch) -> Vec<(u64, &SearchLine)> {
    let mut searches = Vec::new();
    for (number, told) in &batch.lines {
        if let Ok(Line::Search(search)) = told {
            searches.push((*number, search));
        }
    }
    searches
}

fn only_click(lines: &[&str]) -> ClickLine {
    match read(lines).lines.as_slice() {
        [(_, Ok(Line::Click(click)))] => click.clone(),
        other => panic!("not one click: {other:?}"),
    }
}

fn rejections(lines: &[&str]) -> Vec<(u64, &'static str, String)> {
    let batch = read(lines);
    let rejected = |(number, told): (u64, Result<Line, Rejection>)| {
        told.err().map(|rejection| (number, rejection.code, rejection.message))
    };
    batch.lines.into_iter().filter_map(rejected).collect()
}

const ACTION: &str = r#"{"index":{"_index":"ubi_events","_id":"e1"}}"#;
const CLICK: &str = r#"{"application":"shop","action_name":"click","query_id":"q1","client_id":"u1","session_id":"s1","timestamp":"2025-01-24T07:31:30.699+0000","user_query":" Red  Shoes","event_attributes":{"object":{"object_id":"sku1"},"position":{"ordinal":3},"browser":"Mozilla/5.0 (iPhone)"}}"#;
const SEARCH: &str = r#"{"application":"shop","query_id":"q1","client_id":"u1","timestamp":1717527762025,"user_query":"Hat","query_response_hit_ids":[]}"#;
const SEARCH_AGAIN: &str = r#"{"application":"shop","query_id":"q1","timestamp":1717527762099,"user_query":"hat ","query_response_hit_ids":["sku1",2]}"#;
const SEARCH_EVENT: &str = r#"{"application":"shop","action_name":"on_search","message_type":"QUERY","query_id":"q1","timestamp":1717527762000,"message":"HAT","event_attributes":{"result_count":5,"session_id":"s2"}}"#;

#[test]
fn a_click_is_read_in_each_of_the_three_forms() {
    let click = only_click(&[ACTION, CLICK]);
    assert_eq!(click.id.as_deref(), Some("ubi/ubi_events/shop/e1"));
    assert_eq!((click.at_ms, click.rank, click.engine), (1_737_703_890_699, Some(3), Some(ENGINE)));
    assert_eq!((click.doc_id.as_str(), click.query_id.as_deref()), ("sku1", Some("q1")));
    assert_eq!(click.terms.as_ref().map(clicks::SearchTerms::as_str), Some("red shoes"));
    assert_eq!((click.device, click.session.as_deref()), (Some(Device::Mobile), Some("s1")));
    let enveloped = format!(r#"{{"_index":"ubi_events","_id":"e1","_source":{CLICK}}}"#);
    assert_eq!(only_click(&[&enveloped]), click);
    let alone = only_click(&["", CLICK]);
    assert_eq!(alone.id.as_deref(), Some("file/ba7816bf8f01cfea414140de5dae2223/2"));
    assert_eq!(ClickLine { id: None, ..alone }, ClickLine { id: None, ..click });
}

#[test]
fn a_click_tells_only_what_its_event_tells() {
    let bare = r#"{"action_name":"item_click","timestamp":1717527762080,"query_id":"","client_id":"","session_id":"","user_query":"","event_attributes":{"object":{"object_id":77},"browser":"Firefox","session_id":"s9"}}"#;
    let click = only_click(&[ACTION, bare]);
    assert_eq!(click.id.as_deref(), Some("ubi/ubi_events//e1"));
    assert_eq!((click.doc_id.as_str(), click.session.as_deref()), ("77", Some("s9")));
    assert_eq!(
        (click.rank, click.device, click.query_id, click.terms, click.user),
        (None, None, None, None, None)
    );
}

#[test]
fn documents_of_one_search_are_one_search() {
    let batch = read(&[SEARCH, SEARCH_AGAIN, SEARCH, SEARCH_EVENT]);
    let [(1, search)] = searches(&batch)[..] else { panic!("{batch:?}") };
    assert_eq!((search.at_ms, search.query.as_deref()), (1_717_527_762_025, Some("Hat")));
    let shown: Vec<_> = search.doc_ids.iter().flatten().map(clicks::DocId::as_str).collect();
    assert_eq!((shown, search.total_hits), (vec!["sku1", "2"], None));
    assert_eq!((batch.skipped.of(SAME_SEARCH_KIND), batch.skipped.of("on_search")), (2, 1));
}

#[test]
fn a_page_tells_a_search_only_where_the_search_server_is_silent() {
    let other = SEARCH_EVENT.replace("HAT", "hatter");
    let batch = read(&[SEARCH_EVENT, SEARCH_EVENT, &other]);
    let [(1, search)] = searches(&batch)[..] else { panic!("{batch:?}") };
    assert_eq!((search.total_hits, search.session.as_deref()), (Some(5), Some("s2")));
    assert_eq!((batch.skipped.of(SAME_SEARCH_KIND), batch.skipped.of("on_search")), (1, 1));
    let batch = read(&[SEARCH_EVENT, SEARCH_EVENT, SEARCH]);
    let [(3, search)] = searches(&batch)[..] else { panic!("{batch:?}") };
    assert_eq!((search.at_ms, search.total_hits), (1_717_527_762_025, None));
    assert_eq!((batch.skipped.of("on_search"), batch.skipped.total()), (2, 2));
    let nameless = SEARCH_EVENT.replace("\"q1\"", "\"\"");
    assert_eq!(read(&[&nameless]).skipped.of("on_search"), 1);
}

#[test]
fn another_text_under_the_same_id_is_a_conflict() {
    let other = SEARCH.replace("Hat", "Coat");
    let message = "query_id: another search has it (line 1), and the first one counts".to_owned();
    assert_eq!(rejections(&[SEARCH, &other]), [(2, "conflict", message)]);
}

#[test]
fn other_events_are_skipped_by_their_name_without_a_look_at_them() {
    let batch = read(&[
        r#"{"action_name":"impression","timestamp":"soon"}"#,
        r#"{"action_name":"global_click","event_attributes":{"object":{"object_id":"(1, 2)"}}}"#,
        r#"{"action_name":""}"#,
        r#"{"delete":{"_index":"ubi_events","_id":"e1"}}"#,
    ]);
    let kinds: Vec<_> = batch.skipped.kinds().collect();
    assert_eq!(kinds, [("delete", 1), ("global_click", 1), ("impression", 1), ("unnamed", 1)]);
    assert!(batch.lines.is_empty());
}

#[test]
fn a_place_that_can_be_no_rank_leaves_the_click_without_one() {
    let ranks = [("0", Some(0)), ("10000", Some(10_000)), ("10001", None), ("18446744073709551615", None)];
    for (ordinal, rank) in
        ranks.into_iter().chain([("-1", None), ("-9223372036854775808", None), ("null", None)])
    {
        let line = CLICK.replace("\"ordinal\":3", &format!("\"ordinal\":{ordinal}"));
        let batch = read(&[&line]);
        let [(_, Ok(Line::Click(click)))] = batch.lines.as_slice() else {
            panic!("{ordinal}: {:?}", batch.lines)
        };
        assert_eq!(click.rank, rank, "{ordinal}");
    }
}

#[test]
fn what_can_not_be_read_is_rejected_by_line_and_reason() {
    let without = |part: &str| CLICK.replace(part, "\"x\":1");
    let (no_object, no_time) =
        (CLICK.replace("object_id", "internal_id"), without(r#""timestamp":"2025-01-24T07:31:30.699+0000""#));
    let cases: [(&str, &str); 11] = [
        (&no_object, "event_attributes.object.object_id: is required"),
        (&no_time, "timestamp: is required"),
        (&CLICK.replace("2025-01-24T", "yesterday"), "timestamp: must be epoch milliseconds"),
        (&CLICK.replace("2025", "1999"), "timestamp: must not be before 2000-01-01"),
        (&CLICK.replace("\"ordinal\":3", "\"ordinal\":\"3\""), "event_attributes.position.ordinal: must be"),
        (
            &CLICK.replace("\"sku1\"", "[1]"),
            "event_attributes.object.object_id: must be a string or an integer",
        ),
        (&CLICK.replace("\"shop\"", "\"stranger\""), "application: no search engine is known for `stranger`"),
        (&CLICK.replace("\"u1\"", "7"), "client_id: must be a string"),
        (r#"{"user_query":"hat"}"#, "the document has neither a query_id"),
        ("[]", "a document must be a JSON object"),
        ("{\"a\":1,\"a\":1}", "invalid JSON: a key is repeated"),
    ];
    for (line, message) in cases {
        let rejected = rejections(&["{\"index\":{}}", line]);
        assert_eq!(rejected.len(), 1, "{line}");
        assert_eq!(rejected[0].0, 2, "{line}");
        assert!(rejected[0].2.starts_with(message), "{line}: {}", rejected[0].2);
    }
}

#[test]
fn an_action_line_needs_its_document() {
    let lonely = |line: u64| (line, "bad_params", "the action line has no document after it".to_owned());
    assert_eq!(rejections(&[ACTION, ACTION, CLICK, ACTION]), [lonely(1), lonely(4)]);
    let update = r#"{"update":{"_id":"e1"}}"#;
    let message = "an update does not tell a whole document".to_owned();
    assert_eq!(rejections(&[update, r#"{"doc":{}}"#]), [(2, "bad_params", message)]);
    let long = " ".repeat(UBI_LINE_BYTES_MAX) + "{}";
    assert_eq!(rejections(&[ACTION, &long])[0].1, "too_long");
}

#[test]
fn searches_are_handed_over_before_the_clicks_read_with_them() {
    let batch = read(&[CLICK, SEARCH]);
    let order: Vec<u64> = batch.lines.iter().map(|(number, _)| *number).collect();
    assert_eq!(order, [2, 1]);
}

#[test]
fn what_waits_is_bounded_and_nothing_of_it_is_lost() {
    let hits = vec![format!("\"{}\"", "d".repeat(100)); SEARCH_DOCS_MAX].join(",");
    let (mut reader, mut batch) = (reader(), Batch::default());
    let (mut held_bytes_max, searches) = (0, 2_000);
    for number in 1..=searches {
        let line =
            format!(r#"{{"query_id":"q{number}","timestamp":{NOW_MS},"query_response_hit_ids":[{hits}]}}"#);
        reader.line(number, line.as_bytes(), &mut batch);
        held_bytes_max = held_bytes_max.max(reader.searches.bytes());
    }
    let early = batch.lines.len() as u64;
    assert!(early > 0 && early < searches, "{early}");
    assert!(held_bytes_max < UBI_BYTES_BUFFERED_MAX, "{held_bytes_max}");
    reader.finish(&mut batch);
    assert_eq!(batch.lines.len() as u64, searches);
}

#[test]
fn no_bytes_make_the_reader_fail_in_another_way() {
    let seed = 13;
    let mut chance = Chance::new(seed);
    let lines = [ACTION, CLICK, SEARCH, SEARCH_AGAIN, SEARCH_EVENT, ""];
    let pieces: [&[u8]; 9] = [b"\"", b"{", b"}", b"null", b"-1", b"1e9", b"\xff", b"[]", b"\"query_id\":"];
    let (mut reader, mut batch) = (reader(), Batch::default());
    for number in 1..20_000 {
        let mut bytes = chance.pick(&lines).as_bytes().to_vec();
        for _ in 0..chance.below(3) {
            let at = chance.below(bytes.len() + 1);
            let until = (at + chance.below(6)).min(bytes.len());
            bytes.splice(at..until, chance.pick(&pieces).iter().copied());
        }
        reader.line(number, &bytes, &mut batch);
    }
    reader.finish(&mut batch);
    assert!(batch.skipped.total() > 0 && !batch.lines.is_empty(), "seed {seed}");
}
