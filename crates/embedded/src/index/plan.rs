//! Days of a question out of the counters' days: where the question's days are cut, for one engine after another. It must never
//! know what is asked for beyond days and kinds.

use crate::index::counters::{EngineCounters, Kinds};
use crate::index::cuts::{Cuts, QUARTERS};
use crate::index::part_quarters::Kind;

/// A quarter at which so many days are cut is split for all days at once; for fewer the days are looked at one by one.
const SPLIT_DAYS_MIN: usize = 4;

/// Which numbers of the counters make up the days of a question.
pub struct Plan {
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
    pub fn new(cuts: &Cuts, first: i32, last: i32) -> Self {
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
    pub fn hand_over(&self, sums: &Sums, mut hand: impl FnMut(usize, u64)) {
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

/// What was added up of several engines, as a plan wants it.
pub struct Sums {
    /// Column by column, a cell for each UTC day.
    columns: Vec<u64>,
    single: Vec<u64>,
}

impl Sums {
    pub fn new(plan: &Plan) -> Self {
        Self { columns: vec![0; plan.days * plan.bounds.len()], single: vec![0; plan.single.len()] }
    }

    pub fn add(&mut self, plan: &Plan, engine: Option<&EngineCounters>, passes: impl Fn(Kind) -> bool) {
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
