//! Forgetting: days leave the manifest, and parts, searches and keys of a visitor are written anew without theirs. Like a
//! sealing it is one step: all of it counts, or nothing. It must never decide what is to be forgotten.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::{Arc, Weak};

use clicks::{AccountCode, Click, Forget, Forgotten, Search, StoreError, UserCode};
use journal::Position;

use crate::index::counts::{counts_name, put_counts};
use crate::kept::{Shared, read};
use crate::keys::{Fingerprint, KeyKind, KeysError, at_once, run_number};
use crate::recent::corrections::{LearnedRows, Origin};
use crate::sealed::date::day_of_date;
use crate::sealed::manifest::{CountsInfo, Manifest};
use crate::sealed::moved::Moved;
use crate::sealed::part::{Holds, Part, day_folder};
use crate::sealed::publishing::Written;
use crate::sealed::sealing::{Change, Sealer, rows_of};
use crate::sealed::writing::Rows;
use crate::sealed::{DayParts, SealError, Sealed, hash_of};
use crate::store_files::write_file;

/// Parts that nothing names any more. Their files are there while somebody reads them.
#[derive(Default)]
pub struct Leaving {
    clicks: Vec<Weak<Part>>,
    searches: Vec<Weak<Part>>,
}

impl Leaving {
    /// Whether all are gone.
    pub fn are_gone(&self) -> bool {
        self.clicks.iter().all(|part| part.strong_count() == 0)
            && self.searches.iter().all(|part| part.strong_count() == 0)
    }

    /// The parts of one view that another has no longer.
    fn between(before: &Sealed, after: &Manifest) -> Self {
        let numbers: HashSet<u32> =
            after.clicks.iter().chain(&after.searches).map(|part| part.number).collect();
        let days = || before.days.values();
        let clicks = days().flat_map(|day| &day.clicks).filter(|part| !numbers.contains(&part.info().number));
        let searches =
            days().flat_map(|day| &day.searches).filter(|part| !numbers.contains(&part.info().number));
        Self {
            clicks: clicks.map(Arc::downgrade).collect(),
            searches: searches.map(Arc::downgrade).collect(),
        }
    }
}

/// What was forgotten, and what comes of it.
pub struct Forgot {
    pub change: Change,
    pub forgotten: Forgotten,
    pub leaving: Leaving,
}

/// One visitor.
struct Visitor<'a> {
    account: AccountCode,
    user: &'a UserCode,
}

impl Visitor<'_> {
    fn clicked(&self, click: &Click) -> bool {
        click.account == self.account && click.user.as_ref() == Some(self.user)
    }

    fn searched(&self, search: &Search) -> bool {
        search.account == self.account && search.user.as_ref() == Some(self.user)
    }
}

/// What is being erased.
#[derive(Default)]
struct Erasing {
    written: Vec<Written>,
    /// Parts of which nothing is left.
    gone: BTreeSet<u32>,
    moved: Moved,
    /// Ids of clicks and searches.
    ids: HashSet<Fingerprint>,
    /// Searches that nobody waits for any more, with the day of the clicks that did.
    unwaited: HashSet<(Fingerprint, i32)>,
    forgotten: Forgotten,
}

impl Sealer {
    /// Forgets what is sealed: all that was recorded before `begin` has to be, and the journal is needed only from there
    /// on. `None` when there is nothing to do.
    ///
    /// # Errors
    /// [`SealError`]. After [`SealError::UntilRestart`] nothing may be sealed any more.
    pub fn forget(
        &mut self,
        kept: &Shared,
        what: &Forget,
        begin: Position,
    ) -> Result<Option<Forgot>, SealError> {
        match what {
            Forget::DaysBefore { day, keep_counts } => self.remove_days(kept, (*day, *keep_counts), begin),
            Forget::Visitor { account, user } => {
                self.erase(kept, &Visitor { account: *account, user }, begin).map(Some)
            }
        }
    }

    /// The first day that is kept.
    pub fn kept_from(&self) -> i32 {
        self.manifest.kept_from.unwrap_or(i32::MIN)
    }

    fn remove_days(
        &mut self,
        kept: &Shared,
        (day, keep_counts): (i32, bool),
        begin: Position,
    ) -> Result<Option<Forgot>, SealError> {
        if day <= self.kept_from() {
            return Ok(None);
        }
        let before = Arc::clone(&read(kept).sealed);
        let (mut next, mut moved) = (self.manifest.clone(), Moved::default());
        next.begin = next.begin.max(begin);
        next.kept_from = Some(day);
        if keep_counts {
            self.keep_counts(kept, &before, day, &mut next)?;
        } else {
            next.counts_from = Some(day);
        }
        next.counts.retain(|counts| next.counts_from.is_none_or(|from| counts.day >= from));
        let mut forgotten = Forgotten::default();
        for part in next.clicks.extract_if(.., |part| part.day < day) {
            moved.gone(part.number);
            forgotten.clicks += part.rows;
        }
        forgotten.searches = next.searches.extract_if(.., |part| part.day < day).map(|part| part.rows).sum();
        // Keys of these days in other runs go when those are merged.
        next.runs.retain(|run| run.day_last >= day);
        let leaving = Leaving::between(&before, &next);
        let sealed = self.publish(next, &before, &[])?;
        Ok(Some(Forgot { change: Change { sealed, moved, sealed_frozen: false }, forgotten, leaving }))
    }

    /// Writes the counts of days that go.
    fn keep_counts(
        &self,
        kept: &Shared,
        before: &Sealed,
        until: i32,
        next: &mut Manifest,
    ) -> Result<(), SealError> {
        for (number, day) in before.days.range(..until) {
            if day.damaged.is_some() {
                // What is not all there would count too little.
                next.counts_from = next.counts_from.max(Some(number + 1));
                continue;
            }
            for part in &day.clicks {
                let info = part.info();
                let quarters = part.quarters().map_err(|error| part.files().index_damage(error))?;
                let bytes = put_counts(&read(kept).names, info.number, &quarters).ok_or_else(|| {
                    SealError::Damaged("counts have a name that is in no dictionary".into())
                })?;
                let name = counts_name(info.number);
                write_file(self.folders.index.as_ref(), &name, &bytes).map_err(SealError::io(&*name))?;
                let check = crc32fast::hash(&bytes);
                next.counts.push(CountsInfo { number: info.number, day: *number, check });
            }
        }
        Ok(())
    }

    fn erase(&mut self, kept: &Shared, visitor: &Visitor<'_>, begin: Position) -> Result<Forgot, SealError> {
        self.remove_leftovers()?;
        let before = Arc::clone(&read(kept).sealed);
        let mut erasing = Erasing::default();
        for (number, day) in &before.days {
            // Nobody knows what is in a file that can't be read.
            if *number >= before.kept_from {
                day.check(*number).map_err(SealError::from)?;
            }
            for part in &day.clicks {
                self.erase_clicks(kept, visitor, (day, part), &mut erasing)?;
            }
            for part in &day.searches {
                self.erase_searches(kept, visitor, part, &mut erasing)?;
            }
        }
        let mut next = self.manifest.clone();
        next.begin = next.begin.max(begin);
        next.clicks.retain(|part| !erasing.gone.contains(&part.number));
        next.searches.retain(|part| !erasing.gone.contains(&part.number));
        self.erase_keys(&before, &erasing, &mut next)?;
        let Erasing { written, moved, forgotten, .. } = erasing;
        let sealed = self.publish(next, &before, &written)?;
        let leaving = Leaving::between(&before, &self.manifest);
        Ok(Forgot { change: Change { sealed, moved, sealed_frozen: false }, forgotten, leaving })
    }

    fn erase_clicks(
        &mut self,
        kept: &Shared,
        visitor: &Visitor<'_>,
        (day, part): (&DayParts, &Arc<Part>),
        erasing: &mut Erasing,
    ) -> Result<(), SealError> {
        let info = part.info();
        let of = |kind, id: &str| self.key.of(kind, visitor.account, id);
        let mut rows: HashSet<u32> = HashSet::new();
        let mut queries = HashSet::new();
        for (row, click) in (0_u32..).zip(part.files().clicks()?.rows(0..info.rows)) {
            let click = click.map_err(|error| part.files().damage(error))?;
            if visitor.clicked(&click) {
                rows.insert(row);
                erasing.ids.extend(click.id.as_deref().map(|id| of(KeyKind::ClickId, id)));
                queries.extend(click.query_id.as_deref().map(|id| of(KeyKind::Waiting, id)));
            }
            self.go_on(row)?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        for query in queries {
            if !self.others_wait(visitor, day, query)? {
                erasing.unwaited.insert((query, info.day));
            }
        }
        erasing.forgotten.clicks += rows.len() as u64;
        if rows.len() as u64 == info.rows {
            erasing.gone.insert(info.number);
            erasing.moved.gone(info.number);
            return Ok(());
        }
        let number = self.manifest.take_number();
        let none = Arc::new(LearnedRows::new());
        let stays = |row: &Result<crate::sealed::writing::Arriving, SealError>| match row {
            Ok(arriving) => !matches!(arriving.origin, Origin::Sealed { row, .. } if rows.contains(&row)),
            Err(_) => true,
        };
        let rest: Rows<'_> = Box::new(rows_of(part, &none, self.key)?.filter(stays));
        let info = self.write_part(kept, (number, info.day), rest, &mut erasing.moved, false)?;
        erasing.written.push(Written { holds: Holds::Clicks, info, replaces: vec![part.info().number] });
        Ok(())
    }

    /// Whether clicks of others on this day wait for a search.
    fn others_wait(
        &self,
        visitor: &Visitor<'_>,
        day: &DayParts,
        query: Fingerprint,
    ) -> Result<bool, StoreError> {
        let waits = |click: &Click| {
            let id = click.query_id.as_deref().filter(|_| !visitor.clicked(click));
            id.is_some_and(|id| self.key.of(KeyKind::Waiting, click.account, id) == query)
        };
        for part in &day.clicks {
            if part.clicks_waiting(hash_of(query))?.iter().any(|(_, click)| waits(click)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn erase_searches(
        &mut self,
        kept: &Shared,
        visitor: &Visitor<'_>,
        part: &Arc<Part>,
        erasing: &mut Erasing,
    ) -> Result<(), SealError> {
        let info = part.info();
        let of = |search: &Search| self.key.of(KeyKind::SearchId, search.account, &search.id);
        let mut searches = 0;
        for (row, search) in (0_u32..).zip(part.files().searches()?.rows(0..info.rows)) {
            let search = search.map_err(|error| part.files().damage(error))?;
            if visitor.searched(&search) {
                searches += 1;
                erasing.ids.insert(of(&search));
            }
            self.go_on(row)?;
        }
        erasing.forgotten.searches += searches;
        if searches == info.rows {
            erasing.gone.insert(info.number);
        }
        if searches == 0 || searches == info.rows {
            return Ok(());
        }
        let number = self.manifest.take_number();
        let folder = self.day_folder(Holds::Searches, info.day)?;
        let rest = part.files().searches()?.rows(0..info.rows).filter_map(|search| match search {
            Ok(search) if visitor.searched(&search) => None,
            Ok(search) => {
                let hash = hash_of(self.key.of(KeyKind::SearchId, search.account, &search.id));
                Some(Ok((search, hash)))
            }
            Err(error) => Some(Err(part.files().damage(error).into())),
        });
        let written = self.target(number, info.day, folder.as_ref()).write_searches(kept, rest)?;
        erasing.written.push(Written { holds: Holds::Searches, info: written, replaces: vec![info.number] });
        Ok(())
    }

    /// Writes the runs anew that have keys of what goes.
    fn erase_keys(
        &mut self,
        before: &Sealed,
        erasing: &Erasing,
        next: &mut Manifest,
    ) -> Result<(), SealError> {
        let failed = |error: KeysError| SealError::Io {
            file: "keys".into(),
            error: io::Error::other(error.to_string()),
        };
        let unwaited = erasing.unwaited.iter().map(|(query, _)| *query);
        let wanted: Vec<Fingerprint> = erasing.ids.iter().copied().chain(unwaited).collect();
        let numbers = before.keys.runs_with(&wanted).map_err(failed)?;
        // Parts took numbers too: the manifest that is written next has to know.
        next.next = self.manifest.next;
        if numbers.is_empty() {
            return Ok(());
        }
        let number = u64::from(self.manifest.take_number());
        next.next = self.manifest.next;
        let stays = |key: Fingerprint, day: i32| {
            day >= before.kept_from && !erasing.ids.contains(&key) && !erasing.unwaited.contains(&(key, day))
        };
        let merged = before.keys.merge(&numbers, number, stays, &at_once).map_err(failed)?;
        next.runs.retain(|run| !numbers.contains(&run.number));
        next.runs.extend(merged);
        Ok(())
    }

    /// Breaks off, when it is time to, once for some rows.
    fn go_on(&self, row: u32) -> Result<(), SealError> {
        if row.is_multiple_of(4_096) && (self.pace.stopped)() { Err(SealError::Stopped) } else { Ok(()) }
    }

    /// Removes what attempts that came to nothing have left.
    fn remove_leftovers(&self) -> Result<(), SealError> {
        for holds in [Holds::Clicks, Holds::Searches] {
            let folder = self.folders.of(holds);
            let failed = || SealError::io(holds.folder());
            for name in folder.folders().map_err(failed())? {
                if name.strip_prefix("day=").and_then(day_of_date).is_none() {
                    continue;
                }
                let day = folder.folder(&name).map_err(failed())?;
                for file in day.list().map_err(failed())? {
                    if file.starts_with("part-") && file.ends_with(".parquet.new") {
                        day.remove(&file).map_err(failed())?;
                    }
                }
            }
        }
        let listed: BTreeSet<u64> = self.manifest.runs.iter().map(|run| run.number).collect();
        let keys = &self.folders.keys;
        for file in keys.list().map_err(SealError::io("keys"))? {
            if run_number(&file).is_some_and(|number| !listed.contains(&number)) {
                keys.remove(&file).map_err(SealError::io("keys"))?;
            }
        }
        Ok(())
    }

    /// Removes the folders of days that have no parts any more. One that is not empty stays until the next start.
    pub fn remove_empty_days(&self) {
        for (holds, parts) in
            [(Holds::Clicks, &self.manifest.clicks), (Holds::Searches, &self.manifest.searches)]
        {
            let days: HashSet<String> = parts.iter().map(|part| day_folder(part.day)).collect();
            let folder = self.folders.of(holds);
            for name in folder.folders().unwrap_or_default() {
                let date = name.strip_prefix("day=").and_then(day_of_date);
                if date.is_some() && !days.contains(&name) {
                    let _ = folder.remove_folder(&name);
                }
            }
        }
    }
}
