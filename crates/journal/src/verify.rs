//! Verification: reads a whole journal without changing a byte, and lists everything that is not as it should be.
//!
//! It goes on behind a damage, to tell how much is left; it never decides what may be done about it.
//! A journal that is being written at the same time may show a torn tail that is none.

use std::fmt;

use crate::Position;
use crate::disk::Disk;
use crate::error::{Damage, OpenError};
use crate::recovery::{Ending, check_first, first_gap, load, load_header, missing_before, segments_of};
use crate::segment::{SEGMENT_HEADER_BYTES, SEQUENCE_FIRST, SegmentHeader, segment_name};
use crate::walk::{Tail, Walk};

/// The most findings that are listed; all are counted.
pub const FINDINGS_MAX: usize = 1000;

/// What reading everything came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many segments there are from the beginning on.
    pub segments: u64,
    /// How many segments lie wholly before the beginning. They are not read; the next opening removes them.
    pub forgotten_segments: u64,
    /// How many whole frames, those before the beginning in its segment included.
    pub frames: u64,
    /// How many bytes were read as frames, headers and padding included.
    pub bytes: u64,
    /// The first [`FINDINGS_MAX`] findings, in the order of the files.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub findings_total: u64,
}

impl Verified {
    /// Whether opening the journal would refuse; a torn tail alone is no damage.
    pub fn damaged(&self) -> bool {
        // Torn tails are only in the last segment, at most one: with more findings than fit, there is damage.
        self.findings.iter().any(|finding| !matches!(finding.what, What::TornTail { .. }))
    }

    fn add(&mut self, file: String, offset: u64, what: What) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { file, offset, what });
        }
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The segment's name.
    pub file: String,
    /// Where in the file.
    pub offset: u64,
    /// What it is.
    pub what: What,
}

/// Kinds of findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Synced bytes are missing or changed.
    Damage(Damage),
    /// No frame begins or ends at this position, from which on the owner counts on the journal.
    NoBeginning(Position),
    /// The rest of an interrupted write, which the next opening will cut. It had not been acknowledged.
    TornTail {
        /// How many bytes.
        bytes: u64,
    },
    /// A newer program wrote it.
    Newer {
        /// The version it has.
        found: u32,
        /// The newest version that this program reads.
        known: u32,
    },
    /// The disk could not read it.
    Unreadable(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { file, offset, what } = self;
        match what {
            What::Damage(damage) => write!(formatter, "{file}, byte {offset}: {damage}"),
            What::NoBeginning(begin) => {
                write!(formatter, "{file}, byte {offset}: no record begins or ends at position {begin}")
            }
            What::TornTail { bytes } => {
                write!(formatter, "{file}, byte {offset}: {bytes} bytes of an interrupted write")
            }
            What::Newer { found, known } => {
                write!(formatter, "{file}: format version {found} is newer than {known}")
            }
            What::Unreadable(reason) => write!(formatter, "{file}: can't be read: {reason}"),
        }
    }
}

/// Reads every segment from the one on that holds `begin` (see [`Options::begin`](crate::Options::begin)). An error
/// only when the directory itself can't be listed.
pub fn verify(disk: &dyn Disk, begin: Position) -> Result<Verified, OpenError> {
    let mut sequences = segments_of(disk)?;
    let mut verified = Verified::default();
    let oldest = sequences.first().copied();
    let holder = find_holder(disk, &sequences, begin);
    if holder.is_none() && (begin > 0 || oldest.is_some()) {
        let file = oldest.map_or("the journal's directory".to_owned(), missing_before);
        verified.add(file, 0, What::Damage(Damage::Missing));
    }
    sequences.drain(..holder.unwrap_or(0));
    verified.forgotten_segments = holder.unwrap_or(0) as u64;
    verified.segments = sequences.len() as u64;
    if let Some(gap) = first_gap(&sequences) {
        verified.add(segment_name(gap), 0, What::Damage(Damage::Missing));
    }
    let mut buffer = Vec::new();
    let mut before: Option<Ending> = None;
    for (index, &sequence) in sequences.iter().enumerate() {
        let header = match load(disk, sequence, &mut buffer) {
            Ok((header, _)) => header,
            Err(error) => {
                add_error(&mut verified, error);
                before = None;
                continue;
            }
        };
        let follows = before.filter(|before| before.header.sequence + 1 == sequence);
        let fits = follows.map_or_else(
            || if index == 0 { check_first(&header) } else { Ok(()) },
            |before| before.check_follower(&header),
        );
        if let Err(error) = fits {
            add_error(&mut verified, error);
        }
        let last = index + 1 == sequences.len();
        let begin = Some(begin).filter(|_| holder.is_some() && index == 0);
        before = verify_segment(&mut verified, header, &buffer, last, begin);
    }
    Ok(verified)
}

/// Which of the segments holds `begin`, as far as their headers can be read.
fn find_holder(disk: &dyn Disk, sequences: &[u64], begin: Position) -> Option<usize> {
    if begin == 0 {
        return sequences.first().filter(|oldest| **oldest == SEQUENCE_FIRST).map(|_| 0);
    }
    let holds = |sequence| load_header(disk, sequence).is_ok_and(|(header, _)| header.start <= begin);
    sequences.iter().rposition(|sequence| holds(*sequence))
}

fn add_error(verified: &mut Verified, error: OpenError) {
    match error {
        OpenError::MiddleDamage { file, offset, damage } => verified.add(file, offset, What::Damage(damage)),
        OpenError::Newer { file, found, known } => verified.add(file, 0, What::Newer { found, known }),
        OpenError::Io { file, source } => verified.add(file, 0, What::Unreadable(source.to_string())),
        other => verified.add(String::new(), 0, What::Unreadable(other.to_string())),
    }
}

/// Walks one segment to its end, over damage too. Returns how it ended, when that was whole. `begin` is given for the
/// segment that should hold it.
fn verify_segment(
    verified: &mut Verified,
    header: SegmentHeader,
    bytes: &[u8],
    last: bool,
    begin: Option<Position>,
) -> Option<Ending> {
    let mut walk = Walk::new(header, bytes);
    let mut from = SEGMENT_HEADER_BYTES;
    let mut whole = true;
    let mut begin = begin.filter(|begin| *begin != header.start);
    loop {
        while walk.next_frame().is_some() {
            begin = begin.filter(|begin| *begin != header.position(walk.offset as u64));
        }
        verified.bytes += (walk.offset - from) as u64;
        let offset = walk.offset as u64;
        match walk.tail() {
            Tail::Clean => break,
            Tail::Torn { rubbish_end } if last => {
                let bytes = rubbish_end as u64 - offset;
                verified.add(header.name(), offset, What::TornTail { bytes });
                break;
            }
            Tail::Torn { .. } | Tail::Damaged => {
                whole = false;
                verified.add(header.name(), offset, What::Damage(Damage::Frame));
                if !walk.resume() {
                    break;
                }
                from = walk.offset;
            }
        }
    }
    // Behind a damage nobody can tell where frames begin.
    if let Some(begin) = begin.filter(|_| whole) {
        // A journal's first segment that claims not to begin at 0 is damaged, whatever its checks say.
        let offset =
            begin.saturating_sub(header.start).saturating_add(SEGMENT_HEADER_BYTES as u64).min(header.bytes);
        verified.add(header.name(), offset, What::NoBeginning(begin));
    }
    verified.frames += walk.frames;
    whole.then_some(Ending { header, offset: walk.offset as u64, previous: walk.previous })
}
