//! Who calls, and what they may see: API keys and tokens in, a [`Caller`] out. Knows no status codes; each dialect
//! has its own.

use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clicks::{AccountCode, Hashid};
use hmac::{Hmac, KeyInit, Mac};
use registry::{Confines, KeyId, KeyInfo, Registry, Scope, Scopes};
use serde::Deserialize;
use sha2::Sha256;

use crate::json;

/// The longest JWT that is looked at, in bytes.
const JWT_BYTES_MAX: usize = 4_096;
/// A token's life must be shorter than this: a week, in seconds.
const JWT_LIFE_SECONDS: f64 = 604_800.0;
/// How far the signer's clock may be off, in seconds.
const JWT_LEEWAY_SECONDS: f64 = 60.0;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountCode,
    /// What the caller may do.
    pub scopes: Scopes,
    /// The key that was shown, or that signed; a user, and the operator at the command line, have none.
    pub key: Option<KeyId>,
    /// Where the key may be used; nothing is listed but for keys of the scope `click`.
    pub confines: Arc<Confines>,
}

/// Why a caller may not have what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The key lacks this scope.
    #[error("this key lacks the scope `{}`", .0.as_str())]
    Scope(Scope),
    /// The search engine belongs to another account.
    #[error("search engine {0} belongs to another account")]
    Foreign(Hashid),
    /// There is no such search engine.
    #[error("search engine {0} not found")]
    Unknown(Hashid),
}

impl Caller {
    /// Whether the caller has the scope.
    ///
    /// # Errors
    /// [`Denied::Scope`] when not.
    pub fn needs(&self, scope: Scope) -> Result<(), Denied> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(Denied::Scope(scope)) }
    }

    /// Whether the search engine is the caller's.
    ///
    /// # Errors
    /// [`Denied::Foreign`] and [`Denied::Unknown`].
    pub fn owns(&self, registry: &Registry, hashid: Hashid) -> Result<(), Denied> {
        match registry.engine(hashid) {
            None => Err(Denied::Unknown(hashid)),
            Some(engine) if engine.account == self.account => Ok(()),
            Some(_) => Err(Denied::Foreign(hashid)),
        }
    }
}

impl From<KeyInfo> for Caller {
    fn from(key: KeyInfo) -> Self {
        Self { account: key.account, scopes: key.scopes, key: Some(key.id), confines: key.confines }
    }
}

/// Reads the value of an `Authorization` header: `Token <key>` or `Bearer <JWT>`. `None` whenever anything is amiss:
/// a caller who isn't known learns nothing about why.
#[must_use]
pub fn caller(registry: &Registry, authorization: &str, now_ms: i64) -> Option<Caller> {
    let (scheme, credentials) = authorization.trim().split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("token") {
        key_caller(registry, credentials)
    } else if scheme.eq_ignore_ascii_case("bearer") {
        jwt_caller(registry, credentials, now_ms)
    } else {
        None
    }
}

/// Who shows this key. `None` when it is none: a caller who isn't known learns nothing about why.
#[must_use]
pub fn key_caller(registry: &Registry, presented: &str) -> Option<Caller> {
    // `eu1-` and the like: clients put the zone before the key.
    let zone_like = |zone: &str| {
        !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let key =
        presented.rsplit_once('-').filter(|(zone, _)| zone_like(zone)).map_or(presented, |(_, key)| key);
    let well_formed =
        key.len() == 40 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    well_formed.then(|| registry.key_of(key)).flatten().map(Caller::from)
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iat: f64,
    exp: f64,
    name: String,
    #[serde(default)]
    nbf: Option<f64>,
}

impl Claims {
    /// Whether the token is in force: seconds may have a fraction (RFC 7519, NumericDate).
    fn in_force(&self, now_ms: i64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era are exact in 53 bits")]
        let now = now_ms as f64 / 1_000.0;
        let life = self.exp - self.iat;
        life > 0.0
            && life < JWT_LIFE_SECONDS
            && self.iat <= now + JWT_LEEWAY_SECONDS
            && self.exp > now - JWT_LEEWAY_SECONDS
            && self.nbf.is_none_or(|nbf| nbf <= now + JWT_LEEWAY_SECONDS)
    }
}

/// A JWT is one HMAC and three claims here, so it is read in place: a library for it would bring RSA and elliptic
/// curves to the build, and would still leave `iat` and the span of a token to us.
fn jwt_caller(registry: &Registry, token: &str, now_ms: i64) -> Option<Caller> {
    if token.len() > JWT_BYTES_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let header: Header = part(header)?;
    if header.alg != "HS256" || header.crit.is_some() {
        return None;
    }
    let claims: Claims = part(payload)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let account = AccountCode::from_str(&claims.name).ok()?;
    let signer = registry
        .signing_keys(account)
        .into_iter()
        .filter(|(info, _)| !info.scopes.contains(Scope::Click))
        .find(|(_, key)| verifies(key.as_ref(), signed.as_bytes(), &signature))?;
    claims.in_force(now_ms).then(|| signer.0.into())
}

fn part<T: serde::de::DeserializeOwned>(encoded: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    serde_json::from_value(json::strict(&bytes).ok()?).ok()
}

fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    Hmac::<Sha256>::new_from_slice(key)
        .is_ok_and(|mac| mac.chain_update(message).verify_slice(signature).is_ok())
}
