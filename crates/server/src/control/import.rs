//! `import`: a log's bytes in, a report out. The same importer works in the command's own process and behind the control
//! socket, so a file means the same either way.

use std::collections::HashMap;
use std::sync::Arc;

use clicks::{AccountCode, Hashid, IndexName, Zone};
use registry::{NewEngine, Registry};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::bulk::{Batch, FileDigest, LogReader, Skipped};
use crate::control::commands::{ControlError, account_of};
use crate::dialects::fess::{FessOptions, FessReader};
use crate::dialects::native::{Defaults, EVENT_LINE_BYTES_MAX, EventsReader, Unnamed};
use crate::dialects::ubi::{UbiOptions, UbiReader};
use crate::feed::{FeedError, Rejection, Report};

/// How many bytes of lines are read before they are recorded together. Each portion is one sync.
const PORTION_BYTES: usize = 4 * 1024 * 1024;
/// The account that is made for an import into an empty directory.
const FIRST_ACCOUNT: &str = "default";

/// What the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportFormat {
    /// The lines of `POST /v1/events`.
    #[default]
    Events,
    /// An OpenSearch User Behavior Insights export.
    Ubi,
    /// Fess's search and click logs, and documents of its index.
    Fess,
}

/// How a file is to be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportAsk {
    /// What the lines are.
    pub format: ImportFormat,
    /// The account's name or code.
    #[serde(default)]
    pub account: Option<String>,
    /// The search engine of lines that name none.
    #[serde(default)]
    pub hashid: Option<String>,
    /// The index of lines that name none.
    #[serde(default)]
    pub index: Option<String>,
    /// Whose wall clock times without a zone show; UTC where not told.
    #[serde(default)]
    pub tz: Option<String>,
    /// The digest of the whole file, decompressed: 32 hexadecimal digits.
    pub digest: String,
}

/// One rejected line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedReply {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Machine-readable.
    pub code: String,
    /// For people.
    pub message: String,
}

/// What lines were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecordedReply {
    /// Items.
    pub items: u64,
    /// Searches.
    pub searches: u64,
    /// Clicks.
    pub clicks: u64,
}

/// What was made of a file: received = recorded + duplicates + skipped + rejected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportReply {
    /// Lines, or documents, but blank ones.
    pub received: u64,
    /// Recorded, by kind.
    pub recorded: RecordedReply,
    /// Known already.
    pub duplicates: u64,
    /// Neither a click nor a search nor an error, by kind.
    pub skipped: std::collections::BTreeMap<String, u64>,
    /// Rejected in all.
    pub rejected_total: u64,
    /// The first of them.
    pub rejected: Vec<RejectedReply>,
}

impl ImportReply {
    fn of(report: Report, skipped: &Skipped) -> Self {
        let Report { received, items, searches, clicks, duplicates, rejected_total, rejected, .. } = report;
        let rejected = rejected.into_iter().map(|(line, Rejection { code, message, .. })| RejectedReply {
            line,
            code: code.to_owned(),
            message,
        });
        Self {
            received: received + skipped.total(),
            recorded: RecordedReply { items, searches, clicks },
            duplicates,
            skipped: skipped.kinds().map(|(kind, many)| (kind.to_owned(), many)).collect(),
            rejected_total,
            rejected: rejected.collect(),
        }
    }
}

type Reader = Box<dyn LogReader + Send>;
/// Tells the search engine of an application.
type EngineOf = Box<dyn FnMut(&str) -> Option<Hashid> + Send>;

/// Imports one file.
pub struct Importer {
    app: Arc<App>,
    account: AccountCode,
    /// `None` only while a portion is being read on another thread.
    reader: Option<Reader>,
    pending: Vec<u8>,
    lines_read: u64,
    /// The portion before, which is being recorded while the next one is read, and the number of its last line.
    feeding: Option<(JoinHandle<Result<Report, FeedError>>, u64)>,
    report: Report,
    skipped: Skipped,
}

impl Importer {
    /// Finds out whose the lines are, and makes what an import into an empty directory needs.
    ///
    /// # Errors
    /// [`ControlError`] when an option is wrong.
    pub fn new(app: Arc<App>, ask: ImportAsk) -> Result<Self, ControlError> {
        let wrong = |option: &str, error: &dyn std::fmt::Display| ControlError(format!("{option}: {error}"));
        let hashid = ask.hashid.as_deref().map(str::parse::<Hashid>).transpose();
        let hashid = hashid.map_err(|error| wrong("--hashid", &error))?;
        let index = ask.index.as_deref().map(str::parse::<IndexName>).transpose();
        let index = index.map_err(|error| wrong("--index", &error))?;
        let digest: FileDigest =
            ask.digest.parse().map_err(|()| ControlError("the digest is malformed".to_owned()))?;
        let account = account(&app.registry, ask.account.as_deref(), hashid, ask.format)?;
        let zone = ask.tz.as_deref().map_or(Ok(Zone::UTC), Zone::parse);
        let zone = zone.map_err(|error| wrong("--tz", &error))?;
        let (defaults, now_ms) = (Defaults { engine: hashid, index }, app.clock.now_ms());
        let reader: Reader = match ask.format {
            ImportFormat::Events => Box::new(EventsReader::new(defaults, Unnamed::File(digest), now_ms)),
            ImportFormat::Ubi => {
                let engine_of = engines_by_application(app.registry.clone(), account);
                Box::new(UbiReader::new(UbiOptions { defaults, digest, now_ms }, engine_of))
            }
            ImportFormat::Fess => {
                let engine = engine_or_only(&app.registry, account, hashid)?;
                Box::new(FessReader::new(FessOptions { engine, defaults, digest, zone, now_ms }))
            }
        };
        Ok(Self {
            app,
            account,
            reader: Some(reader),
            pending: Vec::new(),
            lines_read: 0,
            feeding: None,
            report: Report::default(),
            skipped: Skipped::default(),
        })
    }

    /// Takes the next bytes of the file, decompressed.
    ///
    /// # Errors
    /// [`ControlError`] when lines can't be recorded; the same file imported again then goes on.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), ControlError> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < PORTION_BYTES {
            return Ok(());
        }
        let whole = self.pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        if whole == 0 && self.pending.len() > PORTION_BYTES.max(EVENT_LINE_BYTES_MAX) {
            let line = self.lines_read + 1;
            return Err(ControlError(format!(
                "line {line} is longer than {PORTION_BYTES} bytes: is this a log?"
            )));
        }
        let rest = self.pending.split_off(whole);
        let portion = std::mem::replace(&mut self.pending, rest);
        self.record(portion, false).await
    }

    /// Records what is left, and reports.
    ///
    /// # Errors
    /// As [`Importer::push`].
    pub async fn finish(mut self) -> Result<ImportReply, ControlError> {
        let rest = std::mem::take(&mut self.pending);
        self.record(rest, true).await?;
        self.fed().await?;
        Ok(ImportReply::of(self.report, &self.skipped))
    }

    /// Reads whole lines off the threads that serve connections, then begins to record what they tell. The portion before
    /// is recorded meanwhile: one after the other, so that a click finds what earlier lines told.
    async fn record(&mut self, portion: Vec<u8>, last: bool) -> Result<(), ControlError> {
        let (Some(mut reader), first) = (self.reader.take(), self.lines_read + 1) else {
            return Err(ControlError("an earlier portion of the file was not read to its end".to_owned()));
        };
        let reading = tokio::task::spawn_blocking(move || {
            let mut batch = Batch::default();
            let mut number = first;
            let mut rest = portion.as_slice();
            while !rest.is_empty() {
                let end = rest.iter().position(|byte| *byte == b'\n');
                let (line, after) = end.map_or((rest, &[][..]), |end| (&rest[..end], &rest[end + 1..]));
                reader.line(number, line, &mut batch);
                number += 1;
                rest = after;
            }
            if last {
                reader.finish(&mut batch);
            }
            (reader, number - first, batch)
        });
        self.fed().await?;
        let (reader, lines, batch) = reading.await.map_err(|failed| ControlError(failed.to_string()))?;
        self.reader = Some(reader);
        self.lines_read += lines;
        self.skipped.add(&batch.skipped);
        let (app, account) = (Arc::clone(&self.app), self.account);
        let feeding = tokio::spawn(async move { app.feed(account, batch.lines).await });
        self.feeding = Some((feeding, self.lines_read));
        Ok(())
    }

    /// Waits until what is being recorded is.
    async fn fed(&mut self) -> Result<(), ControlError> {
        let Some((feeding, line)) = self.feeding.take() else { return Ok(()) };
        let fed = feeding.await.map_err(|failed| ControlError(failed.to_string()))?;
        let done = fed.map_err(|error| {
            ControlError(format!(
                "{error} (before line {line}); import the same file again to go on: nothing counts twice"
            ))
        })?;
        self.report.add(done);
        Ok(())
    }
}

/// Whose the lines are: the account that is named, else the engine's, else the only one. A UBI export carries enough to
/// start with nothing: it makes an account where there is none.
fn account(
    registry: &Registry,
    name: Option<&str>,
    hashid: Option<Hashid>,
    format: ImportFormat,
) -> Result<AccountCode, ControlError> {
    if let Some(name) = name {
        return account_of(registry, name);
    }
    if let Some(hashid) = hashid {
        let engine = registry.engine(hashid);
        return engine.map(|engine| engine.account).ok_or_else(|| {
            ControlError(format!("--hashid: there is no search engine {hashid}: `clicktally engine create --hashid {hashid}` makes it"))
        });
    }
    match (registry.accounts().as_slice(), format) {
        ([only], _) => Ok(only.code),
        ([], ImportFormat::Ubi) => Ok(registry.create_account(FIRST_ACCOUNT)?.code),
        ([], ImportFormat::Events | ImportFormat::Fess) => Err(ControlError(
            "there is no account yet: `clicktally account create NAME` makes one".to_owned(),
        )),
        _ => Err(ControlError(
            "there are several accounts: say which with --account NAME or --hashid H".to_owned(),
        )),
    }
}

/// The search engine that is named, else the only one of the account.
fn engine_or_only(
    registry: &Registry,
    account: AccountCode,
    hashid: Option<Hashid>,
) -> Result<Hashid, ControlError> {
    match (hashid, registry.engines(Some(account)).as_slice()) {
        (Some(hashid), _) => Ok(hashid),
        (None, [only]) => Ok(only.hashid),
        (None, []) => Err(ControlError(
            "there is no search engine yet: `clicktally engine create --account NAME` makes one".to_owned(),
        )),
        (None, _) => {
            Err(ControlError("there are several search engines: say which with --hashid H".to_owned()))
        }
    }
}

/// Finds the account's engine with an application's name, or makes it.
fn engines_by_application(registry: Registry, account: AccountCode) -> EngineOf {
    let mut known: HashMap<String, Hashid> = HashMap::new();
    for engine in registry.engines(Some(account)) {
        known.entry(engine.name.to_string()).or_insert(engine.hashid);
    }
    Box::new(move |application| {
        if let Some(hashid) = known.get(application) {
            return Some(*hashid);
        }
        let new = NewEngine {
            hashid: None,
            name: Some(application.to_owned()),
            indices: Vec::new(),
            sites: Vec::new(),
        };
        let made = registry.create_engine(account, new).ok()?.hashid;
        known.insert(application.to_owned(), made);
        Some(made)
    })
}
