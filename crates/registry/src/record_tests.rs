//! The tests of `record`: what is written reads back, and no bytes whatever make reading panic.

use super::*;
use crate::random::Random;

fn samples() -> Vec<Record<'static>> {
    let account = AccountCode::from_bytes([7; 8]);
    let hashid = Hashid::from_bytes([9; 16]);
    let info = KeyInfo {
        id: KeyId::from_bytes([3; 8]),
        account,
        scopes: Scopes::default(),
        created_ms: -1_700_000_000_000,
        confines: Arc::default(),
    };
    let origins = ["https://shop.example.com".to_owned(), "http://localhost:3000".to_owned()];
    let confined = KeyInfo {
        scopes: Scopes::CLICK,
        confines: Arc::new(Confines::new(&[hashid], &origins).unwrap()),
        ..info.clone()
    };
    let user = |stamp| UserText {
        info: UserInfo {
            account,
            name: Arc::from("Jürgen"),
            scopes: "read,manage".parse().unwrap(),
            created_ms: 1_700_000_000_000,
            stamp: UserStamp::from_bytes([stamp; 8]),
        },
        sealed: &[0xc3; 137],
    };
    vec![
        Record::Account { code: account, name: "Müller & Söhne" },
        Record::Key { info, sealed: [0xa5; SEALED_KEY_BYTES] },
        Record::Key { info: confined, sealed: [0x5a; SEALED_KEY_BYTES] },
        Record::KeyRevoked { id: KeyId::from_bytes([3; 8]) },
        Record::User(user(1)),
        Record::UserReplaced { was: UserStamp::from_bytes([1; 8]), user: user(2) },
        Record::UserRemoved { stamp: UserStamp::from_bytes([2; 8]) },
        Record::Engine {
            hashid,
            account,
            name: "shop",
            indices: vec!["product", "page"],
            sites: vec!["search.example.com"],
        },
        Record::Engine { hashid, account, name: "bare", indices: vec![], sites: vec![] },
        Record::Place { engine: hashid, index: "product" },
        Record::Item(ItemText { doc_id: "sku1", title: Some("Red shoes"), link: Some("https://a/b") }),
        Record::Item(ItemText { doc_id: "sku2", title: None, link: Some("https://a") }),
        Record::Item(ItemText { doc_id: "sku3", title: Some(""), link: None }),
        Record::Item(ItemText { doc_id: "sku4", title: None, link: None }),
        Record::ItemRemoved { digest: ItemDigest::of("sku3") },
        Record::EngineChanged { hashid, name: Some("Shop"), sites: Some(vec!["a.example", "b.example"]) },
        Record::EngineChanged { hashid, name: None, sites: Some(vec![]) },
        Record::EngineChanged { hashid, name: Some("Shop"), sites: None },
        Record::EngineChanged { hashid, name: None, sites: None },
        Record::IndexRemoved { engine: hashid, index: "product" },
        Record::EngineRemoved { hashid },
        Record::EngineRetired { hashid, account },
    ]
}

fn payload_of(records: &[Record<'_>]) -> Vec<u8> {
    let mut payload = Vec::new();
    begin(&mut payload);
    records.iter().for_each(|record| write(&mut payload, record));
    payload
}

#[test]
fn records_read_back_as_they_were_written() {
    let payload = payload_of(&samples());
    let read: Vec<_> = Records::of(&payload).unwrap().map(|record| record.unwrap().1).collect();
    assert_eq!(read, samples());
}

/// The bytes of what came after version 1 had its sample, as they are drawn.
#[test]
fn later_kinds_are_written_as_they_are_drawn() {
    let (hashid, account) = (Hashid::from_bytes([9; 16]), AccountCode::from_bytes([7; 8]));
    let info = UserInfo {
        account,
        name: Arc::from("Jo"),
        scopes: "read,write".parse().unwrap(),
        created_ms: 258,
        stamp: UserStamp::from_bytes([4; 8]),
    };
    let user = UserText { info, sealed: &[6; 3] };
    let written: [&[u8]; 7] = [&[7; 8], &[4; 8], &[3], &[2, 1, 0, 0, 0, 0, 0, 0], &[2], b"Jo", &[3, 6, 6, 6]];
    let drawn: [(Record<'_>, &[&[u8]]); 9] = [
        (
            Record::EngineChanged { hashid, name: Some("Shop"), sites: Some(vec!["a.b", "c"]) },
            &[&[7], &[9; 16], &[3, 4], b"Shop", &[2, 3], b"a.b", &[1], b"c"],
        ),
        (Record::EngineChanged { hashid, name: None, sites: Some(vec![]) }, &[&[7], &[9; 16], &[2, 0]]),
        (Record::EngineRemoved { hashid }, &[&[8], &[9; 16]]),
        (Record::EngineRetired { hashid, account }, &[&[9], &[9; 16], &[7; 8]]),
        (Record::IndexRemoved { engine: hashid, index: "page" }, &[&[10], &[9; 16], &[4], b"page"]),
        (Record::ItemRemoved { digest: ItemDigest::from_bytes([5; 16]) }, &[&[11], &[5; 16]]),
        (Record::User(user.clone()), &[&[13], &written.concat()]),
        (
            Record::UserReplaced { was: UserStamp::from_bytes([9; 8]), user },
            &[&[14], &[9; 8], &written.concat()],
        ),
        (Record::UserRemoved { stamp: UserStamp::from_bytes([4; 8]) }, &[&[15], &[4; 8]]),
    ];
    for (record, bytes) in drawn {
        assert_eq!(payload_of(&[record])[1..], bytes.concat());
    }
}

#[test]
fn an_item_is_read_alone_at_its_offset() {
    let payload = payload_of(&samples());
    let mut items = 0;
    for record in Records::of(&payload).unwrap() {
        let (offset, record) = record.unwrap();
        match record {
            Record::Item(item) => {
                assert_eq!(item_at(&payload, offset), Ok(item));
                items += 1;
            }
            _ => assert!(item_at(&payload, offset).is_err()),
        }
    }
    assert_eq!(items, 4);
    assert!(item_at(&payload, payload.len()).is_err());
    assert!(item_at(&payload, usize::MAX).is_err());
}

#[test]
fn a_cut_payload_is_refused_or_holds_fewer_records_never_others() {
    let payload = payload_of(&samples());
    assert_eq!(Records::of(&[]).err(), Some(RecordError::Short));
    for length in 1..payload.len() {
        let read: Vec<_> = Records::of(&payload[..length]).unwrap().collect();
        for (found, expected) in read.iter().zip(samples()) {
            match found {
                Ok((_, record)) => assert_eq!(*record, expected),
                Err(error) => assert_eq!(*error, RecordError::Short),
            }
        }
        assert!(read.len() <= samples().len());
    }
}

#[test]
fn versions_kinds_and_values_out_of_range_are_refused() {
    fn first(payload: &[u8]) -> Result<(usize, Record<'_>), RecordError> {
        Records::of(payload)?.next().unwrap()
    }
    assert_eq!(first(&[2, ACCOUNT]), Err(RecordError::Newer(2)));
    assert_eq!(first(&[0, ACCOUNT]), Err(RecordError::NoVersion));
    assert_eq!(first(&[1, 77]), Err(RecordError::Kind(77)));
    assert_eq!(first(&[1, ITEM, 0, 1, b'a']), Err(RecordError::NoPlace));
    assert_eq!(first(&[&[1, ITEM_REMOVED][..], &[0; 16]].concat()), Err(RecordError::NoPlace));
    let changed = [&[1, ENGINE_CHANGED][..], &[0; 16], &[4]].concat();
    assert_eq!(first(&changed), Err(RecordError::Value("a change's flags")));
    let account = |name: &str| payload_of(&[Record::Account { code: AccountCode::from_bytes([0; 8]), name }]);
    assert_eq!(first(&account("")), Err(RecordError::Value("a name")));
    assert_eq!(first(&account(&"x".repeat(513))), Err(RecordError::Value("a name")));
    assert!(first(&account(&"é".repeat(512))).is_ok());
    let place = Record::Place { engine: Hashid::from_bytes([0; 16]), index: "i" };
    let title = "t".repeat(ITEM_TITLE_CHARS_MAX + 1);
    let long = Record::Item(ItemText { doc_id: "d", title: Some(&title), link: None });
    let payload = payload_of(&[place, long]);
    let last = Records::of(&payload).unwrap().last().unwrap();
    assert_eq!(last, Err(RecordError::Value("a title")));
    let key = |scopes: u8, rest: &[u8]| {
        [&[RECORD_VERSION, CONFINED_KEY][..], &[0; 16], &[scopes], &[0; 8], rest, &[0; SEALED_KEY_BYTES]]
            .concat()
    };
    assert!(first(&key(8, &[&[1][..], &[7; 16], &[0]].concat())).is_ok());
    assert_eq!(
        first(&key(2, &[&[1][..], &[7; 16], &[0]].concat())),
        Err(RecordError::Value("a key's confines"))
    );
    assert_eq!(first(&key(8, &[0, 0])), Err(RecordError::Value("a key's confines")));
    assert_eq!(first(&key(8, &[0, 1, 1, b'*'])), Err(RecordError::Value("an origin")));
    assert_eq!(first(&key(8, &[0, 65])), Err(RecordError::Value("a list's length")));
    let user =
        |scopes: u8, rest: &[u8]| [&[RECORD_VERSION, USER][..], &[0; 16], &[scopes], &[0; 8], rest].concat();
    assert!(first(&user(7, &[1, b'a', 0])).is_ok());
    assert_eq!(first(&user(8, &[1, b'a', 0])), Err(RecordError::Value("a user's set of scopes")));
    assert_eq!(first(&user(0, &[1, b'a', 0])), Err(RecordError::Value("a user's set of scopes")));
    assert_eq!(first(&user(1, &[1, b' ', 0])), Err(RecordError::Value("a user's name")));
    assert_eq!(first(&user(1, &[1, b'a', 2, 0])), Err(RecordError::Short));
    let long = [&[1, b'a', 0xa9, 2][..], &[0; SEALED_PASSWORD_BYTES_MAX + 1]].concat();
    assert_eq!(first(&user(1, &long)), Err(RecordError::Value("a sealed password's length")));
    let endless = [&[RECORD_VERSION, PLACE][..], &[0; 16], &[0x80; 9]].concat();
    assert_eq!(first(&endless), Err(RecordError::Value("a number")));
}

#[test]
fn no_bytes_make_reading_panic() {
    let sample = payload_of(&samples());
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let mut payload = if random.below(2) == 0 {
            (0..random.below(200)).map(|_| random.next().to_le_bytes()[0]).collect()
        } else {
            sample.clone()
        };
        for _ in 0..random.below(4) {
            if !payload.is_empty() {
                let place = random.below(payload.len());
                payload[place] = random.next().to_le_bytes()[0];
            }
        }
        if let Some(version) = payload.first_mut().filter(|_| seed % 4 != 0) {
            *version = RECORD_VERSION;
        }
        // What is understood reads the same once written again, so nothing is understood in two ways.
        let Ok(records) = Records::of(&payload) else { continue };
        let read: Vec<_> = records.map_while(Result::ok).map(|(_, record)| record).collect();
        let again = payload_of(&read);
        let reread: Vec<_> = Records::of(&again).unwrap().map(|record| record.unwrap().1).collect();
        assert_eq!(read, reread, "seed {seed}");
        for offset in 0..payload.len() {
            let _ = item_at(&payload, offset);
        }
    }
}
