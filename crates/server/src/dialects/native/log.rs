//! A file or a body of native lines, read one by one: numbers them, leaves out blank ones, and names clicks that have no
//! id. Knows no HTTP and no file system.

use super::lines::line;
use crate::bulk::{Batch, Defaults, FileDigest, LogReader, is_blank, without_mark};
use crate::feed::Line;

/// What a click is called that has no `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unnamed {
    /// Nothing: it counts as often as it is sent.
    Nameless,
    /// By key, line number and what the line says: the whole body sent again under the same `Idempotency-Key` counts once,
    /// and another body under a key that was used by mistake is another body. A control character keeps these ids apart
    /// from any that a client may send.
    Key(Box<str>),
    /// `file/{digest}/{line number}`: the same file imported again counts once.
    File(FileDigest),
}

/// Reads native lines.
#[derive(Debug)]
pub struct EventsReader {
    defaults: Defaults,
    unnamed: Unnamed,
    now_ms: i64,
}

impl EventsReader {
    /// A reader whose lines may tell times up to a day after `now_ms`.
    #[must_use]
    pub fn new(defaults: Defaults, unnamed: Unnamed, now_ms: i64) -> Self {
        Self { defaults, unnamed, now_ms }
    }

    fn name_of(&self, number: u64, bytes: &[u8]) -> Option<Box<str>> {
        match &self.unnamed {
            Unnamed::Nameless => None,
            Unnamed::Key(key) => Some(format!("\u{1}{key}:{number}:{}", FileDigest::of_bytes(bytes)).into()),
            Unnamed::File(digest) => Some(digest.line_id(number)),
        }
    }
}

impl LogReader for EventsReader {
    fn line(&mut self, number: u64, bytes: &[u8], batch: &mut Batch) {
        let bytes = without_mark(number, bytes);
        if is_blank(bytes) {
            return;
        }
        let mut told = line(bytes, &self.defaults, self.now_ms);
        if let Ok(Line::Click(click)) = &mut told
            && click.id.is_none()
        {
            click.id = self.name_of(number, bytes);
        }
        batch.lines.push((number, told));
    }

    fn finish(&mut self, _batch: &mut Batch) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_numbered_and_not_received_and_nameless_clicks_are_named() {
        let lines: [&[u8]; 5] = [
            b"\xef\xbb\xbf{\"type\":\"click\",\"at\":1717142405000,\"doc_id\":\"a\"}\r",
            b" \t\r",
            b"",
            b"{\"type\":\"click\",\"at\":1717142405000,\"doc_id\":\"a\",\"id\":\"own\"}",
            b"\xef\xbb\xbf{}",
        ];
        let digest = FileDigest::of(&b"abc"[..]).unwrap();
        let first_line = lines[0].strip_prefix(b"\xef\xbb\xbf").unwrap();
        let named = [
            (Unnamed::Nameless, None),
            (Unnamed::Key("k".into()), Some(format!("\u{1}k:1:{}", FileDigest::of_bytes(first_line)).into())),
            (Unnamed::File(digest), Some(digest.line_id(1))),
        ];
        for (unnamed, first) in named {
            let mut reader = EventsReader::new(Defaults::default(), unnamed, 1_717_236_000_000);
            let mut batch = Batch::default();
            for (number, bytes) in (1..).zip(lines) {
                reader.line(number, bytes, &mut batch);
            }
            reader.finish(&mut batch);
            let told: Vec<_> = batch
                .lines
                .iter()
                .map(|(number, told)| match told {
                    Ok(Line::Click(click)) => (*number, click.id.clone()),
                    Ok(_) => panic!("line {number} is no click"),
                    Err(rejection) => (*number, Some(rejection.code.into())),
                })
                .collect();
            assert_eq!(told, [(1, first), (4, Some("own".into())), (5, Some("invalid_json".into()))]);
        }
    }
}
