//! A load generator: some clients, each with one connection, each of which sends its next request when the last one is
//! answered. Prints one line of JSON. It shares its machine with the server, so it is one thread that does little.
//!
//! It must never count an answer that does not say what was hoped for: those are errors.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long an answer may take before its connection counts as lost.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// How many different clicks are sent.
const REQUESTS_DIFFERENT: usize = 997;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// `POST /api/v2/click`
    Click,
    /// `GET` of --target, with --key
    Get,
}

/// Sends requests over keep-alive connections and prints how fast they were answered.
#[derive(Debug, Parser)]
struct Args {
    /// The server
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: SocketAddr,
    /// What is sent
    #[arg(long, value_enum, default_value = "click")]
    mode: Mode,
    /// How many connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long it is measured
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How long requests are sent before that
    #[arg(long, default_value_t = 1.0)]
    warm_up_seconds: f64,
    /// Clicks are on the items sku0 to sku(N-1)
    #[arg(long, default_value_t = 1_000)]
    items: usize,
    /// and in the searches q0 to q(N-1); 0 = none
    #[arg(long, default_value_t = 100)]
    searches: usize,
    /// The path and query of --mode get
    #[arg(long, default_value = "/healthz")]
    target: String,
    /// An API key
    #[arg(long)]
    key: Option<String>,
}

/// What is sent in turn, and a part of the body of every good answer.
struct Script {
    requests: Vec<Vec<u8>>,
    /// The body must have one of these; the parts are counted apart.
    good: Vec<&'static str>,
}

/// What a connection met.
#[derive(Default)]
struct Met {
    latencies_us: Vec<u32>,
    good: BTreeMap<&'static str, u64>,
    errors: BTreeMap<String, u64>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let script = Arc::new(script(&args)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (met, elapsed) = runtime.block_on(drive(&args, &script));
    println!("{}", report(&args, met, elapsed));
    Ok(())
}

async fn drive(args: &Args, script: &Arc<Script>) -> (Met, Duration) {
    let begin = Instant::now() + Duration::from_secs_f64(args.warm_up_seconds);
    let end = begin + Duration::from_secs_f64(args.seconds);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..args.connections {
        clients.spawn(client(args.address, Arc::clone(script), number, begin, end));
    }
    let mut all = Met::default();
    while let Some(met) = clients.join_next().await {
        let Ok(met) = met else {
            *all.errors.entry("a client failed".to_owned()).or_default() += 1;
            continue;
        };
        all.latencies_us.extend(met.latencies_us);
        met.good.into_iter().for_each(|(what, many)| *all.good.entry(what).or_default() += many);
        met.errors.into_iter().for_each(|(what, many)| *all.errors.entry(what).or_default() += many);
    }
    (all, begin.elapsed())
}

async fn client(
    address: SocketAddr,
    script: Arc<Script>,
    number: usize,
    begin: Instant,
    end: Instant,
) -> Met {
    let mut met = Met::default();
    let work = converse(address, &script, number, (begin, end), &mut met);
    let limit = end.saturating_duration_since(Instant::now()) + ANSWER_TIME_MAX;
    let lost = match tokio::time::timeout(limit, work).await {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure.to_string()),
        Err(_) => Some("no answer".to_owned()),
    };
    if let Some(lost) = lost {
        *met.errors.entry(lost).or_default() += 1;
    }
    met
}

async fn converse(
    address: SocketAddr,
    script: &Script,
    number: usize,
    (begin, end): (Instant, Instant),
    met: &mut Met,
) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4_096);
    let mut next = number * 31;
    let mut sent = Instant::now();
    while sent < end {
        stream.write_all(&script.requests[next % script.requests.len()]).await?;
        next += 1;
        let (status, body) = answer(&mut stream, &mut buffer).await?;
        let answered = Instant::now();
        if sent >= begin {
            let good = script.good.iter().find(|part| status == 200 && holds(&body, part));
            match good {
                Some(part) => {
                    let us = u32::try_from((answered - sent).as_micros()).unwrap_or(u32::MAX);
                    met.latencies_us.push(us);
                    *met.good.entry(part).or_default() += 1;
                }
                None => *met.errors.entry(format!("status {status}")).or_default() += 1,
            }
        }
        sent = answered;
    }
    Ok(())
}

fn holds(body: &[u8], part: &str) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Reads one answer with a length; returns its status and body.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(u16, Vec<u8>), Failure> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        let Some(head_end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..head_end])?;
        let status = head.get(9..12).ok_or("no status")?.parse()?;
        let length = length(head).ok_or("an answer without a length")?;
        let end = head_end + 4 + length;
        if end > ANSWER_BYTES_MAX {
            return Err("an answer is too large".into());
        }
        while buffer.len() < end {
            if stream.read_buf(buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        return Ok((status, buffer[head_end + 4..end].to_vec()));
    }
}

fn length(head: &str) -> Option<usize> {
    head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })
}

fn script(args: &Args) -> Result<Script, Failure> {
    match args.mode {
        Mode::Click => {
            let (cookies, token) = session(args.address)?;
            let requests = (0..REQUESTS_DIFFERENT).map(|n| click(args, &cookies, &token, n)).collect();
            Ok(Script { requests, good: vec!["\"logged\":true", "\"logged\":false"] })
        }
        Mode::Get => {
            let authorization =
                args.key.as_ref().map_or_else(String::new, |key| format!("Authorization: Token {key}\r\n"));
            let request =
                format!("GET {} HTTP/1.1\r\nHost: {}\r\n{authorization}\r\n", args.target, args.address);
            Ok(Script { requests: vec![request.into_bytes()], good: vec![""] })
        }
    }
}

fn click(args: &Args, cookies: &str, token: &str, n: usize) -> Vec<u8> {
    let mut body = json!({"doc_id": format!("sku{}", n % args.items.max(1)), "rank": n % 20 + 1, "rt": 1_717_142_400_000_i64});
    if args.searches > 0 {
        body["query_id"] = json!(format!("q{}", n % args.searches));
    }
    let body = body.to_string();
    format!(
        "POST /api/v2/click HTTP/1.1\r\nHost: {}\r\nOrigin: http://{0}\r\nCookie: {cookies}\r\nX-Fess-CSRF-Token: {token}\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        args.address,
        body.len()
    )
    .into_bytes()
}

/// Opens a session, as a browser does; returns its cookies and its token.
fn session(address: SocketAddr) -> Result<(String, String), Failure> {
    let mut stream = std::net::TcpStream::connect(address)?;
    let request = format!("GET /api/v2/ui/config HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX as u64).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("ui/config: no answer")?;
    let cookies: Vec<&str> = head
        .split("\r\n")
        .filter_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")))
        .filter_map(|(_, value)| value.split(';').next())
        .collect();
    let body: serde_json::Value = serde_json::from_str(body)?;
    let token = body["response"]["csrf_token"].as_str().ok_or("ui/config: no token")?;
    Ok((cookies.join("; "), token.to_owned()))
}

fn report(args: &Args, mut met: Met, elapsed: Duration) -> serde_json::Value {
    met.latencies_us.sort_unstable();
    let answers = met.latencies_us.len();
    // The least latency that so many thousandths of the answers did not exceed.
    let thousandths = |n: usize| {
        let place = (answers * n).div_ceil(1_000).saturating_sub(1);
        met.latencies_us.get(place).copied().unwrap_or(0)
    };
    #[expect(clippy::cast_precision_loss, reason = "a rate for people; nobody sends 2^52 requests")]
    let per_second = (answers as f64 / elapsed.as_secs_f64()).round();
    json!({
        "connections": args.connections, "seconds": args.seconds, "answers": answers, "per_second": per_second,
        "p50_us": thousandths(500), "p99_us": thousandths(990), "max_us": thousandths(1_000),
        "good": met.good, "errors": met.errors,
    })
}
