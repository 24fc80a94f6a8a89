//! `recent`: in memory, what was recorded and is in no sealed day yet. Records come in one by one in the order of the
//! journal, and the same records always give the same contents. It must never know whether they are durable, or who
//! waits.

pub mod corrections;
pub mod day;
pub mod ids;
pub mod searches;
pub mod waiting;

use std::collections::BTreeMap;

use clicks::{Click, Measure, Search, SearchKind};

use crate::index::users::Marks;
use crate::keys::Fingerprint;
use crate::names::{Names, UNTOLD};
use crate::recent::corrections::Corrections;
use crate::recent::day::{Block, Counted, CountedBlocks, Day, Rest, Row, RowPlace, day_of};
use crate::recent::ids::Ids;
use crate::recent::searches::Searches;
use crate::recent::waiting::Waiting;
use std::sync::Arc;

use crate::record::{PackedSearch, RecordError, device_code, device_of, product_type_of};

/// What was recorded since the last sealing. Names are numbers of the store's dictionaries.
#[derive(Debug, Default)]
pub struct Recent {
    days: BTreeMap<i32, Day>,
    searches: Searches,
    /// What is counted of them, by UTC day.
    searched: BTreeMap<i32, CountedBlocks>,
    ids: Ids,
    waiting: Waiting,
    corrections: Corrections,
    clicks: u64,
    records: u64,
}

impl Recent {
    /// The click ids that were used.
    pub const fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The kept searches.
    pub const fn searches(&self) -> &Searches {
        &self.searches
    }

    /// The clicks that wait for a search.
    pub const fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// What older clicks have learned.
    pub const fn corrections(&self) -> &Corrections {
        &self.corrections
    }

    /// What older clicks have learned, to be changed.
    pub const fn corrections_mut(&mut self) -> &mut Corrections {
        &mut self.corrections
    }

    /// The clicks by UTC day.
    pub const fn days(&self) -> &BTreeMap<i32, Day> {
        &self.days
    }

    /// How many clicks are kept.
    pub const fn clicks(&self) -> u64 {
        self.clicks
    }

    /// How many records were kept.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// The blocks that may have rows in `from_ms..until_ms`, day by day, oldest first. They stay as they are, whatever
    /// is recorded from here on.
    pub fn blocks(&self, from_ms: i64, until_ms: i64) -> Vec<DayBlocks> {
        if from_ms >= until_ms {
            return Vec::new();
        }
        let touched = |(number, day): (&i32, &Day)| {
            let numbered = (0..).zip(day.blocks());
            let blocks = numbered.filter(|(_, block)| block.touches(from_ms, until_ms));
            DayBlocks {
                day: *number,
                blocks: blocks.map(|(number, block)| (number, block.clone())).collect(),
            }
        };
        let days = self.days.range(day_of(from_ms)..=day_of(until_ms - 1));
        days.map(touched).filter(|day| !day.blocks.is_empty()).collect()
    }

    /// The columns that may have rows in `from_ms..until_ms`, of clicks or of searches. They stay as they are.
    pub fn columns(&self, measure: Measure, from_ms: i64, until_ms: i64) -> Vec<Arc<Counted>> {
        match measure {
            Measure::Clicks => {
                let days = self.blocks(from_ms, until_ms).into_iter();
                days.flat_map(|day| day.blocks).map(|(_, block)| block.counted).collect()
            }
            _ if from_ms < until_ms => {
                let days = self.searched.range(day_of(from_ms)..=day_of(until_ms - 1));
                days.flat_map(|(_, blocks)| blocks.touched(from_ms, until_ms)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Keeps a click whose id was not used, and which is completed as far as is known. `marks` are its
    /// marks; `id` the fingerprint of its id; `waits_for` that of the search which is not known yet.
    pub fn keep_click(
        &mut self,
        names: &mut Names,
        (click, marks): (&Click, Marks),
        id: Option<Fingerprint>,
        waits_for: Option<Fingerprint>,
    ) {
        let day = day_of(click.at_ms);
        if let Some(id) = id {
            self.ids.insert(id, day);
        }
        let row = row_of(names, click, marks);
        let (block, row) = self.days.entry(day).or_default().push(row, click);
        if let Some(query) = waits_for {
            self.waiting.add(query, RowPlace { day, block, row });
        }
        self.clicks += 1;
        self.records += 1;
    }

    /// Keeps a search, and completes the clicks here that waited for it no longer than `join_ms` milliseconds. Its
    /// account must have none with its id. `marks` are its marks; `query` the fingerprint that clicks wait for it by.
    ///
    /// # Errors
    /// When what is kept can't be read back: then memory is damaged.
    pub fn keep_search(
        &mut self,
        names: &mut Names,
        (search, marks): (&Search, Marks),
        query: Fingerprint,
        join_ms: i64,
    ) -> Result<(), RecordError> {
        let row = row_of_search(names, search, marks);
        self.searched.entry(day_of(search.at_ms)).or_default().push(row);
        self.searches.insert(&search.id, PackedSearch::new(search));
        self.records += 1;
        // No later search can have this id, so clicks that waited too long are forgotten here too.
        for place in self.waiting.take(query) {
            let Some(mut click) = self.click(names, place)? else { continue };
            if learns_from(&click, search, join_ms) {
                click.complete(search);
                // A search tells nothing of what marks are of: they stay.
                let learned = row_of(names, &click, Marks::default());
                if let Some(day) = self.days.get_mut(&place.day) {
                    day.learn(place.block, place.row, learned);
                }
            }
        }
        Ok(())
    }

    /// The click at a place.
    ///
    /// # Errors
    /// When the row can't be read: then memory is damaged.
    pub fn click(&self, names: &Names, place: RowPlace) -> Result<Option<Click>, RecordError> {
        let block = self.days.get(&place.day).and_then(|day| day.block(place.block));
        block.map(|block| names.click(&block.counted, &block.rest, place.row)).transpose()
    }

    /// About how many bytes everything takes.
    pub fn memory_bytes(&self) -> usize {
        self.days.values().map(Day::memory_bytes).sum::<usize>()
            + self.searches.memory_bytes()
            + self.searched.values().map(CountedBlocks::memory_bytes).sum::<usize>()
            + self.ids.memory_bytes()
            + self.waiting.memory_bytes()
            + self.corrections.memory_bytes()
    }
}

/// The blocks of one day, with their numbers.
#[derive(Debug, Clone)]
pub struct DayBlocks {
    pub day: i32,
    pub blocks: Vec<(u32, Block)>,
}

/// What is counted of a click, in numbers.
pub fn row_of(names: &mut Names, click: &Click, marks: Marks) -> Row {
    let engine = names.intern_engine(click.account, click.engine);
    let index = names.intern_index(engine, click.index.as_ref());
    Row {
        at_ms: click.at_ms,
        engine,
        index,
        item: names.intern_item(engine, index, &click.doc_id),
        terms: names.intern_terms(click.terms.as_ref()),
        device: device_code(click.device),
        product: click.product_type.number(),
        user: marks.user,
        search: marks.search,
        figure: rank_figure(click.rank),
        custom: names.intern_custom_result(engine, click.custom_result.as_ref()),
    }
}

/// What is counted of a search, in numbers.
pub fn row_of_search(names: &mut Names, search: &Search, marks: Marks) -> Row {
    let engine = names.intern_engine(search.account, search.engine);
    let indices: Vec<u32> =
        search.indices.iter().map(|index| names.intern_index(engine, Some(index))).collect();
    Row {
        at_ms: search.at_ms,
        engine,
        index: names.intern_indices(indices),
        item: search.redirection().map_or(UNTOLD, |id| names.intern_item(engine, UNTOLD, id)),
        terms: names.intern_terms(search.terms().as_ref()),
        device: device_code(search.device),
        product: search_code(search.kind, search.found()),
        user: marks.user,
        search: marks.search,
        figure: hits_figure(search.found()),
        custom: UNTOLD,
    }
}

/// The figure of a rank, which may be told or not.
pub fn rank_figure(rank: Option<u32>) -> u64 {
    rank.map_or(0, |rank| u64::from(rank) + 1)
}

/// The figure of how much a search found.
pub fn hits_figure(hits: Option<u64>) -> u64 {
    hits.map_or(0, |hits| hits.saturating_add(1))
}

/// Asked, and how much was found is unknown: 0; nothing found 1; something 2; opened 3; redirected 4.
pub const fn search_code(kind: SearchKind, hits: Option<u64>) -> u8 {
    match (kind, hits) {
        (SearchKind::Asked, None) => 0,
        (SearchKind::Asked, Some(0)) => 1,
        (SearchKind::Asked, Some(_)) => 2,
        (SearchKind::Opened, _) => 3,
        (SearchKind::Redirected, _) => 4,
    }
}

/// The codes of one kind of search.
pub const fn search_codes(kind: SearchKind) -> &'static [u8] {
    match kind {
        SearchKind::Asked => &[0, 1, 2],
        SearchKind::Opened => &[3],
        SearchKind::Redirected => &[4],
    }
}

/// Whether a click that came before its search is completed by it.
pub const fn learns_from(click: &Click, search: &Search, join_ms: i64) -> bool {
    search.received_ms.saturating_sub(click.received_ms) <= join_ms && learns(click)
}

/// Whether a search could tell anything that the click doesn't tell itself: the parts that [`Click::complete`] fills in,
/// all of which [`Day::learn`] sets.
pub const fn learns(click: &Click) -> bool {
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
            doc_id: self.items.name(row.item).ok_or(RecordError::Name)?.doc_id.clone(),
            at_ms: row.at_ms,
            received_ms: row.at_ms,
            id: None,
            query_id: None,
            searched_ms: None,
            rank: None,
            device: device_of(row.device)?,
            product_type: product_type_of(row.product)?,
            custom_result: self.custom_results.name(row.custom).map(|(_, id)| id.clone()),
            terms: self.terms.name(row.terms).cloned(),
            user: None,
            session: None,
        };
        rest.complete(place, &mut click)?;
        Ok(click)
    }
}
