//! Who sends documents over HTTP, in each of the ways in which clients of OpenSearch say it: `Authorization` with a token,
//! a password or an API key, and for pages the address. It must never know what is sent.

use axum::extract::Query;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry::Scope;

use super::refusal::Refusal;
use crate::access::{self, Caller};
use crate::app::App;
use crate::origins::sole;
use crate::pages::is_page_key;

const KEY_PARAMETER: &str = "key";

/// The caller.
pub(super) fn of(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Refusal> {
    if headers.contains_key(AUTHORIZATION) {
        let told = sole(headers, &AUTHORIZATION).ok_or(Refusal::NotAuthenticated)?;
        return authorized(app, told).ok_or(Refusal::NotAuthenticated);
    }
    let key = key_of(uri).ok_or(Refusal::NotAuthenticated)?;
    access::key_caller(&app.registry, &key).ok_or(Refusal::NotAuthenticated)
}

/// Whether the caller may send documents, in the way in which they named themselves.
pub(super) fn may_feed(caller: &Caller, headers: &HeaderMap) -> Result<(), Refusal> {
    const ADDRESS: &str = "only a key with the scope `click` may stand in an address";
    const SCOPE: &str = "this key has neither the scope `write` nor `click`";
    if !headers.contains_key(AUTHORIZATION) && !is_page_key(caller) {
        return Err(Refusal::AccessDenied(ADDRESS));
    }
    let may = [Scope::Write, Scope::Click].iter().any(|scope| caller.needs(*scope).is_ok());
    if may { Ok(()) } else { Err(Refusal::AccessDenied(SCOPE)) }
}

/// `Token KEY`, `Bearer JWT`; `Basic` with the key as the password; `ApiKey` with the key, or as `base64(id:key)`.
fn authorized(app: &App, told: &str) -> Option<Caller> {
    let (scheme, credentials) = told.trim().split_once(' ')?;
    let credentials = credentials.trim();
    let by_key = |key: &str| access::key_caller(&app.registry, key);
    if scheme.eq_ignore_ascii_case("basic") {
        by_key(&second(credentials)?)
    } else if scheme.eq_ignore_ascii_case("apikey") {
        by_key(credentials).or_else(|| by_key(&second(credentials)?))
    } else {
        access::caller(&app.registry, told, app.clock.now_ms())
    }
}

/// What stands behind the first colon of a pair in Base64 (RFC 7617).
fn second(encoded: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    pair.split_once(':').map(|(_, second)| second.to_owned())
}

/// The key in the address, if it is there once.
fn key_of(uri: &Uri) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    let mut keys = pairs.into_iter().filter(|(name, _)| name == KEY_PARAMETER).map(|(_, key)| key);
    keys.next().filter(|_| keys.next().is_none())
}
