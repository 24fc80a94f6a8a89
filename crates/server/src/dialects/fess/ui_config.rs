//! `GET /api/v2/ui/config`: opens a session, or renews the caller's, and tells what this server offers: the fields of
//! Fess's answer, with honest values for a server that logs clicks and does nothing else.

use std::time::Duration;

use axum::http::header::{HeaderValue, SET_COOKIE};
use axum::response::Response;
use serde::Serialize;

use super::refusal::Refusal;
use super::session::SESSION_COOKIE;
use super::visitor::{self, USER_COOKIE};
use super::{Call, Fess, envelope};
use crate::browser;
use crate::cookies::{self, Reach};
use crate::settings::OptOut;

/// How long a browser keeps its user code: 30 days.
const USER_COOKIE_LIFE: Duration = Duration::from_secs(30 * 86_400);

#[derive(Serialize)]
struct UiConfig<'a> {
    site_name: &'static str,
    zone: &'a str,
    login_required: bool,
    locales: [&'static str; 1],
    theme: Nothing,
    features: Features,
    page_size_default: u32,
    page_size_max: u32,
    sort_options: [Nothing; 0],
    num_options: [u32; 0],
    lang_options: [Nothing; 0],
    label_options: [Nothing; 0],
    notifications: Notifications,
    facet_views: [Nothing; 0],
    filetype_options: [Nothing; 0],
    csrf_required: bool,
    csrf_token: String,
}

/// An object without fields: no theme, and the entries of menus that are empty here.
#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize, Default)]
struct Features {
    user_favorite: bool,
    search_history: bool,
    search_export: bool,
    user_tag: bool,
    popular_word: bool,
    suggest_search_log: bool,
    suggest_documents: bool,
    login_required: bool,
    eoled: bool,
    development_mode: bool,
    search_log_enabled: bool,
    thumbnail_enabled: bool,
    display_label_type: bool,
    clipboard_copy_icon: bool,
    eol_link: &'static str,
    installation_link: &'static str,
    login_link: bool,
    rag_chat_enabled: bool,
}

#[derive(Serialize, Default)]
struct Notifications {
    search_top: &'static str,
    advance_search: &'static str,
    login: &'static str,
}

/// Opens or renews the session. A browser without a user code gets one, unless its user asked not to be tracked.
pub(super) fn answer(fess: &Fess, call: &Call) -> Result<Response, Refusal> {
    let settings = &fess.app.settings;
    let headers = &call.parts.headers;
    let opted_out = settings.opt_out != OptOut::Ignore && browser::asks_not_to_be_tracked(headers);
    let earlier = fess.sessions.of(headers, call.now_ms);
    let session = fess.sessions.open(earlier.as_ref(), opted_out, call.now_ms).ok_or(Refusal::Internal)?;
    let mut response = envelope::success(UiConfig {
        site_name: "ClickTally",
        zone: &settings.zone,
        login_required: false,
        locales: ["en"],
        theme: Nothing {},
        features: Features { search_log_enabled: settings.click_log, ..Features::default() },
        page_size_default: 0,
        page_size_max: 0,
        sort_options: [],
        num_options: [],
        lang_options: [],
        label_options: [],
        notifications: Notifications::default(),
        facet_views: [],
        filetype_options: [],
        csrf_required: true,
        csrf_token: fess.sessions.token(&session),
    });
    let mut give = |cookie: Option<HeaderValue>| -> Result<(), Refusal> {
        response.headers_mut().append(SET_COOKIE, cookie.ok_or(Refusal::Internal)?);
        Ok(())
    };
    let reach = reach(fess, call);
    give(cookies::set(SESSION_COOKIE, &fess.sessions.write(&session), fess.sessions.life(), reach))?;
    if !opted_out && visitor::user_code(&call.parts.uri, headers).is_none() {
        let code = visitor::new_user_code().ok_or(Refusal::Internal)?;
        give(cookies::set(USER_COOKIE, &code, USER_COOKIE_LIFE, reach))?;
    }
    Ok(response)
}

fn reach(fess: &Fess, call: &Call) -> Reach {
    if fess.origins.any_listed() {
        Reach::CrossSite
    } else {
        Reach::SameSite { secure: fess.origins.https(&call.facts) }
    }
}
