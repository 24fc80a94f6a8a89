//! Where rows went: from what was being sealed, and from parts that were written anew, to parts. It must never know what
//! is in a row.

use std::collections::HashMap;

use crate::index::directory::place;
use crate::recent::corrections::Origin;
use crate::recent::day::RowPlace;

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

    /// The next row of a part that is written anew is in another part now.
    pub fn part(&mut self, from: u32, part: u32, row: u32) {
        self.parts.entry(from).or_insert_with(|| (part, Vec::new())).1.push(row);
    }

    /// Where a row is now.
    pub fn follow(&self, origin: Origin) -> Origin {
        let sealed = |(part, row)| Origin::Sealed { part, row };
        match origin {
            Origin::Frozen { freezing, row } => {
                self.frozen.get(&(freezing, row)).copied().map_or(origin, sealed)
            }
            Origin::Sealed { part, row } => {
                let found =
                    self.parts.get(&part).and_then(|(part, rows)| Some((*part, *rows.get(place(row))?)));
                found.map_or(origin, sealed)
            }
        }
    }
}
