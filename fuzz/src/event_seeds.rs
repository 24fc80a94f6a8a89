//! First inputs for the doors that record: what clients of each dialect send.

use clicks::ItemDigest;

use crate::doors::DOORS;
use crate::world::ENGINES;

const JSON: u8 = 0;
const TEXT: u8 = 1;
const LINES: u8 = 2;
const UNSAID: u8 = 3;
const IN_PAGE: u8 = 4;
const FROM_PAGES: u8 = 8;
const FROM_SITE: u8 = 16;
const FROM_FOREIGN: u8 = 24;
const OPTS_OUT: u8 = 32;
const NAMED: u8 = 64;
const MOBILE: u8 = 128;

/// What clients of each dialect send.
///
/// # Panics
/// When a path is not a door's.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let all = [insights(), native(), documents(), doofinder(), fess()].concat();
    let seed = |(path, flags, query, body): (&str, u8, String, String)| {
        let door = DOORS.iter().position(|door| door.path.ends_with(path)).expect("a door");
        [&[u8::try_from(door).unwrap(), flags][..], query.as_bytes(), b"\n", body.as_bytes()].concat()
    };
    all.into_iter().map(seed).collect()
}

type Sent = (&'static str, u8, String, String);

fn sent(path: &'static str, flags: u8, query: &str, body: &str) -> Sent {
    (path, flags, query.to_owned(), body.to_owned())
}

fn insights() -> Vec<Sent> {
    const CLICK: &str = r#"{"eventType":"click","eventName":"Product Clicked","index":"product","userToken":"anonymous-1","timestamp":1717236000000,"objectIDs":["sku1","sku2"],"positions":[1,2],"queryID":"43b15df305339e827f0ac0bdc5ebcaa7"}"#;
    let events = |events: &str| format!(r#"{{"events":[{events}]}}"#);
    let others = r#"{"eventType":"view","eventName":"Seen","index":"product","userToken":7,"objectIDs":["sku1"]},{"eventType":"conversion","eventSubtype":"purchase","eventName":"Bought","index":"product","userToken":"u","authenticatedUserToken":"me","objectIDs":["sku1"],"objectData":[{"price":1.5,"quantity":1}],"value":1.5,"currency":"EUR"},{"eventType":"click","eventName":"Filtered","index":"product","userToken":"u","filters":["brand:red"]}"#;
    let untimed = CLICK.replace(r#""timestamp":1717236000000,"#, "");
    let by_hashid = CLICK.replace("\"product\"", &format!("\"{}:product\"", ENGINES[0]));
    let agent = "X-Algolia-Agent=insights-js%20(2.17.3)%3B%20insights-middleware";
    vec![
        sent("/1/events", TEXT | IN_PAGE | FROM_PAGES, agent, &events(CLICK)),
        sent("/1/events", UNSAID | IN_PAGE | OPTS_OUT | MOBILE, agent, &events(CLICK)),
        sent("/1/events", JSON, "", &events(&format!("{CLICK},{others}"))),
        sent("/1/events", JSON, "", &events(&format!("{untimed},{CLICK},{CLICK}"))),
        sent("/1/events", JSON | IN_PAGE | FROM_FOREIGN, "", &events(CLICK)),
        sent("/1/events", JSON, "", &events(&by_hashid)),
        sent("/1/events", JSON, "", &events(&CLICK.replace("[1,2]", "[0,2]"))),
        sent("/1/events", JSON, "", &events("")),
    ]
}

fn native() -> Vec<Sent> {
    const CLICK: &str = r#"{"type":"click","id":"c1","at":1717236000000,"doc_id":"sku1","query_id":"s1","rank":1,"device":"mobile","product_type":"search","user":"u","session":"s","index":"product","query":"Red  shoes","searched_at":1717235990000}"#;
    let engine = ENGINES[0];
    let search = format!(
        r#"{{"type":"search","id":"s1","at":1717235999000,"hashid":"{engine}","indices":["product"],"query":"red shoes","total_hits":2,"doc_ids":["sku1","sku2"],"user":"u"}}"#
    );
    let redirected =
        search.replace(r#""id":"s1""#, r#""id":"s2","kind":"redirected""#).replace(r#","sku2""#, "");
    let item = format!(
        r#"{{"type":"item","hashid":"{engine}","index":"product","doc_id":"sku9","title":"Hat","link":"https://shop.example.com/hat"}}"#
    );
    let short = r#"{"type":"click","doc_id":"sku1"}"#;
    vec![
        sent("/v1/collect", TEXT | IN_PAGE | FROM_PAGES, "", &format!("{search}\n{CLICK}\n")),
        sent("/v1/collect", JSON | IN_PAGE, "", &format!("[{search},\n{CLICK},{short}]")),
        sent("/v1/collect", JSON | IN_PAGE | OPTS_OUT | MOBILE, "", &CLICK.replace(',', ",\n ")),
        sent("/v1/collect", LINES | IN_PAGE | FROM_FOREIGN, "", CLICK),
        sent("/v1/collect", TEXT | IN_PAGE, "", &format!("{item}\n{short}\n{{\n")),
        sent("/v1/collect", TEXT, "", CLICK),
        sent("/v1/events", LINES | NAMED, "", &format!("{item}\n{search}\n{redirected}\n{CLICK}\n\n[]\n")),
        sent("/v1/events", LINES, "", &format!("{CLICK}\n{CLICK}\n{}\n", CLICK.replace("c1", "c2"))),
        sent("/v1/events", LINES | IN_PAGE | FROM_PAGES, "", &format!("{CLICK}\n{item}\n")),
        sent("/v1/events", LINES, "", &search.replace('1', "2")),
    ]
}

fn documents() -> Vec<Sent> {
    const CLICK: &str = r#"{"application":"","action_name":"click","query_id":"u1","client_id":"visitor","session_id":"s","timestamp":"2024-06-01T09:59:59.5Z","message_type":"CLICK_THROUGH","event_attributes":{"browser":"Mozilla/5.0 (iPhone)","object":{"object_id":"sku1","object_id_field":"id"},"position":{"ordinal":1}},"user_query":"red"}"#;
    const SEARCH: &str = r#"{"application":"","query_id":"u1","client_id":"visitor","user_query":"red","timestamp":"2024-06-01T09:59:58.000Z","query_response_hit_ids":["sku1","sku2"],"query_response_id":"r1"}"#;
    const EVENT: &str = r#"{"action_name":"on_search","message_type":"QUERY","message":"red","query_id":"u2","timestamp":"2024-06-01T09:59:58+0000","event_attributes":{"result_count":2}}"#;
    let bulk = format!(
        "{{\"index\":{{\"_index\":\"ubi_queries\",\"_id\":\"1\"}}}}\n{SEARCH}\n{{\"create\":{{\"_index\":\"ubi_events\",\"_id\":\"e1\"}}}}\n{CLICK}\n{{\"index\":{{\"_index\":\"ubi_events\"}}}}\n{EVENT}\n"
    );
    let bad = "{\"index\":{}}\n{\"action_name\":\"click\"}\n{\"delete\":{\"_id\":\"1\"}}\n{\"update\":{\"_id\":2}}\n{\"doc\":{}}\n{\"index\":{\"_index\":\"other\"}}\n{}\n";
    let mut all = vec![
        sent("/_bulk", LINES, "", &bulk),
        sent("/_bulk", JSON | IN_PAGE | FROM_PAGES | OPTS_OUT, "", &bulk),
        sent("/ubi_events/_bulk", LINES, "refresh=true", bad),
        sent("/ubi_queries/_bulk", LINES, "", &format!("{{\"index\":{{}}}}\n{SEARCH}\n")),
        sent("/ubi_events", JSON | IN_PAGE | FROM_PAGES, "", &format!("[{EVENT},{CLICK}]")),
        sent("/ubi_events", TEXT | IN_PAGE | FROM_FOREIGN, "", CLICK),
        sent("/ubi_queries", JSON, "", SEARCH),
        sent("/ubi_events/_doc", JSON, "", CLICK),
        sent("/ubi_events/_doc/e1", JSON, "", CLICK),
        sent("/ubi_events/_doc/e1", UNSAID, "", &CLICK.replace("\"ordinal\":1", "\"ordinal\":-1")),
        sent("/ubi_queries/_create/q1", JSON, "", SEARCH),
    ];
    // A real log, of a day that the server's clock believes.
    let excerpt = include_str!("../../crates/server/tests/fixtures/ubi/excerpt.ndjson");
    let of_today = |line: &str| match line.split_once("\"timestamp\": \"") {
        Some((before, after)) => {
            format!("{before}\"timestamp\":\"2024-06-01{}\n", after.get(10..).unwrap_or_default())
        }
        None => format!("{line}\n"),
    };
    let lines: Vec<String> = excerpt.lines().map(of_today).collect();
    all.extend(lines.chunks(6).take(8).map(|some| sent("/_bulk", LINES, "", &some.concat())));
    all
}

fn doofinder() -> Vec<Sent> {
    let engine = ENGINES[0];
    let dfid = format!("{engine}@product@{}", ItemDigest::of("sku1"));
    let query = format!("dfid={}&session_id=s1&query=Red++Shoes&position=2", dfid.replace('@', "%40"));
    let body = format!(
        r#"{{"dfid":"{dfid}","session_id":"0123456789abcdef0123456789abcdef","user_id":"u1","query":"HAT","position":3,"custom_results_id":"5"}}"#
    );
    vec![
        sent("stats/click", UNSAID, &query, ""),
        sent("stats/click", JSON | FROM_SITE, "", &body),
        sent("stats/click", JSON | IN_PAGE | FROM_PAGES | OPTS_OUT | MOBILE, "position=1", &body),
        sent("stats/click", JSON | IN_PAGE | FROM_FOREIGN, "", &body),
        sent("stats/image", JSON, "", r#"{"id":17,"session_id":"s1","query":"x"}"#),
        sent("stats/image", UNSAID, "id=17&session_id=s1", ""),
        sent("stats/init", JSON | FROM_SITE, "", r#"{"session_id":"s1","user_id":"u1"}"#),
        sent("stats/init", UNSAID | OPTS_OUT, "session_id=s1", ""),
        sent(
            "stats/redirect",
            JSON,
            "",
            r#"{"id":"9771","session_id":"s1","query":"hat","link":"https://a.b/"}"#,
        ),
        sent("/5/stats/click", UNSAID, &format!("hashid={engine}&{query}&random=1&callback=x"), ""),
        sent("/5/stats/click", FROM_SITE, &query, ""),
        sent("/5/stats/click", 0, &format!("hashid={engine}&id=sku2&datatype=product&session_id=s1"), ""),
        sent("/5/stats/img_click", UNSAID, &format!("hashid={engine}&img_id=3"), ""),
        sent("/5/stats/init", UNSAID, &format!("hashid={engine}&session_id=s1"), ""),
        sent("/5/stats/redirect", UNSAID, &format!("hashid={engine}&session_id=s1&id=4&query=a"), ""),
    ]
}

fn fess() -> Vec<Sent> {
    let body = r#"{"doc_id":"sku1","query_id":"q1","rank":1,"rt":1717142400000}"#;
    vec![
        sent("/api/v2/click", JSON, "", body),
        sent("/api/v2/click", JSON | NAMED | FROM_PAGES | MOBILE, "userCode=given_given_given_given", body),
        sent("/api/v2/click", JSON | OPTS_OUT, "", r#"{"doc_id":"sku2"}"#),
        sent("/api/v2/click", JSON | FROM_FOREIGN, "", body),
        sent("/api/v2/click", TEXT, "", body),
        sent("/api/v2/click", JSON, "", r#"{"doc_id":"","rank":-1}"#),
        sent("/go/", UNSAID, "docId=sku1&queryId=q1&order=1&rt=1717142400000&hash=%23page%3D2", ""),
        sent("/go/", UNSAID | OPTS_OUT | MOBILE, "docId=sku1&userCode=given_given_given_given", ""),
        sent("/go/", UNSAID, "docId=sku2", ""),
    ]
}
