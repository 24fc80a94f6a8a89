//! `GET /go/`: the link of a result in Fess's pages. Records the click, then sends the visitor to the item's own link, as the
//! catalogue has it, and nowhere else: nothing in the address says where to go.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Query;
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use clicks::{Click, Dfid, ItemDigest, Outcome, ProductType};
use serde_json::{Map, Value};

use super::click::wants;
use super::click_body::ClickBody;
use super::refusal::Refusal;
use super::{Call, Fess, envelope, visitor};
use crate::app::App;
use crate::browser::{Wish, device};
use crate::counts::Fate;
use crate::http::rate_key;
use crate::intake::Draft;
use crate::received::Received;

/// The longest fragment that is appended, in bytes as it is sent; a longer one is left out.
const FRAGMENT_BYTES_MAX: usize = 1_024;

const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
const PURPOSE: HeaderName = HeaderName::from_static("purpose");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Answers a visitor who follows a result: 302, once the click is on disk. A click that is not to be logged, or that can't
/// be, keeps nobody from going where they want.
pub(super) async fn answer(fess: &Arc<Fess>, call: &Call) -> Result<Response, Refusal> {
    let received = Received::new(&fess.app);
    match follow(fess, call).await {
        Ok((location, Ok(click))) => {
            keep(received, click).await;
            Ok(redirect(location))
        }
        Ok((location, Err(fate))) => {
            received.met(fate);
            Ok(redirect(location))
        }
        Err(refusal) => {
            received.met(refusal.fate());
            Err(refusal)
        }
    }
}

/// Where the visitor goes, and the click that is to be kept, or why none is.
async fn follow(fess: &Arc<Fess>, call: &Call) -> Result<(HeaderValue, Result<Click, Fate>), Refusal> {
    let app = &fess.app;
    let admitted = fess.click_rate.admit(&rate_key(call.facts.client), app.clock.running_ns());
    admitted.map_err(Refusal::RateLimited)?;
    let told = Told::of(&call.parts.uri)?;
    let session = fess.sessions.of(&call.parts.headers, call.now_ms);
    let wish = wants(app.settings.opt_out, session.as_ref(), call);
    let user = visitor::user_code(&call.parts.uri, &call.parts.headers);
    let not_logged = if !app.settings.click_log {
        Some(Fate::SwitchedOff)
    } else if call.parts.method == Method::HEAD || !is_followed(&call.parts.headers) {
        Some(Fate::NotAClick)
    } else {
        match wish {
            Wish::NotLogged => Some(Fate::OptedOut),
            Wish::Nothing if user.is_none() => Some(Fate::Anonymous),
            Wish::Nothing | Wish::NotNamed => None,
        }
    };
    let ClickBody { doc_id, query_id, searched_ms, rank } = told.click;
    let draft = Draft {
        doc_id,
        query_id,
        rank,
        searched_ms,
        device: device(&call.parts.headers),
        product_type: ProductType::Search,
        user: user.filter(|_| wish == Wish::Nothing),
        idempotency_key: None,
    };
    let click = app.admit(draft, call.facts.host_name())?;
    let link = link_of(app, &click).await?;
    let location = location(&link, told.fragment.as_deref()).ok_or(Refusal::UnknownItem)?;
    Ok((location, not_logged.map_or(Ok(click), Err)))
}

/// What the address tells.
struct Told {
    click: ClickBody,
    fragment: Option<String>,
}

impl Told {
    /// Reads `docId`, `queryId`, `rt`, `order` and `hash`, each given once; an empty one counts as absent, and what is not
    /// known is ignored. The rules are those of a click's body.
    fn of(uri: &Uri) -> Result<Self, Refusal> {
        let unreadable = |_| Refusal::Invalid("the query string can't be read".into());
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(unreadable)?;
        let (mut body, mut fragment) = (Map::new(), None);
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            let (field, value) = match name.as_str() {
                "docId" => ("doc_id", Value::from(value)),
                "queryId" => ("query_id", Value::from(value)),
                "rt" => ("rt", number(&value)),
                "order" => ("rank", number(&value)),
                "hash" => {
                    fragment = Some(value);
                    continue;
                }
                _ => continue,
            };
            if body.insert(field.to_owned(), value).is_some() {
                return Err(Refusal::Invalid(format!("{name} is given more than once").into()));
            }
        }
        let body = Value::Object(body).to_string();
        let click = ClickBody::parse(body.as_bytes()).map_err(|refusal| match refusal {
            Refusal::Invalid(why) => Refusal::Invalid(in_words_of_the_address(&why).into()),
            other => other,
        })?;
        Ok(Self { click, fragment })
    }
}

/// Digits are a number; anything else stays a text, which the rule of the field refuses.
fn number(text: &str) -> Value {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<u64>().ok().filter(|_| digits).map_or_else(|| text.into(), Value::from)
}

fn in_words_of_the_address(why: &str) -> String {
    why.replace("doc_id", "docId").replace("query_id", "queryId").replace("rank", "order")
}

/// Whether a person follows the link: no browser that fetches ahead, no picture or script that only pretends to.
fn is_followed(headers: &HeaderMap) -> bool {
    let says = |name: &HeaderName, word: &[u8]| {
        headers
            .get_all(name)
            .iter()
            .any(|value| value.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
    };
    let ahead = says(&SEC_PURPOSE, b"prefetch") || says(&PURPOSE, b"prefetch");
    !ahead && (!headers.contains_key(SEC_FETCH_MODE) || says(&SEC_FETCH_MODE, b"navigate"))
}

/// The link that the catalogue has for a click's item. Reads the disk, so not here.
async fn link_of(app: &Arc<App>, click: &Click) -> Result<String, Refusal> {
    let index = click.index.clone().ok_or(Refusal::UnknownItem)?;
    let dfid = Dfid { engine: click.engine, index, digest: ItemDigest::of(click.doc_id.as_str()) };
    let registry = app.registry.clone();
    let item = tokio::task::spawn_blocking(move || registry.item(&dfid)).await;
    let item = item.map_err(|_| Refusal::Internal)?.map_err(|error| {
        tracing::error!(%error, "an item can't be read");
        Refusal::Internal
    })?;
    item.and_then(|item| item.link).map(String::from).ok_or(Refusal::UnknownItem)
}

/// The value of `Location`: the link, and behind it the fragment, if the link has none. `None` for a link that leads to no
/// page: a browser must not be sent to a script.
fn location(link: &str, fragment: Option<&str>) -> Option<HeaderValue> {
    let (scheme, rest) = link.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !is_web || !rest.starts_with(|c: char| c.is_alphanumeric() || c == '[') {
        return None;
    }
    let mut location = String::with_capacity(link.len());
    for byte in link.bytes() {
        match byte {
            b'!'..=b'~' => location.push(char::from(byte)),
            byte => escape(&mut location, byte),
        }
    }
    if let Some(fragment) = fragment
        && !link.contains('#')
    {
        append_fragment(&mut location, fragment);
    }
    HeaderValue::try_from(location).ok()
}

/// Appends `#` and what may stand in a fragment (RFC 3986, section 3.5); all else is escaped.
fn append_fragment(location: &mut String, fragment: &str) {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    let mut written = String::new();
    let bytes = fragment.as_bytes();
    for (place, byte) in bytes.iter().enumerate() {
        let is_escape =
            || bytes.get(place + 1..place + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        match byte {
            b'%' if is_escape() => written.push('%'),
            byte if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(byte) => {
                written.push(char::from(*byte));
            }
            byte => escape(&mut written, *byte),
        }
    }
    if !written.is_empty() && written.len() <= FRAGMENT_BYTES_MAX {
        location.push('#');
        location.push_str(&written);
    }
}

fn escape(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    for half in [byte >> 4, byte & 15] {
        text.push(char::from(DIGITS[usize::from(half)]));
    }
}

/// Keeps the click in a task of its own, and counts what became of it.
async fn keep(received: Received, click: Click) {
    let app = Arc::clone(received.app());
    let work = tokio::spawn(async move {
        let kept = app.keep(click).await;
        received.met(match &kept {
            Ok(Outcome::Recorded) => Fate::Recorded,
            Ok(Outcome::Duplicate) => Fate::Duplicate,
            Ok(Outcome::Conflict) => Fate::Conflict,
            Ok(Outcome::Expired) => Fate::Expired,
            Err(error) => {
                tracing::error!(%error, "a click was not recorded");
                Fate::Unavailable
            }
        });
    });
    if let Err(failed) = work.await {
        tracing::error!(error = %failed, "recording a click panicked");
    }
}

fn redirect(location: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, location);
    envelope::dress(&mut response);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    fn to(link: &str, fragment: Option<&str>) -> Option<String> {
        location(link, fragment).map(|location| location.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_fragment_can_not_change_where_a_link_leads() {
        let link = "https://shop.example.com/a?b=c";
        let cases = [
            (None, ""),
            (Some("#page=3"), "#page=3"),
            (Some("page=3"), "#page=3"),
            (Some("#"), ""),
            (Some("a b\"<>#\r\nSet-Cookie: x"), "#a%20b%22%3C%3E%23%0D%0ASet-Cookie:%20x"),
            (Some("%20%zz%"), "#%20%25zz%25"),
            (Some("\u{e9}"), "#%C3%A9"),
            (Some(".evil.example/"), "#.evil.example/"),
        ];
        for (fragment, appended) in cases {
            assert_eq!(to(link, fragment), Some(format!("{link}{appended}")), "{fragment:?}");
        }
        assert_eq!(to(link, Some(&"x".repeat(1_025))), Some(link.to_owned()));
        assert_eq!(to("https://a.example/#x", Some("y")), Some("https://a.example/#x".to_owned()));
    }

    #[test]
    fn a_link_leads_to_a_page_or_nowhere() {
        assert_eq!(to("HTTP://a.example/\u{e9}", None), Some("HTTP://a.example/%C3%A9".to_owned()));
        for link in [
            "javascript://a%0aalert(1)",
            "file:///etc/passwd",
            "//evil.example",
            "/a",
            "",
            "https://",
            "data:x",
        ] {
            assert_eq!(to(link, Some("x")), None, "{link}");
        }
    }

    #[test]
    fn only_a_navigation_is_a_click() {
        let followed = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            is_followed(&HeaderMap::from_iter(pairs))
        };
        assert!(followed(&[]));
        assert!(followed(&[(SEC_FETCH_MODE, "navigate")]));
        assert!(!followed(&[(SEC_FETCH_MODE, "no-cors")]));
        assert!(!followed(&[(SEC_FETCH_MODE, "navigate"), (SEC_PURPOSE, "prefetch;prerender")]));
        assert!(!followed(&[(PURPOSE, "Prefetch")]));
    }

    #[test]
    fn no_text_makes_a_header_that_is_none() {
        let seed = 23;
        let mut chance = Chance::new(seed);
        let pieces = ["https://a", "#", "%", "\r\n", "\u{0}", "\u{1F980}", " ", "a", "/", "\""];
        for _ in 0..5_000 {
            let text: String = (0..chance.below(9)).map(|_| *chance.pick(&pieces)).collect();
            let link = format!("https://a{text}");
            let read = to(&link, Some(&text)).unwrap();
            assert!(read.starts_with("https://a") && read.bytes().all(|byte| (b'!'..=b'~').contains(&byte)));
        }
    }
}
