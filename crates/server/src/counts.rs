//! What became of everything that was received. The sum holds at all times: received = recorded + duplicate +
//! not logged + refused, so nobody has to guess where a click went.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// What became of a click, a search or an item that was received.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fate { $($(#[$doc])* $name,)* }

        impl Fate {
            /// Every fate, in the order of its number.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As metrics and reports spell it.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

outcomes! {
    /// On disk and counted.
    Recorded = "recorded",
    /// Known already; counted once.
    Duplicate = "duplicate",
    /// The click log is switched off.
    SwitchedOff = "switched_off",
    /// The caller has no user code.
    Anonymous = "anonymous",
    /// The visitor asked not to be tracked.
    OptedOut = "opted_out",
    /// Taken, and no click on a result: a view, a conversion, a click on a filter, any other event.
    NotAClick = "not_a_click",
    /// Refused: too many requests from one address.
    RateLimited = "rate_limited",
    /// Refused: a page of another site.
    ForeignOrigin = "foreign_origin",
    /// Refused: no session, an expired one, or not its token.
    BadToken = "bad_token",
    /// Refused: not `application/json` in UTF-8.
    BadMediaType = "bad_media_type",
    /// Refused: larger than its limit.
    TooLarge = "too_large",
    /// Refused: unreadable, or a field that breaks its rule.
    Invalid = "invalid",
    /// Refused: the item was not among those shown.
    NotInResult = "not_in_result",
    /// Refused: no catalogue holds the item, or none that is known for sure.
    UnknownItem = "unknown_item",
    /// Refused: no such search engine.
    UnknownEngine = "unknown_engine",
    /// Refused: the search engine of another account.
    AccessDenied = "access_denied",
    /// Refused: another search has this id.
    Conflict = "conflict",
    /// Refused: its day was removed.
    Expired = "expired",
    /// Refused: the server could not record.
    Unavailable = "unavailable",
    /// The client went away, or was too slow, before it had said all.
    Broken = "broken",
}

/// Counters of fates since the start of the process.
#[derive(Debug)]
pub struct Counts {
    received: AtomicU64,
    fates: Vec<AtomicU64>,
}

impl Default for Counts {
    fn default() -> Self {
        Self { received: AtomicU64::new(0), fates: Fate::ALL.iter().map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Counts {
    /// Counts `many` things that were received and met one fate.
    pub fn met(&self, fate: Fate, many: u64) {
        self.received.fetch_add(many, Ordering::Relaxed);
        self.fates[fate as usize].fetch_add(many, Ordering::Relaxed);
    }

    /// How many were received.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// How many met this fate.
    #[must_use]
    pub fn of(&self, fate: Fate) -> u64 {
        self.fates[fate as usize].load(Ordering::Relaxed)
    }
}
