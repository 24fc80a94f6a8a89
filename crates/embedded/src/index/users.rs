//! Visitors: which of them a part's clicks are of, so that different ones can be counted without a name. Each is a mark, a
//! part of the fingerprint of the user code. It must never know who it is.

use std::sync::Arc;

use clicks::{AccountCode, Click, Search, StoreError, UserCode};

use crate::index::numbers::{Numbers, width_of};
use crate::keys::{Fingerprint, FingerprintKey, KeyKind};
use crate::recent::day::Row;

/// How many bytes a mark has: among a hundred million visitors the chance that any two have one mark is below 10^-8.
pub const MARK_BYTES: usize = 10;

/// How many bytes a mark of a part takes while visitors are counted, with its clicks.
pub const COUNTED_MARK_BYTES: usize = MARK_BYTES + size_of::<u32>();
/// How many bytes a mark takes that is of no part.
pub const LOOSE_MARK_BYTES: usize = size_of::<(Mark, i64)>();
/// How many bytes the marks of one engine in one part take besides, about.
pub const PLACE_BYTES: usize = size_of::<Place>() + 64;

/// What stands for a visitor: the highest 80 bits of the fingerprint of the user code, highest byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mark(pub [u8; MARK_BYTES]);

/// What a row has marks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    pub user: Mark,
    /// Of a click the search that it names, of a search itself.
    pub search: Mark,
}

impl Marks {
    /// Those of a click.
    pub fn of_click(click: &Click, key: &FingerprintKey) -> Self {
        let search = click.query_id.as_deref();
        Self {
            user: Mark::of(click.account, click.user.as_ref(), key),
            search: search.map_or(Mark::NOBODY, |id| Mark::of_search(click.account, id, key)),
        }
    }

    /// Those of a search.
    pub fn of_search(search: &Search, key: &FingerprintKey) -> Self {
        Self {
            user: Mark::of(search.account, search.user.as_ref(), key),
            search: Mark::of_search(search.account, &search.id, key),
        }
    }
}

impl Mark {
    /// A click that tells no visitor, or no search.
    pub const NOBODY: Self = Self([0; MARK_BYTES]);

    /// The mark of an account's visitor.
    pub fn of(account: AccountCode, user: Option<&UserCode>, key: &FingerprintKey) -> Self {
        let fingerprint = user.map(|user| key.of(KeyKind::User, account, user.as_str()));
        fingerprint.map_or(Self::NOBODY, Self::from_fingerprint)
    }

    /// The mark of an account's search.
    pub fn of_search(account: AccountCode, id: &str, key: &FingerprintKey) -> Self {
        Self::from_fingerprint(key.of(KeyKind::SearchId, account, id))
    }

    fn from_fingerprint(user: Fingerprint) -> Self {
        let mut mark = [0; MARK_BYTES];
        // A fingerprint has 96 bits, in the lower part of its number.
        let bytes = user.number().to_be_bytes();
        mark.copy_from_slice(&bytes[4..4 + MARK_BYTES]);
        Self(mark)
    }

    fn first(self) -> u64 {
        self.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

/// Adds the visitors of one engine's rows: their marks, sorted, then for each row the place of its mark and one more, or 0.
/// Returns how many marks there are; nothing is added where there are none.
pub fn put_users(out: &mut Vec<u8>, rows: &[Row]) -> usize {
    let mut marks: Vec<Mark> = rows.iter().map(|row| row.user).filter(|user| *user != Mark::NOBODY).collect();
    marks.sort_unstable();
    marks.dedup();
    if marks.is_empty() {
        return 0;
    }
    marks.iter().for_each(|mark| out.extend_from_slice(&mark.0));
    let width = width_of(marks.len());
    for row in rows {
        let place = marks.binary_search(&row.user).map_or(0, |place| place + 1);
        out.extend_from_slice(&place.to_le_bytes()[..width]);
    }
    marks.len()
}

/// How many bytes the visitors of some rows take.
pub const fn users_bytes(marks: usize, rows: usize) -> Option<usize> {
    if marks == 0 {
        return Some(0);
    }
    match (marks.checked_mul(MARK_BYTES), rows.checked_mul(width_of(marks))) {
        (Some(marks), Some(rows)) => marks.checked_add(rows),
        _ => None,
    }
}

/// By row the place of its mark and one more, or 0: of bytes that [`put_users`] wrote.
pub fn users_of_rows(bytes: &[u8], marks: usize, rows: usize) -> Option<Numbers<'_>> {
    Numbers::new(bytes.get(marks.checked_mul(MARK_BYTES)?..)?, rows, marks)
}

/// Marks with the same first bits: one of 2^bits shares of all marks. They are counted one after the other where memory is short.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    number: u64,
    bits: u32,
}

impl Share {
    /// The share that a mark is in.
    fn of(self, mark: Mark) -> u64 {
        mark.first() >> 1 >> (63 - self.bits)
    }

    fn has(self, mark: Mark) -> bool {
        self.of(mark) == self.number
    }

    /// The first 64 bits that tell marks of one share apart.
    fn rest(self, mark: Mark) -> u64 {
        mark.first() << self.bits
    }
}

/// The visitors that a question has met, from many places.
#[derive(Debug, Default)]
pub struct Visitors {
    places: Vec<Place>,
    /// Marks that come from no part, each with how many more of its clicks were added than taken back.
    loose: Vec<(Mark, i64)>,
    /// With so many of these, those of one visitor become one.
    fold_at: usize,
    /// Of which marks the places are, and how many visitors the shares before had.
    share: Share,
    counted: u64,
}

/// The marks of one engine in one part.
#[derive(Debug)]
struct Place {
    bytes: Arc<Vec<u8>>,
    /// Where the first mark lies, and how many there are.
    at: usize,
    marks: usize,
    /// By mark, how many clicks pass; `None` when all do.
    clicks: Option<Vec<u32>>,
}

impl Place {
    fn mark(&self, number: usize) -> Option<Mark> {
        let bytes = self.bytes.get(self.at + number * MARK_BYTES..)?;
        bytes.first_chunk().copied().map(Mark)
    }

    /// Those of its marks that are in a share, copied.
    fn part_of(&self, share: Share) -> Self {
        let before = |number: u64| {
            let (mut low, mut high) = (0, self.marks);
            while low < high {
                let middle = usize::midpoint(low, high);
                let is_before = self.mark(middle).is_some_and(|mark| share.of(mark) < number);
                if is_before { low = middle + 1 } else { high = middle }
            }
            low
        };
        let (from, until) = (before(share.number), before(share.number + 1));
        let bytes = self.at + from * MARK_BYTES..self.at + until * MARK_BYTES;
        let clicks = self.clicks.as_ref();
        Self {
            bytes: Arc::new(self.bytes.get(bytes).unwrap_or_default().to_vec()),
            at: 0,
            marks: until - from,
            clicks: clicks.map(|clicks| clicks.get(from..until).unwrap_or_default().to_vec()),
        }
    }
}

/// Loose marks below this number are not folded.
const FOLD_MIN: usize = 1 << 16;

/// Buckets are made so that this many marks lie in each, about: their table stays in the fastest memory.
const BUCKET_MARKS: usize = 512;

impl Visitors {
    /// Adds a click, or takes one back: each that is taken back has been added, or will be.
    pub fn add(&mut self, user: Mark, clicks: i64) {
        if user == Mark::NOBODY {
            return;
        }
        self.loose.push((user, clicks));
        if self.loose.len() >= self.fold_at.max(FOLD_MIN) {
            self.fold();
            self.fold_at = self.loose.len() * 2;
        }
    }

    /// Makes the loose marks of one visitor one.
    fn fold(&mut self) {
        self.loose.sort_unstable();
        self.loose.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
    }

    /// All parts will be added 2^bits times, a share of their marks each time. No part was added yet.
    pub const fn divide(&mut self, bits: u32) {
        self.share.bits = bits;
    }

    /// Counts the share of which all parts were added, and begins the next; `false` when it was the last.
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`].
    pub fn next_share(&mut self, stop: &dyn Fn() -> bool) -> Result<bool, StoreError> {
        if self.share.number + 1 >= 1 << self.share.bits {
            return Ok(false);
        }
        self.counted += self.count_share(stop)?;
        self.places.clear();
        self.share.number += 1;
        Ok(true)
    }

    /// Adds the visitors of one engine in one part: the marks that lie in `bytes` from a place on, and how many clicks of
    /// each pass, or that all do.
    pub fn add_part(&mut self, bytes: &Arc<Vec<u8>>, at: usize, marks: usize, clicks: Option<Vec<u32>>) {
        let all = Place { bytes: Arc::clone(bytes), at, marks, clicks };
        let place = if self.share.bits == 0 { all } else { all.part_of(self.share) };
        if place.marks > 0 {
            self.places.push(place);
        }
    }

    /// How many different visitors have clicks that count.
    ///
    /// # Errors
    /// [`StoreError::OutOfTime`].
    pub fn count(mut self, stop: &dyn Fn() -> bool) -> Result<u64, StoreError> {
        Ok(self.counted + self.count_share(stop)?)
    }

    /// Goes through the marks of a share in their order, a bucket at a time, so that only one is in memory.
    fn count_share(&mut self, stop: &dyn Fn() -> bool) -> Result<u64, StoreError> {
        let share = self.share;
        self.fold();
        let loose: Vec<_> = self.loose.iter().filter(|(mark, _)| share.has(*mark)).collect();
        let all = loose.len() + self.places.iter().map(|place| place.marks).sum::<usize>();
        let bits = (all / BUCKET_MARKS).next_power_of_two().ilog2();
        let mut next = vec![0; self.places.len()];
        let (mut next_loose, mut bucket, mut users) = (0, Bucket::default(), 0);
        for number in 0..1_u64 << bits {
            if number % 64 == 0 && stop() {
                return Err(StoreError::OutOfTime);
            }
            let here = |mark: &Mark| share.rest(*mark) >> 1 >> (63 - bits) <= number;
            for (place, next) in self.places.iter().zip(&mut next) {
                while let Some(mark) = (*next < place.marks).then(|| place.mark(*next)).flatten().filter(here)
                {
                    let clicks = place.clicks.as_ref().map_or(Some(1), |clicks| clicks.get(*next).copied());
                    *next += 1;
                    if let Some(clicks) = clicks.filter(|clicks| *clicks > 0) {
                        bucket.add(mark, i64::from(clicks), share.bits + bits);
                    }
                }
            }
            while let Some((mark, clicks)) = loose.get(next_loose).filter(|(mark, _)| here(mark)) {
                next_loose += 1;
                bucket.add(*mark, *clicks, share.bits + bits);
            }
            users += bucket.drain();
        }
        Ok(users)
    }
}

/// The marks of one bucket, each once: a table of open addresses.
#[derive(Debug, Default)]
struct Bucket {
    slots: Vec<Option<(Mark, i64)>>,
    used: Vec<usize>,
}

impl Bucket {
    fn add(&mut self, mark: Mark, clicks: i64, bits: u32) {
        if self.used.len() * 2 >= self.slots.len() {
            self.grow(bits);
        }
        let found = self.slot(mark, bits);
        match self.slots.get_mut(found) {
            Some(Some((_, known))) => *known += clicks,
            Some(slot) => {
                *slot = Some((mark, clicks));
                self.used.push(found);
            }
            None => {}
        }
    }

    /// The slot of a mark, or the free one that it would get. One slot in two is free.
    fn slot(&self, mark: Mark, bits: u32) -> usize {
        let last = self.slots.len() - 1;
        // The bits after those that all marks of the bucket have in common.
        let mut at = usize::try_from(mark.first().unbounded_shl(bits) >> 32).unwrap_or(0) & last;
        while self.slots.get(at).copied().flatten().is_some_and(|(known, _)| known != mark) {
            at = (at + 1) & last;
        }
        at
    }

    fn grow(&mut self, bits: u32) {
        let length = (self.slots.len() * 2).max(BUCKET_MARKS * 4);
        let before = std::mem::replace(&mut self.slots, vec![None; length]);
        self.used.clear();
        for (mark, clicks) in before.into_iter().flatten() {
            let slot = self.slot(mark, bits);
            if let Some(free) = self.slots.get_mut(slot) {
                *free = Some((mark, clicks));
                self.used.push(slot);
            }
        }
    }

    /// Empties the bucket, and says how many marks have clicks that count.
    fn drain(&mut self) -> u64 {
        let slots = &mut self.slots;
        let counted =
            |slot: usize| slots.get_mut(slot).and_then(Option::take).is_some_and(|(_, clicks)| clicks > 0);
        self.used.drain(..).map(counted).filter(|counted| *counted).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clicks::conformance::Dice;

    use super::*;

    /// Some lie all over, some all in the first bucket.
    fn mark(number: u64) -> Mark {
        let shown =
            if number.is_multiple_of(2) { number.wrapping_mul(0x9e37_79b9_7f4a_7c15) } else { number };
        Mark::from_fingerprint(Fingerprint::from_number(u128::from(shown) << 32 | 1 << 16))
    }

    #[test]
    fn visitors_of_many_places_count_once_each() {
        let mut dice = Dice::new(3);
        for visitors in [1, 2, 500, 5_000, 60_000, 3, 800, 9_000, 20_000] {
            let (mut met, mut due) = (Visitors::default(), BTreeMap::<Mark, i64>::new());
            let bits = *dice.pick(&[0, 0, 1, 3]);
            met.divide(bits);
            let mut parts = Vec::new();
            for _ in 0..dice.below(5) {
                let mut here: Vec<Mark> =
                    (0..=dice.below(visitors)).map(|_| mark(dice.below(visitors) as u64)).collect();
                here.sort_unstable();
                here.dedup();
                let mut bytes = vec![0xff; 3];
                here.iter().for_each(|mark| bytes.extend_from_slice(&mark.0));
                let clicks: Option<Vec<u32>> =
                    dice.once_in(2).then(|| here.iter().map(|_| *dice.pick(&[0, 1, 2])).collect());
                for (place, mark) in here.iter().enumerate() {
                    *due.entry(*mark).or_default() +=
                        clicks.as_ref().map_or(1, |clicks| i64::from(clicks[place]));
                }
                parts.push((Arc::new(bytes), here.len(), clicks));
            }
            for _ in 0..dice.below(visitors) {
                let (mark, clicks) = (mark(dice.below(visitors) as u64), *dice.pick(&[1, 1, -1]));
                met.add(mark, clicks);
                *due.entry(mark).or_default() += clicks;
            }
            met.add(Mark::NOBODY, 1);
            let mut shares = 0;
            loop {
                parts
                    .iter()
                    .for_each(|(bytes, marks, clicks)| met.add_part(bytes, 3, *marks, clicks.clone()));
                shares += 1;
                if !met.next_share(&|| false).unwrap() {
                    break;
                }
            }
            assert_eq!(shares, 1 << bits);
            let due = due.values().filter(|clicks| **clicks > 0).count() as u64;
            assert_eq!(met.count(&|| false), Ok(due), "{visitors} visitors");
        }
    }

    #[test]
    fn no_visitors_are_none_and_counting_them_stops_in_time() {
        assert_eq!(Visitors::default().count(&|| false), Ok(0));
        let mut met = Visitors::default();
        met.add(mark(7), 1);
        assert_eq!(met.count(&|| true), Err(StoreError::OutOfTime));
    }
}
