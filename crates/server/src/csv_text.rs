//! Tables, and the one rule for text in them: a cell must not start a formula when a spreadsheet opens the file.

use std::io;

use serde_json::Value;

/// Puts an apostrophe before text that a spreadsheet would run as a formula: what starts with `=`, `+`, `-`, `@`, a
/// tab or a carriage return (OWASP, CSV injection).
#[must_use]
pub fn safe_text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// A table (RFC 4180) of cells: CRLF after every line, the last too; what is not known is an empty cell.
///
/// # Errors
/// None that memory doesn't have.
pub fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<Value>>) -> io::Result<Vec<u8>> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    table.write_record(columns)?;
    for cells in rows {
        let cell = |cell: Value| match cell {
            Value::Null => String::new(),
            Value::String(text) => safe_text(&text),
            other => other.to_string(),
        };
        table.write_record(cells.into_iter().map(cell))?;
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
}

#[cfg(test)]
mod tests {
    use super::safe_text;

    #[test]
    fn a_formula_becomes_text_and_text_stays() {
        assert_eq!(safe_text("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(safe_text("@x"), "'@x");
        assert_eq!(safe_text("red shoes"), "red shoes");
        assert_eq!(safe_text(""), "");
    }
}
