//! Backups of a registry: its head and the journal of the generation that counts, up to a known end, copied into another
//! directory. It must never see a key in clear, nor need the master secret.

use std::io;
use std::sync::Arc;

use journal::{Copied, Disk, Position, put_staged, remove_temporaries, stage_journal};

use crate::error::OpenError;
use crate::generation::{GenerationDisk, Head, remove_others};
use crate::registry::{Desk, Registry};

/// A backup on its way: all of it is in the target, and an earlier one in the same place still counts.
pub struct RegistryBackup {
    target: Arc<dyn Disk>,
    head: Head,
    segments: Vec<String>,
    copied: Copied,
}

impl Registry {
    /// Brings over all that was recorded before the call. What is recorded meanwhile waits only where the journal is to be
    /// written anew.
    ///
    /// # Errors
    /// [`OpenError`]: a registry that has stopped, or a disk that fails.
    pub fn backup(&self, target: Arc<dyn Disk>) -> Result<RegistryBackup, OpenError> {
        // While it is held, no other generation takes the place of this one.
        let desk = self.inner.desk();
        let Desk::Open { writer, generation, .. } = &*desk else {
            return Err(OpenError::disk("the registry")(io::Error::other("it has stopped")));
        };
        let head = Head { generation: *generation, check: self.inner.check };
        RegistryBackup::bring(&self.inner.disk, head, writer.status().journal.end, target)
    }
}

impl RegistryBackup {
    /// Brings over a registry that nobody has open; `None` where there is none.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn of_folder(source: &Arc<dyn Disk>, target: Arc<dyn Disk>) -> Result<Option<Self>, OpenError> {
        let Some(head) = Head::read(source.as_ref())? else { return Ok(None) };
        Self::bring(source, head, Position::MAX, target).map(Some)
    }

    fn bring(
        source: &Arc<dyn Disk>,
        head: Head,
        end: Position,
        target: Arc<dyn Disk>,
    ) -> Result<Self, OpenError> {
        let own = |disk: &Arc<dyn Disk>| GenerationDisk::new(disk, head.generation);
        let mut copied = Copied::default();
        let segments = stage_journal(&own(source), &own(&target), 0, end, &mut copied)
            .map_err(OpenError::disk("the registry's journal"))?;
        Ok(Self { target, head, segments, copied })
    }

    /// Takes the place of an earlier backup.
    ///
    /// # Errors
    /// [`OpenError`]; another backup into the same place mends it.
    pub fn complete(self) -> Result<Copied, OpenError> {
        let failed = |error: io::Error| OpenError::disk("the registry's backup")(error);
        put_staged(&GenerationDisk::new(&self.target, self.head.generation), &self.segments)
            .map_err(failed)?;
        self.head.write(self.target.as_ref()).map_err(failed)?;
        remove_others(self.target.as_ref(), self.head.generation).map_err(failed)?;
        remove_temporaries(self.target.as_ref()).map_err(failed)?;
        Ok(self.copied)
    }
}
