//! Counts of a removed day as a file: what the counters of one part said, with names in words, since nothing is left that
//! numbers could be told from anew. Drawn in `docs/formats/index.md`. It must never hold anything of a single click.

use clicks::{AccountCode, Hashid, IndexName};

use crate::index::counters::Quarters;
use crate::index::cuts::QUARTERS;
use crate::index::part_quarters::{EngineQuarters, Kind};
use crate::names::Names;
use crate::record::RecordError;
use crate::wire::{Reading, put_number, put_text};

const MAGIC: &[u8; 8] = b"ctcounts";
/// The version of the format.
const COUNTS_VERSION: u32 = 1;
/// An index that is not told.
const NO_INDEX: u8 = 0;
const INDEX: u8 = 1;

/// The name of the counts of what was a part.
pub fn counts_name(part: u32) -> String {
    format!("counts-{part:08}")
}

/// The number of what was a part, from the name of its counts.
pub fn counts_number(name: &str) -> Option<u32> {
    let number = name.strip_prefix("counts-")?.parse().ok()?;
    (counts_name(number) == name).then_some(number)
}

/// The bytes of a file; `None` when a name has no number.
pub fn put_counts(names: &Names, part: u32, quarters: &Quarters) -> Option<Vec<u8>> {
    let mut out = MAGIC.to_vec();
    for word in [COUNTS_VERSION, part] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    put_number(&mut out, quarters.len() as u64);
    for (engine, EngineQuarters { kinds }) in quarters {
        let (account, hashid) = names.engines.name(*engine)?;
        out.extend_from_slice(account.as_bytes());
        out.extend_from_slice(hashid.as_bytes());
        put_number(&mut out, kinds.len() as u64);
        for (Kind { index, device, product }, clicks) in kinds {
            if *index == crate::names::UNTOLD {
                out.push(NO_INDEX);
            } else {
                out.push(INDEX);
                put_text(&mut out, names.indices.name(*index)?.1.as_str());
            }
            out.extend_from_slice(&[*device, *product]);
            put_number(&mut out, clicks.len() as u64);
            let mut before = 0;
            for (quarter, clicks) in clicks {
                put_number(&mut out, u64::from(quarter - before));
                put_number(&mut out, u64::from(*clicks));
                before = *quarter;
            }
        }
    }
    let check = crc32fast::hash(&out);
    out.extend_from_slice(&check.to_le_bytes());
    Some(out)
}

/// Reads what [`put_counts`] wrote. Names get numbers where they have none.
///
/// # Errors
/// When it is not what was written.
pub fn read_counts(names: &mut Names, part: u32, bytes: &[u8]) -> Result<Quarters, RecordError> {
    let (body, check) = bytes.split_last_chunk::<4>().ok_or(RecordError::Short)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*check) {
        return Err(RecordError::Short);
    }
    let mut reading = Reading::new(body);
    let magic: [u8; 8] = reading.array()?;
    let (version, number) = (u32::from_le_bytes(reading.array()?), u32::from_le_bytes(reading.array()?));
    if (&magic, version, number) != (MAGIC, COUNTS_VERSION, part) {
        return Err(RecordError::Number);
    }
    let mut quarters = Quarters::new();
    for _ in 0..reading.number()? {
        let account = AccountCode::from_bytes(reading.array()?);
        let engine = names.intern_engine(account, Hashid::from_bytes(reading.array()?));
        let mut kinds = Vec::new();
        for _ in 0..reading.number()? {
            let index = match reading.byte()? {
                NO_INDEX => None,
                INDEX => Some(reading.text()?.parse::<IndexName>()?),
                other => return Err(RecordError::Kind(other)),
            };
            let index = names.intern_index(engine, index.as_ref());
            let kind = Kind { index, device: reading.byte()?, product: reading.byte()? };
            let (mut clicks, mut quarter) = (Vec::new(), 0_u64);
            for _ in 0..reading.number()? {
                quarter = quarter.saturating_add(reading.number()?);
                let at = u8::try_from(quarter).ok().filter(|at| *at < QUARTERS).ok_or(RecordError::Number)?;
                clicks.push((at, u32::try_from(reading.number()?).map_err(|_| RecordError::Number)?));
            }
            kinds.push((kind, clicks));
        }
        quarters.insert(engine, EngineQuarters { kinds });
    }
    if reading.rest().is_empty() { Ok(quarters) } else { Err(RecordError::Number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_back_under_other_numbers_and_no_flipped_bit_is_taken() {
        let (account, hashid) = (AccountCode::from_bytes([7; 8]), Hashid::from_bytes([9; 16]));
        let fill = |names: &mut Names| {
            let engine = names.intern_engine(account, hashid);
            let index = names.intern_index(engine, Some(&"page".parse().unwrap()));
            let told = (Kind { index, device: 2, product: 1 }, vec![(0, 3), (95, 70_000)]);
            let untold = (Kind { index: 0, device: 0, product: 0 }, vec![(40, 1)]);
            Quarters::from([(engine, EngineQuarters { kinds: vec![told, untold] })])
        };
        let mut names = Names::default();
        let bytes = {
            let quarters = fill(&mut names);
            put_counts(&names, 12, &quarters).unwrap()
        };
        let mut other = Names::default();
        let engine = other.intern_engine(account, Hashid::from_bytes([1; 16]));
        other.intern_index(engine, Some(&"product".parse().unwrap()));
        let found = read_counts(&mut other, 12, &bytes).unwrap();
        assert_eq!(found, fill(&mut other));
        assert_ne!(found, fill(&mut names));
        assert!(read_counts(&mut other, 13, &bytes).is_err());
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << (at % 8);
            assert!(read_counts(&mut other, 12, &broken).is_err(), "{at}");
            assert!(read_counts(&mut other, 12, &bytes[..at]).is_err(), "{at}");
        }
        assert_eq!(counts_number(&counts_name(12)), Some(12));
        assert_eq!(counts_number("counts-12"), None);
    }
}
