//! Changes of the directory: how accounts, keys, users, engines and indices come to be, change and go. A call returns only when
//! its change is durable and visible.

use std::sync::Arc;

use clicks::{AccountCode, EngineIndex, Hashid, check_id};

use crate::change::Change;
use crate::confines::Confines;
use crate::directory::Account;
use crate::engine::{ENGINE_INDICES_MAX, ENGINE_SITES_MAX, Engine, EngineUpdate, NewEngine, site_name};
use crate::error::RegistryError;
use crate::key::{KeyId, KeyInfo, NewKey};
use crate::password::PasswordHash;
use crate::registry::Registry;
use crate::scopes::Scopes;
use crate::secret::random;
use crate::user::{UserInfo, UserStamp, check_user_name, folded};

impl Registry {
    /// Makes an account.
    ///
    /// # Errors
    /// [`RegistryError::AccountExists`], `Invalid`, `TooMany`; `NotWritten` and `Stopped`.
    pub fn create_account(&self, name: &str) -> Result<Account, RegistryError> {
        check_name(name)?;
        let code = AccountCode::from_bytes(random().map_err(RegistryError::NotWritten)?);
        let account = Account { code, name: Arc::from(name) };
        self.change(Change::Account(account.clone()))?;
        Ok(account)
    }

    /// Makes a key. It is shown here and never again.
    ///
    /// # Errors
    /// [`RegistryError::NoAccount`], `TooMany`; `NotWritten` and `Stopped`.
    pub fn create_key(
        &self,
        account: AccountCode,
        scopes: Scopes,
        now_ms: i64,
    ) -> Result<NewKey, RegistryError> {
        self.make_key(account, scopes, Confines::default(), now_ms)
    }

    /// Makes a key that may stand in a public page: it has the scope `click`, and may be used within its confines only.
    /// It is shown here and never again.
    ///
    /// # Errors
    /// [`RegistryError::NoEngine`] when a search engine that is listed is not the account's; as
    /// [`Registry::create_key`].
    pub fn create_page_key(
        &self,
        account: AccountCode,
        confines: Confines,
        now_ms: i64,
    ) -> Result<NewKey, RegistryError> {
        let is_own = |engine: &Hashid| self.engine(*engine).is_some_and(|engine| engine.account == account);
        if !confines.engines().iter().all(is_own) {
            return Err(RegistryError::NoEngine);
        }
        self.make_key(account, Scopes::CLICK, confines, now_ms)
    }

    fn make_key(
        &self,
        account: AccountCode,
        scopes: Scopes,
        confines: Confines,
        now_ms: i64,
    ) -> Result<NewKey, RegistryError> {
        let key =
            self.inner.vault.make(account, scopes, confines, now_ms).map_err(RegistryError::NotWritten)?;
        let new = NewKey {
            info: key.info.clone(),
            key: key.signing.as_ref().iter().map(|byte| char::from(*byte)).collect(),
        };
        self.change(Change::Key(Arc::new(key)))?;
        Ok(new)
    }

    /// Revokes a key, for good: from here on it opens nothing and signs nothing.
    ///
    /// # Errors
    /// [`RegistryError::NoKey`]; `NotWritten` and `Stopped`.
    pub fn revoke_key(&self, id: &KeyId) -> Result<KeyInfo, RegistryError> {
        let info = self.inner.visible.directory().key(*id).ok_or(RegistryError::NoKey)?;
        self.change(Change::KeyRevoked(*id))?;
        Ok(info)
    }

    /// Makes a user of the dashboard. Names that differ only in case, white space at the ends or how a letter is composed
    /// are the same.
    ///
    /// # Errors
    /// [`RegistryError::NoAccount`], `UserExists`, `Invalid`, `TooMany`; `NotWritten` and `Stopped`.
    pub fn create_user(
        &self,
        account: AccountCode,
        name: &str,
        password: PasswordHash,
        scopes: Scopes,
        now_ms: i64,
    ) -> Result<UserInfo, RegistryError> {
        let name = name.trim();
        check_user_name(name)?;
        if scopes == Scopes::CLICK {
            let what = "a user has scopes of read, write and manage; click is for keys in public pages";
            return Err(RegistryError::Invalid { what });
        }
        let stamp = new_stamp()?;
        let info = UserInfo { account, name: Arc::from(name), scopes, created_ms: now_ms, stamp };
        let user = self.inner.vault.users.seal(info.clone(), password).map_err(RegistryError::NotWritten)?;
        self.change(Change::User(Arc::new(user)))?;
        Ok(info)
    }

    /// Gives a user another password, and with it another stamp.
    ///
    /// # Errors
    /// [`RegistryError::NoUser`]; `NotWritten` and `Stopped`.
    pub fn set_password(
        &self,
        account: AccountCode,
        name: &str,
        password: PasswordHash,
    ) -> Result<UserInfo, RegistryError> {
        let before = self.known_user(account, name)?;
        let info = UserInfo { stamp: new_stamp()?, ..before.clone() };
        let user = self.inner.vault.users.seal(info.clone(), password).map_err(RegistryError::NotWritten)?;
        self.change(Change::UserReplaced { was: before.stamp, user: Arc::new(user) })?;
        Ok(info)
    }

    /// Removes a user, for good; another may have the name.
    ///
    /// # Errors
    /// [`RegistryError::NoUser`]; `NotWritten` and `Stopped`.
    pub fn delete_user(&self, account: AccountCode, name: &str) -> Result<UserInfo, RegistryError> {
        let info = self.known_user(account, name)?;
        self.change(Change::UserRemoved(info.stamp))?;
        Ok(info)
    }

    fn known_user(&self, account: AccountCode, name: &str) -> Result<UserInfo, RegistryError> {
        let folded = folded(name).ok_or(RegistryError::NoUser)?;
        let user = self.inner.visible.directory().user_named(Some(account), &folded);
        user.map(|user| user.info.clone()).ok_or(RegistryError::NoUser)
    }

    /// Makes a search engine.
    ///
    /// # Errors
    /// [`RegistryError::NoAccount`], `HashidTaken`, `SiteTaken`, `Invalid`, `TooMany`; `NotWritten` and `Stopped`.
    pub fn create_engine(&self, account: AccountCode, new: NewEngine) -> Result<Arc<Engine>, RegistryError> {
        let hashid = match new.hashid {
            Some(hashid) => hashid,
            None => Hashid::from_bytes(random().map_err(RegistryError::NotWritten)?),
        };
        let name = new.name.unwrap_or_else(|| hashid.to_string());
        check_name(&name)?;
        let engine = Arc::new(Engine {
            hashid,
            account,
            name: Arc::from(name),
            indices: each_once(new.indices, "indices of one search engine", ENGINE_INDICES_MAX)?,
            sites: site_names(new.sites)?,
        });
        self.change(Change::Engine(Arc::clone(&engine)))?;
        Ok(engine)
    }

    /// Changes an engine's name or sites, and returns it as it is then.
    ///
    /// # Errors
    /// [`RegistryError::NoEngine`], `SiteTaken`, `Invalid`, `TooMany`; `NotWritten` and `Stopped`.
    pub fn update_engine(&self, hashid: Hashid, update: EngineUpdate) -> Result<Arc<Engine>, RegistryError> {
        let EngineUpdate { name, sites } = update;
        name.as_deref().map_or(Ok(()), check_name)?;
        let sites = sites.map(site_names).transpose()?;
        self.change(Change::EngineChanged { hashid, name: name.map(Arc::from), sites })?;
        self.engine(hashid).ok_or(RegistryError::NoEngine)
    }

    /// Removes an engine with its indices, items and sites. Its hashid stays with its account: no other can have it,
    /// because the clicks that were recorded under it are still there.
    ///
    /// # Errors
    /// [`RegistryError::NoEngine`], `TooMany`; `NotWritten` and `Stopped`.
    pub fn delete_engine(&self, hashid: Hashid) -> Result<(), RegistryError> {
        self.change(Change::EngineRemoved(hashid))
    }

    /// Adds an index to an engine, behind those that it has.
    ///
    /// # Errors
    /// [`RegistryError::NoEngine`], `IndexExists`, `TooMany`; `NotWritten` and `Stopped`.
    pub fn create_index(&self, place: EngineIndex) -> Result<(), RegistryError> {
        self.change(Change::NewIndex(place))
    }

    /// Removes an index with its items.
    ///
    /// # Errors
    /// [`RegistryError::NoEngine`], `NoIndex`; `NotWritten` and `Stopped`.
    pub fn delete_index(&self, place: EngineIndex) -> Result<(), RegistryError> {
        self.change(Change::IndexRemoved(place))
    }
}

fn new_stamp() -> Result<UserStamp, RegistryError> {
    random().map(UserStamp::from_bytes).map_err(RegistryError::NotWritten)
}

fn site_names(sites: Vec<String>) -> Result<Vec<String>, RegistryError> {
    let sites = sites.iter().map(|site| site_name(site)).collect::<Result<Vec<_>, _>>()?;
    each_once(sites, "sites of one search engine", ENGINE_SITES_MAX)
}

fn check_name(name: &str) -> Result<(), RegistryError> {
    let what = "a name has 1 to 512 characters, none of them a control character";
    check_id(name).map_err(|_| RegistryError::Invalid { what })
}

/// Drops repetitions; the first of each stays in its place.
fn each_once<T: Eq + std::hash::Hash + Clone>(
    list: Vec<T>,
    what: &'static str,
    max: usize,
) -> Result<Vec<T>, RegistryError> {
    let mut seen = std::collections::HashSet::new();
    let list: Vec<T> = list.into_iter().filter(|entry| seen.insert(entry.clone())).collect();
    if list.len() > max { Err(RegistryError::TooMany { what, max: max as u64 }) } else { Ok(list) }
}
