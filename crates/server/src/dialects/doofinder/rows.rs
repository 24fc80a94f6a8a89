//! The rows of an answer: a tally as the Stats API shows it, whatever it is written as.

use clicks::{Question, Tally};
use serde::Serialize;

/// One row, with its fields in the order in which they are written.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row<'r> {
    /// Milliseconds of the first instant of the local day.
    pub(super) timestamp: i64,
    /// The local date, `YYYY-MM-DD`.
    pub(super) date: String,
    /// The search engine, where each has rows of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hashid: Option<&'r str>,
    /// Clicks.
    pub(super) count: u64,
}

/// Rows by day, or by day and search engine. A row is made when it is asked for: an answer may have a million.
#[derive(Debug)]
pub(super) struct Rows {
    question: Question,
    tally: Tally,
    /// The texts of the question's engines, in their order.
    hashids: Vec<String>,
}

impl Rows {
    /// The rows of an answer; `None` when it is not one about days.
    pub(super) fn of(question: Question, tally: Tally) -> Option<Self> {
        let hashids = match &tally {
            Tally::Days(_) => Vec::new(),
            Tally::DaysAndEngines(_) => question.filter.engines.iter().map(ToString::to_string).collect(),
            _ => return None,
        };
        Some(Self { question, tally, hashids })
    }

    /// How many rows there are.
    pub(super) fn total(&self) -> usize {
        match &self.tally {
            Tally::Days(counts) => counts.len(),
            Tally::DaysAndEngines(rows) => rows.len(),
            _ => 0,
        }
    }

    /// The sum of all counts.
    pub(super) fn total_count(&self) -> u64 {
        self.tally.total()
    }

    /// Whether each search engine has rows of its own.
    pub(super) fn by_engine(&self) -> bool {
        matches!(self.tally, Tally::DaysAndEngines(_))
    }

    /// The row at a place; `None` after the last.
    pub(super) fn row(&self, place: usize) -> Option<Row<'_>> {
        let (day, hashid, count) = match &self.tally {
            Tally::Days(counts) => (place, None, *counts.get(place)?),
            Tally::DaysAndEngines(rows) => {
                let (day, engine, count) = rows.get(place)?;
                let engine = self.question.filter.engines.binary_search(engine).ok()?;
                (*day, Some(self.hashids.get(engine)?.as_str()), *count)
            }
            _ => return None,
        };
        let day = self.question.days.days().get(day)?;
        Some(Row { timestamp: day.first_ms, date: day.date.to_string(), hashid, count })
    }
}
