//! The directory: accounts, keys, users and engines in memory, with the rules that keep them unique. It knows no file and no
//! thread: a change is checked, then applied, and the same changes in the same order give the same directory.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use clicks::{AccountCode, EngineIndex, Hashid, IndexName};

use crate::change::Change;
use crate::engine::{ENGINE_INDICES_MAX, ENGINES_RETIRED_MAX, Engine};
use crate::error::RegistryError;
use crate::item::Place;
use crate::key::{KeyId, KeyInfo, KeyLookup, SigningKey, StoredKey};
use crate::scopes::Scope;
use crate::user::{StoredUser, UserInfo, UserStamp};

/// The most keys of one account: a JWT is checked against each of them.
pub const ACCOUNT_KEYS_MAX: usize = 1_000;
/// The most users of one account.
pub const ACCOUNT_USERS_MAX: usize = 1_000;

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
    pub(crate) users_max: usize,
    pub(crate) engines_max: usize,
}

impl Limits {
    /// For what was accepted earlier, perhaps under higher limits.
    pub(crate) const NONE: Self = Self {
        accounts_max: usize::MAX,
        keys_max: usize::MAX,
        users_max: usize::MAX,
        engines_max: usize::MAX,
    };
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
    /// By their folded names, so that all of one name lie together.
    users: BTreeMap<(Arc<str>, AccountCode), Arc<StoredUser>>,
    users_of: BTreeSet<(AccountCode, Arc<str>)>,
    stamps: HashMap<UserStamp, (Arc<str>, AccountCode)>,
    engines: BTreeMap<Hashid, EngineEntry>,
    engines_of: BTreeSet<(AccountCode, Hashid)>,
    sites: HashMap<String, Hashid>,
    /// By their numbers, which are never given again: `None` where an index was removed.
    places: Vec<Option<EngineIndex>>,
    /// The hashids of removed engines, with the accounts that had them.
    retired: BTreeMap<Hashid, AccountCode>,
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
            Change::User(user) => self.check_user(user, limits),
            Change::UserReplaced { was, user } => {
                let known = self.stamps.get(was).ok_or(RegistryError::NoUser)?;
                let is_same = *known == user.place() && !self.stamps.contains_key(&user.info.stamp);
                let what = "a user's name and account stay, and each password has a stamp of its own";
                if is_same { Ok(()) } else { Err(RegistryError::Invalid { what }) }
            }
            Change::UserRemoved(stamp) => self.stamps.get(stamp).map(|_| ()).ok_or(RegistryError::NoUser),
            Change::Engine(engine) => self.check_engine(engine, limits),
            Change::Index(place) => {
                let entry = self.engines.get(&place.engine).ok_or(RegistryError::NoEngine)?;
                if entry.engine.indices.contains(&place.index) {
                    return Ok(());
                }
                room(entry.engine.indices.len(), ENGINE_INDICES_MAX, "indices of one search engine")
            }
            Change::NewIndex(place) => match self.place(place.engine, place.index.as_str()) {
                Some(_) => Err(RegistryError::IndexExists),
                None => self.check(&Change::Index(place.clone()), limits),
            },
            Change::EngineChanged { hashid, sites, .. } => self.check_sites(*hashid, sites.as_deref()),
            Change::EngineRemoved(hashid) => {
                self.engines.get(hashid).ok_or(RegistryError::NoEngine)?;
                room(self.retired.len(), ENGINES_RETIRED_MAX, "removed search engines")
            }
            Change::EngineRetired { hashid, account } => {
                self.accounts.get(account).ok_or(RegistryError::NoAccount)?;
                let known = self.engines.contains_key(hashid) || self.retired.contains_key(hashid);
                if known { Err(RegistryError::HashidTaken) } else { Ok(()) }
            }
            Change::IndexRemoved(place) => {
                self.engines.get(&place.engine).ok_or(RegistryError::NoEngine)?;
                self.place(place.engine, place.index.as_str()).map(|_| ()).ok_or(RegistryError::NoIndex)
            }
        }
    }

    fn check_user(&self, user: &StoredUser, limits: Limits) -> Result<(), RegistryError> {
        let account = user.info.account;
        self.accounts.get(&account).ok_or(RegistryError::NoAccount)?;
        if self.users.contains_key(&user.place()) {
            return Err(RegistryError::UserExists);
        }
        room(self.users.len(), limits.users_max, "users")?;
        room(self.user_names(account).count(), ACCOUNT_USERS_MAX, "users of one account")?;
        let what = "this stamp is known already";
        let taken = self.stamps.contains_key(&user.info.stamp);
        if taken { Err(RegistryError::Invalid { what }) } else { Ok(()) }
    }

    fn check_sites(&self, hashid: Hashid, sites: Option<&[String]>) -> Result<(), RegistryError> {
        self.engines.get(&hashid).ok_or(RegistryError::NoEngine)?;
        let sites = sites.unwrap_or_default();
        let of_another = |site: &&String| self.sites.get(*site).is_some_and(|holder| *holder != hashid);
        if let Some(site) = sites.iter().find(of_another) {
            return Err(RegistryError::SiteTaken { site: site.clone() });
        }
        let different: HashSet<_> = sites.iter().collect();
        if different.len() < sites.len() {
            return Err(RegistryError::Invalid { what: "a site is named once" });
        }
        Ok(())
    }

    fn check_engine(&self, engine: &Engine, limits: Limits) -> Result<(), RegistryError> {
        self.accounts.get(&engine.account).ok_or(RegistryError::NoAccount)?;
        room(self.engines.len(), limits.engines_max, "search engines")?;
        let of_another = self.retired.get(&engine.hashid).is_some_and(|account| *account != engine.account);
        if of_another || self.engines.contains_key(&engine.hashid) {
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

    /// Makes a change that [`Directory::check`] has let through. Returns the numbers of places that are gone with it;
    /// their items have to be forgotten.
    pub(crate) fn apply(&mut self, change: &Change) -> Vec<Place> {
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
            Change::User(user) => self.add_user(user),
            Change::UserReplaced { was, user } => {
                self.remove_user(*was);
                self.add_user(user);
            }
            Change::UserRemoved(stamp) => self.remove_user(*stamp),
            Change::Engine(engine) => self.add_engine(engine),
            Change::Index(place) | Change::NewIndex(place) => self.add_index(place),
            Change::EngineChanged { hashid, name, sites } => {
                self.change_engine(*hashid, name.as_ref(), sites.as_ref());
            }
            Change::EngineRemoved(hashid) => return self.remove_engine(*hashid),
            Change::EngineRetired { hashid, account } => {
                self.retired.insert(*hashid, *account);
            }
            Change::IndexRemoved(place) => return self.remove_index(place),
        }
        Vec::new()
    }

    fn change_engine(&mut self, hashid: Hashid, name: Option<&Arc<str>>, sites: Option<&Vec<String>>) {
        let Some(entry) = self.engines.get_mut(&hashid) else { return };
        let engine = Arc::make_mut(&mut entry.engine);
        if let Some(name) = name {
            engine.name = Arc::clone(name);
        }
        if let Some(sites) = sites {
            for site in &engine.sites {
                self.sites.remove(site);
            }
            self.sites.extend(sites.iter().map(|site| (site.clone(), hashid)));
            engine.sites.clone_from(sites);
        }
    }

    fn remove_engine(&mut self, hashid: Hashid) -> Vec<Place> {
        let Some(EngineEntry { engine, places }) = self.engines.remove(&hashid) else { return Vec::new() };
        for site in &engine.sites {
            self.sites.remove(site);
        }
        self.engines_of.remove(&(engine.account, hashid));
        self.retired.insert(hashid, engine.account);
        places.iter().for_each(|place| self.vacate(*place));
        places
    }

    fn remove_index(&mut self, place: &EngineIndex) -> Vec<Place> {
        let Some(entry) = self.engines.get_mut(&place.engine) else { return Vec::new() };
        let Some(found) = entry.engine.indices.iter().position(|known| *known == place.index) else {
            return Vec::new();
        };
        Arc::make_mut(&mut entry.engine).indices.remove(found);
        let number = entry.places.remove(found);
        self.vacate(number);
        vec![number]
    }

    fn vacate(&mut self, place: Place) {
        if let Some(slot) = usize::try_from(place).ok().and_then(|place| self.places.get_mut(place)) {
            *slot = None;
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

    fn add_user(&mut self, user: &Arc<StoredUser>) {
        let place = user.place();
        self.users_of.insert((user.info.account, Arc::clone(&user.folded)));
        self.stamps.insert(user.info.stamp, place.clone());
        self.users.insert(place, Arc::clone(user));
    }

    fn remove_user(&mut self, stamp: UserStamp) {
        let Some(place) = self.stamps.remove(&stamp) else { return };
        self.users.remove(&place);
        self.users_of.remove(&(place.1, place.0));
    }

    fn add_engine(&mut self, engine: &Arc<Engine>) {
        let mut places = Vec::with_capacity(engine.indices.len());
        for index in &engine.indices {
            places.push(self.number(EngineIndex { engine: engine.hashid, index: index.clone() }));
        }
        for site in &engine.sites {
            self.sites.insert(site.clone(), engine.hashid);
        }
        self.retired.remove(&engine.hashid);
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

    /// Numbers a place. There are fewer engines times indices than a `Place` can count, and no journal is long enough to
    /// remove so many.
    fn number(&mut self, place: EngineIndex) -> Place {
        let number = Place::try_from(self.places.len()).unwrap_or(Place::MAX);
        self.places.push(Some(place));
        number
    }

    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        (self.accounts.len(), self.keys.len(), self.engines.len())
    }

    pub(crate) fn accounts(&self) -> Vec<Account> {
        self.accounts.values().cloned().collect()
    }

    pub(crate) fn only_account(&self) -> Option<Account> {
        let mut accounts = self.accounts.values();
        accounts.next().filter(|_| accounts.next().is_none()).cloned()
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

    pub(crate) fn user(&self, stamp: UserStamp) -> Option<UserInfo> {
        self.stamps.get(&stamp).and_then(|place| self.users.get(place)).map(|user| user.info.clone())
    }

    /// The user of this folded name, in whatever account if there is only one.
    pub(crate) fn user_named(
        &self,
        account: Option<AccountCode>,
        folded: &Arc<str>,
    ) -> Option<Arc<StoredUser>> {
        let (first, last) = account
            .map_or((AccountCode::from_bytes([0; 8]), AccountCode::from_bytes([0xff; 8])), |account| {
                (account, account)
            });
        let mut found = self.users.range((Arc::clone(folded), first)..=(Arc::clone(folded), last));
        let (_, user) = found.next()?;
        found.next().is_none().then(|| Arc::clone(user))
    }

    pub(crate) fn users(&self, account: Option<AccountCode>) -> Vec<UserInfo> {
        let of = |account: AccountCode| {
            let named = |folded| self.users.get(&(folded, account)).map(|user| user.info.clone());
            self.user_names(account).filter_map(named).collect::<Vec<_>>()
        };
        account.map_or_else(|| self.accounts.keys().flat_map(|account| of(*account)).collect(), of)
    }

    fn user_names(&self, account: AccountCode) -> impl Iterator<Item = Arc<str>> {
        let from = self.users_of.range((account, Arc::from(""))..);
        from.take_while(move |(of, _)| *of == account).map(|(_, folded)| Arc::clone(folded))
    }

    /// How many users there are.
    pub(crate) fn user_count(&self) -> usize {
        self.users.len()
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

    /// How many hashids of removed engines are kept.
    pub(crate) fn retired(&self) -> usize {
        self.retired.len()
    }

    /// The engine and index with this number, unless it was removed.
    pub(crate) fn at(&self, place: Place) -> Option<&EngineIndex> {
        self.places.get(usize::try_from(place).ok()?)?.as_ref()
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
        let users = self.users.values().cloned().map(Change::User);
        let engines = self.engines.values().flat_map(|entry| {
            let bare = Engine { indices: Vec::new(), ..Engine::clone(&entry.engine) };
            let places = entry.engine.indices.iter().map(|index| {
                Change::Index(EngineIndex { engine: entry.engine.hashid, index: index.clone() })
            });
            std::iter::once(Change::Engine(Arc::new(bare))).chain(places)
        });
        let retired = self.retired.iter();
        let retired =
            retired.map(|(hashid, account)| Change::EngineRetired { hashid: *hashid, account: *account });
        accounts.chain(keys).chain(users).chain(engines).chain(retired)
    }

    /// What it takes in memory, about.
    pub(crate) fn memory_bytes(&self) -> u64 {
        // Measured sizes would cost a walk for each call; these are upper bounds for names of ordinary length.
        const ACCOUNT_BYTES: u64 = 300;
        const KEY_BYTES: u64 = 500;
        const USER_BYTES: u64 = 900;
        const ENGINE_BYTES: u64 = 500;
        const PLACE_BYTES: u64 = 150;
        const RETIRED_BYTES: u64 = 40;
        self.accounts.len() as u64 * ACCOUNT_BYTES
            + self.keys.len() as u64 * KEY_BYTES
            + self.users.len() as u64 * USER_BYTES
            + self.engines.len() as u64 * ENGINE_BYTES
            + self.places.len() as u64 * PLACE_BYTES
            + self.retired.len() as u64 * RETIRED_BYTES
    }
}

fn room(count: usize, max: usize, what: &'static str) -> Result<(), RegistryError> {
    if count < max { Ok(()) } else { Err(RegistryError::TooMany { what, max: max as u64 }) }
}
