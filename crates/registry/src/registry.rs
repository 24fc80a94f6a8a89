//! The registry as its callers see it: who records through it, and how items come and go. A call that
//! changes something returns only when the change is durable and visible; one that asks never waits for a disk.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

use clicks::{DocId, EngineIndex, Item, ItemDigest};
use journal::{CommitError, Disk, Receipt, Recovery, Refused, Writer, WriterOptions, WriterThread};

use crate::change::Change;
use crate::commit::{Decider, Done, Job, PreparedItem, REMOVAL_BYTES, Visible};
use crate::compaction;
use crate::error::{OpenError, RegistryError};
use crate::generation::{HEAD, Head, SecretCheck, remove_others, secret_check};
use crate::item::{self, PutItem, RemoveItem};
use crate::key::KeyVault;
use crate::opening;
use crate::options::RegistryOptions;
use crate::renewal::is_outdated;
use crate::secret::MasterSecret;

/// What an item's record takes beyond its texts, its place's record included.
const ITEM_OVERHEAD_BYTES: usize = 48;

/// How much the registry holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegistryCounts {
    /// Accounts.
    pub accounts: u64,
    /// Keys that are not revoked.
    pub keys: u64,
    /// Users.
    pub users: u64,
    /// Search engines.
    pub engines: u64,
    /// Items, over all engines.
    pub items: u64,
    /// Bytes in memory, about.
    pub memory_bytes: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
}

/// Accounts, keys, search engines, indices and items. A cheap handle; all clones are the same registry.
#[derive(Clone)]
pub struct Registry {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: RegistryOptions,
    pub(crate) check: SecretCheck,
    pub(crate) vault: KeyVault,
    pub(crate) visible: Arc<Visible>,
    /// Held for writing while the journal is written anew, and to close. No question waits for it.
    desk: RwLock<Desk>,
    disk_bytes: AtomicU64,
    /// Whether a thread is on its way to write the journal anew.
    pub(crate) renewing: AtomicBool,
    /// After a failed attempt: how many outdated bytes there must be for the next.
    pub(crate) renew_above_bytes: AtomicU64,
}

/// Who records.
pub(crate) enum Desk {
    Open { writer: Writer<Decider>, thread: WriterThread<Decider>, generation: u64 },
    Closed(String),
}

impl Registry {
    /// Opens the registry in a directory of its own, or begins one there. Nobody else may have it open.
    ///
    /// # Errors
    /// [`OpenError`]: another master secret than the one it was begun with, a newer format, damage, a failing disk.
    pub fn open(
        disk: Arc<dyn Disk>,
        secret: &MasterSecret,
        options: RegistryOptions,
    ) -> Result<(Self, Recovery), OpenError> {
        let (check, vault) = (secret_check(secret), KeyVault::new(secret));
        let journal_options = options.journal();
        let mut generation = opening::current(&disk, check, &journal_options)?;
        let mut visible = Visible::new();
        let (mut journal, recovery) = opening::load(&disk, generation, &journal_options, &vault, &visible)?;
        if is_outdated(&visible, options.outdated_bytes_max) {
            drop(journal);
            let frame_bytes = options.item_frame_bytes();
            let next = compaction::write_next(&disk, generation, &journal_options, frame_bytes, &visible);
            // Without room for another journal the old one serves on.
            if next.is_ok() {
                Head { generation: generation + 1, check }
                    .write(disk.as_ref())
                    .map_err(OpenError::disk(HEAD))?;
                generation += 1;
            }
            remove_others(disk.as_ref(), generation)
                .map_err(OpenError::disk("files of other generations"))?;
            visible = Visible::new();
            journal = opening::load(&disk, generation, &journal_options, &vault, &visible)?.0;
        }
        let inner = Inner {
            disk,
            options,
            check,
            vault,
            visible: Arc::new(visible),
            desk: RwLock::new(Desk::Closed("it is being opened".to_owned())),
            disk_bytes: AtomicU64::new(0),
            renewing: AtomicBool::new(false),
            renew_above_bytes: AtomicU64::new(0),
        };
        *inner.desk_mut() = inner.begin_recording(journal, generation)?;
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    /// Keeps items, and returns what became of each, in their order: one that can't be kept doesn't keep the others
    /// out. An engine must exist; an index that it does not list is added to it; a changed title or link replaces the
    /// earlier one. Blocks until all that is recorded is durable and visible.
    ///
    /// # Errors
    /// [`RegistryError::NotWritten`] and `Stopped`: any of the items may have been kept, and all may be sent again.
    pub fn put_items(&self, items: Vec<Item>) -> Result<Vec<PutItem>, RegistryError> {
        let frame_bytes = self.inner.options.item_frame_bytes();
        let mut outcomes = Vec::with_capacity(items.len());
        let mut waiting = VecDeque::new();
        let (mut chunk, mut chunk_bytes) = (Vec::new(), 0);
        for item in items {
            let (prepared, bytes) = self.prepare(item);
            if chunk_bytes + bytes > frame_bytes && !chunk.is_empty() {
                let job = Job::items(std::mem::take(&mut chunk), chunk_bytes);
                let receipt = self.hand_in(job, &mut waiting, &mut outcomes)?;
                waiting.push_back(receipt);
                chunk_bytes = 0;
            }
            chunk.push(prepared);
            chunk_bytes += bytes;
        }
        if !chunk.is_empty() {
            let receipt = self.hand_in(Job::items(chunk, chunk_bytes), &mut waiting, &mut outcomes)?;
            waiting.push_back(receipt);
        }
        for receipt in waiting {
            outcomes.extend(items_done(receipt)?);
        }
        self.renew_if_outdated();
        Ok(outcomes)
    }

    fn prepare(&self, item: Item) -> (PreparedItem, usize) {
        let bytes = ITEM_OVERHEAD_BYTES
            + item.place.index.as_str().len()
            + item.doc_id.as_str().len()
            + item.title.as_ref().map_or(0, |title| title.len())
            + item.link.as_ref().map_or(0, |link| link.len());
        let mut refused = item::check(&item).err();
        if bytes > self.inner.options.bounds().frame_bytes_max {
            refused = Some(RegistryError::Invalid { what: "the item's texts are too long for the segments" });
        }
        let content = self.inner.visible.items.content_hash(item.title.as_deref(), item.link.as_deref());
        (PreparedItem { digest: ItemDigest::of(item.doc_id.as_str()), content, item, refused }, bytes)
    }

    /// Hands in a job. When the queue is full, waits for the oldest of the caller's own.
    fn hand_in(
        &self,
        mut job: Job,
        waiting: &mut VecDeque<Receipt<Done>>,
        outcomes: &mut Vec<PutItem>,
    ) -> Result<Receipt<Done>, RegistryError> {
        loop {
            match self.inner.submit(job) {
                Ok(receipt) => return Ok(receipt),
                Err((refused, error)) => {
                    let Some(oldest) = waiting.pop_front() else { return Err(error) };
                    outcomes.extend(items_done(oldest)?);
                    job = refused;
                }
            }
        }
    }

    /// Keeps items of one index no more, and returns what became of each, in their order. Blocks until all that is
    /// removed is durably so.
    ///
    /// # Errors
    /// [`RegistryError::NotWritten`] and `Stopped`: any of the items may have been removed, and all may be tried again.
    pub fn remove_items(
        &self,
        from: &EngineIndex,
        doc_ids: &[DocId],
    ) -> Result<Vec<RemoveItem>, RegistryError> {
        let mut outcomes = Vec::with_capacity(doc_ids.len());
        for chunk in doc_ids.chunks((self.inner.options.item_frame_bytes() / REMOVAL_BYTES).max(1)) {
            let digests = chunk.iter().map(|doc_id| ItemDigest::of(doc_id.as_str())).collect();
            let receipt =
                self.inner.submit(Job::removals(from.clone(), digests)).map_err(|(_, error)| error)?;
            if let Done::Removals(removed) = receipt.wait().map_err(commit_error)? {
                outcomes.extend(removed);
            }
        }
        self.renew_if_outdated();
        Ok(outcomes)
    }

    pub(crate) fn change(&self, change: Change) -> Result<(), RegistryError> {
        let receipt = self.inner.submit(Job::change(change)).map_err(|(_, error)| error)?;
        match receipt.wait().map_err(commit_error)? {
            Done::Change(outcome) => {
                self.renew_if_outdated();
                outcome
            }
            Done::Items(_) | Done::Removals(_) => Ok(()),
        }
    }

    /// Why nothing can be recorded until a restart; `None` when it can.
    #[must_use]
    pub fn unable(&self) -> Option<String> {
        match self.inner.desk.try_read().as_deref() {
            Ok(Desk::Closed(reason)) => Some(reason.clone()),
            Ok(Desk::Open { writer, .. }) => {
                let status = writer.status();
                let stopped = status.journal.poisoned || status.stopped;
                stopped.then(|| CommitError::Poisoned.to_string())
            }
            // The journal is being written anew; what is recorded meanwhile waits.
            Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => None,
        }
    }

    /// How much there is; cheap.
    #[must_use]
    pub fn counts(&self) -> RegistryCounts {
        if let Ok(Desk::Open { writer, .. }) = self.inner.desk.try_read().as_deref() {
            self.inner.disk_bytes.store(writer.status().journal.file_bytes, Ordering::Relaxed);
        }
        let visible = &self.inner.visible;
        let directory = visible.directory();
        let (accounts, keys, engines) = directory.counts();
        RegistryCounts {
            accounts: accounts as u64,
            keys: keys as u64,
            users: directory.user_count() as u64,
            engines: engines as u64,
            items: visible.items.len(),
            memory_bytes: visible.items.memory_bytes() + directory.memory_bytes(),
            disk_bytes: self.inner.disk_bytes.load(Ordering::Relaxed),
        }
    }

    /// Takes no more changes, waits until those that were taken are durable, and ends the writer's thread. Questions
    /// are answered as before.
    pub fn close(&self) {
        let closed = Desk::Closed("it is closed".to_owned());
        let before = std::mem::replace(&mut *self.inner.desk_mut(), closed);
        if let Desk::Open { thread, .. } = before {
            thread.stop();
        }
    }
}

impl Inner {
    pub(crate) fn desk_mut(&self) -> RwLockWriteGuard<'_, Desk> {
        self.desk.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn desk(&self) -> RwLockReadGuard<'_, Desk> {
        self.desk.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin_recording(
        &self,
        journal: journal::Journal,
        generation: u64,
    ) -> Result<Desk, OpenError> {
        let decider = Decider::new(Arc::clone(&self.visible), self.options.bounds(), generation % 2 == 1);
        let options = WriterOptions { name: "registry".to_owned(), ..WriterOptions::default() };
        let (writer, thread) =
            Writer::spawn(journal, decider, options).map_err(|error| OpenError::Thread(error.to_string()))?;
        Ok(Desk::Open { writer, thread, generation })
    }

    #[expect(clippy::result_large_err, reason = "the job goes back to its caller, who tries again")]
    fn submit(&self, job: Job) -> Result<Receipt<Done>, (Job, RegistryError)> {
        match &*self.desk() {
            Desk::Closed(reason) => Err((job, RegistryError::Stopped(reason.clone()))),
            Desk::Open { writer, .. } => writer.submit(job).map_err(|(job, refused)| match refused {
                Refused::QueueFull => (job, RegistryError::NotWritten(refused.to_string())),
                Refused::Stopped => (job, RegistryError::Stopped(refused.to_string())),
            }),
        }
    }
}

fn items_done(receipt: Receipt<Done>) -> Result<Vec<PutItem>, RegistryError> {
    match receipt.wait().map_err(commit_error)? {
        Done::Items(outcomes) => Ok(outcomes),
        Done::Change(_) | Done::Removals(_) => Ok(Vec::new()),
    }
}

fn commit_error(error: CommitError) -> RegistryError {
    match error {
        CommitError::Poisoned | CommitError::Stopped => RegistryError::Stopped(error.to_string()),
        CommitError::NoSpace(_) | CommitError::Write(_) | CommitError::TooLarge { .. } => {
            RegistryError::NotWritten(error.to_string())
        }
    }
}
