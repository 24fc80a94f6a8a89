//! Numbers of one width, as few bytes each as hold the greatest. It must never know what they stand for.

use std::ops::Range;

use crate::index::directory::place;

/// How many bytes are enough for a number.
pub const fn width_of(greatest: usize) -> usize {
    match greatest {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xff_ffff => 3,
        0x100_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

/// Numbers of one width.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl<'a> Numbers<'a> {
    /// So many numbers, none above the greatest, which are all that the bytes hold.
    pub fn new(bytes: &'a [u8], count: usize, greatest: usize) -> Option<Self> {
        let width = width_of(greatest);
        (bytes.len() == count.checked_mul(width)?).then_some(Self { bytes, width })
    }

    /// So many numbers, which are all that the bytes hold: whoever wrote them chose how many bytes each has.
    pub fn of_any_width(bytes: &'a [u8], count: usize) -> Option<Self> {
        let width = bytes.len().checked_div(count).unwrap_or(1);
        let is_one = [1, 2, 3, 4, 8].contains(&width) && bytes.len() == count.checked_mul(width)?;
        is_one.then_some(Self { bytes, width })
    }

    /// As many as the bytes hold, none above the greatest.
    pub fn all(bytes: &'a [u8], greatest: usize) -> Option<Self> {
        Self::new(bytes, bytes.len() / width_of(greatest), greatest)
    }

    /// The number at a place; 0 beyond the last.
    pub fn get(&self, at: usize) -> usize {
        // Nearly all numbers that are looked up one by one have a byte.
        if self.width == 1 {
            return self.bytes.get(at).copied().map_or(0, usize::from);
        }
        let mut word = [0; 8];
        if let Some(bytes) = self.bytes.get(at * self.width..(at + 1) * self.width) {
            word[..self.width].copy_from_slice(bytes);
        }
        usize::try_from(u64::from_le_bytes(word)).unwrap_or(usize::MAX)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.bytes.len() / self.width
    }

    /// Those at some places.
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        let bytes =
            self.bytes.get(range.start.checked_mul(self.width)?..range.end.checked_mul(self.width)?)?;
        Some(Self { bytes, width: self.width })
    }

    /// Shows all of them. The width is looked at once, not for each.
    pub fn for_each(self, mut show: impl FnMut(usize)) {
        match self.width {
            1 => self.bytes.iter().for_each(|byte| show(usize::from(*byte))),
            2 => {
                let (pairs, _) = self.bytes.as_chunks::<2>();
                pairs.iter().for_each(|pair| show(usize::from(u16::from_le_bytes(*pair))));
            }
            3 => {
                let (threes, _) = self.bytes.as_chunks::<3>();
                threes.iter().for_each(|[a, b, c]| show(place(u32::from_le_bytes([*a, *b, *c, 0]))));
            }
            4 => {
                let (fours, _) = self.bytes.as_chunks::<4>();
                fours.iter().for_each(|four| show(place(u32::from_le_bytes(*four))));
            }
            _ => {
                let (eights, _) = self.bytes.as_chunks::<8>();
                let number = |eight: &[u8; 8]| usize::try_from(u64::from_le_bytes(*eight));
                eights.iter().for_each(|eight| show(number(eight).unwrap_or(usize::MAX)));
            }
        }
    }

    /// The first place in a range, whose numbers are sorted, with a number that is not less.
    pub fn first_not_below(&self, range: Range<usize>, number: usize) -> usize {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle) < number { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Of numbers that are sorted, those that lie in a range.
    pub fn within(&self, range: &Range<usize>) -> Option<Self> {
        let before = |number| self.first_not_below(0..self.len(), number);
        self.slice(before(range.start)..before(range.end))
    }
}
