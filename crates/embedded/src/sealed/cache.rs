//! Postings and visitors in memory: as many as the configuration allows, those that were asked for last. It must never know
//! what they say.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use clicks::StoreError;

use crate::sealed::part::{Loads, Part};

/// A section in memory.
pub type SectionBytes = Arc<Vec<u8>>;

/// Sections of the indexes of many parts.
pub struct IndexCache {
    bytes_max: usize,
    bytes: AtomicUsize,
    clock: AtomicU64,
    loaded: Mutex<Vec<(Weak<Part>, Loads)>>,
}

impl IndexCache {
    /// A cache of at most so many bytes, but for those of the part that is being read.
    pub const fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: AtomicUsize::new(0),
            clock: AtomicU64::new(0),
            loaded: Mutex::new(Vec::new()),
        }
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A section of a part.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it can't be read.
    pub fn get(&self, part: &Arc<Part>, loads: Loads) -> Result<SectionBytes, StoreError> {
        let asked = self.clock.fetch_add(1, Ordering::Relaxed);
        part.loaded(loads).asked.store(asked, Ordering::Relaxed);
        if let Some(bytes) = part.loaded(loads).get() {
            return Ok(bytes);
        }
        let read = part.load(loads).map_err(|error| part.files().index_damage(error));
        let bytes = Arc::new(read?);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(others) = part.loaded(loads).get() {
            return Ok(others);
        }
        self.make_room(&mut loaded, bytes.len());
        if bytes.len() <= self.bytes_max {
            part.loaded(loads).set(Some(Arc::clone(&bytes)));
            loaded.push((Arc::downgrade(part), loads));
        }
        let in_memory = |(part, loads): &(Weak<Part>, Loads)| part.upgrade()?.loaded(*loads).get();
        let all: usize = loaded.iter().filter_map(in_memory).map(|bytes| bytes.len()).sum();
        self.bytes.store(all, Ordering::Relaxed);
        Ok(bytes)
    }

    /// Lets those go that were not asked for the longest, until so many more bytes have room.
    fn make_room(&self, loaded: &mut Vec<(Weak<Part>, Loads)>, more: usize) {
        if self.bytes().saturating_add(more) <= self.bytes_max {
            return;
        }
        let part = |(part, loads): &(Weak<Part>, Loads)| Some((part.upgrade()?, *loads));
        let mut parts: Vec<(Arc<Part>, Loads)> = loaded.iter().filter_map(part).collect();
        parts.sort_by_key(|(part, loads)| Reverse(part.loaded(*loads).asked.load(Ordering::Relaxed)));
        let (mut bytes, room) = (0, self.bytes_max.saturating_sub(more));
        parts.retain(|(part, loads)| {
            bytes += part.loaded(*loads).get().map_or(0, |postings| postings.len());
            let stays = bytes <= room;
            if !stays {
                part.loaded(*loads).set(None);
            }
            stays
        });
        *loaded = parts.iter().map(|(part, loads)| (Arc::downgrade(part), *loads)).collect();
    }
}
