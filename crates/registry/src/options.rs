//! The limits of a registry, and what follows from them for frames and segments.

use journal::Options;

use crate::commit::Bounds;
use crate::directory::Limits;
use crate::item::RecordAt;

/// Items are gathered into frames of this size: reading one item back reads its frame.
const ITEM_FRAME_BYTES: usize = 64 << 10;

/// The limits of a registry.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// The most items, over all engines.
    pub items_max: u64,
    /// The most accounts.
    pub accounts_max: usize,
    /// The most keys that are not revoked.
    pub keys_max: usize,
    /// The most users.
    pub users_max: usize,
    /// The most search engines.
    pub engines_max: usize,
    /// The size of a segment of the journal, in bytes: a multiple of 4,096.
    pub segment_bytes: u64,
    /// The journal is written anew when it has more outdated bytes than this, and more than others.
    pub outdated_bytes_max: u64,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            items_max: 10_000_000,
            accounts_max: 10_000,
            keys_max: 100_000,
            users_max: 100_000,
            engines_max: 100_000,
            segment_bytes: 8 << 20,
            outdated_bytes_max: 64 << 20,
        }
    }
}

impl RegistryOptions {
    pub(crate) fn journal(&self) -> Options {
        Options { segment_bytes: self.segment_bytes, ..Options::default() }
    }

    fn room_bytes(&self) -> usize {
        let room = self.segment_bytes.saturating_sub(journal::SEGMENT_HEADER_BYTES as u64);
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    pub(crate) fn item_frame_bytes(&self) -> usize {
        ITEM_FRAME_BYTES.min(self.room_bytes() / 8)
    }

    pub(crate) fn bounds(&self) -> Bounds {
        let Self { accounts_max, keys_max, users_max, engines_max, items_max, .. } = *self;
        // The writer fills at most half of a segment before a group's last frame.
        let frame_bytes_max = (self.room_bytes() / 2).saturating_sub(2 * journal::FRAME_HEADER_BYTES);
        let frame_bytes_max = frame_bytes_max.min(RecordAt::PAYLOAD_BYTES_MAX);
        Bounds {
            limits: Limits { accounts_max, keys_max, users_max, engines_max },
            items_max,
            frame_bytes_max,
        }
    }
}
