//! Frames: how one payload lies in a segment, and how the payloads of one write lie together (a batch).
//!
//! The layout is drawn in `docs/formats/journal.md`. It must never know of files.

use crate::Position;

/// The bytes before each payload.
pub const FRAME_HEADER_BYTES: usize = 24;
/// The largest payload: 16 MiB. The smallest is one byte.
pub const FRAME_BYTES_MAX: usize = 16 << 20;
/// Each frame begins at a multiple of this.
pub(crate) const FRAME_ALIGN_BYTES: usize = 8;

/// The part of the header that its own check covers.
const CHECKED_BYTES: usize = 20;

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) payload_bytes: usize,
    /// How many bytes before this frame its batch begins; 0 for the first frame of a batch.
    pub(crate) batch_distance: usize,
    /// The check of the frame before, across segments.
    pub(crate) previous: u32,
    pub(crate) payload_crc: u32,
    /// The CRC of all the above, of the frame's position and of the journal's salt.
    pub(crate) check: u32,
}

impl FrameHeader {
    /// The header in `bytes`, when its check holds for this place and its values are possible.
    pub(crate) fn read(bytes: &[u8], salt: u64, position: Position) -> Option<FrameHeader> {
        let bytes = bytes.get(..FRAME_HEADER_BYTES)?;
        let payload_bytes = usize::try_from(u32_at(bytes, 0)).ok()?;
        let batch_distance = usize::try_from(u32_at(bytes, 4)).ok()?;
        let plausible = (1..=FRAME_BYTES_MAX).contains(&payload_bytes)
            && batch_distance.is_multiple_of(FRAME_ALIGN_BYTES)
            && u32_at(bytes, 16) == 0;
        // The cheap test comes first: the search for frames behind a damage calls this at each eighth byte.
        if !plausible || header_check(bytes, salt, position) != u32_at(bytes, CHECKED_BYTES) {
            return None;
        }
        Some(FrameHeader {
            payload_bytes,
            batch_distance,
            previous: u32_at(bytes, 8),
            payload_crc: u32_at(bytes, 12),
            check: u32_at(bytes, CHECKED_BYTES),
        })
    }

    /// How many bytes the whole frame takes, padding included.
    pub(crate) fn frame_bytes(&self) -> usize {
        frame_bytes(self.payload_bytes)
    }

    /// The payload, when `frame` (which begins with this header) is whole.
    pub(crate) fn payload<'a>(&self, frame: &'a [u8]) -> Option<&'a [u8]> {
        let padded = frame.get(FRAME_HEADER_BYTES..self.frame_bytes())?;
        (crc32fast::hash(padded) == self.payload_crc).then(|| &padded[..self.payload_bytes])
    }
}

/// How many bytes a frame with such a payload takes.
pub(crate) fn frame_bytes(payload_bytes: usize) -> usize {
    FRAME_HEADER_BYTES + payload_bytes.next_multiple_of(FRAME_ALIGN_BYTES)
}

fn header_check(header: &[u8], salt: u64, position: Position) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&position.to_le_bytes());
    hasher.update(&header[..CHECKED_BYTES]);
    hasher.finalize()
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// A payload is empty or larger than [`FRAME_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payload of {bytes} bytes is not within 1..={FRAME_BYTES_MAX}")]
pub struct PayloadSize {
    /// The payload's size.
    pub bytes: usize,
}

/// The frames of one write. Gathered without knowing their place, sealed when it is known.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where in `bytes` each frame begins.
    starts: Vec<usize>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a frame.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), PayloadSize> {
        let too_large = PayloadSize { bytes: payload.len() };
        if payload.is_empty() || payload.len() > FRAME_BYTES_MAX {
            return Err(too_large);
        }
        let payload_bytes = u32::try_from(payload.len()).map_err(|_| too_large)?;
        let start = self.bytes.len();
        self.starts.push(start);
        self.bytes.resize(start + FRAME_HEADER_BYTES, 0);
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(start + frame_bytes(payload.len()), 0);
        let payload_crc = crc32fast::hash(&self.bytes[start + FRAME_HEADER_BYTES..]);
        self.bytes[start..start + 4].copy_from_slice(&payload_bytes.to_le_bytes());
        self.bytes[start + 12..start + 16].copy_from_slice(&payload_crc.to_le_bytes());
        Ok(())
    }

    /// Forgets all frames and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
    }

    /// How many frames it has.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether it has no frame.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// How many bytes it will take in a segment.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn positions(&self, first: Position) -> Vec<Position> {
        self.starts.iter().map(|start| first + *start as u64).collect()
    }

    /// Completes the headers for a batch whose first frame lies at `first` and follows on the frame whose check is
    /// `previous`; returns the check of the last frame. May be called again for another place.
    pub(crate) fn seal(&mut self, salt: u64, first: Position, mut previous: u32) -> u32 {
        for &start in &self.starts {
            let header = &mut self.bytes[start..start + FRAME_HEADER_BYTES];
            // A batch is never larger than a segment, and a segment's size fits into 32 bits.
            let distance = u32::try_from(start).unwrap_or(u32::MAX);
            header[4..8].copy_from_slice(&distance.to_le_bytes());
            header[8..12].copy_from_slice(&previous.to_le_bytes());
            previous = header_check(header, salt, first + start as u64);
            header[CHECKED_BYTES..].copy_from_slice(&previous.to_le_bytes());
        }
        previous
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flipped_bit_and_each_other_place_unmakes_a_frame() {
        let mut batch = Batch::new();
        batch.push(b"hello").unwrap();
        batch.seal(7, 64, 3);
        let whole = |bytes: &[u8], salt, position| {
            FrameHeader::read(bytes, salt, position).is_some_and(|header| header.payload(bytes).is_some())
        };
        let bytes = batch.as_bytes().to_vec();
        assert!(whole(&bytes, 7, 64));
        assert!(!whole(&bytes, 7, 72));
        assert!(!whole(&bytes, 8, 64));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!whole(&flipped, 7, 64), "bit {bit}");
        }
    }

    #[test]
    fn payload_sizes_have_limits() {
        let mut batch = Batch::new();
        assert_eq!(batch.push(b""), Err(PayloadSize { bytes: 0 }));
        let large = vec![1; FRAME_BYTES_MAX + 1];
        assert_eq!(batch.push(&large), Err(PayloadSize { bytes: FRAME_BYTES_MAX + 1 }));
        assert!(batch.is_empty());
        batch.push(&large[1..]).unwrap();
        assert_eq!(batch.bytes(), FRAME_HEADER_BYTES + FRAME_BYTES_MAX);
    }
}
