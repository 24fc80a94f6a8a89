//! Clicks as a file: which part of a click stands in which column.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use clicks::{
    AccountCode, Click, CustomResultId, Device, DocId, Hashid, IndexName, ProductType, SearchTerms, UserCode,
};

use crate::batches::{Batches, ClickText};
use crate::columns::{Column, NumberPage, TextPage};
use crate::error::{DayError, Fault, WriteError};
use crate::reading::{DayFile, Group};
use crate::rows::{Made, Row, Rows, device, ranges, text, there};
use crate::schema::Holds;
use crate::source::Source;
use crate::summary::Summary;
use crate::writing::{FileWriter, Gathering, Numbers, SmallNumbers, TextRows, WriteOptions};

/// The columns that gather clicks, in the order of the schema.
struct Gathered {
    at: Numbers,
    account: TextRows,
    hashid: TextRows,
    index: TextRows,
    doc_id: TextRows,
    query: TextRows,
    device: TextRows,
    product_type: TextRows,
    rank: SmallNumbers,
    query_id: TextRows,
    id: TextRows,
    user: TextRows,
    session: TextRows,
    searched_at: Numbers,
    received_at: Numbers,
    custom_result: TextRows,
}

impl Gathered {
    fn new() -> Self {
        Self {
            at: Numbers::default(),
            account: TextRows::default(),
            hashid: TextRows::default(),
            index: TextRows::optional(),
            doc_id: TextRows::default(),
            query: TextRows::optional(),
            device: TextRows::optional(),
            product_type: TextRows::default(),
            rank: SmallNumbers::default(),
            query_id: TextRows::optional(),
            id: TextRows::optional(),
            user: TextRows::optional(),
            session: TextRows::optional(),
            searched_at: Numbers::optional(),
            received_at: Numbers::default(),
            custom_result: TextRows::optional(),
        }
    }

    fn push(&mut self, click: &Click) {
        self.at.push(Some(click.at_ms));
        self.account.push_hex(click.account.as_bytes());
        self.hashid.push_hex(click.engine.as_bytes());
        self.index.push(click.index.as_ref().map(IndexName::as_str));
        self.doc_id.push(Some(click.doc_id.as_str()));
        self.query.push(click.terms.as_ref().map(SearchTerms::as_str));
        self.device.push(click.device.map(Device::as_str));
        self.product_type.push(Some(click.product_type.as_str()));
        self.rank.push(click.rank);
        self.query_id.push(click.query_id.as_deref());
        self.id.push(click.id.as_deref());
        self.user.push(click.user.as_ref().map(UserCode::as_str));
        self.session.push(click.session.as_deref());
        self.searched_at.push(click.searched_ms);
        self.received_at.push(Some(click.received_ms));
        self.custom_result.push(click.custom_result.as_ref().map(CustomResultId::as_str));
    }

    fn in_order(&mut self) -> [&mut dyn Gathering; 16] {
        [
            &mut self.at,
            &mut self.account,
            &mut self.hashid,
            &mut self.index,
            &mut self.doc_id,
            &mut self.query,
            &mut self.device,
            &mut self.product_type,
            &mut self.rank,
            &mut self.query_id,
            &mut self.id,
            &mut self.user,
            &mut self.session,
            &mut self.searched_at,
            &mut self.received_at,
            &mut self.custom_result,
        ]
    }
}

/// Writes a file of clicks. After an error there is no whole file, and the writer is good for nothing.
pub struct ClicksWriter<W: Write + Send> {
    file: FileWriter<W>,
    gathered: Gathered,
}

impl<W: Write + Send> ClicksWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`WriteError::Io`] from the sink.
    pub fn new(sink: W, options: &WriteOptions) -> Result<Self, WriteError> {
        Ok(Self { file: FileWriter::new(sink, Holds::Clicks, options)?, gathered: Gathered::new() })
    }

    /// Adds a click, in the order of `at_ms`.
    ///
    /// # Errors
    /// [`WriteError::Backwards`] when it is earlier than the one before; it is not added, and the writer stays good.
    pub fn push(&mut self, click: &Click) -> Result<(), WriteError> {
        self.file.admit(click.at_ms)?;
        self.gathered.push(click);
        self.file.added(click.at_ms, click.received_ms, &mut self.gathered.in_order())
    }

    /// Ends the file, and returns the sink, which nobody has synced.
    ///
    /// # Errors
    /// [`WriteError::Io`] from the sink.
    pub fn finish(mut self) -> Result<(W, Summary), WriteError> {
        self.file.finish(&mut self.gathered.in_order())
    }
}

/// The columns of a row group of clicks, open.
pub struct ClickColumns {
    at: Column<NumberPage>,
    account: Column<TextPage>,
    hashid: Column<TextPage>,
    index: Column<TextPage>,
    doc_id: Column<TextPage>,
    query: Column<TextPage>,
    device: Column<TextPage>,
    product_type: Column<TextPage>,
    rank: Column<NumberPage>,
    query_id: Column<TextPage>,
    id: Column<TextPage>,
    user: Column<TextPage>,
    session: Column<TextPage>,
    searched_at: Column<NumberPage>,
    received_at: Column<NumberPage>,
    custom_result: Option<Column<TextPage>>,
    accounts: Made<AccountCode>,
    hashids: Made<Hashid>,
    indices: Made<IndexName>,
    doc_ids: Made<DocId>,
    terms: Made<SearchTerms>,
    devices: Made<Device>,
    product_types: Made<ProductType>,
    users: Made<UserCode>,
    custom_results: Made<CustomResultId>,
}

impl Row for Click {
    type Columns = ClickColumns;

    fn open(file: &DayFile, group: &Group) -> Result<ClickColumns, Fault> {
        let texts = |column: ClickText| Column::open(file, group, column.number());
        let numbers = |column: usize| Column::open(file, group, column);
        Ok(ClickColumns {
            at: numbers(0)?,
            account: texts(ClickText::Account)?,
            hashid: texts(ClickText::Hashid)?,
            index: texts(ClickText::Index)?,
            doc_id: texts(ClickText::DocId)?,
            query: texts(ClickText::Query)?,
            device: texts(ClickText::Device)?,
            product_type: texts(ClickText::ProductType)?,
            rank: numbers(8)?,
            query_id: texts(ClickText::QueryId)?,
            id: texts(ClickText::Id)?,
            user: texts(ClickText::User)?,
            session: texts(ClickText::Session)?,
            searched_at: numbers(13)?,
            received_at: numbers(14)?,
            custom_result: Column::later(file, group, 15)?,
            accounts: Made::default(),
            hashids: Made::default(),
            indices: Made::default(),
            doc_ids: Made::default(),
            terms: Made::default(),
            devices: Made::default(),
            product_types: Made::default(),
            users: Made::default(),
            custom_results: Made::default(),
        })
    }

    fn read(from: &mut ClickColumns, row: u64) -> Result<Self, Fault> {
        let number = |column: &mut Column<NumberPage>| column.row(row).map(|(page, row)| page.get(row));
        let rank = number(&mut from.rank)?.map(u32::try_from).transpose();
        let custom_result = match &mut from.custom_result {
            Some(column) => from.custom_results.of(column.row(row)?, |text| text.parse().ok())?,
            None => None,
        };
        Ok(Self {
            account: there(from.accounts.of(from.account.row(row)?, |text| text.parse().ok())?)?,
            engine: there(from.hashids.of(from.hashid.row(row)?, |text| text.parse().ok())?)?,
            index: from.indices.of(from.index.row(row)?, |text| text.parse().ok())?,
            doc_id: there(from.doc_ids.of(from.doc_id.row(row)?, |text| text.parse().ok())?)?,
            at_ms: there(number(&mut from.at)?)?,
            received_ms: there(number(&mut from.received_at)?)?,
            id: text(from.id.row(row)?),
            query_id: text(from.query_id.row(row)?),
            searched_ms: number(&mut from.searched_at)?,
            rank: rank.map_err(|_| Fault::damaged("a rank out of its range"))?,
            device: from.devices.of(from.device.row(row)?, device)?,
            product_type: there(
                from.product_types.of(from.product_type.row(row)?, |text| text.parse().ok())?,
            )?,
            custom_result,
            terms: from.terms.of(from.query.row(row)?, |text| Some(SearchTerms::from_folded(text)))?,
            user: from.users.of(from.user.row(row)?, |text| text.parse().ok())?,
            session: text(from.session.row(row)?),
        })
    }
}

/// Reads a file of clicks.
#[derive(Clone)]
pub struct ClicksReader {
    file: Arc<DayFile>,
}

impl ClicksReader {
    /// Opens a file and verifies its footer; `name` is what errors call it.
    ///
    /// # Errors
    /// [`DayError`] when the file can't be read, is damaged, is another's or a newer program's.
    pub fn open(source: Arc<dyn Source>, name: &str) -> Result<Self, DayError> {
        Ok(Self { file: DayFile::open(source, name, Holds::Clicks)? })
    }

    /// What the file says of itself.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.file.summary
    }

    /// The clicks with these row numbers, counted from 0.
    #[must_use]
    pub fn rows(&self, range: Range<u64>) -> Rows<Click> {
        Rows::new(&self.file, vec![range])
    }

    /// Single clicks by their row numbers, which must rise. Pages of which no row is wanted are not read.
    #[must_use]
    pub fn rows_at(&self, numbers: &[u64]) -> Rows<Click> {
        Rows::new(&self.file, ranges(numbers))
    }

    /// The rows that may lie from `from_ms` up to and without `until_ms`: all that do, and a page more at each end.
    #[must_use]
    pub fn rows_between(&self, from_ms: i64, until_ms: i64) -> Range<u64> {
        self.file.rows_between(from_ms, until_ms)
    }

    /// Columns for building indexes: the times, and the texts that were asked for, by number.
    #[must_use]
    pub fn batches(&self, range: Range<u64>, columns: &[ClickText]) -> Batches {
        Batches::new(&self.file, range, columns)
    }

    /// Reads the whole file and verifies its checksums, without looking at what it says.
    ///
    /// # Errors
    /// [`DayError`] at the first damage.
    pub fn verify(&self) -> Result<(), DayError> {
        self.file.verify()
    }
}
