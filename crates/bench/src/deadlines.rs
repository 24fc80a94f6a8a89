//! Breaking off: how long after its deadline a question ends. It must never know how a store finds its answers.

use std::path::Path;
use std::time::{Duration, Instant};

use clicks::{Question, Store, StoreError};
use serde_json::{Value, json};

use crate::feed::{Failed, open};
use crate::questions::{Case, heavy};

/// The deadlines, as parts of the time that a question takes.
const PARTS: [u32; 4] = [20, 5, 2, 1];
/// Each is tried this often.
const RUNS: usize = 7;

/// Opens a store, and asks it the heaviest questions with deadlines that they can't keep. Says of each how long it takes without
/// one, and by how much the worst of its runs passed its deadline.
///
/// # Errors
/// The store's.
pub fn deadlines(folder: &Path) -> Result<Value, Failed> {
    let store = open(folder)?;
    heavy().iter().map(|case| passed(&store, case)).collect()
}

fn passed(store: &dyn Store, case: &Case) -> Result<Value, Failed> {
    let question = case.question()?;
    ended(store, &question, None)?;
    let (whole, answered) = ended(store, &question, None)?;
    if !answered {
        return Err(format!("{}: there is too little memory for it", case.name()).into());
    }
    let mut deadlines = Vec::new();
    for part in PARTS {
        // The last one is just missed.
        let deadline = whole / part * 9 / 10;
        let (mut over, mut broken_off) = (Duration::ZERO, 0);
        for _ in 0..RUNS {
            let (took, in_time) = ended(store, &question, Some(deadline))?;
            if !in_time {
                broken_off += 1;
                over = over.max(took.saturating_sub(deadline));
            }
        }
        let (deadline_ms, over_ms) = (deadline.as_secs_f64() * 1e3, over.as_secs_f64() * 1e3);
        deadlines.push(json!({ "deadline_ms": deadline_ms, "over_ms": over_ms, "broken_off": broken_off }));
    }
    Ok(json!({ "name": case.name(), "takes_ms": whole.as_secs_f64() * 1e3, "deadlines": deadlines }))
}

/// How long a question took, and whether it was answered.
fn ended(
    store: &dyn Store,
    question: &Question,
    deadline: Option<Duration>,
) -> Result<(Duration, bool), Failed> {
    let begun = Instant::now();
    match store.tally(question, &|| deadline.is_some_and(|deadline| begun.elapsed() >= deadline)) {
        Ok(_) => Ok((begun.elapsed(), true)),
        Err(StoreError::OutOfTime) => Ok((begun.elapsed(), false)),
        Err(error) => Err(error.into()),
    }
}
