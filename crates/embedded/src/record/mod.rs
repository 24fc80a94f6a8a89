//! Records as bytes: what one frame of the journal says. The format is drawn in `docs/formats/records.md`.
//!
//! A frame holds what was accepted of one call, so that a call is kept whole or not at all. Nothing here depends on
//! another frame, and no bytes make reading panic. It must never know what a store decided, or why.

use clicks::{
    AccountCode, Click, CustomResultId, Device, DocId, Hashid, IndexName, NameError, ProductType, Search,
    SearchKind, SearchTerms, UserCode,
};

use crate::wire::{Reading, put_number, put_signed, put_text};

/// The version of the records in a frame: its first byte.
pub const RECORDS_VERSION: u8 = 1;

const KIND_CLICK: u8 = 1;
const KIND_SEARCH: u8 = 2;
const KIND_OPENING: u8 = 3;
const KIND_REDIRECTION: u8 = 4;
const KIND_CUSTOM_RESULT_CLICK: u8 = 5;

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A newer program wrote it, or nobody did.
    #[error("records of version {0}; this program knows version {RECORDS_VERSION}")]
    Version(u8),
    /// There is no such kind of record.
    #[error("a record of the unknown kind {0}")]
    Kind(u8),
    /// The bytes end in the middle of a record.
    #[error("a record that ends too early")]
    Short,
    /// A number has more than 64 bits, or is out of its range.
    #[error("a number out of its range")]
    Number,
    /// A text is not UTF-8.
    #[error("a text that is not UTF-8")]
    Text,
    /// A text is not the name that it should be.
    #[error("a text that is no name")]
    Name,
}

impl From<NameError> for RecordError {
    fn from(_: NameError) -> Self {
        Self::Name
    }
}

/// What a frame can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// A click, as it was sent: what it learned from its search is learned again.
    Click(Click),
    /// A search, and how long the clicks before it were allowed to wait for it, in milliseconds. The window is part
    /// of the decision: a later start with another one must not decide differently.
    Search(Search, i64),
}

/// Begins a frame.
pub fn begin_frame(frame: &mut Vec<u8>) {
    frame.push(RECORDS_VERSION);
}

/// Reads a frame, record by record.
pub fn read_frame(frame: &[u8]) -> impl Iterator<Item = Result<Accepted, RecordError>> {
    let mut reading = Reading::new(frame);
    let version = reading.byte();
    let mut broken = match version {
        Ok(RECORDS_VERSION) => None,
        Ok(other) => Some(RecordError::Version(other)),
        Err(error) => Some(error),
    };
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended || (broken.is_none() && reading.rest().is_empty()) {
            return None;
        }
        let record = broken.take().map_or_else(|| read_record(&mut reading), Err);
        ended = record.is_err();
        Some(record)
    })
}

fn read_record(reading: &mut Reading<'_>) -> Result<Accepted, RecordError> {
    match reading.byte()? {
        KIND_CLICK => Ok(Accepted::Click(read_click(reading)?)),
        KIND_CUSTOM_RESULT_CLICK => {
            let click = read_click(reading)?;
            Ok(Accepted::Click(Click { custom_result: Some(reading.text()?.parse()?), ..click }))
        }
        kind @ (KIND_SEARCH | KIND_OPENING | KIND_REDIRECTION) => {
            let (mut search, join_ms, flags) = read_search_head(reading, search_kind(kind)?)?;
            search.doc_ids = read_doc_ids(reading, flags)?;
            Ok(Accepted::Search(search, join_ms))
        }
        other => Err(RecordError::Kind(other)),
    }
}

/// A byte that says which optional parts follow: one bit for each, the first the lowest.
pub fn flags<const N: usize>(parts: [bool; N]) -> u8 {
    parts.iter().rev().fold(0, |flags, part| flags << 1 | u8::from(*part))
}

/// Whether the part with this number follows.
pub const fn follows(flags: u8, part: u8) -> bool {
    flags >> part & 1 == 1
}

/// Unknown is 0, desktop 1, mobile 2.
pub const fn device_code(device: Option<Device>) -> u8 {
    match device {
        None => 0,
        Some(Device::Desktop) => 1,
        Some(Device::Mobile) => 2,
    }
}

/// The device with this code.
pub const fn device_of(code: u8) -> Result<Option<Device>, RecordError> {
    match code {
        0 => Ok(None),
        1 => Ok(Some(Device::Desktop)),
        2 => Ok(Some(Device::Mobile)),
        _ => Err(RecordError::Number),
    }
}

/// The product type with this number.
pub fn product_type_of(number: u8) -> Result<ProductType, RecordError> {
    ProductType::ALL.get(usize::from(number)).copied().ok_or(RecordError::Number)
}

/// Reads a part if its flag says that it follows.
pub fn read_if<'a, T>(
    reading: &mut Reading<'a>,
    follows: bool,
    read: impl FnOnce(&mut Reading<'a>) -> Result<T, RecordError>,
) -> Result<Option<T>, RecordError> {
    if follows { read(reading).map(Some) } else { Ok(None) }
}

/// Adds a click to a frame. Few come from a result placed by hand: they are a kind of their own, and the others take no byte
/// for it.
pub fn put_click(out: &mut Vec<u8>, click: &Click) {
    out.push(if click.custom_result.is_some() { KIND_CUSTOM_RESULT_CLICK } else { KIND_CLICK });
    out.push(flags([
        click.index.is_some(),
        click.id.is_some(),
        click.query_id.is_some(),
        click.searched_ms.is_some(),
        click.rank.is_some(),
        click.terms.is_some(),
        click.user.is_some(),
        click.session.is_some(),
    ]));
    out.push(device_code(click.device) | click.product_type.number() << 2);
    out.extend_from_slice(click.account.as_bytes());
    out.extend_from_slice(click.engine.as_bytes());
    put_signed(out, click.at_ms);
    put_signed(out, click.received_ms.wrapping_sub(click.at_ms));
    if let Some(searched_ms) = click.searched_ms {
        put_signed(out, searched_ms.wrapping_sub(click.at_ms));
    }
    if let Some(rank) = click.rank {
        put_number(out, u64::from(rank));
    }
    put_text(out, click.doc_id.as_str());
    let texts = [
        click.index.as_ref().map(IndexName::as_str),
        click.id.as_deref(),
        click.query_id.as_deref(),
        click.terms.as_ref().map(SearchTerms::as_str),
        click.user.as_ref().map(UserCode::as_str),
        click.session.as_deref(),
        click.custom_result.as_ref().map(CustomResultId::as_str),
    ];
    texts.into_iter().flatten().for_each(|text| put_text(out, text));
}

/// All of a click but which result placed by hand it came from.
fn read_click(reading: &mut Reading<'_>) -> Result<Click, RecordError> {
    let (flags, kinds) = (reading.byte()?, reading.byte()?);
    let part = |number| follows(flags, number);
    let account = AccountCode::from_bytes(reading.array()?);
    let engine = Hashid::from_bytes(reading.array()?);
    let at_ms = reading.signed()?;
    Ok(Click {
        account,
        engine,
        at_ms,
        received_ms: at_ms.wrapping_add(reading.signed()?),
        searched_ms: read_if(reading, part(3), |reading| Ok(at_ms.wrapping_add(reading.signed()?)))?,
        rank: read_if(reading, part(4), read_rank)?,
        device: device_of(kinds & 3)?,
        product_type: product_type_of(kinds >> 2)?,
        custom_result: None,
        doc_id: reading.text()?.parse()?,
        index: read_if(reading, part(0), |reading| Ok(reading.text()?.parse()?))?,
        id: read_if(reading, part(1), |reading| Ok(reading.text()?.into()))?,
        query_id: read_if(reading, part(2), |reading| Ok(reading.text()?.into()))?,
        terms: read_if(reading, part(5), |reading| Ok(SearchTerms::from_folded(reading.text()?)))?,
        user: read_if(reading, part(6), |reading| Ok(reading.text()?.parse()?))?,
        session: read_if(reading, part(7), |reading| Ok(reading.text()?.into()))?,
    })
}

/// A place in a result list.
pub fn read_rank(reading: &mut Reading<'_>) -> Result<u32, RecordError> {
    u32::try_from(reading.number()?).map_err(|_| RecordError::Number)
}

const SEARCH_DOC_IDS: u8 = 1;

/// Adds a search to a frame. The shown items come last, so that whoever needs only the rest can stop before them.
pub fn put_search(out: &mut Vec<u8>, search: &Search, join_ms: i64) {
    out.push(match search.kind {
        SearchKind::Asked => KIND_SEARCH,
        SearchKind::Opened => KIND_OPENING,
        SearchKind::Redirected => KIND_REDIRECTION,
    });
    out.push(flags([
        search.query.is_some(),
        search.doc_ids.is_some(),
        search.total_hits.is_some(),
        search.user.is_some(),
        search.session.is_some(),
    ]));
    out.push(device_code(search.device));
    out.extend_from_slice(search.account.as_bytes());
    out.extend_from_slice(search.engine.as_bytes());
    put_text(out, &search.id);
    put_signed(out, search.at_ms);
    put_signed(out, search.received_ms.wrapping_sub(search.at_ms));
    put_signed(out, join_ms);
    put_number(out, search.indices.len() as u64);
    search.indices.iter().for_each(|index| put_text(out, index.as_str()));
    if let Some(query) = &search.query {
        put_text(out, query);
    }
    if let Some(total_hits) = search.total_hits {
        put_number(out, total_hits);
    }
    let texts = [search.user.as_ref().map(UserCode::as_str), search.session.as_deref()];
    texts.into_iter().flatten().for_each(|text| put_text(out, text));
    if let Some(doc_ids) = &search.doc_ids {
        put_number(out, doc_ids.len() as u64);
        doc_ids.iter().for_each(|doc_id| put_text(out, doc_id.as_str()));
    }
}

fn search_kind(kind: u8) -> Result<SearchKind, RecordError> {
    match kind {
        KIND_SEARCH => Ok(SearchKind::Asked),
        KIND_OPENING => Ok(SearchKind::Opened),
        KIND_REDIRECTION => Ok(SearchKind::Redirected),
        other => Err(RecordError::Kind(other)),
    }
}

/// All of a search but the shown items; its join window; its flags.
fn read_search_head(reading: &mut Reading<'_>, kind: SearchKind) -> Result<(Search, i64, u8), RecordError> {
    let (flags, device) = (reading.byte()?, reading.byte()?);
    let part = |number| follows(flags, number);
    let account = AccountCode::from_bytes(reading.array()?);
    let engine = Hashid::from_bytes(reading.array()?);
    let id = reading.text()?.into();
    let at_ms = reading.signed()?;
    let received_ms = at_ms.wrapping_add(reading.signed()?);
    let join_ms = reading.signed()?;
    let search = Search {
        kind,
        account,
        id,
        engine,
        indices: read_names(reading, str::parse::<IndexName>)?,
        query: read_if(reading, part(0), |reading| Ok(reading.text()?.into()))?,
        doc_ids: None,
        device: device_of(device)?,
        at_ms,
        received_ms,
        total_hits: read_if(reading, part(2), Reading::number)?,
        user: read_if(reading, part(3), |reading| Ok(reading.text()?.parse()?))?,
        session: read_if(reading, part(4), |reading| Ok(reading.text()?.into()))?,
    };
    Ok((search, join_ms, flags))
}

fn read_doc_ids(reading: &mut Reading<'_>, flags: u8) -> Result<Option<Vec<DocId>>, RecordError> {
    read_if(reading, follows(flags, SEARCH_DOC_IDS), |reading| read_names(reading, str::parse::<DocId>))
}

fn read_names<T>(
    reading: &mut Reading<'_>,
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<Vec<T>, RecordError> {
    // The count is not trusted with memory: each name takes bytes of its own.
    let count = reading.number()?;
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(parse(reading.text()?)?);
    }
    Ok(names)
}

/// A search as it is kept: in the bytes of its record, which take far less memory than its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedSearch(Box<[u8]>);

/// Kind, flags, device, account and engine: what is before the id.
const PACKED_KEY_BYTES: usize = 3 + 8 + 16;

impl PackedSearch {
    /// Packs a search.
    pub fn new(search: &Search) -> Self {
        let mut bytes = Vec::new();
        put_search(&mut bytes, search, 0);
        Self(bytes.into_boxed_slice())
    }

    /// The account and the id: what it is found by.
    pub fn key(&self) -> Result<(AccountCode, &str), RecordError> {
        let mut reading = Reading::new(&self.0);
        reading.bytes(3)?;
        let account = AccountCode::from_bytes(reading.array()?);
        reading.array::<16>()?;
        Ok((account, reading.text()?))
    }

    /// The instant of the search.
    pub fn at_ms(&self) -> Result<i64, RecordError> {
        let mut reading = Reading::new(&self.0);
        reading.bytes(PACKED_KEY_BYTES)?;
        reading.text()?;
        reading.signed()
    }

    /// The whole search.
    pub fn unpack(&self) -> Result<Search, RecordError> {
        let (mut search, mut reading, flags) = self.head()?;
        search.doc_ids = read_doc_ids(&mut reading, flags)?;
        Ok(search)
    }

    /// The search without the shown items, which nothing that completes a click looks at.
    pub fn unpack_head(&self) -> Result<Search, RecordError> {
        self.head().map(|(search, _, _)| search)
    }

    fn head(&self) -> Result<(Search, Reading<'_>, u8), RecordError> {
        let mut reading = Reading::new(&self.0);
        let kind = search_kind(reading.byte()?)?;
        let (search, _, flags) = read_search_head(&mut reading, kind)?;
        Ok((search, reading, flags))
    }

    /// How many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests;
