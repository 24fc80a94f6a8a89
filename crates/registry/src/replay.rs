//! Replay: builds what is visible from the records of a generation. A record that does not fit those before it is an
//! error, never skipped.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use clicks::{AccountCode, EngineIndex, Hashid, IndexName, ItemDigest};
use journal::Position;

use crate::change::Change;
use crate::commit::Visible;
use crate::directory::{Account, Limits};
use crate::engine::Engine;
use crate::error::RegistryError;
use crate::item::{Known, Place, RecordAt};
use crate::key::KeyVault;
use crate::record::{ItemText, Record, RecordError, Records, UserText};
use crate::user::StoredUser;

/// Why a payload does not count.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("{0}")]
    Record(#[from] RecordError),
    #[error("{0}")]
    Contradiction(#[from] RegistryError),
    #[error("a key can't be opened with the master secret")]
    Key,
    #[error("a user's password can't be opened with the master secret")]
    User,
    #[error("an item lies beyond what can be referred to")]
    Far,
    #[error("an item is removed that is not there")]
    NoItem,
}

/// Makes visible what the payloads of one generation say.
pub(crate) struct Replay<'a> {
    pub(crate) visible: &'a Visible,
    pub(crate) vault: &'a KeyVault,
    pub(crate) odd_generation: bool,
    /// The places that are gone. Their numbers are not given again, so their items may go together at the end.
    pub(crate) gone: RefCell<HashSet<Place>>,
}

impl Replay<'_> {
    /// Takes in one payload.
    pub(crate) fn take(&self, position: Position, payload: &[u8]) -> Result<(), ReplayError> {
        let mut place = None;
        let mut records = 0;
        for record in Records::of(payload)? {
            let (offset, record) = record?;
            records += u64::from(!matches!(record, Record::Place { .. }));
            match record {
                Record::Item(item) => {
                    let at = RecordAt::new(self.odd_generation, position, offset).ok_or(ReplayError::Far)?;
                    self.item(place.ok_or(RecordError::NoPlace)?, item, at);
                }
                Record::Place { engine, index } => place = Some(self.place(engine, index)?),
                Record::ItemRemoved { digest } => self.remove(place.ok_or(RecordError::NoPlace)?, digest)?,
                change => self.change(&self.understand(change)?)?,
            }
        }
        self.visible.count(records, payload.len() as u64);
        Ok(())
    }

    fn item(&self, place: Place, item: ItemText<'_>, at: RecordAt) {
        let content = self.visible.items.content_hash(item.title, item.link);
        self.visible.items.put(ItemDigest::of(item.doc_id), place, Known { content, at });
    }

    fn remove(&self, place: Place, digest: ItemDigest) -> Result<(), ReplayError> {
        let was_kept = self.visible.items.remove(digest, place);
        if was_kept { Ok(()) } else { Err(ReplayError::NoItem) }
    }

    fn place(&self, engine: Hashid, index: &str) -> Result<Place, ReplayError> {
        let known = self.visible.directory().place(engine, index);
        if let Some(place) = known {
            return Ok(place);
        }
        self.change(&Change::Index(EngineIndex { engine, index: index_name(index)? }))?;
        let place = self.visible.directory().place(engine, index);
        Ok(place.ok_or(RegistryError::NoEngine)?)
    }

    fn change(&self, change: &Change) -> Result<(), ReplayError> {
        self.visible.directory().check(change, Limits::NONE)?;
        self.gone.borrow_mut().extend(self.visible.apply([change]));
        Ok(())
    }

    fn user(&self, UserText { info, sealed }: UserText<'_>) -> Result<Arc<StoredUser>, ReplayError> {
        self.vault.users.open(info, sealed).map(Arc::new).ok_or(ReplayError::User)
    }

    fn understand(&self, record: Record<'_>) -> Result<Change, ReplayError> {
        Ok(match record {
            Record::Account { code, name } => Change::Account(Account { code, name: Arc::from(name) }),
            Record::Key { info, sealed } => {
                Change::Key(Arc::new(self.vault.open(info, sealed).ok_or(ReplayError::Key)?))
            }
            Record::KeyRevoked { id } => Change::KeyRevoked(id),
            Record::User(user) => Change::User(self.user(user)?),
            Record::UserReplaced { was, user } => Change::UserReplaced { was, user: self.user(user)? },
            Record::UserRemoved { stamp } => Change::UserRemoved(stamp),
            Record::Engine { hashid, account, name, indices, sites } => {
                Change::Engine(Arc::new(engine(hashid, account, name, &indices, &sites)?))
            }
            Record::Place { engine, index } => {
                Change::Index(EngineIndex { engine, index: index_name(index)? })
            }
            Record::EngineChanged { hashid, name, sites } => Change::EngineChanged {
                hashid,
                name: name.map(Arc::from),
                sites: sites.map(|sites| sites.into_iter().map(str::to_owned).collect()),
            },
            Record::EngineRemoved { hashid } => Change::EngineRemoved(hashid),
            Record::EngineRetired { hashid, account } => Change::EngineRetired { hashid, account },
            Record::IndexRemoved { engine, index } => {
                Change::IndexRemoved(EngineIndex { engine, index: index_name(index)? })
            }
            Record::Item(_) | Record::ItemRemoved { .. } => return Err(RecordError::NoPlace.into()),
        })
    }
}

/// Takes from a payload only where its items are. All else is visible already.
pub(crate) fn move_items(
    visible: &Visible,
    odd_generation: bool,
    position: Position,
    payload: &[u8],
) -> Result<(), ReplayError> {
    let mut place = None;
    let mut records = 0;
    for record in Records::of(payload)? {
        let (offset, record) = record?;
        records += u64::from(!matches!(record, Record::Place { .. }));
        match record {
            Record::Place { engine, index } => place = visible.directory().place(engine, index),
            Record::Item(item) => {
                let at = RecordAt::new(odd_generation, position, offset).ok_or(ReplayError::Far)?;
                let content = visible.items.content_hash(item.title, item.link);
                let place = place.ok_or(RecordError::NoPlace)?;
                visible.items.put(ItemDigest::of(item.doc_id), place, Known { content, at });
            }
            _ => {}
        }
    }
    visible.count(records, payload.len() as u64);
    Ok(())
}

fn engine(
    hashid: Hashid,
    account: AccountCode,
    name: &str,
    indices: &[&str],
    sites: &[&str],
) -> Result<Engine, RecordError> {
    let indices = indices.iter().map(|index| index_name(index)).collect::<Result<_, _>>()?;
    let sites = sites.iter().map(|site| (*site).to_owned()).collect();
    Ok(Engine { hashid, account, name: Arc::from(name), indices, sites })
}

fn index_name(index: &str) -> Result<IndexName, RecordError> {
    index.parse().map_err(|_| RecordError::Value("an index"))
}
