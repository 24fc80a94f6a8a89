//! `GET /api/v2/health`: whether clicks can be recorded, in the words of a Fess server, whose search engine is our store.
//! Open to everybody, so it must never tell why.

use axum::response::Response;
use serde::Serialize;

use super::envelope;
use super::refusal::Refusal;
use crate::app::App;

#[derive(Serialize)]
struct Health {
    engine: Engine,
}

#[derive(Serialize)]
struct Engine {
    /// `green`, or `red` when nothing can be recorded.
    status: &'static str,
    /// 0 when `green`, else 1.
    ping_status: u8,
}

/// The state of the store; 503 when it is not able to record.
pub(super) fn answer(app: &App) -> Response {
    if app.store.status().unable.is_none() {
        envelope::success(Health { engine: Engine { status: "green", ping_status: 0 } })
    } else {
        let health = Health { engine: Engine { status: "red", ping_status: 1 } };
        envelope::refused_with_details(&Refusal::Unavailable, health)
    }
}
