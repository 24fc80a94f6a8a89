//! Group commit: many callers, one thread that decides, writes, syncs once for all that wait, makes visible, answers.
//!
//! In this order, always. While one group syncs the next one gathers; an idle writer begins at once. Only where a sync takes
//! long, those who have just been answered are waited for, a fraction of that time: callers that come back would else fall
//! into two groups that take turns, and each would wait for both.
//! It must never know what a job is, nor an async runtime.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Position;
use crate::forget::Forgetter;
use crate::frame::{Batch, FRAME_BYTES_MAX, FRAME_HEADER_BYTES};
use crate::journal::{Gauges, Journal, Status};
use crate::receipt::{CommitError, Receipt, Slot};
use crate::spare::Spare;

/// How many turns may be unanswered; more are refused.
pub const TURNS_WAITING_MAX: usize = 64;

/// Writing a group and syncing it takes less than this where callers need as long to come back.
const LONG: Duration = Duration::from_millis(1);

/// This part of that time is waited at most for those whom it answered,
const PATIENCE_PARTS: u32 = 4;
/// and no longer than this: a disk that stood still once is no reason to wait.
const PATIENCE_MAX: Duration = Duration::from_millis(20);

/// What the owner of a journal decides and remembers. Called from the writer's thread only.
pub trait Committer: Send + 'static {
    /// What is asked for.
    type Job: Send + 'static;
    /// What is answered once it is durable and visible.
    type Done: Send + 'static;

    /// How much memory a waiting job takes, in bytes; an estimate will do.
    fn job_bytes(job: &Self::Job) -> usize;

    /// Decides on a job, in the order of arrival, and writes its payload into `frame`, which comes empty. A job that
    /// leaves it empty writes nothing and still waits for its group, so that it is never answered before what it relies on.
    fn stage(&mut self, job: &mut Self::Job, frame: &mut Vec<u8>);

    /// The group is durable: makes it visible, and returns one answer for each job, in order.
    /// `positions` tells where each job's frame is. All frames of this group and of those before it are before `end`, all
    /// later ones at it or after; it may serve as [`Options::begin`](crate::Options::begin).
    fn committed(
        &mut self,
        jobs: Vec<Self::Job>,
        positions: &[Option<Position>],
        end: Position,
    ) -> Vec<Self::Done>;

    /// These jobs, all from the group that was last staged, were not recorded: forgets what `stage` remembered of them.
    fn failed(&mut self, jobs: &[Self::Job]);
}

/// The limits of a writer.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// The thread's name; the spare's thread has it too, with `-spare`.
    pub name: String,
    /// How many jobs may be unanswered; more are refused.
    pub queue_jobs_max: usize,
    /// How many bytes they may hold, by [`Committer::job_bytes`]. A single job is taken whatever its size.
    pub queue_bytes_max: usize,
    /// How many jobs share one sync.
    pub group_jobs_max: usize,
    /// A group takes no more jobs once its frames have this many bytes. At most half of a segment counts.
    pub group_bytes_max: usize,
    /// Whether a second thread makes the next segment while the current one fills.
    pub spare: bool,
}

impl Default for WriterOptions {
    fn default() -> WriterOptions {
        WriterOptions {
            name: "journal".to_owned(),
            queue_jobs_max: 16_384,
            queue_bytes_max: 64 << 20,
            group_jobs_max: 4_096,
            group_bytes_max: 4 << 20,
            spare: true,
        }
    }
}

/// Why a job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many wait.
    #[error("too many records are waiting to be written")]
    QueueFull,
    /// The writer is stopping or has ended.
    #[error("the writer has ended")]
    Stopped,
}

/// How a writer does. Counts begin when it is spawned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriterStatus {
    /// How many jobs are unanswered.
    pub queue_jobs: usize,
    /// How many bytes they hold.
    pub queue_bytes: usize,
    /// How many groups were answered.
    pub groups: u64,
    /// How many jobs were answered, failed ones too.
    pub jobs: u64,
    /// Whether it takes no more jobs.
    pub stopped: bool,
    /// The journal's own numbers, among them the syncs' count, total and longest time.
    pub journal: Status,
}

struct Waiting<C: Committer> {
    job: C::Job,
    bytes: usize,
    slot: Slot<C::Done>,
}

struct Queue<C: Committer> {
    waiting: VecDeque<Waiting<C>>,
    /// Who waits for a new segment.
    turns: Vec<Slot<Position>>,
    /// What is unanswered: waiting here, or in the group that is being written.
    jobs: usize,
    bytes: usize,
    groups: u64,
    answered: u64,
    /// The thread sleeps, and wants to be woken when so many jobs wait, or a turn.
    wanted: Option<usize>,
    stopped: bool,
}

struct Shared<C: Committer> {
    queue: Mutex<Queue<C>>,
    wake: Condvar,
    queue_jobs_max: usize,
    queue_bytes_max: usize,
    gauges: Arc<Gauges>,
    forgetter: Forgetter,
}

impl<C: Committer> Shared<C> {
    fn lock(&self) -> MutexGuard<'_, Queue<C>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.wake.notify_all();
    }
}

/// A handle to give jobs to the writer's thread.
pub struct Writer<C: Committer> {
    shared: Arc<Shared<C>>,
}

impl<C: Committer> Clone for Writer<C> {
    fn clone(&self) -> Writer<C> {
        Writer { shared: Arc::clone(&self.shared) }
    }
}

impl<C: Committer> Writer<C> {
    /// Starts the threads. The [`WriterThread`] ends them.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn spawn(
        journal: Journal,
        committer: C,
        options: WriterOptions,
    ) -> io::Result<(Writer<C>, WriterThread<C>)> {
        let queue = Queue {
            waiting: VecDeque::new(),
            turns: Vec::new(),
            jobs: 0,
            bytes: 0,
            groups: 0,
            answered: 0,
            wanted: None,
            stopped: false,
        };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            queue_jobs_max: options.queue_jobs_max,
            queue_bytes_max: options.queue_bytes_max,
            gauges: journal.gauges(),
            forgetter: journal.forgetter(),
        });
        let spare = journal.spare();
        let spare_thread = if options.spare {
            let served = spare.clone();
            Some(
                thread::Builder::new()
                    .name(format!("{}-spare", options.name))
                    .spawn(move || served.serve())?,
            )
        } else {
            None
        };
        let mut thread = WriterThread { shared: Arc::clone(&shared), thread: None, spare, spare_thread };
        let room = usize::try_from(journal.batch_bytes_max()).unwrap_or(usize::MAX);
        let group_bytes_max = options.group_bytes_max.min(room / 2);
        let group = Groups {
            shared: Arc::clone(&shared),
            journal,
            committer,
            batch: Batch::new(),
            frame: Vec::new(),
            group_jobs_max: options.group_jobs_max.max(1),
            group_bytes_max,
            // Whatever a group has before its last job, that job's frame still fits into the same segment.
            frame_bytes_max: FRAME_BYTES_MAX.min(room - group_bytes_max - FRAME_HEADER_BYTES),
            answered: (0, Duration::ZERO),
        };
        thread.thread = Some(thread::Builder::new().name(options.name).spawn(move || group.run())?);
        Ok((Writer { shared }, thread))
    }

    /// Hands in a job. Never waits; gives the job back when it is not taken.
    pub fn submit(&self, job: C::Job) -> Result<Receipt<C::Done>, (C::Job, Refused)> {
        let bytes = C::job_bytes(&job);
        let mut queue = self.shared.lock();
        if queue.stopped {
            return Err((job, Refused::Stopped));
        }
        let too_large = queue.jobs > 0 && bytes > self.shared.queue_bytes_max.saturating_sub(queue.bytes);
        if queue.jobs >= self.shared.queue_jobs_max || too_large {
            return Err((job, Refused::QueueFull));
        }
        let (slot, receipt) = Receipt::new();
        queue.jobs += 1;
        queue.bytes += bytes;
        queue.waiting.push_back(Waiting { job, bytes, slot });
        self.wake(queue);
        Ok(receipt)
    }

    /// Asks for a new segment before the next write, if the current one has frames. Never waits; the receipt's answer is
    /// the position from which on the new segment holds frames. Whatever was answered before this call is before that
    /// position; whatever is handed in after the answer is at it or after. It comes without any job, too.
    pub fn turn(&self) -> Result<Receipt<Position>, Refused> {
        let mut queue = self.shared.lock();
        if queue.stopped {
            return Err(Refused::Stopped);
        }
        if queue.turns.len() >= TURNS_WAITING_MAX {
            return Err(Refused::QueueFull);
        }
        let (slot, receipt) = Receipt::new();
        queue.turns.push(slot);
        self.wake(queue);
        Ok(receipt)
    }

    /// A handle to remove the oldest segments while the writer goes on.
    pub fn forgetter(&self) -> Forgetter {
        self.shared.forgetter.clone()
    }

    /// Wakes the thread if that is what it wants.
    fn wake(&self, mut queue: MutexGuard<'_, Queue<C>>) {
        let waiting = queue.waiting.len();
        let wakes = queue.wanted.is_some_and(|wanted| waiting >= wanted || !queue.turns.is_empty());
        if wakes {
            queue.wanted = None;
        }
        drop(queue);
        if wakes {
            self.shared.wake.notify_one();
        }
    }

    /// How the writer does.
    pub fn status(&self) -> WriterStatus {
        let queue = self.shared.lock();
        WriterStatus {
            queue_jobs: queue.jobs,
            queue_bytes: queue.bytes,
            groups: queue.groups,
            jobs: queue.answered,
            stopped: queue.stopped,
            journal: self.shared.gauges.status(),
        }
    }
}

/// Owns the writer's threads. Dropping it stops them like [`WriterThread::stop`].
/// Both block until all that wait are answered.
pub struct WriterThread<C: Committer> {
    shared: Arc<Shared<C>>,
    thread: Option<JoinHandle<(Journal, C)>>,
    spare: Spare,
    spare_thread: Option<JoinHandle<()>>,
}

impl<C: Committer> WriterThread<C> {
    /// Takes no more jobs, answers all that wait, ends the threads, and gives back what the writer was made of.
    /// `None` when the committer panicked.
    pub fn stop(mut self) -> Option<(Journal, C)> {
        self.end()
    }

    fn end(&mut self) -> Option<(Journal, C)> {
        self.shared.stop();
        let parts = self.thread.take().and_then(|thread| thread.join().ok());
        self.spare.close();
        if let Some(thread) = self.spare_thread.take() {
            // A panic of that thread was told by the panic hook; nothing depends on it any more.
            let _ = thread.join();
        }
        parts
    }
}

impl<C: Committer> Drop for WriterThread<C> {
    fn drop(&mut self) {
        self.end();
    }
}

/// The thread's own things.
struct Groups<C: Committer> {
    shared: Arc<Shared<C>>,
    journal: Journal,
    committer: C,
    batch: Batch,
    frame: Vec<u8>,
    group_jobs_max: usize,
    group_bytes_max: usize,
    frame_bytes_max: usize,
    /// How many jobs the last group answered, and how long they may be waited for.
    answered: (usize, Duration),
}

/// Jobs that share a sync.
struct Group<C: Committer> {
    jobs: Vec<C::Job>,
    slots: Vec<Slot<C::Done>>,
    has_frame: Vec<bool>,
}

/// However the thread ends, nobody may wait for it in vain.
struct AtEnd<C: Committer>(Arc<Shared<C>>);

impl<C: Committer> Drop for AtEnd<C> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.stopped = true;
        let waiting = std::mem::take(&mut queue.waiting);
        let turns = std::mem::take(&mut queue.turns);
        queue.jobs = 0;
        queue.bytes = 0;
        drop(queue);
        // Dropping a slot answers `Stopped`.
        drop((waiting, turns));
    }
}

impl<C: Committer> Groups<C> {
    fn run(mut self) -> (Journal, C) {
        let _at_end = AtEnd(Arc::clone(&self.shared));
        let mut taken = VecDeque::new();
        let mut turns = Vec::new();
        while self.take(&mut taken, &mut turns) {
            self.turn(&mut turns);
            if !taken.is_empty() {
                self.commit(&mut taken);
            }
        }
        (self.journal, self.committer)
    }

    /// Waits for something to do, and takes all turns and as many jobs as a group may have; `false` when there is nothing
    /// and will be nothing.
    fn take(&mut self, taken: &mut VecDeque<Waiting<C>>, turns: &mut Vec<Slot<Position>>) -> bool {
        let answered = std::mem::take(&mut self.answered);
        let mut queue = self.shared.lock();
        if taken.is_empty() {
            queue = self.gathered(queue, answered);
        }
        loop {
            let free = self.group_jobs_max.saturating_sub(taken.len()).min(queue.waiting.len());
            taken.extend(queue.waiting.drain(..free));
            turns.append(&mut queue.turns);
            if !taken.is_empty() || !turns.is_empty() {
                return true;
            }
            if queue.stopped {
                return false;
            }
            queue.wanted = Some(1);
            queue = self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.wanted = None;
        }
    }

    /// The queue, once those whom the last group answered are back, or had time to be.
    fn gathered<'q>(
        &self,
        mut queue: MutexGuard<'q, Queue<C>>,
        (answered, patience): (usize, Duration),
    ) -> MutexGuard<'q, Queue<C>> {
        let all = (queue.waiting.len() + answered).min(self.group_jobs_max);
        let until = Instant::now() + patience;
        while !queue.stopped && queue.turns.is_empty() && queue.waiting.len() < all {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            queue.wanted = Some(all);
            (queue, _) = self.shared.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner);
            queue.wanted = None;
        }
        queue
    }

    /// One new segment for all that wait for one.
    fn turn(&mut self, turns: &mut Vec<Slot<Position>>) {
        if turns.is_empty() {
            return;
        }
        let turned = self.journal.turn().map_err(CommitError::from);
        for slot in turns.drain(..) {
            // A caller who went away doesn't want the answer.
            let _ = slot.send(turned.clone());
        }
    }

    /// One group, from decision to answer. Jobs beyond the group's bytes stay in `taken`.
    fn commit(&mut self, taken: &mut VecDeque<Waiting<C>>) {
        let (group, jobs, bytes) = self.stage(taken);
        let begun = Instant::now();
        let appended = self.journal.append_batch(&mut self.batch);
        let took = begun.elapsed();
        // One caller alone comes back no sooner for being waited for.
        if jobs > 1 && took >= LONG {
            self.answered = (jobs, (took / PATIENCE_PARTS).min(PATIENCE_MAX));
        }
        // The counts go down before the answers: whoever has an answer finds room in the queue.
        self.settle(jobs, bytes);
        match appended {
            Ok(positions) => {
                let mut positions = positions.into_iter();
                let positions: Vec<Option<Position>> =
                    group.has_frame.iter().map(|has| if *has { positions.next() } else { None }).collect();
                let answers = self.committer.committed(group.jobs, &positions, self.journal.end());
                debug_assert_eq!(answers.len(), group.slots.len(), "one answer for each job");
                for (slot, answer) in group.slots.into_iter().zip(answers) {
                    // A caller who went away doesn't want the answer.
                    let _ = slot.send(Ok(answer));
                }
            }
            Err(error) => {
                self.committer.failed(&group.jobs);
                let error = CommitError::from(error);
                for slot in group.slots {
                    let _ = slot.send(Err(error.clone()));
                }
            }
        }
    }

    /// Decides on jobs until the group is full. Returns it with the count and bytes of all jobs that are done with,
    /// those that were too large included.
    fn stage(&mut self, taken: &mut VecDeque<Waiting<C>>) -> (Group<C>, usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        let room = taken.len();
        let mut group = Group {
            jobs: Vec::with_capacity(room),
            slots: Vec::with_capacity(room),
            has_frame: Vec::with_capacity(room),
        };
        self.batch.clear();
        while self.batch.bytes() < self.group_bytes_max {
            let Some(Waiting { mut job, bytes: job_bytes, slot }) = taken.pop_front() else { break };
            count += 1;
            bytes += job_bytes;
            self.frame.clear();
            self.committer.stage(&mut job, &mut self.frame);
            let has_frame = !self.frame.is_empty();
            let fits = self.frame.len() <= self.frame_bytes_max;
            if has_frame && (!fits || self.batch.push(&self.frame).is_err()) {
                self.committer.failed(std::slice::from_ref(&job));
                let (bytes, bytes_max) = (self.frame.len() as u64, self.frame_bytes_max as u64);
                let _ = slot.send(Err(CommitError::TooLarge { bytes, bytes_max }));
                continue;
            }
            group.jobs.push(job);
            group.slots.push(slot);
            group.has_frame.push(has_frame);
        }
        (group, count, bytes)
    }

    fn settle(&self, jobs: usize, bytes: usize) {
        let mut queue = self.shared.lock();
        queue.jobs -= jobs;
        queue.bytes -= bytes;
        queue.groups += 1;
        queue.answered += jobs as u64;
    }
}
