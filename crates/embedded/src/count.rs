//! Counting the sealed days for a question: by counters where they can tell, by postings where items or terms are
//! asked for, and by the clicks themselves where a day begins inside a quarter of an hour. It must never know what is
//! not sealed.

use std::collections::BTreeSet;
use std::sync::Arc;

use clicks::{Click, Grouping, Measure, Question, Search, StoreError};

use crate::evaluate::{Evaluator, Place};
use crate::index::counters::Counters;
use crate::index::custom_results::{self, CUSTOM_RESULT_BYTES};
use crate::index::cuts::{Cuts, DayCuts, QUARTER_MS};
use crate::index::directories::Directories;
use crate::index::part_quarters::Kind;
use crate::index::plan::{Plan, Sums};
use crate::index::postings::{self, PartBytes};
use crate::index::users::{COUNTED_MARK_BYTES, LOOSE_MARK_BYTES, PLACE_BYTES, Visitors};
use crate::kept::{Kept, Shared, read};
use crate::pairs::PAIR_BYTES;
use crate::recent::day::{DAY_MS, Row};
use crate::sealed::Sealed;
use crate::sealed::part::{Loads, Part};
use crate::wanted::Wanted;

/// How many clicks of a cut quarter are looked at before names are looked up for those that pass.
const PAGE_CLICKS_MAX: usize = 512;

/// Of so many bytes of postings the directories are added up together at most.
const DIRECTORY_BYTES_MAX: usize = 128 << 20;

/// Where visitors are told apart, directories may have this part of a question's room.
const DIRECTORY_PARTS: usize = 4;

/// Visitors are counted in at most 2^6 shares: each of them goes through all parts.
const SHARE_BITS_MAX: u32 = 6;

/// One question, on its way through the sealed days.
pub struct SealedCount<'a> {
    pub kept: &'a Shared,
    pub sealed: &'a Sealed,
    pub question: &'a Question,
    pub wanted: &'a Wanted,
    pub stop: &'a dyn Fn() -> bool,
}

/// How much memory a question may hold from one part to the next.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    directory_bytes: usize,
    /// Visitors are counted in 2^bits shares.
    share_bits: u32,
    /// Items with their ranks take so much, and are of so many rows.
    pub pair_bytes: usize,
    pub pair_rows: usize,
}

/// How much memory a question would hold, had it all that it likes, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Needs {
    directories: usize,
    /// The sections of visitors, which are held whole where all are counted at once,
    sections: usize,
    /// what is counted of their marks, or the share of the marks that is counted now, copied,
    marks: usize,
    /// and what each engine of a part takes besides.
    places: usize,
}

impl Needs {
    const fn all(&self) -> usize {
        self.directories + self.sections + self.marks + self.places
    }

    /// How to do with less; `None` where that would take too long, or is impossible.
    fn limits(&self, left: Option<usize>) -> Option<Limits> {
        let left = left?;
        if self.all() <= left {
            return Some(Limits { directory_bytes: self.directories, ..Limits::default() });
        }
        if self.sections == 0 {
            return Some(Limits { directory_bytes: left, ..Limits::default() });
        }
        let directory_bytes = self.directories.min(left / DIRECTORY_PARTS);
        let for_marks = (left - directory_bytes).checked_sub(self.places).filter(|left| *left > 0)?;
        let share_bits = self.marks.div_ceil(for_marks).max(2).next_power_of_two().ilog2();
        (share_bits <= SHARE_BITS_MAX).then_some(Limits { directory_bytes, share_bits, ..Limits::default() })
    }
}

impl<'a> SealedCount<'a> {
    /// Counts every sealed click, or search, that the question asks for.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], and [`StoreError::OutOfTime`].
    pub fn count(&self, limits: Limits, evaluator: &mut Evaluator<'_>) -> Result<(), StoreError> {
        let Some(cuts) = self.cuts() else { return Ok(()) };
        if self.sealed.has_damage {
            let mut days = cuts.days().filter_map(|cut| Some((cut.day, self.sealed.days.get(&cut.day)?)));
            days.try_for_each(|(day, parts)| parts.check(day))?;
        }
        for cut in cuts.days().filter(|cut| !cut.cut.is_empty()) {
            for part in self.parts(&cut).filter(|part| self.may_have_some(part)) {
                self.by_clicks(part, cut.day, cut.cut, &mut |day, row| self.see(day, row, evaluator))?;
            }
        }
        let by_rows = self.wanted.terms().is_some() || self.wanted.items().is_some();
        if self.asks_custom_results() {
            self.by_custom_results(&cuts, evaluator)
        } else if self.question.grouping.is_by_names() || by_rows || self.wanted.asks_figures() {
            self.by_postings(&cuts, limits, evaluator)
        } else {
            self.by_counters(&cuts, evaluator)
        }
    }

    pub fn cuts(&self) -> Option<Cuts> {
        let (first, last) = self.sealed.day_range()?;
        Some(Cuts::new(&self.question.days, first, last))
    }

    /// How much room the question needs until it is answered, of so many bytes in all: for a number of each name, for directories that are added up together,
    /// and for visitors, of whom `loose` clicks are not sealed. Where that is more than there is, visitors are counted in shares.
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`]: also where it needs more than there is.
    pub fn limits(
        &self,
        bytes_max: usize,
        numbers_end: usize,
        loose: usize,
    ) -> Result<(usize, Limits), StoreError> {
        if !self.question.grouping.is_by_names() {
            return Ok((0, Limits::default()));
        }
        if matches!(self.question.grouping, Grouping::ItemRanks { .. }) {
            // There are no more pairs than rows, and mostly far fewer: whether they have room shows when they are counted.
            let sealed = if self.wanted.asks_custom_results() { self.told() } else { self.rows() };
            let pair_rows = sealed.saturating_add(loose);
            let pair_bytes = pair_rows.saturating_mul(PAIR_BYTES).min(bytes_max);
            let limits = Limits { pair_bytes, pair_rows, ..Limits::default() };
            return Ok((pair_bytes, limits));
        }
        if self.asks_custom_results() {
            // What is counted of one part holds nothing that the next one needs, but for visitors.
            let marks = if self.question.grouping == Grouping::Distinct { loose + self.told() } else { 0 };
            let bytes = numbers_end * self.number_bytes() + marks * LOOSE_MARK_BYTES;
            let bytes = Some(bytes).filter(|bytes| *bytes <= bytes_max).ok_or(StoreError::OutOfTime)?;
            return Ok((bytes, Limits::default()));
        }
        let mut needs = Needs::default();
        let adds_up = matches!(
            self.question.grouping,
            Grouping::Terms { .. } | Grouping::Items { .. } | Grouping::Distinct
        );
        let filters = self.wanted.terms().is_some() || self.wanted.items().is_some() || !adds_up;
        if let Some(cuts) = self.cuts() {
            for part in cuts.days().flat_map(|cut| self.parts(&cut)) {
                needs.directories += if filters { 0 } else { part.section_bytes(Loads::Postings) };
                if self.tells_apart(part) {
                    needs.sections += part.section_bytes(Loads::Users);
                    for marks in part.head().marks(self.wanted) {
                        needs.places += PLACE_BYTES;
                        needs.marks += marks * COUNTED_MARK_BYTES;
                    }
                }
            }
        }
        needs.directories = needs.directories.min(DIRECTORY_BYTES_MAX);
        let distinct = self.question.grouping == Grouping::Distinct;
        let fixed = numbers_end * self.number_bytes() + if distinct { loose * LOOSE_MARK_BYTES } else { 0 };
        let limits = needs.limits(bytes_max.checked_sub(fixed)).ok_or(StoreError::OutOfTime)?;
        Ok((fixed.saturating_add(needs.all()).min(bytes_max), limits))
    }

    /// How many bytes each number takes that is counted by.
    const fn number_bytes(&self) -> usize {
        match self.question.grouping {
            Grouping::ItemsReport { .. } | Grouping::TermsReport { .. } => {
                size_of::<u64>() + size_of::<clicks::RankSum>()
            }
            _ => size_of::<u64>(),
        }
    }

    /// How many rows the parts have of engines that are wanted.
    fn rows(&self) -> usize {
        let Some(cuts) = self.cuts() else { return 0 };
        let parts = cuts.days().flat_map(|cut| self.parts(&cut));
        parts.map(|part| part.head().rows_wanted(self.wanted)).sum()
    }

    /// Whether only clicks matter that came from results placed by hand.
    const fn asks_custom_results(&self) -> bool {
        matches!(self.question.grouping, Grouping::CustomResults { .. }) || self.wanted.asks_custom_results()
    }

    /// Whether a part may have rows that matter.
    fn may_have_some(&self, part: &Part) -> bool {
        !self.asks_custom_results() || part.section_bytes(Loads::CustomResults) > 0
    }

    /// How many sealed clicks tell which result placed by hand they came from.
    fn told(&self) -> usize {
        let Some(cuts) = self.cuts() else { return 0 };
        let parts = cuts.days().flat_map(|cut| self.parts(&cut));
        parts.map(|part| part.section_bytes(Loads::CustomResults) / CUSTOM_RESULT_BYTES).sum()
    }

    /// The parts of a day that have engines that are wanted.
    pub fn parts<'s>(&'s self, cut: &DayCuts<'_>) -> impl Iterator<Item = &'s Arc<Part>> + use<'s> {
        let wanted = |part: &&Arc<Part>| part.head().has_wanted(self.wanted);
        let measure = self.question.measure;
        self.sealed.days.get(&cut.day).into_iter().flat_map(move |day| day.parts(measure)).filter(wanted)
    }

    const fn counters(&self) -> &'a Counters {
        match self.question.measure {
            Measure::Clicks => &self.sealed.counters,
            _ => &self.sealed.search_counters,
        }
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`].
    pub fn check_time(&self) -> Result<(), StoreError> {
        if (self.stop)() { Err(StoreError::OutOfTime) } else { Ok(()) }
    }

    fn by_counters(&self, cuts: &Cuts, evaluator: &mut Evaluator<'_>) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (cuts.first_day(), cuts.last_day()) else { return Ok(()) };
        let plan = Plan::new(cuts, first, last);
        match self.question.grouping {
            Grouping::Day => {
                let mut sums = Sums::new(&plan);
                for engine in self.wanted.engines() {
                    self.check_time()?;
                    sums.add(&plan, self.counters().engine(engine), |kind| self.wanted.passes_kind(kind));
                }
                plan.hand_over(&sums, |day, clicks| {
                    evaluator.add_at(Place { day, ..Place::default() }, clicks);
                });
            }
            Grouping::Device => {
                for device in 0..3 {
                    let mut sums = Sums::new(&plan);
                    for engine in self.wanted.engines() {
                        self.check_time()?;
                        let passes = |kind: Kind| kind.device == device && self.wanted.passes_kind(kind);
                        sums.add(&plan, self.counters().engine(engine), passes);
                    }
                    plan.hand_over(&sums, |day, clicks| {
                        evaluator.add_at(Place { day, device, ..Place::default() }, clicks);
                    });
                }
            }
            Grouping::DayAndEngine | Grouping::Engine => {
                for engine in self.wanted.engines() {
                    self.check_time()?;
                    let mut sums = Sums::new(&plan);
                    sums.add(&plan, self.counters().engine(engine), |kind| self.wanted.passes_kind(kind));
                    plan.hand_over(&sums, |day, clicks| {
                        evaluator.add_at(Place { day, engine, ..Place::default() }, clicks);
                    });
                }
            }
            Grouping::Index | Grouping::ProductType => {
                for engine in self.wanted.engines() {
                    self.check_time()?;
                    let Some(counters) = self.counters().engine(engine) else { continue };
                    for kind in counters.kinds().iter().filter(|kind| self.wanted.passes_kind(**kind)) {
                        let mut sums = Sums::new(&plan);
                        sums.add(&plan, Some(counters), |other| other == *kind);
                        let Kind { index, product, .. } = *kind;
                        plan.hand_over(&sums, |_, clicks| {
                            evaluator.add_at(Place { index, product, ..Place::default() }, clicks);
                        });
                    }
                }
            }
            // What is grouped by names is counted by postings.
            Grouping::Terms { .. } | Grouping::Items { .. } | Grouping::ItemRanks { .. } => {}
            Grouping::CustomResults { .. } | Grouping::Distinct | Grouping::Rank => {}
            Grouping::ItemsReport { .. } | Grouping::TermsReport { .. } | Grouping::ClickThrough => {}
        }
        Ok(())
    }

    fn by_postings(
        &self,
        cuts: &Cuts,
        limits: Limits,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<(), StoreError> {
        let (mut directories, mut unread) = (Directories::default(), BTreeSet::new());
        evaluator.visitors_mut().divide(limits.share_bits);
        for cut in cuts.days() {
            for part in self.parts(&cut) {
                self.check_time()?;
                match self.bytes(part) {
                    Ok(bytes) => {
                        let damage = || part.files().index_damage("it is damaged");
                        postings::count(&bytes, self.wanted, &cut, &mut directories, evaluator)
                            .ok_or_else(damage)?;
                        postings::tell_apart(&bytes, self.wanted, &cut, evaluator.visitors_mut())
                            .ok_or_else(damage)?;
                        if evaluator.pairs_mut().are_too_many() {
                            return Err(StoreError::OutOfTime);
                        }
                        if directories.bytes() > limits.directory_bytes {
                            self.add_up(&mut directories, evaluator)?;
                        }
                    }
                    // The next start builds it anew; until then its clicks are counted one by one.
                    Err(_) => {
                        unread.insert(part.info().number);
                        part.forget_index();
                        let quarters = quarters_of(&cut);
                        let see = &mut |day, row: Row| self.see(day, row, evaluator);
                        self.by_clicks(part, cut.day, &quarters, see)?;
                    }
                }
            }
        }
        self.add_up(&mut directories, evaluator)?;
        while evaluator.visitors_mut().next_share(self.stop)? {
            self.next_visitors(cuts, &mut unread, evaluator.visitors_mut())?;
        }
        Ok(())
    }

    /// Counts clicks that came from results placed by hand: parts that have none are passed over. Which of them had how many is told
    /// by indexes; what else is asked of the clicks of one, by the clicks.
    fn by_custom_results(&self, cuts: &Cuts, evaluator: &mut Evaluator<'_>) -> Result<(), StoreError> {
        let by_index = matches!(self.question.grouping, Grouping::CustomResults { .. });
        for cut in cuts.days() {
            for part in self.parts(&cut).filter(|part| self.may_have_some(part)) {
                self.check_time()?;
                let bytes = by_index.then(|| self.bytes(part));
                if let Some(Ok(bytes)) = bytes {
                    custom_results::count(&bytes, self.wanted, &cut, evaluator)
                        .ok_or_else(|| part.files().index_damage("it is damaged"))?;
                    continue;
                }
                if bytes.is_some() {
                    // As with postings: the next start builds it anew.
                    part.forget_index();
                }
                let see = &mut |day, row: Row| self.see(day, row, evaluator);
                self.by_clicks(part, cut.day, &quarters_of(&cut), see)?;
            }
        }
        Ok(())
    }

    /// Adds the visitors of all parts once more, but for those that were counted one by one.
    fn next_visitors(
        &self,
        cuts: &Cuts,
        unread: &mut BTreeSet<u32>,
        visitors: &mut Visitors,
    ) -> Result<(), StoreError> {
        for cut in cuts.days() {
            for part in self.parts(&cut) {
                self.check_time()?;
                if unread.contains(&part.info().number) {
                    continue;
                }
                match self.bytes(part) {
                    Ok(bytes) => postings::tell_apart(&bytes, self.wanted, &cut, visitors)
                        .ok_or_else(|| part.files().index_damage("it is damaged"))?,
                    // Its clicks were counted before. Of its visitors those of earlier shares are not looked at again.
                    Err(_) => {
                        unread.insert(part.info().number);
                        let see = &mut |_, row: Row| visitors.add(row.user, 1);
                        self.by_clicks(part, cut.day, &quarters_of(&cut), see)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The postings of a part, and what else of its index the question needs.
    ///
    /// # Errors
    /// [`StoreError::DamagedDay`] where it can't be read.
    pub fn bytes<'p>(&self, part: &'p Arc<Part>) -> Result<PartBytes<'p>, StoreError> {
        let load = |loads| self.sealed.cache.get(part, loads);
        let by_rank = match self.question.grouping {
            Grouping::ItemRanks { .. } => true,
            Grouping::Rank | Grouping::ItemsReport { .. } | Grouping::TermsReport { .. } => {
                self.question.measure == Measure::Clicks
            }
            _ => false,
        };
        let figures = by_rank || self.wanted.asks_figures();
        let by_custom_result = matches!(self.question.grouping, Grouping::CustomResults { .. });
        Ok(PartBytes {
            head: part.head(),
            postings: load(Loads::Postings)?,
            users: self.tells_apart(part).then(|| load(Loads::Users)).transpose()?,
            figures: figures.then(|| load(Loads::Figures)).transpose()?,
            customs: by_custom_result.then(|| load(Loads::CustomResults)).transpose()?,
        })
    }

    fn tells_apart(&self, part: &Part) -> bool {
        self.question.grouping == Grouping::Distinct && part.head().marks(self.wanted).next().is_some()
    }

    fn add_up(&self, directories: &mut Directories, evaluator: &mut Evaluator<'_>) -> Result<(), StoreError> {
        self.check_time()?;
        // Their checksums were right.
        let added = directories.add_up(evaluator);
        added.ok_or_else(|| StoreError::Damaged("an index is not what was written".into()))
    }

    /// Counts one row.
    fn see(&self, day: usize, row: Row, evaluator: &mut Evaluator<'_>) {
        let Row { engine, device, terms, item, user, figure, custom, index, product, .. } = row;
        evaluator.add_at(Place { day, engine, device, terms, item, figure, custom, index, product }, 1);
        if self.question.grouping == Grouping::Distinct {
            evaluator.visitors_mut().add(user, 1);
        }
    }

    /// Looks at the clicks, or the searches, of some quarters of a day: shows those that pass, with the question's day.
    ///
    /// # Errors
    /// [`StoreError::DamagedDay`], and [`StoreError::OutOfTime`].
    pub fn by_clicks(
        &self,
        part: &Part,
        day: i32,
        quarters: &[u8],
        see: &mut dyn FnMut(usize, Row),
    ) -> Result<(), StoreError> {
        let spans = quarters.iter().map(|quarter| {
            let from_ms = i64::from(day) * DAY_MS + i64::from(*quarter) * QUARTER_MS;
            (from_ms, from_ms + QUARTER_MS)
        });
        let filter = &self.question.filter;
        match self.question.measure {
            Measure::Clicks => {
                let reader = part.files().clicks()?;
                for (from_ms, until_ms) in spans {
                    let rows = reader.rows(reader.rows_between(from_ms, until_ms));
                    let rows = rows.map(|click| click.map_err(|error| part.files().damage(error)));
                    let passes = |click: &Click| filter.passes(click).then_some(click.at_ms);
                    self.look(rows, (from_ms, until_ms), passes, |kept, click| kept.row(&click), see)?;
                }
            }
            _ => {
                let reader = part.files().searches()?;
                for (from_ms, until_ms) in spans {
                    let rows = reader.rows(reader.rows_between(from_ms, until_ms));
                    let rows = rows.map(|search| search.map_err(|error| part.files().damage(error)));
                    let passes = |search: &Search| {
                        let is_counted = self.question.measure.searches() == Some(search.kind);
                        (is_counted && filter.passes_search(search)).then_some(search.at_ms)
                    };
                    self.look(
                        rows,
                        (from_ms, until_ms),
                        passes,
                        |kept, search| kept.search_row(&search),
                        see,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Looks at rows one by one; `passes` tells the instant of those that pass the filter. The lock is held for a page of them.
    fn look<T>(
        &self,
        mut rows: impl Iterator<Item = Result<T, StoreError>>,
        (from_ms, until_ms): (i64, i64),
        passes: impl Fn(&T) -> Option<i64>,
        row: impl Fn(&Kept, T) -> Result<Row, StoreError>,
        see: &mut dyn FnMut(usize, Row),
    ) -> Result<(), StoreError> {
        loop {
            self.check_time()?;
            let (mut found, mut any) = (Vec::new(), false);
            for next in rows.by_ref().take(PAGE_CLICKS_MAX) {
                any = true;
                let next = next?;
                if let Some(at_ms) = passes(&next)
                    && (from_ms..until_ms).contains(&at_ms)
                    && let Some(day) = self.question.days.day_of(at_ms)
                {
                    found.push((day, next));
                }
            }
            if !any {
                return Ok(());
            }
            let kept = read(self.kept);
            for (day, next) in found {
                see(day, row(&kept, next)?);
            }
        }
    }
}

/// The quarters that lie in a day's segments.
pub fn quarters_of(cut: &DayCuts<'_>) -> Vec<u8> {
    cut.segments.iter().flat_map(|segment| segment.from..segment.until).collect()
}
