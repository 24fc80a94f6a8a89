//! Items: who holds which, titles and links from disk, limits line by line, and a journal that doesn't grow for ever.

use std::time::{Duration, Instant};

use crate::world::{engine, hashid, item, one_engine, open, small, try_open};
use clicks::{AccountCode, Dfid, EngineIndex, Item};
use journal::{Fault, Operation, SimulatedDisk};
use registry::{PutItem, Registry, RegistryError, RegistryOptions};

const RECORDED: PutItem = PutItem::Recorded;
const DUPLICATE: PutItem = PutItem::Duplicate;

fn title(registry: &Registry, item: &Item) -> Option<String> {
    registry.item(&item.dfid()).unwrap().and_then(|item| item.title).map(String::from)
}

#[test]
fn an_item_is_recorded_once_replaced_when_changed_and_read_back_after_a_restart() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    let shoes = item(1, "product", "sku1", "Red shoes");
    let bare = Item { title: None, link: None, ..item(1, "product", "sku2", "") };
    let both = vec![shoes.clone(), bare.clone(), shoes.clone()];
    assert_eq!(registry.put_items(both.clone()).unwrap(), [RECORDED, RECORDED, DUPLICATE]);
    assert_eq!(registry.put_items(both).unwrap(), [DUPLICATE, DUPLICATE, DUPLICATE]);
    let blue = item(1, "product", "sku1", "Blue shoes");
    assert_eq!(registry.put_items(vec![blue.clone(), blue.clone()]).unwrap(), [RECORDED, DUPLICATE]);
    for registry in [registry.clone(), {
        registry.close();
        open(&disk)
    }] {
        assert_eq!(registry.item(&shoes.dfid()).unwrap(), Some(blue.clone()));
        assert_eq!(registry.item(&bare.dfid()).unwrap(), Some(bare.clone()));
        assert_eq!(registry.counts().items, 2);
        let nowhere: Dfid = format!("{}@page@{}", hashid(1), "0".repeat(32)).parse().unwrap();
        assert_eq!(registry.item(&nowhere).unwrap(), None);
    }
    let again = open(&disk);
    assert_eq!(again.put_items(vec![blue]).unwrap(), [DUPLICATE], "known as identical across a restart");
}

#[test]
fn an_index_that_is_not_listed_is_added_and_stays() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    let outcomes = registry.put_items(vec![
        item(1, "page", "a", "A"),
        item(9, "product", "a", "A"),
        item(1, "product", "a", "A"),
    ]);
    assert_eq!(outcomes.unwrap(), [RECORDED, PutItem::Refused(RegistryError::NoEngine), RECORDED]);
    for registry in [registry.clone(), {
        registry.close();
        open(&disk)
    }] {
        let engine = registry.engine(hashid(1)).unwrap();
        assert_eq!(
            engine.indices.iter().map(|index| index.as_str()).collect::<Vec<_>>(),
            ["product", "page"]
        );
    }
}

#[test]
fn places_are_those_of_all_engines_or_of_one_account() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let account = one_engine(&registry);
    let other = registry.create_account("other").unwrap().code;
    registry.create_engine(other, engine(2, &["product"])).unwrap();
    registry
        .put_items(vec![item(2, "product", "a", "A"), item(1, "page", "a", "A"), item(1, "page", "b", "B")])
        .unwrap();
    let place = |engine, index: &str| EngineIndex { engine: hashid(engine), index: index.parse().unwrap() };
    assert_eq!(registry.places_of("a"), [place(2, "product"), place(1, "page")]);
    assert_eq!(registry.places_within(account, "a"), [place(1, "page")]);
    assert_eq!(registry.places_within(AccountCode::from_bytes([0; 8]), "a"), []);
    assert_eq!(registry.places_of("c"), []);
    assert!(registry.holds(&place(1, "page"), "b") && !registry.holds(&place(1, "product"), "b"));
}

#[test]
fn the_index_of_an_item_is_the_first_preferred_one_that_holds_it() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let account = registry.create_account("shop").unwrap().code;
    registry.create_engine(account, engine(1, &["a", "b", "c"])).unwrap();
    registry.put_items(vec![item(1, "c", "x", "X"), item(1, "b", "x", "X")]).unwrap();
    let of = |preferred: &[&str]| {
        let preferred: Vec<_> = preferred.iter().map(|index| index.parse().unwrap()).collect();
        registry.index_of(hashid(1), "x", &preferred).map(|index| index.to_string())
    };
    assert_eq!(of(&[]).as_deref(), Some("b"));
    assert_eq!(of(&["a"]).as_deref(), Some("b"));
    assert_eq!(of(&["a", "c", "b"]).as_deref(), Some("c"));
    assert_eq!(of(&["unknown"]).as_deref(), Some("b"));
    assert_eq!(registry.index_of(hashid(1), "y", &[]), None);
    assert_eq!(registry.index_of(hashid(2), "x", &[]), None);
}

#[test]
fn items_beyond_a_maximum_are_refused_one_by_one() {
    let disk = SimulatedDisk::new();
    let options = RegistryOptions { items_max: 2, ..small() };
    let registry = try_open(&disk, &options).unwrap();
    one_engine(&registry);
    let too_many = PutItem::Refused(RegistryError::TooMany { what: "items", max: 2 });
    let long = Item { title: Some("é".repeat(2_001).into()), ..item(1, "product", "b", "") };
    let outcomes = registry.put_items(vec![
        item(1, "product", "a", "A"),
        long.clone(),
        item(1, "product", "b", "B"),
        item(1, "page", "c", "C"),
        item(1, "product", "a", "changed"),
        item(1, "product", "b", "B"),
    ]);
    let outcomes = outcomes.unwrap();
    assert_eq!(outcomes[0], RECORDED);
    assert!(matches!(outcomes[1], PutItem::Refused(RegistryError::Invalid { .. })));
    assert_eq!(outcomes[2..], [RECORDED, too_many, RECORDED, DUPLICATE]);
    assert_eq!(registry.counts().items, 2);
    assert_eq!(registry.engine(hashid(1)).unwrap().indices.len(), 1, "a refused item adds no index");
    assert_eq!(title(&registry, &item(1, "product", "a", "")).as_deref(), Some("changed"));
}

#[test]
fn texts_that_fit_no_segment_are_refused_and_the_longest_that_fit_are_kept() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    let long = |link: usize| Item {
        title: Some("é".repeat(2_000).into()),
        link: Some("l".repeat(link).into()),
        ..item(1, "product", "a", "")
    };
    let refused = registry.put_items(vec![long(8_192)]).unwrap();
    assert!(matches!(refused[..], [PutItem::Refused(RegistryError::Invalid { .. })]));
    registry.close();
    disk.restart();
    let large = SimulatedDisk::new();
    let registry = try_open(&large, &RegistryOptions { segment_bytes: 128 << 10, ..small() }).unwrap();
    one_engine(&registry);
    assert_eq!(registry.put_items(vec![long(8_192)]).unwrap(), [RECORDED]);
    assert_eq!(registry.item(&long(1).dfid()).unwrap(), Some(long(8_192)));
    assert!(matches!(registry.put_items(vec![long(8_193)]).unwrap()[..], [PutItem::Refused(_)]));
}

#[test]
fn a_failed_write_keeps_nothing_and_a_failed_sync_stops_recording() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    disk.inject(Fault::next(Operation::Write, std::io::ErrorKind::StorageFull));
    let new_index = item(1, "page", "a", "A");
    assert!(matches!(registry.put_items(vec![new_index.clone()]), Err(RegistryError::NotWritten(_))));
    assert_eq!(registry.counts().items, 0);
    assert_eq!(registry.engine(hashid(1)).unwrap().indices.len(), 1);
    assert_eq!(registry.unable(), None);
    assert_eq!(registry.put_items(vec![new_index.clone()]).unwrap(), [RECORDED]);
    disk.inject(Fault::next(Operation::Sync, std::io::ErrorKind::Other));
    let late = item(1, "page", "b", "B");
    assert!(matches!(registry.put_items(vec![late.clone()]), Err(RegistryError::Stopped(_))));
    assert!(registry.unable().is_some());
    assert!(matches!(registry.put_items(vec![late]), Err(RegistryError::Stopped(_))));
    assert!(matches!(registry.renew(), Err(RegistryError::Stopped(_))));
    assert_eq!(title(&registry, &new_index).as_deref(), Some("A"));
}

#[test]
fn a_catalogue_that_is_fed_again_and_again_does_not_grow_the_journal_for_ever() {
    let disk = SimulatedDisk::new();
    let options = RegistryOptions { outdated_bytes_max: 64 << 10, ..small() };
    let registry = try_open(&disk, &options).unwrap();
    one_engine(&registry);
    let feed = |night: u32| -> Vec<Item> {
        (0..400).map(|sku| item(1, "product", &format!("sku{sku}"), &format!("{night} {sku}"))).collect()
    };
    for night in 0..50 {
        assert!(registry.put_items(feed(night)).unwrap().iter().all(|outcome| *outcome == RECORDED));
        // Readers never lose an item while the journal is written anew behind them.
        assert_eq!(title(&registry, &feed(0)[7]), Some(format!("{night} 7")));
    }
    // 50 feeds of about 20 KB each are a megabyte; in force is one, and outdated may be the limit and a feed more.
    let until = Instant::now() + Duration::from_secs(20);
    while registry.counts().disk_bytes > 200 << 10 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(registry.counts().disk_bytes <= 200 << 10, "{} bytes", registry.counts().disk_bytes);
    for known in feed(49) {
        assert_eq!(registry.item(&known.dfid()).unwrap(), Some(known));
    }
    registry.close();
    let registry = try_open(&disk, &options).unwrap();
    assert_eq!(registry.put_items(feed(49)).unwrap(), vec![DUPLICATE; 400]);
}

#[test]
fn an_outdated_journal_is_written_anew_at_opening() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    let feed = |night: u32| -> Vec<Item> {
        (0..100).map(|sku| item(1, "product", &format!("sku{sku}"), &format!("{night} {sku}"))).collect()
    };
    (0..20).for_each(|night| drop(registry.put_items(feed(night)).unwrap()));
    let before = registry.counts();
    registry.close();
    let eager = RegistryOptions { outdated_bytes_max: 1, ..small() };
    let registry = try_open(&disk, &eager).unwrap();
    assert!(registry.counts().disk_bytes < before.disk_bytes / 4);
    assert_eq!(registry.counts().items, before.items);
    for known in feed(19) {
        assert_eq!(registry.item(&known.dfid()).unwrap(), Some(known));
    }
    assert_eq!(registry.put_items(feed(19)).unwrap(), vec![DUPLICATE; 100]);
}

#[test]
fn a_renewal_without_room_leaves_the_old_journal_serving() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    let known = item(1, "product", "a", "A");
    registry.put_items(vec![known.clone()]).unwrap();
    disk.inject(Fault::next(Operation::Create, std::io::ErrorKind::StorageFull));
    assert!(matches!(registry.renew(), Err(RegistryError::NotWritten(_))));
    assert_eq!(registry.unable(), None);
    assert_eq!(registry.put_items(vec![item(1, "product", "b", "B")]).unwrap(), [RECORDED]);
    assert_eq!(registry.item(&known.dfid()).unwrap(), Some(known.clone()));
    registry.renew().unwrap();
    registry.renew().unwrap();
    assert_eq!(registry.put_items(vec![item(1, "product", "c", "C")]).unwrap(), [RECORDED]);
    registry.close();
    let registry = open(&disk);
    assert_eq!(registry.counts().items, 3);
    assert_eq!(registry.item(&known.dfid()).unwrap(), Some(known));
}

#[test]
fn many_threads_lose_nothing_while_the_journal_is_written_anew() {
    const THREADS: u32 = 4;
    const ROUNDS: u32 = 60;
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    one_engine(&registry);
    let name = |thread: u32, round: u32| format!("sku{thread}-{}", round % 20);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let registry = registry.clone();
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let put = item(1, "product", &name(thread, round), &format!("{round}"));
                    assert_eq!(registry.put_items(vec![put.clone()]).unwrap(), [RECORDED]);
                    // What was acknowledged is what the next question finds, whatever goes on behind it.
                    assert_eq!(registry.item(&put.dfid()).unwrap(), Some(put));
                }
            });
        }
        (0..10).for_each(|_| registry.renew().unwrap());
    });
    registry.close();
    let registry = open(&disk);
    assert_eq!(registry.counts().items, u64::from(THREADS * 20));
    for thread in 0..THREADS {
        for round in ROUNDS - 20..ROUNDS {
            let known = item(1, "product", &name(thread, round), &format!("{round}"));
            assert_eq!(registry.item(&known.dfid()).unwrap(), Some(known));
        }
    }
}
