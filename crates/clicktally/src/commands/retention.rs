//! Retention beside a running server: once an hour the days that are too old are removed. What the clock was believed to
//! show is kept in a small file, so that a start with a wrong clock is noticed. It must never decide which days those
//! are.

use std::sync::Arc;
use std::time::Duration;

use clicks::{Forget, Forgotten};
use journal::{Disk, FolderDisk};
use server::app::App;
use server::retention::{TrustedClock, first_kept_day};

use crate::config::Config;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(3_600);
/// What time it was believed to be, in the data directory.
const CLOCK_FILE: &str = "CLOCK";
const CLOCK_HEAD: &str = "clicktally clock 1 ";

/// What removes days that are too old.
pub struct Retention {
    app: Arc<App>,
    disk: FolderDisk,
    days: u32,
    /// Whether counts of removed days stay.
    keep_counts: bool,
    clock: TrustedClock,
}

impl Retention {
    /// Reads what time it was believed to be last.
    pub fn new(app: Arc<App>, disk: FolderDisk, config: &Config) -> Self {
        let (days, keep_counts) = (config.retention_days, config.retention_counts);
        let last_ms = last_ms(&disk);
        let status = app.store.status();
        let nothing_kept = status.clicks == 0 && status.searches == 0;
        let clock = TrustedClock::new(last_ms, nothing_kept, app.clock.now_ms(), app.clock.running_ns());
        if !clock.is_believed() && days > 0 {
            tracing::warn!(
                "the clock is far from where it was last seen: no day is removed until it has gone evenly for 24 hours"
            );
        }
        Self { app, disk, days, keep_counts, clock }
    }

    /// Looks at once and then every hour, for as long as the server runs.
    pub async fn run(self) {
        let mut retention = self;
        loop {
            let looked = tokio::task::spawn_blocking(move || {
                retention.look();
                retention
            });
            match looked.await {
                Ok(back) => retention = back,
                // The process ends, or the hook has told of a panic.
                Err(_) => return,
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    fn look(&mut self) {
        let clock = &self.app.clock;
        let Some(now_ms) = self.clock.now_ms(clock.now_ms(), clock.running_ns()) else { return };
        let text = format!("{CLOCK_HEAD}{now_ms}\n");
        if let Err(error) = self.disk.write_small(CLOCK_FILE, text.as_bytes()) {
            tracing::warn!(%error, "what time it is could not be kept");
        }
        let Some(first_kept) = first_kept_day(now_ms, self.days) else { return };
        let what = Forget::DaysBefore { day: first_kept, keep_counts: self.keep_counts };
        match self.app.store.forget(&what) {
            Ok(Forgotten { clicks: 0, searches: 0 }) => {}
            Ok(Forgotten { clicks, searches }) => {
                tracing::info!(clicks, searches, days = self.days, "days that were too old are removed");
            }
            Err(error) => {
                tracing::warn!(%error, "days that are too old could not be removed; tried again in an hour")
            }
        }
    }
}

/// A file that can't be read is as good as none: then the clock is watched first.
fn last_ms(disk: &FolderDisk) -> Option<i64> {
    let bytes = disk.read_small(CLOCK_FILE).ok()??;
    String::from_utf8(bytes).ok()?.strip_prefix(CLOCK_HEAD)?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_believed_is_read_back_and_anything_else_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let disk = FolderDisk::open(folder.path()).unwrap();
        assert_eq!(last_ms(&disk), None);
        for (text, wanted) in [
            ("clicktally clock 1 1769817600000\n", Some(1_769_817_600_000)),
            ("clicktally clock 2 1769817600000\n", None),
            ("clicktally clock 1 soon\n", None),
            ("", None),
        ] {
            disk.write_small(CLOCK_FILE, text.as_bytes()).unwrap();
            assert_eq!(last_ms(&disk), wanted, "{text}");
        }
    }
}
