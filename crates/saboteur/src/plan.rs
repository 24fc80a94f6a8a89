//! What is to be done to which call. It must never know how a call is made.

use std::ffi::CString;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::system;

/// Kinds of calls, counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Write,
    Sync,
    Name,
}

#[derive(Debug)]
enum Action {
    Kill,
    Fail {
        errno: i32,
        until: Option<CString>,
    },
    Short,
    /// Of every call, in microseconds.
    Slow,
}

#[derive(Debug)]
struct Plan {
    action: Action,
    kind: Kind,
    number: u64,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is made as it is.
    Made,
    /// Only the first half of its bytes is written.
    Halved,
    /// Half of it is done, as far as it has halves, and then the process dies.
    Killed,
    /// It is not made, and fails with this error number.
    Failed(i32),
}

/// The environment, read once. Without a folder or a plan, or with one that is not understood, nothing is touched: the
/// tests see that nothing happened.
fn orders() -> Option<&'static (Vec<u8>, Plan)> {
    static ORDERS: OnceLock<Option<(Vec<u8>, Plan)>> = OnceLock::new();
    let read = || {
        let folder = std::env::var("SABOTEUR_FOLDER").ok()?;
        Some((folder.into_bytes(), parse(&std::env::var("SABOTEUR_PLAN").ok()?)?))
    };
    ORDERS.get_or_init(read).as_ref()
}

fn parse(plan: &str) -> Option<Plan> {
    let mut words = plan.split(' ');
    let action = words.next()?;
    let kind = match words.next()? {
        "write" => Kind::Write,
        "sync" => Kind::Sync,
        "name" => Kind::Name,
        _ => return None,
    };
    let number = words.next()?.parse().ok()?;
    let action = match action {
        "kill" => Action::Kill,
        "short" => Action::Short,
        "slow" => Action::Slow,
        "fail" => {
            let errno = words.next()?.parse().ok()?;
            Action::Fail { errno, until: words.next().map(CString::new).transpose().ok()? }
        }
        _ => return None,
    };
    words.next().is_none().then_some(Plan { action, kind, number })
}

/// Decides on a call that touches the file at `path`, and waits if it is to be slow.
pub fn decide(kind: Kind, path: &[u8]) -> Fate {
    static COUNTS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
    let Some((folder, plan)) = orders() else { return Fate::Made };
    if kind != plan.kind || !is_below(path, folder) {
        return Fate::Made;
    }
    if let Action::Slow = plan.action {
        system::sleep_us(plan.number);
        return Fate::Made;
    }
    let number = COUNTS[kind as usize].fetch_add(1, Ordering::SeqCst) + 1;
    let fate = match &plan.action {
        Action::Fail { errno, until: Some(until) } if number >= plan.number && !system::is_there(until) => {
            Fate::Failed(*errno)
        }
        _ if number != plan.number => Fate::Made,
        Action::Kill => Fate::Killed,
        Action::Short => Fate::Halved,
        Action::Fail { errno, until: None } => Fate::Failed(*errno),
        Action::Fail { .. } | Action::Slow => Fate::Made,
    };
    if fate != Fate::Made && number == plan.number {
        system::tell(b"saboteur: at ", path);
    }
    fate
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}
