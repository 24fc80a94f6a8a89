//! Scans: the clicks themselves, oldest first. A scan holds what was kept when it began; names are looked up a page at a
//! time, so that a long scan never holds up recording. It must never know who reads it.

use std::iter::Peekable;
use std::sync::Arc;

use clicks::{Click, ClickFilter, Measure, StoreError};

use crate::kept::{Kept, Shared, read};
use crate::recent::corrections::{LearnedRows, Origin};
use crate::recent::day::{Block, RowPlace};
use crate::recent::{DayBlocks, Recent};
use crate::sealed::date::date_of;
use crate::sealed::part::Part;
use crate::wanted::{Passing, Wanted};

/// How many clicks are read while the lock is held: well under a millisecond.
const PAGE_CLICKS_MAX: usize = 512;

type Clicks = Box<dyn Iterator<Item = Result<Click, StoreError>> + Send>;

/// What is asked for, and what the clicks have learned since they were kept.
struct Asked {
    kept: Arc<Shared>,
    filter: ClickFilter,
    wanted: Wanted,
    from_ms: i64,
    until_ms: i64,
    /// Of what is active, then of what is frozen.
    learned: Vec<Arc<LearnedRows>>,
}

impl Asked {
    /// Gives a click what it has learned; whether it has learned anything.
    fn teach(&self, origin: Origin, click: &mut Click) -> bool {
        let learned = self.learned.iter().find_map(|rows| rows.get(&origin));
        learned.inspect(|learned| learned.apply(click)).is_some()
    }

    fn has_learned(&self, origin: Origin) -> bool {
        self.learned.iter().any(|rows| rows.contains_key(&origin))
    }

    fn passes(&self, click: &Click) -> bool {
        (self.from_ms..self.until_ms).contains(&click.at_ms) && self.filter.passes(click)
    }
}

/// One UTC day, as it was when the scan began.
#[derive(Default)]
struct Day {
    parts: Vec<Arc<Part>>,
    damaged: Option<String>,
    frozen: Vec<(u32, Block)>,
    active: Vec<(u32, Block)>,
}

/// The clicks of a period that pass a filter.
pub struct Scan {
    asked: Arc<Asked>,
    /// Days that are not begun.
    days: std::collections::btree_map::IntoIter<i32, Day>,
    /// The places of the day that is being read, in the order of recording.
    places: Vec<Peekable<Clicks>>,
    freezing: u64,
}

impl Scan {
    /// A scan of what is kept.
    pub fn new(shared: &Arc<Shared>, kept: &Kept, filter: &ClickFilter, from_ms: i64, until_ms: i64) -> Self {
        let wanted = Wanted::new(Measure::Clicks, filter, &kept.names);
        let frozen = kept.frozen.as_ref().map(|frozen| &frozen.recent);
        let recents = [Some(&kept.active), frozen].into_iter().flatten();
        let learned: Vec<_> = recents.map(|recent| recent.corrections().learned()).collect();
        let mut days = std::collections::BTreeMap::<i32, Day>::new();
        let blocks =
            |recent: Option<&Recent>| recent.map_or_else(Vec::new, |recent| recent.blocks(from_ms, until_ms));
        // A click may have learned what the filter asks for, though no row that is sealed has it.
        if !filter.engines.is_empty() && from_ms < until_ms {
            for DayBlocks { day, blocks } in blocks(frozen) {
                days.entry(day).or_default().frozen = blocks;
            }
            for DayBlocks { day, blocks } in blocks(Some(&kept.active)) {
                days.entry(day).or_default().active = blocks;
            }
            let first = crate::recent::day::day_of(from_ms);
            let last = crate::recent::day::day_of(until_ms - 1);
            // Counts of a removed day are no clicks, whatever is wrong with them.
            let sealed = kept.sealed.days.range(first..=last);
            for (number, parts) in sealed.filter(|(day, _)| **day >= kept.sealed.kept_from) {
                let day = days.entry(*number).or_default();
                day.parts.clone_from(&parts.clicks);
                day.damaged.clone_from(&parts.damaged);
            }
        }
        let asked =
            Asked { kept: Arc::clone(shared), filter: filter.clone(), wanted, from_ms, until_ms, learned };
        let freezing = kept.frozen.as_ref().map_or(0, |frozen| frozen.freezing);
        Self { asked: Arc::new(asked), days: days.into_iter(), places: Vec::new(), freezing }
    }

    fn begin_day(&mut self, number: i32, day: Day) -> Result<(), StoreError> {
        if let Some(reason) = day.damaged {
            return Err(StoreError::DamagedDay { day: date_of(number), reason });
        }
        for part in day.parts {
            self.places.push(self.sealed(part)?.peekable());
        }
        for (blocks, frozen) in [(day.frozen, Some(self.freezing)), (day.active, None)] {
            if !blocks.is_empty() {
                let clicks: Clicks = Box::new(InMemory::new(&self.asked, number, blocks, frozen));
                self.places.push(clicks.peekable());
            }
        }
        Ok(())
    }

    fn sealed(&self, part: Arc<Part>) -> Result<Clicks, StoreError> {
        let asked = Arc::clone(&self.asked);
        let reader = part.files().clicks()?;
        let range = reader.rows_between(asked.from_ms, asked.until_ms);
        let number = part.info().number;
        let rows = range.clone().zip(reader.rows(range)).filter_map(move |(row, click)| {
            let mut click = match click {
                Ok(click) => click,
                Err(error) => return Some(Err(part.files().damage(error))),
            };
            let row = u32::try_from(row).unwrap_or(u32::MAX);
            asked.teach(Origin::Sealed { part: number, row }, &mut click);
            asked.passes(&click).then_some(Ok(click))
        });
        Ok(Box::new(rows))
    }
}

impl Iterator for Scan {
    type Item = Result<Click, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (mut first, mut first_ms) = (None, None);
            for (place, clicks) in self.places.iter_mut().enumerate() {
                match clicks.peek() {
                    None => {}
                    Some(Err(_)) => return clicks.next(),
                    Some(Ok(click)) if first_ms.is_none_or(|first_ms| click.at_ms < first_ms) => {
                        (first, first_ms) = (Some(place), Some(click.at_ms));
                    }
                    Some(Ok(_)) => {}
                }
            }
            if let Some(place) = first {
                return self.places.get_mut(place)?.next();
            }
            self.places.clear();
            let (number, day) = self.days.next()?;
            if let Err(error) = self.begin_day(number, day) {
                return Some(Err(error));
            }
        }
    }
}

/// A click's instant, its block's place in a list, and its row. The order of these is the order of a scan.
type Found = (i64, usize, u32);

/// The clicks of a day that are in memory.
struct InMemory {
    asked: Arc<Asked>,
    day: i32,
    blocks: Vec<(u32, Block)>,
    /// Which freezing they are of, if they are being sealed.
    frozen: Option<u64>,
    found: std::vec::IntoIter<Found>,
    page: std::vec::IntoIter<Result<Click, StoreError>>,
}

impl InMemory {
    fn new(asked: &Arc<Asked>, day: i32, blocks: Vec<(u32, Block)>, frozen: Option<u64>) -> Self {
        let (mut found, mut mask) = (Vec::new(), Vec::new());
        for (place, (number, block)) in blocks.iter().enumerate() {
            let columns = block.counted.columns();
            let passing = asked.wanted.select(&columns, &mut mask);
            for (row, at_ms) in (0_u32..).zip(columns.at_ms) {
                let passes = match passing {
                    Passing::All => true,
                    Passing::None => false,
                    Passing::Some => mask.get(found_row(row)).is_some_and(|passes| *passes == 1),
                };
                let row_place = RowPlace { day, block: *number, row };
                let learned = frozen
                    .is_some_and(|freezing| asked.has_learned(Origin::Frozen { freezing, row: row_place }));
                if (passes || learned) && (asked.from_ms..asked.until_ms).contains(at_ms) {
                    found.push((*at_ms, place, row));
                }
            }
        }
        found.sort_unstable();
        Self {
            asked: Arc::clone(asked),
            day,
            blocks,
            frozen,
            found: found.into_iter(),
            page: Vec::new().into_iter(),
        }
    }

    fn read_page(&mut self) {
        let kept = read(&self.asked.kept);
        let read = |(_, place, row): Found| {
            let gone = || StoreError::Damaged("a block is gone".into());
            let (number, block) = self.blocks.get(place).ok_or_else(gone)?;
            let click = kept.names.click(&block.counted, &block.rest, row);
            let mut click = click.map_err(|error| StoreError::Damaged(error.to_string()))?;
            let row = RowPlace { day: self.day, block: *number, row };
            let learned = self
                .frozen
                .is_some_and(|freezing| self.asked.teach(Origin::Frozen { freezing, row }, &mut click));
            Ok((!learned || self.asked.passes(&click)).then_some(click))
        };
        let page = self.found.by_ref().take(PAGE_CLICKS_MAX).map(read);
        self.page = page.filter_map(Result::transpose).collect::<Vec<_>>().into_iter();
    }
}

fn found_row(row: u32) -> usize {
    crate::index::directory::place(row)
}

impl Iterator for InMemory {
    type Item = Result<Click, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(click) = self.page.next() {
                return Some(click);
            }
            if self.found.len() == 0 {
                return None;
            }
            self.read_page();
        }
    }
}
