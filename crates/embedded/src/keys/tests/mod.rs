//! Exams of whole runs: histories against a set in memory, damage, and (when asked for) speed.

mod compatible;
mod damage;
mod histories;
mod speed;

use std::ops::ControlFlow;

use clicks::AccountCode;
use clicks::conformance::Dice;

use crate::keys::{Fingerprint, FingerprintKey, KeyKind};

fn key() -> FingerprintKey {
    FingerprintKey::from_bytes(&[42; 16])
}

/// The fingerprint of a number.
fn print_of(id: usize) -> Fingerprint {
    key().of(KeyKind::ClickId, AccountCode::from_bytes([1; 8]), &id.to_string())
}

/// Entries of fingerprints that need no id: as good as those of ids, and faster.
fn entries_of(dice: &mut Dice, count: usize, days: usize) -> Vec<(Fingerprint, i32)> {
    let mut entries: Vec<(Fingerprint, i32)> = (0..count)
        .map(|_| {
            let number = u128::from(dice.throw()) << 64 | u128::from(dice.throw());
            (Fingerprint::from_number(number), 20_000 + i32::try_from(dice.below(days)).unwrap())
        })
        .collect();
    entries.sort_unstable();
    entries
}

fn stop_at_once(_: usize) -> ControlFlow<()> {
    ControlFlow::Break(())
}
