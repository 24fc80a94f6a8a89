//! What a file says of itself in its footer, beside its rows.

use crate::error::Fault;
use crate::schema::{FORMAT_MAJOR, FORMAT_MINOR, Holds};

use parquet::file::metadata::KeyValue;

/// What a file holds, in short. Times are milliseconds since 1970-01-01 UTC, and 0 where there is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many rows.
    pub rows: u64,
    /// `at` of the first row: the earliest.
    pub first_ms: i64,
    /// `at` of the last row: the latest.
    pub last_ms: i64,
    /// The latest `received_at`.
    pub received_last_ms: i64,
    /// How many bytes the file has.
    pub bytes: u64,
    /// A checksum that changes with every byte of the file.
    pub checksum: u32,
}

const KIND: &str = "clicktally.kind";
const VERSION: &str = "clicktally.version";
const MADE_BY: &str = "clicktally.made_by";
const ROWS: &str = "clicktally.rows";
const FIRST: &str = "clicktally.first_ms";
const LAST: &str = "clicktally.last_ms";
const RECEIVED_LAST: &str = "clicktally.received_last_ms";

impl Summary {
    pub(crate) fn add(&mut self, at_ms: i64, received_ms: i64) {
        if self.rows == 0 {
            (self.first_ms, self.received_last_ms) = (at_ms, received_ms);
        }
        self.rows += 1;
        self.last_ms = at_ms;
        self.received_last_ms = self.received_last_ms.max(received_ms);
    }

    pub(crate) fn to_footer(self, holds: Holds, made_by: &str) -> Vec<KeyValue> {
        let entry = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
        vec![
            entry(KIND, holds.as_str().to_owned()),
            entry(VERSION, format!("{FORMAT_MAJOR}.{FORMAT_MINOR}")),
            entry(MADE_BY, made_by.to_owned()),
            entry(ROWS, self.rows.to_string()),
            entry(FIRST, self.first_ms.to_string()),
            entry(LAST, self.last_ms.to_string()),
            entry(RECEIVED_LAST, self.received_last_ms.to_string()),
        ]
    }

    /// Reads what [`Summary::to_footer`] wrote, and refuses what this program can't read.
    pub(crate) fn from_footer(entries: &[KeyValue], holds: Holds) -> Result<Self, Fault> {
        let find = |key: &str| {
            entries.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.as_deref())
        };
        let version = find(VERSION).ok_or(Fault::Foreign(holds.as_str()))?;
        let major = version.split_once('.').and_then(|(major, _)| major.parse().ok());
        match major.ok_or_else(|| Fault::damaged("its version is no version"))? {
            FORMAT_MAJOR => {}
            found => return Err(Fault::Newer { found, known: FORMAT_MAJOR }),
        }
        if find(KIND) != Some(holds.as_str()) {
            return Err(Fault::Foreign(holds.as_str()));
        }
        let number = |key: &str| -> Result<i64, Fault> {
            let number = find(key).and_then(|text| text.parse().ok());
            number.ok_or_else(|| Fault::Damaged(format!("its footer has no {key}")))
        };
        let rows = u64::try_from(number(ROWS)?).map_err(|_| Fault::damaged("rows below zero"))?;
        Ok(Self {
            rows,
            first_ms: number(FIRST)?,
            last_ms: number(LAST)?,
            received_last_ms: number(RECEIVED_LAST)?,
            bytes: 0,
            checksum: 0,
        })
    }
}
