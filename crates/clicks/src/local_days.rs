//! Local days: how a period falls into days on a zone's wall clock.
//!
//! A local day is a set of instants, not a length of time: it has 23, 24 or 25 hours, may start after midnight, may
//! be missing from the calendar, and comes in two pieces where the clock falls back across midnight. So a day is
//! kept as its spans, and a click belongs to the day in whose span its instant lies.

use jiff::civil::Date;

use crate::period::{Bound, Period, PeriodError};
use crate::zone::{DAY_MS, Zone, date_of_number, day_number};

/// The most local days that a question may touch: ten years.
pub const LOCAL_DAYS_MAX: usize = 3_660;

/// More than any offset and any day together: a day that reaches into the period starts and ends within it.
const MARGIN_MS: i64 = 3 * DAY_MS;

/// One day on a wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDay {
    /// Its date.
    pub date: Date,
    /// Its first instant, in milliseconds since 1970-01-01 UTC, even if the period starts later.
    pub first_ms: i64,
}

/// A run of instants that belong to one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant, in milliseconds.
    pub from_ms: i64,
    /// The first instant after it, in milliseconds.
    pub until_ms: i64,
    /// The day's place in [`LocalDays::days`].
    pub day: usize,
}

/// The local days that a period touches, oldest first, and the instants of each that lie in the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalDays {
    days: Vec<LocalDay>,
    spans: Vec<Span>,
}

/// A run of instants with one date, before the period is applied. Dates are numbers of days after 1970-01-01 here:
/// ten years of days are cut for one question, and a calendar is far slower than arithmetic.
struct Piece {
    date: i64,
    from_ms: i64,
    until_ms: i64,
}

impl LocalDays {
    /// Lays a period out on a zone's wall clock. Date bounds compare dates, instant bounds compare instants.
    ///
    /// # Errors
    /// [`PeriodError::Backwards`], and [`PeriodError::TooLong`] beyond [`LOCAL_DAYS_MAX`] days.
    pub fn of(period: &Period, zone: &Zone) -> Result<Self, PeriodError> {
        Self::at_most(period, zone, LOCAL_DAYS_MAX)
    }

    /// As [`LocalDays::of`], for a period of as many days as the caller has room for.
    ///
    /// # Errors
    /// As [`LocalDays::of`], beyond `days_max` days.
    pub fn at_most(period: &Period, zone: &Zone, days_max: usize) -> Result<Self, PeriodError> {
        let Period { from, to } = *period;
        let date = |bound: Bound, instant: Option<i64>| match bound {
            Bound::Date(date) => day_number(date),
            Bound::Seconds(_) | Bound::Millis(_) => day_number(zone.date_of(instant.unwrap_or_default())),
        };
        let (first_date, last_date) = (date(from, from.first_ms()), date(to, to.last_ms()));
        let backwards = match (from.first_ms(), to.last_ms()) {
            (Some(first), Some(last)) => first > last,
            _ => first_date > last_date,
        };
        if backwards {
            return Err(PeriodError::Backwards);
        }
        let start_ms = from.first_ms().unwrap_or(first_date * DAY_MS) - MARGIN_MS;
        let end_ms = to.last_ms().unwrap_or(last_date * DAY_MS) + MARGIN_MS;
        let length_ms_max = i64::try_from(days_max).unwrap_or(i64::MAX).saturating_mul(DAY_MS);
        if end_ms - start_ms > length_ms_max.saturating_add(3 * MARGIN_MS) {
            return Err(PeriodError::TooLong);
        }
        let in_dates = |piece: &Piece| {
            (!matches!(from, Bound::Date(_)) || piece.date >= first_date)
                && (!matches!(to, Bound::Date(_)) || piece.date <= last_date)
        };
        let first_ms = from.first_ms().unwrap_or(i64::MIN);
        let after_ms = to.last_ms().map_or(i64::MAX, |last| last + 1);
        let days = Self::from_pieces(&pieces(zone, start_ms, end_ms), in_dates, first_ms, after_ms);
        if days.days.len() > days_max { Err(PeriodError::TooLong) } else { Ok(days) }
    }

    fn from_pieces(
        pieces: &[Piece],
        in_dates: impl Fn(&Piece) -> bool,
        first_ms: i64,
        after_ms: i64,
    ) -> Self {
        let clip = |piece: &Piece| (piece.from_ms.max(first_ms), piece.until_ms.min(after_ms));
        let touched = |piece: &&Piece| in_dates(piece) && clip(piece).0 < clip(piece).1;
        let mut dates: Vec<i64> = pieces.iter().filter(touched).map(|piece| piece.date).collect();
        dates.sort_unstable();
        dates.dedup();
        let mut days: Vec<LocalDay> = Vec::with_capacity(dates.len());
        for (place, &date) in dates.iter().enumerate() {
            // Most days are the day after another one, which is quicker to find than a date from its number.
            let yesterday = days.last().filter(|_| dates[place - 1] == date - 1);
            let date =
                yesterday.and_then(|day| day.date.tomorrow().ok()).unwrap_or_else(|| date_of_number(date));
            days.push(LocalDay { date, first_ms: i64::MAX });
        }
        let mut spans = Vec::with_capacity(days.len() + 1);
        let mut next = 0;
        for piece in pieces {
            // It is nearly always the day after that of the piece before.
            let found = if dates.get(next) == Some(&piece.date) {
                Ok(next)
            } else {
                dates.binary_search(&piece.date)
            };
            let Ok(day) = found else { continue };
            next = day + 1;
            days[day].first_ms = days[day].first_ms.min(piece.from_ms);
            if touched(&piece) {
                let (from_ms, until_ms) = clip(piece);
                spans.push(Span { from_ms, until_ms, day });
            }
        }
        Self { days, spans }
    }

    /// The same days without the instants of a UTC day; `None` when none of them lies in the period.
    #[must_use]
    pub fn without(&self, utc_date: Date) -> Option<Self> {
        let from_ms = day_number(utc_date) * DAY_MS;
        let until_ms = from_ms + DAY_MS;
        let touched = |span: &Span| span.from_ms < until_ms && span.until_ms > from_ms;
        if !self.spans.iter().any(touched) {
            return None;
        }
        let around = |span: &Span| {
            let before = Span { until_ms: span.until_ms.min(from_ms), ..*span };
            let after = Span { from_ms: span.from_ms.max(until_ms), ..*span };
            [before, after]
        };
        let rest = self.spans.iter().flat_map(around).filter(|span| span.from_ms < span.until_ms);
        Some(Self { days: self.days.clone(), spans: rest.collect() })
    }

    /// The days, oldest first.
    #[must_use]
    pub fn days(&self) -> &[LocalDay] {
        &self.days
    }

    /// The spans in the order of their instants; they don't overlap.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The day, as its place in [`LocalDays::days`], of an instant in the period.
    #[must_use]
    pub fn day_of(&self, at_ms: i64) -> Option<usize> {
        let after = self.spans.partition_point(|span| span.from_ms <= at_ms);
        let span = self.spans.get(after.checked_sub(1)?)?;
        (at_ms < span.until_ms).then_some(span.day)
    }
}

/// Cuts `start_ms..end_ms` at each local midnight and each change of the offset; neighbours with one date are one.
fn pieces(zone: &Zone, start_ms: i64, end_ms: i64) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut from_ms = start_ms;
    while from_ms < end_ms {
        let (offset_ms, change_ms) = zone.offset_at(from_ms);
        let steady_until_ms = change_ms.map_or(end_ms, |change| change.min(end_ms));
        let mut date = (from_ms + offset_ms).div_euclid(DAY_MS);
        while from_ms < steady_until_ms {
            let next_midnight_ms = (date + 1) * DAY_MS - offset_ms;
            let until_ms = next_midnight_ms.min(steady_until_ms);
            match pieces.last_mut() {
                Some(last) if last.date == date => last.until_ms = until_ms,
                _ => pieces.push(Piece { date, from_ms, until_ms }),
            }
            from_ms = until_ms;
            date += 1;
        }
    }
    // The margin is cut anywhere, so its first piece may not begin where its day does: no question reaches it.
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(from: &str, to: &str, zone: &str) -> LocalDays {
        let period = Period { from: from.parse().unwrap(), to: to.parse().unwrap() };
        LocalDays::of(&period, &Zone::parse(zone).unwrap()).unwrap()
    }

    fn hours(days: &LocalDays) -> Vec<f64> {
        let mut lengths = vec![0.0; days.days().len()];
        for span in days.spans() {
            lengths[span.day] += (span.until_ms - span.from_ms) as f64 / 3_600_000.0;
        }
        lengths
    }

    #[test]
    fn a_utc_day_is_left_out_to_the_millisecond() {
        let madrid = days("20240530", "20240602", "Europe/Madrid");
        let without = madrid.without("2024-05-31".parse().unwrap()).unwrap();
        assert_eq!(without.days(), madrid.days());
        assert_eq!(hours(&without), [24.0, 2.0, 22.0, 24.0]);
        let (from_ms, until_ms) = (1_717_113_600_000, 1_717_200_000_000);
        for (at_ms, left_out) in
            [(from_ms - 1, false), (from_ms, true), (until_ms - 1, true), (until_ms, false)]
        {
            let wanted = madrid.day_of(at_ms).filter(|_| !left_out);
            assert_eq!(without.day_of(at_ms), wanted, "{at_ms}");
        }
        assert_eq!(madrid.without("2024-05-28".parse().unwrap()), None);
        assert_eq!(without.without("2024-05-31".parse().unwrap()), None);
        let one = days("20240531", "20240531", "Z");
        assert_eq!(one.without("2024-05-31".parse().unwrap()).unwrap().spans(), []);
    }

    #[test]
    fn days_have_23_24_and_25_hours() {
        assert_eq!(hours(&days("20240330", "20240401", "Europe/Madrid")), [24.0, 23.0, 24.0]);
        assert_eq!(hours(&days("20241026", "20241028", "Europe/Madrid")), [24.0, 25.0, 24.0]);
    }

    #[test]
    fn a_day_whose_midnight_is_skipped_starts_later() {
        // Beirut springs forward at 00:00 to 01:00.
        let beirut = days("20210328", "20210328", "Asia/Beirut");
        assert_eq!(beirut.days()[0].first_ms, 1_616_882_400_000);
        assert_eq!(beirut.days()[0].first_ms % 3_600_000, 0);
        assert_eq!(hours(&beirut), [23.0]);
    }

    #[test]
    fn a_day_that_the_zone_never_had_has_no_row() {
        assert_eq!(days("20111230", "20111230", "Pacific/Apia").days(), []);
        assert_eq!(days("20111229", "20111231", "Pacific/Apia").days().len(), 2);
    }

    #[test]
    fn a_fall_back_after_midnight_makes_a_day_of_two_pieces() {
        // St. John's fell back at 00:01 until 2011: one minute of the day, an hour of the day before, the rest.
        let days = days("20101107", "20101107", "America/St_Johns");
        assert_eq!(days.days().len(), 1);
        assert_eq!(days.spans().len(), 2);
        assert_eq!(hours(&days), [24.0 + 1.0 / 60.0]);
        assert_eq!(days.days()[0].first_ms, days.spans()[0].from_ms);
        assert_eq!(days.day_of(days.spans()[0].until_ms), None);
    }

    #[test]
    fn instants_clip_the_spans_but_not_the_first_instant_of_the_day() {
        let days = days("1581120001", "1581120002", "Etc/UTC");
        assert_eq!(days.days()[0].first_ms, 1_581_120_000_000);
        assert_eq!(days.spans(), [Span { from_ms: 1_581_120_001_000, until_ms: 1_581_120_003_000, day: 0 }]);
    }

    #[test]
    fn a_period_has_an_order_and_a_greatest_length() {
        let of = |from: &str, to: &str| {
            let period = Period { from: from.parse().unwrap(), to: to.parse().unwrap() };
            LocalDays::of(&period, &Zone::UTC).map(|days| days.days().len())
        };
        assert_eq!(of("20240102", "20240101"), Err(PeriodError::Backwards));
        assert_eq!(of("1704067200001", "1704067200"), Ok(1));
        assert_eq!(of("1704067201", "1704067200"), Err(PeriodError::Backwards));
        assert_eq!(of("20000101", "20100107"), Ok(3_660));
        assert_eq!(of("20000101", "20100108"), Err(PeriodError::TooLong));
        assert_eq!(of("0000000000", "9999999999999"), Err(PeriodError::TooLong));
        assert_eq!(of("20240101", "1704067200"), Ok(1));
        assert_eq!(of("20240102", "1704067200"), Err(PeriodError::Backwards));
    }

    #[test]
    fn every_instant_of_a_period_has_the_date_of_its_wall_clock() {
        for name in
            ["America/St_Johns", "Africa/Casablanca", "Asia/Kolkata", "Antarctica/Troll", "Pacific/Apia"]
        {
            let zone = Zone::parse(name).unwrap();
            let all = days("20100101", "20121231", name);
            let mut at_ms = all.spans()[0].from_ms;
            while at_ms < all.spans().last().unwrap().until_ms {
                let day = all.day_of(at_ms).unwrap_or_else(|| panic!("{name} {at_ms}"));
                assert_eq!(all.days()[day].date, zone.date_of(at_ms), "{name} {at_ms}");
                at_ms += 7 * 60_000;
            }
        }
    }
}
