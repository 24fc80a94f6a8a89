//! The questions of the comparison. It must never know a store.

use std::sync::Arc;

use clicks::{
    Bound, ClickFilter, Device, Dfid, DocId, EngineIndex, Grouping, ItemDigest, LocalDays, Period,
    ProductType, Question, SearchTerms, Zone,
};

use crate::feed::Failed;
use crate::names::{ACCOUNT, engine, engines, terms};
use crate::world::item;

/// Rows of a list of the most clicked.
pub const ROWS_MAX: usize = 100;
/// Rows of a list of items with their ranks.
pub const RANK_ROWS_MAX: usize = 10_000;

/// What is counted by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Clicks of each local day.
    Days,
    /// The search terms with the most clicks.
    Terms,
    /// The items with the most clicks.
    Items,
    /// The pairs of an item and a rank with the most clicks.
    Ranks,
    /// How many visitors and how many items there are.
    Distinct,
}

impl Asked {
    /// Its name in the figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::Terms => "terms",
            Self::Items => "items",
            Self::Ranks => "ranks",
            Self::Distinct => "distinct",
        }
    }

    /// As the engine is asked.
    pub const fn grouping(self) -> Grouping {
        match self {
            Self::Days => Grouping::Day,
            Self::Terms => Grouping::Terms { rows_max: ROWS_MAX },
            Self::Items => Grouping::Items { rows_max: ROWS_MAX },
            Self::Ranks => Grouping::ItemRanks { rows_max: RANK_ROWS_MAX },
            Self::Distinct => Grouping::Distinct,
        }
    }
}

/// A span of dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// How it is called.
    pub name: &'static str,
    /// The first date.
    pub from: &'static str,
    /// The last date.
    pub to: &'static str,
}

const YEAR: Dates = Dates { name: "a year", from: "20250101", to: "20251231" };
const MONTH: Dates = Dates { name: "30 days", from: "20250901", to: "20250930" };

/// UTC, and a zone with summer time.
const ZONES: [&str; 2] = ["UTC", "Europe/Berlin"];

/// An item, as the peers know it: they have its `doc_id` and need no digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its index.
    pub place: EngineIndex,
    /// Its id.
    pub doc_id: DocId,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Case {
    /// Which lines of the table it belongs to.
    pub section: &'static str,
    /// What is counted.
    pub asked: Asked,
    /// Over which dates.
    pub dates: Dates,
    /// By which clock.
    pub zone: &'static str,
    /// What passes, in words.
    pub passing: &'static str,
    /// Whether the filter names every engine there is: a peer may leave that out.
    pub all_engines: bool,
    /// What passes.
    pub filter: ClickFilter,
    /// The item of the filter.
    pub item: Option<Wanted>,
}

impl Case {
    /// What it is called in a table.
    pub fn name(&self) -> String {
        let Dates { name, .. } = self.dates;
        let counted = match self.asked {
            Asked::Days => "clicks a day".to_owned(),
            Asked::Terms => format!("top {ROWS_MAX} search terms"),
            Asked::Items => format!("top {ROWS_MAX} items"),
            Asked::Ranks => format!("top {RANK_ROWS_MAX} items with their ranks"),
            Asked::Distinct => "distinct users and items".to_owned(),
        };
        format!("{counted}, {name}, {}, {}", self.passing, self.zone)
    }

    /// Its local days, made anew.
    ///
    /// # Errors
    /// None; dates and a zone that are checked.
    pub fn days(&self) -> Result<Arc<LocalDays>, Failed> {
        let period = Period { from: self.dates.from.parse::<Bound>()?, to: self.dates.to.parse::<Bound>()? };
        Ok(Arc::new(LocalDays::of(&period, &Zone::parse(self.zone)?)?))
    }

    /// As the engine is asked.
    ///
    /// # Errors
    /// As [`Case::days`].
    pub fn question(&self) -> Result<Question, Failed> {
        Ok(Question::clicks(self.days()?, self.filter.clone(), self.asked.grouping()))
    }
}

/// What one case filters by.
#[derive(Debug, Clone, Default)]
struct Parts {
    terms: Option<SearchTerms>,
    item: Option<Wanted>,
    narrow: bool,
    index: bool,
}

/// Clicks of the busiest engine that pass the parts.
fn of_one(parts: &Parts) -> ClickFilter {
    let mut filter = ClickFilter::all(ACCOUNT, vec![engine(0)]);
    filter.terms.clone_from(&parts.terms);
    filter.item = parts.item.as_ref().map(|item| Dfid {
        engine: item.place.engine,
        index: item.place.index.clone(),
        digest: ItemDigest::of(item.doc_id.as_str()),
    });
    if parts.narrow {
        filter.device = Some(Device::Mobile);
        filter.product_types = vec![ProductType::Search, ProductType::CustomResult];
    }
    if parts.index {
        filter.places = parts.item.as_ref().map(|item| vec![item.place.clone()]);
    }
    filter
}

/// Clicks of all engines, or those of them that are on mobile and of two types.
fn of_all(narrow: bool) -> ClickFilter {
    let one = of_one(&Parts { narrow, ..Parts::default() });
    ClickFilter { engines: ClickFilter::all(ACCOUNT, engines()).engines, ..one }
}

/// What the questions by search and item name: the most clicked, and one of many.
struct Picked {
    terms: [Option<SearchTerms>; 2],
    items: [Option<Wanted>; 2],
}

/// How many searches and items are clicked more than the one of many.
const ONE_OF_MANY: usize = 100;

impl Picked {
    fn new() -> Result<Self, Failed> {
        let wanted = |rank| -> Result<Option<Wanted>, Failed> {
            Ok(item(0, 0, rank)?.map(|(place, doc_id)| Wanted { place, doc_id }))
        };
        Ok(Self { terms: [terms(0), terms(ONE_OF_MANY)], items: [wanted(0)?, wanted(ONE_OF_MANY)?] })
    }

    /// The filters of the table's second line.
    fn filters(self) -> Vec<(&'static str, Parts)> {
        let [terms, other_terms] = self.terms;
        let [item, other_item] = self.items;
        let parts = |terms: &Option<_>, item: &Option<_>, narrow, index| Parts {
            terms: terms.clone(),
            item: item.clone(),
            narrow,
            index,
        };
        vec![
            ("the first query", parts(&terms, &None, false, false)),
            ("the 101st query", parts(&other_terms, &None, false, false)),
            ("the first item", parts(&None, &item, false, false)),
            ("the 101st item", parts(&None, &other_item, false, false)),
            ("the first query on mobile, two types", parts(&terms, &None, true, false)),
            ("the first item on mobile, two types, index", parts(&None, &item, true, true)),
            ("query, item, mobile, two types, index", parts(&terms, &item, true, true)),
        ]
    }
}

/// All questions, in the order of the table.
///
/// # Errors
/// None; names that are checked.
pub fn all() -> Result<Vec<Case>, Failed> {
    let mut cases = counters();
    cases.extend(filtered()?);
    cases.extend(lists()?);
    Ok(cases)
}

/// Clicks per day by what the counters know: engine, index, device and product type.
fn counters() -> Vec<Case> {
    let here = |narrow| of_one(&Parts { narrow, ..Parts::default() });
    let filters = [
        ("all engines", true, of_all(false)),
        ("all engines on mobile, two types", true, of_all(true)),
        ("one engine", false, here(false)),
        ("one engine on mobile, two types", false, here(true)),
    ];
    let case = |dates, zone, (passing, all_engines, filter): &(&'static str, bool, ClickFilter)| Case {
        section: "counters",
        asked: Asked::Days,
        dates,
        zone,
        passing,
        all_engines: *all_engines,
        filter: filter.clone(),
        item: None,
    };
    let over = |dates| ZONES.map(|zone| filters.each_ref().map(|filter| case(dates, zone, filter)));
    [over(YEAR), over(MONTH)].into_iter().flatten().flatten().collect()
}

/// The questions that have most to do: lists and distinct counts of a year, of all engines.
#[must_use]
pub fn heavy() -> Vec<Case> {
    let filters = [("all engines", false), ("all engines on mobile, two types", true)];
    let case = |asked, zone, (passing, narrow)| Case {
        section: "heavy",
        asked,
        dates: YEAR,
        zone,
        passing,
        all_engines: true,
        filter: of_all(narrow),
        item: None,
    };
    let asked = [Asked::Terms, Asked::Items, Asked::Distinct];
    let of = |asked| ZONES.map(|zone| filters.map(|filter| case(asked, zone, filter)));
    asked.into_iter().flat_map(of).flatten().collect()
}

/// Clicks per day by query and item.
fn filtered() -> Result<Vec<Case>, Failed> {
    let mut cases = Vec::new();
    let filters = Picked::new()?.filters();
    for dates in [YEAR, MONTH] {
        for zone in ZONES {
            cases.extend(filters.iter().map(|(passing, parts)| Case {
                section: "filtered",
                asked: Asked::Days,
                dates,
                zone,
                passing,
                all_engines: false,
                filter: of_one(parts),
                item: parts.item.clone(),
            }));
        }
    }
    Ok(cases)
}

/// What is clicked most, and how many there are.
fn lists() -> Result<Vec<Case>, Failed> {
    let case = |asked, section| Case {
        section,
        asked,
        dates: MONTH,
        zone: "UTC",
        passing: "one engine",
        all_engines: false,
        filter: of_one(&Parts::default()),
        item: None,
    };
    let [item, _] = Picked::new()?.items;
    let parts = Parts { item: item.clone(), ..Parts::default() };
    let of_item =
        Case { passing: "the first item", filter: of_one(&parts), item, ..case(Asked::Terms, "lists") };
    Ok(vec![
        case(Asked::Terms, "top"),
        case(Asked::Items, "top"),
        case(Asked::Ranks, "lists"),
        of_item,
        case(Asked::Distinct, "distinct"),
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Telling, World, Year};

    #[test]
    fn each_question_has_a_name_of_its_own_and_finds_clicks() {
        let world = World::new().unwrap();
        let clicks: Vec<_> =
            Year::new(&world, 200_000, Telling::default()).unwrap().map(Result::unwrap).collect();
        let cases = all().unwrap();
        let names: HashSet<_> = cases.iter().map(Case::name).collect();
        assert_eq!(names.len(), cases.len());
        for case in &cases {
            let days = case.days().unwrap();
            let found = clicks
                .iter()
                .filter(|click| days.day_of(click.at_ms).is_some() && case.filter.passes(click))
                .count();
            // An item and a query together are rare among so few.
            let rare = case.filter.terms.is_some() && case.filter.item.is_some();
            assert!(found > 0 || rare || case.dates == MONTH, "{} finds nothing", case.name());
        }
    }
}
