//! A server without sockets: an account with an engine, items and a search, a clock that stands still, and the real doors
//! in front of them. It must never judge an answer.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::SET_COOKIE;
use clicks::{Click, DEFAULT_JOIN_MS, EngineIndex, Item, MemoryStore, Record, Search, Store};
use journal::SimulatedDisk;
use pollster::block_on;
use registry::{Account, Confines, Engine, NewEngine, Registry, RegistryCounts, RegistryOptions, Scopes};
use server::app::App;
use server::clock::{Clock, TestClock};
use server::control::{BackupAsk, BackupReply, CheckReply, ControlError, Maintenance};
use server::counts::Fate;
use server::doors;
use server::http::{Limits, Metrics, Peer, TrustedProxies};
use server::settings::Settings;
use tokio::runtime::Runtime;

use crate::http::answer;
use crate::registry::secret;
use crate::world::{ENGINES, clicks, searches};

/// 2024-06-01 10:00 UTC.
pub const NOW_MS: i64 = 1_717_236_000_000;

/// Where requests are answered. Its threads outlive a site.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().max_blocking_threads(2).thread_stack_size(4 << 20).build().unwrap()
});

thread_local! {
    /// A site that was as good as new when it was last left.
    static UNUSED: RefCell<Option<Site>> = const { RefCell::new(None) };
}

/// The pages that a site's key for pages is for.
pub const PAGES: &str = "https://pages.example.com";

/// Where the first of its two items leads.
pub const ITEM_LINK: &str = "https://shop.example.com/red?a=b";

/// Clicks, searches, what the registry counts, and all search engines with their indices.
type Much = (u64, u64, RegistryCounts, Vec<Arc<Engine>>);

/// What a browser holds of a session.
pub struct Session {
    /// Its cookies.
    pub cookie: String,
    /// Its token.
    pub token: String,
}

/// A site.
pub struct Site {
    /// What the server is made of.
    pub app: Arc<App>,
    /// Who owns it.
    pub account: Account,
    /// A key that may do everything.
    pub key: String,
    /// A key that stands in the pages of [`PAGES`], for the first of [`ENGINES`].
    pub page_key: String,
    /// The doors for everybody.
    pub public: Router,
    /// The doors for the command line.
    pub control: Router,
    /// How much there was at the beginning.
    begun: Much,
}

impl Site {
    /// Lets somebody use a site that nobody has recorded anything on: making one takes longer than most uses.
    pub fn with(mut used: impl FnMut(&Self)) {
        let site = UNUSED.take().unwrap_or_else(Self::new);
        used(&site);
        site.check_counts();
        if site.app.counts.of(Fate::Recorded) == 0 && site.much() == site.begun {
            UNUSED.set(Some(site));
        }
    }

    /// A new one, always the same but for the account's code and the key.
    #[must_use]
    pub fn new() -> Self {
        let options = RegistryOptions { segment_bytes: 16 << 10, ..RegistryOptions::default() };
        let (registry, _) = Registry::open(Arc::new(SimulatedDisk::new()), &secret(), options).unwrap();
        let account = registry.create_account("shop").unwrap();
        let new = NewEngine {
            hashid: Some(ENGINES[0]),
            name: None,
            indices: vec!["product".parse().unwrap()],
            sites: vec!["shop.example.com".to_owned()],
        };
        registry.create_engine(account.code, new).unwrap();
        let key = registry.create_key(account.code, Scopes::default(), NOW_MS).unwrap().key;
        let confines = Confines::new(&ENGINES[..1], &[PAGES.to_owned()]).unwrap();
        let page_key = registry.create_page_key(account.code, confines, NOW_MS).unwrap().key;
        // What nobody of the first account may touch.
        let stranger = registry.create_account("stranger").unwrap();
        let theirs = NewEngine {
            hashid: Some(ENGINES[1]),
            indices: vec!["page".parse().unwrap()],
            ..NewEngine::default()
        };
        registry.create_engine(stranger.code, theirs).unwrap();
        let place = EngineIndex { engine: ENGINES[0], index: "product".parse().unwrap() };
        let item = |doc_id: &&str| Item {
            place: place.clone(),
            doc_id: doc_id.parse().unwrap(),
            title: None,
            link: (*doc_id == "sku1").then(|| ITEM_LINK.into()),
        };
        registry.put_items(["sku1", "sku2"].iter().map(item).collect()).unwrap();
        let store = MemoryStore::new(DEFAULT_JOIN_MS);
        let (click, search) = (clicks(1).remove(0), searches(1).remove(0));
        // As a line's id is kept, so that this click is a duplicate of itself when it is exported and imported.
        let id = Some("id/first".into());
        let click = Click { account: account.code, engine: ENGINES[0], id, ..click };
        let search = Search { account: account.code, engine: ENGINES[0], id: "q1".into(), ..search };
        block_on(store.append(vec![Record::Search(search), Record::Click(click)])).unwrap();
        let settings = Settings {
            stats_per_second: 0,
            clicks_per_second: 0,
            cors_origins: vec![PAGES.to_owned()],
            ..Settings::default()
        };
        let clock: Arc<dyn Clock> = Arc::new(TestClock::new(NOW_MS));
        let app = Arc::new(App::new(Arc::new(store), registry, clock, settings, &secret()));
        let proxies = TrustedProxies::new(vec!["192.0.2.0/24".parse().unwrap()]);
        let (metrics, limits) = (Arc::new(Metrics::new()), Limits::default());
        let public = doors::public(&app, &secret(), &metrics, &limits, proxies);
        let control = doors::control(&app, Arc::new(NoFiles), &metrics, &limits);
        let mut site = Self { app, account, key, page_key, public, control, begun: Default::default() };
        site.begun = site.much();
        site
    }

    /// A session of Fess's calls: sites have the same secret and the same clock, so any site's is every site's.
    pub fn session(&self) -> &'static Session {
        static SESSION: OnceLock<Session> = OnceLock::new();
        SESSION.get_or_init(|| {
            let mut request = Request::get("/api/v2/ui/config").body(Body::empty()).unwrap();
            request.extensions_mut().insert(Peer { addr: None });
            let told = answer(self.public.clone(), request);
            let cookies = told
                .headers
                .get_all(SET_COOKIE)
                .iter()
                .filter_map(|value| value.to_str().ok()?.split(';').next());
            let cookie = cookies.collect::<Vec<_>>().join("; ");
            let told: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
            Session { cookie, token: told["response"]["csrf_token"].as_str().unwrap().to_owned() }
        })
    }

    fn much(&self) -> Much {
        let status = self.app.store.status();
        let counts = RegistryCounts { memory_bytes: 0, disk_bytes: 0, ..self.app.registry.counts() };
        (status.clicks, status.searches, counts, self.app.registry.engines(None))
    }

    /// What was received met one fate, each.
    fn check_counts(&self) {
        let counts = &self.app.counts;
        let fates: u64 = Fate::ALL.iter().map(|fate| counts.of(*fate)).sum();
        assert_eq!(counts.received(), fates);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.app.registry.close();
    }
}

/// There are no files to check or to copy.
struct NoFiles;

impl Maintenance for NoFiles {
    fn check(&self) -> CheckReply {
        CheckReply::default()
    }

    fn backup(&self, _ask: &BackupAsk) -> Result<BackupReply, ControlError> {
        Err(ControlError("there is nothing to copy".to_owned()))
    }
}
