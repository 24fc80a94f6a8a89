//! The lock of a directory: one owner at a time, who leaves a note so that a second one can name the first.
//!
//! The lock belongs to the open file, not to the file's presence: it ends with its process, however that ends.
//! It must never know who its owner is beyond a process id and a line of text.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const LOCK_FILE: &str = "LOCK";

/// The longest note that is kept or read: 1 KiB.
pub const LOCK_NOTE_BYTES_MAX: usize = 1024;

/// Why a directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another owner has it.
    #[error("the directory is in use by process {} ({note})", pid.map_or("unknown".to_owned(), |pid| pid.to_string()))]
    Held {
        /// The owner's process id, when it could be read.
        pid: Option<u32>,
        /// What the owner said about itself; may be empty.
        note: String,
    },
    /// The lock file could not be made, locked or written.
    #[error("the lock file can't be used: {0}")]
    Io(#[from] io::Error),
}

/// An exclusive lock on a directory, held until it is dropped.
#[derive(Debug)]
pub struct DirLock {
    file: File,
}

impl DirLock {
    /// Locks an existing directory, or says who holds it. Never waits.
    pub fn take(folder: impl AsRef<Path>, note: &str) -> Result<DirLock, LockError> {
        let place = folder.as_ref().join(LOCK_FILE);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(place)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let (pid, note) = read_holder(&mut file);
                return Err(LockError::Held { pid, note });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut lock = DirLock { file };
        lock.rewrite_note(note)?;
        Ok(lock)
    }

    /// Replaces the note, for an owner that learns its address late. White space at line ends becomes a space;
    /// beyond [`LOCK_NOTE_BYTES_MAX`] the note is cut.
    pub fn rewrite_note(&mut self, note: &str) -> io::Result<()> {
        let mut line = note.replace(['\n', '\r'], " ");
        while line.len() > LOCK_NOTE_BYTES_MAX {
            line.pop();
        }
        let text = format!("{}\n{line}\n", std::process::id());
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(text.as_bytes())
    }
}

/// What the holder wrote. It may be in the middle of writing: then less is known, which is no error.
fn read_holder(file: &mut File) -> (Option<u32>, String) {
    let mut bytes = Vec::new();
    let limit = LOCK_NOTE_BYTES_MAX as u64 + 64;
    if file.take(limit).read_to_end(&mut bytes).is_err() {
        return (None, String::new());
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let pid = lines.next().and_then(|line| line.trim().parse().ok());
    (pid, lines.next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_and_can_name_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = DirLock::take(folder.path(), "starting").unwrap();
        first.rewrite_note("127.0.0.1:8080\nsecond line").unwrap();
        let refused = DirLock::take(folder.path(), "me too").unwrap_err();
        let LockError::Held { pid, note } = refused else { panic!("{refused}") };
        assert_eq!(pid, Some(std::process::id()));
        assert_eq!(note, "127.0.0.1:8080 second line");
        drop(first);
        DirLock::take(folder.path(), "next").unwrap();
    }

    #[test]
    fn a_long_note_is_cut_at_a_whole_character() {
        let folder = tempfile::tempdir().unwrap();
        let _first = DirLock::take(folder.path(), &"ü".repeat(LOCK_NOTE_BYTES_MAX)).unwrap();
        let refused = DirLock::take(folder.path(), "").unwrap_err();
        let LockError::Held { note, .. } = refused else { panic!("{refused}") };
        assert_eq!(note, "ü".repeat(LOCK_NOTE_BYTES_MAX / 2));
    }
}
