//! A password, from a file, from standard input, or typed at a terminal that doesn't show it. Never from an argument: those
//! are in the list of processes and in the shell's history.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// The most bytes that are read: more than any password has.
const BYTES_MAX: u64 = 4_096;

/// Keys that don't stand for themselves.
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: [u8; 2] = [0x08, 0x7f];
const CLEAR: u8 = 0x15;

/// Reads a password; at a terminal it is asked for twice.
///
/// # Errors
/// A [`Failure`] that says what to do.
pub fn read(file: Option<&Path>) -> Result<String, Failure> {
    let stdin = std::io::stdin();
    match file {
        Some(path) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "the user's own file, not one of the data directory"
            )]
            let opened = std::fs::File::open(path);
            let what = format!("the password file {}", path.display());
            let file = opened.map_err(|error| Failure::usage(format!("{what}: {error}")))?;
            alone(file, &what)
        }
        None if stdin.is_terminal() => {
            let typed = typed("Password: ")?;
            if typed != self::typed("The same again: ")? {
                return Err(Failure::new("these are two different passwords; nothing was changed"));
            }
            Ok(typed)
        }
        None => alone(stdin.lock(), "standard input"),
    }
}

/// All that is there is the password, but for the line's end.
fn alone(from: impl Read, what: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = from.take(BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::new(format!("{what}: {error}")))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Failure::usage(format!("{what} is too long for a password")));
    }
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| Failure::usage(format!("{what} has a password that is not UTF-8")))?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(Failure::usage(format!(
            "{what} has no password: give it there, or with --password-file"
        )));
    }
    Ok(line.to_owned())
}

/// What is typed up to Enter, and not shown.
fn typed(prompt: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("the terminal: {error}"));
    let quiet = Quiet::begin().map_err(failed)?;
    let mut screen = std::io::stderr();
    write!(screen, "{prompt}").and_then(|()| screen.flush()).map_err(failed)?;
    let line = line(std::io::stdin().lock().bytes());
    drop(quiet);
    // The line's end was not shown either.
    let _ = writeln!(screen);
    let line = line.map_err(failed)?.ok_or_else(|| Failure::new("stopped; nothing was changed"))?;
    String::from_utf8(line).map_err(|_| Failure::usage("a password is UTF-8"))
}

/// Gathers keys up to Enter; `None` when whoever types wants to stop.
fn line(keys: impl Iterator<Item = std::io::Result<u8>>) -> std::io::Result<Option<Vec<u8>>> {
    let mut line: Vec<u8> = Vec::new();
    for key in keys {
        match key? {
            b'\r' | b'\n' => return Ok(Some(line)),
            INTERRUPT => return Ok(None),
            END if line.is_empty() => return Ok(None),
            END => return Ok(Some(line)),
            CLEAR => line.clear(),
            key if BACKSPACE.contains(&key) => {
                // A character's first byte is the last that is no continuation.
                let is_first = |byte: &u8| byte & 0xc0 != 0x80;
                line.truncate(line.iter().rposition(is_first).unwrap_or(0));
            }
            key if (line.len() as u64) < BYTES_MAX => line.push(key),
            _ => {}
        }
    }
    Ok(None)
}

/// A terminal that shows nothing of what is typed. Dropping it gives the terminal back as it was. Ctrl-C comes as a key
/// meanwhile, so that it can't end the command before.
struct Quiet {
    before: Termios,
}

impl Quiet {
    fn begin() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(
            LocalModes::ECHO
                | LocalModes::ECHONL
                | LocalModes::ICANON
                | LocalModes::ISIG
                | LocalModes::IEXTEN,
        );
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed before the question is not an answer to it.
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing given back.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_line_s_end_is_the_password() {
        for (file, password) in
            [("a b \n", "a b "), ("a\r\n", "a"), ("a", "a"), ("a\n\n", "a\n"), ("é\n", "é")]
        {
            assert_eq!(alone(file.as_bytes(), "f").as_deref(), Ok(password), "{file:?}");
        }
        for wrong in [&b""[..], b"\n", b"\xff\n", &[b'a'; 4_097]] {
            assert!(alone(wrong, "f").is_err(), "{wrong:?}");
        }
        assert!(alone(&[b'a'; 4_096][..], "f").is_ok());
    }

    #[test]
    fn keys_that_edit_do_and_those_that_stop_do() {
        let typed = |keys: &[u8]| {
            line(keys.iter().map(|key| Ok(*key))).unwrap().map(|line| String::from_utf8(line).unwrap())
        };
        assert_eq!(typed(b"secret\rmore").as_deref(), Some("secret"));
        assert_eq!(typed("sé\u{7f}\u{8}\u{7f}x\n".as_bytes()).as_deref(), Some("x"));
        assert_eq!(typed(b"wrong\x15right\n").as_deref(), Some("right"));
        assert_eq!(typed(b"ab\x04").as_deref(), Some("ab"));
        for stopped in [&b"ab\x03\n"[..], b"\x04", b"", b"no end"] {
            assert_eq!(typed(stopped), None);
        }
    }
}
