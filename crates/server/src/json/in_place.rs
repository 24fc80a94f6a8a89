//! Strict JSON read in place: the same rules as [`super::strict`], without a copy of what the bytes already hold. Made
//! for bulk loading, where a million lines are read and each is looked at once. Knows no field and no dialect.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{JSON_DEPTH_MAX, JsonError, reason};

/// Up to this many keys, each is compared with each; beyond it they are sorted first, so that an object of many keys
/// can't make its reading quadratic.
const COMPARED_KEYS_MAX: usize = 24;

/// A JSON value that borrows its texts from the bytes it was read from, where no escape stands in the way.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without sign, fraction and exponent that fits.
    Natural(u64),
    /// A negative number without fraction and exponent that fits.
    Negative(i64),
    /// Any other number, `1.0` and `1e3` included.
    Float(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object: its entries in their order, no key twice.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// The value of a key of an object. `null` counts as absent; what is not an object has no keys.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        let Self::Object(entries) = self else { return None };
        let (_, value) = entries.iter().find(|(name, _)| name == key)?;
        (*value != Self::Null).then_some(value)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Reads one JSON value that takes up all of `bytes`; a byte order mark is not skipped.
///
/// # Errors
/// [`JsonError`], whenever [`super::strict`] would refuse the bytes. The message tells the column.
pub fn in_place(bytes: &[u8]) -> Result<Json<'_>, JsonError> {
    // Checked once as a whole, which is quicker than each text by itself.
    let text = str::from_utf8(bytes).map_err(|error| refused("it is not UTF-8", error.valid_up_to() + 1))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Depth(0).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| refused(reason(&error), error.column()))
}

fn refused(reason: &str, column: usize) -> JsonError {
    JsonError(format!("invalid JSON: {reason} (column {column})"))
}

/// How many containers are around the value to be read.
#[derive(Clone, Copy)]
struct Depth(usize);

impl Depth {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.0 < JSON_DEPTH_MAX { Ok(Self(self.0 + 1)) } else { Err(E::custom("nested too deeply")) }
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Json<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(u64::try_from(value).map_or(Json::Negative(value), Json::Natural))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Natural(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let inner = self.deeper()?;
        let mut object = Vec::with_capacity(16);
        while let Some(key) = entries.next_key_seed(Key)? {
            object.push((key, entries.next_value_seed(inner)?));
        }
        if repeats(&object) { Err(de::Error::custom("a key is repeated")) } else { Ok(Json::Object(object)) }
    }
}

fn repeats(object: &[(Cow<'_, str>, Json<'_>)]) -> bool {
    if object.len() <= COMPARED_KEYS_MAX {
        return object
            .iter()
            .enumerate()
            .any(|(at, (key, _))| object[..at].iter().any(|(other, _)| other == key));
    }
    let mut keys: Vec<&str> = object.iter().map(|(key, _)| key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

/// A key, borrowed where possible.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::strict;
    use super::*;
    use crate::chance::Chance;

    fn same(json: &Json<'_>, value: &serde_json::Value) -> bool {
        match (json, value) {
            (Json::Null, serde_json::Value::Null) => true,
            (Json::Bool(left), serde_json::Value::Bool(right)) => left == right,
            (Json::Natural(left), serde_json::Value::Number(right)) => right.as_u64() == Some(*left),
            (Json::Negative(left), serde_json::Value::Number(right)) => right.as_i64() == Some(*left),
            (Json::Float(left), serde_json::Value::Number(right)) => {
                !right.is_i64() && !right.is_u64() && right.as_f64() == Some(*left)
            }
            (Json::Text(left), serde_json::Value::String(right)) => left == right,
            (Json::Array(left), serde_json::Value::Array(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
            }
            (Json::Object(left), serde_json::Value::Object(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .all(|(key, left)| right.get(key.as_ref()).is_some_and(|right| same(left, right)))
            }
            _ => false,
        }
    }

    #[test]
    fn both_readers_take_and_refuse_the_same_bytes() {
        let pieces: [&[u8]; 28] = [
            b"{",
            b"}",
            b"[",
            b"]",
            b":",
            b",",
            b"\"a\"",
            b"\"b\"",
            b"\"\\u0061\"",
            b"\"\\ud800\"",
            b"1",
            b"-1",
            b"-0",
            b"1.0",
            b"1e400",
            b"18446744073709551616",
            b"null",
            b"true",
            b" ",
            b"\xff",
            b"\"\xff\"",
            b"\x00",
            b"\"\xc3\xa9\"",
            b"{\"a\":1}",
            b"{\"a\":1,\"a\":2}",
            b"{\"a\":{\"b\":[1,2]}}",
            b"[[1],[2]]",
            b"\"",
        ];
        let seed = 7;
        let mut chance = Chance::new(seed);
        let mut taken = 0;
        for round in 0..60_000 {
            let bytes: Vec<u8> =
                (0..1 + chance.below(7)).flat_map(|_| *chance.pick(&pieces)).copied().collect();
            match (in_place(&bytes), strict(&bytes)) {
                (Ok(json), Ok(value)) => {
                    taken += 1;
                    assert!(
                        same(&json, &value),
                        "seed {seed}, round {round}: {}",
                        String::from_utf8_lossy(&bytes)
                    );
                }
                (Err(_), Err(_)) => {}
                _ => panic!("seed {seed}, round {round}: {}", String::from_utf8_lossy(&bytes)),
            }
        }
        assert!(taken > 1_000, "only {taken} were JSON");
    }

    #[test]
    fn repeated_keys_and_deep_nesting_are_refused() {
        let many: Vec<String> = (0..100).map(|n| format!("\"k{n}\":{n}")).collect();
        assert!(in_place(format!("{{{}}}", many.join(",")).as_bytes()).is_ok());
        assert!(in_place(format!("{{{},\"k7\":1}}", many.join(",")).as_bytes()).is_err());
        assert!(in_place(b"{\"x\":{\"b\":1,\"\\u0062\":1}}").is_err());
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(in_place(&nested(JSON_DEPTH_MAX)).is_ok());
        let refused = in_place(&nested(JSON_DEPTH_MAX + 1)).unwrap_err();
        assert_eq!(refused.to_string(), "invalid JSON: nested too deeply (column 34)");
    }
}
