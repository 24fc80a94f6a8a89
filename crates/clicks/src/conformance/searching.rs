//! Cases about searches: how many were made, of which terms, by whom, and which of them found how much.

use crate::click::Device;
use crate::conformance::world::{
    ACCOUNT, ENGINE, HOUR_MS, NOON_MS, OTHER_ACCOUNT, SECOND_ENGINE, click, days, everything, keep_all,
    search, terms,
};
use crate::conformance::{Candidate, Case, Failure, Verdict, same};
use crate::filter::ClickFilter;
use crate::item::{ClickedItem, Dfid, ItemDigest};
use crate::names::EngineIndex;
use crate::question::{Grouping, Measure, Question};
use crate::search::{Search, SearchKind};
use crate::store::{Forget, Record, Store};
use crate::tally::Tally;

pub const CASES: &[Case] = &[
    Case { sentence: "a search that was acknowledged is in the next tally, on its day", run: acknowledged },
    Case { sentence: "searches and clicks are counted apart", run: apart },
    Case { sentence: "a search that came again is counted once", run: once },
    Case { sentence: "searches count by terms, and what was typed is folded", run: by_terms },
    Case { sentence: "a search in several indices is in each of them, and counts once", run: in_indices },
    Case { sentence: "searches are told apart by how much they found", run: hits },
    Case { sentence: "visitors of searches are counted once each", run: distinct },
    Case { sentence: "no search is on an item or of a kind of result", run: no_items },
    Case { sentence: "searches, openings and redirections are counted apart", run: kinds },
    Case { sentence: "what is forgotten of searches is counted no more", run: forgotten },
];

fn ask(store: &dyn Store, grouping: Grouping, filter: ClickFilter) -> Result<Tally, Failure> {
    let days = days("20240530", "20240601", "Z")?;
    Ok(store.tally(&Question::searches(days, filter, grouping), &|| false)?)
}

fn count(store: &dyn Store, filter: ClickFilter) -> Result<u64, Failure> {
    Ok(ask(store, Grouping::Day, filter)?.total())
}

fn keep(candidate: &dyn Candidate, searches: Vec<Search>) -> Verdict {
    keep_all(candidate.store(), searches.into_iter().map(Record::Search).collect())
}

fn typed(id: &str, query: &str) -> Search {
    Search { query: Some(query.into()), ..search(id, NOON_MS) }
}

fn acknowledged(candidate: &mut dyn Candidate) -> Verdict {
    for sent in 1..=3 {
        keep(candidate, vec![search(&format!("q{sent}"), NOON_MS)])?;
        let found = ask(candidate.store(), Grouping::Day, everything())?;
        same("days", &found, &Tally::Days(vec![0, sent, 0]))?;
        candidate.seal();
        let found = ask(candidate.store(), Grouping::Day, everything())?;
        same("sealed days", &found, &Tally::Days(vec![0, sent, 0]))?;
    }
    let of_second = Search { engine: SECOND_ENGINE, ..search("other", NOON_MS + 24 * HOUR_MS) };
    keep(candidate, vec![of_second])?;
    let engines = Tally::Engines(vec![(ENGINE, 3), (SECOND_ENGINE, 1)]);
    same("engines", &ask(candidate.store(), Grouping::Engine, everything())?, &engines)?;
    let others = ClickFilter { account: OTHER_ACCOUNT, ..everything() };
    same("another account", &count(candidate.store(), others)?, &0)
}

fn apart(candidate: &mut dyn Candidate) -> Verdict {
    let records = vec![Record::Search(typed("q", "shoes")), Record::Click(click("a", NOON_MS)?)];
    keep_all(candidate.store(), records)?;
    for _ in 0..2 {
        let days = days("20240530", "20240601", "Z")?;
        let clicks = Question::clicks(days, everything(), Grouping::Terms { rows_max: 9 });
        let found = candidate.store().tally(&clicks, &|| false)?;
        same("clicks", &found, &Tally::Terms(vec![(None, 1)]))?;
        let found = ask(candidate.store(), Grouping::Terms { rows_max: 9 }, everything())?;
        same("searches", &found, &Tally::Terms(vec![(Some(terms("shoes")?), 1)]))?;
        candidate.seal();
    }
    Ok(())
}

fn once(candidate: &mut dyn Candidate) -> Verdict {
    keep(candidate, vec![typed("q", "shoes")])?;
    for again in [typed("q", "shoes"), typed("q", "boots")] {
        crate::conformance::world::record(candidate.store(), vec![Record::Search(again)])?;
        same("searches", &count(candidate.store(), everything())?, &1)?;
        candidate.seal();
    }
    same("sealed", &count(candidate.store(), everything())?, &1)
}

fn by_terms(candidate: &mut dyn Candidate) -> Verdict {
    let searches = ["Red  Shoes", "red shoes", "hat"].into_iter().zip(["1", "2", "3"]);
    keep(candidate, searches.map(|(query, id)| typed(id, query)).collect())?;
    keep(candidate, vec![search("4", NOON_MS)])?;
    let mobile = Search { device: Some(Device::Mobile), ..typed("5", "hat") };
    keep(candidate, vec![mobile, typed("6", "a hat")])?;
    for _ in 0..2 {
        let rows =
            [(Some(terms("hat")?), 2), (Some(terms("red shoes")?), 2), (Some(terms("a hat")?), 1), (None, 1)];
        for rows_max in 0..=rows.len() {
            let found = ask(candidate.store(), Grouping::Terms { rows_max }, everything())?;
            same("terms", &found, &Tally::Terms(rows[..rows_max].to_vec()))?;
        }
        let hats = ClickFilter { terms: Some(terms("HAT")?), ..everything() };
        same("one search", &count(candidate.store(), hats.clone())?, &2)?;
        let devices = Tally::Devices(vec![(Some(Device::Mobile), 1), (Some(Device::Desktop), 0), (None, 1)]);
        same("its devices", &ask(candidate.store(), Grouping::Device, hats)?, &devices)?;
        candidate.seal();
    }
    Ok(())
}

fn in_indices(candidate: &mut dyn Candidate) -> Verdict {
    let of = |id: &str, indices: &[&str]| -> Result<Search, Failure> {
        let indices = indices.iter().map(|index| index.parse()).collect::<Result<_, _>>()?;
        Ok(Search { indices, ..search(id, NOON_MS) })
    };
    let both = ["product", "page"];
    keep(
        candidate,
        vec![of("1", &[])?, of("2", &both[..1])?, of("3", &both)?, of("4", &["page", "product"])?],
    )?;
    keep(candidate, vec![Search { engine: SECOND_ENGINE, ..of("5", &both)? }])?;
    let places = |indices: &[&str]| -> Result<ClickFilter, Failure> {
        let place = |index: &&str| Ok(EngineIndex { engine: ENGINE, index: index.parse()? });
        let places = indices.iter().map(place).collect::<Result<Vec<_>, Failure>>()?;
        Ok(ClickFilter { places: Some(places), ..everything() })
    };
    for _ in 0..2 {
        for (indices, wanted) in [(&both[..1], 3), (&both[1..], 2), (&both, 3), (&["blog"], 0)] {
            same(&format!("{indices:?}"), &count(candidate.store(), places(indices)?)?, &wanted)?;
        }
        same("all", &count(candidate.store(), everything())?, &5)?;
        candidate.seal();
    }
    Ok(())
}

fn hits(candidate: &mut dyn Candidate) -> Verdict {
    let of = |id: &str, total_hits| Search { total_hits, ..typed(id, "hat") };
    let found = [None, Some(0), Some(0), Some(1), Some(300), Some(9_007_199_254_740_991)];
    let searches = (0..).zip(found).map(|(id, hits): (u32, _)| of(&id.to_string(), hits));
    keep(candidate, searches.collect())?;
    for _ in 0..2 {
        let asked = |hits, hits_not| ClickFilter { hits, hits_not, ..everything() };
        for (hits, hits_not, wanted) in [
            (Some(0), None, 2),
            (Some(1), None, 1),
            (Some(300), None, 1),
            (Some(9_007_199_254_740_991), None, 1),
            (Some(9_007_199_254_740_990), None, 0),
            (Some(2), None, 0),
            (None, Some(0), 4),
            (None, Some(300), 5),
            (Some(300), Some(300), 0),
            (Some(300), Some(0), 1),
        ] {
            let what = format!("{hits:?}, not {hits_not:?}");
            same(&what, &count(candidate.store(), asked(hits, hits_not))?, &wanted)?;
            let tally = ask(candidate.store(), Grouping::Terms { rows_max: 9 }, asked(hits, hits_not))?;
            same(&format!("{what}, by terms"), &tally.total(), &wanted)?;
        }
        candidate.seal();
    }
    Ok(())
}

fn distinct(candidate: &mut dyn Candidate) -> Verdict {
    let by = |id: &str, user: Option<&str>| -> Result<Search, Failure> {
        Ok(Search { user: user.map(str::parse).transpose()?, ..typed(id, "hat") })
    };
    keep(candidate, vec![by("1", Some("anna"))?, by("2", Some("anna"))?, by("3", None)?])?;
    candidate.seal();
    keep(candidate, vec![by("4", Some("ben"))?, by("5", Some("anna"))?])?;
    for _ in 0..2 {
        let found = ask(candidate.store(), Grouping::Distinct, everything())?;
        same("all", &found, &Tally::Distinct { count: 5, users: 2, items: 0 })?;
        let hats = ClickFilter { terms: Some(terms("hat")?), hits_not: Some(7), ..everything() };
        let found = ask(candidate.store(), Grouping::Distinct, hats)?;
        same("of one search", &found, &Tally::Distinct { count: 5, users: 2, items: 0 })?;
        candidate.seal();
    }
    Ok(())
}

fn no_items(candidate: &mut dyn Candidate) -> Verdict {
    let shown = Search {
        doc_ids: Some(vec!["a".parse()?]),
        indices: vec!["product".parse()?],
        ..search("q", NOON_MS)
    };
    let item = Dfid { engine: ENGINE, index: "product".parse()?, digest: ItemDigest::of("a") };
    let clicked = crate::click::Click { index: Some("product".parse()?), ..click("a", NOON_MS)? };
    keep_all(candidate.store(), vec![Record::Search(shown), Record::Click(clicked)])?;
    for _ in 0..2 {
        let on_item = ClickFilter { item: Some(item.clone()), ..everything() };
        same("on an item", &count(candidate.store(), on_item)?, &0)?;
        let product_types = vec![crate::click::ProductType::Search];
        same("of a kind", &count(candidate.store(), ClickFilter { product_types, ..everything() })?, &0)?;
        let found = ask(candidate.store(), Grouping::Items { rows_max: 9 }, everything())?;
        same("items", &found, &Tally::Items(vec![]))?;
        let found = ask(candidate.store(), Grouping::ItemRanks { rows_max: 9 }, everything())?;
        same("ranks", &found, &Tally::ItemRanks(vec![]))?;
        candidate.seal();
    }
    Ok(())
}

fn kinds(candidate: &mut dyn Candidate) -> Verdict {
    let of = |id: &str, kind, to: Option<&str>| -> Result<Search, Failure> {
        let doc_ids = to.map(|to| to.parse().map(|to| vec![to])).transpose()?;
        let user = Some("anna".parse()?);
        Ok(Search { kind, doc_ids, user, total_hits: Some(7), ..typed(id, "hat") })
    };
    let (opened, redirected) = (SearchKind::Opened, SearchKind::Redirected);
    keep(
        candidate,
        vec![of("1", SearchKind::Asked, Some("a"))?, of("2", opened, None)?, of("3", opened, None)?],
    )?;
    let leads = [("4", Some("9")), ("5", Some("9")), ("6", Some("11")), ("7", None)];
    keep(candidate, leads.into_iter().map(|(id, to)| of(id, redirected, to)).collect::<Result<_, _>>()?)?;
    for _ in 0..2 {
        let ask = |measure, filter: &ClickFilter, grouping| -> Result<Tally, Failure> {
            let (days, filter) = (days("20240530", "20240601", "Z")?, filter.clone());
            let question = Question { days, measure, filter, grouping, matching: None };
            Ok(candidate.store().tally(&question, &|| false)?)
        };
        let rows = [(Measure::Searches, 1, 0), (Measure::Openings, 2, 0), (Measure::Redirections, 4, 2)];
        for (measure, count, items) in rows {
            let what = format!("{measure:?}");
            same(&what, &ask(measure, &everything(), Grouping::Day)?, &Tally::Days(vec![0, count, 0]))?;
            let terms = Tally::Terms(vec![(Some(terms("hat")?), count)]);
            same(&what, &ask(measure, &everything(), Grouping::Terms { rows_max: 9 })?, &terms)?;
            let distinct = Tally::Distinct { count, users: 1, items };
            same(&what, &ask(measure, &everything(), Grouping::Distinct)?, &distinct)?;
        }
        let to = |doc_id: &str| -> Result<ClickedItem, Failure> {
            Ok(ClickedItem { engine: ENGINE, index: None, doc_id: doc_id.parse()? })
        };
        let found = ask(Measure::Redirections, &everything(), Grouping::Items { rows_max: 9 })?;
        same("by redirection", &found, &Tally::Items(vec![(to("9")?, 2), (to("11")?, 1)]))?;
        let found = ask(Measure::Redirections, &everything(), Grouping::ItemRanks { rows_max: 1 })?;
        same("without a rank", &found, &Tally::ItemRanks(vec![(to("9")?, None, 2)]))?;
        let one = ClickFilter { doc_id: Some("9".parse()?), ..everything() };
        same("of one", &ask(Measure::Redirections, &one, Grouping::Day)?.total(), &2)?;
        same("no search", &ask(Measure::Searches, &one, Grouping::Day)?.total(), &0)?;
        let found_so_many = ClickFilter { hits: Some(7), ..everything() };
        same("openings find nothing", &ask(Measure::Openings, &found_so_many, Grouping::Day)?.total(), &0)?;
        candidate.seal();
    }
    Ok(())
}

fn forgotten(candidate: &mut dyn Candidate) -> Verdict {
    let anna: crate::names::UserCode = "anna".parse()?;
    let hers = Search { user: Some(anna.clone()), ..typed("1", "hat") };
    keep(candidate, vec![hers, typed("2", "hat")])?;
    candidate.seal();
    candidate.store().forget(&Forget::Visitor { account: ACCOUNT, user: anna })?;
    let found = ask(candidate.store(), Grouping::Terms { rows_max: 9 }, everything())?;
    same("after an erasure", &found, &Tally::Terms(vec![(Some(terms("hat")?), 1)]))?;
    let day = i32::try_from(NOON_MS / (24 * HOUR_MS))? + 1;
    candidate.store().forget(&Forget::DaysBefore { day, keep_counts: true })?;
    let days = days("20240530", "20240601", "Z")?;
    let removed = candidate.store().tally(&Question::searches(days, everything(), Grouping::Day), &|| false);
    if removed.is_ok() {
        return Err(Failure::new("searches of removed days were counted"));
    }
    Ok(())
}
