//! For whom lines are fed, and how they are fed to their end whoever goes away. It must never know what a line tells.

use std::sync::Arc;

use clicks::{AccountCode, StoreError};
use registry::Confines;

use crate::access::Caller;
use crate::app::App;
use crate::counts::Fate;
use crate::feed::{FeedError, Line, Rejection, Report};
use crate::live::Source;

/// For whom lines are recorded.
#[derive(Debug, Clone)]
pub struct Feeder {
    /// The account.
    pub account: AccountCode,
    /// The search engines of it that may be fed.
    pub confines: Arc<Confines>,
    /// The dialect whose lines those who watch are shown; `None` shows them nothing, as of a log that is loaded.
    pub source: Option<Source>,
}

impl Feeder {
    /// Lines of a caller in this dialect.
    #[must_use]
    pub fn of(caller: &Caller, source: Source) -> Self {
        Self { account: caller.account, confines: Arc::clone(&caller.confines), source: Some(source) }
    }
}

impl From<AccountCode> for Feeder {
    /// All search engines of the account.
    fn from(account: AccountCode) -> Self {
        Self { account, confines: Arc::default(), source: None }
    }
}

/// As [`App::feed`], in a task of its own: a caller that goes away can't make it half done, nor its counts wrong. Lines
/// that could not be recorded are counted too.
///
/// # Errors
/// As [`App::feed`].
pub async fn fed(
    app: &Arc<App>,
    feeder: Feeder,
    lines: Vec<(u64, Result<Line, Rejection>)>,
) -> Result<Report, FeedError> {
    let (app, received) = (Arc::clone(app), lines.len() as u64);
    let work = tokio::spawn(async move {
        let report = app.feed(feeder, lines).await;
        if report.is_err() {
            app.counts.met(Fate::Unavailable, received);
        }
        report
    });
    work.await.unwrap_or_else(|failed| Err(StoreError::Damaged(failed.to_string()).into()))
}
