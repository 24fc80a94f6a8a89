//! How fast keys are written, merged and looked up. Not run by default:
//!
//! `KEYS_MILLIONS=10 cargo test --release -p embedded keys_speed -- --ignored --nocapture`

use std::sync::Arc;
use std::time::Instant;

use clicks::conformance::Dice;
use journal::{Disk, FolderDisk};

use super::{entries_of, key};
use crate::keys::{Fingerprint, Keys, KeysOptions, RunInfo, at_once, run_name, verify_run, write_run};

const LOOKS: usize = 1_000_000;
const DAYS: usize = 365;

fn timed<T>(what: &str, count: u64, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    let seconds = begun.elapsed().as_secs_f64();
    let each = seconds * 1e9 / count as f64;
    println!("{what:<44} {seconds:>8.3} s {each:>9.1} ns each {:>9.2} M/s", 1e3 / each);
    result
}

fn look(keys: &Keys, here: &[Fingerprint], dice: &mut Dice) {
    let absent: Vec<Fingerprint> =
        entries_of(dice, LOOKS, 1).into_iter().map(|(fingerprint, _)| fingerprint).collect();
    let mut shuffled = absent.clone();
    for place in (1..shuffled.len()).rev() {
        shuffled.swap(place, dice.below(place + 1));
    }
    let present: Vec<Fingerprint> = (0..LOOKS).map(|_| *dice.pick(here)).collect();
    let count = |wanted: &[Fingerprint]| wanted.iter().filter(|one| keys.contains(**one).unwrap()).count();
    let many = |wanted: &[Fingerprint], batch: usize| {
        let there = wanted.chunks(batch).flat_map(|part| keys.contains_many(part).unwrap());
        there.filter(|there| *there).count()
    };
    let looks = LOOKS as u64;
    assert_eq!(timed("  absent, one by one", looks, || count(&shuffled)), 0);
    assert_eq!(timed("  present, one by one", looks, || count(&present)), LOOKS);
    assert_eq!(timed("  absent, in batches of 4,096", looks, || many(&shuffled, 4_096)), 0);
    assert_eq!(timed("  present, in batches of 4,096", looks, || many(&present, 4_096)), LOOKS);
    assert_eq!(timed("  absent, in one batch", looks, || many(&shuffled, LOOKS)), 0);
    assert_eq!(timed("  present, in one batch", looks, || many(&present, LOOKS)), LOOKS);
}

#[test]
#[ignore = "measures, and takes a minute"]
fn keys_speed() {
    let millions = std::env::var("KEYS_MILLIONS").map_or(10, |text| text.parse().unwrap());
    let entries = millions * 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FolderDisk::open(folder.path()).unwrap());
    let mut dice = Dice::new(1);
    let mut number = 0;
    for runs in [1, 4, 10] {
        println!("{entries} entries in {runs} runs");
        let (mut listed, mut here): (Vec<RunInfo>, _) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            // Runs of a part of the year have that part of its days.
            let part = entries_of(&mut dice, entries / runs, DAYS / runs);
            here.extend(part.iter().step_by(10).map(|(fingerprint, _)| *fingerprint));
            number += 1;
            let write = || write_run(disk.as_ref(), &key(), number, part.iter().copied()).unwrap().unwrap();
            listed.push(timed("  write_run", part.len() as u64, write));
        }
        let bytes: u64 = listed.iter().map(|info| info.bytes).sum();
        println!("  {:.2} bytes an entry", bytes as f64 / entries as f64);
        let open = |filter_bytes_max| {
            Keys::open(disk.clone(), &key(), &listed, KeysOptions { filter_bytes_max }).unwrap()
        };
        let keys = timed("  open", entries as u64, || open(128 << 20));
        println!("  {:.1} MB of memory", keys.memory_bytes() as f64 / 1e6);
        look(&keys, &here, &mut dice);
        if runs == 1 {
            println!(" with half the filter");
            look(&open(keys.memory_bytes() / 2), &here, &mut dice);
            println!(" with no filter");
            look(&open(0), &here, &mut dice);
        } else {
            number += 1;
            let numbers: Vec<u64> = listed.iter().map(|info| info.number).collect();
            let merge = || keys.merge(&numbers, number, |_, _| true, &at_once).unwrap().unwrap();
            let merged = timed("  merge", entries as u64, merge);
            let verify = || verify_run(disk.as_ref(), &key(), &merged, &at_once).unwrap();
            timed("  verify", entries as u64, verify);
            disk.remove(&run_name(number)).unwrap();
        }
        for info in listed {
            disk.remove(&run_name(info.number)).unwrap();
        }
    }
}
