//! Who and what: accounts, keys, search engines, indices and items. Durable in a journal of its own.
//!
//! Rooms, from the ground up: `secret`, `scopes`, `confines`, `key`, `engine`, `item` (what is kept, and how), `record` (how it is
//! written; drawn in `docs/formats/registry.md`), `change` and `directory` (the rules), `generation` (which journal counts), `replay`
//! and `compaction` (reading it back, writing it anew), `commit` (deciding and making visible, on the writer's thread),
//! `opening`, `renewal` and `backup` (which generation serves, and its copy), `registry`, `changing` and `catalogue` (what callers see), `verify`.
//! It must never know HTTP, and never let a key in clear or the master secret reach a disk or a message.

mod backup;
mod catalogue;
mod change;
mod changing;
mod commit;
mod compaction;
mod confines;
mod digits;
mod directory;
mod engine;
mod error;
mod generation;
mod item;
mod key;
mod opening;
mod options;
#[cfg(test)]
mod random;
mod record;
mod registry;
mod renewal;
mod replay;
mod scopes;
mod secret;
mod verify;

pub use backup::RegistryBackup;
pub use catalogue::PLACES_MAX;
pub use confines::{Confines, KEY_ENGINES_MAX, KEY_ORIGINS_MAX, ORIGIN_BYTES_MAX};
pub use directory::{ACCOUNT_KEYS_MAX, Account};
pub use engine::{
    ENGINE_INDICES_MAX, ENGINE_SITES_MAX, ENGINES_RETIRED_MAX, Engine, EngineUpdate, NewEngine,
    SITE_BYTES_MAX,
};
pub use error::{OpenError, RegistryError};
pub use item::{ITEM_LINK_BYTES_MAX, ITEM_TITLE_CHARS_MAX, PutItem, RemoveItem};
pub use key::{KEY_CHARS, KeyId, KeyIdError, KeyInfo, NewKey, SigningKey};
pub use options::RegistryOptions;
pub use registry::{Registry, RegistryCounts};
pub use scopes::{Scope, Scopes, ScopesError};
pub use secret::{MasterSecret, SecretError};
pub use verify::{Verified, verify};
