//! Items: what a search shows and a visitor clicks.

use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};

use crate::click::Click;
use crate::names::{DocId, EngineIndex, Hashid, IndexName, NameError, hex_name};
use crate::names::{hex, write_hex};

hex_name! {
    /// The MD5 of a `doc_id`: the last part of a dfid. A name, not a safeguard.
    ItemDigest, 16, NameError::Dfid
}

impl ItemDigest {
    /// The digest of `doc_id`.
    #[must_use]
    pub fn of(doc_id: &str) -> Self {
        Self::from_bytes(Md5::digest(doc_id.as_bytes()).into())
    }
}

/// One item of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The engine and index that hold it.
    pub place: EngineIndex,
    /// What the search site calls it.
    pub doc_id: DocId,
    /// Shown to people, if known.
    pub title: Option<Box<str>>,
    /// Where it leads (http or https), if known.
    pub link: Option<Box<str>>,
}

impl Item {
    /// The item's dfid.
    #[must_use]
    pub fn dfid(&self) -> Dfid {
        Dfid {
            engine: self.place.engine,
            index: self.place.index.clone(),
            digest: ItemDigest::of(self.doc_id.as_str()),
        }
    }
}

/// An item's id in the statistics: `{hashid}@{index}@{md5 hex of doc_id}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dfid {
    /// The search engine.
    pub engine: Hashid,
    /// Its index.
    pub index: IndexName,
    /// The MD5 of the item's `doc_id`.
    pub digest: ItemDigest,
}

/// An item as clicks name it. One that was clicked without telling its index is another than those that were.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClickedItem {
    /// The search engine.
    pub engine: Hashid,
    /// Its index, if told.
    pub index: Option<IndexName>,
    /// What the search site calls it.
    pub doc_id: DocId,
}

impl ClickedItem {
    /// The item that was clicked.
    #[must_use]
    pub fn of(click: &Click) -> Self {
        Self { engine: click.engine, index: click.index.clone(), doc_id: click.doc_id.clone() }
    }

    /// Its dfid, if its index is told.
    #[must_use]
    pub fn dfid(&self) -> Option<Dfid> {
        let digest = ItemDigest::of(self.doc_id.as_str());
        Some(Dfid { engine: self.engine, index: self.index.clone()?, digest })
    }
}

impl FromStr for Dfid {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        // An index may itself contain `@`, so the fixed ends are cut off first.
        let (engine, rest) = text.split_once('@').ok_or(NameError::Dfid)?;
        let (index, digest) = rest.rsplit_once('@').ok_or(NameError::Dfid)?;
        Ok(Self {
            engine: engine.parse().map_err(|_| NameError::Dfid)?,
            index: index.parse().map_err(|_| NameError::Dfid)?,
            digest: digest.parse().map_err(|_| NameError::Dfid)?,
        })
    }
}

impl fmt::Display for Dfid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}@{}", self.engine, self.index, self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dfid_reads_back_as_it_was_written() {
        let text = "d8fdeab7fce96a19d3fc7b0ca7a1e98b@product@900150983cd24fb0d6963f7d28e17f72";
        let dfid: Dfid = text.parse().unwrap();
        assert_eq!(dfid.digest, ItemDigest::of("abc"));
        assert_eq!(dfid.to_string(), text);
        for wrong in ["", "@", "a@b@c", &text[1..], &text[..text.len() - 1], &text.replace("product", "")] {
            assert!(wrong.parse::<Dfid>().is_err(), "{wrong}");
        }
    }
}
