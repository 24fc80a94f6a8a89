//! `stats`: every statistic in the terminal, as a table for people or as rows for machines.

mod asking;
mod columns;
mod formats;
mod overview;
mod rates;
mod shape;

use std::process::ExitCode;

use crate::cli::{StatsCommand, StatsFormat};
use crate::failure::Failure;
use crate::output;
use crate::terminal::Window;

use asking::Asking;

pub use columns::engine;

pub fn stats(command: StatsCommand) -> Result<ExitCode, Failure> {
    match command {
        StatsCommand::Overview(args) => overview::overview(&args),
        StatsCommand::Rates(args) => rates::rates(&args),
        other => list(&other),
    }
}

/// The statistics that are one question.
fn list(command: &StatsCommand) -> Result<ExitCode, Failure> {
    let Some((common, shape, ask)) = shape::shape(command) else {
        return Err(Failure::usage("not a list"));
    };
    let mut asking = Asking::open(common)?;
    let reply = asking.ask(ask);
    asking.close();
    let reply = reply?;
    output::print(&match common.format() {
        StatsFormat::Json => formats::json(reply)?,
        StatsFormat::Csv => formats::csv(&shape, &reply),
        StatsFormat::Tsv => formats::tsv(&shape, &reply),
        StatsFormat::Table => {
            let heading = shape.heading(&reply, &common.tz);
            formats::table(&shape, &reply, &heading, Window::of_stdout())
        }
    })
}
