//! The control socket's three doors: a command, an import, an export.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::control::commands::{Command, ControlError, Maintenance, execute};
use crate::control::export::{ExportAsk, ExportLines};
use crate::control::import::{ImportAsk, Importer};

/// Where commands go.
pub const COMMAND_PATH: &str = "/control/command";
/// Where an import's bytes go.
pub const IMPORT_PATH: &str = "/control/import";
/// Where an export comes from.
pub const EXPORT_PATH: &str = "/control/export";

/// The largest command, in bytes.
const COMMAND_BYTES_MAX: usize = 1024 * 1024;
/// How many chunks of an export may wait for a slow reader.
const EXPORT_CHUNKS_WAITING_MAX: usize = 4;

/// What is answered when a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlFailure {
    /// In words that say what to do next.
    pub error: String,
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(ControlFailure { error: self.0 })).into_response()
    }
}

#[derive(Clone)]
struct House {
    app: Arc<App>,
    maintenance: Arc<dyn Maintenance>,
}

/// The doors of the control socket.
pub fn routes(app: Arc<App>, maintenance: Arc<dyn Maintenance>) -> Router {
    Router::new()
        .route(COMMAND_PATH, post(command))
        .route(IMPORT_PATH, post(import))
        .route(EXPORT_PATH, post(export))
        .with_state(House { app, maintenance })
}

async fn command(State(house): State<House>, body: Body) -> Result<Response, ControlError> {
    let bytes = axum::body::to_bytes(body, COMMAND_BYTES_MAX).await.map_err(unreadable)?;
    let command: Command = serde_json::from_slice(&bytes).map_err(unreadable)?;
    let reply = execute(&house.app, &house.maintenance, command).await?;
    Ok(Json(reply).into_response())
}

/// An [`ImportAsk`] as JSON: the body is the file's.
#[derive(Deserialize)]
struct EncodedAsk {
    ask: String,
}

/// The bytes of one file, decompressed, in their order; the answer is the report.
async fn import(
    State(house): State<House>,
    Query(encoded): Query<EncodedAsk>,
    mut body: Body,
) -> Result<Response, ControlError> {
    let ask: ImportAsk = serde_json::from_str(&encoded.ask).map_err(unreadable)?;
    let mut importer = Importer::new(house.app, ask)?;
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame.map_err(unreadable)?.into_data() {
            importer.push(&bytes).await?;
        }
    }
    Ok(Json(importer.finish().await?).into_response())
}

async fn export(State(house): State<House>, body: Body) -> Result<Response, ControlError> {
    let bytes = axum::body::to_bytes(body, COMMAND_BYTES_MAX).await.map_err(unreadable)?;
    let ask: ExportAsk = serde_json::from_slice(&bytes).map_err(unreadable)?;
    let app = house.app;
    let (sender, receiver) =
        tokio::sync::mpsc::channel::<Result<Bytes, ControlError>>(EXPORT_CHUNKS_WAITING_MAX);
    let opening = tokio::task::spawn_blocking(move || ExportLines::open(&app, &ask));
    let mut lines = opening.await.map_err(|failed| ControlError(failed.to_string()))??;
    tokio::task::spawn_blocking(move || {
        while let Some(chunk) = lines.next_chunk().transpose() {
            let failed = chunk.is_err();
            if sender.blocking_send(chunk.map(Bytes::from)).is_err() || failed {
                return;
            }
        }
    });
    let chunks = Body::from_stream(Chunks(receiver));
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], chunks).into_response())
}

/// A failed chunk breaks the connection off, so that a reader never takes a part for the whole.
struct Chunks(tokio::sync::mpsc::Receiver<Result<Bytes, ControlError>>);

impl futures_core::Stream for Chunks {
    type Item = Result<Bytes, ControlError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

fn unreadable(error: impl std::fmt::Display) -> ControlError {
    ControlError(format!("unreadable: {error}"))
}
