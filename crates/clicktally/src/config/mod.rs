//! Configuration in two steps: what was typed (flags, environment, file), then what was checked.

mod checked;
mod typed;

pub use checked::{Config, LogFormat};
pub use typed::Typed;
#[cfg(test)]
pub use typed::{List, Switch};
