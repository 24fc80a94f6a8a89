//! Who calls, and whether they call too often. A token counts for the key that signed it.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use registry::KeyId;

use super::refusal::Refusal;
use crate::access::{self, Caller};
use crate::app::App;
use crate::http::SlidingWindow;
use crate::origins::sole;

/// The most keys whose calls of the last second are remembered.
const MANAGEMENT_KEYS_MAX: usize = 100_000;

/// Knows callers by their keys, and how often they called.
pub(super) struct Callers {
    app: Arc<App>,
    rate: SlidingWindow<KeyId>,
}

impl Callers {
    pub(super) fn new(app: Arc<App>) -> Self {
        let rate = SlidingWindow::new(app.settings.stats_per_second, MANAGEMENT_KEYS_MAX);
        Self { app, rate }
    }

    /// Who calls, unless too often.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        // Of several headers nobody could say which one another server on the way has checked.
        let told = sole(headers, &AUTHORIZATION).ok_or(Refusal::NotAuthenticated)?;
        let caller = access::caller(&self.app.registry, told, self.app.clock.now_ms());
        let caller = caller.ok_or(Refusal::NotAuthenticated)?;
        if let Some(key) = &caller.key {
            let admitted = self.rate.admit(key, self.app.clock.running_ns());
            admitted.map_err(|_wait| Refusal::TooManyRequests)?;
        }
        Ok(caller)
    }
}
