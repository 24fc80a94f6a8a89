//! Text in columns of a terminal: how wide it is, and how it is made to fit.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands for the rest of a text that was cut.
const CUT: char = '…';

/// How many columns a text takes: two for a wide character, none for a combining one.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A text of at most so many columns; what was cut ends with `…`.
pub fn cut(text: &str, columns: usize) -> String {
    // Most texts fit, and no character is wider than its bytes are many.
    if text.len() <= columns || text.width() <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(CUT.width().unwrap_or(1)) else { return String::new() };
    let mut end = 0;
    for (start, character) in text.char_indices() {
        let next = start + character.len_utf8();
        // A character may widen the one before it, so the part is measured and not the character.
        if text[..next].width() > room {
            break;
        }
        end = next;
    }
    format!("{}{CUT}", &text[..end])
}

/// What a terminal must not act on, in text that strangers typed: control characters, and what turns the direction of
/// writing, so that a cell can't reach into its neighbours.
pub fn tame(text: &str) -> String {
    text.chars().map(|character| if is_wild(character) { '\u{fffd}' } else { character }).collect()
}

fn is_wild(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_combining_characters_are_measured_as_they_are_shown() {
        assert_eq!(["abc", "日本", "e\u{301}", "", "👩‍👩‍👧"].map(width), [3, 4, 1, 0, 2]);
    }

    #[test]
    fn a_cut_text_fits_and_says_so() {
        assert_eq!(cut("red shoes", 9), "red shoes");
        assert_eq!(cut("red shoes", 8), "red sho…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…", "half a character is none");
        assert_eq!(cut("日本語", 1), "…");
        assert_eq!(cut("日本語", 0), "");
        for columns in 0..12 {
            assert!(width(&cut("naïve 日本 👩‍👩‍👧 shoes", columns)) <= columns);
        }
    }

    #[test]
    fn a_terminal_gets_no_control_characters() {
        assert_eq!(tame("red\u{1b}[31mshoes"), "red\u{fffd}[31mshoes");
        assert_eq!(tame("a\u{202e}b\u{2066}c\nd\u{9b}e"), "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e");
    }
}
