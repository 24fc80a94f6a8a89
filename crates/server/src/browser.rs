//! What a browser tells of itself and its user in the headers of every request: what they hold in the hand, and whether
//! they wish not to be tracked. This room must never know a dialect, and never invent what is not told.

use axum::http::header::{HeaderMap, HeaderName, USER_AGENT};
use clicks::Device;

use crate::origins::sole;
use crate::user_agent::device_of;

const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");
const DNT: HeaderName = HeaderName::from_static("dnt");
const SEC_CH_UA_MOBILE: HeaderName = HeaderName::from_static("sec-ch-ua-mobile");

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

#[cfg(test)]
mod tests {
    use axum::http::header::HeaderValue;

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
}
