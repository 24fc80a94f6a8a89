//! The commands, each in its own room.

mod backup;
mod check;
mod completions;
mod demo;
mod export;
mod import;
mod known;
mod notify;
mod remote;
mod retention;
mod sample;
mod serve;
mod stats;
mod top;
mod users;

pub use backup::{backup, restore};
pub use check::check;
pub use completions::{completions, man};
pub use demo::demo;
pub use export::export;
pub use import::import;
pub use known::{account, engine, erase, key};
pub use serve::serve;
pub use stats::stats;
pub use top::{status, top};
pub use users::user;
