//! Opening: from files to what is visible. Which generation counts is the head's word; nothing is ever taken for an
//! empty registry that might not be one.

use std::cell::RefCell;
use std::sync::Arc;

use journal::{Disk, Journal, Options, Recovery};

use crate::commit::Visible;
use crate::error::OpenError;
use crate::generation::{GenerationDisk, HEAD, Head, SecretCheck, generation_of, prefix, remove_others};
use crate::key::KeyVault;
use crate::record::{RECORD_VERSION, RecordError};
use crate::replay::{Replay, ReplayError, move_items};

/// Finds the generation that counts, or begins the first.
pub(crate) fn current(disk: &Arc<dyn Disk>, check: SecretCheck, options: &Options) -> Result<u64, OpenError> {
    let Some(head) = Head::read(disk.as_ref())? else {
        begin(disk, check, options)?;
        return Ok(FIRST);
    };
    if head.check != check {
        return Err(OpenError::WrongSecret);
    }
    check_present(disk, head.generation)?;
    // The head may have been renamed by a process that ended before the name was synced: no older generation may go
    // before the head that outdates it stays.
    disk.sync_names().map_err(OpenError::disk("the registry's directory"))?;
    remove_others(disk.as_ref(), head.generation).map_err(OpenError::disk("files of older generations"))?;
    Ok(head.generation)
}

const FIRST: u64 = 1;

/// Begins the first generation: an empty journal, then the head. Without a head, a journal with records is not an
/// unfinished beginning but one whose head was lost.
fn begin(disk: &Arc<dyn Disk>, check: SecretCheck, options: &Options) -> Result<(), OpenError> {
    let missing = || OpenError::HeadMissing { file: HEAD.to_owned() };
    let names = disk.list().map_err(OpenError::disk("the registry's directory"))?;
    if names.iter().filter_map(|name| generation_of(name)).any(|generation| generation != FIRST) {
        return Err(missing());
    }
    open_journal(disk, FIRST, options, &mut |_, _| Err(String::new())).map_err(|error| match error {
        OpenError::Contradiction { .. } => missing(),
        other => other,
    })?;
    Head { generation: FIRST, check }.write(disk.as_ref()).map_err(OpenError::disk(HEAD))
}

/// A head speaks of a journal that was there: without any segment the registry is not empty but lost.
pub(crate) fn check_present(disk: &Arc<dyn Disk>, generation: u64) -> Result<(), OpenError> {
    let names = disk.list().map_err(OpenError::disk("the registry's directory"))?;
    let begins = format!("{}journal-", prefix(generation));
    if names.iter().any(|name| name.starts_with(&begins)) {
        return Ok(());
    }
    Err(OpenError::Damaged { file: format!("{begins}*"), what: "there is no such file".to_owned() })
}

/// Takes a frame's position and payload; a reason instead of `Ok` ends the opening.
pub(crate) type OnFrame<'a> = dyn FnMut(journal::Position, &[u8]) -> Result<(), String> + 'a;

/// Opens the journal of a generation; a callback's refusal becomes [`OpenError::Contradiction`].
pub(crate) fn open_journal(
    disk: &Arc<dyn Disk>,
    generation: u64,
    options: &Options,
    on_frame: &mut OnFrame<'_>,
) -> Result<(Journal, Recovery), OpenError> {
    let files = prefix(generation);
    let own = Arc::new(GenerationDisk::new(disk, generation));
    Journal::open(own, options.clone(), on_frame).map_err(|error| match error {
        journal::OpenError::Refused { position, reason } => {
            OpenError::Contradiction { files, position, what: reason }
        }
        journal::OpenError::Newer { file, found, known } => {
            OpenError::Newer { file: format!("{files}{file}"), found, known }
        }
        error => OpenError::Journal { files, error },
    })
}

/// Reads a generation into `visible`, and gives its journal to be written on.
pub(crate) fn load(
    disk: &Arc<dyn Disk>,
    generation: u64,
    options: &Options,
    vault: &KeyVault,
    visible: &Visible,
) -> Result<(Journal, Recovery), OpenError> {
    let odd_generation = generation % 2 == 1;
    let replay = Replay { visible, vault, odd_generation, gone: RefCell::default() };
    let mut newer = None;
    let opened = open_journal(disk, generation, options, &mut |position, payload| {
        replay.take(position, payload).map_err(|error| {
            if let ReplayError::Record(RecordError::Newer(version)) = error {
                newer = Some(version);
            }
            error.to_string()
        })
    });
    if let Some(found) = newer {
        let (found, known) = (u32::from(found), u32::from(RECORD_VERSION));
        return Err(OpenError::Newer { file: format!("{}*", prefix(generation)), found, known });
    }
    let (journal, recovery) = opened?;
    visible.items.forget(&replay.gone.take());
    visible.set_reader(odd_generation, Some(journal.reader()));
    Ok((journal, recovery))
}

/// Lets the items of `visible` refer to a new generation that holds the same, and gives its journal to be written on.
/// Questions are answered meanwhile.
pub(crate) fn move_to(
    disk: &Arc<dyn Disk>,
    generation: u64,
    options: &Options,
    visible: &Visible,
) -> Result<Journal, OpenError> {
    let odd_generation = generation % 2 == 1;
    visible.reset_counts();
    let (journal, _) = open_journal(disk, generation, options, &mut |position, payload| {
        move_items(visible, odd_generation, position, payload).map_err(|error| error.to_string())
    })?;
    visible.set_reader(odd_generation, Some(journal.reader()));
    Ok(journal)
}
