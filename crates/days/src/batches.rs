//! Clicks column by column, for whoever builds an index: times, and texts by number.

use std::ops::Range;
use std::sync::Arc;

use crate::columns::{Column, NumberPage, TextPage};
use crate::error::{DayError, Fault};
use crate::reading::DayFile;
use crate::texts::Texts;

/// The texts of a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClickText {
    /// The account's code: 16 hexadecimal digits.
    Account,
    /// The search engine: 32 hexadecimal digits.
    Hashid,
    /// The index.
    Index,
    /// The item.
    DocId,
    /// The folded terms.
    Query,
    /// `desktop` or `mobile`.
    Device,
    /// One of the six.
    ProductType,
    /// The search's id.
    QueryId,
    /// The click's own id.
    Id,
    /// The visitor.
    User,
    /// The visitor's session.
    Session,
}

impl ClickText {
    /// The column's number in the schema.
    pub(crate) const fn number(self) -> usize {
        match self {
            Self::Account => 1,
            Self::Hashid => 2,
            Self::Index => 3,
            Self::DocId => 4,
            Self::Query => 5,
            Self::Device => 6,
            Self::ProductType => 7,
            Self::QueryId => 9,
            Self::Id => 10,
            Self::User => 11,
            Self::Session => 12,
        }
    }
}

/// One column of a batch.
#[derive(Debug, Clone)]
pub struct TextColumn {
    /// The texts. As long as this is the same `Arc` as in the batch before, the numbers mean the same.
    pub texts: Arc<Texts>,
    /// For each row the number of its text, or [`crate::ABSENT`].
    pub numbers: Vec<u32>,
}

/// Some rows that follow each other, at most a page.
#[derive(Debug, Clone)]
pub struct ClickBatch {
    /// The number of the first row.
    pub first_row: u64,
    /// `at` of each row, in milliseconds since 1970-01-01 UTC, rising.
    pub at_ms: Vec<i64>,
    /// The columns that were asked for, in that order.
    pub texts: Vec<TextColumn>,
}

/// The columns of one row group.
struct Open {
    rows: Range<u64>,
    at: Column<NumberPage>,
    texts: Vec<Column<TextPage>>,
}

/// Batches of rows, in order. Memory is bounded by one page and one dictionary of each column.
pub struct Batches {
    file: Arc<DayFile>,
    rows: Range<u64>,
    columns: Vec<ClickText>,
    open: Option<Open>,
}

impl Batches {
    pub(crate) fn new(file: &Arc<DayFile>, rows: Range<u64>, columns: &[ClickText]) -> Self {
        let rows = rows.start..rows.end.min(file.summary.rows);
        Self { file: Arc::clone(file), rows, columns: columns.to_vec(), open: None }
    }

    fn open(&mut self, row: u64) -> Result<&mut Open, Fault> {
        if !self.open.as_ref().is_some_and(|open| open.rows.contains(&row)) {
            self.open = None;
            let group = self.file.group_of(row);
            let group = group.ok_or_else(|| Fault::damaged("a row is in no row group"))?;
            let texts = self.columns.iter().map(|column| Column::open(&self.file, group, column.number()));
            self.open = Some(Open {
                rows: group.first_row..group.first_row + group.rows as u64,
                at: Column::open(&self.file, group, 0)?,
                texts: texts.collect::<Result<_, _>>()?,
            });
        }
        self.open.as_mut().ok_or_else(|| Fault::damaged("a row is in no row group"))
    }

    fn batch(&mut self) -> Result<ClickBatch, Fault> {
        let rows = self.rows.clone();
        let open = self.open(rows.start)?;
        let mut end = rows.end.min(open.at.page_of(rows.start)?.1.end);
        for column in &mut open.texts {
            end = end.min(column.page_of(rows.start)?.1.end);
        }
        let count =
            usize::try_from(end - rows.start).map_err(|_| Fault::damaged("a page of too many rows"))?;
        let short = || Fault::damaged("a page is shorter than it says");
        let (page, place) = open.at.row(rows.start)?;
        let at_ms = page.values().get(place..place + count).ok_or_else(short)?.to_vec();
        let mut texts = Vec::with_capacity(open.texts.len());
        for column in &mut open.texts {
            let (page, place) = column.row(rows.start)?;
            let numbers = page.numbers.get(place..place + count).ok_or_else(short)?.to_vec();
            texts.push(TextColumn { texts: Arc::clone(&page.texts), numbers });
        }
        self.rows.start = end;
        Ok(ClickBatch { first_row: rows.start, at_ms, texts })
    }
}

impl Iterator for Batches {
    type Item = Result<ClickBatch, DayError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.is_empty() {
            return None;
        }
        let batch = self.batch();
        if batch.is_err() {
            self.rows.start = self.rows.end;
        }
        Some(batch.map_err(|fault| fault.of(&self.file.name)))
    }
}
