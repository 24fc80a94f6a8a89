//! Records: how what the registry knows is written into the journal's payloads, and read back. The form is drawn in
//! `docs/formats/registry.md`. Reading never panics and never trusts a length; this room decides nothing.

use std::sync::Arc;

use clicks::{AccountCode, Hashid, ItemDigest, check_id};

use crate::confines::{Confines, KEY_ENGINES_MAX, KEY_ORIGINS_MAX, is_origin};
use crate::engine::{ENGINE_INDICES_MAX, ENGINE_SITES_MAX, SITE_BYTES_MAX};
use crate::item::{ITEM_LINK_BYTES_MAX, ITEM_TITLE_CHARS_MAX};
use crate::key::{KeyId, KeyInfo, SEALED_KEY_BYTES};
use crate::scopes::Scopes;
use crate::user::{SEALED_PASSWORD_BYTES_MAX, UserInfo, UserStamp, is_user_name};

/// The version of the form: the first byte of every payload.
pub(crate) const RECORD_VERSION: u8 = 1;

const ACCOUNT: u8 = 1;
const KEY: u8 = 2;
const KEY_REVOKED: u8 = 3;
const ENGINE: u8 = 4;
const PLACE: u8 = 5;
const ITEM: u8 = 6;
const ENGINE_CHANGED: u8 = 7;
const ENGINE_REMOVED: u8 = 8;
const ENGINE_RETIRED: u8 = 9;
const INDEX_REMOVED: u8 = 10;
const ITEM_REMOVED: u8 = 11;
const CONFINED_KEY: u8 = 12;
const USER: u8 = 13;
const USER_REPLACED: u8 = 14;
const USER_REMOVED: u8 = 15;

const HAS_TITLE: u8 = 1;
const HAS_LINK: u8 = 2;

const HAS_NAME: u8 = 1;
const HAS_SITES: u8 = 2;

/// One record. Texts are borrowed from the payload and fit their maxima.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    Account {
        code: AccountCode,
        name: &'a str,
    },
    Key {
        info: KeyInfo,
        sealed: [u8; SEALED_KEY_BYTES],
    },
    KeyRevoked {
        id: KeyId,
    },
    User(UserText<'a>),
    /// The user with the stamp `was` is this one from here on: another password, another stamp.
    UserReplaced {
        was: UserStamp,
        user: UserText<'a>,
    },
    UserRemoved {
        stamp: UserStamp,
    },
    Engine {
        hashid: Hashid,
        account: AccountCode,
        name: &'a str,
        indices: Vec<&'a str>,
        sites: Vec<&'a str>,
    },
    /// The engine and index of the items that follow; the engine has this index from here on.
    Place {
        engine: Hashid,
        index: &'a str,
    },
    Item(ItemText<'a>),
    /// What is told replaces what was.
    EngineChanged {
        hashid: Hashid,
        name: Option<&'a str>,
        sites: Option<Vec<&'a str>>,
    },
    /// The engine is gone, with its indices and their items.
    EngineRemoved {
        hashid: Hashid,
    },
    /// The hashid of an engine that was removed: only the account that had it may have it again.
    EngineRetired {
        hashid: Hashid,
        account: AccountCode,
    },
    /// The index is gone, with its items.
    IndexRemoved {
        engine: Hashid,
        index: &'a str,
    },
    /// The item of the place before it is gone.
    ItemRemoved {
        digest: ItemDigest,
    },
}

/// An item without its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ItemText<'a> {
    pub(crate) doc_id: &'a str,
    pub(crate) title: Option<&'a str>,
    pub(crate) link: Option<&'a str>,
}

/// A user, with the sealed form of the password's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserText<'a> {
    pub(crate) info: UserInfo,
    pub(crate) sealed: &'a [u8],
}

/// Why a payload can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("version {0} is newer than {RECORD_VERSION}")]
    Newer(u8),
    #[error("version 0 does not exist")]
    NoVersion,
    #[error("it ends in the middle of a record")]
    Short,
    #[error("a record of the unknown kind {0}")]
    Kind(u8),
    #[error("{0} is not valid")]
    Value(&'static str),
    #[error("an item stands before any place")]
    NoPlace,
}

/// Begins a payload.
pub(crate) fn begin(payload: &mut Vec<u8>) {
    payload.push(RECORD_VERSION);
}

/// Adds a record to a payload that was begun.
pub(crate) fn write(payload: &mut Vec<u8>, record: &Record<'_>) {
    match record {
        Record::Account { code, name } => {
            payload.push(ACCOUNT);
            payload.extend_from_slice(code.as_bytes());
            write_text(payload, name);
        }
        Record::Key { info, sealed } => {
            payload.push(if info.confines.is_empty() { KEY } else { CONFINED_KEY });
            payload.extend_from_slice(info.id.as_bytes());
            payload.extend_from_slice(info.account.as_bytes());
            payload.push(info.scopes.bits());
            payload.extend_from_slice(&info.created_ms.to_le_bytes());
            if !info.confines.is_empty() {
                write_confines(payload, &info.confines);
            }
            payload.extend_from_slice(sealed);
        }
        Record::KeyRevoked { id } => {
            payload.push(KEY_REVOKED);
            payload.extend_from_slice(id.as_bytes());
        }
        Record::User(user) => {
            payload.push(USER);
            write_user(payload, user);
        }
        Record::UserReplaced { was, user } => {
            payload.push(USER_REPLACED);
            payload.extend_from_slice(was.as_bytes());
            write_user(payload, user);
        }
        Record::UserRemoved { stamp } => {
            payload.push(USER_REMOVED);
            payload.extend_from_slice(stamp.as_bytes());
        }
        Record::Engine { hashid, account, name, indices, sites } => {
            payload.push(ENGINE);
            payload.extend_from_slice(hashid.as_bytes());
            payload.extend_from_slice(account.as_bytes());
            write_text(payload, name);
            write_list(payload, indices);
            write_list(payload, sites);
        }
        Record::Place { engine, index } => {
            payload.push(PLACE);
            payload.extend_from_slice(engine.as_bytes());
            write_text(payload, index);
        }
        Record::Item(item) => {
            let flags = item.title.map_or(0, |_| HAS_TITLE) | item.link.map_or(0, |_| HAS_LINK);
            payload.extend_from_slice(&[ITEM, flags]);
            write_text(payload, item.doc_id);
            item.title.into_iter().chain(item.link).for_each(|text| write_text(payload, text));
        }
        Record::EngineChanged { hashid, name, sites } => {
            let flags = name.map_or(0, |_| HAS_NAME) | sites.as_ref().map_or(0, |_| HAS_SITES);
            payload.push(ENGINE_CHANGED);
            payload.extend_from_slice(hashid.as_bytes());
            payload.push(flags);
            name.iter().for_each(|name| write_text(payload, name));
            sites.iter().for_each(|sites| write_list(payload, sites));
        }
        Record::EngineRemoved { hashid } => {
            payload.push(ENGINE_REMOVED);
            payload.extend_from_slice(hashid.as_bytes());
        }
        Record::EngineRetired { hashid, account } => {
            payload.push(ENGINE_RETIRED);
            payload.extend_from_slice(hashid.as_bytes());
            payload.extend_from_slice(account.as_bytes());
        }
        Record::IndexRemoved { engine, index } => {
            payload.push(INDEX_REMOVED);
            payload.extend_from_slice(engine.as_bytes());
            write_text(payload, index);
        }
        Record::ItemRemoved { digest } => {
            payload.push(ITEM_REMOVED);
            payload.extend_from_slice(digest.as_bytes());
        }
    }
}

fn write_confines(payload: &mut Vec<u8>, confines: &Confines) {
    write_number(payload, confines.engines().len());
    confines.engines().iter().for_each(|engine| payload.extend_from_slice(engine.as_bytes()));
    write_number(payload, confines.origins().len());
    confines.origins().iter().for_each(|origin| write_text(payload, origin));
}

fn write_user(payload: &mut Vec<u8>, UserText { info, sealed }: &UserText<'_>) {
    payload.extend_from_slice(info.account.as_bytes());
    payload.extend_from_slice(info.stamp.as_bytes());
    payload.push(info.scopes.bits());
    payload.extend_from_slice(&info.created_ms.to_le_bytes());
    write_text(payload, &info.name);
    write_number(payload, sealed.len());
    payload.extend_from_slice(sealed);
}

fn write_list(payload: &mut Vec<u8>, list: &[&str]) {
    write_number(payload, list.len());
    list.iter().for_each(|text| write_text(payload, text));
}

fn write_number(payload: &mut Vec<u8>, number: usize) {
    let mut rest = number;
    while rest >= 0x80 {
        payload.push(0x80 | (rest & 0x7f).to_le_bytes()[0]);
        rest >>= 7;
    }
    payload.push(rest.to_le_bytes()[0]);
}

fn write_text(payload: &mut Vec<u8>, text: &str) {
    write_number(payload, text.len());
    payload.extend_from_slice(text.as_bytes());
}

/// The records of a payload, each with its offset in it. After an error there is no more.
pub(crate) struct Records<'a> {
    payload: &'a [u8],
    rest: &'a [u8],
    has_place: bool,
}

impl<'a> Records<'a> {
    /// Reads the version.
    pub(crate) fn of(payload: &'a [u8]) -> Result<Self, RecordError> {
        match payload.split_first() {
            None => Err(RecordError::Short),
            Some((0, _)) => Err(RecordError::NoVersion),
            Some((&RECORD_VERSION, rest)) => Ok(Self { payload, rest, has_place: false }),
            Some((newer, _)) => Err(RecordError::Newer(*newer)),
        }
    }

    fn read(&mut self) -> Result<Record<'a>, RecordError> {
        let [kind] = self.take()?;
        let record = match kind {
            ACCOUNT => {
                Record::Account { code: AccountCode::from_bytes(self.take()?), name: self.id("a name")? }
            }
            KEY => Record::Key { info: self.key_info()?, sealed: self.take()? },
            CONFINED_KEY => {
                let info = self.key_info()?;
                let info = KeyInfo { confines: Arc::new(self.confines(info.scopes)?), ..info };
                Record::Key { info, sealed: self.take()? }
            }
            KEY_REVOKED => Record::KeyRevoked { id: KeyId::from_bytes(self.take()?) },
            USER => Record::User(self.user()?),
            USER_REPLACED => {
                Record::UserReplaced { was: UserStamp::from_bytes(self.take()?), user: self.user()? }
            }
            USER_REMOVED => Record::UserRemoved { stamp: UserStamp::from_bytes(self.take()?) },
            ENGINE => Record::Engine {
                hashid: Hashid::from_bytes(self.take()?),
                account: AccountCode::from_bytes(self.take()?),
                name: self.id("a name")?,
                indices: self.list(ENGINE_INDICES_MAX, |records| records.id("an index"))?,
                sites: self.list(ENGINE_SITES_MAX, Self::site)?,
            },
            PLACE => Record::Place { engine: Hashid::from_bytes(self.take()?), index: self.id("an index")? },
            ITEM if self.has_place => Record::Item(self.item()?),
            ITEM_REMOVED if self.has_place => {
                Record::ItemRemoved { digest: ItemDigest::from_bytes(self.take()?) }
            }
            ITEM | ITEM_REMOVED => return Err(RecordError::NoPlace),
            ENGINE_CHANGED => self.engine_changed()?,
            ENGINE_REMOVED => Record::EngineRemoved { hashid: Hashid::from_bytes(self.take()?) },
            ENGINE_RETIRED => Record::EngineRetired {
                hashid: Hashid::from_bytes(self.take()?),
                account: AccountCode::from_bytes(self.take()?),
            },
            INDEX_REMOVED => {
                Record::IndexRemoved { engine: Hashid::from_bytes(self.take()?), index: self.id("an index")? }
            }
            unknown => return Err(RecordError::Kind(unknown)),
        };
        self.has_place |= kind == PLACE;
        Ok(record)
    }

    fn key_info(&mut self) -> Result<KeyInfo, RecordError> {
        let (id, account) = (KeyId::from_bytes(self.take()?), AccountCode::from_bytes(self.take()?));
        let [bits] = self.take()?;
        let scopes = Scopes::from_bits(bits).map_err(|_| RecordError::Value("a set of scopes"))?;
        let created_ms = i64::from_le_bytes(self.take()?);
        Ok(KeyInfo { id, account, scopes, created_ms, confines: Arc::default() })
    }

    /// Only a key for a public page has them, and one that has none is written without.
    fn confines(&mut self, scopes: Scopes) -> Result<Confines, RecordError> {
        let engines = self.list(KEY_ENGINES_MAX, |records| records.take().map(Hashid::from_bytes))?;
        let origins = self.list(KEY_ORIGINS_MAX, |records| {
            let origin = records.text()?;
            if is_origin(origin) { Ok(Box::from(origin)) } else { Err(RecordError::Value("an origin")) }
        })?;
        let confines = Confines::of(engines, origins);
        if scopes == Scopes::CLICK && !confines.is_empty() {
            Ok(confines)
        } else {
            Err(RecordError::Value("a key's confines"))
        }
    }

    fn user(&mut self) -> Result<UserText<'a>, RecordError> {
        let (account, stamp) = (AccountCode::from_bytes(self.take()?), UserStamp::from_bytes(self.take()?));
        let [bits] = self.take()?;
        let scopes = Scopes::from_bits(bits).ok().filter(|scopes| *scopes != Scopes::CLICK);
        let scopes = scopes.ok_or(RecordError::Value("a user's set of scopes"))?;
        let created_ms = i64::from_le_bytes(self.take()?);
        let name = self.text()?;
        if !is_user_name(name) {
            return Err(RecordError::Value("a user's name"));
        }
        let sealed = self.bytes()?;
        if sealed.len() > SEALED_PASSWORD_BYTES_MAX {
            return Err(RecordError::Value("a sealed password's length"));
        }
        let info = UserInfo { account, name: Arc::from(name), scopes, created_ms, stamp };
        Ok(UserText { info, sealed })
    }

    fn engine_changed(&mut self) -> Result<Record<'a>, RecordError> {
        let hashid = Hashid::from_bytes(self.take()?);
        let [flags] = self.take()?;
        if flags & !(HAS_NAME | HAS_SITES) != 0 {
            return Err(RecordError::Value("a change's flags"));
        }
        let name = (flags & HAS_NAME != 0).then(|| self.id("a name")).transpose()?;
        let sites = (flags & HAS_SITES != 0).then(|| self.list(ENGINE_SITES_MAX, Self::site)).transpose()?;
        Ok(Record::EngineChanged { hashid, name, sites })
    }

    fn item(&mut self) -> Result<ItemText<'a>, RecordError> {
        let [flags] = self.take()?;
        if flags & !(HAS_TITLE | HAS_LINK) != 0 {
            return Err(RecordError::Value("an item's flags"));
        }
        let doc_id = self.id("a doc_id")?;
        let title = (flags & HAS_TITLE != 0).then(|| self.text()).transpose()?;
        let link = (flags & HAS_LINK != 0).then(|| self.text()).transpose()?;
        if title.is_some_and(|title| title.chars().count() > ITEM_TITLE_CHARS_MAX) {
            return Err(RecordError::Value("a title"));
        }
        if link.is_some_and(|link| link.len() > ITEM_LINK_BYTES_MAX) {
            return Err(RecordError::Value("a link"));
        }
        Ok(ItemText { doc_id, title, link })
    }

    fn site(&mut self) -> Result<&'a str, RecordError> {
        self.text().and_then(|site| {
            if site.is_empty() || site.len() > SITE_BYTES_MAX {
                Err(RecordError::Value("a site"))
            } else {
                Ok(site)
            }
        })
    }

    fn id(&mut self, what: &'static str) -> Result<&'a str, RecordError> {
        let text = self.text()?;
        check_id(text).map_err(|_| RecordError::Value(what))?;
        Ok(text)
    }

    fn list<T>(
        &mut self,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, RecordError>,
    ) -> Result<Vec<T>, RecordError> {
        let count = self.number()?;
        if count > max {
            return Err(RecordError::Value("a list's length"));
        }
        (0..count).map(|_| read(self)).collect()
    }

    fn text(&mut self) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| RecordError::Value("a text's UTF-8"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], RecordError> {
        let length = self.number()?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(RecordError::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// At most five bytes, 7 bits each: no length is larger than a frame.
    fn number(&mut self) -> Result<usize, RecordError> {
        let mut number = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).map_err(|_| RecordError::Value("a number"));
            }
        }
        Err(RecordError::Value("a number"))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(RecordError::Short)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<(usize, Record<'a>), RecordError>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.payload.len() - self.rest.len();
        let record = self.read();
        if record.is_err() {
            self.rest = &[];
        }
        Some(record.map(|record| (offset, record)))
    }
}

/// The item whose record begins at `offset` of a payload.
pub(crate) fn item_at(payload: &[u8], offset: usize) -> Result<ItemText<'_>, RecordError> {
    let mut records = Records::of(payload)?;
    records.rest = payload.get(offset..).ok_or(RecordError::Short)?;
    records.has_place = true;
    match records.read()? {
        Record::Item(item) => Ok(item),
        _ => Err(RecordError::Value("a reference to an item")),
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
