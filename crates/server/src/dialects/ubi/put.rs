//! What becomes of documents that were sent over HTTP: they are read as an export's are, recorded, and each has an outcome
//! of its own. It must never know who sent them by what path.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clicks::SearchTerms;
use registry::Engine;

use super::answer::{Done, NO_INDEX, Outcome};
use super::bulk::{Action, Wanted};
use super::documents::Origin;
use super::export::{EngineOf, UBI_LINE_BYTES_MAX, UbiOptions, UbiReader};
use super::http::Index;
use super::refusal::Refusal;
use super::searches::SAME_SEARCH_KIND;
use crate::access::Caller;
use crate::app::App;
use crate::bulk::{Batch, Defaults, FileDigest, LogReader};
use crate::counts::Fate;
use crate::feed::{FeedError, Line, REJECTED_LISTED_MAX, Rejection, SearchLine};
use crate::feeder::{Feeder, fed};
use crate::json::in_place;
use crate::live::Source;
use crate::pages::Rules;

/// The longest id of a document, in bytes, as in OpenSearch.
const ID_BYTES_MAX: usize = 512;
/// What to do where no search engine has the name of a document's application.
const HINT: &str = "a search engine of this key must have this name, or hashid";

type Numbered = (u64, Result<Line, Rejection>);

/// Records documents, and says what became of each. Each ends in exactly one count. A page's are held to its rules.
pub(super) async fn record(
    app: &Arc<App>,
    caller: &Caller,
    wanted: Vec<Wanted<'_>>,
    rules: Option<&Rules>,
) -> Result<Vec<Done>, Refusal> {
    let mut batch = Batch::default();
    let mut reader = reader(app, caller);
    let (mut done, mut nameless) = (Vec::with_capacity(wanted.len()), Vec::new());
    for (number, Wanted { action, index, id, document }) in (1_u64..).zip(wanted) {
        nameless.push(id.is_none());
        let id = id.or_else(new_id).ok_or(Refusal::Internal)?;
        match unfit(action, &index, &id, document) {
            Some(rejection) => batch.rejects(number, rejection),
            None => {
                let origin = Origin { line: number, index: Some(&index), id: Some(&id) };
                read(&mut reader, origin, document, &mut batch);
            }
        }
        done.push(Done { action, index, id, outcome: Outcome::Skipped });
    }
    reader.finish(&mut batch);
    let same = batch.skipped.of(SAME_SEARCH_KIND);
    app.counts.met(Fate::Duplicate, same);
    app.counts.met(Fate::NotAClick, batch.skipped.total() - same);
    let mut lines = Vec::with_capacity(batch.lines.len());
    for (number, line) in batch.lines {
        let mut line = match rules {
            Some(rules) => line.and_then(|line| rules.hold(line)),
            None => line,
        };
        // An id that nobody but the answer tells makes nothing count once.
        if let Ok(Line::Click(click)) = &mut line
            && of(&nameless, number) == Some(&true)
        {
            click.id = None;
        }
        lines.push((number, line));
    }
    feed(app, caller, lines, &mut done).await?;
    Ok(done)
}

fn reader(app: &App, caller: &Caller) -> UbiReader {
    let mut engines = app.registry.engines(Some(caller.account));
    engines.retain(|engine| caller.confines.hold(engine.hashid));
    let options = UbiOptions {
        defaults: Defaults::default(),
        digest: FileDigest::of_bytes(&[]),
        now_ms: app.clock.now_ms(),
    };
    UbiReader::new(options, engine_of(engines)).with_hint(HINT)
}

/// An application is the search engine of its name, as in an import, or of its hashid; one that is not told is the only
/// search engine that there is.
fn engine_of(engines: Vec<Arc<Engine>>) -> EngineOf {
    Box::new(move |application| {
        if let ([only], "") = (engines.as_slice(), application) {
            return Some(only.hashid);
        }
        let named = engines.iter().find(|engine| *engine.name == *application);
        let named = named.or_else(|| engines.iter().find(|engine| engine.hashid.to_string() == application));
        named.map(|engine| engine.hashid)
    })
}

/// Why a document can't be put at all.
fn unfit(action: Action, index: &str, id: &str, document: &[u8]) -> Option<Rejection> {
    if !Index::ALL.iter().any(|ours| ours.as_str() == index) {
        let message = "no such index: documents go to ubi_queries and ubi_events".to_owned();
        return Some(Rejection { fate: Fate::Invalid, code: NO_INDEX, message });
    }
    if matches!(action, Action::Update | Action::Delete) {
        return Some(Rejection::bad_params("what is logged is neither updated nor deleted"));
    }
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Some(Rejection::bad_params(format!("_id: must have 1 to {ID_BYTES_MAX} bytes")));
    }
    (document.len() > UBI_LINE_BYTES_MAX).then(|| {
        let message = format!("a document must have at most {UBI_LINE_BYTES_MAX} bytes");
        Rejection { fate: Fate::TooLarge, code: "too_long", message }
    })
}

fn read(reader: &mut UbiReader, origin: Origin<'_>, document: &[u8], batch: &mut Batch) {
    match in_place(document) {
        Ok(json) => reader.take(origin, &json, batch),
        Err(error) => {
            let message = error.to_string();
            batch.rejects(origin.line, Rejection { fate: Fate::Invalid, code: "invalid_json", message });
        }
    }
}

/// Twenty characters, as OpenSearch makes them.
fn new_id() -> Option<String> {
    let mut bytes = [0; 15];
    getrandom::fill(&mut bytes).ok().map(|()| URL_SAFE_NO_PAD.encode(bytes))
}

/// Feeds lines in portions of which every outcome is listed, and writes down what became of each.
async fn feed(
    app: &Arc<App>,
    caller: &Caller,
    lines: Vec<Numbered>,
    done: &mut [Done],
) -> Result<(), Refusal> {
    let mut rest = lines.into_iter().peekable();
    while rest.peek().is_some() {
        let mut portion = Vec::new();
        for (number, line) in rest.by_ref().take(REJECTED_LISTED_MAX) {
            match line {
                Ok(Line::Search(search)) if is_known(app, caller, &search)? => {
                    app.counts.met(Fate::Duplicate, 1);
                    set(done, number, Outcome::Known);
                }
                line => {
                    set(done, number, Outcome::Created);
                    portion.push((number, line));
                }
            }
        }
        let report = fed(app, Feeder::of(caller, Source::Ubi), portion).await.inspect_err(|_| {
            app.counts.met(Fate::Unavailable, rest.len() as u64);
        })?;
        for number in report.duplicate_lines {
            set(done, number, Outcome::Known);
        }
        for (number, rejection) in report.rejected {
            set(done, number, Outcome::Rejected(rejection));
        }
    }
    Ok(())
}

/// Whether the search is known, by its engine and its terms: the search server logs each of a page's requests, and they
/// are one search, as in an import.
fn is_known(app: &App, caller: &Caller, search: &SearchLine) -> Result<bool, Refusal> {
    let known = app.store.searches(Some(caller.account), &search.id).map_err(FeedError::from)?;
    let terms = |query: &Option<Box<str>>| query.as_deref().and_then(SearchTerms::fold);
    Ok(known.iter().any(|known| known.engine == search.engine && terms(&known.query) == terms(&search.query)))
}

fn of<T>(list: &[T], number: u64) -> Option<&T> {
    list.get(usize::try_from(number.checked_sub(1)?).ok()?)
}

fn set(done: &mut [Done], number: u64, outcome: Outcome) {
    let place = number.checked_sub(1).and_then(|place| usize::try_from(place).ok());
    if let Some(done) = place.and_then(|place| done.get_mut(place)) {
        done.outcome = outcome;
    }
}
