//! Engines, indices and items that change and go: what is removed is found by nobody, stays gone, and takes no room.

use std::sync::Arc;

use crate::backups::{backup, restored};
use crate::world::{engine, hashid, item, one_engine, open, small, try_open};
use clicks::{DocId, EngineIndex};
use journal::{Disk, SimulatedDisk};
use registry::{EngineUpdate, PutItem, Registry, RegistryError, RegistryOptions, RemoveItem, verify};

fn place(number: u8, index: &str) -> EngineIndex {
    EngineIndex { engine: hashid(number), index: index.parse().unwrap() }
}

fn doc_ids(texts: &[&str]) -> Vec<DocId> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// The registry as it is, as it is read back, as it is once its journal was written anew, and from a backup.
fn ever_after(disk: &SimulatedDisk, registry: Registry, look: impl Fn(&Registry)) {
    look(&registry);
    registry.close();
    let reopened = open(disk);
    look(&reopened);
    reopened.renew().unwrap();
    look(&reopened);
    let target = SimulatedDisk::new();
    backup(&reopened, &target);
    look(&restored(&target));
    reopened.close();
    let again = open(disk);
    look(&again);
    again.close();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    assert!(!verify(&shared).unwrap().unwrap().damaged());
}

#[test]
fn the_hashid_of_a_removed_engine_stays_with_its_account() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let account = one_engine(&registry);
    let other = registry.create_account("other").unwrap().code;
    let sites = EngineUpdate { name: None, sites: Some(vec!["shop.example".to_owned()]) };
    registry.update_engine(hashid(1), sites).unwrap();
    registry.put_items(vec![item(1, "product", "a", "A"), item(1, "page", "a", "A")]).unwrap();
    registry.delete_engine(hashid(1)).unwrap();
    assert_eq!(registry.delete_engine(hashid(1)), Err(RegistryError::NoEngine));
    ever_after(&disk, registry, |registry| {
        assert_eq!(registry.engine(hashid(1)), None);
        assert!(registry.engines(Some(account)).is_empty());
        assert!(registry.site("shop.example").is_none());
        assert!(registry.places_of("a").is_empty());
        assert_eq!(registry.item(&item(1, "product", "a", "A").dfid()).unwrap(), None);
        assert_eq!(registry.counts().items, 0);
        let taken = registry.create_engine(other, engine(1, &[])).map(|_| ());
        assert_eq!(taken, Err(RegistryError::HashidTaken));
    });
    let registry = open(&disk);
    let again = registry.create_engine(account, engine(1, &["page"])).unwrap();
    assert_eq!(again.indices, ["page".parse().unwrap()]);
    assert!(again.sites.is_empty());
    assert!(registry.items_after(&place(1, "page"), None, 9).is_empty(), "nothing comes back with it");
}

#[test]
fn an_engine_changes_in_what_is_told_only() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let account = one_engine(&registry);
    registry.create_engine(account, engine(2, &[])).unwrap();
    let sites = |sites: &[&str]| EngineUpdate {
        name: None,
        sites: Some(sites.iter().map(|site| (*site).to_owned()).collect()),
    };
    let name = |name: &str| EngineUpdate { name: Some(name.to_owned()), sites: None };
    assert_eq!(
        registry.update_engine(hashid(1), sites(&["A.example", "b.example", "a.example"])).unwrap().sites,
        ["a.example", "b.example"]
    );
    assert_eq!(&*registry.update_engine(hashid(1), name("Shop")).unwrap().name, "Shop");
    registry.update_engine(hashid(1), sites(&["b.example", "c.example"])).unwrap();
    registry.update_engine(hashid(2), sites(&["a.example"])).unwrap();
    let taken = registry.update_engine(hashid(2), sites(&["c.example"])).map(|_| ());
    assert_eq!(taken, Err(RegistryError::SiteTaken { site: "c.example".to_owned() }));
    assert_eq!(registry.update_engine(hashid(3), name("x")).map(|_| ()), Err(RegistryError::NoEngine));
    for wrong in [name(""), name("a\nb"), sites(&["http://a"])] {
        let refused = registry.update_engine(hashid(1), wrong).map(|_| ());
        assert!(matches!(refused, Err(RegistryError::Invalid { .. })), "{refused:?}");
    }
    ever_after(&disk, registry, |registry| {
        let engine = registry.engine(hashid(1)).unwrap();
        assert_eq!(
            (&*engine.name, &engine.sites[..]),
            ("Shop", &["b.example".to_owned(), "c.example".to_owned()][..])
        );
        assert_eq!(engine.indices, ["product".parse().unwrap()]);
        let of = |site: &str| registry.site(site).map(|engine| engine.hashid);
        assert_eq!([of("a.example"), of("b.example")], [Some(hashid(2)), Some(hashid(1))]);
    });
}

#[test]
fn an_index_goes_with_its_items_and_may_come_again() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    registry.create_index(place(1, "page")).unwrap();
    assert_eq!(registry.create_index(place(1, "page")), Err(RegistryError::IndexExists));
    assert_eq!(registry.create_index(place(2, "page")), Err(RegistryError::NoEngine));
    registry.put_items(vec![item(1, "page", "a", "old"), item(1, "product", "a", "kept")]).unwrap();
    registry.delete_index(place(1, "page")).unwrap();
    assert_eq!(registry.delete_index(place(1, "page")), Err(RegistryError::NoIndex));
    assert_eq!(registry.delete_index(place(2, "page")), Err(RegistryError::NoEngine));
    assert_eq!(registry.places_of("a"), [place(1, "product")]);
    assert_eq!(registry.counts().items, 1);
    // The same item in an index of the same name is a new one.
    assert_eq!(registry.put_items(vec![item(1, "page", "b", "new")]).unwrap(), [PutItem::Recorded]);
    ever_after(&disk, registry, |registry| {
        let indices = &registry.engine(hashid(1)).unwrap().indices;
        assert_eq!(*indices, ["product".parse().unwrap(), "page".parse().unwrap()]);
        assert_eq!(registry.places_of("a"), [place(1, "product")]);
        assert_eq!(registry.places_of("b"), [place(1, "page")]);
        assert_eq!(registry.items_of(&place(1, "page")), 1);
        assert_eq!(registry.counts().items, 2);
    });
}

#[test]
fn items_are_removed_once_and_each_by_itself() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    let all: Vec<String> = (0..5_000).map(|number| format!("sku{number}")).collect();
    registry.put_items(all.iter().map(|doc_id| item(1, "product", doc_id, "x")).collect()).unwrap();
    let removed =
        registry.remove_items(&place(1, "product"), &doc_ids(&["sku1", "sku1", "nothing"])).unwrap();
    assert_eq!(removed, [RemoveItem::Removed, RemoveItem::Missing, RemoveItem::Missing]);
    let elsewhere = registry.remove_items(&place(1, "page"), &doc_ids(&["sku2"])).unwrap();
    assert_eq!(elsewhere, [RemoveItem::Missing]);
    // More than fit one frame.
    let many: Vec<&str> = all[1_000..].iter().map(String::as_str).collect();
    let removed = registry.remove_items(&place(1, "product"), &doc_ids(&many)).unwrap();
    assert!(removed.iter().all(|outcome| *outcome == RemoveItem::Removed));
    // One that was removed can be kept again, and is new.
    assert_eq!(registry.put_items(vec![item(1, "product", "sku4999", "x")]).unwrap(), [PutItem::Recorded]);
    ever_after(&disk, registry, |registry| {
        assert_eq!(registry.counts().items, 1_000);
        assert_eq!(registry.items_of(&place(1, "product")), 1_000);
        assert!(!registry.holds(&place(1, "product"), "sku1"));
        assert!(registry.holds(&place(1, "product"), "sku4999"));
    });
}

#[test]
fn what_is_removed_makes_room_below_the_maximum() {
    let disk = SimulatedDisk::new();
    let registry = try_open(&disk, &RegistryOptions { items_max: 2, engines_max: 1, ..small() }).unwrap();
    let account = one_engine(&registry);
    let put = |doc_id: &str| registry.put_items(vec![item(1, "product", doc_id, "x")]).unwrap().remove(0);
    assert_eq!([put("a"), put("b")], [PutItem::Recorded, PutItem::Recorded]);
    assert!(matches!(put("c"), PutItem::Refused(RegistryError::TooMany { .. })));
    registry.remove_items(&place(1, "product"), &doc_ids(&["a"])).unwrap();
    assert_eq!(put("c"), PutItem::Recorded);
    assert!(matches!(put("d"), PutItem::Refused(_)));
    registry.delete_index(place(1, "product")).unwrap();
    assert_eq!([put("d"), put("e")], [PutItem::Recorded, PutItem::Recorded]);
    assert!(matches!(put("f"), PutItem::Refused(_)));
    registry.delete_engine(hashid(1)).unwrap();
    registry.create_engine(account, engine(2, &[])).unwrap();
    assert_eq!(registry.put_items(vec![item(2, "p", "a", "x")]).unwrap(), [PutItem::Recorded]);
}

#[test]
fn removed_items_outdate_the_journal() {
    let disk = SimulatedDisk::new();
    let options = RegistryOptions { outdated_bytes_max: 20_000, ..small() };
    let registry = try_open(&disk, &options).unwrap();
    one_engine(&registry);
    for round in 0..40 {
        let items = (0..50).map(|number| item(1, "product", &format!("sku{round}-{number}"), "x")).collect();
        registry.put_items(items).unwrap();
        registry.delete_index(place(1, "product")).unwrap();
    }
    registry.close();
    let reopened = try_open(&disk, &options).unwrap();
    assert_eq!(reopened.counts().items, 0);
    assert!(reopened.counts().disk_bytes < 100_000, "{}", reopened.counts().disk_bytes);
}

#[test]
fn many_threads_remove_and_put_while_the_journal_is_written_anew() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let registry = registry.clone();
            scope.spawn(move || {
                let index = format!("index{thread}");
                for round in 0..50 {
                    let doc_id = format!("sku{round}");
                    let put = registry.put_items(vec![item(1, &index, &doc_id, "x")]).unwrap();
                    assert_eq!(put, [PutItem::Recorded]);
                    if round % 10 == 9 {
                        registry.delete_index(place(1, &index)).unwrap();
                    } else if round % 3 == 0 {
                        let removed = registry.remove_items(&place(1, &index), &doc_ids(&[&doc_id])).unwrap();
                        assert_eq!(removed, [RemoveItem::Removed]);
                    }
                }
                registry.put_items(vec![item(1, &index, "last", "x")]).unwrap();
            });
        }
        for _ in 0..5 {
            registry.renew().unwrap();
        }
    });
    let look = |registry: &Registry| {
        assert_eq!(registry.counts().items, 4);
        assert_eq!(registry.places_of("last").len(), 4);
    };
    look(&registry);
    registry.close();
    look(&open(&disk));
}
