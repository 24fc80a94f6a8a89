//! Search engines: what one is, and what the host name of a site looks like.

use std::sync::Arc;

use clicks::{AccountCode, Hashid, IndexName};

use crate::error::RegistryError;

/// The most indices an engine may have.
pub const ENGINE_INDICES_MAX: usize = 256;
/// The most sites an engine may be bound to.
pub const ENGINE_SITES_MAX: usize = 64;
/// The most hashids of removed engines that are kept for the accounts that had them.
pub const ENGINES_RETIRED_MAX: usize = 1_000_000;
/// The longest host name, in bytes (RFC 1035).
pub const SITE_BYTES_MAX: usize = 253;

/// A search engine: the shop or site that clicks belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Its name in the APIs, unique on the whole server.
    pub hashid: Hashid,
    /// Whose it is.
    pub account: AccountCode,
    /// For people; the hashid where none was given.
    pub name: Arc<str>,
    /// Its indices, in the order in which they came.
    pub indices: Vec<IndexName>,
    /// The host names whose clicks belong to it, in lower case and without port.
    pub sites: Vec<String>,
}

/// What an engine is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEngine {
    /// A random one where none is given.
    pub hashid: Option<Hashid>,
    /// For people, 1 to 512 characters.
    pub name: Option<String>,
    /// Its indices, in order; repetitions are dropped.
    pub indices: Vec<IndexName>,
    /// Host names in any letter case; repetitions are dropped.
    pub sites: Vec<String>,
}

/// What is to change about an engine; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineUpdate {
    /// For people, 1 to 512 characters.
    pub name: Option<String>,
    /// All host names that it is bound to from now on, in any letter case; repetitions are dropped.
    pub sites: Option<Vec<String>>,
}

/// The site with this host name, as it is kept: lower case, no dot at the end.
pub(crate) fn site_name(host: &str) -> Result<String, RegistryError> {
    let site = host.trim().trim_end_matches('.').to_ascii_lowercase();
    let name = |text: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        !text.is_empty() && !text.starts_with('.') && !text.contains("..") && text.bytes().all(known)
    };
    let address = || {
        let inside = site.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inside.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
    };
    if site.len() <= SITE_BYTES_MAX && (name(&site) || address()) {
        return Ok(site);
    }
    Err(RegistryError::Invalid {
        what: "a site is a host name such as search.example.com: no scheme, no port, no path",
    })
}

/// What a `Host` header's value is looked up by: like a site's name, without the port.
pub(crate) fn site_of_host(host: &str) -> Option<String> {
    let bare = match host.trim().rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !bare.ends_with(':') => bare,
        _ => host,
    };
    site_name(bare).or_else(|_| site_name(host)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_host_name_in_lower_case() {
        for (typed, kept) in
            [("Search.Example.COM", "search.example.com"), ("localhost.", "localhost"), ("[::1]", "[::1]")]
        {
            assert_eq!(site_name(typed).as_deref(), Ok(kept));
        }
        let long = "a".repeat(254);
        for wrong in
            ["", ".", "a..b", ".a", "http://a", "a:80", "a/b", "a b", "é.com", "*", "[::1]:80", "[x]", &long]
        {
            assert!(site_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_header_is_looked_up_without_its_port() {
        for (host, site) in [
            ("A.com:8080", Some("a.com")),
            ("a.com", Some("a.com")),
            ("a.com:", Some("a.com")),
            ("[::1]:80", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("a:b", None),
            (":80", None),
            ("", None),
        ] {
            assert_eq!(site_of_host(host).as_deref(), site, "{host}");
        }
    }
}
