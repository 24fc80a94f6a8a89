//! What happened between two looks at a server. Pure: it is told what was seen.

use std::collections::VecDeque;

use server::control::StateReply;

use crate::output::time;
use crate::terminal::{bytes, tame, thousands};

/// How many intervals the line of clicks remembers.
const INTERVALS_MAX: usize = 240;
/// Fates of what was taken, and kept or known; all others but these and [`NOT_LOGGED`] are refusals.
const KEPT: [&str; 2] = ["recorded", "duplicate"];
/// Fates of what was taken and is no click that counts.
const NOT_LOGGED: [&str; 4] = ["switched_off", "anonymous", "opted_out", "not_a_click"];

/// The difference of two looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    pub state: StateReply,
    /// How long it was, in milliseconds.
    pub took_ms: u64,
    pub clicks: u64,
    pub searches: u64,
    pub syncs: u64,
    pub sync_ns: u64,
    /// What else became of what was received, by fate, and how many there were; the most first.
    pub fates: Vec<(String, u64)>,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct History {
    state: Option<StateReply>,
    last: Option<Round>,
    clicks: VecDeque<u64>,
}

impl History {
    /// Takes a look.
    pub fn take(&mut self, state: StateReply) {
        self.last = self.state.as_ref().and_then(|before| Round::between(before, &state));
        if let Some(round) = &self.last {
            self.clicks.push_back(round.clicks);
            while self.clicks.len() > INTERVALS_MAX {
                self.clicks.pop_front();
            }
        }
        self.state = Some(state);
    }

    pub const fn state(&self) -> Option<&StateReply> {
        self.state.as_ref()
    }

    pub const fn last(&self) -> Option<&Round> {
        self.last.as_ref()
    }

    /// The clicks of each interval, of the last `many`.
    pub fn clicks(&self, many: usize) -> Vec<u64> {
        self.clicks.iter().skip(self.clicks.len().saturating_sub(many)).copied().collect()
    }
}

impl Round {
    /// Nothing where the server was started anew in between, or the clock went back.
    fn between(before: &StateReply, now: &StateReply) -> Option<Self> {
        let took_ms = u64::try_from(now.at - before.at).ok().filter(|took| *took > 0)?;
        if now.received < before.received || now.syncs < before.syncs {
            return None;
        }
        let mut fates: Vec<(String, u64)> = now
            .fates
            .iter()
            .filter(|(fate, _)| !KEPT.contains(&fate.as_str()))
            .map(|(fate, many)| {
                let earlier = before.fates.get(fate).copied().unwrap_or(0);
                (fate.clone(), many.saturating_sub(earlier))
            })
            .collect();
        fates.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Some(Self {
            took_ms,
            // Fewer than before when days were removed in between.
            clicks: now.clicks.saturating_sub(before.clicks),
            searches: now.searches.saturating_sub(before.searches),
            syncs: now.syncs - before.syncs,
            sync_ns: now.sync_ns_total.saturating_sub(before.sync_ns_total),
            fates,
            state: now.clone(),
        })
    }

    /// How many were refused in it.
    pub fn refused(&self) -> u64 {
        self.fates.iter().filter(|(fate, _)| is_refusal(fate)).map(|(_, many)| many).sum()
    }

    /// As many a second, to a tenth.
    pub fn a_second(&self, many: u64) -> String {
        let tenths = u128::from(many) * 10_000 / u128::from(self.took_ms.max(1));
        let whole = u64::try_from(tenths / 10).unwrap_or(u64::MAX);
        format!("{}.{}", thousands(whole), tenths % 10)
    }

    /// A line that machines and people read: names and values, of one interval.
    pub fn line(&self) -> String {
        let plain = |text: String| text.replace(',', "");
        let state = &self.state;
        let mut text = format!(
            "{} ready={} clicks/s={} searches/s={} refused/s={} syncs/s={} clicks={} searches={} waiting={} unsealed_bytes={} \
             sealed_days={} disk_bytes={} memory_bytes={}",
            time(state.at),
            state.ready,
            plain(self.a_second(self.clicks)),
            plain(self.a_second(self.searches)),
            plain(self.a_second(self.refused())),
            plain(self.a_second(self.syncs)),
            state.clicks,
            state.searches,
            state.waiting,
            state.unsealed_bytes,
            state.sealed_days,
            state.disk_bytes,
            state.memory_bytes,
        );
        for (fate, many) in self.fates.iter().filter(|(_, many)| *many > 0) {
            text.push_str(&format!(" {fate}={many}"));
        }
        text
    }
}

/// Whether what met this fate was refused.
pub fn is_refusal(fate: &str) -> bool {
    !KEPT.contains(&fate) && !NOT_LOGGED.contains(&fate)
}

/// What a server says of itself, once.
pub fn words(state: &StateReply) -> String {
    let mut text = if state.ready { "ready\n".to_owned() } else { "not able to record\n".to_owned() };
    for reason in state.unable.iter().chain(&state.sealing_trouble) {
        text.push_str(&format!("  {}\n", tame(reason)));
    }
    if !state.damaged_days.is_empty() {
        text.push_str(&format!("  days that can't be read: {}\n", tame(&state.damaged_days.join(", "))));
    }
    text.push_str(&format!(
        "{} clicks, {} searches, {} sealed days\n{} accounts, {} search engines, {} items\n{} on disk, {} in memory\n",
        thousands(state.clicks),
        thousands(state.searches),
        thousands(state.sealed_days),
        thousands(state.accounts),
        thousands(state.engines),
        thousands(state.items),
        bytes(state.disk_bytes),
        bytes(state.memory_bytes),
    ));
    let refused: u64 = state.fates.iter().filter(|(fate, _)| is_refusal(fate)).map(|(_, many)| many).sum();
    text.push_str(&format!(
        "{} received since the start, {} of them refused\n",
        thousands(state.received),
        thousands(refused)
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(at: i64, clicks: u64, fates: &[(&str, u64)]) -> StateReply {
        StateReply {
            at,
            ready: true,
            clicks,
            received: fates.iter().map(|fate| fate.1).sum(),
            fates: fates.iter().map(|fate| (fate.0.to_owned(), fate.1)).collect(),
            ..StateReply::default()
        }
    }

    #[test]
    fn a_round_is_the_difference_of_two_looks() {
        let mut history = History::default();
        history.take(state(10_000, 5, &[("recorded", 5), ("unknown_item", 1), ("anonymous", 0)]));
        assert_eq!(history.last(), None);
        history.take(state(12_500, 30, &[("recorded", 30), ("unknown_item", 4), ("anonymous", 9)]));
        let round = history.last().unwrap();
        assert_eq!((round.clicks, round.refused()), (25, 3), "a click of nobody is not refused");
        assert_eq!(round.fates[0], ("anonymous".to_owned(), 9));
        assert_eq!(round.a_second(25), "10.0");
        let line = round.line();
        assert!(line.starts_with("1970-01-01T00:00:12Z ready=true clicks/s=10.0 "), "{line}");
        assert!(line.contains(" refused/s=1.2 ") && line.ends_with(" anonymous=9 unknown_item=3"), "{line}");
        assert!(!line.contains('\n'));
    }

    #[test]
    fn a_server_that_was_started_anew_is_not_compared_with_itself_before() {
        let mut history = History::default();
        history.take(state(1_000, 5, &[("recorded", 5)]));
        history.take(state(2_000, 5, &[("recorded", 0)]));
        assert_eq!(history.last(), None);
        history.take(state(3_000, 6, &[("recorded", 1)]));
        assert_eq!(history.last().map(|round| round.clicks), Some(1));
    }
}
