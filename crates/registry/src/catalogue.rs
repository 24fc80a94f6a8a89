//! What the registry is asked: accounts, keys, users, engines, and who holds which item. Answers come from memory, but for an
//! item's title and link.

use std::sync::Arc;

use clicks::{AccountCode, Dfid, EngineIndex, Hashid, IndexName, Item, ItemDigest};

use crate::directory::Account;
use crate::engine::{Engine, site_of_host};
use crate::error::RegistryError;
use crate::item::{Known, Place};
use crate::key::{KeyId, KeyInfo, SigningKey};
use crate::password::PasswordHash;
use crate::record::item_at;
use crate::registry::Registry;
use crate::user::{UserInfo, UserStamp, folded};

/// The most places that [`Registry::places_of`] and [`Registry::places_within`] return: the first that came to be.
pub const PLACES_MAX: usize = 1_000;

/// How often an item is looked up again when it was moved while it was read.
const READ_ATTEMPTS_MAX: usize = 4;

impl Registry {
    /// All users, or those of one account, by account and folded name.
    #[must_use]
    pub fn users(&self, account: Option<AccountCode>) -> Vec<UserInfo> {
        self.inner.visible.directory().users(account)
    }

    /// The user with this stamp: nobody once the password has changed.
    #[must_use]
    pub fn user(&self, stamp: UserStamp) -> Option<UserInfo> {
        self.inner.visible.directory().user(stamp)
    }

    /// The user of this name, with what a password is compared with. Without an account: the user of this name in whatever
    /// account, if there is only one.
    #[must_use]
    pub fn user_named(&self, account: Option<AccountCode>, name: &str) -> Option<(UserInfo, PasswordHash)> {
        let user = self.inner.visible.directory().user_named(account, &folded(name)?)?;
        Some((user.info.clone(), user.password.clone()))
    }

    /// All accounts, by their codes.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        self.inner.visible.directory().accounts()
    }

    /// The account, where there is only one.
    #[must_use]
    pub fn only_account(&self) -> Option<Account> {
        self.inner.visible.directory().only_account()
    }

    /// The account with this code.
    #[must_use]
    pub fn account(&self, code: AccountCode) -> Option<Account> {
        self.inner.visible.directory().account(code)
    }

    /// The account with this name, letter by letter.
    #[must_use]
    pub fn account_named(&self, name: &str) -> Option<Account> {
        self.inner.visible.directory().account_named(name)
    }

    /// The keys of an account, or all; by their ids.
    #[must_use]
    pub fn keys(&self, account: Option<AccountCode>) -> Vec<KeyInfo> {
        self.inner.visible.directory().keys(account)
    }

    /// The key with this id.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<KeyInfo> {
        self.inner.visible.directory().key(*id)
    }

    /// The key that was presented, if it is one. How long this takes tells nothing about any key: they are found by a
    /// keyed hash.
    #[must_use]
    pub fn key_of(&self, presented: &str) -> Option<KeyInfo> {
        let lookup = self.inner.vault.lookup(presented.as_bytes());
        self.inner.visible.directory().key_with(&lookup)
    }

    /// Whether any key lists this origin: what a browser's preflight, which shows no key, is answered by.
    #[must_use]
    pub fn lists_origin(&self, origin: &str) -> bool {
        self.inner.visible.directory().lists_origin(origin)
    }

    /// The keys that may sign a JWT of this account: all but those with the `click` scope.
    #[must_use]
    pub fn signing_keys(&self, account: AccountCode) -> Vec<(KeyInfo, SigningKey)> {
        self.inner.visible.directory().signing_keys(account)
    }

    /// The search engine with this hashid.
    #[must_use]
    pub fn engine(&self, hashid: Hashid) -> Option<Arc<Engine>> {
        self.inner.visible.directory().engine(hashid)
    }

    /// The search engines of an account, or all; by their hashids.
    #[must_use]
    pub fn engines(&self, account: Option<AccountCode>) -> Vec<Arc<Engine>> {
        self.inner.visible.directory().engines(account)
    }

    /// The search engine bound to a site. `host` is a `Host` header's value, with a port or without, in any letter case.
    #[must_use]
    pub fn site(&self, host: &str) -> Option<Arc<Engine>> {
        self.inner.visible.directory().site(&site_of_host(host)?)
    }

    /// The engines and indices that hold an item, over all accounts: the first [`PLACES_MAX`] that came to be.
    #[must_use]
    pub fn places_of(&self, doc_id: &str) -> Vec<EngineIndex> {
        self.places(doc_id, None)
    }

    /// Those of one account, however many others there are: the first [`PLACES_MAX`] that came to be.
    #[must_use]
    pub fn places_within(&self, account: AccountCode, doc_id: &str) -> Vec<EngineIndex> {
        self.places(doc_id, Some(account))
    }

    fn places(&self, doc_id: &str, account: Option<AccountCode>) -> Vec<EngineIndex> {
        let numbers = self.inner.visible.items.places(ItemDigest::of(doc_id));
        let directory = self.inner.visible.directory();
        let own = |place: &&EngineIndex| account.is_none() || directory.owner(place.engine) == account;
        let places = numbers.into_iter().filter_map(|number| directory.at(number)).filter(own);
        places.take(PLACES_MAX).cloned().collect()
    }

    /// The index of an engine that holds an item: the first of `preferred` that does, else the first in the engine's own
    /// order.
    #[must_use]
    pub fn index_of(&self, engine: Hashid, doc_id: &str, preferred: &[IndexName]) -> Option<IndexName> {
        let digest = ItemDigest::of(doc_id);
        let places = self.inner.visible.directory().places_of(engine);
        let holds = |place: Place| self.inner.visible.items.find(digest, place).is_some();
        let first = preferred
            .iter()
            .find(|wanted| places.iter().any(|(index, place)| index == *wanted && holds(*place)));
        first.cloned().or_else(|| places.into_iter().find(|(_, place)| holds(*place)).map(|(index, _)| index))
    }

    /// Whether an engine's index holds an item. Reads no disk.
    #[must_use]
    pub fn holds(&self, place: &EngineIndex, doc_id: &str) -> bool {
        let number = self.inner.visible.directory().place(place.engine, place.index.as_str());
        number.is_some_and(|number| self.inner.visible.items.find(ItemDigest::of(doc_id), number).is_some())
    }

    /// How many items an engine's index holds. Walks all items in memory: for people's questions, not for each click.
    #[must_use]
    pub fn items_of(&self, place: &EngineIndex) -> u64 {
        let number = self.inner.visible.directory().place(place.engine, place.index.as_str());
        number.map_or(0, |number| self.inner.visible.items.len_of(number))
    }

    /// The items of an engine's index in the order of their digests: the first `max` behind `after`. An item that is
    /// there all the while is met once however many come and go. Walks all items in memory.
    #[must_use]
    pub fn items_after(&self, place: &EngineIndex, after: Option<ItemDigest>, max: usize) -> Vec<ItemDigest> {
        let number = self.inner.visible.directory().place(place.engine, place.index.as_str());
        number.map(|number| self.inner.visible.items.digests(number, after, max)).unwrap_or_default()
    }

    /// The item with this dfid, with title and link. Reads the disk.
    ///
    /// # Errors
    /// [`RegistryError::Damaged`] when its record can't be read.
    pub fn item(&self, dfid: &Dfid) -> Result<Option<Item>, RegistryError> {
        let place = self.inner.visible.directory().place(dfid.engine, dfid.index.as_str());
        let Some(place) = place else { return Ok(None) };
        let mut failure: Option<(Known, String)> = None;
        for _ in 0..READ_ATTEMPTS_MAX {
            let Some(known) = self.inner.visible.items.find(dfid.digest, place) else { return Ok(None) };
            // An item that could not be read where it was, and is elsewhere now, was moved in between.
            if failure.as_ref().is_some_and(|(before, _)| *before == known) {
                break;
            }
            match self.read(dfid, known) {
                Ok(item) => return Ok(Some(item)),
                Err(error) => failure = Some((known, error)),
            }
        }
        Err(RegistryError::Damaged(failure.map(|(_, error)| error).unwrap_or_default()))
    }

    fn read(&self, dfid: &Dfid, known: Known) -> Result<Item, String> {
        let reader = self.inner.visible.reader(known.at.odd_generation());
        let reader = reader.ok_or("its journal is not open")?;
        let payload = reader.read(known.at.position()).map_err(|error| error.to_string())?;
        let text = item_at(&payload, known.at.offset()).map_err(|error| error.to_string())?;
        if ItemDigest::of(text.doc_id) != dfid.digest {
            return Err(format!("the record at position {} is of another item", known.at.position()));
        }
        Ok(Item {
            place: EngineIndex { engine: dfid.engine, index: dfid.index.clone() },
            doc_id: text.doc_id.parse().map_err(|error: clicks::NameError| error.to_string())?,
            title: text.title.map(Box::from),
            link: text.link.map(Box::from),
        })
    }
}
