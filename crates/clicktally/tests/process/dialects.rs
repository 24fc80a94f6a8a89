//! The same clicks through each dialect: whatever a page or a server speaks, every statistic counts the same. Each dialect has
//! an account of its own with the same catalogue and the same searches.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::http::{self, Connection};
use crate::running::{Server, run_in};
use crate::shop;

const CLICKS: usize = 1_000;
const ITEMS: usize = 17;
const SEARCHES: usize = 7;
const VISITORS: usize = 40;
const RANKS: usize = 9;
const COUNTED_ITEM: &str = "sku3";
/// As browsers name themselves: the first half of the clicks comes from a desktop, the other from a phone.
const USER_AGENTS: [&str; 2] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
];

/// One of the clicks.
struct Click {
    item: String,
    search: usize,
    rank: usize,
    user: String,
    user_agent: &'static str,
    at_ms: i64,
    /// The result placed by hand that it came from, where the dialect can tell one.
    custom_result: Option<usize>,
}

/// An account that one dialect speaks for.
struct Shop {
    address: SocketAddr,
    name: &'static str,
    hashid: String,
    key: String,
    number: usize,
}

impl Shop {
    fn found(directory: &Path, address: SocketAddr, number: usize, name: &'static str) -> Self {
        let hashid = format!("{:x}", number + 10).repeat(32);
        run_in(directory, &["account", "create", name, "--json"]).json();
        let engine =
            ["engine", "create", "--account", name, "--hashid", &hashid, "--index", "product", "--json"];
        run_in(directory, &engine).json();
        let made = run_in(directory, &["key", "create", "--account", name, "--json"]).json();
        Self { address, name, hashid, key: made["key"].as_str().unwrap().to_owned(), number }
    }

    /// What a search is known by: in each account by another id.
    fn query_id(&self, search: usize) -> String {
        format!("{:032x}", (self.number + 1) * 1_000 + search)
    }

    fn stock(&self, now_ms: i64) {
        let item = |n| {
            json!({"type": "item", "hashid": self.hashid, "index": "product", "doc_id": format!("sku{n}"),
                "title": format!("Item {n}"), "link": format!("https://shop.example.com/{n}")})
        };
        let search = |n| {
            json!({"type": "search", "id": self.query_id(n), "at": now_ms, "hashid": self.hashid,
                "indices": ["product"], "query": term(n), "total_hits": n, "device": if n % 2 == 0 { "mobile" } else { "desktop" }})
        };
        let lines: Vec<Value> = (0..ITEMS).map(item).chain((0..SEARCHES).map(search)).collect();
        shop::stock(self.address, &self.key, &shop::lines(&lines));
    }

    fn ask(&self, connection: &mut Connection, call: Call<'_>) -> Value {
        let Call { method, target, headers, body } = call;
        let answer = connection.ask(method, target, headers, body).unwrap();
        assert_eq!(answer.status, 200, "{}: {}", self.name, String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Every statistic as it is asked for and as it is answered, with the search engine's name put out of sight.
    fn statistics(&self) -> Vec<(String, String)> {
        let (from, to) = shop::week();
        let days = format!("from={from}&to={to}&hashid={}", self.hashid);
        let theirs = questions(&self.dfid(COUNTED_ITEM)).into_iter();
        let theirs = theirs.map(|(path, rest)| (format!("/api/v2/stats/{path}"), rest));
        let ours = own_questions().into_iter().map(|(path, rest)| (format!("/v1/stats/{path}"), rest));
        theirs
            .chain(ours)
            .map(|(path, rest)| {
                let target = format!("{path}?{days}{rest}");
                let answer = shop::stats(self.address, &self.key, &target);
                let text = String::from_utf8(answer.body).unwrap();
                assert_eq!(answer.status, 200, "{target}: {text}");
                let hide = |text: &str| text.replace(&self.hashid, "the engine");
                (format!("{path} {}", hide(&rest)), hide(&text))
            })
            .collect()
    }

    /// The answer to one of our own statistics.
    fn own(&self, path: &str, rest: &str) -> Value {
        let (from, to) = shop::week();
        let target = format!("/v1/stats/{path}?from={from}&to={to}&hashid={}{rest}", self.hashid);
        let answer = shop::stats(self.address, &self.key, &target);
        assert_eq!(answer.status, 200, "{target}");
        answer.json()
    }

    /// The rows of one statistic.
    fn rows(&self, path: &str, rest: &str) -> Vec<Value> {
        let (from, to) = shop::week();
        let target = format!("/api/v2/stats/{path}?from={from}&to={to}&hashids[]={}{rest}", self.hashid);
        let answer = shop::stats(self.address, &self.key, &target).json();
        answer["results"].as_array().unwrap_or_else(|| panic!("{target}: {answer}")).clone()
    }

    fn dfid(&self, item: &str) -> String {
        format!("{}@product@{}", self.hashid, md5_of(item))
    }
}

/// The statistics by path and what is asked besides the days: each filtered and not, of all items and of one, as JSON and as a
/// table, of all search engines together and apart.
fn questions(dfid: &str) -> Vec<(&'static str, String)> {
    let of_all = [
        "clicks",
        "clicked_items",
        "clicked_items/position",
        "clicks/users",
        "searches",
        "searches/top",
        "searches/popular",
        "banners",
        "custom-results",
    ];
    let of_item =
        ["clicks", "clicked_items", "clicked_items/position", "clicked_items/searches", "clicks/users"];
    let filters = ["", "&device=mobile", "&query=TERM+2", "&device=desktop&query=term+5&tz=Asia/Tokyo"];
    let mut questions = Vec::new();
    for form in ["", "&aggregate=false", "&format=csv"] {
        for filter in filters {
            questions.extend(of_all.map(|path| (path, format!("{filter}{form}"))));
            questions.extend(of_item.map(|path| (path, format!("{filter}{form}&dfid={dfid}"))));
        }
        questions.push(("usage", format!("&type=search{form}")));
        for metric in ["sector/click_through_rate", "sector/searches_per_session"] {
            questions.push((metric, format!("&sector=shops{form}")));
        }
    }
    questions
}

/// Our own statistics that don't look at which search a click names, since not every dialect tells that.
fn own_questions() -> Vec<(&'static str, String)> {
    let mut questions = Vec::new();
    for form in ["", "&format=csv"] {
        for filter in ["", "&device=mobile", "&query=TERM+2", "&doc_id=sku3&index=product", "&tz=Asia/Tokyo"]
        {
            questions.push(("ranks", format!("{filter}{form}")));
            questions.push(("items", format!("{filter}&limit=5{form}")));
            for group in ["engine", "index", "device", "product_type"] {
                questions.push(("clicks/by", format!("&group={group}{filter}{form}")));
            }
        }
    }
    questions
}

/// Ranks, and searches beside the clicks that name them. A click of Doofinder's tells the text of its search and not which one it was.
fn check_own_by_hand(shop: &Shop, clicks: &[Click]) {
    let ranks = shop.own("ranks", "");
    let at = |rank| clicks.iter().filter(|click| click.rank == rank).count();
    let rows: Vec<Value> = (1..=RANKS).map(|rank| json!({"rank": rank, "clicks": at(rank)})).collect();
    assert_eq!(ranks["results"], json!(rows));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let mean = |clicks: Vec<&Click>| {
        clicks.iter().map(|click| click.rank).sum::<usize>() as f64 / clicks.len() as f64
    };
    let same = |found: &Value, due: f64| (found.as_f64().unwrap() - due).abs() < 1e-9;
    assert!(same(&ranks["average_rank"], mean(clicks.iter().collect())), "{ranks}");

    let clicked = if shop.name == "doofinder" { 0 } else { SEARCHES };
    let through = shop.own("clickthrough", "");
    let totals = json!({"searches": SEARCHES, "clicked": clicked, "clicks": CLICKS});
    assert_eq!(through["totals"], totals, "{}", shop.name);
    let days = through["results"].as_array().unwrap();
    assert_eq!(days.iter().map(|day| day["searches"].as_u64().unwrap()).sum::<u64>(), SEARCHES as u64);

    let searches = shop.own("searches", "&sort=clicks");
    let rows = searches["results"].as_array().unwrap();
    assert_eq!(rows.len(), SEARCHES);
    for row in rows {
        let from = |click: &&Click| term(click.search).to_lowercase() == row["query"].as_str().unwrap();
        let theirs: Vec<&Click> = clicks.iter().filter(from).collect();
        assert_eq!(row["clicks"], json!(theirs.len()), "{row}");
        assert_eq!((&row["searches"], &row["clicked"]), (&json!(1), &json!(clicked / SEARCHES)), "{row}");
        assert!(same(&row["average_rank"], mean(theirs)), "{row}");
    }
    let three = shop.own("searches", "&matching=TERM%203");
    assert_eq!(three["results"].as_array().unwrap().len(), 1);
    assert_eq!(three["results"][0]["query"], json!("term 3"));
}

/// What the first answers must be, counted by hand: that all are equal would be true of no answer as well.
fn check_by_hand(shop: &Shop, clicks: &[Click]) {
    fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
        let mut counted = BTreeMap::new();
        keys.for_each(|key| *counted.entry(key).or_default() += 1);
        counted
    }
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    let number = |row: &Value, field: &str| row[field].as_u64().unwrap();
    let days = shop.rows("clicks", "");
    assert_eq!(days.iter().map(|row| number(row, "count")).sum::<u64>(), CLICKS as u64);

    let items = shop.rows("clicked_items", "&device=mobile");
    let found: BTreeMap<_, _> = items.iter().map(|row| (text(row, "dfid"), number(row, "count"))).collect();
    let mobile = clicks.iter().filter(|click| click.user_agent == USER_AGENTS[1]);
    assert_eq!(found, counted(mobile.map(|click| shop.dfid(&click.item))));

    let ranks = shop.rows("clicked_items/position", "&limit=1000");
    let found: BTreeMap<_, _> = ranks
        .iter()
        .map(|row| ((text(row, "dfid"), number(row, "position")), number(row, "clicks")))
        .collect();
    assert_eq!(found, counted(clicks.iter().map(|click| (shop.dfid(&click.item), click.rank as u64))));

    let of_item = || clicks.iter().filter(|click| click.item == COUNTED_ITEM);
    let searches = shop.rows("clicked_items/searches", &format!("&dfid={}", shop.dfid(COUNTED_ITEM)));
    let found: BTreeMap<_, _> =
        searches.iter().map(|row| (text(row, "query"), number(row, "count"))).collect();
    assert_eq!(found, counted(of_item().map(|click| term(click.search).to_lowercase())));

    let users = shop.rows("clicks/users", &format!("&dfid={}", shop.dfid(COUNTED_ITEM)));
    let visitors = counted(of_item().map(|click| &click.user)).len();
    assert_eq!(users, [json!({"users": visitors, "clicks": of_item().count(), "product_clicks": 1})]);

    let searches = shop.rows("searches/top", "");
    let found: BTreeMap<_, _> =
        searches.iter().map(|row| (text(row, "query"), number(row, "count"))).collect();
    assert_eq!(found, counted((0..SEARCHES).map(|n| term(n).to_lowercase())));
}

struct Call<'a> {
    method: &'a str,
    target: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Option<&'a [u8]>,
}

fn term(n: usize) -> String {
    format!("Term {n}")
}

fn md5_of(text: &str) -> String {
    use md5::{Digest, Md5};
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn clicks(now_ms: i64) -> Vec<Click> {
    let click = |n: usize| Click {
        item: format!("sku{}", n * 7 % ITEMS),
        search: n % SEARCHES,
        rank: n % RANKS + 1,
        user: format!("visitor_{:020}", n * 11 % VISITORS),
        user_agent: USER_AGENTS[n * 2 / CLICKS],
        // Each at another instant: an event that is sent again is known by its own.
        at_ms: now_ms - i64::try_from(CLICKS - n).unwrap(),
        custom_result: None,
    };
    (0..CLICKS).map(click).collect()
}

fn by_fess(shop: &Shop, clicks: &[Click]) {
    let browser = Browser::visit(shop.address);
    let mut connection = Connection::open(shop.address).unwrap();
    for click in clicks {
        let body = json!({"doc_id": click.item, "query_id": shop.query_id(click.search), "rank": click.rank});
        let (body, target) = (body.to_string(), format!("/api/v2/click?userCode={}", click.user));
        let headers = [
            ("Cookie", browser.cookies.as_str()),
            ("X-Fess-CSRF-Token", browser.token.as_str()),
            ("Content-Type", "application/json"),
            ("User-Agent", click.user_agent),
        ];
        let call = Call { method: "POST", target: &target, headers: &headers, body: Some(body.as_bytes()) };
        assert_eq!(shop.ask(&mut connection, call)["response"]["logged"], json!(true));
    }
}

fn by_doofinder(shop: &Shop, clicks: &[Click]) {
    let mut connection = Connection::open(shop.address).unwrap();
    let authorization = format!("Token eu1-{}", shop.key);
    for click in clicks {
        let dfid = format!("{}%40product%40{}", shop.hashid, md5_of(&click.item));
        // A session is at most 32 characters, and so is what identifies a visitor there, nearly.
        let custom = click.custom_result.map_or(String::new(), |id| format!("&custom_results_id={id}"));
        let target = format!(
            "/6/{}/stats/click?session_id=s&dfid={dfid}&position={}&user_id={}&query={}{custom}",
            shop.hashid,
            click.rank,
            click.user,
            term(click.search).replace(' ', "%20")
        );
        let headers = [("Authorization", authorization.as_str()), ("User-Agent", click.user_agent)];
        let call = Call { method: "PUT", target: &target, headers: &headers, body: None };
        assert_eq!(shop.ask(&mut connection, call), json!({"status": "registered"}));
    }
}

fn by_native(shop: &Shop, clicks: &[Click]) {
    let line = |click: &Click| {
        let device = if click.user_agent == USER_AGENTS[0] { "desktop" } else { "mobile" };
        json!({"type": "click", "at": click.at_ms, "hashid": shop.hashid, "doc_id": click.item, "device": device,
            "query_id": shop.query_id(click.search), "rank": click.rank, "user": click.user,
            "custom_result": click.custom_result.map(|id| id.to_string())})
    };
    shop::stock(shop.address, &shop.key, &shop::lines(&clicks.iter().map(line).collect::<Vec<_>>()));
}

fn by_insights(shop: &Shop, clicks: &[Click]) {
    let mut connection = Connection::open(shop.address).unwrap();
    for user_agent in USER_AGENTS {
        let theirs = clicks.iter().filter(|click| click.user_agent == user_agent);
        let event = |click: &Click| {
            json!({"eventType": "click", "eventName": "Clicked", "index": "product", "userToken": click.user,
                "objectIDs": [click.item], "positions": [click.rank], "queryID": shop.query_id(click.search),
                "timestamp": click.at_ms})
        };
        let body = json!({"events": theirs.map(event).collect::<Vec<_>>()}).to_string();
        let headers = [
            ("X-Algolia-Application-Id", shop.name),
            ("X-Algolia-API-Key", shop.key.as_str()),
            ("Content-Type", "application/json"),
            ("User-Agent", user_agent),
        ];
        let call =
            Call { method: "POST", target: "/1/events", headers: &headers, body: Some(body.as_bytes()) };
        assert_eq!(shop.ask(&mut connection, call)["status"], json!(200));
    }
}

/// A collector sends the clicks of many: the device is told by each event.
fn by_ubi(shop: &Shop, clicks: &[Click]) {
    let mut connection = Connection::open(shop.address).unwrap();
    let authorization = format!("Token {}", shop.key);
    for theirs in clicks.chunks(CLICKS / 2) {
        let lines: String = theirs
            .iter()
            .map(|click| {
                let event = json!({"action_name": "click", "application": shop.hashid, "timestamp": click.at_ms,
                    "query_id": shop.query_id(click.search), "client_id": click.user,
                    "event_attributes": {"object": {"object_id": click.item}, "position": {"ordinal": click.rank},
                        "browser": click.user_agent}});
                format!("{}\n{event}\n", json!({"index": {"_index": "ubi_events"}}))
            })
            .collect();
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/x-ndjson")];
        let call = Call { method: "POST", target: "/_bulk", headers: &headers, body: Some(lines.as_bytes()) };
        assert_eq!(shop.ask(&mut connection, call)["errors"], json!(false), "{}", shop.name);
    }
}

/// Sends clicks in the words of a dialect.
type Send = fn(&Shop, &[Click]);

#[test]
fn the_same_clicks_through_each_dialect_are_the_same_in_every_statistic() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--stats-per-second", "0", "--clicks-per-second", "0"];
    let server = Server::start(folder.path(), &options);
    let dialects: [(&str, Send); 5] = [
        ("native", by_native),
        ("fess", by_fess),
        ("doofinder", by_doofinder),
        ("insights", by_insights),
        ("ubi", by_ubi),
    ];
    let now_ms = shop::now_ms();
    let clicks = clicks(now_ms);
    let mut due: Option<Vec<(String, String)>> = None;
    for (number, (name, send)) in dialects.into_iter().enumerate() {
        let shop = Shop::found(folder.path(), server.address, number, name);
        shop.stock(now_ms);
        send(&shop, &clicks);
        let found = shop.statistics();
        check_by_hand(&shop, &clicks);
        check_own_by_hand(&shop, &clicks);
        let due = due.get_or_insert_with(|| found.clone());
        for (found, due) in found.iter().zip(due.iter()) {
            assert_eq!(found, due, "{name}");
        }
    }
    assert_eq!(http::ask(server.address, "GET", "/readyz", &[], None).status, 200);
    server.stop();
}

#[test]
fn custom_results_are_the_same_in_every_statistic_through_each_dialect_that_tells_them() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--stats-per-second", "0", "--clicks-per-second", "0"];
    let server = Server::start(folder.path(), &options);
    let now_ms = shop::now_ms();
    // Every fourth click came from one of three.
    let told = |(n, click)| Click { custom_result: (n % 4 == 0).then_some(n % 3 + 7), ..click };
    let clicks: Vec<Click> = clicks(now_ms).into_iter().take(CLICKS / 4).enumerate().map(told).collect();
    let dialects: [(&str, Send); 2] = [("native", by_native), ("doofinder", by_doofinder)];
    let mut due: Option<Vec<(String, String)>> = None;
    for (number, (name, send)) in dialects.into_iter().enumerate() {
        let shop = Shop::found(folder.path(), server.address, number, name);
        shop.stock(now_ms);
        send(&shop, &clicks);
        let count = |id: usize, item: Option<&str>| {
            let one = |click: &&Click| {
                click.custom_result == Some(id) && item.is_none_or(|item| click.item == item)
            };
            clicks.iter().filter(one).count()
        };
        let mut by_hand: Vec<Value> =
            (7..10).map(|id| json!({"id": id, "clicks": count(id, None), "displays": null})).collect();
        by_hand.sort_by_key(|row| (std::cmp::Reverse(row["clicks"].as_u64()), row["id"].as_u64()));
        assert_eq!(shop.rows("custom-results", ""), by_hand);
        assert_eq!(shop.rows("custom-results", "&limit=1"), by_hand[..1]);
        let eight = json!({"id": 8, "clicks": count(8, None), "displays": null});
        assert_eq!(shop.rows("custom-results", "&id=8"), [eight]);
        let of_item = shop.rows("custom-results", &format!("&dfid={}", shop.dfid(COUNTED_ITEM)));
        let found: u64 = of_item.iter().map(|row| row["clicks"].as_u64().unwrap()).sum();
        let items: usize = (7..10).map(|id| count(id, Some(COUNTED_ITEM))).sum();
        assert!(items > 0 && found == items as u64, "{of_item:?}");
        let found = shop.statistics();
        let due = due.get_or_insert_with(|| found.clone());
        for (found, due) in found.iter().zip(due.iter()) {
            assert_eq!(found, due, "{name}");
        }
    }
    server.stop();
}
