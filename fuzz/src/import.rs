//! Lines of a log: events and exports of OpenSearch UBI, as `import` reads them. Each line meets one fate, however the
//! bytes come; the same file again adds nothing; and what is exported is imported as the same.

use std::sync::Arc;

use clicks::ClickFilter;
use server::bulk::FileDigest;
use server::control::{ImportAsk, ImportFormat, ImportReply, Importer, RecordedReply};
use server::dialects::native::{write_click, write_search};

use crate::input::Input;
use crate::memory::bounded;
use crate::site::{RUNTIME, Site};
use crate::world::{ENGINES, clicks, searches};

/// Imports a file.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let flags = input.byte();
    let format = match flags & 5 {
        0 => ImportFormat::Events,
        1 => ImportFormat::Ubi,
        _ => ImportFormat::Fess,
    };
    // Nothing in Fess's logs tells the search engine.
    let named = flags & 2 == 0 || format == ImportFormat::Fess;
    // The second file is what the first one became.
    let allowed = 4 * bytes.len() + (16 << 10);
    Site::with(|site| {
        bounded(allowed, || {
            let Some(first) = import(site, input.rest(), format, named, usize::MAX) else { return };
            let again = import(site, input.rest(), format, named, 7).expect("it was taken before");
            assert_eq!(again.received, first.received);
            assert_eq!(again.rejected, first.rejected);
            let recorded = again.recorded;
            assert_eq!((recorded.clicks, recorded.searches), (0, 0), "{first:?} {again:?}");
            if first.recorded != RecordedReply::default() {
                round_trip(site);
            }
        });
    });
}

fn import(
    site: &Site,
    lines: &[u8],
    format: ImportFormat,
    named: bool,
    piece_bytes: usize,
) -> Option<ImportReply> {
    let ask = ImportAsk {
        format,
        account: Some("shop".to_owned()),
        hashid: named.then(|| ENGINES[0].to_string()),
        index: named.then(|| "product".to_owned()),
        tz: None,
        digest: FileDigest::of_bytes(lines).to_string(),
    };
    RUNTIME.block_on(async {
        let mut importer = Importer::new(Arc::clone(&site.app), ask).unwrap();
        for piece in lines.chunks(piece_bytes.min(lines.len().max(1))) {
            importer.push(piece).await.ok()?;
        }
        let reply = importer.finish().await.expect("a store in memory takes everything");
        let recorded = reply.recorded.items + reply.recorded.searches + reply.recorded.clicks;
        let skipped: u64 = reply.skipped.values().sum();
        assert_eq!(reply.received, recorded + reply.duplicates + skipped + reply.rejected_total, "{reply:?}");
        assert_eq!(reply.rejected.len() as u64, reply.rejected_total.min(1_000));
        Some(reply)
    })
}

/// All clicks, as `export` writes them.
fn export(site: &Site) -> (u64, String) {
    let engines =
        site.app.registry.engines(Some(site.account.code)).iter().map(|engine| engine.hashid).collect();
    let clicks =
        site.app.store.scan(i64::MIN, i64::MAX, &ClickFilter::all(site.account.code, engines)).unwrap();
    let (mut lines, mut count) = (Vec::new(), 0);
    for click in clicks {
        write_click(&mut lines, &click.unwrap());
        count += 1;
    }
    (count, String::from_utf8(lines).unwrap())
}

fn round_trip(site: &Site) {
    let (clicks, exported) = export(site);
    assert_eq!(site.app.store.status().clicks, clicks);
    let other = Site::new();
    let reply =
        import(&other, exported.as_bytes(), ImportFormat::Events, false, usize::MAX).expect("our own lines");
    // One click is there from the beginning, and has an id.
    assert_eq!((reply.received, reply.recorded.clicks + reply.duplicates), (clicks, clicks), "{reply:?}");
    assert_eq!(export(&other).1, exported);
}

/// Lines that the product wrote, lines that it should refuse, and an excerpt of a real log.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    for (mut click, mut search) in clicks(24).into_iter().zip(searches(24)) {
        (click.engine, search.engine) = (ENGINES[0], ENGINES[0]);
        write_click(&mut events, &click);
        write_search(&mut events, &search);
    }
    let others = br#"{"type":"item","hashid":"11111111111111111111111111111111","index":"product","doc_id":"sku3","title":"Hat","link":"https://a.b/c"}
{"type":"click","at":"2024-05-31T10:00:00.5+02:00","doc_id":"sku1","query":"Red  Shoes","rank":3,"device":"mobile","id":"a"}
{"type":"click","at":1,"doc_id":"sku1"}
{"type":"search","id":"s","at":1717156800000,"query":"x","doc_ids":["a","b"],"indices":["product"],"total_hits":9}

{"type":"nothing"}
[1,2.5e3,-1,null,true,"\u00e9\ud83d\ude00"]
"#;
    let ubi = include_bytes!("../../crates/server/tests/fixtures/ubi/excerpt.ndjson");
    let lines =
        |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let mut seeds = Vec::new();
    for (flags, file) in [(0, events.as_slice()), (2, &others[..]), (1, &ubi[..])] {
        seeds.extend(lines(file).chunks(5).take(16).map(|some| [vec![flags], some.concat()].concat()));
    }
    seeds
}
