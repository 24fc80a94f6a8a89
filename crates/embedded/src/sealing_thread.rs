//! The thread that seals: when memory fills, when a day has closed, and when somebody asks. It seals beside recording,
//! and gives way to it. It must never decide what becomes of a record.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use clicks::{Forget, Forgotten};
use journal::{CommitError, Forgetter, Position, Refused, Writer};

use crate::kept::Shared;
use crate::ledger::{Done, Job, Ledger};
use crate::sealed::SealError;
use crate::sealed::forgetting::Leaving;
use crate::sealed::sealing::{Change, Pace, Sealer};

/// After a sealing that came to nothing, how long until the next attempt.
const RETRY: Duration = Duration::from_secs(5);
/// The longest pause between two pieces that merging writes.
const PACE_MAX: Duration = Duration::from_secs(1);
/// How long a forgetting waits for those who still read what goes: longer than any question may take.
const READERS_TIME_MAX: Duration = Duration::from_secs(30);
/// How long nothing is to be sealed before days of few parts are merged.
const IDLE: Duration = Duration::from_secs(2);

/// What others tell the thread.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<bool>,
    wake: Condvar,
    stopped: AtomicBool,
    /// How many bytes what is not sealed takes, about.
    unsealed_bytes: AtomicU64,
    /// Callers who wait until there is room in memory.
    waiting: Mutex<Vec<Waker>>,
}

impl Bell {
    /// Asks for a sealing.
    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    /// Ends the thread, and breaks off what it does.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.ring();
        self.wake_waiting();
    }

    /// Waits until what is not sealed takes no more than so many bytes, or `given_up` says why that may take long.
    pub async fn room<E>(&self, bytes_max: u64, given_up: impl Fn() -> Option<E>) -> Result<(), E> {
        std::future::poll_fn(|context| {
            let answer = || {
                if self.unsealed_bytes() <= bytes_max { Some(Ok(())) } else { given_up().map(Err) }
            };
            if let Some(answer) = answer() {
                return Poll::Ready(answer);
            }
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(context.waker().clone());
            self.ring();
            // Room may have come between the look and the waiting.
            answer().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    fn wake_waiting(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether the thread is to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// How many bytes what is not sealed takes, as of a moment ago.
    pub fn unsealed_bytes(&self) -> u64 {
        self.unsealed_bytes.load(Ordering::Relaxed)
    }

    /// Tells how many bytes what is not sealed takes.
    pub fn set_unsealed_bytes(&self, bytes: usize) {
        self.unsealed_bytes.store(bytes as u64, Ordering::Relaxed);
        self.wake_waiting();
    }

    /// Waits until somebody rings, or for so long; whether somebody did.
    fn wait(&self, at_most: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(rung, at_most, |rung| !*rung);
        let mut rung = waited.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::take(&mut *rung)
    }
}

/// What seals, for whoever asks.
pub struct Sealing {
    kept: Arc<Shared>,
    writer: Writer<Ledger>,
    forgetter: Forgetter,
    bell: Arc<Bell>,
    sealer: Mutex<Sealer>,
    /// Held while somebody waits for the sealer: a thread that seals without a pause would else take it up again before
    /// anybody else gets it.
    turn: Mutex<()>,
    parts_max: usize,
    trouble: Mutex<Option<String>>,
    /// Nobody knows what is on the disk: nothing is sealed until a restart.
    broken: AtomicBool,
}

impl Sealing {
    /// What seals a store.
    pub fn new(
        kept: Arc<Shared>,
        writer: Writer<Ledger>,
        bell: Arc<Bell>,
        mut sealer: Sealer,
        merge_bytes_per_second: u64,
    ) -> Self {
        let (pacing, stopping) = (Arc::clone(&bell), Arc::clone(&bell));
        sealer.pace = Pace {
            merged: Arc::new(move |bytes| {
                let due = Duration::from_secs_f64(bytes as f64 / merge_bytes_per_second.max(1) as f64);
                if !pacing.is_stopped() {
                    std::thread::sleep(due.min(PACE_MAX));
                }
            }),
            stopped: Arc::new(move || stopping.is_stopped()),
        };
        let (forgetter, parts_max) = (writer.forgetter(), sealer.limits.parts_max);
        Self {
            kept,
            writer,
            forgetter,
            bell,
            sealer: Mutex::new(sealer),
            turn: Mutex::default(),
            parts_max,
            trouble: Mutex::default(),
            broken: AtomicBool::new(false),
        }
    }

    /// Seals, and merges, until it is stopped.
    pub fn run(&self) {
        let mut wait = IDLE;
        while !self.bell.is_stopped() {
            let rung = self.bell.wait(wait);
            if self.bell.is_stopped() {
                break;
            }
            // An attempt that came to nothing is made again, whether somebody rings or not.
            let due = rung || self.trouble().is_some();
            let done = if due { self.seal() } else { self.merge(2).map(|merged| if merged { 1 } else { 0 }) };
            wait = match done {
                Ok(0) => Duration::from_secs(3_600),
                Ok(_) => IDLE,
                Err(_) => RETRY,
            };
        }
    }

    /// Seals all that was recorded before, and merges days of many parts. Returns how many sealings and mergings there
    /// were.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self) -> Result<u64, SealError> {
        let done = self.noted(|sealing, sealer| sealing.seal_all(sealer))?;
        let mut merged = 0;
        while self.merge(self.parts_max)? {
            merged += 1;
        }
        Ok(done + merged)
    }

    fn seal_all(&self, sealer: &mut Sealer) -> Result<u64, SealError> {
        let recorded = self.writer.status().journal.end;
        let mut done = 0;
        // What an earlier attempt had frozen comes first, and then what was recorded since. What is recorded meanwhile is
        // left for another time: under a steady load there would be no end, and neither a merging nor a backup.
        while let Done::Frozen(Some(frozen)) = self.submit(Job::freeze())? {
            let change = sealer.seal(&self.kept, &frozen)?;
            self.swap(change)?;
            done += 1;
            self.forget_before(frozen.end)?;
            if frozen.end >= recorded {
                break;
            }
        }
        Ok(done)
    }

    fn forget_before(&self, begin: Position) -> Result<(), SealError> {
        self.forgetter.forget_before(begin).map(drop).map_err(SealError::io("journal"))
    }

    /// Forgets for good what was recorded before: from the journal too.
    ///
    /// # Errors
    /// [`SealError`]; then all of it or nothing is forgotten, and another attempt does the rest.
    pub fn forget(&self, what: &Forget) -> Result<Forgotten, SealError> {
        let (forgotten, leaving) = self.noted(|sealing, sealer| {
            if let Forget::DaysBefore { day, .. } = what {
                if *day <= sealer.kept_from() {
                    return Ok((Forgotten::default(), Leaving::default()));
                }
                // Nothing of these days may come behind our back.
                sealing.submit(Job::take_from(*day))?;
            }
            // Most is sealed before the journal turns, so that little is recorded between the turn and the erasure.
            sealing.seal_all(sealer)?;
            let begin = sealing.turn()?;
            sealing.seal_all(sealer)?;
            let Some(forgot) = sealer.forget(&sealing.kept, what, begin)? else {
                return Ok((Forgotten::default(), Leaving::default()));
            };
            sealing.swap(forgot.change)?;
            sealing.forget_before(begin)?;
            Ok((forgot.forgotten, forgot.leaving))
        })?;
        let asked = Instant::now();
        while !leaving.are_gone() && asked.elapsed() < READERS_TIME_MAX && !self.bell.is_stopped() {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.sealer().remove_empty_days();
        Ok(forgotten)
    }

    /// A new segment of the journal: all frames of before lie before this position.
    fn turn(&self) -> Result<Position, SealError> {
        loop {
            match self.writer.turn() {
                Ok(receipt) => return receipt.wait().map_err(not_committed),
                Err(Refused::Stopped) => return Err(SealError::Stopped),
                Err(Refused::QueueFull) => self.pause()?,
            }
        }
    }

    /// Merges one day, if any has so many parts.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn merge(&self, parts_max: usize) -> Result<bool, SealError> {
        self.noted(|sealing, sealer| {
            if let Some(change) = sealer.merge(&sealing.kept, parts_max)? {
                sealing.swap(change)?;
                return Ok(true);
            }
            if let Some(change) = sealer.merge_keys(&sealing.kept)? {
                sealing.swap(change)?;
                return Ok(true);
            }
            Ok(false)
        })
    }

    /// The last attempt's failure.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is sealed and how, for those who wait for their turn.
    pub fn sealer(&self) -> MutexGuard<'_, Sealer> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.sealer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is sealed while nothing is sealed or merged.
    ///
    /// # Errors
    /// The caller's own; [`SealError::UntilRestart`] when nobody knows what is on the disk.
    pub fn held<T, E: From<SealError>>(&self, look: impl FnOnce(&Sealer) -> Result<T, E>) -> Result<T, E> {
        let sealer = self.sealer();
        if self.broken.load(Ordering::Relaxed) {
            return Err(SealError::UntilRestart("an earlier change of the list of days failed".into()).into());
        }
        look(&sealer)
    }

    fn noted<T>(
        &self,
        work: impl FnOnce(&Self, &mut Sealer) -> Result<T, SealError>,
    ) -> Result<T, SealError> {
        let mut sealer = self.sealer();
        if self.broken.load(Ordering::Relaxed) || self.bell.is_stopped() {
            return Err(SealError::Stopped);
        }
        let done = work(self, &mut sealer);
        if let Err(SealError::UntilRestart(_)) = &done {
            self.broken.store(true, Ordering::Relaxed);
        }
        let reason = done.as_ref().err().filter(|error| !matches!(error, SealError::Stopped));
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = reason.map(ToString::to_string);
        self.bell.wake_waiting();
        done
    }

    /// Returns `Ok` only when readers see the change. Once the manifest names it, what isn't swapped in would be sealed
    /// twice: so it is asked for again when its group failed, which was for the sake of somebody's record.
    fn swap(&self, change: Change) -> Result<(), SealError> {
        let change = Arc::new(Mutex::new(Some(change)));
        loop {
            match self.submit(Job::swap(&change)) {
                Ok(_) => return Ok(()),
                Err(SealError::Damaged(_)) if self.pause().is_ok() => {}
                Err(error) => {
                    self.broken.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    }

    fn submit(&self, job: Job) -> Result<Done, SealError> {
        let mut job = job;
        loop {
            match self.writer.submit(job) {
                Ok(receipt) => {
                    return receipt.wait().map_err(not_committed);
                }
                Err((_, Refused::Stopped)) => return Err(SealError::Stopped),
                Err((back, Refused::QueueFull)) => {
                    job = back;
                    self.pause()?;
                }
            }
        }
    }

    /// Waits a moment for room in the writer's queue.
    fn pause(&self) -> Result<(), SealError> {
        self.bell.wait(Duration::from_millis(5));
        if self.bell.is_stopped() { Err(SealError::Stopped) } else { Ok(()) }
    }
}

fn not_committed(error: CommitError) -> SealError {
    match error {
        CommitError::Poisoned | CommitError::Stopped => SealError::Stopped,
        other => SealError::Damaged(other.to_string()),
    }
}
