//! All that is kept: what was recorded since the last sealing, what is being sealed, and the sealed days, behind one
//! lock. Looking something up may read the disk and can fail; keeping it can't. It must never wait for the disk while it
//! changes.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use clicks::{AccountCode, Click, Search, StoreError};
use journal::Position;

use crate::index::users::{Mark, Marks};
use crate::keys::{Fingerprint, FingerprintKey, KeyKind};
use crate::names::Names;
use crate::recent::corrections::{Learned, Origin};
use crate::recent::day::{Row, RowPlace, day_of};
use crate::recent::{Recent, learns, learns_from, row_of};
use crate::record::RecordError;
use crate::sealed::Sealed;
use crate::sealed::moved::Moved;
use crate::sealed::sealing::Change;

/// What is being sealed: it changes no more, and is counted until its days are in its place.
#[derive(Debug)]
pub struct Frozen {
    /// Tells it apart from what was frozen before.
    pub freezing: u64,
    pub recent: Recent,
    /// All its records, and none other that is not sealed, lie before this position of the journal.
    pub end: Position,
}

impl Frozen {
    /// What a correction of one of its clicks is known by.
    pub const fn origin(&self, row: RowPlace) -> Origin {
        Origin::Frozen { freezing: self.freezing, row }
    }
}

/// Everything that is kept.
pub struct Kept {
    pub names: Names,
    pub active: Recent,
    pub frozen: Option<Arc<Frozen>>,
    pub sealed: Arc<Sealed>,
    /// The first UTC day of which anything is taken. Days before it are removed, or are about to be.
    taken_from: i32,
    /// Where the rows went that were sealed or written anew last: a record may have been looked up before.
    moved: Moved,
    freezings: u64,
    key: FingerprintKey,
}

/// What was found for a click before it was kept.
#[derive(Debug, Default)]
pub struct FoundForClick {
    id: Option<Fingerprint>,
    /// Its search, where that is sealed or being sealed.
    search: Option<Arc<Search>>,
}

/// What was found for a search before it was kept.
#[derive(Debug)]
pub struct FoundForSearch {
    query: Fingerprint,
    /// Clicks that wait for it, and are sealed or being sealed.
    waiting: Vec<(Origin, Click)>,
}

impl Kept {
    /// Nothing but sealed days.
    pub fn new(names: Names, sealed: Arc<Sealed>, key: FingerprintKey) -> Self {
        let taken_from = sealed.kept_from;
        let (active, moved) = (Recent::default(), Moved::default());
        Self { names, active, frozen: None, sealed, taken_from, moved, freezings: 0, key }
    }

    /// From now on nothing is taken of days before this one.
    pub fn take_from(&mut self, day: i32) {
        self.taken_from = self.taken_from.max(day);
    }

    /// Whether something of this instant comes too late: its day is removed.
    pub fn is_expired(&self, at_ms: i64) -> bool {
        day_of(at_ms) < self.taken_from
    }

    /// The fingerprint of an id.
    pub fn fingerprint(&self, kind: KeyKind, account: AccountCode, id: &str) -> Fingerprint {
        self.key.of(kind, account, id)
    }

    /// The mark of the search that a click names.
    pub fn search_mark(&self, click: &Click) -> Mark {
        Marks::of_click(click, &self.key).search
    }

    /// The row of a click whose names are all known.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when one is not.
    pub fn row(&self, click: &Click) -> Result<Row, StoreError> {
        let row = self.names.row(click, Marks::of_click(click, &self.key));
        row.ok_or_else(|| StoreError::Damaged("a click has a name that is in no dictionary".into()))
    }

    /// The row of a search whose names are all known.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when one is not.
    pub fn search_row(&self, search: &Search) -> Result<Row, StoreError> {
        let row = self.names.search_row(search, Marks::of_search(search, &self.key));
        row.ok_or_else(|| StoreError::Damaged("a search has a name that is in no dictionary".into()))
    }

    /// Whether a click with this id is kept.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn has_click(&self, id: Fingerprint) -> Result<bool, StoreError> {
        Ok(self.has_recent_click(id) || self.sealed.has_key(id)?)
    }

    /// Whether a click with this id is kept and not sealed.
    pub fn has_recent_click(&self, id: Fingerprint) -> bool {
        let frozen = || self.frozen.as_ref().is_some_and(|frozen| frozen.recent.ids().contains(id));
        self.active.ids().contains(id) || frozen()
    }

    /// The search of an account, wherever it is.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn search(&self, account: AccountCode, id: &str) -> Result<Option<Arc<Search>>, StoreError> {
        let frozen = self.frozen.as_ref().map(|frozen| &frozen.recent);
        for recent in [Some(&self.active), frozen].into_iter().flatten() {
            if let Some(search) = recent.searches().get(account, id) {
                return search.unpack().map(|search| Some(Arc::new(search))).map_err(damaged);
            }
        }
        self.sealed.search(self.fingerprint(KeyKind::SearchId, account, id), account, id)
    }

    /// The searches with an id, in any account.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn searches(&self, id: &str) -> Result<Vec<Arc<Search>>, StoreError> {
        let mut found = Vec::new();
        for account in self.names.accounts() {
            found.extend(self.search(*account, id)?);
        }
        Ok(found)
    }

    /// The fingerprint of a click's id.
    pub fn click_id(&self, click: &Click) -> Option<Fingerprint> {
        click.id.as_ref().map(|id| self.fingerprint(KeyKind::ClickId, click.account, id))
    }

    /// Looks up what keeping a click needs: its search, unless that is kept in memory. `id` is the fingerprint of its id.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn look_for_click(
        &self,
        click: &Click,
        id: Option<Fingerprint>,
    ) -> Result<FoundForClick, StoreError> {
        let mut found = FoundForClick { id, search: None };
        if let Some(id) = &click.query_id
            && self.active.searches().get(click.account, id).is_none()
        {
            found.search = self.search(click.account, id)?;
        }
        Ok(found)
    }

    /// Looks up what keeping a search needs: the clicks outside of [`Kept::active`] that wait for it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn look_for_search(&self, search: &Search, join_ms: i64) -> Result<FoundForSearch, StoreError> {
        let query = self.fingerprint(KeyKind::Waiting, search.account, &search.id);
        let mut waiting = Vec::new();
        if let Some(frozen) = &self.frozen {
            for place in frozen.recent.waiting().find(query) {
                if let Some(click) = frozen.recent.click(&self.names, place).map_err(damaged)? {
                    waiting.push((frozen.origin(place), click));
                }
            }
        }
        self.sealed.waiting(query, search, &mut waiting)?;
        waiting.retain(|(_, click)| learns_from(click, search, join_ms));
        Ok(FoundForSearch { query, waiting })
    }

    /// Keeps a click whose id was not used.
    ///
    /// # Errors
    /// When what is in memory can't be read back: then memory is damaged.
    pub fn keep_click(&mut self, mut click: Click, found: FoundForClick) -> Result<(), RecordError> {
        let mut waits_for = None;
        if let Some(query_id) = &click.query_id {
            // Records of one call may lie on both sides of a freezing: what is in memory is looked at again.
            let frozen = self.frozen.as_ref().map(|frozen| &frozen.recent);
            let recents = [Some(&self.active), frozen];
            let in_memory = recents
                .into_iter()
                .flatten()
                .find_map(|recent| recent.searches().get(click.account, query_id));
            match (in_memory, found.search) {
                (Some(search), _) if learns(&click) => click.complete(&search.unpack_head()?),
                (None, Some(search)) => click.complete(&search),
                (Some(_), _) => {}
                (None, None) => {
                    waits_for = Some(self.fingerprint(KeyKind::Waiting, click.account, query_id));
                }
            }
        }
        let marks = Marks::of_click(&click, &self.key);
        self.active.keep_click(&mut self.names, (&click, marks), found.id, waits_for);
        Ok(())
    }

    /// Keeps a search that its account has not, and completes the clicks that waited for it.
    ///
    /// # Errors
    /// When what is in memory can't be read back: then memory is damaged.
    pub fn keep_search(
        &mut self,
        search: &Search,
        found: FoundForSearch,
        join_ms: i64,
    ) -> Result<(), RecordError> {
        let FoundForSearch { query, mut waiting } = found;
        let marks = Marks::of_search(search, &self.key);
        self.active.keep_search(&mut self.names, (search, marks), query, join_ms)?;
        if let Some(frozen) = &self.frozen {
            for place in frozen.recent.waiting().find(query) {
                let origin = frozen.origin(place);
                let known = waiting.iter().any(|found| found.0 == origin);
                let click = if known { None } else { frozen.recent.click(&self.names, place)? };
                let click = click.filter(|click| learns_from(click, search, join_ms));
                waiting.extend(click.map(|click| (origin, click)));
            }
        }
        for (origin, click) in waiting {
            let mut completed = click.clone();
            completed.complete(search);
            let marks = Marks::of_click(&click, &self.key);
            let (before, after) =
                (row_of(&mut self.names, &click, marks), row_of(&mut self.names, &completed, marks));
            // What was found before it was erased learns nothing more.
            let Some(origin) = self.moved.follow(origin) else { continue };
            self.active.corrections_mut().add(origin, Learned::of(&completed), before, after);
        }
        Ok(())
    }

    /// Sets aside what was recorded up to a position of the journal, to be sealed. What was set aside before and is not
    /// sealed yet comes first. `None` when there is nothing to seal.
    pub fn freeze(&mut self, end: Position) -> Option<Arc<Frozen>> {
        if self.frozen.is_none() && self.active.records() > 0 {
            let recent = std::mem::take(&mut self.active);
            self.freezings += 1;
            self.frozen = Some(Arc::new(Frozen { freezing: self.freezings, recent, end }));
        }
        self.frozen.clone()
    }

    /// Puts sealed days in the place of what they were made of.
    pub fn swap(&mut self, change: Change) {
        let Change { sealed, moved, sealed_frozen } = change;
        self.take_from(sealed.kept_from);
        self.sealed = sealed;
        if sealed_frozen {
            self.frozen = None;
        }
        self.active.corrections_mut().follow(|origin| moved.follow(origin));
        self.moved = moved;
    }

    /// About how many bytes of memory what is not sealed takes.
    pub fn unsealed_bytes(&self) -> usize {
        let frozen = self.frozen.as_ref().map_or(0, |frozen| frozen.recent.memory_bytes());
        self.active.memory_bytes() + frozen
    }

    /// How many clicks and searches are kept.
    pub fn counts(&self) -> (u64, u64) {
        let frozen = self.frozen.as_ref().map(|frozen| &frozen.recent);
        let recents = [Some(&self.active), frozen];
        let (clicks, searches) = self.sealed.counts();
        recents.into_iter().flatten().fold((clicks, searches), |(clicks, searches), recent| {
            (clicks + recent.clicks(), searches + recent.searches().len() as u64)
        })
    }
}

fn damaged(error: RecordError) -> StoreError {
    StoreError::Damaged(error.to_string())
}

/// All that is kept, for many threads.
pub type Shared = RwLock<Kept>;

/// To read.
pub fn read(kept: &Shared) -> RwLockReadGuard<'_, Kept> {
    kept.read().unwrap_or_else(PoisonError::into_inner)
}

/// To change.
pub fn write(kept: &Shared) -> RwLockWriteGuard<'_, Kept> {
    kept.write().unwrap_or_else(PoisonError::into_inner)
}
