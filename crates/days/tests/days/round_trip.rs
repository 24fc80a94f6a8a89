//! What is written comes back: whole, in parts, row by row and column by column.

use std::io::{self, Write};
use std::sync::Arc;

use clicks::{Click, Search};
use days::{
    ABSENT, ClickText, ClicksReader, ClicksWriter, Fault, SearchesReader, Summary, WriteError, WriteOptions,
};

use crate::world::{Dice, clicks, open_clicks, open_searches, searches, small, write_clicks, write_searches};

fn all_clicks(reader: &ClicksReader) -> Vec<Click> {
    reader.rows(0..u64::MAX).map(Result::unwrap).collect()
}

fn all_searches(reader: &SearchesReader) -> Vec<Search> {
    reader.rows(0..u64::MAX).map(Result::unwrap).collect()
}

#[test]
fn clicks_come_back_as_they_were() {
    for (seed, count) in [(1, 1), (2, 1_023), (3, 1_025), (4, 12_345)] {
        for options in [small(), WriteOptions::default()] {
            let written = clicks(seed, count);
            let (bytes, summary) = write_clicks(&written, &options);
            assert_eq!(summary.bytes, bytes.len() as u64);
            let reader = open_clicks(bytes);
            assert_eq!(reader.summary(), &summary);
            reader.verify().unwrap();
            assert_eq!(all_clicks(&reader), written);
        }
    }
}

#[test]
fn searches_come_back_as_they_were() {
    for (seed, count) in [(1, 1), (2, 1_025), (3, 12_345)] {
        for options in [small(), WriteOptions::default()] {
            let written = searches(seed, count);
            let (bytes, summary) = write_searches(&written, &options);
            let reader = open_searches(bytes);
            assert_eq!(reader.summary(), &summary);
            assert_eq!(all_searches(&reader), written);
        }
    }
}

#[test]
fn rows_without_any_of_the_optional_parts_come_back() {
    let bare = |click: Click| Click {
        index: None,
        id: None,
        query_id: None,
        searched_ms: None,
        rank: None,
        device: None,
        terms: None,
        user: None,
        session: None,
        custom_result: None,
        ..click
    };
    let written: Vec<Click> = clicks(5, 3_000).into_iter().map(bare).collect();
    assert_eq!(all_clicks(&open_clicks(write_clicks(&written, &small()).0)), written);
    let bare = |search: Search| Search { indices: Vec::new(), doc_ids: None, total_hits: None, ..search };
    let written: Vec<Search> = searches(5, 3_000).into_iter().map(bare).collect();
    assert_eq!(all_searches(&open_searches(write_searches(&written, &small()).0)), written);
    let empty = |search: Search| Search { doc_ids: Some(Vec::new()), ..search };
    let written: Vec<Search> = written.into_iter().map(empty).collect();
    assert_eq!(all_searches(&open_searches(write_searches(&written, &small()).0)), written);
}

#[test]
fn all_times_that_there_are_come_back() {
    let mut written = clicks(6, 4);
    for (click, at_ms) in written.iter_mut().zip([i64::MIN, -1, i64::MAX, i64::MAX]) {
        (click.at_ms, click.received_ms, click.searched_ms) = (at_ms, !at_ms, Some(at_ms));
    }
    let (bytes, summary) = write_clicks(&written, &small());
    assert_eq!((summary.first_ms, summary.last_ms), (i64::MIN, i64::MAX));
    assert_eq!(summary.received_last_ms, i64::MAX);
    assert_eq!(all_clicks(&open_clicks(bytes)), written);
}

#[test]
fn a_file_of_no_rows_is_a_file() {
    let (bytes, summary) = write_clicks(&[], &small());
    assert_eq!(summary, Summary { bytes: summary.bytes, checksum: summary.checksum, ..Summary::default() });
    let reader = open_clicks(bytes);
    assert_eq!(reader.summary(), &summary);
    assert_eq!(all_clicks(&reader), []);
    assert_eq!(reader.rows_between(i64::MIN, i64::MAX), 0..0);
    assert_eq!(reader.batches(0..9, &[ClickText::DocId]).count(), 0);
    assert_eq!(all_searches(&open_searches(write_searches(&[], &small()).0)), []);
}

#[test]
fn a_row_that_goes_back_in_time_is_refused_and_the_next_is_not() {
    let written = clicks(7, 3);
    let mut writer = ClicksWriter::new(Vec::new(), &small()).unwrap();
    writer.push(&written[1]).unwrap();
    assert!(matches!(writer.push(&written[0]), Err(WriteError::Backwards { .. })));
    writer.push(&written[2]).unwrap();
    let (bytes, _) = writer.finish().unwrap();
    assert_eq!(all_clicks(&open_clicks(bytes)), written[1..]);
}

#[test]
fn row_groups_are_bounded_by_bytes_too() {
    let written = clicks(8, 4_000);
    let options = WriteOptions { row_group_bytes: 100_000, ..small() };
    let (bytes, _) = write_clicks(&written, &options);
    assert!(bytes.len() > write_clicks(&written, &small()).0.len(), "more row groups have more dictionaries");
    assert_eq!(all_clicks(&open_clicks(bytes)), written);
}

#[test]
fn parts_and_single_rows_are_those_of_the_whole() {
    let (click_rows, search_rows) = (clicks(9, 12_000), searches(9, 12_000));
    let clicks = open_clicks(write_clicks(&click_rows, &small()).0);
    let searches = open_searches(write_searches(&search_rows, &small()).0);
    let mut dice = Dice::new(9);
    for _ in 0..60 {
        let start = dice.place(12_000);
        let end = start + dice.place(12_001 - start);
        let rows: Vec<Click> = clicks.rows(start as u64..end as u64).map(Result::unwrap).collect();
        assert_eq!(rows, click_rows[start..end]);
        let mut numbers: Vec<u64> = (0..dice.below(12)).map(|_| dice.below(12_000)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let of = |number: &u64| usize::try_from(*number).unwrap();
        let wanted: Vec<Click> = numbers.iter().map(|number| click_rows[of(number)].clone()).collect();
        assert_eq!(clicks.rows_at(&numbers).map(Result::unwrap).collect::<Vec<_>>(), wanted);
        let wanted: Vec<Search> = numbers.iter().map(|number| search_rows[of(number)].clone()).collect();
        assert_eq!(searches.rows_at(&numbers).map(Result::unwrap).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn rows_between_leaves_out_no_row_and_few_too_many() {
    let written = clicks(10, 12_000);
    let reader = open_clicks(write_clicks(&written, &small()).0);
    let mut dice = Dice::new(10);
    for _ in 0..200 {
        let (one, other) = (written[dice.place(12_000)].at_ms, written[dice.place(12_000)].at_ms);
        let (from_ms, until_ms) = (one.min(other), one.max(other));
        let first = written.partition_point(|click| click.at_ms < from_ms) as u64;
        let end = written.partition_point(|click| click.at_ms < until_ms) as u64;
        let rows = reader.rows_between(from_ms, until_ms);
        if first < end {
            assert!(rows.start <= first && rows.end >= end, "{rows:?} {first}..{end}");
        }
        assert!(rows.end - rows.start <= end - first + 2 * 1_024, "{rows:?} {first}..{end}");
    }
    assert!(reader.rows_between(i64::MIN, written[0].at_ms).is_empty());
    assert!(reader.rows_between(written[11_999].at_ms + 1, i64::MAX).is_empty());
    assert_eq!(reader.rows_between(i64::MIN, i64::MAX), 0..12_000);
}

#[test]
fn columns_say_what_the_rows_say() {
    use ClickText::{Account, Device, DocId, Hashid, Id, Index, ProductType, Query, QueryId, Session, User};
    let written = clicks(11, 12_000);
    let reader = open_clicks(write_clicks(&written, &small()).0);
    let columns = [Session, Account, Hashid, Index, DocId, Query, Device, ProductType, User, Id, QueryId];
    let mut next = 17;
    for batch in reader.batches(17..11_003, &columns) {
        let batch = batch.unwrap();
        assert_eq!(batch.first_row, next);
        for (place, &at_ms) in batch.at_ms.iter().enumerate() {
            let click = &written[usize::try_from(next).unwrap()];
            assert_eq!(at_ms, click.at_ms);
            let found: Vec<Option<&str>> = batch
                .texts
                .iter()
                .map(|column| {
                    let text = column.texts.get(column.numbers[place]);
                    assert_eq!(text.is_none(), column.numbers[place] == ABSENT);
                    text
                })
                .collect();
            let (account, engine) = (click.account.to_string(), click.engine.to_string());
            let wanted = [
                click.session.as_deref(),
                Some(&account),
                Some(&engine),
                click.index.as_ref().map(clicks::IndexName::as_str),
                Some(click.doc_id.as_str()),
                click.terms.as_ref().map(clicks::SearchTerms::as_str),
                click.device.map(clicks::Device::as_str),
                Some(click.product_type.as_str()),
                click.user.as_ref().map(clicks::UserCode::as_str),
                click.id.as_deref(),
                click.query_id.as_deref(),
            ];
            assert_eq!(found, wanted);
            next += 1;
        }
    }
    assert_eq!(next, 11_003);
}

#[test]
fn a_sink_that_fails_is_an_error_of_its_own_kind() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let written = clicks(12, 3_000);
    let whole = write_clicks(&written, &small()).0.len();
    let write = |space: usize| -> Result<(), WriteError> {
        let mut writer = ClicksWriter::new(Full(space), &small())?;
        written.iter().try_for_each(|click| writer.push(click))?;
        writer.finish().map(|_| ())
    };
    write(whole).unwrap();
    for space in [0, 3, 4, 5_000, whole / 2, whole - 100_000, whole - 2_000, whole - 1] {
        match write(space) {
            Err(WriteError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{space}"),
            other => panic!("{space}: {other:?}"),
        }
    }
}

#[test]
fn another_file_is_refused_by_name() {
    let searches = write_searches(&searches(13, 10), &small()).0;
    let error = ClicksReader::open(Arc::new(searches), "day=2024-05-31/a.parquet").err().unwrap();
    assert!(matches!(error.fault, Fault::Foreign("clicks")), "{error}");
    assert!(error.to_string().starts_with("day=2024-05-31/a.parquet is"), "{error}");
    for bytes in [vec![], b"PAR1PAR1".to_vec(), vec![b'P'; 100_000]] {
        let error = ClicksReader::open(Arc::new(bytes), "a").err().unwrap();
        assert!(matches!(error.fault, Fault::Foreign(_) | Fault::Damaged(_)), "{error}");
    }
}
