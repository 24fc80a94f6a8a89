//! Numbers of any width in a row of bits, lowest bit first. It must never know what they mean.

/// Bytes behind the last bit that a buffer has to have, so that a number can be taken in one piece.
pub const SLACK_BYTES: usize = 16;
/// The widest number: with the 7 bits before it, it still fits in 128.
pub const WIDTH_BITS_MAX: u32 = 96;

/// The lowest `width` bits.
pub const fn mask(width: u32) -> u128 {
    if width >= 128 { u128::MAX } else { (1 << width) - 1 }
}

/// 128 bits from a byte on; what lies behind the end of the bytes is 0.
fn window(bytes: &[u8], at: usize) -> u128 {
    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(sixteen) => u128::from_le_bytes(*sixteen),
        None => {
            let mut sixteen = [0; 16];
            for (to, from) in sixteen.iter_mut().zip(bytes.iter().skip(at)) {
                *to = *from;
            }
            u128::from_le_bytes(sixteen)
        }
    }
}

/// The number of `width` bits at a bit; bits behind the end of the bytes are 0.
pub fn get(bytes: &[u8], at_bit: usize, width: u32) -> u128 {
    window(bytes, at_bit / 8) >> (at_bit % 8) & mask(width)
}

/// Sets the bits of a number where all bits are 0. The bytes reach [`SLACK_BYTES`] further.
pub fn put(bytes: &mut [u8], at_bit: usize, number: u128) {
    let at = at_bit / 8;
    let with = (window(bytes, at) | number << (at_bit % 8)).to_le_bytes();
    bytes[at..at + with.len()].copy_from_slice(&with);
}

/// 64 bits from a bit on that is a multiple of 8; bits behind the end of the bytes are 0.
pub fn word(bytes: &[u8], at_bit: usize) -> u64 {
    match bytes.get(at_bit / 8..).and_then(|rest| rest.first_chunk()) {
        Some(eight) => u64::from_le_bytes(*eight),
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
        None => window(bytes, at_bit / 8) as u64,
    }
}

/// The place of the zero bit that has `before` zero bits under it; `None` when there are fewer.
pub fn nth_zero(word: u64, before: u32) -> Option<u32> {
    if word.count_zeros() <= before {
        return None;
    }
    let mut zeros = !word;
    for _ in 0..before {
        zeros &= zeros - 1;
    }
    Some(zeros.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use clicks::conformance::Dice;

    use super::*;

    #[test]
    fn numbers_of_any_width_come_back() {
        let mut dice = Dice::new(1);
        for _ in 0..200 {
            let widths: Vec<u32> =
                (0..50).map(|_| u32::try_from(dice.below(WIDTH_BITS_MAX as usize + 1)).unwrap()).collect();
            let numbers: Vec<u128> = widths
                .iter()
                .map(|width| (u128::from(dice.throw()) << 64 | u128::from(dice.throw())) & mask(*width))
                .collect();
            let mut bytes = vec![0; 50 * 12 + SLACK_BYTES];
            let mut at = 0;
            for (width, number) in widths.iter().zip(&numbers) {
                put(&mut bytes, at, *number);
                at += *width as usize;
            }
            at = 0;
            for (width, number) in widths.iter().zip(&numbers) {
                assert_eq!(get(&bytes, at, *width), *number);
                at += *width as usize;
            }
        }
        assert_eq!(get(&[0xff], 4, 20), 0xf);
        assert_eq!(word(&[0xff, 1], 8), 1);
    }

    #[test]
    fn a_zero_is_found_by_its_number() {
        let mut dice = Dice::new(2);
        for _ in 0..1_000 {
            let word = dice.throw() & dice.throw();
            let places: Vec<u32> = (0..64).filter(|place| word >> place & 1 == 0).collect();
            for (before, place) in (0..).zip(&places) {
                assert_eq!(nth_zero(word, before), Some(*place));
            }
            assert_eq!(nth_zero(word, u32::try_from(places.len()).unwrap()), None);
        }
    }
}
