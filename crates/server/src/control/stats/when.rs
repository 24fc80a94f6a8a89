//! When a period begins and ends, as people type it. It must never read a clock: it is told the time.

use clicks::{Bound, Zone};
use jiff::ToSpan;
use jiff::civil::Date;

/// The most days that a period may be asked back: as many as a question may touch.
const DAYS_BACK_MAX: i64 = clicks::LOCAL_DAYS_MAX as i64;

/// What may be typed for the first day.
const FROM_RULE: &str = "YYYYMMDD, YYYY-MM-DD, Unix seconds or milliseconds, today, yesterday, or how many days up to today: \
                         30d, 4w";
/// What may be typed for the last day.
const TO_RULE: &str = "YYYYMMDD, YYYY-MM-DD, Unix seconds or milliseconds, today or yesterday";

/// The first bound. `30d` is today and the 29 days before it.
///
/// # Errors
/// What may be typed.
pub(super) fn first(text: &str, zone: &Zone, now_ms: i64) -> Result<Bound, String> {
    if let Some(days) = days_back(text) {
        let today = zone.date_of(now_ms);
        let first = (1..=DAYS_BACK_MAX).contains(&days).then(|| today.checked_sub((days - 1).days()).ok());
        return first
            .flatten()
            .map(Bound::Date)
            .ok_or_else(|| format!("at most {DAYS_BACK_MAX} days, and at least one"));
    }
    bound(text, zone, now_ms).ok_or_else(|| FROM_RULE.to_owned())
}

/// The last bound.
///
/// # Errors
/// What may be typed.
pub(super) fn last(text: &str, zone: &Zone, now_ms: i64) -> Result<Bound, String> {
    bound(text, zone, now_ms).ok_or_else(|| TO_RULE.to_owned())
}

fn bound(text: &str, zone: &Zone, now_ms: i64) -> Option<Bound> {
    match text {
        "today" => Some(Bound::Date(zone.date_of(now_ms))),
        "yesterday" => zone.date_of(now_ms).yesterday().ok().map(Bound::Date),
        _ => text.parse().ok().or_else(|| dashed(text)),
    }
}

/// `YYYY-MM-DD`: the digits are read as those of `YYYYMMDD` are, so that both mean the same and have the same limits.
fn dashed(text: &str) -> Option<Bound> {
    let date: Date = text.parse().ok().filter(|_| text.len() == 10)?;
    date.strftime("%Y%m%d").to_string().parse().ok()
}

fn days_back(text: &str) -> Option<i64> {
    let (number, days) = match text.strip_suffix('d') {
        Some(number) => (number, 1),
        None => (text.strip_suffix('w')?, 7),
    };
    let is_plain =
        !number.is_empty() && number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<i64>().ok().filter(|_| is_plain).map(|number| number * days)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-05-31 22:30 UTC, which is 1 June in Madrid.
    const NOW_MS: i64 = 1_717_194_600_000;

    fn date(year: i16, month: i8, day: i8) -> Result<Bound, String> {
        Ok(Bound::Date(Date::constant(year, month, day)))
    }

    #[test]
    fn days_are_counted_back_from_today_in_the_zone() {
        let madrid = Zone::parse("Europe/Madrid").unwrap();
        assert_eq!(first("1d", &Zone::UTC, NOW_MS), date(2024, 5, 31));
        assert_eq!(first("30d", &Zone::UTC, NOW_MS), date(2024, 5, 2));
        assert_eq!(first("30d", &madrid, NOW_MS), date(2024, 5, 3));
        assert_eq!(first("1w", &madrid, NOW_MS), date(2024, 5, 26));
        assert_eq!(last("today", &madrid, NOW_MS), date(2024, 6, 1));
        assert_eq!(last("yesterday", &madrid, NOW_MS), date(2024, 5, 31));
    }

    #[test]
    fn dates_and_instants_mean_what_they_mean_in_the_api() {
        assert_eq!(first("20240229", &Zone::UTC, NOW_MS), date(2024, 2, 29));
        assert_eq!(first("2024-02-29", &Zone::UTC, NOW_MS), date(2024, 2, 29));
        assert_eq!(last("1717236000", &Zone::UTC, NOW_MS), Ok(Bound::Seconds(1_717_236_000)));
    }

    #[test]
    fn anything_else_is_told_what_may_be_typed() {
        for text in [
            "",
            "d",
            "0d",
            "-3d",
            "3661d",
            "99999999d",
            "30 d",
            "2023-02-29",
            "tomorrow",
            "2024-1-1",
            "1999-12-31",
        ] {
            assert!(first(text, &Zone::UTC, NOW_MS).is_err(), "{text}");
        }
        assert!(last("7d", &Zone::UTC, NOW_MS).unwrap_err().contains("yesterday"));
    }
}
