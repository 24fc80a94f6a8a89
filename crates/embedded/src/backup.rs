//! Backups of a store: what its list names, copied into another directory beside recording and questions. First all is
//! brought over under names that an earlier backup in that directory doesn't use, then it takes that one's place, and the
//! list comes last: a directory without it is no backup. It must never change the store that it copies.

use std::io;
use std::sync::Arc;

use journal::{
    Copied, Disk, DiskFile, Position, carry, copy_open, link_or_keep, put_staged, remove_temporaries,
    stage_journal,
};

use crate::index::counts::counts_name;
use crate::index::file::index_name;
use crate::kept::{Shared, read};
use crate::keys::run_name;
use crate::recovery::JOURNAL_FOLDER;
use crate::sealed::folders::Folders;
use crate::sealed::manifest::{CountsInfo, MANIFEST_NAME, Manifest, PartInfo};
use crate::sealed::names_log::folder_name;
use crate::sealed::opening::tidy;
use crate::sealed::part::{Holds, PartFiles, day_folder, new_part_name, part_name};
use crate::sealed::publishing::write_manifest;
use crate::sealed::{SealError, Sealed};
use crate::sealing_thread::Sealing;
use crate::store_files::{read_whole, remove};

/// Why a store could not be backed up or restored; what was there before is as it was.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackupError(String);

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<SealError> for BackupError {
    fn from(error: SealError) -> Self {
        Self(error.to_string())
    }
}

/// A backup on its way: all of it is in the target, and an earlier one in the same place still counts.
pub struct StoreBackup {
    target: Arc<dyn Disk>,
    manifest: Manifest,
    journal: Vec<String>,
    names: Vec<String>,
    copied: Copied,
}

/// Files of one folder that are to be copied: open, since merging and removing take away their names.
struct OpenFiles {
    folder: &'static str,
    files: Vec<(String, Box<dyn DiskFile>)>,
}

impl OpenFiles {
    /// Brings over at once what needs no copying, and opens the rest.
    fn of(
        folder: &'static str,
        source: &dyn Disk,
        target: &dyn Disk,
        names: impl Iterator<Item = String>,
        copied: &mut Copied,
    ) -> Result<Self, BackupError> {
        let at = |error| BackupError(format!("{folder}/{error}"));
        let target = target.folder(folder)?;
        let mut files = Vec::new();
        for name in names {
            if !link_or_keep(source, &name, target.as_ref(), &name, copied).map_err(at)? {
                let file = source.open(&name).map_err(at)?;
                files.push((name, file));
            }
        }
        Ok(Self { folder, files })
    }

    fn copy(self, target: &dyn Disk, copied: &mut Copied) -> Result<(), BackupError> {
        let to = target.folder(self.folder)?;
        self.files.into_iter().try_for_each(|(name, file)| {
            copy_open(file.as_ref(), to.as_ref(), &name, copied)
                .map_err(|error| BackupError(format!("{}/{error}", self.folder)))
        })
    }
}

impl StoreBackup {
    /// Brings over all that was recorded before the call, from a store that is open.
    pub(crate) fn of_store(
        sealing: &Sealing,
        kept: &Shared,
        journal_end: impl Fn() -> Position,
        target: Arc<dyn Disk>,
    ) -> Result<Self, BackupError> {
        // Nothing is sealed or merged while the journals are copied, which are changed in place or forgotten then. The
        // parts are held by the view: as long as it lives, their files stay.
        let (mut backup, open, sealed, folders) = sealing.held(|sealer| {
            let folders = sealer.folders.clone();
            let begun = Self::begin(&folders, &sealer.manifest, sealer.names.end(), journal_end(), target);
            let (backup, open) = begun?;
            Ok::<_, BackupError>((backup, open, Arc::clone(&read(kept).sealed), folders))
        })?;
        backup.bring_days(&folders, open, Some(&sealed))?;
        Ok(backup)
    }

    /// Brings over a store that nobody has open, such as a backup that is restored.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn of_folder(source: Arc<dyn Disk>, target: Arc<dyn Disk>) -> Result<Self, BackupError> {
        let manifest = read_manifest(source.as_ref())?.ok_or_else(|| {
            BackupError(format!(
                "there is no {MANIFEST_NAME} in it: it is no backup, or one that was broken off"
            ))
        })?;
        let folders = Folders::open(source)?;
        let (mut backup, open) = Self::begin(&folders, &manifest, Position::MAX, Position::MAX, target)?;
        backup.bring_days(&folders, open, None)?;
        Ok(backup)
    }

    fn begin(
        source: &Folders,
        manifest: &Manifest,
        names_end: Position,
        journal_end: Position,
        target: Arc<dyn Disk>,
    ) -> Result<(Self, [OpenFiles; 2]), BackupError> {
        if read_manifest(target.as_ref())?.is_some_and(|there| there.key != manifest.key) {
            return Err(BackupError("it holds a backup of another data directory: give another one".into()));
        }
        let mut copied = Copied::default();
        let mut journal = |name: &str, begin, end| {
            let (from, to) = (source.root.folder(name)?, target.folder(name)?);
            stage_journal(from.as_ref(), to.as_ref(), begin, end, &mut copied)
                .map_err(|error| BackupError(format!("{name}/{error}")))
        };
        let names = journal(&folder_name(manifest.names), 0, names_end)?;
        let journal = journal(JOURNAL_FOLDER, manifest.begin, journal_end)?;
        manifest.counts.iter().try_for_each(|counts| check_counts(source, counts))?;
        let runs = manifest.runs.iter().map(|run| run_name(run.number));
        let runs = OpenFiles::of("keys", source.keys.as_ref(), target.as_ref(), runs, &mut copied)?;
        let counts = manifest.counts.iter().map(|counts| counts_name(counts.number));
        let counts = OpenFiles::of("index", source.index.as_ref(), target.as_ref(), counts, &mut copied)?;
        Ok((Self { target, manifest: manifest.clone(), journal, names, copied }, [runs, counts]))
    }

    /// Brings over the files that never change. `_held` keeps them from being removed.
    fn bring_days(
        &mut self,
        source: &Folders,
        open: [OpenFiles; 2],
        _held: Option<&Arc<Sealed>>,
    ) -> Result<(), BackupError> {
        for files in open {
            files.copy(self.target.as_ref(), &mut self.copied)?;
        }
        let target = Folders::open(Arc::clone(&self.target))?;
        let manifest = &self.manifest;
        for (holds, parts) in [(Holds::Clicks, &manifest.clicks), (Holds::Searches, &manifest.searches)] {
            for info in parts {
                bring_part(source, &target, holds, *info, &mut self.copied)?;
            }
        }
        Ok(())
    }

    /// Takes the place of an earlier backup. From here on the target is none, until [`StoreBackup::complete`].
    ///
    /// # Errors
    /// [`BackupError`]; another backup into the same place mends it.
    pub fn replace(&self) -> Result<(), BackupError> {
        remove(self.target.as_ref(), MANIFEST_NAME)?;
        put_staged(self.target.folder(JOURNAL_FOLDER)?.as_ref(), &self.journal)?;
        put_staged(self.target.folder(&folder_name(self.manifest.names))?.as_ref(), &self.names)?;
        Ok(())
    }

    /// Writes the list, by which the backup is whole, and removes what it doesn't name.
    ///
    /// # Errors
    /// [`BackupError`]; another backup into the same place mends it.
    pub fn complete(self) -> Result<Copied, BackupError> {
        let target = Folders::open(Arc::clone(&self.target))?;
        write_manifest(self.target.as_ref(), &self.manifest)?;
        tidy(&target, &self.manifest)?;
        for folder in [Holds::Clicks, Holds::Searches].map(|holds| target.of(holds)) {
            for day in folder.folders()? {
                remove_temporaries(folder.folder(&day)?.as_ref())?;
            }
        }
        let names = folder_name(self.manifest.names);
        for name in self.target.folders()?.into_iter().filter(|name| name.starts_with("names-")) {
            let folder = self.target.folder(&name)?;
            remove_temporaries(folder.as_ref())?;
            if name != names {
                folder.list()?.iter().try_for_each(|file| folder.remove(file))?;
                self.target.remove_folder(&name)?;
            }
        }
        for folder in [&target.index, &target.keys, &self.target.folder(JOURNAL_FOLDER)?] {
            remove_temporaries(folder.as_ref())?;
        }
        let mut copied = self.copied;
        copied.files += 1;
        copied.bytes += self.manifest.to_text().len() as u64;
        Ok(copied)
    }
}

fn bring_part(
    source: &Folders,
    target: &Folders,
    holds: Holds,
    info: PartInfo,
    copied: &mut Copied,
) -> Result<(), BackupError> {
    let from = source.part(holds, info)?;
    let to = target.part(holds, info)?;
    let at = |folder: &str| {
        let folder = folder.to_owned();
        move |error: io::Error| BackupError(format!("{folder}/{error}"))
    };
    let day = format!("{}/{}", holds.folder(), day_folder(info.day));
    let name = part_name(info.number);
    // A copy of a directory whose process was killed may have it under its first name still.
    let there = from.day.open(&name).map_or_else(|_| new_part_name(info.number), |_| name.clone());
    // Before a good copy of an earlier backup gives way to it, and as a whole once it is there: a link reads the same.
    if there == name {
        check_part(&from, false)?;
    }
    let kept_before = copied.kept;
    carry(from.day.as_ref(), &there, to.day.as_ref(), &name, copied).map_err(at(&day))?;
    check_part(&to, copied.kept == kept_before)?;
    let index = index_name(info.number);
    match carry(from.index.as_ref(), &index, to.index.as_ref(), &index, copied) {
        // It is built anew at the next start.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(at("index")),
    }
}

/// Whether these are the counts that were written: nothing can build them anew, and a good copy of an earlier backup would
/// give way to them.
fn check_counts(source: &Folders, counts: &CountsInfo) -> Result<(), BackupError> {
    let name = counts_name(counts.number);
    let damaged =
        |what: String| BackupError(format!("a damaged day can't be backed up: index/{name} {what}"));
    let bytes = read_whole(source.index.as_ref(), &name).map_err(|error| damaged(error.to_string()))?;
    if crc32fast::hash(&bytes) == counts.check {
        Ok(())
    } else {
        Err(damaged("is not what was written".into()))
    }
}

/// Whether it is the part that was sealed, by its footer, or by all of its checksums.
fn check_part(files: &PartFiles, as_a_whole: bool) -> Result<(), BackupError> {
    let whole = |verified: Result<(), days::DayError>| verified.map_err(|error| files.damage(error));
    let checked = match files.holds {
        Holds::Clicks => {
            files.clicks().and_then(|reader| if as_a_whole { whole(reader.verify()) } else { Ok(()) })
        }
        Holds::Searches => {
            files.searches().and_then(|reader| if as_a_whole { whole(reader.verify()) } else { Ok(()) })
        }
    };
    checked.map_err(|error| BackupError(format!("a damaged day can't be backed up: {error}")))
}

fn read_manifest(root: &dyn Disk) -> Result<Option<Manifest>, BackupError> {
    let Some(bytes) = root.read_small(MANIFEST_NAME)? else { return Ok(None) };
    let manifest = Manifest::from_text(&String::from_utf8_lossy(&bytes));
    manifest.map(Some).map_err(|error| BackupError(format!("{MANIFEST_NAME}: {error}")))
}
