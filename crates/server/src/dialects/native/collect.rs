//! `POST /v1/collect`: clicks and shown searches from a public page, in a form that a beacon can send: the key in the
//! address, the body as `text/plain`. It must never know how a line is read, nor repeat a key in an answer.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::body::{PAGE_TYPES, Told, check_media_type};
use super::events::{Desk, Sender, answered, record};
use super::lines::{At, invalid_json, told};
use super::refusals::Refusal;
use crate::access::{Caller, key_caller};
use crate::app::App;
use crate::browser::told_device;
use crate::bulk::{Defaults, is_blank, without_mark};
use crate::counts::Fate;
use crate::feed::{Line, Rejection, Report};
use crate::json::{Json, in_place};
use crate::pages::{Admitted, Callable, Rules, is_page_key, preflight, tell};

/// What a page may send to these routes.
const CALLABLE: Callable =
    Callable { methods: "POST", headers: "Content-Type, Authorization, Idempotency-Key" };
const KEY_PARAMETER: &str = "key";

/// Answers `OPTIONS` on the routes that pages call.
pub(super) async fn options(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    const ORIGIN: &str = "Origin: no key lists this origin; `key create --origin` does";
    preflight(&desk.app.registry, request.headers(), CALLABLE).unwrap_or_else(|| {
        let mut response = Refusal::AccessDenied(ORIGIN).into_response();
        tell(None, &mut response);
        response
    })
}

/// Takes what a page tells. The first refusal in this order wins: the key, its scope, the page's limits and origin, the
/// media type, room, the size.
pub(super) async fn collect(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (origin, answer) = match caller(&desk, &request) {
        Ok(caller) => let_in(&desk, &caller, request).await,
        Err(refusal) => (None, Err(refusal)),
    };
    let mut response = answer.unwrap_or_else(Refusal::into_response);
    tell(origin.as_ref(), &mut response);
    response
}

fn caller(desk: &Desk, request: &Request) -> Result<Caller, Refusal> {
    let key = key_of(request.uri()).ok_or(Refusal::NotAuthenticated)?;
    key_caller(&desk.app.registry, &key).ok_or(Refusal::NotAuthenticated)
}

async fn let_in(desk: &Desk, caller: &Caller, request: Request) -> (Admitted, Result<Response, Refusal>) {
    let (origin, answer) = match pass(desk, caller, &request) {
        Ok(origin) => (origin, take(desk, caller, request).await),
        Err(refusal) => (None, Err(refusal)),
    };
    (origin, answer.inspect_err(|refusal| desk.tell(caller, refusal)))
}

fn pass(desk: &Desk, caller: &Caller, request: &Request) -> Result<Admitted, Refusal> {
    const SCOPE: &str = "only a key with the scope `click` may stand in an address";
    if !is_page_key(caller) {
        return Err(desk.counted(Fate::AccessDenied, Refusal::AccessDenied(SCOPE)));
    }
    desk.admit(caller, request)
}

/// The key in the address, if it is there once.
fn key_of(uri: &Uri) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    let mut keys = pairs.into_iter().filter(|(name, _)| name == KEY_PARAMETER).map(|(_, key)| key);
    keys.next().filter(|_| keys.next().is_none())
}

async fn take(desk: &Desk, caller: &Caller, request: Request) -> Result<Response, Refusal> {
    check_media_type(request.headers(), PAGE_TYPES)
        .map_err(|refusal| desk.counted(Fate::BadMediaType, refusal))?;
    let app = &desk.app;
    let now_ms = app.clock.now_ms();
    let rules =
        Rules::of(&app.settings, request.headers(), now_ms).with_device(told_device(request.headers()));
    let (body, room) = desk.body(request, Sender::Page).await?;
    read_and_record(app, caller, body, &rules, now_ms, room).await.map(answered)
}

async fn read_and_record(
    app: &Arc<App>,
    caller: &Caller,
    body: Bytes,
    rules: &Rules,
    now_ms: i64,
    _room: OwnedSemaphorePermit,
) -> Result<Report, Refusal> {
    let read = read(&body, rules, now_ms);
    record(app, caller, read).await
}

/// Reads a body: one JSON object over any number of lines, an array of them, or one a line.
fn read(body: &[u8], rules: &Rules, now_ms: i64) -> Told {
    let body = without_mark(1, body);
    let mut read = Told::default();
    let mut take = |number, line| read.take(number, line, Some(rules));
    match in_place(body) {
        Ok(Json::Array(entries)) => {
            for (number, entry) in (1..).zip(&entries) {
                take(number, event(entry, now_ms));
            }
        }
        Ok(one) => take(1, event(&one, now_ms)),
        Err(_) => {
            let lines = (1..).zip(body.split(|byte| *byte == b'\n'));
            for (number, bytes) in lines.filter(|(_, bytes)| !is_blank(bytes)) {
                let json = in_place(bytes).map_err(|error| invalid_json(error.to_string()));
                take(number, json.and_then(|json| event(&json, now_ms)));
            }
        }
    }
    read
}

fn event(json: &Json<'_>, now_ms: i64) -> Result<Line, Rejection> {
    told(json, &Defaults::default(), now_ms, At::Now)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use clicks::Device;

    use super::*;
    use crate::settings::Settings;

    const NOW_MS: i64 = 1_717_236_000_000;
    const CLICK: &str = r#"{"type":"click","doc_id":"sku1"}"#;

    fn read_text(body: &str) -> Vec<(u64, Result<i64, String>)> {
        let rules =
            Rules::of(&Settings::default(), &HeaderMap::new(), NOW_MS).with_device(Some(Device::Mobile));
        let told = read(body.as_bytes(), &rules, NOW_MS);
        let at = |line| match line {
            Line::Click(click) => {
                assert_eq!(click.device, Some(Device::Mobile));
                click.at_ms
            }
            Line::Search(search) => search.at_ms,
            Line::Item(_) => panic!("an item passed"),
        };
        let line = |(number, line): (u64, Result<Line, Rejection>)| {
            (number, line.map(at).map_err(|rejection| rejection.message))
        };
        told.lines.into_iter().map(line).collect()
    }

    #[test]
    fn one_event_an_array_and_lines_are_read_alike() {
        let pretty = CLICK.replace(',', ",\n  ");
        for body in
            [CLICK, &pretty, &format!("\u{feff}{CLICK}"), &format!("[{CLICK}]"), &format!("{CLICK}\r\n\n")]
        {
            assert_eq!(read_text(body), [(1, Ok(NOW_MS))], "{body}");
        }
        for body in [format!("[{CLICK},\n{CLICK}]"), format!("{CLICK}\n{CLICK}")] {
            assert_eq!(read_text(&body), [(1, Ok(NOW_MS)), (2, Ok(NOW_MS))], "{body}");
        }
        assert_eq!(read_text(""), []);
        assert_eq!(read_text("[]"), []);
    }

    #[test]
    fn what_is_no_event_is_rejected_by_its_place() {
        let bad = read_text(&format!("{CLICK}\n{{\n{CLICK}"));
        assert_eq!(
            bad.iter().map(|(number, line)| (*number, line.is_ok())).collect::<Vec<_>>(),
            [(1, true), (2, false), (3, true)]
        );
        assert_eq!(read_text("[7]"), [(1, Err("a line must be a JSON object".to_owned()))]);
        assert_eq!(read_text("7").len(), 1);
    }

    #[test]
    fn a_page_can_not_rewrite_what_is_older_than_a_day() {
        let at = |at_ms: i64| read_text(&CLICK.replace("\"doc", &format!("\"at\":{at_ms},\"doc")));
        let day_ms = crate::pages::PAGE_AGE_MS_MAX;
        assert_eq!(at(NOW_MS - day_ms), [(1, Ok(NOW_MS - day_ms))]);
        assert!(at(NOW_MS - day_ms - 1)[0].1.as_ref().is_err_and(|why| why.starts_with("at: ")));
    }

    #[test]
    fn a_page_whose_clock_is_wrong_tells_how_long_ago_it_was() {
        let aged = |more: &str| read_text(&CLICK.replace("\"doc", &format!("{more},\"doc")));
        let day_ms = crate::pages::PAGE_AGE_MS_MAX;
        assert_eq!(aged("\"age\":90000"), [(1, Ok(NOW_MS - 90_000))]);
        assert_eq!(aged(&format!("\"age\":{day_ms}")), [(1, Ok(NOW_MS - day_ms))]);
        assert_eq!(aged("\"age\":null"), [(1, Ok(NOW_MS))]);
        assert_eq!(
            aged(&format!("\"at\":{NOW_MS},\"age\":5")),
            [(1, Ok(NOW_MS))],
            "what is told goes before"
        );
        for wrong in [format!("\"age\":{}", day_ms + 1), "\"age\":-1".to_owned(), "\"age\":\"5\"".to_owned()]
        {
            assert!(aged(&wrong)[0].1.as_ref().is_err_and(|why| why.starts_with("age: ")), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_taken_from_the_address_only_if_it_is_there_once() {
        let key = |target: &str| key_of(&target.parse().unwrap());
        assert_eq!(key("/v1/collect?key=abc&x=1").as_deref(), Some("abc"));
        assert_eq!(
            [key("/v1/collect"), key("/v1/collect?key=a&key=a"), key("/v1/collect?Key=a")],
            [None, None, None]
        );
    }
}
