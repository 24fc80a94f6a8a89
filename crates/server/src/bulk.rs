//! Bulk loading, whatever the log's dialect: the face that readers of logs share, what they hand over, and what a click
//! is called that its log gives no name. Knows no format and no file system.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::str::FromStr;

use clicks::{Hashid, IndexName, check_id};
use sha2::{Digest, Sha256};

use crate::feed::{Line, Rejection};

/// The most kinds of skipped lines that are told apart; the rest is counted as [`OTHER_KIND`].
pub const SKIPPED_KINDS_MAX: usize = 64;
/// The longest name of a kind, in characters; longer ones are cut.
pub const SKIPPED_KIND_CHARS_MAX: usize = 64;
/// What kinds beyond [`SKIPPED_KINDS_MAX`] are counted as.
pub const OTHER_KIND: &str = "other";

/// How many bytes of a file are digested at a time.
const DIGEST_CHUNK_BYTES: usize = 64 * 1024;

/// What holds for lines that don't say otherwise: `import --hashid … --index …`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defaults {
    /// The search engine.
    pub engine: Option<Hashid>,
    /// The index.
    pub index: Option<IndexName>,
}

/// Reads a log line by line. Whoever drives it hands the batch on and empties it whenever it has grown large.
pub trait LogReader {
    /// Reads one line: `number` counts every line of the file, blank ones too, from 1; `bytes` are without the line
    /// feed. What the line tells may be held back until later lines are read.
    fn line(&mut self, number: u64, bytes: &[u8], batch: &mut Batch);

    /// Hands over what was held back. Call it once, after the last line.
    fn finish(&mut self, batch: &mut Batch);
}

/// What was read: lines to be fed, and what was left out on purpose.
#[derive(Debug, Default)]
pub struct Batch {
    /// Lines to be fed, and those that can't be, with their numbers.
    pub lines: Vec<(u64, Result<Line, Rejection>)>,
    /// What is neither a click nor a search nor an error.
    pub skipped: Skipped,
}

impl Batch {
    /// A line that can be fed.
    pub fn tells(&mut self, number: u64, line: Line) {
        self.lines.push((number, Ok(line)));
    }

    /// A line that can't.
    pub fn rejects(&mut self, number: u64, rejection: Rejection) {
        self.lines.push((number, Err(rejection)));
    }
}

/// How many of each kind were left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skipped {
    kinds: BTreeMap<Box<str>, u64>,
}

impl Skipped {
    /// Counts `many` of a kind. Kinds come from the log: their number and length are bounded, and no control character
    /// of theirs reaches a terminal.
    pub fn count(&mut self, kind: &str, many: u64) {
        if many == 0 {
            return;
        }
        let shown = |c: char| if c.is_control() { '?' } else { c };
        let name: String = kind.chars().take(SKIPPED_KIND_CHARS_MAX).map(shown).collect();
        let known = self.kinds.contains_key(name.as_str()) || self.kinds.len() < SKIPPED_KINDS_MAX - 1;
        let name = if known { name.as_str() } else { OTHER_KIND };
        *self.kinds.entry(name.into()).or_default() += many;
    }

    /// Adds what a later batch left out.
    pub fn add(&mut self, later: &Self) {
        for (kind, many) in later.kinds() {
            self.count(kind, many);
        }
    }

    /// Each kind and how many of it, in alphabetical order.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, u64)> {
        self.kinds.iter().map(|(kind, many)| (kind.as_ref(), *many))
    }

    /// How many there were of one kind.
    #[must_use]
    pub fn of(&self, kind: &str) -> u64 {
        self.kinds.get(kind).copied().unwrap_or_default()
    }

    /// How many there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.kinds.values().sum()
    }
}

/// Names a file by what is in it: the first half of the SHA-256 of its bytes, after decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileDigest([u8; 16]);

impl FileDigest {
    /// Reads all of `file`, which must give decompressed bytes.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of(mut file: impl io::Read) -> io::Result<Self> {
        let mut digest = Sha256::new();
        let mut chunk = vec![0; DIGEST_CHUNK_BYTES];
        loop {
            match file.read(&mut chunk) {
                Ok(0) => return Ok(Self(half(digest))),
                Ok(read) => digest.update(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Names bytes that are at hand.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(half(Sha256::new_with_prefix(bytes)))
    }

    /// What a click is called that has no id: importing the same file twice then changes nothing.
    #[must_use]
    pub fn line_id(&self, number: u64) -> Box<str> {
        // Each line of a log has one: formatting the digest's bytes one by one took a twelfth of an import's time.
        ["file/", self.digits(&mut [0; 32]), "/", &number.to_string()].concat().into()
    }

    fn digits<'a>(&self, digits: &'a mut [u8; 32]) -> &'a str {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

impl FromStr for FileDigest {
    type Err = ();

    /// Reads 32 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, ()> {
        // A hashid has the same form.
        text.parse::<Hashid>().map(|digits| Self(*digits.as_bytes())).map_err(|_| ())
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits(&mut [0; 32]))
    }
}

/// An id as it is, or the name of its digest where it is longer than an id may be or has control characters.
#[must_use]
pub fn fitting_id(id: &str) -> Box<str> {
    if check_id(id).is_ok() {
        id.into()
    } else {
        format!("sha256/{}", FileDigest(half(Sha256::new_with_prefix(id)))).into()
    }
}

fn half(digest: Sha256) -> [u8; 16] {
    let whole: [u8; 32] = digest.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}

/// Whether a line has nothing but white space.
#[must_use]
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_whitespace)
}

/// A line without the byte order mark that a file may start with.
#[must_use]
pub(crate) fn without_mark(number: u64, bytes: &[u8]) -> &[u8] {
    if number == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_bounded_in_number_and_length_and_nothing_is_lost() {
        let mut skipped = Skipped::default();
        for n in 0..1_000 {
            skipped.count(&format!("kind{n:04}"), 2);
        }
        skipped.count(&"x".repeat(100_000), 1);
        skipped.count("kind0000", 1);
        assert_eq!(skipped.kinds().count(), SKIPPED_KINDS_MAX);
        assert_eq!(skipped.total(), 2_002);
        assert_eq!(skipped.of("kind0000"), 3);
        assert_eq!(skipped.of(OTHER_KIND), 2 * (1_000 - 63) + 1);
    }

    #[test]
    fn a_kind_can_not_write_to_a_terminal() {
        let mut skipped = Skipped::default();
        skipped.count("\u{1b}[2Jclick", 1);
        assert_eq!(skipped.kinds().next(), Some(("?[2Jclick", 1)));
    }

    #[test]
    fn a_line_is_named_by_its_file_and_its_number() {
        // The first half of SHA-256("abc"), FIPS 180-2.
        let digest = FileDigest::of(&b"abc"[..]).unwrap();
        assert_eq!(&*digest.line_id(12), "file/ba7816bf8f01cfea414140de5dae2223/12");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!("BA7816BF8F01CFEA414140DE5DAE2223".parse::<FileDigest>(), Err(()));
    }

    #[test]
    fn an_id_that_does_not_fit_becomes_its_digest() {
        assert_eq!(&*fitting_id("ubi/a/b/c"), "ubi/a/b/c");
        let long = "x".repeat(513);
        assert_eq!(fitting_id(&long).len(), "sha256/".len() + 32);
        assert_ne!(fitting_id(&long), fitting_id(&format!("{long}y")));
    }
}
