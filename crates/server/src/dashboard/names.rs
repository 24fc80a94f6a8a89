//! Names with a hash of the content, so that a browser may keep a file for ever: a changed file has another name.

use std::fmt::Write as _;

use axum::body::Bytes;
use sha2::{Digest, Sha256};

/// Digits of the hash in a name: of a few files, changed a few thousand times, no two will ever share them.
const DIGITS: usize = 12;

/// A file as it is served.
pub(super) struct Named {
    /// The name by which the document refers to it.
    pub(super) source: &'static str,
    /// The name in its address.
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) bytes: Bytes,
}

impl Named {
    pub(super) fn new(source: &'static str, kind: &'static str, bytes: Bytes) -> Self {
        Self { source, name: hashed(source, &bytes), kind, bytes }
    }
}

/// The text with `"./name"` of each of `files` as `"{prefix}name-hash"`.
pub(super) fn renamed(text: &str, files: &[Named], prefix: &str) -> String {
    let rename = |text: String, file: &Named| {
        text.replace(&format!("\"./{}\"", file.source), &format!("\"{prefix}{}\"", file.name))
    };
    files.iter().fold(text.to_owned(), rename)
}

/// `dom.js` becomes `dom-0123456789ab.js`.
fn hashed(name: &str, bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a text can't fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits.truncate(DIGITS);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("{stem}-{digits}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_has_another_name_and_the_document_knows_it() {
        let file =
            |text: &'static str| Named::new("dom.js", "text/javascript", Bytes::from_static(text.as_bytes()));
        let page = |file| renamed("<a \"./dom.js\" \"./dom.jsx\">", &[file], "/there/");
        assert_eq!(page(file("1")), "<a \"/there/dom-6b86b273ff34.js\" \"./dom.jsx\">");
        assert_eq!(page(file("2")), "<a \"/there/dom-d4735e3a265e.js\" \"./dom.jsx\">");
    }
}
