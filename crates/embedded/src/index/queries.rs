//! Queries: which searches a part's clicks name, or which searches it has, so that searches are joined to the clicks that name
//! them without a name. Each is a mark, a part of the fingerprint of the search's id, with an instant. It must never know
//! what is counted.

use std::cmp::Ordering;
use std::ops::Range;

use clicks::{CLICKED_WITHIN_MS, Measure};

use crate::index::directory::{place, u32_at};
use crate::index::users::{MARK_BYTES, Mark};
use crate::recent::day::{DAY_MS, Row};

/// How many bytes an entry takes: its mark, then the millisecond of its day, highest byte first.
pub const QUERY_BYTES: usize = MARK_BYTES + 4;
/// How many bytes the row of a search takes.
const ROW_BYTES: usize = 4;

/// A mark with the millisecond of its UTC day. The order of the bytes is that of marks, then of instants.
pub type QueryEntry = [u8; QUERY_BYTES];

/// The entry of a row; `None` for a click that names no search.
pub fn query_entry(mark: Mark, at_ms: i64) -> Option<QueryEntry> {
    if mark == Mark::NOBODY {
        return None;
    }
    let mut entry = [0; QUERY_BYTES];
    let (of_mark, of_instant) = entry.split_at_mut(MARK_BYTES);
    of_mark.copy_from_slice(&mark.0);
    // A day's milliseconds fit.
    let ms = u32::try_from(at_ms.rem_euclid(DAY_MS)).unwrap_or_default();
    of_instant.copy_from_slice(&ms.to_be_bytes());
    Some(entry)
}

/// Adds the entries of a part's rows, sorted; of searches then, in the same order, their rows, counted through all engines.
pub fn put_queries<'r>(out: &mut Vec<u8>, rows: impl Iterator<Item = &'r Row>, measure: Measure) {
    let numbered = (0_u32..).zip(rows);
    let entry = |(number, row): (u32, &Row)| Some((query_entry(row.search, row.at_ms)?, number));
    let mut entries: Vec<(QueryEntry, u32)> = numbered.filter_map(entry).collect();
    entries.sort_unstable();
    entries.iter().for_each(|(entry, _)| out.extend_from_slice(entry));
    if measure != Measure::Clicks {
        entries.iter().for_each(|(_, row)| out.extend_from_slice(&row.to_le_bytes()));
    }
}

/// Entries of one UTC day, sorted.
#[derive(Debug, Clone, Copy)]
pub struct Queries<'a> {
    entries: &'a [QueryEntry],
    rows: &'a [u8],
}

impl<'a> Queries<'a> {
    /// Entries in memory.
    pub const fn of(entries: &'a [QueryEntry]) -> Self {
        Self { entries, rows: &[] }
    }

    /// What a part of clicks has; `None` when the bytes can't be what was written.
    pub fn of_clicks(bytes: &'a [u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks();
        rest.is_empty().then_some(Self { entries, rows: &[] })
    }

    /// What a part of searches has; `None` when the bytes can't be what was written.
    pub fn of_searches(bytes: &'a [u8]) -> Option<Self> {
        let searches = bytes.len() / (QUERY_BYTES + ROW_BYTES);
        let (entries, rows) = bytes.split_at_checked(searches * QUERY_BYTES)?;
        let is_whole = rows.len() == searches * ROW_BYTES;
        is_whole.then_some(Self { entries: entries.as_chunks().0, rows })
    }

    /// The row of a search, by its place here.
    pub fn row(&self, at: usize) -> usize {
        place(u32_at(self.rows, at * ROW_BYTES))
    }

    /// The first place from `from` on whose mark is not less. Near ones are found soonest.
    fn skip(&self, from: usize, mark: (u64, u16)) -> usize {
        let is_before = |at: usize| self.entries.get(at).is_some_and(|entry| mark_of(entry) < mark);
        let mut step = 1;
        while is_before(from + step) {
            step *= 2;
        }
        let (mut low, mut high) = (from + step / 2, (from + step).min(self.entries.len()));
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_before(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// A mark as numbers, which are compared faster than bytes.
fn mark_of(entry: &QueryEntry) -> (u64, u16) {
    let [first @ .., a, b, _, _, _, _] = entry;
    (u64::from_be_bytes(*first), u16::from_be_bytes([*a, *b]))
}

fn ms_of(entry: &QueryEntry) -> i64 {
    let [.., a, b, c, d] = entry;
    i64::from(u32::from_be_bytes([*a, *b, *c, *d]))
}

/// Shows the place of each search that a click names, no more than [`CLICKED_WITHIN_MS`] away; the clicks are of the UTC day that
/// is so many after that of the searches.
pub fn join(searches: Queries<'_>, clicks: Queries<'_>, days_after: i64, mut show: impl FnMut(usize)) {
    let shift_ms = days_after * DAY_MS;
    let (mut search, mut click) = (0, 0);
    while let (Some(asked), Some(clicked)) = (searches.entries.get(search), clicks.entries.get(click)) {
        let (mark, named) = (mark_of(asked), mark_of(clicked));
        match mark.cmp(&named) {
            Ordering::Less => search = searches.skip(search, named),
            Ordering::Greater => click = clicks.skip(click, mark),
            Ordering::Equal => {
                let same = clicks.entries.get(click..).unwrap_or_default().iter();
                let mut same = same.take_while(|entry| mark_of(entry) == mark);
                let at_ms = ms_of(asked) - shift_ms;
                if same.any(|entry| (ms_of(entry) - at_ms).abs() <= CLICKED_WITHIN_MS) {
                    show(search);
                }
                search += 1;
            }
        }
    }
}

/// A bit for each of many rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Sets the bit of a row.
    pub fn set(&mut self, row: usize) {
        let word = row / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (row % 64);
        }
    }

    /// Whether the bit of a row is set.
    pub fn has(&self, row: usize) -> bool {
        self.0.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// How many bits of some rows are set.
    pub fn ones(&self, rows: Range<usize>) -> u64 {
        if rows.is_empty() {
            return 0;
        }
        let (first, last) = (rows.start / 64, (rows.end - 1) / 64);
        let from = u64::MAX << (rows.start % 64);
        let until = u64::MAX >> (63 - (rows.end - 1) % 64);
        let words = self.0.get(first..(last + 1).min(self.0.len())).unwrap_or_default();
        let masked = (first..).zip(words).map(|(at, word)| {
            let from = if at == first { from } else { u64::MAX };
            let until = if at == last { until } else { u64::MAX };
            u64::from((word & from & until).count_ones())
        });
        masked.sum()
    }

    /// About how many bytes they take.
    pub const fn memory_bytes(&self) -> usize {
        self.0.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clicks::conformance::Dice;

    use super::*;

    fn entry(dice: &mut Dice, marks: usize) -> QueryEntry {
        let number = 1 + dice.below(marks) as u64;
        // Some differ in their last bytes alone.
        let first = if number.is_multiple_of(3) { 7 } else { number.wrapping_mul(0x9e37_79b9_7f4a_7c15) };
        let mut mark = [0; MARK_BYTES];
        mark[..8].copy_from_slice(&first.to_be_bytes());
        mark[8..].copy_from_slice(&u16::try_from(number).unwrap().to_be_bytes());
        query_entry(Mark(mark), *dice.pick(&[0, 1, 50_000_000, DAY_MS - 1])).unwrap()
    }

    fn entries(dice: &mut Dice, many: usize, marks: usize) -> Vec<QueryEntry> {
        let mut entries: Vec<QueryEntry> = (0..dice.below(many + 1)).map(|_| entry(dice, marks)).collect();
        entries.sort_unstable();
        entries
    }

    #[test]
    fn searches_are_joined_to_clicks_as_pairs_say() {
        let mut dice = Dice::new(8);
        let mut joined = 0;
        for round in 0..400 {
            let marks = *dice.pick(&[1, 5, 300, 9_000]);
            let (few, many) = *dice.pick(&[(3, 300), (300, 3), (200, 200), (0, 9)]);
            let (searches, clicks) = (entries(&mut dice, few, marks), entries(&mut dice, many, marks));
            for days_after in -1..=1 {
                let near = |search: &QueryEntry, click: &QueryEntry| {
                    mark_of(search) == mark_of(click)
                        && (ms_of(click) + days_after * DAY_MS - ms_of(search)).abs() <= CLICKED_WITHIN_MS
                };
                let due: Vec<usize> = (0..searches.len())
                    .filter(|at| clicks.iter().any(|click| near(&searches[*at], click)))
                    .collect();
                let mut found = Vec::new();
                join(Queries::of(&searches), Queries::of(&clicks), days_after, |at| found.push(at));
                assert_eq!(found, due, "round {round}, {days_after} days after");
                joined += found.len();
            }
        }
        assert!(joined > 1_000, "{joined}");
    }

    #[test]
    fn bits_count_as_a_set_does() {
        let mut dice = Dice::new(2);
        for rows in [1, 63, 64, 65, 1_000] {
            let (mut bits, mut set) = (Bits::default(), BTreeSet::new());
            for _ in 0..dice.below(rows) {
                let row = dice.below(rows);
                bits.set(row);
                set.insert(row);
            }
            for _ in 0..200 {
                let (a, b) = (dice.below(rows + 70), dice.below(rows + 70));
                let range = a.min(b)..a.max(b);
                assert_eq!(bits.ones(range.clone()), set.range(range.clone()).count() as u64, "{range:?}");
                assert_eq!(bits.has(a), set.contains(&a));
            }
        }
    }
}
