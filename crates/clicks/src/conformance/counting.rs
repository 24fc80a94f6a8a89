//! Cases about counts: every grouping, the local days, the edges of a period.

use crate::click::{Click, Device};
use crate::conformance::world::{
    ENGINE, HOUR_MS, NOON_MS, SECOND_ENGINE, ask, ask_in, click, days, everything, keep, keep_all, search,
    terms,
};
use crate::conformance::{Candidate, Case, Failure, Verdict, same};
use crate::filter::ClickFilter;
use crate::item::ClickedItem;
use crate::names::{CustomResultId, EngineIndex, Hashid};
use crate::question::{Grouping, Question};
use crate::search::Search;
use crate::store::{Record, StoreError};
use crate::tally::Tally;

pub const CASES: &[Case] = &[
    Case {
        sentence: "a click that was acknowledged is in the next tally, on its day",
        run: acknowledged_is_counted,
    },
    Case { sentence: "an empty store counts zero for each row", run: empty_counts_zero },
    Case { sentence: "days and engines without clicks are rows too", run: engines_with_zeros },
    Case { sentence: "a device that nobody told is a row of its own", run: unknown_device },
    Case {
        sentence: "terms come by count, then by text, and no terms last among equals",
        run: terms_in_order,
    },
    Case { sentence: "a question about terms gets no more rows than it asked for", run: terms_rows_max },
    Case {
        sentence: "items come by count, then by engine, index and id, and are told apart by all three",
        run: items_in_order,
    },
    Case {
        sentence: "items with their ranks come by count, then by item, then by rank, and no rank last among equals",
        run: item_ranks_in_order,
    },
    Case {
        sentence: "results placed by hand come by count, then by engine and id, and what tells none is no row",
        run: custom_results_in_order,
    },
    Case { sentence: "visitors and items are counted once each, however they are met", run: distinct },
    Case { sentence: "an item that a search completes is the item in its index", run: completed_items },
    Case { sentence: "a period includes both of its bounds, to the millisecond", run: bounds },
    Case {
        sentence: "a click belongs to the date on the wall clock of the question's zone",
        run: wall_clock,
    },
    Case { sentence: "a day that comes in two pieces is one row", run: two_pieces },
    Case { sentence: "a question that is told to stop has no answer", run: stopped },
];

fn acknowledged_is_counted(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    for sent in 1..=3 {
        keep(store, vec![click("a", NOON_MS)?])?;
        same("days", &ask(store, Grouping::Day, everything())?, &Tally::Days(vec![0, sent, 0]))?;
    }
    Ok(())
}

fn empty_counts_zero(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let ask = |grouping| ask(store, grouping, everything());
    same("days", &ask(Grouping::Day)?, &Tally::Days(vec![0; 3]))?;
    same("engines", &ask(Grouping::Engine)?, &Tally::Engines(vec![(ENGINE, 0), (SECOND_ENGINE, 0)]))?;
    let devices = vec![(Some(Device::Mobile), 0), (Some(Device::Desktop), 0), (None, 0)];
    same("devices", &ask(Grouping::Device)?, &Tally::Devices(devices))?;
    same("terms", &ask(Grouping::Terms { rows_max: 10 })?, &Tally::Terms(vec![]))
}

fn engines_with_zeros(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let of_second = |at_ms| click("a", at_ms).map(|click| Click { engine: SECOND_ENGINE, ..click });
    keep(store, vec![click("a", NOON_MS)?, of_second(NOON_MS)?, of_second(NOON_MS + 24 * HOUR_MS)?])?;
    let rows = vec![
        (0, ENGINE, 0),
        (0, SECOND_ENGINE, 0),
        (1, ENGINE, 1),
        (1, SECOND_ENGINE, 1),
        (2, ENGINE, 0),
        (2, SECOND_ENGINE, 1),
    ];
    same(
        "days and engines",
        &ask(store, Grouping::DayAndEngine, everything())?,
        &Tally::DaysAndEngines(rows),
    )?;
    let engines = Tally::Engines(vec![(ENGINE, 1), (SECOND_ENGINE, 2)]);
    same("engines", &ask(store, Grouping::Engine, everything())?, &engines)
}

fn unknown_device(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let on = |device| click("a", NOON_MS).map(|click| Click { device, ..click });
    let (mobile, desktop) = (Some(Device::Mobile), Some(Device::Desktop));
    keep(store, vec![on(None)?, on(mobile)?, on(None)?, on(None)?, on(desktop)?, on(desktop)?])?;
    let rows = vec![(mobile, 1), (desktop, 2), (None, 3)];
    same("devices", &ask(store, Grouping::Device, everything())?, &Tally::Devices(rows))
}

/// Three clicks from `b`, two from `c`, two from `a`, two from nowhere, one from `d`.
fn keep_terms(candidate: &dyn Candidate) -> Verdict {
    let of = |typed: &str| -> Result<Click, Failure> {
        Ok(Click { terms: Some(terms(typed)?), ..click("a", NOON_MS)? })
    };
    let bare = || click("a", NOON_MS);
    let clicks = vec![
        of("c")?,
        of("b")?,
        bare()?,
        of("b")?,
        of("a")?,
        of("d")?,
        of("c")?,
        bare()?,
        of("a")?,
        of("b")?,
    ];
    keep(candidate.store(), clicks)
}

fn terms_in_order(candidate: &mut dyn Candidate) -> Verdict {
    keep_terms(candidate)?;
    let rows = vec![
        (Some(terms("b")?), 3),
        (Some(terms("a")?), 2),
        (Some(terms("c")?), 2),
        (None, 2),
        (Some(terms("d")?), 1),
    ];
    let found = ask(candidate.store(), Grouping::Terms { rows_max: 100 }, everything())?;
    same("terms", &found, &Tally::Terms(rows))
}

fn terms_rows_max(candidate: &mut dyn Candidate) -> Verdict {
    keep_terms(candidate)?;
    let rows = [(Some(terms("b")?), 3), (Some(terms("a")?), 2), (Some(terms("c")?), 2)];
    for rows_max in 0..=rows.len() {
        let found = ask(candidate.store(), Grouping::Terms { rows_max }, everything())?;
        same("terms", &found, &Tally::Terms(rows[..rows_max].to_vec()))?;
    }
    Ok(())
}

fn item(engine: Hashid, index: Option<&str>, doc_id: &str) -> Result<ClickedItem, Failure> {
    Ok(ClickedItem { engine, index: index.map(str::parse).transpose()?, doc_id: doc_id.parse()? })
}

/// A click on an item at noon, by a visitor or by nobody.
fn click_on(item: &ClickedItem, user: Option<&str>) -> Result<Click, Failure> {
    let ClickedItem { engine, index, doc_id } = item.clone();
    let user = user.map(str::parse).transpose()?;
    Ok(Click { engine, index, doc_id, user, ..click("a", NOON_MS)? })
}

fn items_in_order(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let rows = [
        (item(ENGINE, Some("product"), "b")?, 3),
        (item(ENGINE, None, "a")?, 2),
        (item(ENGINE, Some("page"), "a")?, 2),
        (item(ENGINE, Some("product"), "a")?, 2),
        (item(SECOND_ENGINE, Some("product"), "a")?, 2),
        (item(ENGINE, Some("product"), "c")?, 1),
    ];
    for round in 0..3 {
        let clicked = rows.iter().filter(|(_, clicks)| *clicks > round);
        let clicks: Result<Vec<Click>, Failure> = clicked.map(|(item, _)| click_on(item, None)).collect();
        keep(store, clicks?)?;
    }
    for rows_max in 0..=rows.len() {
        let found = ask(store, Grouping::Items { rows_max }, everything())?;
        same("items", &found, &Tally::Items(rows[..rows_max].to_vec()))?;
    }
    let second = ClickFilter { engines: vec![SECOND_ENGINE], ..everything() };
    let found = ask(store, Grouping::Items { rows_max: 9 }, second)?;
    same("of one engine", &found, &Tally::Items(rows[4..5].to_vec()))
}

fn item_ranks_in_order(candidate: &mut dyn Candidate) -> Verdict {
    let (first, bare) = (item(ENGINE, Some("product"), "a")?, item(ENGINE, None, "a")?);
    let rows = [
        (first.clone(), Some(3), 3),
        (bare.clone(), Some(1), 2),
        (first.clone(), Some(0), 2),
        (first.clone(), Some(1), 2),
        (first.clone(), Some(10_000), 2),
        (first.clone(), None, 2),
        (item(SECOND_ENGINE, Some("product"), "a")?, Some(1), 2),
        (first, Some(300), 1),
    ];
    for round in 0..3 {
        let clicked = rows.iter().filter(|(_, _, clicks)| *clicks > round);
        let click = |(item, rank, _): &(ClickedItem, Option<u32>, u64)| -> Result<Click, Failure> {
            Ok(Click { rank: *rank, ..click_on(item, None)? })
        };
        keep(candidate.store(), clicked.map(click).collect::<Result<Vec<_>, _>>()?)?;
        candidate.seal();
    }
    let store = candidate.store();
    for rows_max in 0..=rows.len() {
        let found = ask(store, Grouping::ItemRanks { rows_max }, everything())?;
        same("items and ranks", &found, &Tally::ItemRanks(rows[..rows_max].to_vec()))?;
    }
    let second = ClickFilter { engines: vec![SECOND_ENGINE], ..everything() };
    let found = ask(store, Grouping::ItemRanks { rows_max: 9 }, second)?;
    same("of one engine", &found, &Tally::ItemRanks(rows[6..7].to_vec()))
}

fn custom_results_in_order(candidate: &mut dyn Candidate) -> Verdict {
    let rows = [
        (SECOND_ENGINE, "8".parse()?, 3),
        (ENGINE, "10".parse()?, 2),
        (ENGINE, "7".parse()?, 2),
        (SECOND_ENGINE, "7".parse()?, 2),
        (ENGINE, "summer sale".parse()?, 1),
    ];
    for round in 0..3 {
        let clicked = rows.iter().filter(|(_, _, clicks)| *clicks > round);
        let click = |(engine, id, _): &(Hashid, CustomResultId, u64)| -> Result<Click, Failure> {
            let custom_result = Some(id.clone());
            Ok(Click { engine: *engine, custom_result, terms: Some(terms("shoes")?), ..click("a", NOON_MS)? })
        };
        keep(candidate.store(), clicked.map(click).collect::<Result<Vec<_>, _>>()?)?;
        keep(candidate.store(), vec![click_on(&item(ENGINE, None, "7")?, None)?])?;
        candidate.seal();
    }
    let store = candidate.store();
    for rows_max in 0..=rows.len() {
        let found = ask(store, Grouping::CustomResults { rows_max }, everything())?;
        same("custom results", &found, &Tally::CustomResults(rows[..rows_max].to_vec()))?;
    }
    let of = |filter| ask(store, Grouping::CustomResults { rows_max: 9 }, filter);
    let second = ClickFilter { engines: vec![SECOND_ENGINE], ..everything() };
    let due = Tally::CustomResults(vec![rows[0].clone(), rows[3].clone()]);
    same("of one engine", &of(second)?, &due)?;
    let shoes = ClickFilter { terms: Some(terms("shoes")?), ..everything() };
    same("of terms", &of(shoes)?, &Tally::CustomResults(rows.to_vec()))?;
    let on = |doc_id: &str| -> Result<ClickFilter, Failure> {
        Ok(ClickFilter { doc_id: Some(doc_id.parse()?), ..everything() })
    };
    same("on an item", &of(on("a")?)?, &Tally::CustomResults(rows.to_vec()))?;
    same("on another", &of(on("7")?)?, &Tally::CustomResults(vec![]))
}

fn distinct(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let (first, other) = (item(ENGINE, Some("product"), "a")?, item(SECOND_ENGINE, Some("product"), "a")?);
    let on_mobile = |click: Click| Click { device: Some(Device::Mobile), ..click };
    keep(store, vec![click_on(&first, Some("anna"))?, on_mobile(click_on(&first, Some("anna"))?)])?;
    keep(store, vec![click_on(&other, Some("anna"))?, click_on(&other, None)?])?;
    keep(store, vec![Click { at_ms: NOON_MS + 24 * HOUR_MS, ..click_on(&first, Some("ben"))? }])?;
    let of = |filter| ask(store, Grouping::Distinct, filter);
    same("all", &of(everything())?, &Tally::Distinct { count: 5, users: 2, items: 2 })?;
    let mobile = ClickFilter { device: Some(Device::Mobile), ..everything() };
    same("on mobile", &of(mobile)?, &Tally::Distinct { count: 1, users: 1, items: 1 })?;
    let second = ClickFilter { engines: vec![SECOND_ENGINE], ..everything() };
    same("of one engine", &of(second)?, &Tally::Distinct { count: 2, users: 1, items: 1 })?;
    let later = days("1717156800001", "20240602", "Z")?;
    let found = ask_in(store, later, Grouping::Distinct, everything())?;
    same("after noon", &found, &Tally::Distinct { count: 1, users: 1, items: 1 })
}

fn completed_items(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let bare = item(ENGINE, None, "a")?;
    let waiting = Click { query_id: Some("q".into()), ..click_on(&bare, Some("anna"))? };
    keep(store, vec![waiting, click_on(&bare, Some("ben"))?])?;
    candidate.seal();
    let store = candidate.store();
    let shown = Search { indices: vec!["product".parse()?], ..search("q", NOON_MS) };
    keep_all(store, vec![Record::Search(shown)])?;
    let rows = vec![(bare, 1), (item(ENGINE, Some("product"), "a")?, 1)];
    let found = ask(store, Grouping::Items { rows_max: 9 }, everything())?;
    same("items", &found, &Tally::Items(rows))?;
    let found = ask(store, Grouping::Distinct, everything())?;
    same("distinct", &found, &Tally::Distinct { count: 2, users: 2, items: 2 })?;
    let place = EngineIndex { engine: ENGINE, index: "product".parse()? };
    let in_index = ClickFilter { places: Some(vec![place]), ..everything() };
    let found = ask(store, Grouping::Distinct, in_index)?;
    same("in the index", &found, &Tally::Distinct { count: 1, users: 1, items: 1 })
}

fn bounds(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    // Clicks just before, at and just after noon, and around the end of its second.
    let offsets = [-1, 0, 1, 999, 1_000];
    keep(store, offsets.iter().map(|offset| click("a", NOON_MS + offset)).collect::<Result<_, _>>()?)?;
    let rows = [
        ("1717156800000", "1717156800000", 1),
        ("1717156800000", "1717156800001", 2),
        ("1717156799999", "1717156800000", 2),
        ("1717156800", "1717156800", 3),
        ("1717156799", "1717156801", 5),
        ("20240531", "1717156800000", 2),
        ("1717156801000", "20240531", 1),
        ("1717156801001", "20240531", 0),
        ("20240531", "20240531", 5),
        ("20240530", "20240530", 0),
    ];
    for (from, to, wanted) in rows {
        let found = ask_in(store, days(from, to, "Z")?, Grouping::Day, everything())?;
        same(&format!("from {from} to {to}"), &found.total(), &wanted)?;
    }
    Ok(())
}

fn wall_clock(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    // 2024-10-27 is a day of 25 hours in Madrid: from 22:00 UTC on the 26th until 23:00 UTC on the 27th.
    let midnight_ms = 1_729_980_000_000;
    let hours = [(-1, 1), (0, 2), (25 * HOUR_MS - 1, 4), (25 * HOUR_MS, 8)];
    for (offset_ms, clicks) in hours {
        keep(store, vec![click("a", midnight_ms + offset_ms)?; clicks])?;
    }
    for (zone, wanted) in [
        ("Europe/Madrid", vec![1, 6, 8]),
        ("Z", vec![3, 12, 0]),
        ("+02:00", vec![1, 2, 12]),
        ("-11:00", vec![3, 12, 0]),
        ("Pacific/Kiritimati", vec![0, 3, 12]),
    ] {
        let found = ask_in(store, days("20241026", "20241028", zone)?, Grouping::Day, everything())?;
        same(zone, &found, &Tally::Days(wanted))?;
    }
    Ok(())
}

fn two_pieces(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    // St. John's fell back at 00:01 on 2010-11-07: a minute of the 7th, an hour of the 6th again, the rest.
    let zone = "America/St_Johns";
    let seventh = days("20101107", "20101107", zone)?;
    let [minute, rest] = seventh.spans() else { return Err(Failure::new("not two pieces")) };
    let edges = [
        minute.from_ms - 1,
        minute.from_ms,
        minute.until_ms - 1,
        minute.until_ms,
        rest.from_ms - 1,
        rest.from_ms,
        rest.until_ms - 1,
        rest.until_ms,
    ];
    keep(store, edges.iter().map(|at_ms| click("a", *at_ms)).collect::<Result<_, _>>()?)?;
    let found = ask_in(store, days("20101106", "20101108", zone)?, Grouping::Day, everything())?;
    same("three days", &found, &Tally::Days(vec![3, 4, 1]))?;
    same("one day", &ask_in(store, seventh, Grouping::Day, everything())?, &Tally::Days(vec![4]))
}

fn stopped(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep(store, vec![click("a", NOON_MS)?])?;
    let question = Question::clicks(days("20240531", "20240531", "Z")?, everything(), Grouping::Day);
    same("stopped", &store.tally(&question, &|| true), &Err(StoreError::OutOfTime))?;
    same("not stopped", &store.tally(&question, &|| false), &Ok(Tally::Days(vec![1])))
}
