//! Postings: the clicks of one part of a day, by terms and by item. A question that names either reads what matches and
//! no more. It must never know where its bytes come from.

use std::ops::Range;

use clicks::Grouping;

use crate::evaluate::{Evaluator, Place};
use crate::index::build::{KIND_BYTES, width_of};
use crate::index::counters::{EngineQuarters, Kind, Quarters};
use crate::index::cuts::{DayCuts, QUARTERS};
use crate::index::directory::{Directory, place, u32_at};
use crate::wanted::Wanted;
use crate::wire::Reading;

/// What the head of an index says of one engine.
#[derive(Debug, Clone)]
struct EngineEntry {
    engine: u32,
    rows: u32,
    kinds: Range<usize>,
    /// Where its terms, items, quarters, kinds and items' rows lie among the postings.
    parts: [Range<usize>; 5],
    counters: Range<usize>,
}

/// How many bytes an engine takes in the head.
const ENTRY_BYTES: usize = 52;

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
                    quarter += reading.number().ok()?;
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

    /// Counts the part's clicks in whole quarters; `None` when the postings can't be what was written.
    pub fn count(
        &self,
        postings: &[u8],
        wanted: &Wanted,
        cuts: &DayCuts<'_>,
        evaluator: &mut Evaluator<'_>,
    ) -> Option<()> {
        let by_quarter = cuts.by_quarter();
        let whole = match cuts.segments {
            [segment] if segment.is_whole() => Some(segment.day),
            _ => None,
        };
        for entry in self.engines.iter().filter(|entry| wanted.engine_place(entry.engine).is_some()) {
            let kinds = self.kinds.get(entry.kinds.clone())?;
            let passes: Vec<bool> = kinds.iter().map(|kind| wanted.passes_kind(*kind)).collect();
            if !passes.contains(&true) {
                continue;
            }
            let rows = Rows::new(entry, postings, kinds, &by_quarter, &passes)?;
            let counting = Counting { engine: entry.engine, cuts, whole: whole.filter(|_| rows.all_pass) };
            counting.count(&rows, wanted, evaluator)?;
        }
        Some(())
    }
}

impl EngineEntry {
    fn read(bytes: &[u8], kinds: usize) -> Option<Self> {
        let word = |at| place(u32_at(bytes, at));
        let kinds_at = word(8);
        let kinds = Some(kinds_at..kinds_at.checked_add(word(12))?).filter(|range| range.end <= kinds)?;
        let mut at = usize::try_from(u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?)).ok()?;
        let mut parts = [const { 0..0 }; 5];
        for (part, length) in parts.iter_mut().zip([24, 28, 32, 36, 40]) {
            *part = at..at.checked_add(word(length))?;
            at = part.end;
        }
        let counters_at = word(44);
        Some(Self {
            engine: u32_at(bytes, 0),
            rows: u32_at(bytes, 4),
            kinds,
            parts,
            counters: counters_at..counters_at.checked_add(word(48))?,
        })
    }
}

/// The rows of one engine, read in place.
struct Rows<'a> {
    terms: Directory<'a>,
    items: Directory<'a>,
    quarters: &'a [u8],
    kind_of_row: Numbers<'a>,
    item_rows: Numbers<'a>,
    kinds: &'a [Kind],
    by_quarter: &'a [u32; QUARTERS as usize],
    passes: &'a [bool],
    all_pass: bool,
}

/// Numbers of one width.
#[derive(Debug, Clone, Copy)]
struct Numbers<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl<'a> Numbers<'a> {
    fn new(bytes: &'a [u8], count: usize, greatest: usize) -> Option<Self> {
        let width = width_of(greatest);
        (bytes.len() == count.checked_mul(width)?).then_some(Self { bytes, width })
    }

    fn get(&self, at: usize) -> usize {
        let mut word = [0; 4];
        if let Some(bytes) = self.bytes.get(at * self.width..(at + 1) * self.width) {
            word[..self.width].copy_from_slice(bytes);
        }
        place(u32::from_le_bytes(word))
    }

    fn len(&self) -> usize {
        self.bytes.len() / self.width
    }

    fn slice(&self, range: Range<usize>) -> Option<Self> {
        let bytes =
            self.bytes.get(range.start.checked_mul(self.width)?..range.end.checked_mul(self.width)?)?;
        Some(Self { bytes, width: self.width })
    }

    /// Shows all of them. The width is looked at once, not for each.
    fn for_each(self, mut show: impl FnMut(usize)) {
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
            _ => {
                let (fours, _) = self.bytes.as_chunks::<4>();
                fours.iter().for_each(|four| show(place(u32::from_le_bytes(*four))));
            }
        }
    }

    /// How many of them, which are sorted, are less than a number.
    fn before(&self, number: usize) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle) < number { low = middle + 1 } else { high = middle }
        }
        low
    }
}

impl<'a> Rows<'a> {
    fn new(
        entry: &EngineEntry,
        postings: &'a [u8],
        kinds: &'a [Kind],
        by_quarter: &'a [u32; QUARTERS as usize],
        passes: &'a [bool],
    ) -> Option<Self> {
        let [terms, items, quarters, kind_of_row, item_rows] =
            entry.parts.each_ref().map(|part| postings.get(part.clone()));
        let rows = place(entry.rows);
        Some(Self {
            terms: Directory::new(terms?)?,
            items: Directory::new(items?)?,
            quarters: quarters.filter(|quarters| quarters.len() == rows)?,
            kind_of_row: Numbers::new(kind_of_row?, rows, kinds.len().saturating_sub(1))?,
            item_rows: Numbers::new(item_rows?, rows, rows.saturating_sub(1))?,
            kinds,
            by_quarter,
            passes,
            all_pass: !passes.contains(&false),
        })
    }

    /// The segment that a row lies in, if the row passes.
    fn segment(&self, row: usize) -> Option<usize> {
        let quarter = usize::from(*self.quarters.get(row)?);
        let segment = self.by_quarter.get(quarter)?.checked_sub(1)?;
        (self.all_pass || self.passes(self.kind(row))).then_some(place(segment))
    }

    fn kind(&self, row: usize) -> usize {
        // Nearly every engine has few enough kinds for a byte.
        if self.kind_of_row.width == 1 {
            self.kind_of_row.bytes.get(row).copied().map_or(usize::MAX, usize::from)
        } else {
            self.kind_of_row.get(row)
        }
    }

    fn passes(&self, kind: usize) -> bool {
        self.passes.get(kind).copied().unwrap_or(false)
    }

    fn device(&self, kind: usize) -> u8 {
        self.kinds.get(kind).map_or(0, |kind| kind.device)
    }

    /// The rows of an item that lie in a range, sorted.
    fn of_item(&self, item: u32, within: &Range<usize>) -> Option<Numbers<'a>> {
        let found = self.items.find(item)?;
        self.item_rows.slice(place(found.start)..place(found.end))?.within(within)
    }
}

impl Numbers<'_> {
    fn within(&self, range: &Range<usize>) -> Option<Self> {
        self.slice(self.before(range.start)..self.before(range.end))
    }
}

/// Clicks by device.
type ByDevice = [u64; 3];

/// How the rows of one engine are counted.
struct Counting<'c> {
    engine: u32,
    cuts: &'c DayCuts<'c>,
    /// The question's day when every row counts, and on that day.
    whole: Option<usize>,
}

impl Counting<'_> {
    fn count(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) -> Option<()> {
        if matches!(evaluator.grouping(), Grouping::Terms { .. }) {
            return self.count_terms(rows, wanted, evaluator);
        }
        let range = match wanted.terms() {
            None => 0..rows.quarters.len(),
            Some(terms) => match rows.terms.find(terms) {
                None => return Some(()),
                Some(range) => place(range.start)..place(range.end),
            },
        };
        let by_device = matches!(evaluator.grouping(), Grouping::Device);
        match wanted.items() {
            Some(items) => {
                for item in items {
                    let Some(found) = rows.of_item(*item, &range) else { continue };
                    match self.whole {
                        Some(day) if !by_device => evaluator.add_at(self.at(day, 0), found.len() as u64),
                        _ => self.count_scattered(rows, |show| found.for_each(show), evaluator),
                    }
                }
                Some(())
            }
            None if wanted.terms().is_some() => self.count_neighbours(rows, range, by_device, evaluator),
            None => {
                self.count_scattered(rows, |show| range.for_each(show), evaluator);
                Some(())
            }
        }
    }

    const fn at(&self, day: usize, device: u8) -> Place {
        Place { day, engine: self.engine, device, terms: 0 }
    }

    fn hand_over(&self, segment: usize, clicks: ByDevice, evaluator: &mut Evaluator<'_>) {
        let Some(segment) = self.cuts.segments.get(segment) else { return };
        for (device, clicks) in (0..).zip(clicks).filter(|(_, clicks)| *clicks > 0) {
            evaluator.add_at(self.at(segment.day, device), clicks);
        }
    }

    /// Counts rows that lie anywhere.
    fn count_scattered(
        &self,
        rows: &Rows<'_>,
        each: impl FnOnce(&mut dyn FnMut(usize)),
        evaluator: &mut Evaluator<'_>,
    ) {
        let mut clicks: Vec<ByDevice> = vec![[0; 3]; self.cuts.segments.len()];
        each(&mut |row| {
            if let Some(segment) = rows.segment(row)
                && let Some(clicks) = clicks.get_mut(segment)
                && let Some(cell) = clicks.get_mut(usize::from(rows.device(rows.kind(row))))
            {
                *cell += 1;
            }
        });
        for (segment, clicks) in clicks.into_iter().enumerate() {
            self.hand_over(segment, clicks, evaluator);
        }
    }

    /// Counts the rows of one search, which are sorted by quarter.
    fn count_neighbours(
        &self,
        rows: &Rows<'_>,
        range: Range<usize>,
        by_device: bool,
        evaluator: &mut Evaluator<'_>,
    ) -> Option<()> {
        let quarters = rows.quarters.get(range.clone())?;
        for (number, segment) in self.cuts.segments.iter().enumerate() {
            let from = range.start + quarters.partition_point(|quarter| *quarter < segment.from);
            let until = range.start + quarters.partition_point(|quarter| *quarter < segment.until);
            if rows.all_pass && !by_device {
                evaluator.add_at(self.at(segment.day, 0), (until - from) as u64);
                continue;
            }
            let mut clicks: ByDevice = [0; 3];
            rows.kind_of_row.slice(from..until)?.for_each(|kind| {
                if rows.passes(kind)
                    && let Some(cell) = clicks.get_mut(usize::from(rows.device(kind)))
                {
                    *cell += 1;
                }
            });
            self.hand_over(number, clicks, evaluator);
        }
        Some(())
    }

    fn count_terms(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) -> Option<()> {
        let mut found: Option<Vec<usize>> = wanted.items().map(|items| {
            let everywhere = 0..rows.quarters.len();
            let mut found = Vec::new();
            for numbers in items.iter().filter_map(|item| rows.of_item(*item, &everywhere)) {
                numbers.for_each(|row| found.push(row));
            }
            found
        });
        if let Some(found) = &mut found {
            found.sort_unstable();
        }
        let mut count = |terms: u32, range: Range<u32>| {
            let range = place(range.start)..place(range.end);
            let clicks = match &found {
                Some(found) => {
                    let from = found.partition_point(|row| *row < range.start);
                    let until = found.partition_point(|row| *row < range.end);
                    let found = found.get(from..until).unwrap_or_default();
                    found.iter().filter(|row| rows.segment(**row).is_some()).count()
                }
                None if self.whole.is_some() => range.len(),
                None => range.filter(|row| rows.segment(*row).is_some()).count(),
            };
            evaluator.add_at(Place { terms, ..self.at(0, 0) }, clicks as u64);
        };
        match wanted.terms() {
            None => rows.terms.for_each(count),
            Some(terms) => {
                if let Some(range) = rows.terms.find(terms) {
                    count(terms, range);
                }
                Some(())
            }
        }
    }
}
