//! An answer as text: a table for people, JSON, CSV and TSV for machines.

use server::control::{StatRow, StatsReply};
use server::csv_text::safe_text;

use super::columns::{Column, share};
use super::shape::Shape;
use crate::failure::Failure;
use crate::output;
use crate::terminal::{BOLD, Cell, Kind, Table, Window, cut, tame, thousands};

/// As the API answers: rows, how many, and their sum.
///
/// # Errors
/// None that can happen.
pub fn json(reply: StatsReply) -> Result<String, Failure> {
    output::json(&StatsReply { days: None, engines: Default::default(), ..reply })
}

/// What machines get: what they can work out of other cells is not told twice.
fn for_machines(shape: &Shape) -> impl Iterator<Item = Column> {
    shape.columns.iter().copied().filter(|column| *column != Column::ClickedShare)
}

/// RFC 4180, where no cell starts a formula.
pub fn csv(shape: &Shape, reply: &StatsReply) -> String {
    let head: Vec<String> = for_machines(shape).map(|column| column.name().to_owned()).collect();
    let rows = reply.results.iter().map(|row| {
        for_machines(shape).map(|column| column.value(row).unwrap_or_default()).collect::<Vec<_>>()
    });
    csv_lines(std::iter::once(head).chain(rows))
}

/// Lines of CSV.
pub fn csv_lines(rows: impl Iterator<Item = Vec<String>>) -> String {
    rows.map(|cells| {
        let cells: Vec<String> = cells.iter().map(|cell| quoted(&safe_text(cell))).collect();
        cells.join(",") + "\r\n"
    })
    .collect()
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Cells with tabs between them. A control character in a text becomes U+FFFD, so that each row is a line.
pub fn tsv(shape: &Shape, reply: &StatsReply) -> String {
    let head: Vec<String> = for_machines(shape).map(|column| column.name().to_owned()).collect();
    let rows = reply.results.iter().map(|row| {
        for_machines(shape).map(|column| column.value(row).unwrap_or_default()).collect::<Vec<_>>()
    });
    tsv_lines(std::iter::once(head).chain(rows))
}

/// Lines of TSV.
pub fn tsv_lines(rows: impl Iterator<Item = Vec<String>>) -> String {
    rows.map(|cells| cells.iter().map(|cell| tame(cell)).collect::<Vec<_>>().join("\t") + "\n").collect()
}

/// What people read.
pub fn table(shape: &Shape, reply: &StatsReply, heading: &str, window: Window) -> String {
    let columns: Vec<Column> =
        shape.columns.iter().copied().filter(|column| column.is_shown(reply, shape)).collect();
    let has_bars = shape.sum.is_some();
    let heads = columns.iter().map(|column| (column.head(shape), column.kind()));
    let mut table = Table::new(heads.chain(has_bars.then_some(("", Kind::Picture))));
    for row in &reply.results {
        let cells = columns.iter().map(|column| column.cell(row, reply, shape));
        table.push(cells.chain(has_bars.then_some(Cell::Bar(row.count))).collect());
    }
    if let Some(sum) = shape.sum {
        let all = |count: fn(&StatRow) -> Option<u64>| reply.results.iter().filter_map(count).sum::<u64>();
        let (searches, clicked) = (all(|row| row.searches), all(|row| row.clicked));
        let cells = columns.iter().enumerate().map(|(place, column)| match (place, column) {
            (_, Column::Count) => Cell::Told(thousands(reply.total_count)),
            (_, Column::Searches) => Cell::Told(thousands(searches)),
            (_, Column::Clicked) => Cell::Told(thousands(clicked)),
            (_, Column::ClickedShare) => {
                share(Some(clicked), Some(searches)).map_or(Cell::Untold("-"), Cell::Told)
            }
            (0, _) => Cell::Told(sum.to_owned()),
            _ => Cell::Told(String::new()),
        });
        table.push_sum(cells.chain([Cell::Told(String::new())]).collect());
    }
    format!("{}\n\n{}", headline(heading, window), table.draw(window))
}

/// A line above a table.
pub fn headline(heading: &str, window: Window) -> String {
    window.paint(BOLD, &cut(heading, window.columns.unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::width;

    fn reply() -> StatsReply {
        let item = |doc_id: &str, title: Option<&str>, count| StatRow {
            hashid: Some("d8fdeab7fce96a19d3fc7b0ca7a1e98b".to_owned()),
            index: Some("product".to_owned()),
            doc_id: Some(doc_id.to_owned()),
            title: title.map(str::to_owned),
            count,
            ..StatRow::default()
        };
        let results = vec![item("sku1", Some("赤い靴, \"rot\"\u{1b}[2J"), 1_200), item("=cmd", None, 3)];
        StatsReply { total: 2, total_count: 1_203, results, ..StatsReply::default() }
    }

    const ITEMS: Shape = Shape {
        title: "Items",
        columns: &[Column::Hashid, Column::Index, Column::DocId, Column::Title, Column::Count],
        counted: "clicks",
        sum: Some("sum of these"),
        no_query: "",
    };

    #[test]
    fn people_see_only_columns_that_tell_rows_apart_and_nothing_that_moves_the_cursor() {
        let window = Window { columns: Some(60), rows: None, has_colour: false, is_terminal: true };
        let shown = table(&ITEMS, &reply(), "Items, 2024-06-01, Etc/UTC", window);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "Items, 2024-06-01, Etc/UTC");
        assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["item", "title", "clicks"]);
        assert!(lines[3].contains("赤い靴, \"rot\"\u{fffd}[2J") && lines[3].contains("1,200  █"), "{shown}");
        assert!(lines[4].contains("(not known)"), "{shown}");
        assert!(lines[5].starts_with("sum of these") && lines[5].ends_with("1,203"), "{shown}");
        assert!(lines.iter().all(|line| width(line) <= 60), "{shown}");
    }

    #[test]
    fn machines_get_every_cell_and_what_is_not_known_is_empty() {
        let csv = csv(&ITEMS, &reply());
        let lines: Vec<&str> = csv.split("\r\n").collect();
        assert_eq!(lines[0], "hashid,index,doc_id,title,count");
        assert_eq!(
            lines[1],
            "d8fdeab7fce96a19d3fc7b0ca7a1e98b,product,sku1,\"赤い靴, \"\"rot\"\"\u{1b}[2J\",1200"
        );
        assert_eq!(lines[2], "d8fdeab7fce96a19d3fc7b0ca7a1e98b,product,'=cmd,,3");
        let tsv = tsv(&ITEMS, &reply());
        let cells: Vec<usize> = tsv.lines().map(|line| line.split('\t').count()).collect();
        assert_eq!(cells, [5, 5, 5], "{tsv}");
    }
}
