//! The postings in memory: as many as the configuration allows, those that were asked for last. It must never know what
//! they say.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clicks::StoreError;

use crate::sealed::part::ClickPart;

/// Postings of many parts.
pub struct PostingsCache {
    bytes_max: usize,
    bytes: AtomicUsize,
    clock: AtomicU64,
    loaded: Mutex<Vec<std::sync::Weak<ClickPart>>>,
}

impl PostingsCache {
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

    /// The postings of a part.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when they can't be read.
    pub fn get(&self, part: &Arc<ClickPart>) -> Result<Arc<Vec<u8>>, StoreError> {
        part.asked().store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        if let Some(postings) = part.postings() {
            return Ok(postings);
        }
        let read = part.read_postings().map_err(|error| part.files().index_damage(error));
        let postings = Arc::new(read?);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(others) = part.postings() {
            return Ok(others);
        }
        self.make_room(&mut loaded, postings.len());
        if postings.len() <= self.bytes_max {
            part.set_postings(Some(Arc::clone(&postings)));
            loaded.push(Arc::downgrade(part));
        }
        let bytes: usize = loaded
            .iter()
            .filter_map(std::sync::Weak::upgrade)
            .filter_map(|part| part.postings())
            .map(|postings| postings.len())
            .sum();
        self.bytes.store(bytes, Ordering::Relaxed);
        Ok(postings)
    }

    /// Lets the postings go that were not asked for the longest, until so many more have room.
    fn make_room(&self, loaded: &mut Vec<std::sync::Weak<ClickPart>>, more: usize) {
        if self.bytes().saturating_add(more) <= self.bytes_max {
            return;
        }
        let mut parts: Vec<Arc<ClickPart>> = loaded.iter().filter_map(std::sync::Weak::upgrade).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.asked().load(Ordering::Relaxed)));
        let (mut bytes, room) = (0, self.bytes_max.saturating_sub(more));
        parts.retain(|part| {
            bytes += part.postings().map_or(0, |postings| postings.len());
            let stays = bytes <= room;
            if !stays {
                part.set_postings(None);
            }
            stays
        });
        *loaded = parts.iter().map(Arc::downgrade).collect();
    }
}
