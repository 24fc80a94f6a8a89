//! The bodies of management calls: how large they may be, and how they are read. Knows no field.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;

use super::Desk;
use super::refusal::Refusal;
use crate::http::{BodyTimeout, read_body};
use crate::json::{Json, in_place};
use crate::media_type::is_json;

/// The largest body, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 8_388_608;
/// The most bytes of bodies that are held at the same time: four of the largest.
pub(super) const BODIES_BYTES_AT_ONCE_MAX: usize = 4 * BODY_BYTES_MAX;
/// How long a body may take where the front does not say.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// A body, and the room that it takes while it is looked at.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Held {
    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Json<'_>, Refusal> {
        let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes);
        in_place(bytes).map_err(|error| Refusal::BadParams(error.to_string()))
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<Json<'_>, Refusal> {
        match self.json()? {
            object @ Json::Object(_) => Ok(object),
            _ => Err(Refusal::BadParams("the body must be a JSON object".to_owned())),
        }
    }
}

impl Desk {
    /// Reads a body for which there is room.
    pub(super) async fn read(&self, parts: &Parts, body: Body) -> Result<Held, Refusal> {
        let hint = body.size_hint();
        if hint.lower() > BODY_BYTES_MAX as u64 {
            return Err(Refusal::PayloadTooLarge);
        }
        if !is_json(&parts.headers) {
            return Err(Refusal::UnsupportedMediaType);
        }
        let told = hint.exact().and_then(|bytes| usize::try_from(bytes).ok());
        let bytes = u32::try_from(told.unwrap_or(BODY_BYTES_MAX).max(1)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes).map_err(|_| Refusal::Unavailable)?;
        let time_max = parts.extensions.get::<BodyTimeout>().map_or(BODY_TIME_MAX, |timeout| timeout.0);
        Ok(Held { bytes: read_body(body, BODY_BYTES_MAX, time_max).await?, _room: room })
    }
}
