//! `/v1/session`: signing in with a key or a password, what the session may do, and signing out. It must never repeat a
//! key or a password in an answer, nor write one to a log.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use registry::{PasswordHash, Scope};
use serde::Serialize;

use super::events::Desk;
use super::refusals::Refusal;
use crate::access::{Caller, key_caller};
use crate::app::App;
use crate::callers::{Head, Identified, Stranger};
use crate::http::{BodyError, BodyTimeout, read_body};
use crate::json::{Json, in_place};
use crate::media_type::is_json;
use crate::passwords::Busy;
use crate::sessions::{Session, Sessions, Subject};
use crate::sign_ins::Attempt;

/// The largest body, in bytes.
pub const SESSION_BODY_BYTES_MAX: usize = 4_096;
/// How long it may take where the front does not say.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

const SHAPE: &str =
    "the body must be a JSON object with `key`, or with `user`, `password` and perhaps `account`";

/// What a session may do, and until when.
#[derive(Serialize)]
struct Told {
    account: AccountTold,
    user: Option<String>,
    key: Option<String>,
    scopes: Vec<&'static str>,
    csrf: String,
    expires_at: i64,
    zone: String,
    version: &'static str,
}

#[derive(Serialize)]
struct AccountTold {
    name: String,
    code: String,
}

/// `POST /v1/session`. The first refusal in this order wins: another origin, the media type, too many failures
/// from the address, the body, too many for the user, the credentials, their scope.
pub(super) async fn open(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    const ORIGIN: &str = "Origin: pages of other origins may not sign in";
    const MEDIA_TYPE: &str = "Content-Type: must be application/json, in UTF-8 if it names a charset";
    let app = &desk.app;
    if app.callers.is_foreign(Head::from(&request)) {
        return Err(Refusal::AccessDenied(ORIGIN));
    }
    if !is_json(request.headers()) {
        return Err(Refusal::UnsupportedMediaType(MEDIA_TYPE));
    }
    let attempt = app.attempt(&request).map_err(|wait| Refusal::TooManyAttempts(seconds(wait)))?;
    let https = app.callers.https(Head::from(&request));
    let time_max = request.extensions().get::<BodyTimeout>().map_or(BODY_TIME_MAX, |timeout| timeout.0);
    let body = read_body(request.into_body(), SESSION_BODY_BYTES_MAX, time_max).await?;
    let bytes = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
    let told = in_place(bytes).map_err(|_| Refusal::BadParams(SHAPE))?;
    let subject = match Shown::of(&told).ok_or(Refusal::BadParams(SHAPE))? {
        Shown::Key(key) => {
            let subject = by_key(app, key)?;
            attempt.succeeded();
            subject
        }
        Shown::Password { account, user, password } => {
            by_password(app, attempt, account, user, password).await?
        }
    };
    let session = app.callers.sessions.open(subject, app.clock.now_ms()).ok_or(Refusal::Internal)?;
    let caller = session.caller(&app.registry).ok_or(Refusal::WrongCredentials)?;
    let mut response = tell(app, &caller, &session)?;
    let cookie = app.callers.sessions.give(&session, https).ok_or(Refusal::Internal)?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// What somebody shows to sign in: a key or a password, not both.
enum Shown<'a> {
    Key(&'a str),
    Password { account: Option<&'a str>, user: &'a str, password: &'a str },
}

impl<'a> Shown<'a> {
    fn of(told: &'a Json<'_>) -> Option<Self> {
        let [key, account, user, password] =
            ["key", "account", "user", "password"].map(|name| told.get(name));
        match (key, account, user, password) {
            (Some(key), None, None, None) => Some(Self::Key(key.text()?)),
            (None, account, Some(user), Some(password)) => {
                let account = account.map(|account| account.text().ok_or(())).transpose().ok()?;
                Some(Self::Password { account, user: user.text()?, password: password.text()? })
            }
            _ => None,
        }
    }
}

/// Which user has this password. One that there is not costs the same time.
async fn by_password(
    app: &App,
    attempt: Attempt<'_>,
    account: Option<&str>,
    user: &str,
    password: &str,
) -> Result<Subject, Refusal> {
    let attempt = attempt.for_name(user).map_err(|wait| Refusal::TooManyAttempts(seconds(wait)))?;
    let registry = &app.registry;
    let known = match account {
        None => registry.user_named(None, user),
        Some(told) => {
            let by_code = || told.parse().ok().and_then(|code| registry.account(code));
            let account = registry.account_named(told).or_else(by_code);
            account.and_then(|account| registry.user_named(Some(account.code), user))
        }
    };
    let (stamp, hash) = match known {
        Some((user, hash)) => (Some(user.stamp), hash),
        None => (None, PasswordHash::nobodys()),
    };
    match app.passwords.matches(hash, password.to_owned()).await {
        Ok(matches) => {
            let subject = stamp.filter(|_| matches).map(Subject::User).ok_or(Refusal::WrongCredentials)?;
            attempt.succeeded();
            Ok(subject)
        }
        Err(Busy) => {
            attempt.withdrawn();
            Err(Refusal::Unavailable)
        }
    }
}

/// Who shows this key.
fn by_key(app: &App, key: &str) -> Result<Subject, Refusal> {
    const PAGE_KEY: &str = "a key with the scope `click` stands in public pages and can't sign in";
    let caller = key_caller(&app.registry, key).ok_or(Refusal::WrongCredentials)?;
    if caller.needs(Scope::Click).is_ok() {
        return Err(Refusal::AccessDenied(PAGE_KEY));
    }
    caller.key.map(Subject::Key).ok_or(Refusal::WrongCredentials)
}

/// `GET /v1/session`.
pub(super) async fn show(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    let (caller, session) = signed_in(&desk.app, &request)?;
    tell(&desk.app, &caller, &session)
}

/// `DELETE /v1/session`.
pub(super) async fn close(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    let (_, session) = signed_in(&desk.app, &request)?;
    desk.app.callers.sessions.end(&session, desk.app.clock.now_ms());
    let https = desk.app.callers.https(Head::from(&request));
    let cookie = Sessions::take_away(https).ok_or(Refusal::Internal)?;
    let headers = [(SET_COOKIE, cookie), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// The caller's session; one who shows a key has none.
fn signed_in(app: &App, request: &Request) -> Result<(Caller, Session), Refusal> {
    if request.headers().contains_key(AUTHORIZATION) {
        return Err(Stranger::Unknown.into());
    }
    let Identified { caller, session } = app.identify(request)?;
    Ok((caller, session.ok_or(Stranger::Unknown)?))
}

fn tell(app: &App, caller: &Caller, session: &Session) -> Result<Response, Refusal> {
    let account = app.registry.account(caller.account).ok_or(Stranger::Unknown)?;
    let user = match session.subject {
        Subject::User(stamp) => Some(app.registry.user(stamp).ok_or(Stranger::Unknown)?.name.to_string()),
        Subject::Key(_) => None,
    };
    let told = Told {
        account: AccountTold { name: account.name.to_string(), code: account.code.to_string() },
        user,
        key: caller.key.map(|key| key.to_string()),
        scopes: caller.scopes.iter().map(Scope::as_str).collect(),
        csrf: app.callers.sessions.token(session),
        expires_at: app.callers.sessions.ends_ms(session),
        zone: app.settings.zone.clone(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let body = serde_json::to_vec(&told).map_err(|_| Refusal::Internal)?;
    Ok(([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body).into_response())
}

/// Whole seconds, rounded up.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self::of_body(error.into(), SESSION_BODY_BYTES_MAX)
    }
}
