//! Tables that fit: numbers to the right and never cut, text as wide as there is room, bars and lines in what is left.

use super::bars::{bar, line};
use super::text::{cut, width};
use super::window::{BLUE, BOLD, FAINT, Window};

/// What is between two columns.
const GAP: &str = "  ";
/// The longest bar or line, in columns.
const PICTURE_COLUMNS_MAX: usize = 60;
/// The longest bar where there is no window, in columns.
const PICTURE_COLUMNS: usize = 40;
/// The shortest bar or line that tells anything, in columns.
const PICTURE_COLUMNS_MIN: usize = 4;
/// A text is cut to no less than this while other texts can give room, in columns.
const TEXT_COLUMNS_MIN: usize = 8;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To the left; cut where there is no room.
    Text,
    /// To the right; never cut.
    Number,
    /// A bar or a line; left out where there is no room.
    Picture,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A text or a number that is told.
    Told(String),
    /// What is not known, in words.
    Untold(&'static str),
    /// A count as a bar.
    Bar(u64),
    /// Counts as a line.
    Line(Vec<u64>),
}

/// A table with a heading.
#[derive(Debug, Clone, Default)]
pub struct Table {
    heads: Vec<(String, Kind)>,
    rows: Vec<Vec<Cell>>,
    /// The last row is a sum.
    has_sum: bool,
}

impl Table {
    /// A table without rows.
    pub fn new(heads: impl IntoIterator<Item = (impl Into<String>, Kind)>) -> Self {
        let heads = heads.into_iter().map(|(head, kind)| (head.into(), kind)).collect();
        Self { heads, rows: Vec::new(), has_sum: false }
    }

    /// Adds a row, a cell for each column.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Adds the row that sums up all others.
    pub fn push_sum(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
        self.has_sum = true;
    }

    /// Whether there is anything in it.
    pub const fn has_rows(&self) -> bool {
        !self.rows.is_empty()
    }

    /// The table as text, no line wider than the window.
    pub fn draw(&self, window: Window) -> String {
        let widths = self.widths(window.columns);
        let most =
            self.rows.iter().flatten().map(|cell| if let Cell::Bar(count) = cell { *count } else { 0 }).max();
        let most = most.unwrap_or(0);
        let heads = self.heads.iter().map(|(head, _)| Cell::Told(head.clone())).collect::<Vec<_>>();
        let mut text = self.drawn(&heads, &widths, most, window, Some(BOLD));
        for (place, row) in self.rows.iter().enumerate() {
            let is_sum = self.has_sum && place + 1 == self.rows.len();
            text.push_str(&self.drawn(row, &widths, most, window, is_sum.then_some(BOLD)));
        }
        text
    }

    fn drawn(
        &self,
        row: &[Cell],
        widths: &[usize],
        most: u64,
        window: Window,
        style: Option<&str>,
    ) -> String {
        let mut text = String::new();
        let mut columns = 0;
        // Padding is written once there is something behind it, so that no line ends in it.
        let mut padding = 0;
        for ((cell, (_, kind)), &wide) in row.iter().zip(&self.heads).zip(widths) {
            if wide == 0 {
                continue;
            }
            let (shown, code) = match cell {
                Cell::Told(told) => (cut(told, wide), style),
                Cell::Untold(word) => (cut(word, wide), Some(FAINT)),
                Cell::Bar(count) => (bar(*count, most, wide), Some(BLUE)),
                Cell::Line(counts) => (line(counts, wide), Some(BLUE)),
            };
            let missing = wide.saturating_sub(width(&shown));
            let before = if *kind == Kind::Number { missing } else { 0 };
            if !shown.is_empty() {
                // Numbers are not cut for each other's sake, so the last of many may find no room.
                let room = window.columns.unwrap_or(usize::MAX).saturating_sub(columns + padding + before);
                let shown = cut(&shown, room);
                if shown.is_empty() {
                    break;
                }
                text.push_str(&" ".repeat(padding + before));
                columns += padding + before + width(&shown);
                padding = 0;
                text.push_str(&code.map_or_else(|| shown.clone(), |code| window.paint(code, &shown)));
                padding += missing - before;
            } else {
                padding += wide;
            }
            padding += GAP.len();
        }
        text.push('\n');
        text
    }

    /// How wide each column is; 0 where it has no room.
    fn widths(&self, window: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|(head, _)| width(head)).collect();
        for row in &self.rows {
            for (wide, cell) in widths.iter_mut().zip(row) {
                *wide = (*wide).max(natural(cell));
            }
        }
        let picture = self.heads.iter().position(|(_, kind)| *kind == Kind::Picture);
        let Some(window) = window else {
            if let Some(picture) = picture {
                widths[picture] = widths[picture].max(PICTURE_COLUMNS);
            }
            return widths;
        };
        let is_text = |place: usize| self.heads[place].1 == Kind::Text;
        let used = |widths: &[usize]| {
            let shown = widths.iter().filter(|wide| **wide > 0).count();
            widths.iter().sum::<usize>() + shown.saturating_sub(1) * GAP.len()
        };
        if let Some(picture) = picture {
            widths[picture] = 0;
        }
        let reserved = picture.map_or(0, |_| PICTURE_COLUMNS_MIN + GAP.len());
        narrow(&mut widths, is_text, |widths| used(widths) + reserved > window, TEXT_COLUMNS_MIN);
        if let Some(picture) = picture {
            let left = window.saturating_sub(used(&widths) + GAP.len());
            widths[picture] = if left < PICTURE_COLUMNS_MIN { 0 } else { left.min(PICTURE_COLUMNS_MAX) };
        }
        narrow(&mut widths, is_text, |widths| used(widths) > window, 1);
        widths
    }
}

/// Takes columns away from the widest text, one by one, as long as it is too wide and there is more than the least.
fn narrow(
    widths: &mut [usize],
    is_text: impl Fn(usize) -> bool,
    too_wide: impl Fn(&[usize]) -> bool,
    least: usize,
) {
    while too_wide(widths) {
        let widest = (0..widths.len()).filter(|place| is_text(*place)).max_by_key(|place| widths[*place]);
        match widest {
            Some(place) if widths[place] > least => widths[place] -= 1,
            _ => return,
        }
    }
}

fn natural(cell: &Cell) -> usize {
    match cell {
        Cell::Told(told) => width(told),
        Cell::Untold(word) => width(word),
        Cell::Bar(_) | Cell::Line(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(columns: usize) -> Window {
        Window { columns: Some(columns), rows: None, has_colour: false, is_terminal: false }
    }

    const PIPE: Window = Window { columns: None, rows: None, has_colour: false, is_terminal: false };

    fn told(text: &str) -> Cell {
        Cell::Told(text.to_owned())
    }

    fn items() -> Table {
        let mut table = Table::new([
            ("item", Kind::Text),
            ("title", Kind::Text),
            ("clicks", Kind::Number),
            ("", Kind::Picture),
        ]);
        table.push(vec![told("sku1"), told("Red shoes with a long name"), told("1,234"), Cell::Bar(1_234)]);
        table.push(vec![told("sku22"), told("赤い靴"), told("617"), Cell::Bar(617)]);
        table.push(vec![told("x"), Cell::Untold("(not known)"), told("0"), Cell::Bar(0)]);
        table.push_sum(vec![told("total"), told(""), told("1,851"), told("")]);
        table
    }

    #[test]
    fn numbers_stand_to_the_right_and_bars_take_what_is_left() {
        let shown = items().draw(window(60));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "item   title                       clicks",
                "sku1   Red shoes with a long name   1,234  █████████████████",
                "sku22  赤い靴                         617  ████████▌",
                "x      (not known)                      0",
                "total                               1,851",
            ]
        );
    }

    #[test]
    fn a_narrow_window_cuts_the_longest_text_and_no_number() {
        let shown = items().draw(window(32));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "item   title        clicks",
                "sku1   Red shoes …   1,234  ████",
                "sku22  赤い靴          617  ██",
                "x      (not known)       0",
                "total                1,851",
            ]
        );
    }

    #[test]
    fn nothing_is_wider_than_the_window() {
        for columns in 1..120 {
            for line in items().draw(window(columns)).lines() {
                assert!(width(line) <= columns, "{columns}: {line}");
                assert_eq!(line.trim_end(), line, "{columns}");
            }
        }
    }

    #[test]
    fn in_a_pipe_nothing_is_cut() {
        let mut table = Table::new([("query", Kind::Text), ("clicks", Kind::Number), ("", Kind::Picture)]);
        table.push(vec![told(&"x".repeat(500)), told("2"), Cell::Bar(2)]);
        let shown = table.draw(PIPE);
        assert!(
            shown.contains(&"x".repeat(500)) && shown.ends_with(&format!("  {}\n", "█".repeat(40))),
            "{shown}"
        );
    }

    #[test]
    fn colours_take_no_room() {
        let colour = Window { has_colour: true, ..window(60) };
        let plain = items().draw(window(60));
        let mut painted = items().draw(colour);
        assert!(painted.contains("\u{1b}[34m█"), "{painted}");
        while let Some(start) = painted.find('\u{1b}') {
            let end = painted[start..].find('m').unwrap() + start;
            painted.replace_range(start..=end, "");
        }
        assert_eq!(painted, plain);
    }
}
