//! Measures group commit on a real disk: `cargo run --release -p journal --example commit_speed -- FOLDER`.
//!
//! It must never be more than a measurement: it knows the journal only by its public door.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::{Committer, FolderDisk, Journal, Options, Position, Writer, WriterOptions};

const PAYLOAD_BYTES: usize = 200;
const MEASURE: Duration = Duration::from_secs(3);

struct Plain;

impl Committer for Plain {
    type Job = Vec<u8>;
    type Done = Option<Position>;

    fn job_bytes(job: &Vec<u8>) -> usize {
        job.len()
    }

    fn stage(&mut self, job: &mut Vec<u8>, frame: &mut Vec<u8>) {
        frame.extend_from_slice(job);
    }

    fn committed(
        &mut self,
        _jobs: Vec<Vec<u8>>,
        positions: &[Option<Position>],
        _end: Position,
    ) -> Vec<Option<Position>> {
        positions.to_vec()
    }

    fn failed(&mut self, _jobs: &[Vec<u8>]) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: commit_speed FOLDER")?;
    for waiting in [1usize, 16, 64, 256, 1024] {
        let disk = Arc::new(FolderDisk::open(&folder)?.subfolder(&format!("waiting-{waiting}"))?);
        let (journal, _) = Journal::open(disk, Options::default(), &mut |_, _| Ok(()))?;
        let (writer, thread) = Writer::spawn(journal, Plain, WriterOptions::default())?;
        let begun = Instant::now();
        let mut jobs = 0;
        while begun.elapsed() < MEASURE {
            let receipts: Vec<_> =
                (0..waiting).filter_map(|_| writer.submit(vec![b'x'; PAYLOAD_BYTES]).ok()).collect();
            jobs += receipts.len();
            for receipt in receipts {
                receipt.wait()?;
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let status = writer.status();
        let syncs = status.journal.syncs.max(1);
        println!(
            "{waiting:>5} waiting: {:>9.0} jobs/s, {:>6.1} jobs/sync, sync {:>5} us mean, {:>6} us longest, \
             {:.2} us/job outside syncs",
            jobs as f64 / seconds,
            jobs as f64 / syncs as f64,
            status.journal.sync_ns_total / syncs / 1000,
            status.journal.sync_ns_max / 1000,
            (seconds * 1e9 - status.journal.sync_ns_total as f64) / 1000.0 / jobs as f64,
        );
        thread.stop();
    }
    Ok(())
}
