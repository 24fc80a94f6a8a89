//! `recent`: in memory, all that makes kept clicks countable. Records come in one by one in the order of the journal,
//! and the same records always give the same contents. It must never know whether they are durable, or who waits.

pub mod day;
pub mod dictionary;
pub mod fingerprint;
pub mod searches;
pub mod waiting;

use std::collections::BTreeMap;

use clicks::{AccountCode, Click, Search};

use crate::recent::day::{Block, Counted, Day, Rest, Row, RowPlace, day_of};
use crate::recent::dictionary::Names;
use crate::recent::fingerprint::{Fingerprint, Fingerprints, Ids};
use crate::recent::searches::Searches;
use crate::recent::waiting::Waiting;
use crate::record::{PackedSearch, RecordError, device_code, device_of, product_type_of};

/// Everything that is kept.
#[derive(Debug, Default)]
pub struct Recent {
    names: Names,
    days: BTreeMap<i32, Day>,
    searches: Searches,
    ids: Ids,
    id_fingerprints: Fingerprints,
    waiting: Waiting,
    query_fingerprints: Fingerprints,
    clicks: u64,
}

impl Recent {
    /// The fingerprint of a click id.
    pub fn id_fingerprint(&self, account: AccountCode, id: &str) -> Fingerprint {
        self.id_fingerprints.of(account, id)
    }

    /// Whether a click with this id is kept.
    pub fn has_id(&self, id: Fingerprint) -> bool {
        self.ids.contains(id)
    }

    /// The names of all rows.
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// The kept searches.
    pub const fn searches(&self) -> &Searches {
        &self.searches
    }

    /// How many clicks are kept.
    pub const fn clicks(&self) -> u64 {
        self.clicks
    }

    /// The blocks that may have rows in `from_ms..until_ms`, day by day, oldest first. They stay as they are, whatever
    /// is recorded from here on.
    pub fn blocks(&self, from_ms: i64, until_ms: i64) -> Vec<Vec<Block>> {
        if from_ms >= until_ms {
            return Vec::new();
        }
        let touched = |day: &Day| {
            day.blocks().iter().filter(|block| block.touches(from_ms, until_ms)).cloned().collect::<Vec<_>>()
        };
        let days = self.days.range(day_of(from_ms)..=day_of(until_ms - 1));
        days.map(|(_, day)| touched(day)).filter(|blocks| !blocks.is_empty()).collect()
    }

    /// Keeps a click, completed from its search if that is known. Its id must not have been used.
    ///
    /// # Errors
    /// When what is kept can't be read back: then memory is damaged.
    pub fn keep_click(&mut self, mut click: Click) -> Result<(), RecordError> {
        let mut waits_for = None;
        if let Some(query_id) = &click.query_id {
            match self.searches.get(click.account, query_id) {
                Some(search) if learns(&click) => click.complete(&search.unpack_head()?),
                Some(_) => {}
                None => waits_for = Some(self.query_fingerprints.of(click.account, query_id)),
            }
        }
        if let Some(id) = &click.id {
            self.ids.insert(self.id_fingerprints.of(click.account, id));
        }
        let row = self.row(&click);
        let day = day_of(click.at_ms);
        let (block, row) = self.days.entry(day).or_default().push(row, &click);
        if let Some(query) = waits_for {
            self.waiting.add(query, RowPlace { day, block, row });
        }
        self.clicks += 1;
        Ok(())
    }

    /// Keeps a search, and completes the clicks that waited for it no longer than `join_ms` milliseconds. Its account
    /// must have none with its id.
    ///
    /// # Errors
    /// When what is kept can't be read back: then memory is damaged.
    pub fn keep_search(&mut self, search: &Search, join_ms: i64) -> Result<(), RecordError> {
        self.searches.insert(&search.id, PackedSearch::new(search));
        let query = self.query_fingerprints.of(search.account, &search.id);
        // No later search can have this id, so clicks that waited too long are forgotten here too.
        for place in self.waiting.take(query) {
            let Some(block) = self.days.get(&place.day).and_then(|day| day.block(place.block)) else {
                continue;
            };
            let mut click = self.names.click(&block.counted, &block.rest, place.row)?;
            let waited_ms = search.received_ms.saturating_sub(click.received_ms);
            if waited_ms > join_ms || !learns(&click) {
                continue;
            }
            click.complete(search);
            let learned = self.row(&click);
            if let Some(day) = self.days.get_mut(&place.day) {
                day.learn(place.block, place.row, learned);
            }
        }
        Ok(())
    }

    fn row(&mut self, click: &Click) -> Row {
        let engine = self.names.intern_engine(click.account, click.engine);
        Row {
            at_ms: click.at_ms,
            engine,
            index: self.names.intern_index(engine, click.index.as_ref()),
            item: self.names.intern_item(&click.doc_id),
            terms: self.names.intern_terms(click.terms.as_ref()),
            device: device_code(click.device),
            product: click.product_type.number(),
        }
    }

    /// About how many bytes everything takes.
    pub fn memory_bytes(&self) -> usize {
        self.names.memory_bytes()
            + self.days.values().map(Day::memory_bytes).sum::<usize>()
            + self.searches.memory_bytes()
            + self.ids.memory_bytes()
            + self.waiting.memory_bytes()
    }
}

/// Whether a search could tell anything that the click doesn't tell itself: the parts that [`Click::complete`] fills in,
/// all of which [`Day::learn`] sets.
const fn learns(click: &Click) -> bool {
    click.device.is_none() || click.terms.is_none() || click.index.is_none()
}

impl Names {
    /// The click in a row.
    ///
    /// # Errors
    /// When the row can't be read: then memory is damaged.
    pub fn click(&self, counted: &Counted, rest: &Rest, row: u32) -> Result<Click, RecordError> {
        let place = usize::try_from(row).map_err(|_| RecordError::Number)?;
        let row = counted.row(place).ok_or(RecordError::Short)?;
        let (account, engine) = *self.engines.name(row.engine).ok_or(RecordError::Name)?;
        let mut click = Click {
            account,
            engine,
            index: self.indices.name(row.index).map(|(_, index)| index.clone()),
            doc_id: self.items.name(row.item).ok_or(RecordError::Name)?.clone(),
            at_ms: row.at_ms,
            received_ms: row.at_ms,
            id: None,
            query_id: None,
            searched_ms: None,
            rank: None,
            device: device_of(row.device)?,
            product_type: product_type_of(row.product)?,
            terms: self.terms.name(row.terms).cloned(),
            user: None,
            session: None,
        };
        rest.complete(place, &mut click)?;
        Ok(click)
    }
}
