//! What commands print: lists for people, JSON for machines. What fits into a window is drawn by `terminal`.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use crate::failure::Failure;
use crate::terminal::width;

pub use crate::terminal::{tame, thousands};

/// Prints to standard output. A reader that has seen enough (`head`) is no failure.
///
/// # Errors
/// A [`Failure`] when standard output can't be written.
pub fn print(text: &str) -> Result<ExitCode, Failure> {
    write(&mut std::io::stdout().lock(), text.as_bytes()).map(|()| ExitCode::SUCCESS)
}

/// Writes, where a reader that has seen enough is no failure.
///
/// # Errors
/// A [`Failure`] when it can't be written.
pub fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), Failure> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("the output can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// One line of JSON.
///
/// # Errors
/// A [`Failure`] when a value has no JSON.
pub fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map(|text| text + "\n").map_err(|error| Failure::new(error.to_string()))
}

/// A table with columns wide enough; the last one is not padded.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| width(cell)).collect();
    for row in rows {
        for (wide, cell) in widths.iter_mut().zip(row) {
            *wide = (*wide).max(width(cell));
        }
    }
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, wide)| {
            let padding = wide - width(cell);
            format!("{cell}{}", " ".repeat(padding))
        });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    };
    line(&head.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    rows.iter().for_each(|row| line(row));
    text
}

/// An instant, in UTC.
pub fn time(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| format!("{at:.0}"))
}
