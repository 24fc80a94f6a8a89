//! Where bytes come from: the narrow door to whatever holds a file.

use std::io;
use std::sync::Arc;

/// A file that is read at places, by several threads at once.
#[expect(clippy::len_without_is_empty, reason = "a file's length is a question to the disk that can fail")]
pub trait Source: Send + Sync {
    /// The length in bytes.
    ///
    /// # Errors
    /// The disk's own.
    fn len(&self) -> io::Result<u64>;

    /// Reads into `buffer` from `offset` and returns how many bytes came; 0 only at the end of the file.
    ///
    /// # Errors
    /// The disk's own.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Source for Vec<u8> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.as_slice().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Reads exactly `count` bytes, or says that the file ended.
pub fn read_exactly(source: &Arc<dyn Source>, offset: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    while filled < count {
        match source.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
