//! Visitors who send the same bodies in the same order each time, one after the other, and remember what was acknowledged.
//! They must never know what is done to the server's disk.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;

use serde_json::{Value, json};

use crate::browser::{Browser, is_logged};
use crate::http::Connection;
use crate::shop::{self, HASHID, INDEX};

const LINES: u64 = 60;
/// Every other body is one of bulk loading, the others are single clicks of a browser.
const BULK_EVERY: u64 = 2;
/// A search comes so many bodies after the clicks on its results.
const SEARCH_BEHIND: u64 = 2 * BULK_EVERY;
const TAGS_OF_BODY: u64 = 100;
const DAY_MS: i64 = 86_400_000;
const LATE_QUERY: &str = "late";

/// Who visits the shop.
pub struct Visitors {
    pub key: String,
    pub browser: Browser,
    pub now_ms: i64,
}

/// What became of the bodies that were sent, in their order.
#[derive(Debug, Default)]
pub struct Sent {
    pub statuses: Vec<Option<u16>>,
}

impl Sent {
    pub fn tags(&self) -> impl Iterator<Item = u64> {
        (0..self.statuses.len() as u64).flat_map(tags)
    }

    pub fn acknowledged(&self) -> impl Iterator<Item = u64> {
        (0..)
            .zip(&self.statuses)
            .filter(|(_, status)| **status == Some(200))
            .flat_map(|(place, _)| tags(place))
    }

    /// How many bodies were answered, and not taken.
    pub fn refused(&self) -> usize {
        self.statuses.iter().flatten().filter(|status| **status != 200).count()
    }

    /// Whether there was a refusal, and no acknowledgement after it.
    pub fn is_refused_from_the_first_on(&self) -> bool {
        let first = self.statuses.iter().position(|status| *status != Some(200));
        first.is_some_and(|first| self.statuses[first..].iter().all(|status| *status == Some(503)))
    }

    /// Clicks whose search was sent too.
    pub fn explained(&self) -> u64 {
        let end = (self.statuses.len() as u64).saturating_sub(SEARCH_BEHIND);
        (0..end).filter(|place| is_bulk(*place)).count() as u64 * LINES
    }
}

fn is_bulk(place: u64) -> bool {
    place.is_multiple_of(BULK_EVERY)
}

fn tags(place: u64) -> Range<u64> {
    // Tag 0 is left out: the time of a search that is 0 could be taken for none.
    let first = 1 + place * TAGS_OF_BODY;
    first..first + if is_bulk(place) { LINES } else { 1 }
}

impl Visitors {
    /// Sends the next bodies, until there are `bodies` or the connection breaks; whether it did.
    pub fn send_until(&self, address: SocketAddr, bodies: usize, sent: &mut Sent) -> bool {
        let Ok(mut connection) = Connection::open(address) else { return true };
        while sent.statuses.len() < bodies {
            let place = sent.statuses.len() as u64;
            let answered = self.send(&mut connection, place);
            sent.statuses.push(answered.as_ref().ok().copied());
            if answered.is_err() {
                return true;
            }
        }
        false
    }

    /// Sends what was not acknowledged again, with the same ids, until something is refused; whether nothing was.
    pub fn resend(&self, address: SocketAddr, sent: &mut Sent) -> bool {
        let mut connection = Connection::open(address).unwrap();
        let unanswered = (0..).zip(&mut sent.statuses).filter(|(_, status)| **status != Some(200));
        for (place, status) in unanswered {
            *status = Some(self.send(&mut connection, place).unwrap());
            if *status != Some(200) {
                return false;
            }
        }
        true
    }

    /// How many clicks are counted whose search came later.
    pub fn explained(&self, address: SocketAddr) -> u64 {
        let (from, to) = shop::week();
        let target = format!("/api/v2/stats/clicks?from={from}&to={to}&query={LATE_QUERY}");
        let answer = shop::stats(address, &self.key, &target);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["total_count"].as_u64().unwrap()
    }

    /// Sends one body; its status. An error is a broken connection.
    fn send(&self, connection: &mut Connection, place: u64) -> io::Result<u16> {
        let answer = if is_bulk(place) {
            let authorization = format!("Token {}", self.key);
            let headers =
                [("Authorization", authorization.as_str()), ("Content-Type", "application/x-ndjson")];
            connection.ask("POST", "/v1/events", &headers, Some(&shop::lines(&self.lines(place))))?
        } else {
            let tag = tags(place).start;
            let body = json!({"doc_id": shown(tag), "query_id": "q1", "rt": tag, "rank": 1});
            self.browser.click(connection, &body, Some(&format!("k{tag}")))?
        };
        match answer.status {
            200 if is_bulk(place) => assert_eq!(answer.json()["rejected_total"], 0, "{}", answer.json()),
            200 => assert!(is_logged(&answer), "{}", answer.json()),
            503 => assert!(answer.headers_named("retry-after").next().is_some(), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
        Ok(answer.status)
    }

    fn lines(&self, place: u64) -> Vec<Value> {
        let click = |tag| {
            let at = self.now_ms - i64::try_from(tag % 5).unwrap() * DAY_MS;
            json!({
                "type": "click", "id": format!("c{tag}"), "at": at, "hashid": HASHID, "index": INDEX,
                "doc_id": shown(tag), "query_id": format!("late{place}"), "rank": 1,
            })
        };
        let search = |place| {
            let id = format!("late{place}");
            json!({"type": "search", "id": id, "at": self.now_ms, "hashid": HASHID, "indices": [INDEX], "query": LATE_QUERY})
        };
        let searches = place.checked_sub(SEARCH_BEHIND).map(search);
        tags(place).map(click).chain(searches).collect()
    }
}

fn shown(tag: u64) -> String {
    format!("sku{}", tag % super::ITEMS)
}
