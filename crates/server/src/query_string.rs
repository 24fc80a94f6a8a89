//! The query string: text in, decoded names and values out. Knows no parameter, and looks at no value's meaning.

use std::borrow::Cow;

/// The most parameters that a query string may have, unknown ones included.
pub(crate) const STATS_PARAMETERS_MAX: usize = 4_096;

/// Why a query string can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Too many parameters.
    #[error("the query string has more than {STATS_PARAMETERS_MAX} parameters")]
    TooMany,
    /// A name or value is not what it was before it was encoded.
    #[error("the query string is not valid percent-encoded UTF-8")]
    Encoding,
}

/// A parameter's name and value, decoded.
type Parameter<'q> = (Cow<'q, str>, Cow<'q, str>);

/// Reads `name=value` pairs between `&`, in their order, as HTML forms encode them: `%XX` is a byte and a raw `+` is a
/// space. Empty pairs are skipped; a name without `=` has an empty value.
///
/// Encoding is checked for every pair, also for those that nobody will ask for: a query string that is damaged in one
/// place may be damaged in another.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = Result<Parameter<'_>, Unreadable>> {
    query.split('&').filter(|pair| !pair.is_empty()).enumerate().map(|(place, pair)| {
        if place >= STATS_PARAMETERS_MAX {
            return Err(Unreadable::TooMany);
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let both = decode(name).zip(decode(value));
        both.ok_or(Unreadable::Encoding)
    })
}

/// Undoes the percent-encoding of a path's segment, where `+` is itself; `None` as for a query string.
pub(crate) fn decode_path(segment: &str) -> Option<String> {
    decode(&segment.replace('+', "%2B")).map(Cow::into_owned)
}

/// Undoes percent-encoding; `None` for a `%` without two hexadecimal digits and for bytes that are not UTF-8.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let ([high, low], after) = rest.split_first_chunk()?;
                bytes.push(digit(*high)? << 4 | digit(*low)?);
                rest = after;
            }
            plain => bytes.push(*plain),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Vec<(String, String)>, Unreadable> {
        parameters(query)
            .map(|pair| pair.map(|(name, value)| (name.into_owned(), value.into_owned())))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Result<Vec<(String, String)>, Unreadable> {
        Ok(expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn names_and_values_are_decoded_in_their_order() {
        assert_eq!(read("b=2&a=1&b=3"), pairs(&[("b", "2"), ("a", "1"), ("b", "3")]));
        assert_eq!(read("hashids%5b%5D=a%26b%3Dc"), pairs(&[("hashids[]", "a&b=c")]));
        assert_eq!(read("q=a+b%2Bc%20d&q=caf%C3%a9"), pairs(&[("q", "a b+c d"), ("q", "café")]));
        assert_eq!(read("q=a=b;c?d"), pairs(&[("q", "a=b;c?d")]));
    }

    #[test]
    fn a_plus_in_a_path_is_a_plus() {
        assert_eq!(decode_path("a+b%20c%2F%2B").as_deref(), Some("a+b c/+"));
        assert_eq!([decode_path("%zz"), decode_path("%ff"), decode_path("+%")], [None, None, None]);
    }

    #[test]
    fn empty_pairs_are_skipped_and_a_missing_value_is_empty() {
        assert_eq!(read(""), pairs(&[]));
        assert_eq!(read("&&"), pairs(&[]));
        assert_eq!(read("&a&b=&=c&"), pairs(&[("a", ""), ("b", ""), ("", "c")]));
    }

    #[test]
    fn what_is_not_percent_encoded_utf8_is_refused() {
        for query in [
            "q=%zz",
            "q=%",
            "q=%2",
            "q=%+1",
            "q=%ff",
            "q=%C3",
            "q=%ED%A0%80",
            "q=%C0%AF",
            "%zz=1",
            "ok=1&q=%e9",
        ] {
            assert_eq!(read(query), Err(Unreadable::Encoding), "{query}");
        }
        assert_eq!(read("q=%00"), pairs(&[("q", "\0")]));
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        assert_eq!(read(&"a=1&".repeat(STATS_PARAMETERS_MAX)).unwrap().len(), STATS_PARAMETERS_MAX);
        assert_eq!(read(&"a=1&".repeat(STATS_PARAMETERS_MAX + 1)), Err(Unreadable::TooMany));
    }

    #[test]
    fn encoding_every_byte_and_reading_it_back_changes_nothing() {
        let text: String = (0..0x3000).filter_map(char::from_u32).collect();
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(read(&format!("q={encoded}")), pairs(&[("q", &text)]));
    }
}
