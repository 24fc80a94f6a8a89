//! What a path of these calls stands for. Knows no engine and no caller.

use crate::query_string::parameters;
use axum::http::{Method, Uri};

/// The paths that are this API's, with all below them.
pub(super) const ROOTS: [&str; 2] = ["/5", "/6"];

/// The version of the API, which decides how an event is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// `GET /5/stats/{event}?hashid=…`.
    Five,
    /// `PUT /6/{hashid}/stats/{event}`.
    Six,
}

impl Version {
    /// The one method that is served.
    pub(super) const fn method(self) -> Method {
        match self {
            Self::Five => Method::GET,
            Self::Six => Method::PUT,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A result was clicked.
    Click,
    /// A banner was clicked.
    Banner,
    /// The search was opened: a session begins.
    Opening,
    /// A search ended in a redirection.
    Redirection,
}

/// An event of a search engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) version: Version,
    pub(super) event: Event,
    /// The search engine as it was named, if it was.
    pub(super) hashid: Option<String>,
}

/// Whether a path is one of this API's.
pub(super) fn is_below(path: &str) -> bool {
    let below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    ROOTS.iter().any(|root| below(root))
}

impl Place {
    /// What the address stands for; `None` where nothing is served.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let mut names = uri.path().strip_prefix('/')?.split('/');
        let place = match (names.next()?, names.next()?, names.next()?, names.next()) {
            ("6", hashid, "stats", Some(event)) => {
                let event = match event {
                    "click" => Event::Click,
                    "image" => Event::Banner,
                    "init" => Event::Opening,
                    "redirect" => Event::Redirection,
                    _ => return None,
                };
                Self { version: Version::Six, event, hashid: Some(hashid.to_owned()) }
            }
            ("5", "stats", event, None) => {
                let event = match event {
                    "click" => Event::Click,
                    // Clients of different ages name it differently.
                    "img_click" | "banner_click" => Event::Banner,
                    "init" => Event::Opening,
                    "redirect" => Event::Redirection,
                    _ => return None,
                };
                Self { version: Version::Five, event, hashid: engine_told(uri.query().unwrap_or_default()) }
            }
            _ => return None,
        };
        names.next().is_none().then_some(place)
    }
}

/// The search engine that a query string names: `hashid`, else the beginning of `dfid`, which is all that the oldest
/// clients send. What is said twice is not said.
fn engine_told(query: &str) -> Option<String> {
    let only = |wanted: &str| {
        let mut told = parameters(query).flatten().filter(|(name, _)| name == wanted);
        told.next().filter(|_| told.next().is_none()).map(|(_, value)| value.into_owned())
    };
    only("hashid").or_else(|| only("dfid")?.split_once('@').map(|(engine, _)| engine.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str) -> Option<(Version, Event, Option<String>)> {
        Place::of(&target.parse().unwrap()).map(|place| (place.version, place.event, place.hashid))
    }

    #[test]
    fn a_path_names_the_engine_or_the_query_string_does() {
        let (five, six) = (Version::Five, Version::Six);
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(of("/6/abc/stats/click?hashid=x"), Some((six, Event::Click, named("abc"))));
        assert_eq!(of("/6/abc/stats/image"), Some((six, Event::Banner, named("abc"))));
        assert_eq!(
            of("/5/stats/click?random=1&hashid=abc&dfid=x@y@z"),
            Some((five, Event::Click, named("abc")))
        );
        assert_eq!(of("/5/stats/click?dfid=abc%40y%40z"), Some((five, Event::Click, named("abc"))));
        assert_eq!(of("/5/stats/img_click?hashid=abc"), Some((five, Event::Banner, named("abc"))));
        assert_eq!(of("/5/stats/banner_click"), Some((five, Event::Banner, None)));
        assert_eq!(of("/6/abc/stats/init"), Some((six, Event::Opening, named("abc"))));
        assert_eq!(of("/6/abc/stats/redirect"), Some((six, Event::Redirection, named("abc"))));
        assert_eq!(of("/5/stats/init?hashid=abc"), Some((five, Event::Opening, named("abc"))));
        assert_eq!(of("/5/stats/click?hashid=a&hashid=b"), Some((five, Event::Click, None)));
    }

    #[test]
    fn nothing_is_served_elsewhere() {
        let paths = [
            "/5",
            "/6",
            "/6/",
            "/5/stats",
            "/5/stats/image",
            "/5/stats/click/x",
            "/6/abc/stats",
            "/6/abc/stats/checkout",
            "/6/abc/stats/click/x",
            "/6/abc/click",
            "/5/search",
            "/7/abc/stats/click",
        ];
        for path in paths {
            assert_eq!(of(path), None, "{path}");
        }
        assert!(is_below("/5") && is_below("/6/x") && !is_below("/55") && !is_below("/api/5"));
    }
}
