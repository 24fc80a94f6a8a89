//! Opening the sealed days: finishes what a process that ended had begun, takes away what nothing names, and builds
//! anew what only makes answers fast. A day that is damaged is named, and the others are opened. It must never remove a
//! file that it does not know.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::sync::Arc;

use clicks::StoreError;
use journal::Disk;

use crate::index::build::build;
use crate::index::counters::{Counters, Quarters};
use crate::index::counts::{counts_name, counts_number, read_counts};
use crate::index::file::{IndexError, IndexFile, Owner, index_name, put_ids, write_index};
use crate::index::users::Marks;
use crate::keys::{
    FingerprintKey, KeyKind, Keys, KeysOptions, RunInfo, at_once, run_name, run_number, verify_run, write_run,
};
use crate::names::Names;
use crate::recent::day::Row;
use crate::recent::{row_of, row_of_search};
use crate::sealed::cache::IndexCache;
use crate::sealed::date::{date_of, day_of_date};
use crate::sealed::folders::Folders;
use crate::sealed::manifest::{CountsInfo, MANIFEST_NAME, Manifest, PartInfo};
use crate::sealed::names_log::{NamesLog, folder_name};
use crate::sealed::part::{Holds, Part, PartFiles, day_folder, new_part_name, part_name};
use crate::sealed::publishing::write_manifest;
use crate::sealed::sealing::{Pace, PartLimits, Sealer};
use crate::sealed::{DayParts, SealError, Sealed, hash_of};
use crate::store_files::read_whole;

/// How the sealed days are kept.
#[derive(Debug, Clone, Copy)]
pub struct SealedOptions {
    pub limits: PartLimits,
    /// How many bytes of postings and visitors are kept in memory.
    pub index_bytes_max: usize,
    /// How many bytes the filters of the keys may take.
    pub filter_bytes_max: u64,
    /// Whether every key is read before any is believed. That takes as long as there are many, so else a damaged block
    /// is found when somebody needs it.
    pub reads_keys: bool,
}

/// The sealed days of a store, open.
pub struct Opened {
    pub sealer: Sealer,
    pub sealed: Sealed,
    pub names: Names,
    /// Files that were built anew, and why.
    pub rebuilt: Vec<String>,
}

/// Opens what is sealed, or begins with nothing.
///
/// # Errors
/// [`SealError`] when the manifest is damaged or missing, or the disk fails.
pub fn open(root: Arc<dyn Disk>, options: &SealedOptions) -> Result<Opened, SealError> {
    let manifest = read_manifest(root.as_ref())?;
    let folders = Folders::open(root).map_err(SealError::io("the store's folders"))?;
    let key = FingerprintKey::from_bytes(&manifest.key);
    tidy(&folders, &manifest)?;
    let mut rebuilt = Vec::new();
    let (names_log, names, generation) = open_names(&folders, &manifest, &mut rebuilt)?;
    let sealer =
        Sealer { folders, manifest, names: names_log, key, limits: options.limits, pace: Pace::at_once() };
    let mut opening = Opening { sealer, names, rebuilt };
    if opening.sealer.manifest.names != generation {
        (opening.sealer.manifest.names, opening.sealer.manifest.names_end) = (generation, 0);
        write_manifest(opening.sealer.folders.root.as_ref(), &opening.sealer.manifest)?;
    }
    let sealed = opening.open_days(options)?;
    let Opening { sealer, names, rebuilt } = opening;
    Ok(Opened { sealer, sealed, names, rebuilt })
}

/// The manifest; a new one where there is no store yet.
fn read_manifest(root: &dyn Disk) -> Result<Manifest, SealError> {
    let found = root.read_small(MANIFEST_NAME).map_err(SealError::io(MANIFEST_NAME))?;
    if let Some(bytes) = found {
        let read = std::str::from_utf8(&bytes).ok().map(Manifest::from_text);
        return match read {
            Some(Ok(manifest)) => Ok(manifest),
            Some(Err(error)) => Err(SealError::Damaged(format!("{MANIFEST_NAME}: {error}"))),
            None => Err(SealError::Damaged(format!("{MANIFEST_NAME} is damaged"))),
        };
    }
    let folders = root.folders().map_err(SealError::io("the store's folder"))?;
    if folders.iter().any(|folder| ["journal", "clicks", "searches"].contains(&folder.as_str())) {
        return Err(SealError::Damaged(format!("{MANIFEST_NAME} is missing, though there are records")));
    }
    let mut key = [0; 16];
    for (half, value) in key.chunks_exact_mut(8).zip([random(), random()]) {
        half.copy_from_slice(&value.to_le_bytes());
    }
    let manifest = Manifest { next: 1, names: 1, key, ..Manifest::default() };
    write_manifest(root, &manifest)?;
    Ok(manifest)
}

/// A number that nobody can guess.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}

/// Gives files their names that have them by the manifest, and removes what it doesn't name.
///
/// # Errors
/// The disk's own.
pub fn tidy(folders: &Folders, manifest: &Manifest) -> Result<(), SealError> {
    for (holds, parts) in [(Holds::Clicks, &manifest.clicks), (Holds::Searches, &manifest.searches)] {
        let mut days: BTreeMap<String, HashSet<u32>> = BTreeMap::new();
        for part in parts {
            days.entry(day_folder(part.day)).or_default().insert(part.number);
        }
        let folder = folders.of(holds);
        for name in folder.folders().map_err(SealError::io(holds.folder()))? {
            if let Some(date) = name.strip_prefix("day=")
                && day_of_date(date).is_some()
            {
                let none = HashSet::new();
                let listed = days.get(&name).unwrap_or(&none);
                tidy_day(folder.as_ref(), &name, listed)
                    .map_err(SealError::io(format!("{}/{name}", holds.folder())))?;
            }
        }
    }
    let parts: BTreeSet<String> =
        manifest.clicks.iter().chain(&manifest.searches).map(|part| index_name(part.number)).collect();
    let runs: BTreeSet<String> = manifest.runs.iter().map(|run| run_name(run.number)).collect();
    let counts = manifest.counts.iter().map(|counts| counts_name(counts.number));
    let parts: BTreeSet<String> = parts.into_iter().chain(counts).collect();
    let ours =
        |name: &str| (name.starts_with("part-") && name.ends_with(".index")) || counts_number(name).is_some();
    remove_others(folders.index.as_ref(), &parts, ours).map_err(SealError::io("index"))?;
    let ours = |name: &str| run_number(name).is_some();
    remove_others(folders.keys.as_ref(), &runs, ours).map_err(SealError::io("keys"))
}

fn tidy_day(folder: &dyn Disk, name: &str, listed: &HashSet<u32>) -> io::Result<()> {
    let day = folder.folder(name)?;
    let (mut left, files) = (false, day.list()?);
    for file in &files {
        let number = file.strip_prefix("part-").and_then(|rest| {
            let rest = rest.strip_suffix(".new").unwrap_or(rest);
            rest.strip_suffix(".parquet")?.parse::<u32>().ok()
        });
        match number {
            Some(number) if listed.contains(&number) && *file == new_part_name(number) => {
                day.rename(file, &part_name(number))?;
                left = true;
            }
            Some(number) if listed.contains(&number) => left = true,
            Some(_) => day.remove(file)?,
            None => left = true,
        }
    }
    if left || !listed.is_empty() { Ok(()) } else { folder.remove_folder(name) }
}

fn remove_others(
    folder: &dyn Disk,
    listed: &BTreeSet<String>,
    ours: impl Fn(&str) -> bool,
) -> io::Result<()> {
    let others = folder.list()?.into_iter().filter(|name| ours(name) && !listed.contains(name));
    for name in others {
        folder.remove(&name)?;
    }
    Ok(())
}

/// The names, with their generation. Where they are damaged, another generation is begun.
fn open_names(
    folders: &Folders,
    manifest: &Manifest,
    rebuilt: &mut Vec<String>,
) -> Result<(NamesLog, Names, u32), SealError> {
    let folder = |generation: u32| {
        let name = folder_name(generation);
        folders.root.folder(&name).map_err(SealError::io(name))
    };
    let mut generation = manifest.names;
    let opened = NamesLog::open(folder(generation)?).map_err(Some).and_then(|opened| {
        // A journal that lost its end opens as well, with fewer names than indexes have numbers.
        if opened.0.end() < manifest.names_end { Err(None) } else { Ok(opened) }
    });
    let opened = match opened {
        Ok(opened) => opened,
        Err(Some(error @ (journal::OpenError::Io { .. } | journal::OpenError::Newer { .. }))) => {
            return Err(SealError::Damaged(format!("{}: {error}", folder_name(generation))));
        }
        Err(error) => {
            let reason = error.map_or_else(|| "names are missing".to_owned(), |error| error.to_string());
            rebuilt.push(format!("{}: {reason}", folder_name(generation)));
            generation += 1;
            // A generation that was begun before and not finished.
            remove_all(folder(generation)?.as_ref()).map_err(SealError::io(folder_name(generation)))?;
            NamesLog::open(folder(generation)?).map_err(|error| SealError::Damaged(error.to_string()))?
        }
    };
    let mine = folder_name(generation);
    let others = folders.root.folders().map_err(SealError::io("names"))?.into_iter();
    for name in others.filter(|name| name.starts_with("names-") && *name != mine) {
        // The old generation goes only once the manifest names the new one.
        if generation == manifest.names {
            let old = folders.root.folder(&name).map_err(SealError::io(&*name))?;
            remove_all(old.as_ref()).map_err(SealError::io(&*name))?;
            folders.root.remove_folder(&name).map_err(SealError::io(&*name))?;
        }
    }
    Ok((opened.0, opened.1, generation))
}

fn remove_all(folder: &dyn Disk) -> io::Result<()> {
    folder.list()?.iter().try_for_each(|name| folder.remove(name))
}

struct Opening {
    sealer: Sealer,
    names: Names,
    rebuilt: Vec<String>,
}

impl Opening {
    fn open_days(&mut self, options: &SealedOptions) -> Result<Sealed, SealError> {
        let mut days: BTreeMap<i32, DayParts> = BTreeMap::new();
        let keys = self.open_keys(options)?;
        let (mut counters, mut search_counters) = (Counters::default(), Counters::default());
        for info in self.sealer.manifest.searches.clone() {
            let files = self.files(Holds::Searches, info)?;
            let opened = self.open_part(files, &keys, &mut search_counters);
            let day = days.entry(info.day).or_default();
            match opened {
                Ok(part) => day.searches.push(Arc::new(part)),
                Err(SealError::Damaged(reason)) => day.damage(reason),
                Err(other) => return Err(other),
            }
        }
        for info in self.sealer.manifest.clicks.clone() {
            let files = self.files(Holds::Clicks, info)?;
            let opened = self.open_part(files, &keys, &mut counters);
            let day = days.entry(info.day).or_default();
            match opened {
                Ok(part) => day.clicks.push(Arc::new(part)),
                Err(SealError::Damaged(reason)) => day.damage(reason),
                Err(other) => return Err(other),
            }
        }
        for info in self.sealer.manifest.counts.clone() {
            match self.open_counts(info) {
                Ok(quarters) => counters.insert(info.day, info.number, &quarters),
                Err(SealError::Damaged(reason)) => days.entry(info.day).or_default().damage(reason),
                Err(other) => return Err(other),
            }
        }
        let rows = |parts: &[PartInfo]| parts.iter().map(|part| part.rows).sum();
        let has_damage = days.values().any(|day| day.damaged.is_some());
        Ok(Sealed {
            days,
            kept_from: self.sealer.manifest.kept_from.unwrap_or(i32::MIN),
            counts_from: self.sealer.manifest.counts_from.unwrap_or(i32::MIN),
            counted: self.sealer.manifest.counts.iter().map(|counts| counts.day).collect(),
            has_damage,
            counters,
            search_counters,
            keys: Arc::new(keys),
            cache: Arc::new(IndexCache::new(options.index_bytes_max)),
            found: Arc::default(),
            clicks: rows(&self.sealer.manifest.clicks),
            searches: rows(&self.sealer.manifest.searches),
        })
    }

    /// The counts of a removed day; there is nothing that they could be built of anew.
    fn open_counts(&mut self, info: CountsInfo) -> Result<Quarters, SealError> {
        let name = counts_name(info.number);
        let found = read_whole(self.sealer.folders.index.as_ref(), &name);
        let bytes = match found {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SealError::Damaged(format!("index/{name} is missing")));
            }
            Err(error) => return Err(SealError::Io { file: name, error }),
        };
        if crc32fast::hash(&bytes) != info.check {
            return Err(SealError::Damaged(format!("index/{name} is damaged")));
        }
        read_counts(&mut self.names, info.number, &bytes)
            .map_err(|error| SealError::Damaged(format!("index/{name}: {error}")))
    }

    fn files(&self, holds: Holds, info: PartInfo) -> Result<PartFiles, SealError> {
        self.sealer.folders.part(holds, info).map_err(SealError::io(day_folder(info.day)))
    }

    fn owner(&self, info: PartInfo) -> Owner {
        Owner { part: info.number, check: info.check, names: self.sealer.manifest.names }
    }

    fn open_keys(&mut self, options: &SealedOptions) -> Result<Keys, SealError> {
        let Sealer { folders, manifest, key, .. } = &self.sealer;
        let keys_options = KeysOptions { filter_bytes_max: options.filter_bytes_max };
        let open = |runs: &[RunInfo]| Keys::open(Arc::clone(&folders.keys), key, runs, keys_options);
        let read = |run: &RunInfo| verify_run(folders.keys.as_ref(), key, run, &at_once);
        let unread = if options.reads_keys { manifest.runs.as_slice() } else { &[] };
        match open(&manifest.runs).and_then(|keys| unread.iter().try_for_each(read).map(|()| keys)) {
            Ok(keys) => return Ok(keys),
            Err(error) => self.rebuilt.push(format!("keys: {error}")),
        }
        self.rebuild_keys()?;
        let runs = self.sealer.manifest.runs.clone();
        let folder = Arc::clone(&self.sealer.folders.keys);
        Keys::open(folder, &self.sealer.key, &runs, keys_options)
            .map_err(|error| SealError::Damaged(format!("keys: {error}")))
    }

    /// Reads every row's ids, and writes a run for each part.
    fn rebuild_keys(&mut self) -> Result<(), SealError> {
        let (mut runs, key) = (Vec::new(), self.sealer.key);
        let mut searches = HashSet::new();
        for info in self.sealer.manifest.searches.clone() {
            let mut entries = Vec::new();
            for search in self.files(Holds::Searches, info)?.searches()?.rows(0..info.rows) {
                let search = search.map_err(|error| SealError::Damaged(error.to_string()))?;
                let id = key.of(KeyKind::SearchId, search.account, &search.id);
                searches.insert(id);
                entries.push((id, info.day));
            }
            runs.extend(self.write_keys(entries)?);
        }
        for info in self.sealer.manifest.clicks.clone() {
            let mut entries = Vec::new();
            for click in self.files(Holds::Clicks, info)?.clicks()?.rows(0..info.rows) {
                let click = click.map_err(|error| SealError::Damaged(error.to_string()))?;
                if let Some(id) = &click.id {
                    entries.push((key.of(KeyKind::ClickId, click.account, id), info.day));
                }
                if let Some(id) = &click.query_id
                    && !searches.contains(&key.of(KeyKind::SearchId, click.account, id))
                {
                    entries.push((key.of(KeyKind::Waiting, click.account, id), info.day));
                }
            }
            runs.extend(self.write_keys(entries)?);
        }
        self.sealer.manifest.runs = runs;
        write_manifest(self.sealer.folders.root.as_ref(), &self.sealer.manifest)
    }

    fn write_keys(
        &mut self,
        mut entries: Vec<(crate::keys::Fingerprint, i32)>,
    ) -> Result<Option<RunInfo>, SealError> {
        entries.sort_unstable();
        let number = u64::from(self.sealer.manifest.take_number());
        write_run(self.sealer.folders.keys.as_ref(), &self.sealer.key, number, entries).map_err(|error| {
            SealError::Io { file: "keys".into(), error: io::Error::other(error.to_string()) }
        })
    }

    /// Opens a part, and adds what it counts. Its index is built anew where that is not there or can't be used.
    fn open_part(
        &mut self,
        files: PartFiles,
        keys: &Keys,
        counters: &mut Counters,
    ) -> Result<Part, SealError> {
        check_length(&files)?;
        let owner = self.owner(files.info);
        let folder = Arc::clone(&self.sealer.folders.index);
        let opened = IndexFile::open(folder.as_ref(), owner).and_then(|index| {
            let part = Part::open(files.clone(), index)?;
            let quarters = part.quarters()?;
            Ok((part, quarters))
        });
        let (part, quarters) = match opened {
            Ok(opened) => opened,
            Err(IndexError::Io(error)) => return Err(SealError::Io { file: files.index_name(), error }),
            Err(error) => {
                self.rebuilt.push(format!("{}: {error}", files.index_name()));
                let (rows, ids) = match files.holds {
                    Holds::Clicks => self.click_rows(&files, keys)?,
                    Holds::Searches => self.search_rows(&files)?,
                };
                self.write_index(&files, &rows, ids)?;
                let index = reopened(folder.as_ref(), owner, &files)?;
                let unread = |error| SealError::Damaged(format!("{}: {error}", files.index_name()));
                let part = Part::open(files.clone(), index).map_err(unread)?;
                let quarters = part.quarters().map_err(unread)?;
                (part, quarters)
            }
        };
        counters.insert(files.info.day, files.info.number, &quarters);
        Ok(part)
    }

    /// What is counted of a part's clicks, and which of them wait for a search.
    fn click_rows(&mut self, files: &PartFiles, keys: &Keys) -> Result<RowsAndIds, SealError> {
        let (mut rows, mut ids, key) = (Vec::new(), Vec::new(), self.sealer.key);
        for (row, click) in (0_u32..).zip(files.clicks()?.rows(0..files.info.rows)) {
            let click = click.map_err(|error| SealError::Damaged(error.to_string()))?;
            if let Some(id) = &click.query_id {
                let known = keys.contains(key.of(KeyKind::SearchId, click.account, id));
                if !known.map_err(|error| SealError::Damaged(error.to_string()))? {
                    ids.push((hash_of(key.of(KeyKind::Waiting, click.account, id)), row));
                }
            }
            rows.push(row_of(&mut self.names, &click, Marks::of_click(&click, &key)));
        }
        Ok((rows, ids))
    }

    /// What is counted of a part's searches, and their ids.
    fn search_rows(&mut self, files: &PartFiles) -> Result<RowsAndIds, SealError> {
        let (mut rows, mut ids, key) = (Vec::new(), Vec::new(), self.sealer.key);
        for (row, search) in (0_u32..).zip(files.searches()?.rows(0..files.info.rows)) {
            let search = search.map_err(|error| SealError::Damaged(error.to_string()))?;
            ids.push((hash_of(key.of(KeyKind::SearchId, search.account, &search.id)), row));
            rows.push(row_of_search(&mut self.names, &search, Marks::of_search(&search, &key)));
        }
        Ok((rows, ids))
    }

    fn write_index(
        &mut self,
        files: &PartFiles,
        rows: &[Row],
        ids: Vec<(u32, u32)>,
    ) -> Result<(), SealError> {
        self.sealer.names.write_names(&self.names)?;
        let sections = build(rows, files.holds.measure());
        let ids = put_ids(ids);
        let sections = sections.with_ids(&ids);
        write_index(self.sealer.folders.index.as_ref(), self.owner(files.info), sections)
            .map(drop)
            .map_err(SealError::io(files.index_name()))
    }
}

/// What is counted of some rows, and by which ids some of them are found.
type RowsAndIds = (Vec<Row>, Vec<(u32, u32)>);

fn reopened(folder: &dyn Disk, owner: Owner, files: &PartFiles) -> Result<IndexFile, SealError> {
    IndexFile::open(folder, owner)
        .map_err(|error| SealError::Damaged(format!("{}: {error}", files.index_name())))
}

/// A file that is missing or shorter than it was made is found before anybody asks.
fn check_length(files: &PartFiles) -> Result<(), SealError> {
    let name = part_name(files.info.number);
    let bytes = files.day.open(&name).and_then(|file| file.len());
    match bytes {
        Ok(bytes) if bytes == files.info.bytes => Ok(()),
        Ok(bytes) => Err(SealError::Damaged(format!(
            "{} has {bytes} bytes, and had {} when it was sealed",
            files.name(),
            files.info.bytes
        ))),
        Err(error) => Err(SealError::Damaged(format!("{}: {error}", files.name()))),
    }
}

impl DayParts {
    fn damage(&mut self, reason: String) {
        self.damaged.get_or_insert(reason);
    }

    /// Refuses a day that is damaged.
    ///
    /// # Errors
    /// [`StoreError::DamagedDay`].
    pub fn check(&self, day: i32) -> Result<(), StoreError> {
        let error = |reason: &String| StoreError::DamagedDay { day: date_of(day), reason: reason.clone() };
        self.damaged.as_ref().map_or(Ok(()), |reason| Err(error(reason)))
    }
}
