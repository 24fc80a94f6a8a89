//! Commit: decides on changes in their order, and makes visible what is durable. All of it runs on the writer's thread;
//! readers see a change only after its sync, and never wait for one.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use clicks::{EngineIndex, Hashid, Item, ItemDigest};
use hashbrown::HashMap;
use journal::{Committer, Position, Reader};

use crate::change::Change;
use crate::directory::{Directory, Limits};
use crate::error::RegistryError;
use crate::item::{ItemTable, Known, Place, PutItem, RecordAt, RemoveItem};
use crate::record::{self, ItemText, Record};

/// What readers see, and all that is known of the journal's content.
pub(crate) struct Visible {
    directory: RwLock<Directory>,
    pub(crate) items: ItemTable,
    /// A reader for even and one for odd generations: both are in use while the journal is written anew.
    readers: RwLock<[Option<Reader>; 2]>,
    /// Records in this generation, but for places, and their payloads' bytes.
    records: AtomicU64,
    bytes: AtomicU64,
}

impl Visible {
    pub(crate) fn new() -> Self {
        Self {
            directory: RwLock::new(Directory::default()),
            items: ItemTable::new(),
            readers: RwLock::new([None, None]),
            records: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn directory(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes changes visible. Returns the places that are gone with them: from here on nobody finds an item there, and
    /// [`ItemTable::forget`] makes room.
    pub(crate) fn apply<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) -> HashSet<Place> {
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        changes.into_iter().flat_map(|change| directory.apply(change)).collect()
    }

    pub(crate) fn reader(&self, odd_generation: bool) -> Option<Reader> {
        self.readers.read().unwrap_or_else(PoisonError::into_inner)[usize::from(odd_generation)].clone()
    }

    pub(crate) fn set_reader(&self, odd_generation: bool, reader: Option<Reader>) {
        self.readers.write().unwrap_or_else(PoisonError::into_inner)[usize::from(odd_generation)] = reader;
    }

    pub(crate) fn count(&self, records: u64, bytes: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn reset_counts(&self) {
        self.records.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// Bytes of records that are in force, and of those that are not: an estimate that takes all records as equally
    /// long, because the length of a replaced one is not kept.
    pub(crate) fn live_and_dead_bytes(&self) -> (u64, u64) {
        let directory = self.directory();
        let (accounts, keys, engines) = directory.counts();
        let live = (accounts + keys + directory.user_count() + engines + directory.retired()) as u64
            + self.items.len();
        drop(directory);
        let records = self.records.load(Ordering::Relaxed).max(1);
        let bytes = self.bytes.load(Ordering::Relaxed);
        let dead = u128::from(bytes) * u128::from(records.saturating_sub(live)) / u128::from(records);
        let dead = u64::try_from(dead).unwrap_or(bytes);
        (bytes - dead, dead)
    }
}

/// What is asked of the writer's thread.
pub(crate) enum Job {
    Change { change: Change, refused: Option<RegistryError>, frame_bytes: u64 },
    Items(ItemJob),
    Removals(RemovalJob),
}

/// Items of one place that are removed together.
pub(crate) struct RemovalJob {
    from: EngineIndex,
    digests: Vec<ItemDigest>,
    outcomes: Vec<RemoveItem>,
    place: Option<Place>,
    frame_bytes: u64,
}

/// Items that share a frame.
pub(crate) struct ItemJob {
    items: Vec<PreparedItem>,
    /// An upper bound of what their records take.
    bytes: usize,
    outcomes: Vec<PutItem>,
    writes: Vec<ItemWrite>,
    new_places: Vec<Change>,
    frame_bytes: u64,
}

/// An item with what can be worked out on the caller's thread.
pub(crate) struct PreparedItem {
    pub(crate) item: Item,
    pub(crate) digest: ItemDigest,
    pub(crate) content: u64,
    pub(crate) refused: Option<RegistryError>,
}

struct ItemWrite {
    digest: ItemDigest,
    place: Place,
    content: u64,
    offset: usize,
}

/// What a job came to.
pub(crate) enum Done {
    Change(Result<(), RegistryError>),
    Items(Vec<PutItem>),
    Removals(Vec<RemoveItem>),
}

impl Job {
    pub(crate) fn change(change: Change) -> Self {
        Self::Change { change, refused: None, frame_bytes: 0 }
    }

    pub(crate) fn removals(from: EngineIndex, digests: Vec<ItemDigest>) -> Self {
        let outcomes = Vec::with_capacity(digests.len());
        Self::Removals(RemovalJob { from, digests, outcomes, place: None, frame_bytes: 0 })
    }

    pub(crate) fn items(items: Vec<PreparedItem>, bytes: usize) -> Self {
        let outcomes = Vec::with_capacity(items.len());
        Self::Items(ItemJob {
            items,
            bytes,
            outcomes,
            writes: Vec::new(),
            new_places: Vec::new(),
            frame_bytes: 0,
        })
    }
}

/// What the record of a removed item takes: its kind and its digest.
pub(crate) const REMOVAL_BYTES: usize = 17;

/// How much may be kept, and how long a frame may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) limits: Limits,
    pub(crate) items_max: u64,
    pub(crate) frame_bytes_max: usize,
}

/// Decides, and makes visible.
pub(crate) struct Decider {
    visible: Arc<Visible>,
    bounds: Bounds,
    odd_generation: bool,
    /// What will be visible once the group is durable.
    decided: Directory,
    /// The same for items: the content of those that this group writes (`None`: removes), and how many there will be.
    decided_items: HashMap<(ItemDigest, Place), Option<u64>>,
    items: u64,
}

impl Decider {
    pub(crate) fn new(visible: Arc<Visible>, bounds: Bounds, odd_generation: bool) -> Self {
        let decided = visible.directory().clone();
        let items = visible.items.len();
        Self { visible, bounds, odd_generation, decided, decided_items: HashMap::new(), items }
    }

    fn stage_change(&mut self, change: &Change, frame: &mut Vec<u8>) -> Result<(), RegistryError> {
        self.decided.check(change, self.bounds.limits)?;
        record::begin(frame);
        record::write(frame, &change.record());
        if frame.len() > self.bounds.frame_bytes_max {
            frame.clear();
            return Err(RegistryError::Invalid { what: "the names are too long to be kept together" });
        }
        self.decided.apply(change);
        Ok(())
    }

    fn stage_items(&mut self, job: &mut ItemJob, frame: &mut Vec<u8>) {
        // Items of one index mostly come together: the place of the last one is tried first.
        let mut last: Option<(Hashid, &str, Place)> = None;
        let mut written: Option<Place> = None;
        for prepared in &job.items {
            let EngineIndex { engine, index } = &prepared.item.place;
            let known = match last {
                Some((hashid, name, place)) if hashid == *engine && name == index.as_str() => Some(place),
                _ => self.decided.place(*engine, index.as_str()),
            };
            let decision = match &prepared.refused {
                Some(refused) => Err(refused.clone()),
                None => self.decide(prepared, known),
            };
            let decision = decision.and_then(|wanted| match (wanted, known) {
                (Wanted::Nothing, _) => Ok(None),
                (Wanted::Write { is_new }, Some(place)) => Ok(Some((place, is_new))),
                (Wanted::Write { is_new }, None) => {
                    let opened = self.open_place(&prepared.item.place, &mut job.new_places);
                    opened.map(|place| Some((place, is_new)))
                }
            });
            let (place, is_new) = match decision {
                Ok(Some(decided)) => decided,
                Ok(None) => {
                    job.outcomes.push(PutItem::Duplicate);
                    continue;
                }
                Err(refused) => {
                    job.outcomes.push(PutItem::Refused(refused));
                    continue;
                }
            };
            last = Some((*engine, index.as_str(), place));
            let offset = write_item(frame, &prepared.item, written == Some(place));
            written = Some(place);
            self.decided_items.insert((prepared.digest, place), Some(prepared.content));
            self.items += u64::from(is_new);
            job.writes.push(ItemWrite { digest: prepared.digest, place, content: prepared.content, offset });
            job.outcomes.push(PutItem::Recorded);
        }
        job.frame_bytes = frame.len() as u64;
    }

    /// Whether the item is to be written.
    fn decide(&self, prepared: &PreparedItem, place: Option<Place>) -> Result<Wanted, RegistryError> {
        let kept = place.and_then(|place| self.kept(prepared.digest, place));
        match kept {
            Some(content) if content == prepared.content => Ok(Wanted::Nothing),
            None if self.items >= self.bounds.items_max => {
                Err(RegistryError::TooMany { what: "items", max: self.bounds.items_max })
            }
            kept => Ok(Wanted::Write { is_new: kept.is_none() }),
        }
    }

    /// The content of an item as it will be kept so far.
    fn kept(&self, digest: ItemDigest, place: Place) -> Option<u64> {
        let decided = self.decided_items.get(&(digest, place)).copied();
        decided.unwrap_or_else(|| self.visible.items.find(digest, place).map(|known| known.content))
    }

    fn stage_removals(&mut self, job: &mut RemovalJob, frame: &mut Vec<u8>) {
        job.place = self.decided.place(job.from.engine, job.from.index.as_str());
        for digest in &job.digests {
            let place = job.place.filter(|place| self.kept(*digest, *place).is_some());
            let Some(place) = place else {
                job.outcomes.push(RemoveItem::Missing);
                continue;
            };
            if frame.is_empty() {
                record::begin(frame);
                let index = job.from.index.as_str();
                record::write(frame, &Record::Place { engine: job.from.engine, index });
            }
            record::write(frame, &Record::ItemRemoved { digest: *digest });
            self.decided_items.insert((*digest, place), None);
            self.items -= 1;
            job.outcomes.push(RemoveItem::Removed);
        }
        job.frame_bytes = frame.len() as u64;
    }

    fn show_removals(&self, job: RemovalJob) -> Vec<RemoveItem> {
        let removed = |(_, outcome): &(&ItemDigest, &RemoveItem)| **outcome == RemoveItem::Removed;
        let gone = job.digests.iter().zip(&job.outcomes).filter(removed);
        let mut records = 0;
        for ((digest, _), place) in gone.zip(job.place.iter().cycle()) {
            self.visible.items.remove(*digest, *place);
            records += 1;
        }
        self.visible.count(records, job.frame_bytes);
        job.outcomes
    }

    /// Makes a change visible, and forgets the items that are gone with it.
    fn show_change(&mut self, change: &Change, frame_bytes: u64) {
        let gone = self.visible.apply([change]);
        if !gone.is_empty() {
            self.visible.items.forget(&gone);
        }
        self.visible.count(1, frame_bytes);
    }

    /// Adds an index that is not listed to its engine.
    fn open_place(
        &mut self,
        place: &EngineIndex,
        new_places: &mut Vec<Change>,
    ) -> Result<Place, RegistryError> {
        let change = Change::Index(place.clone());
        self.decided.check(&change, self.bounds.limits)?;
        self.decided.apply(&change);
        new_places.push(change);
        self.decided.place(place.engine, place.index.as_str()).ok_or(RegistryError::NoEngine)
    }

    fn show_items(&self, job: ItemJob, position: Option<Position>) -> Vec<PutItem> {
        let Some(position) = position else { return job.outcomes };
        if !job.new_places.is_empty() {
            self.visible.apply(&job.new_places);
        }
        self.visible.count(job.writes.len() as u64, job.frame_bytes);
        for ItemWrite { digest, place, content, offset } in job.writes {
            // A journal is written anew long before its positions outgrow 64 TiB, and a frame of items is a few KiB.
            let at = RecordAt::new(self.odd_generation, position, offset);
            debug_assert!(at.is_some(), "position {position}, offset {offset}");
            if let Some(at) = at {
                self.visible.items.put(digest, place, Known { content, at });
            }
        }
        job.outcomes
    }
}

/// What is to be done about an item.
enum Wanted {
    Write { is_new: bool },
    Nothing,
}

/// Adds an item to a frame, under a place of its own or the one that was written last. Returns its offset.
fn write_item(frame: &mut Vec<u8>, item: &Item, place_stands: bool) -> usize {
    if frame.is_empty() {
        record::begin(frame);
    }
    if !place_stands {
        let place = Record::Place { engine: item.place.engine, index: item.place.index.as_str() };
        record::write(frame, &place);
    }
    let offset = frame.len();
    let (title, link) = (item.title.as_deref(), item.link.as_deref());
    record::write(frame, &Record::Item(ItemText { doc_id: item.doc_id.as_str(), title, link }));
    offset
}

impl Committer for Decider {
    type Job = Job;
    type Done = Done;

    fn job_bytes(job: &Job) -> usize {
        // A change holds at most an engine with its names; most hold much less.
        const CHANGE_BYTES: usize = 1_024;
        match job {
            Job::Change { .. } => CHANGE_BYTES,
            Job::Items(job) => job.bytes + job.items.len() * size_of::<PreparedItem>(),
            Job::Removals(job) => CHANGE_BYTES + 2 * job.digests.len() * REMOVAL_BYTES,
        }
    }

    fn stage(&mut self, job: &mut Job, frame: &mut Vec<u8>) {
        match job {
            Job::Change { change, refused, frame_bytes } => {
                *refused = self.stage_change(change, frame).err();
                *frame_bytes = frame.len() as u64;
            }
            Job::Items(job) => self.stage_items(job, frame),
            Job::Removals(job) => self.stage_removals(job, frame),
        }
    }

    fn committed(&mut self, jobs: Vec<Job>, positions: &[Option<Position>], _end: Position) -> Vec<Done> {
        self.decided_items.clear();
        let done = jobs
            .into_iter()
            .zip(positions)
            .map(|(job, position)| match job {
                Job::Change { refused: Some(error), .. } => Done::Change(Err(error)),
                Job::Change { change, refused: None, frame_bytes } => {
                    self.show_change(&change, frame_bytes);
                    Done::Change(Ok(()))
                }
                Job::Items(job) => Done::Items(self.show_items(job, *position)),
                Job::Removals(job) => Done::Removals(self.show_removals(job)),
            })
            .collect();
        // With an index its items went, which nobody has counted.
        self.items = self.visible.items.len();
        done
    }

    /// Nothing of the group counts, so what is decided is again what is visible. No frame is too large, see
    /// [`Bounds::frame_bytes_max`]: a group fails as a whole.
    fn failed(&mut self, _jobs: &[Job]) {
        self.decided = self.visible.directory().clone();
        self.decided_items.clear();
        self.items = self.visible.items.len();
    }
}
