//! Bodies and query strings of the calls that record, in every dialect. Whatever is sent is answered in the dialect's own
//! form; what is refused counts nothing; what is told as recorded is recorded; and the same call again records no more
//! than what has nothing to be recognised by.
//!
//! An input is a byte for the door, a byte of flags ([`Call`]), a query string up to a line's end, and a body.

use axum::body::Body;
use axum::http::{Request, header};
use clicks::{ClickFilter, Hashid};
use registry::RegistryCounts;
use serde_json::Value;
use server::counts::Fate;
use server::http::Peer;

use crate::doors::{DOORS, Door, Form, target};
use crate::http::{Answer, answer};
use crate::input::Input;
use crate::memory::bounded;
use crate::site::{ITEM_LINK, PAGES, Site};
use crate::world::ENGINES;

pub use crate::event_seeds::seeds;

const MEDIA_TYPES: [Option<&str>; 4] =
    [Some("application/json"), Some("text/plain;charset=UTF-8"), Some("application/x-ndjson"), None];
const MOBILE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)";
/// A visitor whom Fess's calls know.
const VISITOR: &str = "fsid=visitor_visitor_visitor";

/// Where a call comes from, by its browser's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// No browser.
    Nowhere,
    /// Pages that a key lists.
    Pages,
    /// The search engine's own site.
    Site,
    /// Pages that nobody listed.
    Foreign,
}

impl From {
    const fn origin(self) -> Option<&'static str> {
        match self {
            Self::Nowhere => None,
            Self::Pages => Some(PAGES),
            Self::Site => Some("https://shop.example.com"),
            Self::Foreign => Some("https://foreign.example"),
        }
    }
}

/// A call, as an input tells it.
#[derive(Debug)]
struct Call<'a> {
    door: Door,
    media_type: Option<&'static str>,
    /// The key stands in a page; else it is one that may do everything.
    in_page: bool,
    from: From,
    /// The visitor asks not to be tracked.
    opts_out: bool,
    /// With an `Idempotency-Key`.
    named: bool,
    mobile: bool,
    query: &'a [u8],
    body: &'a [u8],
}

impl<'a> Call<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let mut input = Input::new(bytes);
        let door = DOORS[usize::from(input.byte()) % DOORS.len()];
        let flags = input.byte();
        let rest = input.rest();
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        Self {
            door,
            media_type: MEDIA_TYPES[usize::from(flags & 3)],
            in_page: flags & 4 != 0,
            from: [From::Nowhere, From::Pages, From::Site, From::Foreign][usize::from(flags >> 3 & 3)],
            opts_out: flags & 32 != 0,
            named: flags & 64 != 0,
            mobile: flags & 128 != 0,
            query: &rest[..end],
            body: rest.get(end + 1..).unwrap_or_default(),
        }
    }

    fn request(&self, site: &Site) -> Option<Request<Body>> {
        let key = if self.in_page { &site.page_key } else { &site.key };
        let uri = target(self.door, key, self.query);
        let mut request =
            Request::builder().method(self.door.method).uri(uri).header(header::HOST, "shop.example.com");
        let session = matches!(self.door.form, Form::Fess | Form::Link).then(|| site.session());
        // A page of the engine's own site has no key.
        let is_page = self.door.form == Form::Doofinder && self.from == From::Site;
        let headers = [
            ("content-type", self.media_type.map(str::to_owned)),
            ("authorization", (self.door.key_in_header && !is_page).then(|| format!("Token {key}"))),
            ("origin", self.from.origin().map(str::to_owned)),
            ("dnt", self.opts_out.then(|| "1".to_owned())),
            ("idempotency-key", self.named.then(|| "key-1".to_owned())),
            ("user-agent", self.mobile.then(|| MOBILE.to_owned())),
            ("cookie", session.map(|session| format!("{VISITOR}; {}", session.cookie))),
            ("x-fess-csrf-token", session.map(|session| session.token.clone())),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let mut request = request.body(Body::from(self.body.to_vec())).ok()?;
        request.extensions_mut().insert(Peer { addr: Some("192.0.2.10".parse().unwrap()) });
        Some(request)
    }

    /// Sends it, and holds the answer to what came of it.
    fn send(&self, site: &Site) -> Option<(Answer, Grown)> {
        let request = self.request(site)?;
        let before = Kept::of(site);
        let answer =
            bounded(self.body.len() + self.query.len() + (32 << 10), || answer(site.public.clone(), request));
        let grown = Kept::of(site).since(&before);
        self.check(&answer, &grown);
        Some((answer, grown))
    }

    fn check(&self, answer: &Answer, grown: &Grown) {
        let text = String::from_utf8_lossy(&answer.body);
        let shown = || format!("{self:?} {} {text} {grown:?}", answer.status);
        assert!(answer.status < 500, "{}", shown());
        assert_eq!(grown.received, grown.fates.iter().sum::<u64>(), "{}", shown());
        assert_eq!(grown.strangers, 0, "{}", shown());
        if self.door.is_one {
            assert_eq!(grown.received, 1, "{}", shown());
        }
        if answer.status >= 400 {
            assert!(grown.is_nothing(), "{}", shown());
        }
        // Pages that nobody listed record nothing with what stands in others.
        let held = self.in_page && self.door.form != Form::Fess && self.door.form != Form::Link;
        if self.from == From::Foreign && (held || self.door.form == Form::Fess) {
            // Where the address need not name a search engine, or may name an unknown one, that is said first.
            let unnamed = self.door.path.starts_with("/5/") && matches!(answer.status, 400 | 404);
            assert!(answer.status == 403 || unnamed, "{}", shown());
        }
        let is_browser =
            !matches!(self.door.form, Form::Native | Form::Documents | Form::Document) || self.in_page;
        if self.opts_out && is_browser {
            assert_eq!(grown.known, 0, "{}", shown());
        }
        if self.door.form == Form::Link && answer.status == 302 {
            let location = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
            assert!(location.is_some_and(|location| location.starts_with(ITEM_LINK)), "{}", shown());
            return;
        }
        let told: Value =
            serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error} {}", shown()));
        let sound = match answer.status {
            ..400 => self.is_told(&told, answer.status, grown),
            status => is_error(self.door.form, &told, status),
        };
        assert!(sound, "{}", shown());
    }

    /// Whether a success tells what came of it.
    fn is_told(&self, told: &Value, status: u16, grown: &Grown) -> bool {
        let number = |value: &Value| value.as_u64().unwrap_or(u64::MAX);
        let counted = grown.of(Fate::Recorded) + grown.of(Fate::Duplicate);
        // Only the native lines tell items.
        let items = if self.door.form == Form::Native { number(&told["recorded"]["items"]) } else { 0 };
        if grown.of(Fate::Recorded) != grown.clicks() + grown.searches + items {
            return false;
        }
        match self.door.form {
            Form::Insights => told["status"] == 200 && told["message"] == "OK",
            Form::Native => {
                let rejected = told["rejected"].as_array().map_or(0, Vec::len) as u64;
                number(&told["received"]) == grown.received
                    && number(&told["recorded"]["clicks"]) == grown.clicks()
                    && number(&told["recorded"]["searches"]) == grown.searches
                    && number(&told["duplicates"]) == grown.of(Fate::Duplicate)
                    && number(&told["rejected_total"]) == grown.received - counted
                    && rejected == number(&told["rejected_total"]).min(1_000)
            }
            Form::Documents => {
                let items = told["items"].as_array().map(Vec::as_slice).unwrap_or_default();
                let each = || items.iter().filter_map(|item| item.as_object()?.values().next());
                let created = each().filter(|item| item["result"] == "created").count() as u64;
                let errors = each().filter(|item| item["error"].is_object()).count() as u64;
                items.len() as u64 == grown.received
                    && created == grown.of(Fate::Recorded)
                    && told["errors"] == (errors > 0)
                    && each().all(|item| item["error"].is_object() != item["result"].is_string())
            }
            Form::Document => {
                (told["result"] == "created") == (status == 201)
                    && u64::from(status == 201) == grown.of(Fate::Recorded)
            }
            Form::Doofinder => told["status"] == if counted == 1 { "registered" } else { "not_registered" },
            Form::Fess => told["response"]["status"] == 0 && told["response"]["logged"] == (counted == 1),
            Form::Link => false,
        }
    }

    /// Holds the same call, sent again, to what came of the first.
    fn check_again(&self, first: &(Answer, Grown), again: &(Answer, Grown)) {
        let ((told, grown), (told_again, grown_again)) = (first, again);
        let shown =
            || format!("{self:?} {grown:?} {grown_again:?} {}", String::from_utf8_lossy(&told_again.body));
        let is_create = self.door.path.contains("_create") || self.door.form == Form::Document;
        assert!(told.status == told_again.status || is_create, "{}", shown());
        assert_eq!(grown.received, grown_again.received, "{}", shown());
        assert_eq!((grown_again.named, grown_again.nameless), (0, grown.nameless), "{}", shown());
        let each_counts =
            self.door.path.ends_with("/redirect") || self.door.path.ends_with("/init") && self.opts_out;
        assert_eq!(grown_again.searches, if each_counts { grown.searches } else { 0 }, "{}", shown());
        let has_names = match self.door.form {
            Form::Native | Form::Fess => self.named && !self.door.path.contains("collect"),
            Form::Insights => all_timed(self.body),
            Form::Document => self.door.path.contains('1'),
            _ => false,
        };
        if has_names {
            assert_eq!(grown_again.clicks(), 0, "{}", shown());
        }
    }
}

/// Whether each of Insights' events tells its millisecond.
fn all_timed(body: &[u8]) -> bool {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    told["events"].as_array().is_some_and(|events| events.iter().all(|event| event["timestamp"].is_u64()))
}

/// Whether a refusal has the form of its dialect.
fn is_error(form: Form, told: &Value, status: u16) -> bool {
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    match form {
        Form::Insights => told["status"] == status && is_text(&told["message"]),
        Form::Native => is_text(&told["error"]["code"]) && is_text(&told["error"]["message"]),
        Form::Documents | Form::Document => {
            told["status"] == status
                && is_text(&told["error"]["type"])
                && is_text(&told["error"]["reason"])
                && is_text(&told["error"]["root_cause"][0]["type"])
        }
        Form::Doofinder => is_text(&told["error"]),
        Form::Fess | Form::Link => {
            let told = &told["response"];
            told["status"] == 1 && is_text(&told["error"]["code"]) && is_text(&told["error"]["message"])
        }
    }
}

/// What a site holds and has counted.
struct Kept {
    named: u64,
    nameless: u64,
    known: u64,
    strangers: u64,
    searches: u64,
    registry: RegistryCounts,
    received: u64,
    fates: Vec<u64>,
}

impl Kept {
    fn of(site: &Site) -> Self {
        let own: Vec<Hashid> =
            site.app.registry.engines(Some(site.account.code)).iter().map(|engine| engine.hashid).collect();
        assert_eq!(own, ENGINES[..1]);
        let clicks =
            site.app.store.scan(i64::MIN, i64::MAX, &ClickFilter::all(site.account.code, own)).unwrap();
        let (mut named, mut nameless, mut known) = (0, 0, 0);
        for click in clicks {
            let click = click.unwrap();
            *(if click.id.is_some() { &mut named } else { &mut nameless }) += 1;
            known += u64::from(click.user.is_some() || click.session.is_some());
        }
        let (status, counts) = (site.app.store.status(), &site.app.counts);
        let (received, fates) = (counts.received(), Fate::ALL.iter().map(|fate| counts.of(*fate)).collect());
        let registry = RegistryCounts { memory_bytes: 0, disk_bytes: 0, ..site.app.registry.counts() };
        let strangers = status.clicks - named - nameless;
        Self { named, nameless, known, strangers, searches: status.searches, registry, received, fates }
    }

    fn since(&self, before: &Self) -> Grown {
        Grown {
            named: self.named - before.named,
            nameless: self.nameless - before.nameless,
            known: self.known - before.known,
            strangers: self.strangers - before.strangers,
            searches: self.searches - before.searches,
            items_changed: self.registry != before.registry,
            received: self.received - before.received,
            fates: self.fates.iter().zip(&before.fates).map(|(now, before)| now - before).collect(),
        }
    }
}

/// By how much more a site holds and has counted.
#[derive(Debug)]
struct Grown {
    /// Clicks that are recognised when they are sent again.
    named: u64,
    /// Clicks that are not.
    nameless: u64,
    /// Clicks that tell whose they are.
    known: u64,
    /// Clicks of others' search engines.
    strangers: u64,
    searches: u64,
    items_changed: bool,
    received: u64,
    fates: Vec<u64>,
}

impl Grown {
    fn of(&self, fate: Fate) -> u64 {
        self.fates[fate as usize]
    }

    fn clicks(&self) -> u64 {
        self.named + self.nameless
    }

    fn is_nothing(&self) -> bool {
        self.of(Fate::Recorded) + self.clicks() + self.searches == 0 && !self.items_changed
    }
}

/// Sends a call, and again if anything came of it.
pub fn run(bytes: &[u8]) {
    let call = Call::of(bytes);
    Site::with(|site| {
        let Some(first) = call.send(site) else { return };
        if !first.1.is_nothing() {
            let again = call.send(site).expect("it was sent before");
            call.check_again(&first, &again);
        }
    });
}
