//! The dictionaries on disk: names in the order of their numbers, in a journal of their own. They are there before any
//! index has their numbers. It must never give a name another number.

use std::sync::Arc;

use clicks::{AccountCode, Hashid, SearchTerms};
use journal::{Disk, Journal, Options, Position};

use crate::kept::{Shared, read};
use crate::names::{Names, UNTOLD};
use crate::record::RecordError;
use crate::sealed::SealError;
use crate::wire::{Reading, put_number, put_text};

/// The size of a segment of the names' journal.
const SEGMENT_BYTES: u64 = 4 << 20;
/// A frame takes no more names once it has this many bytes.
const FRAME_BYTES: usize = 256 << 10;
/// How many names are read while the lock is held.
const PAGE_NAMES: usize = 2_048;

const ENGINE: u8 = 1;
const INDEX: u8 = 2;
const ITEM: u8 = 3;
const TERMS: u8 = 4;
const SEVERAL_INDICES: u8 = 5;
const CUSTOM_RESULT: u8 = 6;

/// How many names of each kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ends {
    engines: usize,
    indices: usize,
    items: usize,
    terms: usize,
    several: usize,
    custom_results: usize,
}

impl Ends {
    const fn of(names: &Names) -> Self {
        Self {
            engines: names.engines.numbers_end(),
            indices: names.indices.numbers_end(),
            items: names.items.numbers_end(),
            terms: names.terms.numbers_end(),
            several: names.several.numbers_end(),
            custom_results: names.custom_results.numbers_end(),
        }
    }
}

/// What is on disk of the dictionaries.
pub struct NamesLog {
    journal: Journal,
    /// One more than the greatest number on disk.
    written: Ends,
}

/// The folder of a generation of names.
pub fn folder_name(generation: u32) -> String {
    format!("names-{generation:04}")
}

impl NamesLog {
    /// Reads the names back, or begins with none.
    ///
    /// # Errors
    /// When they are damaged: then they, and all indexes, have to be built anew.
    pub fn open(disk: Arc<dyn Disk>) -> Result<(Self, Names), journal::OpenError> {
        let mut names = Names::default();
        let mut replay = |_, frame: &[u8]| read_names(&mut names, frame).map_err(|error| error.to_string());
        let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
        let (journal, _) = Journal::open(disk, options, &mut replay)?;
        let written = Ends::of(&names);
        Ok((Self { journal, written }, names))
    }

    /// All names on disk are before this position of their journal.
    pub fn end(&self) -> Position {
        self.journal.end()
    }

    /// Writes all names that are new, and syncs them. The lock is held for a page at a time.
    ///
    /// # Errors
    /// [`SealError`]; what was written of them stays.
    pub fn write_new(&mut self, kept: &Shared) -> Result<(), SealError> {
        let until = Ends::of(&read(kept).names);
        self.write_until(until, |frame, next| put_page(frame, &read(kept).names, next, until))
    }

    /// Writes all of some names that are new, and syncs them.
    ///
    /// # Errors
    /// [`SealError`]; what was written of them stays.
    pub fn write_names(&mut self, names: &Names) -> Result<(), SealError> {
        let until = Ends::of(names);
        self.write_until(until, |frame, next| put_page(frame, names, next, until))
    }

    fn write_until(
        &mut self,
        until: Ends,
        put_page: impl Fn(&mut Vec<u8>, &mut Ends),
    ) -> Result<(), SealError> {
        while self.written != until {
            let (mut frame, mut next) = (Vec::new(), self.written);
            while next != until && frame.len() < FRAME_BYTES {
                put_page(&mut frame, &mut next);
            }
            self.journal.append(&[&frame]).map_err(|error| SealError::names(&error))?;
            self.written = next;
        }
        Ok(())
    }
}

/// Adds some names to a frame. An engine comes before its indices and its results placed by hand, and indices before their items and before several of them.
fn put_page(frame: &mut Vec<u8>, names: &Names, next: &mut Ends, until: Ends) {
    let page = |from: usize, until: usize| {
        (from..until.min(from + PAGE_NAMES)).map(|number| (number, to_u32(number)))
    };
    for (number, name) in page(next.engines, until.engines) {
        if let Some((account, engine)) = names.engines.name(name) {
            frame.push(ENGINE);
            frame.extend_from_slice(account.as_bytes());
            frame.extend_from_slice(engine.as_bytes());
        }
        next.engines = number + 1;
    }
    for (number, name) in page(next.indices, until.indices).take_while(|_| next.engines == until.engines) {
        if let Some((engine, index)) = names.indices.name(name) {
            frame.push(INDEX);
            put_number(frame, u64::from(*engine));
            put_text(frame, index.as_str());
        }
        next.indices = number + 1;
    }
    let placed = (next.engines, next.indices) == (until.engines, until.indices);
    for (number, name) in page(next.items, until.items).take_while(|_| placed) {
        if let Some(item) = names.items.name(name) {
            frame.push(ITEM);
            put_number(frame, u64::from(item.engine));
            put_number(frame, u64::from(item.index));
            put_text(frame, item.doc_id.as_str());
        }
        next.items = number + 1;
    }
    for (number, name) in page(next.several, until.several).take_while(|_| placed) {
        if let Some(indices) = names.several.name(name) {
            frame.push(SEVERAL_INDICES);
            put_number(frame, indices.len() as u64);
            indices.iter().for_each(|index| put_number(frame, u64::from(*index)));
        }
        next.several = number + 1;
    }
    for (number, name) in page(next.custom_results, until.custom_results).take_while(|_| placed) {
        if let Some((engine, id)) = names.custom_results.name(name) {
            frame.push(CUSTOM_RESULT);
            put_number(frame, u64::from(*engine));
            put_text(frame, id.as_str());
        }
        next.custom_results = number + 1;
    }
    for (number, name) in page(next.terms, until.terms) {
        if let Some(terms) = names.terms.name(name) {
            frame.push(TERMS);
            put_text(frame, terms.as_str());
        }
        next.terms = number + 1;
    }
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn read_number(reading: &mut Reading<'_>) -> Result<u32, RecordError> {
    u32::try_from(reading.number()?).map_err(|_| RecordError::Number)
}

fn read_names(names: &mut Names, frame: &[u8]) -> Result<(), RecordError> {
    let mut reading = Reading::new(frame);
    while !reading.rest().is_empty() {
        match reading.byte()? {
            ENGINE => {
                let account = AccountCode::from_bytes(reading.array()?);
                names.intern_engine(account, Hashid::from_bytes(reading.array()?));
            }
            INDEX => {
                let engine = read_number(&mut reading)?;
                names.engines.name(engine).ok_or(RecordError::Name)?;
                names.intern_index(engine, Some(&reading.text()?.parse()?));
            }
            ITEM => {
                let (engine, index) = (read_number(&mut reading)?, read_number(&mut reading)?);
                names.engines.name(engine).ok_or(RecordError::Name)?;
                if index != UNTOLD {
                    let (of, _) = names.indices.name(index).ok_or(RecordError::Name)?;
                    (*of == engine).then_some(()).ok_or(RecordError::Name)?;
                }
                names.intern_item(engine, index, &reading.text()?.parse()?);
            }
            CUSTOM_RESULT => {
                let engine = read_number(&mut reading)?;
                names.engines.name(engine).ok_or(RecordError::Name)?;
                names.intern_custom_result(engine, Some(&reading.text()?.parse()?));
            }
            TERMS => {
                names.intern_terms(Some(&SearchTerms::from_folded(reading.text()?)));
            }
            SEVERAL_INDICES => {
                // The count is not trusted with memory: each number takes bytes of its own.
                let mut indices = Vec::new();
                for _ in 0..reading.number()? {
                    let index = read_number(&mut reading)?;
                    names.indices.name(index).ok_or(RecordError::Name)?;
                    indices.push(index);
                }
                // A number that is given twice, or to fewer than two, would shift all that follow.
                let known = names.several.numbers_end();
                names.intern_indices(indices);
                (names.several.numbers_end() > known).then_some(()).ok_or(RecordError::Name)?;
            }
            other => return Err(RecordError::Kind(other)),
        }
    }
    Ok(())
}
