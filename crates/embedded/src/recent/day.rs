//! A day's rows: the clicks of one UTC day, in blocks of columns. Readers hold a block while the writer goes on: a
//! block that is held is copied before it is changed. It must never know why a row is there.

use std::sync::Arc;

use clicks::Click;

use crate::evaluate::Columns;
use crate::index::users::Mark;
use crate::names::UNTOLD;
use crate::record::{RecordError, flags, follows, read_if, read_rank};
use crate::wire::{Reading, put_number, put_signed, put_text};

/// The most rows of a block. A block that a reader holds is copied when a row is added, so it is kept small.
pub const BLOCK_ROWS_MAX: usize = 16_384;
/// A block gets no more rows once the rest of its clicks takes this many bytes, for the same reason.
pub const BLOCK_REST_BYTES_MAX: usize = 4 << 20;

/// The length of a UTC day, in milliseconds.
pub const DAY_MS: i64 = 86_400_000;

/// The UTC day of an instant: days since 1970-01-01.
pub fn day_of(at_ms: i64) -> i32 {
    let day = at_ms.div_euclid(DAY_MS);
    // Days that no calendar has are kept with the last one that has a number: they stay in order.
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

/// Where a click is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowPlace {
    /// Its UTC day.
    pub day: i32,
    /// The block, in the order of their beginnings.
    pub block: u32,
    /// The row in the block.
    pub row: u32,
}

/// What is counted of a click, or of a search, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub at_ms: i64,
    pub engine: u32,
    pub index: u32,
    pub item: u32,
    pub terms: u32,
    pub device: u8,
    /// Of a click its product type; of a search whether it found anything.
    pub product: u8,
    pub user: Mark,
    /// Of a click the search that it names, of a search itself.
    pub search: Mark,
    /// One more than what it tells in a number, or 0: of a click its rank, of a search how much it found.
    pub figure: u64,
    /// Which result placed by hand it came from, or `UNTOLD`.
    pub custom: u32,
}

/// The columns that are counted.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    at_ms: Vec<i64>,
    engine: Vec<u32>,
    index: Vec<u32>,
    item: Vec<u32>,
    terms: Vec<u32>,
    device: Vec<u8>,
    product: Vec<u8>,
    user: Vec<Mark>,
    search: Vec<Mark>,
    figure: Vec<u64>,
    /// Up to the last row that tells one: few do, and most blocks have none.
    custom: Vec<u32>,
    /// The first and the last instant.
    range_ms: Option<(i64, i64)>,
    /// More than one engine has rows here.
    mixed: bool,
}

impl Counted {
    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        if row.custom != UNTOLD {
            self.custom.resize(self.at_ms.len(), UNTOLD);
            self.custom.push(row.custom);
        }
        self.mixed |= self.engine.last().is_some_and(|engine| *engine != row.engine);
        let (first_ms, last_ms) = self.range_ms.unwrap_or((row.at_ms, row.at_ms));
        self.range_ms = Some((first_ms.min(row.at_ms), last_ms.max(row.at_ms)));
        self.at_ms.push(row.at_ms);
        self.engine.push(row.engine);
        self.index.push(row.index);
        self.item.push(row.item);
        self.terms.push(row.terms);
        self.device.push(row.device);
        self.product.push(row.product);
        self.user.push(row.user);
        self.search.push(row.search);
        self.figure.push(row.figure);
    }

    /// The row at a place.
    pub fn row(&self, row: usize) -> Option<Row> {
        Some(Row {
            at_ms: *self.at_ms.get(row)?,
            engine: *self.engine.get(row)?,
            index: *self.index.get(row)?,
            item: *self.item.get(row)?,
            terms: *self.terms.get(row)?,
            device: *self.device.get(row)?,
            product: *self.product.get(row)?,
            user: *self.user.get(row)?,
            search: *self.search.get(row)?,
            figure: *self.figure.get(row)?,
            custom: self.custom.get(row).copied().unwrap_or(UNTOLD),
        })
    }

    /// The columns, as the evaluator reads them.
    pub fn columns(&self) -> Columns<'_> {
        Columns {
            at_ms: &self.at_ms,
            engine: &self.engine,
            index: &self.index,
            item: &self.item,
            terms: &self.terms,
            device: &self.device,
            product: &self.product,
            user: &self.user,
            search: &self.search,
            figure: &self.figure,
            custom: &self.custom,
            range_ms: self.range_ms.unwrap_or((0, -1)),
            only_engine: self.engine.first().copied().filter(|_| !self.mixed),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.at_ms.capacity() * size_of::<i64>()
            + [&self.engine, &self.index, &self.item, &self.terms].map(Vec::capacity).iter().sum::<usize>()
                * size_of::<u32>()
            + self.device.capacity()
            + self.product.capacity()
            + (self.user.capacity() + self.search.capacity()) * size_of::<Mark>()
            + self.figure.capacity() * size_of::<u64>()
            + self.custom.capacity() * size_of::<u32>()
    }

    /// Whether any row may lie in `from_ms..until_ms`.
    pub fn touches(&self, from_ms: i64, until_ms: i64) -> bool {
        self.range_ms.is_some_and(|(first_ms, last_ms)| first_ms < until_ms && last_ms >= from_ms)
    }
}

/// Rows that never change, in blocks that readers hold while the writer goes on.
#[derive(Debug, Default)]
pub struct CountedBlocks {
    blocks: Vec<Arc<Counted>>,
}

impl CountedBlocks {
    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        if self.blocks.last().is_none_or(|last| last.at_ms.len() >= BLOCK_ROWS_MAX) {
            self.blocks.push(Arc::default());
        }
        if let Some(last) = self.blocks.last_mut() {
            Arc::make_mut(last).push(row);
        }
    }

    /// The blocks that may have rows in `from_ms..until_ms`.
    pub fn touched(&self, from_ms: i64, until_ms: i64) -> impl Iterator<Item = Arc<Counted>> {
        self.blocks.iter().filter(move |block| block.touches(from_ms, until_ms)).map(Arc::clone)
    }

    /// About how many bytes they take.
    pub fn memory_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.memory_bytes()).sum::<usize>()
            + self.blocks.capacity() * size_of::<Arc<Counted>>()
    }
}

/// What is not counted of a click, packed: it is read only when the click itself is asked for.
#[derive(Debug, Clone, Default)]
pub struct Rest {
    starts: Vec<u32>,
    bytes: Vec<u8>,
}

impl Rest {
    fn push(&mut self, click: &Click) {
        // A block's bytes end soon after `BLOCK_REST_BYTES_MAX`.
        self.starts.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        let out = &mut self.bytes;
        out.push(flags([
            click.searched_ms.is_some(),
            click.rank.is_some(),
            click.id.is_some(),
            click.query_id.is_some(),
            click.user.is_some(),
            click.session.is_some(),
        ]));
        put_signed(out, click.received_ms.wrapping_sub(click.at_ms));
        if let Some(searched_ms) = click.searched_ms {
            put_signed(out, searched_ms.wrapping_sub(click.at_ms));
        }
        if let Some(rank) = click.rank {
            put_number(out, u64::from(rank));
        }
        let user = click.user.as_ref().map(clicks::UserCode::as_str);
        let texts = [click.id.as_deref(), click.query_id.as_deref(), user, click.session.as_deref()];
        texts.into_iter().flatten().for_each(|text| put_text(out, text));
    }

    /// Fills in the rest of a click whose counted parts are known.
    pub fn complete(&self, row: usize, click: &mut Click) -> Result<(), RecordError> {
        let start = self.starts.get(row).and_then(|start| usize::try_from(*start).ok());
        let bytes = start.and_then(|start| self.bytes.get(start..)).ok_or(RecordError::Short)?;
        let mut reading = Reading::new(bytes);
        let reading = &mut reading;
        let flags = reading.byte()?;
        let at_ms = click.at_ms;
        click.received_ms = at_ms.wrapping_add(reading.signed()?);
        click.searched_ms =
            read_if(reading, follows(flags, 0), |reading| Ok(at_ms.wrapping_add(reading.signed()?)))?;
        click.rank = read_if(reading, follows(flags, 1), read_rank)?;
        click.id = read_if(reading, follows(flags, 2), |reading| Ok(reading.text()?.into()))?;
        click.query_id = read_if(reading, follows(flags, 3), |reading| Ok(reading.text()?.into()))?;
        click.user = read_if(reading, follows(flags, 4), |reading| Ok(reading.text()?.parse()?))?;
        click.session = read_if(reading, follows(flags, 5), |reading| Ok(reading.text()?.into()))?;
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.starts.capacity() * size_of::<u32>() + self.bytes.capacity()
    }
}

/// Some rows of a day, in the order in which they were recorded. A clone is a view that stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Block {
    pub counted: Arc<Counted>,
    pub rest: Arc<Rest>,
}

impl Block {
    fn is_full(&self) -> bool {
        self.counted.at_ms.len() >= BLOCK_ROWS_MAX || self.rest.bytes.len() >= BLOCK_REST_BYTES_MAX
    }

    /// Whether any row may lie in `from_ms..until_ms`.
    pub fn touches(&self, from_ms: i64, until_ms: i64) -> bool {
        self.counted.touches(from_ms, until_ms)
    }
}

/// The clicks of one UTC day.
#[derive(Debug, Default)]
pub struct Day {
    blocks: Vec<Block>,
}

impl Day {
    /// Adds a click; returns its block and row.
    pub fn push(&mut self, row: Row, click: &Click) -> (u32, u32) {
        if self.blocks.last().is_none_or(Block::is_full) {
            if let Some(full) = self.blocks.last_mut() {
                // What a full block was given to grow is given back. One that a reader holds keeps it.
                if let Some(rest) = Arc::get_mut(&mut full.rest) {
                    rest.bytes.shrink_to_fit();
                    rest.starts.shrink_to_fit();
                }
            }
            self.blocks.push(Block::default());
        }
        let block = u32::try_from(self.blocks.len() - 1).unwrap_or(u32::MAX);
        let Some(last) = self.blocks.last_mut() else { return (block, 0) };
        let place = u32::try_from(last.counted.at_ms.len()).unwrap_or(u32::MAX);
        Arc::make_mut(&mut last.counted).push(row);
        Arc::make_mut(&mut last.rest).push(click);
        (block, place)
    }

    /// The day's blocks, in the order of their rows.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The block with a number.
    pub fn block(&self, block: u32) -> Option<&Block> {
        self.blocks.get(usize::try_from(block).ok()?)
    }

    /// Sets what a click may learn from its search.
    pub fn learn(&mut self, block: u32, row: u32, learned: Row) {
        let (Ok(block), Ok(row)) = (usize::try_from(block), usize::try_from(row)) else { return };
        let Some(block) = self.blocks.get_mut(block) else { return };
        let counted = Arc::make_mut(&mut block.counted);
        let places = (counted.index.get_mut(row), counted.item.get_mut(row));
        if let (Some(index), Some(item)) = places {
            (*index, *item) = (learned.index, learned.item);
        }
        let told = (counted.terms.get_mut(row), counted.device.get_mut(row));
        if let (Some(terms), Some(device)) = told {
            (*terms, *device) = (learned.terms, learned.device);
        }
    }

    /// About how many bytes the day takes.
    pub fn memory_bytes(&self) -> usize {
        let bytes = |block: &Block| block.counted.memory_bytes() + block.rest.memory_bytes();
        self.blocks.iter().map(bytes).sum::<usize>() + self.blocks.capacity() * size_of::<Block>()
    }
}
