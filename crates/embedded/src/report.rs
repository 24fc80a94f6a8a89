//! Reports that count searches beside the clicks that name them: three counts at one moment, by day or by terms. It must never know
//! how a search is joined to its clicks.

use std::sync::Arc;

use clicks::{
    CLICKED_WITHIN_MS, ClickThrough, Counter, Grouping, Measure, Question, StoreError, TOP_ROWS_MAX, Tally,
};

use crate::clicked::{Clicked, LOOSE_CLICK_BYTES, LOOSE_SEARCH_BYTES};
use crate::count::SealedCount;
use crate::evaluate::{Evaluator, TopNumbers};
use crate::index::users::Mark;
use crate::kept::{Kept, Shared, read};
use crate::names::{Names, UNTOLD};
use crate::naming::{first_rows, is_among, matching};
use crate::recent::day::Counted;
use crate::room::Room;
use crate::sealed::part::Loads;
use crate::seen::Seen;

/// A question whose searches are joined to their clicks.
pub struct Report<'a> {
    pub kept: &'a Shared,
    pub room: &'a Room,
    pub question: &'a Question,
    pub stop: &'a dyn Fn() -> bool,
}

/// What it sees at one moment.
struct View {
    clicks: Seen,
    searches: Seen,
    /// What is not sealed of the clicks that may name a search of the period.
    naming: Vec<Arc<Counted>>,
    /// By number of an engine, whether it is of the question's account.
    of_account: Vec<bool>,
}

impl View {
    fn new(kept: &Kept, (clicks, searches): (&Question, &Question), from_ms: i64, until_ms: i64) -> Self {
        let far = |at_ms: i64, ms: i64| at_ms.saturating_add(ms);
        let (first_ms, end_ms) = (far(from_ms, -CLICKED_WITHIN_MS), far(until_ms, CLICKED_WITHIN_MS));
        let frozen = kept.frozen.as_ref().map(|frozen| &frozen.recent);
        let recents = [Some(&kept.active), frozen].into_iter().flatten();
        let account = clicks.filter.account;
        let mut of_account = vec![false];
        of_account.extend(kept.names.engines.names().iter().map(|(owner, _)| *owner == account));
        Self {
            clicks: Seen::new(kept, clicks, from_ms, until_ms),
            searches: Seen::new(kept, searches, from_ms, until_ms),
            naming: recents.flat_map(|recent| recent.columns(Measure::Clicks, first_ms, end_ms)).collect(),
            of_account,
        }
    }
}

impl Report<'_> {
    /// The answer.
    ///
    /// # Errors
    /// As a tally's.
    pub fn tally(&self) -> Result<Tally, StoreError> {
        let question = self.question;
        let mut counter = Counter::new(question);
        let spans = question.days.spans();
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Ok(counter.finish()) };
        let by_terms = matches!(question.grouping, Grouping::TermsReport { .. });
        let kind = question.measure.searches().map_or(Measure::Searches, |_| question.measure);
        let by = if by_terms { Grouping::Terms { rows_max: TOP_ROWS_MAX } } else { Grouping::Day };
        let of_clicks = Question {
            measure: Measure::Clicks,
            grouping: if by_terms { question.grouping } else { by },
            ..question.clone()
        };
        let of_searches = Question { measure: kind, grouping: by, ..question.clone() };
        let view = {
            let kept = read(self.kept);
            kept.sealed.check_kept(question, first.from_ms)?;
            View::new(&kept, (&of_clicks, &of_searches), first.from_ms, last.until_ms)
        };
        let of = |question, seen| SealedCount {
            kept: self.kept,
            sealed: &view.searches.sealed,
            question,
            wanted: seen,
            stop: self.stop,
        };
        let clicks_count = of(&of_clicks, &view.clicks.wanted);
        let searches_count = of(&of_searches, &view.searches.wanted);
        let bytes_max = self.room.bytes_max();
        // What is not sealed is sorted; the searches and the clicked ones have a cell each for what is counted by.
        let names_one = |block: &Arc<Counted>| {
            block.columns().search.iter().filter(|search| **search != Mark::NOBODY).count()
        };
        let loose = view.naming.iter().map(names_one).sum::<usize>();
        let loose_bytes = loose * LOOSE_CLICK_BYTES + view.searches.rows() * LOOSE_SEARCH_BYTES;
        let cells = view.searches.numbers_end * size_of::<u64>();
        let left = bytes_max.checked_sub(loose_bytes + cells).ok_or(StoreError::OutOfTime)?;
        let (clicks_bytes, clicks_limits) = clicks_count.limits(left, view.clicks.numbers_end, 0)?;
        let left = left - clicks_bytes;
        let (searches_bytes, searches_limits) = searches_count.limits(left, view.searches.numbers_end, 0)?;
        let window_bytes = window_bytes(&searches_count).min(left - searches_bytes);
        let bytes = loose_bytes + cells + clicks_bytes + searches_bytes + window_bytes;
        let _held = self.room.take(bytes, self.stop)?;

        let mut clicks = Evaluator::new(&of_clicks, &view.clicks.wanted, view.clicks.numbers_end);
        if !view.clicks.wanted.is_nothing() {
            view.clicks.count(&clicks_count, clicks_limits, &mut clicks)?;
        }
        let end = view.searches.numbers_end;
        let mut searches = Evaluator::new(&of_searches, &view.searches.wanted, end);
        let mut clicked = Evaluator::new(&of_searches, &view.searches.wanted, end);
        if !view.searches.wanted.is_nothing() {
            view.searches.count(&searches_count, searches_limits, &mut searches)?;
            let joined = Clicked { count: &searches_count, of_account: view.of_account, window_bytes };
            joined.count(&view.searches.blocks, &view.naming, &mut clicked)?;
        }
        let counted = Counts { clicks, searches, clicked };
        match question.grouping {
            Grouping::TermsReport { rows_max } => {
                self.finish_terms(&counted, rows_max, &mut counter)?;
            }
            _ => (0..question.days.days().len()).for_each(|day| counter.add_day_report(day, counted.of(day))),
        }
        Ok(counter.finish())
    }

    fn finish_terms(
        &self,
        counted: &Counts<'_>,
        rows_max: usize,
        counter: &mut Counter<'_>,
    ) -> Result<(), StoreError> {
        let end = counted.clicks.cells().len();
        let first_then = |number: usize| self.question.measure.first_then(counted.of(number));
        let any = |number: usize| first_then(number) > (0, 0);
        let asked = matching(self.kept, self.question, end, any, Names::terms_text, self.stop)?;
        let untold = usize::try_from(UNTOLD).unwrap_or_default();
        if any(untold) && asked.is_none() {
            counter.add_terms_report(None, counted.of(untold), counted.clicks.rank_sum(UNTOLD));
        }
        let numbers = (0_u32..)
            .zip(0..end)
            .filter(|(number, _)| *number != UNTOLD && is_among(asked.as_deref(), *number));
        let top = TopNumbers::new(numbers.map(|(number, at)| (number, first_then(at))), rows_max);
        let name = |names: &Names, number: u32| Some((names.terms.name(number)?.clone(), number));
        let add = |(terms, number), _| {
            let through = counted.of(crate::index::directory::place(number));
            counter.add_terms_report(Some(terms), through, counted.clicks.rank_sum(number));
        };
        first_rows(self.kept, &top, name, add, self.stop)
    }
}

/// What was counted, by day or by number.
struct Counts<'q> {
    clicks: Evaluator<'q>,
    searches: Evaluator<'q>,
    clicked: Evaluator<'q>,
}

impl Counts<'_> {
    fn of(&self, cell: usize) -> ClickThrough {
        let of = |evaluator: &Evaluator<'_>| evaluator.cells().get(cell).copied().unwrap_or_default();
        ClickThrough { searches: of(&self.searches), clicked: of(&self.clicked), clicks: of(&self.clicks) }
    }
}

/// How many bytes the clicks of a day of the question take, with those of the days beside it: the most of any day.
fn window_bytes(count: &SealedCount<'_>) -> usize {
    let Some(cuts) = count.cuts() else { return 0 };
    let of_day = |day: i32| {
        let parts = count.sealed.days.get(&day).into_iter().flat_map(|day| &day.clicks);
        parts.map(|part| part.section_bytes(Loads::Queries)).sum::<usize>()
    };
    let of_three = |day: i32| of_day(day - 1) + of_day(day) + of_day(day + 1);
    cuts.days().map(|cut| of_three(cut.day)).max().unwrap_or(0)
}
