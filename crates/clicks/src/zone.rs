//! Time zones: a name or an offset in, a wall clock out. The data is compiled in, so an answer never depends on what
//! the machine has installed.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

/// 24 hours in milliseconds: what a day on a wall clock has while the clock is not moved.
pub(crate) const DAY_MS: i64 = 86_400_000;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Why a text is not a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an IANA time zone name such as Europe/Madrid, an offset such as +02:00 (up to 23:59), or Z")]
pub struct ZoneError;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Reads an IANA name in any letter case (links included), `±HH:MM` up to 23:59, or `Z`. POSIX strings and file
    /// paths are refused. A `+` that arrived as a space, as in a query string that was not encoded, is understood.
    ///
    /// # Errors
    /// [`ZoneError`] when it is none of these.
    pub fn parse(text: &str) -> Result<Self, ZoneError> {
        if text == "Z" || text == "z" {
            return Ok(Self::UTC);
        }
        if let Some(offset) = offset(text) {
            return Ok(Self(TimeZone::fixed(offset)));
        }
        // The database is asked for listed names only: it must see no path and no POSIX string.
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        if text.is_empty() || !text.bytes().all(known) || !text.as_bytes()[0].is_ascii_alphabetic() {
            return Err(ZoneError);
        }
        let zone = DATABASE.get(text).map_err(|_| ZoneError)?;
        // The database answers Etc/Unknown, which is no IANA name, with a clock of its own invention.
        if zone.is_unknown() { Err(ZoneError) } else { Ok(Self(zone)) }
    }

    /// Every name that [`Zone::parse`] knows.
    pub fn names() -> impl Iterator<Item = String> {
        DATABASE.available().map(|name| name.to_string())
    }

    /// The offset in force at an instant, in milliseconds to be added for the wall clock, and the first instant at
    /// which another begins, in milliseconds; `None` when it stays for ever.
    #[must_use]
    pub fn offset_at(&self, at_ms: i64) -> (i64, Option<i64>) {
        let at = timestamp(at_ms);
        let offset = i64::from(self.0.to_offset(at).seconds()) * 1_000;
        // A transition may change nothing but the abbreviation: those that leave the offset alone are passed over.
        let next = self
            .0
            .following(at)
            .map(|change| change.timestamp())
            .find(|change| i64::from(self.0.to_offset(*change).seconds()) * 1_000 != offset);
        (offset, next.map(Timestamp::as_millisecond))
    }

    /// The date on the wall clock at an instant.
    #[must_use]
    pub fn date_of(&self, at_ms: i64) -> Date {
        self.0.to_datetime(timestamp(at_ms)).date()
    }
}

fn timestamp(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).unwrap_or(if at_ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn offset(text: &str) -> Option<Offset> {
    let bytes = text.as_bytes();
    let [sign, h1, h2, b':', m1, m2] = *bytes else { return None };
    let sign = match sign {
        b'+' | b' ' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i32::from(byte - b'0'));
    let hours = digit(h1)? * 10 + digit(h2)?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

/// How many days a date is after 1970-01-01.
pub(crate) fn day_number(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}

/// The date that is a number of days after 1970-01-01.
pub(crate) fn date_of_number(day_number: i64) -> Date {
    Offset::UTC.to_datetime(timestamp(day_number * DAY_MS)).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_links_offsets_and_z_are_zones() {
        for text in [
            "Europe/Madrid",
            "europe/MADRID",
            "Asia/Calcutta",
            "Etc/UTC",
            "ETC/UTC",
            "UTC",
            "Z",
            "GMT",
            "EST5EDT",
        ] {
            assert!(Zone::parse(text).is_ok(), "{text}");
        }
        assert_eq!(Zone::parse(" 05:30"), Zone::parse("+05:30"));
        assert_eq!(Zone::parse("-23:59").unwrap().offset_at(0), (-86_340_000, None));
    }

    #[test]
    fn posix_strings_paths_and_junk_are_refused() {
        for text in [
            "",
            " ",
            "+24:00",
            "+05:60",
            "+5:30",
            "EST5EDT,M3.2.0,M11.1.0",
            "/etc/localtime",
            "../Madrid",
            "Nowhere/Land",
            "Etc/Unknown",
            "<+03>-3",
            "UTC+3",
            ":UTC",
            "+0530",
            "Ｚ",
        ] {
            assert!(Zone::parse(text).is_err(), "{text}");
        }
    }
}
