//! The tests of `events`: what is taken as the API's clients send it, and what is refused by its name.

use super::*;
use crate::chance::Chance;

const NOW_MS: i64 = 1_717_236_000_000;
const CLICK: &str = r#"{"eventType":"click","eventName":"Product Clicked","index":"product","userToken":"u-1","authenticatedUserToken":"a","queryID":"q1","objectIDs":["sku1","sku2"],"positions":[7,12000]}"#;

fn read_events(events: &[&str]) -> Result<Told, String> {
    read(format!(r#"{{"events":[{}]}}"#, events.join(",")).as_bytes(), NOW_MS)
}

#[test]
fn a_click_after_a_search_is_one_click_for_each_object() {
    let told = read_events(&[CLICK]).unwrap();
    let [first, second] = told.clicks.as_slice() else { panic!("{told:?}") };
    assert_eq!((first.doc_id.as_str(), first.rank, first.query_id.as_deref()), ("sku1", Some(7), Some("q1")));
    assert_eq!((first.at_ms, first.user.as_str(), &*first.index), (NOW_MS, "u-1", "product"));
    assert_eq!((second.doc_id.as_str(), second.rank), ("sku2", None), "beyond the largest rank that is kept");
    assert_eq!((&first.id, told.others), (&None, 0));
}

#[test]
fn what_is_no_click_on_a_result_is_taken_and_counted() {
    let plain = r#""eventName":"x","index":"product","userToken":7"#;
    let events = [
        format!(r#"{{"eventType":"view",{plain},"objectIDs":["a"]}}"#),
        format!(r#"{{"eventType":"view",{plain},"filters":["brand%3Aapple"]}}"#),
        format!(r#"{{"eventType":"click",{plain},"filters":["brand:apple"]}}"#),
        format!(
            r#"{{"eventType":"conversion","eventSubtype":"purchase",{plain},"objectIDs":["a"],"objectData":[{{"price":"9.99","quantity":2}}],"value":9.99,"currency":"EUR"}}"#
        ),
        format!(r#"{{"eventType":"conversion",{plain},"objectIDs":["a"],"queryID":"q1"}}"#),
        format!(r#"{{"eventType":"click",{plain},"objectIDs":["a"],"algoliaSource":["instantsearch"]}}"#),
    ];
    let told = read_events(&events.each_ref().map(String::as_str)).unwrap();
    assert_eq!((told.clicks.len(), told.others), (1, 5));
    assert_eq!((told.clicks[0].rank, told.clicks[0].event, told.clicks[0].user.as_str()), (None, 5, "7"));
}

#[test]
fn an_event_that_tells_its_millisecond_is_recognised_when_it_comes_again() {
    let stamped = CLICK.replace("\"queryID\"", "\"timestamp\":1717235999000,\"queryID\"");
    let ids = |event: &str| {
        let told = read_events(&[event]).unwrap();
        told.clicks.into_iter().map(|click| click.id.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&stamped), ids(&stamped));
    assert_ne!(ids(&stamped)[0], ids(&stamped)[1]);
    for other in [("999000", "999001"), ("u-1", "u-2"), ("q1", "q2"), ("[7,", "[8,"), ("Product C", "C")] {
        assert_ne!(ids(&stamped)[0], ids(&stamped.replace(other.0, other.1))[0], "{other:?}");
    }
    let twice = stamped.replace("sku2", "sku1").replace("12000", "7");
    assert_ne!(ids(&twice)[0], ids(&twice)[1], "two objects of one event are two clicks");
}

#[test]
fn one_bad_event_refuses_all_and_is_named() {
    let with = |from: &str, to: &str| {
        let changed = CLICK.replace(from, to);
        assert_ne!(changed, CLICK, "{from}");
        read_events(&[CLICK, &changed]).unwrap_err()
    };
    let cases = [
        ("\"click\"", "\"tap\"", "eventType: must be one of"),
        ("\"eventType\":\"click\",", "", "eventType: is required"),
        ("\"click\"", "\"view\"", "positions: belongs to clicks"),
        ("Product Clicked", "", "eventName: must have"),
        ("Product Clicked", "Gekl\u{fc}ckt", "eventName: must have"),
        ("\"index\":\"product\",", "", "index: is required"),
        ("\"userToken\":\"u-1\",", "", "userToken: is required"),
        ("u-1", "a b", "userToken: must have"),
        ("\"a\"", "\"\"", "authenticatedUserToken: must have"),
        ("[7,12000]", "[7]", "positions: must be an array"),
        ("[7,12000]", "[0,1]", "positions: must be an array"),
        ("[7,12000]", "[7.5,1]", "positions: must be an array"),
        (",\"positions\":[7,12000]", "", "positions: is required"),
        ("[\"sku1\",\"sku2\"]", "[]", "objectIDs: must have at least"),
        ("[\"sku1\",\"sku2\"]", "[1]", "objectIDs: must be an array of strings"),
        ("\"objectIDs\":[\"sku1\",\"sku2\"],\"positions\":[7,12000]", "\"x\":1", "objectIDs: is required"),
        ("\"queryID\"", "\"filters\":[\"a:b\"],\"queryID\"", "objectIDs: can't be given together"),
        ("\"queryID\":\"q1\"", "\"queryID\":7", "queryID: must be a string"),
        ("\"queryID\"", "\"eventSubtype\":\"purchase\",\"queryID\"", "eventSubtype: must be"),
        ("\"queryID\"", "\"objectData\":[{}],\"queryID\"", "objectData: must be"),
        ("\"queryID\"", "\"timestamp\":1687193127,\"queryID\"", "timestamp: must be epoch milliseconds"),
        ("\"queryID\"", "\"timestamp\":\"x\",\"queryID\"", "timestamp: must be epoch milliseconds"),
    ];
    for (from, to, message) in cases {
        let told = with(from, to);
        assert!(told.starts_with(&format!("events[1].{message}")), "{from} {to}: {told}");
    }
    let many = vec!["\"a\""; 21].join(",");
    assert!(with("\"sku1\",\"sku2\"", &many).contains("objectIDs: must have at most 20"));
}

#[test]
fn four_days_back_and_one_ahead_are_taken_to_the_millisecond() {
    let at = |at_ms: i64| {
        read_events(&[&CLICK.replace("\"queryID\"", &format!("\"timestamp\":{at_ms},\"queryID\""))]).is_ok()
    };
    assert_eq!([NOW_MS - EVENT_AGE_MS_MAX, NOW_MS - EVENT_AGE_MS_MAX - 1].map(at), [true, false]);
    assert_eq!([NOW_MS + AHEAD_MS_MAX, NOW_MS + AHEAD_MS_MAX + 1].map(at), [true, false]);
}

#[test]
fn a_body_is_an_object_with_one_to_a_thousand_events() {
    let refused = |body: &str| read(body.as_bytes(), NOW_MS).unwrap_err();
    assert!(refused("").starts_with("invalid JSON"));
    assert_eq!(refused("[]"), "The body must be a JSON object with the field `events`");
    assert_eq!(refused("{}"), "events: is required");
    assert_eq!(refused(r#"{"events":{}}"#), "events: must be an array of events");
    assert_eq!(refused(r#"{"events":[]}"#), "events: No events to process");
    assert_eq!(refused(r#"{"events":[7]}"#), "events[0].: must be an object");
    assert!(read_events(&vec![CLICK; EVENTS_MAX]).is_ok());
    assert_eq!(
        read_events(&vec![CLICK; EVENTS_MAX + 1]),
        Err("events: must have at most 1000 entries".to_owned())
    );
}

#[test]
fn no_bytes_make_the_reader_panic() {
    let seed = 17;
    let mut chance = Chance::new(seed);
    let whole = format!(r#"{{"events":[{CLICK},{CLICK}]}}"#);
    let pieces: [&[u8]; 8] = [b"\"", b"{", b"]", b"null", b"-1", b"1e9", b"\xff", b"\"timestamp\":0,"];
    let mut taken = 0;
    for _ in 0..20_000 {
        let mut bytes = whole.as_bytes().to_vec();
        for _ in 0..chance.below(3) {
            let at = chance.below(bytes.len() + 1);
            let until = (at + chance.below(6)).min(bytes.len());
            bytes.splice(at..until, chance.pick(&pieces).iter().copied());
        }
        taken += usize::from(read(&bytes, NOW_MS).is_ok());
    }
    assert!(taken > 1_000, "seed {seed}");
}
