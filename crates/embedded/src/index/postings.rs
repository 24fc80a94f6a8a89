//! Postings: the clicks of one part of a day, by terms and by item. A question that names either reads what matches and
//! no more. It must never know where its bytes come from.

use std::ops::Range;
use std::sync::Arc;

use clicks::Grouping;

use crate::evaluate::{Evaluator, Place};
use crate::index::build::{KIND_BYTES, POSTINGS, Postings, width_of};
use crate::index::counters::{EngineQuarters, Kind, Quarters};
use crate::index::cuts::{DayCuts, QUARTERS};
use crate::index::directory::{Directory, place, u32_at};
use crate::index::users::{users_bytes, users_of_rows};
use crate::wanted::Wanted;
use crate::wire::Reading;

/// What the head of an index says of one engine.
#[derive(Debug, Clone)]
struct EngineEntry {
    engine: u32,
    rows: u32,
    kinds: Range<usize>,
    /// Where each of its [`Postings`] lies.
    parts: [Range<usize>; POSTINGS],
    counters: Range<usize>,
    /// Where its visitors lie, and how many marks they have.
    users: Range<usize>,
    marks: usize,
}

/// How many bytes an engine takes in the head.
const ENTRY_BYTES: usize = 24 + POSTINGS * 4 + 20;

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

    /// Whether any engine of the part that is wanted has visitors.
    pub fn has_users(&self, wanted: &Wanted) -> bool {
        let is_wanted = |entry: &&EngineEntry| wanted.engine_place(entry.engine).is_some();
        self.engines.iter().filter(is_wanted).any(|entry| entry.marks > 0)
    }

    /// Counts the part's clicks in whole quarters; `None` when the postings can't be what was written. `users` is looked at
    /// only where visitors are told apart.
    pub fn count(
        &self,
        postings: &Arc<Vec<u8>>,
        users: &Arc<Vec<u8>>,
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
            match counting.directory(wanted, evaluator.grouping()) {
                Some(directory) => {
                    evaluator.keep_directory(postings, entry.parts[directory as usize].clone());
                }
                None => counting.count(&rows, wanted, evaluator)?,
            }
            if evaluator.grouping() == Grouping::Distinct && entry.marks > 0 {
                counting.tell_visitors_apart(&rows, entry, users, wanted, evaluator)?;
            }
        }
        Some(())
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
        Some(Self {
            engine: u32_at(bytes, 0),
            rows: u32_at(bytes, 4),
            kinds,
            parts,
            counters: counters_at..counters_at.checked_add(word(rest + 4))?,
            users: users_at..users_end,
            marks,
        })
    }
}

/// The rows of one engine, read in place.
struct Rows<'a> {
    terms: Directory<'a>,
    items: Directory<'a>,
    item_rows: Numbers<'a>,
    popular: Directory<'a>,
    columns: Columns<'a>,
    /// The rows of popular items, by item, kind and quarter.
    popular_columns: Columns<'a>,
    kinds: &'a [Kind],
    by_quarter: &'a [u32; QUARTERS as usize],
    passes: &'a [bool],
    /// How many kinds pass, and whether all do.
    passing: usize,
    all_pass: bool,
}

/// What is counted of rows. Among those of one number, which are neighbours, the rows lie by kind, then by quarter.
#[derive(Debug, Clone, Copy)]
struct Columns<'a> {
    quarters: &'a [u8],
    kinds: Numbers<'a>,
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

    /// The number at a place; 0 beyond the last.
    pub fn get(&self, at: usize) -> usize {
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

    /// The first place in a range, whose numbers are sorted, with a number that is not less.
    fn first_not_below(&self, range: Range<usize>, number: usize) -> usize {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle) < number { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Of numbers that are sorted, those that lie in a range.
    fn within(&self, range: &Range<usize>) -> Option<Self> {
        let before = |number| self.first_not_below(0..self.len(), number);
        self.slice(before(range.start)..before(range.end))
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
        let part = |part: Postings| postings.get(entry.parts[part as usize].clone());
        let rows = place(entry.rows);
        let columns = |quarters: &'a [u8], kinds_of: &'a [u8]| {
            let kinds = Numbers::new(kinds_of, quarters.len(), kinds.len().saturating_sub(1))?;
            Some(Columns { quarters, kinds })
        };
        let quarters = part(Postings::Quarters)?;
        Some(Self {
            terms: Directory::new(part(Postings::Terms)?)?,
            items: Directory::new(part(Postings::Items)?)?,
            item_rows: Numbers::new(part(Postings::ItemRows)?, rows, rows.saturating_sub(1))?,
            popular: Directory::new(part(Postings::Popular)?)?,
            columns: columns(quarters, part(Postings::Kinds)?).filter(|_| quarters.len() == rows)?,
            popular_columns: columns(part(Postings::PopularQuarters)?, part(Postings::PopularKinds)?)?,
            kinds,
            by_quarter,
            passes,
            passing: passes.iter().filter(|passes| **passes).count(),
            all_pass: !passes.contains(&false),
        })
    }

    /// The segment that a row lies in, if the row passes.
    fn segment(&self, row: usize) -> Option<usize> {
        let quarter = usize::from(*self.columns.quarters.get(row)?);
        let segment = self.by_quarter.get(quarter)?.checked_sub(1)?;
        (self.all_pass || self.passes(self.kind(row))).then_some(place(segment))
    }

    fn kind(&self, row: usize) -> usize {
        let kinds = &self.columns.kinds;
        // Nearly every engine has few enough kinds for a byte.
        if kinds.width == 1 {
            kinds.bytes.get(row).copied().map_or(usize::MAX, usize::from)
        } else {
            kinds.get(row)
        }
    }

    fn passes(&self, kind: usize) -> bool {
        self.passes.get(kind).copied().unwrap_or(false)
    }

    fn device(&self, kind: usize) -> u8 {
        self.kinds.get(kind).map_or(0, |kind| kind.device)
    }

    /// The rows of terms, or all.
    fn of_terms(&self, terms: Option<u32>) -> Option<Range<usize>> {
        match terms {
            None => Some(0..self.columns.quarters.len()),
            Some(terms) => self.terms.find(terms).map(|found| place(found.start)..place(found.end)),
        }
    }

    /// The rows of an item that lie in a range, sorted.
    fn of_item(&self, item: u32, within: &Range<usize>) -> Option<Numbers<'a>> {
        let found = self.items.find(item)?;
        self.item_rows.slice(place(found.start)..place(found.end))?.within(within)
    }

    /// Shows every row that passes, and its segment.
    fn each_passing(&self, wanted: &Wanted, mut show: impl FnMut(usize, usize)) {
        let Some(range) = self.of_terms(wanted.terms()) else { return };
        let mut see = |row| {
            if let Some(segment) = self.segment(row) {
                show(row, segment);
            }
        };
        match wanted.items() {
            None => range.for_each(see),
            Some(items) => {
                for found in items.iter().filter_map(|item| self.of_item(*item, &range)) {
                    found.for_each(&mut see);
                }
            }
        }
    }
}

/// Clicks by device.
type ByDevice = [u64; 3];

/// So few rows for each kind that passes are looked at one by one.
const FEW_ROWS: usize = 24;

/// How the rows of one engine are counted.
struct Counting<'c> {
    engine: u32,
    cuts: &'c DayCuts<'c>,
    /// The question's day when every row counts, and on that day.
    whole: Option<usize>,
}

impl Counting<'_> {
    fn count(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) -> Option<()> {
        match evaluator.grouping() {
            Grouping::Terms { .. } => return self.count_terms(rows, wanted, evaluator),
            Grouping::Items { .. } | Grouping::Distinct => return self.count_items(rows, wanted, evaluator),
            _ => {}
        }
        let by_device = matches!(evaluator.grouping(), Grouping::Device);
        match (wanted.items(), wanted.terms()) {
            (Some(items), None) => {
                for item in items {
                    let Some(found) = rows.items.find(*item) else { continue };
                    let found = place(found.start)..place(found.end);
                    if let Some(day) = self.whole.filter(|_| !by_device) {
                        evaluator.add_at(self.at(day), found.len() as u64);
                    } else if let Some(popular) = rows.popular.find(*item) {
                        let popular = place(popular.start)..place(popular.end);
                        self.count_neighbours(rows, rows.popular_columns, popular, by_device, evaluator)?;
                    } else {
                        let found = rows.item_rows.slice(found)?;
                        self.count_scattered(rows, |show| found.for_each(show), evaluator);
                    }
                }
                Some(())
            }
            (None, Some(terms)) => {
                let Some(range) = rows.of_terms(Some(terms)) else { return Some(()) };
                self.count_neighbours(rows, rows.columns, range, by_device, evaluator)
            }
            _ => {
                self.count_scattered(rows, |show| rows.each_passing(wanted, |row, _| show(row)), evaluator);
                Some(())
            }
        }
    }

    /// The directory that says it all, where every row counts.
    fn directory(&self, wanted: &Wanted, grouping: Grouping) -> Option<Postings> {
        let all = self.whole.is_some() && wanted.terms().is_none() && wanted.items().is_none();
        match grouping {
            Grouping::Terms { .. } => Some(Postings::Terms),
            Grouping::Items { .. } | Grouping::Distinct => Some(Postings::Items),
            Grouping::Day | Grouping::DayAndEngine | Grouping::Engine | Grouping::Device => None,
        }
        .filter(|_| all)
    }

    fn at(&self, day: usize) -> Place {
        Place { day, engine: self.engine, ..Place::default() }
    }

    fn hand_over(&self, segment: usize, clicks: ByDevice, evaluator: &mut Evaluator<'_>) {
        let Some(segment) = self.cuts.segments.get(segment) else { return };
        for (device, clicks) in (0..).zip(clicks).filter(|(_, clicks)| *clicks > 0) {
            evaluator.add_at(Place { device, ..self.at(segment.day) }, clicks);
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

    /// Counts the rows of one number, which lie by kind and quarter: each kind that passes is a range, and each segment of
    /// the day a range of it. Where all kinds pass, counting quarters is faster.
    fn count_neighbours(
        &self,
        rows: &Rows<'_>,
        columns: Columns<'_>,
        range: Range<usize>,
        by_device: bool,
        evaluator: &mut Evaluator<'_>,
    ) -> Option<()> {
        if rows.all_pass && !by_device {
            let quarters = columns.quarters.get(range)?;
            for segment in self.cuts.segments {
                let clicks = if segment.is_whole() {
                    quarters.len()
                } else {
                    between(quarters, segment.from, segment.until)
                };
                evaluator.add_at(self.at(segment.day), clicks as u64);
            }
            return Some(());
        }
        let mut clicks: Vec<ByDevice> = vec![[0; 3]; self.cuts.segments.len()];
        if range.len() <= FEW_ROWS * rows.passing {
            for row in range {
                let kind = columns.kinds.get(row);
                let quarter = columns.quarters.get(row).copied().map(usize::from)?;
                let segment = rows.by_quarter.get(quarter)?.checked_sub(1).filter(|_| rows.passes(kind));
                if let Some(clicks) = segment.and_then(|segment| clicks.get_mut(place(segment)))
                    && let Some(cell) = clicks.get_mut(usize::from(rows.device(kind)))
                {
                    *cell += 1;
                }
            }
        } else {
            let mut from = range.start;
            for kind in (0..rows.passes.len()).filter(|kind| rows.passes(*kind)) {
                from = columns.kinds.first_not_below(from..range.end, kind);
                let until = columns.kinds.first_not_below(from..range.end, kind + 1);
                let quarters = columns.quarters.get(from..until)?;
                for (segment, clicks) in self.cuts.segments.iter().zip(&mut clicks) {
                    let before = |bound: u8| quarters.partition_point(|quarter| *quarter < bound);
                    let here = if segment.is_whole() {
                        quarters.len()
                    } else {
                        before(segment.until) - before(segment.from)
                    };
                    if let Some(cell) = clicks.get_mut(usize::from(rows.device(kind))) {
                        *cell += here as u64;
                    }
                }
                from = until;
            }
        }
        for (segment, clicks) in clicks.into_iter().enumerate() {
            self.hand_over(segment, clicks, evaluator);
        }
        Some(())
    }

    fn count_terms(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) -> Option<()> {
        let found = wanted.items().map(|_| {
            let mut found = Vec::new();
            rows.each_passing(wanted, |row, _| found.push(row));
            found.sort_unstable();
            found
        });
        let mut count = |terms: u32, range: Range<u32>| {
            let range = place(range.start)..place(range.end);
            let clicks = match &found {
                Some(found) => {
                    let before = |bound: usize| found.partition_point(|row| *row < bound);
                    before(range.end) - before(range.start)
                }
                None if self.whole.is_some() => range.len(),
                None => range.filter(|row| rows.segment(*row).is_some()).count(),
            };
            evaluator.add_number(terms, clicks as u64);
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

    fn count_items(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) -> Option<()> {
        let Some(range) = rows.of_terms(wanted.terms()) else { return Some(()) };
        let all = self.whole.is_some() && wanted.terms().is_none();
        let mut count = |item: u32, found: Range<u32>| {
            let clicks = if all {
                found.len() as u64
            } else {
                let found = rows.item_rows.slice(place(found.start)..place(found.end));
                let mut clicks = 0;
                if let Some(found) = found {
                    found.for_each(|row| {
                        clicks += u64::from(range.contains(&row) && rows.segment(row).is_some());
                    });
                }
                clicks
            };
            evaluator.add_number(item, clicks);
        };
        match wanted.items() {
            None => rows.items.for_each(count),
            Some(items) => {
                for item in items {
                    if let Some(found) = rows.items.find(*item) {
                        count(*item, found);
                    }
                }
                Some(())
            }
        }
    }

    fn tell_visitors_apart(
        &self,
        rows: &Rows<'_>,
        entry: &EngineEntry,
        users: &Arc<Vec<u8>>,
        wanted: &Wanted,
        evaluator: &mut Evaluator<'_>,
    ) -> Option<()> {
        let bytes = users.get(entry.users.clone())?;
        let clicks = if self.whole.is_some() && wanted.terms().is_none() && wanted.items().is_none() {
            None
        } else {
            let user_of_row = users_of_rows(bytes, entry.marks, rows.columns.quarters.len())?;
            let mut clicks = vec![0_u32; entry.marks];
            rows.each_passing(wanted, |row, _| {
                let mark = user_of_row.get(row).checked_sub(1);
                if let Some(cell) = mark.and_then(|mark| clicks.get_mut(mark)) {
                    *cell += 1;
                }
            });
            Some(clicks)
        };
        evaluator.visitors_mut().add_part(users, entry.users.start, entry.marks, clicks);
        Some(())
    }
}

/// How many quarters lie in `from..until`. Without a branch, so that the compiler can take many at once.
fn between(quarters: &[u8], from: u8, until: u8) -> usize {
    // Sums of so few bytes fit in one.
    const BYTES_MAX: usize = 255;
    let length = until.saturating_sub(from);
    let here = |quarter: &u8| u8::from(quarter.wrapping_sub(from) < length);
    quarters.chunks(BYTES_MAX).map(|bytes| usize::from(bytes.iter().map(here).sum::<u8>())).sum()
}
