//! Whether a body says it is JSON in UTF-8 (RFC 9110, 8.3). Never looks at the body.

use axum::http::header::{CONTENT_TYPE, HeaderMap};

use crate::origins::sole;

/// Whether `Content-Type` is there once, says `application/json`, and names no charset but UTF-8.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    sole(headers, &CONTENT_TYPE).is_some_and(says_json)
}

fn says_json(text: &str) -> bool {
    let (essence, mut rest) = text.split_once(';').unwrap_or((text, ""));
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return false;
    }
    while !rest.trim().is_empty() {
        let Some((parameter, after)) = parameter(rest) else { return false };
        rest = after;
        if let Some((name, value)) = parameter
            && name.eq_ignore_ascii_case("charset")
            && !value.eq_ignore_ascii_case("utf-8")
        {
            return false;
        }
    }
    true
}

type Parameter<'t> = Option<(&'t str, String)>;

/// The first parameter (none between two semicolons) and what follows it; `None` when there is neither.
fn parameter(text: &str) -> Option<(Parameter<'_>, &str)> {
    let text = text.trim_start();
    if let Some(after) = text.strip_prefix(';') {
        return Some((None, after));
    }
    let (name, value) = text.split_once('=')?;
    let (value, after) = match value.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => {
            let end = value.find(';').unwrap_or(value.len());
            (value[..end].trim_end().to_owned(), &value[end..])
        }
    };
    let after = after.trim_start();
    let after = if after.is_empty() { after } else { after.strip_prefix(';')? };
    Some((Some((name.trim_end(), value)), after))
}

/// A quoted string, whose opening quote is behind us, and what follows its closing quote.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    #[test]
    fn json_in_utf_8_is_told_in_many_ways() {
        let json = [
            "application/json",
            "APPLICATION/JSON",
            " application/json ",
            "application/json;",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json; charset=\"utf-8\"",
            "application/json; Charset=\"U\\TF-8\"",
            "application/json ; profile=\"a;charset=latin1\" ; charset=utf-8 ;; ",
            "application/json; version=1",
        ];
        for text in json {
            assert!(says_json(text), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let other = [
            "",
            "json",
            "text/json",
            "application/json+x",
            "application/jsonp",
            "application/x-ndjson",
            "application/json, application/json",
            "application/json; charset=latin1",
            "application/json; charset=utf8",
            "application/json; charset=utf-16",
            "application/json; charset=",
            "application/json; charset=\"utf-8",
            "application/json; charset=\"utf-8\"x",
            "application/json; charset",
            "application/json; charset=utf-8; charset=latin1",
            "multipart/form-data; boundary=application/json",
        ];
        for text in other {
            assert!(!says_json(text), "{text}");
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic() {
        let seed = 23;
        let mut chance = Chance::new(seed);
        let pieces = ["application/json", ";", "charset", "=", "\"", "\\", "utf-8", " ", "é", "x"];
        for _ in 0..20_000 {
            let text: String = (0..chance.below(12)).map(|_| *chance.pick(&pieces)).collect();
            if says_json(&text) {
                assert!(text.trim_start().starts_with("application/json"), "seed {seed}: {text}");
            }
        }
    }
}
