//! Lists: a tally of names as rows of cells, and the rows as JSON or as a table. What isn't known is `null`, and an empty cell.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use clicks::{ClickedItem, Hashid, Tally};
use registry::Registry;
use serde_json::{Map, Value, json};

use super::errors::Failure;
use crate::app::Answered;
use crate::csv_text;
use crate::query_params::Format;

/// What the rows of a statistic are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// Days, which are no list.
    Days,
    /// The same, in UTC.
    Usage,
    Items,
    Positions,
    /// Of one item: the searches that led to it.
    SearchesOfItem,
    /// The searches that led to clicks.
    ClickedTerms,
    Terms,
    Users,
    Banners,
    CustomResults,
    /// How many sessions began, and of how many visitors.
    Sessions,
    Redirects,
    /// Days with a rate each.
    Rates,
}

impl Shows {
    /// The columns, without that of the search engine.
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Items => &["dfid", "count", "title", "link"],
            Self::Positions => &["product", "dfid", "position", "clicks"],
            Self::SearchesOfItem | Self::ClickedTerms | Self::Terms => &["query", "count"],
            Self::Users => &["users", "clicks", "product_clicks"],
            Self::Banners | Self::CustomResults => &["id", "clicks", "displays"],
            Self::Sessions => &["users", "sessions", "unique_sessions"],
            Self::Redirects => &["id", "count", "link"],
            Self::Days | Self::Usage | Self::Rates => &["date", "timestamp", "count"],
        }
    }

    /// Whether each search engine has a list of its own where `aggregate=false`.
    pub(super) const fn has_lists_by_engine(self) -> bool {
        self.has_count()
            || matches!(
                self,
                Self::Banners | Self::CustomResults | Self::Positions | Self::Users | Self::Sessions
            )
    }

    /// Whether rows have a count of their own that is added up.
    const fn has_count(self) -> bool {
        matches!(
            self,
            Self::Items | Self::SearchesOfItem | Self::ClickedTerms | Self::Terms | Self::Redirects
        )
    }
}

/// Rows of cells.
pub(super) struct List {
    shows: Shows,
    by_engine: bool,
    rows: Vec<Vec<Value>>,
    count: u64,
}

/// Adds the rows of one answer to a list: at most so many.
pub(super) fn list_of(
    registry: &Registry,
    answered: &Answered,
    rows_max: usize,
    list: &mut List,
) -> Result<(), Failure> {
    let only = answered.question.filter.engines.first().copied();
    let engine = only.filter(|_| list.by_engine);
    match &answered.tally {
        // Where a redirection leads, nobody tells.
        Tally::Items(items) if list.shows == Shows::Redirects => {
            for (item, count) in items {
                list.push(engine, *count, vec![numbered_id(item.doc_id.as_str()), json!(count), Value::Null]);
            }
        }
        Tally::Items(items) if list.shows == Shows::Banners => {
            for (item, clicks) in items {
                list.push(
                    engine,
                    *clicks,
                    vec![numbered_id(item.doc_id.as_str()), json!(clicks), Value::Null],
                );
            }
        }
        // How often they were shown, nobody tells.
        Tally::CustomResults(rows) => {
            for (_, id, clicks) in rows {
                list.push(engine, *clicks, vec![numbered_id(id.as_str()), json!(clicks), Value::Null]);
            }
        }
        Tally::Items(items) => {
            for (item, clicks) in items {
                list.push(engine, *clicks, described(registry, item, *clicks)?);
            }
        }
        Tally::ItemRanks(rows) => {
            for (item, rank, clicks) in rows {
                let cells = vec![json!(item.doc_id.as_str()), dfid(item), json!(rank), json!(clicks)];
                list.push(engine, *clicks, cells);
            }
        }
        Tally::Terms(rows) => {
            let counts_untold = list.shows == Shows::Terms;
            let told = rows.iter().filter(|(terms, _)| counts_untold || terms.is_some());
            for (terms, count) in told.take(rows_max) {
                let query = terms.as_ref().map_or("", |terms| terms.as_str());
                list.push(engine, *count, vec![json!(query), json!(count)]);
            }
        }
        // Each session was opened once.
        Tally::Distinct { count, users, .. } if list.shows == Shows::Sessions => {
            list.push(engine, *count, vec![json!(users), json!(count), json!(count)]);
        }
        Tally::Distinct { count, users, items } => {
            list.push(engine, *count, vec![json!(users), json!(count), json!(items)]);
        }
        other => {
            tracing::error!(?other, "a list got an answer that is none");
            return Err(Failure::Internal);
        }
    }
    Ok(())
}

/// Banners, custom results and redirections are numbered; one that isn't is named.
fn numbered_id(text: &str) -> Value {
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    number.map_or_else(|| json!(text), |number| json!(number))
}

fn dfid(item: &ClickedItem) -> Value {
    item.dfid().map_or(Value::Null, |dfid| json!(dfid.to_string()))
}

/// An item with what the catalogue tells of it.
fn described(registry: &Registry, item: &ClickedItem, clicks: u64) -> Result<Vec<Value>, Failure> {
    let known = item.dfid().map(|dfid| registry.item(&dfid)).transpose().map_err(|error| {
        tracing::error!(%error, "the catalogue could not be read");
        Failure::Unavailable
    })?;
    let known = known.flatten();
    let text = |text: Option<&Box<str>>| text.map_or(Value::Null, |text| json!(text));
    let title = text(known.as_ref().and_then(|item| item.title.as_ref()));
    let link = text(known.as_ref().and_then(|item| item.link.as_ref()));
    Ok(vec![dfid(item), json!(clicks), title, link])
}

impl List {
    /// A list without rows. By engine, each row tells its own.
    pub(super) const fn new(shows: Shows, by_engine: bool) -> Self {
        Self { shows, by_engine, rows: Vec::new(), count: 0 }
    }

    fn push(&mut self, engine: Option<Hashid>, count: u64, mut cells: Vec<Value>) {
        cells.extend(engine.map(|engine| json!(engine.to_string())));
        self.count += count;
        self.rows.push(cells);
    }

    /// Adds a row for each day: one count ÷ the other, the median over the engines where there is anything to divide by; `None`
    /// when the answers are not about the same days and engines.
    pub(super) fn rates(&mut self, counted: &Answered, per: &Answered) -> Option<()> {
        let days = per.question.days.days();
        let (Tally::DaysAndEngines(counted), Tally::DaysAndEngines(per)) = (&counted.tally, &per.tally)
        else {
            return None;
        };
        let mut rates: Vec<Vec<f64>> = vec![Vec::new(); days.len()];
        for ((day, engine, counted), (same_day, same_engine, per)) in counted.iter().zip(per) {
            ((day, engine) == (same_day, same_engine)).then_some(())?;
            if *per > 0 {
                #[expect(clippy::cast_precision_loss, reason = "a rate of counts far below 2^53")]
                rates.get_mut(*day)?.push(*counted as f64 / *per as f64);
            }
        }
        for (day, mut rates) in days.iter().zip(rates) {
            let rate = median(&mut rates).map_or(Value::Null, |rate| json!(rate));
            self.rows.push(vec![json!(day.date.to_string()), json!(day.first_ms), rate]);
        }
        Some(())
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = self.shows.columns().to_vec();
        if self.by_engine {
            columns.push("hashid");
        }
        columns
    }

    /// The rows as an answer with status 200.
    pub(super) fn into_response(self, format: Format) -> Result<Response, Failure> {
        let written = match format {
            Format::Json => self.json(),
            Format::Csv => self.table(),
        };
        let body = written.map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            Failure::Internal
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

    fn json(self) -> std::io::Result<Vec<u8>> {
        let columns = self.columns();
        let total = self.rows.len();
        // As published: rows without a count of their own are counted themselves.
        let total_count = if self.shows.has_count() { self.count } else { total as u64 };
        let row = |cells: Vec<Value>| -> Map<String, Value> {
            let mut row: Map<String, Value> =
                columns.iter().map(|column| (*column).to_owned()).zip(cells).collect();
            if self.shows == Shows::Items {
                let source = json!({ "title": row["title"], "link": row["link"] });
                row.insert("source".to_owned(), source);
            }
            row
        };
        let results: Vec<Map<String, Value>> = self.rows.into_iter().map(row).collect();
        Ok(serde_json::to_vec(&json!({ "results": results, "total": total, "total_count": total_count }))?)
    }

    fn table(self) -> std::io::Result<Vec<u8>> {
        csv_text::table(&self.columns(), self.rows)
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(rates: &mut [f64]) -> Option<f64> {
    rates.sort_by(f64::total_cmp);
    let upper = *rates.get(rates.len() / 2)?;
    if rates.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(rates[rates.len() / 2 - 1], upper)) }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [3.0, 1.0]), Some(2.0));
        assert_eq!(median(&mut [9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }
}
