//! The fields of a JSON object: each is read by its rule, and refused by its name. Knows the rules of ids, instants and
//! numbers, and no dialect's names for them.

use std::fmt;
use std::str::FromStr;

use clicks::check_id;
use jiff::Timestamp;

use crate::feed::Rejection;
use crate::json::Json;

/// The earliest time of a click or a search: 2000-01-01, in milliseconds since 1970-01-01 UTC.
pub const AT_MS_MIN: i64 = 946_684_800_000;
/// How far ahead of the server's clock a time may be: a day, in milliseconds.
pub const AT_AHEAD_MS_MAX: i64 = 86_400_000;

/// How a text tells an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offset {
    /// `Z` or `+01:00`, as RFC 3339 has it.
    Rfc3339,
    /// Also `+0100`, as Java's and OpenSearch's older formats have it.
    ColonOptional,
}

/// The fields of one object, with the time at which it is read.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'j> {
    object: &'j Json<'j>,
    now_ms: i64,
}

impl<'j> Fields<'j> {
    /// The fields of `object`; what is no object has none.
    #[must_use]
    pub fn new(object: &'j Json<'j>, now_ms: i64) -> Self {
        Self { object, now_ms }
    }

    /// A text, whatever it says.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field when it is something else.
    pub fn text(&self, field: &str) -> Result<Option<&'j str>, Rejection> {
        match self.object.get(field) {
            None => Ok(None),
            Some(value) => value.text().map(Some).ok_or_else(|| breaks(field, "must be a string")),
        }
    }

    /// A text of at most `chars_max` characters.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field.
    pub fn short_text(&self, field: &str, chars_max: usize) -> Result<Option<&'j str>, Rejection> {
        let told = self.text(field)?;
        match told {
            Some(text) if text.len() > chars_max && text.chars().count() > chars_max => {
                Err(breaks(field, format_args!("must have at most {chars_max} characters")))
            }
            _ => Ok(told),
        }
    }

    /// An address that is shown as a link: it must not lead anywhere but to a page. No `javascript:`, no relative address.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field.
    pub fn web_address(&self, field: &str, chars_max: usize) -> Result<Option<&'j str>, Rejection> {
        let Some(link) = self.short_text(field, chars_max)? else { return Ok(None) };
        let (scheme, rest) = link.split_once("://").unwrap_or_default();
        let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let has_host = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
        let is_plain = !link.contains(|c: char| c.is_control() || c.is_whitespace());
        if is_web && has_host && is_plain {
            Ok(Some(link))
        } else {
            Err(breaks(field, "must be an http or https address"))
        }
    }

    /// An id or a code: 1 to 512 characters, none of them a control character.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field.
    pub fn id(&self, field: &str) -> Result<Option<&'j str>, Rejection> {
        let checked = |id: &'j str| check_id(id).map(|()| id).map_err(|error| breaks(field, error));
        self.text(field)?.map(checked).transpose()
    }

    /// A name that is read from its text.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field and says what the name's own error says.
    pub fn name<T: FromStr<Err: fmt::Display>>(&self, field: &str) -> Result<Option<T>, Rejection> {
        let read = |text: &str| text.parse().map_err(|error| breaks(field, error));
        self.text(field)?.map(read).transpose()
    }

    /// One of a few words.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field and the words.
    pub fn word<T: FromStr>(&self, field: &str, words: &str) -> Result<Option<T>, Rejection> {
        let read =
            |text: &str| text.parse().map_err(|_| breaks(field, format_args!("must be one of {words}")));
        self.text(field)?.map(read).transpose()
    }

    /// A list of at most `entries_max` ids, each of 1 to 512 characters without controls.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field.
    pub fn ids<T: FromStr<Err: fmt::Display>>(
        &self,
        field: &str,
        entries_max: usize,
    ) -> Result<Option<Vec<T>>, Rejection> {
        let entries = match self.object.get(field) {
            None => return Ok(None),
            Some(Json::Array(entries)) => entries,
            Some(_) => return Err(breaks(field, "must be an array of strings")),
        };
        if entries.len() > entries_max {
            return Err(breaks(field, format_args!("must have at most {entries_max} entries")));
        }
        let read = |entry: &Json<'_>| {
            let text = entry.text().ok_or_else(|| breaks(field, "must be an array of strings"))?;
            text.parse().map_err(|error| breaks(field, format_args!("each entry: {error}")))
        };
        entries.iter().map(read).collect::<Result<_, _>>().map(Some)
    }

    /// A number without sign, fraction and exponent, at most `max`.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field.
    pub fn natural(&self, field: &str, max: u64) -> Result<Option<u64>, Rejection> {
        match self.object.get(field) {
            None => Ok(None),
            Some(Json::Natural(number)) if *number <= max => Ok(Some(*number)),
            Some(_) => Err(breaks(field, format_args!("must be an integer from 0 to {max}"))),
        }
    }

    /// The time of a click or a search, in milliseconds since 1970-01-01 UTC: a number of them, or a text. From
    /// [`AT_MS_MIN`] to [`AT_AHEAD_MS_MAX`] ahead of now.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field.
    pub fn at(&self, field: &str, offset: Offset) -> Result<i64, Rejection> {
        let unreadable =
            || breaks(field, "must be epoch milliseconds (an integer) or an RFC 3339 time (a string)");
        let at_ms = match self.object.get(field) {
            None => return Err(required(field)),
            Some(Json::Natural(ms)) => i64::try_from(*ms).unwrap_or(i64::MAX),
            Some(Json::Negative(ms)) => *ms,
            Some(Json::Text(text)) => instant_ms(text, offset).ok_or_else(unreadable)?,
            Some(_) => return Err(unreadable()),
        };
        if at_ms < AT_MS_MIN {
            return Err(breaks(field, "must not be before 2000-01-01"));
        }
        if at_ms > self.now_ms.saturating_add(AT_AHEAD_MS_MAX) {
            return Err(breaks(field, "must not be more than a day ahead of the server's clock"));
        }
        Ok(at_ms)
    }
}

/// A field that breaks its rule.
pub(crate) fn breaks(field: &str, rule: impl fmt::Display) -> Rejection {
    Rejection::bad_params(format!("{field}: {rule}"))
}

/// A field that has to be there.
pub(crate) fn required(field: &str) -> Rejection {
    breaks(field, "is required")
}

/// Reads `2024-06-01T10:00:00.123Z`, in milliseconds. The shape is checked before the values are: the reader of the
/// values would also take week dates, spaces and names of zones.
fn instant_ms(text: &str, offset: Offset) -> Option<i64> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let (start, mut rest) = text.as_bytes().split_at_checked(SHAPE.len())?;
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        shape => byte.eq_ignore_ascii_case(shape),
    };
    let mut sound = start.iter().zip(SHAPE).all(fits);
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        sound &= (1..=9).contains(&digits);
        rest = &fraction[digits..];
    }
    sound &= match rest {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h, i, b':', m, n] => {
            [h, i, m, n].iter().all(|byte| byte.is_ascii_digit()) && (*h, *i) < (b'2', b'4')
        }
        [b'+' | b'-', digits @ ..] if offset == Offset::ColonOptional => {
            digits.len() == 4 && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    let instant: Timestamp = sound.then(|| text.parse().ok())??;
    // Rounded towards the past, also before 1970.
    i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::json::in_place;

    const NOW_MS: i64 = 1_717_236_000_000;

    fn at(json: &str, offset: Offset) -> Result<i64, String> {
        let object = in_place(json.as_bytes()).unwrap();
        Fields::new(&object, NOW_MS).at("at", offset).map_err(|rejection| rejection.message)
    }

    #[test]
    fn instants_are_milliseconds_or_rfc_3339() {
        let told = [
            ("1717236000000", NOW_MS),
            ("946684800000", AT_MS_MIN),
            ("1717322400000", NOW_MS + AT_AHEAD_MS_MAX),
            ("\"2024-06-01T10:00:00Z\"", NOW_MS),
            ("\"2024-06-01t10:00:00.5z\"", NOW_MS + 500),
            ("\"2024-06-01T12:00:00.123456789+02:00\"", NOW_MS + 123),
            ("\"2024-06-01T09:59:59.9999-00:00\"", NOW_MS - 1),
            ("\"2016-12-31T23:59:60Z\"", 1_483_228_799_000),
        ];
        for (value, expected) in told {
            assert_eq!(at(&format!("{{\"at\":{value}}}"), Offset::Rfc3339), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_instant_or_out_of_range_is_refused_by_name() {
        let refused = [
            ("null", "at: is required"),
            ("946684799999", "at: must not be before 2000-01-01"),
            ("-1", "at: must not be before 2000-01-01"),
            ("1717322400001", "at: must not be more than a day ahead of the server's clock"),
            ("18446744073709551615", "at: must not be more than a day ahead of the server's clock"),
        ];
        for (value, message) in refused {
            assert_eq!(
                at(&format!("{{\"at\":{value}}}"), Offset::Rfc3339),
                Err(message.to_owned()),
                "{value}"
            );
        }
        let unreadable = [
            "1717236000000.0",
            "true",
            "[]",
            "\"\"",
            "\"1717236000000\"",
            "\"2024-06-01\"",
            "\"2024-06-01 10:00:00Z\"",
            "\"2024-06-01T10:00:00\"",
            "\"2024-06-01T10:00Z\"",
            "\"2024-02-30T10:00:00Z\"",
            "\"2024-06-01T24:00:00Z\"",
            "\"2024-06-01T10:00:00.Z\"",
            "\"2024-06-01T10:00:00,5Z\"",
            "\"2024-06-01T10:00:00+0000\"",
            "\"2024-06-01T10:00:00+00\"",
            "\"2024-06-01T10:00:00Z[UTC]\"",
            "\"2024-W22-6T10:00:00Z\"",
            "\"20240601T100000Z\"",
            "\"２024-06-01T10:00:00Z\"",
        ];
        for value in unreadable {
            let message = at(&format!("{{\"at\":{value}}}"), Offset::Rfc3339).unwrap_err();
            assert!(message.starts_with("at: must be epoch milliseconds"), "{value}: {message}");
        }
    }

    #[test]
    fn the_colon_of_an_offset_is_optional_where_a_log_leaves_it_out() {
        let told = |value: &str| at(&format!("{{\"at\":\"{value}\"}}"), Offset::ColonOptional);
        assert_eq!(told("2024-06-01T10:00:00.000+0000"), Ok(NOW_MS));
        assert_eq!(told("2024-06-01T15:30:00+0530"), Ok(NOW_MS));
        assert_eq!(told("2024-06-01T15:30:00+05:30"), Ok(NOW_MS));
        assert!(told("2024-06-01T15:30:00+053").is_err());
    }

    #[test]
    fn no_text_makes_the_reading_of_instants_fail_in_another_way() {
        let seed = 11;
        let mut chance = Chance::new(seed);
        let alphabet: Vec<char> = "0123456789-:T.Z+é ".chars().collect();
        for _ in 0..50_000 {
            let mut text: Vec<char> = "2024-06-01T10:00:00.000+00:00".chars().collect();
            for _ in 0..=chance.below(3) {
                let at = chance.below(text.len());
                text[at] = *chance.pick(&alphabet);
            }
            text.truncate(chance.below(30));
            let text: String = text.into_iter().collect();
            let _ = instant_ms(&text, Offset::ColonOptional);
        }
    }
}
