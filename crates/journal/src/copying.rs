//! Copying files into another directory, for backups: whole files that never change, by a link where that can be, and a
//! journal up to a known end while others write on behind it.
//!
//! What a reader of the target may still need is replaced only by [`put_staged`], which is quick. This room must never
//! know what a file is for.

use std::io;

use crate::Position;
use crate::disk::{Disk, DiskFile, read_full};
use crate::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, sequence_of};

/// How many bytes are read and written at a time.
const PIECE_BYTES: usize = 1 << 20;
/// Files that have this much in common at both ends, and their length, are the same: checksums of all that lies between
/// stand at one of them.
const END_BYTES: usize = 16 << 10;
/// What the name of a file that is being written ends in.
const TEMPORARY: &str = ".tmp";

/// What copying came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files in the target that are of the copy.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// Files that were there already.
    pub kept: u64,
    /// Files that were linked.
    pub linked: u64,
}

impl Copied {
    /// Adds what was copied besides.
    pub fn add(&mut self, more: &Self) {
        self.files += more.files;
        self.bytes += more.bytes;
        self.kept += more.kept;
        self.linked += more.linked;
    }

    fn file(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// Brings a file that never changes into another directory, unless it is there. It is durable on return.
///
/// # Errors
/// The disk's own, with the file's name.
pub fn carry(
    from: &dyn Disk,
    name: &str,
    to: &dyn Disk,
    as_name: &str,
    copied: &mut Copied,
) -> io::Result<()> {
    if link_or_keep(from, name, to, as_name, copied)? {
        return Ok(());
    }
    let file = from.open(name).map_err(at(name))?;
    copy(file.as_ref(), to, as_name, copied).map_err(at(as_name))
}

/// Does as much of [`carry`] as needs no copying; whether that was all.
///
/// # Errors
/// The disk's own, with the file's name.
pub fn link_or_keep(
    from: &dyn Disk,
    name: &str,
    to: &dyn Disk,
    as_name: &str,
    copied: &mut Copied,
) -> io::Result<bool> {
    let file = from.open(name).map_err(at(name))?;
    let bytes = file.len().map_err(at(name))?;
    if make_room(file.as_ref(), to, as_name).map_err(at(as_name))? {
        copied.file(bytes);
        copied.kept += 1;
        return Ok(true);
    }
    let linked = from.link(name, to, as_name).map_err(at(as_name))?;
    if linked {
        copied.file(bytes);
        copied.linked += 1;
    }
    Ok(linked)
}

/// Copies a file that is open, whose name may be gone by now. It is durable on return.
///
/// # Errors
/// The disk's own, with the file's name.
pub fn copy_open(file: &dyn DiskFile, to: &dyn Disk, as_name: &str, copied: &mut Copied) -> io::Result<()> {
    copy(file, to, as_name, copied).map_err(at(as_name))
}

/// Copies a journal's frames from `begin` up to `end`, which was its end at some moment, under temporary names; returns
/// the names that [`put_staged`] gives them. Others may append meanwhile; nobody may forget.
///
/// What the last segment holds behind `end` stays zeros: a copy that read on beside a writer could see a later batch
/// and miss an earlier one, which looks like damage.
///
/// # Errors
/// The disk's own; `InvalidData` when the journal does not reach from `begin` to `end`.
pub fn stage_journal(
    from: &dyn Disk,
    to: &dyn Disk,
    begin: Position,
    end: Position,
    copied: &mut Copied,
) -> io::Result<Vec<String>> {
    let mut headers = Vec::new();
    for name in from.list()? {
        if let Some(sequence) = sequence_of(&name) {
            let mut block = vec![0; SEGMENT_HEADER_BYTES];
            let file = from.open(&name).map_err(at(&name))?;
            read_full(file.as_ref(), &mut block, 0).map_err(at(&name))?;
            let header = SegmentHeader::read(&block, sequence).map_err(|error| invalid(error.to_string()))?;
            headers.push((name, header, file));
        }
    }
    headers.sort_by_key(|(_, header, _)| header.sequence);
    let first = headers.iter().rposition(|(_, header, _)| header.start <= begin);
    let needed = headers.split_off(first.ok_or_else(|| invalid("the journal's first segments are missing"))?);
    let gap = needed.windows(2).any(|pair| pair[0].1.end() != pair[1].1.start);
    if gap {
        return Err(invalid("a segment of the journal is missing"));
    }
    let mut names = Vec::new();
    for (name, header, file) in needed.iter().filter(|(_, header, _)| header.start <= end) {
        let used =
            if end < header.end() { end - header.start + SEGMENT_HEADER_BYTES as u64 } else { header.bytes };
        stage_segment(file.as_ref(), used, header, to).map_err(at(name))?;
        copied.file(header.bytes);
        names.push(name.clone());
    }
    Ok(names)
}

/// Gives what [`stage_journal`] has copied its names, and removes the target's other segments.
///
/// # Errors
/// The disk's own.
pub fn put_staged(to: &dyn Disk, names: &[String]) -> io::Result<()> {
    for name in names {
        to.rename(&temporary(name), name).map_err(at(name))?;
    }
    let others = to.list()?.into_iter().filter(|name| sequence_of(name).is_some() && !names.contains(name));
    others.into_iter().try_for_each(|name| to.remove(&name).map_err(at(&name)))
}

/// Removes what copying that was broken off has left.
///
/// # Errors
/// The disk's own.
pub fn remove_temporaries(to: &dyn Disk) -> io::Result<()> {
    let left = to.list()?.into_iter().filter(|name| name.ends_with(TEMPORARY));
    left.into_iter().try_for_each(|name| to.remove(&name).map_err(at(&name)))
}

fn stage_segment(
    file: &dyn DiskFile,
    used_bytes: u64,
    header: &SegmentHeader,
    to: &dyn Disk,
) -> io::Result<()> {
    let name = temporary(&header.name());
    remove(to, &name)?;
    let target = to.create(&name, header.bytes)?;
    copy_bytes(file, target.as_ref(), used_bytes)?;
    target.sync()
}

/// Whether the target has this very file; if it has another one of that name, that is removed.
fn make_room(file: &dyn DiskFile, to: &dyn Disk, name: &str) -> io::Result<bool> {
    match to.open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
        Ok(there) if are_same(file, there.as_ref())? => Ok(true),
        Ok(_) => to.remove(name).map(|()| false),
    }
}

fn are_same(one: &dyn DiskFile, other: &dyn DiskFile) -> io::Result<bool> {
    let bytes = one.len()?;
    if bytes != other.len()? {
        return Ok(false);
    }
    for offset in [0, bytes.saturating_sub(END_BYTES as u64)] {
        let (mut here, mut there) = (vec![0; END_BYTES], vec![0; END_BYTES]);
        if read_full(one, &mut here, offset)? != read_full(other, &mut there, offset)? || here != there {
            return Ok(false);
        }
    }
    Ok(true)
}

fn copy(file: &dyn DiskFile, to: &dyn Disk, name: &str, copied: &mut Copied) -> io::Result<()> {
    let bytes = file.len()?;
    let temporary = temporary(name);
    remove(to, &temporary)?;
    let target = to.create(&temporary, 0)?;
    copy_bytes(file, target.as_ref(), bytes)?;
    target.sync()?;
    to.rename(&temporary, name)?;
    copied.file(bytes);
    Ok(())
}

fn copy_bytes(file: &dyn DiskFile, target: &dyn DiskFile, bytes: u64) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    while offset < bytes {
        let wanted = usize::try_from(bytes - offset).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        if read_full(file, &mut piece[..wanted], offset)? < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        target.write_at(&piece[..wanted], offset)?;
        offset += wanted as u64;
    }
    Ok(())
}

fn temporary(name: &str) -> String {
    format!("{name}{TEMPORARY}")
}

fn remove(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// Says at which file it was.
fn at(name: &str) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Journal, Options, SimulatedDisk};

    fn options() -> Options {
        Options { segment_bytes: 8 << 10, salt: Some(7), begin: 0 }
    }

    fn frames(disk: &SimulatedDisk) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut take = |_, frame: &[u8]| {
            frames.push(frame.to_vec());
            Ok(())
        };
        let (_, recovery) = Journal::open(Arc::new(disk.clone()), options(), &mut take).unwrap();
        assert_eq!(recovery.torn_tail, None);
        frames
    }

    #[test]
    fn a_copy_holds_what_was_there_at_its_end_and_nothing_later_wherever_that_end_was() {
        let source = SimulatedDisk::new();
        let (mut journal, _) =
            Journal::open(Arc::new(source.clone()), options(), &mut |_, _| Ok(())).unwrap();
        let mut ends = vec![journal.end()];
        for number in 0..40_u8 {
            journal.append(&[&[number; 700]]).unwrap();
            ends.push(journal.end());
        }
        for (count, end) in ends.into_iter().enumerate() {
            let target = SimulatedDisk::new();
            let names = stage_journal(&source, &target, 0, end, &mut Copied::default()).unwrap();
            assert!(target.list().unwrap().iter().all(|name| sequence_of(name).is_none()));
            put_staged(&target, &names).unwrap();
            let due: Vec<_> = (0..40_u8).take(count).map(|number| vec![number; 700]).collect();
            assert_eq!(frames(&target), due, "up to {end}");
        }
    }

    #[test]
    fn a_copy_over_an_earlier_one_leaves_no_segment_of_that() {
        let (source, target) = (SimulatedDisk::new(), SimulatedDisk::new());
        let (mut journal, _) =
            Journal::open(Arc::new(source.clone()), options(), &mut |_, _| Ok(())).unwrap();
        for number in 0..40_u8 {
            journal.append(&[&[number; 700]]).unwrap();
        }
        let mut copied = Copied::default();
        for begin in [0, journal.end()] {
            let names = stage_journal(&source, &target, begin, journal.end(), &mut copied).unwrap();
            put_staged(&target, &names).unwrap();
            assert_eq!(target.list().unwrap(), names);
        }
        assert_eq!(target.list().unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_is_there_is_kept_and_another_of_its_name_is_not() {
        let (source, target) = (SimulatedDisk::new(), SimulatedDisk::new());
        let write = |disk: &SimulatedDisk, bytes: &[u8]| {
            let file = disk.create("part", 0).unwrap();
            file.write_at(bytes, 0).unwrap();
            file.sync().unwrap();
        };
        write(&source, &[1; 50_000]);
        write(&target, &[2; 50_000]);
        let mut copied = Copied::default();
        carry(&source, "part", &target, "part", &mut copied).unwrap();
        assert_eq!(target.read_small("part").unwrap().unwrap(), vec![1; 50_000]);
        assert_eq!(copied.kept, 0);
        carry(&source, "part", &target, "part", &mut copied).unwrap();
        assert_eq!(copied, Copied { files: 2, bytes: 100_000, kept: 1, linked: 0 });
    }

    #[test]
    fn on_one_file_system_a_file_is_linked() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| crate::FolderDisk::open(folder.path().join(name)).unwrap();
        let (source, target) = (open("a"), open("b"));
        source.write_small("part", b"whole").unwrap();
        let mut copied = Copied::default();
        carry(&source, "part", &target, "other", &mut copied).unwrap();
        assert_eq!(copied, Copied { files: 1, bytes: 5, kept: 0, linked: 1 });
        assert_eq!(target.read_small("other").unwrap().unwrap(), b"whole");
    }
}
