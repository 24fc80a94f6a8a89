//! Sealing: what was recorded becomes Parquet files, and the journal may forget it. Files are written and synced first,
//! then the manifest names them in one step, then they get their names. Kill it anywhere: the old state or the new. It
//! must never touch what a reader has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use clicks::Search;
use journal::Disk;

use crate::index::counts::counts_name;
use crate::index::file::{IndexFile, Owner, index_name};
use crate::kept::{Frozen, Shared, read};
use crate::keys::{FingerprintKey, KeyKind, at_once, run_name, write_run};
use crate::recent::corrections::{LearnedRows, Origin};
use crate::recent::day::{Day, RowPlace, day_of};
use crate::sealed::manifest::{MANIFEST_NAME, Manifest, PartInfo};
use crate::sealed::moved::Moved;
use crate::sealed::names_log::NamesLog;
use crate::sealed::part::{ClickPart, Holds, PartFiles, SearchPart, day_folder, new_part_name, part_name};
use crate::sealed::writing::{Arriving, Merged, Rows, Target};
use crate::sealed::{DayParts, SealError, Sealed, hash_of};
use crate::store_files::{remove, write_file};

/// The folders of a store.
#[derive(Clone)]
pub struct Folders {
    pub root: Arc<dyn Disk>,
    pub clicks: Arc<dyn Disk>,
    pub searches: Arc<dyn Disk>,
    pub index: Arc<dyn Disk>,
    pub keys: Arc<dyn Disk>,
}

impl Folders {
    /// Opens them, and makes those that are missing.
    ///
    /// # Errors
    /// The disk's own.
    pub fn open(root: Arc<dyn Disk>) -> io::Result<Self> {
        let folder = |name| root.folder(name);
        Ok(Self {
            clicks: folder(Holds::Clicks.folder())?,
            searches: folder(Holds::Searches.folder())?,
            index: folder("index")?,
            keys: folder("keys")?,
            root: Arc::clone(&root),
        })
    }

    /// The folder of the days of clicks or searches.
    pub fn of(&self, holds: Holds) -> &Arc<dyn Disk> {
        match holds {
            Holds::Clicks => &self.clicks,
            Holds::Searches => &self.searches,
        }
    }

    /// The files of a part, in the folder of its day.
    ///
    /// # Errors
    /// The disk's own.
    pub fn part(&self, holds: Holds, info: PartInfo) -> io::Result<PartFiles> {
        let day = self.of(holds).folder(&day_folder(info.day))?;
        Ok(PartFiles { holds, info, day, index: Arc::clone(&self.index) })
    }
}

/// What changes when a sealing or a merging is done.
pub struct Change {
    pub sealed: Arc<Sealed>,
    pub moved: Moved,
    /// What was frozen is sealed now.
    pub sealed_frozen: bool,
}

/// The limits of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLimits {
    /// The most rows of one part: so many are in memory, about a hundred bytes each, while it is written.
    pub rows_max: usize,
    /// A day with so many parts is merged.
    pub parts_max: usize,
}

/// What seals: one at a time.
pub struct Sealer {
    pub folders: Folders,
    pub manifest: Manifest,
    pub names: NamesLog,
    pub key: FingerprintKey,
    pub limits: PartLimits,
    pub pace: Pace,
}

/// What holds the work up, or ends it.
#[derive(Clone)]
pub struct Pace {
    /// Called for each piece that merging writes, with its size in bytes; may take its time.
    pub merged: Arc<dyn Fn(usize) + Send + Sync>,
    /// Whether to break off.
    pub stopped: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Pace {
    /// Neither waits nor ends.
    pub fn at_once() -> Self {
        Self { merged: Arc::new(|_| {}), stopped: Arc::new(|| false) }
    }
}

/// A part that was written, and what it takes the place of.
pub(super) struct Written {
    pub(super) holds: Holds,
    pub(super) info: PartInfo,
    /// The numbers of the parts whose rows it has; its own place is that of the first.
    pub(super) replaces: Vec<u32>,
}

impl Sealer {
    /// Seals what is frozen.
    ///
    /// # Errors
    /// [`SealError`]. After [`SealError::UntilRestart`] nothing may be sealed any more.
    pub fn seal(&mut self, kept: &Shared, frozen: &Frozen) -> Result<Change, SealError> {
        self.names.write_new(kept)?;
        let sealed = Arc::clone(&read(kept).sealed);
        let (mut moved, mut written, mut keys) = (Moved::default(), Vec::new(), Vec::new());
        let learned = frozen.recent.corrections().learned();
        let waiting = self.waiting_rows(frozen);
        for (day, rows) in frozen.recent.days() {
            self.write_day(kept, frozen.freezing, (*day, rows), &waiting, &mut moved, &mut written)?;
        }
        for part in parts_to_correct(&sealed, &learned) {
            let number = self.manifest.take_number();
            let rows: Rows<'_> = Box::new(rows_of(&part, &learned, self.key)?);
            let info = self.write_part(kept, (number, part.info().day), rows, &mut moved, false)?;
            written.push(Written { holds: Holds::Clicks, info, replaces: vec![part.info().number] });
        }
        self.write_searches(frozen, &mut written, &mut keys)?;
        keys.extend(frozen.recent.ids().iter());
        keys.extend(waiting.iter().map(|(place, query)| (*query, place.day)));
        keys.sort_unstable();
        let number = u64::from(self.manifest.take_number());
        let run = write_run(self.folders.keys.as_ref(), &self.key, number, keys).map_err(|error| {
            SealError::Io { file: "keys".into(), error: io::Error::other(error.to_string()) }
        })?;
        let mut next = self.manifest.clone();
        next.runs.extend(run);
        next.begin = frozen.end;
        let sealed = self.publish(next, &sealed, &written)?;
        Ok(Change { sealed, moved, sealed_frozen: true })
    }

    /// Which rows of what is frozen wait, and for which search.
    fn waiting_rows(&self, frozen: &Frozen) -> HashMap<RowPlace, crate::keys::Fingerprint> {
        let waiting = frozen.recent.waiting().iter();
        waiting.flat_map(|(query, rows)| rows.into_iter().map(move |row| (row, query))).collect()
    }

    /// Writes one day of what is frozen as new parts.
    fn write_day(
        &mut self,
        kept: &Shared,
        freezing: u64,
        (day, rows): (i32, &Day),
        waiting: &HashMap<RowPlace, crate::keys::Fingerprint>,
        moved: &mut Moved,
        written: &mut Vec<Written>,
    ) -> Result<(), SealError> {
        let mut order: Vec<(i64, RowPlace)> = Vec::new();
        for (block, rows) in (0..).zip(rows.blocks()) {
            let at_ms = rows.counted.columns().at_ms;
            order.extend((0..).zip(at_ms).map(|(row, at_ms)| (*at_ms, RowPlace { day, block, row })));
        }
        // Places are in the order of recording.
        order.sort_by_key(|(at_ms, _)| *at_ms);
        for places in order.chunks(self.limits.rows_max.max(1)) {
            let number = self.manifest.take_number();
            let rows = places.chunks(256).flat_map(|page| {
                let kept = read(kept);
                let read = |(_, place): &(i64, RowPlace)| {
                    let block = rows
                        .block(place.block)
                        .ok_or_else(|| SealError::Damaged("a block is gone".into()))?;
                    let click = kept.names.click(&block.counted, &block.rest, place.row);
                    Ok(Arriving {
                        click: click.map_err(|error| SealError::Damaged(error.to_string()))?,
                        row: usize::try_from(place.row).ok().and_then(|row| block.counted.row(row)),
                        origin: Origin::Frozen { freezing, row: *place },
                        waits: waiting.get(place).map(|query| hash_of(*query)),
                    })
                };
                page.iter().map(read).collect::<Vec<_>>()
            });
            let info = self.write_part(kept, (number, day), Box::new(rows), moved, false)?;
            written.push(Written { holds: Holds::Clicks, info, replaces: Vec::new() });
        }
        Ok(())
    }

    pub(super) fn write_part(
        &self,
        kept: &Shared,
        (number, day): (u32, i32),
        rows: Rows<'_>,
        moved: &mut Moved,
        paced: bool,
    ) -> Result<PartInfo, SealError> {
        let folder = self.day_folder(Holds::Clicks, day)?;
        let mut target = self.target(number, day, folder.as_ref());
        if paced {
            target.pace = Arc::clone(&self.pace.merged);
        }
        target.write_clicks(kept, rows, |origin, row, waits| match origin {
            Origin::Frozen { freezing, row: place } if waits => moved.freeze((freezing, place), number, row),
            Origin::Frozen { .. } => {}
            Origin::Sealed { part, row: from } => moved.part((part, from), number, row),
        })
    }

    pub(super) fn day_folder(&self, holds: Holds, day: i32) -> Result<Arc<dyn Disk>, SealError> {
        let name = day_folder(day);
        self.folders.of(holds).folder(&name).map_err(SealError::io(name))
    }

    pub(super) fn target<'t>(&'t self, number: u32, day: i32, folder: &'t dyn Disk) -> Target<'t> {
        Target {
            number,
            day,
            folder,
            index: self.folders.index.as_ref(),
            names: self.manifest.names,
            pace: Arc::new(|_| {}),
            stopped: &*self.pace.stopped,
        }
    }

    fn write_searches(
        &mut self,
        frozen: &Frozen,
        written: &mut Vec<Written>,
        keys: &mut Vec<(crate::keys::Fingerprint, i32)>,
    ) -> Result<(), SealError> {
        let mut days: BTreeMap<i32, Vec<&crate::record::PackedSearch>> = BTreeMap::new();
        for packed in frozen.recent.searches().iter() {
            let at_ms = packed.at_ms().map_err(|error| SealError::Damaged(error.to_string()))?;
            days.entry(day_of(at_ms)).or_default().push(packed);
        }
        for (day, packed) in days {
            let unpack = |packed: &&crate::record::PackedSearch| packed.unpack();
            let searches: Result<Vec<Search>, _> = packed.iter().map(unpack).collect();
            let mut searches = searches.map_err(|error| SealError::Damaged(error.to_string()))?;
            let order =
                |search: &Search| (search.at_ms, search.received_ms, search.account, search.id.clone());
            searches.sort_by_cached_key(order);
            let of = |search: &Search| self.key.of(KeyKind::SearchId, search.account, &search.id);
            keys.extend(searches.iter().map(|search| (of(search), day)));
            let folder = self.day_folder(Holds::Searches, day)?;
            let number = self.manifest.take_number();
            let target = self.target(number, day, folder.as_ref());
            let hashed = searches.into_iter().map(|search| {
                let hash = hash_of(of(&search));
                Ok((search, hash))
            });
            let info = target.write_searches(hashed)?;
            written.push(Written { holds: Holds::Searches, info, replaces: Vec::new() });
        }
        Ok(())
    }

    /// Merges the days that have become many parts, one after the other; `None` when there are none.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn merge(&mut self, kept: &Shared, parts_max: usize) -> Result<Option<Change>, SealError> {
        let sealed = Arc::clone(&read(kept).sealed);
        let Some(parts) = self.parts_to_merge(&sealed, parts_max) else { return Ok(None) };
        let mut moved = Moved::default();
        let number = self.manifest.take_number();
        let Some(day) = parts.first().map(|part| part.info().day) else { return Ok(None) };
        let none = Arc::new(LearnedRows::new());
        let rows: Result<Vec<Rows<'_>>, SealError> =
            parts.iter().map(|part| Ok(Box::new(rows_of(part, &none, self.key)?) as Rows<'_>)).collect();
        let info = self.write_part(kept, (number, day), Box::new(Merged::new(rows?)), &mut moved, true)?;
        let replaces = parts.iter().map(|part| part.info().number).collect();
        let written = [Written { holds: Holds::Clicks, info, replaces }];
        let sealed = self.publish(self.manifest.clone(), &sealed, &written)?;
        Ok(Some(Change { sealed, moved, sealed_frozen: false }))
    }

    /// Merges runs of keys, where they have become many; `None` when they have not.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn merge_keys(&mut self, kept: &Shared) -> Result<Option<Change>, SealError> {
        let sealed = Arc::clone(&read(kept).sealed);
        let Some(numbers) = sealed.keys.merge_plan() else { return Ok(None) };
        let number = u64::from(self.manifest.take_number());
        let failed = |error: crate::keys::KeysError| SealError::Io {
            file: "keys".into(),
            error: io::Error::other(error.to_string()),
        };
        let kept = |_, day| day >= sealed.kept_from;
        let merged = sealed.keys.merge(&numbers, number, kept, &at_once).map_err(failed)?;
        let mut next = self.manifest.clone();
        next.runs.retain(|run| !numbers.contains(&run.number));
        next.runs.extend(merged);
        let sealed = self.publish(next, &sealed, &[])?;
        Ok(Some(Change { sealed, moved: Moved::default(), sealed_frozen: false }))
    }

    /// Neighbours, in the order of recording, that are to be one part.
    fn parts_to_merge(&self, sealed: &Sealed, parts_max: usize) -> Option<Vec<Arc<ClickPart>>> {
        let rows_max = self.limits.rows_max as u64;
        sealed.days.values().find_map(|day| {
            let small = |part: &&Arc<ClickPart>| part.info().rows <= rows_max / 2;
            if day.clicks.iter().filter(small).count() < parts_max.max(2) {
                return None;
            }
            (0..day.clicks.len()).find_map(|from| {
                let mut rows = 0;
                let fit = day.clicks.iter().skip(from).take_while(|part| {
                    rows += part.info().rows;
                    rows <= rows_max
                });
                let parts: Vec<_> = fit.cloned().collect();
                (parts.len() >= 2).then_some(parts)
            })
        })
    }

    /// Makes the manifest name what was written, and returns the new view. Parts and runs that it names no longer go
    /// once nobody reads them.
    pub(super) fn publish(
        &mut self,
        mut next: Manifest,
        sealed: &Sealed,
        written: &[Written],
    ) -> Result<Arc<Sealed>, SealError> {
        next.names_end = self.names.end();
        for part in written {
            let listed = match part.holds {
                Holds::Clicks => &mut next.clicks,
                Holds::Searches => &mut next.searches,
            };
            let first = part.replaces.first();
            let place =
                listed.iter().position(|listed| Some(&listed.number) == first).unwrap_or(listed.len());
            listed.insert(place, part.info);
            listed.retain(|listed| !part.replaces.contains(&listed.number));
        }
        let view = self.view(&next, sealed, written)?;
        self.write_manifest(&next)?;
        let before = std::mem::replace(&mut self.manifest, next);
        for part in written {
            self.give_name(part)?;
        }
        self.let_go(&before, sealed);
        Ok(Arc::new(view))
    }

    /// Lets the files go that the manifest named before and names no longer. What can't be removed is removed at the
    /// next start.
    fn let_go(&self, before: &Manifest, sealed: &Sealed) {
        let numbers = |parts: &[PartInfo]| parts.iter().map(|part| part.number).collect::<BTreeSet<u32>>();
        let listed = [numbers(&self.manifest.clicks), numbers(&self.manifest.searches)];
        let parts = [(Holds::Clicks, &before.clicks), (Holds::Searches, &before.searches)];
        for ((holds, parts), listed) in parts.into_iter().zip(&listed) {
            for info in parts.iter().filter(|part| !listed.contains(&part.number)) {
                let day = sealed.days.get(&info.day);
                let is_open = match holds {
                    Holds::Clicks => day.and_then(|day| {
                        day.clicks.iter().find(|part| part.info() == *info).map(|part| part.replace())
                    }),
                    Holds::Searches => day.and_then(|day| {
                        day.searches.iter().find(|part| part.info() == *info).map(|part| part.replace())
                    }),
                };
                // One that is damaged was not opened.
                if is_open.is_none()
                    && let Ok(files) = self.folders.part(holds, *info)
                {
                    let _ = remove(files.day.as_ref(), &part_name(info.number));
                    let _ = remove(files.index.as_ref(), &index_name(info.number));
                }
            }
        }
        for counts in before.counts.iter().filter(|counts| !self.manifest.counts.contains(counts)) {
            let _ = remove(self.folders.index.as_ref(), &counts_name(counts.number));
        }
        let listed: BTreeSet<u64> = self.manifest.runs.iter().map(|run| run.number).collect();
        for run in before.runs.iter().filter(|run| !listed.contains(&run.number)) {
            // Whoever looks up in it has it open.
            let _ = remove(self.folders.keys.as_ref(), &run_name(run.number));
        }
    }

    fn write_manifest(&self, next: &Manifest) -> Result<(), SealError> {
        write_manifest(self.folders.root.as_ref(), next)
    }

    fn give_name(&self, part: &Written) -> Result<(), SealError> {
        let folder =
            self.folders.of(part.holds).folder(&day_folder(part.info.day)).map_err(SealError::renamed)?;
        let number = part.info.number;
        folder.rename(&new_part_name(number), &part_name(number)).map_err(SealError::renamed)
    }

    /// The days as they are with what was written, and without what is named no longer. Indexes are read back from
    /// disk.
    fn view(&self, next: &Manifest, sealed: &Sealed, written: &[Written]) -> Result<Sealed, SealError> {
        let mut view = sealed.clone();
        view.kept_from = next.kept_from.unwrap_or(i32::MIN);
        view.counts_from = next.counts_from.unwrap_or(i32::MIN);
        view.counted = next.counts.iter().map(|counts| counts.day).collect();
        let counted: BTreeSet<u32> = next.counts.iter().map(|counts| counts.number).collect();
        for gone in self.manifest.counts.iter().filter(|counts| !counted.contains(&counts.number)) {
            view.counters.remove(gone.day, gone.number);
        }
        let numbers = |parts: &[PartInfo]| parts.iter().map(|part| part.number).collect::<BTreeSet<u32>>();
        let (clicks, searches) = (numbers(&next.clicks), numbers(&next.searches));
        for (number, day) in &mut view.days {
            let gone = day.clicks.extract_if(.., |part| !clicks.contains(&part.info().number));
            let gone = gone.filter(|part| !counted.contains(&part.info().number));
            gone.for_each(|part| view.counters.remove(*number, part.info().number));
            day.searches.retain(|part| searches.contains(&part.info().number));
        }
        for part in written {
            let files = self.folders.part(part.holds, part.info).map_err(SealError::io("index"))?;
            let owner = Owner { part: part.info.number, check: part.info.check, names: self.manifest.names };
            let unread = |error| SealError::Damaged(format!("{}: {error}", files.index_name()));
            let index = IndexFile::open(self.folders.index.as_ref(), owner).map_err(unread)?;
            let day = view.days.entry(part.info.day).or_default();
            match part.holds {
                Holds::Clicks => {
                    let new = Arc::new(ClickPart::open(files.clone(), index).map_err(unread)?);
                    view.counters.insert(part.info.day, part.info.number, &new.quarters().map_err(unread)?);
                    put_back(day, new, &next.clicks);
                }
                Holds::Searches => day.searches.push(Arc::new(SearchPart::new(files, index))),
            }
        }
        let days = next.clicks.iter().chain(&next.searches).map(|part| part.day);
        let days: BTreeSet<i32> = days.collect();
        // Counts that could not be read stand for a day that is damaged.
        let counted = std::mem::take(&mut view.counted);
        let unread = |day: &i32| *day < sealed.kept_from && counted.contains(day);
        view.days.retain(|day, _| days.contains(day) || unread(day));
        view.counted = counted;
        view.has_damage = view.days.values().any(|day| day.damaged.is_some());
        let rows = |parts: &[PartInfo]| parts.iter().map(|part| part.rows).sum();
        (view.clicks, view.searches) = (rows(&next.clicks), rows(&next.searches));
        let known: BTreeSet<u64> = sealed.keys.listed().map(|run| run.number).collect();
        let listed: BTreeSet<u64> = next.runs.iter().map(|run| run.number).collect();
        let gone: Vec<u64> = known.difference(&listed).copied().collect();
        let come: Vec<_> = next.runs.iter().filter(|run| !known.contains(&run.number)).copied().collect();
        let keys =
            sealed.keys.changed(&gone, &come).map_err(|error| SealError::Damaged(error.to_string()))?;
        view.keys = Arc::new(keys);
        Ok(view)
    }
}

/// Replaces the manifest.
///
/// # Errors
/// [`SealError::Io`] while nothing has changed; [`SealError::UntilRestart`] when nobody knows whether it has.
pub fn write_manifest(root: &dyn Disk, manifest: &Manifest) -> Result<(), SealError> {
    let new = format!("{MANIFEST_NAME}.new");
    write_file(root, &new, manifest.to_text().as_bytes()).map_err(SealError::io(MANIFEST_NAME))?;
    root.rename(&new, MANIFEST_NAME).map_err(SealError::renamed)
}

/// Puts a part in its place: the order of a day's parts is that of the manifest.
fn put_back(day: &mut DayParts, part: Arc<ClickPart>, listed: &[PartInfo]) {
    day.clicks.push(part);
    let place = |part: &Arc<ClickPart>| listed.iter().position(|listed| listed.number == part.info().number);
    day.clicks.sort_by_cached_key(place);
}

/// The parts that have rows which have learned something.
fn parts_to_correct(sealed: &Sealed, learned: &LearnedRows) -> Vec<Arc<ClickPart>> {
    let numbers: BTreeSet<u32> = learned
        .keys()
        .filter_map(|origin| match origin {
            Origin::Sealed { part, .. } => Some(*part),
            Origin::Frozen { .. } => None,
        })
        .collect();
    let parts = sealed.days.values().flat_map(|day| &day.clicks);
    parts.filter(|part| numbers.contains(&part.info().number)).cloned().collect()
}

/// The rows of a part with what they have learned.
pub(super) fn rows_of<'a>(
    part: &'a Arc<ClickPart>,
    learned: &'a Arc<LearnedRows>,
    key: FingerprintKey,
) -> Result<impl Iterator<Item = Result<Arriving, SealError>> + 'a, SealError> {
    let waiting = part.waiting().ok();
    let waiting: Option<HashMap<u32, u32>> =
        waiting.map(|rows| rows.into_iter().map(|(hash, row)| (row, hash)).collect());
    let clicks = part.files().clicks()?.rows(0..part.info().rows);
    Ok((0_u32..).zip(clicks).map(move |(row, click)| {
        let mut click = click.map_err(|error| part.files().damage(error))?;
        let origin = Origin::Sealed { part: part.info().number, row };
        let learned = learned.get(&origin);
        if let Some(learned) = learned {
            learned.apply(&mut click);
        }
        let waits = match &waiting {
            Some(waiting) => waiting.get(&row).copied(),
            // Where the index can't tell, a click may wait: that its search is known does no harm.
            None => click.query_id.as_ref().map(|id| hash_of(key.of(KeyKind::Waiting, click.account, id))),
        };
        let waits = waits.filter(|_| learned.is_none());
        Ok(Arriving { click, row: None, origin, waits })
    }))
}
