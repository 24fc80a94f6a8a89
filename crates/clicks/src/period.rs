//! The period of a question: two bounds, each a date or an instant, both inclusive.

use std::str::FromStr;

use jiff::civil::Date;

use crate::local_days::LOCAL_DAYS_MAX;

/// The earliest instant of a click or a search: 2000-01-01 00:00:00 UTC, in milliseconds.
pub const INSTANT_MS_MIN: i64 = 946_684_800_000;
/// The latest instant that 13 digits can name, in milliseconds: in the year 2286.
pub const INSTANT_MS_MAX: i64 = 9_999_999_999_999;

/// Why a period can't be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// The text is none of the three forms.
    #[error("a date as YYYYMMDD, 10 digits (Unix seconds) or 13 digits (Unix milliseconds)")]
    Bound,
    /// The period ends before it starts.
    #[error("`from` is after `to`")]
    Backwards,
    /// More than [`LOCAL_DAYS_MAX`] local days.
    #[error("the period touches more than {LOCAL_DAYS_MAX} days")]
    TooLong,
}

/// One end of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A date on the wall clock of the question's zone: the whole local day.
    Date(Date),
    /// Unix seconds: the whole second.
    Seconds(i64),
    /// Unix milliseconds.
    Millis(i64),
}

impl Bound {
    /// The first instant that the bound covers, in milliseconds; `None` for a date.
    #[must_use]
    pub const fn first_ms(self) -> Option<i64> {
        match self {
            Self::Date(_) => None,
            Self::Seconds(seconds) => Some(seconds * 1_000),
            Self::Millis(millis) => Some(millis),
        }
    }

    /// The last instant that the bound covers, in milliseconds; `None` for a date.
    #[must_use]
    pub const fn last_ms(self) -> Option<i64> {
        match self {
            Self::Date(_) => None,
            Self::Seconds(seconds) => Some(seconds * 1_000 + 999),
            Self::Millis(millis) => Some(millis),
        }
    }
}

impl FromStr for Bound {
    type Err = PeriodError;

    /// `YYYYMMDD` (a real date of the years 2000 to 2099), 10 digits (seconds) or 13 digits (milliseconds).
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PeriodError::Bound);
        }
        let number = text.parse::<i64>().map_err(|_| PeriodError::Bound)?;
        match text.len() {
            8 if text.starts_with("20") => {
                let part = |range: std::ops::Range<usize>| text[range].parse::<i16>().ok();
                let small = |value: i16| i8::try_from(value).ok();
                let date = (|| Date::new(part(0..4)?, small(part(4..6)?)?, small(part(6..8)?)?).ok())();
                date.map(Self::Date).ok_or(PeriodError::Bound)
            }
            10 => Ok(Self::Seconds(number)),
            13 => Ok(Self::Millis(number)),
            _ => Err(PeriodError::Bound),
        }
    }
}

/// What lies between two bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Where it starts.
    pub from: Bound,
    /// Where it ends.
    pub to: Bound,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_read_and_nothing_else() {
        assert_eq!("20240229".parse(), Ok(Bound::Date(Date::constant(2024, 2, 29))));
        assert_eq!("1581120000".parse(), Ok(Bound::Seconds(1_581_120_000)));
        assert_eq!("1581120000123".parse(), Ok(Bound::Millis(1_581_120_000_123)));
        let wrong = [
            "",
            "2024",
            "20230229",
            "20241301",
            "20240100",
            "19991231",
            "21000101",
            "2024-01-01",
            "+158112000",
            "15811200001",
            "158112000012",
            "15811200001234",
            "1581120000x",
            " 20240229",
            "20240229 ",
            "２０２４０２２９",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Bound>(), Err(PeriodError::Bound), "{text}");
        }
    }
}
