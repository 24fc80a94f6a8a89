//! The tally index: beside the sealed days, what makes answers instant. It is a cache: all of it is rebuilt from the
//! days when it is missing, stale or damaged. It must never hold what the days don't.

pub mod build;
pub mod counters;
pub mod cuts;
pub mod directory;
pub mod file;
pub mod postings;

#[cfg(test)]
mod tests;
