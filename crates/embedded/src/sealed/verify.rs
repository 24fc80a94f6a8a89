//! Verification of the sealed days: reads every file that the manifest names, and changes nothing. It must never decide
//! what may be done about what it finds.

use std::io;
use std::sync::Arc;

use clicks::StoreError;
use journal::Disk;

use crate::index::counts::counts_name;
use crate::index::file::{IndexFile, Owner, SECTIONS_ALL};
use crate::keys::{FingerprintKey, at_once, verify_run};
use crate::sealed::manifest::{CountsInfo, MANIFEST_NAME, Manifest, PartInfo};
use crate::sealed::names_log::folder_name;
use crate::sealed::part::{Holds, PartFiles, day_folder};
use crate::store_files::read_whole;

/// A file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFinding {
    /// The file, from the store's folder on.
    pub file: String,
    /// What is wrong.
    pub what: String,
}

/// What reading the sealed days came to.
#[derive(Debug, Default)]
pub struct VerifiedDays {
    pub manifest: Manifest,
    pub files: u64,
    pub bytes: u64,
    pub clicks: u64,
    pub searches: u64,
    pub findings: Vec<FileFinding>,
}

impl VerifiedDays {
    fn find(&mut self, file: impl Into<String>, what: impl ToString) {
        self.findings.push(FileFinding { file: file.into(), what: what.to_string() });
    }
}

/// Reads all that is sealed. `None` where there is no store yet.
///
/// # Errors
/// When the manifest itself can't be read.
pub fn verify_days(root: &Arc<dyn Disk>) -> io::Result<Option<VerifiedDays>> {
    let mut verified = VerifiedDays::default();
    let Some(bytes) = root.read_small(MANIFEST_NAME)? else {
        if root.folders()?.iter().any(|folder| folder == "journal" || folder == "clicks") {
            verified.find(MANIFEST_NAME, "it is missing, though there are records");
            return Ok(Some(verified));
        }
        return Ok(None);
    };
    verified.files = 1;
    verified.bytes = bytes.len() as u64;
    match Manifest::from_text(&String::from_utf8_lossy(&bytes)) {
        Ok(manifest) => verified.manifest = manifest,
        Err(error) => {
            verified.find(MANIFEST_NAME, error);
            return Ok(Some(verified));
        }
    }
    let manifest = verified.manifest.clone();
    let index = folder(root, "index")?;
    for (holds, parts) in [(Holds::Clicks, &manifest.clicks), (Holds::Searches, &manifest.searches)] {
        let days = folder(root, holds.folder())?;
        for info in parts {
            let day = days.as_ref().map_or(Ok(None), |days| folder(days, &day_folder(info.day)))?;
            match (day, &index) {
                (Some(day), Some(index)) => {
                    let files = PartFiles { holds, info: *info, day, index: Arc::clone(index) };
                    verify_part(&mut verified, &files, &manifest);
                }
                _ => verified.find(format!("{}/{}", holds.folder(), day_folder(info.day)), "it is missing"),
            }
        }
    }
    for CountsInfo { number, check, .. } in &manifest.counts {
        let name = counts_name(*number);
        verified.files += 1;
        match index.as_ref().map(|index| read_whole(index.as_ref(), &name)) {
            Some(Ok(bytes)) if crc32fast::hash(&bytes) == *check => verified.bytes += bytes.len() as u64,
            Some(Ok(_)) => verified.find(format!("index/{name}"), "it is not what was written"),
            Some(Err(error)) => verified.find(format!("index/{name}"), error),
            None => verified.find(format!("index/{name}"), "it is missing"),
        }
    }
    let key = FingerprintKey::from_bytes(&manifest.key);
    let keys = folder(root, "keys")?;
    for run in &manifest.runs {
        verified.files += 1;
        verified.bytes += run.bytes;
        let result = keys.as_ref().map(|keys| verify_run(keys.as_ref(), &key, run, &at_once));
        match result {
            Some(Ok(_)) => {}
            Some(Err(error)) => verified.find("keys", error),
            None => verified.find("keys", "the folder is missing"),
        }
    }
    verify_names(&mut verified, root, manifest.names)?;
    Ok(Some(verified))
}

fn verify_names(verified: &mut VerifiedDays, root: &Arc<dyn Disk>, generation: u32) -> io::Result<()> {
    let name = folder_name(generation);
    let Some(names) = folder(root, &name)? else {
        if !verified.manifest.clicks.is_empty() {
            verified.find(name, "it is missing");
        }
        return Ok(());
    };
    match journal::verify(names.as_ref(), 0) {
        Ok(journal) => {
            verified.files += journal.segments;
            verified.bytes += journal.bytes;
            if journal.segments == 0 && !verified.manifest.clicks.is_empty() {
                verified.find(&*name, "its files are missing; the next start builds them anew from the days");
            }
            for finding in journal
                .findings
                .iter()
                .filter(|finding| !matches!(finding.what, journal::What::TornTail { .. }))
            {
                verified.find(format!("{name}/{}", finding.file), finding);
            }
        }
        Err(error) => verified.find(name, error),
    }
    Ok(())
}

fn verify_part(verified: &mut VerifiedDays, files: &PartFiles, manifest: &Manifest) {
    let PartInfo { number, check, bytes, rows, .. } = files.info;
    verified.files += 2;
    verified.bytes += bytes;
    let read = match files.holds {
        Holds::Clicks => files.clicks().and_then(|reader| {
            reader.verify().map_err(|error| files.damage(error))?;
            verified.clicks += rows;
            reader.rows(0..rows).try_for_each(|click| click.map(drop).map_err(|error| files.damage(error)))
        }),
        Holds::Searches => files.searches().and_then(|reader| {
            reader.verify().map_err(|error| files.damage(error))?;
            verified.searches += rows;
            reader.rows(0..rows).try_for_each(|search| search.map(drop).map_err(|error| files.damage(error)))
        }),
    };
    if let Err(error) = read {
        let what = match error {
            StoreError::DamagedDay { reason, .. } => reason,
            other => other.to_string(),
        };
        verified.find(files.name(), what);
    }
    let owner = Owner { part: number, check, names: manifest.names };
    let index = IndexFile::open(files.index.as_ref(), owner).and_then(|index| {
        verified.bytes += index.file_bytes();
        SECTIONS_ALL.into_iter().try_for_each(|section| index.read(files.index.as_ref(), section).map(drop))
    });
    if let Err(error) = index {
        verified.find(files.index_name(), format!("{error}; the next start builds it anew from the day"));
    }
}

/// A folder, if it is there: verification makes none.
pub fn folder(root: &Arc<dyn Disk>, name: &str) -> io::Result<Option<Arc<dyn Disk>>> {
    if root.folders()?.iter().any(|folder| folder == name) { root.folder(name).map(Some) } else { Ok(None) }
}
