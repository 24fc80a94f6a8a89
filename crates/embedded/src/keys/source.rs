//! A run's file, open for reading, and its entries one after another. It must never answer a question.

use std::ops::ControlFlow;

use journal::DiskFile;

use crate::keys::block::{BLOCK_BYTES, Block};
use crate::keys::entry::Entry;
use crate::keys::error::{Damage, KeysError};
use crate::keys::header::{Fence, block_at};

/// How many bytes are read or written in one piece where a whole run is: 64 KiB.
pub const PIECE_BYTES: usize = 16 * BLOCK_BYTES;

/// Is told, for each piece of a run that was read or written, its bytes (64 KiB or little more): it may take its time, and
/// say that the work is to stop.
pub type Pace<'a> = &'a (dyn Fn(usize) -> ControlFlow<()> + 'a);

/// A pace that never waits.
pub const fn at_once(_: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Asks the pace.
pub fn keep_pace(pace: Pace<'_>, bytes: usize) -> Result<(), KeysError> {
    if pace(bytes).is_break() { Err(KeysError::Stopped) } else { Ok(()) }
}

/// A file that can be read.
pub struct Source {
    name: String,
    file: Box<dyn DiskFile>,
}

impl Source {
    pub fn new(name: String, file: Box<dyn DiskFile>) -> Source {
        Source { name, file }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn file(&self) -> &dyn DiskFile {
        self.file.as_ref()
    }

    pub fn disk_error(&self, error: std::io::Error) -> KeysError {
        KeysError::Disk { file: self.name.clone(), error }
    }

    pub fn damaged(&self, what: Damage) -> KeysError {
        KeysError::Damaged { file: self.name.clone(), what }
    }

    /// Fills `buffer`; a file that ends before is damaged.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), KeysError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.disk_error(error)),
                Ok(0) => return Err(self.damaged(Damage::Length)),
                Ok(read) => filled += read,
            }
        }
        Ok(())
    }

    /// Reads a part of the file piece by piece.
    pub fn read_pieces(
        &self,
        at: u64,
        bytes: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), KeysError>,
    ) -> Result<(), KeysError> {
        let mut buffer = vec![0; PIECE_BYTES];
        let mut done = 0;
        while done < bytes {
            let piece = usize::try_from(bytes - done).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            self.read(&mut buffer[..piece], at + done)?;
            each(&buffer[..piece])?;
            done += piece as u64;
        }
        Ok(())
    }

    /// Reads one block and checks its bytes.
    pub fn read_block(
        &self,
        block: u32,
        fence: &Fence,
        bytes: &mut [u8; BLOCK_BYTES],
    ) -> Result<(), KeysError> {
        self.read(bytes, block_at(block))?;
        self.check_block(block, fence, bytes)
    }

    /// Whether a block's bytes are those that were written.
    pub fn check_block(&self, block: u32, fence: &Fence, bytes: &[u8; BLOCK_BYTES]) -> Result<(), KeysError> {
        if crc32fast::hash(bytes) == fence.check { Ok(()) } else { Err(self.damaged(Damage::Block(block))) }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Goes through all entries of a run, in order.
pub struct Cursor<'a> {
    source: &'a Source,
    fences: &'a [Fence],
    pace: Pace<'a>,
    /// The next block to read.
    block: u32,
    entries: Vec<Entry>,
    next: usize,
    last: Option<Entry>,
    /// Blocks that were read and not yet unpacked.
    piece: Vec<u8>,
    unpacked: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(source: &'a Source, fences: &'a [Fence], pace: Pace<'a>) -> Cursor<'a> {
        let (entries, piece) = (Vec::new(), Vec::new());
        Cursor { source, fences, pace, block: 0, entries, next: 0, last: None, piece, unpacked: 0 }
    }

    /// The next entry; `None` behind the last.
    pub fn next(&mut self) -> Result<Option<Entry>, KeysError> {
        while self.next == self.entries.len() {
            let Some(fence) = self.fences.get(self.block as usize) else { return Ok(None) };
            self.unpack(fence)?;
        }
        let entry = self.entries[self.next];
        self.next += 1;
        Ok(Some(entry))
    }

    /// Unpacks one block and sees that its entries come after all before them.
    fn unpack(&mut self, fence: &Fence) -> Result<(), KeysError> {
        if self.unpacked == self.piece.len() {
            self.read_piece()?;
        }
        let damaged = || self.source.damaged(Damage::Contradiction);
        let bytes =
            self.piece.get(self.unpacked..).and_then(|rest| rest.first_chunk()).ok_or_else(damaged)?;
        self.source.check_block(self.block, fence, bytes)?;
        self.entries.clear();
        self.next = 0;
        let block = Block::read(bytes, fence.first).ok_or_else(damaged)?;
        block.read_all(&mut self.entries).ok_or_else(damaged)?;
        let begins_well = self.entries.first().is_some_and(|entry| entry.fingerprint() == fence.first);
        let in_order = self.last < self.entries.first().copied() && self.entries.is_sorted_by(|a, b| a < b);
        if !begins_well || !in_order {
            return Err(damaged());
        }
        self.last = self.entries.last().copied();
        self.block += 1;
        self.unpacked += BLOCK_BYTES;
        Ok(())
    }

    fn read_piece(&mut self) -> Result<(), KeysError> {
        let blocks = (self.fences.len() - self.block as usize).min(PIECE_BYTES / BLOCK_BYTES);
        self.piece.resize(blocks * BLOCK_BYTES, 0);
        self.unpacked = 0;
        self.source.read(&mut self.piece, block_at(self.block))?;
        keep_pace(self.pace, self.piece.len())
    }
}
