//! Numbers and texts as bytes: variable-length integers, and texts with their length before them. It must never know
//! what a record is; whatever bytes it reads, it gives a value or an error.

use crate::record::RecordError;

/// Seven bits in each byte, the lowest first; the top bit says that more follow.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or_default());
}

/// A number that may be negative: small ones are short, whatever their sign.
pub fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// The text's length in bytes, then its bytes.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Reads what the functions above wrote.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    rest: &'a [u8],
}

impl<'a> Reading<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(RecordError::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        self.bytes(N)?.try_into().map_err(|_| RecordError::Short)
    }

    pub fn byte(&mut self) -> Result<u8, RecordError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub fn number(&mut self) -> Result<u64, RecordError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return Err(RecordError::Number);
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(RecordError::Number)
    }

    pub fn signed(&mut self) -> Result<i64, RecordError> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub fn text(&mut self) -> Result<&'a str, RecordError> {
        let length = usize::try_from(self.number()?).map_err(|_| RecordError::Short)?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| RecordError::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_at_every_length() {
        let mut numbers = vec![0, u64::MAX];
        numbers.extend((0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit]));
        for number in numbers {
            let mut out = Vec::new();
            put_number(&mut out, number);
            put_signed(&mut out, number.cast_signed());
            put_signed(&mut out, number.cast_signed().wrapping_neg());
            let mut reading = Reading::new(&out);
            assert_eq!(reading.number(), Ok(number));
            assert_eq!(reading.signed(), Ok(number.cast_signed()));
            assert_eq!(reading.signed(), Ok(number.cast_signed().wrapping_neg()));
            assert!(reading.rest().is_empty());
        }
    }

    #[test]
    fn a_number_that_never_ends_is_refused() {
        assert_eq!(Reading::new(&[0xff; 20]).number(), Err(RecordError::Number));
        assert_eq!(Reading::new(&[0xff, 0xff]).number(), Err(RecordError::Short));
        let mut too_large = [0x80; 10];
        too_large[9] = 2;
        assert_eq!(Reading::new(&too_large).number(), Err(RecordError::Number));
    }
}
