//! Backups beside recording and renewing: what was kept before is in them, under one generation.

use std::sync::Arc;

use clicks::Item;
use journal::{Disk, SimulatedDisk};
use registry::{Registry, RegistryBackup};

use crate::world::{item, one_engine, open};

pub fn backup(registry: &Registry, target: &SimulatedDisk) {
    registry.backup(Arc::new(target.clone())).unwrap().complete().unwrap();
}

/// What is restored of a backup.
pub fn restored(target: &SimulatedDisk) -> Registry {
    let (source, fresh): (Arc<dyn Disk>, _) = (Arc::new(target.clone()), SimulatedDisk::new());
    RegistryBackup::of_folder(&source, Arc::new(fresh.clone())).unwrap().unwrap().complete().unwrap();
    open(&fresh)
}

fn numbered(number: u32) -> Item {
    item(1, "product", &format!("sku{number}"), "An item")
}

#[test]
fn a_backup_holds_what_was_kept_before_it_and_only_files_of_its_generation() {
    let (disk, target) = (SimulatedDisk::new(), SimulatedDisk::new());
    let registry = open(&disk);
    let account = one_engine(&registry);
    for round in 0..4 {
        registry.put_items((round * 50..round * 50 + 50).map(numbered).collect()).unwrap();
        backup(&registry, &target);
        let begun = registry.backup(Arc::new(target.clone())).unwrap();
        // Later than the backup's beginning: not in it.
        registry.put_items(vec![item(1, "product", "late", &format!("{round}"))]).unwrap();
        registry.renew().unwrap();
        begun.complete().unwrap();
        let there = restored(&target);
        assert_eq!(there.accounts(), registry.accounts());
        assert_eq!(there.engines(Some(account)), registry.engines(Some(account)));
        for number in 0..round * 50 + 50 {
            let item = numbered(number);
            assert_eq!(there.item(&item.dfid()).unwrap(), Some(item));
        }
        let late = there.item(&item(1, "product", "late", "").dfid()).unwrap().and_then(|item| item.title);
        let due = round.checked_sub(1).map(|before| before.to_string());
        assert_eq!(late.as_deref(), due.as_deref());
        let names = target.list().unwrap();
        let own = format!("generation-{:08}-", round + 1);
        let others: Vec<_> =
            names.iter().filter(|name| !name.starts_with(&own) && *name != "registry.head").collect();
        assert!(others.is_empty(), "{names:?}");
    }
}
