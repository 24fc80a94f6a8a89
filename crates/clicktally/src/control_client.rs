//! The caller's end of the control socket: HTTP over a Unix socket that only the directory's owner can open.

use std::path::Path;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use server::control::{
    COMMAND_PATH, ControlFailure, EXPORT_PATH, ExportAsk, IMPORT_PATH, ImportAsk, ImportReply,
};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::failure::Failure;

/// The largest reply to a command, in bytes: a year of days for a thousand engines.
const REPLY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How many chunks of an import may wait for the server.
const CHUNKS_WAITING_MAX: usize = 4;

/// What a request's body is made of. An error breaks the request off, so that a part is never taken for the whole.
type Sent = http_body_util::combinators::BoxBody<Bytes, std::io::Error>;
/// A part of a file, or why there is no more of it.
type Chunk = Result<Bytes, std::io::Error>;

/// A connection to a running server.
pub struct ControlClient {
    sender: SendRequest<Sent>,
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!(
        "the running server did not answer: {error}; `clicktally check` tells if all is well"
    ))
}

impl ControlClient {
    /// Connects to the server's socket.
    ///
    /// # Errors
    /// A [`Failure`] when nobody listens.
    pub async fn connect(socket: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(socket).await.map_err(broken)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    async fn send(&mut self, path: &str, body: Sent) -> Result<Response<Incoming>, Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", "control")
            .header("content-type", "application/json")
            .body(body)
            .map_err(broken)?;
        self.sender.ready().await.map_err(broken)?;
        let response = self.sender.send_request(request).await.map_err(broken)?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let status = response.status();
        let bytes = gather(response.into_body()).await?;
        match serde_json::from_slice::<ControlFailure>(&bytes) {
            Ok(failure) => Err(Failure::new(failure.error)),
            Err(_) => Err(broken(format!("status {status}"))),
        }
    }

    fn json(value: &impl Serialize) -> Result<Sent, Failure> {
        let bytes = serde_json::to_vec(value).map_err(broken)?;
        Ok(Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed())
    }

    /// Has a command done.
    ///
    /// # Errors
    /// The command's own [`Failure`], or one that the server did not answer.
    pub async fn command(&mut self, command: &server::control::Command) -> Result<Value, Failure> {
        let response = self.send(COMMAND_PATH, Self::json(command)?).await?;
        serde_json::from_slice(&gather(response.into_body()).await?).map_err(broken)
    }

    /// Sends an import's bytes as they come.
    ///
    /// # Errors
    /// The import's own [`Failure`], or one that the server did not answer.
    pub async fn import(
        &mut self,
        ask: &ImportAsk,
        chunks: mpsc::Receiver<Chunk>,
    ) -> Result<ImportReply, Failure> {
        let query = serde_json::to_string(ask).map_err(broken)?;
        let path = format!("{IMPORT_PATH}?ask={}", percent(&query));
        let body = BodyExt::boxed(StreamBody::new(Chunks(chunks)));
        let response = self.send(&path, body).await?;
        serde_json::from_slice(&gather(response.into_body()).await?).map_err(broken)
    }

    /// A channel for [`ControlClient::import`].
    pub fn chunks() -> (mpsc::Sender<Chunk>, mpsc::Receiver<Chunk>) {
        mpsc::channel(CHUNKS_WAITING_MAX)
    }

    /// Opens an export, to be read with [`next_chunk`].
    ///
    /// # Errors
    /// The export's own [`Failure`], or one that the server did not answer.
    pub async fn export(&mut self, ask: &ExportAsk) -> Result<Incoming, Failure> {
        Ok(self.send(EXPORT_PATH, Self::json(ask)?).await?.into_body())
    }
}

/// The next bytes of an export; `None` after the last.
///
/// # Errors
/// A [`Failure`] when the export was broken off: what came before is only a part.
pub async fn next_chunk(body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame.map_err(broken)?.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// Percent-encodes all but letters and digits.
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

async fn gather(body: Incoming) -> Result<Bytes, Failure> {
    let limited = http_body_util::Limited::new(body, REPLY_BYTES_MAX);
    Ok(limited.collect().await.map_err(broken)?.to_bytes())
}

struct Chunks(mpsc::Receiver<Chunk>);

impl futures_core::Stream for Chunks {
    type Item = Result<Frame<Bytes>, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|part| part.map(Frame::data)))
    }
}
