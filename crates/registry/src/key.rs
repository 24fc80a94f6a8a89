//! API keys: how they are made, named, sealed for the disk and found again. A key in clear is in memory only; what
//! goes to disk is sealed under a key derived from the master secret, and no lookup text goes to disk at all.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use clicks::AccountCode;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::confines::Confines;
use crate::digits;
use crate::scopes::Scopes;
use crate::secret::{MasterSecret, random};
use crate::user::UserVault;

/// The length of an API key, in characters of `[a-z0-9]`.
pub const KEY_CHARS: usize = 40;

/// A sealed key: the random nonce, then the encrypted key and its 16-byte tag.
pub(crate) const SEALED_KEY_BYTES: usize = NONCE_BYTES + KEY_CHARS + 16;

const NONCE_BYTES: usize = 24;
const KEY_ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Names a key without giving it away: 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The id with these bytes.
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

/// The text is not a key's id, which has 16 characters of `[0-9a-f]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's id has 16 characters of [0-9a-f]; `key list` shows them")]
pub struct KeyIdError;

impl FromStr for KeyId {
    type Err = KeyIdError;
    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        digits::bytes(text).map(Self).ok_or(KeyIdError)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digits::text(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What may be told about a key; never the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name in lists and for `key revoke`.
    pub id: KeyId,
    /// Whose it is.
    pub account: AccountCode,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// Where it may be used, if it has the scope `click`; others list nothing.
    pub confines: Arc<Confines>,
}

/// A key that was just made. This is the only time that it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What may be told about it later.
    pub info: KeyInfo,
    /// The key: 40 of `[a-z0-9]`.
    pub key: String,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("info", &self.info).finish_non_exhaustive()
    }
}

/// A key in clear, for checking the signature of a JWT.
#[derive(Clone)]
pub struct SigningKey(Arc<[u8; KEY_CHARS]>);

impl AsRef<[u8]> for SigningKey {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// What a presented key is looked up by: a keyed hash, so that the time a lookup takes tells nothing about a key.
pub(crate) type KeyLookup = [u8; 32];

/// A key as it is kept: what may be told, its sealed form for the disk, and its clear form in memory.
pub(crate) struct StoredKey {
    pub(crate) info: KeyInfo,
    pub(crate) sealed: [u8; SEALED_KEY_BYTES],
    pub(crate) signing: SigningKey,
    pub(crate) lookup: KeyLookup,
}

/// Seals, opens and looks up keys, under keys derived from the master secret.
pub(crate) struct KeyVault {
    cipher: XChaCha20Poly1305,
    lookup: Hmac<Sha256>,
    /// What users are sealed with.
    pub(crate) users: UserVault,
}

impl KeyVault {
    pub(crate) fn new(secret: &MasterSecret) -> Self {
        // HMAC pads a short key with zeros to a block of 64 bytes; given the block itself it can't fail.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&secret.derive("registry key lookup"));
        Self {
            cipher: XChaCha20Poly1305::new(&secret.derive("registry keys").into()),
            lookup: Hmac::new(&block.into()),
            users: UserVault::new(secret),
        }
    }

    /// What `presented` is looked up by.
    pub(crate) fn lookup(&self, presented: &[u8]) -> KeyLookup {
        let mut mac = self.lookup.clone();
        mac.update(presented);
        mac.finalize().into_bytes().into()
    }

    /// Makes a key for `account`.
    pub(crate) fn make(
        &self,
        account: AccountCode,
        scopes: Scopes,
        confines: Confines,
        created_ms: i64,
    ) -> Result<StoredKey, String> {
        let info =
            KeyInfo { id: KeyId(random()?), account, scopes, created_ms, confines: Arc::new(confines) };
        let key = random_key()?;
        let nonce: [u8; NONCE_BYTES] = random()?;
        let payload = Payload { msg: &key, aad: &bound_to(&info) };
        let text = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| "a key could not be sealed".to_owned())?;
        let mut sealed = [0; SEALED_KEY_BYTES];
        sealed[..NONCE_BYTES].copy_from_slice(&nonce);
        sealed[NONCE_BYTES..].copy_from_slice(&text);
        let lookup = self.lookup(&key);
        Ok(StoredKey { info, sealed, signing: SigningKey(Arc::new(key)), lookup })
    }

    /// Opens a key that was read from disk; `None` when it was sealed otherwise or for something else.
    pub(crate) fn open(&self, info: KeyInfo, sealed: [u8; SEALED_KEY_BYTES]) -> Option<StoredKey> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: text, aad: &bound_to(&info) };
        let key = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        let key: [u8; KEY_CHARS] = key.try_into().ok()?;
        let lookup = self.lookup(&key);
        Some(StoredKey { info, sealed, signing: SigningKey(Arc::new(key)), lookup })
    }
}

/// What a sealed key is bound to: a record whose scopes, account or confines were changed on disk does not open.
fn bound_to(info: &KeyInfo) -> Vec<u8> {
    let mut bound = Vec::with_capacity(25);
    bound.extend_from_slice(info.id.as_bytes());
    bound.extend_from_slice(info.account.as_bytes());
    bound.push(info.scopes.bits());
    bound.extend_from_slice(&info.created_ms.to_le_bytes());
    info.confines.bind(&mut bound);
    bound
}

/// 40 characters, each equally likely: bytes past the last multiple of 36 are thrown away.
fn random_key() -> Result<[u8; KEY_CHARS], String> {
    const FAIR_BELOW: u8 = 252;
    let mut key = [0; KEY_CHARS];
    let mut made = 0;
    while made < KEY_CHARS {
        let bytes: [u8; 64] = random()?;
        for byte in bytes.into_iter().filter(|byte| *byte < FAIR_BELOW).take(KEY_CHARS - made) {
            key[made] = KEY_ALPHABET[usize::from(byte) % KEY_ALPHABET.len()];
            made += 1;
        }
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use clicks::Hashid;

    use super::*;

    fn vault(byte: &str) -> KeyVault {
        KeyVault::new(&MasterSecret::from_hex(&byte.repeat(32)).unwrap())
    }

    const ACCOUNT: AccountCode = AccountCode::from_bytes([1; 8]);

    #[test]
    fn a_sealed_key_opens_as_it_was_made() {
        let made =
            vault("ab").make(ACCOUNT, Scopes::default(), Confines::default(), 1_700_000_000_000).unwrap();
        let opened = vault("ab").open(made.info.clone(), made.sealed).unwrap();
        assert_eq!(opened.signing.as_ref(), made.signing.as_ref());
        assert_eq!(opened.lookup, made.lookup);
        assert_eq!(opened.lookup, vault("ab").lookup(made.signing.as_ref()));
        assert_ne!(opened.lookup, vault("cd").lookup(made.signing.as_ref()));
    }

    #[test]
    fn another_secret_a_changed_byte_or_changed_facts_open_nothing() {
        let shop = ["https://shop.example.com".to_owned()];
        let confined = |engines: &[Hashid], origins: &[String]| Confines::new(engines, origins).unwrap();
        let confines = confined(&[Hashid::from_bytes([1; 16])], &shop);
        let made = vault("ab").make(ACCOUNT, Scopes::CLICK, confines, 5).unwrap();
        assert!(vault("ab").open(made.info.clone(), made.sealed).is_some());
        assert!(vault("cd").open(made.info.clone(), made.sealed).is_none());
        for place in 0..SEALED_KEY_BYTES {
            let mut sealed = made.sealed;
            sealed[place] ^= 1;
            assert!(vault("ab").open(made.info.clone(), sealed).is_none(), "{place}");
        }
        let wider = KeyInfo { scopes: Scopes::default(), ..made.info.clone() };
        let moved = KeyInfo { account: AccountCode::from_bytes([2; 8]), ..made.info.clone() };
        let renamed = KeyInfo { id: KeyId([9; 8]), ..made.info.clone() };
        let later = KeyInfo { created_ms: 6, ..made.info.clone() };
        let elsewhere =
            KeyInfo { confines: confined(&[Hashid::from_bytes([2; 16])], &shop).into(), ..made.info.clone() };
        let freed = KeyInfo { confines: confined(&[], &shop).into(), ..made.info.clone() };
        let shut = KeyInfo { confines: Arc::default(), ..made.info };
        for changed in [wider, moved, renamed, later, elsewhere, freed, shut] {
            assert!(vault("ab").open(changed, made.sealed).is_none());
        }
    }

    #[test]
    fn keys_use_every_character_about_as_often() {
        let mut seen = [0_u32; 256];
        for _ in 0..2_000 {
            for byte in random_key().unwrap() {
                seen[usize::from(byte)] += 1;
            }
        }
        let used: u32 = KEY_ALPHABET.iter().map(|byte| seen[usize::from(*byte)]).sum();
        assert_eq!(used, 80_000);
        // 80,000 characters over 36 are 2,222 each with a deviation of 46.5; a modulo bias of one part in seven for
        // the first four would be 280. Six deviations are passed by chance once in millions of runs.
        for byte in KEY_ALPHABET {
            let count = seen[usize::from(*byte)];
            assert!((1_942..=2_502).contains(&count), "{}: {count}", char::from(*byte));
        }
    }

    #[test]
    fn no_debug_text_shows_a_key() {
        let made = vault("ab").make(ACCOUNT, Scopes::default(), Confines::default(), 5).unwrap();
        let key = String::from_utf8(made.signing.as_ref().to_vec()).unwrap();
        let new = NewKey { info: made.info.clone(), key: key.clone() };
        assert!(!format!("{new:?}").contains(&key));
        assert_eq!(format!("{:?}", made.signing), "SigningKey(…)");
    }

    #[test]
    fn a_key_id_is_16_lower_case_hexadecimal_digits() {
        assert_eq!("00ff00ff00ff00ff".parse::<KeyId>().unwrap().to_string(), "00ff00ff00ff00ff");
        assert!("00FF00ff00ff00ff".parse::<KeyId>().is_err());
        assert!("00ff".parse::<KeyId>().is_err());
    }
}
