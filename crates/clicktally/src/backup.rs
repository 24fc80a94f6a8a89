//! Backups of a data directory, made beside a running server, and data directories made of backups. A backup is laid out
//! as a data directory is, so that `check` reads it, with a mark on it: a server that recorded into it would spoil it.
//!
//! `BACKUP` comes first and says what the directory is; the store's list comes last and says that it is whole. It must
//! never know what is in a store's or a registry's files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use journal::{Copied, DirLock, Disk, FolderDisk};
use registry::{Registry, RegistryBackup};
use server::control::{BackupAsk, BackupReply};

use crate::engines::{self, StoreBackup, StoreSource};
use crate::failure::Failure;
use crate::house::{
    CONTROL_SOCKET, FORMAT_FILE, LOCK_FILE, REGISTRY_FOLDER, SECRET_FILE, check_format, format_text,
};

/// What tells a backup from a data directory.
pub const MARK_FILE: &str = "BACKUP";
const MARK: &str = "clicktally backup 1\n";
/// The mark of a data directory that is being made of a backup.
const MARK_RESTORING: &str = "clicktally restore, not finished\n";

/// Refuses a directory that a server must not record into.
///
/// # Errors
/// A [`Failure`] that says what to do instead.
pub fn refuse_marked(disk: &FolderDisk) -> Result<(), Failure> {
    match disk.read_small(MARK_FILE) {
        Ok(None) => Ok(()),
        Ok(Some(mark)) if mark == MARK_RESTORING.as_bytes() => {
            Err(Failure::new("it was not restored to its end: run the same `clicktally restore` again"))
        }
        Ok(Some(_)) => Err(Failure::new(
            "this is a backup: `clicktally restore DIR --data-dir NEW` makes a data directory of it",
        )),
        Err(error) => Err(Failure::new(format!("{MARK_FILE}: {error}"))),
    }
}

/// Backs up a data directory that is open. What was recorded before the call is in it. A backup that is there already
/// counts until the new one takes its place.
///
/// # Errors
/// A [`Failure`] that names the file and says what is wrong.
pub fn backup(
    source: &FolderDisk,
    registry: &Registry,
    store: &StoreSource,
    ask: &BackupAsk,
) -> Result<BackupReply, Failure> {
    let at = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", ask.directory));
    let secret = if ask.with_secret { Some(secret_of(source)?) } else { None };
    refuse_inside(source.path(), Path::new(&ask.directory))?;
    let target = FolderDisk::open(&ask.directory).map_err(|error| at(&error))?;
    let _lock = DirLock::take(target.path(), "clicktally backup").map_err(|error| at(&error))?;
    mark(&target, MARK).map_err(|failure| at(&failure))?;
    let stored = store.backup(&target).map_err(|error| at(&error))?;
    // After the clicks: whose clicks there are is known then.
    let folder = Arc::new(target.subfolder(REGISTRY_FOLDER).map_err(|error| at(&error))?);
    let registered = registry.backup(folder).map_err(|error| at(&error))?;
    let copied = finish(&target, stored, Some(registered), secret.as_deref()).map_err(|error| at(&error))?;
    Ok(reply(&ask.directory, copied, secret.is_some()))
}

/// Makes a data directory of a backup, or of a copy of a data directory that nobody has open.
///
/// # Errors
/// A [`Failure`]; the same call again goes on.
pub fn restore(from: &Path, to: &Path) -> Result<BackupReply, Failure> {
    let at =
        |path: &Path, error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    if !from.is_dir() {
        return Err(at(from, &"there is no such directory"));
    }
    let source = FolderDisk::open(from).map_err(|error| at(from, &error))?;
    if !check_format(&source).map_err(|error| at(from, &error))? {
        return Err(at(
            from,
            &format!("there is no {FORMAT_FILE} in it: this is no backup, or one that was broken off"),
        ));
    }
    let _source_lock = DirLock::take(from, "clicktally restore").map_err(|error| at(from, &error))?;
    let target = FolderDisk::open(to).map_err(|error| at(to, &error))?;
    let _lock = DirLock::take(to, "clicktally restore").map_err(|error| at(to, &error))?;
    mark(&target, MARK_RESTORING).map_err(|failure| at(to, &failure))?;
    let secret = source.read_small(SECRET_FILE).map_err(|error| at(from, &error))?;
    let stored = engines::restore(&source, &target).map_err(|error| at(from, &error))?;
    let folders = [&source, &target].map(|disk| disk.subfolder(REGISTRY_FOLDER));
    let [Ok(registry), Ok(folder)] = folders else {
        return Err(at(to, &format!("{REGISTRY_FOLDER} can't be opened")));
    };
    let registry: Arc<dyn Disk> = Arc::new(registry);
    let registered =
        RegistryBackup::of_folder(&registry, Arc::new(folder)).map_err(|error| at(from, &error))?;
    let copied = finish(&target, stored, registered, secret.as_deref()).map_err(|error| at(to, &error))?;
    target.remove(MARK_FILE).map_err(|error| at(to, &error))?;
    Ok(reply(&to.display().to_string(), copied, secret.is_some()))
}

fn finish(
    target: &FolderDisk,
    stored: StoreBackup,
    registered: Option<RegistryBackup>,
    secret: Option<&[u8]>,
) -> Result<Copied, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    stored.replace().map_err(|error| failed(&error))?;
    let registered = registered.map(RegistryBackup::complete).transpose().map_err(|error| failed(&error))?;
    match secret {
        Some(secret) => target.write_small(SECRET_FILE, secret),
        None => remove(target, SECRET_FILE),
    }
    .map_err(|error| failed(&error))?;
    target.write_small(FORMAT_FILE, format_text().as_bytes()).map_err(|error| failed(&error))?;
    let mut copied = stored.complete().map_err(|error| failed(&error))?;
    copied.add(&registered.unwrap_or_default());
    Ok(copied)
}

fn reply(directory: &str, copied: Copied, has_secret: bool) -> BackupReply {
    let Copied { files, bytes, kept, linked } = copied;
    BackupReply { directory: directory.to_owned(), files, bytes, kept, linked, has_secret }
}

/// Marks a directory that is new, empty, or has this mark.
fn mark(target: &FolderDisk, mark: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(error.to_string());
    match target.read_small(MARK_FILE).map_err(failed)? {
        Some(there) if there == mark.as_bytes() => return Ok(()),
        Some(_) => {
            return Err(Failure::new(format!("{MARK_FILE} in it says something else: give a new directory")));
        }
        None => {}
    }
    let passing = [LOCK_FILE, CONTROL_SOCKET, &format!("{MARK_FILE}.tmp")];
    let mut there = target.list().map_err(failed)?;
    there.extend(target.folders().map_err(failed)?);
    if let Some(name) = there.iter().find(|name| !passing.contains(&name.as_str())) {
        return Err(Failure::new(format!("there is `{name}` in it: give an empty directory or a new one")));
    }
    target.write_small(MARK_FILE, mark.as_bytes()).map_err(failed)
}

/// Refuses a target in the data directory: its files would be taken for ours, and be lost with it.
fn refuse_inside(source: &Path, target: &Path) -> Result<(), Failure> {
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    let (Ok(source), Ok(target)) = (whole(source), whole(target)) else { return Ok(()) };
    if target.starts_with(&source) {
        return Err(Failure::new(format!(
            "{} is in the data directory: give another place",
            target.display()
        )));
    }
    Ok(())
}

fn secret_of(source: &FolderDisk) -> Result<Vec<u8>, Failure> {
    let secret = source.read_small(SECRET_FILE);
    secret.map_err(|error| Failure::new(format!("{SECRET_FILE}: {error}")))?.ok_or_else(|| {
        Failure::new(format!(
            "--with-secret: {SECRET_FILE} is not in the data directory; the secret is in a file of its own: keep a copy of that"
        ))
    })
}

fn remove(disk: &FolderDisk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
