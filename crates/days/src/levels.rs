//! Runs and packed bits: Parquet's hybrid encoding of small numbers (levels and dictionary numbers).
//! No bytes make it panic, and it never asks for more memory than the caller's `count`.

use crate::error::Fault;

fn short() -> Fault {
    Fault::damaged("a page ends too early")
}

/// Takes `count` bytes off the front.
pub fn take<'a>(data: &mut &'a [u8], count: usize) -> Result<&'a [u8], Fault> {
    let (taken, rest) = data.split_at_checked(count).ok_or_else(short)?;
    *data = rest;
    Ok(taken)
}

/// Takes a little-endian u32 off the front, as a length.
pub fn take_length(data: &mut &[u8]) -> Result<usize, Fault> {
    let bytes = take(data, 4)?;
    Ok(bytes.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte)))
}

/// Takes a number of 7 bits a byte, lowest first, off the front.
pub fn take_varint(data: &mut &[u8]) -> Result<u64, Fault> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(data, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Fault::damaged("a number of more than 64 bits"))
}

/// The `width` bits (at most 56) that begin at bit `place`; bits beyond the end are 0.
fn bits_at(data: &[u8], place: usize, width: u32) -> u64 {
    let byte = place / 8;
    let rest = data.get(byte..).unwrap_or_default();
    let word = match rest.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    (word >> (place % 8)) & ((1 << width) - 1)
}

/// `width` bits (at most 64) that begin at bit `place`.
pub fn wide_bits_at(data: &[u8], place: usize, width: u32) -> u64 {
    if width <= 56 {
        bits_at(data, place, width)
    } else {
        bits_at(data, place, 32) | bits_at(data, place + 32, width - 32) << 32
    }
}

/// Reads `count` numbers of `width` bits (at most 32) into `out`.
#[expect(clippy::cast_possible_truncation, reason = "at most 32 bits are asked for")]
pub fn runs(mut data: &[u8], width: u32, count: usize, out: &mut Vec<u32>) -> Result<(), Fault> {
    if width > 32 {
        return Err(Fault::damaged("numbers of more than 32 bits"));
    }
    let end = out.len() + count;
    out.reserve(count);
    while out.len() < end {
        let wanted = end - out.len();
        let head = take_varint(&mut data)?;
        let length = usize::try_from(head >> 1).map_err(|_| short())?;
        if head & 1 == 0 {
            let value = take(&mut data, width.div_ceil(8) as usize)?;
            let value = value.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte)) as u32;
            if length == 0 {
                return Err(Fault::damaged("a run of nothing"));
            }
            out.extend(std::iter::repeat_n(value, length.min(wanted)));
        } else {
            // Groups of eight; the last one may be cut off behind its last number.
            let numbers = length.checked_mul(8).ok_or_else(short)?.min(wanted);
            let bytes = length.checked_mul(width as usize).ok_or_else(short)?.min(data.len());
            if numbers == 0 || bytes * 8 < numbers * width as usize {
                return Err(short());
            }
            let packed = take(&mut data, bytes)?;
            out.extend((0..numbers).map(|number| bits_at(packed, number * width as usize, width) as u32));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
        let mut out = Vec::new();
        runs(data, width, count, &mut out).ok().map(|()| out)
    }

    #[test]
    fn runs_and_packed_groups_alternate() {
        // The example of the format's own document: 0 to 7 in three bits each.
        let packed = [0b0000_0011, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(read(&packed, 3, 8), Some((0..8).collect()));
        assert_eq!(
            read(&[10, 7, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010], 3, 8),
            Some(vec![7, 7, 7, 7, 7, 0, 1, 2])
        );
        assert_eq!(read(&[6, 0x34, 0x12], 12, 3), Some(vec![0x1234; 3]));
        assert_eq!(read(&[], 3, 0), Some(vec![]));
    }

    #[test]
    fn what_is_missing_is_an_error() {
        for (data, width) in [(&[][..], 3), (&[3, 1], 3), (&[0, 1], 3), (&[3], 33), (&[0xff; 11], 1)] {
            assert_eq!(read(data, width, 8), None, "{data:?}");
        }
    }

    #[test]
    fn bits_are_found_at_any_place_and_width() {
        let data: Vec<u8> = (0..20_u8).map(|byte| byte.wrapping_mul(37).wrapping_add(11)).collect();
        for place in 0..64 {
            for width in 1..=64 {
                let slowly = (0..width as usize).fold(0_u64, |bits, bit| {
                    let place = place + bit;
                    bits | u64::from(data[place / 8] >> (place % 8) & 1) << bit
                });
                assert_eq!(wide_bits_at(&data, place, width), slowly, "{place} {width}");
            }
        }
    }
}
