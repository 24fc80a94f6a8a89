//! Files: the narrow door between the journal and a file system, and the real one behind it.
//!
//! This room and `lock` are the only ones that touch the data directory with `std::fs`.
//! It must never know what is written in a file.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the room through which the data directory is touched"
)]

use std::fs::{self, DirBuilder, File, FileType, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file that [`Disk::read_small`] and [`Disk::write_small`] handle: 1 MiB.
pub const SMALL_FILE_BYTES_MAX: usize = 1 << 20;

/// Zeros are written in pieces of this size when a file is preallocated.
const ZEROS_BYTES: usize = 1 << 20;

/// Only the owner reads and writes: the files hold what visitors did.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// One directory, with the directories in it. Names are plain: no path leads anywhere else. Whatever a verb returns `Ok`
/// for outlives a loss of power.
pub trait Disk: Send + Sync + 'static {
    /// The names of all regular files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a new file of `bytes` zeros that are really written, so that its space can't be missing later. It may
    /// also begin with 0 bytes and grow as it is written.
    /// The file and its name are synced. Fails when the name is taken; a failure may leave a partial file behind.
    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn DiskFile>>;

    /// Opens an existing file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Renames a file, replacing one that has the new name, and syncs the directory.
    /// After an error it is unknown whether the name changed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file and syncs the directory.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns only when all names are on the medium, whoever made them: an earlier process may have ended between a
    /// rename and its sync.
    fn sync_names(&self) -> io::Result<()>;

    /// The whole content of a file of at most [`SMALL_FILE_BYTES_MAX`] bytes; `None` when there is none.
    fn read_small(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Replaces a small private file (mode 0600) as a whole: after a crash it holds either the old bytes or the new.
    fn write_small(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// A directory in this one, made (mode 0700) and its name synced when it is missing. One that an earlier process
    /// made may still lack that sync: see [`Disk::sync_names`].
    fn folder(&self, name: &str) -> io::Result<Arc<dyn Disk>>;

    /// The names of all directories in this one, sorted.
    fn folders(&self) -> io::Result<Vec<String>>;

    /// Removes a directory that is empty (`DirectoryNotEmpty` else) and syncs this one.
    fn remove_folder(&self, name: &str) -> io::Result<()>;

    /// Gives a file a name in another directory too, and syncs that. Both names are the same file: it must never be
    /// written again. `Ok(false)` where that can't be, as between two file systems. Fails when the name is taken.
    fn link(&self, _name: &str, _into: &dyn Disk, _as_name: &str) -> io::Result<bool> {
        Ok(false)
    }

    /// Where the directory is, if it is one of a real file system.
    fn real_path(&self) -> Option<&Path> {
        None
    }
}

/// An open file. Several threads may read while one writes.
#[expect(clippy::len_without_is_empty, reason = "a file's length is a question to the disk that can fail")]
pub trait DiskFile: Send + Sync {
    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Reads into `buffer` from `offset` and returns how many bytes came; 0 only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`; behind the file's end it grows, over zeros where `offset` leaves a gap. After an error any
    /// part of them may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns only when everything written before, and the length that it needs, is on the medium (fdatasync).
    /// After an error nothing is known about those bytes, and asking again proves nothing.
    fn sync(&self) -> io::Result<()>;
}

/// Reads until `buffer` is full or the file ends; returns how many bytes came.
pub(crate) fn read_full(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        let read = match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if read == 0 {
            break;
        }
        filled += read;
    }
    Ok(filled)
}

/// A directory of a real file system.
#[derive(Debug, Clone)]
pub struct FolderDisk {
    folder: PathBuf,
}

impl FolderDisk {
    /// Opens a directory; one that is missing is made with mode 0700, with its parents.
    pub fn open(folder: impl AsRef<Path>) -> io::Result<FolderDisk> {
        let folder = folder.as_ref().to_path_buf();
        if !folder.is_dir() {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            FolderDisk::open(parent)?;
            // `recursive` only in order that another process may have made it in the meantime.
            DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder)?;
            sync_folder(parent)?;
        }
        Ok(FolderDisk { folder })
    }

    /// A directory inside this one, made when missing, like [`Disk::folder`].
    pub fn subfolder(&self, name: &str) -> io::Result<FolderDisk> {
        let folder = self.place(name)?;
        match DirBuilder::new().mode(FOLDER_MODE).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(error) => return Err(error),
            Ok(()) => {
                if let Err(error) = self.sync_names() {
                    // Else the next call would take the unsynced name for a durable one. That this may fail too is of
                    // no weight: the first error is the news.
                    let _ = fs::remove_dir(&folder);
                    return Err(error);
                }
            }
        }
        Ok(FolderDisk { folder })
    }

    /// Where this directory is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    fn place(&self, name: &str) -> io::Result<PathBuf> {
        check_plain(name)?;
        Ok(self.folder.join(name))
    }

    /// The names of the entries of one kind, sorted.
    fn names(&self, kind: impl Fn(&FileType) -> bool) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if !kind(&entry.file_type()?) {
                continue;
            }
            // A name that isn't UTF-8 is never one of ours.
            if let Ok(name) = entry.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Refuses a name that would lead out of its directory.
pub(crate) fn check_plain(name: &str) -> io::Result<()> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("not a plain file name: {name:?}")));
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(FILE_MODE);
    options
}

fn write_zeros(file: &mut File, bytes: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_BYTES];
    let mut missing = bytes;
    while missing > 0 {
        let piece = usize::try_from(missing).map_or(ZEROS_BYTES, |missing| missing.min(ZEROS_BYTES));
        file.write_all(&zeros[..piece])?;
        missing -= piece as u64;
    }
    file.sync_all()
}

impl Disk for FolderDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.names(FileType::is_file)
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn DiskFile>> {
        let place = self.place(name)?;
        let mut file = private().create_new(true).open(&place)?;
        if let Err(error) = write_zeros(&mut file, bytes) {
            // Gives the space back at once; that this may fail too is of no weight, the first error is the news.
            let _ = fs::remove_file(&place);
            return Err(error);
        }
        self.sync_names()?;
        Ok(Box::new(RealFile { file }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile { file: private().open(self.place(name)?)? }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.place(from)?, self.place(to)?)?;
        self.sync_names()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.place(name)?)?;
        self.sync_names()
    }

    fn sync_names(&self) -> io::Result<()> {
        sync_folder(&self.folder)
    }

    fn read_small(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.place(name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut bytes = Vec::new();
        file.take(SMALL_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        check_small(name, bytes.len())?;
        Ok(Some(bytes))
    }

    fn write_small(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        check_small(name, bytes.len())?;
        let temporary = format!("{name}.tmp");
        let mut file = private().create(true).truncate(true).open(self.place(&temporary)?)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        self.rename(&temporary, name)
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        Ok(Arc::new(self.subfolder(name)?))
    }

    fn folders(&self) -> io::Result<Vec<String>> {
        self.names(FileType::is_dir)
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.place(name)?)?;
        self.sync_names()
    }

    fn link(&self, name: &str, into: &dyn Disk, as_name: &str) -> io::Result<bool> {
        use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
        check_plain(as_name)?;
        let Some(folder) = into.real_path() else { return Ok(false) };
        match fs::hard_link(self.place(name)?, folder.join(as_name)) {
            Ok(()) => into.sync_names().map(|()| true),
            // Some file systems have no links, and a system may refuse one to another user's file: a copy does.
            Err(error)
                if matches!(error.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn real_path(&self) -> Option<&Path> {
        Some(&self.folder)
    }
}

/// Refuses a file that is too large to be called small.
pub(crate) fn check_small(name: &str, bytes: usize) -> io::Result<()> {
    if bytes > SMALL_FILE_BYTES_MAX {
        let message = format!("{name} is larger than {SMALL_FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(())
}

struct RealFile {
    file: File,
}

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(&self.file, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
