//! Records read back as they were written, and no bytes make reading panic.

use clicks::conformance::Dice;

use super::*;

fn any_text(dice: &mut Dice) -> String {
    let letters = ["a", "é", "𝄞", "Z-9", " "];
    let length = 1 + dice.below(9);
    (0..length).map(|_| *dice.pick(&letters)).collect()
}

fn any_time(dice: &mut Dice) -> i64 {
    *dice.pick(&[0, 1, -1, i64::MIN, i64::MAX, 1_717_156_800_000, 9_999_999_999_999])
}

fn any_click(dice: &mut Dice) -> Click {
    let text = |dice: &mut Dice| dice.once_in(2).then(|| any_text(dice));
    Click {
        account: AccountCode::from_bytes([7; 8]),
        engine: Hashid::from_bytes([9; 16]),
        index: text(dice).map(|text| text.parse().unwrap()),
        doc_id: any_text(dice).parse().unwrap(),
        at_ms: any_time(dice),
        received_ms: any_time(dice),
        id: text(dice).map(String::into_boxed_str),
        query_id: text(dice).map(String::into_boxed_str),
        searched_ms: dice.once_in(2).then(|| any_time(dice)),
        rank: dice.pick_or_none(2, &[0, 1, u32::MAX]),
        device: dice.pick_or_none(3, &[Device::Desktop, Device::Mobile]),
        product_type: *dice.pick(&ProductType::ALL),
        custom_result: text(dice).map(|text| text.parse().unwrap()),
        terms: text(dice).and_then(|text| SearchTerms::fold(&text)),
        user: text(dice).map(|text| text.parse().unwrap()),
        session: text(dice).map(String::into_boxed_str),
    }
}

fn any_search(dice: &mut Dice) -> Search {
    let text = |dice: &mut Dice| dice.once_in(2).then(|| any_text(dice));
    let (indices, doc_ids) = (dice.below(3), dice.below(30));
    Search {
        kind: *dice.pick(&[SearchKind::Asked, SearchKind::Opened, SearchKind::Redirected]),
        account: AccountCode::from_bytes([7; 8]),
        id: any_text(dice).into(),
        engine: Hashid::from_bytes([9; 16]),
        indices: (0..indices).map(|_| any_text(dice).parse().unwrap()).collect(),
        query: text(dice).map(String::into_boxed_str),
        doc_ids: dice.once_in(2).then(|| (0..doc_ids).map(|_| any_text(dice).parse().unwrap()).collect()),
        device: dice.pick_or_none(3, &[Device::Desktop, Device::Mobile]),
        at_ms: any_time(dice),
        received_ms: any_time(dice),
        total_hits: dice.pick_or_none(2, &[0, u64::MAX]),
        user: text(dice).map(|text| text.parse().unwrap()),
        session: text(dice).map(String::into_boxed_str),
    }
}

fn any_frame(seed: u64) -> (Vec<u8>, Vec<Accepted>) {
    let mut dice = Dice::new(seed);
    let mut frame = Vec::new();
    begin_frame(&mut frame);
    let mut sent = Vec::new();
    for _ in 0..dice.below(4) {
        if dice.once_in(2) {
            let click = any_click(&mut dice);
            put_click(&mut frame, &click);
            sent.push(Accepted::Click(click));
        } else {
            let (search, join_ms) = (any_search(&mut dice), any_time(&mut dice));
            put_search(&mut frame, &search, join_ms);
            sent.push(Accepted::Search(search, join_ms));
        }
    }
    (frame, sent)
}

#[test]
fn records_read_back_as_they_were_written() {
    for seed in 0..2_000 {
        let (frame, sent) = any_frame(seed);
        let found: Result<Vec<_>, _> = read_frame(&frame).collect();
        assert_eq!(found, Ok(sent), "seed {seed}");
    }
}

#[test]
fn a_packed_search_is_found_and_read_back() {
    for seed in 0..500 {
        let search = any_search(&mut Dice::new(seed));
        let packed = PackedSearch::new(&search);
        assert_eq!(packed.key(), Ok((search.account, &*search.id)), "seed {seed}");
        assert_eq!(packed.unpack_head(), Ok(Search { doc_ids: None, ..search.clone() }), "seed {seed}");
        assert_eq!(packed.unpack(), Ok(search), "seed {seed}");
    }
}

#[test]
fn every_cut_of_a_frame_gives_only_whole_records() {
    for seed in 0..200 {
        let (frame, sent) = any_frame(seed);
        for length in 0..frame.len() {
            let found: Vec<_> = read_frame(&frame[..length]).collect();
            let whole = found.iter().filter_map(|record| record.clone().ok());
            assert!(whole.zip(&sent).all(|(found, sent)| found == *sent), "seed {seed}, {length} bytes");
            assert!(found.len() <= sent.len().max(1), "seed {seed}, {length} bytes");
        }
    }
}

#[test]
fn changed_bytes_are_read_or_refused_but_never_panic() {
    for seed in 0..2_000 {
        let (mut frame, _) = any_frame(seed);
        let mut dice = Dice::new(!seed);
        for _ in 0..1 + dice.below(4) {
            let place = dice.below(frame.len());
            frame[place] = dice.throw().to_le_bytes()[0];
        }
        // After an error nothing more comes, so the walk ends.
        let errors = read_frame(&frame).filter(Result::is_err).count();
        assert!(errors <= 1, "seed {seed}");
    }
}

#[test]
fn another_version_and_another_kind_are_refused() {
    let only = |frame: &[u8]| read_frame(frame).collect::<Vec<_>>();
    assert_eq!(only(&[2, 1]), [Err(RecordError::Version(2))]);
    assert_eq!(only(&[RECORDS_VERSION, 9]), [Err(RecordError::Kind(9))]);
    assert_eq!(only(&[]), [Err(RecordError::Short)]);
    assert_eq!(only(&[RECORDS_VERSION]), []);
}

/// The bytes of version 1, as the first release wrote them: they must stay readable.
#[test]
fn the_bytes_of_version_1_stay_readable() {
    let mut frame = vec![1];
    // A click: kind, flags (id, rank), mobile + banner, account, engine, at, received, rank, doc_id, id.
    frame.extend([1, 0b0001_0010, 0b0000_0110]);
    frame.extend([0xaa; 8]);
    frame.extend([0xbb; 16]);
    frame.extend([0x90, 0x4e, 0x02, 0x03, 4]);
    frame.extend(b"sku1");
    frame.extend([2]);
    frame.extend(b"c1");
    // A search: kind, flags (query, doc_ids), desktop, account, engine, id, at, received, window, indices, query, doc_ids.
    frame.extend([2, 0b0000_0011, 1]);
    frame.extend([0xaa; 8]);
    frame.extend([0xbb; 16]);
    frame.extend([1, b'q', 0x00, 0x01, 0x02, 1, 1, b'p', 3]);
    frame.extend(b"red");
    frame.extend([1, 1, b'a']);
    let found: Vec<_> = read_frame(&frame).collect::<Result<_, _>>().unwrap();
    let click = Click {
        account: AccountCode::from_bytes([0xaa; 8]),
        engine: Hashid::from_bytes([0xbb; 16]),
        index: None,
        doc_id: "sku1".parse().unwrap(),
        at_ms: 5_000,
        received_ms: 5_001,
        id: Some("c1".into()),
        query_id: None,
        searched_ms: None,
        rank: Some(3),
        device: Some(Device::Mobile),
        product_type: ProductType::Banner,
        custom_result: None,
        terms: None,
        user: None,
        session: None,
    };
    let search = Search {
        kind: clicks::SearchKind::Asked,
        account: AccountCode::from_bytes([0xaa; 8]),
        id: "q".into(),
        engine: Hashid::from_bytes([0xbb; 16]),
        indices: vec!["p".parse().unwrap()],
        query: Some("red".into()),
        doc_ids: Some(vec!["a".parse().unwrap()]),
        device: Some(Device::Desktop),
        at_ms: 0,
        received_ms: -1,
        total_hits: None,
        user: None,
        session: None,
    };
    assert_eq!(found, [Accepted::Click(click), Accepted::Search(search, 1)]);
}

#[test]
fn a_click_from_a_custom_result_is_a_kind_of_its_own_and_another_takes_no_byte_for_it() {
    let mut dice = Dice::new(8);
    for _ in 0..300 {
        let click = any_click(&mut dice);
        let (mut with, mut without) = (Vec::new(), Vec::new());
        put_click(&mut with, &Click { custom_result: Some("7".parse().unwrap()), ..click.clone() });
        put_click(&mut without, &Click { custom_result: None, ..click });
        assert_eq!((with[0], without[0]), (5, 1));
        assert_eq!(with[1..], [&without[1..], &[1, b'7']].concat());
    }
}
