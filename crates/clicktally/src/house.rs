//! The data directory: one owner at a time, one format, and everything in it opened in the right order and closed in
//! the reverse one.
//!
//! `LOCK` who owns it · `FORMAT` which version it has · `secret.key` the master secret · `control.sock` the running
//! server's door · `CLOCK` what time it was believed to be · `registry/` who and what · all else is the store's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::{DirLock, Disk, FolderDisk, LockError};
use registry::{MasterSecret, Registry, RegistryOptions};
use server::app::App;
use server::clock::{Clock, SystemClock};
use server::control::{BackupAsk, BackupReply, CheckReply, ControlError, Finding, Maintenance};
use server::settings::Settings;

use crate::backup::{self, refuse_marked};
use crate::config::Config;
use crate::engines::{self, OpenStore, StoreOptions, StoreSource};
use crate::failure::Failure;

/// What tells a data directory's version.
pub const FORMAT_FILE: &str = "FORMAT";
const FORMAT_HEAD: &str = "clicktally data format ";
/// The newest format that this binary reads, and the one that it writes.
const FORMAT: u32 = 2;
/// The oldest format that it reads. Format 1 was never released.
const FORMAT_OLDEST: u32 = 2;
/// Who has the directory.
pub const LOCK_FILE: &str = "LOCK";
/// The master secret, unless it is kept elsewhere.
pub const SECRET_FILE: &str = "secret.key";
/// Who and what.
pub const REGISTRY_FOLDER: &str = "registry";
/// The running server's door, in the data directory.
pub const CONTROL_SOCKET: &str = "control.sock";

/// How a house is opened.
#[derive(Debug, Clone)]
pub struct Opening {
    pub secret_file: Option<PathBuf>,
    pub settings: Settings,
    pub store: StoreOptions,
    pub items_max: u64,
}

impl Opening {
    /// As a configuration says, whether a server opens it or a command that finds none running.
    pub fn of(config: &Config) -> Self {
        Self {
            secret_file: config.secret_file.clone(),
            settings: config.settings.clone(),
            store: config.store,
            items_max: config.items_max,
        }
    }
}

/// Why a house could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// A server or a command has it.
    Held {
        pid: Option<u32>,
        note: String,
    },
    Failed(Failure),
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl OpenError {
    /// In words, for a command that can't share the directory.
    pub fn into_failure(self, directory: &Path) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Held { pid, note } => {
                let pid = pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
                Failure::new(format!(
                    "{} is in use by process {pid} ({note}): stop it, or give another --data-dir",
                    directory.display()
                ))
            }
        }
    }
}

/// A data directory that is ours.
pub struct House {
    pub app: Arc<App>,
    pub secret: MasterSecret,
    disk: FolderDisk,
    lock: DirLock,
    store: OpenStore,
}

impl House {
    /// Takes the directory, or makes it. `note` tells others who has it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path, opening: Opening, note: &str) -> Result<Self, OpenError> {
        let at = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
        let disk = FolderDisk::open(path).map_err(|error| at(&error))?;
        // Looked at before the lock's file is made: a directory that is not ours is left as it was.
        refuse_marked(&disk).map_err(|error| at(&error))?;
        check_format(&disk).map_err(|error| at(&error))?;
        let lock = DirLock::take(path, note).map_err(|error| match error {
            LockError::Held { pid, note } => OpenError::Held { pid, note },
            LockError::Io(error) => OpenError::Failed(at(&error)),
        })?;
        let known = check_format(&disk).map_err(|error| at(&error))?;
        let secret = secret(&disk, opening.secret_file.as_deref(), known)?;
        if !known {
            disk.write_small(FORMAT_FILE, format_text().as_bytes()).map_err(|error| at(&error))?;
        }
        let folder = disk.subfolder(REGISTRY_FOLDER).map_err(|error| at(&error))?;
        let options = RegistryOptions { items_max: opening.items_max, ..RegistryOptions::default() };
        let (registry, _) = Registry::open(Arc::new(folder), &secret, options)
            .map_err(|error| Failure::new(format!("{}: {error}", path.join(REGISTRY_FOLDER).display())))?;
        let store = OpenStore::open(&disk, opening.store)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let app = Arc::new(App::new(Arc::clone(&store.store), registry, clock, opening.settings, &secret));
        Ok(Self { app, secret, disk, lock, store })
    }

    /// What others are told about who has the directory.
    pub fn rename(&mut self, note: &str) {
        if let Err(error) = self.lock.rewrite_note(note) {
            tracing::warn!(%error, "the lock file could not be written");
        }
    }

    /// The data directory's own files.
    pub fn disk(&self) -> FolderDisk {
        self.disk.clone()
    }

    /// What reads every file.
    pub fn maintenance(&self) -> Arc<dyn Maintenance> {
        let (disk, registry) = (self.disk.clone(), self.app.registry.clone());
        Arc::new(Files { disk, registry, store: self.store.source() })
    }

    /// Syncs and closes everything; the directory is free afterwards.
    pub fn close(self) {
        self.store.close();
        self.app.registry.close();
        drop(self.lock);
    }
}

struct Files {
    disk: FolderDisk,
    registry: Registry,
    store: StoreSource,
}

impl Maintenance for Files {
    /// Reads beside a writer: what a first look finds may be a write on its way, and is gone at the second.
    fn check(&self) -> CheckReply {
        let first = check(&self.disk);
        if first.findings.is_empty() {
            return first;
        }
        let second = check(&self.disk);
        let lasting = second.findings.into_iter().filter(|finding| first.findings.contains(finding));
        CheckReply { findings: lasting.collect(), ..first }
    }

    fn backup(&self, ask: &BackupAsk) -> Result<BackupReply, ControlError> {
        backup::backup(&self.disk, &self.registry, &self.store, ask)
            .map_err(|failure| ControlError(failure.to_string()))
    }
}

/// Reads every file of a data directory, and changes nothing.
pub fn check(disk: &FolderDisk) -> CheckReply {
    let mut reply = CheckReply::default();
    match check_format(disk) {
        Ok(true) => reply.files += 1,
        Ok(false) => return reply,
        Err(error) => reply.findings.push(damage(FORMAT_FILE, error.to_string())),
    }
    for (folder, part) in [(REGISTRY_FOLDER, check_registry(disk)), ("the store", engines::check(disk))] {
        match part {
            Ok(part) => {
                reply.files += part.files;
                reply.bytes += part.bytes;
                reply.records += part.records;
                reply.findings.extend(part.findings);
            }
            Err(error) => reply.findings.push(damage(folder, error)),
        }
    }
    reply
}

fn check_registry(disk: &FolderDisk) -> Result<CheckReply, String> {
    let folder: Arc<dyn Disk> = Arc::new(disk.subfolder(REGISTRY_FOLDER).map_err(|error| error.to_string())?);
    let Some(verified) = registry::verify(&folder).map_err(|error| error.to_string())? else {
        return Ok(CheckReply::default());
    };
    let mut reply = check_reply(REGISTRY_FOLDER, &verified.prefix, &verified.journal);
    reply.records = verified.records;
    reply.findings.extend(verified.unreadable.into_iter().map(|what| damage(REGISTRY_FOLDER, what)));
    Ok(reply)
}

/// What a journal's verification found, in the words of `check`.
pub fn check_reply(folder: &str, prefix: &str, journal: &journal::Verified) -> CheckReply {
    let finding = |finding: &journal::Finding| Finding {
        file: format!("{folder}/{prefix}{}", finding.file),
        offset: finding.offset,
        what: finding.to_string(),
        damage: !matches!(finding.what, journal::What::TornTail { .. }),
    };
    CheckReply {
        files: journal.segments,
        bytes: journal.bytes,
        records: 0,
        findings: journal.findings.iter().map(finding).collect(),
    }
}

fn damage(file: &str, what: String) -> Finding {
    Finding { file: file.to_owned(), offset: 0, what, damage: true }
}

/// What is in the file that tells the version.
pub fn format_text() -> String {
    format!("{FORMAT_HEAD}{FORMAT}\n")
}

/// True if the directory has a format, false if it is new.
///
/// # Errors
/// A [`Failure`] when it is not ours, or newer, or damaged.
pub fn check_format(disk: &FolderDisk) -> Result<bool, Failure> {
    let bytes =
        disk.read_small(FORMAT_FILE).map_err(|error| Failure::new(format!("{FORMAT_FILE}: {error}")))?;
    let Some(bytes) = bytes else {
        let others = disk.list().map_err(|error| Failure::new(error.to_string()))?;
        // A lock, a secret and halves of small files are what a first start that was broken off leaves.
        let ours = [LOCK_FILE, CONTROL_SOCKET, SECRET_FILE, FORMAT_FILE];
        let foreign = others.iter().find(|name| !ours.contains(&name.strip_suffix(".tmp").unwrap_or(name)));
        return match foreign {
            None => Ok(false),
            Some(name) => Err(Failure::new(format!(
                "there is `{name}` in it, but no {FORMAT_FILE}: this is not a data directory; give an empty or a new one"
            ))),
        };
    };
    let text = String::from_utf8_lossy(&bytes);
    let version = text.strip_prefix(FORMAT_HEAD).and_then(|rest| rest.trim().parse::<u32>().ok());
    match version {
        Some(version) if version > FORMAT => Err(Failure::new(format!(
            "its format is {version}, and this version knows up to {FORMAT}: use the newer clicktally that wrote it"
        ))),
        Some(FORMAT_OLDEST..) => Ok(true),
        Some(old @ 1..) => Err(Failure::new(format!(
            "its format is {old}, of a version that was never released; this one begins with {FORMAT_OLDEST}: export from it and import again"
        ))),
        _ => Err(Failure::new(format!("{FORMAT_FILE} is damaged: it should read `{FORMAT_HEAD}{FORMAT}`"))),
    }
}

fn secret(disk: &FolderDisk, file: Option<&Path>, known: bool) -> Result<MasterSecret, Failure> {
    if let Some(file) = file {
        #[expect(clippy::disallowed_methods, reason = "the user's own file, not one of the data directory")]
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("the secret file {}: {error}", file.display())))?;
        return MasterSecret::from_hex(&text)
            .map_err(|error| Failure::new(format!("the secret file {}: {error}", file.display())));
    }
    let present =
        disk.read_small(SECRET_FILE).map_err(|error| Failure::new(format!("{SECRET_FILE}: {error}")))?;
    if known && present.is_none() {
        return Err(Failure::new(format!(
            "{SECRET_FILE} is missing, and without it the keys can't be read: put it back, or name it with --secret-file"
        )));
    }
    MasterSecret::load_or_create(disk, SECRET_FILE).map_err(|error| Failure::new(error.to_string()))
}
