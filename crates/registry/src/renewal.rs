//! Renewal: a registry that runs writes its journal anew when too much of it is outdated. Changes wait meanwhile;
//! questions are answered from either generation. This room decides when and in which order; `compaction` writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use journal::{CommitError, Reader};

use crate::commit::Visible;
use crate::compaction;
use crate::error::{OpenError, RegistryError};
use crate::generation::{HEAD, Head, remove_others};
use crate::opening;
use crate::registry::{Desk, Inner, Registry};

/// Whether more of the journal is outdated than in force, and more than `outdated_bytes_max`.
pub(crate) fn is_outdated(visible: &Visible, outdated_bytes_max: u64) -> bool {
    let (live, dead) = visible.live_and_dead_bytes();
    dead > live && dead > outdated_bytes_max
}

impl Registry {
    /// Writes the journal anew without what is outdated. Changes wait meanwhile; questions do not. Happens by itself
    /// when it is worth it.
    ///
    /// # Errors
    /// [`RegistryError::NotWritten`] when there was no room (the old journal serves on), or `Stopped`.
    pub fn renew(&self) -> Result<(), RegistryError> {
        self.inner.renew()
    }

    pub(crate) fn renew_if_outdated(&self) {
        let above = self.inner.renew_above_bytes.load(Ordering::Relaxed);
        let due = is_outdated(&self.inner.visible, self.inner.options.outdated_bytes_max.max(above));
        if !due || self.inner.renewing.swap(true, Ordering::AcqRel) {
            return;
        }
        let inner = Arc::clone(&self.inner);
        let spawned = thread::Builder::new().name("registry-renew".to_owned()).spawn(move || {
            if inner.renew().is_err() {
                let (_, dead) = inner.visible.live_and_dead_bytes();
                let next = dead + inner.options.outdated_bytes_max;
                inner.renew_above_bytes.store(next, Ordering::Relaxed);
            }
            inner.renewing.store(false, Ordering::Release);
        });
        if spawned.is_err() {
            self.inner.renewing.store(false, Ordering::Release);
        }
    }
}

impl Inner {
    /// Writes the next generation, makes it the one that counts, and goes on in it.
    fn renew(&self) -> Result<(), RegistryError> {
        let mut desk = self.desk_mut();
        let stopping = Desk::Closed("the journal could not be written anew".to_owned());
        let (thread, generation) = match std::mem::replace(&mut *desk, stopping) {
            Desk::Open { thread, generation, .. } => (thread, generation),
            Desk::Closed(reason) => {
                *desk = Desk::Closed(reason.clone());
                return Err(RegistryError::Stopped(reason));
            }
        };
        // What failed in a sync may be on the disk or not: only a restart reads it back.
        if thread.stop().is_none_or(|(journal, _)| journal.status().poisoned) {
            *desk = Desk::Closed(CommitError::Poisoned.to_string());
            return Err(RegistryError::Stopped(CommitError::Poisoned.to_string()));
        }
        let written = self.write_next(generation);
        let opened = match &written {
            Ok(reader) => self.go_on_in(generation + 1, reader),
            Err(_) => self.stay_in(generation),
        };
        match opened {
            Ok(open) => *desk = open,
            Err(error) => {
                *desk = Desk::Closed(error.to_string());
                return Err(RegistryError::Stopped(error.to_string()));
            }
        }
        written.map(|_| ()).map_err(|error| RegistryError::NotWritten(error.to_string()))
    }

    fn write_next(&self, generation: u64) -> Result<Reader, OpenError> {
        remove_others(self.disk.as_ref(), generation).map_err(OpenError::disk("an unfinished generation"))?;
        let (frame_bytes, options) = (self.options.item_frame_bytes(), self.options.journal());
        compaction::write_next(&self.disk, generation, &options, frame_bytes, &self.visible)
    }

    /// Makes a generation that was written the one that counts, and records in it. When the head can't be replaced
    /// nobody knows which generation counts, and recording ends until a restart.
    fn go_on_in(&self, generation: u64, reader: &Reader) -> Result<Desk, OpenError> {
        let head = Head { generation, check: self.check };
        head.write(self.disk.as_ref()).map_err(OpenError::disk(HEAD))?;
        let odd = generation % 2 == 1;
        // A reader must be there before the first item refers to it, and until the last one no longer does.
        self.visible.set_reader(odd, Some(reader.clone()));
        let journal = opening::move_to(&self.disk, generation, &self.options.journal(), &self.visible)?;
        self.visible.set_reader(!odd, None);
        // Files that can't be removed take room and do no harm; the next opening tries again.
        let _ = remove_others(self.disk.as_ref(), generation);
        self.begin_recording(journal, generation)
    }

    /// Records on in the generation that could not be written anew. Its journal has been read to its end meanwhile, and
    /// is opened afresh.
    fn stay_in(&self, generation: u64) -> Result<Desk, OpenError> {
        let _ = remove_others(self.disk.as_ref(), generation);
        let options = self.options.journal();
        let (journal, _) = opening::open_journal(&self.disk, generation, &options, &mut |_, _| Ok(()))?;
        self.visible.set_reader(generation % 2 == 1, Some(journal.reader()));
        self.begin_recording(journal, generation)
    }
}
