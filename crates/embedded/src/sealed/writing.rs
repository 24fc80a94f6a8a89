//! Writing a part: rows from several places, oldest first, become one Parquet file and its index. It must never decide
//! which rows belong together.

use std::iter::Peekable;
use std::sync::Arc;

use clicks::{Click, Measure, Search};
use days::{ClicksWriter, SearchesWriter, Summary, WriteError, WriteOptions};
use journal::Disk;

use crate::index::build::build;
use crate::index::file::{Owner, SECTIONS, put_ids, write_index};
use crate::kept::{Shared, read};
use crate::recent::corrections::Origin;
use crate::recent::day::Row;
use crate::sealed::SealError;
use crate::sealed::manifest::PartInfo;
use crate::sealed::part::new_part_name;
use crate::store_files::{Sink, create};

/// How many rows are numbered while the lock is held: well under a millisecond.
const PAGE_ROWS: usize = 256;

/// A row on its way into a part.
pub struct Arriving {
    pub click: Click,
    /// What is counted of it, where that is known.
    pub row: Option<Row>,
    pub origin: Origin,
    /// The hash of the id of the search that it waits for.
    pub waits: Option<u32>,
}

/// Rows by instant, those of one instant in the order of recording.
pub type Rows<'a> = Box<dyn Iterator<Item = Result<Arriving, SealError>> + 'a>;

/// Rows of several places as one: of an instant, those of the first place come first.
pub struct Merged<'a> {
    places: Vec<Peekable<Rows<'a>>>,
}

impl<'a> Merged<'a> {
    /// Rows of places that were recorded one after the other.
    pub fn new(places: Vec<Rows<'a>>) -> Self {
        Self { places: places.into_iter().map(Iterator::peekable).collect() }
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<Arriving, SealError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut first, mut first_ms) = (None, None);
        for (place, rows) in self.places.iter_mut().enumerate() {
            match rows.peek() {
                None => {}
                Some(Err(_)) => return rows.next(),
                Some(Ok(row)) if first_ms.is_none_or(|first_ms| row.click.at_ms < first_ms) => {
                    (first, first_ms) = (Some(place), Some(row.click.at_ms));
                }
                Some(Ok(_)) => {}
            }
        }
        self.places.get_mut(first?)?.next()
    }
}

/// Where a part is written to, and how.
pub struct Target<'a> {
    pub number: u32,
    pub day: i32,
    pub folder: &'a dyn Disk,
    pub index: &'a dyn Disk,
    /// The generation of names whose numbers the index gets.
    pub names: u32,
    /// Called for each piece that is written, with its size in bytes.
    pub pace: Arc<dyn Fn(usize) + Send + Sync>,
    /// Whether to break off.
    pub stopped: &'a (dyn Fn() -> bool + Send + Sync),
}

impl Target<'_> {
    fn sink(&self) -> Result<Sink, SealError> {
        let name = new_part_name(self.number);
        let pace = Arc::clone(&self.pace);
        let file = create(self.folder, &name).map_err(SealError::io(name))?;
        Ok(Sink::new(file, Box::new(move |bytes| pace(bytes))))
    }

    fn failed(&self, error: WriteError) -> SealError {
        let file = new_part_name(self.number);
        match error {
            WriteError::Io(error) => SealError::Io { file, error },
            other => SealError::Damaged(format!("{file}: {other}")),
        }
    }

    fn finish(&self, sink: Sink, summary: &Summary) -> Result<PartInfo, SealError> {
        sink.finish().map_err(SealError::io(new_part_name(self.number)))?;
        Ok(PartInfo {
            number: self.number,
            day: self.day,
            rows: summary.rows,
            bytes: summary.bytes,
            check: summary.checksum,
            received_last_ms: summary.received_last_ms,
        })
    }

    fn write_index(&self, info: &PartInfo, sections: [&[u8]; SECTIONS]) -> Result<(), SealError> {
        let owner = Owner { part: info.number, check: info.check, names: self.names };
        write_index(self.index, owner, sections).map(drop).map_err(SealError::io("index"))
    }

    /// Writes clicks under the part's new name, and their index; both are synced. `placed` is told where each row went,
    /// and whether its click waits for a search.
    ///
    /// # Errors
    /// [`SealError`]; what was written is a leftover.
    pub fn write_clicks(
        &self,
        kept: &Shared,
        rows: impl Iterator<Item = Result<Arriving, SealError>>,
        mut placed: impl FnMut(Origin, u32, bool),
    ) -> Result<PartInfo, SealError> {
        let mut writer =
            ClicksWriter::new(self.sink()?, &WriteOptions::default()).map_err(|error| self.failed(error))?;
        let (mut numbered, mut ids, mut page) = (Vec::new(), Vec::new(), Vec::with_capacity(PAGE_ROWS));
        for (number, row) in (0_u32..).zip(rows) {
            let Arriving { click, row, origin, waits } = row?;
            writer.push(&click).map_err(|error| self.failed(error))?;
            placed(origin, number, waits.is_some());
            ids.extend(waits.map(|hash| (hash, number)));
            page.push((click, row));
            if page.len() == PAGE_ROWS {
                if (self.stopped)() {
                    return Err(SealError::Stopped);
                }
                number_rows(kept, &mut page, &mut numbered)?;
            }
        }
        number_rows(kept, &mut page, &mut numbered)?;
        let (sink, summary) = writer.finish().map_err(|error| self.failed(error))?;
        let info = self.finish(sink, &summary)?;
        let sections = build(&numbered, Measure::Clicks);
        let ids = put_ids(ids);
        self.write_index(&info, sections.with_ids(&ids))?;
        Ok(info)
    }

    /// Writes searches, sorted by instant, with the hashes of their ids, and their index. All their names are known.
    ///
    /// # Errors
    /// [`SealError`]; what was written is a leftover.
    pub fn write_searches(
        &self,
        kept: &Shared,
        searches: impl Iterator<Item = Result<(Search, u32), SealError>>,
    ) -> Result<PartInfo, SealError> {
        let mut writer = SearchesWriter::new(self.sink()?, &WriteOptions::default())
            .map_err(|error| self.failed(error))?;
        let (mut numbered, mut ids, mut page) = (Vec::new(), Vec::new(), Vec::with_capacity(PAGE_ROWS));
        let mut number_page = |page: &mut Vec<Search>| -> Result<(), SealError> {
            let kept = read(kept);
            for search in page.drain(..) {
                numbered.push(kept.search_row(&search)?);
            }
            Ok(())
        };
        for (row, search) in (0_u32..).zip(searches) {
            let (search, hash) = search?;
            writer.push(&search).map_err(|error| self.failed(error))?;
            ids.push((hash, row));
            page.push(search);
            if page.len() == PAGE_ROWS {
                if (self.stopped)() {
                    return Err(SealError::Stopped);
                }
                number_page(&mut page)?;
            }
        }
        number_page(&mut page)?;
        let (sink, summary) = writer.finish().map_err(|error| self.failed(error))?;
        let info = self.finish(sink, &summary)?;
        let sections = build(&numbered, Measure::Searches);
        let ids = put_ids(ids);
        self.write_index(&info, sections.with_ids(&ids))?;
        Ok(info)
    }
}

/// Gives a page of clicks the numbers of their names, all of which are known.
fn number_rows(
    kept: &Shared,
    page: &mut Vec<(Click, Option<Row>)>,
    numbered: &mut Vec<Row>,
) -> Result<(), SealError> {
    let kept = read(kept);
    for (click, row) in page.drain(..) {
        numbered.push(row.map_or_else(|| kept.row(&click), Ok)?);
    }
    Ok(())
}
