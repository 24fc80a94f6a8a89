//! Naming: numbers become names again, a page at a time, so that a long list never holds up recording. It must never know what is
//! counted.

use clicks::{Question, StoreError};

use crate::evaluate::{FirstNames, TopNumbers};
use crate::kept::{Shared, read};
use crate::names::Names;

/// How many texts are looked up while the lock is held.
const PAGE_NAMES_MAX: usize = 4_096;

/// Looks up the names that are among the first rows, some at a time.
///
/// # Errors
/// [`StoreError::OutOfTime`], and [`StoreError::Damaged`] where a row has a name that nobody knows.
pub fn first_rows<K: Copy, N: Ord, C: Copy>(
    kept: &Shared,
    top: &TopNumbers<K, C>,
    name: impl Fn(&Names, K) -> Option<N>,
    mut add: impl FnMut(N, C),
    stop: &dyn Fn() -> bool,
) -> Result<(), StoreError> {
    for page in top.above.chunks(PAGE_NAMES_MAX) {
        let kept = read(kept);
        for (number, clicks) in page {
            add(name(&kept.names, *number).ok_or_else(lost_name)?, *clicks);
        }
    }
    let mut first = FirstNames::new(top.level_rows_max);
    for page in top.level.chunks(PAGE_NAMES_MAX) {
        if stop() {
            return Err(StoreError::OutOfTime);
        }
        let kept = read(kept);
        first.extend(page.iter().filter_map(|number| name(&kept.names, *number)));
    }
    first.into_names().into_iter().for_each(|name| add(name, top.level_clicks));
    Ok(())
}

/// By number, whether its text is one that the question asks for; `None` when every text is. Only numbers that have `any` are
/// looked at.
///
/// # Errors
/// [`StoreError::OutOfTime`].
pub fn matching(
    kept: &Shared,
    question: &Question,
    numbers_end: usize,
    any: impl Fn(usize) -> bool,
    text: impl Fn(&Names, u32) -> Option<&str>,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<bool>>, StoreError> {
    if question.matching.is_none() {
        return Ok(None);
    }
    let mut asked = vec![false; numbers_end];
    for (page, cells) in asked.chunks_mut(PAGE_NAMES_MAX).enumerate() {
        if stop() {
            return Err(StoreError::OutOfTime);
        }
        let kept = read(kept);
        for (number, asked) in (page * PAGE_NAMES_MAX..).zip(cells).filter(|(number, _)| any(*number)) {
            let text = u32::try_from(number).ok().and_then(|number| text(&kept.names, number));
            *asked = question.matches(text);
        }
    }
    Ok(Some(asked))
}

fn lost_name() -> StoreError {
    StoreError::Damaged("a row has a name that is not in the dictionary".into())
}

/// Whether a number's text is asked for, by what [`matching`] found.
pub fn is_among(asked: Option<&[bool]>, number: u32) -> bool {
    let at = || usize::try_from(number).ok();
    asked.is_none_or(|asked| at().and_then(|at| asked.get(at)).copied().unwrap_or(false))
}
