//! The tests of the registry from outside, in one program so that they link once.

#![expect(clippy::unwrap_used, reason = "these are tests, in helpers too")]

mod accounts_keys_engines;
mod backups;
mod format;
mod histories;
mod items;
mod million;
#[path = "../../src/random.rs"]
mod random;
mod removing;
mod users;
mod world;
