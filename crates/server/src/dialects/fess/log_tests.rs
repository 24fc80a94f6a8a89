//! The tests of `log`: lines as Fess writes them, in each of its forms.

use super::*;
use crate::chance::Chance;

const NOW_MS: i64 = 1_717_236_000_000;
const ENGINE: Hashid = Hashid::from_bytes([0xd8; 16]);
const SEARCH: &str = r#"{"id":"k1","query-id":"bd60f9579a494dfd8c03db7c8aa905b0","user-info-id":"u1","user-session-id":"4f0ad9","user":null,"search-word":"red shoes","hit-count":31625,"query-page-size":20,"query-offset":0,"referer":null,"languages":"en","roles":["Rguest"],"user-agent":"Mozilla/5.0 (iPhone)","client-ip":"192.0.2.1","access-type":"web","query-time":5,"response-time":21,"requested-at":"2024-05-31T22:00:00.123","search-field":{},"headers":{}}"#;
const CLICK: &str = r#"{"id":"c1","query-id":"bd60f9579a494dfd8c03db7c8aa905b0","user-session-id":"4f0ad9","doc-id":"a5e1f0","url":"https://www.example.com/","order":2,"query-requested-at":"2024-05-31T22:00:00.123","requested-at":"2024-05-31T22:00:07.456"}"#;

fn reader(zone: &str) -> FessReader {
    let digest = FileDigest::of_bytes(b"abc");
    let zone = Zone::parse(zone).unwrap();
    FessReader::new(FessOptions {
        engine: ENGINE,
        defaults: Defaults::default(),
        digest,
        zone,
        now_ms: NOW_MS,
    })
}

fn read_in(zone: &str, lines: &[&str]) -> Batch {
    let (mut reader, mut batch) = (reader(zone), Batch::default());
    for (number, line) in (1..).zip(lines) {
        reader.line(number, line.as_bytes(), &mut batch);
    }
    reader.finish(&mut batch);
    batch
}

fn only(lines: &[&str]) -> Line {
    let batch = read_in("Z", lines);
    match batch.lines.as_slice() {
        [(_, Ok(line))] => line.clone(),
        other => panic!("not one line: {other:?}"),
    }
}

fn click(lines: &[&str]) -> ClickLine {
    match only(lines) {
        Line::Click(click) => click,
        other => panic!("no click: {other:?}"),
    }
}

fn search(lines: &[&str]) -> SearchLine {
    match only(lines) {
        Line::Search(search) => search,
        other => panic!("no search: {other:?}"),
    }
}

#[test]
fn a_backup_tells_searches_and_clicks_in_utc() {
    let told = search(&[SEARCH]);
    assert_eq!((&*told.id, told.at_ms), ("bd60f9579a494dfd8c03db7c8aa905b0", 1_717_192_800_123));
    assert_eq!((told.query.as_deref(), told.total_hits), (Some("red shoes"), Some(31_625)));
    assert_eq!(
        (told.device, told.user.as_ref().map(UserCode::as_str)),
        (Some(Device::Mobile), Some("4f0ad9"))
    );
    let told = click(&[CLICK]);
    assert_eq!((told.id.as_deref(), told.doc_id.as_str(), told.rank), (Some("fess/c1"), "a5e1f0", Some(2)));
    assert_eq!((told.at_ms, told.searched_ms), (1_717_192_807_456, Some(1_717_192_800_123)));
    assert_eq!(
        (told.query_id.as_deref(), told.engine),
        (Some("bd60f9579a494dfd8c03db7c8aa905b0"), Some(ENGINE))
    );
}

#[test]
fn the_log_file_and_the_index_tell_the_same_in_their_spellings() {
    let mut underscores = CLICK.replace("\"id\"", "\"_id\"");
    for [hyphens, with, _] in [QUERY_ID, USER_SESSION_ID, DOC_ID, QUERY_REQUESTED_AT, REQUESTED_AT] {
        underscores = underscores.replace(&format!("\"{hyphens}\""), &format!("\"{with}\""));
    }
    let file = underscores.replacen('{', "{\"event_type\":\"click\",", 1);
    assert_eq!(click(&[&file]), click(&[CLICK]));
    let camel = r#"{"queryId":"bd60f9579a494dfd8c03db7c8aa905b0","userSessionId":"4f0ad9","docId":"a5e1f0","url":"https://www.example.com/","urlId":"x","order":2,"queryRequestedAt":"2024-05-31T22:00:00.123Z","requestedAt":"2024-05-31T22:00:07.456Z"}"#;
    let action = r#"{"index":{"_index":"fess_log.click_log","_id":"c1"}}"#;
    assert_eq!(click(&[action, camel]), click(&[CLICK]));
    let dumped = format!(r#"{{"_index":"fess_log.click_log","_id":"c1","_source":{camel}}}"#);
    assert_eq!(click(&[&dumped]), click(&[CLICK]));
}

#[test]
fn shown_documents_are_those_that_the_log_has() {
    let with = |documents: &str| {
        let line = SEARCH.replacen('{', &format!("{{\"documents\":{documents},"), 1);
        let batch = read_in("Z", &[&line]);
        batch.lines.into_iter().next().unwrap().1
    };
    let Ok(Line::Search(told)) = with(r#"[{"doc_id":"a","title":"A"},{"doc_id":"b"}]"#) else { panic!() };
    let shown: Vec<_> = told.doc_ids.iter().flatten().map(DocId::as_str).collect();
    assert_eq!(shown, ["a", "b"]);
    assert_eq!(search(&[SEARCH]).doc_ids, None);
    assert!(with(r#"[{"title":"A"}]"#).is_err());
    let many = format!("[{}]", vec![r#"{"doc_id":"a"}"#; SEARCH_DOCS_MAX + 1].join(","));
    let Ok(Line::Search(told)) = with(&many) else { panic!() };
    assert_eq!(told.doc_ids, None);
}

#[test]
fn csv_is_told_by_the_place_of_its_columns_in_the_zone_of_its_server() {
    let line = r#"bd60f9579a494dfd8c03db7c8aa905b0,4f0ad9,a5e1f0,https://www.example.com/,2,2024-06-01T07:00:00.123,2024-06-01T07:00:07.456"#;
    let told = |zone: &str| match read_in(zone, &[line]).lines.as_slice() {
        [(1, Ok(Line::Click(click)))] => click.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(ClickLine { id: None, ..told("Asia/Tokyo") }, ClickLine { id: None, ..click(&[CLICK]) });
    assert_eq!(told("Asia/Tokyo").id.as_deref(), Some("file/ba7816bf8f01cfea414140de5dae2223/1"));
    assert_eq!(told("Z").at_ms - told("Asia/Tokyo").at_ms, 9 * 3_600_000);
    let search_cells = |roles: &str| {
        format!(
            r#"q1,u1,4f0ad9,,"red ""big"", shoes",12,20,0,,en,{roles}Mozilla/5.0 (iPhone),192.0.2.1,web,5,21,2024-05-31T22:00:00.123,label,docs"#
        )
    };
    for line in [search_cells(","), search_cells("")] {
        let told = search(&[&line]);
        assert_eq!(
            (told.query.as_deref(), told.total_hits),
            (Some("red \"big\", shoes"), Some(12)),
            "{line}"
        );
        assert_eq!((told.device, told.at_ms), (Some(Device::Mobile), 1_717_192_800_123));
    }
}

#[test]
fn clocks_that_were_moved_are_read_right() {
    let at = |local: &str| {
        let line = format!("q,u,d,https://x,1,{local},{local}");
        match read_in("Europe/Madrid", &[&line]).lines.as_slice() {
            [(_, Ok(Line::Click(click)))] => click.at_ms,
            other => panic!("{other:?}"),
        }
    };
    let utc = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert_eq!(at("2024-03-31T01:59:59.999"), utc("2024-03-31T00:59:59.999Z"));
    assert_eq!(at("2024-03-31T03:00:00.000"), utc("2024-03-31T01:00:00Z"));
    assert_eq!(at("2023-10-29T03:00:00.000"), utc("2023-10-29T02:00:00Z"));
}

#[test]
fn documents_of_the_index_are_items() {
    let document = r#"{"doc_id":"a5e1f0","url":"https://www.example.com/a","title":"A page","content":"words","created":"2024-06-01T00:00:00.000Z","click_count":3}"#;
    let action = r#"{"index":{"_index":"fess.20240601","_id":"https%3A"}}"#;
    let Line::Item(item) = only(&[action, document]) else { panic!("no item") };
    assert_eq!((item.doc_id.as_str(), item.index.as_str()), ("a5e1f0", FESS_INDEX));
    assert_eq!(
        (item.title.as_deref(), item.link.as_deref()),
        (Some("A page"), Some("https://www.example.com/a"))
    );
    for url in ["file:///srv/a.pdf", "smb://host/a", "javascript:alert(1)", "https://a b"] {
        let Line::Item(item) = only(&[&document.replace("https://www.example.com/a", url)]) else { panic!() };
        assert_eq!(item.link, None, "{url}");
    }
}

#[test]
fn what_tells_nothing_of_clicks_is_skipped_by_its_kind() {
    let lines = [
        r#"{"id":"u","created-at":"2024-05-31T22:00:00.123","updated-at":"2024-05-31T22:00:00.123"}"#,
        r#"{"id":"f","created-at":"2024-05-31T22:00:00.123","query-id":"q","user-info-id":"u","doc-id":"d","url":"https://x"}"#,
        r#"{"event_type":"favorite","doc_id":"d"}"#,
        r#"{"search-word":"x","requested-at":"2024-05-31T22:00:00.123","query-id":null}"#,
        "2024-05-31T22:00:00.123,2024-05-31T22:00:00.123",
        "q,u,d,https://x,2024-05-31T22:00:00.123",
        "",
    ];
    let batch = read_in("Z", &lines);
    let kinds: Vec<_> = batch.skipped.kinds().collect();
    assert_eq!(kinds, [("favorite_log", 3), ("search_without_query_id", 1), ("user_info", 2)]);
    assert!(batch.lines.is_empty());
}

#[test]
fn what_can_not_be_read_is_rejected_by_its_reason() {
    let cases = [
        (CLICK.replace("\"doc-id\":\"a5e1f0\"", "\"doc-id\":7"), "doc-id: must be a string"),
        (CLICK.replace("2024-05-31T22:00:07.456", "yesterday"), "requested-at: must be a time"),
        (
            CLICK.replace("2024-05-31T22:00:07.456", "1999-05-31T22:00:07.456"),
            "requested-at: must not be before",
        ),
        (
            CLICK.replace("2024-05-31T22:00:07.456", "2024-06-05T22:00:07.456"),
            "requested-at: must not be more",
        ),
        (CLICK.replace("\"order\":2", "\"order\":-1"), "order: must be an integer"),
        (SEARCH.replace("31625", "\"many\""), "hit-count: must be an integer"),
        ("{}".to_owned(), "the line is no search"),
        ("{".to_owned(), "invalid JSON"),
        ("a,b,c".to_owned(), "neither a JSON object"),
    ];
    for (line, message) in cases {
        let batch = read_in("Z", &[&line]);
        let [(1, Err(rejection))] = batch.lines.as_slice() else { panic!("{line}: {batch:?}") };
        assert!(rejection.message.starts_with(message), "{line}: {}", rejection.message);
    }
    let lonely = read_in("Z", &[r#"{"index":{"_id":"1"}}"#]);
    assert_eq!(lonely.lines.len(), 1);
}

#[test]
fn no_bytes_make_the_reader_fail_in_another_way() {
    let seed = 19;
    let mut chance = Chance::new(seed);
    let csv = "q,u,d,https://x,1,2024-05-31T22:00:00.123,2024-05-31T22:00:00.123";
    let lines = [SEARCH, CLICK, csv, r#"{"index":{"_id":"1"}}"#, ""];
    let pieces: [&[u8]; 9] = [b"\"", b"{", b"}", b"null", b"-1", b",", b"\xff", b"[]", b"T99:"];
    let (mut reader, mut batch) = (reader("Europe/Madrid"), Batch::default());
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
    assert!(batch.lines.iter().filter(|(_, line)| line.is_ok()).count() > 1_000, "seed {seed}");
}
