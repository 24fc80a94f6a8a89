//! The life of connections: kept alive, waiting, turned away, and ended in order.

use std::time::{Duration, Instant};

use server::http::{Front, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::rig::{PATIENCE, Rig, limits, read_answer, read_to_close, router};

const ASK: &[u8] = b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn one_connection_serves_many_requests_and_is_closed_when_idle() {
    let rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    for _ in 0..100 {
        client.write_all(ASK).await.unwrap();
        assert!(read_answer(&mut client).await.ends_with("ok"));
    }
    let began = Instant::now();
    assert_eq!(read_to_close(&mut client).await, "");
    assert!(began.elapsed() >= Duration::from_millis(800), "{:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_millis(1_800), "{:?}", began.elapsed());
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let rig = Rig::start(limits()).await;
    let mut request = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".to_vec();
    request.extend_from_slice(b"GET /slow?50 HTTP/1.1\r\nHost: a\r\n\r\n");
    for _ in 0..50 {
        request.extend_from_slice(ASK);
    }
    request.extend_from_slice(b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let heard = rig.talk(request).await;
    let statuses: Vec<&str> =
        heard.match_indices("HTTP/1.1 ").map(|(at, _)| &heard[at + 9..at + 12]).collect();
    assert_eq!(statuses.len(), 53);
    assert!(statuses[..52].iter().all(|status| *status == "200"), "{statuses:?}");
    assert_eq!(statuses[52], "404");
    assert!(heard.find("3 bytes").unwrap() < heard.find("slow").unwrap());
}

#[tokio::test]
async fn a_body_that_the_handler_does_not_want_neither_hangs_nor_confuses_the_next_request() {
    let rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    client.write_all(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET ").await.unwrap();
    assert!(read_answer(&mut client).await.ends_with("not read"));
    client.write_all(ASK).await.unwrap();
    assert!(read_answer(&mut client).await.ends_with("ok"));
    let heard = rig.talk("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET").await;
    assert!(heard.ends_with("not read"), "{heard}");
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let rig = Rig::start(limits()).await;
    let heard = rig.talk("GET /ok HTTP/1.0\r\n\r\n").await;
    assert!(heard.starts_with("HTTP/1.0 200 ") && heard.ends_with("ok"), "{heard}");
}

#[tokio::test]
async fn head_and_a_method_that_nobody_knows_are_answered() {
    let rig = Rig::start(limits()).await;
    let heard = rig.talk("HEAD /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(heard.contains("content-length: 2") && heard.ends_with("\r\n\r\n"), "{heard}");
    let heard = rig.talk("BREW /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(heard.starts_with("HTTP/1.1 405 "), "{heard}");
}

#[tokio::test]
async fn a_full_house_answers_probes_and_turns_the_others_away() {
    let rig = Rig::start(Limits { connections_max: 2, ..limits() }).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut client = rig.connect().await;
        client.write_all(b"GET /slow?1500 HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        busy.push(client);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let heard = rig.talk(ASK).await;
    assert!(heard.starts_with("HTTP/1.1 503 "), "{heard}");
    assert!(heard.contains("retry-after: 1") && heard.contains("connection: close"), "{heard}");
    let heard = rig.talk("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(heard.starts_with("HTTP/1.1 200 ") && heard.contains("connection: close"), "{heard}");
    for mut client in busy {
        assert!(read_answer(&mut client).await.ends_with("slow"), "those inside are not disturbed");
    }
    assert!(rig.get("/ok").await.ends_with("ok"));
}

#[tokio::test]
async fn beyond_the_reserve_a_connection_gets_a_fixed_answer() {
    let patient = Duration::from_secs(3);
    let rig = Rig::start(Limits { connections_max: 1, header_timeout: patient, ..limits() }).await;
    let mut silent = Vec::new();
    for _ in 0..65 {
        let mut client = rig.connect().await;
        client.write_all(b"G").await.unwrap();
        silent.push(client);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let heard = rig.talk("").await;
    assert!(heard.starts_with("HTTP/1.1 503 ") && heard.contains("Retry-After: 1"), "{heard}");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(rig.get("/healthz").await.ends_with("ok\n"), "nobody may be silent in the reserve for long");
    drop(silent);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(rig.get("/ok").await.ends_with("ok"), "the places are given back");
}

#[tokio::test]
async fn the_longest_idle_connection_makes_room_for_a_newcomer() {
    let rig =
        Rig::start(Limits { connections_max: 2, idle_timeout: Duration::from_secs(30), ..limits() }).await;
    let mut guests = Vec::new();
    for _ in 0..2 {
        let mut client = rig.connect().await;
        client.write_all(ASK).await.unwrap();
        read_answer(&mut client).await;
        guests.push(client);
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    assert!(rig.get("/ok").await.ends_with("ok"));
    assert_eq!(read_to_close(&mut guests[0]).await, "");
    guests[1].write_all(ASK).await.unwrap();
    assert!(read_answer(&mut guests[1]).await.ends_with("ok"), "the other one stays");
}

#[tokio::test]
async fn requests_wait_in_a_short_queue_and_the_rest_is_told_to_come_back() {
    let limits = Limits { requests_running_max: 1, requests_waiting_max: 1, ..limits() };
    let rig = Rig::start(Limits { waiting_timeout: PATIENCE, ..limits.clone() }).await;
    let running = ask_slowly(&rig, 500).await;
    let waiting = ask_slowly(&rig, 0).await;
    let refused = rig.get("/slow").await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1"), "{refused}");
    assert!(rig.get("/readyz").await.ends_with("ready\n"), "probes don't wait");
    for mut client in [running, waiting] {
        assert!(read_answer(&mut client).await.ends_with("slow"));
    }

    let impatient = Rig::start(limits).await;
    let _running = ask_slowly(&impatient, 1_000).await;
    let began = Instant::now();
    assert!(impatient.get("/ok").await.starts_with("HTTP/1.1 503 "));
    assert!(began.elapsed() >= Duration::from_millis(190));
}

#[tokio::test]
async fn a_panic_is_a_500_without_its_message_and_the_connection_lives_on() {
    let rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    client.write_all(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let heard = read_answer(&mut client).await;
    assert!(heard.starts_with("HTTP/1.1 500 ") && heard.ends_with("internal error"), "{heard}");
    client.write_all(ASK).await.unwrap();
    assert!(read_answer(&mut client).await.ends_with("ok"));
    assert!(rig.metrics.render().contains("clicktally_panics_total 1"));
}

#[tokio::test]
async fn a_stop_lets_requests_end_closes_the_idle_at_once_and_accepts_nobody() {
    let rig = Rig::start(limits()).await;
    let addr = rig.addr;
    let mut open = ask_slowly(&rig, 800).await;
    let mut idle = rig.connect().await;
    idle.write_all(ASK).await.unwrap();
    read_answer(&mut idle).await;
    let mut silent = rig.connect().await;
    tokio::time::sleep(Duration::from_millis(100)).await;

    let began = Instant::now();
    let server = rig.begin_stop();
    assert_eq!(read_to_close(&mut idle).await, "");
    assert_eq!(read_to_close(&mut silent).await, "");
    assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
    assert!(TcpStream::connect(addr).await.is_err());
    let heard = read_to_close(&mut open).await;
    assert!(heard.ends_with("slow") && heard.contains("connection: close"), "{heard}");
    let drained = tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap();
    assert_eq!(drained.cut, 0);
}

#[tokio::test]
async fn a_request_that_does_not_end_within_the_drain_time_is_cut() {
    let rig = Rig::start(Limits { drain_timeout: Duration::from_millis(300), ..limits() }).await;
    let mut open = ask_slowly(&rig, 60_000).await;
    let server = rig.begin_stop();
    let drained = tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap();
    assert_eq!(drained.cut, 1);
    assert_eq!(read_to_close(&mut open).await, "");
}

#[tokio::test]
async fn the_control_socket_speaks_the_same_http() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let front = Front::bind_control(&path).unwrap();
    let metrics = std::sync::Arc::default();
    let routes = router(&limits(), &metrics);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(front.serve(routes, limits(), metrics, async {
        let _ = stopped.await;
    }));
    let mut client = UnixStream::connect(&path).await.unwrap();
    client.write_all(b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert!(heard.ends_with("ok"), "{heard}");
    stop.send(()).unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap().cut, 0);
    assert!(!path.exists());
}

/// Asks for an answer that takes `ms` milliseconds, and returns once the server has surely begun.
async fn ask_slowly(rig: &Rig, ms: u64) -> TcpStream {
    let mut client = rig.connect().await;
    client.write_all(format!("GET /slow?{ms} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    client
}
