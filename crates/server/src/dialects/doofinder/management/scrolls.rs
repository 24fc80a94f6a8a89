//! `GET …/items/`: all items of an index, page by page. A scroll is a pointer that this server holds: the same id asks for
//! the next page each time. This room must never hold more than so many items ahead, nor a scroll that nobody asks for.

use crate::query_string::parameters;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use axum::response::Response;
use clicks::{AccountCode, Dfid, EngineIndex, ItemDigest};
use registry::Registry;
use serde::Serialize;

use super::answers::{ItemTold, json};
use super::refusal::Refusal;
use super::{Call, Desk};

/// The most items of a page; as many where nobody says.
const PAGE_ITEMS_MAX: usize = 100;
/// How long a scroll waits for its next call, in nanoseconds: five minutes.
const SCROLL_IDLE_NS_MAX: u64 = 300 * 1_000_000_000;
/// The most scrolls that are held; for another one, that which waits longest goes.
const SCROLLS_MAX: usize = 1_000;
/// How many items are looked up ahead: finding them is a walk over all items of the server.
const AHEAD_ITEMS_MAX: usize = 10_000;

/// The scrolls under way, by their ids.
#[derive(Default)]
pub(super) struct Scrolls(Mutex<HashMap<String, Scroll>>);

struct Scroll {
    account: AccountCode,
    touched_ns: u64,
    pointer: Arc<Mutex<Pointer>>,
}

/// How far a scroll has come.
struct Pointer {
    of: EngineIndex,
    total: u64,
    last: Option<ItemDigest>,
    ahead: VecDeque<ItemDigest>,
    at_end: bool,
}

#[derive(Serialize)]
struct Page {
    total: u64,
    scroll_id: String,
    items: Vec<ItemTold>,
}

/// What is asked.
struct Asked {
    scroll_id: Option<String>,
    page_items: usize,
}

/// `GET …/items/`.
pub(super) async fn page(desk: &Desk, call: &Call, of: EngineIndex) -> Result<Response, Refusal> {
    let asked = asked(call.parts.uri.query().unwrap_or_default())?;
    desk.may_feed(call, &of)?;
    let (account, now_ns) = (call.caller.account, desk.app.clock.running_ns());
    let (scroll_id, pointer) = match asked.scroll_id {
        Some(id) => {
            let pointer = desk.scrolls.find(&id, account, &of, now_ns);
            (id, pointer.ok_or_else(|| Refusal::NotFound("scroll_id: unknown or expired".to_owned()))?)
        }
        None => desk.scrolls.begin(account, of, now_ns)?,
    };
    let page = desk.ask(move |registry| {
        let mut pointer = pointer.lock().unwrap_or_else(PoisonError::into_inner);
        let items = pointer.next(registry, asked.page_items)?;
        Ok(Page { total: pointer.total, scroll_id, items })
    });
    Ok(json(StatusCode::OK, &page.await?))
}

fn asked(query: &str) -> Result<Asked, Refusal> {
    let bad = |why: &str| Refusal::BadParams(why.to_owned());
    let mut asked = Asked { scroll_id: None, page_items: PAGE_ITEMS_MAX };
    let (mut seen_scroll, mut seen_rpp) = (false, false);
    for parameter in parameters(query) {
        let (name, value) = parameter.map_err(|error| Refusal::BadParams(error.to_string()))?;
        match &*name {
            "scroll_id" if seen_scroll => return Err(bad("scroll_id: is given more than once")),
            "scroll_id" if value.is_empty() => return Err(bad("scroll_id: must not be empty")),
            "scroll_id" => (asked.scroll_id, seen_scroll) = (Some(value.into_owned()), true),
            "rpp" if seen_rpp => return Err(bad("rpp: is given more than once")),
            "rpp" => {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let items = value.parse().ok().filter(|items| digits && (1..=PAGE_ITEMS_MAX).contains(items));
                asked.page_items = items.ok_or_else(|| bad("rpp: must be an integer from 1 to 100"))?;
                seen_rpp = true;
            }
            "group_id" => return Err(bad("group_id: groups of variants are not kept here")),
            _ => {}
        }
    }
    Ok(asked)
}

impl Scrolls {
    fn begin(
        &self,
        account: AccountCode,
        of: EngineIndex,
        now_ns: u64,
    ) -> Result<(String, Arc<Mutex<Pointer>>), Refusal> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| {
            tracing::error!(%error, "the system's random source failed");
            Refusal::Internal
        })?;
        let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let pointer = Pointer { of, total: 0, last: None, ahead: VecDeque::new(), at_end: false };
        let pointer = Arc::new(Mutex::new(pointer));
        let mut scrolls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scrolls.retain(|_, scroll| !scroll.is_idle(now_ns));
        if scrolls.len() >= SCROLLS_MAX {
            let longest =
                scrolls.iter().min_by_key(|(_, scroll)| scroll.touched_ns).map(|(id, _)| id.clone());
            longest.and_then(|id| scrolls.remove(&id));
        }
        let scroll = Scroll { account, touched_ns: now_ns, pointer: Arc::clone(&pointer) };
        scrolls.insert(id.clone(), scroll);
        Ok((id, pointer))
    }

    /// A scroll of this account over this index, if it is still held.
    fn find(
        &self,
        id: &str,
        account: AccountCode,
        of: &EngineIndex,
        now_ns: u64,
    ) -> Option<Arc<Mutex<Pointer>>> {
        let mut scrolls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let scroll =
            scrolls.get_mut(id).filter(|scroll| scroll.account == account && !scroll.is_idle(now_ns))?;
        let pointer = Arc::clone(&scroll.pointer);
        scroll.touched_ns = now_ns;
        drop(scrolls);
        let same = pointer.lock().unwrap_or_else(PoisonError::into_inner).of == *of;
        same.then_some(pointer)
    }
}

impl Scroll {
    fn is_idle(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.touched_ns) >= SCROLL_IDLE_NS_MAX
    }
}

impl Pointer {
    /// The next items: fewer than asked for only at the end.
    fn next(&mut self, registry: &Registry, many: usize) -> Result<Vec<ItemTold>, Refusal> {
        if self.last.is_none() {
            self.total = registry.items_of(&self.of);
        }
        let mut items = Vec::with_capacity(many);
        while items.len() < many && !self.is_done(registry) {
            let Some(digest) = self.ahead.pop_front() else { break };
            let dfid = Dfid { engine: self.of.engine, index: self.of.index.clone(), digest };
            // One that was removed meanwhile is passed over.
            items.extend(registry.item(&dfid)?.map(ItemTold::from));
            self.last = Some(digest);
        }
        Ok(items)
    }

    /// Whether no item is left; looks ahead where it has to.
    fn is_done(&mut self, registry: &Registry) -> bool {
        if self.ahead.is_empty() && !self.at_end {
            self.ahead = registry.items_after(&self.of, self.last, AHEAD_ITEMS_MAX).into();
            self.at_end = self.ahead.len() < AHEAD_ITEMS_MAX;
        }
        self.ahead.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use clicks::{Hashid, Item};
    use journal::SimulatedDisk;
    use registry::{MasterSecret, NewEngine, RegistryOptions};

    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn place() -> EngineIndex {
        EngineIndex { engine: Hashid::from_bytes([1; 16]), index: "product".parse().unwrap() }
    }

    fn account(number: u8) -> AccountCode {
        AccountCode::from_bytes([number; 8])
    }

    /// A registry with so many items.
    fn filled(items: usize) -> Registry {
        let secret = MasterSecret::from_hex(&"5e".repeat(32)).unwrap();
        let disk = Arc::new(SimulatedDisk::new());
        let (registry, _) = Registry::open(disk, &secret, RegistryOptions::default()).unwrap();
        let shop = registry.create_account("shop").unwrap().code;
        let hashid = Some(place().engine);
        registry.create_engine(shop, NewEngine { hashid, ..NewEngine::default() }).unwrap();
        let item = |number: usize| Item {
            place: place(),
            doc_id: format!("sku{number}").parse().unwrap(),
            title: None,
            link: None,
        };
        registry.put_items((0..items).map(item).collect()).unwrap();
        registry
    }

    #[test]
    fn every_item_is_met_once_however_far_one_looks_ahead() {
        let items = AHEAD_ITEMS_MAX + 37;
        let registry = filled(items);
        let (_, pointer) = Scrolls::default().begin(account(1), place(), 0).unwrap();
        let mut pointer = pointer.lock().unwrap();
        let mut met = std::collections::BTreeSet::new();
        let mut pages = 0;
        loop {
            let page = pointer.next(&registry, PAGE_ITEMS_MAX).unwrap();
            if page.is_empty() {
                break;
            }
            pages += 1;
            met.extend(page.into_iter().map(|item| serde_json::to_string(&item).unwrap()));
        }
        assert_eq!((met.len(), pages, pointer.total), (items, items.div_ceil(PAGE_ITEMS_MAX), items as u64));
        assert!(pointer.next(&registry, PAGE_ITEMS_MAX).unwrap().is_empty(), "the end stays the end");
    }

    #[test]
    fn what_is_removed_on_the_way_makes_no_page_short() {
        let registry = filled(30);
        let (_, pointer) = Scrolls::default().begin(account(1), place(), 0).unwrap();
        let mut pointer = pointer.lock().unwrap();
        assert_eq!(pointer.next(&registry, 10).unwrap().len(), 10);
        let gone = registry.items_after(&place(), pointer.last, 15);
        let named: Vec<_> = (0..30).map(|number| format!("sku{number}")).collect();
        let gone: Vec<_> = named.iter().filter(|id| gone.contains(&ItemDigest::of(id))).collect();
        registry
            .remove_items(&place(), &gone.iter().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
            .unwrap();
        assert_eq!(pointer.next(&registry, 3).unwrap().len(), 3);
        assert_eq!(pointer.next(&registry, 10).unwrap().len(), 2);
    }

    #[test]
    fn a_scroll_is_held_five_minutes_for_its_account_and_index() {
        let scrolls = Scrolls::default();
        let (id, _) = scrolls.begin(account(1), place(), 0).unwrap();
        let find = |account, of: &EngineIndex, now_ns| scrolls.find(&id, account, of, now_ns).is_some();
        let elsewhere = EngineIndex { index: "page".parse().unwrap(), ..place() };
        assert!(!find(account(2), &place(), 1));
        assert!(!find(account(1), &elsewhere, 1));
        assert!(find(account(1), &place(), 299 * SECOND_NS));
        assert!(find(account(1), &place(), 598 * SECOND_NS), "each call lets it live on");
        assert!(!find(account(1), &place(), 898 * SECOND_NS));
    }

    #[test]
    fn scrolls_are_bounded_and_the_longest_waiting_goes_first() {
        let scrolls = Scrolls::default();
        let (first, _) = scrolls.begin(account(1), place(), 0).unwrap();
        let (second, _) = scrolls.begin(account(1), place(), 1).unwrap();
        for now_ns in 2..=SCROLLS_MAX as u64 {
            scrolls.begin(account(2), place(), now_ns).unwrap();
        }
        assert_eq!(scrolls.0.lock().unwrap().len(), SCROLLS_MAX);
        let is_held = |id: &str| scrolls.0.lock().unwrap().contains_key(id);
        assert_eq!([is_held(&first), is_held(&second)], [false, true]);
        scrolls.begin(account(1), place(), 1_000 * SECOND_NS).unwrap();
        assert_eq!(scrolls.0.lock().unwrap().len(), 1, "those that nobody asked for are gone");
    }
}
