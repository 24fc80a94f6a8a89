//! Days: Parquet files of clicks and of searches. In a damaged file every row is either what was written or an error. A
//! file whose checks fit may say anything: whatever it says is read or refused.

use std::sync::{Arc, LazyLock};

use clicks::{Click, Search};
use days::{
    ClickText, ClicksReader, ClicksWriter, DayError, SearchesReader, SearchesWriter, Source, WriteOptions,
};

use crate::checks::fit_day;
use crate::input::{Damage, Input};
use crate::memory::bounded;
use crate::world;

/// More rows than any of the files can tell without saying the same thing again and again.
const ROWS_MAX: usize = 4_000;

/// Known and open: the decoder believes what a page's header says of its size before it is decompressed, up to 2 GiB. It also
/// passes over a list of flags in a footer one by one, however many the footer says it has: two thousand million take ten seconds.
const PAGE_WORTH_BYTES: usize = 2 << 20;

struct Written {
    clicks: Vec<Click>,
    clicks_file: Vec<u8>,
    searches: Vec<Search>,
    searches_file: Vec<u8>,
}

static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let options = WriteOptions { row_group_rows: 60, ..WriteOptions::default() };
    let (mut clicks, mut searches) = (world::clicks(100), world::searches(100));
    clicks.sort_by_key(|click| click.at_ms);
    searches.sort_by_key(|search| search.at_ms);
    let mut writer = ClicksWriter::new(Vec::new(), &options).unwrap();
    clicks.iter().for_each(|click| writer.push(click).unwrap());
    let (clicks_file, _) = writer.finish().unwrap();
    let mut writer = SearchesWriter::new(Vec::new(), &options).unwrap();
    searches.iter().for_each(|search| writer.push(search).unwrap());
    let (searches_file, _) = writer.finish().unwrap();
    Written { clicks, clicks_file, searches, searches_file }
});

/// Reads files of days that were damaged, or changed with their checksums.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let written = &*WRITTEN;
    match input.byte() % 4 {
        0 => damaged(&mut input, &written.clicks_file, &written.clicks, read_clicks),
        1 => damaged(&mut input, &written.searches_file, &written.searches, read_searches),
        2 => forged(input, &written.clicks_file, read_clicks),
        _ => forged(input, &written.searches_file, read_searches),
    }
}

/// All that can be read of a file, and whether it says that it is whole.
type Read<T> = (Vec<Result<T, DayError>>, Result<(), DayError>);

fn damaged<T: PartialEq + std::fmt::Debug>(
    input: &mut Input<'_>,
    file: &[u8],
    rows: &[T],
    read: impl Fn(Vec<u8>) -> Result<Read<T>, DayError>,
) {
    let Some(damage) = Damage::of(input, file.len()) else { return };
    let Some(changed) = damage.changed(file) else { return };
    match read(changed) {
        Err(error) => assert!(error.to_string().starts_with("the file"), "{error}"),
        Ok((found, whole)) => {
            let error = whole.expect_err("damage that the checksums miss");
            assert!(error.to_string().starts_with("the file"), "{error}");
            for (place, row) in found.into_iter().enumerate() {
                match row {
                    Ok(row) => assert_eq!(row, rows[place]),
                    Err(error) => assert!(error.to_string().starts_with("the file"), "{error}"),
                }
            }
        }
    }
}

fn forged<T>(input: Input<'_>, file: &[u8], read: impl Fn(Vec<u8>) -> Result<Read<T>, DayError>) {
    let mut file = file.to_vec();
    input.edit(&mut file);
    fit_day(&mut file);
    bounded(PAGE_WORTH_BYTES + file.len(), || drop(read(file)));
}

fn read_clicks(file: Vec<u8>) -> Result<Read<Click>, DayError> {
    let reader = ClicksReader::open(Arc::new(file) as Arc<dyn Source>, "the file")?;
    let summary = *reader.summary();
    let rows: Vec<_> = reader.rows(0..summary.rows).take(ROWS_MAX).collect();
    let columns = [ClickText::DocId, ClickText::Query, ClickText::Device];
    let batches: Result<Vec<_>, _> = reader.batches(0..summary.rows, &columns).take(ROWS_MAX).collect();
    // What is read column by column is what is read row by row.
    let whole: Result<Vec<&Click>, _> = rows.iter().map(Result::as_ref).collect();
    if let (Ok(batches), Ok(rows)) = (batches, whole)
        && rows.len() < ROWS_MAX
    {
        let at_ms: Vec<i64> = batches.iter().flat_map(|batch| batch.at_ms.iter().copied()).collect();
        assert_eq!(at_ms, rows.iter().map(|click| click.at_ms).collect::<Vec<_>>());
    }
    for range in
        [reader.rows_between(summary.first_ms, summary.last_ms), reader.rows_between(i64::MIN, i64::MAX)]
    {
        assert!(range.start <= range.end, "{range:?}");
        reader.rows(range).take(4).for_each(drop);
    }
    reader.rows_at(&[1, 2, summary.rows / 2, summary.rows.saturating_sub(1), summary.rows]).for_each(drop);
    Ok((rows, reader.verify()))
}

fn read_searches(file: Vec<u8>) -> Result<Read<Search>, DayError> {
    let reader = SearchesReader::open(Arc::new(file) as Arc<dyn Source>, "the file")?;
    let summary = *reader.summary();
    let rows = reader.rows(0..summary.rows).take(ROWS_MAX).collect();
    reader.rows_at(&[1, 2, summary.rows / 2, summary.rows]).for_each(drop);
    Ok((rows, reader.verify()))
}

/// Damage, and changes in a few places.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (kind, file) in [(0, &WRITTEN.clicks_file), (1, &WRITTEN.searches_file)] {
        for at in (0..file.len()).step_by(file.len() / 24) {
            let place = u16::try_from(at).unwrap().to_le_bytes();
            seeds.push([&[kind, 2], &place[..], &[0, 0x81, 1]].concat());
            seeds.push([&[kind + 2], &place[..], &[1, 0xff]].concat());
            seeds.push([&[kind + 2], &place[..], &[3, 1, 0x80, 0]].concat());
        }
        seeds.push(vec![kind, 1, 0, 4]);
        seeds.push(vec![kind + 2]);
    }
    seeds
}
