//! Where a year goes: into a store, into sealed days without one, or onto a stream of lines.

use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use clicks::{Click, NameError, Outcome, Promise, Record, Store, StoreError};
use days::{ClicksWriter, WriteOptions};
use embedded::{EmbeddedOptions, EmbeddedStore};
use journal::FolderDisk;

use crate::lines::add_line;
use crate::rhythm::DAY_MS;

/// Why data could not be made, or a store not be asked.
pub type Failed = Box<dyn std::error::Error>;

/// Clicks that are recorded in one call.
const CALL_CLICKS: usize = 4_096;
/// Calls that wait for their sync at a time.
const CALLS_WAITING: usize = 16;
/// No click comes later than this after the day that it belongs to.
const LATE_MS_MAX: i64 = 300_000;

/// Opens the store of a folder, or begins one.
///
/// # Errors
/// The folder's, and the store's.
pub fn open(folder: &Path) -> Result<EmbeddedStore, Failed> {
    let disk = Arc::new(FolderDisk::open(folder)?);
    Ok(EmbeddedStore::open(disk, &EmbeddedOptions::default())?.0)
}

/// Records clicks, many calls at a time, and returns when all are durable.
///
/// # Errors
/// The store's; and a click that is not recorded, since no two of a year have one id.
pub fn into_store(
    store: &dyn Store,
    clicks: impl Iterator<Item = Result<Click, NameError>>,
) -> Result<(), Failed> {
    let mut clicks = clicks.peekable();
    let mut waiting: VecDeque<Promise<'_, Vec<Outcome>>> = VecDeque::new();
    while clicks.peek().is_some() {
        let call = clicks.by_ref().take(CALL_CLICKS).map(|click| click.map(Record::Click));
        waiting.push_back(store.append(call.collect::<Result<_, _>>()?));
        if waiting.len() >= CALLS_WAITING {
            waiting.pop_front().map_or(Ok(()), kept)?;
        }
    }
    waiting.into_iter().try_for_each(kept)
}

fn kept(promise: Promise<'_, Vec<Outcome>>) -> Result<(), Failed> {
    let outcomes: Result<Vec<Outcome>, StoreError> = pollster::block_on(promise);
    let all = outcomes?.iter().all(|outcome| *outcome == Outcome::Recorded);
    if all { Ok(()) } else { Err("a click was taken for another one".into()) }
}

/// Writes clicks as lines.
///
/// # Errors
/// The sink's.
pub fn into_lines(
    out: &mut impl Write,
    clicks: impl Iterator<Item = Result<Click, NameError>>,
) -> Result<(), Failed> {
    let mut line = String::new();
    for click in clicks {
        line.clear();
        add_line(&mut line, &click?);
        out.write_all(line.as_bytes())?;
    }
    Ok(out.flush()?)
}

/// Writes clicks as sealed days, as `clicks/day=…/clicks.parquet` under a folder: what the peers read, without a store.
///
/// # Errors
/// The folder's.
pub fn into_days(
    folder: &Path,
    clicks: impl Iterator<Item = Result<Click, NameError>>,
) -> Result<(), Failed> {
    let mut waiting: Vec<Click> = Vec::new();
    for click in clicks {
        let click = click?;
        let first_ms = waiting.first().map_or(click.at_ms, |first| first.at_ms);
        if click.received_ms >= (first_ms / DAY_MS + 1) * DAY_MS + LATE_MS_MAX {
            waiting = write_day(folder, waiting, first_ms / DAY_MS)?;
        }
        waiting.push(click);
    }
    while let Some(first_ms) = waiting.iter().map(|click| click.at_ms).min() {
        waiting = write_day(folder, waiting, first_ms / DAY_MS)?;
    }
    Ok(())
}

/// Writes one day, and returns the clicks of other days.
fn write_day(folder: &Path, clicks: Vec<Click>, day: i64) -> Result<Vec<Click>, Failed> {
    let (mut clicks, rest): (Vec<_>, Vec<_>) =
        clicks.into_iter().partition(|click| click.at_ms / DAY_MS == day);
    clicks.sort_by_key(|click| click.at_ms);
    let bound = format!("{}", day * DAY_MS).parse::<clicks::Bound>()?;
    let period = clicks::Period { from: bound, to: bound };
    let days = clicks::LocalDays::of(&period, &clicks::Zone::UTC)?;
    let date = days.days().first().ok_or("a day without a date")?.date;
    let folder = folder.join(format!("clicks/day={date}"));
    #[expect(clippy::disallowed_methods, reason = "no data directory: files for the peers")]
    let file = {
        std::fs::create_dir_all(&folder)?;
        std::fs::File::create(folder.join("clicks.parquet"))?
    };
    let mut writer = ClicksWriter::new(std::io::BufWriter::new(file), &WriteOptions::default())?;
    for click in &clicks {
        writer.push(click)?;
    }
    writer.finish()?.0.flush()?;
    Ok(rest)
}
