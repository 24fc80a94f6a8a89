//! Searches as a file: which part of a search stands in which column.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use clicks::{AccountCode, Device, DocId, Hashid, IndexName, Search, SearchKind, UserCode};

use crate::columns::{Column, ListPage, NumberPage, TextPage};
use crate::error::{DayError, Fault, WriteError};
use crate::reading::{DayFile, Group};
use crate::rows::{Made, Row, Rows, device, ranges, text, there};
use crate::schema::Holds;
use crate::source::Source;
use crate::summary::Summary;
use crate::writing::{FileWriter, Gathering, Numbers, TextLists, TextRows, WriteOptions};

/// The columns that gather searches, in the order of the schema.
struct Gathered {
    at: Numbers,
    account: TextRows,
    hashid: TextRows,
    id: TextRows,
    indices: TextLists,
    query: TextRows,
    doc_ids: TextLists,
    device: TextRows,
    total_hits: Numbers,
    user: TextRows,
    session: TextRows,
    received_at: Numbers,
    kind: TextRows,
}

impl Gathered {
    fn new() -> Self {
        Self {
            at: Numbers::default(),
            account: TextRows::default(),
            hashid: TextRows::default(),
            id: TextRows::default(),
            indices: TextLists::default(),
            query: TextRows::optional(),
            doc_ids: TextLists::optional(),
            device: TextRows::optional(),
            total_hits: Numbers::optional(),
            user: TextRows::optional(),
            session: TextRows::optional(),
            received_at: Numbers::default(),
            kind: TextRows::optional(),
        }
    }

    fn push(&mut self, search: &Search) {
        self.at.push(Some(search.at_ms));
        self.account.push_hex(search.account.as_bytes());
        self.hashid.push_hex(search.engine.as_bytes());
        self.id.push(Some(&search.id));
        self.indices.push(Some(search.indices.iter().map(IndexName::as_str)));
        self.query.push(search.query.as_deref());
        self.doc_ids.push(search.doc_ids.as_ref().map(|shown| shown.iter().map(DocId::as_str)));
        self.device.push(search.device.map(Device::as_str));
        // The column is without sign, in the same 64 bits.
        self.total_hits.push(search.total_hits.map(u64::cast_signed));
        self.user.push(search.user.as_ref().map(UserCode::as_str));
        self.session.push(search.session.as_deref());
        self.received_at.push(Some(search.received_ms));
        // Nearly all of them were asked: what is usual takes no room.
        self.kind.push(Some(search.kind).filter(|kind| *kind != SearchKind::Asked).map(SearchKind::as_str));
    }

    fn in_order(&mut self) -> [&mut dyn Gathering; 13] {
        [
            &mut self.at,
            &mut self.account,
            &mut self.hashid,
            &mut self.id,
            &mut self.indices,
            &mut self.query,
            &mut self.doc_ids,
            &mut self.device,
            &mut self.total_hits,
            &mut self.user,
            &mut self.session,
            &mut self.received_at,
            &mut self.kind,
        ]
    }
}

/// Writes a file of searches. After an error there is no whole file, and the writer is good for nothing.
pub struct SearchesWriter<W: Write + Send> {
    file: FileWriter<W>,
    gathered: Gathered,
}

impl<W: Write + Send> SearchesWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`WriteError::Io`] from the sink.
    pub fn new(sink: W, options: &WriteOptions) -> Result<Self, WriteError> {
        Ok(Self { file: FileWriter::new(sink, Holds::Searches, options)?, gathered: Gathered::new() })
    }

    /// Adds a search, in the order of `at_ms`.
    ///
    /// # Errors
    /// [`WriteError::Backwards`] when it is earlier than the one before; it is not added, and the writer stays good.
    pub fn push(&mut self, search: &Search) -> Result<(), WriteError> {
        self.file.admit(search.at_ms)?;
        self.gathered.push(search);
        self.file.added(search.at_ms, search.received_ms, &mut self.gathered.in_order())
    }

    /// Ends the file, and returns the sink, which nobody has synced.
    ///
    /// # Errors
    /// [`WriteError::Io`] from the sink.
    pub fn finish(mut self) -> Result<(W, Summary), WriteError> {
        self.file.finish(&mut self.gathered.in_order())
    }
}

/// The columns of a row group of searches, open.
pub struct SearchColumns {
    at: Column<NumberPage>,
    account: Column<TextPage>,
    hashid: Column<TextPage>,
    id: Column<TextPage>,
    indices: Column<ListPage>,
    query: Column<TextPage>,
    doc_ids: Column<ListPage>,
    device: Column<TextPage>,
    total_hits: Column<NumberPage>,
    user: Column<TextPage>,
    session: Column<TextPage>,
    received_at: Column<NumberPage>,
    kind: Option<Column<TextPage>>,
    accounts: Made<AccountCode>,
    hashids: Made<Hashid>,
    index_names: Made<IndexName>,
    docs: Made<DocId>,
    devices: Made<Device>,
    users: Made<UserCode>,
    kinds: Made<SearchKind>,
}

/// A row's list of names; `None` where the list is absent.
fn list<T: Clone>(
    (page, row): (&ListPage, usize),
    made: &mut Made<T>,
    make: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, Fault> {
    let Some(numbers) = page.get(row) else { return Ok(None) };
    let name = |&number: &u32| there(made.get(&page.texts, number, &make)?);
    numbers.iter().map(name).collect::<Result<_, _>>().map(Some)
}

impl Row for Search {
    type Columns = SearchColumns;

    fn open(file: &DayFile, group: &Group) -> Result<SearchColumns, Fault> {
        let texts = |column: usize| Column::open(file, group, column);
        let numbers = |column: usize| Column::open(file, group, column);
        let lists = |column: usize| Column::open(file, group, column);
        Ok(SearchColumns {
            at: numbers(0)?,
            account: texts(1)?,
            hashid: texts(2)?,
            id: texts(3)?,
            indices: lists(4)?,
            query: texts(5)?,
            doc_ids: lists(6)?,
            device: texts(7)?,
            total_hits: numbers(8)?,
            user: texts(9)?,
            session: texts(10)?,
            received_at: numbers(11)?,
            kind: Column::later(file, group, 12)?,
            accounts: Made::default(),
            hashids: Made::default(),
            index_names: Made::default(),
            docs: Made::default(),
            devices: Made::default(),
            users: Made::default(),
            kinds: Made::default(),
        })
    }

    fn read(from: &mut SearchColumns, row: u64) -> Result<Self, Fault> {
        let number = |column: &mut Column<NumberPage>| column.row(row).map(|(page, row)| page.get(row));
        let kind = match &mut from.kind {
            Some(kind) => from.kinds.of(kind.row(row)?, |text| text.parse().ok())?.unwrap_or_default(),
            None => SearchKind::Asked,
        };
        Ok(Self {
            kind,
            account: there(from.accounts.of(from.account.row(row)?, |text| text.parse().ok())?)?,
            id: there(text(from.id.row(row)?))?,
            engine: there(from.hashids.of(from.hashid.row(row)?, |text| text.parse().ok())?)?,
            indices: there(list(from.indices.row(row)?, &mut from.index_names, |text| text.parse().ok())?)?,
            query: text(from.query.row(row)?),
            doc_ids: list(from.doc_ids.row(row)?, &mut from.docs, |text| text.parse().ok())?,
            device: from.devices.of(from.device.row(row)?, device)?,
            at_ms: there(number(&mut from.at)?)?,
            received_ms: there(number(&mut from.received_at)?)?,
            total_hits: number(&mut from.total_hits)?.map(i64::cast_unsigned),
            user: from.users.of(from.user.row(row)?, |text| text.parse().ok())?,
            session: text(from.session.row(row)?),
        })
    }
}

/// Reads a file of searches.
#[derive(Clone)]
pub struct SearchesReader {
    file: Arc<DayFile>,
}

impl SearchesReader {
    /// Opens a file and verifies its footer; `name` is what errors call it.
    ///
    /// # Errors
    /// [`DayError`] when the file can't be read, is damaged, is another's or a newer program's.
    pub fn open(source: Arc<dyn Source>, name: &str) -> Result<Self, DayError> {
        Ok(Self { file: DayFile::open(source, name, Holds::Searches)? })
    }

    /// What the file says of itself.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.file.summary
    }

    /// The searches with these row numbers, counted from 0.
    #[must_use]
    pub fn rows(&self, range: Range<u64>) -> Rows<Search> {
        Rows::new(&self.file, vec![range])
    }

    /// Single searches by their row numbers, which must rise. Pages of which no row is wanted are not read.
    #[must_use]
    pub fn rows_at(&self, numbers: &[u64]) -> Rows<Search> {
        Rows::new(&self.file, ranges(numbers))
    }

    /// The rows that may lie from `from_ms` up to and without `until_ms`: all that do, and a page more at each end.
    #[must_use]
    pub fn rows_between(&self, from_ms: i64, until_ms: i64) -> Range<u64> {
        self.file.rows_between(from_ms, until_ms)
    }

    /// Reads the whole file and verifies its checksums, without looking at what it says.
    ///
    /// # Errors
    /// [`DayError`] at the first damage.
    pub fn verify(&self) -> Result<(), DayError> {
        self.file.verify()
    }
}
