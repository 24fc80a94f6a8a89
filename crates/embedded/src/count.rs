//! Counting the sealed days for a question: by counters where they can tell, by postings where items or terms are
//! asked for, and by the clicks themselves where a day begins inside a quarter of an hour. It must never know what is
//! not sealed.

use std::collections::BTreeSet;
use std::sync::Arc;

use clicks::{Grouping, Question, StoreError};

use crate::evaluate::{Evaluator, Place};
use crate::index::counters::{EngineCounters, Kinds};
use crate::index::cuts::{Cuts, DayCuts, QUARTER_MS, QUARTERS};
use crate::index::directories::Directories;
use crate::index::part_quarters::Kind;
use crate::index::postings;
use crate::index::users::{COUNTED_MARK_BYTES, LOOSE_MARK_BYTES, PLACE_BYTES, Visitors};
use crate::kept::{Shared, read};
use crate::recent::day::{DAY_MS, Row};
use crate::room::{Held, Room};
use crate::sealed::Sealed;
use crate::sealed::cache::SectionBytes;
use crate::sealed::part::{ClickPart, Loads};
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
            return Some(Limits { directory_bytes: self.directories, share_bits: 0 });
        }
        if self.sections == 0 {
            return Some(Limits { directory_bytes: left, share_bits: 0 });
        }
        let directory_bytes = self.directories.min(left / DIRECTORY_PARTS);
        let for_marks = (left - directory_bytes).checked_sub(self.places).filter(|left| *left > 0)?;
        let share_bits = self.marks.div_ceil(for_marks).max(2).next_power_of_two().ilog2();
        (share_bits <= SHARE_BITS_MAX).then_some(Limits { directory_bytes, share_bits })
    }
}

impl<'a> SealedCount<'a> {
    /// Counts every sealed click that the question asks for.
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
            for part in self.parts(&cut) {
                self.by_clicks(part, cut.day, cut.cut, &mut |day, row| self.see(day, row, evaluator))?;
            }
        }
        if self.by_names() || self.wanted.terms().is_some() || self.wanted.items().is_some() {
            self.by_postings(&cuts, limits, evaluator)
        } else {
            self.by_counters(&cuts, evaluator)
        }
    }

    fn cuts(&self) -> Option<Cuts> {
        let (first, last) = self.sealed.day_range()?;
        Some(Cuts::new(&self.question.days, first, last))
    }

    fn by_names(&self) -> bool {
        matches!(self.question.grouping, Grouping::Terms { .. } | Grouping::Items { .. } | Grouping::Distinct)
    }

    /// Takes room for the question until it is answered: for a number of each name, for directories that are added up together,
    /// and for visitors, of whom `loose` clicks are not sealed. Where that is more than there is, visitors are counted in shares.
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`]: also where it needs more than there is.
    pub fn limits(
        &self,
        room: &'a Room,
        numbers_end: usize,
        loose: usize,
    ) -> Result<(Held<'a>, Limits), StoreError> {
        if !self.by_names() {
            return Ok((room.take(0, self.stop)?, Limits::default()));
        }
        let mut needs = Needs::default();
        let filters = self.wanted.terms().is_some() || self.wanted.items().is_some();
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
        let fixed = numbers_end * size_of::<u64>() + if distinct { loose * LOOSE_MARK_BYTES } else { 0 };
        let limits = needs.limits(room.bytes_max().checked_sub(fixed)).ok_or(StoreError::OutOfTime)?;
        Ok((room.take(fixed.saturating_add(needs.all()), self.stop)?, limits))
    }

    fn parts<'s>(&'s self, cut: &DayCuts<'_>) -> impl Iterator<Item = &'s Arc<ClickPart>> + use<'s> {
        let wanted = |part: &&Arc<ClickPart>| part.head().has_wanted(self.wanted);
        self.sealed.days.get(&cut.day).into_iter().flat_map(|day| &day.clicks).filter(wanted)
    }

    fn check_time(&self) -> Result<(), StoreError> {
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
                    sums.add(&plan, self.sealed.counters.engine(engine), |kind| {
                        self.wanted.passes_kind(kind)
                    });
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
                        sums.add(&plan, self.sealed.counters.engine(engine), passes);
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
                    sums.add(&plan, self.sealed.counters.engine(engine), |kind| {
                        self.wanted.passes_kind(kind)
                    });
                    plan.hand_over(&sums, |day, clicks| {
                        evaluator.add_at(Place { day, engine, ..Place::default() }, clicks);
                    });
                }
            }
            // What is grouped by names is counted by postings.
            Grouping::Terms { .. } | Grouping::Items { .. } | Grouping::Distinct => {}
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
                match self.sections(part) {
                    Ok((postings, users)) => {
                        let damage = || part.files().index_damage("it is damaged");
                        postings::count(
                            part.head(),
                            &postings,
                            self.wanted,
                            &cut,
                            &mut directories,
                            evaluator,
                        )
                        .ok_or_else(damage)?;
                        if let Some(users) = users {
                            let visitors = evaluator.visitors_mut();
                            postings::tell_apart(part.head(), &postings, &users, self.wanted, &cut, visitors)
                                .ok_or_else(damage)?;
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
                match self.sections(part) {
                    Ok((postings, Some(users))) => {
                        postings::tell_apart(part.head(), &postings, &users, self.wanted, &cut, visitors)
                            .ok_or_else(|| part.files().index_damage("it is damaged"))?;
                    }
                    Ok((_, None)) => {}
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

    /// The postings of a part, and its visitors where they are told apart.
    fn sections(&self, part: &Arc<ClickPart>) -> Result<(SectionBytes, Option<SectionBytes>), StoreError> {
        let postings = self.sealed.cache.get(part, Loads::Postings)?;
        let users = self.tells_apart(part).then(|| self.sealed.cache.get(part, Loads::Users)).transpose()?;
        Ok((postings, users))
    }

    fn tells_apart(&self, part: &ClickPart) -> bool {
        self.question.grouping == Grouping::Distinct && part.head().marks(self.wanted).next().is_some()
    }

    fn add_up(&self, directories: &mut Directories, evaluator: &mut Evaluator<'_>) -> Result<(), StoreError> {
        self.check_time()?;
        // Their checksums were right.
        let added = directories.add_up(evaluator);
        added.ok_or_else(|| StoreError::Damaged("an index is not what was written".into()))
    }

    /// Counts one click.
    fn see(&self, day: usize, row: Row, evaluator: &mut Evaluator<'_>) {
        let Row { engine, device, terms, item, user, .. } = row;
        evaluator.add_at(Place { day, engine, device, terms, item }, 1);
        if self.question.grouping == Grouping::Distinct {
            evaluator.visitors_mut().add(user, 1);
        }
    }

    /// Looks at the clicks of some quarters of a day: shows those that pass, with the question's day.
    fn by_clicks(
        &self,
        part: &ClickPart,
        day: i32,
        quarters: &[u8],
        see: &mut dyn FnMut(usize, Row),
    ) -> Result<(), StoreError> {
        let reader = part.files().clicks()?;
        for quarter in quarters {
            let from_ms = i64::from(day) * DAY_MS + i64::from(*quarter) * QUARTER_MS;
            let until_ms = from_ms + QUARTER_MS;
            let mut rows = reader.rows(reader.rows_between(from_ms, until_ms));
            loop {
                self.check_time()?;
                let mut found = Vec::new();
                let mut any = false;
                for click in rows.by_ref().take(PAGE_CLICKS_MAX) {
                    any = true;
                    let click = click.map_err(|error| part.files().damage(error))?;
                    if (from_ms..until_ms).contains(&click.at_ms)
                        && let Some(day) = self.question.days.day_of(click.at_ms)
                        && self.question.filter.passes(&click)
                    {
                        found.push((day, click));
                    }
                }
                if !any {
                    break;
                }
                let kept = read(self.kept);
                for (day, click) in found {
                    see(day, kept.row(&click)?);
                }
            }
        }
        Ok(())
    }
}

/// The quarters that lie in a day's segments.
fn quarters_of(cut: &DayCuts<'_>) -> Vec<u8> {
    cut.segments.iter().flat_map(|segment| segment.from..segment.until).collect()
}

/// A quarter at which so many days are cut is split for all days at once; for fewer the days are looked at one by one.
const SPLIT_DAYS_MIN: usize = 4;

/// Which numbers of the counters make up the days of a question.
struct Plan {
    first: i32,
    days: usize,
    /// The quarters that days are cut at, and the whole day's end: a column of sums for each.
    bounds: Vec<u8>,
    /// UTC day from the first on, the question's day, and the columns that bound it: after its end, before its beginning.
    segments: Vec<(usize, usize, usize, Option<usize>)>,
    /// Segments that are counted one by one: UTC day, the question's day, quarters.
    single: Vec<(i32, usize, u8, u8)>,
}

impl Plan {
    fn new(cuts: &Cuts, first: i32, last: i32) -> Self {
        let mut uses = [0_usize; QUARTERS as usize + 1];
        for segment in cuts.days().flat_map(|cut| cut.segments) {
            uses[usize::from(segment.from)] += 1;
            uses[usize::from(segment.until)] += 1;
        }
        let bounds: Vec<u8> =
            (1..=QUARTERS).filter(|bound| uses[usize::from(*bound)] >= SPLIT_DAYS_MIN).collect();
        let column = |bound: u8| bounds.iter().position(|known| *known == bound);
        let (mut segments, mut single) = (Vec::new(), Vec::new());
        for cut in cuts.days() {
            let utc_day = usize::try_from(i64::from(cut.day) - i64::from(first)).unwrap_or(0);
            for segment in cut.segments {
                let until = column(segment.until);
                let from = (segment.from > 0).then(|| column(segment.from));
                match (until, from) {
                    (Some(until), None) => segments.push((utc_day, segment.day, until, None)),
                    (Some(until), Some(Some(from))) => {
                        segments.push((utc_day, segment.day, until, Some(from)))
                    }
                    _ => single.push((cut.day, segment.day, segment.from, segment.until)),
                }
            }
        }
        let days = usize::try_from(i64::from(last) - i64::from(first) + 1).unwrap_or(0);
        Self { first, days, bounds, segments, single }
    }

    /// Hands over what was added up, by the question's day.
    fn hand_over(&self, sums: &Sums, mut hand: impl FnMut(usize, u64)) {
        for (utc_day, day, until, from) in &self.segments {
            let cell =
                |column: usize| sums.columns.get(column * self.days + utc_day).copied().unwrap_or_default();
            hand(*day, cell(*until).wrapping_sub(from.map_or(0, cell)));
        }
        for ((_, day, _, _), clicks) in self.single.iter().zip(&sums.single) {
            hand(*day, *clicks);
        }
    }
}

/// What was added up of several engines.
struct Sums {
    /// Column by column, a cell for each UTC day.
    columns: Vec<u64>,
    single: Vec<u64>,
}

impl Sums {
    fn new(plan: &Plan) -> Self {
        Self { columns: vec![0; plan.days * plan.bounds.len()], single: vec![0; plan.single.len()] }
    }

    fn add(&mut self, plan: &Plan, engine: Option<&EngineCounters>, passes: impl Fn(Kind) -> bool) {
        let Some(engine) = engine else { return };
        let places: Vec<usize> =
            (0..).zip(engine.kinds()).filter(|(_, kind)| passes(**kind)).map(|(place, _)| place).collect();
        let kinds = if places.len() == engine.kinds().len() { Kinds::All } else { Kinds::Some(&places) };
        if plan.days > 0 {
            for (bound, column) in plan.bounds.iter().zip(self.columns.chunks_exact_mut(plan.days)) {
                engine.add_before(*bound, kinds, plan.first, column);
            }
        }
        for ((day, _, from, until), cell) in plan.single.iter().zip(&mut self.single) {
            *cell += engine.before(*day, *until, kinds) - engine.before(*day, *from, kinds);
        }
    }
}
