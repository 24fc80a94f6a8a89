//! Counting the sealed days for a question: by counters where they can tell, by postings where items or terms are
//! asked for, and by the clicks themselves where a day begins inside a quarter of an hour. It must never know what is
//! not sealed.

use clicks::{Grouping, Question, StoreError};

use crate::evaluate::{Evaluator, Place};
use crate::index::counters::ALL_KINDS;
use crate::index::cuts::{Cuts, DayCuts, QUARTER_MS, Segment};
use crate::kept::{Shared, read};
use crate::recent::day::DAY_MS;
use crate::record::device_code;
use crate::sealed::Sealed;
use crate::sealed::part::ClickPart;
use crate::wanted::Wanted;

/// How many clicks of a cut quarter are looked at before names are looked up for those that pass.
const PAGE_CLICKS_MAX: usize = 512;

/// One question, on its way through the sealed days.
pub struct SealedCount<'a> {
    pub kept: &'a Shared,
    pub sealed: &'a Sealed,
    pub question: &'a Question,
    pub wanted: &'a Wanted,
    pub stop: &'a dyn Fn() -> bool,
}

impl SealedCount<'_> {
    /// Counts every sealed click that the question asks for.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], and [`StoreError::OutOfTime`].
    pub fn count(&self, evaluator: &mut Evaluator<'_>) -> Result<(), StoreError> {
        let Some((first, last)) = self.sealed.day_range() else { return Ok(()) };
        let cuts = Cuts::new(&self.question.days, first, last);
        if self.sealed.has_damage {
            let mut days = cuts.days().filter_map(|cut| Some((cut.day, self.sealed.days.get(&cut.day)?)));
            days.try_for_each(|(day, parts)| parts.check(day))?;
        }
        let by_terms = matches!(self.question.grouping, Grouping::Terms { .. });
        if by_terms || self.wanted.terms().is_some() || self.wanted.items().is_some() {
            self.by_postings(&cuts, evaluator)?;
        } else {
            self.by_counters(&cuts, evaluator)?;
        }
        for cut in cuts.days().filter(|cut| !cut.cut.is_empty()) {
            for part in self.parts(&cut) {
                self.by_clicks(part, cut.day, cut.cut, evaluator)?;
            }
        }
        Ok(())
    }

    fn parts<'s>(
        &'s self,
        cut: &DayCuts<'_>,
    ) -> impl Iterator<Item = &'s std::sync::Arc<ClickPart>> + use<'s> {
        let wanted = |part: &&std::sync::Arc<ClickPart>| part.head().has_wanted(self.wanted);
        self.sealed.days.get(&cut.day).into_iter().flat_map(|day| &day.clicks).filter(wanted)
    }

    fn check_time(&self) -> Result<(), StoreError> {
        if (self.stop)() { Err(StoreError::OutOfTime) } else { Ok(()) }
    }

    fn by_counters(&self, cuts: &Cuts, evaluator: &mut Evaluator<'_>) -> Result<(), StoreError> {
        let all = self.wanted.wants_all_kinds() && self.question.grouping != Grouping::Device;
        for engine in self.wanted.engines() {
            self.check_time()?;
            let Some(counters) = self.sealed.counters.engine(engine) else { continue };
            let kinds: Vec<u64> =
                counters.kinds().iter().map(|kind| u64::from(self.wanted.passes_kind(*kind))).collect();
            let kinds = (!all).then_some(kinds.as_slice());
            for cut in cuts.days() {
                counters.count(&cut, kinds, |day, kind, clicks| {
                    let device = match kind {
                        ALL_KINDS => 0,
                        kind => counters.kinds().get(kind).map_or(0, |kind| kind.device),
                    };
                    evaluator.add_at(Place { day, engine, device, terms: 0 }, clicks);
                });
            }
        }
        Ok(())
    }

    fn by_postings(&self, cuts: &Cuts, evaluator: &mut Evaluator<'_>) -> Result<(), StoreError> {
        for cut in cuts.days() {
            for part in self.parts(&cut) {
                self.check_time()?;
                match self.sealed.cache.get(part) {
                    Ok(postings) => part
                        .head()
                        .count(&postings, self.wanted, &cut, evaluator)
                        .ok_or_else(|| part.files().index_damage("it is damaged"))?,
                    // The next start builds it anew; until then its clicks are counted one by one.
                    Err(_) => {
                        part.forget_index();
                        let until = |segment: &Segment| (segment.from..segment.until).collect::<Vec<u8>>();
                        let quarters: Vec<u8> = cut.segments.iter().flat_map(until).collect();
                        self.by_clicks(part, cut.day, &quarters, evaluator)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at the clicks of some quarters of a day.
    fn by_clicks(
        &self,
        part: &ClickPart,
        day: i32,
        quarters: &[u8],
        evaluator: &mut Evaluator<'_>,
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
                    let row = kept.names.row(&click);
                    let row = row.ok_or_else(|| {
                        StoreError::Damaged("a click has a name that is in no dictionary".into())
                    })?;
                    let device = device_code(click.device);
                    evaluator.add_at(Place { day, engine: row.engine, device, terms: row.terms }, 1);
                }
            }
        }
        Ok(())
    }
}
