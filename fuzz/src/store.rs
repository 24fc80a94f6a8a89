//! The store's files: indexes, keys, names, days, counts of removed days, the journal, the manifest. With a damaged one a
//! store answers what it should, or says what it can't; where the file is a cache, it always answers. With forged ones it
//! may answer anything, and has to end.

use std::sync::Arc;

use clicks::{Outcome, Record, Store};
use embedded::{EmbeddedStore, StoreBackup, verify};
use journal::SimulatedDisk;
use pollster::block_on;

use crate::checks::{
    checked_manifest, fit_day, fit_end, fit_frames, fit_header_block, fit_index, fit_keys, put, word_at,
};
use crate::input::{Damage, Input};
use crate::memory::bounded;
use crate::world::{self, File, WORLD};

/// Opens a store of which a file was damaged, or changed with its checksums.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (action, number) = (input.byte(), usize::from(input.byte()));
    let mut files = WORLD.files.clone();
    let number = number % files.len();
    match action % 4 {
        0 => damaged(&mut input, files, number),
        1 => restored(&mut input, files, number),
        _ => {
            forge(input, &mut files, number);
            let all_bytes = files.iter().map(|file| file.bytes.len()).sum();
            let disk = disk_of(&files);
            bounded(all_bytes, || use_store(&disk, action & 4 == 0));
        }
    }
}

fn disk_of(files: &[File]) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    files.iter().for_each(|file| file.put(&disk));
    disk
}

/// What a file is to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Nothing is opened without it.
    List,
    Journal,
    /// What answers are made of.
    Day,
    /// What only makes them fast.
    Cache,
}

impl Role {
    /// What a file that is missing without a trace is called by.
    const fn folder(self) -> &'static str {
        if matches!(self, Self::Journal) { "the journal's directory" } else { "MANIFEST" }
    }

    fn of(file: &File) -> Self {
        match file.folders.first().map(String::as_str) {
            None => Self::List,
            Some("journal") => Self::Journal,
            Some("clicks" | "searches") => Self::Day,
            Some("index") if file.name.starts_with("counts") => Self::Day,
            Some(_) => Self::Cache,
        }
    }
}

/// Damages a file, and tells which and how.
fn damage(
    input: &mut Input<'_>,
    mut files: Vec<File>,
    number: usize,
) -> Option<(File, Damage, SimulatedDisk)> {
    let damage = Damage::of(input, files[number].bytes.len())?;
    match damage.changed(&files[number].bytes) {
        Some(bytes) => files[number].bytes = bytes,
        None => drop(files.remove(number)),
    }
    let disk = disk_of(&files);
    Some((WORLD.files[number].clone(), damage, disk))
}

fn damaged(input: &mut Input<'_>, files: Vec<File>, number: usize) {
    let Some((file, damage, disk)) = damage(input, files, number) else { return };
    let told = format!("{damage:?} of {}", file.path());
    let role = Role::of(&file);
    let later = WORLD.files.iter().filter(|other| Role::of(other) == Role::Journal && other.name > file.name);
    if role == Role::Journal && damage == Damage::Gone && later.count() == 0 {
        // Nothing tells that the journal had another segment.
        return;
    }
    let verified = verify(Arc::new(disk.clone()));
    let listed = verified.as_ref().map_or(true, |verified| verified.damaged());
    let torn = verified.is_ok_and(|verified| verified.journal.findings_total > 0);
    // The end of a journal may be an unfinished write; of the names it costs nothing but time.
    assert!(listed || torn || file.path().starts_with("names-"), "{told} is not listed");
    match (world::open(&disk), role) {
        (Err(error), Role::List | Role::Journal) => {
            assert!(listed, "{told}: {error}");
            let text = error.to_string();
            assert!(text.contains(&file.name) || text.contains(role.folder()), "{told}: {text}");
        }
        // A record that was decided by what is in a day can't be decided without it.
        (Err(error), Role::Day) => assert!(error.to_string().contains(&file.name), "{told}: {error}"),
        (Err(error), Role::Cache) => panic!("{told}: the store does not open: {error}"),
        (Ok(_), Role::List) => panic!("{told} went unnoticed"),
        (Ok(store), Role::Journal) => {
            assert!(torn && store.status().torn_tail_bytes > 0, "{told} went unnoticed")
        }
        (Ok(store), _) => ask(&store, role, &told),
    }
}

/// Asks everything of a store of which a day or a cache is damaged.
fn ask(store: &EmbeddedStore, role: Role, told: &str) {
    for (question, due) in &WORLD.answers {
        match store.tally(question, &|| false) {
            Err(_) if role == Role::Day && due.is_ok() => {}
            other => assert_eq!(&other, due, "{told}"),
        }
    }
    // Clicks that are sealed, and have an id, count once.
    let sealed: Vec<_> = WORLD.sealed.iter().step_by(13).cloned().map(Record::Click).collect();
    let due = vec![Outcome::Duplicate; sealed.len()];
    match block_on(store.append(sealed)) {
        Ok(outcomes) => assert_eq!(outcomes, due, "{told}"),
        Err(error) => assert!(role == Role::Day, "{told}: {error}"),
    }
}

/// A restored backup answers as the store did, or was refused.
fn restored(input: &mut Input<'_>, files: Vec<File>, number: usize) {
    let Some((file, damage, disk)) = damage(input, files, number) else { return };
    let told = format!("{damage:?} of {}, restored", file.path());
    let target = SimulatedDisk::new();
    let Ok(backup) = StoreBackup::of_folder(Arc::new(disk), Arc::new(target.clone())) else { return };
    backup.replace().unwrap();
    backup.complete().unwrap();
    let role = Role::of(&file);
    match world::open(&target) {
        Err(error) => assert!(matches!(role, Role::Journal | Role::Day), "{told}: {error}"),
        Ok(_) if role == Role::Journal => {}
        Ok(store) => ask(&store, role, &told),
    }
}

/// Changes a file, and makes all checks fit that lead to it.
fn forge(input: Input<'_>, files: &mut Vec<File>, number: usize) {
    let mut file = files.swap_remove(number);
    input.edit(&mut file.bytes);
    let folder = file.folders.first().map_or("", String::as_str);
    let digits: String = file.name.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0').to_owned();
    match folder {
        "" => {
            let text = String::from_utf8_lossy(&file.bytes).into_owned();
            let (lines, _) = text.rsplit_once("\ncheck").unwrap_or((&text, ""));
            file.bytes = checked_manifest(lines).into_bytes();
        }
        "clicks" | "searches" => {
            if let Some(check) = fit_day(&mut file.bytes) {
                relist(files, folder, &digits, &[(5, format!("{check:08x}"))]);
                for index in files.iter_mut().filter(|index| index.name == format!("part-{digits:0>8}.index"))
                {
                    put(&mut index.bytes, 16, &check.to_le_bytes());
                    fit_index(&mut index.bytes);
                }
            }
        }
        "index" if file.name.starts_with("counts") => {
            fit_end(&mut file.bytes);
            let check = crc32fast::hash(&file.bytes);
            relist(files, "counts", &digits, &[(2, format!("{check:08x}"))]);
        }
        "index" => fit_index(&mut file.bytes),
        "keys" => {
            let check = fit_keys(&mut file.bytes);
            let entries = u64::from(word_at(&file.bytes, 24)) | u64::from(word_at(&file.bytes, 28)) << 32;
            relist(files, "keys", &digits, &[(1, entries.to_string()), (5, format!("{check:08x}"))]);
        }
        _ => {
            fit_header_block(&mut file.bytes);
            fit_frames(&mut file.bytes);
        }
    }
    files.push(file);
}

/// Changes words behind the number of a line of the manifest.
fn relist(files: &mut [File], kind: &str, number: &str, words: &[(usize, String)]) {
    let Some(manifest) = files.iter_mut().find(|file| file.name == "MANIFEST") else { return };
    let text = String::from_utf8_lossy(&manifest.bytes).into_owned();
    let (lines, _) = text.rsplit_once("\ncheck").unwrap_or((&text, ""));
    let lines: Vec<String> = lines
        .lines()
        .map(|line| {
            let mut parts: Vec<&str> = line.split(' ').collect();
            if parts.len() > 2 && parts[0] == kind && parts[1] == number {
                for (place, word) in words {
                    parts[place + 1] = word;
                }
            }
            parts.join(" ")
        })
        .collect();
    manifest.bytes = checked_manifest(&lines.join("\n")).into_bytes();
}

/// Asks a store everything, if it opens; makes it read and write all of its files, if so wanted.
pub fn use_store(disk: &SimulatedDisk, everyway: bool) {
    if everyway {
        drop(verify(Arc::new(disk.clone())));
    }
    let Ok(store) = world::open(disk) else { return };
    for question in world::questions() {
        drop(store.tally(&question, &|| false));
    }
    drop(world::scan(&store));
    for id in ["q1", "q30"] {
        drop(store.searches(None, id));
    }
    if !everyway {
        return;
    }
    let some = WORLD.sealed.iter().step_by(13).cloned().map(Record::Click);
    drop(block_on(store.append(some.collect())));
    if store.seal().is_ok() && store.merge().is_ok() {
        drop(store.tally(&world::questions()[0], &|| false));
    }
}

/// Every file damaged, restored, and changed in a few places.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, file) in (0_u8..).zip(&WORLD.files) {
        let (end, middle) = (file.bytes.len() - 1, file.bytes.len() / 2);
        let place = |at: usize| u16::try_from(at).unwrap().to_le_bytes();
        for action in [0, 1] {
            seeds.push(vec![action, number, 0]);
            seeds.push([&[action, number, 1][..], &place(middle)].concat());
            for at in [9, middle, end] {
                seeds.push([&[action, number, 2][..], &place(at), &[0, 1]].concat());
            }
        }
        for action in [2, 6] {
            seeds.push(vec![action, number]);
            for at in [30, 130, 4100, middle, end] {
                seeds.push([&[action, number][..], &place(at.min(end)), &[2, 0xff, 0xff]].concat());
            }
        }
    }
    seeds
}
