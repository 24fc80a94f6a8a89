//! The format on disk: a registry written by an earlier version stays readable, and `verify` finds what is wrong with
//! one without touching it.

use std::sync::Arc;

use crate::world::{all_bytes, engine, hashid, item, one_engine, open, secret, small, try_open};
use journal::{Disk, SimulatedDisk};
use registry::{OpenError, PutItem, Registry, RegistryOptions, Scopes, verify};

const HEAD: &str = "registry.head";
const JOURNAL: &str = "generation-00000001-journal-0000000000000001.log";

/// The key of the sample, which its registry holds encrypted under the secret of these tests.
const SAMPLE_KEY: &str = include_str!("fixtures/version-1/key.txt");

fn tiny() -> RegistryOptions {
    RegistryOptions { segment_bytes: 8 << 10, ..small() }
}

#[test]
fn a_registry_of_version_1_stays_readable() {
    let disk = SimulatedDisk::new();
    disk.put(HEAD, include_bytes!("fixtures/version-1/registry.head"));
    disk.put(JOURNAL, include_bytes!("fixtures/version-1/generation-00000001-journal-0000000000000001.log"));
    let registry = try_open(&disk, &tiny()).unwrap();
    let account = registry.account_named("Müller & Söhne").unwrap();
    let key = registry.key_of(SAMPLE_KEY.trim()).unwrap();
    assert_eq!(
        (key.account, key.created_ms, key.scopes),
        (account.code, 1_700_000_000_000, Scopes::default())
    );
    assert_eq!(registry.keys(None), [key]);
    let engine = registry.site("search.example.com").unwrap();
    assert_eq!((engine.hashid, &*engine.name), (hashid(1), "Main"));
    assert_eq!(engine.indices.iter().map(|index| index.as_str()).collect::<Vec<_>>(), ["product", "page"]);
    for known in [item(1, "product", "sku1", "Blue shoes"), item(1, "page", "sku1", "A page")] {
        assert_eq!(registry.item(&known.dfid()).unwrap(), Some(known));
    }
    assert_eq!(registry.counts().items, 2);
}

/// Run by hand, and only for a new version: the old samples stay.
#[test]
#[ignore = "writes the sample of the current version into the sources"]
fn write_the_sample() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/fixtures/version-1");
    let disk = journal::FolderDisk::open(folder).unwrap();
    let (registry, _) = Registry::open(Arc::new(disk.clone()), &secret(), tiny()).unwrap();
    let account = registry.create_account("Müller & Söhne").unwrap().code;
    let key = registry.create_key(account, Scopes::default(), 1_700_000_000_000).unwrap();
    let gone = registry.create_key(account, Scopes::CLICK, 1_700_000_000_001).unwrap();
    registry.revoke_key(&gone.info.id).unwrap();
    let mut new = engine(1, &["product"]);
    (new.name, new.sites) = (Some("Main".to_owned()), vec!["search.example.com".to_owned()]);
    registry.create_engine(account, new).unwrap();
    for (index, title) in [("product", "Red shoes"), ("page", "A page"), ("product", "Blue shoes")] {
        assert_eq!(registry.put_items(vec![item(1, index, "sku1", title)]).unwrap(), [PutItem::Recorded]);
    }
    registry.close();
    disk.write_small("key.txt", key.key.as_bytes()).unwrap();
}

#[test]
fn verifying_a_whole_registry_finds_nothing_and_changes_nothing() {
    let disk = SimulatedDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    assert_eq!(verify(&shared).unwrap(), None);
    let registry = open(&disk);
    one_engine(&registry);
    registry.put_items((0..100).map(|sku| item(1, "product", &format!("sku{sku}"), "x")).collect()).unwrap();
    registry.close();
    let before = all_bytes(&disk);
    let verified = verify(&shared).unwrap().unwrap();
    assert!(!verified.damaged());
    assert_eq!(
        verified.records,
        2 + 100 + verified.journal.frames - 2,
        "each frame of items names its place once"
    );
    assert_eq!(all_bytes(&disk), before);
}

#[test]
fn every_damaged_byte_of_the_records_is_found_or_refused_and_never_read_as_something_else() {
    let disk = SimulatedDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let registry = open(&disk);
    one_engine(&registry);
    let kept = item(1, "product", "a", "A");
    registry.put_items(vec![kept.clone()]).unwrap();
    registry.put_items(vec![item(1, "product", "b", "B")]).unwrap();
    registry.close();
    let whole = disk.bytes(JOURNAL).unwrap();
    let from = journal::SEGMENT_HEADER_BYTES;
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap();
    // The last batch may be torn without being damage, so only what was synced before it is changed.
    let last =
        whole.windows(1).enumerate().rev().find(|(at, _)| whole[*at..].starts_with(b"\x01a\x01A")).unwrap().0;
    for place in from..last {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x20;
        disk.put(JOURNAL, &bytes);
        let verified = verify(&shared).unwrap().unwrap();
        assert!(verified.damaged(), "byte {place} of {end}");
        assert!(matches!(try_open(&disk, &small()), Err(OpenError::Journal { .. })), "byte {place}");
        assert_eq!(disk.bytes(JOURNAL).unwrap(), bytes, "a damaged journal is left as it is");
    }
}

#[test]
fn a_newer_record_and_one_that_cannot_be_true_are_refused_by_name() {
    let payloads: [&[u8]; 3] = [&[9, 1, 2, 3], &[1, 3, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 200]];
    for (number, payload) in payloads.into_iter().enumerate() {
        let disk = SimulatedDisk::new();
        open(&disk).close();
        // A journal of the same format with a frame that no registry wrote, under the registry's name.
        let other = SimulatedDisk::new();
        let options = journal::Options { segment_bytes: 16 << 10, salt: Some(1), begin: 0 };
        let (mut journal, _) =
            journal::Journal::open(Arc::new(other.clone()), options, &mut |_, _| Ok(())).unwrap();
        journal.append(&[payload]).unwrap();
        drop(journal);
        disk.put(JOURNAL, &other.bytes("journal-0000000000000001.log").unwrap());
        let error = try_open(&disk, &small()).map(|_| ()).unwrap_err();
        match number {
            0 => assert!(matches!(error, OpenError::Newer { found: 9, known: 1, .. }), "{error}"),
            _ => assert!(matches!(error, OpenError::Contradiction { position: 0, .. }), "{error}"),
        }
        assert!(error.to_string().contains("generation-00000001-"), "{error}");
        let shared: Arc<dyn Disk> = Arc::new(disk);
        assert_eq!(verify(&shared).unwrap().unwrap().damaged(), number != 1, "a lone record can't tell");
    }
}
