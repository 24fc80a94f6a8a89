//! What a path of the Management API stands for. Knows no engine and no caller.

use crate::query_string::decode_path;
use clicks::{Hashid, IndexName};

use super::refusal::Refusal;

/// All of this API is below this path.
pub(super) const ROOT: &str = "/api/v2/search_engines";

const NO_TEMPORARY: &str =
    "temporary indices are not kept here: items are created, updated and deleted in the index itself";
const NO_PROCESSING: &str = "data sources are not processed here: send items to the index";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Engines,
    Engine,
    Indices,
    Index,
    Items,
    Bulk,
    Mget,
    Count,
    Item(Named),
    /// Published, and without a meaning here: why.
    Absent(&'static str),
}

/// An item as a path names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: String,
    /// The same with `+` read as spaces: some clients write those so.
    pub(super) spaced: Option<String>,
}

/// A place with the engine and index that a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) place: Place,
    hashid: String,
    index: String,
}

impl Place {
    /// The methods that are served.
    pub(super) const fn allow(&self) -> &'static str {
        match self {
            Self::Engines | Self::Indices | Self::Items => "GET, HEAD, POST",
            Self::Engine | Self::Index | Self::Item(_) => "GET, HEAD, PATCH, DELETE",
            Self::Bulk => "POST, PATCH, DELETE",
            Self::Mget => "POST",
            Self::Count => "GET, HEAD",
            Self::Absent(_) => "GET, HEAD, POST, PATCH, DELETE",
        }
    }
}

/// Whether a path is one of this API's.
pub(super) fn is_below(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Target {
    /// What a path asks for; `None` where nothing is served.
    pub(super) fn of(path: &str) -> Option<Self> {
        let rest = path.strip_prefix(ROOT)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let names: Vec<&str> = rest.split('/').skip(1).collect();
        if names.iter().any(|name| name.is_empty()) {
            return None;
        }
        let (place, hashid, index) = match names.as_slice() {
            [] => (Place::Engines, "", ""),
            [hashid] => (Place::Engine, *hashid, ""),
            [hashid, "_process"] => (Place::Absent(NO_PROCESSING), *hashid, ""),
            [hashid, "indices"] => (Place::Indices, *hashid, ""),
            [hashid, "indices", index] => (Place::Index, *hashid, *index),
            [hashid, "indices", index, "items"] => (Place::Items, *hashid, *index),
            [hashid, "indices", index, "items", "_bulk"] => (Place::Bulk, *hashid, *index),
            [hashid, "indices", index, "items", "_mget"] => (Place::Mget, *hashid, *index),
            [hashid, "indices", index, "items", "_count"] => (Place::Count, *hashid, *index),
            [hashid, "indices", index, "items", item] => (Place::Item(named(item)?), *hashid, *index),
            [hashid, "indices", index, "_reindex_to_temp" | "_replace_by_temp" | "temp"]
            | [hashid, "indices", index, "temp", "items"]
            | [hashid, "indices", index, "temp", "items", _] => {
                (Place::Absent(NO_TEMPORARY), *hashid, *index)
            }
            _ => return None,
        };
        Some(Self { place, hashid: decode_path(hashid)?, index: decode_path(index)? })
    }

    /// The engine.
    pub(super) fn hashid(&self) -> Result<Hashid, Refusal> {
        self.hashid.parse().map_err(|error| Refusal::BadParams(format!("hashid: {error}")))
    }

    /// The index.
    pub(super) fn index(&self) -> Result<IndexName, Refusal> {
        self.index.parse().map_err(|error| Refusal::BadParams(format!("name: {error}")))
    }
}

fn named(item: &str) -> Option<Named> {
    let spaced = item.contains('+').then(|| decode_path(&item.replace('+', "%20")));
    Some(Named { id: decode_path(item)?, spaced: spaced.flatten() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rest: &str) -> Option<(Place, String, String)> {
        Target::of(&format!("{ROOT}{rest}")).map(|target| (target.place, target.hashid, target.index))
    }

    #[test]
    fn every_published_path_stands_for_something() {
        let named = |id: &str, spaced: Option<&str>| {
            Place::Item(Named { id: id.to_owned(), spaced: spaced.map(str::to_owned) })
        };
        let paths = [
            ("", Place::Engines, "", ""),
            ("/", Place::Engines, "", ""),
            ("/abc", Place::Engine, "abc", ""),
            ("/abc/_process", Place::Absent(NO_PROCESSING), "abc", ""),
            ("/abc/indices", Place::Indices, "abc", ""),
            ("/abc/indices/p", Place::Index, "abc", "p"),
            ("/abc/indices/p%20q", Place::Index, "abc", "p q"),
            ("/abc/indices/p/items/", Place::Items, "abc", "p"),
            ("/abc/indices/p/items/_bulk", Place::Bulk, "abc", "p"),
            ("/abc/indices/p/items/_mget", Place::Mget, "abc", "p"),
            ("/abc/indices/p/items/_count", Place::Count, "abc", "p"),
            ("/abc/indices/p/items/a%2Fb%2B", named("a/b+", None), "abc", "p"),
            ("/abc/indices/p/items/a+b", named("a+b", Some("a b")), "abc", "p"),
            ("/abc/indices/p/temp", Place::Absent(NO_TEMPORARY), "abc", "p"),
            ("/abc/indices/p/temp/items/_bulk", Place::Absent(NO_TEMPORARY), "abc", "p"),
            ("/abc/indices/p/_reindex_to_temp/", Place::Absent(NO_TEMPORARY), "abc", "p"),
            ("/abc/indices/p/_replace_by_temp", Place::Absent(NO_TEMPORARY), "abc", "p"),
        ];
        for (path, place, hashid, index) in paths {
            assert_eq!(of(path), Some((place, hashid.to_owned(), index.to_owned())), "{path}");
        }
        for path in [
            "//",
            "/abc//indices",
            "/abc/nothing",
            "/abc/indices/p/nothing",
            "/abc/indices/p/items/a/b",
            "/abc/indices/p/items/%zz",
            "/%ff",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
        assert!(is_below("/api/v2/search_engines/x") && !is_below("/api/v2/search_enginesx"));
    }
}
