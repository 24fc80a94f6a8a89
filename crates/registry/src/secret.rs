//! The master secret, and the keys that are derived from it, one for each use. This room must never show the secret:
//! not in a message, not in a debug text, and not in a file other than its own.

use std::fmt;

use hkdf::Hkdf;
use journal::Disk;
use sha2::Sha256;

use crate::digits;

/// The length of the master secret.
const SECRET_BYTES: usize = 32;

/// Sets this product's derived keys apart from those of anything else that was given the same secret.
const DERIVATION_SALT: &[u8] = b"clicktally 1";

/// Why there is no master secret to work with.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The text is not 64 hexadecimal digits.
    #[error("a master secret is 64 hexadecimal digits on one line")]
    Malformed,
    /// The file holds something else than a master secret.
    #[error("{file} is not a master secret (64 hexadecimal digits on one line): restore it from a backup")]
    MalformedFile {
        /// The file's name.
        file: String,
    },
    /// The file could not be read or written.
    #[error("the master secret {file} can't be read or written: {error}")]
    Disk {
        /// The file's name.
        file: String,
        /// What the disk said.
        error: std::io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("the system's random source failed: {0}")]
    Random(String),
}

/// The server's master secret: 32 random bytes that nothing is encrypted or signed with directly.
#[derive(Clone)]
pub struct MasterSecret([u8; SECRET_BYTES]);

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(…)")
    }
}

impl MasterSecret {
    /// Reads the secret in the file `name`, or makes one and writes it there, readable by its owner only. Returns a
    /// new secret only when it is on disk.
    ///
    /// # Errors
    /// [`SecretError`]; a file that is not a secret is never replaced.
    pub fn load_or_create(disk: &dyn Disk, name: &str) -> Result<Self, SecretError> {
        let disk_error = |error| SecretError::Disk { file: name.to_owned(), error };
        if let Some(bytes) = disk.read_small(name).map_err(disk_error)? {
            let text = std::str::from_utf8(&bytes).unwrap_or_default();
            return Self::from_hex(text).map_err(|_| SecretError::MalformedFile { file: name.to_owned() });
        }
        let secret = Self(random().map_err(SecretError::Random)?);
        let text = format!("{}\n", digits::text(&secret.0));
        disk.write_small(name, text.as_bytes()).map_err(disk_error)?;
        Ok(secret)
    }

    /// The secret with these 64 hexadecimal digits; white space around them is ignored.
    ///
    /// # Errors
    /// [`SecretError::Malformed`].
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        digits::bytes(&text.trim().to_ascii_lowercase()).map(Self).ok_or(SecretError::Malformed)
    }

    /// The key for one purpose (HKDF-SHA256, RFC 5869). Knowing one derived key tells nothing about another.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HKDF-SHA256 fails only for outputs longer than 8,160 bytes")]
    pub fn derive(&self, purpose: &'static str) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(DERIVATION_SALT), &self.0)
            .expand(purpose.as_bytes(), &mut key)
            .expect("32 bytes are within the length that HKDF-SHA256 can give");
        key
    }
}

/// Bytes from the system's random source.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::SimulatedDisk;

    #[test]
    fn a_secret_is_made_once_and_read_back() {
        let disk = SimulatedDisk::new();
        let made = MasterSecret::load_or_create(&disk, "secret.key").unwrap();
        let read = MasterSecret::load_or_create(&disk, "secret.key").unwrap();
        assert_eq!(made.0, read.0);
        let file = disk.read_small("secret.key").unwrap().unwrap();
        assert_eq!((file.len(), file.last()), (65, Some(&b'\n')));
        let other = MasterSecret::load_or_create(&SimulatedDisk::new(), "secret.key").unwrap();
        assert_ne!(made.0, other.0);
    }

    #[test]
    fn a_malformed_file_is_named_and_left_alone() {
        for wrong in ["", "\n", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65), "\u{1F980}"] {
            let disk = SimulatedDisk::new();
            disk.write_small("secret.key", wrong.as_bytes()).unwrap();
            let error = MasterSecret::load_or_create(&disk, "secret.key").unwrap_err();
            assert!(error.to_string().contains("secret.key"), "{error}");
            assert_eq!(disk.read_small("secret.key").unwrap().unwrap(), wrong.as_bytes());
        }
    }

    #[test]
    fn derived_keys_follow_rfc_5869_and_differ_by_purpose_and_secret() {
        // HMAC-SHA256 by hand: PRK = HMAC(salt, secret), key = HMAC(PRK, purpose || 1).
        let secret = MasterSecret([7; 32]);
        let mac = |key: &[u8], message: &[u8]| -> [u8; 32] {
            use hmac::{Hmac, KeyInit, Mac};
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(message);
            mac.finalize().into_bytes().into()
        };
        let prk = mac(DERIVATION_SALT, &[7; 32]);
        assert_eq!(secret.derive("a purpose"), mac(&prk, b"a purpose\x01"));
        assert_ne!(secret.derive("a purpose"), secret.derive("another"));
        assert_ne!(secret.derive("a purpose"), MasterSecret([8; 32]).derive("a purpose"));
    }

    #[test]
    fn the_secret_is_not_in_its_debug_text() {
        let secret = MasterSecret::from_hex(&"ab".repeat(32)).unwrap();
        assert_eq!(format!("{secret:?}"), "MasterSecret(…)");
        assert!(MasterSecret::from_hex(&format!(" {}\r\n", "AB".repeat(32))).is_ok());
    }
}
