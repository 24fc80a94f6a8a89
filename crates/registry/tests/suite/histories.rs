//! Random histories against a plain model, with reopening, renewal and crashes as ordinary operations: what was
//! acknowledged is there, what was not sent is not, and what was under way is there as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;
use crate::world::{engine, hashid, item, open, small, try_open};
use journal::SimulatedDisk;
use registry::{KeyId, PutItem, Registry, RegistryError, Scopes};

const SEEDS: u64 = 2_000;
const NAMES: [&str; 3] = ["north", "south", "east"];
const ENGINES: u8 = 3;
const INDICES: [&str; 3] = ["product", "page", "faq"];
const DOCS: [&str; 5] = ["a", "b", "c", "d", "e"];

type ItemName = (u8, &'static str, &'static str);

/// What the registry should hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    accounts: BTreeSet<&'static str>,
    keys: BTreeSet<KeyId>,
    engines: BTreeMap<u8, Vec<&'static str>>,
    items: BTreeMap<ItemName, String>,
}

impl Model {
    fn put(&mut self, (number, index, doc_id): ItemName, title: &str) -> PutItem {
        let Some(indices) = self.engines.get_mut(&number) else {
            return PutItem::Refused(RegistryError::NoEngine);
        };
        if !indices.contains(&index) {
            indices.push(index);
        }
        match self.items.insert((number, index, doc_id), title.to_owned()) {
            Some(before) if before == title => PutItem::Duplicate,
            _ => PutItem::Recorded,
        }
    }

    fn of(registry: &Registry) -> Self {
        let word = |words: &[&'static str], text: &str| *words.iter().find(|word| **word == text).unwrap();
        let mut model = Self {
            accounts: registry.accounts().iter().map(|account| word(&NAMES, &account.name)).collect(),
            keys: registry.keys(None).iter().map(|key| key.id).collect(),
            ..Self::default()
        };
        for number in 0..ENGINES {
            let Some(engine) = registry.engine(hashid(number)) else { continue };
            let indices = engine.indices.iter().map(|index| word(&INDICES, index.as_str())).collect();
            model.engines.insert(number, indices);
            for index in INDICES {
                for doc_id in DOCS {
                    if let Some(item) = registry.item(&item(number, index, doc_id, "").dfid()).unwrap() {
                        model.items.insert((number, index, doc_id), item.title.unwrap().into());
                    }
                }
            }
        }
        assert_eq!(registry.counts().items, model.items.len() as u64);
        model
    }
}

/// A registry beside its model. `maybe` is the model as it would be if what failed last had been kept all the same.
struct World {
    disk: SimulatedDisk,
    registry: Registry,
    model: Model,
    maybe: Option<Model>,
    new_key_maybe: bool,
    seed: u64,
}

impl World {
    /// Records the outcome of a call: `true` when it was acknowledged.
    fn settle<T>(
        &mut self,
        outcome: Result<T, RegistryError>,
        after: Model,
    ) -> Option<Result<T, RegistryError>> {
        match outcome {
            Err(RegistryError::NotWritten(_) | RegistryError::Stopped(_)) => {
                self.maybe.get_or_insert(after);
                None
            }
            Ok(_) => {
                // Once the disk is dead, only what changes nothing can be acknowledged.
                let dead = self.maybe.is_some();
                assert!(!dead || after == self.model, "seed {}: acknowledged by a dead disk", self.seed);
                self.model = after;
                Some(outcome)
            }
            refused => Some(refused),
        }
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(20) {
            0..=2 => self.create_account(NAMES[random.below(NAMES.len())]),
            3..=5 => self.create_key(),
            6 => self.revoke_key(random),
            7..=9 => self.create_engine(random),
            10..=16 => self.put_items(random),
            17 => {
                let same = self.model.clone();
                let renewed = self.registry.renew();
                self.settle(renewed, same);
            }
            18 => self.reopen(),
            _ => self.crash(random),
        }
    }

    fn create_account(&mut self, name: &'static str) {
        let mut after = self.model.clone();
        let is_new = after.accounts.insert(name);
        let outcome = self.registry.create_account(name);
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), is_new, "seed {}", self.seed);
        }
    }

    fn create_key(&mut self) {
        let Some(account) = self.registry.accounts().first().cloned() else { return };
        let outcome = self.registry.create_key(account.code, Scopes::default(), 7);
        let mut after = self.model.clone();
        if let Ok(new) = &outcome {
            after.keys.insert(new.info.id);
            assert_eq!(self.registry.key_of(&new.key).as_ref(), Some(&new.info));
        } else if self.maybe.is_none() {
            self.new_key_maybe = true;
        }
        self.settle(outcome, after);
    }

    fn revoke_key(&mut self, random: &mut Random) {
        let Some(id) = self.model.keys.iter().nth(random.below(self.model.keys.len())).copied() else {
            return;
        };
        let mut after = self.model.clone();
        after.keys.remove(&id);
        let outcome = self.registry.revoke_key(&id);
        self.settle(outcome, after);
    }

    fn create_engine(&mut self, random: &mut Random) {
        let Some(account) = self.registry.accounts().first().cloned() else { return };
        let number = u8::try_from(random.below(ENGINES.into())).unwrap();
        let indices = &INDICES[..random.below(3)];
        let mut after = self.model.clone();
        let is_new = !after.engines.contains_key(&number);
        if is_new {
            after.engines.insert(number, indices.to_vec());
        }
        let outcome = self.registry.create_engine(account.code, engine(number, indices));
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), is_new, "seed {}", self.seed);
        }
    }

    fn put_items(&mut self, random: &mut Random) {
        let mut after = self.model.clone();
        let (mut items, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..=random.below(5) {
            let number = u8::try_from(random.below(ENGINES.into())).unwrap();
            let (index, doc_id) = (INDICES[random.below(3)], DOCS[random.below(5)]);
            let title = format!("title {}", random.below(3));
            items.push(item(number, index, doc_id, &title));
            expected.push(after.put((number, index, doc_id), &title));
        }
        let outcome = self.registry.put_items(items);
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.unwrap(), expected, "seed {}", self.seed);
        }
    }

    /// Ends the process and begins it again; the disk may be dead already, and then comes back without a crash.
    fn reopen(&mut self) {
        self.registry.close();
        self.disk.restart();
        self.registry = open(&self.disk);
        self.check();
    }

    /// Lets the disk die soon, goes on for a while, loses power; perhaps dies again while opening.
    fn crash(&mut self, random: &mut Random) {
        self.disk.stop_after(random.next() % 12);
        for _ in 0..random.below(5) {
            match random.below(4) {
                0 => self.create_engine(random),
                1 => self.create_key(),
                2 => self.put_items(random),
                _ => {
                    let same = self.model.clone();
                    let renewed = self.registry.renew();
                    self.settle(renewed, same);
                }
            }
        }
        self.registry.close();
        self.disk.crash(random.next());
        if random.below(2) == 0 {
            self.disk.stop_after(random.next() % 6);
            if let Ok(registry) = try_open(&self.disk, &small()) {
                registry.close();
            }
            self.disk.crash(random.next());
        }
        self.registry = open(&self.disk);
        self.check();
    }

    fn check(&mut self) {
        let mut found = Model::of(&self.registry);
        if self.new_key_maybe {
            // A key whose creation was not acknowledged is known to nobody; it may be listed, and is done away with.
            let unknown: Vec<_> = found.keys.difference(&self.model.keys).copied().collect();
            assert!(unknown.len() <= 1, "seed {}", self.seed);
            for id in unknown {
                self.registry.revoke_key(&id).unwrap();
                found.keys.remove(&id);
            }
        }
        let expected =
            self.maybe.take().filter(|maybe| found == *maybe).unwrap_or_else(|| self.model.clone());
        assert_eq!(found, expected, "seed {}", self.seed);
        (self.model, self.new_key_maybe) = (found, false);
    }
}

#[test]
fn random_histories_agree_with_a_plain_model() {
    for seed in 0..SEEDS {
        let disk = SimulatedDisk::new();
        let mut world = World {
            registry: open(&disk),
            disk,
            model: Model::default(),
            maybe: None,
            new_key_maybe: false,
            seed,
        };
        let mut random = Random::new(seed);
        world.create_account(NAMES[0]);
        for _ in 0..20 {
            world.step(&mut random);
        }
        world.reopen();
    }
}

/// A fixed history whose every operation is, once, the last that the disk does.
#[test]
fn a_crash_at_every_operation_leaves_what_was_acknowledged() {
    let history = |disk: &SimulatedDisk| -> Vec<&'static str> {
        let mut acknowledged = Vec::new();
        let mut note = |step, done: bool| acknowledged.extend(done.then_some(step));
        let Ok(registry) = try_open(disk, &small()) else { return acknowledged };
        let Ok(account) = registry.create_account("north") else { return acknowledged };
        note("account", true);
        note("engine", registry.create_engine(account.code, engine(1, &[])).is_ok());
        let put = |doc_id, title| {
            let outcome = registry.put_items(vec![item(1, "page", doc_id, title)]);
            outcome.is_ok_and(|outcome| outcome == [PutItem::Recorded])
        };
        note("old item", put("a", "old"));
        note("new item", put("a", "new"));
        let key = registry.create_key(account.code, Scopes::default(), 1);
        note("revoked", key.is_ok_and(|key| registry.revoke_key(&key.info.id).is_ok()));
        note("renewed", registry.renew().is_ok());
        note("late item", put("b", "late"));
        registry.close();
        acknowledged
    };
    let whole = SimulatedDisk::new();
    assert_eq!(history(&whole).len(), 7);
    let operations = whole.operations();
    assert!(operations > 20, "{operations}");
    for stop in 0..operations {
        for seed in 0..8 {
            let disk = SimulatedDisk::new();
            disk.stop_after(stop);
            let acknowledged = history(&disk);
            disk.crash(seed);
            let registry = open(&disk);
            let has = |step: &str| acknowledged.contains(&step);
            let title = |doc_id: &str| {
                let found = registry.item(&item(1, "page", doc_id, "").dfid()).unwrap();
                found.and_then(|item| item.title).map(String::from)
            };
            let place =
                format!("stopped after {stop} operations, seed {seed}, acknowledged {acknowledged:?}");
            assert!(registry.account_named("north").is_some() || !has("account"), "{place}");
            assert!(registry.engine(hashid(1)).is_some() || !has("engine"), "{place}");
            assert!(title("a").is_some() || !has("old item"), "{place}");
            assert!(title("a").as_deref() == Some("new") || !has("new item"), "{place}");
            assert!(registry.keys(None).is_empty() || !has("revoked"), "{place}");
            assert!(title("b").is_some() || !has("late item"), "{place}");
            registry.close();
        }
    }
}
