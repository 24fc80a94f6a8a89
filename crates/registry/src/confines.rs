//! Confines: where a key that stands in a public page may be used. They are bound into the key's sealing, so this room
//! says how they are written; it must never know who asks.

use clicks::Hashid;

use crate::error::RegistryError;

/// The most search engines that a key may list.
pub const KEY_ENGINES_MAX: usize = 256;
/// The most origins that a key may list.
pub const KEY_ORIGINS_MAX: usize = 64;
/// The longest origin, in bytes: the longest host name (RFC 1035) with its scheme and port.
pub const ORIGIN_BYTES_MAX: usize = 253 + "https://".len() + ":65535".len();

/// Where a key of the scope `click` may be used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Confines {
    engines: Vec<Hashid>,
    origins: Vec<Box<str>>,
}

impl Confines {
    /// Confines to these search engines (to all of the account's where none is listed) and, in browsers, to pages of
    /// these origins. Repetitions are dropped.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for an origin that no browser sends in this form, `*` too; `TooMany`.
    pub fn new(engines: &[Hashid], origins: &[String]) -> Result<Self, RegistryError> {
        let mut confines = Self::default();
        for engine in engines {
            if !confines.engines.contains(engine) {
                confines.engines.push(*engine);
            }
        }
        for origin in origins {
            if !is_origin(origin) {
                let what = "an origin is spelled as browsers send it, such as https://shop.example.com: no path, no \
                            default port, no capitals, no *";
                return Err(RegistryError::Invalid { what });
            }
            if !confines.listed(origin) {
                confines.origins.push(origin.as_str().into());
            }
        }
        let too_many = |what, max: usize| Err(RegistryError::TooMany { what, max: max as u64 });
        if confines.engines.len() > KEY_ENGINES_MAX {
            return too_many("search engines of one key", KEY_ENGINES_MAX);
        }
        if confines.origins.len() > KEY_ORIGINS_MAX {
            return too_many("origins of one key", KEY_ORIGINS_MAX);
        }
        Ok(confines)
    }

    /// What was read from storage, where every part was checked.
    pub(crate) fn of(engines: Vec<Hashid>, origins: Vec<Box<str>>) -> Self {
        Self { engines, origins }
    }

    /// The search engines that are listed; none means all of the account's.
    #[must_use]
    pub fn engines(&self) -> &[Hashid] {
        &self.engines
    }

    /// The origins whose pages may use the key.
    #[must_use]
    pub fn origins(&self) -> &[Box<str>] {
        &self.origins
    }

    /// Whether the key may record for this search engine of its account.
    #[must_use]
    pub fn hold(&self, engine: Hashid) -> bool {
        self.engines.is_empty() || self.engines.contains(&engine)
    }

    /// Whether pages of this origin may use the key. `origin` is an `Origin` header's value, letter by letter.
    #[must_use]
    pub fn listed(&self, origin: &str) -> bool {
        self.origins.iter().any(|listed| **listed == *origin)
    }

    /// Whether nothing is listed.
    pub(crate) fn is_empty(&self) -> bool {
        self.engines.is_empty() && self.origins.is_empty()
    }

    /// Adds what a key's sealing is bound to: nothing where nothing is listed, as before there were confines; else texts
    /// that can be told apart by their lengths.
    pub(crate) fn bind(&self, bound: &mut Vec<u8>) {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
        if self.is_empty() {
            return;
        }
        bound.extend_from_slice(&number(self.engines.len()));
        self.engines.iter().for_each(|engine| bound.extend_from_slice(engine.as_bytes()));
        bound.extend_from_slice(&number(self.origins.len()));
        for origin in &self.origins {
            bound.extend_from_slice(&number(origin.len()));
            bound.extend_from_slice(origin.as_bytes());
        }
    }
}

/// Whether a text is an origin exactly as browsers serialise it (RFC 6454, section 6.2): an http scheme, a host in lower
/// case, and a port unless it is the scheme's own.
pub(crate) fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let usual_port = match scheme {
        "https" => "443",
        "http" => "80",
        _ => return false,
    };
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority[after_host..].split_once(':') {
        Some((rest, port)) => (&authority[..after_host + rest.len()], Some(port)),
        None => (authority, None),
    };
    let is_port = |port: &str| {
        port != usual_port && !port.starts_with('0') && port.parse::<u16>().is_ok_and(|_| is_digits(port))
    };
    text.len() <= ORIGIN_BYTES_MAX && is_host(host) && port.is_none_or(is_port)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[') {
        let address = inside.strip_suffix(']');
        return address.is_some_and(|text| {
            text.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.to_string() == text)
        });
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    !host.is_empty() && host.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_taken_only_as_browsers_send_it() {
        for origin in
            ["https://shop.example.com", "http://localhost:3000", "https://[::1]:8443", "http://127.0.0.1"]
        {
            assert!(is_origin(origin), "{origin}");
        }
        let long = format!("https://{}", "a".repeat(ORIGIN_BYTES_MAX));
        for wrong in [
            "",
            "*",
            "null",
            "https://*",
            "https://*.example.com",
            "shop.example.com",
            "https://",
            "https://shop.example.com/",
            "https://Shop.example.com",
            "HTTPS://shop.example.com",
            "https://shop.example.com:443",
            "http://shop.example.com:80",
            "https://shop.example.com:",
            "https://shop.example.com:+1",
            "https://shop.example.com:08443",
            "https://shop.example.com:65536",
            "https://user@shop.example.com",
            "https://[0:0::1]",
            "https://[::1",
            "ftp://shop.example.com",
            "https://sh\u{f6}p.example",
            "https://a https://b",
            long.as_str(),
        ] {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }

    #[test]
    fn lists_are_bounded_and_name_each_once() {
        let engine = |number: usize| Hashid::from_bytes(u128::try_from(number).unwrap().to_be_bytes());
        let origins: Vec<String> = (0..65).map(|number| format!("https://{number}.example")).collect();
        let engines: Vec<Hashid> = (0..257).map(engine).collect();
        assert!(Confines::new(&engines[..256], &origins[..64]).is_ok());
        assert!(matches!(Confines::new(&engines, &[]), Err(RegistryError::TooMany { max: 256, .. })));
        assert!(matches!(Confines::new(&[], &origins), Err(RegistryError::TooMany { max: 64, .. })));
        let twice =
            Confines::new(&[engine(1), engine(1)], &[origins[0].clone(), origins[0].clone()]).unwrap();
        assert_eq!((twice.engines().len(), twice.origins().len()), (1, 1));
    }

    #[test]
    fn what_is_bound_tells_different_confines_apart() {
        let bound = |engines: &[Hashid], origins: &[&str]| {
            let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
            let mut bound = Vec::new();
            Confines::new(engines, &origins).unwrap().bind(&mut bound);
            bound
        };
        let (one, two) = (Hashid::from_bytes([1; 16]), Hashid::from_bytes([2; 16]));
        let all = [
            bound(&[], &[]),
            bound(&[one], &[]),
            bound(&[two], &[]),
            bound(&[one, two], &[]),
            bound(&[], &["https://a.example"]),
            bound(&[one], &["https://a.example"]),
            bound(&[one], &["https://a.example", "https://b.example"]),
        ];
        for (place, bytes) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == bytes), Some(place));
        }
        assert!(all[0].is_empty(), "a key without confines is bound as it always was");
    }
}
