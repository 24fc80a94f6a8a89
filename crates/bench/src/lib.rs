//! The yardstick: a year of made-up clicks of any size, the same every time, and the questions whose answers are timed
//! on them. `benches/compare` asks the peers the same questions of the same clicks. No other crate may need it.

mod ask;
mod deadlines;
mod feed;
mod likely;
mod lines;
mod names;
mod process;
mod questions;
mod rhythm;
mod visitors;
mod world;
mod year;

pub use ask::ask;
pub use deadlines::deadlines;
pub use feed::{Failed, into_days, into_lines, into_store, open};
pub use lines::add_line;
pub use names::{ENGINES, ITEMS, TERMS, engines, index_shares};
pub use process::Memory;
pub use world::World;
pub use year::{Telling, Year};
