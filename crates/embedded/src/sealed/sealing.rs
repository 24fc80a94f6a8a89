//! Sealing: what was recorded becomes Parquet files, and the journal may forget it. Files are written and synced first,
//! then the manifest names them in one step, then they get their names. Kill it anywhere: the old state or the new. It
//! must never touch what a reader has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use clicks::Search;
use journal::Disk;

use crate::kept::{Frozen, Shared, read};
use crate::keys::{FingerprintKey, KeyKind, at_once, write_run};
use crate::recent::corrections::{LearnedRows, Origin};
use crate::recent::day::{Day, RowPlace, day_of};
use crate::sealed::folders::Folders;
use crate::sealed::manifest::{Manifest, PartInfo};
use crate::sealed::moved::Moved;
use crate::sealed::names_log::NamesLog;
use crate::sealed::part::{Holds, Part, day_folder};
use crate::sealed::publishing::Written;
use crate::sealed::writing::{Arriving, Merged, Rows, Target};
use crate::sealed::{SealError, Sealed, hash_of};

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
        self.write_searches(kept, frozen, &mut written, &mut keys)?;
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
        kept: &Shared,
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
            let info = target.write_searches(kept, hashed)?;
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
    fn parts_to_merge(&self, sealed: &Sealed, parts_max: usize) -> Option<Vec<Arc<Part>>> {
        let rows_max = self.limits.rows_max as u64;
        sealed.days.values().find_map(|day| {
            let small = |part: &&Arc<Part>| part.info().rows <= rows_max / 2;
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
}

/// The parts that have rows which have learned something.
fn parts_to_correct(sealed: &Sealed, learned: &LearnedRows) -> Vec<Arc<Part>> {
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
    part: &'a Arc<Part>,
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
