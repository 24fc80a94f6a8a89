//! Where a request comes from: the server's own pages, a listed origin, a stranger's page, or no page at all. This room
//! must never know what is asked for, and `*` means nothing to it.

use axum::http::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER};

use crate::http::Facts;

/// Scheme, host and port (RFC 6454), in the spelling that makes equal ones equal: lower case, no default port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Reads a serialised origin, which has nothing behind its port: no path, not even a slash.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let mut letters = scheme.bytes();
        let named = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        let (host, port) = split_port(authority)?;
        if !named || !is_host(host) {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Some(Self { host: host.to_ascii_lowercase(), port: port.filter(|port| Some(*port) != usual), scheme })
    }

    /// The origin of an address such as `Referer` has: what stands behind the host and port does not matter.
    pub(crate) fn of_address(text: &str) -> Option<Self> {
        let authority = text.find("://")? + "://".len();
        let end = text[authority..].find(['/', '?', '#']).map_or(text.len(), |end| authority + end);
        Self::parse(&text[..end])
    }

    /// The host, in lower case and without the port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == "https"
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    // The colons of an IPv6 address are inside its brackets.
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = authority[after_host..].find(':').map(|colon| after_host + colon) else {
        return Some((authority, None));
    };
    let digits = &authority[colon + 1..];
    let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    numeric.then(|| digits.parse().ok()).flatten().map(|port| (&authority[..colon], Some(port)))
}

fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[') {
        return inside.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !host.is_empty() && host.bytes().all(allowed)
}

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// No page: neither `Origin` nor `Referer`.
    NoPage,
    /// A page of the server's own origin.
    Own,
    /// A page of a listed origin; its `Origin` header as it was sent, where it was sent.
    Listed(Option<HeaderValue>),
    /// Any other page, or headers that can't be read for sure.
    Foreign,
}

impl Source {
    /// Whether such a page may change something.
    pub(crate) fn may_change(&self) -> bool {
        !matches!(self, Self::Foreign)
    }
}

/// The origins that are trusted.
#[derive(Debug)]
pub(crate) struct Origins {
    own: Option<Origin>,
    /// True when the server is told its address and does not take it from `Host`.
    own_is_fixed: bool,
    listed: Vec<Origin>,
}

impl Origins {
    /// `public` is the server's own origin if it is configured. What is no origin in `listed`, `*` too, counts for
    /// nothing.
    pub(crate) fn new(public: Option<&str>, listed: &[String]) -> Self {
        let listed = listed.iter().filter_map(|text| Origin::parse(text)).collect();
        Self { own: public.and_then(Origin::of_address), own_is_fixed: public.is_some(), listed }
    }

    /// Whether this origin is listed.
    pub(crate) fn lists(&self, origin: &Origin) -> bool {
        self.listed.contains(origin)
    }

    /// Whether pages of other origins may call.
    pub(crate) fn any_listed(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Whether browsers reach the server by https.
    pub(crate) fn https(&self, facts: &Facts) -> bool {
        facts.https || self.own.as_ref().is_some_and(Origin::is_https)
    }

    /// Where a request comes from. `Origin` decides; `Referer` only where there is no `Origin` at all.
    pub(crate) fn source(&self, headers: &HeaderMap, facts: &Facts) -> Source {
        let (name, parse): (_, fn(&str) -> Option<Origin>) = if headers.contains_key(ORIGIN) {
            (ORIGIN, Origin::parse)
        } else if headers.contains_key(REFERER) {
            (REFERER, Origin::of_address)
        } else {
            return Source::NoPage;
        };
        let Some(origin) = sole(headers, &name).and_then(parse) else { return Source::Foreign };
        if self.listed.contains(&origin) {
            Source::Listed(headers.get(ORIGIN).cloned())
        } else if self.is_own(&origin, facts) {
            Source::Own
        } else {
            Source::Foreign
        }
    }

    fn is_own(&self, origin: &Origin, facts: &Facts) -> bool {
        if self.own_is_fixed {
            return self.own.as_ref() == Some(origin);
        }
        let scheme = if facts.https { "https" } else { "http" };
        Origin::parse(&format!("{scheme}://{}", facts.host)).as_ref() == Some(origin)
    }
}

/// The value of a header that must not be repeated.
pub(crate) fn sole<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(only), None) => only.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::chance::Chance;

    fn facts(https: bool, host: &str) -> Facts {
        Facts { client: IpAddr::V4(Ipv4Addr::LOCALHOST), https, host: host.to_owned() }
    }

    fn source(origins: &Origins, https: bool, host: &str, origin: &str) -> Source {
        let headers = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_str(origin).unwrap())]);
        match origins.source(&headers, &facts(https, host)) {
            Source::Listed(_) => Source::Listed(None),
            other => other,
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_else() {
        let same = [
            ("https://shop.example", "HTTPS://Shop.Example:443"),
            ("http://shop.example", "http://shop.example:80"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("capacitor://localhost", "capacitor://localhost"),
        ];
        for (left, right) in same {
            assert!(Origin::parse(left).is_some(), "{left}");
            assert_eq!(Origin::parse(left), Origin::parse(right), "{left} {right}");
        }
        let none = [
            "",
            "null",
            "*",
            "shop.example",
            "://shop.example",
            "https:/shop.example",
            "https://",
            "https://shop.example/",
            "https://shop.example/path",
            "https://shop.example?x",
            "https://user@shop.example",
            "https://shop.example:",
            "https://shop.example:x",
            "https://shop.example:65536",
            "https://shop.example:+80",
            "https://shop.example, https://other.example",
            "https://shop.example https://other.example",
            "https://[::1",
            "https://[::g]",
            "https://::1",
            "https://*.example",
            "https://sh\u{f6}p.example",
            "1https://shop.example",
        ];
        for text in none {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_own_origin_has_the_scheme_host_and_port_of_the_request() {
        let origins = Origins::new(None, &[]);
        assert_eq!(source(&origins, false, "shop.example:8080", "http://shop.example:8080"), Source::Own);
        assert_eq!(source(&origins, true, "shop.example", "https://shop.example:443"), Source::Own);
        for other in
            ["https://shop.example:8080", "http://shop.example", "http://a.shop.example:8080", "null"]
        {
            assert_eq!(source(&origins, false, "shop.example:8080", other), Source::Foreign, "{other}");
        }
        assert_eq!(source(&origins, false, "", "http://shop.example"), Source::Foreign);
    }

    #[test]
    fn a_configured_address_replaces_the_host() {
        let origins = Origins::new(Some("https://clicks.example/"), &[]);
        assert_eq!(source(&origins, false, "inner:8080", "https://clicks.example"), Source::Own);
        assert_eq!(source(&origins, false, "inner:8080", "http://inner:8080"), Source::Foreign);
        assert!(origins.https(&facts(false, "inner")));
        let broken = Origins::new(Some("nonsense"), &[]);
        assert_eq!(source(&broken, false, "inner", "http://inner"), Source::Foreign);
    }

    #[test]
    fn listed_origins_match_exactly_and_a_star_never_does() {
        let listed =
            ["https://www.shop.example".to_owned(), "*".to_owned(), "https://*.shop.example".to_owned()];
        let origins = Origins::new(None, &listed);
        assert_eq!(source(&origins, false, "x", "https://www.shop.example"), Source::Listed(None));
        for other in [
            "http://www.shop.example",
            "https://www.shop.example:8443",
            "https://a.shop.example",
            "*",
            "https://www.shop.example.evil.example",
        ] {
            assert_eq!(source(&origins, false, "x", other), Source::Foreign, "{other}");
        }
        assert!(!Origins::new(None, &["*".to_owned()]).any_listed());
    }

    #[test]
    fn the_referer_counts_only_where_there_is_no_origin() {
        let origins = Origins::new(None, &[]);
        let told = |pairs: &[(HeaderName, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, HeaderValue::from_static(value));
            }
            origins.source(&headers, &facts(false, "shop.example"))
        };
        assert_eq!(told(&[]), Source::NoPage);
        assert_eq!(told(&[(REFERER, "http://shop.example/search?q=red#top")]), Source::Own);
        assert_eq!(told(&[(REFERER, "http://shop.example?q=http://evil.example/")]), Source::Own);
        assert_eq!(told(&[(REFERER, "http://evil.example/http://shop.example/")]), Source::Foreign);
        assert_eq!(told(&[(REFERER, "http://shop.example@evil.example/")]), Source::Foreign);
        assert_eq!(told(&[(REFERER, "about:blank")]), Source::Foreign);
        assert_eq!(told(&[(ORIGIN, ""), (REFERER, "http://shop.example/")]), Source::Foreign);
        assert_eq!(
            told(&[(ORIGIN, "http://shop.example"), (ORIGIN, "http://shop.example")]),
            Source::Foreign
        );
    }

    #[test]
    fn no_text_makes_the_parsers_panic_and_what_is_read_is_an_origin() {
        let seed = 0x0519_1411;
        let mut chance = Chance::new(seed);
        let pieces = [
            "http",
            "https",
            "://",
            ":",
            "/",
            "[",
            "]",
            "::1",
            "a",
            "9",
            "443",
            "@",
            "?",
            "#",
            "é",
            ".",
            "*",
            "%00",
            "\u{1F980}",
        ];
        for _ in 0..20_000 {
            let text: String = (0..chance.below(9)).map(|_| *chance.pick(&pieces)).collect();
            let read = [Origin::parse(&text), Origin::of_address(&text)];
            for origin in read.into_iter().flatten() {
                let port = origin.port.map(|port| format!(":{port}")).unwrap_or_default();
                let written = format!("{}://{}{port}", origin.scheme, origin.host);
                assert_eq!(Origin::parse(&written), Some(origin), "seed {seed:#x}: {text}");
            }
        }
    }
}
