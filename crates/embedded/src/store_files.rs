//! Files of the store: whole ones that are written once, and read at places. It must never know what is in them.

use std::io::{self, Write};
use std::sync::Arc;

use days::Source;
use journal::{Disk, DiskFile};

/// Writes a file as a whole, and syncs it. One that an earlier attempt left is replaced.
///
/// # Errors
/// The disk's own.
pub fn write_file(disk: &dyn Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    let file = create(disk, name)?;
    file.write_at(bytes, 0)?;
    file.sync()
}

/// Makes a file that grows as it is written. One that an earlier attempt left is replaced.
///
/// # Errors
/// The disk's own.
pub fn create(disk: &dyn Disk, name: &str) -> io::Result<Box<dyn DiskFile>> {
    match disk.create(name, 0) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(name)?;
            disk.create(name, 0)
        }
        other => other,
    }
}

/// Removes a file, if it is there.
///
/// # Errors
/// The disk's own.
pub fn remove(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Reads so many bytes, or says that the file ended.
///
/// # Errors
/// The disk's own, and [`io::ErrorKind::UnexpectedEof`].
pub fn read_exactly(file: &dyn DiskFile, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Reads a whole file.
///
/// # Errors
/// The disk's own.
pub fn read_whole(disk: &dyn Disk, name: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(name)?;
    let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
    read_exactly(file.as_ref(), 0, length)
}

/// A file that is written from its beginning to its end, in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;

/// Writes one piece after the other.
pub struct Sink {
    file: Box<dyn DiskFile>,
    written: u64,
    waiting: Vec<u8>,
    /// Called after each piece, with its size.
    paced: Box<dyn FnMut(usize) + Send>,
}

impl Sink {
    /// At the beginning of a new file. `paced` is called for each piece, and may take its time.
    pub fn new(file: Box<dyn DiskFile>, paced: Box<dyn FnMut(usize) + Send>) -> Self {
        Self { file, written: 0, waiting: Vec::new(), paced }
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        self.file.write_at(&self.waiting, self.written)?;
        self.written += self.waiting.len() as u64;
        (self.paced)(self.waiting.len());
        self.waiting.clear();
        Ok(())
    }

    /// Writes what waits and syncs the file.
    ///
    /// # Errors
    /// The disk's own.
    pub fn finish(mut self) -> io::Result<()> {
        self.write_waiting()?;
        self.file.sync()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE_BYTES {
            self.write_waiting()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct FileSource(Box<dyn DiskFile>);

impl Source for FileSource {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

/// A file of a day, to be read.
///
/// # Errors
/// The disk's own.
pub fn source(disk: &dyn Disk, name: &str) -> io::Result<Arc<dyn Source>> {
    Ok(Arc::new(FileSource(disk.open(name)?)))
}
