//! What there should be of one account: search engines, indices, items, as management calls were told to have made them.
//! It must never ask the server; only the last look compares it with what there is.

use std::collections::BTreeMap;

use clicks::{Dfid, EngineIndex, ItemDigest};
use serde_json::{Value, json};

use crate::site::{ITEM_LINK, Site};
use crate::world::ENGINES;

/// A call.
#[derive(Debug)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// What stands behind the root of all paths.
    pub path: String,
    /// Its body, where it is JSON.
    pub body: Value,
    /// The caller may manage.
    pub is_manager: bool,
}

type Items = BTreeMap<String, Value>;

#[derive(Debug, Default)]
struct Engine {
    name: String,
    indices: Vec<(String, Items)>,
}

/// What there should be.
#[derive(Debug)]
pub struct Model {
    engines: BTreeMap<String, Engine>,
}

impl Model {
    /// What there is of a new site.
    pub fn of(site: &Site) -> Self {
        let engine = site.app.registry.engine(ENGINES[0]).unwrap();
        let items = [item("sku1", None, Some(ITEM_LINK)), item("sku2", None, None)];
        let items = items.into_iter().map(|item| (item["id"].as_str().unwrap().to_owned(), item)).collect();
        let engine = Engine { name: engine.name.to_string(), indices: vec![("product".to_owned(), items)] };
        Self { engines: BTreeMap::from([(ENGINES[0].to_string(), engine)]) }
    }

    /// Takes what a call was told, and holds it to what there should be.
    pub fn told(&mut self, asked: &Asked, status: u16, told: &Value) {
        let path = decoded(asked.path.trim_start_matches('/').trim_end_matches('/'));
        let names: Vec<&str> = path.iter().map(|(name, _)| name.as_str()).collect();
        let method = asked.method.as_str();
        if status >= 400 {
            self.refused(method, &names, status);
            return;
        }
        if method == "HEAD" {
            return;
        }
        match names.as_slice() {
            [] | [""] => self.all(method, asked, told),
            [hashid] => self.one(method, hashid, asked, told),
            [hashid, "indices"] => self.engine(hashid).indices(method, asked, told),
            [hashid, "indices", index] if method == "DELETE" => {
                let engine = self.engine(hashid);
                let before = engine.indices.len();
                engine.indices.retain(|(name, _)| name != index);
                assert_eq!(engine.indices.len() + 1, before, "{asked:?}");
            }
            [hashid, "indices", index] => {
                self.engine(hashid).items(index);
                assert_eq!(*told, index_told(index), "{asked:?}");
            }
            [hashid, "indices", index, "items"] => {
                in_items(self.engine(hashid).items(index), method, asked, told)
            }
            [hashid, "indices", index, "items", "_bulk"] => {
                bulk(self.engine(hashid).items(index), method, asked, told);
            }
            [hashid, "indices", index, "items", "_mget"] => {
                let items = self.engine(hashid).items(index);
                let found = entries(&asked.body).iter().map(|entry| {
                    let id = id(entry);
                    match items.get(&id) {
                        Some(item) => json!({ "id": id, "found": true, "item": item }),
                        None => json!({ "id": id, "found": false }),
                    }
                });
                assert_eq!(*told, found.collect::<Value>(), "{asked:?}");
            }
            [hashid, "indices", index, "items", "_count"] => {
                assert_eq!(*told, json!({ "count": self.engine(hashid).items(index).len() }), "{asked:?}");
            }
            [hashid, "indices", index, "items", id] => {
                let spaced = &path[4].1;
                one_item(self.engine(hashid).items(index), method, [id, spaced], asked, told);
            }
            _ => panic!("{asked:?} {told}"),
        }
    }

    /// A refused call does nothing, and what is there is found.
    fn refused(&self, method: &str, names: &[&str], status: u16) {
        if let ([hashid, "indices", index, "items", id], "GET", 404) = (names, method, status) {
            let items = self.engines.get(*hashid).and_then(|engine| engine.find(index));
            // These are places of their own.
            assert!(items.is_none_or(|items| !items.contains_key(*id)), "{names:?}");
        }
    }

    fn all(&mut self, method: &str, asked: &Asked, told: &Value) {
        if method == "POST" {
            let name = asked.body["name"].as_str().expect("a name").to_owned();
            let hashid = told["hashid"].as_str().expect("a hashid").to_owned();
            let engine = Engine { name, indices: Vec::new() };
            assert_eq!(*told, engine.told(&hashid), "{asked:?}");
            assert!(self.engines.insert(hashid, engine).is_none(), "{asked:?}");
        } else {
            let mut listed = entries(told).to_vec();
            listed.sort_by_key(|engine| engine["hashid"].as_str().map(str::to_owned));
            let all = self.engines.iter().map(|(hashid, engine)| engine.told(hashid));
            assert_eq!(listed, all.collect::<Vec<_>>(), "{asked:?}");
        }
    }

    fn one(&mut self, method: &str, hashid: &str, asked: &Asked, told: &Value) {
        if method == "DELETE" {
            assert!(self.engines.remove(hashid).is_some(), "{asked:?}");
            return;
        }
        let engine = self.engine(hashid);
        if let ("PATCH", Some(name)) = (method, asked.body["name"].as_str()) {
            name.clone_into(&mut engine.name);
        }
        assert_eq!(*told, engine.told(hashid), "{asked:?}");
    }

    fn engine(&mut self, hashid: &str) -> &mut Engine {
        self.engines.get_mut(hashid).expect("nothing is told of an engine that is not there")
    }

    /// Compares all with what there is.
    pub fn check_registry(&self, site: &Site) {
        let registry = &site.app.registry;
        let all = registry.engines(Some(site.account.code));
        assert_eq!(all.len(), self.engines.len());
        let mut items_of_all = 0;
        for engine in all {
            let known = &self.engines[&engine.hashid.to_string()];
            assert_eq!(*engine.name, *known.name);
            let names: Vec<&str> = known.indices.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(engine.indices.iter().map(clicks::IndexName::as_str).collect::<Vec<_>>(), names);
            for (index, (_, items)) in engine.indices.iter().zip(&known.indices) {
                let place = EngineIndex { engine: engine.hashid, index: index.clone() };
                assert_eq!(registry.items_of(&place), items.len() as u64);
                items_of_all += items.len() as u64;
                for (id, known) in items {
                    let dfid =
                        Dfid { engine: engine.hashid, index: index.clone(), digest: ItemDigest::of(id) };
                    let found = registry.item(&dfid).unwrap().expect("an item that was told to be there");
                    assert_eq!(
                        item(found.doc_id.as_str(), found.title.as_deref(), found.link.as_deref()),
                        *known
                    );
                }
            }
        }
        assert_eq!(registry.counts().items, items_of_all);
    }
}

impl Engine {
    fn told(&self, hashid: &str) -> Value {
        let indices: Value = self.indices.iter().map(|(name, _)| index_told(name)).collect();
        json!({ "hashid": hashid, "name": self.name, "status": "active", "indices": indices })
    }

    fn find(&self, index: &str) -> Option<&Items> {
        self.indices.iter().find(|(name, _)| name == index).map(|(_, items)| items)
    }

    fn items(&mut self, index: &str) -> &mut Items {
        let found = self.indices.iter_mut().find(|(name, _)| name == index);
        &mut found.expect("nothing is told of an index that is not there").1
    }

    fn indices(&mut self, method: &str, asked: &Asked, told: &Value) {
        if method == "POST" {
            let name = asked.body["name"].as_str().expect("a name");
            assert!(self.find(name).is_none(), "{asked:?}");
            assert_eq!(*told, index_told(name), "{asked:?}");
            self.indices.push((name.to_owned(), Items::new()));
        } else {
            let all: Value = self.indices.iter().map(|(name, _)| index_told(name)).collect();
            assert_eq!(*told, all, "{asked:?}");
        }
    }
}

fn index_told(name: &str) -> Value {
    json!({ "name": name, "preset": "generic", "options": {}, "datasources": [] })
}

/// `GET …/items` and `POST …/items`.
fn in_items(items: &mut Items, method: &str, asked: &Asked, told: &Value) {
    if method == "POST" {
        put(items, &asked.body, None);
        assert_eq!(items.get(&id(&asked.body)), Some(told), "{asked:?}");
        return;
    }
    let page = entries(&told["items"]);
    assert!(page.len() <= 100 && told["total"].is_u64(), "{asked:?} {told}");
    for item in page {
        assert_eq!(items.get(&id(item)), Some(item), "{asked:?}");
    }
}

fn bulk(items: &mut Items, method: &str, asked: &Asked, told: &Value) {
    let (wanted, results) = (entries(&asked.body), entries(&told["results"]));
    assert_eq!(wanted.len(), results.len(), "{asked:?} {told}");
    let done = match method {
        "POST" => "created",
        "PATCH" => "updated",
        _ => "deleted",
    };
    let mut errors = false;
    for (entry, result) in wanted.iter().zip(results) {
        let is_error = result["error"].is_string();
        errors |= is_error;
        assert_eq!(is_error, result["result"].is_null(), "{asked:?} {told}");
        if is_error {
            assert!(done != "deleted" || !items.contains_key(&id(entry)), "{asked:?} {told}");
            continue;
        }
        assert_eq!((&result["result"], &result["id"]), (&done.into(), &id(entry).into()), "{asked:?} {told}");
        match done {
            "created" => put(items, entry, None),
            "updated" => {
                let before = items.get(&id(entry)).cloned();
                put(items, entry, Some(before.expect("what is not there is not updated")));
            }
            _ => assert!(items.remove(&id(entry)).is_some(), "{asked:?} {told}"),
        }
    }
    assert_eq!(told["errors"], errors, "{asked:?} {told}");
}

/// A call of one item, which is named as it is written, or with spaces as `+`.
fn one_item(items: &mut Items, method: &str, [id, spaced]: [&str; 2], asked: &Asked, told: &Value) {
    let name = if items.contains_key(id) { id } else { spaced };
    match method {
        "PATCH" => {
            let before = items.get(name).cloned();
            let mut entry = asked.body.clone();
            entry["id"] = name.into();
            put(items, &entry, Some(before.expect("what is not there is not updated")));
        }
        "DELETE" => {
            assert!(items.remove(name).is_some(), "{asked:?}");
            return;
        }
        _ => {}
    }
    assert_eq!(items.get(name), Some(told), "{asked:?}");
}

/// Puts an item; what is not told stays as it was before.
fn put(items: &mut Items, entry: &Value, before: Option<Value>) {
    let id = id(entry);
    let before = before.unwrap_or_default();
    let field = |name: &str| entry.get(name).map_or(before[name].as_str(), Value::as_str);
    items.insert(id.clone(), item(&id, field("title"), field("link")));
}

fn item(id: &str, title: Option<&str>, link: Option<&str>) -> Value {
    let mut item = json!({ "id": id });
    for (name, text) in [("title", title), ("link", link)] {
        if let Some(text) = text {
            item[name] = text.into();
        }
    }
    item
}

fn entries(told: &Value) -> &[Value] {
    told.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The id that an entry tells; a number counts as its digits.
fn id(entry: &Value) -> String {
    match &entry["id"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// The names of a path, and the same with `+` as spaces.
fn decoded(path: &str) -> Vec<(String, String)> {
    let decode = |name: &str| {
        let (mut bytes, mut rest) = (Vec::new(), name.as_bytes());
        while let [first, after @ ..] = rest {
            let escape =
                after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
            match escape.and_then(|two| u8::from_str_radix(two, 16).ok()) {
                Some(byte) => (bytes.push(byte), rest = &after[2..]),
                None => (bytes.push(*first), rest = after),
            };
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    path.split('/').map(|name| (decode(name), decode(&name.replace('+', "%20")))).collect()
}
