//! Walking through the bytes of one segment: frame after frame, and a judgement of what lies behind the last whole one.
//!
//! It must never know of files, nor change a byte.

use crate::Position;
use crate::frame::{FRAME_ALIGN_BYTES, FrameHeader};
use crate::segment::{SEGMENT_HEADER_BYTES, SegmentHeader};

/// What lies behind the last whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing but zeros: the segment ends as it should.
    Clean,
    /// The rest of a batch that a crash tore while it was written; no byte from `rubbish_end` on differs from zero.
    Torn { rubbish_end: usize },
    /// A frame of a later batch. A batch is written only after the one before was synced, so the damage lies in bytes
    /// that had been synced.
    Damaged,
}

/// A walk through one segment.
pub(crate) struct Walk<'a> {
    header: SegmentHeader,
    bytes: &'a [u8],
    /// The end of the last whole frame.
    pub(crate) offset: usize,
    /// Where the batch of the last whole frame begins.
    pub(crate) batch_start: usize,
    /// The check of the last whole frame.
    pub(crate) previous: u32,
    pub(crate) frames: u64,
}

impl<'a> Walk<'a> {
    /// Begins behind the header block. `bytes` is the whole segment.
    pub(crate) fn new(header: SegmentHeader, bytes: &'a [u8]) -> Walk<'a> {
        let offset = SEGMENT_HEADER_BYTES;
        Walk { header, bytes, offset, batch_start: offset, previous: header.previous, frames: 0 }
    }

    /// The next frame, when it is whole and follows on the one before.
    pub(crate) fn next_frame(&mut self) -> Option<(Position, &'a [u8])> {
        let header = self.header_at(self.offset)?;
        let batch_start = self.offset - header.batch_distance;
        let begins_batch = header.batch_distance == 0;
        if header.previous != self.previous || !(begins_batch || batch_start == self.batch_start) {
            return None;
        }
        let payload = header.payload(&self.bytes[self.offset..])?;
        let position = self.header.position(self.offset as u64);
        self.offset += header.frame_bytes();
        self.batch_start = batch_start;
        self.previous = header.check;
        self.frames += 1;
        Some((position, payload))
    }

    /// Judges what lies behind the last whole frame. Only for a walk whose `next_frame` came to its end.
    pub(crate) fn tail(&self) -> Tail {
        let Some(rubbish_end) = self.rubbish_end() else { return Tail::Clean };
        let later_batch = self
            .places_behind()
            .any(|at| self.header_at(at).is_some_and(|header| at - header.batch_distance > self.offset));
        if later_batch { Tail::Damaged } else { Tail::Torn { rubbish_end } }
    }

    /// Goes on at the next frame that is whole in itself, wherever it is. For telling what is left, never for replay.
    pub(crate) fn resume(&mut self) -> bool {
        let next = self.places_behind().find_map(|at| {
            let header = self.header_at(at)?;
            header.payload(&self.bytes[at..])?;
            Some((at, header))
        });
        let Some((at, header)) = next else { return false };
        self.offset = at;
        self.batch_start = at - header.batch_distance;
        self.previous = header.previous;
        true
    }

    fn places_behind(&self) -> impl Iterator<Item = usize> + use<> {
        (self.offset + FRAME_ALIGN_BYTES..self.bytes.len()).step_by(FRAME_ALIGN_BYTES)
    }

    /// A header that is whole, and whose frame and batch would lie within the segment.
    fn header_at(&self, at: usize) -> Option<FrameHeader> {
        let header =
            FrameHeader::read(self.bytes.get(at..)?, self.header.salt, self.header.position(at as u64))?;
        let within = header.batch_distance <= at - SEGMENT_HEADER_BYTES
            && header.frame_bytes() <= self.bytes.len() - at;
        within.then_some(header)
    }

    /// The end of the last byte behind the frames that is not zero.
    fn rubbish_end(&self) -> Option<usize> {
        const PIECE_BYTES: usize = 4096;
        static ZEROS: [u8; PIECE_BYTES] = [0; PIECE_BYTES];
        let rest = &self.bytes[self.offset..];
        let mut end = rest.len();
        for piece in rest.rchunks(PIECE_BYTES) {
            if piece != &ZEROS[..piece.len()] {
                let last = piece.iter().rposition(|byte| *byte != 0)?;
                return Some(self.offset + end - piece.len() + last + 1);
            }
            end -= piece.len();
        }
        None
    }
}
