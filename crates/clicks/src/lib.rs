//! The words: what a click, a search, an item and an engine are, how a period falls into local days, what can be
//! asked and what is answered. No I/O, no JSON, no clock.

mod case;
mod click;
pub mod conformance;
mod filter;
mod item;
mod local_days;
mod memory;
mod names;
mod period;
mod question;
mod report;
mod search;
mod store;
mod tally;
mod zone;

pub use case::SearchTerms;
pub use click::{Click, Device, ProductType};
pub use filter::ClickFilter;
pub use item::{ClickedItem, Dfid, Item, ItemDigest};
pub use local_days::{LOCAL_DAYS_MAX, LocalDay, LocalDays, Span};
pub use memory::MemoryStore;
pub use names::{
    AccountCode, CustomResultId, DocId, EngineIndex, Hashid, ID_CHARS_MAX, IndexName, NameError, UserCode,
    check_id,
};
pub use period::{Bound, INSTANT_MS_MAX, INSTANT_MS_MIN, Period, PeriodError};
pub use question::{CLICKED_WITHIN_MS, Grouping, Measure, Question, TOP_ROWS_MAX};
pub use report::{ClickThrough, RankSum};
pub use search::{SEARCH_DOCS_MAX, SEARCH_QUERY_CHARS_MAX, Search, SearchKind};
pub use store::{
    ClickStream, DEFAULT_JOIN_MS, Forget, Forgotten, Outcome, Promise, Record, Store, StoreError,
    StoreStatus, ready,
};
pub use tally::{Counter, Distinct, Tally};
pub use zone::{Zone, ZoneError};
