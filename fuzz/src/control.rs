//! The control socket: commands, exports and imports, as a command line of any version may ask for them. Each is answered;
//! what is refused says why in words; and a sum is the sum of its rows.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use server::control::{COMMAND_PATH, EXPORT_PATH, IMPORT_PATH};
use tower::ServiceExt;

use crate::input::Input;
use crate::memory::bounded;
use crate::site::{RUNTIME, Site};

/// Sends commands to a site: each is a byte that tells the door, and JSON.
pub fn run(bytes: &[u8]) {
    // A century of days is some megabytes.
    let allowed = bytes.len() + (64 << 10);
    Site::with(|site| {
        for piece in Input::new(bytes).pieces().take(4) {
            let mut input = Input::new(piece);
            let request = match input.byte() % 4 {
                0 | 1 => Request::post(COMMAND_PATH).body(Body::from(input.rest().to_vec())),
                2 => Request::post(EXPORT_PATH).body(Body::from(input.rest().to_vec())),
                _ => import(input),
            };
            let Ok(request) = request else { continue };
            let answering = async {
                let (parts, body) = site.control.clone().oneshot(request).await.unwrap().into_parts();
                (parts.status, body.collect().await.expect("a store in memory is read to its end").to_bytes())
            };
            let (status, body) = bounded(allowed, || RUNTIME.block_on(answering));
            check(status, &body);
        }
    });
}

/// What is asked, up to a line's end, and the file.
fn import(input: Input<'_>) -> Result<Request<Body>, axum::http::Error> {
    let mut parts = input.rest().splitn(2, |byte| *byte == b'\n');
    let (ask, file) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let ask: String = ask.iter().map(|byte| format!("%{byte:02x}")).collect();
    Request::post(format!("{IMPORT_PATH}?ask={ask}")).body(Body::from(file.to_vec()))
}

fn check(status: StatusCode, body: &[u8]) {
    if status == StatusCode::OK {
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        if let (Some(rows), Some(total)) = (told["results"].as_array(), told["total_count"].as_u64()) {
            let counts: u64 = rows.iter().filter_map(|row| row["count"].as_u64()).sum();
            assert!(counts <= total, "{told}");
        }
        return;
    }
    assert_eq!(status, StatusCode::BAD_REQUEST, "{}", String::from_utf8_lossy(body));
    let told: Option<Value> = serde_json::from_slice(body).ok();
    // A query string that can't be read is refused before it is ours.
    let error = told.as_ref().and_then(|told| told["error"].as_str());
    assert!(error.is_none_or(|error| !error.is_empty()));
}

/// Each command, an import and an export.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let stats = |by: &str| {
        format!(
            r#"{{"command":"stats","account":"shop","from":"20240530","to":"1717236000","tz":"Europe/Madrid","hashids":[],"indices":["product"],"device":"mobile","query":"Red shoes","dfid":null,"product_types":["search"],"by":"{by}","rows_max":10}}"#
        )
    };
    let export = |format: &str| {
        format!(
            r#"{{"account":null,"from":"20240530","to":"20240603","tz":"+05:30","hashids":[],"format":"{format}"}}"#
        )
    };
    let commands = [
        r#"{"command":"account_create","name":"another"}"#.to_owned(),
        r#"{"command":"account_list"}"#.to_owned(),
        r#"{"command":"key_create","account":"shop","scopes":"read,write"}"#.to_owned(),
        r#"{"command":"key_list","account":null}"#.to_owned(),
        r#"{"command":"key_revoke","id":"0123456789abcdef"}"#.to_owned(),
        r#"{"command":"engine_create","account":"shop","hashid":"33333333333333333333333333333333","name":"A","indices":["x"],"sites":["A.example.com."]}"#.to_owned(),
        r#"{"command":"engine_list","account":"shop"}"#.to_owned(),
        r#"{"command":"erase","account":"shop","user":"visitor1"}"#.to_owned(),
        r#"{"command":"check"}"#.to_owned(),
        r#"{"command":"backup","directory":"/tmp/x","with_secret":false}"#.to_owned(),
        stats("day"),
        stats("day_and_engine"),
        stats("engine"),
        stats("device"),
        stats("search"),
        stats("item"),
        r#"{"command":"state"}"#.to_owned(),
        r#"{"command":"stats","account":null,"from":"30d","to":"today","tz":"Europe/Madrid","hashids":[],"engines":["A"],"indices":[],"device":null,"query":null,"dfid":null,"doc_id":"sku1","product_types":[],"of":"clicks","by":"item_rank","rows_max":10}"#.to_owned(),
        r#"{"command":"stats","account":null,"from":"2024-05-30","to":"yesterday","tz":null,"hashids":[],"indices":[],"device":null,"query":null,"dfid":null,"product_types":[],"of":"searches","by":"search","hits":0,"known_searches":true,"rows_max":10}"#.to_owned(),
        r#"{"command":"stats","account":null,"from":"4w","to":"today","tz":null,"hashids":[],"indices":[],"device":null,"query":null,"dfid":null,"product_types":[],"of":"sessions","by":"visitors","rows_max":1}"#.to_owned(),
    ];
    let import = r#"{"format":"events","account":"shop","hashid":"11111111111111111111111111111111","index":"product","digest":"0123456789abcdef0123456789abcdef"}
{"type":"click","at":1717156800000,"doc_id":"sku1"}
"#;
    let doors = commands.iter().map(|text| (0_u8, text.clone()));
    let doors = doors.chain(["ndjson", "csv", "parquet"].map(|format| (2, export(format))));
    let doors = doors.chain([(3, import.to_owned())]);
    let piece = |(door, text): (u8, String)| {
        [&u16::try_from(text.len() + 1).unwrap().to_le_bytes()[..], &[door], text.as_bytes()].concat()
    };
    doors.map(piece).collect()
}
