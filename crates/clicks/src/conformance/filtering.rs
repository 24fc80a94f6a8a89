//! Cases about filters: which clicks a question counts.

use crate::click::{Click, Device, ProductType};
use crate::conformance::world::{
    ACCOUNT, ENGINE, NOON_MS, OTHER_ACCOUNT, SECOND_ENGINE, ask, click, count, everything, keep, terms,
};
use crate::conformance::{Candidate, Case, Failure, Verdict, same};
use crate::filter::ClickFilter;
use crate::item::{ClickedItem, Dfid, ItemDigest};
use crate::names::{EngineIndex, Hashid};
use crate::question::Grouping;
use crate::tally::Tally;

pub const CASES: &[Case] = &[
    Case { sentence: "only clicks of the filter's engines count", run: engines },
    Case { sentence: "an empty list of engines counts nothing", run: no_engines },
    Case { sentence: "an account never sees another's clicks, whatever engine it names", run: accounts },
    Case { sentence: "places are a union, and each is an index of one engine", run: places },
    Case { sentence: "a click whose device nobody told is on no device", run: devices },
    Case { sentence: "terms are equal after folding, and a click without terms has none", run: folded_terms },
    Case { sentence: "a dfid names an item in one index of one engine", run: items },
    Case { sentence: "an id without an index names items in every index and in none", run: ids },
    Case { sentence: "a result placed by hand narrows every count", run: custom_result },
    Case { sentence: "product types are a union, and none named means all", run: product_types },
    Case { sentence: "all parts of a filter have to pass", run: all_parts },
];

fn in_index(engine: Hashid, index: &str, doc_id: &str) -> Result<Click, Failure> {
    Ok(Click { engine, index: Some(index.parse()?), ..click(doc_id, NOON_MS)? })
}

fn place(engine: Hashid, index: &str) -> Result<EngineIndex, Failure> {
    Ok(EngineIndex { engine, index: index.parse()? })
}

fn engines(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let second = Click { engine: SECOND_ENGINE, ..click("a", NOON_MS)? };
    keep(store, vec![click("a", NOON_MS)?, second.clone(), second])?;
    let unheard_of = Hashid::from_bytes([0x77; 16]);
    for (engines, wanted) in [
        (vec![ENGINE], 1),
        (vec![SECOND_ENGINE], 2),
        (vec![SECOND_ENGINE, ENGINE], 3),
        (vec![unheard_of], 0),
        (vec![unheard_of, ENGINE], 1),
    ] {
        same(&format!("{engines:?}"), &count(store, ClickFilter::all(ACCOUNT, engines.clone()))?, &wanted)?;
    }
    Ok(())
}

fn no_engines(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep(store, vec![click("a", NOON_MS)?])?;
    let none = ClickFilter::all(ACCOUNT, Vec::new());
    same("days", &ask(store, Grouping::Day, none.clone())?, &Tally::Days(vec![0; 3]))?;
    same("both", &ask(store, Grouping::DayAndEngine, none.clone())?, &Tally::DaysAndEngines(vec![]))?;
    same("engines", &ask(store, Grouping::Engine, none.clone())?, &Tally::Engines(vec![]))?;
    same("terms", &ask(store, Grouping::Terms { rows_max: 9 }, none.clone())?, &Tally::Terms(vec![]))?;
    same("devices", &ask(store, Grouping::Device, none)?.total(), &0)
}

fn accounts(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let other = Click { account: OTHER_ACCOUNT, ..in_index(ENGINE, "product", "a")? };
    keep(store, vec![in_index(ENGINE, "product", "a")?, other.clone(), other])?;
    let mut ours = everything();
    let mut theirs = ClickFilter { account: OTHER_ACCOUNT, ..everything() };
    same("ours", &count(store, ours.clone())?, &1)?;
    same("theirs", &count(store, theirs.clone())?, &2)?;
    for filter in [&mut ours, &mut theirs] {
        filter.places = Some(vec![place(ENGINE, "product")?]);
    }
    same("ours in an index", &count(store, ours)?, &1)?;
    same("theirs in an index", &count(store, theirs)?, &2)
}

fn places(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let of = |engine, index, clicks| in_index(engine, index, "a").map(|click| vec![click; clicks]);
    for clicks in [
        of(ENGINE, "product", 1)?,
        of(ENGINE, "page", 2)?,
        of(SECOND_ENGINE, "product", 4)?,
        of(SECOND_ENGINE, "page", 8)?,
        vec![click("a", NOON_MS)?; 16],
    ] {
        keep(store, clicks)?;
    }
    let in_places = |places: &[EngineIndex]| ClickFilter { places: Some(places.to_vec()), ..everything() };
    let (first, second) = (place(ENGINE, "product")?, place(SECOND_ENGINE, "page")?);
    same("one", &count(store, in_places(std::slice::from_ref(&first)))?, &1)?;
    same("a union", &count(store, in_places(&[second.clone(), first.clone()]))?, &9)?;
    same("twice", &count(store, in_places(&[first.clone(), first.clone()]))?, &1)?;
    same("unheard of", &count(store, in_places(&[place(ENGINE, "nowhere")?]))?, &0)?;
    same("none", &count(store, in_places(&[]))?, &0)?;
    let mut of_one_engine = in_places(&[first, second]);
    of_one_engine.engines = vec![SECOND_ENGINE];
    same("of the filter's engines only", &count(store, of_one_engine)?, &8)
}

fn devices(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let on = |device| click("a", NOON_MS).map(|click| Click { device, ..click });
    let (mobile, desktop) = (Some(Device::Mobile), Some(Device::Desktop));
    keep(store, vec![on(None)?, on(mobile)?, on(mobile)?, on(desktop)?])?;
    for (device, wanted) in [(mobile, 2), (desktop, 1), (None, 4)] {
        same(&format!("{device:?}"), &count(store, ClickFilter { device, ..everything() })?, &wanted)?;
    }
    Ok(())
}

fn folded_terms(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let of = |typed: &str| -> Result<Click, Failure> {
        Ok(Click { terms: Some(terms(typed)?), ..click("a", NOON_MS)? })
    };
    keep(store, vec![of("Große  Schuhe")?, of(" GROSSE SCHUHE")?, of("grosse")?, click("a", NOON_MS)?])?;
    for (typed, wanted) in [("grosse schuhe", 2), ("GROẞE\tschuhe ", 2), ("Grosse", 1), ("schuhe", 0)] {
        let filter = ClickFilter { terms: Some(terms(typed)?), ..everything() };
        same(typed, &count(store, filter)?, &wanted)?;
    }
    Ok(())
}

fn items(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    keep(
        store,
        vec![
            in_index(ENGINE, "product", "a")?,
            in_index(ENGINE, "product", "b")?,
            in_index(ENGINE, "page", "a")?,
            in_index(SECOND_ENGINE, "product", "a")?,
            click("a", NOON_MS)?,
        ],
    )?;
    let item = |engine, index: &str, doc_id| -> Result<ClickFilter, Failure> {
        let dfid = Dfid { engine, index: index.parse()?, digest: ItemDigest::of(doc_id) };
        Ok(ClickFilter { item: Some(dfid), ..everything() })
    };
    same("an item", &count(store, item(ENGINE, "product", "a")?)?, &1)?;
    same("unheard of", &count(store, item(ENGINE, "product", "c")?)?, &0)?;
    same("in another index", &count(store, item(ENGINE, "page", "b")?)?, &0)?;
    let mut of_another_engine = item(SECOND_ENGINE, "product", "a")?;
    same("of another engine", &count(store, of_another_engine.clone())?, &1)?;
    of_another_engine.engines = vec![ENGINE];
    same("of an engine that is not in the filter", &count(store, of_another_engine)?, &0)
}

fn ids(candidate: &mut dyn Candidate) -> Verdict {
    let clicks = vec![
        in_index(ENGINE, "product", "a")?,
        in_index(ENGINE, "page", "a")?,
        click("a", NOON_MS)?,
        in_index(SECOND_ENGINE, "product", "a")?,
        in_index(ENGINE, "product", "b")?,
        Click { account: OTHER_ACCOUNT, ..in_index(ENGINE, "product", "a")? },
    ];
    keep(candidate.store(), clicks)?;
    let of = |doc_id: &str| -> Result<ClickFilter, Failure> {
        Ok(ClickFilter { doc_id: Some(doc_id.parse()?), ..everything() })
    };
    for _ in 0..2 {
        let store = candidate.store();
        same("everywhere", &count(store, of("a")?)?, &4)?;
        same("another", &count(store, of("b")?)?, &1)?;
        same("none", &count(store, of("c")?)?, &0)?;
        let places = Some(vec![place(ENGINE, "page")?, place(ENGINE, "product")?]);
        same("in places", &count(store, ClickFilter { places, ..of("a")? })?, &2)?;
        let item = Some(Dfid { engine: ENGINE, index: "page".parse()?, digest: ItemDigest::of("a") });
        same("and an item", &count(store, ClickFilter { item: item.clone(), ..of("a")? })?, &1)?;
        same("and another", &count(store, ClickFilter { item, ..of("b")? })?, &0)?;
        candidate.seal();
    }
    Ok(())
}

fn product_types(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let mut clicks = 1;
    for product_type in ProductType::ALL {
        keep(store, vec![Click { product_type, ..click("a", NOON_MS)? }; clicks])?;
        clicks *= 2;
    }
    let of = |types: &[ProductType]| ClickFilter { product_types: types.to_vec(), ..everything() };
    let mut wanted = 1;
    for product_type in ProductType::ALL {
        same(product_type.as_str(), &count(store, of(&[product_type]))?, &wanted)?;
        wanted *= 2;
    }
    same("a union", &count(store, of(&[ProductType::Aichat, ProductType::Banner]))?, &34)?;
    same("all", &count(store, of(&[]))?, &63)
}

fn custom_result(candidate: &mut dyn Candidate) -> Verdict {
    let from = |id: Option<&str>, user: &str, doc_id: &str| -> Result<Click, Failure> {
        let custom_result = id.map(str::parse).transpose()?;
        Ok(Click {
            custom_result,
            user: Some(user.parse()?),
            rank: Some(2),
            ..in_index(ENGINE, "product", doc_id)?
        })
    };
    let clicks = vec![
        from(Some("7"), "anna", "a")?,
        from(Some("7"), "anna", "b")?,
        from(Some("8"), "ben", "a")?,
        from(None, "ben", "a")?,
        Click { engine: SECOND_ENGINE, ..from(Some("7"), "ben", "a")? },
    ];
    keep(candidate.store(), clicks)?;
    let filter = ClickFilter { custom_result: Some("7".parse()?), engines: vec![ENGINE], ..everything() };
    let item = |doc_id: &str| -> Result<ClickedItem, Failure> {
        Ok(ClickedItem { engine: ENGINE, index: Some("product".parse()?), doc_id: doc_id.parse()? })
    };
    // In memory, and sealed.
    for _ in 0..2 {
        let of = |grouping| ask(candidate.store(), grouping, filter.clone());
        same("days", &of(Grouping::Day)?, &Tally::Days(vec![0, 2, 0]))?;
        same("terms", &of(Grouping::Terms { rows_max: 9 })?, &Tally::Terms(vec![(None, 2)]))?;
        let items = Tally::Items(vec![(item("a")?, 1), (item("b")?, 1)]);
        same("items", &of(Grouping::Items { rows_max: 9 })?, &items)?;
        let ranks = Tally::ItemRanks(vec![(item("a")?, Some(2), 1), (item("b")?, Some(2), 1)]);
        same("ranks", &of(Grouping::ItemRanks { rows_max: 9 })?, &ranks)?;
        let ids = Tally::CustomResults(vec![(ENGINE, "7".parse()?, 2)]);
        same("ids", &of(Grouping::CustomResults { rows_max: 9 })?, &ids)?;
        same("distinct", &of(Grouping::Distinct)?, &Tally::Distinct { count: 2, users: 1, items: 2 })?;
        let everywhere = ClickFilter { custom_result: filter.custom_result.clone(), ..everything() };
        same("everywhere", &count(candidate.store(), everywhere)?, &3)?;
        let unknown = ClickFilter { custom_result: Some("9".parse()?), ..everything() };
        same("unknown", &count(candidate.store(), unknown)?, &0)?;
        candidate.seal();
    }
    Ok(())
}

fn all_parts(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let wanted = Click {
        device: Some(Device::Mobile),
        terms: Some(terms("shoes")?),
        product_type: ProductType::CustomResult,
        custom_result: Some("7".parse()?),
        ..in_index(ENGINE, "product", "a")?
    };
    let filter = ClickFilter {
        account: ACCOUNT,
        engines: vec![ENGINE],
        places: Some(vec![place(ENGINE, "product")?]),
        device: wanted.device,
        terms: wanted.terms.clone(),
        item: Some(Dfid { engine: ENGINE, index: "product".parse()?, digest: ItemDigest::of("a") }),
        doc_id: Some("a".parse()?),
        product_types: vec![ProductType::CustomResult],
        custom_result: wanted.custom_result.clone(),
        hits: None,
        hits_not: None,
    };
    let off_by_one_part = [
        Click { account: OTHER_ACCOUNT, ..wanted.clone() },
        Click { engine: SECOND_ENGINE, ..wanted.clone() },
        Click { index: None, ..wanted.clone() },
        Click { device: Some(Device::Desktop), ..wanted.clone() },
        Click { terms: None, ..wanted.clone() },
        Click { doc_id: "b".parse()?, ..wanted.clone() },
        Click { product_type: ProductType::Search, ..wanted.clone() },
        Click { custom_result: None, ..wanted.clone() },
        Click { custom_result: Some("8".parse()?), ..wanted.clone() },
        Click { at_ms: 0, ..wanted.clone() },
    ];
    keep(store, off_by_one_part.to_vec())?;
    same("each lacks one", &count(store, filter.clone())?, &0)?;
    keep(store, vec![wanted])?;
    same("the one that has all", &count(store, filter)?, &1)
}
