//! Users: people who sign in to the dashboard with a password. A stamp stands for one user with one password: it changes
//! with the password and goes with the user. What is kept of a password is sealed for the disk as keys are, and bound to
//! whose it is and what they may do.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use clicks::{AccountCode, SearchTerms};

use crate::digits;
use crate::error::RegistryError;
use crate::password::{PHC_BYTES_MAX, PasswordHash};
use crate::scopes::Scopes;
use crate::secret::{MasterSecret, random};

/// The longest name of a user, in characters.
pub const USER_NAME_CHARS_MAX: usize = 128;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// The longest sealed form: a nonce, the encrypted PHC string and its tag.
pub(crate) const SEALED_PASSWORD_BYTES_MAX: usize = NONCE_BYTES + PHC_BYTES_MAX + TAG_BYTES;

/// Stands for one user with one password: random, and never given again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserStamp([u8; 8]);

impl UserStamp {
    /// The stamp with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Debug for UserStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digits::text(&self.0))
    }
}

/// What may be told about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// Whose data it sees.
    pub account: AccountCode,
    /// Its name, as it was given: 1 to 128 characters.
    pub name: Arc<str>,
    /// What it may do; never `click`.
    pub scopes: Scopes,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// Changes with its password.
    pub stamp: UserStamp,
}

/// A user as it is kept.
pub(crate) struct StoredUser {
    pub(crate) info: UserInfo,
    /// What makes two names the same.
    pub(crate) folded: Arc<str>,
    pub(crate) password: PasswordHash,
    pub(crate) sealed: Vec<u8>,
}

impl StoredUser {
    /// Under which it is found.
    pub(crate) fn place(&self) -> (Arc<str>, AccountCode) {
        (Arc::clone(&self.folded), self.info.account)
    }
}

/// Whether a text can be a user's name: no control characters, and no white space that nobody sees.
pub(crate) fn is_user_name(name: &str) -> bool {
    let chars = name.chars().count();
    (1..=USER_NAME_CHARS_MAX).contains(&chars) && name.trim() == name && !name.chars().any(char::is_control)
}

pub(crate) fn check_user_name(name: &str) -> Result<(), RegistryError> {
    let what = "a user's name has 1 to 128 characters, none of them a control character";
    if is_user_name(name) { Ok(()) } else { Err(RegistryError::Invalid { what }) }
}

/// What makes two names the same, which is what makes two searches the same: case, white space and composition do not count.
pub(crate) fn folded(name: &str) -> Option<Arc<str>> {
    SearchTerms::fold(name).map(|folded| Arc::from(folded.as_str()))
}

/// The same text for every spelling of a user's name, whether there is one or not.
#[must_use]
pub fn same_user_name(name: &str) -> Arc<str> {
    folded(name).unwrap_or_default()
}

/// Seals and opens what is kept of passwords, under a key derived from the master secret. So a stolen registry can't be
/// guessed at without the secret, and one that was changed lets nobody in.
pub(crate) struct UserVault {
    cipher: XChaCha20Poly1305,
}

impl UserVault {
    pub(crate) fn new(secret: &MasterSecret) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&secret.derive("registry users").into()) }
    }

    pub(crate) fn seal(&self, info: UserInfo, password: PasswordHash) -> Result<StoredUser, String> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        let payload = Payload { msg: password.as_str().as_bytes(), aad: &bound_to(&info) };
        let text = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let mut sealed = nonce.to_vec();
        sealed.extend(text.map_err(|_| "a password could not be sealed".to_owned())?);
        let folded = folded(&info.name).ok_or("a user has no name")?;
        Ok(StoredUser { info, folded, password, sealed })
    }

    /// Opens what was read from disk; `None` when it was sealed otherwise or for somebody else.
    pub(crate) fn open(&self, info: UserInfo, sealed: &[u8]) -> Option<StoredUser> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: text, aad: &bound_to(&info) };
        let phc = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        let password = PasswordHash::kept(std::str::from_utf8(&phc).ok()?)?;
        let folded = folded(&info.name)?;
        Some(StoredUser { info, folded, password, sealed: sealed.to_vec() })
    }
}

fn bound_to(info: &UserInfo) -> Vec<u8> {
    let mut bound = Vec::with_capacity(25 + info.name.len());
    bound.extend_from_slice(info.account.as_bytes());
    bound.extend_from_slice(info.stamp.as_bytes());
    bound.push(info.scopes.bits());
    bound.extend_from_slice(&info.created_ms.to_le_bytes());
    bound.extend_from_slice(info.name.as_bytes());
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: &str) -> UserVault {
        UserVault::new(&MasterSecret::from_hex(&byte.repeat(32)).unwrap())
    }

    fn anna() -> UserInfo {
        UserInfo {
            account: AccountCode::from_bytes([1; 8]),
            name: Arc::from("Anna"),
            scopes: "read".parse().unwrap(),
            created_ms: 5,
            stamp: UserStamp::from_bytes([7; 8]),
        }
    }

    #[test]
    fn a_sealed_password_opens_for_its_user_only_and_as_it_was() {
        let sealed = vault("ab").seal(anna(), PasswordHash::nobodys()).unwrap().sealed;
        assert!(!String::from_utf8_lossy(&sealed).contains("argon2"));
        assert!(sealed.len() <= SEALED_PASSWORD_BYTES_MAX);
        let opened = vault("ab").open(anna(), &sealed).unwrap();
        assert_eq!((opened.password, &*opened.folded), (PasswordHash::nobodys(), "anna"));
        assert!(vault("cd").open(anna(), &sealed).is_none());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(vault("ab").open(anna(), &changed).is_none(), "{place}");
        }
        assert!(vault("ab").open(anna(), &sealed[..20]).is_none());
        let others = [
            UserInfo { scopes: "read,manage".parse().unwrap(), ..anna() },
            UserInfo { account: AccountCode::from_bytes([2; 8]), ..anna() },
            UserInfo { name: Arc::from("anna"), ..anna() },
            UserInfo { stamp: UserStamp::from_bytes([8; 8]), ..anna() },
            UserInfo { created_ms: 6, ..anna() },
        ];
        for other in others {
            assert!(vault("ab").open(other, &sealed).is_none());
        }
    }

    #[test]
    fn names_are_the_same_whatever_their_case_and_composition() {
        assert_eq!(same_user_name(" ANNA\u{a0}Maier "), same_user_name("anna maier"));
        assert_eq!(same_user_name("J\u{fc}rgen"), same_user_name("JU\u{308}RGEN"));
        assert_ne!(same_user_name("anna"), same_user_name("anne"));
        assert_eq!(&*same_user_name("  "), "");
    }

    #[test]
    fn a_name_has_1_to_128_characters_that_can_be_seen() {
        for right in ["a", "anna@example.com", "Anna Maier", &"é".repeat(128)] {
            assert!(is_user_name(right), "{right}");
        }
        for wrong in ["", " ", " anna", "anna\n", "an\u{0}na", &"é".repeat(129)] {
            assert!(!is_user_name(wrong), "{wrong:?}");
        }
    }
}
