//! Which search engine an index name means. An event names an index only, and the account's team named its search engines
//! and their indices: what a person would take for it is tried, and what could be two things is neither.

use std::sync::Arc;

use clicks::{Hashid, IndexName};
use registry::Engine;

/// A search engine, and its index where the name tells one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) engine: Hashid,
    pub(super) index: Option<IndexName>,
}

/// Why a name means no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    Unknown,
    Ambiguous,
}

/// What `name` means among these engines: `hashid`, `hashid:index`, the name of a search engine, or the name of an index
/// that only one of them has.
pub(super) fn place(engines: &[Arc<Engine>], name: &str) -> Result<Place, NoPlace> {
    let (hashid, index) = name.split_once(':').map_or((name, None), |(hashid, index)| (hashid, Some(index)));
    if let Ok(hashid) = hashid.parse::<Hashid>() {
        let engine = engines.iter().find(|engine| engine.hashid == hashid).ok_or(NoPlace::Unknown)?;
        let index = index.map(|index| index_of(engine, index).ok_or(NoPlace::Unknown)).transpose()?;
        return Ok(Place { engine: hashid, index });
    }
    let mut found: Option<Place> = None;
    for engine in engines {
        let index = index_of(engine, name);
        if index.is_none() && *engine.name != *name {
            continue;
        }
        if found.is_some() {
            return Err(NoPlace::Ambiguous);
        }
        found = Some(Place { engine: engine.hashid, index });
    }
    found.ok_or(NoPlace::Unknown)
}

fn index_of(engine: &Engine, name: &str) -> Option<IndexName> {
    engine.indices.iter().find(|index| index.as_str() == name).cloned()
}

#[cfg(test)]
mod tests {
    use clicks::AccountCode;

    use super::*;

    fn engine(number: u8, name: &str, indices: &[&str]) -> Arc<Engine> {
        Arc::new(Engine {
            hashid: Hashid::from_bytes([number; 16]),
            account: AccountCode::from_bytes([1; 8]),
            name: name.into(),
            indices: indices.iter().map(|index| index.parse().unwrap()).collect(),
            sites: Vec::new(),
        })
    }

    #[test]
    fn a_name_means_what_only_one_engine_is_or_has() {
        let engines = [
            engine(1, "Shop", &["product", "page"]),
            engine(2, "Blog", &["post", "page"]),
            engine(3, "post", &[]),
            engine(4, "docs", &["docs"]),
        ];
        let told = |name: &str| {
            place(&engines, name)
                .map(|place| (place.engine.as_bytes()[0], place.index.map(|index| index.as_str().to_owned())))
        };
        let (one, two) = ("01".repeat(16), "02".repeat(16));
        assert_eq!(told(&one), Ok((1, None)));
        assert_eq!(told(&format!("{one}:page")), Ok((1, Some("page".to_owned()))));
        assert_eq!(told(&format!("{two}:page")), Ok((2, Some("page".to_owned()))));
        assert_eq!(told("Shop"), Ok((1, None)));
        assert_eq!(told("product"), Ok((1, Some("product".to_owned()))));
        assert_eq!(told("docs"), Ok((4, Some("docs".to_owned()))), "name and index of the same engine");
        for ambiguous in ["page", "post"] {
            assert_eq!(told(ambiguous), Err(NoPlace::Ambiguous), "{ambiguous}");
        }
        for unknown in ["", "shop", "nothing", &"09".repeat(16), &format!("{one}:post"), &format!("{one}:")] {
            assert_eq!(told(unknown), Err(NoPlace::Unknown), "{unknown}");
        }
    }
}
