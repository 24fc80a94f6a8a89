//! The check block: a checksum of every byte of a file, verified before any decoder sees the byte.
//!
//! It stands between the page indexes and the footer, where Parquet leaves gaps to whoever wants one. Drawn in
//! `docs/formats/day.md`. It must never know what the bytes say.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use crate::error::Fault;
use crate::source::{Source, read_exactly};

/// One checksum guards this many bytes.
pub const CHECK_BLOCK_BYTES: usize = 4096;

const BLOCK_BYTES: u64 = CHECK_BLOCK_BYTES as u64;
/// After the checksums: guarded bytes u64, footer's checksum u32, the check block's own u32, magic.
const TAIL_BYTES: usize = 24;
const MAGIC: &[u8; 8] = b"CTCHECK1";
/// After the footer: its length u32, then Parquet's own magic.
const PARQUET_TAIL_BYTES: usize = 8;
const PARQUET_MAGIC: &[u8; 4] = b"PAR1";
/// A footer has some kilobytes; more than this is taken for damage before memory is asked for.
const FOOTER_BYTES_MAX: u64 = 1 << 28;

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn crc_at(bytes: &[u8], place: usize) -> Option<u32> {
    let bytes = bytes.get(place..place.checked_add(4)?)?;
    u32::try_from(number(bytes)).ok()
}

/// Passes bytes on to a sink and keeps their checksums; at the end it holds the footer back and puts the check block
/// before it.
pub struct CheckingSink<W> {
    sink: W,
    block: crc32fast::Hasher,
    filled: usize,
    checksums: Vec<u8>,
    passed: u64,
    /// What came after [`CheckingSink::hold`].
    held: Option<Vec<u8>>,
}

impl<W: Write> CheckingSink<W> {
    pub fn new(sink: W) -> Self {
        let block = crc32fast::Hasher::new();
        Self { sink, block, filled: 0, checksums: Vec::new(), passed: 0, held: None }
    }

    /// From now on bytes are held back: the page indexes and the footer follow.
    pub fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.sink.write_all(bytes)?;
        self.passed += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHECK_BLOCK_BYTES - self.filled));
            self.block.update(now);
            self.filled += now.len();
            if self.filled == CHECK_BLOCK_BYTES {
                self.end_block();
            }
            bytes = later;
        }
        Ok(())
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        self.checksums.extend_from_slice(&block.finalize().to_le_bytes());
        self.filled = 0;
    }

    /// Writes what was held back, the check block before the footer. Returns the sink, all bytes of the file and the
    /// check block's own checksum, which changes with every byte of the file.
    pub fn finish(mut self) -> io::Result<(W, u64, u32)> {
        let held = self.held.take().unwrap_or_default();
        let footer = held.len().checked_sub(PARQUET_TAIL_BYTES).and_then(|end| {
            let bytes = number(held.get(end..end + 4)?);
            end.checked_sub(usize::try_from(bytes).ok()?)
        });
        let footer = footer.ok_or_else(|| io::Error::other("the encoder wrote no footer"))?;
        self.pass(&held[..footer])?;
        if self.filled > 0 {
            self.end_block();
        }
        let mut check = std::mem::take(&mut self.checksums);
        check.extend_from_slice(&self.passed.to_le_bytes());
        check.extend_from_slice(&crc32fast::hash(&held[footer..]).to_le_bytes());
        let own = crc32fast::hash(&check);
        check.extend_from_slice(&own.to_le_bytes());
        check.extend_from_slice(MAGIC);
        self.sink.write_all(&check)?;
        self.sink.write_all(&held[footer..])?;
        let bytes = self.passed + (check.len() + held.len() - footer) as u64;
        Ok((self.sink, bytes, own))
    }
}

impl<W: Write> Write for CheckingSink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.held {
            Some(held) => held.extend_from_slice(bytes),
            None => self.pass(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// A file whose bytes are verified as they are read.
pub struct CheckedSource {
    source: Arc<dyn Source>,
    checksums: Vec<u8>,
    /// How many bytes the checksums guard.
    guarded: u64,
    /// The footer with Parquet's tail, already verified, and where it begins.
    footer: Bytes,
    footer_at: u64,
    own: u32,
}

impl CheckedSource {
    /// Reads and verifies the check block and the footer.
    pub fn open(source: Arc<dyn Source>, holds: &'static str) -> Result<Self, Fault> {
        let length = source.len()?;
        let footer_at = find_footer(&source, length)?;
        let footer_at = footer_at.ok_or(Fault::Foreign(holds))?;
        let footer = read_exactly(&source, footer_at, to_usize(length - footer_at)?)?;
        let tail_at = footer_at.checked_sub(TAIL_BYTES as u64).ok_or(Fault::Foreign(holds))?;
        let tail = read_exactly(&source, tail_at, TAIL_BYTES)?;
        if tail.get(16..) != Some(MAGIC) {
            return Err(Fault::Foreign(holds));
        }
        let guarded = number(&tail[..8]);
        let checksums_bytes = guarded.div_ceil(BLOCK_BYTES).checked_mul(4);
        if checksums_bytes.and_then(|bytes| guarded.checked_add(bytes)) != Some(tail_at) {
            return Err(Fault::damaged("its check block does not fit its length"));
        }
        let mut checksums = read_exactly(&source, guarded, to_usize(tail_at - guarded)?)?;
        let mut own = crc32fast::Hasher::new_with_initial(0);
        own.update(&checksums);
        own.update(&tail[..12]);
        let own = own.finalize();
        if crc_at(&tail, 12) != Some(own) {
            return Err(Fault::damaged("the check block's checksum is wrong"));
        }
        if crc_at(&tail, 8) != Some(crc32fast::hash(&footer)) {
            return Err(Fault::damaged("the footer's checksum is wrong"));
        }
        checksums.shrink_to_fit();
        Ok(Self { source, checksums, guarded, footer: footer.into(), footer_at, own })
    }

    /// The check block's own checksum: it stands for every byte of the file.
    pub const fn own(&self) -> u32 {
        self.own
    }

    /// Reads every guarded byte and verifies it.
    pub fn verify(&self) -> Result<(), Fault> {
        const PIECE_BYTES: u64 = 256 * BLOCK_BYTES;
        let mut start = 0;
        while start < self.guarded {
            let bytes = PIECE_BYTES.min(self.guarded - start);
            self.read(start, to_usize(bytes)?)?;
            start += bytes;
        }
        Ok(())
    }

    fn read(&self, start: u64, length: usize) -> Result<Bytes, Fault> {
        let end = start.checked_add(length as u64).ok_or_else(beyond)?;
        if start >= self.footer_at {
            let from = to_usize(start - self.footer_at)?;
            let to = from.checked_add(length).filter(|&to| to <= self.footer.len()).ok_or_else(beyond)?;
            return Ok(self.footer.slice(from..to));
        }
        if end > self.guarded {
            return Err(beyond());
        }
        let first_block = start / BLOCK_BYTES;
        let from = first_block * BLOCK_BYTES;
        let to = end.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES).min(self.guarded);
        let bytes = read_exactly(&self.source, from, to_usize(to - from)?)?;
        let mut place = to_usize(first_block * 4)?;
        for (number, block) in bytes.chunks(CHECK_BLOCK_BYTES).enumerate() {
            if crc_at(&self.checksums, place) != Some(crc32fast::hash(block)) {
                let at = from + (number * CHECK_BLOCK_BYTES) as u64;
                return Err(Fault::Damaged(format!("wrong checksum of the 4 KiB at byte {at}")));
            }
            place += 4;
        }
        let skipped = to_usize(start - from)?;
        Ok(Bytes::from(bytes).slice(skipped..skipped + length))
    }
}

fn beyond() -> Fault {
    Fault::damaged("it points outside itself")
}

fn to_usize(number: u64) -> Result<usize, Fault> {
    usize::try_from(number).map_err(|_| beyond())
}

/// Where the footer begins; `None` when there can't be one.
fn find_footer(source: &Arc<dyn Source>, length: u64) -> Result<Option<u64>, Fault> {
    let Some(tail_at) = length.checked_sub(PARQUET_TAIL_BYTES as u64) else { return Ok(None) };
    let tail = read_exactly(source, tail_at, PARQUET_TAIL_BYTES)?;
    let bytes = number(&tail[..4]);
    if &tail[4..] != PARQUET_MAGIC || bytes > FOOTER_BYTES_MAX {
        return Ok(None);
    }
    Ok(tail_at.checked_sub(bytes))
}

impl Length for CheckedSource {
    fn len(&self) -> u64 {
        self.footer_at + self.footer.len() as u64
    }
}

impl ChunkReader for CheckedSource {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        // Only who has no page index asks this way; one block at a time is enough for a header.
        let end = if start >= self.footer_at { Length::len(self) } else { self.guarded };
        let length = end.saturating_sub(start).min(BLOCK_BYTES);
        Ok(self.get_bytes(start, usize::try_from(length)?)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.read(start, length).map_err(ParquetError::from)
    }
}
