//! The columns: their names, types, order and encodings. What `docs/formats/day.md` promises stands here.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding, GzipLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type};

use crate::error::Fault;
use crate::writing::WriteOptions;

/// The major version of the format: a reader refuses a newer one.
pub const FORMAT_MAJOR: u32 = 1;
/// The minor version: a newer one has columns more, which an older reader passes over.
pub const FORMAT_MINOR: u32 = 2;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Clicks.
    Clicks,
    /// Searches.
    Searches,
}

const CLICKS: &str = "
message clicks {
  required int64 at (TIMESTAMP(MILLIS, true));
  required binary account (STRING);
  required binary hashid (STRING);
  optional binary index (STRING);
  required binary doc_id (STRING);
  optional binary query (STRING);
  optional binary device (STRING);
  required binary product_type (STRING);
  optional int32 rank (INTEGER(32, false));
  optional binary query_id (STRING);
  optional binary id (STRING);
  optional binary user (STRING);
  optional binary session (STRING);
  optional int64 searched_at (TIMESTAMP(MILLIS, true));
  required int64 received_at (TIMESTAMP(MILLIS, true));
  optional binary custom_result (STRING);
}";

const SEARCHES: &str = "
message searches {
  required int64 at (TIMESTAMP(MILLIS, true));
  required binary account (STRING);
  required binary hashid (STRING);
  required binary id (STRING);
  required group indices (LIST) { repeated group list { required binary element (STRING); } }
  optional binary query (STRING);
  optional group doc_ids (LIST) { repeated group list { required binary element (STRING); } }
  optional binary device (STRING);
  optional int64 total_hits (INTEGER(64, false));
  optional binary user (STRING);
  optional binary session (STRING);
  required int64 received_at (TIMESTAMP(MILLIS, true));
  optional binary kind (STRING);
}";

/// Columns that files of older minor versions lack: those before 1.1 the first, those before 1.2 the second.
const LATER: [&str; 2] = ["kind", "custom_result"];
/// In the place of a column that a file lacks.
pub const LACKING: usize = usize::MAX;

/// Ids that hardly ever come twice: a dictionary would only be in the way.
const UNIQUE: [&str; 2] = ["id", "query_id"];
/// Times: their differences are small.
const TIMES: [&str; 3] = ["at", "searched_at", "received_at"];
/// A dictionary that grows beyond this is given up for the rest of its row group.
const DICTIONARY_BYTES_MAX: usize = 4 << 20;
/// A page ends when it has this many bytes.
const PAGE_BYTES: usize = 256 << 10;

impl Holds {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clicks => "clicks",
            Self::Searches => "searches",
        }
    }

    /// The schema, in the order in which the columns are written.
    pub fn schema(self) -> Result<Arc<Type>, ParquetError> {
        let text = match self {
            Self::Clicks => CLICKS,
            Self::Searches => SEARCHES,
        };
        parse_message_type(text).map(Arc::new)
    }

    /// How the columns are written.
    pub fn properties(self, options: &WriteOptions) -> Result<WriterPropertiesPtr, ParquetError> {
        let schema = SchemaDescriptor::new(self.schema()?);
        let by_at = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
        let mut properties = WriterProperties::builder()
            .set_created_by(options.made_by.clone())
            .set_compression(Compression::GZIP(GzipLevel::try_new(COMPRESSION_LEVEL)?))
            .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_data_page_row_count_limit(options.page_rows)
            .set_max_row_group_row_count(None)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_sorting_columns(Some(vec![by_at]));
        for column in schema.columns() {
            let path = column.path().clone();
            let name = path.parts().first().map_or("", String::as_str);
            let unique = UNIQUE.contains(&name);
            if TIMES.contains(&name) {
                properties = properties
                    .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
                    .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
                    .set_column_dictionary_enabled(path.clone(), false);
            } else if column.physical_type() == parquet::basic::Type::BYTE_ARRAY {
                properties = properties
                    .set_column_encoding(path.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                    .set_column_dictionary_enabled(path.clone(), !unique);
            }
            if name == "at" {
                properties = properties.set_column_statistics_enabled(path, EnabledStatistics::Page);
            }
        }
        Ok(Arc::new(properties.build()))
    }

    /// Where each of our columns is in a file. A file of a newer minor version may have more of them; one of an older may lack
    /// some, which are [`LACKING`]; one that lacks another, or has it in another type, is not ours.
    pub fn places(self, found: &SchemaDescriptor) -> Result<Vec<usize>, Fault> {
        let ours = SchemaDescriptor::new(self.schema()?);
        let same = |path: &ColumnPath, number: usize| found.column(number).path() == path;
        let place = |column: &parquet::schema::types::ColumnDescPtr| {
            let number = (0..found.num_columns()).find(|&number| same(column.path(), number));
            let number = number.filter(|&number| {
                let found = found.column(number);
                found.physical_type() == column.physical_type()
                    && found.max_def_level() == column.max_def_level()
                    && found.max_rep_level() == column.max_rep_level()
            });
            let may_lack = LATER.contains(&column.path().string().as_str())
                && (0..found.num_columns()).all(|number| !same(column.path(), number));
            number
                .or(may_lack.then_some(LACKING))
                .ok_or_else(|| Fault::Damaged(format!("its column {} is missing or another", column.path())))
        };
        ours.columns().iter().map(place).collect()
    }
}

/// Deflate's own scale, 0 to 9.
const COMPRESSION_LEVEL: u32 = 4;
