//! `stats clicks`: clicks per day, engine, device, search or item, in the terminal.

use std::process::ExitCode;

use server::control::{Command, StatRow, StatsAsk, StatsReply};
use server::csv_text::safe_text;

use crate::cli::{StatsArgs, StatsBy, StatsCommand};
use crate::failure::Failure;
use crate::output;
use crate::reach::{Missing, Reached};

/// The longest bar, in characters.
const BAR_WIDTH: usize = 40;

pub fn stats(command: StatsCommand) -> Result<ExitCode, Failure> {
    let StatsCommand::Clicks(args) = command;
    let ask = ask(&args);
    let mut reached = Reached::directory(&args.directory, Missing::Refuse)?;
    let reply = reached.ask::<StatsReply>(Command::Stats(ask.clone()));
    reached.close();
    let reply = reply?;
    if !reply.left_out.is_empty() {
        eprintln!("Without these days (UTC), which can't be read: {}", reply.left_out.join(", "));
    }
    let columns = columns(ask.by);
    let text = if args.directory.json {
        output::json(&reply)?
    } else if args.csv {
        csv(&columns, &reply)
    } else {
        table(&columns, &reply)
    };
    output::print(&text)
}

fn ask(args: &StatsArgs) -> StatsAsk {
    StatsAsk {
        account: args.account.clone(),
        from: args.from.clone(),
        to: args.to.clone(),
        tz: Some(args.tz.clone()),
        hashids: args.hashids.clone(),
        indices: args.indices.clone(),
        device: args.device.clone(),
        query: args.query.clone(),
        dfid: args.dfid.clone(),
        product_types: args.product_types.clone(),
        by: match (args.by, args.aggregate) {
            (StatsBy::Day, true) => server::control::StatsBy::Day,
            (StatsBy::Day, false) => server::control::StatsBy::DayAndEngine,
            (StatsBy::Engine, _) => server::control::StatsBy::Engine,
            (StatsBy::Device, _) => server::control::StatsBy::Device,
            (StatsBy::Search, _) => server::control::StatsBy::Search,
            (StatsBy::Item, _) => server::control::StatsBy::Item,
        },
        rows_max: args.rows,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Date,
    Timestamp,
    Hashid,
    Device,
    Query,
    Index,
    DocId,
}

fn columns(by: server::control::StatsBy) -> Vec<Column> {
    match by {
        server::control::StatsBy::Day => vec![Column::Date, Column::Timestamp],
        server::control::StatsBy::DayAndEngine => vec![Column::Date, Column::Timestamp, Column::Hashid],
        server::control::StatsBy::Engine => vec![Column::Hashid],
        server::control::StatsBy::Device => vec![Column::Device],
        server::control::StatsBy::Search => vec![Column::Query],
        server::control::StatsBy::Item => vec![Column::Hashid, Column::Index, Column::DocId],
    }
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Hashid => "hashid",
            Self::Device => "device",
            Self::Query => "query",
            Self::Index => "index",
            Self::DocId => "doc_id",
        }
    }

    fn cell(self, row: &StatRow) -> Option<String> {
        match self {
            Self::Date => row.date.clone(),
            Self::Timestamp => row.timestamp.map(|at| at.to_string()),
            Self::Hashid => row.hashid.clone(),
            Self::Device => row.device.clone(),
            Self::Query => row.query.clone().flatten(),
            Self::Index => row.index.clone(),
            Self::DocId => row.doc_id.clone(),
        }
    }

    /// What people read where a click doesn't tell it.
    const fn untold(self) -> &'static str {
        match self {
            Self::Index => "(index not known)",
            _ => "(search not known)",
        }
    }
}

fn csv(columns: &[Column], reply: &StatsReply) -> String {
    let mut text = columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(",") + ",count\r\n";
    for row in &reply.results {
        for column in columns {
            text.push_str(&quoted(&safe_text(&column.cell(row).unwrap_or_default())));
            text.push(',');
        }
        text.push_str(&format!("{}\r\n", row.count));
    }
    text
}

/// RFC 4180: what holds a comma, a quote or a line break stands in quotes.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

fn table(columns: &[Column], reply: &StatsReply) -> String {
    let shown: Vec<Column> = columns.iter().copied().filter(|column| *column != Column::Timestamp).collect();
    let most = reply.results.iter().map(|row| row.count).max().unwrap_or(0);
    let widest = output::thousands(most).len().max("clicks".len());
    let row = |row: &StatRow| {
        let mut cells: Vec<String> = shown
            .iter()
            .map(|column| output::tame(&column.cell(row).unwrap_or_else(|| column.untold().to_owned())))
            .collect();
        cells.push(format!("{:>widest$}", output::thousands(row.count)));
        cells.push(output::bar(row.count, most, BAR_WIDTH));
        cells
    };
    let mut head: Vec<&str> = shown.iter().map(|column| column.name()).collect();
    let clicks = format!("{:>widest$}", "clicks");
    head.extend([clicks.as_str(), ""]);
    let rows: Vec<Vec<String>> = reply.results.iter().map(row).collect();
    format!("{}total {}\n", output::table(&head, &rows), output::thousands(reply.total_count))
}
