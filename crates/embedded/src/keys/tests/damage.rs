//! Damaged files: an error or the right answer, and never a panic.

use std::sync::Arc;

use clicks::conformance::Dice;
use journal::{Disk, SimulatedDisk};

use super::{entries_of, key, print_of};
use crate::keys::block::BLOCK_BYTES;
use crate::keys::error::Damage;
use crate::keys::header::{FENCE_BYTES, Fence, HEADER_BYTES, Header};
use crate::keys::{
    Fingerprint, Keys, KeysError, KeysOptions, RunInfo, at_once, run_name, verify_run, write_run,
};

struct Small {
    disk: Arc<SimulatedDisk>,
    info: RunInfo,
    whole: Vec<u8>,
    /// All that are there and as many that aren't.
    wanted: Vec<Fingerprint>,
    there: Vec<bool>,
}

fn small() -> Small {
    let disk = Arc::new(SimulatedDisk::new());
    let mut entries: Vec<(Fingerprint, i32)> = (0..420).map(|id| (print_of(id), 20_000)).collect();
    entries.sort_unstable();
    let info = write_run(disk.as_ref(), &key(), 1, entries).unwrap().unwrap();
    let whole = disk.bytes(&run_name(1)).unwrap();
    assert!(whole.len() > HEADER_BYTES + 2 * BLOCK_BYTES, "there are two blocks");
    let wanted = (0..840).map(print_of).collect();
    Small { disk, info, whole, wanted, there: (0..840).map(|id| id < 420).collect() }
}

impl Small {
    /// Opens these bytes with the filter and without; what is answered has to be right.
    fn is_never_wrong(&self, bytes: &[u8]) {
        self.disk.put(&run_name(1), bytes);
        for filter_bytes_max in [0, 1 << 20] {
            let options = KeysOptions { filter_bytes_max };
            let Ok(keys) = Keys::open(self.disk.clone(), &key(), &[self.info], options) else { continue };
            if let Ok(there) = keys.contains_many(&self.wanted) {
                assert_eq!(there, self.there);
            }
            for place in [0, 100, 419, 420, 700] {
                if let Ok(days) = keys.days_of(self.wanted[place]) {
                    assert_eq!(days, if self.there[place] { vec![20_000] } else { vec![] });
                }
            }
        }
        verify_run(self.disk.as_ref(), &key(), &self.info, &at_once).unwrap_err();
    }
}

#[test]
fn a_flipped_byte_never_makes_a_wrong_answer() {
    let small = small();
    let mut bytes = small.whole.clone();
    for place in 0..bytes.len() {
        bytes[place] ^= 1 << (place % 8);
        small.is_never_wrong(&bytes);
        bytes[place] = small.whole[place];
    }
    small.disk.put(&run_name(1), &bytes);
    verify_run(small.disk.as_ref(), &key(), &small.info, &at_once).unwrap();
}

#[test]
fn a_file_of_another_length_or_another_run_is_refused() {
    let small = small();
    let mut dice = Dice::new(1);
    let opened = |bytes: &[u8]| {
        small.disk.put(&run_name(1), bytes);
        Keys::open(small.disk.clone(), &key(), &[small.info], KeysOptions::default()).map(drop)
    };
    for _ in 0..500 {
        let length = dice.below(small.whole.len());
        let error = opened(&small.whole[..length]).unwrap_err();
        assert!(matches!(error, KeysError::Damaged { what: Damage::Length, .. }), "{length}: {error}");
    }
    let mut longer = small.whole.clone();
    longer.push(0);
    assert!(matches!(opened(&longer), Err(KeysError::Damaged { what: Damage::Length, .. })));
    for entries in [419, 420] {
        let mut entries: Vec<(Fingerprint, i32)> = (0..entries).map(|id| (print_of(id), 20_001)).collect();
        entries.sort_unstable();
        small.disk.remove(&run_name(1)).unwrap();
        write_run(small.disk.as_ref(), &key(), 1, entries).unwrap();
        let other = small.disk.bytes(&run_name(1)).unwrap();
        assert!(matches!(opened(&other), Err(KeysError::Damaged { what: Damage::Other, .. })));
    }
    small.disk.remove(&run_name(1)).unwrap();
    let missing = Keys::open(small.disk.clone(), &key(), &[small.info], KeysOptions::default());
    assert!(matches!(missing, Err(KeysError::Disk { .. })));
}

#[test]
fn bytes_of_no_sense_never_panic_even_when_all_checks_are_right() {
    let mut dice = Dice::new(5);
    let disk = Arc::new(SimulatedDisk::new());
    let entries = entries_of(&mut dice, 1_500, 5);
    let info = write_run(disk.as_ref(), &key(), 1, entries.iter().copied()).unwrap().unwrap();
    let whole = disk.bytes(&run_name(1)).unwrap();
    let header = Header::read(whole.first_chunk().unwrap(), key().mark(), &info).unwrap();
    let fences_at = usize::try_from(header.fences_at()).unwrap();
    let mut contradictions = 0;
    for _ in 0..1_500 {
        let mut bytes = whole.clone();
        for _ in 0..=dice.below(4) {
            let block = dice.below(header.blocks as usize);
            let at = if dice.once_in(2) { dice.below(10) } else { dice.below(BLOCK_BYTES) };
            bytes[HEADER_BYTES + block * BLOCK_BYTES + at] = dice.throw().to_le_bytes()[0];
        }
        for block in 0..header.blocks as usize {
            let at = HEADER_BYTES + block * BLOCK_BYTES;
            let fence_at = fences_at + block * FENCE_BYTES;
            let mut fence = Fence::from_bytes(*bytes[fence_at..].first_chunk().unwrap());
            fence.check = crc32fast::hash(&bytes[at..at + BLOCK_BYTES]);
            bytes[fence_at..fence_at + FENCE_BYTES].copy_from_slice(&fence.to_bytes());
        }
        let fences = &bytes[fences_at..fences_at + header.blocks as usize * FENCE_BYTES];
        let (head, info) = Header { fences_check: crc32fast::hash(fences), ..header }.to_bytes();
        bytes[..HEADER_BYTES].copy_from_slice(&head);
        disk.put(&run_name(1), &bytes);
        let keys = Keys::open(disk.clone(), &key(), &[info], KeysOptions::default()).unwrap();
        for (fingerprint, _) in entries.iter().step_by(37) {
            let _ = keys.days_of(*fingerprint);
        }
        let _ = keys.contains_many(&entries.iter().map(|(fingerprint, _)| *fingerprint).collect::<Vec<_>>());
        let merged = keys.merge(&[1], 2, |_, _| true, &at_once);
        if merged.is_err() {
            contradictions += 1;
        } else {
            disk.remove(&run_name(2)).unwrap();
        }
    }
    assert!(contradictions > 300, "{contradictions}");
}

#[test]
fn random_bytes_are_no_run() {
    let mut dice = Dice::new(6);
    let disk = Arc::new(SimulatedDisk::new());
    for _ in 0..300 {
        let mut bytes: Vec<u8> = (0..dice.below(20_000)).map(|_| dice.throw().to_le_bytes()[0]).collect();
        if dice.once_in(2) && bytes.len() > HEADER_BYTES {
            bytes[..8].copy_from_slice(b"CTALLYK\0");
            let check = crc32fast::hash(&bytes[..HEADER_BYTES - 4]);
            bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&check.to_le_bytes());
        }
        let (number, length) = (dice.throw() % 100, bytes.len() as u64);
        disk.put(&run_name(number), &bytes);
        let info = RunInfo { number, entries: 5, bytes: length, day_first: 0, day_last: 9, check: 7 };
        assert!(Keys::open(disk.clone(), &key(), &[info], KeysOptions::default()).is_err());
    }
}
