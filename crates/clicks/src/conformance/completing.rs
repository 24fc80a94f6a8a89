//! Cases about searches: what a click learns from its search, whichever of the two comes first.

use crate::click::{Click, Device};
use crate::conformance::world::{
    ENGINE, JOIN_MS, NOON_MS, OTHER_ACCOUNT, SECOND_ENGINE, click, click_from, count, everything, keep,
    keep_all, record, scan_all, search, terms,
};
use crate::conformance::{Candidate, Case, Failure, Verdict, same};
use crate::filter::ClickFilter;
use crate::names::EngineIndex;
use crate::search::Search;
use crate::store::{Outcome, Record, Store};

pub const CASES: &[Case] = &[
    Case { sentence: "a click is completed from a search that is known", run: search_first },
    Case { sentence: "a search that comes late completes the clicks before it", run: search_later },
    Case { sentence: "one call may bring clicks and their search in any order", run: in_one_call },
    Case { sentence: "what a click tells itself stays", run: click_wins },
    Case { sentence: "a visitor who is not told by the click is not told by its search", run: visitor_stays },
    Case { sentence: "nothing moves a click to another engine", run: engine_stays },
    Case { sentence: "an index comes only from a search in exactly one index", run: only_index },
    Case { sentence: "the first search with an id wins; another is a conflict", run: first_search_wins },
    Case { sentence: "a search told again is a duplicate, whenever it is told", run: same_search },
    Case { sentence: "a click waits for its search until the join window ends", run: join_window },
    Case { sentence: "a search that is known completes clicks however late they come", run: known_search },
    Case { sentence: "a query id means nothing to another account", run: per_account },
    Case { sentence: "many clicks of one search are all completed", run: many_clicks },
];

fn full_search(id: &str) -> Result<Search, Failure> {
    Ok(Search {
        indices: vec!["product".parse()?],
        query: Some(" Red SHOES ".into()),
        doc_ids: Some(vec!["a".parse()?, "b".parse()?]),
        device: Some(Device::Mobile),
        total_hits: Some(12),
        user: Some("visitor".parse()?),
        session: Some("sitting".into()),
        ..search(id, NOON_MS)
    })
}

/// The click that `full_search` makes of a bare one.
fn completed(bare: &Click) -> Result<Click, Failure> {
    Ok(Click {
        index: Some("product".parse()?),
        device: Some(Device::Mobile),
        terms: Some(terms("red shoes")?),
        ..bare.clone()
    })
}

fn expect_one(store: &dyn Store, wanted: &Click) -> Verdict {
    same("the click", &scan_all(store, &everything())?, &vec![wanted.clone()])?;
    let parts = ClickFilter {
        places: wanted.index.clone().map(|index| vec![EngineIndex { engine: wanted.engine, index }]),
        device: wanted.device,
        terms: wanted.terms.clone(),
        ..everything()
    };
    same("counted by its parts", &count(store, parts)?, &1)
}

fn search_first(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let bare = click_from("q", "a", NOON_MS + 5)?;
    keep_all(store, vec![Record::Search(full_search("q")?)])?;
    keep(store, vec![bare.clone()])?;
    expect_one(store, &completed(&bare)?)
}

fn search_later(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let bare = click_from("q", "a", NOON_MS - 5)?;
    keep(store, vec![bare.clone()])?;
    expect_one(store, &bare)?;
    keep_all(store, vec![Record::Search(full_search("q")?)])?;
    expect_one(store, &completed(&bare)?)?;
    if candidate.reopen() {
        expect_one(candidate.store(), &completed(&bare)?)?;
    }
    Ok(())
}

fn in_one_call(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let (before, after) = (click_from("q", "a", NOON_MS - 1)?, click_from("q", "b", NOON_MS + 1)?);
    let records =
        vec![Record::Click(before.clone()), Record::Search(full_search("q")?), Record::Click(after.clone())];
    keep_all(store, records)?;
    let wanted = vec![completed(&before)?, completed(&after)?];
    same("the clicks", &scan_all(store, &everything())?, &wanted)
}

fn click_wins(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let telling = |query_id| -> Result<Click, Failure> {
        Ok(Click {
            index: Some("page".parse()?),
            device: Some(Device::Desktop),
            terms: Some(terms("hats")?),
            user: Some("somebody".parse()?),
            session: Some("another".into()),
            ..click_from(query_id, "a", NOON_MS)?
        })
    };
    let clicks = vec![telling("early")?, telling("late")?];
    keep_all(store, vec![Record::Search(full_search("early")?)])?;
    keep(store, clicks.clone())?;
    keep_all(store, vec![Record::Search(full_search("late")?)])?;
    same("the clicks", &scan_all(store, &everything())?, &clicks)
}

fn visitor_stays(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep(store, vec![click_from("q", "a", NOON_MS)?])?;
    keep_all(store, vec![Record::Search(full_search("q")?)])?;
    keep(store, vec![click_from("q", "a", NOON_MS)?])?;
    for found in scan_all(store, &everything())? {
        same("visitor", &(found.user, found.session), &(None, None))?;
    }
    Ok(())
}

fn engine_stays(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let bare = Click { engine: SECOND_ENGINE, ..click_from("q", "a", NOON_MS)? };
    keep(store, vec![bare.clone()])?;
    keep_all(store, vec![Record::Search(full_search("q")?)])?;
    // An index of the search's engine is none of the click's.
    expect_one(store, &Click { index: None, ..completed(&bare)? })?;
    let of = |engine| ClickFilter { engines: vec![engine], ..everything() };
    same("of the search's engine", &count(store, of(ENGINE))?, &0)?;
    same("of its own engine", &count(store, of(SECOND_ENGINE))?, &1)
}

fn only_index(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let bare = click_from("q", "a", NOON_MS)?;
    keep(store, vec![bare.clone()])?;
    let indices = vec!["product".parse()?, "page".parse()?];
    keep_all(store, vec![Record::Search(Search { indices, ..full_search("q")? })])?;
    expect_one(store, &Click { index: None, ..completed(&bare)? })
}

fn first_search_wins(candidate: &mut dyn Candidate) -> Verdict {
    let first = full_search("q")?;
    let others = [
        Search { query: Some("hats".into()), ..first.clone() },
        Search { doc_ids: None, ..first.clone() },
        Search { at_ms: NOON_MS + 1, ..first.clone() },
        Search { engine: SECOND_ENGINE, ..first.clone() },
        Search { total_hits: None, ..first.clone() },
    ];
    let bare = click_from("q", "a", NOON_MS)?;
    let store = candidate.store();
    keep_all(store, vec![Record::Search(first.clone())])?;
    for round in 0..2 {
        let store = candidate.store();
        let records = others.iter().cloned().map(Record::Search).collect();
        same("outcomes", &record(store, records)?, &vec![Outcome::Conflict; others.len()])?;
        if round == 0 {
            keep(store, vec![bare.clone()])?;
        }
        expect_one(store, &completed(&bare)?)?;
        let found = store.searches(Some(first.account), "q")?;
        same("the search", &found.iter().map(|search| (**search).clone()).collect(), &vec![first.clone()])?;
        if !candidate.reopen() {
            break;
        }
    }
    Ok(())
}

fn same_search(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let first = full_search("q")?;
    let again = || Record::Search(Search { received_ms: first.received_ms + 9, ..first.clone() });
    let outcomes = record(store, vec![Record::Search(first.clone()), again()])?;
    same("in one call", &outcomes, &vec![Outcome::Recorded, Outcome::Duplicate])?;
    same("in another", &record(store, vec![again()])?, &vec![Outcome::Duplicate])?;
    same("searches", &store.status().searches, &1)?;
    if candidate.reopen() {
        same("after reopening", &record(candidate.store(), vec![again()])?, &vec![Outcome::Duplicate])?;
    }
    Ok(())
}

fn join_window(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    // The wait is between the two receptions; when the click itself happened is of no matter.
    let received = |received_ms| click_from("q", "a", NOON_MS).map(|click| Click { received_ms, ..click });
    let (in_time, too_early) = (received(NOON_MS - JOIN_MS)?, received(NOON_MS - JOIN_MS - 1)?);
    keep(store, vec![in_time.clone(), too_early.clone()])?;
    keep_all(store, vec![Record::Search(full_search("q")?)])?;
    let wanted = vec![completed(&in_time)?, too_early];
    same("the clicks", &scan_all(store, &everything())?, &wanted)?;
    if candidate.reopen() {
        same("after reopening", &scan_all(candidate.store(), &everything())?, &wanted)?;
    }
    Ok(())
}

fn known_search(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep_all(store, vec![Record::Search(full_search("q")?)])?;
    let late = click_from("q", "a", NOON_MS + 10 * JOIN_MS)?;
    keep(store, vec![late.clone()])?;
    expect_one(store, &completed(&late)?)
}

fn per_account(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let (ours, nameless) = (click_from("q", "a", NOON_MS)?, click("b", NOON_MS)?);
    let theirs = Click { account: OTHER_ACCOUNT, ..click_from("q", "c", NOON_MS)? };
    let their_search = Search { account: OTHER_ACCOUNT, query: Some("hats".into()), ..search("q", NOON_MS) };
    keep(store, vec![ours.clone(), nameless.clone(), theirs.clone()])?;
    keep_all(store, vec![Record::Search(their_search)])?;
    same("ours", &scan_all(store, &everything())?, &vec![ours, nameless])?;
    let their_clicks = ClickFilter { account: OTHER_ACCOUNT, ..everything() };
    let wanted = vec![Click { terms: Some(terms("hats")?), ..theirs }];
    same("theirs", &scan_all(store, &their_clicks)?, &wanted)?;
    keep_all(store, vec![Record::Search(full_search("q")?)])?;
    same("theirs, still", &scan_all(store, &their_clicks)?, &wanted)
}

fn many_clicks(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let day_ms = 86_400_000;
    let clicks = (0..300).map(|number| {
        let click = click_from(if number % 3 == 0 { "other" } else { "q" }, "a", NOON_MS)?;
        Ok(Click { at_ms: NOON_MS + number % 3 * day_ms - day_ms, ..click })
    });
    keep(store, clicks.collect::<Result<_, Failure>>()?)?;
    keep_all(store, vec![Record::Search(full_search("q")?)])?;
    let red_shoes = ClickFilter { terms: Some(terms("red shoes")?), ..everything() };
    same("completed", &count(store, red_shoes)?, &200)?;
    same("all", &count(store, everything())?, &300)
}
