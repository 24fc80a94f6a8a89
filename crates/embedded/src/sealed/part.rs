//! A part: one Parquet file of a day, with its index. Its files are opened when they are read, so that years of days
//! don't hold thousands of open files. It must never change: what is written anew is another part.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clicks::{Click, Measure, Search, StoreError};
use days::{ClicksReader, SearchesReader};
use journal::Disk;

use crate::index::file::{IndexError, IndexFile, Section, index_name};
use crate::index::head::Head;
use crate::index::queries::Bits;
use crate::sealed::date::date_of;
use crate::sealed::manifest::PartInfo;
use crate::store_files::{remove, source};

/// Which rows a part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Clicks,
    Searches,
}

impl Holds {
    /// What they are counted as.
    pub const fn measure(self) -> Measure {
        match self {
            Self::Clicks => Measure::Clicks,
            Self::Searches => Measure::Searches,
        }
    }

    /// The folder of their days.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Clicks => "clicks",
            Self::Searches => "searches",
        }
    }
}

/// The folder of a day.
pub fn day_folder(day: i32) -> String {
    format!("day={}", date_of(day))
}

/// The name of a part's file.
pub fn part_name(number: u32) -> String {
    format!("part-{number:08}.parquet")
}

/// The name that it has until the store counts on it.
pub fn new_part_name(number: u32) -> String {
    format!("{}.new", part_name(number))
}

/// Where a part's files are.
#[derive(Clone)]
pub struct PartFiles {
    pub holds: Holds,
    pub info: PartInfo,
    pub day: Arc<dyn Disk>,
    pub index: Arc<dyn Disk>,
}

impl PartFiles {
    /// What it is called when something is wrong with it.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.holds.folder(), day_folder(self.info.day), part_name(self.info.number))
    }

    /// What its index is called.
    pub fn index_name(&self) -> String {
        format!("index/{}", index_name(self.info.number))
    }

    /// Says what is wrong with it.
    pub fn damage(&self, what: impl ToString) -> StoreError {
        StoreError::DamagedDay { day: date_of(self.info.day), reason: what.to_string() }
    }

    /// Says what is wrong with its index.
    pub fn index_damage(&self, what: impl std::fmt::Display) -> StoreError {
        self.damage(format!("{}: {what}", self.index_name()))
    }

    /// Opens its clicks.
    ///
    /// # Errors
    /// [`StoreError::DamagedDay`].
    pub fn clicks(&self) -> Result<ClicksReader, StoreError> {
        let reader = ClicksReader::open(self.source()?, &self.name()).map_err(|error| self.damage(error))?;
        self.check(reader.summary()).map(|()| reader)
    }

    /// Opens its searches.
    ///
    /// # Errors
    /// [`StoreError::DamagedDay`].
    pub fn searches(&self) -> Result<SearchesReader, StoreError> {
        let reader =
            SearchesReader::open(self.source()?, &self.name()).map_err(|error| self.damage(error))?;
        self.check(reader.summary()).map(|()| reader)
    }

    fn source(&self) -> Result<Arc<dyn days::Source>, StoreError> {
        let number = self.info.number;
        source(self.day.as_ref(), &part_name(number))
            // A process that ended may have left it under its new name.
            .or_else(|error| source(self.day.as_ref(), &new_part_name(number)).map_err(|_| error))
            .map_err(|error| self.damage(format!("{}: {error}", self.name())))
    }

    /// A whole file, but another one, is damage too.
    fn check(&self, found: &days::Summary) -> Result<(), StoreError> {
        if (found.rows, found.bytes, found.checksum) == (self.info.rows, self.info.bytes, self.info.check) {
            return Ok(());
        }
        Err(self.damage(format!("{} is not the file that was sealed", self.name())))
    }
}

/// Removes a part's files once nobody reads them any more.
struct Removal {
    files: PartFiles,
    replaced: AtomicBool,
}

impl Drop for Removal {
    fn drop(&mut self) {
        if !self.replaced.load(Ordering::Relaxed) {
            return;
        }
        let day = remove(self.files.day.as_ref(), &part_name(self.files.info.number));
        let index = remove(self.files.index.as_ref(), &index_name(self.files.info.number));
        // What can't be removed now is a leftover that the next start removes.
        let _: (io::Result<()>, io::Result<()>) = (day, index);
    }
}

/// A part of a day's clicks, or of its searches.
pub struct Part {
    removal: Removal,
    index: IndexFile,
    head: Head,
    postings: Loaded,
    users: Loaded,
    figures: Loaded,
    customs: Loaded,
    queries: Loaded,
    /// Of searches: which of them sealed clicks name, as far as was asked.
    joined: Mutex<Joined>,
}

/// Which searches of a part are named by the clicks of some parts. None of these parts ever changes, so it holds as long as they
/// are there.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    /// The numbers of the parts of clicks, rising.
    pub with: Vec<u32>,
    /// By row.
    pub clicked: Arc<Bits>,
}

/// A section of an index that is in memory when there is room for it.
#[derive(Debug)]
pub struct Loaded {
    bytes: Mutex<Option<Arc<Vec<u8>>>>,
    /// When it was last asked for, in the cache's own count.
    pub asked: AtomicU64,
}

impl Loaded {
    const fn new() -> Self {
        Self { bytes: Mutex::new(None), asked: AtomicU64::new(0) }
    }

    /// Its bytes, if they are in memory.
    pub fn get(&self) -> Option<Arc<Vec<u8>>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps its bytes in memory, or lets them go.
    pub fn set(&self, bytes: Option<Arc<Vec<u8>>>) {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loads {
    Postings,
    Users,
    Figures,
    CustomResults,
    Queries,
}

impl Loads {
    const fn section(self) -> Section {
        match self {
            Self::Postings => Section::Postings,
            Self::Users => Section::Users,
            Self::Figures => Section::Figures,
            Self::CustomResults => Section::CustomResults,
            Self::Queries => Section::Queries,
        }
    }
}

impl Part {
    /// A part whose index is there.
    ///
    /// # Errors
    /// [`IndexError`] when it is not, or can't be used.
    pub fn open(files: PartFiles, index: IndexFile) -> Result<Self, IndexError> {
        let read = |section| index.read(files.index.as_ref(), section);
        let head = Head::read(&read(Section::Engines)?, &read(Section::Kinds)?).ok_or(IndexError::Damaged)?;
        if head.rows() != files.info.rows {
            return Err(IndexError::Damaged);
        }
        let removal = Removal { files, replaced: AtomicBool::new(false) };
        let [postings, users, figures, customs, queries] = [const { Loaded::new() }; 5];
        let joined = Mutex::default();
        Ok(Self { removal, index, head, postings, users, figures, customs, queries, joined })
    }

    /// Its files.
    pub const fn files(&self) -> &PartFiles {
        &self.removal.files
    }

    /// What the manifest says of it.
    pub const fn info(&self) -> PartInfo {
        self.removal.files.info
    }

    /// How many bytes its files take.
    pub const fn file_bytes(&self) -> u64 {
        self.info().bytes + self.index.file_bytes()
    }

    /// The head of its index.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Reads what its counters say.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn quarters(&self) -> Result<crate::index::counters::Quarters, IndexError> {
        let counters = self.index.read(self.files().index.as_ref(), Section::Counters)?;
        self.head.quarters(&counters).ok_or(IndexError::Damaged)
    }

    /// Its waiting clicks: hashes of query ids, and rows.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn waiting(&self) -> Result<Vec<(u32, u32)>, IndexError> {
        let ids = self.index.read(self.files().index.as_ref(), Section::Ids)?;
        Ok(crate::index::file::read_ids(&ids).collect())
    }

    /// The clicks that may wait for a search, by the hash of its id.
    ///
    /// # Errors
    /// [`StoreError::DamagedDay`].
    pub fn clicks_waiting(&self, hash: u32) -> Result<Vec<(u32, Click)>, StoreError> {
        // Without an index every click may.
        let rows =
            rows_with(self.files(), &self.index, hash).unwrap_or_else(|| (0..self.info().rows).collect());
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let clicks = self.files().clicks()?.rows_at(&rows);
        let numbered = rows.iter().zip(clicks).map(|(row, click)| {
            let row = u32::try_from(*row).unwrap_or(u32::MAX);
            Ok((row, click.map_err(|error| self.files().damage(error))?))
        });
        numbered.collect()
    }

    /// The searches that may have an id, by its hash.
    ///
    /// # Errors
    /// [`StoreError::DamagedDay`].
    pub fn searches_with(&self, hash: u32) -> Result<Vec<Search>, StoreError> {
        // Without an index any search may.
        let rows =
            rows_with(self.files(), &self.index, hash).unwrap_or_else(|| (0..self.info().rows).collect());
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let searches = self.files().searches()?.rows_at(&rows);
        searches.map(|search| search.map_err(|error| self.files().damage(error))).collect()
    }

    /// Its index is damaged: the next start builds it anew.
    pub fn forget_index(&self) {
        forget_index(self.files());
    }

    /// A section that may be in memory.
    pub const fn loaded(&self, loads: Loads) -> &Loaded {
        match loads {
            Loads::Postings => &self.postings,
            Loads::Users => &self.users,
            Loads::Figures => &self.figures,
            Loads::CustomResults => &self.customs,
            Loads::Queries => &self.queries,
        }
    }

    /// How many bytes a section takes in memory.
    pub fn section_bytes(&self, loads: Loads) -> usize {
        self.index.section_bytes(loads.section())
    }

    /// Reads a section that may be in memory.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn load(&self, loads: Loads) -> Result<Vec<u8>, IndexError> {
        self.index.read(self.files().index.as_ref(), loads.section())
    }

    /// About how many bytes of memory it takes, without the sections of its index.
    pub fn memory_bytes(&self) -> usize {
        let joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        let joined = joined.clicked.memory_bytes() + joined.with.capacity() * size_of::<u32>();
        size_of::<Self>() + self.head.memory_bytes() + joined
    }

    /// Which of its searches were found to be named by sealed clicks.
    pub fn joined(&self) -> Joined {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what was found of that.
    pub fn set_joined(&self, joined: Joined) {
        *self.joined.lock().unwrap_or_else(PoisonError::into_inner) = joined;
    }

    /// Another part has its rows now, or none: its files go once nobody reads them.
    pub fn replace(&self) {
        self.removal.replaced.store(true, Ordering::Relaxed);
    }
}

/// The rows that may have an id; `None` when the index can't be read.
fn rows_with(files: &PartFiles, index: &IndexFile, hash: u32) -> Option<Vec<u64>> {
    match index.rows_with(files.index.as_ref(), hash) {
        Ok(mut rows) => {
            rows.sort_unstable();
            Some(rows)
        }
        Err(_) => {
            forget_index(files);
            None
        }
    }
}

fn forget_index(files: &PartFiles) {
    // What can't be removed is found again, and then too nothing is lost but time.
    let _ = remove(files.index.as_ref(), &index_name(files.info.number));
}
