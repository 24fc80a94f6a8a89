//! What happens as it happens: clicks that have been recorded, and what was refused and why, for those of an account who watch. While
//! nobody does, it costs a look at one number. Nobody who records ever waits for somebody who watches: whoever is too slow loses
//! what they could not take, is told how much, and may come again. This room must never know a dialect's words.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clicks::{AccountCode, Click, Hashid};
use tokio::sync::{broadcast, watch};

use crate::feed::Rejection;

/// The most who watch one account at the same time.
pub const LIVE_ACCOUNT_STREAMS_MAX: usize = 16;
/// The most who watch at all.
pub const LIVE_STREAMS_MAX: usize = 256;
/// How many events wait for somebody who watches.
pub const LIVE_EVENTS_MAX: usize = 256;

/// The dialect in which something was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Fess's click log.
    Fess,
    /// Doofinder's events.
    Doofinder,
    /// `/v1/events` and `/v1/collect`.
    Native,
    /// Algolia's Insights.
    Insights,
    /// User Behavior Insights.
    Ubi,
}

impl Source {
    /// As events spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fess => "fess",
            Self::Doofinder => "doofinder",
            Self::Native => "native",
            Self::Insights => "insights",
            Self::Ubi => "ubi",
        }
    }
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A click is on disk and counted.
    Click(Arc<Click>, Source),
    /// Something was not taken.
    Refused {
        /// When, in milliseconds since 1970.
        at_ms: i64,
        /// In which dialect it came.
        source: Source,
        /// The code of the refusal.
        code: &'static str,
        /// Its words; they repeat nothing that was sent.
        message: Arc<str>,
        /// The search engine, where the call named one.
        engine: Option<Hashid>,
    },
}

/// Those who watch.
pub struct Live {
    watching: AtomicUsize,
    accounts: Mutex<HashMap<AccountCode, broadcast::Sender<Event>>>,
    over: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self { watching: AtomicUsize::new(0), accounts: Mutex::default(), over: watch::Sender::new(false) }
    }
}

impl Live {
    /// Whether anybody watches this account.
    #[must_use]
    pub fn is_watched(&self, account: AccountCode) -> bool {
        self.watching.load(Ordering::Relaxed) > 0 && self.accounts().contains_key(&account)
    }

    /// Tells clicks that were recorded.
    pub fn recorded(&self, clicks: impl IntoIterator<Item = Click>, source: Source) {
        for click in clicks {
            self.tell(click.account, Event::Click(Arc::new(click), source));
        }
    }

    /// Tells lines that were not taken.
    pub fn rejected(&self, account: AccountCode, source: Source, at_ms: i64, rejected: &[(u64, Rejection)]) {
        if self.is_watched(account) {
            for (_, Rejection { code, message, .. }) in rejected {
                self.refused(account, source, at_ms, code, message, None);
            }
        }
    }

    /// Tells a call that was refused.
    pub fn refused(
        &self,
        account: AccountCode,
        source: Source,
        at_ms: i64,
        code: &'static str,
        message: &str,
        engine: Option<Hashid>,
    ) {
        if self.is_watched(account) {
            self.tell(account, Event::Refused { at_ms, source, code, message: message.into(), engine });
        }
    }

    fn tell(&self, account: AccountCode, event: Event) {
        if self.watching.load(Ordering::Relaxed) > 0
            && let Some(sender) = self.accounts().get(&account)
        {
            // Whoever has gone in the meantime misses nothing.
            let _ = sender.send(event);
        }
    }

    /// Begins to watch an account; `None` when too many do.
    #[must_use]
    pub fn watch(self: &Arc<Self>, account: AccountCode) -> Option<Watch> {
        let mut accounts = self.accounts();
        if self.watching.load(Ordering::Relaxed) >= LIVE_STREAMS_MAX {
            return None;
        }
        let sender = accounts.entry(account).or_insert_with(|| broadcast::Sender::new(LIVE_EVENTS_MAX));
        if sender.receiver_count() >= LIVE_ACCOUNT_STREAMS_MAX {
            return None;
        }
        let events = Some(sender.subscribe());
        self.watching.fetch_add(1, Ordering::Relaxed);
        Some(Watch { live: Arc::clone(self), account, events, over: self.over.subscribe() })
    }

    /// Ends all that watch, for good: the server stops.
    pub fn end(&self) {
        self.over.send_replace(true);
    }

    fn accounts(&self) -> std::sync::MutexGuard<'_, HashMap<AccountCode, broadcast::Sender<Event>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who watches.
pub struct Watch {
    live: Arc<Live>,
    account: AccountCode,
    events: Option<broadcast::Receiver<Event>>,
    over: watch::Receiver<bool>,
}

/// What a look brought.
#[derive(Debug)]
pub enum Seen {
    /// Something happened.
    Event(Event),
    /// So many events are lost.
    Missed(u64),
    /// The server stops.
    Over,
}

impl Watch {
    /// Waits for what happens next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Seen {
        let Some(events) = &mut self.events else { return Seen::Over };
        tokio::select! {
            biased;
            _ = self.over.wait_for(|over| *over) => Seen::Over,
            event = events.recv() => match event {
                Ok(event) => Seen::Event(event),
                Err(broadcast::error::RecvError::Lagged(missed)) => Seen::Missed(missed),
                Err(broadcast::error::RecvError::Closed) => Seen::Over,
            },
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut accounts = self.live.accounts();
        // The receiver goes first, so that the last one to leave is seen to be the last.
        drop(self.events.take());
        if accounts.get(&self.account).is_some_and(|sender| sender.receiver_count() == 0) {
            accounts.remove(&self.account);
        }
        self.live.watching.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountCode = AccountCode::from_bytes([1; 8]);
    const OTHER: AccountCode = AccountCode::from_bytes([2; 8]);

    fn refuse(live: &Live, account: AccountCode, times: usize) {
        for at_ms in 0..times {
            let at_ms = i64::try_from(at_ms).unwrap();
            live.refused(account, Source::Fess, at_ms, "not_found", "unknown", None);
        }
    }

    #[tokio::test]
    async fn only_the_own_account_is_seen_and_the_slow_are_told_what_they_missed() {
        let live = Arc::new(Live::default());
        refuse(&live, ACCOUNT, 1);
        let mut watch = live.watch(ACCOUNT).unwrap();
        refuse(&live, OTHER, 1);
        refuse(&live, ACCOUNT, 1);
        assert!(matches!(watch.next().await, Seen::Event(Event::Refused { at_ms: 0, .. })));
        refuse(&live, ACCOUNT, LIVE_EVENTS_MAX + 3);
        assert!(matches!(watch.next().await, Seen::Missed(3)));
        drop(watch);
        assert!(!live.is_watched(ACCOUNT));
        assert!(live.accounts().is_empty());
    }

    #[tokio::test]
    async fn so_many_watch_and_no_more_until_one_goes_or_the_server_stops() {
        let live = Arc::new(Live::default());
        let mut watches: Vec<_> =
            (0..LIVE_ACCOUNT_STREAMS_MAX).map(|_| live.watch(ACCOUNT).unwrap()).collect();
        assert!(live.watch(ACCOUNT).is_none());
        let mut other = live.watch(OTHER).unwrap();
        watches.pop();
        watches.push(live.watch(ACCOUNT).unwrap());
        live.end();
        assert!(matches!(other.next().await, Seen::Over));
        assert!(matches!(watches[0].next().await, Seen::Over));
        drop((watches, other));
        assert_eq!(live.watching.load(Ordering::Relaxed), 0);
    }
}
