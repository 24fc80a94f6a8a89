//! Calls of Doofinder's Management API, held to a model: what a call is told to have done is done, a refused one does
//! nothing, and what is listed, found and counted is what there is.
//!
//! An input is text: calls with `---` between them, each `METHOD rest-of-the-path`, and a body on the lines below. What
//! can't be guessed is put in: `{engine}`, `{theirs}` (of another account), `{new}` (the engine that was made last),
//! `{scroll}`. Before the method, `!` shows the key of a page, `?` none, and `~` says that the body is no JSON.

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use server::http::Peer;

use crate::doors::escaped;
use crate::http::{Answer, answer, split};
use crate::memory::bounded;
use crate::model::{Asked, Model};
use crate::site::Site;
use crate::world::ENGINES;

/// The most calls of one input.
const CALLS_MAX: usize = 8;
const ROOT: &str = "/api/v2/search_engines";

/// Sends calls to a site.
pub fn run(bytes: &[u8]) {
    // Room that a body is worth: a list is answered with a line for each entry.
    let allowed = bytes.len() + (32 << 10);
    Site::with(|site| {
        let mut model = Model::of(site);
        let mut words = Words::default();
        for text in split(bytes, b"\n---\n").take(CALLS_MAX) {
            let Some((asked, request)) = words.call(site, text) else { continue };
            let answer = bounded(allowed, || answer(site.public.clone(), request));
            words.remember(&answer);
            check(&mut model, &asked, &answer);
        }
        model.check_registry(site);
    });
}

fn check(model: &mut Model, asked: &Asked, answer: &Answer) {
    let Answer { status, body, .. } = answer;
    let shown = || format!("{asked:?} {status} {}", String::from_utf8_lossy(body));
    assert!(*status < 500, "{}", shown());
    // A body of no answer, and an answer without one.
    if asked.method == "HEAD" || *status == 204 {
        model.told(asked, *status, &Value::Null);
        return;
    }
    let told: Value = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error} {}", shown()));
    if *status >= 400 {
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        assert!(is_text(&told["error"]["code"]) && is_text(&told["error"]["message"]), "{}", shown());
    }
    assert!(*status < 300 || *status >= 400, "{}", shown());
    assert!(asked.is_manager || *status >= 400, "{}", shown());
    model.told(asked, *status, &told);
}

/// What answers told, for later calls.
#[derive(Default)]
struct Words {
    new: String,
    scroll: String,
}

impl Words {
    fn filled(&self, text: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(text) else { return text.to_vec() };
        let known = [
            ("{engine}", ENGINES[0].to_string()),
            ("{theirs}", ENGINES[1].to_string()),
            ("{new}", self.new.clone()),
            ("{scroll}", self.scroll.clone()),
        ];
        known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value)).into_bytes()
    }

    fn call(&self, site: &Site, text: &[u8]) -> Option<(Asked, Request<Body>)> {
        let mut lines = text.splitn(2, |byte| *byte == b'\n');
        let (head, body) = (lines.next()?, self.filled(lines.next().unwrap_or_default()));
        let (flag, head) = match head.first()? {
            flag @ (b'!' | b'?' | b'~') => (*flag, &head[1..]),
            _ => (b' ', head),
        };
        let space = head.iter().position(|byte| *byte == b' ')?;
        let method = std::str::from_utf8(&head[..space]).ok()?.to_owned();
        let rest = escaped(&self.filled(&head[space + 1..]));
        let mut request = Request::builder().method(method.as_str()).uri(format!("{ROOT}/{rest}"));
        match flag {
            b'!' => request = request.header("authorization", format!("Token {}", site.page_key)),
            b'?' => {}
            _ => request = request.header("authorization", format!("Token {}", site.key)),
        }
        let kind = if flag == b'~' { "text/plain" } else { "application/json" };
        let request = request.header("content-type", kind).header("host", "shop.example.com");
        let mut request = request.body(Body::from(body.clone())).ok()?;
        request.extensions_mut().insert(Peer { addr: Some("192.0.2.10".parse().unwrap()) });
        let is_manager = flag == b' ' || flag == b'~';
        let path = request.uri().path().strip_prefix(ROOT)?.to_owned();
        let body =
            serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body)).unwrap_or_default();
        Some((Asked { method, path, body, is_manager }, request))
    }

    fn remember(&mut self, answer: &Answer) {
        let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        for (name, word) in [("hashid", &mut self.new), ("scroll_id", &mut self.scroll)] {
            if let Some(told) = told[name].as_str() {
                told.clone_into(word);
            }
        }
    }
}

/// Each call, as official clients send it.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let items = "{engine}/indices/product/items";
    let item =
        r#"{"id":"sku 7/é","title":"Hat","link":"https://shop.example.com/hat","price":1.5,"group_id":"g"}"#;
    let texts = [
        "GET ".to_owned(),
        "POST \n{\"name\":\"Outlet\",\"language\":\"de\",\"site_url\":\"https://shop.example.org\"}\n---\nPATCH {new}\n{\"name\":\"Other\"}\n---\nPOST {new}/indices\n{\"name\":\"page\",\"preset\":\"generic\",\"options\":{}}\n---\nPOST {new}/indices/page/items\n{\"id\":7}\n---\nGET \n---\nDELETE {new}\n---\nGET {new}".to_owned(),
        "GET {engine}\n---\nGET {engine}/indices\n---\nGET {engine}/indices/product\n---\nHEAD {engine}\n---\nGET {theirs}\n---\nDELETE {theirs}".to_owned(),
        "POST {engine}/indices\n{\"name\":\"page_1\",\"preset\":\"product\"}\n---\nPOST {engine}/indices\n{\"name\":\"page_1\",\"preset\":\"product\"}\n---\nPATCH {engine}/indices/page_1\n{\"options\":{}}\n---\nDELETE {engine}/indices/page_1\n---\nGET {engine}/indices/page_1".to_owned(),
        format!("POST {items}/\n{item}\n---\nGET {items}/sku%207%2Fé\n---\nPATCH {items}/sku+7%2F%C3%A9\n{{\"title\":null,\"link\":\"https://a.b/\"}}\n---\nGET {items}/_count\n---\nDELETE {items}/sku+7%2F%C3%A9"),
        format!("POST {items}/_bulk\n[{item},{{\"id\":1}},{{\"id\":1,\"title\":\"x\"}},{{\"title\":\"y\"}},[]]\n---\nPATCH {items}/_bulk\n[{{\"id\":\"1\",\"link\":\"https://a.b/\"}},{{\"id\":\"1\",\"title\":null}},{{\"id\":\"none\"}}]\n---\nPOST {items}/_mget\n[{{\"id\":\"1\"}},{{\"id\":\"none\"}}]\n---\nDELETE {items}/_bulk\n[{{\"id\":\"1\"}},{{\"id\":\"1\"}},{{\"id\":\"sku1\"}}]"),
        format!("GET {items}?rpp=1\n---\nGET {items}?scroll_id={{scroll}}&rpp=1\n---\nDELETE {items}/sku1\n---\nGET {items}?scroll_id={{scroll}}\n---\nGET {items}?rpp=0"),
        format!("DELETE {{engine}}\n---\nGET {{engine}}\n---\nPOST {items}\n{item}\n---\nPOST \n{{\"name\":\"\"}}"),
        format!("!GET {items}/sku1\n---\n!POST {items}\n{item}\n---\n?DELETE {{engine}}\n---\n~POST {items}\n{item}\n---\nPUT {items}/sku1\n{item}"),
        "POST {engine}/_process\n{}\n---\nPOST {engine}/indices/product/_reindex_to_temp\n---\nPOST {engine}/indices/product/temp/items/_bulk\n[]\n---\nGET {engine}/indices/%zz\n---\nGET nothing".to_owned(),
        format!("PATCH {items}/sku1\n{{\"id\":\"sku2\",\"title\":\"x\"}}\n---\nPATCH {items}/none\n{{}}\n---\nPOST {items}\n{{\"id\":\"a\",\"link\":\"javascript:x\"}}\n---\nPOST {items}\n{{\"id\":true}}\n---\nPOST {items}/_bulk\n[]"),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}
