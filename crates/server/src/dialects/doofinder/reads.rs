//! The statistics that are read: which there are, which parameters each has, and what it asks. Each is one question of the
//! store, or one for each search engine where `aggregate=false` asks for that. Knows no store and no engine.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use clicks::{Grouping, LocalDays, Measure, ProductType, TOP_ROWS_MAX, Zone};

use super::answer::answer;
use super::errors::Failure;
use super::lists::{List, Shows, list_of};
use super::params::{self, Call, More};
use super::rows::Rows;
use super::stats::Stats;
use crate::app::{Answered, Asked};
use crate::asking::left_out;
use crate::query_params::{Format, LIST_ROWS};

/// One statistic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    /// Below `/api/v2/stats/`.
    pub(super) path: &'static str,
    /// Its parameters beside those that all have.
    pub(super) accepts: &'static [&'static str],
    measure: Measure,
    shows: Shows,
}

const fn of_clicks(path: &'static str, accepts: &'static [&'static str], shows: Shows) -> Read {
    Read { path, accepts, measure: Measure::Clicks, shows }
}

const fn of_searches(path: &'static str, accepts: &'static [&'static str], shows: Shows) -> Read {
    Read { path, accepts, measure: Measure::Searches, shows }
}

/// All of them but for `sector`, whose path has a name in it.
pub(super) const READS: [Read; 14] = [
    of_clicks("clicks", &[], Shows::Days),
    of_clicks("clicked_items", &["limit"], Shows::Items),
    of_clicks("clicked_items/position", &["limit"], Shows::Positions),
    of_clicks("clicked_items/searches", &["limit"], Shows::SearchesOfItem),
    of_clicks("clicks/users", &[], Shows::Users),
    of_searches("searches", &["query_name", "source", "total_hits"], Shows::Days),
    of_searches(
        "searches/top",
        &["query_name", "total_hits", "no_results", "opportunities", "exclude", "limit"],
        Shows::Terms,
    ),
    of_clicks("searches/popular", &["exclude", "limit"], Shows::ClickedTerms),
    of_clicks("banners", &["id", "limit"], Shows::Banners),
    of_clicks("custom-results", &["id", "limit"], Shows::CustomResults),
    of_searches("usage", &["type", "account_code"], Shows::Usage),
    Read { path: "inits", accepts: &[], measure: Measure::Openings, shows: Shows::Days },
    Read { path: "inits/users", accepts: &[], measure: Measure::Openings, shows: Shows::Sessions },
    Read {
        path: "redirects",
        accepts: &["id", "limit"],
        measure: Measure::Redirections,
        shows: Shows::Redirects,
    },
];

/// Published statistics of what nobody tells this server: better no answer than a zero that was made up.
pub(super) const UNANSWERED: [(&str, &str); 12] = [
    ("carts", "carts are not recorded"),
    ("checkouts", "checkouts are not recorded"),
    ("facets", "facets are not recorded"),
    ("facets/top", "facets are not recorded"),
    ("facets_by_day", "facets are not recorded"),
    ("inits/locations", "locations are not recorded"),
    ("results/top", "brands and categories of items are not recorded"),
    ("sales", "sales are not recorded"),
    ("search_engine_users", "visits are not recorded"),
    ("searches/locations", "locations are not recorded"),
    ("top-sales", "sales are not recorded"),
    ("visit", "visits are not recorded"),
];

/// Answers a call, or says why not.
pub(super) async fn read(
    read: Read,
    State(stats): State<Arc<Stats>>,
    parts: Parts,
) -> Result<Response, Failure> {
    let caller = stats.admit(&parts)?;
    let call = params::read(parts.uri.query().unwrap_or_default(), read.accepts)?;
    let Call { mut asked, format, aggregate, more } = call;
    let rows_max = read.shape(&mut asked, &more)?;
    // What is wrong with the period is told before what can't be answered.
    LocalDays::of(&asked.period, &asked.zone)?;
    if let Some(reason) = unanswerable(&asked, &more) {
        return Err(Failure::NotFound(reason.to_owned()));
    }
    if more.account_code.is_some_and(|code| code != caller.account) {
        return Err(Failure::AccessDenied("account_code: it is another account's".to_owned()));
    }
    let by_engine = read.shows.has_lists_by_engine() && !aggregate;
    let answered = if by_engine {
        stats.app.tally_each(&caller, asked, rows_max).await?
    } else {
        vec![stats.app.tally(&caller, asked).await?]
    };
    if matches!(read.shows, Shows::Days | Shows::Usage) {
        return days(answered, format);
    }
    let days = days_of(&answered);
    // What items are called is on the disk, which may be slow.
    let registry = stats.app.registry.clone();
    let listing = tokio::task::spawn_blocking(move || {
        let mut list = List::new(read.shows, by_engine);
        for one in &answered {
            list_of(&registry, one, rows_max, &mut list)?;
        }
        list.into_response(format)
    });
    let listed = listing.await.unwrap_or_else(|failed| {
        tracing::error!(error = %failed, "making a list panicked");
        Err(Failure::Internal)
    });
    Ok(left_out(listed?, &days))
}

fn days(answered: Vec<Answered>, format: Format) -> Result<Response, Failure> {
    let Some(Answered { question, tally, left_out: days }) = answered.into_iter().next() else {
        return Err(Failure::Internal);
    };
    let rows = Rows::of(question, tally).ok_or_else(|| {
        tracing::error!("a question about days got an answer that has none");
        Failure::Internal
    })?;
    Ok(left_out(answer(rows, format)?, &days))
}

/// The days that any of some answers is without, each once.
fn days_of(answered: &[Answered]) -> Vec<String> {
    let mut days: Vec<String> = answered.iter().flat_map(|one| one.left_out.iter().cloned()).collect();
    days.sort_unstable();
    days.dedup();
    days
}

impl Read {
    /// Makes the question that of this statistic; returns how many rows a list may have.
    fn shape(self, asked: &mut Asked, more: &More) -> Result<usize, Failure> {
        asked.measure = self.measure;
        // Nothing has found both none and some: then none is asked for, and none is left out.
        asked.hits = match (more.no_results, more.total_hits) {
            (Some(true), Some(1..)) => (Some(0), Some(0)),
            (Some(true), _) => (Some(0), more.exclude_hits),
            (_, hits) => (hits, more.exclude_hits),
        };
        let rows_max =
            more.limit.unwrap_or(if self.shows == Shows::Positions { TOP_ROWS_MAX } else { LIST_ROWS });
        if matches!(self.shows, Shows::Items | Shows::Positions | Shows::Users)
            && asked.product_types.is_empty()
        {
            asked.product_types = items();
        }
        match self.shows {
            Shows::Days | Shows::Rates => {}
            // Usage is told by the days of UTC.
            Shows::Usage => asked.zone = Zone::UTC,
            Shows::Items => asked.grouping = Grouping::Items { rows_max },
            Shows::Positions => asked.grouping = Grouping::ItemRanks { rows_max },
            Shows::SearchesOfItem if asked.item.is_none() => {
                return Err(Failure::BadParams("dfid: is required".to_owned()));
            }
            // One more, since what has no terms is no row here.
            Shows::SearchesOfItem | Shows::ClickedTerms => {
                asked.grouping = Grouping::Terms { rows_max: rows_max + 1 };
            }
            Shows::Terms => asked.grouping = Grouping::Terms { rows_max },
            Shows::Users | Shows::Sessions => asked.grouping = Grouping::Distinct,
            Shows::Banners | Shows::Redirects => {
                if self.shows == Shows::Banners {
                    asked.product_types = vec![ProductType::Banner];
                }
                asked.doc_id = id_of(more)?;
                asked.grouping = Grouping::Items { rows_max };
            }
            Shows::CustomResults => {
                asked.product_types = vec![ProductType::CustomResult];
                asked.custom_result = id_of(more)?;
                asked.grouping = Grouping::CustomResults { rows_max };
            }
        }
        Ok(rows_max)
    }
}

/// What the rows are held to that are named by ids.
fn id_of<T: FromStr>(more: &More) -> Result<Option<T>, Failure> {
    let rule = "id: must be 1 to 512 characters, none of them a control character";
    let id = more.id.as_deref().map(str::parse).transpose();
    id.map_err(|_| Failure::BadParams(rule.to_owned()))
}

/// Why a question can't be answered from what is recorded: better no answer than a zero that was made up.
fn unanswerable(asked: &Asked, more: &More) -> Option<&'static str> {
    let is_searches = |kind: &str| matches!(kind, "search" | "query_counters");
    let of_clicks = asked.measure == Measure::Clicks;
    let banners = of_clicks && asked.product_types == [ProductType::Banner];
    let told = [
        (!of_clicks && asked.item.is_some(), "dfid: searches are not counted by the items that they showed"),
        (!of_clicks && !asked.product_types.is_empty(), "product_type: only clicks are of a kind of result"),
        (asked.measure == Measure::Openings && asked.terms.is_some(), "query: a session begins without one"),
        (
            matches!(asked.measure, Measure::Openings | Measure::Redirections) && asked.indices.is_some(),
            "indices: sessions and redirections belong to none",
        ),
        (banners && asked.indices.is_some(), "indices: banners belong to none"),
        (
            more.query_name || more.opportunities == Some(true),
            "query_name, opportunities: which kind of query found the results is not recorded",
        ),
        (more.source.is_some(), "source: where a search came from is not recorded"),
        (
            of_clicks && asked.hits != (None, None),
            "exclude: clicks are not counted by how much their search found",
        ),
        (
            more.kind.as_deref().is_some_and(|kind| !is_searches(kind)),
            "type: of all usage only searches are recorded: search, query_counters",
        ),
    ];
    told.into_iter().find_map(|(applies, reason)| applies.then_some(reason))
}

/// The kinds of result that are items: a banner is none.
fn items() -> Vec<ProductType> {
    ProductType::ALL.into_iter().filter(|kind| *kind != ProductType::Banner).collect()
}

const SECTOR_METRICS: &str =
    "of all metrics only click_through_rate, clicks_per_session and searches_per_session can be told here";

/// Refuses a published statistic that can't be answered.
pub(super) fn unanswered(reason: &str) -> Failure {
    Failure::NotFound(format!("not answered here: {reason}"))
}

/// `sector/{name}`: a metric by day, the median over the search engines that are asked about.
pub(super) async fn sector(
    State(stats): State<Arc<Stats>>,
    Path(name): Path<String>,
    parts: Parts,
) -> Result<Response, Failure> {
    let caller = stats.admit(&parts)?;
    let Call { asked, format, more, .. } = params::read(parts.uri.query().unwrap_or_default(), &["sector"])?;
    if more.sector.is_none() {
        return Err(Failure::BadParams("sector: is required".to_owned()));
    }
    LocalDays::of(&asked.period, &asked.zone)?;
    let (counted, per) = match name.as_str() {
        "click_through_rate" => (Measure::Clicks, Measure::Searches),
        "clicks_per_session" => (Measure::Clicks, Measure::Openings),
        "searches_per_session" => (Measure::Searches, Measure::Openings),
        _ => return Err(unanswered(SECTOR_METRICS)),
    };
    let of = |measure| Asked { measure, grouping: Grouping::DayAndEngine, ..asked.clone() };
    let questions = vec![of(counted), of(per)];
    if let Some(reason) = questions.iter().find_map(|asked| unanswerable(asked, &more)) {
        return Err(Failure::NotFound(reason.to_owned()));
    }
    let answered = stats.app.tally_all(&caller, questions).await?;
    let mut list = List::new(Shows::Rates, false);
    let [counted, per] = answered.as_slice() else { return Err(Failure::Internal) };
    list.rates(counted, per).ok_or(Failure::Internal)?;
    let days = days_of(&answered);
    Ok(left_out(list.into_response(format)?, &days))
}
