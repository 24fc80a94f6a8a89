//! Group commit: order, one sync for all that wait, refusals, and answers whatever happens.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use journal::{
    CommitError, Committer, Fault, Operation, Position, Refused, SimulatedDisk, TURNS_WAITING_MAX, Writer,
    WriterOptions,
};

use crate::world::{open, open_from, payload};

/// Records each text once. `go` holds the thread back in `stage`, so that a test can fill the queue behind it.
struct Once {
    known: HashSet<Vec<u8>>,
    /// Where the last group ended.
    end: Position,
    visible: Arc<Mutex<Vec<Vec<u8>>>>,
    staging: Sender<()>,
    go: Option<Receiver<()>>,
}

/// What a job is answered: where it is, or that it was there before; and how many were visible by then.
type Answer = (Option<Position>, usize);

impl Committer for Once {
    type Job = Vec<u8>;
    type Done = Answer;

    fn job_bytes(job: &Vec<u8>) -> usize {
        job.len()
    }

    fn stage(&mut self, job: &mut Vec<u8>, frame: &mut Vec<u8>) {
        assert!(frame.is_empty());
        let _ = self.staging.send(());
        if let Some(go) = &self.go {
            let _ = go.recv();
        }
        assert!(job != b"panic", "the committer panics");
        if self.known.insert(job.clone()) {
            frame.extend_from_slice(job);
        }
    }

    fn committed(
        &mut self,
        jobs: Vec<Vec<u8>>,
        positions: &[Option<Position>],
        end: Position,
    ) -> Vec<Answer> {
        assert_eq!(jobs.len(), positions.len());
        assert!(positions.iter().flatten().all(|position| (self.end..end).contains(position)));
        self.end = end;
        let mut visible = self.visible.lock().unwrap();
        let fresh = jobs.into_iter().zip(positions).filter(|(_, position)| position.is_some());
        visible.extend(fresh.map(|(job, _)| job));
        positions.iter().map(|position| (*position, visible.len())).collect()
    }

    fn failed(&mut self, jobs: &[Vec<u8>]) {
        jobs.iter().for_each(|job| {
            self.known.remove(job);
        });
    }
}

struct Bench {
    disk: SimulatedDisk,
    writer: Writer<Once>,
    thread: journal::WriterThread<Once>,
    visible: Arc<Mutex<Vec<Vec<u8>>>>,
    staging: Receiver<()>,
    go: Sender<()>,
}

impl Bench {
    fn new(held: bool, options: WriterOptions) -> Bench {
        let disk = SimulatedDisk::new();
        let journal = open(&disk).unwrap().journal;
        let visible = Arc::new(Mutex::new(Vec::new()));
        let (staging_sender, staging) = channel();
        let (go, go_receiver) = channel();
        let known = HashSet::new();
        let go_receiver = held.then_some(go_receiver);
        let once =
            Once { known, end: 0, visible: Arc::clone(&visible), staging: staging_sender, go: go_receiver };
        let (writer, thread) = Writer::spawn(journal, once, options).unwrap();
        Bench { disk, writer, thread, visible, staging, go }
    }
}

#[test]
fn all_that_wait_share_one_sync_and_keep_their_order() {
    let bench = Bench::new(true, WriterOptions::default());
    let first = bench.writer.submit(b"first".to_vec()).unwrap();
    bench.staging.recv().unwrap();
    // The thread is in the first group: these nine gather behind it.
    let rest: Vec<_> = (0..9).map(|number| bench.writer.submit(payload(number % 8, 10)).unwrap()).collect();
    assert_eq!(bench.writer.status().queue_jobs, 10);
    drop(bench.go);
    let (position, visible) = first.wait().unwrap();
    assert_eq!((position, visible), (Some(0), 1));
    let answers: Vec<Answer> = rest.into_iter().map(|receipt| receipt.wait().unwrap()).collect();
    assert!(answers.iter().all(|(_, visible)| *visible == 9), "visible before the answer: {answers:?}");
    assert!(answers.windows(2).take(7).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(answers[8].0, None, "the ninth repeats the first of its own group");
    let status = bench.writer.status();
    assert_eq!((status.groups, status.jobs, status.journal.syncs), (2, 10, 2));
    assert_eq!((status.queue_jobs, status.queue_bytes), (0, 0));
    bench.disk.crash(3);
    assert_eq!(open(&bench.disk).unwrap().payloads(), *bench.visible.lock().unwrap());
}

#[test]
fn where_syncs_are_slow_callers_who_come_back_share_one() {
    const CALLERS: usize = 8;
    const TURNS: usize = 10;
    let bench = Bench::new(false, WriterOptions::default());
    bench.disk.slow_down(Duration::from_millis(40));
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let writer = bench.writer.clone();
            scope.spawn(move || {
                for turn in 0..TURNS {
                    writer.submit(format!("{caller} {turn}").into_bytes()).unwrap().wait().unwrap();
                    // The way to the caller and back.
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
    let groups = bench.writer.status().groups;
    // Were nobody waited for, they would be about 20: whoever comes while one group syncs is in the next. The first to
    // come at all is alone.
    assert!((10..=14).contains(&groups), "{groups} groups");
}

#[test]
fn a_full_queue_gives_the_job_back_at_once() {
    let options = WriterOptions { queue_jobs_max: 3, queue_bytes_max: 20, ..WriterOptions::default() };
    let bench = Bench::new(true, options);
    let held = bench.writer.submit(vec![b'a'; 10]).unwrap();
    bench.staging.recv().unwrap();
    let (job, why) = bench.writer.submit(vec![b'b'; 11]).err().unwrap();
    assert_eq!((job, why), (vec![b'b'; 11], Refused::QueueFull));
    let others = [bench.writer.submit(b"c".to_vec()).unwrap(), bench.writer.submit(b"d".to_vec()).unwrap()];
    assert_eq!(bench.writer.submit(b"e".to_vec()).err().unwrap().1, Refused::QueueFull);
    drop(bench.go);
    held.wait().unwrap();
    others.into_iter().for_each(|receipt| {
        receipt.wait().unwrap();
    });
    bench.writer.submit(b"e".to_vec()).unwrap().wait().unwrap();
}

#[test]
fn a_failed_group_is_forgotten_and_may_be_sent_again() {
    let bench = Bench::new(false, WriterOptions { spare: false, ..WriterOptions::default() });
    bench.disk.inject(Fault::next(Operation::Write, ErrorKind::StorageFull));
    let failed = bench.writer.submit(b"a".to_vec()).unwrap().wait();
    assert!(matches!(failed, Err(CommitError::NoSpace(_))), "{failed:?}");
    assert!(bench.visible.lock().unwrap().is_empty());
    let again = bench.writer.submit(b"a".to_vec()).unwrap().wait().unwrap();
    assert_eq!(again, (Some(0), 1));
    bench.disk.inject(Fault::next(Operation::Sync, ErrorKind::Other));
    for text in [b"b", b"c"] {
        assert_eq!(bench.writer.submit(text.to_vec()).unwrap().wait(), Err(CommitError::Poisoned));
    }
    assert!(bench.writer.status().journal.poisoned);
}

#[test]
fn a_job_that_is_too_large_fails_alone() {
    let bench = Bench::new(true, WriterOptions::default());
    let first = bench.writer.submit(b"first".to_vec()).unwrap();
    bench.staging.recv().unwrap();
    let before = bench.writer.submit(payload(1, 100)).unwrap();
    let large = bench.writer.submit(vec![b'x'; 4000]).unwrap();
    let behind = bench.writer.submit(payload(2, 1900)).unwrap();
    drop(bench.go);
    first.wait().unwrap();
    before.wait().unwrap();
    assert!(matches!(large.wait(), Err(CommitError::TooLarge { bytes: 4000, .. })));
    behind.wait().unwrap();
    assert_eq!(bench.writer.status().queue_jobs, 0);
}

#[test]
fn stopping_answers_all_that_wait_and_takes_no_more() {
    let options = WriterOptions { group_jobs_max: 2, ..WriterOptions::default() };
    let bench = Bench::new(true, options);
    let receipts: Vec<_> = (0..20).map(|number| bench.writer.submit(payload(number, 200)).unwrap()).collect();
    bench.staging.recv().unwrap();
    drop(bench.go);
    let (journal, once) = bench.thread.stop().unwrap();
    assert_eq!((journal.status().frames, once.known.len()), (20, 20));
    assert!(journal.status().segments > 1);
    assert_eq!(bench.writer.submit(b"late".to_vec()).err().unwrap().1, Refused::Stopped);
    for receipt in receipts {
        assert!(receipt.wait().unwrap().0.is_some());
    }
}

#[test]
fn when_the_committer_panics_nobody_waits_in_vain() {
    let bench = Bench::new(true, WriterOptions::default());
    let receipts: Vec<_> =
        [b"fine".to_vec(), b"panic".to_vec()].map(|job| bench.writer.submit(job).unwrap()).into();
    bench.staging.recv().unwrap();
    drop(bench.go);
    let answers: Vec<_> = receipts.into_iter().map(journal::Receipt::wait).collect();
    assert_eq!(answers[1], Err(CommitError::Stopped));
    assert!(bench.thread.stop().is_none());
    assert!(bench.writer.status().stopped);
    assert_eq!(bench.writer.submit(b"late".to_vec()).err().unwrap().1, Refused::Stopped);
}

#[test]
fn many_threads_are_answered_each_once_while_segments_turn() {
    let bench = Bench::new(false, WriterOptions::default());
    thread::scope(|scope| {
        for number in 0..8u64 {
            let writer = bench.writer.clone();
            scope.spawn(move || {
                for step in 0..50 {
                    let answer = writer.submit(payload(number * 1000 + step, 120)).unwrap().wait().unwrap();
                    assert!(answer.0.is_some());
                }
            });
        }
    });
    let (journal, _) = bench.thread.stop().unwrap();
    assert_eq!(journal.status().frames, 400);
    assert!(journal.status().segments > 10);
    bench.disk.crash(0);
    let mut recovered = open(&bench.disk).unwrap().payloads();
    assert_eq!(recovered, *bench.visible.lock().unwrap());
    recovered.sort();
    recovered.dedup();
    assert_eq!(recovered.len(), 400);
}

#[test]
fn a_turn_comes_without_jobs_and_before_the_next_write() {
    let bench = Bench::new(false, WriterOptions::default());
    assert_eq!(bench.writer.turn().unwrap().wait(), Ok(0), "an empty segment is new enough");
    bench.writer.submit(b"old".to_vec()).unwrap().wait().unwrap();
    let position = bench.writer.turn().unwrap().wait().unwrap();
    assert_eq!(bench.writer.status().journal.segments, 2);
    assert_eq!(bench.writer.turn().unwrap().wait(), Ok(position));
    let freed = bench.writer.forgetter().forget_before(position).unwrap();
    assert_eq!(freed, crate::world::SEGMENT_BYTES);
    assert_eq!(bench.writer.status().journal.segments, 1);
    let (next, _) = bench.writer.submit(b"new".to_vec()).unwrap().wait().unwrap();
    assert_eq!(next, Some(position));
    bench.disk.crash(1);
    assert_eq!(open_from(&bench.disk, position).unwrap().payloads(), [b"new"]);
}

#[test]
fn turns_have_a_limit_fail_with_the_disk_and_end_with_the_writer() {
    let bench = Bench::new(true, WriterOptions { spare: false, ..WriterOptions::default() });
    let held = bench.writer.submit(b"held".to_vec()).unwrap();
    bench.staging.recv().unwrap();
    let turns: Vec<_> = (0..TURNS_WAITING_MAX).map(|_| bench.writer.turn().unwrap()).collect();
    assert_eq!(bench.writer.turn().err(), Some(Refused::QueueFull));
    bench.disk.inject(Fault { after: 0, ..Fault::next(Operation::Rename, ErrorKind::StorageFull) });
    drop(bench.go);
    held.wait().unwrap();
    for turn in turns {
        assert!(matches!(turn.wait(), Err(CommitError::NoSpace(_))));
    }
    let position = bench.writer.turn().unwrap().wait().unwrap();
    bench.disk.inject(Fault::next(Operation::Sync, ErrorKind::Other));
    assert_eq!(bench.writer.submit(b"lost".to_vec()).unwrap().wait(), Err(CommitError::Poisoned));
    assert_eq!(bench.writer.turn().unwrap().wait(), Err(CommitError::Poisoned));
    assert_eq!(bench.writer.forgetter().forget_before(position).unwrap(), crate::world::SEGMENT_BYTES);
    bench.thread.stop().unwrap();
    assert_eq!(bench.writer.turn().err(), Some(Refused::Stopped));
}

#[test]
fn forgetting_beside_a_running_writer_loses_nothing_that_is_kept() {
    let bench = Bench::new(false, WriterOptions::default());
    let forgetter = bench.writer.forgetter();
    let forget = || {
        let begin = bench.writer.turn().unwrap().wait().unwrap();
        forgetter.forget_before(begin).unwrap();
        begin
    };
    let is_over = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let senders: Vec<_> = (0..4u64)
            .map(|number| {
                let (writer, is_over) = (bench.writer.clone(), &is_over);
                scope.spawn(move || {
                    for sent in 0..100_000 {
                        if sent >= 100 && is_over.load(Ordering::Relaxed) {
                            return sent;
                        }
                        writer.submit(payload(number * 1_000_000 + sent, 120)).unwrap().wait().unwrap();
                    }
                    100_000
                })
            })
            .collect();
        for _ in 0..20 {
            forget();
        }
        is_over.store(true, Ordering::Relaxed);
        senders.into_iter().map(|sender| sender.join().unwrap()).sum::<u64>()
    });
    let begin = forget();
    let (journal, once) = bench.thread.stop().unwrap();
    assert_eq!((journal.status().frames, once.known.len() as u64), (sent, sent));
    assert!(begin > 0 && journal.status().segments < 3, "{begin}: {:?}", journal.status());
    bench.disk.crash(0);
    let recovered = open_from(&bench.disk, begin).unwrap().payloads();
    assert!(bench.visible.lock().unwrap().ends_with(&recovered));
}
