//! Cases about clicks by rank, by index and by kind of result, and about searches beside the clicks that name them.

use crate::click::{Click, Device, ProductType};
use crate::conformance::world::{
    ACCOUNT, ENGINE, HOUR_MS, NOON_MS, OTHER_ACCOUNT, SECOND_ENGINE, click, click_from, days, everything,
    keep_all, search, terms,
};
use crate::conformance::{Candidate, Case, Failure, Verdict, same};
use crate::filter::ClickFilter;
use crate::item::ClickedItem;
use crate::names::{EngineIndex, IndexName, UserCode};
use crate::question::{CLICKED_WITHIN_MS, Grouping, Measure, Question};
use crate::report::{ClickThrough, RankSum};
use crate::search::{Search, SearchKind};
use crate::store::{Forget, Record, StoreError};
use crate::tally::Tally;

pub const CASES: &[Case] = &[
    Case { sentence: "clicks are counted by rank, and those that tell none are a row", run: ranks },
    Case { sentence: "clicks are counted by index and by kind of result", run: indices_and_kinds },
    Case { sentence: "items come with the ranks of their clicks", run: items_report },
    Case { sentence: "a search is a clicked one once, however many clicks name it", run: clicked_once },
    Case {
        sentence: "a click up to a day away makes a search a clicked one, and none that is further away",
        run: a_day_away,
    },
    Case {
        sentence: "a click makes its account's search a clicked one, whatever else the click tells",
        run: whatever_the_click_tells,
    },
    Case {
        sentence: "searches and the clicks that name them come in any order, and at any time",
        run: in_any_order,
    },
    Case {
        sentence: "only what was asked is counted beside clicks, unless another kind is",
        run: only_asked,
    },
    Case { sentence: "a report of terms comes by searches or by clicks, and by text", run: terms_in_order },
    Case { sentence: "a report of terms is held to what its text has in it", run: terms_matching },
    Case { sentence: "a click that is forgotten makes no search a clicked one", run: forgotten_clicks },
    Case { sentence: "a report about removed days is refused", run: removed_days },
];

const DAY_MS: i64 = 24 * HOUR_MS;

fn ask(
    candidate: &dyn Candidate,
    measure: Measure,
    grouping: Grouping,
    filter: ClickFilter,
    matching: Option<&str>,
) -> Result<Tally, Failure> {
    let days = days("20240530", "20240601", "Z")?;
    let question = Question { days, measure, filter, grouping, matching: matching.map(Box::from) };
    Ok(candidate.store().tally(&question, &|| false)?)
}

fn of_clicks(candidate: &dyn Candidate, grouping: Grouping, filter: ClickFilter) -> Result<Tally, Failure> {
    ask(candidate, Measure::Clicks, grouping, filter, None)
}

/// Searches, clicked ones and clicks of the three days.
fn through(candidate: &dyn Candidate, filter: ClickFilter) -> Result<Vec<(u64, u64, u64)>, Failure> {
    let Tally::ClickThrough(rows) = ask(candidate, Measure::Searches, Grouping::ClickThrough, filter, None)?
    else {
        return Err(Failure::new("no tally by day"));
    };
    Ok(rows.iter().map(|row| (row.searches, row.clicked, row.clicks)).collect())
}

fn typed(id: &str, query: &str, at_ms: i64) -> Search {
    Search { query: Some(query.into()), ..search(id, at_ms) }
}

fn keep(candidate: &dyn Candidate, records: Vec<Record>) -> Verdict {
    keep_all(candidate.store(), records)
}

fn ranks(candidate: &mut dyn Candidate) -> Verdict {
    let at = |rank, device| -> Result<Record, Failure> {
        Ok(Record::Click(Click { rank, device, terms: Some(terms("hat")?), ..click("a", NOON_MS)? }))
    };
    let (mobile, desktop) = (Some(Device::Mobile), Some(Device::Desktop));
    keep(
        candidate,
        vec![at(Some(3), mobile)?, at(None, mobile)?, at(Some(0), desktop)?, at(Some(3), None)?],
    )?;
    candidate.seal();
    keep(candidate, vec![at(Some(10_000), desktop)?, at(Some(3), desktop)?])?;
    for _ in 0..2 {
        let found = of_clicks(candidate, Grouping::Rank, everything())?;
        let rows = vec![(Some(0), 1), (Some(3), 3), (Some(10_000), 1), (None, 1)];
        same("all", &found, &Tally::Ranks(rows))?;
        same("their sum", &found.rank_sum(), &RankSum { told: 5, sum: 10_009 })?;
        let mobiles = ClickFilter { device: mobile, ..everything() };
        let found = of_clicks(candidate, Grouping::Rank, mobiles)?;
        same("on one device", &found, &Tally::Ranks(vec![(Some(3), 1), (None, 1)]))?;
        let hats = ClickFilter { terms: Some(terms("hat")?), device: desktop, ..everything() };
        let found = of_clicks(candidate, Grouping::Rank, hats)?;
        same("of one search", &found, &Tally::Ranks(vec![(Some(0), 1), (Some(3), 1), (Some(10_000), 1)]))?;
        let of_item = ClickFilter { doc_id: Some("b".parse()?), ..everything() };
        same("of no item", &of_clicks(candidate, Grouping::Rank, of_item)?, &Tally::Ranks(Vec::new()))?;
        candidate.seal();
        candidate.merge();
    }
    Ok(())
}

fn indices_and_kinds(candidate: &mut dyn Candidate) -> Verdict {
    let of = |index: Option<&str>, product_type, second: bool| -> Result<Record, Failure> {
        let index = index.map(str::parse).transpose()?;
        let engine = if second { SECOND_ENGINE } else { ENGINE };
        let (rank, rest) = (Some(1), click("a", NOON_MS)?);
        Ok(Record::Click(Click { index, product_type, engine, rank, terms: Some(terms("hat")?), ..rest }))
    };
    use ProductType::{Banner, Search as Found};
    keep(
        candidate,
        vec![of(Some("page"), Found, false)?, of(None, Banner, false)?, of(None, Found, false)?],
    )?;
    keep(candidate, vec![of(Some("page"), Banner, true)?, of(Some("blog"), Found, true)?])?;
    let several = Search { indices: vec!["page".parse()?, "blog".parse()?], ..search("1", NOON_MS) };
    keep(candidate, vec![Record::Search(several), Record::Search(search("2", NOON_MS))])?;
    for _ in 0..2 {
        let name = |index: &str| -> Result<Option<IndexName>, Failure> { Ok(Some(index.parse()?)) };
        for filter in [everything(), ClickFilter { terms: Some(terms("hat")?), ..everything() }] {
            let rows = vec![(name("page")?, 2), (None, 2), (name("blog")?, 1)];
            same("indices", &of_clicks(candidate, Grouping::Index, filter.clone())?, &Tally::Indices(rows))?;
            let counts = |product_type| [2, 3][usize::from(product_type == Found)];
            let told = |kind| if [Found, Banner].contains(&kind) { counts(kind) } else { 0 };
            let rows = ProductType::ALL.map(|kind| (kind, told(kind))).to_vec();
            let found = of_clicks(candidate, Grouping::ProductType, filter)?;
            same("kinds of result", &found, &Tally::ProductTypes(rows))?;
        }
        let found = ask(candidate, Measure::Searches, Grouping::Index, everything(), None)?;
        let rows = vec![(name("blog")?, 1), (name("page")?, 1), (None, 1)];
        same("indices of searches", &found, &Tally::Indices(rows))?;
        candidate.seal();
    }
    Ok(())
}

fn items_report(candidate: &mut dyn Candidate) -> Verdict {
    let of = |doc_id: &str, rank| -> Result<Record, Failure> {
        Ok(Record::Click(Click { rank, ..click(doc_id, NOON_MS)? }))
    };
    let clicks = [("sku-1", Some(2)), ("sku-1", None), ("b", Some(7)), ("sku-2", None), ("sku-2", None)];
    keep(candidate, clicks.into_iter().map(|(doc_id, rank)| of(doc_id, rank)).collect::<Result<_, _>>()?)?;
    for _ in 0..2 {
        let row = |doc_id: &str, clicks, told, sum| -> Result<_, Failure> {
            let item = ClickedItem { engine: ENGINE, index: None, doc_id: doc_id.parse()? };
            Ok((item, clicks, RankSum { told, sum }))
        };
        let rows = [row("sku-1", 2, 1, 2)?, row("sku-2", 2, 0, 0)?, row("b", 1, 1, 7)?];
        for rows_max in 0..=rows.len() {
            let found = of_clicks(candidate, Grouping::ItemsReport { rows_max }, everything())?;
            same("items", &found, &Tally::ItemsReport(rows[..rows_max].to_vec()))?;
        }
        let report = Grouping::ItemsReport { rows_max: 9 };
        let found = ask(candidate, Measure::Clicks, report, everything(), Some("sku-"))?;
        same("with this in their id", &found, &Tally::ItemsReport(rows[..2].to_vec()))?;
        candidate.seal();
    }
    Ok(())
}

fn clicked_once(candidate: &mut dyn Candidate) -> Verdict {
    let searches = ["1", "2", "3"].map(|id| Record::Search(search(id, NOON_MS)));
    keep(candidate, searches.to_vec())?;
    for clicks in 1..=4 {
        keep(candidate, vec![Record::Click(click_from("2", "a", NOON_MS + clicks)?)])?;
        let day = (3, 1, clicks.unsigned_abs());
        for _ in 0..2 {
            same("days", &through(candidate, everything())?, &vec![(0, 0, 0), day, (0, 0, 0)])?;
            if clicks % 2 == 0 {
                candidate.seal();
            }
        }
    }
    candidate.merge();
    candidate.reopen();
    same("reopened", &through(candidate, everything())?, &vec![(0, 0, 0), (3, 1, 4), (0, 0, 0)])
}

fn a_day_away(candidate: &mut dyn Candidate) -> Verdict {
    let distances =
        [0, 1, CLICKED_WITHIN_MS, -CLICKED_WITHIN_MS, CLICKED_WITHIN_MS + 1, -CLICKED_WITHIN_MS - 1];
    let mut records = Vec::new();
    for (id, distance_ms) in ["1", "2", "3", "4", "5", "6"].into_iter().zip(distances) {
        records.push(Record::Search(search(id, NOON_MS)));
        records.push(Record::Click(click_from(id, "a", NOON_MS + distance_ms)?));
    }
    // One too far on each side, and one that is near.
    records.push(Record::Search(search("7", NOON_MS)));
    for distance_ms in [-3 * DAY_MS, -DAY_MS - 1, 5, DAY_MS + 1] {
        records.push(Record::Click(click_from("7", "a", NOON_MS + distance_ms)?));
    }
    keep(candidate, records)?;
    for _ in 0..2 {
        let found = through(candidate, everything())?;
        same("days", &found, &vec![(0, 0, 3), (7, 5, 3), (0, 0, 3)])?;
        // A period of an hour, whose clicks lie beyond it.
        let (from, to) = ("1717155000000", "1717156800000");
        let question = Question::searches(days(from, to, "Z")?, everything(), Grouping::ClickThrough);
        let found = candidate.store().tally(&question, &|| false)?;
        let hour = ClickThrough { searches: 7, clicked: 5, clicks: 1 };
        same("an hour", &found, &Tally::ClickThrough(vec![hour]))?;
        candidate.seal();
    }
    Ok(())
}

fn whatever_the_click_tells(candidate: &mut dyn Candidate) -> Verdict {
    let on = |id: &str, device| Search {
        device: Some(device),
        indices: "page".parse().into_iter().collect(),
        ..typed(id, "hat", NOON_MS)
    };
    let searches = [on("1", Device::Mobile), on("2", Device::Mobile), on("3", Device::Desktop)];
    keep(candidate, searches.into_iter().map(Record::Search).collect())?;
    let elsewhere = Click {
        engine: SECOND_ENGINE,
        device: Some(Device::Desktop),
        index: Some("blog".parse()?),
        product_type: ProductType::Banner,
        terms: Some(terms("shoes")?),
        ..click_from("1", "a", NOON_MS)?
    };
    let of_others = Click { account: OTHER_ACCOUNT, ..click_from("2", "a", NOON_MS)? };
    keep(candidate, vec![Record::Click(elsewhere), Record::Click(of_others)])?;
    for _ in 0..2 {
        let place = EngineIndex { engine: ENGINE, index: "page".parse()? };
        let filters = [
            (ClickFilter { device: Some(Device::Mobile), ..everything() }, (2, 1, 0)),
            (ClickFilter { device: Some(Device::Desktop), ..everything() }, (1, 0, 1)),
            (ClickFilter { places: Some(vec![place]), ..everything() }, (3, 1, 0)),
            (ClickFilter { terms: Some(terms("HAT")?), ..everything() }, (3, 1, 0)),
            (ClickFilter::all(ACCOUNT, vec![SECOND_ENGINE]), (0, 0, 1)),
            (ClickFilter { product_types: vec![ProductType::Banner], ..everything() }, (0, 0, 1)),
            (everything(), (3, 1, 1)),
        ];
        for (filter, day) in filters {
            let what = format!("{filter:?}");
            same(&what, &through(candidate, filter)?, &vec![(0, 0, 0), day, (0, 0, 0)])?;
        }
        candidate.seal();
    }
    Ok(())
}

fn in_any_order(candidate: &mut dyn Candidate) -> Verdict {
    // By the place of the search and of the click among four sealings.
    let mut records: Vec<Vec<Record>> = vec![Vec::new(); 4];
    let mut due = 0;
    for of_search in 0..4 {
        for of_click in 0..4 {
            let id = format!("{of_search}{of_click}");
            records[of_search].push(Record::Search(typed(&id, "hat", NOON_MS)));
            records[of_click].push(Record::Click(click_from(&id, "a", NOON_MS - 13 * HOUR_MS)?));
        }
    }
    let (mut seen_searches, mut seen_clicks) = (0, 0);
    for (step, records) in records.into_iter().enumerate() {
        keep(candidate, records)?;
        (seen_searches, seen_clicks) = (seen_searches + 4, seen_clicks + 4);
        // Both are known of the pairs up to this step.
        due += 2 * step as u64 + 1;
        for _ in 0..2 {
            let found = through(candidate, everything())?;
            same("days", &found, &vec![(0, 0, seen_clicks), (seen_searches, due, 0), (0, 0, 0)])?;
            candidate.seal();
        }
        if step == 2 {
            candidate.merge();
            candidate.reopen();
        }
    }
    candidate.merge();
    same("in the end", &through(candidate, everything())?, &vec![(0, 0, 16), (16, 16, 0), (0, 0, 0)])
}

fn only_asked(candidate: &mut dyn Candidate) -> Verdict {
    let of = |id: &str, kind| Record::Search(Search { kind, ..typed(id, "hat", NOON_MS) });
    let kinds = [("1", SearchKind::Asked), ("2", SearchKind::Opened), ("3", SearchKind::Redirected)];
    keep(candidate, kinds.map(|(id, kind)| of(id, kind)).to_vec())?;
    keep(candidate, vec![Record::Click(click_from("1", "a", NOON_MS)?)])?;
    keep(candidate, vec![Record::Click(click_from("3", "a", NOON_MS)?)])?;
    for _ in 0..2 {
        let rows = [
            (Measure::Clicks, 1, 1),
            (Measure::Searches, 1, 1),
            (Measure::Openings, 1, 0),
            (Measure::Redirections, 1, 1),
        ];
        for (measure, searches, clicked) in rows {
            let day = ClickThrough { searches, clicked, clicks: 2 };
            let none = ClickThrough::default();
            let found = ask(candidate, measure, Grouping::ClickThrough, everything(), None)?;
            same(&format!("{measure:?}"), &found, &Tally::ClickThrough(vec![none, day, none]))?;
            let found = ask(candidate, measure, Grouping::TermsReport { rows_max: 9 }, everything(), None)?;
            let rows = vec![(Some(terms("hat")?), day, RankSum::default())];
            same(&format!("{measure:?} by terms"), &found, &Tally::TermsReport(rows))?;
        }
        candidate.seal();
    }
    Ok(())
}

/// Three searches of hats, one of them clicked twice; one of shoes, clicked; two without terms; three clicks from bags.
fn keep_terms(candidate: &dyn Candidate) -> Verdict {
    let mut records: Vec<Record> =
        ["1", "2", "3"].map(|id| Record::Search(typed(id, "Hat", NOON_MS))).to_vec();
    records.push(Record::Search(typed("4", "red shoes", NOON_MS)));
    records.extend(["5", "6"].map(|id| Record::Search(search(id, NOON_MS))));
    let ranked = |id: &str, rank| -> Result<Record, Failure> {
        Ok(Record::Click(Click { rank, ..click_from(id, "a", NOON_MS)? }))
    };
    records.extend([ranked("1", Some(1))?, ranked("1", Some(4))?, ranked("4", None)?, ranked("5", Some(2))?]);
    for rank in [Some(9), None, Some(1)] {
        let bag = Click { rank, terms: Some(terms("bag")?), ..click("a", NOON_MS)? };
        records.push(Record::Click(bag));
    }
    keep(candidate, records)
}

type TermsRow = (Option<crate::case::SearchTerms>, ClickThrough, RankSum);

fn terms_rows() -> Result<[TermsRow; 4], Failure> {
    let row = |searches, clicked, clicks, told, sum| {
        (ClickThrough { searches, clicked, clicks }, RankSum { told, sum })
    };
    let of = |typed: Option<&str>, (through, ranks)| -> Result<TermsRow, Failure> {
        Ok((typed.map(terms).transpose()?, through, ranks))
    };
    Ok([
        of(Some("hat"), row(3, 1, 2, 2, 5))?,
        of(None, row(2, 1, 1, 1, 2))?,
        of(Some("red shoes"), row(1, 1, 1, 0, 0))?,
        of(Some("bag"), row(0, 0, 3, 2, 10))?,
    ])
}

fn terms_in_order(candidate: &mut dyn Candidate) -> Verdict {
    keep_terms(candidate)?;
    let [hat, none, shoes, bag] = terms_rows()?;
    for _ in 0..2 {
        let orders = [
            (Measure::Searches, [hat.clone(), none.clone(), shoes.clone(), bag.clone()]),
            (Measure::Clicks, [bag.clone(), hat.clone(), none.clone(), shoes.clone()]),
        ];
        for (measure, rows) in orders {
            for rows_max in 0..=rows.len() {
                let found = ask(candidate, measure, Grouping::TermsReport { rows_max }, everything(), None)?;
                same(&format!("by {measure:?}"), &found, &Tally::TermsReport(rows[..rows_max].to_vec()))?;
            }
        }
        let hats = ClickFilter { terms: Some(terms("hat")?), ..everything() };
        let report = Grouping::TermsReport { rows_max: 9 };
        let found = ask(candidate, Measure::Searches, report, hats, None)?;
        same("of one search", &found, &Tally::TermsReport(vec![hat.clone()]))?;
        candidate.seal();
    }
    Ok(())
}

fn terms_matching(candidate: &mut dyn Candidate) -> Verdict {
    keep_terms(candidate)?;
    let [hat, _, shoes, bag] = terms_rows()?;
    for _ in 0..2 {
        for (text, rows_max, rows) in [
            ("a", 9, vec![hat.clone(), bag.clone()]),
            ("a", 1, vec![hat.clone()]),
            ("d sh", 9, vec![shoes.clone()]),
            ("no such", 9, Vec::new()),
        ] {
            let report = Grouping::TermsReport { rows_max };
            let found = ask(candidate, Measure::Searches, report, everything(), Some(text))?;
            same(text, &found, &Tally::TermsReport(rows))?;
        }
        candidate.seal();
    }
    Ok(())
}

fn forgotten_clicks(candidate: &mut dyn Candidate) -> Verdict {
    let anna: UserCode = "anna".parse()?;
    let hers = |id: &str| -> Result<Record, Failure> {
        Ok(Record::Click(Click { user: Some(anna.clone()), ..click_from(id, "a", NOON_MS)? }))
    };
    let searches = ["1", "2", "3"].map(|id| Record::Search(search(id, NOON_MS)));
    keep(candidate, searches.to_vec())?;
    keep(candidate, vec![hers("1")?, hers("2")?, Record::Click(click_from("2", "a", NOON_MS)?)])?;
    candidate.seal();
    same("before", &through(candidate, everything())?[1], &(3, 2, 3))?;
    candidate.store().forget(&Forget::Visitor { account: ACCOUNT, user: anna })?;
    same("after", &through(candidate, everything())?[1], &(3, 1, 1))?;
    candidate.reopen();
    same("reopened", &through(candidate, everything())?[1], &(3, 1, 1))
}

fn removed_days(candidate: &mut dyn Candidate) -> Verdict {
    // Just after midnight, and clicked just before it.
    let midnight_ms = NOON_MS + 12 * HOUR_MS;
    let records = vec![
        Record::Search(search("1", midnight_ms + 5)),
        Record::Click(click_from("1", "a", midnight_ms - 5)?),
        Record::Search(search("2", midnight_ms + 6)),
        Record::Click(click_from("2", "a", midnight_ms + 7)?),
    ];
    keep(candidate, records)?;
    candidate.seal();
    same("before", &through(candidate, everything())?, &vec![(0, 0, 0), (0, 0, 1), (2, 2, 1)])?;
    let day = i32::try_from(midnight_ms / DAY_MS)?;
    candidate.store().forget(&Forget::DaysBefore { day, keep_counts: true })?;
    for grouping in [
        Grouping::ClickThrough,
        Grouping::TermsReport { rows_max: 9 },
        Grouping::ItemsReport { rows_max: 9 },
        Grouping::Rank,
    ] {
        let question = Question::clicks(days("20240531", "20240601", "Z")?, everything(), grouping);
        let refused = candidate.store().tally(&question, &|| false).err();
        let wanted = StoreError::Removed { first_kept: "2024-06-01".into() };
        same(&format!("{grouping:?}"), &refused, &Some(wanted))?;
    }
    // What is kept is answered from what is kept.
    let question =
        Question::searches(days("20240601", "20240601", "Z")?, everything(), Grouping::ClickThrough);
    let found = candidate.store().tally(&question, &|| false)?;
    same(
        "the day after",
        &found,
        &Tally::ClickThrough(vec![ClickThrough { searches: 2, clicked: 1, clicks: 1 }]),
    )?;
    let counted = Question::clicks(days("20240531", "20240601", "Z")?, everything(), Grouping::ProductType);
    same("by counts", &candidate.store().tally(&counted, &|| false)?.total(), &2)
}
