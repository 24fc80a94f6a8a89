//! The directory: accounts, keys and engines in memory, with the rules that keep them unique. It knows no file and no
//! thread: a change is checked, then applied, and the same changes in the same order give the same directory.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use clicks::{AccountCode, EngineIndex, Hashid, IndexName};

use crate::engine::{ENGINE_INDICES_MAX, Engine};
use crate::error::RegistryError;
use crate::item::Place;
use crate::key::{KeyId, KeyInfo, KeyLookup, SigningKey, StoredKey};
use crate::record::Record;
use crate::scopes::Scope;

/// The most keys of one account: a JWT is checked against each of them.
pub const ACCOUNT_KEYS_MAX: usize = 1_000;

/// An account: whom engines and keys belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name in the APIs (the `name` claim of its JWTs).
    pub code: AccountCode,
    /// Its name for people, unique: 1 to 512 characters.
    pub name: Arc<str>,
}

/// How many of each there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) accounts_max: usize,
    pub(crate) keys_max: usize,
    pub(crate) engines_max: usize,
}

impl Limits {
    /// For what was accepted earlier, perhaps under higher limits.
    pub(crate) const NONE: Self =
        Self { accounts_max: usize::MAX, keys_max: usize::MAX, engines_max: usize::MAX };
}

/// One change of the directory.
#[derive(Clone)]
pub(crate) enum Change {
    Account(Account),
    Key(Arc<StoredKey>),
    KeyRevoked(KeyId),
    Engine(Arc<Engine>),
    Index(EngineIndex),
}

impl Change {
    /// The record that stands for it on disk.
    pub(crate) fn record(&self) -> Record<'_> {
        match self {
            Self::Account(account) => Record::Account { code: account.code, name: &account.name },
            Self::Key(key) => Record::Key { info: key.info.clone(), sealed: key.sealed },
            Self::KeyRevoked(id) => Record::KeyRevoked { id: *id },
            Self::Engine(engine) => Record::Engine {
                hashid: engine.hashid,
                account: engine.account,
                name: &engine.name,
                indices: engine.indices.iter().map(IndexName::as_str).collect(),
                sites: engine.sites.iter().map(String::as_str).collect(),
            },
            Self::Index(place) => Record::Place { engine: place.engine, index: place.index.as_str() },
        }
    }
}

/// An engine with the numbers of its indices, in their order.
#[derive(Clone)]
struct EngineEntry {
    engine: Arc<Engine>,
    places: Vec<Place>,
}

/// Everything but the items.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    accounts: BTreeMap<AccountCode, Account>,
    names: HashMap<Arc<str>, AccountCode>,
    keys: BTreeMap<KeyId, Arc<StoredKey>>,
    keys_of: BTreeSet<(AccountCode, KeyId)>,
    lookups: HashMap<KeyLookup, KeyId>,
    /// How many keys list an origin.
    origins: HashMap<Box<str>, usize>,
    engines: BTreeMap<Hashid, EngineEntry>,
    engines_of: BTreeSet<(AccountCode, Hashid)>,
    sites: HashMap<String, Hashid>,
    places: Vec<EngineIndex>,
}

impl Directory {
    /// Whether the change may be made. Changes nothing.
    pub(crate) fn check(&self, change: &Change, limits: Limits) -> Result<(), RegistryError> {
        match change {
            Change::Account(account) => {
                room(self.accounts.len(), limits.accounts_max, "accounts")?;
                let taken =
                    self.names.contains_key(&account.name) || self.accounts.contains_key(&account.code);
                if taken { Err(RegistryError::AccountExists) } else { Ok(()) }
            }
            Change::Key(key) => {
                self.accounts.get(&key.info.account).ok_or(RegistryError::NoAccount)?;
                room(self.keys.len(), limits.keys_max, "keys")?;
                room(self.key_ids(key.info.account).count(), ACCOUNT_KEYS_MAX, "keys of one account")?;
                let taken = self.keys.contains_key(&key.info.id) || self.lookups.contains_key(&key.lookup);
                if taken { Err(RegistryError::Invalid { what: "this key is known already" }) } else { Ok(()) }
            }
            Change::KeyRevoked(id) => self.keys.get(id).map(|_| ()).ok_or(RegistryError::NoKey),
            Change::Engine(engine) => self.check_engine(engine, limits),
            Change::Index(place) => {
                let entry = self.engines.get(&place.engine).ok_or(RegistryError::NoEngine)?;
                if entry.engine.indices.contains(&place.index) {
                    return Ok(());
                }
                room(entry.engine.indices.len(), ENGINE_INDICES_MAX, "indices of one search engine")
            }
        }
    }

    fn check_engine(&self, engine: &Engine, limits: Limits) -> Result<(), RegistryError> {
        self.accounts.get(&engine.account).ok_or(RegistryError::NoAccount)?;
        room(self.engines.len(), limits.engines_max, "search engines")?;
        if self.engines.contains_key(&engine.hashid) {
            return Err(RegistryError::HashidTaken);
        }
        if let Some(site) = engine.sites.iter().find(|site| self.sites.contains_key(*site)) {
            return Err(RegistryError::SiteTaken { site: site.clone() });
        }
        let indices: HashSet<_> = engine.indices.iter().collect();
        let sites: HashSet<_> = engine.sites.iter().collect();
        if indices.len() < engine.indices.len() || sites.len() < engine.sites.len() {
            return Err(RegistryError::Invalid { what: "an index and a site are named once" });
        }
        Ok(())
    }

    /// Makes a change that [`Directory::check`] has let through.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Account(account) => {
                self.names.insert(Arc::clone(&account.name), account.code);
                self.accounts.insert(account.code, account.clone());
            }
            Change::Key(key) => {
                self.keys_of.insert((key.info.account, key.info.id));
                self.lookups.insert(key.lookup, key.info.id);
                for origin in key.info.confines.origins() {
                    *self.origins.entry(origin.clone()).or_default() += 1;
                }
                self.keys.insert(key.info.id, Arc::clone(key));
            }
            Change::KeyRevoked(id) => self.remove_key(*id),
            Change::Engine(engine) => self.add_engine(engine),
            Change::Index(place) => self.add_index(place),
        }
    }

    fn remove_key(&mut self, id: KeyId) {
        let Some(key) = self.keys.remove(&id) else { return };
        self.lookups.remove(&key.lookup);
        self.keys_of.remove(&(key.info.account, id));
        for origin in key.info.confines.origins() {
            if let Some(keys) = self.origins.get_mut(origin) {
                *keys -= 1;
                if *keys == 0 {
                    self.origins.remove(origin);
                }
            }
        }
    }

    fn add_engine(&mut self, engine: &Arc<Engine>) {
        let mut places = Vec::with_capacity(engine.indices.len());
        for index in &engine.indices {
            places.push(self.number(EngineIndex { engine: engine.hashid, index: index.clone() }));
        }
        for site in &engine.sites {
            self.sites.insert(site.clone(), engine.hashid);
        }
        self.engines_of.insert((engine.account, engine.hashid));
        self.engines.insert(engine.hashid, EngineEntry { engine: Arc::clone(engine), places });
    }

    fn add_index(&mut self, place: &EngineIndex) {
        if self.place(place.engine, place.index.as_str()).is_some()
            || !self.engines.contains_key(&place.engine)
        {
            return;
        }
        let number = self.number(place.clone());
        if let Some(entry) = self.engines.get_mut(&place.engine) {
            Arc::make_mut(&mut entry.engine).indices.push(place.index.clone());
            entry.places.push(number);
        }
    }

    /// Numbers a place. There are fewer engines times indices than a `Place` can count.
    fn number(&mut self, place: EngineIndex) -> Place {
        let number = Place::try_from(self.places.len()).unwrap_or(Place::MAX);
        self.places.push(place);
        number
    }

    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        (self.accounts.len(), self.keys.len(), self.engines.len())
    }

    pub(crate) fn accounts(&self) -> Vec<Account> {
        self.accounts.values().cloned().collect()
    }

    pub(crate) fn account(&self, code: AccountCode) -> Option<Account> {
        self.accounts.get(&code).cloned()
    }

    pub(crate) fn account_named(&self, name: &str) -> Option<Account> {
        self.names.get(name).and_then(|code| self.account(*code))
    }

    pub(crate) fn key(&self, id: KeyId) -> Option<KeyInfo> {
        self.keys.get(&id).map(|key| key.info.clone())
    }

    pub(crate) fn keys(&self, account: Option<AccountCode>) -> Vec<KeyInfo> {
        match account {
            None => self.keys.values().map(|key| key.info.clone()).collect(),
            Some(account) => self.key_ids(account).filter_map(|id| self.key(id)).collect(),
        }
    }

    pub(crate) fn key_with(&self, lookup: &KeyLookup) -> Option<KeyInfo> {
        self.lookups.get(lookup).and_then(|id| self.key(*id))
    }

    pub(crate) fn lists_origin(&self, origin: &str) -> bool {
        self.origins.contains_key(origin)
    }

    pub(crate) fn signing_keys(&self, account: AccountCode) -> Vec<(KeyInfo, SigningKey)> {
        self.key_ids(account)
            .filter_map(|id| self.keys.get(&id))
            .filter(|key| !key.info.scopes.contains(Scope::Click))
            .map(|key| (key.info.clone(), key.signing.clone()))
            .collect()
    }

    fn key_ids(&self, account: AccountCode) -> impl Iterator<Item = KeyId> {
        let (first, last) = (KeyId::from_bytes([0; 8]), KeyId::from_bytes([0xff; 8]));
        self.keys_of.range((account, first)..=(account, last)).map(|(_, id)| *id)
    }

    pub(crate) fn engine(&self, hashid: Hashid) -> Option<Arc<Engine>> {
        self.engines.get(&hashid).map(|entry| Arc::clone(&entry.engine))
    }

    pub(crate) fn engines(&self, account: Option<AccountCode>) -> Vec<Arc<Engine>> {
        let Some(account) = account else {
            return self.engines.values().map(|entry| Arc::clone(&entry.engine)).collect();
        };
        let (first, last) = (Hashid::from_bytes([0; 16]), Hashid::from_bytes([0xff; 16]));
        let own = self.engines_of.range((account, first)..=(account, last));
        own.filter_map(|(_, hashid)| self.engine(*hashid)).collect()
    }

    pub(crate) fn site(&self, site: &str) -> Option<Arc<Engine>> {
        self.sites.get(site).and_then(|hashid| self.engine(*hashid))
    }

    /// The number of an engine's index.
    pub(crate) fn place(&self, engine: Hashid, index: &str) -> Option<Place> {
        let entry = self.engines.get(&engine)?;
        let found = entry.engine.indices.iter().position(|known| known.as_str() == index)?;
        entry.places.get(found).copied()
    }

    /// The numbers of an engine's indices, in their order.
    pub(crate) fn places_of(&self, engine: Hashid) -> Vec<(IndexName, Place)> {
        let Some(entry) = self.engines.get(&engine) else { return Vec::new() };
        entry.engine.indices.iter().cloned().zip(entry.places.iter().copied()).collect()
    }

    /// The engine and index with this number.
    pub(crate) fn at(&self, place: Place) -> Option<&EngineIndex> {
        self.places.get(usize::try_from(place).ok()?)
    }

    /// Whose engine it is.
    pub(crate) fn owner(&self, engine: Hashid) -> Option<AccountCode> {
        self.engines.get(&engine).map(|entry| entry.engine.account)
    }

    /// Changes that make this directory from an empty one. The indices follow each engine one by one, so that no
    /// record grows with what was added to an engine.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change> {
        let accounts = self.accounts.values().cloned().map(Change::Account);
        let keys = self.keys.values().cloned().map(Change::Key);
        let engines = self.engines.values().flat_map(|entry| {
            let bare = Engine { indices: Vec::new(), ..Engine::clone(&entry.engine) };
            let places = entry.engine.indices.iter().map(|index| {
                Change::Index(EngineIndex { engine: entry.engine.hashid, index: index.clone() })
            });
            std::iter::once(Change::Engine(Arc::new(bare))).chain(places)
        });
        accounts.chain(keys).chain(engines)
    }

    /// What it takes in memory, about.
    pub(crate) fn memory_bytes(&self) -> u64 {
        // Measured sizes would cost a walk for each call; these are upper bounds for names of ordinary length.
        const ACCOUNT_BYTES: u64 = 300;
        const KEY_BYTES: u64 = 500;
        const ENGINE_BYTES: u64 = 500;
        const PLACE_BYTES: u64 = 150;
        self.accounts.len() as u64 * ACCOUNT_BYTES
            + self.keys.len() as u64 * KEY_BYTES
            + self.engines.len() as u64 * ENGINE_BYTES
            + self.places.len() as u64 * PLACE_BYTES
    }
}

fn room(count: usize, max: usize, what: &'static str) -> Result<(), RegistryError> {
    if count < max { Ok(()) } else { Err(RegistryError::TooMany { what, max: max as u64 }) }
}
