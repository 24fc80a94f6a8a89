//! Where rows went: from what was being sealed, and from parts that were written anew, to parts, or away. It must never
//! know what is in a row.

use std::collections::HashMap;

use crate::index::directory::place;
use crate::recent::corrections::Origin;
use crate::recent::day::RowPlace;

/// In the place of a row: it is gone.
const GONE: u32 = u32::MAX;

/// Where the rows of one sealing or merging went.
#[derive(Debug, Default)]
pub struct Moved {
    /// Only rows that may still be corrected: those that wait for a search.
    frozen: HashMap<(u64, RowPlace), (u32, u32)>,
    /// By part, by row: the row of another part.
    parts: HashMap<u32, (u32, Vec<u32>)>,
}

impl Moved {
    /// A row that was being sealed is in a part now.
    pub fn freeze(&mut self, from: (u64, RowPlace), part: u32, row: u32) {
        self.frozen.insert(from, (part, row));
    }

    /// A row of a part that is written anew is in another part now. Rows come in order; those that are left out are
    /// gone.
    pub fn part(&mut self, (from, from_row): (u32, u32), part: u32, row: u32) {
        let rows = &mut self.parts.entry(from).or_insert_with(|| (part, Vec::new())).1;
        rows.resize(place(from_row), GONE);
        rows.push(row);
    }

    /// All rows of a part are gone.
    pub fn gone(&mut self, part: u32) {
        self.parts.insert(part, (part, Vec::new()));
    }

    /// Where a row is now; `None` when it is gone.
    pub fn follow(&self, origin: Origin) -> Option<Origin> {
        match origin {
            Origin::Frozen { freezing, row } => {
                let sealed = self.frozen.get(&(freezing, row)).copied();
                Some(sealed.map_or(origin, |(part, row)| Origin::Sealed { part, row }))
            }
            Origin::Sealed { part, row } => match self.parts.get(&part) {
                None => Some(origin),
                Some((part, rows)) => {
                    let row = rows.get(place(row)).copied().filter(|row| *row != GONE)?;
                    Some(Origin::Sealed { part: *part, row })
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_followed_and_those_left_out_are_gone() {
        let mut moved = Moved::default();
        let at = |part, row| Origin::Sealed { part, row };
        moved.part((1, 1), 9, 0);
        moved.part((1, 4), 9, 1);
        moved.part((2, 0), 9, 2);
        moved.gone(3);
        for (from, to) in [
            (at(1, 0), None),
            (at(1, 1), Some(at(9, 0))),
            (at(1, 3), None),
            (at(1, 4), Some(at(9, 1))),
            (at(1, 5), None),
            (at(2, 0), Some(at(9, 2))),
            (at(3, 0), None),
            (at(4, 7), Some(at(4, 7))),
        ] {
            assert_eq!(moved.follow(from), to, "{from:?}");
        }
    }
}
