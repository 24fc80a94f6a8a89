//! A click on its way from the first check to its fate. Whatever becomes of it is counted exactly once.

use std::sync::Arc;

use crate::app::App;
use crate::counts::Fate;

/// A click that was received. Counts its fate exactly once, also when the client goes away or something panics before
/// the fate is known.
pub(crate) struct Received {
    app: Arc<App>,
    fate: Fate,
}

impl Received {
    /// One more was received.
    pub(crate) fn new(app: &Arc<App>) -> Self {
        Self { app: Arc::clone(app), fate: Fate::Broken }
    }

    /// Whose counts it is in.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// This became of it.
    pub(crate) fn met(mut self, fate: Fate) {
        self.fate = fate;
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.app.counts.met(self.fate, 1);
    }
}
