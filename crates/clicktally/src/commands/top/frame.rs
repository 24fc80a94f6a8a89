//! One picture of `top`: as much of it as fits into the window.

use server::control::{StateReply, StatsReply};

use super::round::{History, is_refusal};
use crate::commands::stats::engine;
use crate::output::time;
use crate::terminal::{
    BLUE, BOLD, Cell, FAINT, GREEN, Kind, RED, Table, Window, bytes, cut, line, tame, thousands, width,
};

/// What the last minute's questions told.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Whether there is one account to ask about.
    pub is_asked: bool,
    pub engines: StatsReply,
    pub items: StatsReply,
}

/// The picture.
pub fn frame(history: &History, seen: &Seen, window: Window) -> String {
    let Some(state) = history.state() else { return String::new() };
    let columns = window.columns.unwrap_or(80);
    let mut text = head(state, window);
    text.push_str(&now(history, window));
    for fact in facts(history, state) {
        text.push_str(&cut(&fact, columns));
        text.push('\n');
    }
    let fates = fates(history, state);
    if fates.has_rows() {
        text.push('\n');
        text.push_str(&fates.draw(window));
    }
    text.push('\n');
    if !seen.is_asked {
        text.push_str(&cut(
            "Search engines and items: there is not one account; say which with --account",
            columns,
        ));
        text.push('\n');
        return text;
    }
    let recent = [("engine, last minute", &seen.engines), ("item, last minute", &seen.items)];
    for (name, reply) in recent {
        let table = counted(name, reply);
        if table.has_rows() {
            text.push_str(&table.draw(window));
            text.push('\n');
        }
    }
    text
}

fn head(state: &StateReply, window: Window) -> String {
    let columns = window.columns.unwrap_or(80);
    let left = format!("ClickTally {}  {}", tame(&state.version), time(state.at));
    let (word, colour) = if state.ready { ("ready", GREEN) } else { ("not able to record", RED) };
    let left = cut(&left, columns.saturating_sub(word.len() + 2));
    let mut text = format!("{}  {}\n", window.paint(BOLD, &left), window.paint(colour, &cut(word, columns)));
    if left.is_empty() {
        text = format!("{}\n", window.paint(colour, &cut(word, columns)));
    }
    for trouble in state.unable.iter().chain(&state.sealing_trouble) {
        text.push_str(&window.paint(RED, &cut(&tame(trouble), columns)));
        text.push('\n');
    }
    text
}

/// The rates of the last interval, and the clicks of those before as a line.
fn now(history: &History, window: Window) -> String {
    let columns = window.columns.unwrap_or(80);
    let Some(round) = history.last() else {
        return format!("{}\n", window.paint(FAINT, &cut("waiting for the second look", columns)));
    };
    let rates = format!(
        "{} clicks/s  {} searches/s  {} refused/s",
        round.a_second(round.clicks),
        round.a_second(round.searches),
        round.a_second(round.refused())
    );
    let rates = cut(&rates, columns);
    let room = columns.saturating_sub(width(&rates) + 2);
    let clicks = history.clicks(room);
    if room == 0 || clicks.is_empty() {
        return format!("{rates}\n");
    }
    format!("{rates}  {}\n", window.paint(BLUE, &line(&clicks, room)))
}

fn facts(history: &History, state: &StateReply) -> Vec<String> {
    let milliseconds = |ns: u64| format!("{}.{} ms", ns / 1_000_000, ns / 100_000 % 10);
    let syncs = history.last().map_or_else(String::new, |round| {
        let each = round
            .sync_ns
            .checked_div(round.syncs)
            .map_or_else(String::new, |ns| format!(" of {}", milliseconds(ns)));
        format!(", {} syncs/s{each}", round.a_second(round.syncs))
    });
    let damaged = match state.damaged_days.len() {
        0 => String::new(),
        many => format!(", {many} that can't be read"),
    };
    vec![
        format!(
            "kept     {} clicks, {} searches, {} items",
            thousands(state.clicks),
            thousands(state.searches),
            thousands(state.items)
        ),
        format!(
            "journal  {} waiting{syncs}, the longest {}",
            thousands(state.waiting),
            milliseconds(state.sync_ns_max)
        ),
        format!(
            "sealed   {} days{damaged}; not sealed yet {}",
            thousands(state.sealed_days),
            bytes(state.unsealed_bytes)
        ),
        format!("uses     {} on disk, {} in memory", bytes(state.disk_bytes), bytes(state.memory_bytes)),
    ]
}

/// What was not recorded and why: since the start, and in the last interval.
fn fates(history: &History, state: &StateReply) -> Table {
    let mut table = Table::new([
        ("not recorded", Kind::Text),
        ("", Kind::Text),
        ("since the start", Kind::Number),
        ("a second", Kind::Number),
    ]);
    let mut fates: Vec<(&String, u64)> = state
        .fates
        .iter()
        .filter(|(fate, many)| **many > 0 && fate.as_str() != "recorded")
        .map(|(fate, many)| (fate, *many))
        .collect();
    fates.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0)));
    for (fate, many) in fates {
        let recent = history.last().map(|round| {
            let recent = round.fates.iter().find(|(name, _)| name == fate).map_or(0, |(_, many)| *many);
            round.a_second(recent)
        });
        table.push(vec![
            Cell::Told(fate.replace('_', " ")),
            Cell::Told(if is_refusal(fate) { "refused" } else { "" }.to_owned()),
            Cell::Told(thousands(many)),
            recent.map_or(Cell::Untold("-"), Cell::Told),
        ]);
    }
    table
}

fn counted(name: &str, reply: &StatsReply) -> Table {
    let mut table =
        Table::new([(name, Kind::Text), ("", Kind::Text), ("clicks", Kind::Number), ("", Kind::Picture)]);
    for row in reply.results.iter().filter(|row| row.count > 0) {
        let of = row.hashid.as_ref().map(|hashid| engine(reply, hashid)).unwrap_or_default();
        let (key, more) = match &row.doc_id {
            Some(doc_id) => (doc_id.clone(), row.title.clone().unwrap_or_default()),
            None => (of, String::new()),
        };
        table.push(vec![
            Cell::Told(tame(&key)),
            Cell::Told(tame(&more)),
            Cell::Told(thousands(row.count)),
            Cell::Bar(row.count),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use server::control::StatRow;

    fn state(at: i64, clicks: u64, refused: u64) -> StateReply {
        StateReply {
            at,
            version: "1.2.3".to_owned(),
            ready: refused < 5,
            unable: if refused < 5 { Vec::new() } else { vec!["the disk is full\u{1b}[2J".to_owned()] },
            received: clicks + refused,
            fates: [("recorded".to_owned(), clicks), ("unknown_item".to_owned(), refused)].into(),
            clicks,
            accounts: 1,
            disk_bytes: 1_234_567,
            ..StateReply::default()
        }
    }

    fn seen() -> Seen {
        let row = StatRow {
            hashid: Some("d8fdeab7fce96a19d3fc7b0ca7a1e98b".to_owned()),
            doc_id: Some("sku1".to_owned()),
            title: Some("赤い靴\u{1b}]0;x".to_owned()),
            count: 12,
            ..StatRow::default()
        };
        let items = StatsReply { results: vec![row.clone()], ..StatsReply::default() };
        let engines = StatsReply { results: vec![StatRow { doc_id: None, ..row }], ..StatsReply::default() };
        Seen { is_asked: true, engines, items }
    }

    #[test]
    fn a_picture_tells_rates_refusals_and_who_was_clicked() {
        let mut history = History::default();
        history.take(state(1_717_194_600_000, 10, 0));
        history.take(state(1_717_194_602_000, 34, 4));
        let window = Window { columns: Some(80), rows: Some(40), has_colour: false, is_terminal: true };
        let shown = frame(&history, &seen(), window);
        assert!(shown.contains("12.0 clicks/s") && shown.contains("2.0 refused/s  █"), "{shown}");
        assert!(shown.contains("unknown item") && shown.contains("1.2 MB on disk"), "{shown}");
        assert!(shown.contains("sku1") && shown.contains("d8fdeab7"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn no_line_is_wider_than_the_window() {
        let mut history = History::default();
        for round in 0..300 {
            history.take(state(1_717_194_600_000 + round * 1_000, u64::try_from(round * round).unwrap(), 7));
        }
        for columns in 1..130 {
            let window =
                Window { columns: Some(columns), rows: Some(40), has_colour: false, is_terminal: true };
            for seen in [seen(), Seen::default()] {
                for line in frame(&history, &seen, window).lines() {
                    assert!(width(line) <= columns, "{columns}: {line}");
                }
            }
        }
    }
}
