//! The values of a page, in each encoding that the writer uses.
//! No bytes make it panic, and it never asks for more memory than the page's own count or bytes allow.

use crate::error::Fault;
use crate::levels::{take, take_length, take_varint, wide_bits_at};
use crate::texts::TextsBuilder;

fn odd() -> Fault {
    Fault::damaged("a page of deltas is out of form")
}

#[expect(clippy::cast_possible_wrap, reason = "zigzag is a question of bits")]
const fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Reads numbers in DELTA_BINARY_PACKED off the front: exactly `count`, or an error.
#[expect(clippy::cast_possible_wrap, reason = "deltas wrap around by definition")]
pub fn deltas(data: &mut &[u8], count: usize, out: &mut Vec<i64>) -> Result<(), Fault> {
    let block = usize::try_from(take_varint(data)?).map_err(|_| odd())?;
    let minis = usize::try_from(take_varint(data)?).map_err(|_| odd())?;
    let total = take_varint(data)?;
    let mut value = zigzag(take_varint(data)?);
    if minis == 0 || block % minis != 0 || !(block / minis).is_multiple_of(32) || block == 0 {
        return Err(odd());
    }
    if total != count as u64 {
        return Err(Fault::damaged("a page has another number of values than it says"));
    }
    let per_mini = block / minis;
    let end = out.len() + count;
    out.reserve(count);
    if count > 0 {
        out.push(value);
    }
    while out.len() < end {
        let least = zigzag(take_varint(data)?);
        let widths = take(data, minis)?;
        for &width in widths {
            let wanted = (end - out.len()).min(per_mini);
            if wanted == 0 {
                break;
            }
            let width = u32::from(width);
            if width > 64 {
                return Err(odd());
            }
            let packed = take(data, per_mini / 8 * width as usize)?;
            for number in 0..wanted {
                let delta = wide_bits_at(packed, number * width as usize, width) as i64;
                value = value.wrapping_add(least).wrapping_add(delta);
                out.push(value);
            }
        }
    }
    Ok(())
}

fn lengths(data: &mut &[u8], count: usize) -> Result<Vec<usize>, Fault> {
    let mut numbers = Vec::new();
    deltas(data, count, &mut numbers)?;
    numbers.into_iter().map(|number| usize::try_from(number).map_err(|_| odd())).collect()
}

/// Texts in PLAIN: each after its length.
pub fn plain_texts(mut data: &[u8], count: usize, out: &mut TextsBuilder) -> Result<(), Fault> {
    for _ in 0..count {
        let length = take_length(&mut data)?;
        out.push(take(&mut data, length)?);
    }
    Ok(())
}

/// Texts in DELTA_LENGTH_BYTE_ARRAY: all lengths, then all texts.
pub fn texts_after_lengths(mut data: &[u8], count: usize, out: &mut TextsBuilder) -> Result<(), Fault> {
    for length in lengths(&mut data, count)? {
        out.push(take(&mut data, length)?);
    }
    Ok(())
}

/// Texts in DELTA_BYTE_ARRAY: how much each shares with the one before, then the rests.
pub fn texts_sharing(mut data: &[u8], count: usize, out: &mut TextsBuilder) -> Result<(), Fault> {
    let shared = lengths(&mut data, count)?;
    let rests = lengths(&mut data, count)?;
    for (shared, rest) in shared.into_iter().zip(rests) {
        out.push_sharing(shared, take(&mut data, rest)?)?;
    }
    Ok(())
}

/// Numbers in PLAIN, of 4 or 8 bytes.
pub fn plain_numbers(mut data: &[u8], bytes: usize, count: usize, out: &mut Vec<i64>) -> Result<(), Fault> {
    for _ in 0..count {
        let number = take(&mut data, bytes)?;
        let number = number.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        out.push(number.cast_signed());
    }
    Ok(())
}
