//! Passwords: what a good one is, and what is kept of it, a PHC string of argon2id. Hashing takes 19 MiB and tens of
//! milliseconds by design: callers decide how many they let happen at once. This room must never keep a password.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use unicode_normalization::UnicodeNormalization;

use crate::error::RegistryError;
use crate::secret::random;

/// The fewest characters of a password.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The most characters of a password.
pub const PASSWORD_CHARS_MAX: usize = 256;

/// What OWASP's Password Storage Cheat Sheet asks for: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// The most that a string that was kept may ask for, so that no record can make a sign-in take the machine's memory.
const MEMORY_KIB_MAX: u32 = 262_144;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 4;

/// The longest PHC string, in bytes.
pub(crate) const PHC_BYTES_MAX: usize = 256;

/// What nobody's password has: all of salt and hash is zero. Comparing with it takes as long as with any other.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// Hashes a password, under a salt of its own. Slow.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for what can't be a password; `NotWritten` when memory or random bytes are missing.
    pub fn of(password: &str) -> Result<Self, RegistryError> {
        const LENGTH: &str = "a password has 12 to 256 characters, none of them a control character";
        let chars = password.chars().count();
        let fits = (PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars);
        if !fits || password.chars().any(char::is_control) {
            return Err(RegistryError::Invalid { what: LENGTH });
        }
        let failed = |why: &dyn fmt::Display| RegistryError::NotWritten(format!("no password hash: {why}"));
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| failed(&error))?;
        let salt: [u8; SALT_BYTES] = random().map_err(|error| failed(&error))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password_with_salt(normal(password).as_bytes(), &salt);
        hash.map(|hash| Self(Arc::from(hash.to_string()))).map_err(|error| failed(&error))
    }

    /// What an attempt for a user that there is not is compared with, so that it takes as long as any other. Whatever comes
    /// of it is to be ignored.
    #[must_use]
    pub fn nobodys() -> Self {
        Self(Arc::from(NOBODYS))
    }

    /// Whether it is this password's. Slow.
    #[must_use]
    pub fn matches(&self, password: &str) -> bool {
        let Ok(hash) = Phc::new(&self.0) else { return false };
        Argon2::default().verify_password(normal(password).as_bytes(), &hash).is_ok()
    }

    /// A string that was kept; `None` for one that no version of this program writes.
    pub(crate) fn kept(phc: &str) -> Option<Self> {
        let hash = (phc.len() <= PHC_BYTES_MAX).then(|| Phc::new(phc).ok()).flatten()?;
        let params = Params::try_from(&hash).ok()?;
        let is_ours = hash.algorithm.as_str() == Algorithm::Argon2id.as_str()
            && hash.version == Some(Version::V0x13.into())
            && params.m_cost() <= MEMORY_KIB_MAX
            && params.t_cost() <= PASSES_MAX
            && params.p_cost() <= LANES_MAX;
        (is_ours && hash.salt.is_some() && hash.hash.is_some()).then(|| Self(Arc::from(phc)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Keyboards differ in how they compose a letter; a password is the same either way (RFC 8265).
fn normal(password: &str) -> String {
    password.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_kept_as_a_phc_string_that_only_it_matches() {
        let hash = PasswordHash::of("correct horse").unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(!hash.as_str().contains("horse"));
        assert!(hash.matches("correct horse"));
        assert!(!hash.matches("Correct horse") && !hash.matches("correct horse ") && !hash.matches(""));
        assert_ne!(PasswordHash::of("correct horse").unwrap(), hash, "each has a salt of its own");
        assert_eq!(PasswordHash::kept(hash.as_str()), Some(hash.clone()));
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }

    /// A string of the reference implementation's own tests.
    #[test]
    fn another_program_s_string_is_understood() {
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash = PasswordHash::kept(phc).unwrap();
        assert!(hash.matches("password") && !hash.matches("passwore"));
    }

    #[test]
    fn how_a_letter_is_composed_does_not_matter() {
        let hash = PasswordHash::of("gr\u{fc}n gr\u{fc}n gr\u{fc}n").unwrap();
        assert!(hash.matches("gru\u{308}n gru\u{308}n gru\u{308}n"));
        assert!(!hash.matches("grun grun grun"));
    }

    #[test]
    fn lengths_are_counted_in_characters_and_control_characters_are_refused() {
        for wrong in ["", "elevenchars", &"x".repeat(257), "twelve chars\n", "twelve\0chars"] {
            assert!(matches!(PasswordHash::of(wrong), Err(RegistryError::Invalid { .. })), "{wrong:?}");
        }
        assert!(PasswordHash::of(&"é".repeat(12)).is_ok());
        assert!(PasswordHash::of(&"é".repeat(256)).is_ok());
    }

    #[test]
    fn nobodys_is_kept_as_others_are_and_matches_nothing() {
        assert_eq!(PasswordHash::kept(NOBODYS), Some(PasswordHash::nobodys()));
        assert!(!PasswordHash::nobodys().matches("") && !PasswordHash::nobodys().matches("correct horse"));
    }

    #[test]
    fn only_what_this_program_writes_is_read_back() {
        let hash = NOBODYS.rsplit_once('$').unwrap();
        let wrong = [
            String::new(),
            "correct horse battery".to_owned(),
            NOBODYS.replace("argon2id", "argon2i"),
            NOBODYS.replace("v=19", "v=16"),
            NOBODYS.replace("v=19$", ""),
            NOBODYS.replace("m=19456", "m=262145"),
            NOBODYS.replace("t=2", "t=17"),
            NOBODYS.replace("p=1", "p=5"),
            hash.0.to_owned(),
            format!("{NOBODYS}{}", "A".repeat(200)),
        ];
        for phc in wrong {
            assert_eq!(PasswordHash::kept(&phc), None, "{phc}");
        }
    }
}
