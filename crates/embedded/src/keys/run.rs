//! A run that is open: its fences and its filter in memory, its entries on disk. It never changes. It must never know
//! that there are other runs.

use std::sync::Arc;

use journal::Disk;

use crate::keys::block::{BLOCK_BYTES, Block};
use crate::keys::entry::Placed;
use crate::keys::error::{Damage, KeysError};
use crate::keys::filter::{Filter, LINE_BYTES, Line, folded_bytes};
use crate::keys::fingerprint::Fingerprint;
use crate::keys::header::{FENCE_BYTES, Fence, HEADER_BYTES, Header, RunInfo, run_name};
use crate::keys::source::{Cursor, Pace, Source};

/// An open run.
#[derive(Debug, Clone)]
pub struct Run {
    info: RunInfo,
    header: Header,
    source: Arc<Source>,
    fences: Arc<[Fence]>,
    filter: Option<Arc<Filter>>,
}

/// A block that was read last, for whoever may want the same block next.
pub struct LastBlock {
    block: Option<u32>,
    bytes: [u8; BLOCK_BYTES],
}

impl Default for LastBlock {
    fn default() -> Self {
        Self { block: None, bytes: [0; BLOCK_BYTES] }
    }
}

impl LastBlock {
    /// Before another run is looked at.
    pub const fn forget(&mut self) {
        self.block = None;
    }
}

impl Run {
    /// Opens a run without its filter. Header and fences are checked; blocks are when they are read.
    pub fn open(disk: &dyn Disk, mark: u64, listed: &RunInfo) -> Result<Run, KeysError> {
        let name = run_name(listed.number);
        let file = match disk.open(&name) {
            Ok(file) => file,
            Err(error) => return Err(KeysError::Disk { file: name, error }),
        };
        let source = Source::new(name, file);
        let mut bytes = [0; HEADER_BYTES];
        source.read(&mut bytes, 0)?;
        let header = Header::read(&bytes, mark, listed)?;
        if source.file().len().map_err(|error| source.disk_error(error))? != listed.bytes {
            return Err(source.damaged(Damage::Length));
        }
        let fences = read_fences(&source, &header)?;
        Ok(Run { info: *listed, header, source: Arc::new(source), fences: fences.into(), filter: None })
    }

    /// What there is to remember of it.
    pub const fn info(&self) -> &RunInfo {
        &self.info
    }

    /// How many lines its filter was written with.
    pub const fn filter_lines(&self) -> u32 {
        self.header.filter_lines
    }

    /// How often its filter is folded; 0 when there is none in memory.
    pub fn fold(&self) -> u32 {
        self.filter.as_ref().map_or(0, |filter| filter.fold())
    }

    /// How many bytes of memory it takes.
    pub fn memory_bytes(&self) -> u64 {
        folded_bytes(self.header.filter_lines, self.fold())
            + self.fences.len() as u64 * size_of::<Fence>() as u64
    }

    /// The same run with its filter folded so often; 0 for none. Reads the filter again if it has to.
    pub fn with_fold(&self, fold: u32) -> Result<Run, KeysError> {
        let filter = match &self.filter {
            Some(filter) if filter.fold() == fold => Some(filter.clone()),
            _ if fold == 0 => None,
            _ => Some(Arc::new(self.read_filter(fold)?)),
        };
        Ok(Run { filter, ..self.clone() })
    }

    fn filter_bytes(&self) -> u64 {
        u64::from(self.header.filter_lines) * LINE_BYTES as u64
    }

    fn read_filter(&self, fold: u32) -> Result<Filter, KeysError> {
        let mut filter = Filter::new(self.header.filter_lines, fold);
        let mut check = crc32fast::Hasher::new();
        let mut place = 0;
        self.source.read_pieces(self.header.filter_at(), self.filter_bytes(), |piece| {
            check.update(piece);
            let (lines, _) = piece.as_chunks();
            for line in lines {
                filter.push(place, &Line::from_bytes(line));
                place += 1;
            }
            Ok(())
        })?;
        if check.finalize() == self.header.filter_check {
            Ok(filter)
        } else {
            Err(self.source.damaged(Damage::Filter))
        }
    }

    /// Whether the filter lets a fingerprint pass.
    pub fn may_contain(&self, fingerprint: Fingerprint) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.may_contain(fingerprint))
    }

    /// Tells the days of a fingerprint, first to last, whatever the filter says.
    pub fn find(
        &self,
        wanted: Fingerprint,
        last: &mut LastBlock,
        found: &mut impl FnMut(i32),
    ) -> Result<(), KeysError> {
        // The block before the first fence that is not less may end with it, and the days of one fingerprint may fill
        // blocks.
        let before = self.fences.partition_point(|fence| fence.first < wanted).saturating_sub(1);
        self.find_from(before, wanted, last, found)
    }

    fn find_from(
        &self,
        block: usize,
        wanted: Fingerprint,
        last: &mut LastBlock,
        found: &mut impl FnMut(i32),
    ) -> Result<(), KeysError> {
        for (place, fence) in self.fences.iter().enumerate().skip(block) {
            if fence.first > wanted {
                break;
            }
            let place = u32::try_from(place).map_err(|_| self.source.damaged(Damage::Contradiction))?;
            if last.block != Some(place) {
                last.block = None;
                self.source.read_block(place, fence, &mut last.bytes)?;
                last.block = Some(place);
            }
            Block::read(&last.bytes, fence.first)
                .and_then(|block| block.find(wanted, found))
                .ok_or_else(|| self.source.damaged(Damage::Contradiction))?;
        }
        Ok(())
    }

    /// Tells the places of all fingerprints that are here, with their days. `wanted` is sorted, so each block is read
    /// once at most.
    pub fn find_sorted(
        &self,
        wanted: &[Placed],
        found: &mut impl FnMut(usize, i32),
    ) -> Result<(), KeysError> {
        let mut last = LastBlock::default();
        let mut block = 0;
        for placed in wanted {
            let wanted = placed.fingerprint();
            if self.may_contain(wanted) {
                block += behind(&self.fences[block..], wanted).saturating_sub(1);
                self.find_from(block, wanted, &mut last, &mut |day| found(placed.place(), day))?;
            }
        }
        Ok(())
    }

    /// All entries, in order.
    pub fn cursor<'a>(&'a self, pace: Pace<'a>) -> Cursor<'a> {
        Cursor::new(&self.source, &self.fences, pace)
    }

    /// The check of its filter as the file has it, and as the header wants it.
    pub fn filter_checks(&self) -> Result<(u32, u32), KeysError> {
        let mut check = crc32fast::Hasher::new();
        self.source.read_pieces(self.header.filter_at(), self.filter_bytes(), |piece| {
            check.update(piece);
            Ok(())
        })?;
        Ok((check.finalize(), self.header.filter_check))
    }

    /// An error that names its file.
    pub fn damaged(&self, what: Damage) -> KeysError {
        self.source.damaged(what)
    }
}

/// How many of the fences are less than a fingerprint, when that is few: looks ever further ahead.
fn behind(fences: &[Fence], wanted: Fingerprint) -> usize {
    let less = |fence: &Fence| fence.first < wanted;
    let mut ahead = 1;
    while fences.get(ahead).is_some_and(less) {
        ahead *= 2;
    }
    let known = ahead / 2;
    let end = fences.len().min(ahead + 1);
    known + fences[known..end].partition_point(less)
}

fn read_fences(source: &Source, header: &Header) -> Result<Vec<Fence>, KeysError> {
    let mut fences = Vec::with_capacity(header.blocks as usize);
    let mut check = crc32fast::Hasher::new();
    let bytes = u64::from(header.blocks) * FENCE_BYTES as u64;
    source.read_pieces(header.fences_at(), bytes, |piece| {
        check.update(piece);
        let (each, _) = piece.as_chunks();
        fences.extend(each.iter().copied().map(Fence::from_bytes));
        Ok(())
    })?;
    if check.finalize() != header.fences_check || !fences.is_sorted_by_key(|fence| fence.first) {
        return Err(source.damaged(Damage::Fences));
    }
    Ok(fences)
}
