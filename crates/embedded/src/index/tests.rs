//! An index against the rows it was built of, counted one by one.

use std::sync::Arc;

use clicks::conformance::Dice;
use clicks::{
    AccountCode, ClickFilter, Counter, CustomResultId, Device, Dfid, DocId, EngineIndex, Grouping, Hashid,
    IndexName, ItemDigest, LocalDays, Measure, Period, ProductType, Question, SearchTerms, Tally, UserCode,
    Zone,
};

use crate::evaluate::{Columns, Evaluator, Place};
use crate::index::build::build;
use crate::index::counters::{Counters, Kinds};
use crate::index::custom_results;
use crate::index::cuts::Cuts;
use crate::index::directories::Directories;
use crate::index::head::Head;
use crate::index::part_quarters::Kind;
use crate::index::postings::{PartBytes, count, tell_apart};
use crate::index::users::Mark;
use crate::keys::FingerprintKey;
use crate::names::Names;
use crate::recent::day::{DAY_MS, Row, day_of};
use crate::wanted::Wanted;

const ACCOUNT: AccountCode = AccountCode::from_bytes([1; 8]);
const ENGINES: [Hashid; 3] =
    [Hashid::from_bytes([1; 16]), Hashid::from_bytes([2; 16]), Hashid::from_bytes([3; 16])];

struct World {
    names: Names,
    rows: Vec<Row>,
    first: i32,
}

/// The visitor with a number, or none for 0.
fn user(number: usize) -> Mark {
    let code: Option<UserCode> = number.checked_sub(1).map(|number| number.to_string().parse().unwrap());
    Mark::of(ACCOUNT, code.as_ref(), &FingerprintKey::from_bytes(&[5; 16]))
}

fn index(number: usize) -> IndexName {
    ["product", "page", "blog"][number].parse().unwrap()
}

fn world(dice: &mut Dice) -> World {
    let (mut names, mut rows) = (Names::default(), Vec::new());
    let first = day_of(1_711_756_800_000);
    // Where there are few, they are popular.
    let (terms, items) = (*dice.pick(&[2, 300]), *dice.pick(&[3, 400]));
    let (terms, items) = (1 + dice.below(terms), 1 + dice.below(items));
    let visitors = *dice.pick(&[0, 3, 900]);
    let customs: Vec<Option<CustomResultId>> =
        (0..=dice.below(4)).map(|number| (number > 0).then(|| number.to_string().parse().unwrap())).collect();
    let figures = dice.pick(&[vec![0], vec![0, 1, 12], vec![0, 1, 300, 10_001]]).clone();
    for _ in 0..dice.below(4_000) {
        let engine = names.intern_engine(ACCOUNT, *dice.pick(&ENGINES));
        let text = SearchTerms::from_folded(&format!("terms {}", dice.below(terms)));
        let doc_id: DocId = format!("item{}", dice.below(items)).parse().unwrap();
        let place = dice.below(4);
        let index = names.intern_index(engine, (place < 3).then(|| index(place)).as_ref());
        rows.push(Row {
            at_ms: i64::from(first) * DAY_MS + dice.below(4 * 86_400_000) as i64,
            engine,
            index,
            item: names.intern_item(engine, index, &doc_id),
            terms: names.intern_terms((!dice.once_in(9)).then_some(&text)),
            device: u8::try_from(dice.below(3)).unwrap(),
            product: u8::try_from(dice.below(6)).unwrap(),
            user: user(dice.below(visitors)),
            search: user(dice.below(9)),
            figure: *dice.pick(&figures),
            custom: names.intern_custom_result(engine, dice.pick_or_none(2, &customs).flatten().as_ref()),
        });
    }
    World { names, rows, first }
}

fn question(dice: &mut Dice) -> Question {
    let (from, to) =
        *dice.pick(&[("20240330", "20240402"), ("20240331", "20240331"), ("20240101", "20241231")]);
    let zone = *dice.pick(&["Z", "Europe/Madrid", "+05:45"]);
    let period = Period { from: from.parse().unwrap(), to: to.parse().unwrap() };
    let days = Arc::new(LocalDays::of(&period, &Zone::parse(zone).unwrap()).unwrap());
    let engines = if dice.once_in(3) { vec![ENGINES[1]] } else { ENGINES.to_vec() };
    let mut filter = ClickFilter::all(ACCOUNT, engines);
    if dice.once_in(3) {
        filter.device = Some(*dice.pick(&[Device::Mobile, Device::Desktop]));
    }
    if dice.once_in(3) {
        filter.product_types = vec![*dice.pick(&ProductType::ALL), *dice.pick(&ProductType::ALL)];
    }
    if dice.once_in(3) {
        filter.places = Some(vec![EngineIndex { engine: *dice.pick(&ENGINES), index: index(dice.below(3)) }]);
    }
    if dice.once_in(3) {
        filter.terms = Some(SearchTerms::from_folded(&format!("terms {}", dice.below(10))));
    }
    if dice.once_in(3) {
        let digest = ItemDigest::of(&format!("item{}", dice.below(10)));
        filter.item = Some(Dfid { engine: *dice.pick(&ENGINES), index: index(dice.below(3)), digest });
    }
    let grouping = *dice.pick(&[
        Grouping::Day,
        Grouping::DayAndEngine,
        Grouping::Engine,
        Grouping::Device,
        Grouping::Terms { rows_max: 20 },
        Grouping::Items { rows_max: 20 },
        Grouping::ItemRanks { rows_max: 20 },
        Grouping::CustomResults { rows_max: 20 },
        Grouping::Distinct,
        Grouping::Index,
        Grouping::ProductType,
        Grouping::Rank,
        Grouping::ItemsReport { rows_max: 20 },
        Grouping::TermsReport { rows_max: 20 },
    ]);
    Question::clicks(days, filter, grouping)
}

/// Rows of a list by their numbers: a term's or item's and 0, or an item's and a rank.
type NumberedRows = Vec<((u32, u32), u64)>;

/// The answer, with terms and items by number.
fn answer(mut evaluator: Evaluator<'_>, question: &Question) -> (Tally, NumberedRows) {
    let mut counter = Counter::new(question);
    let mut rows = NumberedRows::new();
    match question.grouping {
        Grouping::Terms { rows_max }
        | Grouping::Items { rows_max }
        | Grouping::CustomResults { rows_max } => {
            let top = evaluator.top(rows_max);
            rows.extend(top.above.into_iter().map(|(number, clicks)| ((number, 0), clicks)));
            rows.extend(top.level.into_iter().map(|number| ((number, 0), top.level_clicks)));
            if !matches!(question.grouping, Grouping::CustomResults { .. }) {
                rows.push(((0, 0), evaluator.untold()));
            }
            rows.sort_unstable();
        }
        Grouping::ItemRanks { rows_max } => {
            let top = evaluator.top_pairs(rows_max);
            rows.extend(top.above);
            rows.extend(top.level.into_iter().map(|pair| (pair, top.level_clicks)));
            rows.sort_unstable();
        }
        Grouping::ItemsReport { .. } | Grouping::TermsReport { .. } => {
            for (number, clicks) in (0..).zip(evaluator.cells()) {
                let ranks = evaluator.rank_sum(number);
                let told = u32::try_from(ranks.told).unwrap();
                rows.extend([((number, told), *clicks), ((number, u32::MAX), ranks.sum)]);
            }
        }
        Grouping::Index => {
            rows.extend((0..).zip(evaluator.cells()).map(|(cell, clicks)| ((cell, 0), *clicks)));
        }
        Grouping::Distinct => counter.add_distinct(evaluator.into_distinct(&|| false).unwrap()),
        _ => evaluator.finish(&mut counter),
    }
    (counter.finish(), rows)
}

fn columns_of(rows: &[Row], evaluator: &mut Evaluator<'_>) {
    let column = |part: fn(&Row) -> u32| rows.iter().map(part).collect::<Vec<_>>();
    let at_ms: Vec<i64> = rows.iter().map(|row| row.at_ms).collect();
    let range_ms = (at_ms.iter().min().copied().unwrap_or(0), at_ms.iter().max().copied().unwrap_or(-1));
    evaluator.count(&Columns {
        at_ms: &at_ms,
        engine: &column(|row| row.engine),
        index: &column(|row| row.index),
        item: &column(|row| row.item),
        terms: &column(|row| row.terms),
        device: &rows.iter().map(|row| row.device).collect::<Vec<_>>(),
        product: &rows.iter().map(|row| row.product).collect::<Vec<_>>(),
        user: &rows.iter().map(|row| row.user).collect::<Vec<_>>(),
        search: &rows.iter().map(|row| row.search).collect::<Vec<_>>(),
        figure: &rows.iter().map(|row| row.figure).collect::<Vec<_>>(),
        custom: &column(|row| row.custom),
        range_ms,
        only_engine: None,
    });
}

#[test]
fn an_index_counts_as_its_rows_do() {
    let mut dice = Dice::new(11);
    for _ in 0..40 {
        let world = world(&mut dice);
        let mut counters = Counters::default();
        let mut parts = Vec::new();
        for day in world.first..world.first + 4 {
            let rows: Vec<Row> = world.rows.iter().filter(|row| day_of(row.at_ms) == day).copied().collect();
            let sections = build(&rows, Measure::Clicks);
            let head = Head::read(&sections.engines, &sections.kinds).unwrap();
            assert_eq!(head.rows(), rows.len() as u64);
            counters.insert(day, 0, &head.quarters(&sections.counters).unwrap());
            let sections =
                [sections.postings, sections.users, sections.figures, sections.customs].map(Arc::new);
            parts.push((day, head, sections));
        }
        for _ in 0..90 {
            let question = question(&mut dice);
            let wanted = Wanted::new(question.measure, &question.filter, &world.names);
            if wanted.is_nothing() {
                continue;
            }
            let end = world.names.numbers_end(question.grouping);
            let mut by_rows = Evaluator::new(&question, &wanted, end);
            columns_of(&world.rows, &mut by_rows);
            let due = answer(by_rows, &question);
            let cuts = Cuts::new(&question.days, world.first, world.first + 3);
            let mut by_postings = Evaluator::new(&question, &wanted, end);
            let mut directories = Directories::default();
            for day in cuts.days() {
                let (_, head, sections) = parts.iter().find(|part| part.0 == day.day).unwrap();
                let [postings, users, figures, customs] = sections.each_ref().map(Arc::clone);
                let users = (question.grouping == Grouping::Distinct).then_some(users);
                let (figures, customs) = (Some(figures), Some(customs));
                let part = PartBytes { head, postings, users, figures, customs };
                if matches!(question.grouping, Grouping::CustomResults { .. }) {
                    custom_results::count(&part, &wanted, &day, &mut by_postings).unwrap();
                    continue;
                }
                count(&part, &wanted, &day, &mut directories, &mut by_postings).unwrap();
                tell_apart(&part, &wanted, &day, by_postings.visitors_mut()).unwrap();
            }
            directories.add_up(&mut by_postings).unwrap();
            assert_eq!(answer(by_postings, &question), due, "{:?} {:?}", question.grouping, question.filter);
            if wanted.terms().is_some() || wanted.items().is_some() || question.grouping.is_by_names() {
                continue;
            }
            let mut by_counters = Evaluator::new(&question, &wanted, end);
            for engine in 0..world.names.engines.numbers_end() {
                let engine = u32::try_from(engine).unwrap();
                let Some(kept) = counters.engine(engine).filter(|_| wanted.engine_place(engine).is_some())
                else {
                    continue;
                };
                for (place, kind) in
                    kept.kinds().iter().enumerate().filter(|(_, kind)| wanted.passes_kind(**kind))
                {
                    let kinds = Kinds::Some(std::slice::from_ref(&place));
                    for cut in cuts.days() {
                        for segment in cut.segments {
                            let clicks = kept.before(cut.day, segment.until, kinds)
                                - kept.before(cut.day, segment.from, kinds);
                            let Kind { index, device, product } = *kind;
                            let at = Place {
                                day: segment.day,
                                engine,
                                device,
                                index,
                                product,
                                ..Place::default()
                            };
                            by_counters.add_at(at, clicks);
                        }
                    }
                }
            }
            assert_eq!(answer(by_counters, &question), due, "{:?} {:?}", question.grouping, question.filter);
        }
    }
}
