//! The answer as a table (RFC 4180): CRLF after every line, the last too.

use std::io;

use super::rows::Row;
use crate::csv_text::safe_text;

/// Lines of a table, in memory.
pub(super) struct Table(csv::Writer<Vec<u8>>);

impl Table {
    /// A table without any line yet.
    pub(super) fn new() -> Self {
        Self(csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new()))
    }

    /// Writes the names of the columns.
    pub(super) fn header(&mut self, by_engine: bool) -> io::Result<()> {
        let names: &[&str] = if by_engine {
            &["date", "timestamp", "hashid", "count"]
        } else {
            &["date", "timestamp", "count"]
        };
        Ok(self.0.write_record(names)?)
    }

    /// Writes one row.
    pub(super) fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let date = row.date.to_string();
        let (timestamp, count) = (row.timestamp.to_string(), row.count.to_string());
        match row.hashid {
            Some(hashid) => self.0.write_record([&date, &timestamp, &safe_text(hashid), &count])?,
            None => self.0.write_record([&date, &timestamp, &count])?,
        }
        Ok(())
    }

    /// The lines.
    pub(super) fn into_bytes(self) -> io::Result<Vec<u8>> {
        self.0.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
