//! Public pages: what stands before every door that a key of the scope `click` opens. Such a key can be read by everybody
//! who sees the page, so its origins, its search engines, two limits and the visitor's wishes decide what it can do.
//!
//! This room must never know a dialect's paths, fields or statuses. A caller with any other scope passes untouched.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use axum::response::Response;
use clicks::Device;
use registry::{KeyId, Registry, Scope, Scopes};

use crate::access::Caller;
use crate::browser::{Wish, asks_not_to_be_tracked, wish};
use crate::counts::Fate;
use crate::feed::{Line, Rejection};
use crate::http::{Facts, SlidingWindow, rate_key};
use crate::origins::sole;
use crate::settings::Settings;

/// The largest body that a key of the scope `click` may send through the native routes and those of UBI.
pub const PAGE_BODY_BYTES_MAX: usize = 65_536;
/// How old a click or a search may be that such a key tells there, in milliseconds: a day. Whoever reads the key in a page
/// can't rewrite last month.
pub const PAGE_AGE_MS_MAX: i64 = 86_400_000;

/// The most client addresses whose calls of the last second are followed.
const PAGE_ADDRESSES_MAX: usize = 65_536;
/// The most keys whose calls of the last second are followed.
const PAGE_KEYS_MAX: usize = 65_536;
/// The address of a caller whose address is not known.
const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How long a browser may remember a preflight's answer, in seconds: an hour.
const PREFLIGHT_SECONDS_MAX: &str = "3600";

/// Why a page's call is refused before it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// The page's origin is not listed with the key.
    #[error("pages of this origin may not use this key: `key create --origin` lists those that may")]
    ForeignOrigin,
    /// Too many calls from the client's address, or with the key: how long to wait.
    #[error("too many requests")]
    RateLimited(Duration),
}

impl Blocked {
    /// What became of the call.
    #[must_use]
    pub fn fate(self) -> Fate {
        match self {
            Self::ForeignOrigin => Fate::ForeignOrigin,
            Self::RateLimited(_) => Fate::RateLimited,
        }
    }
}

/// The limits of all doors for public pages together.
#[derive(Debug)]
pub struct Pages {
    by_address: SlidingWindow<IpAddr>,
    by_key: SlidingWindow<KeyId>,
}

/// A call of a page that may go on: the origin to answer to, where a browser named one.
pub type Admitted = Option<HeaderValue>;

impl Pages {
    /// With the limits that the team set.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            by_address: SlidingWindow::new(settings.clicks_per_second, PAGE_ADDRESSES_MAX),
            by_key: SlidingWindow::new(settings.page_key_per_second, PAGE_KEYS_MAX),
        }
    }

    /// Lets a call pass or not. A call without `Origin` comes from no browser and passes; pages of other origins are
    /// refused before the key's limit, so that they don't use it up.
    ///
    /// # Errors
    /// [`Blocked`].
    pub fn admit(&self, caller: &Caller, request: &Request, now_ns: u64) -> Result<Admitted, Blocked> {
        let (true, Some(key)) = (is_page_key(caller), caller.key) else { return Ok(None) };
        let client = request.extensions().get::<Facts>().map_or(NO_ADDRESS, |facts| facts.client);
        let headers = request.headers();
        self.by_address.admit(&rate_key(client), now_ns).map_err(Blocked::RateLimited)?;
        let origin = origin_of(caller, headers)?;
        self.by_key.admit(&key, now_ns).map_err(Blocked::RateLimited)?;
        Ok(origin)
    }
}

/// The origin of a page that may use the caller's key; none where the caller is no page, or its key is for no page.
///
/// # Errors
/// [`Blocked::ForeignOrigin`].
pub fn origin_of(caller: &Caller, headers: &HeaderMap) -> Result<Admitted, Blocked> {
    if !is_page_key(caller) || !headers.contains_key(ORIGIN) {
        return Ok(None);
    }
    let listed = sole(headers, &ORIGIN).is_some_and(|origin| caller.confines.listed(origin));
    if listed { Ok(headers.get(ORIGIN).cloned()) } else { Err(Blocked::ForeignOrigin) }
}

/// Whether the caller showed a key that stands in a public page.
#[must_use]
pub fn is_page_key(caller: &Caller) -> bool {
    caller.scopes == Scopes::CLICK && caller.needs(Scope::Click).is_ok()
}

/// What a page may send to a path.
#[derive(Debug, Clone, Copy)]
pub struct Callable {
    /// The methods.
    pub methods: &'static str,
    /// The headers, besides those that every page may send.
    pub headers: &'static str,
}

/// Answers `OPTIONS`: 204, and to a page of an origin that any key lists, that it may call. A preflight shows no key; the
/// call itself is held to its key's own origins. `None` for a page of any other origin, which is the dialect's to refuse.
#[must_use]
pub fn preflight(registry: &Registry, headers: &HeaderMap, callable: Callable) -> Option<Response> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let told = response.headers_mut();
    if headers.contains_key(ORIGIN) {
        sole(headers, &ORIGIN).filter(|origin| registry.lists_origin(origin))?;
        told.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(callable.methods));
        told.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(callable.headers));
        told.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS_MAX));
    } else {
        told.insert(ALLOW, HeaderValue::from_static(callable.methods));
    }
    tell(headers.get(ORIGIN), &mut response);
    Some(response)
}

/// Lets a listed origin read the answer, whatever it is. Credentials are allowed because a beacon always sends them; no
/// cookie is read or set.
pub fn tell(origin: Option<&HeaderValue>, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// What lines are held to that a page sends.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    now_ms: i64,
    age_ms_max: i64,
    is_on: bool,
    wish: Wish,
    device: Option<Device>,
}

impl Rules {
    /// For lines that came with these headers.
    #[must_use]
    pub fn of(settings: &Settings, headers: &HeaderMap, now_ms: i64) -> Self {
        let wish = wish(settings.opt_out, asks_not_to_be_tracked(headers));
        Self { now_ms, age_ms_max: PAGE_AGE_MS_MAX, is_on: settings.click_log, wish, device: None }
    }

    /// What a line without a device gets.
    #[must_use]
    pub fn with_device(self, device: Option<Device>) -> Self {
        Self { device, ..self }
    }

    /// For a dialect that has a limit of its own to the age of its lines, or none.
    #[must_use]
    pub fn of_any_age(self) -> Self {
        Self { age_ms_max: i64::MAX, ..self }
    }

    /// Why nothing of this visitor is recorded, if so.
    #[must_use]
    pub fn not_logged(&self) -> Option<Fate> {
        match self.wish {
            _ if !self.is_on => Some(Fate::SwitchedOff),
            Wish::NotLogged => Some(Fate::OptedOut),
            Wish::Nothing | Wish::NotNamed => None,
        }
    }

    /// The line as it may be recorded: no item, nothing older than a day, nobody named who asked not to be.
    ///
    /// # Errors
    /// A [`Rejection`].
    pub fn hold(&self, line: Line) -> Result<Line, Rejection> {
        if let Some(fate) = self.not_logged() {
            let message = match fate {
                Fate::SwitchedOff => "the click log is switched off",
                _ => "the visitor asks not to be tracked",
            };
            return Err(Rejection { fate, code: fate.label(), message: message.to_owned() });
        }
        let is_named = self.wish == Wish::Nothing;
        match line {
            Line::Item(_) => {
                let message =
                    "type: a key with the scope `click` records clicks and searches, not items".to_owned();
                Err(Rejection { fate: Fate::AccessDenied, code: "access_denied", message })
            }
            Line::Search(mut search) => {
                self.check_age(search.at_ms)?;
                search.device = search.device.or(self.device);
                search.user = search.user.filter(|_| is_named);
                search.session = search.session.filter(|_| is_named);
                Ok(Line::Search(search))
            }
            Line::Click(mut click) => {
                self.check_age(click.at_ms)?;
                click.device = click.device.or(self.device);
                click.user = click.user.filter(|_| is_named);
                click.session = click.session.filter(|_| is_named);
                Ok(Line::Click(click))
            }
        }
    }

    fn check_age(&self, at_ms: i64) -> Result<(), Rejection> {
        if at_ms < self.now_ms.saturating_sub(self.age_ms_max) {
            return Err(Rejection::bad_params(
                "at: must be at most 24 hours old with a key of the scope `click`",
            ));
        }
        Ok(())
    }
}
