//! Attempts to sign in: who may fail how often. It must never know whether there is a user of a name: a name is counted the
//! same either way, and in whatever account, so that no limit tells one who guesses what there is.
//!
//! Three limits. An address fails so often, whatever it shows. A name's password fails so often from one address, which is
//! fewer than it may fail from all together: so no single address can shut a name for others. And where many addresses do,
//! those from which the name's password was right before are still let in.

use std::collections::HashSet;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use registry::{MasterSecret, same_user_name};

use crate::http::SlidingWindow;
use crate::signed::{SIGNATURE_BYTES, Signer};

/// How many times a minute somebody at one address may fail to sign in.
pub(crate) const ADDRESS_FAILURES_MAX: u32 = 10;
const ADDRESS_SPAN: Duration = Duration::from_secs(60);
/// How many times in ten minutes a name's password may be wrong from one address.
pub(crate) const NAME_FAILURES_MAX: u32 = 5;
/// How many times in ten minutes it may be from all addresses together.
pub(crate) const NAME_FAILURES_ANYWHERE_MAX: u32 = 50;
const NAME_SPAN: Duration = Duration::from_secs(600);
/// The most addresses, names, and pairs of them that are followed.
const FOLLOWED_MAX: usize = 65_536;
/// How long it is known that a name's password was right from an address, at least, unless there are too many.
const KNOWN_SPAN: Duration = Duration::from_secs(30 * 86_400);

/// A name of whatever length, in any of its spellings.
type Mark = [u8; SIGNATURE_BYTES];

/// Counts attempts.
pub(crate) struct SignIns {
    marks: Signer,
    by_address: SlidingWindow<IpAddr>,
    by_name: SlidingWindow<(Mark, IpAddr)>,
    by_name_anywhere: SlidingWindow<Mark>,
    known: Mutex<Lately<(Mark, IpAddr)>>,
}

impl SignIns {
    pub(crate) fn new(secret: &MasterSecret) -> Self {
        Self {
            marks: Signer::new(secret, "names at sign-in"),
            by_address: SlidingWindow::within(ADDRESS_SPAN, ADDRESS_FAILURES_MAX, FOLLOWED_MAX),
            by_name: SlidingWindow::within(NAME_SPAN, NAME_FAILURES_MAX, FOLLOWED_MAX),
            by_name_anywhere: SlidingWindow::within(NAME_SPAN, NAME_FAILURES_ANYWHERE_MAX, FOLLOWED_MAX),
            known: Mutex::new(Lately::new(KNOWN_SPAN, FOLLOWED_MAX)),
        }
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// How long to wait, after too many failures from the address.
    pub(crate) fn attempt(&self, address: IpAddr, now_ns: u64) -> Result<Attempt<'_>, Duration> {
        self.by_address.admit(&address, now_ns)?;
        Ok(Attempt { sign_ins: self, address, now_ns, name: None })
    }

    fn mark(&self, name: &str) -> Mark {
        self.marks.sign(same_user_name(name).as_bytes())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Lately<(Mark, IpAddr)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt to sign in. It counts as a failure until it is told otherwise.
pub(crate) struct Attempt<'a> {
    sign_ins: &'a SignIns,
    address: IpAddr,
    now_ns: u64,
    name: Option<Named>,
}

#[derive(Clone, Copy)]
struct Named {
    mark: Mark,
    counts_anywhere: bool,
}

impl<'a> Attempt<'a> {
    /// It is for a user of this name.
    ///
    /// # Errors
    /// How long to wait, after too many wrong passwords for the name.
    pub(crate) fn for_name(self, name: &str) -> Result<Self, Duration> {
        let Self { sign_ins, address, now_ns, .. } = self;
        let mark = sign_ins.mark(name);
        let pair = (mark, address);
        sign_ins.by_name.admit(&pair, now_ns)?;
        let counts_anywhere = !sign_ins.known().has(&pair, now_ns);
        if counts_anywhere {
            // Refused for what others did: nothing that this address has to answer for.
            let admitted = sign_ins.by_name_anywhere.admit(&mark, now_ns);
            admitted.inspect_err(|_wait| sign_ins.by_name.take_back(&pair))?;
        }
        Ok(Self { name: Some(Named { mark, counts_anywhere }), ..self })
    }

    /// It was no failure.
    pub(crate) fn succeeded(self) {
        if let Some(Named { mark, .. }) = self.name {
            self.sign_ins.known().add((mark, self.address), self.now_ns);
        }
        self.withdrawn();
    }

    /// It came to nothing, and whoever made it is not at fault.
    pub(crate) fn withdrawn(self) {
        let Self { sign_ins, address, name, .. } = self;
        sign_ins.by_address.take_back(&address);
        if let Some(Named { mark, counts_anywhere }) = name {
            sign_ins.by_name.take_back(&(mark, address));
            if counts_anywhere {
                sign_ins.by_name_anywhere.take_back(&mark);
            }
        }
    }
}

/// What was added lately: for a span at least and two at most, or as long as there is room.
struct Lately<T> {
    span_ns: u64,
    half_max: usize,
    since_ns: u64,
    current: HashSet<T>,
    previous: HashSet<T>,
}

impl<T: Eq + Hash> Lately<T> {
    fn new(span: Duration, max: usize) -> Self {
        let span_ns = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let (current, previous) = (HashSet::new(), HashSet::new());
        Self { span_ns, half_max: max / 2, since_ns: 0, current, previous }
    }

    fn has(&mut self, one: &T, now_ns: u64) -> bool {
        self.turn(now_ns);
        self.current.contains(one) || self.previous.contains(one)
    }

    fn add(&mut self, one: T, now_ns: u64) {
        self.turn(now_ns);
        if self.current.len() >= self.half_max && !self.current.contains(&one) {
            self.previous = std::mem::take(&mut self.current);
            self.since_ns = now_ns;
        }
        self.current.insert(one);
    }

    fn turn(&mut self, now_ns: u64) {
        let spans = now_ns.saturating_sub(self.since_ns) / self.span_ns;
        if spans > 0 {
            let current = std::mem::take(&mut self.current);
            self.previous = if spans == 1 { current } else { HashSet::new() };
            self.since_ns += spans * self.span_ns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn sign_ins() -> SignIns {
        SignIns::new(&MasterSecret::from_hex(&"ab".repeat(32)).unwrap())
    }

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    /// A wrong password, or how many seconds to wait.
    fn wrong(sign_ins: &SignIns, number: u8, name: &str, at_s: u64) -> Result<(), u64> {
        let attempt = sign_ins.attempt(address(number), at_s * SECOND_NS).map_err(|wait| wait.as_secs())?;
        attempt.for_name(name).map(|_| ()).map_err(|wait| wait.as_secs())
    }

    fn right(sign_ins: &SignIns, number: u8, name: &str, at_s: u64) -> Result<(), u64> {
        let attempt = sign_ins.attempt(address(number), at_s * SECOND_NS).map_err(|wait| wait.as_secs())?;
        attempt.for_name(name).map(Attempt::succeeded).map_err(|wait| wait.as_secs())
    }

    #[test]
    fn one_address_can_t_shut_a_name_for_others() {
        let sign_ins = sign_ins();
        for _ in 0..NAME_FAILURES_MAX {
            assert_eq!(wrong(&sign_ins, 1, "Anna", 0), Ok(()));
        }
        for round in 0..100 {
            assert!(
                wrong(&sign_ins, 1, "  ANNA ", 1 + round * 5).is_err(),
                "another spelling is the same name"
            );
        }
        assert_eq!(right(&sign_ins, 1, "anna", 540), Err(60), "right or wrong");
        assert_eq!(right(&sign_ins, 1, "bert", 541), Ok(()));
        assert_eq!(right(&sign_ins, 2, "anna", 541), Ok(()));
        assert_eq!(right(&sign_ins, 1, "anna", 601), Ok(()));
    }

    #[test]
    fn many_addresses_shut_a_name_but_not_for_those_it_came_from_before() {
        let sign_ins = sign_ins();
        assert_eq!(right(&sign_ins, 200, "anna", 0), Ok(()));
        for number in 0..10 {
            for _ in 0..NAME_FAILURES_MAX {
                assert_eq!(wrong(&sign_ins, number, "anna", 1), Ok(()));
            }
        }
        assert_eq!(right(&sign_ins, 201, "anna", 2), Err(599));
        assert_eq!(right(&sign_ins, 201, "bert", 2), Ok(()), "a name of its own");
        for _ in 0..20 {
            assert_eq!(right(&sign_ins, 200, "anna", 2), Ok(()));
        }
        // Who is known is held to the limit of an address all the same.
        for _ in 0..NAME_FAILURES_MAX {
            assert_eq!(wrong(&sign_ins, 200, "anna", 3), Ok(()));
        }
        assert_eq!(right(&sign_ins, 200, "anna", 4), Err(599));
        assert_eq!(right(&sign_ins, 201, "anna", 601), Ok(()));
    }

    #[test]
    fn what_others_did_is_not_counted_against_an_address() {
        let sign_ins = sign_ins();
        for number in 0..10 {
            for _ in 0..NAME_FAILURES_MAX {
                assert_eq!(wrong(&sign_ins, number, "anna", 0), Ok(()));
            }
        }
        for round in 0..8 {
            assert_eq!(wrong(&sign_ins, 201, "anna", 1 + round), Err(599 - round));
        }
        assert_eq!(right(&sign_ins, 201, "anna", 600), Ok(()));
    }

    #[test]
    fn an_address_fails_ten_times_a_minute_whatever_it_shows() {
        let sign_ins = sign_ins();
        for number in 0..ADDRESS_FAILURES_MAX {
            assert_eq!(wrong(&sign_ins, 1, &format!("user{number}"), 0), Ok(()));
        }
        assert_eq!(wrong(&sign_ins, 1, "another", 1), Err(59));
        assert_eq!(wrong(&sign_ins, 2, "another", 1), Ok(()));
    }

    #[test]
    fn what_is_withdrawn_counts_nowhere() {
        let sign_ins = sign_ins();
        for _ in 0..100 {
            sign_ins.attempt(address(1), 0).unwrap().for_name("anna").map(Attempt::withdrawn).unwrap();
        }
        assert_eq!(right(&sign_ins, 1, "anna", 0), Ok(()));
    }

    #[test]
    fn what_happened_lately_is_known_for_a_span_and_within_the_room() {
        let mut lately = Lately::new(Duration::from_secs(10), 4);
        lately.add(1, 0);
        assert!(lately.has(&1, 9 * SECOND_NS) && lately.has(&1, 19 * SECOND_NS));
        assert!(!lately.has(&1, 20 * SECOND_NS));
        for one in 0..100 {
            lately.add(one, 21 * SECOND_NS);
            assert!(lately.current.len() + lately.previous.len() <= 4 && lately.has(&one, 21 * SECOND_NS));
        }
        assert!(lately.has(&98, 21 * SECOND_NS));
        lately.add(200, 100 * SECOND_NS);
        assert!(!lately.has(&98, 100 * SECOND_NS));
    }
}
