//! The world in which scripts are played: two accounts with engines, items and searches, a clock that stands still, a
//! store that can be told to fail, and the real router in front of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, HeaderValue, Request, header};
use clicks::{Click, Outcome, Record, SearchTerms, Store};
use http_body_util::BodyExt;
use journal::{Fault, Operation, SimulatedDisk};
use registry::{Account, MasterSecret, PasswordHash, Registry, RegistryOptions};
use server::app::App;
use server::clock::{Clock, TestClock};
use server::counts::Fate;
use server::doors;
use server::http::{Limits, Metrics, Peer};
use tower::ServiceExt;

use crate::compare::{same_body, same_text};
use crate::people::{SHOP_ENGINE, make_key, people};
use crate::placeholders;
use crate::script::{Exchange, Script, Step};
use crate::store::MoodyStore;
use crate::words::{instant, pairs, read_settings, span_ms, words};

const START: &str = "2024-06-01T10:00:00Z";
const DEFAULT_HOST: &str = "clicks.example.com";
const DEFAULT_PEER: &str = "192.0.2.10";

/// What an exchange brought back.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A browser's cookies and token, from `@session`.
struct Visitor {
    cookies: Vec<(String, String)>,
    csrf_token: String,
}

pub struct World {
    app: Arc<App>,
    store: Arc<MoodyStore>,
    /// Where the registry writes.
    disk: SimulatedDisk,
    clock: Arc<TestClock>,
    router: axum::Router,
    accounts: Vec<Account>,
    keys: HashMap<String, String>,
    visitors: HashMap<String, Visitor>,
    peer: IpAddr,
    counted: Vec<u64>,
}

/// Plays scripts, each from a fresh world on.
pub struct Player {
    runtime: tokio::runtime::Runtime,
    world: World,
}

impl Player {
    pub fn new() -> Self {
        // Time stands still until all wait for it, and then jumps: a body that never ends takes no time to find out.
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        Self { runtime, world: World::new(&[]).unwrap() }
    }

    /// Plays every step and returns what went wrong: `line: rule`, then why.
    pub fn play(&mut self, script: &Script) -> Vec<String> {
        script.steps.iter().filter_map(|step| self.step(step).err()).collect()
    }

    /// Begins a stream in this world, and reads its first event.
    pub fn watch(&mut self, request: Request<Body>) -> (Body, String) {
        let router = self.world.router.clone();
        self.runtime.block_on(async {
            let response = router.oneshot(request).await.unwrap();
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
            let mut body = response.into_body();
            let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
            (body, String::from_utf8(first.to_vec()).unwrap())
        })
    }

    /// The next event of a stream; `None` at its end.
    pub fn next(&mut self, stream: &mut Body) -> Option<String> {
        let frame = self.runtime.block_on(stream.frame())?.unwrap();
        Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
    }

    /// A request to `/v1/live` with these headers, in which placeholders are filled in.
    pub fn live_request(&mut self, headers: &[(&str, &str)]) -> Request<Body> {
        let told = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let (method, target) = ("GET".to_owned(), "/v1/live".to_owned());
        let headers = headers.iter().map(told).collect();
        self.world.request(&Exchange { method, target, headers, ..Exchange::default() }).unwrap()
    }

    /// Lets time pass for those who wait.
    pub fn pass(&self, time: std::time::Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// Stops all streams, as a server does that is told to stop.
    pub fn end_streams(&self) {
        self.world.app.live.end();
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let told = |why: String| format!("{}: {}\n{why}", step.line, step.rule);
        if let Some(mistake) = &step.mistake {
            return Err(told(mistake.clone()));
        }
        for directive in &step.directives {
            self.direct(directive).map_err(|why| told(format!("  @{directive}: {why}")))?;
        }
        step.exchange.as_ref().map_or(Ok(()), |exchange| self.exchange(exchange).map_err(told))
    }

    fn direct(&mut self, directive: &str) -> Result<(), String> {
        let directive = self.world.fill(directive)?;
        let (word, rest) = directive.split_once(' ').unwrap_or((directive.as_str(), ""));
        let rest = rest.trim();
        match word {
            "settings" => self.world = World::new(&pairs(rest)?)?,
            "session" => {
                let mut parts = rest.split(" | ");
                let name = parts.next().unwrap_or_default().trim().to_owned();
                let headers = parts
                    .map(|part| part.split_once(':').ok_or("`Name: value`"))
                    .collect::<Result<Vec<_>, _>>()?;
                let request = self.world.session_request(&headers)?;
                let answer = self.runtime.block_on(self.world.send(request))?;
                self.world.remember(name, answer)?;
            }
            "sign-in" => {
                let (name, credentials) = rest.split_once(' ').ok_or("NAME, then JSON")?;
                let request = self.world.sign_in_request(credentials)?;
                let answer = self.runtime.block_on(self.world.send(request))?;
                self.world.remember(name.to_owned(), answer)?;
            }
            _ => self.world.direct(word, rest, &self.runtime)?,
        }
        Ok(())
    }

    fn exchange(&mut self, exchange: &Exchange) -> Result<(), String> {
        let request = self.world.request(exchange)?;
        let answer = self.runtime.block_on(self.world.send(request))?;
        self.world.judge(exchange, &answer)
    }
}

impl World {
    pub fn new(settings: &[(&str, &str)]) -> Result<Self, String> {
        let clock = Arc::new(TestClock::new(instant(START)?));
        let store = Arc::new(MoodyStore::new());
        let secret = MasterSecret::from_hex(&"5e".repeat(32)).map_err(|error| error.to_string())?;
        let disk = SimulatedDisk::new();
        let (registry, _) = Registry::open(Arc::new(disk.clone()), &secret, RegistryOptions::default())
            .map_err(|error| error.to_string())?;
        let accounts = people(&registry, &store);
        let (settings, proxies) = read_settings(settings)?;
        let app = App::new(
            Arc::clone(&store) as Arc<dyn Store>,
            registry,
            Arc::clone(&clock) as Arc<dyn Clock>,
            settings,
            &secret,
        );
        let app = Arc::new(app);
        let router = doors::public(&app, &secret, &Arc::new(Metrics::new()), &Limits::default(), proxies);
        let peer = DEFAULT_PEER.parse().unwrap();
        let (keys, visitors) = (HashMap::new(), HashMap::new());
        Ok(Self {
            app,
            store,
            disk,
            clock,
            router,
            accounts,
            keys,
            visitors,
            peer,
            counted: vec![0; Fate::ALL.len()],
        })
    }

    pub fn engines(&self) -> Vec<String> {
        self.app.registry.engines(None).iter().map(|engine| engine.hashid.to_string()).collect()
    }

    fn direct(&mut self, word: &str, rest: &str, runtime: &tokio::runtime::Runtime) -> Result<(), String> {
        match word {
            "clock" => self.clock.set(instant(rest)?),
            "advance" => self.clock.advance(span_ms(rest)?),
            "peer" => self.peer = rest.parse().map_err(|_| "not an address")?,
            "revoke" => {
                let id = self.app.registry.key_of(rest).ok_or("not a key")?.id;
                self.app.registry.revoke_key(&id).map_err(|error| error.to_string())?;
            }
            "user" => {
                let [account, name, scopes, password] = words(rest)?;
                let (account, now_ms) = (self.account(account)?.code, self.clock.now_ms());
                let scopes = scopes.parse().map_err(|_| "no scopes")?;
                let hash = PasswordHash::of(password).map_err(|error| error.to_string())?;
                let made = self.app.registry.create_user(account, name, hash, scopes, now_ms);
                made.map_err(|error| error.to_string())?;
            }
            "password" => {
                let [account, name, password] = words(rest)?;
                let account = self.account(account)?.code;
                let hash = PasswordHash::of(password).map_err(|error| error.to_string())?;
                let set = self.app.registry.set_password(account, name, hash);
                set.map_err(|error| error.to_string())?;
            }
            "delete-user" => {
                let [account, name] = words(rest)?;
                let account = self.account(account)?.code;
                self.app.registry.delete_user(account, name).map_err(|error| error.to_string())?;
            }
            "store" => self.store.set_mood(rest)?,
            "registry" => self.fail_registry(rest)?,
            "click" => self.append_click(&pairs(rest)?, runtime)?,
            "counts" => self.check_counts(&pairs(rest)?)?,
            "clicks" => {
                let kept = self.store.status().clicks.to_string();
                if kept != rest {
                    return Err(format!("the store keeps {kept} clicks"));
                }
            }
            "last" => self.check_last(&pairs(rest)?)?,
            _ => return Err("there is no such directive".to_owned()),
        }
        Ok(())
    }

    fn fail_registry(&self, how: &str) -> Result<(), String> {
        let full = Fault::next(Operation::Write, std::io::ErrorKind::StorageFull);
        match how {
            "not_written" => self.disk.inject(Fault { times: u64::MAX, ..full }),
            "stopped" => self.disk.inject(Fault::next(Operation::Sync, std::io::ErrorKind::Other)),
            "ok" => self.disk.heal(),
            _ => return Err("not_written, stopped or ok".to_owned()),
        }
        Ok(())
    }

    fn account(&self, name: &str) -> Result<&Account, String> {
        self.accounts
            .iter()
            .find(|account| &*account.name == name)
            .ok_or_else(|| format!("no account `{name}`"))
    }

    /// The key `ACCOUNT`, `ACCOUNT:SCOPES` or `ACCOUNT:revoked`, made when it is first named.
    fn key(&mut self, name: &str) -> Result<String, String> {
        if let Some(key) = self.keys.get(name) {
            return Ok(key.clone());
        }
        let (account, scopes) = name.split_once([':', '/']).unwrap_or((name, ""));
        let revoked = scopes == "revoked";
        let account = self.account(account)?.code;
        let made = make_key(&self.app.registry, account, scopes, self.clock.now_ms())?;
        if revoked {
            self.app.registry.revoke_key(&made.info.id).map_err(|error| error.to_string())?;
        }
        self.keys.insert(name.to_owned(), made.key.clone());
        Ok(made.key)
    }

    fn fill(&mut self, text: &str) -> Result<String, String> {
        placeholders::fill(text, |words| match words {
            ["now"] => Ok(self.clock.now_ms().to_string()),
            ["md5", text] => Ok(clicks::ItemDigest::of(text).to_string()),
            ["account", name] => Ok(self.account(name)?.code.to_string()),
            ["key", name @ ..] => self.key(&name.join(":")),
            ["basic", name @ ..] => self.key(&name.join(":")).map(|key| placeholders::basic(&key)),
            ["jwt", ..] => {
                let codes: HashMap<_, _> = self
                    .accounts
                    .iter()
                    .map(|account| (account.name.to_string(), account.code.to_string()))
                    .collect();
                let code =
                    |name: &str| codes.get(name).cloned().ok_or_else(|| format!("no account `{name}`"));
                placeholders::jwt(words, self.clock.now_ms(), code, |name| self.key(name))
            }
            [word, name] => {
                let visitor = self.visitors.get(*name).ok_or_else(|| format!("no session `{name}`"))?;
                Ok(visitor.tell(word))
            }
            _ => Err(format!("`{}` can't be filled in", words.join(":"))),
        })
    }

    fn session_request(&mut self, headers: &[(&str, &str)]) -> Result<Request<Body>, String> {
        let headers =
            headers.iter().map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        let (method, target) = ("GET".to_owned(), "/api/v2/ui/config".to_owned());
        self.request(&Exchange { method, target, headers, ..Exchange::default() })
    }

    fn sign_in_request(&mut self, credentials: &str) -> Result<Request<Body>, String> {
        let (method, target) = ("POST".to_owned(), "/v1/session".to_owned());
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let body = credentials.to_owned();
        self.request(&Exchange { method, target, headers, body, ..Exchange::default() })
    }

    fn remember(&mut self, name: String, answer: Answer) -> Result<(), String> {
        if answer.status != 200 {
            return Err(answer.tell());
        }
        let pair = |value: &str| {
            let (name, value) = value.split(';').next()?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        let cookies = answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .filter_map(|(_, value)| pair(value));
        let body: serde_json::Value =
            serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        let csrf_token = body["response"]["csrf_token"].as_str().or_else(|| body["csrf"].as_str());
        let csrf_token = csrf_token.ok_or("no token")?.to_owned();
        self.visitors.insert(name, Visitor { cookies: cookies.collect(), csrf_token });
        Ok(())
    }

    /// Builds the request. `Host` is `clicks.example.com` unless given; `Transfer-Encoding: chunked` sends the body in
    /// pieces of 1,024 bytes without telling its size; a body that ends in `@unfinished` never ends.
    fn request(&mut self, exchange: &Exchange) -> Result<Request<Body>, String> {
        let target = self.fill(&exchange.target)?;
        let body = self.fill(&exchange.body)?;
        let mut request = Request::builder().method(exchange.method.as_str()).uri(target);
        let mut chunked = false;
        let mut host = false;
        for (name, value) in &exchange.headers {
            let value = placeholders::bytes(&self.fill(value)?);
            chunked |= name.eq_ignore_ascii_case("transfer-encoding");
            host |= name.eq_ignore_ascii_case("host");
            let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
            request =
                request.header(name, HeaderValue::from_bytes(&value).map_err(|error| error.to_string())?);
        }
        if !host {
            request = request.header(header::HOST, DEFAULT_HOST);
        }
        let body = match body.strip_suffix("@unfinished") {
            Some(start) => Body::new(Pieces::of(&placeholders::bytes(start), false)),
            None if chunked => Body::new(Pieces::of(&placeholders::bytes(&body), true)),
            None => Body::from(placeholders::bytes(&body)),
        };
        let mut request = request.body(body).map_err(|error| error.to_string())?;
        request.extensions_mut().insert(Peer { addr: Some(self.peer) });
        Ok(request)
    }

    async fn send(&self, request: Request<Body>) -> Result<Answer, String> {
        let answering = async {
            let response = self.router.clone().oneshot(request).await.map_err(|error| error.to_string())?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes().to_vec();
            let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            Ok(Answer { status: parts.status.as_u16(), headers, body })
        };
        tokio::time::timeout(Duration::from_secs(600), answering)
            .await
            .map_err(|_| "no answer in 600 s".to_owned())?
    }

    fn judge(&mut self, exchange: &Exchange, answer: &Answer) -> Result<(), String> {
        let mut wrong = Vec::new();
        if answer.status != exchange.status {
            wrong.push(format!("  expected status {}", exchange.status));
        }
        for (name, value) in &exchange.expected_headers {
            let expected = self.fill(value)?;
            let found = |(name_given, given): &(String, String)| {
                name.eq_ignore_ascii_case(name_given) && same_text(&expected, given)
            };
            if !answer.headers.iter().any(found) {
                wrong.push(format!("  expected {name}: {expected}"));
            }
        }
        for name in &exchange.absent_headers {
            if answer.headers.iter().any(|(given, _)| name.eq_ignore_ascii_case(given)) {
                wrong.push(format!("  expected no {name}"));
            }
        }
        if let Some(expected) = &exchange.expected_body {
            let expected = String::from_utf8_lossy(&placeholders::bytes(&self.fill(expected)?)).into_owned();
            if !same_body(&expected, &answer.body) {
                wrong.push(format!("  expected body {expected}"));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{}", wrong.join("\n"), answer.tell())) }
    }

    /// Appends a click directly: `engine` (the first digits suffice), `doc`, and any of `account index at device terms
    /// product_type query_id id times`.
    fn append_click(
        &mut self,
        given: &[(&str, &str)],
        runtime: &tokio::runtime::Runtime,
    ) -> Result<(), String> {
        let get = |name: &str| given.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
        let names = [
            "engine",
            "doc",
            "index",
            "at",
            "device",
            "terms",
            "product_type",
            "custom_result",
            "query_id",
            "id",
            "times",
            "user",
        ];
        if let Some((name, _)) = given.iter().find(|(name, _)| !names.contains(name)) {
            return Err(format!("a click has no `{name}`"));
        }
        let wanted = get("engine").unwrap_or(SHOP_ENGINE);
        let engines = self.app.registry.engines(None);
        let engine = engines
            .iter()
            .find(|engine| engine.hashid.to_string().starts_with(wanted))
            .ok_or("no such engine")?;
        let now_ms = self.clock.now_ms();
        let click = Click {
            account: engine.account,
            engine: engine.hashid,
            index: get("index").map(|index| index.parse().map_err(|_| "index")).transpose()?,
            doc_id: get("doc").unwrap_or("sku1").parse().map_err(|_| "doc")?,
            at_ms: get("at").map_or(Ok(now_ms), instant)?,
            received_ms: now_ms,
            id: get("id").map(Into::into),
            query_id: get("query_id").map(Into::into),
            searched_ms: None,
            rank: None,
            device: get("device").map(|device| device.parse().map_err(|()| "device")).transpose()?,
            product_type: get("product_type")
                .map_or(Ok(clicks::ProductType::Search), |kind| kind.parse().map_err(|()| "product_type"))?,
            custom_result: get("custom_result")
                .map(|id| id.parse().map_err(|_| "custom_result"))
                .transpose()?,
            terms: get("terms").and_then(SearchTerms::fold),
            user: get("user").map(|user| user.parse().map_err(|_| "user")).transpose()?,
            session: None,
        };
        let times = get("times").map_or(Ok(1), |times| times.parse().map_err(|_| "times"))?;
        let outcomes = runtime
            .block_on(self.store.append(vec![Record::Click(click); times]))
            .map_err(|error| error.to_string())?;
        if outcomes.iter().all(|outcome| *outcome == Outcome::Recorded) {
            Ok(())
        } else {
            Err("not recorded".to_owned())
        }
    }

    /// Compares what became of all that was received since the last `@counts` (or the world's beginning).
    fn check_counts(&mut self, expected: &[(&str, &str)]) -> Result<(), String> {
        let now: Vec<u64> = Fate::ALL.iter().map(|fate| self.app.counts.of(*fate)).collect();
        let news = Fate::ALL
            .iter()
            .zip(now.iter().zip(&self.counted))
            .map(|(fate, (now, before))| (fate.label(), now - before));
        let met: Vec<String> =
            news.filter(|(_, many)| *many > 0).map(|(label, many)| format!("{label}={many}")).collect();
        self.counted = now;
        let mut wanted: Vec<String> = expected.iter().map(|(name, many)| format!("{name}={many}")).collect();
        wanted.sort_by_key(|wanted| {
            Fate::ALL.iter().position(|fate| wanted.starts_with(&format!("{}=", fate.label())))
        });
        if met == wanted { Ok(()) } else { Err(format!("it was {}", met.join(" "))) }
    }

    fn check_last(&self, expected: &[(&str, &str)]) -> Result<(), String> {
        let click = self.store.last().ok_or("no click was recorded")?;
        for (name, expected) in expected {
            let actual = match *name {
                "account" => {
                    let owner = self.accounts.iter().find(|account| account.code == click.account);
                    owner.map_or("none".to_owned(), |account| account.name.to_string())
                }
                _ => told(&click, name)?,
            };
            let matches = match *name {
                _ if *expected == "any" => actual != "none",
                "at" => actual == instant(expected)?.to_string(),
                "engine" => actual.starts_with(expected),
                _ => actual.replace(' ', "_") == *expected,
            };
            if !matches {
                return Err(format!("{name} is {actual}"));
            }
        }
        Ok(())
    }
}

/// One part of a click as text.
fn told(click: &Click, name: &str) -> Result<String, String> {
    fn text<T: ToString>(part: Option<&T>) -> String {
        part.map_or("none".to_owned(), ToString::to_string)
    }
    Ok(match name {
        "engine" => click.engine.to_string(),
        "index" => text(click.index.as_ref()),
        "doc" => click.doc_id.to_string(),
        "at" => click.at_ms.to_string(),
        "id" => text(click.id.as_ref()),
        "query_id" => text(click.query_id.as_ref()),
        "searched_ms" => text(click.searched_ms.as_ref()),
        "rank" => text(click.rank.as_ref()),
        "device" => text(click.device.as_ref()),
        "product_type" => click.product_type.to_string(),
        "custom_result" => text(click.custom_result.as_ref()),
        "terms" => text(click.terms.as_ref()),
        "user" => text(click.user.as_ref()),
        "session" => text(click.session.as_ref()),
        _ => return Err(format!("a click has no `{name}`")),
    })
}

impl Visitor {
    fn tell(&self, word: &str) -> String {
        let is_user = |name: &str| name == "fsid";
        let chosen =
            self.cookies.iter().filter(|(name, _)| word == "cookie" || is_user(name) == (word == "fsid"));
        match word {
            "csrf" => self.csrf_token.clone(),
            "fsid" => chosen.map(|(_, value)| value.clone()).collect(),
            _ => chosen.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; "),
        }
    }
}

impl Answer {
    fn tell(&self) -> String {
        let headers: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("    {name}: {value}")).collect();
        let body = String::from_utf8_lossy(&self.body);
        format!("  the answer was {}\n{}\n\n    {body}", self.status, headers.join("\n"))
    }
}

/// A body in pieces, whose size nobody tells; it ends, or never does.
struct Pieces {
    pieces: std::collections::VecDeque<Bytes>,
    ends: bool,
}

impl Pieces {
    fn of(bytes: &[u8], ends: bool) -> Self {
        Self { pieces: bytes.chunks(1_024).map(Bytes::copy_from_slice).collect(), ends }
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(hyper::body::Frame::data(piece)))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}
