//! A server with small limits and a client of raw bytes.
//!
//! This room must never judge an answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use clicks::StoreStatus;
use server::http::{
    BodyError, BodyTimeout, Check, Drained, Facts, Front, Layers, Limits, Metrics, MetricsAccess, Probe,
    TrustedProxies, guarded, plain_refusal, probe_routes, read_body,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The longest that a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub const ECHO_BYTES_MAX: usize = 2_048;

pub fn limits() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(900),
        write_timeout: Duration::from_millis(500),
        waiting_timeout: Duration::from_millis(200),
        drain_timeout: Duration::from_secs(2),
        ..Limits::default()
    }
}

pub struct Rig {
    pub addr: SocketAddr,
    pub metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Drained>,
}

impl Rig {
    pub async fn start(limits: Limits) -> Self {
        let metrics = Arc::new(Metrics::new());
        let router = router(&limits, &metrics);
        let front = Front::bind("127.0.0.1:0").await.unwrap();
        let addr = front.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&metrics);
        let shutdown = async {
            let _ = stopped.await;
        };
        let server = tokio::spawn(async move { front.serve(router, limits, shared, shutdown).await });
        Self { addr, metrics, stop, server }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// Sends bytes on a new connection and returns all that comes back until the server closes.
    pub async fn talk(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        // The server may answer and close before everything is written; what it said still counts.
        let _ = client.write_all(bytes.as_ref()).await;
        read_to_close(&mut client).await
    }

    /// Asks for a path on a new connection that is closed afterwards.
    pub async fn get(&self, path: &str) -> String {
        self.talk(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await
    }

    pub fn begin_stop(self) -> JoinHandle<Drained> {
        self.stop.send(()).unwrap();
        self.server
    }
}

pub async fn read_to_close(client: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let reading = client.read_to_end(&mut heard);
    // A reset instead of an orderly close: the answer before it is what matters.
    let _ = tokio::time::timeout(PATIENCE, reading).await.expect("the server should have closed");
    String::from_utf8_lossy(&heard).into_owned()
}

/// Reads one answer with a `Content-Length`, and leaves the connection open.
pub async fn read_answer(client: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let reading = async {
        while !is_whole(&heard) {
            let byte = client.read_u8().await.expect("the answer should be whole");
            heard.push(byte);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("there should be an answer");
    String::from_utf8(heard).unwrap()
}

fn is_whole(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse::<usize>().unwrap())
}

pub fn router(limits: &Limits, metrics: &Arc<Metrics>) -> Router {
    let proxies = TrustedProxies::new(vec!["192.0.2.9/32".parse().unwrap()]);
    let layers = Layers::new(limits, proxies, Arc::clone(metrics), plain_refusal);
    let by_key = |headers: HeaderMap| -> std::pin::Pin<Box<dyn Future<Output = bool> + Send>> {
        Box::pin(async move { headers.get("authorization").is_some_and(|key| key == "Token manage") })
    };
    let routes = Router::new()
        .route("/ok", get(async || "ok"))
        .route("/item/{secret}", get(async || "item"))
        .route("/facts", get(facts))
        .route("/unread", post(async || "not read"))
        .route("/echo", post(echo))
        .route("/slow", get(slow))
        .route("/panic", get(panics))
        .route("/big", get(async || Body::from(vec![b'x'; 64 * 1024 * 1024])))
        .merge(probe_routes(Arc::new(Ready), Arc::clone(metrics), MetricsAccess::LocalOr(Arc::new(by_key))));
    guarded(routes, layers)
}

async fn facts(Extension(facts): Extension<Facts>) -> String {
    format!("{} {} {}", facts.client, facts.https, facts.host)
}

async fn echo(Extension(BodyTimeout(time_max)): Extension<BodyTimeout>, request: Request) -> Response {
    match read_body(request.into_body(), ECHO_BYTES_MAX, time_max).await {
        Ok(bytes) => format!("{} bytes", bytes.len()).into_response(),
        Err(BodyError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(BodyError::TimedOut) => {
            (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")]).into_response()
        }
        Err(BodyError::Broken) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn slow(request: Request) -> String {
    let ms = request.uri().query().and_then(|query| query.parse().ok()).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(ms)).await;
    "slow".to_owned()
}

async fn panics() -> &'static str {
    panic!("a handler panics with a visitor's words");
}

struct Ready;

impl Probe for Ready {
    fn checks(&self) -> Vec<Check> {
        vec![Check { name: "journal", passed: true }]
    }

    fn refresh(&self, metrics: &Metrics) {
        metrics.store.set(&StoreStatus { clicks: 366, ..StoreStatus::default() });
    }
}
