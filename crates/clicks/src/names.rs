//! The ids that everything else is named by. They live on the ground floor, so that no circle grows around them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The most characters an id, a code or a name may have.
pub const ID_CHARS_MAX: usize = 512;

/// Why a text is not the name it was given as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// An account code is 16 of `[0-9a-f]`.
    #[error("an account code has 16 characters of [0-9a-f]")]
    AccountCode,
    /// A hashid is 32 of `[0-9a-f]`.
    #[error("a hashid has 32 characters of [0-9a-f]")]
    Hashid,
    /// An id has 1 to [`ID_CHARS_MAX`] characters and no control characters.
    #[error("1 to {ID_CHARS_MAX} characters, none of them a control character")]
    Id,
    /// A dfid is `{hashid}@{index}@{md5 of the doc_id}`.
    #[error("a dfid is {{32 hex}}@{{index}}@{{32 hex}}")]
    Dfid,
}

/// Reads exactly `2 * N` lower-case hexadecimal digits.
pub(crate) fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes = text.as_bytes();
    if bytes.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (slot, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *slot = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! hex_name {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $error:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// The name with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The name's bytes, in the order of its digits.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                hex(text).map(Self).ok_or($error)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }
    };
}
pub(crate) use hex_name;

hex_name! {
    /// Names an account (the `name` claim of its JWTs): 16 hexadecimal digits. Not a visitor's code.
    AccountCode, 8, NameError::AccountCode
}
hex_name! {
    /// Names a search engine: 32 hexadecimal digits, unique on the whole server.
    Hashid, 16, NameError::Hashid
}

/// Checks that `text` may be an id: 1 to [`ID_CHARS_MAX`] characters without control characters.
///
/// # Errors
/// [`NameError::Id`] when it may not.
pub fn check_id(text: &str) -> Result<(), NameError> {
    let fits = !text.is_empty() && (text.len() <= ID_CHARS_MAX || text.chars().count() <= ID_CHARS_MAX);
    if fits && !text.chars().any(char::is_control) { Ok(()) } else { Err(NameError::Id) }
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                check_id(text)?;
                Ok(Self(Arc::from(text)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_name! {
    /// An index of a search engine, such as `product`.
    IndexName
}
text_name! {
    /// What the search site calls an item.
    DocId
}
text_name! {
    /// Names a result that was placed by hand, within its search engine: told by clicks on what it placed.
    CustomResultId
}
text_name! {
    /// A visitor's code (`fsid` in a browser). Not an account's.
    UserCode
}

/// One index of one search engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EngineIndex {
    /// The search engine.
    pub engine: Hashid,
    /// Its index.
    pub index: IndexName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hashid_is_32_lower_case_hexadecimal_digits() {
        let text = "d8fdeab7fce96a19d3fc7b0ca7a1e98b";
        assert_eq!(text.parse::<Hashid>().unwrap().to_string(), text);
        for wrong in ["", "d8", "D8fdeab7fce96a19d3fc7b0ca7a1e98b", "g8fdeab7fce96a19d3fc7b0ca7a1e98b"] {
            assert_eq!(wrong.parse::<Hashid>(), Err(NameError::Hashid), "{wrong}");
        }
    }

    #[test]
    fn an_id_counts_characters_and_refuses_controls() {
        assert!(check_id(&"é".repeat(512)).is_ok());
        assert!(check_id(&"é".repeat(513)).is_err());
        assert!(check_id("").is_err());
        assert!(check_id("a\u{0}b").is_err());
        assert!(check_id("a\u{85}b").is_err());
    }
}
