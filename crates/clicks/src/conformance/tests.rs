//! The oracle takes the exam, and stores that are wrong on purpose must fail it: an exam that passes everyone is none.

use std::sync::Arc;

use super::*;
use crate::click::Click;
use crate::filter::ClickFilter;
use crate::memory::MemoryStore;
use crate::names::AccountCode;
use crate::question::Question;
use crate::search::Search;
use crate::store::{ClickStream, Forget, Forgotten, Outcome, Promise, Record, StoreError, StoreStatus};
use crate::tally::Tally;

struct Oracle(MemoryStore);

impl Candidate for Oracle {
    fn store(&self) -> &dyn Store {
        &self.0
    }
}

#[test]
fn the_oracle_passes() {
    let failures = exam(|| Oracle(MemoryStore::new(JOIN_MS)));
    assert!(failures.is_empty(), "{failures:#?}");
}

/// A way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    ForgetsIds,
    ForgetsUsers,
    ForgetsTheClickOfADuplicateCall,
    MixesAccounts,
    ScansBackwards,
    LosesTheLastMillisecond,
    NeverStops,
    NamesADuplicateForAConflict,
    ForgetsWhenReopened,
    RemovesADayTooMuch,
    LosesCounts,
    ErasesNobody,
}

const FAULTS: [Fault; 12] = [
    Fault::ForgetsIds,
    Fault::ForgetsUsers,
    Fault::ForgetsTheClickOfADuplicateCall,
    Fault::MixesAccounts,
    Fault::ScansBackwards,
    Fault::LosesTheLastMillisecond,
    Fault::NeverStops,
    Fault::NamesADuplicateForAConflict,
    Fault::ForgetsWhenReopened,
    Fault::RemovesADayTooMuch,
    Fault::LosesCounts,
    Fault::ErasesNobody,
];

/// The oracle with one fault.
struct Faulty {
    store: MemoryStore,
    fault: Fault,
}

impl Faulty {
    fn new(fault: Fault) -> Self {
        Self { store: MemoryStore::new(JOIN_MS), fault }
    }

    fn spoil(&self, record: Record) -> Record {
        match (self.fault, record) {
            (Fault::ForgetsIds, Record::Click(click)) => Record::Click(Click { id: None, ..click }),
            (Fault::ForgetsUsers, Record::Click(click)) => Record::Click(Click { user: None, ..click }),
            (Fault::MixesAccounts, Record::Click(click)) => {
                Record::Click(Click { account: world::ACCOUNT, ..click })
            }
            (_, record) => record,
        }
    }
}

impl Candidate for Faulty {
    fn store(&self) -> &dyn Store {
        self
    }
    fn reopen(&mut self) -> bool {
        if self.fault == Fault::ForgetsWhenReopened {
            self.store = MemoryStore::new(JOIN_MS);
        }
        self.fault == Fault::ForgetsWhenReopened
    }
}

impl Store for Faulty {
    fn append(&self, records: Vec<Record>) -> Promise<'_, Vec<Outcome>> {
        let records: Vec<Record> = records.into_iter().map(|record| self.spoil(record)).collect();
        Box::pin(async move {
            let sent = records.clone();
            let mut outcomes = self.store.append(records).await?;
            if self.fault == Fault::NamesADuplicateForAConflict {
                for outcome in &mut outcomes {
                    *outcome = if *outcome == Outcome::Conflict { Outcome::Duplicate } else { *outcome };
                }
            }
            if self.fault == Fault::ForgetsTheClickOfADuplicateCall && outcomes.contains(&Outcome::Duplicate)
            {
                self.store.append(sent).await?;
            }
            Ok(outcomes)
        })
    }

    fn tally(&self, question: &Question, stop: &dyn Fn() -> bool) -> Result<Tally, StoreError> {
        let never = || false;
        self.store.tally(question, if self.fault == Fault::NeverStops { &never } else { stop })
    }

    fn scan(&self, from_ms: i64, until_ms: i64, filter: &ClickFilter) -> Result<ClickStream, StoreError> {
        let until_ms = until_ms - i64::from(self.fault == Fault::LosesTheLastMillisecond);
        let clicks = self.store.scan(from_ms, until_ms, filter)?;
        if self.fault != Fault::ScansBackwards {
            return Ok(clicks);
        }
        let mut clicks: Vec<_> = clicks.collect();
        clicks.reverse();
        Ok(Box::new(clicks.into_iter()))
    }

    fn searches(&self, account: Option<AccountCode>, id: &str) -> Result<Vec<Arc<Search>>, StoreError> {
        self.store.searches(account, id)
    }

    fn forget(&self, what: &Forget) -> Result<Forgotten, StoreError> {
        match what {
            Forget::DaysBefore { day, keep_counts } if self.fault == Fault::RemovesADayTooMuch => {
                self.store.forget(&Forget::DaysBefore { day: day + 1, keep_counts: *keep_counts })
            }
            Forget::DaysBefore { day, .. } if self.fault == Fault::LosesCounts => {
                self.store.forget(&Forget::DaysBefore { day: *day, keep_counts: false })
            }
            Forget::Visitor { .. } if self.fault == Fault::ErasesNobody => Ok(Forgotten::default()),
            _ => self.store.forget(what),
        }
    }

    fn settle(&self) -> Promise<'_, ()> {
        self.store.settle()
    }

    fn status(&self) -> StoreStatus {
        self.store.status()
    }
}

#[test]
fn a_store_with_a_fault_fails() {
    for fault in FAULTS {
        // Clicks without an id that come twice count twice, so this one fault shows only in random histories.
        if fault != Fault::ForgetsTheClickOfADuplicateCall {
            assert!(!exam(|| Faulty::new(fault)).is_empty(), "{fault:?} passed");
        }
    }
}

#[test]
fn a_join_window_that_is_off_by_a_millisecond_fails() {
    for join_ms in [JOIN_MS - 1, JOIN_MS + 1] {
        assert_eq!(exam(|| Oracle(MemoryStore::new(join_ms))).len(), 1);
    }
}

#[test]
fn random_histories_find_faults_and_no_others() {
    const SEEDS: u64 = 300;
    let failing =
        |fault| (0..SEEDS).filter(|seed| random_history(&mut Faulty::new(fault), *seed).is_err()).count();
    for fault in FAULTS {
        // No history tells a question to stop, and none ends a scan on the millisecond of a click.
        let unseen = [Fault::NeverStops, Fault::LosesTheLastMillisecond].contains(&fault);
        assert!(unseen || failing(fault) > 0, "{fault:?} passed");
    }
    for seed in 0..SEEDS {
        random_history(&mut Oracle(MemoryStore::new(JOIN_MS)), seed).unwrap();
    }
}
