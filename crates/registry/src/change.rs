//! One change of the directory, and the record that stands for it on disk. Whether it may be made is for `directory` to
//! say.

use std::sync::Arc;

use clicks::{AccountCode, EngineIndex, Hashid, IndexName};

use crate::directory::Account;
use crate::engine::Engine;
use crate::key::{KeyId, StoredKey};
use crate::record::{Record, UserText};
use crate::user::{StoredUser, UserStamp};

/// One change of the directory.
#[derive(Clone)]
pub(crate) enum Change {
    Account(Account),
    Key(Arc<StoredKey>),
    KeyRevoked(KeyId),
    User(Arc<StoredUser>),
    /// Another password for the user that has the stamp `was`.
    UserReplaced {
        was: UserStamp,
        user: Arc<StoredUser>,
    },
    UserRemoved(UserStamp),
    Engine(Arc<Engine>),
    /// The index of an item, new or known.
    Index(EngineIndex),
    /// An index that must be new.
    NewIndex(EngineIndex),
    EngineChanged {
        hashid: Hashid,
        name: Option<Arc<str>>,
        sites: Option<Vec<String>>,
    },
    EngineRemoved(Hashid),
    /// What is left of an engine that was removed.
    EngineRetired {
        hashid: Hashid,
        account: AccountCode,
    },
    IndexRemoved(EngineIndex),
}

impl Change {
    /// The record that stands for it on disk.
    pub(crate) fn record(&self) -> Record<'_> {
        match self {
            Self::Account(account) => Record::Account { code: account.code, name: &account.name },
            Self::Key(key) => Record::Key { info: key.info.clone(), sealed: key.sealed },
            Self::KeyRevoked(id) => Record::KeyRevoked { id: *id },
            Self::User(user) => Record::User(text_of(user)),
            Self::UserReplaced { was, user } => Record::UserReplaced { was: *was, user: text_of(user) },
            Self::UserRemoved(stamp) => Record::UserRemoved { stamp: *stamp },
            Self::Engine(engine) => Record::Engine {
                hashid: engine.hashid,
                account: engine.account,
                name: &engine.name,
                indices: engine.indices.iter().map(IndexName::as_str).collect(),
                sites: engine.sites.iter().map(String::as_str).collect(),
            },
            Self::Index(place) | Self::NewIndex(place) => {
                Record::Place { engine: place.engine, index: place.index.as_str() }
            }
            Self::EngineChanged { hashid, name, sites } => Record::EngineChanged {
                hashid: *hashid,
                name: name.as_deref(),
                sites: sites.as_ref().map(|sites| sites.iter().map(String::as_str).collect()),
            },
            Self::EngineRemoved(hashid) => Record::EngineRemoved { hashid: *hashid },
            Self::EngineRetired { hashid, account } => {
                Record::EngineRetired { hashid: *hashid, account: *account }
            }
            Self::IndexRemoved(place) => {
                Record::IndexRemoved { engine: place.engine, index: place.index.as_str() }
            }
        }
    }
}

fn text_of(user: &StoredUser) -> UserText<'_> {
    UserText { info: user.info.clone(), sealed: &user.sealed }
}
