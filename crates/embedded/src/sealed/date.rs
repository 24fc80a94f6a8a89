//! The names of days: `2026-01-31` for the UTC day with a number. It must never know a zone.

/// Days in 400 years of the Gregorian calendar.
const ERA_DAYS: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// The date of a UTC day, as folders are named: four digits or more for the year.
pub fn date_of(day: i32) -> String {
    let shifted = i64::from(day) + EPOCH_DAYS;
    let (era, of_era) = (shifted.div_euclid(ERA_DAYS), shifted.rem_euclid(ERA_DAYS));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Counted from March, so that the leap day is the last.
    let from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{of_month:02}")
}

/// The UTC day with this date; `None` when that is no date, or spelled otherwise than [`date_of`] does.
pub fn day_of_date(date: &str) -> Option<i32> {
    let (rest, of_month) = date.rsplit_once('-')?;
    let (year, month) = rest.rsplit_once('-')?;
    let (year, month, of_month): (i64, i64, i64) =
        (year.parse().ok()?, month.parse().ok()?, of_month.parse().ok()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&of_month) || !(-9_000_000..9_000_000).contains(&year)
    {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + of_month - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    let day = i32::try_from(era * ERA_DAYS + of_era - EPOCH_DAYS).ok()?;
    (date_of(day) == date).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_the_dates_of_the_calendar() {
        for (day, date) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (20_512, "2026-02-28"),
            (20_513, "2026-03-01"),
            (-719_468, "0000-03-01"),
            (2_932_896, "9999-12-31"),
            (i32::MAX, "5881580-07-11"),
        ] {
            assert_eq!(date_of(day), date);
            assert_eq!(day_of_date(date), Some(day));
        }
        for day in (-800_000..3_000_000).step_by(13).chain([i32::MIN, i32::MIN + 1, i32::MAX - 1]) {
            assert_eq!(day_of_date(&date_of(day)), Some(day), "{day}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "2026-01-32",
            "x-01-01",
            "+2026-01-01",
        ] {
            assert_eq!(day_of_date(text), None, "{text}");
        }
    }
}
