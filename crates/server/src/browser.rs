//! What a browser tells of itself and its user in the headers of every request: what they hold in the hand, and whether
//! they wish not to be tracked. This room must never know a dialect, and never invent what is not told.

use axum::http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use clicks::Device;

use crate::origins::sole;
use crate::settings::OptOut;
use crate::user_agent::device_of;

const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");
const DNT: HeaderName = HeaderName::from_static("dnt");
const SEC_CH_UA_MOBILE: HeaderName = HeaderName::from_static("sec-ch-ua-mobile");

/// What a visitor's wish not to be tracked comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// There is none, or the team ignores it.
    Nothing,
    /// The click counts, and nothing says whose it is.
    NotNamed,
    /// The click is not logged.
    NotLogged,
}

/// What the team does about a visitor who asked not to be tracked, or did not.
pub(crate) fn wish(opt_out: OptOut, asked: bool) -> Wish {
    match opt_out {
        OptOut::Count if asked => Wish::NotNamed,
        OptOut::Skip if asked => Wish::NotLogged,
        _ => Wish::Nothing,
    }
}

/// Whether the browser says that its user does not want to be tracked: Global Privacy Control or Do Not Track.
pub(crate) fn asks_not_to_be_tracked(headers: &HeaderMap) -> bool {
    [SEC_GPC, DNT]
        .iter()
        .any(|name| headers.get_all(name).iter().any(|value| value.as_bytes().trim_ascii() == b"1"))
}

/// What the visitor holds: a browser that says it is mobile is, else its `User-Agent` decides.
pub(crate) fn device(headers: &HeaderMap) -> Device {
    if sole(headers, &SEC_CH_UA_MOBILE).is_some_and(|value| value.trim() == "?1") {
        return Device::Mobile;
    }
    let user_agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    device_of(&user_agent.unwrap_or_default())
}

/// The same, but for programs that are no browsers and say nothing: they don't hold a desktop.
pub(crate) fn told_device(headers: &HeaderMap) -> Option<Device> {
    const EVERY_BROWSER: &[u8] = b"Mozilla/";
    let is_browser = || {
        let user_agent = headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        user_agent.starts_with(EVERY_BROWSER) || headers.contains_key(SEC_CH_UA_MOBILE)
    };
    Some(device(headers)).filter(|device| *device == Device::Mobile || is_browser())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_hint_wins_only_where_it_says_mobile() {
        let told = |hint: &'static str, user_agent: &'static str| {
            let hint = (SEC_CH_UA_MOBILE, HeaderValue::from_static(hint));
            device(&HeaderMap::from_iter([hint, (USER_AGENT, HeaderValue::from_static(user_agent))]))
        };
        assert_eq!(told("?1", "Mozilla/5.0 (X11; Linux x86_64)"), Device::Mobile);
        assert_eq!(told("?0", "Mozilla/5.0 (Linux; Android 10; K)"), Device::Mobile);
        assert_eq!(told("?0", "Mozilla/5.0 (X11; Linux x86_64)"), Device::Desktop);
        assert_eq!(device(&HeaderMap::new()), Device::Desktop);
    }

    #[test]
    fn a_program_that_is_no_browser_holds_nothing_that_it_does_not_tell() {
        let told = |user_agent: &'static str| {
            told_device(&HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(user_agent))]))
        };
        assert_eq!(told("Mozilla/5.0 (X11; Linux x86_64)"), Some(Device::Desktop));
        assert_eq!(told("Mozilla/5.0 (iPhone)"), Some(Device::Mobile));
        assert_eq!(told("Shop/3 (Android 14)"), Some(Device::Mobile));
        assert_eq!([told("node"), told("curl/8"), told_device(&HeaderMap::new())], [None; 3]);
    }

    #[test]
    fn a_wish_is_what_the_team_makes_of_it() {
        let made = [OptOut::Count, OptOut::Skip, OptOut::Ignore].map(|opt_out| wish(opt_out, true));
        assert_eq!(made, [Wish::NotNamed, Wish::NotLogged, Wish::Nothing]);
        assert_eq!(wish(OptOut::Skip, false), Wish::Nothing);
        for (name, value, asks) in [(SEC_GPC, "1", true), (DNT, " 1", true), (DNT, "0", false)] {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            assert_eq!(asks_not_to_be_tracked(&headers), asks, "{value}");
        }
    }
}
