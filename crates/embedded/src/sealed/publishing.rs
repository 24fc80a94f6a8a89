//! Publishing: the manifest names in one step what was written, and the files that it names no longer go. Kill it anywhere:
//! the old state or the new. It must never write a part.

use std::collections::BTreeSet;
use std::sync::Arc;

use journal::Disk;

use crate::index::counts::counts_name;
use crate::index::file::{IndexFile, Owner, index_name};
use crate::keys::run_name;
use crate::sealed::manifest::{MANIFEST_NAME, Manifest, PartInfo};
use crate::sealed::part::{Holds, Part, day_folder, new_part_name, part_name};
use crate::sealed::sealing::Sealer;
use crate::sealed::{DayParts, SealError, Sealed};
use crate::store_files::{remove, write_file};

/// A part that was written, and what it takes the place of.
pub struct Written {
    pub holds: Holds,
    pub info: PartInfo,
    /// The numbers of the parts whose rows it has; its own place is that of the first.
    pub replaces: Vec<u32>,
}

impl Sealer {
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
        write_manifest(self.folders.root.as_ref(), &next)?;
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

    fn give_name(&self, part: &Written) -> Result<(), SealError> {
        let folder =
            self.folders.of(part.holds).folder(&day_folder(part.info.day)).map_err(SealError::renamed)?;
        let number = part.info.number;
        folder.rename(&new_part_name(number), &part_name(number)).map_err(SealError::renamed)
    }

    /// The days as they are with what was written, and without what is named no longer.
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
        if !self.manifest.searches.iter().all(|part| searches.contains(&part.number)) {
            // What goes from the files goes from memory.
            view.found = Arc::default();
        }
        for (number, day) in &mut view.days {
            let gone = day.clicks.extract_if(.., |part| !clicks.contains(&part.info().number));
            let gone = gone.filter(|part| !counted.contains(&part.info().number));
            gone.for_each(|part| view.counters.remove(*number, part.info().number));
            let gone = day.searches.extract_if(.., |part| !searches.contains(&part.info().number));
            gone.for_each(|part| view.search_counters.remove(*number, part.info().number));
        }
        written.iter().try_for_each(|part| self.add(part, &next.clicks, &mut view))?;
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

    /// Adds a part that was written to a view; `listed` are the parts of clicks in their order. Its index is read back from
    /// disk.
    fn add(&self, part: &Written, listed: &[PartInfo], view: &mut Sealed) -> Result<(), SealError> {
        let files = self.folders.part(part.holds, part.info).map_err(SealError::io("index"))?;
        let owner = Owner { part: part.info.number, check: part.info.check, names: self.manifest.names };
        let unread = |error| SealError::Damaged(format!("{}: {error}", files.index_name()));
        let index = IndexFile::open(self.folders.index.as_ref(), owner).map_err(unread)?;
        let day = view.days.entry(part.info.day).or_default();
        let new = Arc::new(Part::open(files.clone(), index).map_err(unread)?);
        let quarters = new.quarters().map_err(unread)?;
        match part.holds {
            Holds::Clicks => {
                view.counters.insert(part.info.day, part.info.number, &quarters);
                put_back(day, new, listed);
            }
            Holds::Searches => {
                view.search_counters.insert(part.info.day, part.info.number, &quarters);
                day.searches.push(new);
            }
        }
        Ok(())
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
fn put_back(day: &mut DayParts, part: Arc<Part>, listed: &[PartInfo]) {
    day.clicks.push(part);
    let place = |part: &Arc<Part>| listed.iter().position(|listed| listed.number == part.info().number);
    day.clicks.sort_by_cached_key(place);
}
