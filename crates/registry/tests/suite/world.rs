//! What the tests of the registry share: a simulated disk with a registry on it, and names by number.

use std::sync::Arc;

use clicks::{AccountCode, EngineIndex, Hashid, Item};
use journal::{Disk, SimulatedDisk};
use registry::{MasterSecret, NewEngine, OpenError, Registry, RegistryOptions};

pub fn secret() -> MasterSecret {
    MasterSecret::from_hex(&"5c".repeat(32)).unwrap()
}

/// Small segments, so that tests turn them over.
pub fn small() -> RegistryOptions {
    RegistryOptions { segment_bytes: 16 << 10, outdated_bytes_max: u64::MAX, ..RegistryOptions::default() }
}

pub fn try_open(disk: &SimulatedDisk, options: &RegistryOptions) -> Result<Registry, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Registry::open(disk, &secret(), options.clone()).map(|(registry, _)| registry)
}

pub fn open(disk: &SimulatedDisk) -> Registry {
    try_open(disk, &small()).unwrap()
}

pub fn hashid(number: u8) -> Hashid {
    Hashid::from_bytes([number; 16])
}

pub fn engine(number: u8, indices: &[&str]) -> NewEngine {
    NewEngine {
        hashid: Some(hashid(number)),
        indices: indices.iter().map(|index| index.parse().unwrap()).collect(),
        ..NewEngine::default()
    }
}

pub fn item(engine: u8, index: &str, doc_id: &str, title: &str) -> Item {
    Item {
        place: EngineIndex { engine: hashid(engine), index: index.parse().unwrap() },
        doc_id: doc_id.parse().unwrap(),
        title: Some(title.into()),
        link: Some(format!("https://example.com/{doc_id}").into()),
    }
}

/// An account with one engine, number 1, with the index `product`.
pub fn one_engine(registry: &Registry) -> AccountCode {
    let account = registry.create_account("shop").unwrap().code;
    registry.create_engine(account, engine(1, &["product"])).unwrap();
    account
}

/// Every byte of every file.
pub fn all_bytes(disk: &SimulatedDisk) -> Vec<u8> {
    disk.list().unwrap().iter().flat_map(|name| disk.bytes(name).unwrap()).collect()
}
