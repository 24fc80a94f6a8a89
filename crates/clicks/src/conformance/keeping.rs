//! Cases about keeping: what is answered is kept, an id counts once, and a reopened store is the same store.

use std::thread;

use pollster::block_on;

use crate::click::{Click, Device};
use crate::conformance::world::{
    NOON_MS, OTHER_ACCOUNT, click, click_from, count, everything, keep, keep_all, record, scan_all, search,
};
use crate::conformance::{Candidate, Case, Failure, Verdict, same};
use crate::filter::ClickFilter;
use crate::search::Search;
use crate::store::{Outcome, Record, Store};

pub const CASES: &[Case] = &[
    Case { sentence: "each record of a call has its outcome, in order", run: outcomes_in_order },
    Case { sentence: "a call with nothing to record is answered", run: nothing },
    Case { sentence: "an id counts once within a call", run: once_in_a_call },
    Case {
        sentence: "an id counts once across calls, and the first click is the one kept",
        run: once_across_calls,
    },
    Case { sentence: "an id counts once across a reopening", run: once_across_reopening },
    Case { sentence: "an id means nothing to another account", run: per_account },
    Case { sentence: "clicks without an id all count", run: without_id },
    Case { sentence: "an id shared by threads counts once", run: once_across_threads },
    Case { sentence: "a reopened store gives the same clicks and searches", run: reopened },
    Case { sentence: "after settling, all that was handed in counts", run: settled },
    Case { sentence: "the status counts clicks and searches", run: status },
    Case { sentence: "names of the greatest length and of any script are kept", run: long_names },
];

fn with_id(id: &str, doc_id: &str) -> Result<Click, Failure> {
    Ok(Click { id: Some(id.into()), ..click(doc_id, NOON_MS)? })
}

fn outcomes_in_order(candidate: &mut dyn Candidate) -> Verdict {
    let first = search("q", NOON_MS);
    let records = vec![
        Record::Click(with_id("1", "a")?),
        Record::Search(first.clone()),
        Record::Click(with_id("1", "a")?),
        Record::Click(click("a", NOON_MS)?),
        Record::Search(Search { total_hits: Some(7), ..first.clone() }),
        Record::Search(first),
        Record::Click(with_id("2", "a")?),
    ];
    let wanted = vec![
        Outcome::Recorded,
        Outcome::Recorded,
        Outcome::Duplicate,
        Outcome::Recorded,
        Outcome::Conflict,
        Outcome::Duplicate,
        Outcome::Recorded,
    ];
    same("outcomes", &record(candidate.store(), records)?, &wanted)?;
    same("clicks", &count(candidate.store(), everything())?, &3)
}

fn nothing(candidate: &mut dyn Candidate) -> Verdict {
    same("outcomes", &record(candidate.store(), Vec::new())?, &Vec::new())
}

fn once_in_a_call(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let records = vec![Record::Click(with_id("1", "a")?), Record::Click(with_id("1", "b")?)];
    same("outcomes", &record(store, records)?, &vec![Outcome::Recorded, Outcome::Duplicate])?;
    same("the clicks", &scan_all(store, &everything())?, &vec![with_id("1", "a")?])
}

fn once_across_calls(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep(store, vec![with_id("1", "a")?])?;
    for doc_id in ["a", "b"] {
        let again = Click { at_ms: NOON_MS + 1, ..with_id("1", doc_id)? };
        same("outcome", &record(store, vec![Record::Click(again)])?, &vec![Outcome::Duplicate])?;
    }
    same("the clicks", &scan_all(store, &everything())?, &vec![with_id("1", "a")?])
}

fn once_across_reopening(candidate: &mut dyn Candidate) -> Verdict {
    keep(candidate.store(), vec![with_id("1", "a")?])?;
    if !candidate.reopen() {
        return Ok(());
    }
    let records = vec![Record::Click(with_id("1", "a")?), Record::Click(with_id("2", "a")?)];
    let outcomes = record(candidate.store(), records)?;
    same("outcomes", &outcomes, &vec![Outcome::Duplicate, Outcome::Recorded])?;
    same("clicks", &count(candidate.store(), everything())?, &2)
}

fn per_account(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep(store, vec![with_id("1", "a")?, Click { account: OTHER_ACCOUNT, ..with_id("1", "a")? }])?;
    same("ours", &count(store, everything())?, &1)?;
    same("theirs", &count(store, ClickFilter { account: OTHER_ACCOUNT, ..everything() })?, &1)
}

fn without_id(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let one = click_from("q", "a", NOON_MS)?;
    keep(store, vec![one.clone(), one.clone()])?;
    keep(store, vec![one])?;
    same("clicks", &count(store, everything())?, &3)
}

fn once_across_threads(candidate: &mut dyn Candidate) -> Verdict {
    const THREADS: usize = 4;
    const IDS: usize = 25;
    let store: &dyn Store = candidate.store();
    let send = || -> Result<usize, Failure> {
        let mut recorded = 0;
        for id in 0..IDS {
            let outcomes = block_on(store.append(vec![Record::Click(with_id(&id.to_string(), "a")?)]))?;
            recorded += usize::from(outcomes == [Outcome::Recorded]);
        }
        Ok(recorded)
    };
    let recorded: Result<Vec<usize>, Failure> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(send)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err(Failure::new("a thread panicked")))
        };
        threads.into_iter().map(join).collect()
    });
    same("recorded", &recorded?.into_iter().sum(), &IDS)?;
    same("counted", &count(store, everything())?, &25)
}

fn reopened(candidate: &mut dyn Candidate) -> Verdict {
    let full = Click {
        index: Some("product".parse()?),
        searched_ms: Some(NOON_MS - 9),
        rank: Some(0),
        device: Some(Device::Desktop),
        user: Some("visitor".parse()?),
        session: Some("sitting".into()),
        received_ms: NOON_MS + 3,
        query_id: Some("q".into()),
        ..with_id("1", "a")?
    };
    let seen =
        Search { doc_ids: Some(Vec::new()), query: Some(String::new().into()), ..search("q", NOON_MS) };
    keep_all(candidate.store(), vec![Record::Click(full.clone()), Record::Click(click("b", 1)?)])?;
    keep_all(candidate.store(), vec![Record::Search(seen.clone())])?;
    let wanted = vec![click("b", 1)?, full];
    for _ in 0..3 {
        let store = candidate.store();
        same("the clicks", &scan_all(store, &everything())?, &wanted)?;
        let found = store.searches(None, "q")?;
        same("the search", &found.iter().map(|search| (**search).clone()).collect(), &vec![seen.clone()])?;
        if !candidate.reopen() {
            break;
        }
    }
    Ok(())
}

fn settled(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    // Handing in is the call itself: what it promises need not be waited for.
    let promises: Vec<_> = (0..20)
        .map(|_| Ok(store.append(vec![Record::Click(click("a", NOON_MS)?)])))
        .collect::<Result<_, Failure>>()?;
    block_on(store.settle())?;
    same("clicks", &count(store, everything())?, &20)?;
    for promise in promises {
        same("outcome", &block_on(promise)?, &vec![Outcome::Recorded])?;
    }
    Ok(())
}

fn status(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep(store, vec![click("a", NOON_MS)?, with_id("1", "a")?])?;
    keep_all(store, vec![Record::Search(search("q", NOON_MS))])?;
    record(store, vec![Record::Click(with_id("1", "a")?), Record::Search(search("q", NOON_MS))])?;
    let status = store.status();
    same("able", &status.unable, &None)?;
    same("clicks and searches", &(status.clicks, status.searches), &(2, 1))?;
    if candidate.reopen() {
        let status = candidate.store().status();
        same("after reopening", &(status.clicks, status.searches), &(2, 1))?;
    }
    Ok(())
}

fn long_names(candidate: &mut dyn Candidate) -> Verdict {
    let long = "𝄞".repeat(512);
    let full = Click {
        index: Some(long.parse()?),
        id: Some(long.as_str().into()),
        query_id: Some(long.as_str().into()),
        rank: Some(10_000),
        searched_ms: Some(9_999_999_999_999),
        user: Some(long.parse()?),
        session: Some(long.as_str().into()),
        ..click(&long, 9_999_999_999_998)?
    };
    keep(candidate.store(), vec![full.clone()])?;
    same("the click", &scan_all(candidate.store(), &everything())?, &vec![full.clone()])?;
    if candidate.reopen() {
        same("after reopening", &scan_all(candidate.store(), &everything())?, &vec![full])?;
    }
    Ok(())
}
