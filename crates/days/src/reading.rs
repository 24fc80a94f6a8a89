//! An open file: its footer and page indexes, read once and verified; where its rows are.
//! It must never know what a click or a search is.

use std::ops::Range;
use std::sync::Arc;

use parquet::file::metadata::{ColumnChunkMask, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use crate::check::CheckedSource;
use crate::error::{DayError, Fault};
use crate::schema::{Holds, LACKING};
use crate::source::Source;
use crate::summary::Summary;

/// `at` is the first column that we write, so it is the first of our places.
const AT: usize = 0;

/// A page of the column `at`: the row at which it begins, its first and its last instant.
struct AtPage {
    first_row: u64,
    first_ms: i64,
    last_ms: i64,
}

/// A row group: the row at which it begins, and how many it has.
pub struct Group {
    pub number: usize,
    pub first_row: u64,
    pub rows: usize,
}

/// An open file.
pub struct DayFile {
    pub name: Arc<str>,
    pub source: Arc<CheckedSource>,
    pub metadata: ParquetMetaData,
    /// Where each of our columns is in the file.
    pub places: Vec<usize>,
    pub groups: Vec<Group>,
    at_pages: Vec<AtPage>,
    pub summary: Summary,
}

impl DayFile {
    pub fn open(source: Arc<dyn Source>, name: &str, holds: Holds) -> Result<Arc<Self>, DayError> {
        let name = Arc::from(name);
        Self::read(source, &name, holds).map(Arc::new).map_err(|fault| fault.of(&name))
    }

    fn read(source: Arc<dyn Source>, name: &Arc<str>, holds: Holds) -> Result<Self, Fault> {
        let bytes = source.len()?;
        let source = CheckedSource::open(source, holds.as_str())?;
        let mut reader = ParquetMetaDataReader::new();
        reader.try_parse(&source)?;
        let metadata = reader.finish()?;
        let footer = metadata.file_metadata();
        let entries = footer.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
        let summary = Summary::from_footer(entries, holds)?;
        let places = holds.places(footer.schema_descr())?;
        let metadata = with_page_indexes(metadata, &source, &places)?;
        let groups = groups(&metadata)?;
        let rows = groups.last().map_or(0, |group| group.first_row + group.rows as u64);
        if rows != summary.rows {
            return Err(Fault::damaged("its footer counts other rows than it has"));
        }
        let mut at_pages = Vec::new();
        for group in &groups {
            add_at_pages(&metadata, places[AT], group, &mut at_pages)?;
        }
        let summary = Summary { bytes, checksum: source.own(), ..summary };
        Ok(Self {
            name: Arc::clone(name),
            source: Arc::new(source),
            metadata,
            places,
            groups,
            at_pages,
            summary,
        })
    }

    /// The row group that holds a row.
    pub fn group_of(&self, row: u64) -> Option<&Group> {
        let after = self.groups.partition_point(|group| group.first_row <= row);
        let group = self.groups.get(after.checked_sub(1)?)?;
        (row < group.first_row + group.rows as u64).then_some(group)
    }

    /// The rows that may lie from `from_ms` up to and without `until_ms`, by whole pages.
    pub fn rows_between(&self, from_ms: i64, until_ms: i64) -> Range<u64> {
        let first = self.at_pages.partition_point(|page| page.last_ms < from_ms);
        let end = self.at_pages.partition_point(|page| page.first_ms < until_ms);
        let row = |page: usize| self.at_pages.get(page).map_or(self.summary.rows, |page| page.first_row);
        row(first)..row(end).max(row(first))
    }

    /// Reads the whole file and verifies its checksums.
    pub fn verify(&self) -> Result<(), DayError> {
        self.source.verify().map_err(|fault| fault.of(&self.name))
    }
}

fn with_page_indexes(
    metadata: ParquetMetaData,
    source: &CheckedSource,
    places: &[usize],
) -> Result<ParquetMetaData, Fault> {
    if metadata.num_row_groups() == 0 {
        return Ok(metadata);
    }
    let mut reader = ParquetMetaDataReader::new_with_metadata(metadata)
        .with_offset_index_policy(PageIndexPolicy::Required)
        .with_offset_index_mask(ColumnChunkMask::columns(
            places.iter().copied().filter(|place| *place != LACKING),
        ))
        .with_column_index_policy(PageIndexPolicy::Required)
        .with_column_index_mask(ColumnChunkMask::columns([places[AT]]));
    reader.read_page_indexes(source)?;
    Ok(reader.finish()?)
}

fn groups(metadata: &ParquetMetaData) -> Result<Vec<Group>, Fault> {
    let mut first_row = 0_u64;
    let mut groups = Vec::new();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let rows = usize::try_from(group.num_rows()).map_err(|_| Fault::damaged("rows below zero"))?;
        groups.push(Group { number, first_row, rows });
        let end = first_row.checked_add(rows as u64).filter(|&end| end <= i64::MAX.cast_unsigned());
        first_row = end.ok_or_else(|| Fault::damaged("more rows than can be"))?;
    }
    Ok(groups)
}

fn add_at_pages(
    metadata: &ParquetMetaData,
    place: usize,
    group: &Group,
    pages: &mut Vec<AtPage>,
) -> Result<(), Fault> {
    let missing = || Fault::damaged("a row group has no page index of its times");
    let index = metadata.page_index_for_row_group(group.number);
    let locations = index.page_locations(place).ok_or_else(missing)?;
    let Some(ColumnIndexMetaData::INT64(times)) = index.column_index(place) else { return Err(missing()) };
    let (firsts, lasts) = (times.min_values(), times.max_values());
    if firsts.len() != locations.len() || lasts.len() != locations.len() {
        return Err(missing());
    }
    for (location, (&first_ms, &last_ms)) in locations.iter().zip(firsts.iter().zip(lasts)) {
        let row = u64::try_from(location.first_row_index).ok().filter(|&row| row < group.rows as u64);
        let first_row = group.first_row + row.ok_or_else(missing)?;
        if pages.last().is_some_and(|before| before.last_ms > first_ms) || first_ms > last_ms {
            return Err(Fault::damaged("its rows are not in the order of time"));
        }
        pages.push(AtPage { first_row, first_ms, last_ms });
    }
    Ok(())
}
