//! Fingerprints: an account's id in 96 bits, the same at each start of a store. It must never know where a fingerprint
//! is kept, nor draw a key: the store drew one when it was made.

use std::fmt;
use std::hash::Hasher;

use clicks::AccountCode;
use siphasher::sip128::{Hasher128, SipHasher24};

/// How many bits a fingerprint has.
pub const FINGERPRINT_BITS: u32 = 96;
/// How many bytes a fingerprint has.
pub const FINGERPRINT_BYTES: usize = 12;

/// What an id is the id of. The same text is another key for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A click's id: what makes a click count once.
    ClickId,
    /// A search's id: the search is found by it, and it is kept once.
    SearchId,
    /// The id of a search that clicks wait for.
    Waiting,
    /// A visitor's user code.
    User,
}

impl KeyKind {
    const fn code(self) -> u8 {
        match self {
            KeyKind::ClickId => 1,
            KeyKind::SearchId => 2,
            KeyKind::Waiting => 3,
            KeyKind::User => 4,
        }
    }
}

/// 96 bits that stand for a kind, an account and an id.
///
/// Nobody who sends ids knows the key, so nobody can choose two that meet. Among a thousand million ids the chance that
/// any two meet is below 10^-11: less than that of a memory error that nobody notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u32; 3]);

impl Fingerprint {
    /// A hash of it: it is one.
    pub const fn hash(self) -> u64 {
        (self.0[0] as u64) << 32 | self.0[1] as u64
    }

    /// Its 96 bits as a number: the order in which fingerprints are kept.
    pub const fn number(self) -> u128 {
        (self.hash() as u128) << 32 | self.0[2] as u128
    }

    /// The fingerprint with this number, of which the lowest 96 bits count.
    pub const fn from_number(number: u128) -> Fingerprint {
        const WORD: u128 = u32::MAX as u128;
        Fingerprint([(number >> 64 & WORD) as u32, (number >> 32 & WORD) as u32, (number & WORD) as u32])
    }

    /// Its highest 32 bits: they say whereabouts in a run it is.
    pub(super) const fn whereabouts(self) -> u32 {
        self.0[0]
    }

    /// Its lowest 64 bits: they say which bits of a filter's line are its own.
    pub(super) const fn pattern(self) -> u64 {
        (self.0[1] as u64) << 32 | self.0[2] as u64
    }
}

impl Ord for Fingerprint {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for Fingerprint {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Takes fingerprints under one secret key: 128 random bits that a store draws once and keeps.
#[derive(Clone, Copy)]
pub struct FingerprintKey(SipHasher24);

impl FingerprintKey {
    /// The key with these bytes.
    pub fn from_bytes(bytes: &[u8; 16]) -> FingerprintKey {
        FingerprintKey(SipHasher24::new_with_key(bytes))
    }

    /// The fingerprint of an account's id: the first 96 bits of SipHash-2-4-128 of kind, account and text.
    pub fn of(&self, kind: KeyKind, account: AccountCode, id: &str) -> Fingerprint {
        let mut hasher = self.0;
        // Both have one length, so no two of kind, account and text give the same bytes.
        hasher.write(&[kind.code()]);
        hasher.write(account.as_bytes());
        hasher.write(id.as_bytes());
        let hash = hasher.finish128();
        Fingerprint::from_number(u128::from(hash.h1) << 32 | u128::from(hash.h2 >> 32))
    }

    /// A number that tells keys apart and tells nothing about the key: a run of another key would never find anything.
    pub fn mark(&self) -> u64 {
        let mut hasher = self.0;
        hasher.write(b"\0mark");
        hasher.finish128().h1
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FingerprintKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kind_account_text_and_key_each_make_another_fingerprint() {
        let mut seen = BTreeSet::new();
        for key in [[1; 16], [2; 16]] {
            let key = FingerprintKey::from_bytes(&key);
            for kind in [KeyKind::ClickId, KeyKind::SearchId, KeyKind::Waiting] {
                for account in [[1; 8], [2; 8]] {
                    for id in 0..1_000 {
                        let one = key.of(kind, AccountCode::from_bytes(account), &id.to_string());
                        assert!(seen.insert(one));
                        assert_eq!(Fingerprint::from_number(one.number()), one);
                    }
                }
            }
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        let key = FingerprintKey::from_bytes(&std::array::from_fn(|byte| u8::try_from(byte).unwrap()));
        let of = |kind| key.of(kind, AccountCode::from_bytes([7; 8]), "click-1").number();
        assert_eq!(format!("{:024x}", of(KeyKind::ClickId)), "029dfcd2ff829523bdd4e83c");
        assert_eq!(format!("{:024x}", of(KeyKind::Waiting)), "335a5eaae1cad11e61aed1dd");
        assert_eq!(format!("{:016x}", key.mark()), "1ba057f138435e83");
        // The first of the vectors that the authors of SipHash give.
        let [low, high] = [
            [0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6],
            [0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93],
        ];
        let hash = key.0.finish128();
        assert_eq!((hash.h1, hash.h2), (u64::from_le_bytes(low), u64::from_le_bytes(high)));
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", FingerprintKey::from_bytes(&[9; 16])), "FingerprintKey(secret)");
    }
}
