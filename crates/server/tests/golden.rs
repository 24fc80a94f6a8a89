//! Golden exchanges: requests and their exact answers, kept as text in `golden/<dialect>/*.http` and played through the
//! real router. `golden/README.md` explains the format. This file must never know what a dialect answers.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "golden/compare.rs"]
mod compare;
#[path = "golden/people.rs"]
mod people;
#[path = "golden/placeholders.rs"]
mod placeholders;
#[path = "golden/script.rs"]
mod script;
#[path = "golden/store.rs"]
mod store;
#[path = "golden/words.rs"]
mod words;
#[path = "golden/world.rs"]
mod world;

use std::path::{Path, PathBuf};
use std::time::Duration;

use script::Script;
use world::{Player, World};

#[test]
fn fess_exchanges_are_answered_to_the_letter() {
    play_all("fess");
}

#[test]
fn doofinder_exchanges_are_answered_to_the_letter() {
    play_all("doofinder");
}

#[test]
fn native_exchanges_are_answered_to_the_letter() {
    play_all("native");
}

#[test]
fn insights_exchanges_are_answered_to_the_letter() {
    play_all("insights");
}

#[test]
fn ubi_exchanges_are_answered_to_the_letter() {
    play_all("ubi");
}

const FEED: &str = "POST /v1/events
Authorization: Token {key:shop}
Content-Type: application/x-ndjson

{\"type\":\"click\",\"at\":1717236000000,\"doc_id\":\"sku1\",\"query_id\":\"q1\",\"rank\":2,\"user\":\"visitor\",\"session\":\"visit\"}
{\"type\":\"click\",\"at\":1717236000000,\"doc_id\":\"\"}
=> 200
";

/// Calls that are refused as a whole.
const REFUSED: &str = "POST /v1/events
Authorization: Token {key:shop}
Content-Type: text/html

outlet
=> 415
---
POST /v1/collect?key={key:shop}
Content-Type: text/plain

{}
=> 403
---
POST /1/events
X-Algolia-Application-Id: shop
X-Algolia-API-Key: {key:shop}

{\"events\":[{\"eventType\":\"click\",\"eventName\":\"c\",\"index\":\"outlet\",\"userToken\":\"visitor\",\"objectIDs\":[\"sku1\"]}]}
=> 404
---
POST /_bulk
Authorization: Token {key:shop}
Content-Type: application/x-ndjson

{\"outlet\":{}}
=> 400
";
const REFUSALS: [[&str; 2]; 4] = [
    ["native", "unsupported_media_type"],
    ["native", "access_denied"],
    ["insights", "unknown_engine"],
    ["ubi", "illegal_argument_exception"],
];

/// What an event of this name tells; null where it is another.
fn data(event: &str, name: &str) -> serde_json::Value {
    let rest = event.strip_prefix(&format!("event: {name}\ndata: "));
    rest.and_then(|rest| serde_json::from_str(rest.trim_end()).ok()).unwrap_or_default()
}

#[test]
fn who_watches_sees_the_own_accounts_clicks_and_refusals_until_the_session_ends() {
    let mut player = Player::new();
    let play =
        |player: &mut Player, text: &str| assert_eq!(player.play(&Script::parse(text)), Vec::<String>::new());
    play(
        &mut player,
        "@sign-in anna {\"key\":\"{key:shop:read}\"}\n---\n@sign-in bert {\"key\":\"{key:other:read}\"}\n",
    );
    let mut streams = ["{cookie:anna}", "{cookie:bert}"].map(|cookie| {
        let request = player.live_request(&[("Cookie", cookie)]);
        let (stream, hello) = player.watch(request);
        assert!(data(&hello, "hello")["at"].is_i64());
        stream
    });
    play(&mut player, FEED);
    let click = player.next(&mut streams[0]).unwrap();
    assert!(!click.contains("visit"), "{click}");
    let click = data(&click, "click");
    assert_eq!(
        (&click["doc_id"], &click["query"], &click["rank"], &click["source"], &click["link"]),
        (&"sku1".into(), &"Red Shoes".into(), &2.into(), &"native".into(), &serde_json::Value::Null)
    );
    let refused = data(&player.next(&mut streams[0]).unwrap(), "refused");
    assert_eq!((&refused["code"], &refused["source"]), (&"bad_params".into(), &"native".into()));
    assert_eq!(click["device"], "mobile", "as its search tells");
    play(&mut player, REFUSED);
    let told: Vec<_> =
        REFUSALS.map(|_| data(&player.next(&mut streams[0]).unwrap(), "refused")).into_iter().collect();
    let shown: Vec<_> =
        told.iter().map(|one| ["source", "code"].map(|name| one[name].as_str().unwrap())).collect();
    assert_eq!(shown, REFUSALS);
    assert!(
        told.iter().all(|one| !one.to_string().contains("outlet")),
        "what was sent is repeated: {told:?}"
    );
    // Time jumps to what comes next where nothing else does: the other account sees nothing but heartbeats.
    assert_eq!(player.next(&mut streams[1]).as_deref(), Some(": \n\n"));
    assert_eq!(player.next(&mut streams[0]).as_deref(), Some(": \n\n"), "it has beaten at the same time");
    play(&mut player, "@revoke {key:shop:read}\n");
    play(&mut player, FEED);
    assert_eq!(player.next(&mut streams[0]), None);
    player.end_streams();
    assert_eq!(player.next(&mut streams[1]), None);
}

#[test]
fn a_user_who_watches_sees_no_more_once_the_password_has_changed_or_after_signing_out() {
    let mut player = Player::new();
    let play =
        |player: &mut Player, text: &str| assert_eq!(player.play(&Script::parse(text)), Vec::<String>::new());
    play(&mut player, "@user shop Anna read correct-horse\n---\n@user shop Bert read correct-horse\n");
    let ends = [
        ("anna", "@password shop Anna battery-staple\n".to_owned()),
        ("bert", "DELETE /v1/session\nOrigin: http://clicks.example.com\nCookie: {cookie:bert}\nX-ClickTally-CSRF: {csrf:bert}\n=> 204\n".to_owned()),
    ];
    for (name, end) in ends {
        play(
            &mut player,
            &format!("@sign-in {name} {{\"user\":\"{name}\",\"password\":\"correct-horse\"}}\n"),
        );
        let request = player.live_request(&[("Cookie", &format!("{{cookie:{name}}}"))]);
        let (mut stream, _) = player.watch(request);
        assert_eq!(player.next(&mut stream).as_deref(), Some(": \n\n"));
        play(&mut player, &end);
        play(&mut player, FEED);
        assert_eq!(player.next(&mut stream), None, "{name}: not one click more");
    }
}

/// A place is for those who read.
#[test]
fn a_reader_who_takes_nothing_gives_the_place_to_another() {
    let mut player = Player::new();
    let play =
        |player: &mut Player, text: &str| assert_eq!(player.play(&Script::parse(text)), Vec::<String>::new());
    play(&mut player, "@sign-in anna {\"key\":\"{key:shop:read}\"}\n");
    let another = |player: &mut Player| {
        let request = player.live_request(&[("Cookie", "{cookie:anna}")]);
        player.watch(request).0
    };
    let mut streams: Vec<_> = (0..16).map(|_| another(&mut player)).collect();
    play(&mut player, "GET /v1/live\nCookie: {cookie:anna}\n=> 429\n");
    (0..4).for_each(|_| play(&mut player, FEED));
    player.pass(Duration::from_secs(16));
    let mut late = another(&mut player);
    play(&mut player, FEED);
    assert!(player.next(&mut late).unwrap().starts_with("event: click"));
    let told = std::iter::from_fn(|| player.next(&mut streams[0])).count();
    assert!((4..8).contains(&told), "what was ready for it is all that it gets: {told}");
}

/// The harness itself must be able to fail: a wrong status, header, body, count and click are each noticed.
#[test]
fn a_wrong_expectation_is_noticed() {
    let wrong = [
        "GET /api/v2/health\n=> 404\n",
        "GET /api/v2/health\n=> 200\nCache-Control: public\n",
        "GET /api/v2/health\n=> 200\n!Cache-Control\n",
        "GET /api/v2/health\n=> 200\n\n{}\n",
        "GET /api/v2/health\n=> 200\n\n~json {\"response\":{\"status\":1}}\n",
        "@counts recorded=1\n",
        "@clicks 1\n",
        "@last rank=1\n",
        "@nonsense\n",
        "GET /api/v2/health\nnonsense\n=> 200\n",
        "GET /api/v2/health\n",
    ];
    for text in wrong {
        assert!(!Player::new().play(&Script::parse(text)).is_empty(), "{text}");
    }
    let right = "GET /api/v2/health\n=> 200\nCache-Control: no-store\n\n{\"response\":{{any}}}\n---\n@clicks 0\n@counts\n";
    assert_eq!(Player::new().play(&Script::parse(right)), Vec::<String>::new());
}

#[test]
fn the_world_is_the_one_that_the_readme_describes() {
    let world = World::new(&[]).unwrap();
    assert_eq!(
        world.engines(),
        [
            "11111111111111111111111111111111",
            "22222222222222222222222222222222",
            "d8fdeab7fce96a19d3fc7b0ca7a1e98b"
        ]
    );
}

fn play_all(dialect: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(dialect);
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| is_script(path))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no exchanges", folder.display());
    let mut failures = Vec::new();
    for file in files {
        let name = format!("{dialect}/{}", file.file_name().unwrap().to_string_lossy());
        let script = Script::parse(&read(&file));
        failures.extend(Player::new().play(&script).into_iter().map(|failure| format!("{name}:{failure}")));
    }
    assert!(failures.is_empty(), "{} exchanges went wrong\n\n{}", failures.len(), failures.join("\n\n"));
}

fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "http")
}

#[expect(clippy::disallowed_methods, reason = "a file of the repository, not of a data directory")]
fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}
