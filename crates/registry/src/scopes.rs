//! Scopes: what a key may do. This room knows the words only; the front decides which call needs which.

use std::fmt;
use std::str::FromStr;

/// One thing that a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Ask for statistics.
    Read,
    /// Feed clicks, searches and items.
    Write,
    /// Manage engines, items and keys.
    Manage,
    /// Record clicks and shown searches from a public page, and nothing else.
    Click,
}

impl Scope {
    /// All of them, in the order in which they are shown; a scope's place is its bit in storage.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Manage, Self::Click];

    /// As the command line and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Manage => "manage",
            Self::Click => "click",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Why a text is not a set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopesError {
    /// A word is not a scope, or there is none.
    #[error("scopes are a comma-separated list of read, write, manage, or click alone")]
    Unknown,
    /// `click` together with another: a key for a public page must not open more.
    #[error("click stands alone: a key for a public page must not be able to do anything else")]
    ClickStandsAlone,
}

/// What a key may do: at least one scope, and `click` only alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// The scope of a key that may stand in a public page.
    pub const CLICK: Self = Self(Scope::Click.bit());

    /// Whether `scope` is among them.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes that are among them, in the order in which they are shown.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    /// The scopes as bits, for storage.
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// The scopes with these bits, where they make a valid set.
    pub(crate) fn from_bits(bits: u8) -> Result<Self, ScopesError> {
        if bits == 0 || bits >= 1 << Scope::ALL.len() {
            return Err(ScopesError::Unknown);
        }
        let scopes = Self(bits);
        if scopes.contains(Scope::Click) && scopes != Self::CLICK {
            return Err(ScopesError::ClickStandsAlone);
        }
        Ok(scopes)
    }
}

/// `read,write,manage`.
impl Default for Scopes {
    fn default() -> Self {
        Self(Scope::Read.bit() | Scope::Write.bit() | Scope::Manage.bit())
    }
}

impl FromStr for Scopes {
    type Err = ScopesError;
    fn from_str(text: &str) -> Result<Self, ScopesError> {
        let mut bits = 0;
        for word in text.split(',') {
            let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == word.trim());
            bits |= scope.ok_or(ScopesError::Unknown)?.bit();
        }
        Self::from_bits(bits)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.iter().map(Scope::as_str);
        f.write_str(&words.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_back_in_their_own_order() {
        assert_eq!(Scopes::default().to_string(), "read,write,manage");
        let scopes: Scopes = "manage, read".parse().unwrap();
        assert_eq!(scopes.to_string(), "read,manage");
        assert!(scopes.contains(Scope::Read) && !scopes.contains(Scope::Write));
        assert_eq!("click".parse(), Ok(Scopes::CLICK));
    }

    #[test]
    fn no_scope_an_unknown_one_and_click_with_company_are_refused() {
        for wrong in ["", ",", "read,", "Read", "admin", "read write"] {
            assert_eq!(wrong.parse::<Scopes>(), Err(ScopesError::Unknown), "{wrong}");
        }
        assert_eq!("read,click".parse::<Scopes>(), Err(ScopesError::ClickStandsAlone));
    }

    #[test]
    fn only_bits_of_a_valid_set_are_read_from_storage() {
        for bits in 0..=u8::MAX {
            let valid = (1..=7).contains(&bits) || bits == 8;
            assert_eq!(Scopes::from_bits(bits).is_ok(), valid, "{bits}");
        }
    }
}
