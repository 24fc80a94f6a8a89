//! Records of clicks and searches: whole frames of the store's journal that say what the fuzzer wants. What a store takes
//! it tells alike however it is asked: from its journal, sealed, merged, and after another start.

use std::sync::Arc;

use clicks::{Click, Measure, MemoryStore, Question, Record, Store, Tally};
use embedded::{EmbeddedStore, verify};
use journal::{Journal, Options, SimulatedDisk};
use pollster::block_on;

use crate::checks::{SEGMENT_HEADER_BYTES, fit_frames, put};
use crate::input::Input;
use crate::memory::bounded;
use crate::world;

/// Opens a store whose journal the fuzzer wrote.
pub fn run(bytes: &[u8]) {
    let disk = disk_of(Input::new(bytes));
    bounded(bytes.len() + world::SEGMENT_BYTES as usize * 4, || read_everyway(&disk));
}

/// A store that has only just begun, with these frames in its journal.
fn disk_of(input: Input<'_>) -> SimulatedDisk {
    let disk = world::begun();
    let journal = disk.subfolder("journal").unwrap();
    let name = "journal-0000000000000001.log";
    let mut segment = journal.bytes(name).unwrap();
    let mut at = SEGMENT_HEADER_BYTES;
    for payload in input.pieces().filter(|payload| !payload.is_empty()) {
        let frame_bytes = 24 + payload.len().next_multiple_of(8);
        if at + frame_bytes > segment.len() {
            break;
        }
        put(&mut segment, at, &(u32::try_from(payload.len()).unwrap()).to_le_bytes());
        put(&mut segment, at + 24, payload);
        at += frame_bytes;
    }
    fit_frames(&mut segment);
    journal.put(name, &segment);
    disk
}

fn read_everyway(disk: &SimulatedDisk) {
    let verified = verify(Arc::new(disk.clone())).unwrap();
    let (store, report) = match EmbeddedStore::open(Arc::new(disk.clone()), &world::options()) {
        Err(error) => {
            assert!(verified.damaged(), "{error}");
            assert!(error.to_string().starts_with("the record at position"), "{error}");
            return;
        }
        Ok(opened) => opened,
    };
    assert!(!verified.damaged(), "{verified:?}");
    assert_eq!(verified.clicks + verified.searches, report.clicks + report.searches + report.repeated);
    let told = all_told(&store);
    let oracle = MemoryStore::new(0);
    drop(block_on(oracle.append(told.0.iter().cloned().map(Record::Click).collect())).unwrap());
    // Nobody tells all searches, so those are compared below only, also where they are joined to clicks.
    let told_of = world::questions().into_iter().zip(&told.1);
    let of_clicks = |question: &Question| question.measure == Measure::Clicks && !question.grouping.joins();
    for (question, tally) in told_of.filter(|(question, _)| of_clicks(question)) {
        assert_eq!(&oracle.tally(&question, &|| false).unwrap(), tally, "{question:?}");
    }
    store.seal().expect("what was taken can be sealed");
    assert!(told == all_told(&store), "sealed: {told:?}");
    store.merge().expect("what was sealed can be merged");
    assert!(told == all_told(&store), "merged: {told:?}");
    store.close().unwrap();
    let verified = verify(Arc::new(disk.clone())).unwrap();
    assert!(!verified.damaged(), "{verified:?}");
    let again = world::open(disk).expect("what was sealed opens");
    assert!(told == all_told(&again), "opened again: {told:?}");
}

/// All that a store tells.
fn all_told(store: &EmbeddedStore) -> (Vec<Click>, Vec<Tally>) {
    let clicks = world::scan(store).expect("nothing is damaged");
    let tally = |question| store.tally(&question, &|| false).expect("nothing is damaged");
    (clicks, world::questions().into_iter().map(tally).collect())
}

/// Frames that the product wrote.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let disk = world::begun();
    let store = world::open(&disk).unwrap();
    for (click, search) in world::clicks(30).into_iter().zip(world::searches(30)) {
        drop(block_on(store.append(vec![Record::Click(click)])).unwrap());
        drop(block_on(store.append(vec![Record::Search(search)])).unwrap());
    }
    store.close().unwrap();
    let mut frames = Vec::new();
    let mut take = |_, frame: &[u8]| {
        frames.push([&u16::try_from(frame.len()).unwrap().to_le_bytes(), frame].concat());
        Ok(())
    };
    let journal = Arc::new(disk.subfolder("journal").unwrap());
    drop(Journal::open(
        journal,
        Options { segment_bytes: world::SEGMENT_BYTES, ..Options::default() },
        &mut take,
    ));
    let mut seeds: Vec<_> = frames.chunks(6).map(<[_]>::concat).collect();
    seeds.extend(frames.into_iter().take(12));
    seeds
}
