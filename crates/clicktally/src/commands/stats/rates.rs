//! `stats rates`: by day, clicks a search, clicks a session and searches a session, of all search engines together.

use std::process::ExitCode;

use serde::Serialize;
use server::control::{StatsAsk, StatsOf, StatsReply};

use super::asking::{Asking, common_ask};
use super::columns::weekday;
use super::formats::{csv_lines, headline, tsv_lines};
use crate::cli::{RatesArgs, StatsFormat};
use crate::failure::Failure;
use crate::output;
use crate::terminal::{Cell, Kind, Table, Window, decimal, thousands};

/// How many decimals a rate has for people.
const DECIMALS: usize = 3;
/// How many for machines.
const DECIMALS_FOR_MACHINES: usize = 6;

/// One day. A rate that has nothing to be divided by is `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Rates {
    date: String,
    timestamp: i64,
    clicks: u64,
    searches: u64,
    sessions: u64,
    clicks_per_search: Option<f64>,
    clicks_per_session: Option<f64>,
    searches_per_session: Option<f64>,
}

pub fn rates(args: &RatesArgs) -> Result<ExitCode, Failure> {
    let mut asking = Asking::open(&args.common)?;
    let replies = [StatsOf::Clicks, StatsOf::Searches, StatsOf::Sessions]
        .map(|of| asking.ask(StatsAsk { of, device: args.device.clone(), ..common_ask(&args.common) }));
    asking.close();
    let [clicks, searches, sessions] = replies;
    let (clicks, searches, sessions) = (clicks?, searches?, sessions?);
    let rows = rows(&clicks, &searches, &sessions);
    output::print(&match args.common.format() {
        StatsFormat::Json => output::json(&serde_json::json!({ "results": rows, "total": rows.len() }))?,
        StatsFormat::Csv => csv_lines(for_machines(&rows)),
        StatsFormat::Tsv => tsv_lines(for_machines(&rows)),
        StatsFormat::Table => table(&rows, &args.common.tz, Window::of_stdout()),
    })
}

fn rows(clicks: &StatsReply, searches: &StatsReply, sessions: &StatsReply) -> Vec<Rates> {
    // Midnight may pass between the questions: a day that not all of them have is not compared.
    let of = |reply: &StatsReply, date: &Option<String>| {
        reply.results.iter().find(|row| row.date == *date).map(|row| row.count)
    };
    let row = |(place, row): (usize, &server::control::StatRow)| {
        let in_place = |reply: &StatsReply| match reply.results.get(place) {
            Some(other) if other.date == row.date => Some(other.count),
            _ => of(reply, &row.date),
        };
        let (clicks, searches, sessions) = (row.count, in_place(searches)?, in_place(sessions)?);
        Some(Rates {
            date: row.date.clone()?,
            timestamp: row.timestamp?,
            clicks,
            searches,
            sessions,
            clicks_per_search: rate(clicks, searches),
            clicks_per_session: rate(clicks, sessions),
            searches_per_session: rate(searches, sessions),
        })
    };
    clicks.results.iter().enumerate().filter_map(row).collect()
}

/// To so many decimals, so that every format tells the same number.
fn rate(number: u64, per: u64) -> Option<f64> {
    decimal(number, per, DECIMALS_FOR_MACHINES)?.parse().ok()
}

fn for_machines(rows: &[Rates]) -> impl Iterator<Item = Vec<String>> {
    let head = [
        "date",
        "timestamp",
        "clicks",
        "searches",
        "sessions",
        "clicks_per_search",
        "clicks_per_session",
        "searches_per_session",
    ];
    let rate = |rate: Option<f64>| rate.map_or_else(String::new, |rate| rate.to_string());
    let row = move |row: &Rates| {
        vec![
            row.date.clone(),
            row.timestamp.to_string(),
            row.clicks.to_string(),
            row.searches.to_string(),
            row.sessions.to_string(),
            rate(row.clicks_per_search),
            rate(row.clicks_per_session),
            rate(row.searches_per_session),
        ]
    };
    std::iter::once(head.map(str::to_owned).to_vec()).chain(rows.iter().map(row))
}

fn table(rows: &[Rates], tz: &str, window: Window) -> String {
    let numbers = ["clicks", "searches", "sessions", "clicks/search", "clicks/session", "searches/session"];
    let mut table =
        Table::new(std::iter::once(("date", Kind::Text)).chain(numbers.map(|name| (name, Kind::Number))));
    let cells = |date: String, clicks: u64, searches: u64, sessions: u64| {
        let rate = |number, per| decimal(number, per, DECIMALS).map_or(Cell::Untold("-"), Cell::Told);
        let count = |count| Cell::Told(thousands(count));
        vec![
            Cell::Told(date),
            count(clicks),
            count(searches),
            count(sessions),
            rate(clicks, searches),
            rate(clicks, sessions),
            rate(searches, sessions),
        ]
    };
    for row in rows {
        table.push(cells(weekday(&row.date), row.clicks, row.searches, row.sessions));
    }
    let sum = |count: fn(&Rates) -> u64| rows.iter().map(count).sum();
    table.push_sum(cells(
        "all".to_owned(),
        sum(|row| row.clicks),
        sum(|row| row.searches),
        sum(|row| row.sessions),
    ));
    let days =
        rows.first().zip(rows.last()).map(|(first, last)| format!(", {} to {}", first.date, last.date));
    let heading = format!("Rates by day{}, {tz}", days.unwrap_or_default());
    format!("{}\n\n{}", headline(&heading, window), table.draw(window))
}

#[cfg(test)]
mod tests {
    use super::*;
    use server::control::StatRow;

    fn days(counts: &[(&str, u64)]) -> StatsReply {
        let row = |(date, count): &(&str, u64)| StatRow {
            date: Some((*date).to_owned()),
            timestamp: Some(0),
            count: *count,
            ..StatRow::default()
        };
        StatsReply { results: counts.iter().map(row).collect(), ..StatsReply::default() }
    }

    #[test]
    fn a_rate_without_anything_to_divide_by_is_unknown() {
        let clicks = days(&[("2024-06-01", 3), ("2024-06-02", 1)]);
        let searches = days(&[("2024-06-01", 4), ("2024-06-02", 0)]);
        // Midnight passed before the last question.
        let sessions = days(&[("2024-06-02", 2), ("2024-06-03", 5)]);
        let rows = rows(&clicks, &searches, &sessions);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0].clicks_per_search, rows[0].clicks_per_session), (None, Some(0.5)));
        let lines: Vec<Vec<String>> = for_machines(&rows).collect();
        assert_eq!(lines[1][2..], ["1", "0", "2", "", "0.5", "0"].map(str::to_owned));
        let window = Window { columns: Some(200), rows: None, has_colour: false, is_terminal: false };
        let shown = table(&rows, "Etc/UTC", window);
        assert!(shown.contains("2024-06-02 Sun"), "{shown}");
        assert!(
            shown.lines().last().is_some_and(|sum| sum.contains("-  ") && sum.contains("0.500")),
            "{shown}"
        );
    }
}
