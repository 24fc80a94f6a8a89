//! Words: the small texts that are read everywhere: zones, periods, names, search terms, user agents, JSON, secrets. What
//! is understood reads back as the same.

use std::fmt::Display;
use std::str::FromStr;

use clicks::{AccountCode, Bound, Dfid, Hashid, LocalDays, Period, SearchTerms, Zone};
use registry::{KeyId, MasterSecret, Scopes};
use server::bulk::{FileDigest, fitting_id};
use server::json::{Json, in_place, strict};
use server::retention::{TrustedClock, first_kept_day};
use server::user_agent::device_of;

use crate::input::Input;
use crate::memory::bounded;

/// Reads a word.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let kind = input.byte() % 6;
    bounded(bytes.len() + (16 << 10), || match (kind, std::str::from_utf8(input.rest())) {
        (0, Ok(text)) => period(text),
        (1, Ok(text)) => names(text),
        (2, Ok(text)) => terms(text),
        (3, _) => json(input.rest()),
        (4, _) => clock(&mut input),
        (5, Ok(text)) => drop((device_of(text), MasterSecret::from_hex(text))),
        _ => {}
    });
}

/// A zone and two bounds, each on a line.
fn period(text: &str) {
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (Ok(zone), Ok(from), Ok(to)) =
        (Zone::parse(line()), line().parse::<Bound>(), line().parse::<Bound>())
    else {
        return;
    };
    let Ok(days) = LocalDays::of(&Period { from, to }, &zone) else { return };
    assert!(days.days().is_sorted_by(|left, right| left.date < right.date), "{text:?}");
    let spans = days.spans();
    assert!(spans.is_sorted_by(|left, right| left.until_ms <= right.from_ms), "{text:?}");
    let mut touched = vec![false; days.days().len()];
    for span in spans {
        assert!(span.from_ms < span.until_ms, "{text:?}");
        assert_eq!(days.day_of(span.from_ms), Some(span.day), "{text:?}");
        assert_eq!(days.day_of(span.until_ms - 1), Some(span.day), "{text:?}");
        assert_eq!(zone.date_of(span.from_ms), days.days()[span.day].date, "{text:?}");
        assert_eq!(zone.date_of(span.until_ms - 1), days.days()[span.day].date, "{text:?}");
        touched[span.day] = true;
    }
    assert!(touched.iter().all(|touched| *touched), "{text:?}");
    assert!(
        from.first_ms().is_none_or(|first| spans.first().is_none_or(|span| span.from_ms >= first)),
        "{text:?}"
    );
    assert!(
        to.last_ms().is_none_or(|last| spans.last().is_none_or(|span| span.until_ms <= last + 1)),
        "{text:?}"
    );
}

fn names(text: &str) {
    reads_back::<Hashid>(text);
    reads_back::<AccountCode>(text);
    reads_back::<Dfid>(text);
    reads_back::<KeyId>(text);
    reads_back::<FileDigest>(text);
    if let Ok(scopes) = text.parse::<Scopes>() {
        assert_eq!(scopes.to_string().parse::<Scopes>().ok(), Some(scopes), "{text:?}");
    }
    let id = fitting_id(text);
    assert_eq!(fitting_id(&id), id, "{text:?}");
}

fn reads_back<T: FromStr + Display>(text: &str) {
    if let Ok(name) = text.parse::<T>() {
        assert_eq!(name.to_string(), text);
    }
}

fn terms(text: &str) {
    if let Some(terms) = SearchTerms::fold(text) {
        assert_eq!(SearchTerms::fold(terms.as_str()).as_ref(), Some(&terms), "{text:?}");
        let spaced = format!("  {text}\t ");
        assert_eq!(SearchTerms::fold(&spaced), Some(terms), "{text:?}");
    }
}

/// Both readers understand the same, or neither does.
fn json(bytes: &[u8]) {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return;
    }
    match (strict(bytes), in_place(bytes)) {
        (Ok(value), Ok(json)) => assert!(same(&value, &json), "{value} {json:?}"),
        (Err(_), Err(_)) => {}
        (strict, in_place) => panic!("{strict:?} {in_place:?}"),
    }
}

fn same(value: &serde_json::Value, json: &Json<'_>) -> bool {
    use serde_json::Value;
    match (value, json) {
        (Value::Null, Json::Null) => true,
        (Value::Bool(left), Json::Bool(right)) => left == right,
        (Value::Number(left), Json::Natural(right)) => left.as_u64() == Some(*right),
        (Value::Number(left), Json::Negative(right)) => left.as_i64() == Some(*right),
        (Value::Number(left), Json::Float(right)) => left.is_f64() && left.as_f64() == Some(*right),
        (Value::String(left), Json::Text(right)) => left == right,
        (Value::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && right
                    .iter()
                    .all(|(key, json)| left.get(key.as_ref()).is_some_and(|value| same(value, json)))
        }
        _ => false,
    }
}

/// What a clock shows, and what the file says that was believed: retention never runs ahead of either.
fn clock(input: &mut Input<'_>) {
    let mut long = || input.long();
    let last_ms = Some(long().cast_signed());
    let mut clock = TrustedClock::new(last_ms, false, long().cast_signed(), long());
    let mut running_ns = 0_u64;
    for _ in 0..4 {
        running_ns = running_ns.saturating_add(long());
        let wall_ms = long().cast_signed();
        if let Some(now_ms) = clock.now_ms(wall_ms, running_ns) {
            assert!(now_ms <= wall_ms);
            let _ = first_kept_day(now_ms, 1);
        }
    }
}

/// Words of every kind.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let words = [
        (0_u8, "Europe/Madrid\n20240330\n20241028"),
        (0, "Pacific/Apia\n20111229\n20120102"),
        (0, "America/St_Johns\n1289106000\n1289109600123"),
        (0, "+05:17\n20240531\n20240601"),
        (0, "Z\n1717156801123\n1717156802"),
        (1, "11111111111111111111111111111111"),
        (1, "11111111111111111111111111111111@product@0123456789abcdef0123456789abcdef"),
        (1, "0123456789abcdef"),
        (1, "read,write,manage"),
        (2, "  Red\u{a0} SHO\u{c9}S stra\u{df}e \u{130} "),
        (3, r#"{"a":[1,-2,2.5e3,null,true,"\u00e9\ud83d\ude00"],"b":{"a":18446744073709551615}}"#),
        (3, r#"{"a":1,"a":2}"#),
        (5, "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/124.0.0.0 Mobile Safari/537.36"),
        (5, "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e\n"),
    ];
    let mut seeds: Vec<_> = words.iter().map(|(kind, text)| [&[*kind], text.as_bytes()].concat()).collect();
    let longs = [1_717_236_000_000_u64, 1_717_236_000_000, 5, 9, 1_717_236_000_001, 3, 1_717_236_000_002];
    seeds.push([vec![4], longs.iter().flat_map(|long| long.to_le_bytes()).collect()].concat());
    seeds
}
