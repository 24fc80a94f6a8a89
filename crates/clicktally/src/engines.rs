//! The one file that names the engines.

use std::sync::Arc;

use clicks::Store;
use embedded::{EmbeddedOptions, EmbeddedStore, JOURNAL_FOLDER};
use journal::FolderDisk;
use server::control::{CheckReply, Finding};

pub use embedded::StoreBackup;

use crate::failure::Failure;
use crate::house::check_reply;

/// A store, and how to put it down.
pub struct OpenStore {
    pub store: Arc<dyn Store>,
    engine: Arc<EmbeddedStore>,
}

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    pub join_ms: i64,
    pub queue_records_max: u64,
    pub recent_bytes_max: usize,
    pub index_bytes_max: usize,
    pub question_bytes_max: usize,
    pub ids_bytes_max: u64,
}

impl OpenStore {
    /// Opens the store in the data directory, and rebuilds what it keeps in memory.
    ///
    /// # Errors
    /// A [`Failure`] that names what is damaged.
    pub fn open(directory: &FolderDisk, options: StoreOptions) -> Result<Self, Failure> {
        let options = EmbeddedOptions {
            join_ms: options.join_ms,
            queue_records_max: options.queue_records_max,
            recent_bytes_max: options.recent_bytes_max,
            index_bytes_max: options.index_bytes_max,
            question_bytes_max: options.question_bytes_max,
            filter_bytes_max: options.ids_bytes_max,
            ..EmbeddedOptions::default()
        };
        let (engine, report) = EmbeddedStore::open(Arc::new(directory.clone()), &options).map_err(|error| {
            Failure::new(format!("the clicks can't be read: {error}\n`clicktally check` lists what is damaged; nothing was changed"))
        })?;
        let took_ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(clicks = report.clicks, searches = report.searches, took_ms, "clicks are read");
        for (day, reason) in &report.damaged_days {
            tracing::error!(%day, %reason, "a day can't be read; questions that touch it are refused");
        }
        for reason in &report.rebuilt {
            tracing::warn!(%reason, "an index was built anew from the days");
        }
        if let Some(tail) = &report.torn_tail {
            let reason = "an interrupted write was cut; it had not been acknowledged";
            tracing::warn!(file = %tail.file, offset = tail.offset, bytes = tail.bytes, "{reason}");
        }
        let engine = Arc::new(engine);
        Ok(Self { store: Arc::<EmbeddedStore>::clone(&engine), engine })
    }

    /// What a backup is taken from.
    pub fn source(&self) -> StoreSource {
        StoreSource(Arc::clone(&self.engine))
    }

    /// Drains, syncs and closes.
    pub fn close(self) {
        if let Err(error) = self.engine.close() {
            tracing::error!(%error, "the store did not close cleanly; what was acknowledged is on disk");
        }
    }
}

/// What a backup takes an open store from.
#[derive(Clone)]
pub struct StoreSource(Arc<EmbeddedStore>);

impl StoreSource {
    /// Brings all that was recorded before the call into another directory.
    ///
    /// # Errors
    /// In words; an earlier backup there is as it was.
    pub fn backup(&self, target: &FolderDisk) -> Result<StoreBackup, embedded::BackupError> {
        self.0.backup(Arc::new(target.clone()))
    }
}

/// Brings a store that nobody has open into another directory.
///
/// # Errors
/// In words.
pub fn restore(source: &FolderDisk, target: &FolderDisk) -> Result<StoreBackup, embedded::BackupError> {
    StoreBackup::of_folder(Arc::new(source.clone()), Arc::new(target.clone()))
}

/// Reads every file of the store and reports what is wrong.
///
/// # Errors
/// In words, when the folder itself can't be read.
pub fn check(directory: &FolderDisk) -> Result<CheckReply, String> {
    let verified = embedded::verify(Arc::new(directory.clone())).map_err(|error| error.to_string())?;
    let mut reply = check_reply(JOURNAL_FOLDER, "", &verified.journal);
    reply.files += verified.sealed_files;
    reply.bytes += verified.sealed_bytes;
    reply.records = verified.clicks + verified.searches;
    let damage = |file: &str, offset, what| Finding { file: file.to_owned(), offset, what, damage: true };
    let unreadable = |frame: &embedded::UnreadableFrame| {
        let what = format!("a whole frame whose records can't be read: {}", frame.error);
        damage(JOURNAL_FOLDER, frame.position, what)
    };
    reply.findings.extend(verified.files.into_iter().map(|found| damage(&found.file, 0, found.what)));
    reply.findings.extend(verified.unreadable.iter().map(unreadable));
    Ok(reply)
}
