//! What a team may set about recording and asking. The roof reads it from flags, environment and file, and checks it;
//! here it is only held.

use std::time::Duration;

/// What is done with a browser that asks not to be tracked (`Sec-GPC: 1` or `DNT: 1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OptOut {
    /// Its clicks are counted, without a user code.
    #[default]
    Count,
    /// Its clicks are not logged.
    Skip,
    /// It is treated like any other.
    Ignore,
}

/// What is done with a click on an item that no catalogue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownItems {
    /// 404.
    #[default]
    Reject,
    /// It is recorded.
    Accept,
}

/// What is done with a question about a UTC day whose clicks can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DamagedDays {
    /// 500, naming the day.
    #[default]
    Refuse,
    /// It is answered without that day, and the answer names it.
    LeaveOut,
}

/// What a team may set about recording and asking.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server's own origin as browsers see it (`https://clicks.example.com`); from `Host` when not set.
    pub public_origin: Option<String>,
    /// Origins, exactly as browsers send them, whose pages may call the recording API.
    pub cors_origins: Vec<String>,
    /// False: every click answers `logged:false`.
    pub click_log: bool,
    /// Life of a session and of its CSRF token.
    pub session: Duration,
    /// What is done with a browser that asks not to be tracked.
    pub opt_out: OptOut,
    /// What is done with a click on an item that no catalogue holds.
    pub unknown_items: UnknownItems,
    /// What is done with a question about a UTC day whose clicks can't be read.
    pub damaged_days: DamagedDays,
    /// Statistics requests a second for each key; 0 = no limit.
    pub stats_per_second: u32,
    /// Clicks a second for each client address; 0 = no limit.
    pub clicks_per_second: u32,
    /// Calls a second with each key of the scope `click`, from all pages together; 0 = no limit.
    pub page_key_per_second: u32,
    /// Requests a second of those who signed in with the same key or as the same user; 0 = no limit.
    pub session_requests_per_second: u32,
    /// How long a question may take; past it the answer is 408.
    pub stats_timeout: Duration,
    /// How many questions may be worked on at the same time; more wait within their time.
    pub questions_max: usize,
    /// The zone's name, as in `eu1-api.example.com`.
    pub zone: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_origin: None,
            cors_origins: Vec::new(),
            click_log: true,
            session: Duration::from_secs(28_800),
            opt_out: OptOut::Count,
            unknown_items: UnknownItems::Reject,
            damaged_days: DamagedDays::Refuse,
            stats_per_second: 20,
            clicks_per_second: 1_000,
            page_key_per_second: 10_000,
            session_requests_per_second: 200,
            stats_timeout: Duration::from_millis(10_000),
            questions_max: 64,
            zone: "eu1".to_owned(),
        }
    }
}
