//! Counters: clicks by quarter of an hour, engine, index, device and product type, for all sealed days. What no filter
//! by item or terms asks for is a few subtractions here, whatever the number of clicks. It must never know an item.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::index::cuts::QUARTERS;
use crate::index::directory::place;
use crate::index::part_quarters::{ALL_KINDS, EngineQuarters, Kind, PartQuarters};

/// In how many places the days of one span are kept split. Zones of one account are few.
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

/// Days as they were split before. A copy is made to be changed: it begins with none.
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

/// So many days are kept together. What is sealed changes the days beside it, and no others; a clock that was years ahead
/// costs what its days do, and nothing for the years between.
const SPAN_DAYS: i32 = 512;

/// The counters of one engine.
#[derive(Debug, Clone, Default)]
pub struct EngineCounters {
    kinds: Vec<Kind>,
    /// By day, divided by [`SPAN_DAYS`].
    spans: BTreeMap<i32, Arc<Span>>,
}

impl EngineCounters {
    /// The kinds, by their places.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Adds to `out`, which has a cell for each UTC day from `first` on, the clicks of these kinds that lie before a
    /// quarter of their day: all of them when it is [`QUARTERS`].
    pub fn add_before(&self, quarter: u8, kinds: Kinds<'_>, first: i32, out: &mut [u64]) {
        if quarter == 0 {
            return;
        }
        let last = i32::try_from(out.len()).map_or(i32::MAX, |days| first.saturating_add(days));
        let spans = first.div_euclid(SPAN_DAYS)..=last.div_euclid(SPAN_DAYS);
        self.spans.range(spans).for_each(|(_, span)| span.add_before(quarter, kinds, first, out));
    }

    /// How many clicks of these kinds lie before a quarter of one UTC day.
    pub fn before(&self, day: i32, quarter: u8, kinds: Kinds<'_>) -> u64 {
        self.span(day).map_or(0, |span| span.before(day, quarter, kinds))
    }

    fn span(&self, day: i32) -> Option<&Span> {
        self.spans.get(&day.div_euclid(SPAN_DAYS)).map(Arc::as_ref)
    }

    fn insert(&mut self, day: i32, part: u32, quarters: &EngineQuarters) {
        let part = PartQuarters::new(part, quarters, |kind| kind_place(&mut self.kinds, kind));
        Arc::make_mut(self.spans.entry(day.div_euclid(SPAN_DAYS)).or_default()).insert(day, part);
    }

    fn has(&self, day: i32, part: u32) -> bool {
        self.span(day).is_some_and(|span| span.parts_of(day).any(|kept| kept.part == part))
    }

    fn remove(&mut self, day: i32, part: u32) {
        if let Some(span) = self.spans.get_mut(&day.div_euclid(SPAN_DAYS)) {
            Arc::make_mut(span).remove(day, part);
        }
    }

    fn memory_bytes(&self) -> usize {
        self.spans.values().map(|span| span.memory_bytes()).sum()
    }
}

fn kind_place(kinds: &mut Vec<Kind>, kind: Kind) -> usize {
    kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
        kinds.push(kind);
        kinds.len() - 1
    })
}

/// The counters of one engine on some days.
#[derive(Debug, Clone, Default)]
struct Span {
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

impl Span {
    fn add_before(&self, quarter: u8, kinds: Kinds<'_>, first: i32, out: &mut [u64]) {
        if quarter >= QUARTERS {
            return self.add_columns(&self.daily, &self.all, kinds, first, out);
        }
        let split = self.split(quarter);
        self.add_columns(&split.by_kind, &split.all, kinds, first, out);
    }

    fn before(&self, day: i32, quarter: u8, kinds: Kinds<'_>) -> u64 {
        let at = self.place_of(day);
        let cell = |column: &Vec<u64>| column.get(at).copied().unwrap_or_default();
        match kinds {
            Kinds::All if quarter >= QUARTERS => return cell(&self.all),
            Kinds::Some(kinds) if quarter >= QUARTERS => {
                return kinds.iter().filter_map(|kind| self.daily.get(*kind)).map(cell).sum();
            }
            _ => {}
        }
        let mut clicks = 0;
        for part in self.parts_of(day) {
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

    /// Clicks before a quarter of each day: made when it is first asked for, since a site asks in one or two zones.
    fn split(&self, quarter: u8) -> Arc<Split> {
        let mut splits = self.splits.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, split)) = splits.iter().find(|(known, _)| *known == quarter) {
            return Arc::clone(split);
        }
        let none = || vec![0; self.all.len()];
        let mut split = Split { by_kind: self.daily.iter().map(|_| none()).collect(), all: none() };
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

    /// The place of a day; beyond the last where it has none.
    fn place_of(&self, day: i32) -> usize {
        usize::try_from(i64::from(day) - i64::from(self.first_day)).unwrap_or(usize::MAX)
    }

    fn parts_of(&self, day: i32) -> impl Iterator<Item = &Arc<PartQuarters>> {
        self.parts.get(self.place_of(day)).into_iter().flatten()
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

    fn insert(&mut self, day: i32, part: PartQuarters) {
        let day = self.day_place(day);
        let columns = part.kinds.iter().map(|kind| place(*kind) + 1).max().unwrap_or(0);
        if self.daily.len() < columns {
            self.daily.resize(columns, vec![0; self.all.len()]);
        }
        self.change(day, &part, u64::wrapping_add);
        if let Some(parts) = self.parts.get_mut(day) {
            parts.push(Arc::new(part));
        }
        self.splits = Splits::default();
    }

    fn remove(&mut self, day: i32, part: u32) {
        let day = self.place_of(day);
        let Some(parts) = self.parts.get_mut(day) else { return };
        let Some(at) = parts.iter().position(|kept| kept.part == part) else { return };
        let gone = parts.remove(at);
        self.change(day, &gone, u64::wrapping_sub);
        self.splits = Splits::default();
    }

    /// Adds a part's clicks to those of its day, or takes them away.
    fn change(&mut self, day: usize, part: &PartQuarters, change: fn(u64, u64) -> u64) {
        for (kind, clicks) in part.kinds.iter().zip(&part.clicks) {
            for column in [self.daily.get_mut(place(*kind)), Some(&mut self.all)].into_iter().flatten() {
                if let Some(cell) = column.get_mut(day) {
                    *cell = change(*cell, *clicks);
                }
            }
        }
    }

    fn memory_bytes(&self) -> usize {
        let parts = self.parts.iter().flatten().map(|part| part.memory_bytes()).sum::<usize>();
        let days = (self.daily.len() + 1) * self.all.capacity() * size_of::<u64>();
        let splits = self.splits.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        parts + days * (1 + splits) + self.parts.capacity() * size_of::<Vec<Arc<PartQuarters>>>()
    }
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
            // A change of clocks, and the border of two spans.
            let (from, to, first_ms) =
                [("20240330", "20240404", 1_711_756_800_000), ("20240831", "20240905", 1_725_062_400_000)]
                    [round / 4 % 2];
            let first = day_of(first_ms);
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
            let period = Period { from: from.parse().unwrap(), to: to.parse().unwrap() };
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

    #[test]
    fn a_click_of_a_clock_that_was_centuries_ahead_takes_the_memory_of_a_click() {
        let mut counters = Counters::default();
        let kind = Kind { index: 0, device: 1, product: 0 };
        let one = BTreeMap::from([(7, EngineQuarters { kinds: vec![(kind, vec![(5, 1)])] })]);
        let days = [19_812, 19_813, 165_909, i32::MAX];
        for (part, day) in (0..).zip(days) {
            counters.insert(day, part, &one);
        }
        let engine = counters.engine(7).unwrap();
        for day in days {
            assert_eq!([5, 6, QUARTERS].map(|quarter| engine.before(day, quarter, Kinds::All)), [0, 1, 1]);
        }
        assert_eq!(engine.before(19_814, QUARTERS, Kinds::All), 0);
        assert!(counters.memory_bytes() < 4_096, "{}", counters.memory_bytes());
    }
}
