//! What is handed to a browser and comes back: signed bytes, valid for a time, and random ones. Nothing of it is
//! remembered, so it outlives a restart and is valid on every node that has the master secret. This room must never know
//! what the bytes mean, nor read a clock.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use registry::MasterSecret;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The length of a signature, in bytes.
pub(crate) const SIGNATURE_BYTES: usize = 32;

/// How far ahead of this server's clock another node's may have been when it signed something, in milliseconds.
pub(crate) const SKEW_MS_MAX: i64 = 60_000;

/// Signs for one purpose.
pub(crate) struct Signer {
    key: [u8; 32],
}

impl Signer {
    /// With the key that the master secret has for this purpose.
    pub(crate) fn new(secret: &MasterSecret, purpose: &'static str) -> Self {
        Self { key: secret.derive(purpose) }
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of every length");
        mac.chain_update(message).finalize().into_bytes().into()
    }

    /// The bytes and their signature, as text that may stand in a cookie.
    pub(crate) fn seal(&self, mut bytes: Vec<u8>) -> String {
        let signature = self.sign(&bytes);
        bytes.extend_from_slice(&signature);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The `N` bytes that were sealed; `None` for anything that was not.
    pub(crate) fn open<const N: usize>(&self, sealed: &[u8]) -> Option<[u8; N]> {
        // What has another length can't be ours; no need to decode what somebody made long.
        if sealed.len() != ((N + SIGNATURE_BYTES) * 4).div_ceil(3) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (signed, signature) = bytes.split_first_chunk::<N>()?;
        bool::from(self.sign(signed).ct_eq(signature)).then_some(*signed)
    }

    /// A text that only this server can derive from these bytes.
    pub(crate) fn token(&self, of: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.sign(of))
    }

    /// Whether this is that text, compared in constant time.
    pub(crate) fn token_matches(&self, of: &[u8], shown: &str) -> bool {
        self.token(of).as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

/// Whether what was issued then is still valid.
pub(crate) fn in_force(issued_ms: i64, life: Duration, now_ms: i64) -> bool {
    let life_ms = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
    let age_ms = now_ms.saturating_sub(issued_ms);
    (-SKEW_MS_MAX..life_ms).contains(&age_ms)
}

/// Bytes from the system's random source, if it gives any.
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Some(bytes),
        Err(error) => {
            tracing::error!(%error, "the system's random source failed");
            None
        }
    }
}
