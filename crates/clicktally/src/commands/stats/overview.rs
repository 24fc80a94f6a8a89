//! `stats overview`: a period at a glance, beside the one before it.

use std::process::ExitCode;

use clicks::Zone;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;
use server::control::{StatsAsk, StatsBy, StatsOf, StatsReply};

use super::asking::{Asking, common_ask};
use super::columns::engine;
use super::formats::{csv_lines, headline, tsv_lines};
use crate::cli::{OverviewArgs, StatsFormat};
use crate::failure::Failure;
use crate::output;
use crate::terminal::{Cell, Kind, Table, Window, change, decimal, tame, thousands};

/// The most search engines that have a line of their own.
const ENGINES_SHOWN_MAX: usize = 20;
const DAY_MS: i64 = 86_400_000;
/// What the server's counts are by: a bound on one of them costs nothing.
const QUARTER_MS: i64 = 900_000;

/// What was counted in the period, and in as many days before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Counted {
    name: &'static str,
    count: u64,
    /// `null` where the period has no such days before it, or they are not kept any more.
    before: Option<u64>,
    days: Vec<u64>,
}

/// A search engine's clicks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct OfEngine {
    hashid: String,
    name: String,
    clicks: u64,
    days: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Overview {
    from: Option<String>,
    to: Option<String>,
    before: Option<[String; 2]>,
    /// Where the period still runs: until when the days before it count, which is the same time of day.
    before_until: Option<String>,
    results: Vec<Counted>,
    /// Those with the most clicks first.
    engines: Vec<OfEngine>,
}

pub fn overview(args: &OverviewArgs) -> Result<ExitCode, Failure> {
    let mut asking = Asking::open(&args.common)?;
    let seen = look(&mut asking, args);
    asking.close();
    let seen = seen?;
    output::print(&match args.common.format() {
        StatsFormat::Json => output::json(&seen)?,
        StatsFormat::Csv => csv_lines(for_machines(&seen)),
        StatsFormat::Tsv => tsv_lines(for_machines(&seen)),
        StatsFormat::Table => table(&seen, &args.common.tz, Window::of_stdout()),
    })
}

fn look(asking: &mut Asking, args: &OverviewArgs) -> Result<Overview, Failure> {
    let ask = |of, by| StatsAsk { of, by, device: args.device.clone(), ..common_ask(&args.common) };
    let clicks = asking.ask(ask(StatsOf::Clicks, StatsBy::Day))?;
    let days = clicks.days.clone();
    let before = days.as_ref().filter(|_| is_of_dates(args)).and_then(before);
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let until_ms = before.as_ref().zip(days.as_ref()).and_then(|([_, last], [_, to])| {
        let zone = Zone::parse(&args.common.tz).ok()?;
        same_time(&zone, to.parse().ok()?, last.parse().ok()?, now_ms)
    });
    let mut results = Vec::new();
    for (name, of) in
        [("clicks", StatsOf::Clicks), ("searches", StatsOf::Searches), ("sessions", StatsOf::Sessions)]
    {
        let now = if of == StatsOf::Clicks { clicks.clone() } else { asking.ask(ask(of, StatsBy::Day))? };
        let earlier = match &before {
            None => None,
            Some([from, to]) => {
                let digits = |date: &str| date.replace('-', "");
                // The last millisecond that counts.
                let to = until_ms.map_or_else(|| digits(to), |until_ms| (until_ms - 1).to_string());
                let from = digits(from);
                // Retention may have removed days before the period: what was counted then is not known.
                let period = StatsAsk { from, to, may_be_removed: true, ..ask(of, StatsBy::Day) };
                let reply = asking.ask(period)?;
                (!reply.removed).then_some(reply.total_count)
            }
        };
        let days = now.results.iter().map(|row| row.count).collect();
        results.push(Counted { name, count: now.total_count, before: earlier, days });
    }
    let engines = engines(&asking.ask(ask(StatsOf::Clicks, StatsBy::DayAndEngine))?);
    let (from, to) = days.map_or((None, None), |[from, to]| (Some(from), Some(to)));
    Ok(Overview { from, to, before, before_until: until_ms.map(output::time), results, engines })
}

/// Whether the period is one of whole days, so that others are like it.
fn is_of_dates(args: &OverviewArgs) -> bool {
    let is_instant = |text: &str| text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    !is_instant(&args.common.from) && !is_instant(&args.common.to)
}

/// As many days, up to the one before the first.
fn before([from, to]: &[String; 2]) -> Option<[String; 2]> {
    let (from, to): (Date, Date) = (from.parse().ok()?, to.parse().ok()?);
    let days = (to - from).get_days();
    let last = from.yesterday().ok()?;
    let first = last.checked_sub(days.days()).ok()?;
    Some([first, last].map(|date| date.to_string()))
}

/// Where `to` is today, the time of day that it is now, on the day `last`: a morning is not compared with a whole day. To the quarter
/// of an hour, and at least one.
fn same_time(zone: &Zone, to: Date, last: Date, now_ms: i64) -> Option<i64> {
    let midnight_ms = |date: Date| date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24 * DAY_MS;
    let wall_ms = now_ms + zone.offset_at(now_ms).0 - midnight_ms(to);
    if !(0..DAY_MS).contains(&wall_ms) {
        return None;
    }
    let there_ms = midnight_ms(last) + (wall_ms - wall_ms % QUARTER_MS).max(QUARTER_MS);
    let about_ms = there_ms - zone.offset_at(there_ms).0;
    Some(there_ms - zone.offset_at(about_ms).0)
}

/// Each search engine's days, from rows by day and then by engine.
fn engines(reply: &StatsReply) -> Vec<OfEngine> {
    let mut engines: Vec<OfEngine> = Vec::new();
    for row in &reply.results {
        let Some(hashid) = &row.hashid else { continue };
        let found = engines.iter().position(|of| of.hashid == *hashid).unwrap_or_else(|| {
            let name = engine(reply, hashid);
            engines.push(OfEngine { hashid: hashid.clone(), name, clicks: 0, days: Vec::new() });
            engines.len() - 1
        });
        if let Some(of) = engines.get_mut(found) {
            of.clicks += row.count;
            of.days.push(row.count);
        }
    }
    engines.sort_by(|one, other| other.clicks.cmp(&one.clicks).then_with(|| one.hashid.cmp(&other.hashid)));
    engines
}

fn for_machines(seen: &Overview) -> impl Iterator<Item = Vec<String>> {
    let row = |counted: &Counted| {
        let before = counted.before.map_or_else(String::new, |before| before.to_string());
        vec![counted.name.to_owned(), counted.count.to_string(), before]
    };
    let head = ["name", "count", "before"].map(str::to_owned).to_vec();
    std::iter::once(head).chain(seen.results.iter().map(row))
}

fn table(seen: &Overview, tz: &str, window: Window) -> String {
    let (Some(from), Some(to)) = (&seen.from, &seen.to) else {
        return format!("{}\n", headline("No day", window));
    };
    let mut text = format!("{}\n\n", headline(&format!("{from} to {to}, {tz}"), window));
    text.push_str(&totals(seen).draw(window));
    if seen.before_until.is_some() {
        text.push_str(&headline("before: until the same time of day", window));
        text.push('\n');
    }
    if seen.engines.len() > 1 {
        text.push('\n');
        text.push_str(&by_engine(seen).draw(window));
        if let more @ 1.. = seen.engines.len().saturating_sub(ENGINES_SHOWN_MAX) {
            text.push_str(&headline(&format!("and {more} more: stats clicks --by engine"), window));
            text.push('\n');
        }
    }
    text
}

fn totals(seen: &Overview) -> Table {
    let mut table = Table::new([
        ("", Kind::Text),
        ("total", Kind::Number),
        ("before", Kind::Number),
        ("change", Kind::Number),
        ("by day", Kind::Picture),
    ]);
    let known = |text: Option<String>| text.map_or(Cell::Untold("-"), Cell::Told);
    for counted in &seen.results {
        table.push(vec![
            Cell::Told(counted.name.to_owned()),
            Cell::Told(thousands(counted.count)),
            known(counted.before.map(thousands)),
            known(counted.before.and_then(|before| change(counted.count, before))),
            Cell::Line(counted.days.clone()),
        ]);
    }
    let [clicks, searches, sessions] = seen.results.as_slice() else { return table };
    for (name, number, per) in [("clicks a search", clicks, searches), ("clicks a session", clicks, sessions)]
    {
        let before = number.before.zip(per.before).and_then(|(number, per)| decimal(number, per, 3));
        table.push(vec![
            Cell::Told(name.to_owned()),
            known(decimal(number.count, per.count, 3)),
            known(before),
            Cell::Told(String::new()),
            Cell::Told(String::new()),
        ]);
    }
    table
}

fn by_engine(seen: &Overview) -> Table {
    let all: u64 = seen.engines.iter().map(|of| of.clicks).sum();
    let mut table = Table::new([
        ("engine", Kind::Text),
        ("clicks", Kind::Number),
        ("share", Kind::Number),
        ("by day", Kind::Picture),
    ]);
    for of in seen.engines.iter().take(ENGINES_SHOWN_MAX) {
        let share = decimal(of.clicks.saturating_mul(100), all, 1).map(|share| format!("{share} %"));
        table.push(vec![
            Cell::Told(tame(&of.name)),
            Cell::Told(thousands(of.clicks)),
            share.map_or(Cell::Untold("-"), Cell::Told),
            Cell::Line(of.days.clone()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::width;

    #[test]
    fn the_days_before_are_as_many() {
        let days = |from: &str, to: &str| [from.to_owned(), to.to_owned()];
        assert_eq!(before(&days("2024-03-01", "2024-03-31")), Some(days("2024-01-30", "2024-02-29")));
        assert_eq!(before(&days("2024-03-01", "2024-03-01")), Some(days("2024-02-29", "2024-02-29")));
    }

    #[test]
    fn a_day_that_still_runs_is_compared_until_the_same_time_of_day() {
        let zone = Zone::parse("Europe/Madrid").unwrap();
        let date = |text: &str| text.parse::<Date>().unwrap();
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let until = |to, last, now| same_time(&zone, date(to), date(last), at(now));
        // Winter here, summer there: 10:50 is 10:50, to the quarter.
        assert_eq!(
            until("2024-11-10", "2024-10-26", "2024-11-10T09:50:10Z"),
            Some(at("2024-10-26T08:45:00Z"))
        );
        assert_eq!(
            until("2024-11-10", "2024-11-09", "2024-11-09T23:00:01Z"),
            Some(at("2024-11-08T23:15:00Z"))
        );
        assert_eq!(until("2024-11-09", "2024-11-08", "2024-11-09T23:00:00Z"), None, "it is over");
        assert_eq!(until("2024-11-30", "2024-11-08", "2024-11-09T12:00:00Z"), None, "it lies ahead");
    }

    #[test]
    fn a_year_fits_into_any_window() {
        let counted =
            |name, count| Counted { name, count, before: Some(count / 2), days: (0..365).collect() };
        let of = |name: &str, clicks| OfEngine {
            hashid: name.repeat(32),
            name: name.to_owned(),
            clicks,
            days: (0..365).rev().collect(),
        };
        let seen = Overview {
            from: Some("2023-06-02".to_owned()),
            to: Some("2024-05-31".to_owned()),
            before: None,
            before_until: Some("2023-06-01T10:45:00Z".to_owned()),
            results: vec![counted("clicks", 66_430), counted("searches", 100_000), counted("sessions", 0)],
            engines: vec![of("a", 60_000), of("b", 6_430)],
        };
        for columns in [20, 40, 80, 200] {
            let window = Window { columns: Some(columns), rows: None, has_colour: false, is_terminal: true };
            let shown = table(&seen, "Etc/UTC", window);
            assert!(shown.lines().all(|line| width(line) <= columns), "{columns}: {shown}");
        }
        let window = Window { columns: Some(80), rows: None, has_colour: false, is_terminal: true };
        let shown = table(&seen, "Etc/UTC", window);
        assert!(shown.contains("+100.0 %") && shown.contains("90.3 %") && shown.contains('█'), "{shown}");
        let rates: Vec<&str> = shown.lines().filter(|line| line.starts_with("clicks a")).collect();
        assert!(rates[0].contains("0.664") && rates[1].contains('-'), "{shown}");
    }
}
