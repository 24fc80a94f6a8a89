//! Files of a day (the open format) on their way out of an export and into an import: clicks become a file as they are
//! scanned, and a file becomes the lines that bulk loading takes, so that both ways mean what lines mean. It must never
//! touch a file system.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use clicks::{Click, Search};
use days::{ClicksReader, ClicksWriter, DayError, Fault, Rows, SearchesReader, Source, WriteOptions};

use crate::control::commands::ControlError;
use crate::dialects::native;

/// How many bytes of lines are made at a time.
const LINES_BYTES: usize = 64 * 1024;

/// What a writer has written and nobody has taken yet.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<Vec<u8>>>);

impl Waiting {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Waiting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes one file of clicks that come oldest first.
pub(super) struct ClicksFile {
    /// `None` once the file is ended.
    writer: Option<ClicksWriter<Waiting>>,
    waiting: Waiting,
}

impl ClicksFile {
    pub(super) fn new() -> Result<Self, ControlError> {
        let waiting = Waiting::default();
        let writer = ClicksWriter::new(waiting.clone(), &WriteOptions::default()).map_err(unwritten)?;
        Ok(Self { writer: Some(writer), waiting })
    }

    pub(super) fn push(&mut self, click: &Click) -> Result<(), ControlError> {
        match &mut self.writer {
            Some(writer) => writer.push(click).map_err(unwritten),
            None => Err(unwritten("the file is ended")),
        }
    }

    /// Ends the file, once.
    pub(super) fn end(&mut self) -> Result<(), ControlError> {
        self.writer.take().map_or(Ok(()), |writer| writer.finish().map(drop).map_err(unwritten))
    }

    /// The bytes that are ready.
    pub(super) fn take(&self) -> Vec<u8> {
        self.waiting.take()
    }
}

fn unwritten(error: impl std::fmt::Display) -> ControlError {
    ControlError(format!("the Parquet file could not be written: {error}"))
}

enum Told {
    Clicks(Box<Rows<Click>>),
    Searches(Box<Rows<Search>>),
}

/// The rows of a file as the lines of `POST /v1/events`, to be read: the first row is line 1. What a line doesn't tell is
/// left out: a row's account and the time of its admission.
pub struct ParquetLines {
    told: Told,
    lines: Vec<u8>,
    read: usize,
}

impl ParquetLines {
    /// Opens a file of clicks or of searches; `name` is what errors call it.
    ///
    /// # Errors
    /// [`ControlError`]: it is damaged, a newer program's, or no file of this product's.
    pub fn open(source: &Arc<dyn Source>, name: &str) -> Result<Self, ControlError> {
        let told = match ClicksReader::open(Arc::clone(source), name) {
            Ok(reader) => Told::Clicks(Box::new(reader.rows(0..reader.summary().rows))),
            Err(DayError { fault: Fault::Foreign(_), .. }) => {
                let reader = SearchesReader::open(Arc::clone(source), name).map_err(refused)?;
                Told::Searches(Box::new(reader.rows(0..reader.summary().rows)))
            }
            Err(error) => return Err(refused(error)),
        };
        Ok(Self { told, lines: Vec::new(), read: 0 })
    }

    fn fill(&mut self) -> io::Result<()> {
        self.lines.clear();
        self.read = 0;
        while self.lines.len() < LINES_BYTES {
            let written = match &mut self.told {
                Told::Clicks(rows) => {
                    rows.next().map(|row| row.map(|click| native::write_click(&mut self.lines, &click)))
                }
                Told::Searches(rows) => {
                    rows.next().map(|row| row.map(|search| native::write_search(&mut self.lines, &search)))
                }
            };
            match written {
                None => break,
                Some(written) => written.map_err(|error| io::Error::other(error.to_string()))?,
            }
        }
        Ok(())
    }
}

impl Read for ParquetLines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.lines.len() {
            self.fill()?;
        }
        let rest = self.lines.get(self.read..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

fn refused(error: DayError) -> ControlError {
    ControlError(match error.fault {
        Fault::Foreign(_) => format!(
            "{} is damaged, or is no Parquet file that clicktally wrote: those have check sums of their own (docs/formats/day.md)",
            error.file
        ),
        _ => error.to_string(),
    })
}
