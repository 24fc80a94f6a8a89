//! What each statistic asks, and what its rows show.

use server::control::{StatsAsk, StatsBy, StatsOf, StatsReply};

use super::asking::common_ask;
use super::columns::Column;
use crate::cli::{
    ClickFilter, ClicksArgs, ClicksBy, Common, ItemsFilter, Place, ReportSort, SearchesBy, StatsCommand,
};

/// What is shown of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// What it is, for people.
    pub title: &'static str,
    /// The columns, as machines get them.
    pub columns: &'static [Column],
    /// What is counted, as people call it.
    pub counted: &'static str,
    /// What the sum of the counts is called; `None` where there is nothing to add up.
    pub sum: Option<&'static str>,
    /// What people read where the search is not told.
    pub no_query: &'static str,
}

/// The sum of all there are.
const TOTAL: &str = "total";
/// The sum of those that are shown.
const SHOWN: &str = "sum of these";

const DAY: &[Column] = &[Column::Date, Column::Timestamp, Column::Count];
const DAY_AND_ENGINE: &[Column] = &[Column::Date, Column::Timestamp, Column::Hashid, Column::Count];
const ENGINE: &[Column] = &[Column::Hashid, Column::Count];
const DEVICE: &[Column] = &[Column::Device, Column::Count];
const QUERY: &[Column] = &[Column::Query, Column::Count];
const ITEM: &[Column] = &[Column::Hashid, Column::Index, Column::DocId, Column::Count];
const ITEM_REPORT: &[Column] = &[
    Column::Hashid,
    Column::Index,
    Column::DocId,
    Column::Title,
    Column::Link,
    Column::AverageRank,
    Column::Count,
];
const ITEM_RANK: &[Column] =
    &[Column::Hashid, Column::Index, Column::DocId, Column::Title, Column::Rank, Column::Count];
const INDEX: &[Column] = &[Column::Index, Column::Count];
const PRODUCT_TYPE: &[Column] = &[Column::ProductType, Column::Count];
const RANK: &[Column] = &[Column::Rank, Column::Count];
const CLICK_THROUGH: &[Column] = &[
    Column::Date,
    Column::Timestamp,
    Column::Searches,
    Column::Clicked,
    Column::ClickedShare,
    Column::Count,
];
const SEARCH_REPORT: &[Column] = &[
    Column::Query,
    Column::Searches,
    Column::Clicked,
    Column::ClickedShare,
    Column::AverageRank,
    Column::Count,
];
const VISITORS: &[Column] = &[Column::Users, Column::Count, Column::Items];
const SESSION_VISITORS: &[Column] = &[Column::Users, Column::Count];
const NUMBERED: &[Column] = &[Column::Hashid, Column::Id, Column::Count];
const CUSTOM_RESULT: &[Column] = &[Column::Hashid, Column::CustomResult, Column::Count];

/// The kinds of result that are items: a banner is none.
const ITEMS: [&str; 5] = ["search", "custom_result", "recommendation", "quizz", "aichat"];

impl Shape {
    const fn new(title: &'static str, columns: &'static [Column], counted: &'static str) -> Self {
        Self { title, columns, counted, sum: Some(TOTAL), no_query: "(search not known)" }
    }

    const fn list(title: &'static str, columns: &'static [Column], counted: &'static str) -> Self {
        Self { sum: Some(SHOWN), ..Self::new(title, columns, counted) }
    }

    /// What it is, and of which days.
    pub fn heading(&self, reply: &StatsReply, tz: &str) -> String {
        let average = reply.average_rank.map(|rank| format!(", {rank:.2} on average")).unwrap_or_default();
        match &reply.days {
            Some([first, last]) if first == last => format!("{}{average}, {first}, {tz}", self.title),
            Some([first, last]) => format!("{}{average}, {first} to {last}, {tz}", self.title),
            None => format!("{}, no day", self.title),
        }
    }
}

/// The statistics that are one question: what they have in common, what they show, what they ask.
pub fn shape(command: &StatsCommand) -> Option<(&Common, Shape, StatsAsk)> {
    let of_items = |filter: &ItemsFilter, by, rows_max| {
        let mut ask = StatsAsk { by, rows_max, ..clicks(&filter.common, &filter.filter) };
        if ask.product_types.is_empty() {
            ask.product_types = ITEMS.map(str::to_owned).to_vec();
        }
        ask
    };
    Some(match command {
        StatsCommand::Clicks(args) => (&args.common, shape_of_clicks(args), ask_of_clicks(args)),
        StatsCommand::Items(args) => {
            let shape = Shape::list("Items with the most clicks", ITEM_REPORT, "clicks");
            let ask = of_items(&args.filter, StatsBy::ItemReport, args.limit.rows());
            (&args.filter.common, shape, StatsAsk { matching: args.matching.clone(), ..ask })
        }
        StatsCommand::Ranks(args) => {
            let ask = StatsAsk { by: StatsBy::Rank, ..clicks(&args.common, &args.filter) };
            (&args.common, Shape::new("Clicks by rank", RANK, "clicks"), ask)
        }
        StatsCommand::Positions(args) => {
            let shape = Shape::list("Clicks by item and rank", ITEM_RANK, "clicks");
            (&args.filter.common, shape, of_items(&args.filter, StatsBy::ItemRank, args.limit.rows()))
        }
        StatsCommand::ItemSearches(args) => {
            let shape = Shape::list("Searches that led to the item", QUERY, "clicks");
            let is_dfid = args.item.bytes().filter(|byte| *byte == b'@').count() >= 2;
            let item = |is_asked: bool| is_asked.then(|| args.item.clone());
            let filter = ClickFilter {
                place: args.place.clone(),
                dfid: item(is_dfid),
                doc_id: item(!is_dfid),
                product_types: Vec::new(),
            };
            (&args.common, shape, by_searches(clicks(&args.common, &filter), args.limit.rows()))
        }
        StatsCommand::PopularSearches(args) => {
            let shape = Shape::list("Searches that led to the most clicks", QUERY, "clicks");
            let ask = clicks(&args.filter.common, &args.filter.filter);
            (&args.filter.common, shape, by_searches(ask, args.limit.rows()))
        }
        StatsCommand::Visitors(args) => {
            let shape = Shape { sum: None, ..Shape::new("Visitors who clicked", VISITORS, "clicks") };
            (&args.common, shape, of_items(args, StatsBy::Visitors, 1))
        }
        other => {
            return shape_of_searches(other)
                .or_else(|| shape_of_report(other))
                .or_else(|| shape_of_numbered(other));
        }
    })
}

/// Of what is counted without items: searches and sessions.
fn shape_of_searches(command: &StatsCommand) -> Option<(&Common, Shape, StatsAsk)> {
    let searches = |common: &Common, place: &Place| StatsAsk {
        of: StatsOf::Searches,
        indices: place.indices.clone(),
        device: place.device.clone(),
        query: place.query.clone(),
        ..common_ask(common)
    };
    Some(match command {
        StatsCommand::Searches(args) => {
            let ask = StatsAsk { hits: args.hits, by: by(args.by), ..searches(&args.common, &args.place) };
            (&args.common, Shape::new("Searches", columns_by(args.by), "searches"), ask)
        }
        StatsCommand::TopSearches(args) => {
            let ask = StatsAsk {
                hits: args.hits.or(args.no_results.then_some(0)),
                hits_not: args.without_hits,
                by: StatsBy::Search,
                rows_max: args.limit.rows(),
                ..searches(&args.common, &args.place)
            };
            let title =
                if args.no_results { "Searches that found nothing" } else { "The most common searches" };
            let shape = Shape { no_query: "(no terms)", ..Shape::list(title, QUERY, "searches") };
            (&args.common, shape, ask)
        }
        StatsCommand::Sessions(args) => {
            let ask =
                StatsAsk { of: StatsOf::Sessions, device: args.device.clone(), ..common_ask(&args.common) };
            if args.visitors {
                let shape = Shape::new("Sessions and their visitors", SESSION_VISITORS, "sessions");
                (&args.common, Shape { sum: None, ..shape }, StatsAsk { by: StatsBy::Visitors, ..ask })
            } else {
                let shape = Shape::new("Sessions", columns_by(args.by), "sessions");
                (&args.common, shape, StatsAsk { by: by(args.by), ..ask })
            }
        }
        _ => return None,
    })
}

/// Of searches beside the clicks that name them.
fn shape_of_report(command: &StatsCommand) -> Option<(&Common, Shape, StatsAsk)> {
    let beside = |common: &Common, place: &Place| StatsAsk {
        by: StatsBy::ClickThrough,
        indices: place.indices.clone(),
        device: place.device.clone(),
        query: place.query.clone(),
        ..common_ask(common)
    };
    Some(match command {
        StatsCommand::Clickthrough(args) => {
            let shape = Shape::new("Searches that were clicked", CLICK_THROUGH, "clicks");
            (&args.common, shape, beside(&args.common, &args.place))
        }
        StatsCommand::SearchReport(args) => {
            let shape = Shape::list("Searches and their clicks", SEARCH_REPORT, "clicks");
            let ask = StatsAsk {
                of: match args.sort {
                    ReportSort::Searches => StatsOf::Searches,
                    ReportSort::Clicks => StatsOf::Clicks,
                },
                by: StatsBy::SearchReport,
                matching: args.matching.clone(),
                rows_max: args.limit.rows(),
                ..beside(&args.common, &args.place)
            };
            (&args.common, Shape { no_query: "(no terms)", ..shape }, ask)
        }
        _ => return None,
    })
}

/// Of what has an id of its own that is no item's.
fn shape_of_numbered(command: &StatsCommand) -> Option<(&Common, Shape, StatsAsk)> {
    let (StatsCommand::Banners(args) | StatsCommand::CustomResults(args) | StatsCommand::Redirects(args)) =
        command
    else {
        return None;
    };
    let ask = StatsAsk {
        device: args.device.clone(),
        query: args.query.clone(),
        rows_max: args.limit.rows(),
        ..common_ask(&args.common)
    };
    let kind = |kind: &str| vec![kind.to_owned()];
    let id = args.id.clone();
    let (shape, ask) = match command {
        StatsCommand::Banners(_) => (
            Shape::list("Clicks on banners", NUMBERED, "clicks"),
            StatsAsk { by: StatsBy::Item, product_types: kind("banner"), doc_id: id, ..ask },
        ),
        StatsCommand::CustomResults(_) => (
            Shape::list("Clicks by custom result", CUSTOM_RESULT, "clicks"),
            StatsAsk {
                by: StatsBy::CustomResult,
                product_types: kind("custom_result"),
                custom_result: id,
                ..ask
            },
        ),
        _ => (
            Shape::list("Searches that ended in a redirection", NUMBERED, "searches"),
            StatsAsk { of: StatsOf::Redirections, by: StatsBy::Item, doc_id: id, ..ask },
        ),
    };
    Some((&args.common, shape, ask))
}

fn clicks(common: &Common, filter: &ClickFilter) -> StatsAsk {
    StatsAsk {
        indices: filter.place.indices.clone(),
        device: filter.place.device.clone(),
        query: filter.place.query.clone(),
        dfid: filter.dfid.clone(),
        doc_id: filter.doc_id.clone(),
        product_types: filter.product_types.clone(),
        ..common_ask(common)
    }
}

/// Only of searches that are known.
fn by_searches(ask: StatsAsk, rows_max: usize) -> StatsAsk {
    StatsAsk { by: StatsBy::Search, known_searches: true, rows_max, ..ask }
}

fn shape_of_clicks(args: &ClicksArgs) -> Shape {
    match (args.by, args.aggregate) {
        (ClicksBy::Day, true) => Shape::new("Clicks", DAY, "clicks"),
        (ClicksBy::Day, false) => Shape::new("Clicks", DAY_AND_ENGINE, "clicks"),
        (ClicksBy::Engine, _) => Shape::new("Clicks by search engine", ENGINE, "clicks"),
        (ClicksBy::Index, _) => Shape::new("Clicks by index", INDEX, "clicks"),
        (ClicksBy::ProductType, _) => Shape::new("Clicks by kind of result", PRODUCT_TYPE, "clicks"),
        (ClicksBy::Device, _) => Shape::new("Clicks by device", DEVICE, "clicks"),
        (ClicksBy::Search, _) => Shape::list("Clicks by search", QUERY, "clicks"),
        (ClicksBy::Item, _) => Shape::list("Clicks by item", ITEM, "clicks"),
    }
}

fn ask_of_clicks(args: &ClicksArgs) -> StatsAsk {
    let by = match (args.by, args.aggregate) {
        (ClicksBy::Day, true) => StatsBy::Day,
        (ClicksBy::Day, false) => StatsBy::DayAndEngine,
        (ClicksBy::Engine, _) => StatsBy::Engine,
        (ClicksBy::Index, _) => StatsBy::Index,
        (ClicksBy::ProductType, _) => StatsBy::ProductType,
        (ClicksBy::Device, _) => StatsBy::Device,
        (ClicksBy::Search, _) => StatsBy::Search,
        (ClicksBy::Item, _) => StatsBy::Item,
    };
    StatsAsk { by, rows_max: args.limit.rows(), ..clicks(&args.common, &args.filter) }
}

const fn by(by: SearchesBy) -> StatsBy {
    match by {
        SearchesBy::Day => StatsBy::Day,
        SearchesBy::Engine => StatsBy::Engine,
        SearchesBy::Device => StatsBy::Device,
    }
}

const fn columns_by(by: SearchesBy) -> &'static [Column] {
    match by {
        SearchesBy::Day => DAY,
        SearchesBy::Engine => ENGINE,
        SearchesBy::Device => DEVICE,
    }
}
