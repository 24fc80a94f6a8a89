//! Who and what is in the world before a script begins; `README.md` describes it for readers.

use std::task::{Context, Poll, Waker};

use clicks::{AccountCode, Hashid, Item, Record, Search, Store};
use registry::{Account, Confines, NewEngine, NewKey, Registry, Scopes};

use crate::store::MoodyStore;
use crate::words::instant;

pub const SHOP_ENGINE: &str = "d8fdeab7fce96a19d3fc7b0ca7a1e98b";

pub fn people(registry: &Registry, store: &MoodyStore) -> Vec<Account> {
    let accounts: Vec<Account> =
        ["shop", "other", "empty"].iter().map(|name| registry.create_account(name).unwrap()).collect();
    let (shop, other) = (accounts[0].code, accounts[1].code);
    let engines = [
        (shop, SHOP_ENGINE, &["product", "page"][..], Some("shop.example.com")),
        (shop, "11111111111111111111111111111111", &["product"], None),
        (other, "22222222222222222222222222222222", &["product"], Some("other.example.com")),
    ];
    for (account, hashid, indices, site) in engines {
        let indices = indices.iter().map(|index| index.parse().unwrap()).collect();
        let sites = site.map(str::to_owned).into_iter().collect();
        let new = NewEngine { hashid: Some(hashid.parse().unwrap()), name: None, indices, sites };
        registry.create_engine(account, new).unwrap();
    }
    let items = [
        (SHOP_ENGINE, "product", "sku1"),
        (SHOP_ENGINE, "product", "sku2"),
        (SHOP_ENGINE, "product", "sku3"),
        (SHOP_ENGINE, "page", "page1"),
        ("11111111111111111111111111111111", "product", "sku9"),
        ("22222222222222222222222222222222", "product", "sku1"),
        ("22222222222222222222222222222222", "product", "sku7"),
    ];
    let item = |(engine, index, doc): &(&str, &str, &str)| Item {
        place: clicks::EngineIndex { engine: engine.parse().unwrap(), index: index.parse().unwrap() },
        doc_id: doc.parse().unwrap(),
        title: None,
        link: None,
    };
    registry.put_items(items.iter().map(item).collect()).unwrap();
    let shown = Some(vec!["sku1".parse().unwrap(), "sku2".parse().unwrap()]);
    let shop_engine: Hashid = SHOP_ENGINE.parse().unwrap();
    let plain = Search {
        kind: clicks::SearchKind::Asked,
        account: shop,
        id: "qdup".into(),
        engine: shop_engine,
        indices: Vec::new(),
        query: None,
        doc_ids: None,
        device: None,
        at_ms: instant("2024-06-01T09:59:00Z").unwrap(),
        received_ms: instant("2024-06-01T09:59:00Z").unwrap(),
        total_hits: None,
        user: None,
        session: None,
    };
    let searches = vec![
        Search {
            id: "q1".into(),
            indices: vec!["product".parse().unwrap()],
            query: Some("Red Shoes".into()),
            doc_ids: shown,
            device: Some(clicks::Device::Mobile),
            ..plain.clone()
        },
        Search { id: "q2".into(), query: Some("hat".into()), ..plain.clone() },
        plain.clone(),
        Search { account: other, engine: "22222222222222222222222222222222".parse().unwrap(), ..plain },
    ];
    let mut keeping = store.append(searches.into_iter().map(Record::Search).collect());
    let kept = keeping.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(kept, Poll::Ready(Ok(_))), "a store in memory keeps its promise at once");
    accounts
}

/// A key with these scopes; `click` and what follows it is a page's, with its engines and origins.
pub fn make_key(
    registry: &Registry,
    account: AccountCode,
    scopes: &str,
    now_ms: i64,
) -> Result<NewKey, String> {
    let made = match scopes.split_once(' ') {
        Some(("click", listed)) => {
            let (origins, engines): (Vec<&str>, Vec<&str>) =
                listed.split_whitespace().partition(|word| word.contains("://"));
            let engines: Vec<Hashid> =
                engines.iter().map(|engine| engine.parse()).collect::<Result<_, _>>().map_err(|_| listed)?;
            let origins: Vec<String> = origins.into_iter().map(str::to_owned).collect();
            let confines = Confines::new(&engines, &origins).map_err(|error| error.to_string())?;
            registry.create_page_key(account, confines, now_ms)
        }
        _ => {
            let scopes = match scopes {
                "" | "revoked" => Scopes::default(),
                scopes => scopes.parse().map_err(|_| format!("`{scopes}` are no scopes"))?,
            };
            registry.create_key(account, scopes, now_ms)
        }
    };
    made.map_err(|error| error.to_string())
}
