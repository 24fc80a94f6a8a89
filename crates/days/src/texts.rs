//! Texts by number: what the rows of a column say, each different text once where the file has a dictionary.
//! It must never know which column it is, or what the texts mean.

use crate::error::Fault;

/// The number of a row that has no text.
pub const ABSENT: u32 = u32::MAX;

/// Texts, numbered from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    joined: String,
    /// Where each text ends in `joined`; the next one begins there.
    ends: Vec<usize>,
}

impl Texts {
    /// The text with this number; `None` for [`ABSENT`].
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&str> {
        let number = usize::try_from(number).ok()?;
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.joined.get(start..end)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let text = self.joined.get(start..end).unwrap_or_default();
            start = end;
            text
        })
    }
}

/// Gathers the bytes of texts, and sees at the end that they are UTF-8, each by itself.
#[derive(Default)]
pub struct TextsBuilder {
    joined: Vec<u8>,
    ends: Vec<usize>,
}

impl TextsBuilder {
    pub fn push(&mut self, text: &[u8]) {
        self.joined.extend_from_slice(text);
        self.ends.push(self.joined.len());
    }

    /// Adds a text that begins with the first `shared` bytes of the text before it.
    pub fn push_sharing(&mut self, shared: usize, rest: &[u8]) -> Result<(), Fault> {
        let end = self.joined.len();
        let start = self.ends.len().checked_sub(2).map_or(0, |before| self.ends[before]);
        let start = if self.ends.is_empty() { end } else { start };
        if shared > end - start {
            return Err(Fault::damaged("a text shares more than the text before it has"));
        }
        self.joined.extend_from_within(start..start + shared);
        self.push(rest);
        Ok(())
    }

    pub fn finish(self) -> Result<Texts, Fault> {
        let joined = String::from_utf8(self.joined).map_err(|_| Fault::damaged("a text is not UTF-8"))?;
        if self.ends.iter().all(|&end| joined.is_char_boundary(end)) {
            Ok(Texts { joined, ends: self.ends })
        } else {
            Err(Fault::damaged("a text is not UTF-8"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(parts: &[&[u8]]) -> Result<Texts, Fault> {
        let mut builder = TextsBuilder::default();
        parts.iter().for_each(|part| builder.push(part));
        builder.finish()
    }

    #[test]
    fn texts_are_found_by_number() {
        let texts = texts(&[b"a", b"", "é".as_bytes()]).unwrap();
        assert_eq!((texts.get(0), texts.get(1), texts.get(2)), (Some("a"), Some(""), Some("é")));
        assert_eq!((texts.get(3), texts.get(ABSENT)), (None, None));
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["a", "", "é"]);
    }

    #[test]
    fn a_character_cut_in_two_is_no_text() {
        let [first, second] = <[u8; 2]>::try_from("é".as_bytes()).unwrap();
        assert!(texts(&[&[first, second]]).is_ok());
        assert!(texts(&[&[first], &[second]]).is_err());
        assert!(texts(&[&[0xff]]).is_err());
    }

    #[test]
    fn a_shared_beginning_is_that_of_the_text_before() {
        let mut builder = TextsBuilder::default();
        assert!(builder.push_sharing(1, b"x").is_err());
        builder.push_sharing(0, b"shoe").unwrap();
        builder.push_sharing(4, b"s").unwrap();
        builder.push_sharing(2, b"irt").unwrap();
        assert!(builder.push_sharing(6, b"").is_err());
        assert_eq!(builder.finish().unwrap().iter().collect::<Vec<_>>(), ["shoe", "shoes", "shirt"]);
    }
}
