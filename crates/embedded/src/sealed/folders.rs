//! The folders of a store. It must never know what is in the files.

use std::io;
use std::sync::Arc;

use journal::Disk;

use crate::sealed::manifest::PartInfo;
use crate::sealed::part::{Holds, PartFiles, day_folder};

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
