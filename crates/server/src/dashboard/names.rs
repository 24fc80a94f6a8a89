//! Names with a hash of the content, so that a browser may keep a file for ever: a changed file has another name. What a
//! file refers to is renamed first, so that its own hash covers all that it leads to.

use std::fmt::Write as _;

use axum::body::Bytes;
use sha2::{Digest, Sha256};

use super::files::Embedded;

/// Digits of the hash in a name: of a few dozen files, changed a few thousand times, no two will ever share them.
const DIGITS: usize = 12;

/// A file as it is served.
pub(super) struct Named {
    /// The name for others, as written in their source.
    pub(super) source: &'static str,
    /// The name in its address.
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) bytes: Bytes,
}

/// All files under their served names, each after those that it refers to.
pub(super) fn named<'a>(files: impl Iterator<Item = &'a Embedded>) -> Vec<Named> {
    let mut waiting: Vec<&Embedded> = files.collect();
    let mut done: Vec<Named> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        // A test proves that there is no circle; in one, any is as good as the other.
        let free =
            |file: &&Embedded| !waiting.iter().any(|other| other.name != file.name && refers(file, other));
        let place = waiting.iter().position(free).unwrap_or(0);
        let file = waiting.remove(place);
        let bytes = renamed(file.bytes, &done, "./");
        done.push(Named { source: file.name, name: hashed(file.name, &bytes), kind: file.kind, bytes });
    }
    done
}

/// A text in which `"./name"` of each of `files` stands as `"{prefix}name-hash"`.
pub(super) fn renamed(bytes: &'static [u8], files: &[Named], prefix: &str) -> Bytes {
    let Ok(text) = std::str::from_utf8(bytes) else { return Bytes::from_static(bytes) };
    let rename = |text: String, file: &Named| {
        text.replace(&reference(file.source), &format!("\"{prefix}{}\"", file.name))
    };
    files.iter().fold(text.to_owned(), rename).into()
}

fn reference(name: &str) -> String {
    format!("\"./{name}\"")
}

fn refers(file: &Embedded, other: &Embedded) -> bool {
    std::str::from_utf8(file.bytes).is_ok_and(|text| text.contains(&reference(other.name)))
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

    const fn script(name: &'static str, text: &'static str) -> Embedded {
        Embedded { name, kind: "text/javascript", bytes: text.as_bytes() }
    }

    #[test]
    fn a_change_far_down_changes_every_name_above_and_no_other() {
        let names = |leaf: &'static str| {
            let files = [
                script("top.js", r#"import "./middle.js"; import "./other.js";"#),
                script("middle.js", r#"export * from "./leaf.js";"#),
                script("other.js", "export const other = './leaf.jsx';"),
                script("leaf.js", leaf),
            ];
            let named = named(files.iter());
            let of = |name: &str| named.iter().find(|file| file.source == name).unwrap().name.clone();
            (of("top.js"), of("middle.js"), of("leaf.js"), of("other.js"))
        };
        let (one, other) = (names("export const a = 1;"), names("export const a = 2;"));
        assert_ne!(one.0, other.0);
        assert_ne!(one.1, other.1);
        assert_ne!(one.2, other.2);
        assert_eq!(one.3, other.3);
    }
}
