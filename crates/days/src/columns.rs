//! Columns as they are read: numbers, texts and lists of texts, a page at a time.
//! It must never know which column it is.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Encoding, Type as Physical};

use crate::decode::{deltas, plain_numbers, plain_texts, texts_after_lengths, texts_sharing};
use crate::error::Fault;
use crate::levels::runs;
use crate::pages::{Pages, RawDictionary, RawPage};
use crate::reading::{DayFile, Group};
use crate::schema::LACKING;
use crate::texts::{ABSENT, Texts, TextsBuilder};

fn unknown() -> Fault {
    Fault::damaged("a page in an encoding that is not the format's")
}

const fn by_dictionary(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
}

/// Numbers in a dictionary of `known` entries: their width first.
fn dictionary_numbers(data: &Bytes, count: usize, known: usize) -> Result<Vec<u32>, Fault> {
    let mut numbers = Vec::new();
    if count > 0 {
        let (&width, data) = data.split_first().ok_or_else(unknown)?;
        runs(data, u32::from(width), count, &mut numbers)?;
    }
    if numbers.iter().any(|&number| number as usize >= known) {
        return Err(Fault::damaged("a number beyond the dictionary"));
    }
    Ok(numbers)
}

/// A page, decoded; `Dictionary` is what its column keeps for all its pages.
pub trait Decoded: Sized {
    type Dictionary;
    fn dictionary(raw: &RawDictionary, pages: &Pages) -> Result<Self::Dictionary, Fault>;
    fn decode(raw: &RawPage, dictionary: Option<&Self::Dictionary>, pages: &Pages) -> Result<Self, Fault>;
}

/// One column of one row group, with the page that was asked for last.
pub struct Column<P: Decoded> {
    pages: Pages,
    dictionary: Option<P::Dictionary>,
    page: Option<(Range<u64>, P)>,
}

impl<P: Decoded> Column<P> {
    pub fn open(file: &DayFile, group: &Group, column: usize) -> Result<Self, Fault> {
        let mut pages = Pages::open(file, group, column)?;
        let dictionary = pages.dictionary()?;
        let dictionary = dictionary.map(|raw| P::dictionary(&raw, &pages)).transpose()?;
        Ok(Self { pages, dictionary, page: None })
    }

    /// A column that files of an older version lack.
    pub fn later(file: &DayFile, group: &Group, column: usize) -> Result<Option<Self>, Fault> {
        let is_there = file.places.get(column).is_some_and(|place| *place != LACKING);
        is_there.then(|| Self::open(file, group, column)).transpose()
    }

    /// The page that holds a row, and the rows of that page. Rows are asked for in rising order.
    pub fn page_of(&mut self, row: u64) -> Result<(&P, &Range<u64>), Fault> {
        if !self.page.as_ref().is_some_and(|(rows, _)| rows.contains(&row)) {
            let raw = self.pages.page_of(row)?;
            let page = P::decode(&raw, self.dictionary.as_ref(), &self.pages)?;
            self.page = Some((raw.rows, page));
        }
        self.page.as_ref().map(|(rows, page)| (page, rows)).ok_or_else(unknown)
    }

    /// The page that holds a row, and the row's place in it.
    pub fn row(&mut self, row: u64) -> Result<(&P, usize), Fault> {
        let (page, rows) = self.page_of(row)?;
        let place = usize::try_from(row - rows.start).map_err(|_| unknown())?;
        Ok((page, place))
    }
}

/// A page of numbers; those of 32 bits are without sign.
pub struct NumberPage {
    values: Vec<i64>,
    /// For each row its place among the values, or [`ABSENT`]; empty where every row has one.
    places: Vec<u32>,
}

impl NumberPage {
    pub fn get(&self, row: usize) -> Option<i64> {
        if self.places.is_empty() {
            return self.values.get(row).copied();
        }
        let place = usize::try_from(*self.places.get(row)?).ok()?;
        self.values.get(place).copied()
    }

    /// All of them, where every row has one.
    pub fn values(&self) -> &[i64] {
        &self.values
    }
}

/// Gives the rows without a value [`ABSENT`] and the others what `values` has for them, in order.
fn spread(raw: &RawPage, defined_max: u32, values: impl Iterator<Item = u32>) -> Vec<u32> {
    if raw.values == raw.entries {
        return values.collect();
    }
    let mut values = values;
    let of = |&level: &u32| if level == defined_max { values.next().unwrap_or(ABSENT) } else { ABSENT };
    raw.defined.iter().map(of).collect()
}

fn count_up(count: usize) -> impl Iterator<Item = u32> {
    (0..u32::MAX).take(count)
}

impl Decoded for NumberPage {
    type Dictionary = Vec<i64>;

    fn dictionary(raw: &RawDictionary, pages: &Pages) -> Result<Vec<i64>, Fault> {
        let mut values = Vec::new();
        plain_numbers(&raw.data, number_bytes(pages)?, raw.values, &mut values)?;
        Ok(values)
    }

    fn decode(raw: &RawPage, dictionary: Option<&Vec<i64>>, pages: &Pages) -> Result<Self, Fault> {
        let mut values = Vec::new();
        match (raw.encoding, dictionary) {
            (Encoding::PLAIN, _) => plain_numbers(&raw.data, number_bytes(pages)?, raw.values, &mut values)?,
            (Encoding::DELTA_BINARY_PACKED, _) => deltas(&mut &raw.data[..], raw.values, &mut values)?,
            (encoding, Some(known)) if by_dictionary(encoding) => {
                let numbers = dictionary_numbers(&raw.data, raw.values, known.len())?;
                values = numbers.into_iter().map(|number| known[number as usize]).collect();
            }
            _ => return Err(unknown()),
        }
        if pages.physical == Physical::INT32 {
            values.iter_mut().for_each(|value| *value &= i64::from(u32::MAX));
        }
        let everywhere = raw.values == raw.entries;
        let places =
            if everywhere { Vec::new() } else { spread(raw, pages.defined_max, count_up(raw.values)) };
        Ok(Self { values, places })
    }
}

fn number_bytes(pages: &Pages) -> Result<usize, Fault> {
    match pages.physical {
        Physical::INT32 => Ok(4),
        Physical::INT64 => Ok(8),
        _ => Err(unknown()),
    }
}

/// A page of texts.
pub struct TextPage {
    pub texts: Arc<Texts>,
    /// For each row the number of its text, or [`ABSENT`].
    pub numbers: Vec<u32>,
}

impl Decoded for TextPage {
    type Dictionary = Arc<Texts>;

    fn dictionary(raw: &RawDictionary, _: &Pages) -> Result<Arc<Texts>, Fault> {
        dictionary_texts(raw)
    }

    fn decode(raw: &RawPage, dictionary: Option<&Arc<Texts>>, pages: &Pages) -> Result<Self, Fault> {
        let (texts, numbers) = decode_texts(raw, dictionary)?;
        let numbers = match numbers {
            Some(numbers) => spread(raw, pages.defined_max, numbers.into_iter()),
            None => spread(raw, pages.defined_max, count_up(raw.values)),
        };
        Ok(Self { texts, numbers })
    }
}

fn dictionary_texts(raw: &RawDictionary) -> Result<Arc<Texts>, Fault> {
    let mut texts = TextsBuilder::default();
    plain_texts(&raw.data, raw.values, &mut texts)?;
    texts.finish().map(Arc::new)
}

/// The texts of a page, and the number of each value; no numbers where the values are the texts, one by one.
fn decode_texts(
    raw: &RawPage,
    dictionary: Option<&Arc<Texts>>,
) -> Result<(Arc<Texts>, Option<Vec<u32>>), Fault> {
    if let (true, Some(known)) = (by_dictionary(raw.encoding), dictionary) {
        let numbers = dictionary_numbers(&raw.data, raw.values, known.len())?;
        return Ok((Arc::clone(known), Some(numbers)));
    }
    let mut texts = TextsBuilder::default();
    match raw.encoding {
        Encoding::PLAIN => plain_texts(&raw.data, raw.values, &mut texts)?,
        Encoding::DELTA_LENGTH_BYTE_ARRAY => texts_after_lengths(&raw.data, raw.values, &mut texts)?,
        Encoding::DELTA_BYTE_ARRAY => texts_sharing(&raw.data, raw.values, &mut texts)?,
        _ => return Err(unknown()),
    }
    Ok((texts.finish().map(Arc::new)?, None))
}

/// A page of lists of texts.
pub struct ListPage {
    pub texts: Arc<Texts>,
    numbers: Vec<u32>,
    /// For each row its part of the numbers; `None` where the list is absent.
    lists: Vec<Option<Range<usize>>>,
}

impl ListPage {
    /// The numbers of a row's texts; `None` where the list is absent.
    pub fn get(&self, row: usize) -> Option<&[u32]> {
        self.numbers.get(self.lists.get(row)?.clone()?)
    }
}

impl Decoded for ListPage {
    type Dictionary = Arc<Texts>;

    fn dictionary(raw: &RawDictionary, _: &Pages) -> Result<Arc<Texts>, Fault> {
        dictionary_texts(raw)
    }

    fn decode(raw: &RawPage, dictionary: Option<&Arc<Texts>>, pages: &Pages) -> Result<Self, Fault> {
        let (texts, numbers) = decode_texts(raw, dictionary)?;
        let numbers = numbers.unwrap_or_else(|| count_up(raw.values).collect());
        // Below the highest level stands the empty list, and below that, where it may be, the absent one.
        let in_list = pages.defined_max;
        let mut lists: Vec<Option<Range<usize>>> = Vec::new();
        let mut value = 0;
        for (&defined, &repeated) in raw.defined.iter().zip(&raw.repeated) {
            if repeated == 0 {
                lists.push((defined + 1 >= in_list).then_some(value..value));
            }
            if defined == in_list {
                value += 1;
                let list = lists.last_mut().and_then(Option::as_mut);
                list.ok_or_else(|| Fault::damaged("an entry of an absent list"))?.end = value;
            } else if repeated != 0 {
                return Err(Fault::damaged("an empty entry in a list"));
            }
        }
        Ok(Self { texts, numbers, lists })
    }
}
