//! What can go wrong: a small enum for writing, one for reading. A reading error names its file.
//! It must never know how a caller answers for it.

use std::fmt;
use std::io;
use std::sync::Arc;

use parquet::errors::ParquetError;

/// Why rows could not be written. What was written so far is no whole file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The sink failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A row's `at` lies before that of the row before it.
    #[error("a row of {at_ms} ms after one of {last_ms} ms: rows are written in the order of their time")]
    Backwards {
        /// The refused row's.
        at_ms: i64,
        /// The last written row's.
        last_ms: i64,
    },
    /// The encoder refused.
    #[error("{0}")]
    Encoder(String),
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(other) => Self::Encoder(other.to_string()),
            },
            other => Self::Encoder(other.to_string()),
        }
    }
}

/// Why a file of a day could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{file}{fault}")]
pub struct DayError {
    /// The file's name, as it was given when it was opened.
    pub file: Arc<str>,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a file of a day.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// The disk failed.
    #[error(": {0}")]
    Io(Arc<io::Error>),
    /// Bytes are missing, or are not those that were written.
    #[error(" is damaged: {0}")]
    Damaged(String),
    /// The file has no check block, or holds something else: this product did not seal it.
    #[error(" is damaged, or is no file of {0} that ClickTally sealed")]
    Foreign(&'static str),
    /// A newer program wrote it.
    #[error(" has format version {found}; this program knows version {known}: use the newer program")]
    Newer {
        /// The major version it has.
        found: u32,
        /// The newest that this program reads.
        known: u32,
    },
}

impl Fault {
    pub(crate) fn damaged(what: impl fmt::Display) -> Self {
        Self::Damaged(what.to_string())
    }

    pub(crate) fn of(self, file: &Arc<str>) -> DayError {
        DayError { file: Arc::clone(file), fault: self }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::damaged("it ends too early"),
            _ => Self::Io(Arc::new(error)),
        }
    }
}

impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Self {
        match error {
            // What the checked source found wrong comes back through the decoder that asked it for bytes.
            ParquetError::External(inner) => match inner.downcast::<Self>() {
                Ok(fault) => *fault,
                Err(other) => Self::damaged(other),
            },
            other => Self::damaged(other),
        }
    }
}

impl From<Fault> for ParquetError {
    fn from(fault: Fault) -> Self {
        Self::External(Box::new(fault))
    }
}
