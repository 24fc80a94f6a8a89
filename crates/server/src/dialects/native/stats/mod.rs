//! The statistics below `/v1/stats`: clicks by rank, searches beside the clicks that name them, items with their ranks, clicks by
//! what tells them apart. Each is one question of the store. The order of the checks is a promise: 405, 401, 429, 413, 400, then 403
//! or 404. Knows no store and no engine.

mod params;
mod rows;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use clicks::{Grouping, LocalDays, ProductType, SearchTerms};

use super::events::Desk;
use super::refusals::Refusal;
use crate::app::{Answered, Asked};
use crate::asking::{admit, left_out};
use params::{Call, Group};
use rows::Rows;

/// What the rows of a statistic are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Ranks,
    ClickThrough,
    Searches,
    Items,
    By(Group),
}

impl Shows {
    fn columns(self) -> Vec<&'static str> {
        match self {
            Self::Ranks => vec!["rank", "clicks"],
            Self::ClickThrough => vec!["date", "timestamp", "searches", "clicked", "clicks"],
            Self::Searches => vec!["query", "searches", "clicked", "clicks", "average_rank"],
            Self::Items => vec!["hashid", "index", "doc_id", "title", "link", "clicks", "average_rank"],
            Self::By(group) => vec![group.as_str(), "clicks"],
        }
    }

    /// Makes the question that of this statistic.
    fn shape(self, call: &Call, asked: &mut Asked) {
        match self {
            Self::Ranks => asked.grouping = Grouping::Rank,
            Self::ClickThrough => asked.grouping = Grouping::ClickThrough,
            Self::Searches => {
                asked.grouping = Grouping::TermsReport { rows_max: call.limit };
                asked.measure = call.sort;
                let matching = call.matching.as_deref().and_then(SearchTerms::fold);
                asked.matching = matching.map(|terms| Box::from(terms.as_str()));
            }
            Self::Items => {
                asked.grouping = Grouping::ItemsReport { rows_max: call.limit };
                asked.matching = call.matching.as_deref().map(Box::from);
                // A banner is no item, unless it is asked for.
                if asked.product_types.is_empty() {
                    asked.product_types =
                        ProductType::ALL.into_iter().filter(|kind| *kind != ProductType::Banner).collect();
                }
            }
            Self::By(Group::Engine) => asked.grouping = Grouping::Engine,
            Self::By(Group::Index) => asked.grouping = Grouping::Index,
            Self::By(Group::Device) => asked.grouping = Grouping::Device,
            Self::By(Group::ProductType) => asked.grouping = Grouping::ProductType,
        }
    }
}

/// One statistic.
#[derive(Debug, Clone, Copy)]
struct Read {
    /// Below `/v1/stats/`.
    path: &'static str,
    /// Its parameters beside those that all have.
    accepts: &'static [&'static str],
    /// `None` where the call says by what clicks are counted.
    shows: Option<Shows>,
}

const READS: [Read; 5] = [
    Read { path: "ranks", accepts: &[], shows: Some(Shows::Ranks) },
    Read { path: "clickthrough", accepts: &[], shows: Some(Shows::ClickThrough) },
    Read { path: "searches", accepts: &["limit", "sort", "matching"], shows: Some(Shows::Searches) },
    Read { path: "items", accepts: &["limit", "matching"], shows: Some(Shows::Items) },
    Read { path: "clicks/by", accepts: &["group"], shows: None },
];

/// The routes below `/v1/stats`.
pub(super) fn routes() -> Router<Arc<Desk>> {
    READS.into_iter().fold(Router::new(), |routes, read| {
        let answer = get(move |desk, parts| answer(read, desk, parts));
        routes.route(
            &format!("/v1/stats/{}", read.path),
            answer.fallback(async || Refusal::MethodNotAllowed("GET, HEAD")),
        )
    })
}

/// Answers a call, or says why not.
async fn answer(read: Read, State(desk): State<Arc<Desk>>, parts: Parts) -> Result<Response, Refusal> {
    let caller = admit(&desk.app, &parts)?;
    let call = params::read(parts.uri.query().unwrap_or_default(), read.accepts)?;
    let by_group = || call.group.map(Shows::By);
    let shows = read.shows.or_else(by_group).ok_or(Refusal::Internal)?;
    let mut asked = call.asked.clone();
    // What is wrong with the period is told before what can't be asked of searches.
    LocalDays::of(&asked.period, &asked.zone)?;
    if matches!(shows, Shows::ClickThrough | Shows::Searches) {
        only_of_clicks(&asked)?;
    }
    shows.shape(&call, &mut asked);
    let Answered { question, tally, left_out: days } = desk.app.tally(&caller, asked).await?;
    // What items are called is on the disk, which may be slow.
    let registry = desk.app.registry.clone();
    let listing = tokio::task::spawn_blocking(move || {
        let rows = Rows::of(shows, (&question, tally), &registry)?.ok_or_else(|| {
            tracing::error!("a statistic got an answer that is none");
            Refusal::Internal
        })?;
        rows.into_response(call.format)
    });
    let listed = listing.await.unwrap_or_else(|failed| {
        tracing::error!(error = %failed, "making a list panicked");
        Err(Refusal::Internal)
    });
    Ok(left_out(listed?, &days))
}

/// Refuses what only clicks tell: searches beside them would be counted as none.
fn only_of_clicks(asked: &Asked) -> Result<(), Refusal> {
    let refuse = |name: &str| {
        Err(Refusal::BadQuestion(format!("{name}: searches are counted here, and only clicks tell one")))
    };
    if asked.doc_id.is_some() {
        return refuse("doc_id");
    }
    if !asked.product_types.is_empty() {
        return refuse("product_type");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::STATS_OPENAPI;
    use super::*;

    #[test]
    fn the_document_has_every_statistic_with_its_parameters_and_refusals() {
        let document: Value = serde_json::from_str(STATS_OPENAPI).unwrap();
        for read in READS {
            let operation = &document["paths"][format!("/v1/stats/{}", read.path)]["get"];
            let listed = operation["parameters"].as_array().unwrap();
            let names: Vec<&str> = listed
                .iter()
                .map(|one| {
                    let one =
                        one["$ref"].as_str().map_or(one, |found| document.pointer(&found[1..]).unwrap());
                    one["name"].as_str().unwrap()
                })
                .collect();
            let all = ["from", "to", "tz", "hashid", "index", "device", "query", "format"];
            for name in all.iter().chain(read.accepts) {
                assert!(names.contains(name), "{}: {name}", read.path);
            }
            for status in ["200", "400", "401", "403", "404", "405", "408", "413", "429", "500", "503"] {
                assert!(operation["responses"][status].is_object(), "{}: {status}", read.path);
            }
        }
        let parts: Vec<&str> = STATS_OPENAPI.split("\"$ref\": \"#").skip(1).collect();
        assert!(parts.len() > 20);
        for part in parts {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
