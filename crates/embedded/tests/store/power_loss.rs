//! Losses of power in the middle of recording, sealing and merging, on a disk that then drops unsynced writes, reorders them
//! and tears them at 512 bytes: acknowledged ⊆ counted ⊆ sent, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clicks::conformance::Dice;
use clicks::{Click, ClickFilter, Record, Store};
use embedded::{EmbeddedOptions, EmbeddedStore, verify};
use journal::SimulatedDisk;
use pollster::block_on;

use crate::candidates::{SMALL_SEGMENT_BYTES, options};
use crate::threads::click;

/// 10,000 in the long run: `CLICKTALLY_TESTS_SEEDS=10000`.
const SEEDS: u64 = 1_000;
const THREADS: u64 = 2;
const LIVES: usize = 3;
const STEPS_MAX: usize = 14;
const CALLS_IN_FLIGHT_MAX: usize = 3;
const CLICKS_MAX: usize = 20;
/// When the power fails, in operations of the disk: among the first recordings, or in a sealing, or after a life's steps.
const OPERATIONS_MAX: [usize; 3] = [15, 60, 400];
const OPERATIONS_OF_OPENING_MAX: usize = 40;
const DAY_MS: i64 = 86_400_000;

/// What the crashes of all seeds left; a simulation that leaves everything whole would test nothing.
#[derive(Default)]
struct Seen {
    torn_tails: AtomicU64,
    unanswered_and_kept: AtomicU64,
    unanswered_and_lost: AtomicU64,
    sealed: AtomicU64,
}

struct World {
    seed: u64,
    dice: Dice,
    disk: SimulatedDisk,
    options: EmbeddedOptions,
    store: Option<EmbeddedStore>,
    /// Acknowledged, or counted after a loss of power: there for ever.
    kept: BTreeSet<u64>,
    /// Sent in this life, and not acknowledged.
    unanswered: BTreeSet<u64>,
    sent: u64,
}

/// A click that is known by its session wherever it comes out. One of two has an id; the other has nothing by which a
/// second counting could be noticed and left out.
fn tagged(tag: u64) -> Record {
    let id = tag.is_multiple_of(2).then(|| tag.to_string());
    let at_ms = click(None).at_ms + i64::try_from(tag % 3).unwrap() * DAY_MS;
    Record::Click(Click { at_ms, session: Some(tag.to_string().into()), ..click(id) })
}

impl World {
    fn new(seed: u64) -> Self {
        let (dice, disk) = (Dice::new(seed), SimulatedDisk::new());
        let options = EmbeddedOptions { spare: seed.is_multiple_of(3), ..options(SMALL_SEGMENT_BYTES) };
        let (kept, unanswered) = (BTreeSet::new(), BTreeSet::new());
        Self { seed, dice, disk, options, store: None, kept, unanswered, sent: 0 }
    }

    fn step(&mut self) {
        let store = self.store.as_ref().unwrap();
        match self.dice.below(6) {
            // Whether it comes to its end is seen by what is counted.
            0 => drop(store.seal()),
            1 => drop(store.merge()),
            _ => self.record(),
        }
    }

    /// Calls that are handed in at once, so that some share a sync.
    fn record(&mut self) {
        let store = self.store.as_ref().unwrap();
        let calls: Vec<Vec<u64>> = (0..=self.dice.below(CALLS_IN_FLIGHT_MAX))
            .map(|_| {
                let first = self.sent + 1;
                self.sent += 1 + self.dice.below(CLICKS_MAX) as u64;
                (first..=self.sent).collect()
            })
            .collect();
        let promises: Vec<_> =
            calls.iter().map(|tags| store.append(tags.iter().copied().map(tagged).collect())).collect();
        for (tags, promise) in calls.into_iter().zip(promises) {
            let answered = block_on(promise).is_ok();
            if answered { &mut self.kept } else { &mut self.unanswered }.extend(tags);
        }
    }

    /// The process ends wherever it is, and the power with it.
    fn lose_power(&mut self) {
        self.disk.stop_after(0);
        self.store = None;
        self.disk.crash(self.dice.throw());
    }

    /// Opens what the loss left, over further losses, and compares.
    fn return_to_life(&mut self, seen: &Seen) {
        while self.dice.once_in(3) {
            self.disk.stop_after(self.dice.below(OPERATIONS_OF_OPENING_MAX) as u64);
            drop(EmbeddedStore::open(Arc::new(self.disk.clone()), &self.options));
            self.lose_power();
        }
        let seed = self.seed;
        let found = verify(Arc::new(self.disk.clone())).unwrap();
        assert!(!found.damaged(), "seed {seed}: a loss of power is no damage: {found:?}");
        let opened = EmbeddedStore::open(Arc::new(self.disk.clone()), &self.options);
        let (store, report) = opened.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let counted = counted(&store, seed);
        let lost: Vec<_> = self.kept.difference(&counted).collect();
        assert!(lost.is_empty(), "seed {seed}: acknowledged and lost: {lost:?}");
        let more: BTreeSet<u64> = counted.difference(&self.kept).copied().collect();
        assert!(more.is_subset(&self.unanswered), "seed {seed}: never sent, or came back late: {more:?}");
        let add = |count: &AtomicU64, more: usize| count.fetch_add(more as u64, Ordering::Relaxed);
        add(&seen.torn_tails, usize::from(report.torn_tail.is_some()));
        add(&seen.unanswered_and_kept, more.len());
        add(&seen.unanswered_and_lost, self.unanswered.len() - more.len());
        add(&seen.sealed, usize::from(store.status().sealed_days > 0));
        self.kept = counted;
        self.unanswered.clear();
        self.store = Some(store);
    }
}

/// The tags of all clicks, each of them once.
fn counted(store: &EmbeddedStore, seed: u64) -> BTreeSet<u64> {
    let filter = ClickFilter::all(click(None).account, vec![click(None).engine]);
    let mut times = BTreeMap::<u64, u32>::new();
    for click in store.scan(0, i64::MAX, &filter).unwrap() {
        *times.entry(click.unwrap().session.unwrap().parse().unwrap()).or_default() += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "seed {seed}: counted more than once: {twice:?}");
    times.into_keys().collect()
}

fn live(seed: u64, seen: &Seen) {
    let mut world = World::new(seed);
    for _ in 0..LIVES {
        world.return_to_life(seen);
        let operations_max = *world.dice.pick(&OPERATIONS_MAX);
        world.disk.stop_after(world.dice.below(operations_max) as u64);
        for _ in 0..=world.dice.below(STEPS_MAX) {
            // Of what is sent when the disk is dead nothing can be learned.
            if world.unanswered.is_empty() {
                world.step();
            }
        }
        world.lose_power();
    }
    world.return_to_life(seen);
    // What was lost counts once when it comes again, and what was not counts once still.
    let again: Vec<u64> =
        (1..=world.sent).filter(|tag| tag.is_multiple_of(2) || !world.kept.contains(tag)).collect();
    if !again.is_empty() {
        let store = world.store.as_ref().unwrap();
        for tags in again.chunks(CLICKS_MAX) {
            block_on(store.append(tags.iter().copied().map(tagged).collect())).unwrap();
        }
        assert_eq!(counted(store, seed), (1..=world.sent).collect(), "seed {seed}");
    }
}

#[test]
fn losses_of_power_lose_nothing_acknowledged_count_nothing_twice_and_invent_nothing() {
    let seeds = std::env::var("CLICKTALLY_TESTS_SEEDS").ok().map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let seen = Seen::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let seen = &seen;
            scope.spawn(move || {
                (thread..seeds).step_by(usize::try_from(THREADS).unwrap()).for_each(|seed| live(seed, seen));
            });
        }
    });
    let Seen { torn_tails, unanswered_and_kept, unanswered_and_lost, sealed } = seen;
    let seen = [torn_tails, unanswered_and_kept, unanswered_and_lost, sealed].map(AtomicU64::into_inner);
    println!("torn tails, unanswered and kept, unanswered and lost, returns with sealed days: {seen:?}");
    assert!(seen.iter().all(|times| *times > seeds / 100), "{seen:?} of {seeds}: this test tests a part");
}
