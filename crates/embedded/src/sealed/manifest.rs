//! The manifest: which files are the store, and from where on the journal is still needed. It is replaced as a whole, in
//! one step: whatever was being done when a process ended, either all of it counts or none. Drawn in
//! `docs/formats/store.md`. It must never be guessed at: a line that is not understood is damage.

use std::fmt::Write as _;

use journal::Position;

use crate::keys::RunInfo;
use crate::sealed::date::{date_of, day_of_date};

/// The name of its file.
pub const MANIFEST_NAME: &str = "MANIFEST";
const HEAD: &str = "clicktally store 1";

/// One Parquet file of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartInfo {
    /// Its number: no other part of the store, clicks or searches, ever has the same.
    pub number: u32,
    /// Its UTC day.
    pub day: i32,
    pub rows: u64,
    pub bytes: u64,
    /// The check of its footer, which holds the checks of all else.
    pub check: u32,
    /// When the last of its rows was received, in milliseconds.
    pub received_last_ms: i64,
}

/// The counts of what was a part of a day that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountsInfo {
    /// The number that the part had.
    pub number: u32,
    /// Its UTC day.
    pub day: i32,
    /// CRC-32 of its file.
    pub check: u32,
}

/// What the store consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The journal's records from here on are in no part.
    pub begin: Position,
    /// The number of the next part or run.
    pub next: u32,
    /// The generation of the names whose numbers the indexes have.
    pub names: u32,
    /// Where the names' journal ended when the indexes were written: with fewer names they would lie.
    pub names_end: Position,
    /// The key of all fingerprints.
    pub key: [u8; 16],
    /// The first UTC day that is kept: days before it were removed. `None` while none was.
    pub kept_from: Option<i32>,
    /// Of days before this one no counts are kept either. `None` where all removed days have theirs.
    pub counts_from: Option<i32>,
    /// Counts of removed days.
    pub counts: Vec<CountsInfo>,
    /// Parts of clicks, in the order in which their rows were recorded.
    pub clicks: Vec<PartInfo>,
    /// Parts of searches.
    pub searches: Vec<PartInfo>,
    /// Runs of keys, oldest first.
    pub runs: Vec<RunInfo>,
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A newer program wrote it.
    #[error("written by a newer version of this program: its first line is `{0}`")]
    Newer(String),
    /// It is not what was written.
    #[error("line {0} is damaged")]
    Line(usize),
    /// Its check fails.
    #[error("its check does not fit")]
    Check,
}

impl Manifest {
    /// As its file has it.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEAD}\nbegin {}\nnext {}\n", self.begin, self.next);
        put(&mut text, format_args!("names {} {}\nkey ", self.names, self.names_end));
        self.key.iter().for_each(|byte| put(&mut text, format_args!("{byte:02x}")));
        text.push('\n');
        if let Some(day) = self.kept_from {
            put(&mut text, format_args!("kept_from {}\n", date_of(day)));
        }
        if let Some(day) = self.counts_from {
            put(&mut text, format_args!("counts_from {}\n", date_of(day)));
        }
        for CountsInfo { number, day, check } in &self.counts {
            put(&mut text, format_args!("counts {number} {} {check:08x}\n", date_of(*day)));
        }
        for (kind, parts) in [("clicks", &self.clicks), ("searches", &self.searches)] {
            for part in parts {
                let PartInfo { number, day, rows, bytes, check, received_last_ms } = part;
                let date = date_of(*day);
                put(
                    &mut text,
                    format_args!("{kind} {number} {date} {rows} {bytes} {check:08x} {received_last_ms}\n"),
                );
            }
        }
        for run in &self.runs {
            let RunInfo { number, entries, bytes, day_first, day_last, check } = run;
            let (first, last) = (date_of(*day_first), date_of(*day_last));
            put(&mut text, format_args!("keys {number} {entries} {bytes} {first} {last} {check:08x}\n"));
        }
        let check = crc32fast::hash(text.as_bytes());
        put(&mut text, format_args!("check {check:08x}\n"));
        text
    }

    /// Reads what [`Manifest::to_text`] wrote.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn from_text(text: &str) -> Result<Self, ManifestError> {
        let first = text.lines().next().unwrap_or_default();
        if first != HEAD {
            let newer = first.starts_with("clicktally store ");
            return Err(if newer { ManifestError::Newer(first.into()) } else { ManifestError::Line(1) });
        }
        let body = text.strip_suffix('\n').and_then(|text| text.rsplit_once('\n'));
        let (body, last) = body.ok_or(ManifestError::Check)?;
        let due = format!("check {:08x}", crc32fast::hash(format!("{body}\n").as_bytes()));
        if last != due {
            return Err(ManifestError::Check);
        }
        let mut manifest = Self::default();
        for (line, text) in (2..).zip(body.lines().skip(1)) {
            manifest.read_line(text).ok_or(ManifestError::Line(line))?;
        }
        Ok(manifest)
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "begin" => self.begin = rest.parse().ok()?,
            "next" => self.next = rest.parse().ok()?,
            "key" => {
                self.key = u128::from_str_radix(rest, 16).ok().filter(|_| rest.len() == 32)?.to_be_bytes()
            }
            "kept_from" => self.kept_from = Some(day_of_date(rest)?),
            "counts_from" => self.counts_from = Some(day_of_date(rest)?),
            "counts" => self.counts.push(read_counts_line(rest)?),
            "clicks" => self.clicks.push(PartInfo::read(rest)?),
            "searches" => self.searches.push(PartInfo::read(rest)?),
            "names" => {
                let (generation, end) = rest.split_once(' ')?;
                (self.names, self.names_end) = (generation.parse().ok()?, end.parse().ok()?);
            }
            "keys" => self.runs.push(read_run(rest)?),
            _ => return None,
        }
        Some(())
    }

    /// A number that no part and no run has.
    pub fn take_number(&mut self) -> u32 {
        let number = self.next;
        self.next += 1;
        number
    }
}

impl PartInfo {
    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut word = || words.next();
        let part = Self {
            number: word()?.parse().ok()?,
            day: day_of_date(word()?)?,
            rows: word()?.parse().ok()?,
            bytes: word()?.parse().ok()?,
            check: u32::from_str_radix(word()?, 16).ok()?,
            received_last_ms: word()?.parse().ok()?,
        };
        words.next().is_none().then_some(part)
    }
}

fn read_counts_line(text: &str) -> Option<CountsInfo> {
    let mut words = text.split(' ');
    let mut word = || words.next();
    let counts = CountsInfo {
        number: word()?.parse().ok()?,
        day: day_of_date(word()?)?,
        check: u32::from_str_radix(word()?, 16).ok()?,
    };
    words.next().is_none().then_some(counts)
}

fn read_run(text: &str) -> Option<RunInfo> {
    let mut words = text.split(' ');
    let mut word = || words.next();
    let run = RunInfo {
        number: word()?.parse().ok()?,
        entries: word()?.parse().ok()?,
        bytes: word()?.parse().ok()?,
        day_first: day_of_date(word()?)?,
        day_last: day_of_date(word()?)?,
        check: u32::from_str_radix(word()?, 16).ok()?,
    };
    words.next().is_none().then_some(run)
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let part = |number, day| PartInfo {
            number,
            day,
            rows: 12,
            bytes: 4_000,
            check: 0x12ab,
            received_last_ms: -5,
        };
        Manifest {
            begin: 900,
            next: 9,
            names: 3,
            names_end: 77,
            kept_from: Some(-4),
            counts_from: Some(-40),
            counts: vec![CountsInfo { number: 4, day: -7, check: 0xab }],
            key: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255],
            clicks: vec![part(1, 20_000), part(3, -4)],
            searches: vec![part(2, 20_000)],
            runs: vec![RunInfo {
                number: 7,
                entries: 5,
                bytes: 99,
                day_first: -4,
                day_last: 20_000,
                check: 0xf,
            }],
        }
    }

    #[test]
    fn a_manifest_reads_back() {
        for manifest in [manifest(), Manifest::default()] {
            assert_eq!(Manifest::from_text(&manifest.to_text()), Ok(manifest));
        }
    }

    #[test]
    fn no_changed_byte_and_no_shorter_text_is_taken() {
        let text = manifest().to_text();
        for at in 0..text.len() {
            assert!(Manifest::from_text(&text[..at]).is_err(), "cut at {at}");
            for byte in [b'0', b'1', b'f', b' ', b'\n'] {
                let mut broken = text.clone().into_bytes();
                if broken[at] != byte {
                    broken[at] = byte;
                    let broken = String::from_utf8(broken).unwrap();
                    assert!(Manifest::from_text(&broken).is_err(), "{broken}");
                }
            }
        }
        assert_eq!(
            Manifest::from_text("clicktally store 2\n"),
            Err(ManifestError::Newer("clicktally store 2".into()))
        );
    }
}
