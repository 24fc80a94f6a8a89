//! Timing answers inside the engine, and what they were. It must never know how a store finds them.

use std::path::Path;
use std::time::{Duration, Instant};

use clicks::{ClickedItem, Question, Store, Tally};
use serde_json::{Value, json};

use crate::feed::{Failed, open};
use crate::process::Memory;
use crate::questions::{Asked, Case, RANK_ROWS_MAX, ROWS_MAX, all};

/// Each question is asked this often before it is timed.
const WARM_RUNS: usize = 3;
/// Each question is timed this often at least,
const RUNS_MIN: usize = 7;
/// and this often at most,
const RUNS_MAX: usize = 1_001;
/// unless that takes longer than this.
const RUNS_TIME: Duration = Duration::from_millis(300);

/// How long runs took, in milliseconds.
struct Times {
    sorted_ms: Vec<f64>,
}

impl Times {
    /// Runs something warm, often enough for a median.
    fn of(mut run: impl FnMut() -> Result<(), Failed>) -> Result<Self, Failed> {
        for _ in 0..WARM_RUNS {
            run()?;
        }
        let mut sorted_ms = Vec::new();
        let begun = Instant::now();
        while sorted_ms.len() < RUNS_MIN || (sorted_ms.len() < RUNS_MAX && begun.elapsed() < RUNS_TIME) {
            let start = Instant::now();
            run()?;
            sorted_ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
        sorted_ms.sort_by(f64::total_cmp);
        Ok(Self { sorted_ms })
    }

    fn median_ms(&self) -> f64 {
        self.sorted_ms[self.sorted_ms.len() / 2]
    }

    fn figures(&self) -> Value {
        json!({
            "median_ms": self.median_ms(),
            "min_ms": self.sorted_ms.first(),
            "max_ms": self.sorted_ms.last(),
            "runs": self.sorted_ms.len(),
        })
    }
}

/// Opens a store, asks it all whose name has `only` in it, or one of several between `|`, and says how long each took, and
/// with which rows.
///
/// # Errors
/// The store's.
pub fn ask(folder: &Path, only: &str) -> Result<Value, Failed> {
    let begun = Instant::now();
    let store = open(folder)?;
    let open_ms = begun.elapsed().as_secs_f64() * 1e3;
    let opened = Memory::taken()?;
    let mut questions = Vec::new();
    let is_wanted = |case: &Case| only.split('|').any(|words| case.name().contains(words));
    for case in all()?.into_iter().filter(is_wanted) {
        questions.push(timed(&store, &case)?);
    }
    let asked = Memory::taken()?;
    let status = store.status();
    Ok(json!({
        "engine": "ClickTally",
        "version": env!("CARGO_PKG_VERSION"),
        "clicks": status.clicks,
        "disk_bytes": status.disk_bytes,
        "open_ms": open_ms,
        "memory": {
            "opened_bytes": opened.now,
            "asked_bytes": asked.now,
            "most_bytes": asked.most,
        },
        "questions": questions,
    }))
}

fn timed(store: &dyn Store, case: &Case) -> Result<Value, Failed> {
    let mut figures = described(case)?;
    let question = case.question()?;
    let answer = |question: &Question| store.tally(question, &|| false);
    let tally = answer(&question)?;
    let engine = Times::of(|| Ok(answer(&question).map(drop)?))?;
    let with_days = Times::of(|| {
        let question = Question { days: case.days()?, ..question.clone() };
        Ok(answer(&question).map(drop)?)
    })?;
    let sum = match &tally {
        Tally::Distinct { users, items, .. } => users + items,
        other => other.total(),
    };
    figures["sum"] = json!(sum);
    figures["rows"] = rows(&tally)?;
    figures["times"] = engine.figures();
    figures["times_with_days"] = with_days.figures();
    Ok(figures)
}

/// The rows as the peers give them.
fn rows(tally: &Tally) -> Result<Value, Failed> {
    match tally {
        Tally::Days(counts) => Ok(json!(counts)),
        Tally::Terms(rows) => {
            Ok(rows.iter().map(|(terms, count)| json!([terms.as_ref().map(|t| t.as_str()), count])).collect())
        }
        Tally::Items(rows) => {
            let dfid = |item: &ClickedItem| item.dfid().map(|dfid| dfid.to_string());
            Ok(rows.iter().map(|(item, count)| json!([dfid(item), count])).collect())
        }
        Tally::ItemRanks(rows) => {
            let dfid = |item: &ClickedItem| item.dfid().map(|dfid| dfid.to_string());
            Ok(rows.iter().map(|(item, rank, count)| json!([dfid(item), rank, count])).collect())
        }
        Tally::Distinct { users, items, .. } => Ok(json!([users, items])),
        _ => Err("no question of the comparison is answered like this".into()),
    }
}

/// The question, as the peers need it.
fn described(case: &Case) -> Result<Value, Failed> {
    let (days, filter) = (case.days()?, &case.filter);
    let dates: Vec<String> = days.days().iter().map(|day| day.date.to_string()).collect();
    let spans = days.spans();
    Ok(json!({
        "name": case.name(),
        "section": case.section,
        "asked": case.asked.as_str(),
        "period": case.dates.name,
        "passing": case.passing,
        "zone": case.zone,
        "from_ms": spans.first().map(|span| span.from_ms),
        "until_ms": spans.last().map(|span| span.until_ms),
        "dates": dates,
        "rows_max": if case.asked == Asked::Ranks { RANK_ROWS_MAX } else { ROWS_MAX },
        "hashids": (!case.all_engines)
            .then(|| filter.engines.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "index": filter.places.as_ref().and_then(|places| Some(places.first()?.index.as_str())),
        "device": filter.device.map(clicks::Device::as_str),
        "product_types": filter.product_types.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "query": filter.terms.as_ref().map(clicks::SearchTerms::as_str),
        "item": case.item.as_ref().map(|item| json!({
            "hashid": item.place.engine.to_string(),
            "index": item.place.index.as_str(),
            "doc_id": item.doc_id.as_str(),
        })),
    }))
}
