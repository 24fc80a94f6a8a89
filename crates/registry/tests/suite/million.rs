//! A million items: bounded memory, and fast enough that feeding a catalogue is no event.

use std::sync::Arc;
use std::time::Instant;

use crate::world::{hashid, one_engine, secret};
use clicks::{EngineIndex, Item};
use journal::FolderDisk;
use registry::{PutItem, Registry, RegistryOptions};

const ITEMS: u32 = 1_000_000;
const BATCH: u32 = 10_000;
const MEMORY_BYTES_MAX: u64 = 100_000_000;

fn feed(batch: u32, place: &EngineIndex) -> Vec<Item> {
    let items = batch * BATCH..(batch + 1) * BATCH;
    items
        .map(|number| Item {
            place: place.clone(),
            doc_id: format!("sku{number}").parse().unwrap(),
            title: Some(format!("A pair of shoes number {number}").into()),
            link: Some(format!("https://shop.example.com/shoes/{number}").into()),
        })
        .collect()
}

fn put_all(registry: &Registry, expected: PutItem) -> f64 {
    let place = EngineIndex { engine: hashid(1), index: "product".parse().unwrap() };
    let mut seconds = 0.0;
    for batch in 0..ITEMS / BATCH {
        let items = feed(batch, &place);
        let begun = Instant::now();
        let outcomes = registry.put_items(items).unwrap();
        seconds += begun.elapsed().as_secs_f64();
        assert!(outcomes.iter().all(|outcome| *outcome == expected), "batch {batch}");
    }
    seconds
}

#[test]
fn a_million_items_fit_into_100_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FolderDisk::open(folder.path().join("registry")).unwrap());
    let (registry, _) = Registry::open(disk.clone(), &secret(), RegistryOptions::default()).unwrap();
    one_engine(&registry);
    let fresh = put_all(&registry, PutItem::Recorded);
    let again = put_all(&registry, PutItem::Duplicate);
    let counts = registry.counts();
    assert_eq!(counts.items, ITEMS.into());
    assert!(counts.memory_bytes < MEMORY_BYTES_MAX, "{counts:?}");
    registry.close();
    let begun = Instant::now();
    let (registry, _) = Registry::open(disk, &secret(), RegistryOptions::default()).unwrap();
    let opening = begun.elapsed().as_secs_f64();
    assert_eq!(registry.counts().items, ITEMS.into());
    let place = EngineIndex { engine: hashid(1), index: "product".parse().unwrap() };
    let begun = Instant::now();
    let sample: Vec<Item> = (0..ITEMS / BATCH).map(|batch| feed(batch, &place).swap_remove(77)).collect();
    let made = begun.elapsed();
    for item in &sample {
        assert_eq!(registry.item(&item.dfid()).unwrap().as_ref(), Some(item));
    }
    let read = (begun.elapsed() - made).as_secs_f64() / f64::from(ITEMS / BATCH);
    println!(
        "fed in {fresh:.2} s, the same again in {again:.2} s, opened in {opening:.2} s, one read in {:.0} µs, {counts:?}",
        read * 1e6
    );
}
