//! Rows by number, whole: forward through the pages, those of which no row is wanted left out.
//! It must never know what a row means; that stands in the file of its kind.

use std::ops::Range;
use std::sync::Arc;

use clicks::Device;

use crate::columns::TextPage;
use crate::error::{DayError, Fault};
use crate::reading::{DayFile, Group};
use crate::texts::Texts;

/// What can be put together from the columns of a row group.
pub trait Row: Sized {
    /// The columns of a row group, open.
    type Columns;
    fn open(file: &DayFile, group: &Group) -> Result<Self::Columns, Fault>;
    fn read(columns: &mut Self::Columns, row: u64) -> Result<Self, Fault>;
}

/// Rows in rising order. Memory is bounded by one page and one dictionary of each column.
pub struct Rows<T: Row> {
    file: Arc<DayFile>,
    wanted: std::vec::IntoIter<Range<u64>>,
    now: Range<u64>,
    columns: Option<(Range<u64>, T::Columns)>,
    failed: bool,
}

impl<T: Row> Rows<T> {
    /// Rows beyond the end of the file are not there, and not missed.
    pub(crate) fn new(file: &Arc<DayFile>, wanted: Vec<Range<u64>>) -> Self {
        let file = Arc::clone(file);
        Self { file, wanted: wanted.into_iter(), now: 0..0, columns: None, failed: false }
    }

    fn read(&mut self, row: u64) -> Result<Option<T>, Fault> {
        if !self.columns.as_ref().is_some_and(|(rows, _)| rows.contains(&row)) {
            // What is no longer needed goes before what is needed comes.
            self.columns = None;
            let Some(group) = self.file.group_of(row) else { return Ok(None) };
            let rows = group.first_row..group.first_row + group.rows as u64;
            self.columns = Some((rows, T::open(&self.file, group)?));
        }
        self.columns.as_mut().map(|(_, columns)| T::read(columns, row)).transpose()
    }
}

impl<T: Row> Iterator for Rows<T> {
    type Item = Result<T, DayError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        while self.now.is_empty() {
            self.now = self.wanted.next()?;
        }
        let row = self.now.start;
        self.now.start += 1;
        match self.read(row) {
            Ok(found) => found.map(Ok),
            Err(fault) => {
                self.failed = true;
                Some(Err(fault.of(&self.file.name)))
            }
        }
    }
}

/// The rows of rising numbers as ranges; what is not rising is left out.
pub fn ranges(numbers: &[u64]) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some(last) if number == last.end => last.end += 1,
            Some(last) if number < last.end => {}
            _ => ranges.push(number..number + 1),
        }
    }
    ranges
}

/// Names that were made of a column's texts, each made once while the texts stay the same.
pub struct Made<T> {
    texts: Arc<Texts>,
    made: Vec<Option<T>>,
}

impl<T> Default for Made<T> {
    fn default() -> Self {
        Self { texts: Arc::default(), made: Vec::new() }
    }
}

impl<T: Clone> Made<T> {
    /// What is made of the text with this number; `None` where there is none.
    pub fn get(
        &mut self,
        texts: &Arc<Texts>,
        number: u32,
        make: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        if !Arc::ptr_eq(&self.texts, texts) {
            self.texts = Arc::clone(texts);
            self.made = vec![None; texts.len()];
        }
        let Some(slot) = usize::try_from(number).ok().and_then(|number| self.made.get_mut(number)) else {
            return Ok(None);
        };
        if slot.is_none() {
            *slot = texts.get(number).and_then(make);
        }
        slot.clone().map(Some).ok_or_else(|| Fault::damaged("a text is not what its column holds"))
    }

    /// What is made of a row's text.
    pub fn of(
        &mut self,
        (page, row): (&TextPage, usize),
        make: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        page.numbers.get(row).map_or(Ok(None), |&number| self.get(&page.texts, number, make))
    }
}

/// What a row must have.
pub fn there<T>(value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::damaged("a value is missing that every row has"))
}

/// A row's text as it is.
pub fn text((page, row): (&TextPage, usize)) -> Option<Box<str>> {
    page.numbers.get(row).and_then(|&number| page.texts.get(number)).map(Box::from)
}

/// A device by its name.
pub fn device(text: &str) -> Option<Device> {
    text.parse().ok()
}
