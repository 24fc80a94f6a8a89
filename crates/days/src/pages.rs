//! The pages of one column in one row group, forward, skipping what nobody asks for.
//! It must never know which column it is.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Encoding, Type as Physical};
use parquet::column::page::{Page, PageReader};
use parquet::file::serialized_reader::SerializedPageReader;

use crate::check::CheckedSource;
use crate::error::Fault;
use crate::levels::{runs, take, take_length};
use crate::reading::{DayFile, Group};

/// The most entries of a page that are believed: a list has at most 1,000, a page some thousand rows.
const PAGE_ENTRIES_MAX: u32 = 1 << 26;

/// The most bytes before a column's first page that are believed to be its dictionary.
const CHUNK_BYTES_MAX: i64 = 1 << 28;

/// A page with its levels taken off.
pub struct RawPage {
    /// The rows that it holds, numbered in the whole file.
    pub rows: Range<u64>,
    /// How far each entry is defined; empty where every entry has a value.
    pub defined: Vec<u32>,
    /// Whether an entry goes on with the row before it; empty where no row has several.
    pub repeated: Vec<u32>,
    /// How many entries.
    pub entries: usize,
    /// How many of them have a value.
    pub values: usize,
    pub encoding: Encoding,
    pub data: Bytes,
}

/// A dictionary as it is written.
pub struct RawDictionary {
    pub data: Bytes,
    pub values: usize,
}

/// The pages of one column in one row group.
pub struct Pages {
    reader: SerializedPageReader<CheckedSource>,
    /// At which row each page begins, and at the end the row after the last.
    starts: Vec<u64>,
    /// The next page that the reader would give.
    next: usize,
    pub physical: Physical,
    pub defined_max: u32,
    repeated_max: u32,
}

impl Pages {
    /// Opens the column with this number among ours.
    pub fn open(file: &DayFile, group: &Group, column: usize) -> Result<Self, Fault> {
        let missing = || Fault::damaged("a column has no page index");
        let place = *file.places.get(column).ok_or_else(missing)?;
        let chunk = file.metadata.row_group(group.number).column(place);
        let index = file.metadata.page_index_for_row_group(group.number);
        let locations = index.page_locations(place).ok_or_else(missing)?;
        let mut starts = Vec::with_capacity(locations.len() + 1);
        for location in locations {
            let row = u64::try_from(location.first_row_index).map_err(|_| missing())?;
            starts.push(group.first_row + row);
        }
        starts.push(group.first_row + group.rows as u64);
        let in_file = locations.iter().all(|page| page.offset > 0 && page.compressed_page_size > 0)
            && locations.is_sorted_by_key(|page| page.offset);
        if !in_file || starts.first() != Some(&group.first_row) || !starts.is_sorted_by(|a, b| a < b) {
            return Err(missing());
        }
        // The decoder takes these for granted.
        let first = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
        let first_page = locations.first().map_or(0, |page| page.offset);
        if first < 0
            || chunk.compressed_size() < 0
            || first > first_page
            || first_page - first > CHUNK_BYTES_MAX
        {
            return Err(missing());
        }
        let descriptor = chunk.column_descr();
        let level = |level: i16| u32::try_from(level).map_err(|_| missing());
        let (defined_max, repeated_max) =
            (level(descriptor.max_def_level())?, level(descriptor.max_rep_level())?);
        let (source, locations) = (Arc::clone(&file.source), Some(locations.clone()));
        let reader = SerializedPageReader::new(source, chunk, group.rows, locations)?;
        Ok(Self { reader, starts, next: 0, physical: chunk.column_type(), defined_max, repeated_max })
    }

    /// The dictionary. To be asked for before any page; later there is none.
    pub fn dictionary(&mut self) -> Result<Option<RawDictionary>, Fault> {
        if !self.reader.peek_next_page()?.is_some_and(|page| page.is_dict) {
            return Ok(None);
        }
        match self.reader.get_next_page()? {
            Some(Page::DictionaryPage {
                buf,
                num_values,
                encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY,
                ..
            }) => Ok(Some(RawDictionary { data: buf, values: num_values as usize })),
            _ => Err(Fault::damaged("a dictionary is out of form")),
        }
    }

    /// The page that holds a row, which must not lie before a page that was already given.
    pub fn page_of(&mut self, row: u64) -> Result<RawPage, Fault> {
        let after = self.starts.partition_point(|&start| start <= row);
        let wanted = after.checked_sub(1).filter(|&page| page >= self.next && after < self.starts.len());
        let wanted = wanted.ok_or_else(|| Fault::damaged("a row is where it can't be"))?;
        while self.next < wanted {
            self.reader.skip_next_page()?;
            self.next += 1;
        }
        self.next += 1;
        let page = self.reader.get_next_page()?;
        let page = page.ok_or_else(|| Fault::damaged("a page is missing"))?;
        self.take_levels(page, self.starts[wanted]..self.starts[wanted + 1])
    }

    fn take_levels(&self, page: Page, rows: Range<u64>) -> Result<RawPage, Fault> {
        let row_count = rows.end - rows.start;
        let entries = page.num_values();
        let flat = self.repeated_max == 0;
        if entries > PAGE_ENTRIES_MAX || (flat && u64::from(entries) != row_count) {
            return Err(Fault::damaged("a page has another number of rows than its index says"));
        }
        let (encoding, buffer, entries) = (page.encoding(), page.buffer().clone(), entries as usize);
        let mut data = &buffer[..];
        let (repeated, defined) = match page {
            Page::DataPage { def_level_encoding, rep_level_encoding, .. } => {
                let mut levels = |max: u32, encoding| match (max, encoding) {
                    (0, _) => Ok(&[][..]),
                    (_, Encoding::RLE) => take_length(&mut data).and_then(|length| take(&mut data, length)),
                    _ => Err(Fault::damaged("levels in another encoding")),
                };
                let repeated = levels(self.repeated_max, rep_level_encoding)?;
                (repeated, levels(self.defined_max, def_level_encoding)?)
            }
            Page::DataPageV2 { def_levels_byte_len, rep_levels_byte_len, .. } => {
                let repeated = take(&mut data, rep_levels_byte_len as usize)?;
                (repeated, take(&mut data, def_levels_byte_len as usize)?)
            }
            Page::DictionaryPage { .. } => return Err(Fault::damaged("a dictionary among the pages")),
        };
        let repeated = read_levels(repeated, self.repeated_max, entries)?;
        let defined = read_levels(defined, self.defined_max, entries)?;
        let begun = repeated.iter().filter(|&&level| level == 0).count() as u64;
        if !flat && (begun != row_count || repeated.first() != Some(&0)) {
            return Err(Fault::damaged("a page has another number of rows than its index says"));
        }
        let values = match self.defined_max {
            0 => entries,
            max => defined.iter().filter(|&&level| level == max).count(),
        };
        let data = buffer.slice_ref(data);
        Ok(RawPage { rows, defined, repeated, entries, values, encoding, data })
    }
}

fn read_levels(data: &[u8], max: u32, entries: usize) -> Result<Vec<u32>, Fault> {
    let mut levels = Vec::new();
    if max > 0 {
        runs(data, u32::BITS - max.leading_zeros(), entries, &mut levels)?;
        if levels.iter().any(|&level| level > max) {
            return Err(Fault::damaged("a level beyond the highest"));
        }
    }
    Ok(levels)
}
