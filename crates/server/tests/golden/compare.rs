//! Holds an answer against what was expected of it.

use serde_json::Value;

/// Stands for any text in a header or a body, and for any value in `~json`.
const ANY: &str = "{{any}}";

/// Whether `actual` is `expected`, where each `{{any}}` stands for any text, also none.
pub fn same_text(expected: &str, actual: &str) -> bool {
    let Some((first, after)) = expected.split_once(ANY) else { return expected == actual };
    let (middle, last) = after.rsplit_once(ANY).map_or((None, after), |(middle, last)| (Some(middle), last));
    let Some(mut rest) = actual.strip_prefix(first) else { return false };
    for part in middle.into_iter().flat_map(|middle| middle.split(ANY)) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether a body is the expected one. `~empty` is no body at all, `~json` compares values, everything else is text.
pub fn same_body(expected: &str, actual: &[u8]) -> bool {
    if expected.trim() == "~empty" {
        return actual.is_empty();
    }
    let Some(json) = expected.strip_prefix("~json") else {
        return std::str::from_utf8(actual).is_ok_and(|actual| same_text(expected, actual));
    };
    match (serde_json::from_str(json), serde_json::from_slice(actual)) {
        (Ok(expected), Ok(actual)) => same_value(&expected, &actual),
        _ => false,
    }
}

fn same_value(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::String(text), _) if text == ANY => true,
        (Value::String(text), Value::String(actual)) => same_text(text, actual),
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(left, right)| same_value(left, right))
        }
        (Value::Object(expected), Value::Object(actual)) => {
            expected.len() == actual.len()
                && expected
                    .iter()
                    .all(|(key, left)| actual.get(key).is_some_and(|right| same_value(left, right)))
        }
        _ => expected == actual,
    }
}
