//! A screen that is drawn anew in its place, and given back as it was found.

use std::io::Write;

use super::window::Window;

/// Another screen, its own cursor hidden; the lines of the first one stay as they are.
const OPEN: &str = "\u{1b}[?1049h\u{1b}[?25l";
/// The first screen again.
const CLOSE: &str = "\u{1b}[?25h\u{1b}[?1049l";
/// The upper left corner.
const HOME: &str = "\u{1b}[H";
/// Clears what an earlier, longer line has left.
const TO_END_OF_LINE: &str = "\u{1b}[K";
/// Clears what an earlier, longer text has left.
const TO_END_OF_SCREEN: &str = "\u{1b}[J";

/// The screen. Dropping it gives the terminal back.
pub struct Screen<W: Write> {
    out: W,
}

impl<W: Write> Screen<W> {
    /// Takes the terminal.
    ///
    /// # Errors
    /// The terminal's.
    pub fn open(mut out: W) -> std::io::Result<Self> {
        out.write_all(OPEN.as_bytes())?;
        out.flush()?;
        Ok(Self { out })
    }

    /// Draws a text in the place of the one before: as many lines as the window has rows.
    ///
    /// # Errors
    /// The terminal's.
    pub fn draw(&mut self, text: &str, window: Window) -> std::io::Result<()> {
        let lines: Vec<&str> = text.lines().take(window.rows.unwrap_or(24)).collect();
        // In one piece, so that no half of a picture is seen; without a line's end after the last one, which would scroll.
        let picture =
            lines.iter().map(|line| format!("{line}{TO_END_OF_LINE}")).collect::<Vec<_>>().join("\r\n");
        self.out.write_all(format!("{HOME}{picture}{TO_END_OF_SCREEN}").as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing given back.
        let _ = self.out.write_all(CLOSE.as_bytes());
        let _ = self.out.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_taken_drawn_in_place_and_given_back() {
        let mut written = Vec::new();
        let window = Window { columns: Some(80), rows: Some(2), has_colour: false, is_terminal: true };
        let mut screen = Screen::open(&mut written).unwrap();
        screen.draw("one\ntwo\nthree\n", window).unwrap();
        drop(screen);
        let expected = format!("{OPEN}{HOME}one\u{1b}[K\r\ntwo\u{1b}[K\u{1b}[J{CLOSE}");
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
