//! The head of a part's index: which engines have rows in it, of which kinds, and where what they have lies. It is in memory
//! for every part. It must never know what a question asks.

use std::ops::Range;

use crate::index::build::{KIND_BYTES, POSTINGS};
use crate::index::counters::Quarters;
use crate::index::cuts::QUARTERS;
use crate::index::directory::{place, u32_at};
use crate::index::part_quarters::{EngineQuarters, Kind};
use crate::index::users::users_bytes;
use crate::wanted::Wanted;
use crate::wire::Reading;

/// What the head of an index says of one engine.
#[derive(Debug, Clone)]
pub struct EngineEntry {
    pub engine: u32,
    pub rows: u32,
    kinds: Range<usize>,
    /// Where each of its [`Postings`](crate::index::build::Postings) lies.
    pub parts: [Range<usize>; POSTINGS],
    counters: Range<usize>,
    /// Where its visitors lie, and how many marks they have.
    pub users: Range<usize>,
    pub marks: usize,
    /// Where its figures lie; nowhere if no row tells one.
    pub figures: Range<usize>,
}

/// How many bytes an engine takes in the head.
const ENTRY_BYTES: usize = 24 + POSTINGS * 4 + 20 + 16;

/// What is kept in memory of every part's index.
#[derive(Debug, Clone, Default)]
pub struct Head {
    engines: Vec<EngineEntry>,
    kinds: Vec<Kind>,
}

impl Head {
    /// Reads the head's two sections; `None` when they can't be what was written.
    pub fn read(engines: &[u8], kinds: &[u8]) -> Option<Self> {
        let kinds: Vec<Kind> = kinds
            .chunks_exact(KIND_BYTES)
            .map(|bytes| Kind { index: u32_at(bytes, 0), device: bytes[4], product: bytes[5] })
            .collect();
        let engines = engines.chunks_exact(ENTRY_BYTES).map(|bytes| EngineEntry::read(bytes, kinds.len()));
        Some(Self { engines: engines.collect::<Option<Vec<_>>>()?, kinds })
    }

    /// Reads what the counters say of each engine.
    pub fn quarters(&self, counters: &[u8]) -> Option<Quarters> {
        let quarters = |entry: &EngineEntry| {
            let mut reading = Reading::new(counters.get(entry.counters.clone())?);
            let mut kinds = Vec::with_capacity(entry.kinds.len());
            for kind in self.kinds.get(entry.kinds.clone())? {
                let (mut clicks, mut quarter) = (Vec::new(), 0_u64);
                for _ in 0..reading.number().ok()?.min(u64::from(QUARTERS)) {
                    quarter = quarter.checked_add(reading.number().ok()?)?;
                    let at = u8::try_from(quarter).ok().filter(|at| *at < QUARTERS)?;
                    clicks.push((at, u32::try_from(reading.number().ok()?).ok()?));
                }
                kinds.push((*kind, clicks));
            }
            Some((entry.engine, EngineQuarters { kinds }))
        };
        self.engines.iter().map(quarters).collect()
    }

    /// How many rows the part has.
    pub fn rows(&self) -> u64 {
        self.engines.iter().map(|entry| u64::from(entry.rows)).sum()
    }

    /// About how many bytes it takes.
    pub fn memory_bytes(&self) -> usize {
        self.engines.capacity() * size_of::<EngineEntry>() + self.kinds.capacity() * size_of::<Kind>()
    }

    /// Whether any engine of the part is wanted.
    pub fn has_wanted(&self, wanted: &Wanted) -> bool {
        self.engines.iter().any(|entry| wanted.engine_place(entry.engine).is_some())
    }

    /// The first row of each engine, where the rows of all engines follow each other; the engine's number with it.
    pub fn first_rows(&self) -> impl Iterator<Item = (u32, usize)> {
        self.engines.iter().scan(0, |next, entry| {
            let first = *next;
            *next += place(entry.rows);
            Some((entry.engine, first))
        })
    }

    /// How many rows the engines have that are wanted.
    pub fn rows_wanted(&self, wanted: &Wanted) -> usize {
        let is_wanted = |entry: &&EngineEntry| wanted.engine_place(entry.engine).is_some();
        self.engines.iter().filter(is_wanted).map(|entry| place(entry.rows)).sum()
    }

    /// How many visitors each engine of the part has that is wanted and has some.
    pub fn marks(&self, wanted: &Wanted) -> impl Iterator<Item = usize> {
        let is_wanted = |entry: &&EngineEntry| wanted.engine_place(entry.engine).is_some();
        self.engines.iter().filter(is_wanted).map(|entry| entry.marks).filter(|marks| *marks > 0)
    }

    /// Its engines that are wanted, and their kinds; `None` when the head can't be what was written.
    pub fn wanted(&self, wanted: &Wanted) -> Option<Vec<(&EngineEntry, &[Kind])>> {
        let entries = self.engines.iter().filter(|entry| wanted.engine_place(entry.engine).is_some());
        entries.map(|entry| Some((entry, self.kinds.get(entry.kinds.clone())?))).collect()
    }
}

impl EngineEntry {
    fn read(bytes: &[u8], kinds: usize) -> Option<Self> {
        let word = |at| place(u32_at(bytes, at));
        let long = |at: usize| {
            let bytes = bytes.get(at..)?.first_chunk()?;
            usize::try_from(u64::from_le_bytes(*bytes)).ok()
        };
        let kinds_at = word(8);
        let kinds = Some(kinds_at..kinds_at.checked_add(word(12))?).filter(|range| range.end <= kinds)?;
        let mut at = long(16)?;
        let mut parts = [const { 0..0 }; POSTINGS];
        for (number, part) in parts.iter_mut().enumerate() {
            *part = at..at.checked_add(word(24 + number * 4))?;
            at = part.end;
        }
        let rest = 24 + POSTINGS * 4;
        let (counters_at, users_at, marks) = (word(rest), long(rest + 8)?, word(rest + 16));
        let users_end = users_at.checked_add(users_bytes(marks, word(4))?)?;
        let figures_at = long(rest + 20)?;
        Some(Self {
            engine: u32_at(bytes, 0),
            rows: u32_at(bytes, 4),
            kinds,
            parts,
            counters: counters_at..counters_at.checked_add(word(rest + 4))?,
            users: users_at..users_end,
            marks,
            figures: figures_at..figures_at.checked_add(long(rest + 28)?)?,
        })
    }
}
