//! Clients that remember what they sent and what was acknowledged. What they send carries a number of its own (its tag),
//! so that it is recognised wherever it comes out.

use std::io;
use std::ops::Range;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::gate::Gate;
use super::{Dice, ITEMS};
use crate::browser::{Browser, is_logged};
use crate::http::Connection;
use crate::shop;

/// Tags of one client.
const TAGS_OF_CLIENT: u64 = 1_000_000;
/// The most clicks in one body of bulk loading.
const LINES_MAX: u64 = 20;
const DAY_MS: i64 = 86_400_000;

/// How a client sends clicks.
#[derive(Debug, Clone)]
pub enum Manner {
    /// One by one, in a session that outlives the server.
    Browser(Browser),
    /// Several in a body, on several days.
    Bulk { key: String, now_ms: i64 },
}

#[derive(Debug)]
struct Parcel {
    tags: Range<u64>,
    acknowledged: bool,
}

/// What a client sent.
#[derive(Debug, Default)]
pub struct Ledger {
    parcels: Vec<Parcel>,
    acknowledgements: u64,
}

impl Ledger {
    pub const fn acknowledgements(&self) -> u64 {
        self.acknowledgements
    }

    pub fn sent(&self) -> impl Iterator<Item = u64> {
        self.parcels.iter().flat_map(|parcel| parcel.tags.clone())
    }

    pub fn acknowledged(&self) -> impl Iterator<Item = u64> {
        self.parcels.iter().filter(|parcel| parcel.acknowledged).flat_map(|parcel| parcel.tags.clone())
    }

    /// The places of the parcels that were never acknowledged.
    pub fn unanswered(&self) -> Vec<usize> {
        (0..self.parcels.len()).filter(|place| !self.parcels[*place].acknowledged).collect()
    }

    pub fn tags(&self, place: usize) -> Range<u64> {
        self.parcels[place].tags.clone()
    }

    pub fn acknowledge(&mut self, place: usize) {
        self.parcels[place].acknowledged = true;
        self.acknowledgements += 1;
    }

    /// Mostly something new; often what was not answered; sometimes what was, as clients do whose answer was lost.
    fn choose(&mut self, dice: &mut Dice, first_tag: u64, most: u64) -> usize {
        let unanswered = self.unanswered();
        match dice.below(10) {
            0..=2 if !unanswered.is_empty() => unanswered[below(dice, unanswered.len())],
            3 if !self.parcels.is_empty() => below(dice, self.parcels.len()),
            _ => {
                let start = self.parcels.last().map_or(first_tag, |last| last.tags.end);
                let tags = start..start + 1 + dice.below(most);
                self.parcels.push(Parcel { tags, acknowledged: false });
                self.parcels.len() - 1
            }
        }
    }
}

fn below(dice: &mut Dice, end: usize) -> usize {
    usize::try_from(dice.below(end as u64)).unwrap()
}

/// One client.
#[derive(Debug)]
pub struct Client {
    number: u64,
    manner: Manner,
}

impl Client {
    pub const fn new(number: u64, manner: Manner) -> Self {
        Self { number, manner }
    }

    /// Sends until the gate never opens again.
    pub fn work(&self, gate: &Gate, ledger: &Mutex<Ledger>) {
        let mut dice = Dice::new(self.number);
        let most = if matches!(self.manner, Manner::Browser(_)) { 1 } else { LINES_MAX };
        while let Some(address) = gate.pass() {
            let broken = Connection::open(address).and_then(|mut connection| {
                loop {
                    let (place, tags) = {
                        let mut ledger = ledger.lock().unwrap();
                        // Tag 0 is left out: the time of a search that is 0 could be taken for none.
                        let place = ledger.choose(&mut dice, self.number * TAGS_OF_CLIENT + 1, most);
                        (place, ledger.tags(place))
                    };
                    if self.send(&mut connection, tags)? {
                        ledger.lock().unwrap().acknowledge(place);
                    }
                }
            });
            let _: io::Result<()> = broken;
            gate.wait_until_closed();
        }
    }

    /// Sends the clicks with these tags; whether they were acknowledged. An error is a broken connection.
    pub fn send(&self, connection: &mut Connection, tags: Range<u64>) -> io::Result<bool> {
        let answer = match &self.manner {
            Manner::Browser(browser) => {
                let tag = tags.start;
                let body = json!({"doc_id": doc_id(tag), "query_id": "q1", "rt": tag, "rank": 1});
                browser.click(connection, &body, Some(&format!("k{tag}")))?
            }
            Manner::Bulk { key, now_ms } => {
                let lines: Vec<Value> = tags.clone().map(|tag| click_line(tag, *now_ms)).collect();
                let authorization = format!("Token {key}");
                let headers =
                    [("Authorization", authorization.as_str()), ("Content-Type", "application/x-ndjson")];
                connection.ask("POST", "/v1/events", &headers, Some(&shop::lines(&lines)))?
            }
        };
        // A server with too much to do may say so; the click is then as good as not answered.
        if answer.status == 503 {
            return Ok(false);
        }
        let report = answer.json();
        match self.manner {
            Manner::Browser(_) => assert!(is_logged(&answer), "{report}"),
            Manner::Bulk { .. } => {
                let many =
                    report["recorded"]["clicks"].as_u64().unwrap() + report["duplicates"].as_u64().unwrap();
                assert_eq!((answer.status, many), (200, tags.end - tags.start), "{report}");
            }
        }
        Ok(true)
    }
}

fn doc_id(tag: u64) -> String {
    format!("sku{}", tag % ITEMS as u64)
}

fn click_line(tag: u64, now_ms: i64) -> Value {
    let days_ago = i64::try_from(tag % 5).unwrap();
    json!({
        "type": "click", "id": format!("c{tag}"), "at": now_ms - days_ago * DAY_MS, "hashid": shop::HASHID,
        "index": shop::INDEX, "doc_id": doc_id(tag), "rank": 1,
    })
}

/// The tag of an exported click: bulk loading carries it as the click's id, a browser as the time of its search.
pub fn tag_of(click: &Value) -> u64 {
    let id = click["id"].as_str().and_then(|id| id.strip_prefix('c')).and_then(|tag| tag.parse().ok());
    id.or_else(|| click["searched_at"].as_u64()).unwrap_or_else(|| panic!("nobody sent {click}"))
}
