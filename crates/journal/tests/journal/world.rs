//! What the tests share: seeded dice, and a journal on a simulated disk with its replay.

use std::sync::Arc;

use journal::{Journal, OpenError, Options, Position, Recovery, SimulatedDisk};

/// The smallest segment: many turns in a short history.
pub const SEGMENT_BYTES: u64 = 8192;

/// The splitmix64 generator.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

pub struct Opened {
    pub journal: Journal,
    pub recovery: Recovery,
    pub frames: Vec<(Position, Vec<u8>)>,
}

impl Opened {
    pub fn payloads(&self) -> Vec<Vec<u8>> {
        self.frames.iter().map(|(_, payload)| payload.clone()).collect()
    }
}

pub fn options() -> Options {
    Options { segment_bytes: SEGMENT_BYTES, salt: Some(42), begin: 0 }
}

pub fn open(disk: &SimulatedDisk) -> Result<Opened, OpenError> {
    open_from(disk, 0)
}

pub fn open_from(disk: &SimulatedDisk, begin: Position) -> Result<Opened, OpenError> {
    let mut frames = Vec::new();
    let options = Options { begin, ..options() };
    let (journal, recovery) = Journal::open(Arc::new(disk.clone()), options, &mut |position, payload| {
        frames.push((position, payload.to_vec()));
        Ok(())
    })?;
    assert_eq!(recovery.frames, frames.len() as u64);
    Ok(Opened { journal, recovery, frames })
}

pub fn segment(sequence: u64) -> String {
    format!("journal-{sequence:016}.log")
}

/// A payload without zero bytes, told apart by its number.
pub fn payload(number: u64, bytes: usize) -> Vec<u8> {
    let mut text = format!("{number}:").into_bytes();
    while text.len() < bytes {
        text.push(b'a' + u8::try_from(text.len() % 26).unwrap());
    }
    text
}
