//! Cases about reading back: scans in order, and searches by id.

use crate::click::{Click, Device};
use crate::conformance::world::{
    ACCOUNT, NOON_MS, OTHER_ACCOUNT, SECOND_ENGINE, click, everything, keep, keep_all, scan, scan_all, search,
};
use crate::conformance::{Candidate, Case, Failure, Verdict, same};
use crate::names::AccountCode;
use crate::search::Search;
use crate::store::Record;

pub const CASES: &[Case] = &[
    Case { sentence: "a scan gives clicks oldest first, those of one instant as recorded", run: order },
    Case { sentence: "a scan starts at its first instant and ends just before its last", run: half_open },
    Case { sentence: "a scan gives only what passes its filter", run: filtered },
    Case {
        sentence: "a scan goes on while more is recorded, and never gives a click twice",
        run: while_recording,
    },
    Case { sentence: "a search is found by its id, in one account or in all", run: searches },
];

fn doc_ids(clicks: &[Click]) -> Vec<String> {
    clicks.iter().map(|click| click.doc_id.to_string()).collect()
}

fn order(candidate: &mut dyn Candidate) -> Verdict {
    let day_ms = 86_400_000;
    let sent = [
        ("d", NOON_MS),
        ("g", NOON_MS + day_ms),
        ("e", NOON_MS),
        ("b", NOON_MS - 1),
        ("f", NOON_MS),
        ("a", NOON_MS - day_ms),
        ("c", NOON_MS - 1),
    ];
    for (doc_id, at_ms) in sent {
        keep(candidate.store(), vec![click(doc_id, at_ms)?])?;
    }
    for _ in 0..2 {
        let found = scan_all(candidate.store(), &everything())?;
        same("order", &doc_ids(&found), &["a", "b", "c", "d", "e", "f", "g"].map(String::from).to_vec())?;
        if !candidate.reopen() {
            break;
        }
    }
    Ok(())
}

fn half_open(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    for (doc_id, offset_ms) in [("a", -1), ("b", 0), ("c", 1), ("d", 2)] {
        keep(store, vec![click(doc_id, NOON_MS + offset_ms)?])?;
    }
    let found = scan(store, NOON_MS, NOON_MS + 2, &everything())?;
    same("found", &doc_ids(&found), &vec!["b".to_owned(), "c".to_owned()])?;
    same("nothing", &scan(store, NOON_MS, NOON_MS, &everything())?, &vec![])?;
    same("backwards", &scan(store, NOON_MS + 2, NOON_MS, &everything())?, &vec![])
}

fn filtered(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    let wanted = Click { device: Some(Device::Mobile), ..click("a", NOON_MS)? };
    let others = [
        click("b", NOON_MS)?,
        Click { engine: SECOND_ENGINE, ..wanted.clone() },
        Click { account: OTHER_ACCOUNT, ..wanted.clone() },
    ];
    keep(store, others.to_vec())?;
    keep(store, vec![wanted.clone()])?;
    let mut filter = everything();
    filter.engines.retain(|engine| *engine == wanted.engine);
    filter.device = wanted.device;
    same("found", &scan_all(store, &filter)?, &vec![wanted])
}

fn while_recording(candidate: &mut dyn Candidate) -> Verdict {
    let store = candidate.store();
    for number in 0..50 {
        keep(store, vec![click(&number.to_string(), NOON_MS)?])?;
    }
    let mut found = Vec::new();
    for (place, click) in store.scan(0, NOON_MS + 1, &everything())?.enumerate() {
        found.push(click?);
        if place % 10 == 0 {
            keep(store, vec![self::click("more", NOON_MS)?])?;
        }
    }
    found.truncate(50);
    let wanted: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    same("found", &doc_ids(&found), &wanted)
}

fn searches(candidate: &mut dyn Candidate) -> Verdict {
    let ours = Search { total_hits: Some(1), ..search("q", NOON_MS) };
    let theirs = Search { account: OTHER_ACCOUNT, total_hits: Some(2), ..search("q", NOON_MS) };
    let records = [&ours, &theirs, &search("Q", NOON_MS)].map(|search| Record::Search(search.clone()));
    keep_all(candidate.store(), records.to_vec())?;
    for _ in 0..2 {
        let find = |account: Option<AccountCode>, id| -> Result<Vec<Search>, Failure> {
            let found = candidate.store().searches(account, id)?;
            let mut found: Vec<Search> = found.iter().map(|search| (**search).clone()).collect();
            found.sort_by_key(|search| search.account);
            Ok(found)
        };
        same("ours", &find(Some(ACCOUNT), "q")?, &vec![ours.clone()])?;
        same("theirs", &find(Some(OTHER_ACCOUNT), "q")?, &vec![theirs.clone()])?;
        same("all", &find(None, "q")?, &vec![ours.clone(), theirs.clone()])?;
        same("none", &find(None, "nowhere")?, &vec![])?;
        if !candidate.reopen() {
            break;
        }
    }
    Ok(())
}
