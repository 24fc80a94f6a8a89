//! Random histories against a plain model, with reopening, renewal and crashes as ordinary operations: what was
//! acknowledged is there, what was not sent is not, and what was under way is there as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::random::Random;
use crate::world::{engine, hashid, item, open, small, try_open};
use clicks::{EngineIndex, ItemDigest};
use journal::SimulatedDisk;
use registry::{EngineUpdate, KeyId, PasswordHash, PutItem, Registry, RegistryError, RemoveItem, Scopes};

const SEEDS: u64 = 2_000;
const NAMES: [&str; 3] = ["north", "south", "east"];
const ENGINES: u8 = 3;
const INDICES: [&str; 3] = ["product", "page", "faq"];
const DOCS: [&str; 5] = ["a", "b", "c", "d", "e"];

const TITLES: [&str; 3] = ["one", "two", "three"];

const USERS: [&str; 3] = ["Anna", "bert", "Carl"];
/// Two that can be told apart; hashing takes too long to do it for each.
static PASSWORDS: LazyLock<[PasswordHash; 2]> =
    LazyLock::new(|| ["correct horse", "battery staple"].map(|password| PasswordHash::of(password).unwrap()));

type ItemName = (u8, &'static str, &'static str);

fn place(number: u8, index: &str) -> EngineIndex {
    EngineIndex { engine: hashid(number), index: index.parse().unwrap() }
}

fn word(words: &[&'static str], text: &str) -> &'static str {
    words.iter().find(|word| **word == text).unwrap()
}

/// What the registry should hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    accounts: BTreeSet<&'static str>,
    keys: BTreeSet<KeyId>,
    engines: BTreeMap<u8, Vec<&'static str>>,
    names: BTreeMap<u8, &'static str>,
    /// Engines that were removed, with the accounts that had them.
    retired: BTreeMap<u8, &'static str>,
    owners: BTreeMap<u8, &'static str>,
    items: BTreeMap<ItemName, String>,
    /// The users of the first account, each with the number of its password.
    users: BTreeMap<&'static str, usize>,
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

    fn remove_index(&mut self, number: u8, index: &str) -> bool {
        let Some(indices) = self.engines.get_mut(&number) else { return false };
        let before = indices.len();
        indices.retain(|known| *known != index);
        let removed = indices.len() < before;
        self.items.retain(|(engine, of, _), _| (*engine, *of) != (number, index));
        removed
    }

    fn remove_engine(&mut self, number: u8) -> bool {
        let removed = self.engines.remove(&number).is_some();
        self.names.remove(&number);
        if let Some(owner) = self.owners.remove(&number) {
            self.retired.insert(number, owner);
        }
        self.items.retain(|(engine, ..), _| *engine != number);
        removed
    }

    /// What can be seen of a registry. Who had an engine that is gone can't be; it is taken over from `known`.
    fn of(registry: &Registry, known: &Self) -> Self {
        let mut model = Self {
            accounts: registry.accounts().iter().map(|account| word(&NAMES, &account.name)).collect(),
            keys: registry.keys(None).iter().map(|key| key.id).collect(),
            ..Self::default()
        };
        for user in registry.users(None) {
            let (found, password) = registry.user_named(None, &user.name.to_uppercase()).unwrap();
            assert_eq!((&found, registry.user(user.stamp).as_ref()), (&user, Some(&user)));
            let number = PASSWORDS.iter().position(|known| *known == password).unwrap();
            model.users.insert(word(&USERS, &user.name), number);
        }
        for number in 0..ENGINES {
            let Some(engine) = registry.engine(hashid(number)) else { continue };
            let indices = engine.indices.iter().map(|index| word(&INDICES, index.as_str())).collect();
            model.engines.insert(number, indices);
            model.owners.insert(number, word(&NAMES, &registry.account(engine.account).unwrap().name));
            if let Some(name) = TITLES.iter().find(|name| **name == &*engine.name) {
                model.names.insert(number, name);
                assert_eq!(registry.site(name).map(|engine| engine.hashid), Some(hashid(number)));
            }
            for index in INDICES {
                let mut listed: Vec<ItemDigest> = Vec::new();
                loop {
                    let page = registry.items_after(&place(number, index), listed.last().copied(), 2);
                    if page.is_empty() {
                        break;
                    }
                    listed.extend(page);
                }
                let held = DOCS.iter().filter(|doc_id| registry.holds(&place(number, index), doc_id));
                let mut held: Vec<_> = held.map(|doc_id| ItemDigest::of(doc_id)).collect();
                held.sort_unstable();
                assert_eq!(listed, held);
                assert_eq!(registry.items_of(&place(number, index)), held.len() as u64);
                for doc_id in DOCS {
                    if let Some(item) = registry.item(&item(number, index, doc_id, "").dfid()).unwrap() {
                        model.items.insert((number, index, doc_id), item.title.unwrap().into());
                    }
                }
            }
        }
        assert_eq!(registry.counts().items, model.items.len() as u64);
        for doc_id in DOCS {
            let holders = model.items.keys().filter(|(.., held)| *held == doc_id).count();
            assert_eq!(registry.places_of(doc_id).len(), holders);
        }
        model.retired.clone_from(&known.retired);
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
        match random.below(30) {
            26..=27 => self.create_user(random),
            28 => self.set_password(random),
            29 => self.delete_user(random),
            20 => self.remove_engine(random),
            21 => self.remove_index(random),
            22 => self.create_index(random),
            23 => self.update_engine(random),
            24..=25 => self.remove_items(random),
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

    fn create_user(&mut self, random: &mut Random) {
        let (name, number) = (USERS[random.below(3)], random.below(2));
        let account = self.registry.account_named(NAMES[0]).unwrap().code;
        let mut after = self.model.clone();
        let is_new = !after.users.contains_key(name);
        after.users.entry(name).or_insert(number);
        let scopes = "read".parse().unwrap();
        let outcome = self.registry.create_user(account, name, PASSWORDS[number].clone(), scopes, 7);
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), is_new, "seed {}", self.seed);
        }
    }

    fn set_password(&mut self, random: &mut Random) {
        let (name, number) = (USERS[random.below(3)], random.below(2));
        let account = self.registry.account_named(NAMES[0]).unwrap().code;
        let before = self.registry.user_named(Some(account), name).map(|(user, _)| user.stamp);
        let mut after = self.model.clone();
        let was_there = after.users.get_mut(name).map(|known| *known = number).is_some();
        let outcome = self.registry.set_password(account, name, PASSWORDS[number].clone());
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), was_there, "seed {}", self.seed);
            let stands = before.is_some_and(|stamp| self.registry.user(stamp).is_some());
            assert!(!stands, "seed {}: the stamp of the password before is nobody's", self.seed);
        }
    }

    fn delete_user(&mut self, random: &mut Random) {
        let name = USERS[random.below(3)];
        let account = self.registry.account_named(NAMES[0]).unwrap().code;
        let mut after = self.model.clone();
        let was_there = after.users.remove(name).is_some();
        let outcome = self.registry.delete_user(account, name);
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), was_there, "seed {}", self.seed);
        }
    }

    fn create_engine(&mut self, random: &mut Random) {
        let accounts = self.registry.accounts();
        let Some(account) = accounts.get(random.below(accounts.len().max(1))) else { return };
        let (number, owner) = (Self::number(random), word(&NAMES, &account.name));
        let indices = &INDICES[..random.below(3)];
        let mut after = self.model.clone();
        let of_another = after.retired.get(&number).is_some_and(|before| *before != owner);
        let is_new = !after.engines.contains_key(&number) && !of_another;
        if is_new {
            after.engines.insert(number, indices.to_vec());
            after.owners.insert(number, owner);
            after.retired.remove(&number);
        }
        let outcome = self.registry.create_engine(account.code, engine(number, indices));
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), is_new, "seed {}", self.seed);
        }
    }

    fn number(random: &mut Random) -> u8 {
        u8::try_from(random.below(ENGINES.into())).unwrap()
    }

    fn remove_engine(&mut self, random: &mut Random) {
        let number = Self::number(random);
        let mut after = self.model.clone();
        let was_there = after.remove_engine(number);
        let outcome = self.registry.delete_engine(hashid(number));
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), was_there, "seed {}", self.seed);
        }
    }

    fn remove_index(&mut self, random: &mut Random) {
        let (number, index) = (Self::number(random), INDICES[random.below(3)]);
        let mut after = self.model.clone();
        let was_there = after.remove_index(number, index);
        let outcome = self.registry.delete_index(place(number, index));
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), was_there, "seed {}", self.seed);
        }
    }

    fn create_index(&mut self, random: &mut Random) {
        let (number, index) = (Self::number(random), INDICES[random.below(3)]);
        let mut after = self.model.clone();
        let indices = after.engines.get_mut(&number).filter(|indices| !indices.contains(&index));
        let is_new = indices.map(|indices| indices.push(index)).is_some();
        let outcome = self.registry.create_index(place(number, index));
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), is_new, "seed {}", self.seed);
        }
    }

    /// Gives an engine a name, and the site of that name.
    fn update_engine(&mut self, random: &mut Random) {
        let (number, name) = (Self::number(random), TITLES[random.below(3)]);
        let mut after = self.model.clone();
        let taken = after.names.iter().any(|(other, taken)| *other != number && *taken == name);
        let may = after.engines.contains_key(&number) && !taken;
        if may {
            after.names.insert(number, name);
        }
        let update = EngineUpdate { name: Some(name.to_owned()), sites: Some(vec![name.to_owned()]) };
        let outcome = self.registry.update_engine(hashid(number), update);
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.is_ok(), may, "seed {}", self.seed);
        }
    }

    fn remove_items(&mut self, random: &mut Random) {
        let (number, index) = (Self::number(random), INDICES[random.below(3)]);
        let mut after = self.model.clone();
        let (mut doc_ids, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..=random.below(3) {
            let doc_id = DOCS[random.below(5)];
            let was_there = after.items.remove(&(number, index, doc_id)).is_some();
            doc_ids.push(doc_id.parse().unwrap());
            expected.push(if was_there { RemoveItem::Removed } else { RemoveItem::Missing });
        }
        let outcome = self.registry.remove_items(&place(number, index), &doc_ids);
        if let Some(outcome) = self.settle(outcome, after) {
            assert_eq!(outcome.unwrap(), expected, "seed {}", self.seed);
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
            match random.below(10) {
                0 => self.create_engine(random),
                7 => self.create_user(random),
                8 => self.set_password(random),
                9 => self.delete_user(random),
                1 => self.create_key(),
                2 => self.put_items(random),
                3 => self.remove_items(random),
                4 => self.remove_engine(random),
                5 => self.remove_index(random),
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
        let maybe = self.maybe.take();
        let mut found = Model::of(&self.registry, &self.model);
        if self.new_key_maybe {
            // A key whose creation was not acknowledged is known to nobody; it may be listed, and is done away with.
            let unknown: Vec<_> = found.keys.difference(&self.model.keys).copied().collect();
            assert!(unknown.len() <= 1, "seed {}", self.seed);
            for id in unknown {
                self.registry.revoke_key(&id).unwrap();
                found.keys.remove(&id);
            }
        }
        // Who had a removed engine shows only when somebody wants it; all else tells which of the two it is.
        let seen = |model: &Model| Model { retired: found.retired.clone(), ..model.clone() };
        let expected = maybe.filter(|maybe| found == seen(maybe)).unwrap_or_else(|| self.model.clone());
        found.retired.clone_from(&expected.retired);
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
