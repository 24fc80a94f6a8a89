//! Cases about forgetting: days that are removed, visitors that are erased, and what becomes of what comes later.

use crate::click::{Click, Device};
use crate::conformance::world::{
    ACCOUNT, HOUR_MS, NOON_MS, OTHER_ACCOUNT, ask_in, click, click_from, count, days, everything, keep,
    keep_all, record, scan_all, search,
};
use crate::conformance::{Candidate, Case, Failure, Verdict, same};
use crate::filter::ClickFilter;
use crate::names::AccountCode;
use crate::question::{Grouping, Question};
use crate::search::Search;
use crate::store::{Forget, Forgotten, Outcome, Record, Store, StoreError};

pub const CASES: &[Case] = &[
    Case { sentence: "removed days are gone, and the others are as they were", run: days_go },
    Case {
        sentence: "what comes late for a removed day is expired, and nothing of it is kept",
        run: expired,
    },
    Case { sentence: "an id of a removed day is free again, one of a kept day is not", run: ids_of_days },
    Case {
        sentence: "a question that touches a removed day is refused with the first kept day",
        run: refused,
    },
    Case {
        sentence: "counts of removed days that are kept answer what they can, and nothing else",
        run: counts_stay,
    },
    Case { sentence: "counts that were kept go with days that are removed without", run: counts_go },
    Case {
        sentence: "days that were removed stay removed, also when the store is reopened",
        run: days_stay_gone,
    },
    Case { sentence: "a visitor's clicks and searches go, and nobody else's", run: visitor_goes },
    Case { sentence: "an erased visitor's ids are free again", run: ids_of_visitor },
    Case { sentence: "clicks that a removed search completed stay as they are", run: completed_stay },
    Case { sentence: "clicks wait on when others that waited with them are erased", run: waiting_stay },
    Case { sentence: "forgetting what is not there changes nothing", run: nothing_goes },
];

const DAY_MS: i64 = 24 * HOUR_MS;
/// A quarter of an hour.
const QUARTER_MS: i64 = HOUR_MS / 4;
/// The UTC day of [`NOON_MS`].
const TODAY: i32 = 19_874;

const fn before(day: i32) -> Forget {
    Forget::DaysBefore { day, keep_counts: false }
}

fn visitor(account: AccountCode, user: &str) -> Result<Forget, Failure> {
    Ok(Forget::Visitor { account, user: user.parse()? })
}

fn by(user: &str, id: &str, at_ms: i64) -> Result<Click, Failure> {
    Ok(Click { id: Some(id.into()), user: Some(user.parse()?), ..click("a", at_ms)? })
}

fn search_by(user: &str, id: &str) -> Result<Search, Failure> {
    Ok(Search { user: Some(user.parse()?), query: Some("red shoes".into()), ..search(id, NOON_MS) })
}

fn ids(store: &dyn Store, filter: &ClickFilter) -> Result<Vec<String>, Failure> {
    let id = |click: Click| click.id.map_or_else(String::new, String::from);
    Ok(scan_all(store, filter)?.into_iter().map(id).collect())
}

/// A click and a search on each of three days, the last of which is today.
fn three_days(store: &dyn Store) -> Verdict {
    for (id, ago) in [("1", 2), ("2", 1), ("3", 0)] {
        let at_ms = NOON_MS - ago * DAY_MS;
        keep_all(store, vec![Record::Click(by("anna", id, at_ms)?), Record::Search(search(id, at_ms))])?;
    }
    Ok(())
}

fn days_go(candidate: &mut dyn Candidate) -> Verdict {
    three_days(candidate.store())?;
    let gone = candidate.store().forget(&before(TODAY))?;
    same("gone", &gone, &Forgotten { clicks: 2, searches: 2 })?;
    same("clicks", &ids(candidate.store(), &everything())?, &vec!["3".to_owned()])?;
    for (id, found) in [("1", 0), ("2", 0), ("3", 1)] {
        same("searches", &candidate.store().searches(Some(ACCOUNT), id)?.len(), &found)?;
    }
    let status = candidate.store().status();
    same("the status", &(status.clicks, status.searches), &(1, 1))
}

fn expired(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    store.forget(&before(TODAY))?;
    let midnight_ms = NOON_MS - 12 * HOUR_MS;
    let records = vec![
        Record::Click(by("anna", "1", midnight_ms - 1)?),
        Record::Search(search("q", midnight_ms - 1)),
        Record::Click(by("anna", "1", midnight_ms)?),
        Record::Search(search("q", midnight_ms)),
    ];
    let wanted = vec![Outcome::Expired, Outcome::Expired, Outcome::Recorded, Outcome::Recorded];
    same("outcomes", &record(store, records)?, &wanted)?;
    let status = candidate.store().status();
    same("the status", &(status.clicks, status.searches), &(1, 1))
}

fn ids_of_days(candidate: &mut dyn Candidate) -> Verdict {
    three_days(candidate.store())?;
    candidate.seal();
    candidate.merge();
    candidate.store().forget(&before(TODAY))?;
    candidate.reopen();
    for (id, outcome) in [("1", Outcome::Recorded), ("3", Outcome::Duplicate), ("1", Outcome::Duplicate)] {
        let again = vec![Record::Click(by("anna", id, NOON_MS + 1)?)];
        same(id, &record(candidate.store(), again)?, &vec![outcome])?;
    }
    let again = |id| Record::Search(Search { total_hits: Some(3), ..search(id, NOON_MS + 1) });
    let found = record(candidate.store(), vec![again("1"), again("3")])?;
    same("searches", &found, &vec![Outcome::Recorded, Outcome::Conflict])
}

fn refused(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    three_days(store)?;
    store.forget(&before(TODAY))?;
    for (from, zone) in [("20240530", "Z"), ("20200101", "Z"), ("20240531", "+00:01")] {
        let question = Question::clicks(days(from, "20240601", zone)?, everything(), Grouping::Day);
        let wanted = Err(StoreError::Removed { first_kept: "2024-05-31".to_owned() });
        same(zone, &store.tally(&question, &|| false), &wanted)?;
    }
    let kept = ask_in(store, days("20240531", "20240601", "-00:01")?, Grouping::Day, everything())?;
    same("clicks from the first kept day on", &kept.total(), &1)
}

/// Clicks of the day before today in two quarters, one of them mobile.
fn yesterday(store: &dyn Store) -> Verdict {
    let (at_ms, device) = (NOON_MS - DAY_MS, Some(Device::Mobile));
    let mobile = Click { device, ..click("a", at_ms + QUARTER_MS)? };
    keep(store, vec![click("a", at_ms)?, mobile, click_from("q", "b", at_ms + QUARTER_MS - 1)?])
}

fn counts_stay(candidate: &mut dyn Candidate) -> Verdict {
    yesterday(candidate.store())?;
    keep(candidate.store(), vec![click("a", NOON_MS)?])?;
    candidate.seal();
    let what = Forget::DaysBefore { day: TODAY, keep_counts: true };
    same("gone", &candidate.store().forget(&what)?, &Forgotten { clicks: 3, searches: 0 })?;
    for _ in 0..2 {
        let store = candidate.store();
        same("in all", &count(store, everything())?, &4)?;
        let mobile = ClickFilter { device: Some(Device::Mobile), ..everything() };
        same("mobile", &count(store, mobile)?, &1)?;
        // In this zone the day begins at the second of the quarters.
        let from_noon = days("20240530", "20240530", "-12:15")?;
        same("from noon", &ask_in(store, from_noon, Grouping::Device, everything())?.total(), &2)?;
        let terms = ClickFilter { terms: Some(crate::conformance::world::terms("shoes")?), ..everything() };
        for (zone, grouping, filter) in [
            ("Z", Grouping::Terms { rows_max: 9 }, everything()),
            ("Z", Grouping::Day, terms),
            ("+00:01", Grouping::Day, everything()),
        ] {
            let question = Question::clicks(days("20240530", "20240601", zone)?, filter, grouping);
            let wanted = Err(StoreError::Removed { first_kept: "2024-05-31".to_owned() });
            same(zone, &store.tally(&question, &|| false), &wanted)?;
        }
        same("clicks that are read", &scan_all(store, &everything())?.len(), &1)?;
        candidate.reopen();
    }
    Ok(())
}

fn counts_go(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    yesterday(store)?;
    store.forget(&Forget::DaysBefore { day: TODAY, keep_counts: true })?;
    keep(store, vec![click("a", NOON_MS)?, click("a", NOON_MS + DAY_MS)?])?;
    store.forget(&before(TODAY + 1))?;
    let question = |from| -> Result<Question, Failure> {
        Ok(Question::clicks(days(from, "20240601", "Z")?, everything(), Grouping::Day))
    };
    for from in ["20240530", "20240531"] {
        let wanted = Err(StoreError::Removed { first_kept: "2024-06-01".to_owned() });
        same(from, &store.tally(&question(from)?, &|| false), &wanted)?;
    }
    store.forget(&Forget::DaysBefore { day: TODAY + 2, keep_counts: true })?;
    candidate.reopen();
    let counted = candidate.store().tally(&question("20240601")?, &|| false)?;
    same("counted", &counted.total(), &1)
}

fn days_stay_gone(candidate: &mut dyn Candidate) -> Verdict {
    three_days(candidate.store())?;
    candidate.store().forget(&before(TODAY))?;
    let again = candidate.store().forget(&before(TODAY - 7))?;
    same("gone", &again, &Forgotten::default())?;
    candidate.reopen();
    let late = vec![Record::Click(click("a", NOON_MS - DAY_MS)?)];
    same("outcome", &record(candidate.store(), late)?, &vec![Outcome::Expired])?;
    same("clicks", &ids(candidate.store(), &everything())?, &vec!["3".to_owned()])
}

fn visitor_goes(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let elsewhere = Click { account: OTHER_ACCOUNT, ..by("anna", "1", NOON_MS)? };
    keep(store, vec![by("anna", "1", NOON_MS)?, by("ben", "2", NOON_MS)?, click("a", NOON_MS)?, elsewhere])?;
    keep_all(store, vec![Record::Search(search_by("anna", "qa")?), Record::Search(search_by("ben", "qb")?)])?;
    candidate.seal();
    let store = candidate.store();
    keep(store, vec![by("anna", "3", NOON_MS + 1)?, by("anna", "4", NOON_MS - 3 * DAY_MS)?])?;
    let gone = store.forget(&visitor(ACCOUNT, "anna")?)?;
    same("gone", &gone, &Forgotten { clicks: 3, searches: 1 })?;
    same("clicks", &ids(store, &everything())?, &vec!["2".to_owned(), String::new()])?;
    same("counted", &count(store, everything())?, &2)?;
    let other = ClickFilter::all(OTHER_ACCOUNT, everything().engines);
    same("another account", &ids(store, &other)?, &vec!["1".to_owned()])?;
    same("her search", &store.searches(Some(ACCOUNT), "qa")?.len(), &0)?;
    same("his search", &store.searches(Some(ACCOUNT), "qb")?.len(), &1)
}

fn ids_of_visitor(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep(store, vec![by("anna", "1", NOON_MS)?, by("ben", "2", NOON_MS)?])?;
    keep_all(store, vec![Record::Search(search_by("anna", "q")?)])?;
    store.forget(&visitor(ACCOUNT, "anna")?)?;
    let records = vec![
        Record::Click(by("ben", "1", NOON_MS)?),
        Record::Click(by("ben", "2", NOON_MS)?),
        Record::Search(search_by("ben", "q")?),
    ];
    let wanted = vec![Outcome::Recorded, Outcome::Duplicate, Outcome::Recorded];
    same("outcomes", &record(store, records)?, &wanted)
}

fn completed_stay(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep(store, vec![click_from("q", "a", NOON_MS)?])?;
    keep_all(store, vec![Record::Search(search_by("anna", "q")?)])?;
    store.forget(&visitor(ACCOUNT, "anna")?)?;
    let terms = search_by("anna", "q")?.terms();
    let completed = Click { terms, ..click_from("q", "a", NOON_MS)? };
    same("the click", &scan_all(store, &everything())?, &vec![completed.clone()])?;
    // Another search with that id is not the one it came from.
    let other = Search { device: Some(Device::Mobile), ..search("q", NOON_MS + 1) };
    keep_all(store, vec![Record::Search(other)])?;
    same("the click after another search", &scan_all(store, &everything())?, &vec![completed])
}

fn waiting_stay(candidate: &mut dyn Candidate) -> Verdict {
    let of = |user, id| -> Result<Click, Failure> {
        Ok(Click { query_id: Some("q".into()), ..by(user, id, NOON_MS)? })
    };
    keep(candidate.store(), vec![of("anna", "1")?, of("ben", "2")?, of("anna", "3")?])?;
    candidate.seal();
    candidate.store().forget(&visitor(ACCOUNT, "anna")?)?;
    keep_all(candidate.store(), vec![Record::Search(search_by("ben", "q")?)])?;
    let completed = Click { terms: search_by("ben", "q")?.terms(), ..of("ben", "2")? };
    same("the clicks", &scan_all(candidate.store(), &everything())?, &vec![completed])
}

fn nothing_goes(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    same("of nothing", &store.forget(&visitor(ACCOUNT, "anna")?)?, &Forgotten::default())?;
    three_days(store)?;
    for what in [visitor(ACCOUNT, "ben")?, visitor(OTHER_ACCOUNT, "anna")?, before(TODAY - 2)] {
        same(&format!("{what:?}"), &store.forget(&what)?, &Forgotten::default())?;
    }
    same("clicks", &ids(store, &everything())?.len(), &3)
}
