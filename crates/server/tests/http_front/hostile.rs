//! Clients that are slow, greedy, broken or malicious.

use std::time::{Duration, Instant};

use server::http::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{ECHO_BYTES_MAX, PATIENCE, Rig, limits, read_answer, read_to_close};

#[tokio::test]
async fn half_a_head_that_drips_on_is_closed_after_the_header_timeout() {
    let rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    let began = Instant::now();
    client.write_all(b"GET /ok HTTP/1.1\r\n").await.unwrap();
    let mut dripped = 0;
    while client.write_all(b"X: y\r\n").await.is_ok() && began.elapsed() < PATIENCE {
        dripped += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(dripped >= 2, "the head should have been waited for");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_after_the_header_timeout() {
    let rig = Rig::start(limits()).await;
    let began = Instant::now();
    assert_eq!(rig.talk("").await, "");
    assert!(began.elapsed() >= limits().header_timeout);
}

#[tokio::test]
async fn a_second_head_has_the_same_time_as_the_first() {
    let rig = Rig::start(Limits { idle_timeout: Duration::from_secs(5), ..limits() }).await;
    let mut client = rig.connect().await;
    client.write_all(b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    read_answer(&mut client).await;
    // Longer than the header timeout, shorter than the idle timeout: the connection stays.
    tokio::time::sleep(Duration::from_millis(500)).await;
    client.write_all(b"GET /ok HT").await.unwrap();
    let began = Instant::now();
    assert_eq!(read_to_close(&mut client).await, "");
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_with_408_and_closed() {
    let rig = Rig::start(limits()).await;
    for head in ["Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let heard = rig.talk(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{head}")).await;
        assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
        assert!(heard.contains("connection: close"), "{heard}");
    }
}

#[tokio::test]
async fn a_body_that_drips_within_its_size_is_ended_by_the_time_for_the_whole() {
    let rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    client.write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n").await.unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(600) {
        if client.write_all(b"x").await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let heard = read_answer(&mut client).await;
    assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
}

#[tokio::test]
async fn a_body_of_the_limit_is_read_and_one_byte_more_is_413_in_every_framing() {
    let rig = Rig::start(limits()).await;
    for (bytes, expected) in [(ECHO_BYTES_MAX, "200"), (ECHO_BYTES_MAX + 1, "413")] {
        let body = "x".repeat(bytes);
        let (first, rest) = body.split_at(bytes / 2);
        let whole = format!("Content-Length: {bytes}\r\n\r\n{body}");
        let chunked = format!(
            "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
            first.len(),
            rest.len()
        );
        for framed in [whole, chunked] {
            let request = format!("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{framed}");
            let heard = rig.talk(request).await;
            assert!(heard.starts_with(&format!("HTTP/1.1 {expected} ")), "{bytes}: {heard}");
        }
    }
}

#[tokio::test]
async fn a_claimed_length_beyond_the_limit_is_refused_before_the_body_is_sent() {
    let rig = Rig::start(limits()).await;
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999999999\r\n\r\n";
    let mut client = rig.connect().await;
    client.write_all(head.as_bytes()).await.unwrap();
    let heard = read_answer(&mut client).await;
    assert!(heard.starts_with("HTTP/1.1 413 "), "{heard}");
}

#[tokio::test]
async fn an_endless_chunked_body_is_refused_and_the_refusal_can_be_read() {
    let rig = Rig::start(limits()).await;
    let mut request = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..3_000 {
        request.extend_from_slice(b"1000\r\n");
        request.extend_from_slice(&[b'x'; 0x1000]);
        request.extend_from_slice(b"\r\n");
    }
    // The client writes all of its 12 MB before it reads: without lingering, a reset would stop it.
    let mut client = rig.connect().await;
    client.write_all(&request).await.unwrap();
    client.shutdown().await.unwrap();
    let heard = read_to_close(&mut client).await;
    assert!(heard.starts_with("HTTP/1.1 413 "), "{heard}");
}

#[tokio::test]
async fn long_targets_and_large_headers_are_refused_by_name() {
    let rig = Rig::start(limits()).await;
    let target =
        |bytes: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "x".repeat(bytes));
    let header = |bytes: usize| {
        format!("GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(bytes))
    };
    let many = "X: y\r\n".repeat(5_000);
    let cases = [
        (target(1_000), "404"),
        (target(20_000), "414"),
        (target(64 * 1024 - 3), "414"),
        (target(64 * 1024), "414"),
        (target(100_000), "414"),
        (target(2_000_000), "431"),
        (header(30_000), "200"),
        (header(33_000), "431"),
        (header(100 * 1024), "431"),
        (header(2_000_000), "431"),
        (format!("GET /ok HTTP/1.1\r\n{many}\r\n"), "431"),
    ];
    for (request, expected) in cases {
        let heard = rig.talk(&request).await;
        assert!(heard.starts_with(&format!("HTTP/1.1 {expected} ")), "{}: {heard}", request.len());
    }
}

#[tokio::test]
async fn bytes_that_are_no_http_end_their_connection_and_no_other() {
    let rig = Rig::start(limits()).await;
    let garbage: [&[u8]; 10] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /ok HTTP/9.9\r\n\r\n",
        b"GET /\x80\xff HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ];
    for bytes in garbage {
        let heard = rig.talk(bytes).await;
        let said = heard.lines().next().unwrap_or_default();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{bytes:?}: {said}");
    }
    assert!(rig.get("/ok").await.ends_with("\r\n\r\nok"));
}

#[tokio::test]
async fn two_hosts_are_refused_and_other_repeated_headers_are_not() {
    let rig = Rig::start(limits()).await;
    let twice = |name: &str| {
        format!("GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{name}: b\r\n{name}: c\r\n\r\n")
    };
    assert!(rig.talk(twice("Host")).await.starts_with("HTTP/1.1 400 "));
    for name in ["Origin", "Cookie", "Authorization", "Accept", "X-Forwarded-For"] {
        assert!(rig.talk(twice(name)).await.starts_with("HTTP/1.1 200 "), "{name}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_dropped() {
    let rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // A few bytes now and then must not keep the answer alive.
    let began = Instant::now();
    let mut sip = [0; 512];
    while began.elapsed() < Duration::from_millis(1_500) {
        let _ = client.read(&mut sip).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let text = rig.metrics.render();
    assert!(text.contains("clicktally_connections_ended_total{cause=\"write_timeout\"} 1"), "{text}");
    assert!(text.contains("clicktally_connections_open 0"), "{text}");
}

#[tokio::test]
async fn a_client_that_takes_a_large_answer_in_its_own_time_gets_all_of_it() {
    let rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let (mut all, mut sip) = (0, vec![0; 4 * 1024 * 1024]);
    let began = Instant::now();
    loop {
        let bytes = client.read(&mut sip).await.unwrap();
        if bytes == 0 {
            break;
        }
        all += bytes;
        if began.elapsed() < Duration::from_secs(1) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    assert!(all > 64 * 1024 * 1024, "{all}");
}
