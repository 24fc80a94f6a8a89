//! Fuzz targets: one for each kind of reader of bytes from disk or network. `run` of a target takes whatever bytes, and
//! panics when a reader does what none may do: panic, go on for ever, take memory that nothing was shown for, or give
//! another answer than it should without saying so.
//!
//! Most targets have two halves. *Damaged*: a file that the product wrote, with a burst of up to 32 bits, a cut or a loss,
//! which no checksum of ours may miss; so every wrong answer is a finding. *Forged*: bytes of the fuzzer, with checksums
//! that fit, so that what lies behind them is read.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod checks;
mod doors;
mod event_seeds;
mod input;
mod memory;
mod model;
mod site;
pub mod world;

pub mod control;
pub mod days;
pub mod events;
pub mod http;
pub mod import;
pub mod journal;
pub mod management;
pub mod manifest;
pub mod records;
pub mod registry;
pub mod store;
pub mod words;
