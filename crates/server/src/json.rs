//! Strict JSON: what every dialect's bodies are read with. Beyond RFC 8259 it refuses repeated keys and deep nesting,
//! so that two readers of one body can't understand two things.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

mod in_place;

pub use in_place::{Json, in_place};

/// The deepest nesting; the outermost object or array counts as one.
pub const JSON_DEPTH_MAX: usize = 32;

/// Why bytes are not JSON, in words for the caller. Quotes nothing of the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

/// Reads one JSON value that takes up all of `bytes`; a UTF-8 byte order mark before it is skipped.
///
/// # Errors
/// [`JsonError`] for anything else: invalid syntax or UTF-8, a number out of range, a lone surrogate, a repeated key,
/// trailing text, or nesting deeper than [`JSON_DEPTH_MAX`].
pub fn strict(bytes: &[u8]) -> Result<Value, JsonError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Depth(0).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| JsonError(words(&error)))
}

fn words(error: &serde_json::Error) -> String {
    format!("invalid JSON: {} (line {}, column {})", reason(error), error.line(), error.column())
}

fn reason(error: &serde_json::Error) -> &'static str {
    let text = error.to_string();
    let known = ["a key is repeated", "nested too deeply"].into_iter().find(|known| text.starts_with(known));
    known.unwrap_or(if error.is_eof() { "it ends too early" } else { "unexpected text" })
}

/// How many containers are around the value to be read.
struct Depth(usize);

impl Depth {
    fn deeper<E: de::Error>(&self) -> Result<Self, E> {
        if self.0 < JSON_DEPTH_MAX { Ok(Self(self.0 + 1)) } else { Err(E::custom("nested too deeply")) }
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper::<A::Error>()?.0;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Self(inner))?;
            if object.insert(key, value).is_some() {
                return Err(de::Error::custom("a key is repeated"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_json_is_read_with_or_without_a_byte_order_mark() {
        let value = strict(b"\xef\xbb\xbf {\"a\": [1, -2, 1.5, true, null, \"\\u00e9\"]} \n").unwrap();
        assert_eq!(value, serde_json::json!({"a": [1, -2, 1.5, true, null, "é"]}));
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        let refused: [&[u8]; 10] = [
            b"{\"a\":1,\"a\":1}",
            b"{\"a\":{\"b\":1,\"\\u0062\":1}}",
            b"{} {}",
            b"{}x",
            b"{\"a\":1e400}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\x00\"}",
            b"{\"a\":NaN}",
            b"",
        ];
        for bytes in refused {
            assert!(strict(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn the_deepest_nesting_is_32() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(strict(&nested(32)).is_ok());
        assert!(strict(&nested(33)).is_err());
        assert!(strict(&nested(100_000)).is_err());
    }
}
