//! Old files must stay readable for ever: samples that earlier programs wrote.

use journal::{FORMAT_VERSION, SimulatedDisk};

use crate::world::{open, payload, segment};

/// What the sample of version 1 holds, batch by batch.
fn sample_batches() -> Vec<Vec<Vec<u8>>> {
    vec![
        vec![b"first".to_vec()],
        vec![payload(2, 1000), payload(3, 7), vec![0; 16]],
        vec![payload(4, 2000)],
        vec![payload(5, 3000), "clic \u{2713}".as_bytes().to_vec()],
    ]
}

#[test]
fn the_sample_of_version_1_is_read_and_written_on() {
    let disk = SimulatedDisk::new();
    let first = include_bytes!("../fixtures/version-1/journal-0000000000000001.log");
    let second = include_bytes!("../fixtures/version-1/journal-0000000000000002.log");
    disk.put(&segment(1), first);
    disk.put(&segment(2), second);
    let mut opened = open(&disk).unwrap();
    let kept: Vec<Vec<u8>> = sample_batches().concat();
    assert_eq!(opened.payloads(), kept);
    assert_eq!(opened.recovery.torn_tail, None);
    opened.journal.append(&[b"more"]).unwrap();
    assert_eq!(open(&disk).unwrap().frames.len(), kept.len() + 1);
}

#[test]
fn today_the_sample_would_be_written_byte_for_byte_the_same() {
    let disk = SimulatedDisk::new();
    let mut journal = open(&disk).unwrap().journal;
    for batch in sample_batches() {
        journal.append(&batch.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    }
    // A new version gets a sample of its own; this one then only needs to be readable.
    assert_eq!(FORMAT_VERSION, 1);
    let first = include_bytes!("../fixtures/version-1/journal-0000000000000001.log");
    let second = include_bytes!("../fixtures/version-1/journal-0000000000000002.log");
    assert!(disk.bytes(&segment(1)).unwrap() == first);
    assert!(disk.bytes(&segment(2)).unwrap() == second);
}

/// Writes the sample of the current version into the directory named by `JOURNAL_SAMPLE_DIR`.
#[test]
#[ignore = "run by hand when the format gets a new version"]
fn write_the_sample() {
    let folder = std::env::var("JOURNAL_SAMPLE_DIR").unwrap();
    let disk = std::sync::Arc::new(journal::FolderDisk::open(folder).unwrap());
    let (mut journal, _) = journal::Journal::open(disk, crate::world::options(), &mut |_, _| Ok(())).unwrap();
    for batch in sample_batches() {
        journal.append(&batch.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    }
}
