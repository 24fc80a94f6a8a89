//! Compaction: writes what is in force into the next generation of the journal. Until the head is replaced nothing has
//! happened, whatever fails; this room replaces no head and removes nothing that counts.

use std::sync::Arc;

use clicks::{EngineIndex, ItemDigest};
use journal::{AppendError, Batch, Disk, Journal, Options, Reader};

use crate::commit::Visible;
use crate::error::OpenError;
use crate::generation::prefix;
use crate::item::{Place, RecordAt};
use crate::opening::open_journal;
use crate::record::{self, Record, Records};

/// Frames of one sync, in bytes.
const BATCH_BYTES: u64 = 4 << 20;

/// Writes all that `visible` holds of generation `from` into the generation after it, and returns a
/// reader of that. Nobody may write meanwhile.
pub(crate) fn write_next(
    disk: &Arc<dyn Disk>,
    from: u64,
    options: &Options,
    frame_bytes: usize,
    visible: &Visible,
) -> Result<Reader, OpenError> {
    let unexpected = &mut |_, _: &[u8]| Err("there are records already".to_owned());
    let (journal, _) = open_journal(disk, from + 1, options, unexpected)?;
    let mut copy = Copy::new(journal, frame_bytes);
    for change in visible.directory().changes() {
        copy.add(&change.record())?;
    }
    copy.end_frame()?;
    let mut failure = None;
    let read = open_journal(disk, from, options, &mut |position, payload| {
        copy_items(visible, from % 2 == 1, position, payload, &mut copy).map_err(|error| {
            let reason = error.to_string();
            failure = Some(error);
            reason
        })
    });
    if let Some(error) = failure {
        return Err(error);
    }
    read?;
    copy.end_frame()?;
    copy.append()?;
    if copy.items == visible.items.len() {
        return Ok(copy.journal.reader());
    }
    let what = format!("it holds {} of {} items", copy.items, visible.items.len());
    Err(OpenError::Damaged { file: format!("{}*", prefix(from)), what })
}

/// Copies the items of a payload that are in force: those that the table refers to.
fn copy_items(
    visible: &Visible,
    odd_generation: bool,
    position: journal::Position,
    payload: &[u8],
    copy: &mut Copy,
) -> Result<(), OpenError> {
    let broken = |what: String| OpenError::Contradiction { files: String::new(), position, what };
    // The place of the items that follow; its inner `None` stands for an index that was removed since, with its items.
    let mut place: Option<Option<(Place, EngineIndex)>> = None;
    for record in Records::of(payload).map_err(|error| broken(error.to_string()))? {
        let (offset, record) = record.map_err(|error| broken(error.to_string()))?;
        match record {
            Record::Place { engine, index } => {
                let directory = visible.directory();
                let number = directory.place(engine, index);
                place = Some(number.and_then(|number| Some((number, directory.at(number)?.clone()))));
            }
            Record::Item(item) => {
                let place = place.as_ref().ok_or_else(|| broken("an item without a place".to_owned()))?;
                let Some((number, named)) = place else { continue };
                let known = visible.items.find(ItemDigest::of(item.doc_id), *number);
                if known
                    .is_some_and(|known| Some(known.at) == RecordAt::new(odd_generation, position, offset))
                {
                    copy.set_place(*number, named);
                    copy.add(&Record::Item(item))?;
                    copy.items += 1;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The next generation while it is written.
struct Copy {
    journal: Journal,
    batch: Batch,
    frame: Vec<u8>,
    frame_bytes: usize,
    batch_bytes: u64,
    /// The place that the current frame's next item would have.
    place: Option<Place>,
    items: u64,
}

impl Copy {
    fn new(journal: Journal, frame_bytes: usize) -> Self {
        let batch_bytes = BATCH_BYTES.min(journal.batch_bytes_max() / 2);
        Self {
            journal,
            batch: Batch::new(),
            frame: Vec::new(),
            frame_bytes,
            batch_bytes,
            place: None,
            items: 0,
        }
    }

    fn set_place(&mut self, number: Place, place: &EngineIndex) {
        if self.place != Some(number) {
            self.begin_frame();
            let named = Record::Place { engine: place.engine, index: place.index.as_str() };
            record::write(&mut self.frame, &named);
            self.place = Some(number);
        }
    }

    fn begin_frame(&mut self) {
        if self.frame.is_empty() {
            record::begin(&mut self.frame);
        }
    }

    fn add(&mut self, record: &Record<'_>) -> Result<(), AppendError> {
        self.begin_frame();
        record::write(&mut self.frame, record);
        if self.frame.len() >= self.frame_bytes {
            self.end_frame()?;
        }
        Ok(())
    }

    fn end_frame(&mut self) -> Result<(), AppendError> {
        if self.frame.is_empty() {
            return Ok(());
        }
        self.batch.push(&self.frame).map_err(|size| AppendError::TooLarge {
            bytes: size.bytes as u64,
            bytes_max: journal::FRAME_BYTES_MAX as u64,
        })?;
        self.frame.clear();
        self.place = None;
        if self.batch.bytes() as u64 >= self.batch_bytes { self.append() } else { Ok(()) }
    }

    fn append(&mut self) -> Result<(), AppendError> {
        self.journal.append_batch(&mut self.batch)?;
        self.batch.clear();
        Ok(())
    }
}
