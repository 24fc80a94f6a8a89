//! Random histories with faults, restarts and crashes as ordinary operations, against a plain list.

use std::io::ErrorKind;

use journal::{AppendError, Disk, Fault, Journal, OpenError, Operation, Position, SimulatedDisk, verify};

use crate::world::{Dice, open_from, payload};

const SEEDS: u64 = 2_500;
const STEPS: u64 = 50;

/// What must be there, and what may.
struct Model {
    /// Acknowledged, or seen in a replay: must be there for ever.
    kept: Vec<Vec<u8>>,
    positions: Vec<Position>,
    /// Sent since the last acknowledgement and not acknowledged: may be there after the next opening, not later.
    open: Vec<Vec<u8>>,
    /// Where the journal begins: what the owner keeps durably elsewhere.
    begin: Position,
    sent: u64,
}

struct World {
    disk: SimulatedDisk,
    journal: Option<Journal>,
    model: Model,
    dice: Dice,
    seed: u64,
}

impl World {
    fn append(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        let payloads: Vec<Vec<u8>> = (0..=self.dice.below(4))
            .map(|_| {
                self.model.sent += 1;
                let bytes = if self.dice.below(8) == 0 { 900 } else { 60 };
                payload(self.model.sent, usize::try_from(self.dice.below(bytes)).unwrap())
            })
            .collect();
        let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        match journal.append(&slices) {
            Ok(positions) => {
                self.model.kept.extend(payloads);
                self.model.positions.extend(positions);
                self.model.open.clear();
            }
            Err(AppendError::TooLarge { .. }) => panic!("seed {}: nothing here is too large", self.seed),
            Err(_) => self.model.open.extend(payloads),
        }
    }

    fn read(&mut self) {
        let Some(journal) = &self.journal else { return };
        if self.model.kept.is_empty() {
            return;
        }
        let at = usize::try_from(self.dice.below(self.model.kept.len() as u64)).unwrap();
        if let Ok(read) = journal.reader().read(self.model.positions[at]) {
            assert_eq!(read, self.model.kept[at], "seed {}", self.seed);
        }
    }

    fn turn(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        let before = journal.end();
        let Ok(position) = journal.turn() else { return };
        assert!(position >= before, "seed {}", self.seed);
        assert_eq!(journal.status().end, position, "seed {}", self.seed);
        // What failed before was not in the segment that the turn closed, or was overwritten with zeros.
        self.model.open.clear();
    }

    /// Moves the beginning to some border, and forgets what is before it: first the number, then the files.
    fn forget(&mut self) {
        let Some(journal) = &self.journal else { return };
        let borders = self.model.positions.len() as u64;
        let border = usize::try_from(self.dice.below(borders + 1)).unwrap();
        let begin = self.model.positions.get(border).copied().unwrap_or(journal.status().end);
        self.model.begin = begin;
        self.model.positions.drain(..border);
        self.model.kept.drain(..border);
        let before = journal.status();
        let freed = journal.forgetter().forget_before(begin);
        let after = journal.status();
        assert!(after.segments > 0, "seed {}: the current segment is gone", self.seed);
        if let Ok(bytes) = freed {
            assert_eq!(before.file_bytes - after.file_bytes, bytes, "seed {}", self.seed);
        }
        assert!(journal.forgetter().forget_before(after.end + 8).is_err());
    }

    fn inject(&mut self) {
        let operations = [
            Operation::Create,
            Operation::Write,
            Operation::Sync,
            Operation::Rename,
            Operation::SyncNames,
            Operation::Remove,
        ];
        let operation = operations[usize::try_from(self.dice.below(6)).unwrap()];
        self.disk.inject(Fault {
            operation,
            after: self.dice.below(3),
            times: 1 + self.dice.below(2),
            error: if self.dice.below(2) == 0 { ErrorKind::StorageFull } else { ErrorKind::Other },
            bytes_written: usize::try_from(self.dice.below(2000)).unwrap(),
        });
    }

    /// After an opening there are exactly the files that the journal counts.
    fn check_files(&self, journal: &Journal) {
        if let Ok(names) = self.disk.list() {
            assert_eq!(names.len() as u64, journal.status().segments, "seed {}: {names:?}", self.seed);
        }
    }

    /// Ends the process, by power loss or not, and opens again: acknowledged ⊆ recovered ⊆ sent, in order, each once.
    fn reopen(&mut self, power_loss: bool) {
        self.journal = None;
        if power_loss {
            self.disk.crash(self.dice.next())
        } else {
            self.disk.restart()
        }
        if self.dice.below(4) == 0 {
            self.disk.stop_after(self.dice.below(8));
        }
        let opened = match open_from(&self.disk, self.model.begin) {
            Ok(opened) => opened,
            Err(OpenError::Io { .. }) => return,
            Err(error) => panic!("seed {}: {error}", self.seed),
        };
        let payloads = opened.payloads();
        let (kept, rest) = payloads.split_at_checked(self.model.kept.len()).unwrap_or_else(|| {
            panic!("seed {}: {} of {} recovered", self.seed, payloads.len(), self.model.kept.len())
        });
        assert_eq!(kept, self.model.kept, "seed {}", self.seed);
        let mut sent = self.model.open.iter();
        for payload in rest {
            assert!(sent.any(|sent| sent == payload), "seed {}: never sent, or came back late", self.seed);
        }
        self.model.positions = opened.frames.iter().map(|(position, _)| *position).collect();
        self.model.kept = payloads;
        self.model.open.clear();
        self.check_files(&opened.journal);
        self.journal = Some(opened.journal);
        let verified = verify(&self.disk, self.model.begin);
        if let Ok(verified) = verified.as_ref().map(|verified| verified.findings.first()) {
            // Unless the disk is dead by now, what was just opened has nothing to be found.
            let unreadable = verified.is_some_and(|found| found.to_string().contains("dead"));
            assert!(verified.is_none() || unreadable, "seed {}: {verified:?}", self.seed);
        }
    }
}

#[test]
fn acknowledged_is_within_recovered_is_within_sent_whatever_happens() {
    for seed in 0..SEEDS {
        let model = Model { kept: Vec::new(), positions: Vec::new(), open: Vec::new(), begin: 0, sent: 0 };
        let mut world = World { disk: SimulatedDisk::new(), journal: None, model, dice: Dice(seed), seed };
        world.reopen(false);
        for _ in 0..STEPS {
            match world.dice.below(24) {
                0 => world.reopen(true),
                1 => world.reopen(false),
                2 => world.inject(),
                3 => world.disk.heal(),
                4 => world.disk.stop_after(world.dice.below(12)),
                5 => world.read(),
                6 => world.turn(),
                7..9 => world.forget(),
                _ => world.append(),
            }
        }
        world.reopen(true);
    }
}
