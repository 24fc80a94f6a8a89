//! `export`: the clicks themselves, oldest first, as lines that can be fed again, as a table or as a Parquet file.

use std::sync::Arc;

use clicks::{Bound, Click, ClickFilter, ClickStream, Hashid, LocalDays, Period, Zone};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::control::commands::{ControlError, account_or_only};
use crate::control::parquet::ClicksFile;
use crate::csv_text::safe_text;
use crate::dialects::native;

/// How many bytes of lines are gathered before they are handed on.
const EXPORT_CHUNK_BYTES: usize = 64 * 1024;
/// The most local days of an export: every day that a date can name.
const EXPORT_DAYS_MAX: usize = 36_600;

/// What the lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// A line that `POST /v1/events` takes, for each click.
    #[default]
    Ndjson,
    /// A table (RFC 4180) with a header.
    Csv,
    /// One Parquet file, as a sealed day's (`docs/formats/day.md`).
    Parquet,
}

/// What is to be exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportAsk {
    /// The account's name or code; may be left out where there is only one.
    pub account: Option<String>,
    /// `YYYYMMDD`, Unix seconds or milliseconds.
    pub from: String,
    /// `YYYYMMDD`, Unix seconds or milliseconds.
    pub to: String,
    /// The time zone of dates.
    pub tz: Option<String>,
    /// Search engines; none = all.
    pub hashids: Vec<String>,
    /// What the lines look like.
    pub format: ExportFormat,
}

/// The lines, in chunks.
pub struct ExportLines {
    clicks: ClickStream,
    days: LocalDays,
    format: ExportFormat,
    header_due: bool,
    file: Option<ClicksFile>,
}

impl ExportLines {
    /// Opens an export.
    ///
    /// # Errors
    /// [`ControlError`] when an option is wrong or the store can't be read.
    pub fn open(app: &Arc<App>, ask: &ExportAsk) -> Result<Self, ControlError> {
        let wrong = |option: &str, error: &dyn std::fmt::Display| ControlError(format!("{option}: {error}"));
        let account = account_or_only(&app.registry, ask.account.as_deref())?;
        let from: Bound = ask.from.parse().map_err(|error| wrong("--from", &error))?;
        let to: Bound = ask.to.parse().map_err(|error| wrong("--to", &error))?;
        let zone =
            ask.tz.as_deref().map_or(Ok(Zone::UTC), Zone::parse).map_err(|error| wrong("--tz", &error))?;
        let days = LocalDays::at_most(&Period { from, to }, &zone, EXPORT_DAYS_MAX)
            .map_err(|error| wrong("--from, --to", &error))?;
        let engines = if ask.hashids.is_empty() {
            app.registry.engines(Some(account)).iter().map(|engine| engine.hashid).collect()
        } else {
            let parsed = ask.hashids.iter().map(|text| text.parse::<Hashid>()).collect::<Result<_, _>>();
            parsed.map_err(|error| wrong("--hashid", &error))?
        };
        let from_ms = days.spans().first().map_or(0, |span| span.from_ms);
        let until_ms = days.spans().last().map_or(0, |span| span.until_ms);
        let clicks = app
            .store
            .scan(from_ms, until_ms, &ClickFilter::all(account, engines))
            .map_err(|error| ControlError(error.to_string()))?;
        let file = (ask.format == ExportFormat::Parquet).then(ClicksFile::new).transpose()?;
        Ok(Self { clicks, days, format: ask.format, header_due: ask.format == ExportFormat::Csv, file })
    }

    /// The next chunk, of whole lines but for Parquet; `None` after the last.
    ///
    /// # Errors
    /// [`ControlError`] when the store can't be read to the end.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, ControlError> {
        let mut chunk = Vec::with_capacity(EXPORT_CHUNK_BYTES + 4_096);
        if std::mem::take(&mut self.header_due) {
            write_row(&mut chunk, &CSV_HEADER.map(str::to_owned));
        }
        while chunk.len() < EXPORT_CHUNK_BYTES {
            let Some(click) = self.clicks.next() else {
                if let Some(file) = &mut self.file {
                    file.end()?;
                    chunk.append(&mut file.take());
                }
                break;
            };
            let click = click.map_err(|error| ControlError(error.to_string()))?;
            if self.days.day_of(click.at_ms).is_none() {
                continue;
            }
            match self.format {
                ExportFormat::Parquet => {
                    if let Some(file) = &mut self.file {
                        file.push(&click)?;
                        chunk.append(&mut file.take());
                    }
                }
                ExportFormat::Ndjson => native::write_click(&mut chunk, &click),
                ExportFormat::Csv => write_row(&mut chunk, &csv_row(&click)),
            }
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

const CSV_HEADER: [&str; 13] = [
    "at",
    "hashid",
    "index",
    "doc_id",
    "query_id",
    "query",
    "rank",
    "device",
    "product_type",
    "user",
    "session",
    "id",
    "custom_result",
];

fn csv_row(click: &Click) -> [String; 13] {
    let text = |value: Option<&str>| value.map_or_else(String::new, safe_text);
    [
        click.at_ms.to_string(),
        click.engine.to_string(),
        text(click.index.as_ref().map(clicks::IndexName::as_str)),
        safe_text(click.doc_id.as_str()),
        text(click.query_id.as_deref()),
        text(click.terms.as_ref().map(clicks::SearchTerms::as_str)),
        click.rank.map_or_else(String::new, |rank| rank.to_string()),
        click.device.map_or_else(String::new, |device| device.to_string()),
        click.product_type.to_string(),
        text(click.user.as_ref().map(clicks::UserCode::as_str)),
        text(click.session.as_deref()),
        text(native::told_id(click).as_deref()),
        text(click.custom_result.as_ref().map(clicks::CustomResultId::as_str)),
    ]
}

fn write_row(out: &mut Vec<u8>, cells: &[String]) {
    let mut row = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // Writing to memory does not fail, and each row has the header's number of cells.
    if row.write_record(cells).is_ok()
        && let Ok(bytes) = row.into_inner()
    {
        out.extend_from_slice(&bytes);
    }
}
