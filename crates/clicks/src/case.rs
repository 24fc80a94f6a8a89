//! Search terms: what makes two typed searches the same.

use std::fmt;
use std::sync::Arc;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;

/// The terms of a search, folded: trimmed, white space collapsed, NFC, full case folding. Two searches are the same
/// when their folded terms are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchTerms(Arc<str>);

impl SearchTerms {
    /// Folds what was typed; nothing but white space is no terms at all.
    #[must_use]
    pub fn fold(typed: &str) -> Option<Self> {
        if is_folded(typed) {
            return Some(Self(Arc::from(typed)));
        }
        let spaced = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        // ASCII is in NFC and folds to its lower case. Most searches are ASCII, and each click folds its search's.
        let folded = if spaced.is_ascii() { spaced.to_ascii_lowercase() } else { folded_case(&spaced) };
        (!folded.is_empty()).then(|| Self(Arc::from(folded)))
    }

    /// Terms that [`SearchTerms::fold`] made earlier, read back from storage.
    #[must_use]
    pub fn from_folded(folded: &str) -> Self {
        Self(Arc::from(folded))
    }

    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether folding would certainly change nothing: most searches are told in lower case, and each click folds its search's.
fn is_folded(typed: &str) -> bool {
    let bytes = typed.as_bytes();
    let is_inner = |byte: &u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
    let words = bytes.split(|byte| *byte == b' ');
    !bytes.is_empty() && words.into_iter().all(|word| !word.is_empty() && word.iter().all(is_inner))
}

fn folded_case(text: &str) -> String {
    let composed: String = text.nfc().collect();
    // Folding can undo composition (ǰ), hence the second NFC.
    UniCase::unicode(composed).to_folded_case().nfc().collect()
}

impl fmt::Display for SearchTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(left: &str, right: &str) -> bool {
        SearchTerms::fold(left) == SearchTerms::fold(right)
    }

    #[test]
    fn terms_are_equal_after_folding() {
        assert!(same("  Red\t Shoes ", "red shoes"));
        assert!(same("STRASSE", "straße"));
        assert!(same("Cafe\u{301}", "CAFÉ"));
        assert!(same("red\u{a0}shoes", "red shoes"));
        assert!(same("ΣΊΣΥΦΟΣ", "σίσυφος"));
        assert!(same("ǰ", "J\u{30c}"));
        assert!(!same("red", "reds"));
        assert_eq!(SearchTerms::fold(" \n\t"), None);
    }

    #[test]
    fn ascii_folds_the_quick_way_as_it_does_the_long_way() {
        for character in (0..128).map(char::from) {
            let text = format!("a{character}Z");
            let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(SearchTerms::fold(&text).unwrap().as_str(), folded_case(&spaced), "{character:?}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["İstanbul", "ﬃ", "ǅ", "ᾳ", "straße  X", "ẞ"] {
            let once = SearchTerms::fold(text).unwrap();
            assert_eq!(SearchTerms::fold(once.as_str()), Some(once), "{text}");
        }
    }
}
