//! Clicked searches: which of a question's searches a click of their account names, no more than a day away. What is sealed is joined
//! part by part, and what a part of searches has in common with parts of clicks is kept, since neither ever changes; so a
//! question joins only what came since the last one. It must never know how rows are laid out.

use std::collections::BTreeMap;
use std::sync::Arc;

use clicks::{CLICKED_WITHIN_MS, Click, Grouping, StoreError};

use crate::count::{SealedCount, quarters_of};
use crate::evaluate::{Evaluator, Place};
use crate::index::cuts::{Cuts, DayCuts};
use crate::index::postings::{PartBytes, each_engine, each_terms};
use crate::index::queries::{Bits, Queries, QueryEntry, join, query_entry};
use crate::index::users::Mark;
use crate::kept::read;
use crate::recent::day::{Counted, Row, day_of};
use crate::sealed::Sealed;
use crate::sealed::part::{Joined, Loads, Part};
use crate::wanted::Passing;

/// How many bytes a click takes that is not sealed and names a search, about,
pub const LOOSE_CLICK_BYTES: usize = 2 * size_of::<QueryEntry>();
/// and a search that is not.
pub const LOOSE_SEARCH_BYTES: usize = 2 * size_of::<LooseSearch>();

/// How many clicks are looked at while the lock is held.
const PAGE_CLICKS_MAX: usize = 512;

/// A search that is in no part that is joined as a whole, with where it counts: the question's day, and its terms.
type LooseSearch = (QueryEntry, u32, u32);

/// Such searches by UTC day.
type LooseSearches = BTreeMap<i32, Vec<LooseSearch>>;

/// What is joined.
pub struct Clicked<'a> {
    /// Counts the searches.
    pub count: &'a SealedCount<'a>,
    /// By number of an engine, whether it is of the question's account.
    pub of_account: Vec<bool>,
    /// How many bytes of clicks may be held from one day to the next.
    pub window_bytes: usize,
}

/// Clicks of some days, read from parts.
#[derive(Default)]
struct Window {
    parts: BTreeMap<(i32, u32), Arc<Vec<u8>>>,
    bytes: usize,
}

impl Window {
    fn read(&mut self, day: i32, part: &Part, clicked: &Clicked<'_>) -> Result<Arc<Vec<u8>>, StoreError> {
        let key = (day, part.info().number);
        let known = self.parts.get(&key).cloned().or_else(|| part.loaded(Loads::Queries).get());
        if let Some(bytes) = known {
            return Ok(bytes);
        }
        let bytes = match part.load(Loads::Queries) {
            Ok(bytes) => Arc::new(bytes),
            Err(_) => clicked.entries_of_clicks(part)?,
        };
        if self.bytes + bytes.len() > clicked.window_bytes {
            *self = Self::default();
        }
        if bytes.len() <= clicked.window_bytes {
            self.bytes += bytes.len();
            self.parts.insert(key, Arc::clone(&bytes));
        }
        Ok(bytes)
    }
}

/// Clicks that are not sealed, by UTC day, sorted.
type LooseClicks = BTreeMap<i32, Vec<QueryEntry>>;

impl Clicked<'_> {
    /// Counts the clicked searches among those of the question. The blocks are of what is not sealed: searches of the period, and
    /// clicks of as far around it as matters.
    ///
    /// # Errors
    /// [`StoreError::DamagedDay`], also of a day beside the period, and [`StoreError::OutOfTime`].
    pub fn count(
        &self,
        searches: &[Arc<Counted>],
        clicks: &[Arc<Counted>],
        evaluator: &mut Evaluator<'_>,
    ) -> Result<(), StoreError> {
        self.check_days()?;
        let clicks = self.loose_clicks(clicks)?;
        let mut loose = self.loose_searches(searches)?;
        let mut window = Window::default();
        if let Some(cuts) = self.count.cuts() {
            self.count_sealed(&cuts, &clicks, &mut window, &mut loose, evaluator)?;
        }
        self.count_loose(loose, &clicks, evaluator)
    }

    const fn sealed(&self) -> &Sealed {
        self.count.sealed
    }

    /// Every day whose clicks matter has to be whole.
    fn check_days(&self) -> Result<(), StoreError> {
        let sealed = self.sealed();
        if !sealed.has_damage {
            return Ok(());
        }
        for span in self.count.question.days.spans() {
            let first = day_of(span.from_ms.saturating_sub(CLICKED_WITHIN_MS)).max(sealed.kept_from);
            let last = day_of((span.until_ms - 1).saturating_add(CLICKED_WITHIN_MS));
            if first <= last {
                sealed.days.range(first..=last).try_for_each(|(day, parts)| parts.check(*day))?;
            }
        }
        Ok(())
    }

    fn loose_clicks(&self, blocks: &[Arc<Counted>]) -> Result<LooseClicks, StoreError> {
        let mut days = LooseClicks::new();
        for block in blocks {
            self.count.check_time()?;
            let columns = block.columns();
            let rows = columns.engine.iter().zip(columns.search).zip(columns.at_ms);
            for ((engine, search), at_ms) in rows {
                let is_theirs = usize::try_from(*engine).ok().and_then(|engine| self.of_account.get(engine))
                    == Some(&true);
                if is_theirs && let Some(entry) = query_entry(*search, *at_ms) {
                    days.entry(day_of(*at_ms)).or_default().push(entry);
                }
            }
        }
        days.values_mut().for_each(|day| day.sort_unstable());
        Ok(days)
    }

    fn loose_searches(&self, blocks: &[Arc<Counted>]) -> Result<LooseSearches, StoreError> {
        let (mut days, mut mask) = (LooseSearches::new(), Vec::new());
        for block in blocks {
            self.count.check_time()?;
            let columns = block.columns();
            let passing = self.count.wanted.select(&columns, &mut mask);
            if passing == Passing::None {
                continue;
            }
            for (row, (search, at_ms)) in columns.search.iter().zip(columns.at_ms).enumerate() {
                let passes = passing == Passing::All || mask.get(row) == Some(&1);
                if passes && let Some(day) = self.count.question.days.day_of(*at_ms) {
                    let terms = columns.terms.get(row).copied().unwrap_or_default();
                    add_loose(&mut days, (*at_ms, *search, terms), day);
                }
            }
        }
        Ok(days)
    }

    fn count_sealed(
        &self,
        cuts: &Cuts,
        clicks: &LooseClicks,
        window: &mut Window,
        loose: &mut LooseSearches,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<(), StoreError> {
        for cut in cuts.days() {
            window.parts.retain(|(day, _), bytes| {
                let stays = *day >= cut.day - 1;
                window.bytes -= if stays { 0 } else { bytes.len() };
                stays
            });
            for part in self.count.parts(&cut) {
                self.count.check_time()?;
                let mut one_by_one = |quarters: &[u8]| {
                    let see = &mut |day, row: Row| {
                        add_loose(loose, (row.at_ms, row.search, row.terms), day);
                    };
                    self.count.by_clicks(part, cut.day, quarters, see)
                };
                if !cut.cut.is_empty() {
                    one_by_one(cut.cut)?;
                }
                if cut.segments.is_empty() {
                    continue;
                }
                let clicked = self.clicked(part, cut.day, clicks, window)?;
                match clicked.zip(self.count.bytes(part).ok()) {
                    Some((clicked, bytes)) => self
                        .count_part(&bytes, &clicked, &cut, evaluator)
                        .ok_or_else(|| part.files().index_damage("it is damaged"))?,
                    // The next start builds the index anew; until then its searches are joined one by one.
                    None => {
                        part.forget_index();
                        one_by_one(&quarters_of(&cut))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts those of a part's searches that are clicked and pass. `None` when the bytes can't be what was written.
    fn count_part(
        &self,
        bytes: &PartBytes<'_>,
        clicked: &Bits,
        cut: &DayCuts<'_>,
        evaluator: &mut Evaluator<'_>,
    ) -> Option<()> {
        let wanted = self.count.wanted;
        let by_terms = matches!(evaluator.grouping(), Grouping::Terms { .. });
        let mut engines = bytes.head.first_rows();
        each_engine(bytes, wanted, cut, |entry, rows, whole| {
            // Both come in the order of the part.
            let (_, first) = engines.find(|(engine, _)| *engine == entry.engine)?;
            let is_clicked = |row: usize| clicked.has(first + row);
            if by_terms {
                return each_terms(rows, wanted, whole.is_some(), |terms, row| {
                    if is_clicked(row) {
                        evaluator.add_number(terms, 1);
                    }
                });
            }
            if let Some(day) = whole.filter(|_| wanted.terms().is_none() && wanted.items().is_none()) {
                let searches = clicked.ones(first..first + rows.quarters.len());
                evaluator.add_at(Place { day, ..Place::default() }, searches);
                return Some(());
            }
            let mut searches = vec![0_u64; cut.segments.len()];
            rows.each_passing(wanted, |row, segment| {
                if let Some(cell) = searches.get_mut(segment).filter(|_| is_clicked(row)) {
                    *cell += 1;
                }
            });
            for (segment, searches) in cut.segments.iter().zip(searches) {
                evaluator.add_at(Place { day: segment.day, ..Place::default() }, searches);
            }
            Some(())
        })
    }

    /// Which of a part's searches are clicked; `None` where its index can't be read.
    fn clicked(
        &self,
        part: &Arc<Part>,
        day: i32,
        loose: &LooseClicks,
        window: &mut Window,
    ) -> Result<Option<Arc<Bits>>, StoreError> {
        let days = day.saturating_sub(1)..=day.saturating_add(1);
        let parts = || {
            let days = self.sealed().days.range(days.clone());
            days.filter(|(day, _)| **day >= self.sealed().kept_from)
                .flat_map(|(day, parts)| parts.clicks.iter().map(|part| (*day, part)))
        };
        let mut with: Vec<u32> = parts().map(|(_, part)| part.info().number).collect();
        with.sort_unstable();
        let mut joined = part.joined();
        let mut searches = None;
        if joined.with != with {
            if !joined.with.iter().all(|number| with.binary_search(number).is_ok()) {
                joined = Joined::default();
            }
            let Some(bytes) = part.loaded(Loads::Queries).get().or_else(|| {
                // It stays in memory only where it is asked for again.
                part.load(Loads::Queries).ok().map(Arc::new)
            }) else {
                return Ok(None);
            };
            let Some(all) = Queries::of_searches(&bytes) else { return Ok(None) };
            let mut bits = Bits::clone(&joined.clicked);
            for (clicks_day, clicks) in parts() {
                if joined.with.binary_search(&clicks.info().number).is_ok() {
                    continue;
                }
                self.count.check_time()?;
                let bytes = window.read(clicks_day, clicks, self)?;
                let clicks =
                    Queries::of_clicks(&bytes).ok_or_else(|| clicks.files().index_damage("it is damaged"))?;
                join(all, clicks, i64::from(clicks_day) - i64::from(day), |at| bits.set(all.row(at)));
            }
            joined = Joined { with, clicked: Arc::new(bits) };
            part.set_joined(joined.clone());
            searches = Some(bytes);
        }
        if loose.range(days.clone()).next().is_some() {
            let bytes = searches.or_else(|| self.sealed().cache.get(part, Loads::Queries).ok());
            let Some(all) = bytes.as_ref().and_then(|bytes| Queries::of_searches(bytes)) else {
                return Ok(None);
            };
            let mut bits = Bits::clone(&joined.clicked);
            for (clicks_day, clicks) in loose.range(days) {
                let after = i64::from(*clicks_day) - i64::from(day);
                join(all, Queries::of(clicks), after, |at| bits.set(all.row(at)));
            }
            joined.clicked = Arc::new(bits);
        }
        Ok(Some(joined.clicked))
    }

    /// What a part of clicks has, read from the clicks themselves.
    fn entries_of_clicks(&self, part: &Part) -> Result<Arc<Vec<u8>>, StoreError> {
        // The next start builds it anew.
        part.forget_index();
        let mut entries: Vec<QueryEntry> = Vec::new();
        let mut clicks = part.files().clicks()?.rows(0..part.info().rows);
        loop {
            self.count.check_time()?;
            let page: Result<Vec<Click>, _> = clicks.by_ref().take(PAGE_CLICKS_MAX).collect();
            let page = page.map_err(|error| part.files().damage(error))?;
            if page.is_empty() {
                break;
            }
            let kept = read(self.count.kept);
            entries.extend(page.iter().filter_map(|click| query_entry(kept.search_mark(click), click.at_ms)));
        }
        entries.sort_unstable();
        Ok(Arc::new(entries.concat()))
    }

    /// Counts the clicked ones of searches that are in no part that was joined as a whole.
    fn count_loose(
        &self,
        loose: LooseSearches,
        clicks: &LooseClicks,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<(), StoreError> {
        for (day, mut searches) in loose {
            searches.sort_unstable();
            let entries: Vec<QueryEntry> = searches.iter().map(|search| search.0).collect();
            let (all, mut clicked) = (Queries::of(&entries), Bits::default());
            let days = day.saturating_sub(1)..=day.saturating_add(1);
            for (clicks_day, clicks) in clicks.range(days.clone()) {
                let after = i64::from(*clicks_day) - i64::from(day);
                join(all, Queries::of(clicks), after, |at| clicked.set(at));
            }
            let sealed = self.sealed().days.range(days);
            for (clicks_day, parts) in sealed.filter(|(day, _)| **day >= self.sealed().kept_from) {
                for part in &parts.clicks {
                    self.count.check_time()?;
                    let bytes = match self.sealed().cache.get(part, Loads::Queries) {
                        Ok(bytes) => bytes,
                        Err(_) => self.entries_of_clicks(part)?,
                    };
                    let clicks = Queries::of_clicks(&bytes)
                        .ok_or_else(|| part.files().index_damage("it is damaged"))?;
                    join(all, clicks, i64::from(*clicks_day) - i64::from(day), |at| clicked.set(at));
                }
            }
            for (at, (_, day, terms)) in searches.iter().enumerate() {
                if clicked.has(at) {
                    let day = usize::try_from(*day).unwrap_or(usize::MAX);
                    evaluator.add_at(Place { day, terms: *terms, ..Place::default() }, 1);
                }
            }
        }
        Ok(())
    }
}

/// Adds a search that counts on a day of the question.
fn add_loose(days: &mut LooseSearches, row: (i64, Mark, u32), day: usize) {
    let (at_ms, search, terms) = row;
    if let Some(entry) = query_entry(search, at_ms) {
        // A question has a few thousand days.
        let day = u32::try_from(day).unwrap_or(u32::MAX);
        days.entry(day_of(at_ms)).or_default().push((entry, day, terms));
    }
}
