//! The exam: what any store must do, as named cases and as random histories. It sees a store only through the trait
//! [`Store`]; what the store is made of, it must never know.
//!
//! A case that fails says so with a [`Failure`] instead of a panic: the exam is library code that every engine's tests
//! call, and one run names everything that is wrong.

mod completing;
mod counting;
mod dice;
mod filtering;
mod forgetting;
mod history;
mod keeping;
mod reading;
mod reporting;
mod searching;
mod world;

use std::fmt;

use crate::store::Store;

pub use dice::Dice;
pub use history::random_history;
pub use world::{JOIN_MS, click, search};

/// A store that takes the exam. It starts empty, and its clicks wait [`JOIN_MS`] for their search.
pub trait Candidate {
    /// The store.
    fn store(&self) -> &dyn Store;

    /// Closes the store and opens it again. `false` from a store that has nothing to open again.
    fn reopen(&mut self) -> bool {
        false
    }

    /// Puts what was recorded into the form in which it stays. `false` where nothing can be, or could not be this time.
    fn seal(&mut self) -> bool {
        false
    }

    /// Merges what stays in many pieces. `false` where there is nothing of the kind, or it could not be this time.
    fn merge(&mut self) -> bool {
        false
    }

    /// Arranges that the power fails at some moment of what is recorded next: appends from here on may be refused,
    /// and [`Candidate::crash`] follows. `false` where that can't be arranged.
    fn unplug_soon(&mut self, _seed: u64) -> bool {
        false
    }

    /// Loses the power without warning, and opens the store again on what is left. `false` where that can't be
    /// arranged.
    fn crash(&mut self, _seed: u64) -> bool {
        false
    }
}

/// What a store got wrong.
///
/// It is no [`std::error::Error`], so that `?` turns every error that is one into a failure.
pub struct Failure(String);

impl Failure {
    /// Says what went wrong.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Says first where it went wrong.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(format!("unexpected error: {error}"))
    }
}

/// Passed, or what was wrong.
pub type Verdict = Result<(), Failure>;

/// One case: a sentence that is true of every store, and how to see it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What must be true.
    pub sentence: &'static str,
    /// Sees whether it is, on a store that is empty.
    pub run: fn(&mut dyn Candidate) -> Verdict,
}

/// All cases, in the order in which a reader would ask for them.
pub fn cases() -> impl Iterator<Item = Case> {
    let rooms = [
        counting::CASES,
        filtering::CASES,
        completing::CASES,
        keeping::CASES,
        reading::CASES,
        searching::CASES,
        reporting::CASES,
        forgetting::CASES,
    ];
    rooms.into_iter().flatten().copied()
}

/// Lets candidates take every case, a fresh one each, and returns what was wrong; nothing when the exam is passed.
pub fn exam<C: Candidate>(mut fresh: impl FnMut() -> C) -> Vec<Failure> {
    let run = |case: Case| (case.run)(&mut fresh()).map_err(|failure| failure.at(case.sentence));
    cases().map(run).filter_map(Verdict::err).collect()
}

/// Fails unless both are equal.
fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, wanted: &T) -> Verdict {
    if found == wanted {
        return Ok(());
    }
    Err(Failure(format!("{what}: found {found:?}, wanted {wanted:?}")))
}

#[cfg(test)]
mod tests;
