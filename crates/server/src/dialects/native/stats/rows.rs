//! The rows of a statistic, and the rows as JSON or as a table. What isn't known is `null`, and an empty cell.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use clicks::{ClickThrough, ClickedItem, Device, Question, RankSum, Tally};
use registry::Registry;
use serde_json::{Map, Value, json};

use super::super::refusals::Refusal;
use super::Shows;
use crate::csv_text;
use crate::query_params::Format;

/// Rows of cells, and what is told beside them.
pub(super) struct Rows {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
    beside: Option<(&'static str, Value)>,
}

impl Rows {
    /// The rows of an answer; `None` when it is none to this statistic.
    pub(super) fn of(
        shows: Shows,
        (question, tally): (&Question, Tally),
        registry: &Registry,
    ) -> Result<Option<Self>, Refusal> {
        let columns = shows.columns();
        let ranks = tally.rank_sum();
        let (rows, beside): (Vec<Vec<Value>>, _) = match (shows, tally) {
            (Shows::Ranks, Tally::Ranks(rows)) => {
                let rows = rows.into_iter().map(|(rank, clicks)| vec![json!(rank), json!(clicks)]);
                (rows.collect(), Some(("average_rank", average(ranks))))
            }
            (Shows::ClickThrough, Tally::ClickThrough(rows)) => {
                let mut all = ClickThrough::default();
                for row in &rows {
                    all.add(*row);
                }
                let days = question.days.days().iter().zip(rows).map(|(day, row)| {
                    let mut cells = vec![json!(day.date.to_string()), json!(day.first_ms)];
                    cells.extend(counts(row));
                    cells
                });
                (days.collect(), Some(("totals", named(&["searches", "clicked", "clicks"], counts(all)))))
            }
            (Shows::Searches, Tally::TermsReport(rows)) => {
                let rows = rows.into_iter().map(|(terms, row, ranks)| {
                    let mut cells = vec![json!(terms.as_ref().map(|terms| terms.as_str()))];
                    cells.extend(counts(row));
                    cells.push(average(ranks));
                    cells
                });
                (rows.collect(), None)
            }
            (Shows::Items, Tally::ItemsReport(rows)) => {
                let row = |(item, clicks, ranks)| described(registry, &item, clicks, ranks);
                (rows.into_iter().map(row).collect::<Result<_, _>>()?, None)
            }
            (Shows::By(_), tally) => match groups(tally) {
                Some(rows) => {
                    (rows.into_iter().map(|(group, clicks)| vec![group, json!(clicks)]).collect(), None)
                }
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(Self { columns, rows, beside }))
    }

    /// The rows as an answer with status 200. A table has nothing beside its rows.
    pub(super) fn into_response(self, format: Format) -> Result<Response, Refusal> {
        let written = match format {
            Format::Json => {
                let results: Vec<Value> =
                    self.rows.into_iter().map(|cells| named(&self.columns, cells)).collect();
                let mut answer = Map::new();
                answer.insert("total".to_owned(), json!(results.len()));
                answer.insert("results".to_owned(), Value::Array(results));
                answer.extend(self.beside.map(|(name, value)| (name.to_owned(), value)));
                serde_json::to_vec(&answer).map_err(std::io::Error::from)
            }
            Format::Csv => csv_text::table(&self.columns, self.rows),
        };
        let body = written.map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            Refusal::Internal
        })?;
        let content_type = match format {
            Format::Json => "application/json",
            Format::Csv => "text/csv; charset=utf-8",
        };
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        Ok((headers, body).into_response())
    }
}

fn named(columns: &[&str], cells: Vec<Value>) -> Value {
    Value::Object(columns.iter().map(|column| (*column).to_owned()).zip(cells).collect())
}

fn counts(row: ClickThrough) -> Vec<Value> {
    vec![json!(row.searches), json!(row.clicked), json!(row.clicks)]
}

fn average(ranks: RankSum) -> Value {
    ranks.average().map_or(Value::Null, |rank| json!(rank))
}

/// Clicks by what they are counted by.
fn groups(tally: Tally) -> Option<Vec<(Value, u64)>> {
    Some(match tally {
        Tally::Engines(rows) => {
            rows.into_iter().map(|(engine, clicks)| (json!(engine.to_string()), clicks)).collect()
        }
        Tally::Indices(rows) => rows
            .into_iter()
            .map(|(index, clicks)| (json!(index.as_ref().map(|index| index.as_str())), clicks))
            .collect(),
        Tally::Devices(rows) => {
            rows.into_iter().map(|(device, clicks)| (json!(device.map(Device::as_str)), clicks)).collect()
        }
        Tally::ProductTypes(rows) => {
            rows.into_iter().map(|(kind, clicks)| (json!(kind.as_str()), clicks)).collect()
        }
        _ => return None,
    })
}

/// An item with what the catalogue tells of it.
fn described(
    registry: &Registry,
    item: &ClickedItem,
    clicks: u64,
    ranks: RankSum,
) -> Result<Vec<Value>, Refusal> {
    let known = item.dfid().map(|dfid| registry.item(&dfid)).transpose().map_err(|error| {
        tracing::error!(%error, "the catalogue could not be read");
        Refusal::Unavailable
    })?;
    let known = known.flatten();
    let text = |text: Option<&Box<str>>| text.map_or(Value::Null, |text| json!(text));
    Ok(vec![
        json!(item.engine.to_string()),
        json!(item.index.as_ref().map(|index| index.as_str())),
        json!(item.doc_id.as_str()),
        text(known.as_ref().and_then(|item| item.title.as_ref())),
        text(known.as_ref().and_then(|item| item.link.as_ref())),
        json!(clicks),
        average(ranks),
    ])
}
