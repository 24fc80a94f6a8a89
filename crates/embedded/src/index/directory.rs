//! Directories: which numbers have rows, and how many, sorted by number. Rows are laid out in the order of the numbers,
//! so a number's rows are a range. It must never know what the numbers stand for.
//!
//! Numbers lie in blocks; a fence before them tells each block's first number and first row, so that a look-up reads one
//! block. Drawn in `docs/formats/index.md`.

use std::ops::Range;

use crate::wire::{Reading, put_number};

/// How many numbers a block holds: few enough to be read in a fraction of a microsecond.
const BLOCK_NUMBERS: usize = 64;
const HEAD_BYTES: usize = 8;
const FENCE_BYTES: usize = 12;

/// Adds a directory to `out`. `counts` are numbers with their counts of rows, sorted by number, none of them zero.
pub fn put_directory(out: &mut Vec<u8>, counts: &[(u32, u32)]) {
    let blocks = counts.chunks(BLOCK_NUMBERS);
    put_u32(out, counts.len());
    put_u32(out, blocks.len());
    let (mut row, mut data) = (0_u32, Vec::new());
    for block in blocks {
        let Some((first, _)) = block.first() else { continue };
        out.extend_from_slice(&first.to_le_bytes());
        out.extend_from_slice(&row.to_le_bytes());
        put_u32(out, data.len());
        let mut before = *first;
        for (number, rows) in block {
            put_number(&mut data, u64::from(number.wrapping_sub(before)));
            put_number(&mut data, u64::from(*rows));
            row = row.wrapping_add(*rows);
            before = *number;
        }
    }
    out.extend_from_slice(&data);
}

/// Adds a length. Nothing that it is of reaches 4 GiB: a part has about a million rows, and a row takes a few bytes.
pub fn put_u32(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
}

/// The 32-bit number at a place; 0 beyond the end, which a check has ruled out.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
    word.map_or(0, |word| u32::from_le_bytes(*word))
}

/// A directory, read in place.
#[derive(Debug, Clone, Copy)]
pub struct Directory<'a> {
    fences: &'a [u8],
    data: &'a [u8],
    numbers: usize,
}

impl<'a> Directory<'a> {
    /// The directory in `bytes`, all of which are its own; `None` when they are too few.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.get(..HEAD_BYTES)?;
        let (numbers, blocks) = (place(u32_at(head, 0)), place(u32_at(head, 4)));
        let data_at = blocks.checked_mul(FENCE_BYTES)?.checked_add(HEAD_BYTES)?;
        Some(Self { fences: bytes.get(HEAD_BYTES..data_at)?, data: bytes.get(data_at..)?, numbers })
    }

    /// The rows of a number.
    pub fn find(&self, number: u32) -> Option<Range<u32>> {
        let blocks = self.fences.len() / FENCE_BYTES;
        let first = |block: usize| u32_at(self.fences, block * FENCE_BYTES);
        let (mut low, mut high) = (0, blocks);
        while low < high {
            let middle = usize::midpoint(low, high);
            if first(middle) <= number { low = middle + 1 } else { high = middle }
        }
        let block = low.checked_sub(1)?;
        let mut found = None;
        self.read_block(block, |at, rows| {
            if at == number {
                found = Some(rows);
            }
            at < number
        })?;
        found
    }

    /// Shows every number with its rows, in their order; `None` when the bytes end too early.
    pub fn for_each(&self, show: impl FnMut(u32, Range<u32>)) -> Option<()> {
        self.for_each_before(0, u32::MAX, show).map(drop)
    }

    /// Shows every number of the blocks from `block` on that begin before a number; returns the first block that doesn't.
    pub fn for_each_before(
        &self,
        mut block: usize,
        end: u32,
        mut show: impl FnMut(u32, Range<u32>),
    ) -> Option<usize> {
        let blocks = self.fences.len() / FENCE_BYTES;
        while block < blocks && u32_at(self.fences, block * FENCE_BYTES) < end {
            self.read_block(block, |number, rows| {
                show(number, rows);
                true
            })?;
            block += 1;
        }
        Some(block)
    }

    /// Shows a block's numbers until `show` says that it has seen enough.
    fn read_block(&self, block: usize, mut show: impl FnMut(u32, Range<u32>) -> bool) -> Option<()> {
        let fence = self.fences.get(block * FENCE_BYTES..)?;
        let (mut number, mut row) = (u32_at(fence, 0), u32_at(fence, 4));
        let mut data = self.data.get(place(u32_at(fence, 8))..)?;
        let count = BLOCK_NUMBERS.min(self.numbers.checked_sub(block * BLOCK_NUMBERS)?);
        for _ in 0..count {
            let (step, rows);
            (step, rows, data) = pair(data)?;
            number = number.wrapping_add(step);
            let until = row.checked_add(rows)?;
            if !show(number, row..until) {
                break;
            }
            row = until;
        }
        Some(())
    }
}

/// The next two numbers, and what follows. Nearly all of them take a byte each.
fn pair(data: &[u8]) -> Option<(u32, u32, &[u8])> {
    const LONGER: u8 = 0x80;
    match data {
        [step, rows, rest @ ..] if (step | rows) < LONGER => Some((u32::from(*step), u32::from(*rows), rest)),
        _ => {
            let mut reading = Reading::new(data);
            let mut next = || u32::try_from(reading.number().ok()?).ok();
            let (step, rows) = (next()?, next()?);
            Some((step, rows, reading.rest()))
        }
    }
}

/// A 32-bit number as a place in memory.
pub fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use clicks::conformance::Dice;

    use super::*;

    #[test]
    fn every_number_is_found_with_its_rows_and_no_other() {
        let mut dice = Dice::new(7);
        for numbers in [0, 1, 2, 63, 64, 65, 128, 1_000] {
            let (mut counts, mut number) = (Vec::new(), 0);
            for _ in 0..numbers {
                number += 1 + u32::try_from(dice.below(300)).unwrap() * u32::from(dice.once_in(3));
                counts.push((number, 1 + u32::try_from(dice.below(500)).unwrap()));
            }
            let mut bytes = Vec::new();
            put_directory(&mut bytes, &counts);
            let directory = Directory::new(&bytes).unwrap();
            let (mut shown, mut row) = (Vec::new(), 0);
            directory.for_each(|number, rows| shown.push((number, rows))).unwrap();
            let (mut in_steps, mut block) = (Vec::new(), 0);
            for end in (0..=number + 500).step_by(500) {
                let show = |number, rows| in_steps.push((number, rows));
                block = directory.for_each_before(block, end, show).unwrap();
            }
            assert_eq!(in_steps, shown);
            let mut wanted = Vec::new();
            for (number, rows) in &counts {
                wanted.push((*number, row..row + rows));
                row += rows;
            }
            assert_eq!(shown, wanted);
            let mut due = wanted.into_iter().peekable();
            for number in 0..=number + 2 {
                let rows = due.next_if(|wanted| wanted.0 == number).map(|wanted| wanted.1);
                assert_eq!(directory.find(number), rows, "{number} of {numbers}");
            }
        }
    }

    #[test]
    fn no_bytes_make_reading_panic() {
        let mut bytes = Vec::new();
        put_directory(&mut bytes, &[(1, 2), (900, 3), (70_000, 1)]);
        let mut dice = Dice::new(9);
        for _ in 0..20_000 {
            let mut broken = bytes.clone();
            broken.truncate(dice.below(bytes.len() + 1));
            if let Some(at) = broken.len().checked_sub(1).map(|last| dice.below(last + 1)) {
                broken[at] = u8::try_from(dice.below(256)).unwrap();
            }
            if let Some(directory) = Directory::new(&broken) {
                let _ = directory.find(900);
                let _ = directory.for_each(|_, _| {});
            }
        }
    }
}
