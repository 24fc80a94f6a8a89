//! The open format: the clicks and searches of a day as Parquet files, drawn in `docs/formats/day.md`: schema, writer,
//! reader. It knows the words and bytes; it must never know of a store, a file system, a journal or a clock.

mod batches;
mod check;
mod clicks_file;
mod columns;
mod decode;
mod error;
mod levels;
mod pages;
mod reading;
mod rows;
mod schema;
mod searches_file;
mod source;
mod summary;
mod texts;
mod writing;

pub use batches::{Batches, ClickBatch, ClickText, TextColumn};
pub use check::CHECK_BLOCK_BYTES;
pub use clicks_file::{ClicksReader, ClicksWriter};
pub use error::{DayError, Fault, WriteError};
pub use rows::Rows;
pub use schema::{FORMAT_MAJOR, FORMAT_MINOR};
pub use searches_file::{SearchesReader, SearchesWriter};
pub use source::Source;
pub use summary::Summary;
pub use texts::{ABSENT, Texts};
pub use writing::WriteOptions;
