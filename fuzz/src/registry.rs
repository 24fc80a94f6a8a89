//! The registry: its head, and frames of its journal that say what the fuzzer wants. What opens is told alike by `check`
//! and by another start, and takes more; damage is named.

use std::sync::{Arc, LazyLock};

use clicks::{AccountCode, EngineIndex, Item};
use journal::{Disk, SimulatedDisk};
use registry::{
    Confines, EngineUpdate, MasterSecret, NewEngine, PasswordHash, Registry, RegistryBackup, RegistryCounts,
    RegistryOptions, Scopes, verify,
};

use crate::checks::{SEGMENT_HEADER_BYTES, fit_end, fit_frames, put, word_at};
use crate::input::{Damage, Input};
use crate::memory::bounded;

const SEGMENT_BYTES: u64 = 16 << 10;
const HEAD: &str = "registry.head";

/// The registry's secret.
#[must_use]
pub fn secret() -> MasterSecret {
    MasterSecret::from_hex(&"5e".repeat(32)).unwrap()
}

fn options() -> RegistryOptions {
    RegistryOptions { segment_bytes: SEGMENT_BYTES, items_max: 1_000, ..RegistryOptions::default() }
}

fn open(disk: &SimulatedDisk) -> Result<Registry, registry::OpenError> {
    Registry::open(Arc::new(disk.clone()), &secret(), options()).map(|opened| opened.0)
}

/// The files of a registry, as the product writes them.
static FILES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let disk = SimulatedDisk::new();
    let registry = open(&disk).unwrap();
    let shop = registry.create_account("shop").unwrap().code;
    let new = NewEngine {
        hashid: Some("11111111111111111111111111111111".parse().unwrap()),
        name: Some("Shop".to_owned()),
        indices: vec!["product".parse().unwrap()],
        sites: vec!["shop.example.com".to_owned()],
    };
    registry.create_engine(shop, new).unwrap();
    let key = registry.create_key(shop, Scopes::default(), 1_717_236_000_000).unwrap();
    registry.create_key(shop, "read".parse().unwrap(), 0).unwrap();
    let confines = Confines::new(
        &["11111111111111111111111111111111".parse().unwrap()],
        &["https://shop.example.com".to_owned()],
    )
    .unwrap();
    registry.create_page_key(shop, confines, 1).unwrap();
    registry.revoke_key(&key.info.id).unwrap();
    for name in ["Anna", "bert"] {
        let (hash, scopes) = (PasswordHash::nobodys(), "read".parse().unwrap());
        registry.create_user(shop, name, hash, scopes, 2).unwrap();
    }
    registry.set_password(shop, "anna", PasswordHash::nobodys()).unwrap();
    registry.delete_user(shop, "bert").unwrap();
    changes_and_goes(&registry);
    registry.put_items((0..20).map(item).collect()).unwrap();
    registry.close();
    let files = disk.list().unwrap().into_iter().map(|name| {
        let bytes = disk.bytes(&name).unwrap();
        (name, bytes)
    });
    files.filter(|(name, _)| !name.ends_with(".tmp")).collect()
});

/// One of each record of what changes and goes, with nothing left of it but another site.
fn changes_and_goes(registry: &Registry) {
    let shop = registry.engines(None).remove(0);
    let sites = Some(vec!["www.example.com".to_owned(), "shop.example.com".to_owned()]);
    registry.update_engine(shop.hashid, EngineUpdate { name: Some("The shop".to_owned()), sites }).unwrap();
    let gone = registry.create_engine(shop.account, NewEngine::default()).unwrap();
    registry.delete_engine(gone.hashid).unwrap();
    let faq = EngineIndex { engine: shop.hashid, index: "faq".parse().unwrap() };
    registry.create_index(faq.clone()).unwrap();
    let mut items: Vec<Item> = (0..3).map(item).collect();
    items.iter_mut().for_each(|item| item.place = faq.clone());
    registry.put_items(items.clone()).unwrap();
    registry.remove_items(&faq, &[items[0].doc_id.clone(), items[1].doc_id.clone()]).unwrap();
    registry.delete_index(faq).unwrap();
}

fn item(number: usize) -> Item {
    let index = if number.is_multiple_of(3) { "page" } else { "product" };
    Item {
        place: EngineIndex {
            engine: "11111111111111111111111111111111".parse().unwrap(),
            index: index.parse().unwrap(),
        },
        doc_id: format!("sku{number}").parse().unwrap(),
        title: number.is_multiple_of(2).then(|| "Red shoes".into()),
        link: number.is_multiple_of(5).then(|| "https://shop.example.com/1".into()),
    }
}

/// Opens a registry that was damaged, or that the fuzzer wrote.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.byte() % 3 {
        0 => damaged(&mut input),
        1 => forged_head(input),
        _ => forged_records(&mut input),
    }
}

fn disk_of(files: &[(String, Vec<u8>)]) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    files.iter().for_each(|(name, bytes)| disk.put(name, bytes));
    disk
}

fn damaged(input: &mut Input<'_>) {
    let mut files = FILES.clone();
    let number = usize::from(input.byte()) % files.len();
    let name = files[number].0.clone();
    let Some(damage) = Damage::of(input, files[number].1.len()) else { return };
    match damage.changed(&files[number].1) {
        Some(bytes) => files[number].1 = bytes,
        None => drop(files.remove(number)),
    }
    let disk = disk_of(&files);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let listed = verify(&shared).map_or(true, |verified| verified.is_none_or(|verified| verified.damaged()));
    match open(&disk) {
        // The secret's check is guarded by the head's: a damaged one never looks like another secret.
        Err(error) => {
            assert!(listed, "{damage:?} of {name}: {error}");
            // A generation's files are named by what they have in common, and the file without it.
            let file = name.split_once("journal-").map_or(HEAD, |(_, rest)| rest);
            let text = error.to_string();
            assert!(text.contains(file) || text.contains('*'), "{damage:?} of {name}: {error}");
        }
        Ok(registry) => {
            // All that a registry may lose is an unfinished write: the last one.
            assert!(name != HEAD && !listed, "{damage:?} of {name} went unnoticed");
            let RegistryCounts { accounts, engines, keys, users, .. } = registry.counts();
            assert_eq!((accounts, engines, keys, users), (1, 1, 2, 1), "{damage:?} of {name}");
        }
    }
}

fn forged_head(input: Input<'_>) {
    let mut files = FILES.clone();
    for (_, head) in files.iter_mut().filter(|(name, _)| name == HEAD) {
        let mut rest = input;
        let flags = rest.byte();
        if flags & 1 == 0 {
            rest.edit(head);
        } else {
            *head = rest.rest().to_vec();
        }
        if flags & 2 == 0 {
            fit_end(head);
        }
    }
    let disk = disk_of(&files);
    bounded(4 * SEGMENT_BYTES as usize, || open_everyway(&disk));
}

/// The product's own frames, or none, and then the fuzzer's.
fn forged_records(input: &mut Input<'_>) {
    let mut files = FILES.clone();
    let after_ours = input.byte() & 1 == 0;
    let Some((_, segment)) = files.iter_mut().find(|(name, _)| name.ends_with(".log")) else { return };
    let mut at = SEGMENT_HEADER_BYTES;
    if after_ours {
        while word_at(segment, at) > 0 {
            at += 24 + (word_at(segment, at) as usize).next_multiple_of(8);
        }
    } else {
        segment[at..].fill(0);
    }
    for payload in input.pieces().filter(|payload| !payload.is_empty()) {
        let frame_bytes = 24 + payload.len().next_multiple_of(8);
        if at + frame_bytes > segment.len() {
            break;
        }
        put(segment, at, &u32::try_from(payload.len()).unwrap().to_le_bytes());
        put(segment, at + 24, payload);
        at += frame_bytes;
    }
    fit_frames(segment);
    let disk = disk_of(&files);
    bounded(4 * SEGMENT_BYTES as usize, || open_everyway(&disk));
}

/// All that callers see, but for its size.
fn seen(registry: &Registry) -> (RegistryCounts, Vec<String>) {
    let mut told: Vec<String> = registry.accounts().iter().map(|account| format!("{account:?}")).collect();
    told.extend(registry.engines(None).iter().map(|engine| format!("{engine:?}")));
    let mut keys: Vec<String> = registry.keys(None).iter().map(|key| format!("{key:?}")).collect();
    keys.sort_unstable();
    told.append(&mut keys);
    told.extend(registry.users(None).iter().map(|user| format!("{user:?}")));
    for number in 0..20 {
        let item = item(number);
        let doc_id = item.doc_id.as_str();
        told.push(format!("{:?} {:?}", registry.places_of(doc_id), registry.item(&item.dfid()).unwrap()));
    }
    let counts = RegistryCounts { memory_bytes: 0, disk_bytes: 0, ..registry.counts() };
    (counts, told)
}

fn open_everyway(disk: &SimulatedDisk) {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let verified = verify(&shared);
    let registry = match open(disk) {
        Err(_) => return,
        Ok(registry) => registry,
    };
    assert!(verified.unwrap().is_none_or(|verified| !verified.damaged()));
    let before = seen(&registry);
    let target = SimulatedDisk::new();
    let backup = registry.backup(Arc::new(target.clone())).and_then(RegistryBackup::complete);
    backup.expect("what opens can be copied");
    registry.close();
    assert_eq!(seen(&open(&target).expect("a copy opens")), before);
    let again = open(disk).expect("what was opened opens again");
    assert_eq!(seen(&again), before);
    if again.account(AccountCode::from_bytes([0; 8])).is_none() && again.create_account("one more").is_ok() {
        again.close();
        let more = open(disk).expect("what was opened opens again");
        assert_eq!(more.counts().accounts, before.0.accounts + 1);
    }
}

/// Damage to each file, the head, and the frames that the product wrote.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, (name, bytes)) in (0_u8..).zip(&*FILES) {
        for damage in [&[0][..], &[1, 20, 0], &[2, 9, 0, 0, 1], &[2, 4, 16, 0, 1]] {
            seeds.push([&[0, number], damage].concat());
        }
        if name == HEAD {
            seeds.push([&[1, 1], bytes.as_slice()].concat());
            continue;
        }
        let (mut at, mut all) = (SEGMENT_HEADER_BYTES, vec![2, 1]);
        while word_at(bytes, at) > 0 {
            let length = word_at(bytes, at) as usize;
            let payload = &bytes[at + 24..at + 24 + length];
            all.extend_from_slice(&u16::try_from(length).unwrap().to_le_bytes());
            all.extend_from_slice(payload);
            seeds.push([&[2, 0], &u16::try_from(length).unwrap().to_le_bytes()[..], payload].concat());
            at += 24 + length.next_multiple_of(8);
        }
        seeds.push(all);
    }
    seeds
}
