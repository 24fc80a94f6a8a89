//! A click as a line of `/v1/events`. It must never know where the lines go.

use clicks::{Click, Device, IndexName, ProductType, SearchTerms, UserCode};

/// Adds a text of a field. Only what is plain is written: the names of this world need no escapes.
fn text(line: &mut String, field: &str, value: Option<&str>) {
    if let Some(value) = value {
        for part in [",\"", field, "\":\"", value, "\""] {
            line.push_str(part);
        }
    }
}

fn number(line: &mut String, field: &str, value: Option<i64>) {
    if let Some(value) = value {
        for part in [",\"", field, "\":"] {
            line.push_str(part);
        }
        digits(line, value.unsigned_abs());
    }
}

/// A number of ours, none of which is negative. Formatting it in the usual way takes longer than making the click.
fn digits(line: &mut String, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while first == digits.len() || number > 0 {
        first -= 1;
        digits[first] = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
    }
    line.extend(digits[first..].iter().copied().map(char::from));
}

/// Adds a click, with its terms, so that it needs no search beside it.
pub fn add_line(line: &mut String, click: &Click) {
    line.push_str("{\"type\":\"click\"");
    number(line, "at", Some(click.at_ms));
    line.push_str(",\"hashid\":\"");
    click.engine.as_bytes().iter().for_each(|byte| hex_2(line, *byte));
    line.push('"');
    text(line, "index", click.index.as_ref().map(IndexName::as_str));
    text(line, "doc_id", Some(click.doc_id.as_str()));
    text(line, "id", click.id.as_deref());
    text(line, "query_id", click.query_id.as_deref());
    number(line, "searched_at", click.searched_ms);
    text(line, "query", click.terms.as_ref().map(SearchTerms::as_str));
    number(line, "rank", click.rank.map(i64::from));
    text(line, "device", click.device.map(Device::as_str));
    if click.product_type != ProductType::default() {
        text(line, "product_type", Some(click.product_type.as_str()));
    }
    text(line, "user", click.user.as_ref().map(UserCode::as_str));
    text(line, "session", click.session.as_deref());
    line.push_str("}\n");
}

fn hex_2(line: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    line.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Telling, World, Year};

    #[test]
    fn a_line_is_one_object_and_tells_all_of_a_click() {
        let world = World::new().unwrap();
        let telling = Telling { ids: true, query_ids: true };
        for click in Year::new(&world, 2_000, telling).unwrap().map(Result::unwrap) {
            let mut line = String::new();
            add_line(&mut line, &click);
            assert_eq!(line.lines().count(), 1);
            let told: serde_json::Value = serde_json::from_str(&line).unwrap();
            let text = |field: &str| told[field].as_str();
            assert_eq!(told["at"].as_i64(), Some(click.at_ms));
            assert_eq!(text("hashid"), Some(&*click.engine.to_string()));
            assert_eq!(text("index"), click.index.as_ref().map(IndexName::as_str));
            assert_eq!(text("doc_id"), Some(click.doc_id.as_str()));
            assert_eq!(text("id"), click.id.as_deref());
            assert_eq!(text("query_id"), click.query_id.as_deref());
            assert_eq!(told["searched_at"].as_i64(), click.searched_ms);
            assert_eq!(text("query"), click.terms.as_ref().map(SearchTerms::as_str));
            assert_eq!(told["rank"].as_u64(), click.rank.map(u64::from));
            assert_eq!(text("device"), click.device.map(Device::as_str));
            assert_eq!(text("product_type").unwrap_or("search"), click.product_type.as_str());
            assert_eq!(text("user"), click.user.as_ref().map(UserCode::as_str));
            assert_eq!(text("session"), click.session.as_deref());
        }
    }
}
