//! What all calls of this dialect share before they are understood: who calls, and how often. The order of the checks is a
//! promise: 401, 403 of a session, 429, 413, 400, then 403 or 404.

use std::sync::Arc;

use axum::http::request::Parts;

use super::errors::Failure;
use crate::access::Caller;
use crate::app::App;
use crate::asking;

/// What the calls of this dialect share.
pub(super) struct Stats {
    pub(super) app: Arc<App>,
}

impl Stats {
    pub(super) const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Finds out who calls, and whether they call too often.
    pub(super) fn admit(&self, parts: &Parts) -> Result<Caller, Failure> {
        Ok(asking::admit(&self.app, parts)?)
    }
}
