//! Cuts: where the days of a question begin and end within UTC days, in quarters of an hour. What lies inside a quarter
//! that some day begins or ends in can't be told by quarters: such a quarter is named, and its clicks have to be looked
//! at. It must never know what is counted.

use clicks::{LocalDays, Span};

use crate::recent::day::{DAY_MS, day_of};

/// How many quarters of an hour a UTC day has.
pub const QUARTERS: u8 = 96;
/// The length of each, in milliseconds.
pub const QUARTER_MS: i64 = 900_000;

/// The quarter of its UTC day that an instant lies in.
pub fn quarter_of(at_ms: i64) -> u8 {
    // A day has 96 quarters: the quotient fits.
    u8::try_from(at_ms.rem_euclid(DAY_MS) / QUARTER_MS).unwrap_or(QUARTERS - 1)
}

/// Whole quarters of a UTC day that belong to one day of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub from: u8,
    pub until: u8,
    /// The day's place in [`LocalDays::days`].
    pub day: usize,
}

impl Segment {
    /// Whether it is the whole UTC day.
    pub const fn is_whole(self) -> bool {
        self.from == 0 && self.until == QUARTERS
    }
}

/// What the question asks of one UTC day.
#[derive(Debug, Clone, Copy)]
pub struct DayCuts<'c> {
    /// The UTC day.
    pub day: i32,
    /// Whole quarters, in order.
    pub segments: &'c [Segment],
    /// Quarters whose clicks have to be looked at one by one.
    pub cut: &'c [u8],
}

impl DayCuts<'_> {
    /// By quarter: the place of its segment and one more, or 0 where the quarter is in none.
    pub fn by_quarter(&self) -> [u32; QUARTERS as usize] {
        let mut segments = [0; QUARTERS as usize];
        for (number, segment) in (1..).zip(self.segments) {
            let quarters = usize::from(segment.from)..usize::from(segment.until);
            if let Some(quarters) = segments.get_mut(quarters) {
                quarters.fill(number);
            }
        }
        segments
    }
}

/// The UTC days that a question touches, and how it cuts them.
#[derive(Debug, Default)]
pub struct Cuts {
    days: Vec<Day>,
    segments: Vec<Segment>,
    cut: Vec<u8>,
}

#[derive(Debug)]
struct Day {
    day: i32,
    segments: (usize, usize),
    cut: (usize, usize),
}

impl Cuts {
    /// Cuts the UTC days from `first` to `last` that a question touches.
    pub fn new(question: &LocalDays, first: i32, last: i32) -> Self {
        let mut cuts = Self::default();
        let from_ms = i64::from(first) * DAY_MS;
        let begun = question.spans().partition_point(|span| span.until_ms <= from_ms);
        for span in question.spans().get(begun..).unwrap_or_default() {
            let from = day_of(span.from_ms).max(first);
            let until = day_of(span.until_ms - 1).min(last);
            (from..=until).for_each(|day| cuts.add(day, span));
            if until == last && day_of(span.until_ms) > last {
                break;
            }
        }
        cuts
    }

    fn add(&mut self, day: i32, span: &Span) {
        if self.days.last().is_none_or(|before| before.day != day) {
            let (segments, cut) = (self.segments.len(), self.cut.len());
            self.days.push(Day { day, segments: (segments, segments), cut: (cut, cut) });
        }
        let start_ms = i64::from(day) * DAY_MS;
        let (from_ms, until_ms) = ((span.from_ms - start_ms).max(0), (span.until_ms - start_ms).min(DAY_MS));
        let quarter = |ms: i64| u8::try_from(ms / QUARTER_MS).unwrap_or(QUARTERS);
        let (from, until) = (quarter(from_ms + QUARTER_MS - 1), quarter(until_ms));
        let Some(last) = self.days.last_mut() else { return };
        // A span may begin and end in one quarter, and two spans may meet in one.
        for edge_ms in [from_ms, until_ms].into_iter().filter(|edge_ms| edge_ms % QUARTER_MS != 0) {
            let edge = quarter(edge_ms);
            let noted = self.cut.get(last.cut.0..).is_some_and(|cut| cut.last() == Some(&edge));
            if !noted {
                self.cut.push(edge);
            }
        }
        if from < until {
            self.segments.push(Segment { from, until, day: span.day });
        }
        last.segments.1 = self.segments.len();
        last.cut.1 = self.cut.len();
    }

    /// The first UTC day.
    pub fn first_day(&self) -> Option<i32> {
        self.days.first().map(|day| day.day)
    }

    /// The last UTC day.
    pub fn last_day(&self) -> Option<i32> {
        self.days.last().map(|day| day.day)
    }

    /// The UTC days, oldest first.
    pub fn days(&self) -> impl Iterator<Item = DayCuts<'_>> {
        self.days.iter().map(|day| DayCuts {
            day: day.day,
            segments: self.segments.get(day.segments.0..day.segments.1).unwrap_or_default(),
            cut: self.cut.get(day.cut.0..day.cut.1).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clicks::{Period, Zone};

    use super::*;

    fn local_days(from: &str, to: &str, zone: &str) -> LocalDays {
        let period = Period { from: from.parse().unwrap(), to: to.parse().unwrap() };
        LocalDays::of(&period, &Zone::parse(zone).unwrap()).unwrap()
    }

    /// Every second of the days is where the question says: in a segment of its day, in a cut quarter, or outside.
    fn check(days: &LocalDays) {
        let (first, last) =
            (day_of(days.spans()[0].from_ms) - 1, day_of(days.spans().last().unwrap().until_ms) + 1);
        let cuts = Cuts::new(days, first, last);
        let mut seen = 0;
        for day in cuts.days() {
            let by_quarter = day.by_quarter();
            for second in 0..86_400 {
                let at_ms = i64::from(day.day) * DAY_MS + second * 1_000;
                let quarter = quarter_of(at_ms);
                if day.cut.contains(&quarter) {
                    assert_eq!(by_quarter[usize::from(quarter)], 0);
                    continue;
                }
                let segment = by_quarter[usize::from(quarter)].checked_sub(1);
                let found = segment.map(|segment| day.segments[segment as usize].day);
                assert_eq!(found, days.day_of(at_ms), "day {} second {second}", day.day);
                seen += 1;
            }
            assert!(day.cut.is_sorted_by(|left, right| left < right), "{:?}", day.cut);
        }
        assert!(seen > 0);
    }

    #[test]
    fn whole_quarters_and_cut_ones_make_up_every_question() {
        for (from, to, zone) in [
            ("20240301", "20240405", "Z"),
            ("20240301", "20240405", "Europe/Madrid"),
            ("20101105", "20101109", "America/St_Johns"),
            ("20111228", "20120101", "Pacific/Apia"),
            ("20240301", "20240303", "+05:17"),
            ("20240301", "20240303", "Asia/Kathmandu"),
            ("1717156800", "1717160401", "Z"),
            ("1717156801123", "1717156802", "Z"),
            ("20240531", "1717156800123", "Z"),
        ] {
            check(&local_days(from, to, zone));
        }
    }

    #[test]
    fn only_days_that_are_asked_for_are_cut() {
        let year = local_days("20240101", "20241231", "Z");
        let cuts = Cuts::new(&year, day_of(1_717_156_800_000), day_of(1_717_156_800_000) + 1);
        let days: Vec<_> = cuts.days().collect();
        assert_eq!(days.len(), 2);
        assert!(
            days.iter()
                .all(|day| day.segments.len() == 1 && day.segments[0].is_whole() && day.cut.is_empty())
        );
    }
}
