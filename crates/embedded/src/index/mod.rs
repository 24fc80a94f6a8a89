//! The tally index: beside the sealed days, what makes answers instant. It is a cache: all of it is rebuilt from the
//! days when it is missing, stale or damaged; but for the counts of days that were removed. It must never hold what the
//! days don't, or didn't.

pub mod build;
pub mod counters;
pub mod counts;
pub mod custom_results;
pub mod cuts;
pub mod directories;
pub mod directory;
pub mod file;
pub mod head;
pub mod numbers;
pub mod part_quarters;
pub mod plan;
pub mod postings;
pub mod queries;
pub mod rows;
pub mod users;

#[cfg(test)]
mod tests;
