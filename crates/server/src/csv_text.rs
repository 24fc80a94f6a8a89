//! The one rule for text in tables: a cell must not start a formula when a spreadsheet opens the file.

/// Puts an apostrophe before text that a spreadsheet would run as a formula: what starts with `=`, `+`, `-`, `@`, a
/// tab or a carriage return (OWASP, CSV injection).
#[must_use]
pub fn safe_text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
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
