//! Counters: clicks by quarter of an hour, engine, index, device and product type, for all sealed days. What no filter
//! by item or terms asks for is a few subtractions here, whatever the number of clicks. It must never know an item.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

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
struct PartQuarters {
    part: u32,
    /// The columns' kinds, as places in the engine's list.
    kinds: Vec<u32>,
    /// Their clicks in all.
    clicks: Vec<u64>,
    slab: Slab,
}

impl PartQuarters {
    /// Tells how many clicks lie before a quarter: of each kind, by its place, and of [`ALL_KINDS`].
    fn before(&self, quarter: u8, tell: &mut impl FnMut(usize, u64)) {
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
const ALL_KINDS: usize = usize::MAX;
/// In how many places the days of one engine are kept split. Zones of one account are few.
const SPLITS_MAX: usize = 8;

/// Which kinds are counted.
#[derive(Debug, Clone, Copy)]
pub enum Kinds<'k> {
    /// Each of them.
    All,
    /// Those at these places.
    Some(&'k [usize]),
}

/// Clicks before one quarter of each day.
#[derive(Debug)]
struct Split {
    by_kind: Vec<Vec<u64>>,
    all: Vec<u64>,
}

/// Days as they were split before. Other days have other splits: a copy begins with none.
#[derive(Debug, Default)]
struct Splits(Mutex<Vec<(u8, Arc<Split>)>>);

impl Clone for Splits {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Adds a column, whose first cell is of `column_first`, to the cells of days from `first` on.
fn add_days(column: &[u64], column_first: i32, first: i32, out: &mut [u64]) {
    let shift = i64::from(column_first) - i64::from(first);
    let skip = |cells: i64| usize::try_from(cells).unwrap_or(0);
    let column = column.get(skip(-shift)..).unwrap_or_default();
    let out = out.get_mut(skip(shift)..).unwrap_or_default();
    for (cell, clicks) in out.iter_mut().zip(column) {
        *cell += clicks;
    }
}

/// The counters of one engine.
#[derive(Debug, Clone, Default)]
pub struct EngineCounters {
    kinds: Vec<Kind>,
    /// The first day that has a counter.
    first_day: i32,
    /// By kind, by day: clicks.
    daily: Vec<Vec<u64>>,
    /// By day: clicks of all kinds.
    all: Vec<u64>,
    /// By day: its parts.
    parts: Vec<Vec<Arc<PartQuarters>>>,
    splits: Splits,
}

impl EngineCounters {
    /// The kinds, by their places.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Adds to `out`, which has a cell for each UTC day from `first` on, the clicks of these kinds that lie before a
    /// quarter of their day: all of them when it is [`QUARTERS`].
    pub fn add_before(&self, quarter: u8, kinds: Kinds<'_>, first: i32, out: &mut [u64]) {
        if quarter >= QUARTERS {
            return self.add_columns(&self.daily, &self.all, kinds, first, out);
        }
        if quarter > 0 {
            let split = self.split(quarter);
            self.add_columns(&split.by_kind, &split.all, kinds, first, out);
        }
    }

    /// How many clicks of these kinds lie before a quarter of one UTC day.
    pub fn before(&self, day: i32, quarter: u8, kinds: Kinds<'_>) -> u64 {
        let Ok(day) = usize::try_from(i64::from(day) - i64::from(self.first_day)) else { return 0 };
        let cell = |column: &Vec<u64>| column.get(day).copied().unwrap_or_default();
        match kinds {
            Kinds::All if quarter >= QUARTERS => return cell(&self.all),
            Kinds::Some(kinds) if quarter >= QUARTERS => {
                return kinds.iter().filter_map(|kind| self.daily.get(*kind)).map(cell).sum();
            }
            _ => {}
        }
        let mut clicks = 0;
        for part in self.parts.get(day).into_iter().flatten() {
            part.before(quarter, &mut |kind, found| {
                let counts = match kinds {
                    Kinds::All => kind == ALL_KINDS,
                    Kinds::Some(kinds) => kinds.contains(&kind),
                };
                clicks += if counts { found } else { 0 };
            });
        }
        clicks
    }

    fn add_columns(&self, by_kind: &[Vec<u64>], all: &[u64], kinds: Kinds<'_>, first: i32, out: &mut [u64]) {
        match kinds {
            Kinds::All => add_days(all, self.first_day, first, out),
            Kinds::Some(kinds) => {
                for column in kinds.iter().filter_map(|kind| by_kind.get(*kind)) {
                    add_days(column, self.first_day, first, out);
                }
            }
        }
    }

    /// Clicks before a quarter of every day: made when it is first asked for, since a site asks in one or two zones.
    fn split(&self, quarter: u8) -> Arc<Split> {
        let mut splits = self.splits.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, split)) = splits.iter().find(|(known, _)| *known == quarter) {
            return Arc::clone(split);
        }
        let none = || vec![0; self.all.len()];
        let mut split = Split { by_kind: self.kinds.iter().map(|_| none()).collect(), all: none() };
        for (day, part) in
            self.parts.iter().enumerate().flat_map(|(day, parts)| parts.iter().map(move |part| (day, part)))
        {
            part.before(quarter, &mut |kind, clicks| {
                let column =
                    if kind == ALL_KINDS { Some(&mut split.all) } else { split.by_kind.get_mut(kind) };
                if let Some(cell) = column.and_then(|column| column.get_mut(day)) {
                    *cell += clicks;
                }
            });
        }
        let split = Arc::new(split);
        if splits.len() >= SPLITS_MAX {
            splits.remove(0);
        }
        splits.push((quarter, Arc::clone(&split)));
        split
    }

    fn has(&self, day: i32, part: u32) -> bool {
        let day = usize::try_from(i64::from(day) - i64::from(self.first_day));
        let parts = day.ok().and_then(|day| self.parts.get(day));
        parts.is_some_and(|parts| parts.iter().any(|kept| kept.part == part))
    }

    fn kind_place(&mut self, kind: Kind) -> usize {
        if let Some(place) = self.kinds.iter().position(|known| *known == kind) {
            return place;
        }
        self.kinds.push(kind);
        self.daily.push(vec![0; self.all.len()]);
        self.kinds.len() - 1
    }

    /// The place of a day, for which there is room afterwards.
    fn day_place(&mut self, day: i32) -> usize {
        if self.all.is_empty() {
            self.first_day = day;
        }
        let missing = usize::try_from(i64::from(self.first_day) - i64::from(day)).unwrap_or(0);
        if missing > 0 {
            for column in self.daily.iter_mut().chain([&mut self.all]) {
                column.splice(0..0, std::iter::repeat_n(0, missing));
            }
            self.parts.splice(0..0, std::iter::repeat_with(Vec::new).take(missing));
            self.first_day = day;
        }
        let place = usize::try_from(i64::from(day) - i64::from(self.first_day)).unwrap_or(0);
        let days = self.all.len().max(place + 1);
        for column in self.daily.iter_mut().chain([&mut self.all]) {
            column.resize(days, 0);
        }
        self.parts.resize_with(days, Vec::new);
        place
    }

    fn insert(&mut self, day: i32, part: u32, quarters: &EngineQuarters) {
        let day = self.day_place(day);
        let mut kinds = Vec::with_capacity(quarters.kinds.len());
        let mut clicks_of = Vec::with_capacity(quarters.kinds.len());
        for (kind, by_quarter) in &quarters.kinds {
            let clicks: u64 = by_quarter.iter().map(|(_, clicks)| u64::from(*clicks)).sum();
            let place = self.kind_place(*kind);
            // So many kinds take more memory than any machine has, long before their numbers run out.
            kinds.push(u32::try_from(place).unwrap_or(u32::MAX));
            clicks_of.push(clicks);
            if let Some(daily) = self.daily.get_mut(place).and_then(|daily| daily.get_mut(day)) {
                *daily += clicks;
            }
            if let Some(all) = self.all.get_mut(day) {
                *all += clicks;
            }
        }
        let slab = slab(quarters);
        if let Some(parts) = self.parts.get_mut(day) {
            parts.push(Arc::new(PartQuarters { part, kinds, clicks: clicks_of, slab }));
        }
    }

    fn remove(&mut self, day: i32, part: u32) {
        let Ok(day) = usize::try_from(i64::from(day) - i64::from(self.first_day)) else { return };
        let Some(parts) = self.parts.get_mut(day) else { return };
        let Some(at) = parts.iter().position(|kept| kept.part == part) else { return };
        let gone = parts.remove(at);
        for (kind, clicks) in gone.kinds.iter().zip(&gone.clicks) {
            for column in [self.daily.get_mut(place(*kind)), Some(&mut self.all)].into_iter().flatten() {
                if let Some(cell) = column.get_mut(day) {
                    *cell = cell.wrapping_sub(*clicks);
                }
            }
        }
    }

    fn memory_bytes(&self) -> usize {
        let slab = |part: &Arc<PartQuarters>| {
            part.kinds.capacity() * (size_of::<u32>() + size_of::<u64>())
                + match &part.slab {
                    Slab::Narrow(cells) => cells.capacity() * size_of::<u16>(),
                    Slab::Wide(cells) => cells.capacity() * size_of::<u32>(),
                    Slab::List(quarters, columns) => {
                        quarters.capacity() + columns.capacity() * size_of::<u16>()
                    }
                }
                + size_of::<PartQuarters>()
        };
        let parts = self.parts.iter().flatten().map(slab).sum::<usize>();
        let days = (self.kinds.len() + 1) * self.all.capacity() * size_of::<u64>();
        let splits = self.splits.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        parts + days * (1 + splits) + self.parts.capacity() * size_of::<Vec<Arc<PartQuarters>>>()
    }
}

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

/// The counters of all engines, by the engine's number. A clone is a view that stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    engines: HashMap<u32, Arc<EngineCounters>>,
}

/// What the index of one part counted, by engine.
pub type Quarters = BTreeMap<u32, EngineQuarters>;

impl Counters {
    /// The counters of an engine.
    pub fn engine(&self, engine: u32) -> Option<&EngineCounters> {
        self.engines.get(&engine).map(Arc::as_ref)
    }

    /// Adds a part of a day.
    pub fn insert(&mut self, day: i32, part: u32, quarters: &Quarters) {
        for (engine, quarters) in quarters {
            Arc::make_mut(self.engines.entry(*engine).or_default()).insert(day, part, quarters);
        }
    }

    /// Takes a part away.
    pub fn remove(&mut self, day: i32, part: u32) {
        for counters in self.engines.values_mut() {
            if counters.has(day, part) {
                Arc::make_mut(counters).remove(day, part);
            }
        }
    }

    /// About how many bytes they take.
    pub fn memory_bytes(&self) -> usize {
        self.engines.values().map(|engine| engine.memory_bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use clicks::conformance::Dice;
    use clicks::{LocalDays, Period, Zone};

    use super::*;
    use crate::index::cuts::{Cuts, quarter_of};
    use crate::recent::day::{DAY_MS, day_of};

    struct Seen {
        at_ms: i64,
        engine: u32,
        kind: Kind,
        part: u32,
    }

    fn quarters_of<'s>(clicks: impl Iterator<Item = &'s Seen>) -> Quarters {
        let mut counts: BTreeMap<u32, BTreeMap<Kind, BTreeMap<u8, u32>>> = BTreeMap::new();
        for click in clicks {
            let kinds = counts.entry(click.engine).or_default().entry(click.kind).or_default();
            *kinds.entry(quarter_of(click.at_ms)).or_default() += 1;
        }
        let engine = |kinds: BTreeMap<Kind, BTreeMap<u8, u32>>| EngineQuarters {
            kinds: kinds.into_iter().map(|(kind, clicks)| (kind, clicks.into_iter().collect())).collect(),
        };
        counts.into_iter().map(|(number, kinds)| (number, engine(kinds))).collect()
    }

    #[test]
    fn counts_are_those_of_the_clicks_one_by_one() {
        let mut dice = Dice::new(3);
        for round in 0..60 {
            let first = day_of(1_711_756_800_000);
            let mut clicks = Vec::new();
            let kinds = 1 + dice.below(12);
            for _ in 0..dice.below(6_000) {
                let day = i64::from(first) + dice.below(6) as i64;
                let kind = u8::try_from(dice.below(kinds)).unwrap();
                clicks.push(Seen {
                    at_ms: day * DAY_MS + dice.below(86_400_000) as i64,
                    engine: u32::from(dice.once_in(5)),
                    kind: Kind { index: u32::from(kind % 3), device: kind % 2, product: kind / 2 },
                    part: u32::try_from(dice.below(2)).unwrap(),
                });
            }
            let mut counters = Counters::default();
            let mut days: Vec<i32> = (first..first + 6).collect();
            days.sort_by_key(|_| dice.throw());
            let part_of = |day: i32, part: u32| {
                quarters_of(
                    clicks.iter().filter(move |click| day_of(click.at_ms) == day && click.part == part),
                )
            };
            for day in &days {
                for part in [0, 1] {
                    counters.insert(*day, part, &part_of(*day, part));
                }
            }
            // One part is taken away again.
            counters.remove(days[0], 1);
            let kept: Vec<&Seen> =
                clicks.iter().filter(|click| click.part == 0 || day_of(click.at_ms) != days[0]).collect();
            let zone = ["Z", "Europe/Madrid", "+05:45", "America/St_Johns"][round % 4];
            let period = Period { from: "20240330".parse().unwrap(), to: "20240404".parse().unwrap() };
            let local = LocalDays::of(&period, &Zone::parse(zone).unwrap()).unwrap();
            for filtered in [false, true] {
                let cuts = Cuts::new(&local, first - 1, first + 7);
                let mut found = vec![0_u64; local.days().len()];
                for engine in [0, 1].into_iter().filter_map(|engine| counters.engine(engine)) {
                    let mobile = |place: &usize| engine.kinds()[*place].device == 1;
                    let wanted: Vec<usize> = (0..engine.kinds().len()).filter(mobile).collect();
                    let kinds = if filtered { Kinds::Some(&wanted) } else { Kinds::All };
                    let first_cell = first - 1;
                    let mut bounds: BTreeMap<u8, Vec<u64>> = BTreeMap::new();
                    for quarter in 0..=QUARTERS {
                        let mut cells = vec![0; 9];
                        engine.add_before(quarter, kinds, first_cell, &mut cells);
                        for (day, cell) in (first_cell..).zip(&cells) {
                            assert_eq!(engine.before(day, quarter, kinds), *cell, "{day} {quarter}");
                        }
                        bounds.insert(quarter, cells);
                    }
                    for day in cuts.days() {
                        assert_eq!(day.cut, []);
                        let at = usize::try_from(day.day - first_cell).unwrap();
                        for segment in day.segments {
                            found[segment.day] += bounds[&segment.until][at] - bounds[&segment.from][at];
                        }
                    }
                }
                let mut due = vec![0_u64; local.days().len()];
                for click in kept.iter().filter(|click| !filtered || click.kind.device == 1) {
                    if let Some(day) = local.day_of(click.at_ms) {
                        due[day] += 1;
                    }
                }
                assert_eq!(found, due, "round {round} in {zone}, filtered {filtered}");
            }
        }
    }
}
