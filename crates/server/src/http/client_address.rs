//! Who is calling, and by which name: the client's address, scheme and host behind trusted proxies.
//!
//! This room must never know routes, sessions or refusals. It only reads headers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::{Extensions, HeaderMap, HeaderName, Uri, header};
use ipnet::IpNet;

use super::serve::Peer;

/// Hops of `X-Forwarded-For` that are looked at, from the right.
const FORWARDED_HOPS_MAX: usize = 32;

/// Bytes in a host name with its port; a longer one counts as none.
const HOST_BYTES_MAX: usize = 255 + 6;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What the front knows about the origin of a request. It is in the extensions of each request that a handler gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The caller's address; `127.0.0.1` for a caller on the control socket. IPv4 addresses in IPv6 form are unwrapped.
    pub client: IpAddr,
    /// True when a trusted proxy says that the client used https. The front itself speaks plain HTTP.
    pub https: bool,
    /// The host that the client asked for, in lower case, with the port if one was given; empty when there is none or it
    /// isn't a possible host.
    pub host: String,
}

impl Facts {
    /// The facts of a request: those that the front has told, else those of a caller behind no proxy.
    #[must_use]
    pub fn of(extensions: &Extensions, uri: &Uri, headers: &HeaderMap) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_else(|| {
            let peer = extensions.get::<Peer>().copied().unwrap_or_default();
            TrustedProxies::default().facts(peer, uri, headers)
        })
    }

    /// The host without its port: `[::1]:8080` gives `[::1]`.
    #[must_use]
    pub fn host_name(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &self.host,
        }
    }
}

/// The proxies whose `X-Forwarded-*` headers count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
}

impl TrustedProxies {
    /// Trusts every address in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self { networks }
    }

    /// The facts of a request that came from `peer`.
    #[must_use]
    pub fn facts(&self, peer: Peer, uri: &Uri, headers: &HeaderMap) -> Facts {
        let host = match uri.authority() {
            // RFC 9112, 3.2.2: a host in the request line wins over the header.
            Some(authority) => Some(authority.as_str()),
            None => sole(headers, &header::HOST),
        };
        match peer.addr.map(|addr| addr.to_canonical()) {
            Some(addr) if self.trusts(addr) => self.facts_behind_proxy(addr, host, headers),
            direct => Facts {
                client: direct.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                https: false,
                host: host.map(plausible_host).unwrap_or_default(),
            },
        }
    }

    fn facts_behind_proxy(&self, proxy: IpAddr, host: Option<&str>, headers: &HeaderMap) -> Facts {
        // Only the rightmost value of a list is certain to be the trusted proxy's own.
        let host = last_value(headers, &X_FORWARDED_HOST).or(host);
        Facts {
            client: self.rightmost_untrusted(proxy, headers),
            https: last_value(headers, &X_FORWARDED_PROTO)
                .is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
            host: host.map(plausible_host).unwrap_or_default(),
        }
    }

    /// Walks `X-Forwarded-For` from the right: each trusted hop vouches for the one to its left, and for no other.
    fn rightmost_untrusted(&self, proxy: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = proxy;
        let lines: Vec<&str> =
            headers.get_all(X_FORWARDED_FOR).iter().map(|v| v.to_str().unwrap_or("?")).collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        for hop in hops.take(FORWARDED_HOPS_MAX) {
            let Some(addr) = hop_address(hop.trim()) else { return nearest };
            nearest = addr;
            if !self.trusts(addr) {
                return addr;
            }
        }
        nearest
    }

    fn trusts(&self, addr: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&addr))
    }
}

/// True when a request has passed a proxy, trusted or not. On a machine with a reverse proxy everybody's peer address is
/// loopback; this tells the machine's own callers from the world.
#[must_use]
pub fn was_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name == "via" || name == "x-real-ip" || name.starts_with("x-forwarded-")
    })
}

/// An address as proxies write it: `1.2.3.4`, `1.2.3.4:5`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:5`.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let addr = bare.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    addr.ok().map(|addr| addr.to_canonical())
}

fn sole<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(only), None) => only.to_str().ok(),
        _ => None,
    }
}

fn last_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
}

fn plausible_host(host: &str) -> String {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if host.len() <= HOST_BYTES_MAX && host.bytes().all(allowed) {
        host.to_ascii_lowercase()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn facts(trusted: &[&str], peer: &str, headers: &[(&str, &str)]) -> Facts {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let proxies = TrustedProxies::new(trusted.iter().map(|net| net.parse().unwrap()).collect());
        let peer = Peer { addr: Some(peer.parse().unwrap()) };
        proxies.facts(peer, request.uri(), request.headers())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_stranger_can_not_choose_its_address_scheme_or_host() {
        let forged = [
            ("host", "Shop.example:8080"),
            ("x-forwarded-for", "9.9.9.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
        ];
        let seen = facts(&["10.0.0.0/8"], "192.0.2.7", &forged);
        assert_eq!(
            seen,
            Facts { client: ip("192.0.2.7"), https: false, host: "shop.example:8080".to_owned() }
        );
        assert_eq!(seen.host_name(), "shop.example");
    }

    #[test]
    fn behind_trusted_proxies_the_rightmost_untrusted_hop_is_the_client() {
        let headers = [
            ("host", "inner"),
            ("x-forwarded-for", "1.1.1.1, 203.0.113.5:4711"),
            ("x-forwarded-for", "10.1.2.3"),
            ("x-forwarded-proto", "http, https"),
            ("x-forwarded-host", "shop.example"),
        ];
        let seen = facts(&["10.0.0.0/8"], "::ffff:10.0.0.1", &headers);
        assert_eq!(seen, Facts { client: ip("203.0.113.5"), https: true, host: "shop.example".to_owned() });
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_walk_at_the_last_one_that_was() {
        let seen = facts(&["10.0.0.0/8"], "10.0.0.1", &[("x-forwarded-for", "5.5.5.5, unknown, 10.0.0.2")]);
        assert_eq!(seen.client, ip("10.0.0.2"));
    }

    #[test]
    fn addresses_are_read_in_every_form_that_proxies_write() {
        for (hop, addr) in [
            ("[2001:db8::1]:5", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(facts(&["127.0.0.1/32"], "127.0.0.1", &[("x-forwarded-for", hop)]).client, ip(addr));
        }
    }

    #[test]
    fn a_repeated_or_impossible_host_counts_as_none() {
        assert_eq!(facts(&[], "1.2.3.4", &[("host", "a"), ("host", "b")]).host, "");
        assert_eq!(facts(&[], "1.2.3.4", &[("host", "a/b<script>")]).host, "");
        assert_eq!(facts(&[], "1.2.3.4", &[("host", "[::1]:80")]).host_name(), "[::1]");
    }

    #[test]
    fn any_proxy_header_marks_a_request_as_forwarded() {
        for name in ["forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-port"] {
            let mut headers = HeaderMap::new();
            assert!(!was_forwarded(&headers));
            headers.insert(HeaderName::from_static(name), "x".parse().unwrap());
            assert!(was_forwarded(&headers), "{name}");
        }
    }
}
