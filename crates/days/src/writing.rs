//! Writing a file: rows are gathered column by column, and written as a row group when there are enough of them.
//! It must never know what a click or a search is.

use std::io::Write;

use bytes::Bytes;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};

use crate::check::CheckingSink;
use crate::error::WriteError;
use crate::schema::Holds;
use crate::summary::Summary;

/// How a file is written.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// The program's name and version, for the footer.
    pub made_by: String,
    /// A row group ends at this many rows.
    pub row_group_rows: usize,
    /// A row group ends when this many bytes wait in memory for it, or a few rows later.
    pub row_group_bytes: usize,
    /// A page ends at this many rows, rounded up to the encoder's batches of 1,024.
    pub page_rows: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            made_by: concat!("clicktally ", env!("CARGO_PKG_VERSION")).to_owned(),
            row_group_rows: 131_072,
            row_group_bytes: 32 << 20,
            page_rows: 8_192,
        }
    }
}

/// How many rows are gathered before it is looked again how many bytes wait.
const LOOK_ROWS: usize = 32;

/// A column that gathers its rows.
pub trait Gathering {
    /// About how many bytes wait.
    fn bytes(&self) -> usize;
    /// Writes what waits, and forgets it.
    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), WriteError>;
}

/// Whether a row has a value; the list says nothing where every row must have one.
fn levels(optional: bool, levels: &[i16]) -> Option<&[i16]> {
    optional.then_some(levels)
}

/// Numbers of 64 bits.
#[derive(Default)]
pub struct Numbers {
    values: Vec<i64>,
    present: Vec<i16>,
    optional: bool,
}

impl Numbers {
    pub fn optional() -> Self {
        Self { optional: true, ..Self::default() }
    }

    pub fn push(&mut self, value: Option<i64>) {
        self.present.push(i16::from(value.is_some()));
        self.values.extend(value);
    }
}

impl Gathering for Numbers {
    fn bytes(&self) -> usize {
        self.values.len() * 8 + self.present.len() * 2
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), WriteError> {
        let present = levels(self.optional, &self.present);
        column.typed::<Int64Type>().write_batch(&self.values, present, None)?;
        self.values.clear();
        self.present.clear();
        Ok(())
    }
}

/// Optional unsigned numbers of 32 bits.
#[derive(Default)]
pub struct SmallNumbers {
    values: Vec<i32>,
    present: Vec<i16>,
}

impl SmallNumbers {
    pub fn push(&mut self, value: Option<u32>) {
        self.present.push(i16::from(value.is_some()));
        self.values.extend(value.map(u32::cast_signed));
    }
}

impl Gathering for SmallNumbers {
    fn bytes(&self) -> usize {
        self.values.len() * 4 + self.present.len() * 2
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), WriteError> {
        column.typed::<Int32Type>().write_batch(&self.values, Some(&self.present), None)?;
        self.values.clear();
        self.present.clear();
        Ok(())
    }
}

/// Texts one after the other in one piece of memory.
#[derive(Default)]
struct Joined {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Joined {
    fn end_text(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.end_text();
    }

    /// Hands the texts out and forgets them.
    fn take(&mut self) -> Vec<ByteArray> {
        let bytes = Bytes::from(std::mem::take(&mut self.bytes));
        let mut start = 0;
        let texts = self.ends.drain(..).map(|end| {
            let text = ByteArray::from(bytes.slice(start..end));
            start = end;
            text
        });
        texts.collect()
    }

    fn bytes(&self) -> usize {
        self.bytes.len() + self.ends.len() * 8
    }
}

/// Texts.
#[derive(Default)]
pub struct TextRows {
    joined: Joined,
    present: Vec<i16>,
    optional: bool,
}

impl TextRows {
    pub fn optional() -> Self {
        Self { optional: true, ..Self::default() }
    }

    pub fn push(&mut self, text: Option<&str>) {
        self.present.push(i16::from(text.is_some()));
        if let Some(text) = text {
            self.joined.push(text);
        }
    }

    /// Adds a row of hexadecimal digits.
    pub fn push_hex(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |number: u8| DIGITS[usize::from(number & 15)];
        self.joined.bytes.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]));
        self.joined.end_text();
        self.present.push(1);
    }
}

impl Gathering for TextRows {
    fn bytes(&self) -> usize {
        self.joined.bytes() + self.present.len() * 2
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), WriteError> {
        let present = levels(self.optional, &self.present);
        column.typed::<ByteArrayType>().write_batch(&self.joined.take(), present, None)?;
        self.present.clear();
        Ok(())
    }
}

/// Lists of texts.
#[derive(Default)]
pub struct TextLists {
    joined: Joined,
    /// How far each entry is defined: up to the list, its being there, its being in it.
    defined: Vec<i16>,
    /// 0 where a new row begins.
    repeated: Vec<i16>,
    optional: bool,
}

impl TextLists {
    pub fn optional() -> Self {
        Self { optional: true, ..Self::default() }
    }

    pub fn push<'a>(&mut self, list: Option<impl Iterator<Item = &'a str>>) {
        let there = i16::from(self.optional);
        let Some(list) = list else { return self.entry(0, 0) };
        let mut repeated = 0;
        for text in list {
            self.joined.push(text);
            self.entry(there + 1, repeated);
            repeated = 1;
        }
        if repeated == 0 {
            self.entry(there, 0);
        }
    }

    fn entry(&mut self, defined: i16, repeated: i16) {
        self.defined.push(defined);
        self.repeated.push(repeated);
    }
}

impl Gathering for TextLists {
    fn bytes(&self) -> usize {
        self.joined.bytes() + self.defined.len() * 4
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), WriteError> {
        let writer = column.typed::<ByteArrayType>();
        writer.write_batch(&self.joined.take(), Some(&self.defined), Some(&self.repeated))?;
        self.defined.clear();
        self.repeated.clear();
        Ok(())
    }
}

/// A file that is being written.
pub struct FileWriter<W: Write + Send> {
    file: SerializedFileWriter<CheckingSink<W>>,
    holds: Holds,
    options: WriteOptions,
    summary: Summary,
    /// Rows that wait for their row group.
    waiting: usize,
}

impl<W: Write + Send> FileWriter<W> {
    pub fn new(sink: W, holds: Holds, options: &WriteOptions) -> Result<Self, WriteError> {
        let properties = holds.properties(options)?;
        let file = SerializedFileWriter::new(CheckingSink::new(sink), holds.schema()?, properties)?;
        Ok(Self { file, holds, options: options.clone(), summary: Summary::default(), waiting: 0 })
    }

    /// Refuses a row that is not in the order of time.
    pub const fn admit(&self, at_ms: i64) -> Result<(), WriteError> {
        let last_ms = self.summary.last_ms;
        if self.summary.rows > 0 && at_ms < last_ms {
            return Err(WriteError::Backwards { at_ms, last_ms });
        }
        Ok(())
    }

    /// Counts a row that the columns have gathered, and writes them when they are enough.
    pub fn added(
        &mut self,
        at_ms: i64,
        received_ms: i64,
        columns: &mut [&mut dyn Gathering],
    ) -> Result<(), WriteError> {
        self.summary.add(at_ms, received_ms);
        self.waiting += 1;
        // Adding up all columns for each row would take longer than gathering one of them.
        let full = || {
            self.waiting.is_multiple_of(LOOK_ROWS)
                && columns.iter().map(|column| column.bytes()).sum::<usize>() >= self.options.row_group_bytes
        };
        if self.waiting >= self.options.row_group_rows || full() { self.write(columns) } else { Ok(()) }
    }

    fn write(&mut self, columns: &mut [&mut dyn Gathering]) -> Result<(), WriteError> {
        let mut group = self.file.next_row_group()?;
        for column in columns {
            let writer = group.next_column()?;
            let mut writer = writer.ok_or_else(|| WriteError::Encoder("a column too many".to_owned()))?;
            column.write(&mut writer)?;
            writer.close()?;
        }
        group.close()?;
        self.waiting = 0;
        Ok(())
    }

    pub fn finish(mut self, columns: &mut [&mut dyn Gathering]) -> Result<(W, Summary), WriteError> {
        if self.waiting > 0 {
            self.write(columns)?;
        }
        for entry in self.summary.to_footer(self.holds, &self.options.made_by) {
            self.file.append_key_value_metadata(entry);
        }
        self.file.flush()?;
        self.file.inner_mut().hold();
        let (sink, bytes, checksum) = self.file.into_inner()?.finish()?;
        Ok((sink, Summary { bytes, checksum, ..self.summary }))
    }
}
