//! The commands, each in its own room.

mod backup;
mod check;
mod demo;
mod export;
mod import;
mod known;
mod remote;
mod retention;
mod sample;
mod serve;
mod stats;

pub use backup::{backup, restore};
pub use check::check;
pub use demo::demo;
pub use export::export;
pub use import::import;
pub use known::{account, engine, erase, key};
pub use serve::serve;
pub use stats::stats;
