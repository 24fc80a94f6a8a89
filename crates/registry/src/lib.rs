//! Who and what: accounts, keys, users, search engines, indices and items. Durable in a journal of its own.
//!
//! Rooms, from the ground up: `secret`, `scopes`, `confines`, `key`, `password`, `user`, `engine`, `item` (what is kept, and how), `record` (how it is
//! written; drawn in `docs/formats/registry.md`), `change` and `directory` (the rules), `generation` (which journal counts), `replay`
//! and `compaction` (reading it back, writing it anew), `commit` (deciding and making visible, on the writer's thread),
//! `opening`, `renewal` and `backup` (which generation serves, and its copy), `registry`, `changing` and `catalogue` (what callers see), `verify`.
//! It must never know HTTP, and never let a key or a password in clear or the master secret reach a disk or a message.

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
mod password;
#[cfg(test)]
mod random;
mod record;
mod registry;
mod renewal;
mod replay;
mod scopes;
mod secret;
mod user;
mod verify;

pub use backup::RegistryBackup;
pub use catalogue::PLACES_MAX;
pub use confines::{Confines, KEY_ENGINES_MAX, KEY_ORIGINS_MAX, ORIGIN_BYTES_MAX};
pub use directory::{ACCOUNT_KEYS_MAX, ACCOUNT_USERS_MAX, Account};
pub use engine::{
    ENGINE_INDICES_MAX, ENGINE_SITES_MAX, ENGINES_RETIRED_MAX, Engine, EngineUpdate, NewEngine,
    SITE_BYTES_MAX,
};
pub use error::{OpenError, RegistryError};
pub use item::{ITEM_LINK_BYTES_MAX, ITEM_TITLE_CHARS_MAX, PutItem, RemoveItem};
pub use key::{KEY_CHARS, KeyId, KeyIdError, KeyInfo, NewKey, SigningKey};
pub use options::RegistryOptions;
pub use password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordHash};
pub use registry::{Registry, RegistryCounts};
pub use scopes::{Scope, Scopes, ScopesError};
pub use secret::{MasterSecret, SecretError};
pub use user::{USER_NAME_CHARS_MAX, UserInfo, UserStamp, same_user_name};
pub use verify::{Verified, verify};
