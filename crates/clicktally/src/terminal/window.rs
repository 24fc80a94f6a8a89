//! The window that standard output is shown in, if any.

use std::io::IsTerminal;

/// What fits, and what may be coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many columns there are; `None` in a pipe or a file, where nothing is cut.
    pub columns: Option<usize>,
    /// How many rows there are.
    pub rows: Option<usize>,
    /// Whether colours are understood and wanted.
    pub has_colour: bool,
    /// Whether it can be drawn anew in its place.
    pub is_terminal: bool,
}

impl Window {
    /// The window of standard output. In a pipe `COLUMNS` is believed, so that a pager can be given a width.
    pub fn of_stdout() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let size = is_terminal.then(|| terminal_size::terminal_size_of(std::io::stdout())).flatten();
        let told = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::of(is_terminal, size.map(|(columns, rows)| (columns.0, rows.0)), told)
    }

    fn of(is_terminal: bool, size: Option<(u16, u16)>, told: impl Fn(&str) -> Option<String>) -> Self {
        // A terminal that nobody has sized, as some serial lines are, says 0.
        let size = size.filter(|(columns, _)| *columns > 0);
        let columns = size.map(|(columns, _)| usize::from(columns));
        let typed = || told("COLUMNS")?.parse().ok().filter(|columns| *columns > 0);
        let usual = is_terminal.then_some(80);
        let is_dumb = told("TERM").is_none_or(|term| term == "dumb");
        Self {
            columns: columns.or_else(typed).or(usual),
            rows: size.map(|(_, rows)| usize::from(rows)).filter(|rows| *rows > 0),
            has_colour: is_terminal && !is_dumb && told("NO_COLOR").is_none(),
            is_terminal: is_terminal && !is_dumb,
        }
    }

    /// A text in a colour, where there are any: `code` is a parameter of ANSI's SGR.
    pub fn paint(self, code: &str, text: &str) -> String {
        if self.has_colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A heading.
pub const BOLD: &str = "1";
/// What is less important.
pub const FAINT: &str = "2";
/// Bars and lines.
pub const BLUE: &str = "34";
/// What is well.
pub const GREEN: &str = "32";
/// What is not.
pub const RED: &str = "31";

#[cfg(test)]
mod tests {
    use super::*;

    fn window(is_terminal: bool, size: Option<(u16, u16)>, told: &[(&str, &str)]) -> Window {
        let find = |name: &str| told.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned());
        Window::of(is_terminal, size, find)
    }

    #[test]
    fn colours_are_for_terminals_that_nobody_forbade() {
        let term = ("TERM", "xterm-256color");
        assert!(window(true, Some((100, 30)), &[term]).has_colour);
        assert!(!window(true, Some((100, 30)), &[term, ("NO_COLOR", "1")]).has_colour);
        assert!(!window(true, Some((100, 30)), &[("TERM", "dumb")]).has_colour);
        assert!(!window(false, None, &[term]).has_colour);
    }

    #[test]
    fn the_terminal_knows_its_width_best() {
        let told = [("TERM", "xterm"), ("COLUMNS", "60")];
        assert_eq!(window(true, Some((100, 30)), &told).columns, Some(100));
        assert_eq!(window(true, Some((0, 0)), &told).columns, Some(60));
        assert_eq!(window(true, None, &[("TERM", "xterm")]).columns, Some(80));
        assert_eq!(window(false, None, &told).columns, Some(60));
        assert_eq!(window(false, None, &[("COLUMNS", "wide")]).columns, None);
        assert_eq!(window(false, None, &[]).columns, None);
    }
}
