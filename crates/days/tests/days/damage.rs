//! Damage: a file of which any bit is another, or of which anything is missing, never gives a wrong row.

use std::fmt::Debug;
use std::sync::Arc;

use days::{ClicksReader, DayError, SearchesReader};

use crate::world::{Dice, clicks, searches, small, write_clicks, write_searches};

/// Reads all of a file; then verifies it.
type ReadAll<T> = fn(Vec<u8>) -> (Result<Vec<T>, DayError>, Result<(), DayError>);

fn read_clicks(bytes: Vec<u8>) -> (Result<Vec<clicks::Click>, DayError>, Result<(), DayError>) {
    match ClicksReader::open(Arc::new(bytes), "damaged.parquet") {
        Ok(reader) => (reader.rows(0..u64::MAX).collect(), reader.verify()),
        Err(error) => (Err(error.clone()), Err(error)),
    }
}

fn read_searches(bytes: Vec<u8>) -> (Result<Vec<clicks::Search>, DayError>, Result<(), DayError>) {
    match SearchesReader::open(Arc::new(bytes), "damaged.parquet") {
        Ok(reader) => (reader.rows(0..u64::MAX).collect(), reader.verify()),
        Err(error) => (Err(error.clone()), Err(error)),
    }
}

fn expect_seen<T: PartialEq + Debug>(read: ReadAll<T>, bytes: Vec<u8>, rows: &[T], what: &str) {
    let (found, verified) = read(bytes);
    match found {
        Ok(found) => assert!(found == rows, "{what}: other rows"),
        Err(error) => assert!(error.to_string().starts_with("damaged.parquet"), "{what}: {error}"),
    }
    assert!(verified.is_err(), "{what}: nobody noticed");
}

fn batter<T: PartialEq + Debug>(read: ReadAll<T>, whole: &[u8], rows: &[T], seed: u64) {
    assert!(read(whole.to_vec()).1.is_ok());
    let mut dice = Dice::new(seed);
    for _ in 0..1_500 {
        let (place, bit) = (dice.place(whole.len()), dice.below(8));
        let mut bytes = whole.to_vec();
        bytes[place] ^= 1 << bit;
        expect_seen(read, bytes, rows, &format!("bit {bit} of byte {place}"));
    }
    // What stands at the end is looked at first, so every bit of it.
    for place in whole.len() - 300..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.to_vec();
            bytes[place] ^= 1 << bit;
            expect_seen(read, bytes, rows, &format!("bit {bit} of byte {place}"));
        }
    }
    for _ in 0..500 {
        let length = dice.place(whole.len());
        expect_seen(read, whole[..length].to_vec(), rows, &format!("cut to {length}"));
    }
    for _ in 0..300 {
        let (from, to, count) = (dice.place(whole.len()), dice.place(whole.len()), dice.place(5_000));
        let mut bytes = whole.to_vec();
        let count = count.min(whole.len() - from.max(to));
        bytes.copy_within(from..from + count, to);
        if bytes != whole {
            expect_seen(read, bytes, rows, &format!("{count} bytes of {from} at {to}"));
        }
    }
    let mut longer = whole.to_vec();
    longer.push(0);
    expect_seen(read, longer, rows, "a byte more");
}

#[test]
fn damaged_clicks_are_an_error_or_the_same_clicks() {
    let rows = clicks(21, 400);
    batter(read_clicks, &write_clicks(&rows, &small()).0, &rows, 21);
}

#[test]
fn damaged_searches_are_an_error_or_the_same_searches() {
    let rows = searches(22, 200);
    batter(read_searches, &write_searches(&rows, &small()).0, &rows, 22);
}

#[test]
fn every_bit_of_a_file_is_guarded() {
    let rows = clicks(23, 1);
    let whole = write_clicks(&rows, &small()).0;
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << bit;
            expect_seen(read_clicks, bytes, &rows, &format!("bit {bit} of byte {place}"));
        }
    }
}

/// Damage under right checksums, as a program with a defect might write it: the decoders are on their own.
#[test]
fn nothing_that_is_checksummed_anew_makes_reading_panic() {
    let rows = clicks(24, 2_000);
    let whole = write_clicks(&rows, &small()).0;
    let mut dice = Dice::new(24);
    let mut refused = 0;
    for _ in 0..3_000 {
        let mut bytes = whole.clone();
        for _ in 0..=dice.below(3) {
            let place = dice.place(bytes.len() - 8);
            bytes[place] = u8::try_from(dice.below(256)).unwrap();
        }
        if let Some(bytes) = checksummed_anew(bytes) {
            refused += usize::from(read_clicks(bytes).0.is_err());
        }
    }
    assert!(refused > 300, "{refused}: the damage did not reach the decoders");
}

fn checksummed_anew(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let end = bytes.len() - 8;
    let footer_bytes = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize;
    let tail = end.checked_sub(footer_bytes + 24)?;
    let guarded = usize::try_from(u64::from_le_bytes(bytes[tail..tail + 8].try_into().unwrap())).ok()?;
    if guarded.div_ceil(days::CHECK_BLOCK_BYTES) * 4 + guarded != tail {
        return None;
    }
    let blocks: Vec<u32> = bytes[..guarded].chunks(days::CHECK_BLOCK_BYTES).map(crc32fast::hash).collect();
    for (place, block) in blocks.into_iter().enumerate() {
        bytes[guarded + place * 4..guarded + place * 4 + 4].copy_from_slice(&block.to_le_bytes());
    }
    let footer = crc32fast::hash(&bytes[tail + 24..]);
    bytes[tail + 8..tail + 12].copy_from_slice(&footer.to_le_bytes());
    let own = crc32fast::hash(&bytes[guarded..tail + 12]);
    bytes[tail + 12..tail + 16].copy_from_slice(&own.to_le_bytes());
    Some(bytes)
}
