//! Postings: the clicks of one part of a day, by terms and by item. A question that names either reads what matches and
//! no more. It must never know where its bytes come from.

use std::ops::Range;
use std::sync::Arc;

use clicks::{Grouping, Measure};

use crate::evaluate::{Evaluator, Place};
use crate::index::build::Postings;
use crate::index::cuts::DayCuts;
use crate::index::directories::Directories;
use crate::index::directory::place;
use crate::index::head::{EngineEntry, Head};
use crate::index::part_quarters::Kind;
use crate::index::rows::{Rows, Runs};
use crate::index::users::{Visitors, users_of_rows};
use crate::names::UNTOLD;
use crate::wanted::Wanted;

/// What is read of a part's index for a question.
pub struct PartBytes<'p> {
    pub head: &'p Head,
    pub postings: Arc<Vec<u8>>,
    /// Where visitors are told apart.
    pub users: Option<Arc<Vec<u8>>>,
    /// Where figures are asked for.
    pub figures: Option<Arc<Vec<u8>>>,
    /// Where results placed by hand are grouped by.
    pub customs: Option<Arc<Vec<u8>>>,
}

/// Counts a part's rows in whole quarters; where a directory says it all, it is kept to be added up with others. `None` when
/// the bytes can't be what was written.
pub fn count(
    part: &PartBytes<'_>,
    wanted: &Wanted,
    cuts: &DayCuts<'_>,
    directories: &mut Directories,
    evaluator: &mut Evaluator<'_>,
) -> Option<()> {
    let by_device = evaluator.grouping() == Grouping::Device;
    each_engine(part, wanted, cuts, |entry, rows, whole| {
        let counting = Counting { engine: entry.engine, cuts, whole, by_device };
        match counting.directory(rows, wanted, evaluator.grouping()) {
            Some(directory) => directories.keep(&part.postings, entry.parts[directory as usize].clone()),
            None => counting.count(rows, wanted, evaluator)?,
        }
        Some(())
    })
}

/// Adds a part's visitors who have clicks in whole quarters. `None` when the bytes can't be what was written.
pub fn tell_apart(
    part: &PartBytes<'_>,
    wanted: &Wanted,
    cuts: &DayCuts<'_>,
    visitors: &mut Visitors,
) -> Option<()> {
    let Some(users) = &part.users else { return Some(()) };
    each_engine(part, wanted, cuts, |entry, rows, whole| {
        if entry.marks == 0 {
            return Some(());
        }
        let clicks = if whole.is_some() && wanted.terms().is_none() && wanted.items().is_none() {
            None
        } else {
            let bytes = users.get(entry.users.clone())?;
            let user_of_row = users_of_rows(bytes, entry.marks, rows.quarters.len())?;
            let mut clicks = vec![0_u32; entry.marks];
            rows.each_passing(wanted, |row, _| {
                let mark = user_of_row.get(row).checked_sub(1);
                if let Some(cell) = mark.and_then(|mark| clicks.get_mut(mark)) {
                    *cell += 1;
                }
            });
            Some(clicks)
        };
        visitors.add_part(users, entry.users.start, entry.marks, clicks);
        Some(())
    })
}

/// Shows the rows of each engine that is wanted and has a kind that passes; with them, the question's day when every row
/// counts, and on that day.
pub fn each_engine(
    part: &PartBytes<'_>,
    wanted: &Wanted,
    cuts: &DayCuts<'_>,
    mut show: impl FnMut(&EngineEntry, &Rows<'_>, Option<usize>) -> Option<()>,
) -> Option<()> {
    let by_quarter = cuts.by_quarter();
    let whole = match cuts.segments {
        [segment] if segment.is_whole() => Some(segment.day),
        _ => None,
    };
    let figures = part.figures.as_ref().map(|figures| figures.as_slice());
    for (entry, kinds) in part.head.wanted(wanted)? {
        let passes: Vec<bool> = kinds.iter().map(|kind| wanted.passes_kind(*kind)).collect();
        if passes.contains(&true) {
            let rows = Rows::new(entry, &part.postings, figures, kinds, &by_quarter, (wanted, &passes))?;
            show(entry, &rows, whole.filter(|_| rows.all_pass))?;
        }
    }
    Some(())
}

/// Clicks by device.
type ByDevice = [u64; 3];

/// How the rows of one engine are counted.
struct Counting<'c> {
    engine: u32,
    cuts: &'c DayCuts<'c>,
    /// The question's day when every row counts, and on that day.
    whole: Option<usize>,
    by_device: bool,
}

impl Counting<'_> {
    fn count(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) -> Option<()> {
        match evaluator.grouping() {
            Grouping::Terms { .. } => return self.count_terms(rows, wanted, evaluator),
            Grouping::Items { .. } => return self.count_items(rows, wanted, evaluator).map(drop),
            Grouping::ItemRanks { .. } => return self.count_item_ranks(rows, wanted, evaluator),
            // These are no postings.
            Grouping::CustomResults { .. } | Grouping::ClickThrough => return Some(()),
            Grouping::Index | Grouping::ProductType => {
                self.count_kinds(rows, wanted, evaluator);
                return Some(());
            }
            Grouping::Rank => {
                self.count_ranks(rows, wanted, evaluator);
                return Some(());
            }
            Grouping::ItemsReport { .. } => return self.count_items_ranked(rows, wanted, evaluator),
            Grouping::TermsReport { .. } => {
                let all = self.whole.is_some();
                return each_terms(rows, wanted, all, |terms, row| {
                    evaluator.add_ranked(terms, rows.figure(row), 1);
                });
            }
            Grouping::Distinct => {
                let on_items = self.count_items(rows, wanted, evaluator)?;
                // Every click is on an item, and few searches are.
                if evaluator.measure() != Measure::Clicks {
                    let mut all = 0;
                    rows.each_passing(wanted, |_, _| all += 1);
                    evaluator.add_number(UNTOLD, all - on_items);
                }
                return Some(());
            }
            _ => {}
        }
        match (wanted.items(), wanted.terms()) {
            (Some(items), None) => items.iter().try_for_each(|item| self.count_item(rows, *item, evaluator)),
            (None, Some(terms)) => self.count_search(rows, (wanted, terms), evaluator),
            _ => self.count_both(rows, wanted, evaluator),
        }
    }

    fn count_item(&self, rows: &Rows<'_>, item: u32, evaluator: &mut Evaluator<'_>) -> Option<()> {
        let Some(found) = rows.items.find(item) else { return Some(()) };
        let found = place(found.start)..place(found.end);
        let popular = &rows.popular_runs;
        if let Some(day) = self.whole.filter(|_| !self.by_device) {
            evaluator.add_at(self.at(day), found.len() as u64);
        } else if let Some(runs) = popular.find(item) {
            let found = popular.rows(&runs);
            if rows.all_pass && !self.by_device {
                self.count_quarters(popular.quarters.get(found)?, evaluator);
            } else {
                let runs = popular.each(runs, found.start);
                self.count_runs(rows, popular, runs, |run| run.len(), evaluator)?;
            }
        } else {
            let found = rows.item_rows.slice(found)?;
            self.count_scattered(rows, |show| found.for_each(show), evaluator);
        }
        Some(())
    }

    fn count_search(
        &self,
        rows: &Rows<'_>,
        (wanted, terms): (&Wanted, u32),
        evaluator: &mut Evaluator<'_>,
    ) -> Option<()> {
        let Some(range) = rows.of_terms(Some(terms)) else { return Some(()) };
        if rows.all_pass && !self.by_device {
            self.count_quarters(rows.quarters.get(range)?, evaluator);
        } else if let Some(runs) = rows.terms_runs.find(terms).filter(|_| !wanted.asks_figures()) {
            let runs = rows.terms_runs.each(runs, range.start);
            self.count_runs(rows, &rows.terms_runs, runs, |run| run.len(), evaluator)?;
        } else {
            self.count_scattered(rows, |show| range.for_each(show), evaluator);
        }
        Some(())
    }

    /// Counts the rows of items that lie among those of a search.
    fn count_both(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) -> Option<()> {
        let terms = wanted.terms();
        let popular =
            terms.and_then(|terms| Some((rows.of_terms(Some(terms))?, rows.terms_runs.find(terms)?)));
        let Some((range, runs)) = popular else {
            self.count_scattered(rows, |show| rows.each_passing(wanted, |row, _| show(row)), evaluator);
            return Some(());
        };
        for found in wanted.items().into_iter().flatten().filter_map(|item| rows.of_item(*item, &range)) {
            let runs = rows.terms_runs.each(runs.clone(), range.start);
            let here = |run: Range<usize>| found.within(&run).map_or(0, |found| found.len());
            self.count_runs(rows, &rows.terms_runs, runs, here, evaluator)?;
        }
        Some(())
    }

    /// The directory that says it all, where every row counts.
    fn directory(&self, rows: &Rows<'_>, wanted: &Wanted, grouping: Grouping) -> Option<Postings> {
        let all = self.whole.is_some() && wanted.terms().is_none() && wanted.items().is_none();
        match grouping {
            Grouping::Terms { .. } => Some(Postings::Terms),
            Grouping::Items { .. } => Some(Postings::Items),
            Grouping::Distinct if rows.item_rows.len() == rows.quarters.len() => Some(Postings::Items),
            _ => None,
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
            let Some(clicks) = rows.segment(row).and_then(|segment| clicks.get_mut(segment)) else { return };
            // Most questions save this look.
            let device = if self.by_device { rows.device(rows.kind(row)) } else { 0 };
            if let Some(cell) = clicks.get_mut(usize::from(device)) {
                *cell += 1;
            }
        });
        for (segment, clicks) in clicks.into_iter().enumerate() {
            self.hand_over(segment, clicks, evaluator);
        }
    }

    /// Counts rows that are neighbours, all of which pass.
    fn count_quarters(&self, quarters: &[u8], evaluator: &mut Evaluator<'_>) {
        for segment in self.cuts.segments {
            let clicks = if segment.is_whole() {
                quarters.len()
            } else {
                between(quarters, segment.from, segment.until)
            };
            evaluator.add_at(self.at(segment.day), clicks as u64);
        }
    }

    /// Counts rows by the runs of their number: each that passes lies by quarter, so that a segment of the day is a range of
    /// it. `clicks` says how many of a range count. Where all kinds pass, counting quarters is faster.
    fn count_runs(
        &self,
        rows: &Rows<'_>,
        of: &Runs<'_>,
        runs: impl Iterator<Item = (usize, Range<usize>)>,
        clicks: impl Fn(Range<usize>) -> usize,
        evaluator: &mut Evaluator<'_>,
    ) -> Option<()> {
        let mut sums: Vec<ByDevice> = vec![[0; 3]; self.cuts.segments.len()];
        for (kind, run) in runs.filter(|(kind, _)| rows.passes(*kind)) {
            let quarters = of.quarters.get(run.clone())?;
            let device = usize::from(rows.device(kind));
            let (mut bound, mut at) = (0, run.start);
            for (segment, sums) in self.cuts.segments.iter().zip(&mut sums) {
                let mut before = |quarter: u8| {
                    if quarter != bound {
                        let rest = quarters.get(at - run.start..).unwrap_or_default();
                        (bound, at) = (quarter, at + rest.partition_point(|here| *here < quarter));
                    }
                    at
                };
                let here = match segment.is_whole() {
                    true => run.clone(),
                    false => before(segment.from)..before(segment.until),
                };
                if let Some(cell) = sums.get_mut(device) {
                    *cell += clicks(here) as u64;
                }
            }
        }
        for (segment, clicks) in sums.into_iter().enumerate() {
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
        // Terms follow each other as their rows do.
        let mut next = 0;
        let mut count = |terms: u32, range: Range<u32>| {
            let range = place(range.start)..place(range.end);
            let clicks = match &found {
                Some(found) => {
                    let mut pass = |bound: usize| {
                        while found.get(next).is_some_and(|row| *row < bound) {
                            next += 1;
                        }
                        next
                    };
                    let before = pass(range.start);
                    pass(range.end) - before
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

    fn count_item_ranks(
        &self,
        rows: &Rows<'_>,
        wanted: &Wanted,
        evaluator: &mut Evaluator<'_>,
    ) -> Option<()> {
        let Some(range) = rows.of_terms(wanted.terms()) else { return Some(()) };
        let all = self.whole.is_some() && wanted.terms().is_none();
        let pairs = evaluator.pairs_mut();
        let mut count = |item: u32, found: Range<u32>| {
            let found = rows.item_rows.slice(place(found.start)..place(found.end));
            if let Some(found) = found {
                found.for_each(|row| {
                    if all || (range.contains(&row) && rows.segment(row).is_some()) {
                        pairs.add_row(item, rows.figure(row));
                    }
                });
            }
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

    /// Counts rows by what their kinds tell.
    fn count_kinds(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) {
        let mut clicks = vec![0_u64; rows.kinds().len()];
        rows.each_passing(wanted, |row, _| {
            if let Some(clicks) = clicks.get_mut(rows.kind(row)) {
                *clicks += 1;
            }
        });
        for (kind, clicks) in rows.kinds().iter().zip(clicks).filter(|(_, clicks)| *clicks > 0) {
            let Kind { index, product, .. } = *kind;
            evaluator.add_at(Place { index, product, ..Place::default() }, clicks);
        }
    }

    fn count_ranks(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) {
        if evaluator.measure() != Measure::Clicks {
            let mut all = 0;
            rows.each_passing(wanted, |_, _| all += 1);
            return evaluator.ranks_mut().add(0, all);
        }
        let ranks = evaluator.ranks_mut();
        if self.whole.is_some() && wanted.terms().is_none() && wanted.items().is_none() {
            rows.each_figure(|figure| ranks.add_row(figure));
        } else {
            rows.each_passing(wanted, |row, _| ranks.add_row(rows.figure(row)));
        }
    }

    fn count_items_ranked(
        &self,
        rows: &Rows<'_>,
        wanted: &Wanted,
        evaluator: &mut Evaluator<'_>,
    ) -> Option<()> {
        let Some(range) = rows.of_terms(wanted.terms()) else { return Some(()) };
        let all = self.whole.is_some() && wanted.terms().is_none();
        let mut count = |item: u32, found: Range<u32>| {
            let found = rows.item_rows.slice(place(found.start)..place(found.end));
            if let Some(found) = found {
                found.for_each(|row| {
                    if all || (range.contains(&row) && rows.segment(row).is_some()) {
                        evaluator.add_ranked(item, rows.figure(row), 1);
                    }
                });
            }
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

    /// Returns how many rows it counted.
    fn count_items(&self, rows: &Rows<'_>, wanted: &Wanted, evaluator: &mut Evaluator<'_>) -> Option<u64> {
        let Some(range) = rows.of_terms(wanted.terms()) else { return Some(0) };
        let mut counted = 0;
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
            counted += clicks;
        };
        match wanted.items() {
            None => rows.items.for_each(count)?,
            Some(items) => {
                for item in items {
                    if let Some(found) = rows.items.find(*item) {
                        count(*item, found);
                    }
                }
            }
        }
        Some(counted)
    }
}

/// Shows every row that passes with its terms, which follow each other as rows do; `all` where no row of a whole part has to be
/// looked at. `None` when the bytes can't be what was written.
pub fn each_terms(
    rows: &Rows<'_>,
    wanted: &Wanted,
    all: bool,
    mut show: impl FnMut(u32, usize),
) -> Option<()> {
    if wanted.items().is_some() {
        let mut found = Vec::new();
        rows.each_passing(wanted, |row, _| found.push(row));
        found.sort_unstable();
        let mut found = found.into_iter().peekable();
        return rows.terms.for_each(|terms, range| {
            while let Some(row) = found.next_if(|row| *row < place(range.end)) {
                show(terms, row);
            }
        });
    }
    let mut see = |terms: u32, range: Range<u32>| {
        for row in place(range.start)..place(range.end) {
            if all || rows.segment(row).is_some() {
                show(terms, row);
            }
        }
    };
    match wanted.terms() {
        None => rows.terms.for_each(see),
        Some(terms) => {
            if let Some(range) = rows.terms.find(terms) {
                see(terms, range);
            }
            Some(())
        }
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
