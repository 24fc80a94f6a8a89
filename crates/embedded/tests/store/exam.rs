//! The exam, and random histories with reopenings and losses of power, against the oracle.

use crate::candidates::{AlwaysSealed, InFolder, SMALL_SEGMENT_BYTES, Simulated, options};
use clicks::conformance::{exam, random_history};
use embedded::EmbeddedOptions;

const EXAM_SEGMENT_BYTES: u64 = 256 << 10;
/// 20,000 in the long run: `CLICKTALLY_TESTS_SEEDS=20000`.
const SEEDS: u64 = 2_000;
const THREADS: u64 = 2;

#[test]
fn the_exam_is_passed_on_a_simulated_disk() {
    let failures = exam(|| Simulated::new(options(EXAM_SEGMENT_BYTES)));
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_exam_is_passed_in_a_folder() {
    let failures = exam(|| InFolder::new(options(EXAM_SEGMENT_BYTES)));
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_exam_is_passed_from_sealed_days() {
    for part_rows_max in [1, 3, 1_000] {
        let failures =
            exam(|| AlwaysSealed::new(EmbeddedOptions { part_rows_max, ..options(EXAM_SEGMENT_BYTES) }));
        assert!(failures.is_empty(), "{failures:#?}");
    }
}

fn seeds() -> u64 {
    std::env::var("CLICKTALLY_TESTS_SEEDS").ok().map_or(SEEDS, |seeds| seeds.parse().unwrap())
}

#[test]
fn random_histories_with_losses_of_power_agree_with_the_oracle() {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for seed in (thread..seeds()).step_by(usize::try_from(THREADS).unwrap()) {
                    let mut options = options(SMALL_SEGMENT_BYTES);
                    options.spare = seed % 3 == 0;
                    random_history(&mut Simulated::new(options), seed).unwrap();
                }
            });
        }
    });
}
