//! Clicks by quarter of an hour and kind, of one engine in one part of a day, summed up so that how many lie before a quarter
//! is one look. It must never know a day.

use crate::index::cuts::QUARTERS;
use crate::index::directory::place;

/// What a counter counts, of one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// The index, or `UNTOLD`.
    pub index: u32,
    /// Unknown, desktop, mobile.
    pub device: u8,
    /// The product type's number.
    pub product: u8,
}

/// The clicks of one engine in one part of a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineQuarters {
    /// The kinds that it has, each with its clicks by quarter: sorted by quarter, none of them zero.
    pub kinds: Vec<(Kind, Vec<(u8, u32)>)>,
}

/// Clicks before each quarter of one part of a day, by kind: the first column is of all kinds together.
#[derive(Debug)]
enum Slab {
    /// A row for each quarter but the first.
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
    /// The clicks themselves, where they are fewer than the cells of a table: sorted by quarter, with their column.
    List(Vec<u8>, Vec<u16>),
}

/// One part of a day of one engine.
#[derive(Debug)]
pub struct PartQuarters {
    pub part: u32,
    /// The columns' kinds, as places in the engine's list.
    pub kinds: Vec<u32>,
    /// Their clicks in all.
    pub clicks: Vec<u64>,
    slab: Slab,
}

impl PartQuarters {
    /// The clicks of one part; `place` is that of a kind in the engine's list.
    pub fn new(part: u32, quarters: &EngineQuarters, mut place: impl FnMut(Kind) -> usize) -> Self {
        // So many kinds take more memory than any machine has, long before their numbers run out.
        let number = |kind| u32::try_from(place(kind)).unwrap_or(u32::MAX);
        let clicks = |row: &[(u8, u32)]| row.iter().map(|(_, clicks)| u64::from(*clicks)).sum();
        Self {
            part,
            kinds: quarters.kinds.iter().map(|(kind, _)| *kind).map(number).collect(),
            clicks: quarters.kinds.iter().map(|(_, row)| clicks(row)).collect(),
            slab: slab(quarters),
        }
    }

    /// About how many bytes it takes.
    pub fn memory_bytes(&self) -> usize {
        let slab = match &self.slab {
            Slab::Narrow(cells) => cells.capacity() * size_of::<u16>(),
            Slab::Wide(cells) => cells.capacity() * size_of::<u32>(),
            Slab::List(quarters, columns) => quarters.capacity() + columns.capacity() * size_of::<u16>(),
        };
        self.kinds.capacity() * (size_of::<u32>() + size_of::<u64>()) + slab + size_of::<Self>()
    }

    /// Tells how many clicks lie before a quarter: of each kind, by its place, and of [`ALL_KINDS`].
    pub fn before(&self, quarter: u8, tell: &mut impl FnMut(usize, u64)) {
        let columns = self.kinds.len() + 1;
        let row = |row: u8| usize::from(row - 1) * columns..usize::from(row) * columns;
        match (&self.slab, quarter) {
            (_, 0) => {}
            (Slab::Narrow(cells), _) => self.tell(cells.get(row(quarter)), tell),
            (Slab::Wide(cells), _) => self.tell(cells.get(row(quarter)), tell),
            (Slab::List(quarters, column), _) => {
                let until = quarters.partition_point(|at| *at < quarter);
                tell(ALL_KINDS, until as u64);
                for column in column.get(..until).unwrap_or_default() {
                    if let Some(kind) = self.kinds.get(usize::from(*column)) {
                        tell(place(*kind), 1);
                    }
                }
            }
        }
    }

    fn tell<T: Copy + Into<u64>>(&self, cells: Option<&[T]>, tell: &mut impl FnMut(usize, u64)) {
        let Some((all, cells)) = cells.and_then(<[T]>::split_first) else { return };
        tell(ALL_KINDS, (*all).into());
        for (cell, kind) in cells.iter().zip(&self.kinds) {
            tell(place(*kind), (*cell).into());
        }
    }
}

/// All kinds together.
pub const ALL_KINDS: usize = usize::MAX;

/// A table where it is smaller than the clicks would be one by one, for a lot of clicks; a list else.
fn slab(quarters: &EngineQuarters) -> Slab {
    /// A table answers in one step: it may take this many times the bytes of a list.
    const TABLE_BYTES_FACTOR: u64 = 2;
    let columns = quarters.kinds.len() + 1;
    let rows = usize::from(QUARTERS) - 1;
    let clicks =
        quarters.kinds.iter().flat_map(|(_, clicks)| clicks).map(|row| u64::from(row.1)).sum::<u64>();
    let cells = columns * rows;
    let listed = clicks.saturating_mul(3).saturating_mul(TABLE_BYTES_FACTOR) < cells as u64 * 2;
    // A list has 16 bits for a column.
    if listed && u16::try_from(columns).is_ok() {
        let mut list: Vec<(u8, u16)> = Vec::new();
        for (column, (_, by_quarter)) in (0..).zip(&quarters.kinds) {
            for (quarter, clicks) in by_quarter {
                list.extend(std::iter::repeat_n((*quarter, column), usize::try_from(*clicks).unwrap_or(0)));
            }
        }
        list.sort_unstable();
        return Slab::List(list.iter().map(|row| row.0).collect(), list.iter().map(|row| row.1).collect());
    }
    let mut table = vec![0_u32; cells];
    for (column, (_, by_quarter)) in (1..).zip(&quarters.kinds) {
        for (quarter, clicks) in by_quarter {
            // The row of a quarter counts what is before it.
            let row = usize::from(*quarter) * columns;
            for cell in [row, row + column] {
                if let Some(cell) = table.get_mut(cell) {
                    *cell += clicks;
                }
            }
        }
    }
    for cell in columns..cells {
        table[cell] += table[cell - columns];
    }
    let narrow: Result<Vec<u16>, _> = table.iter().map(|cell| u16::try_from(*cell)).collect();
    narrow.map_or(Slab::Wide(table), Slab::Narrow)
}
