//! `/healthz`, `/readyz`, `/metrics`, and what is observed about requests.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use server::http::{Metrics, Peer};
use tower::ServiceExt;

use crate::rig::{Rig, limits, router};

async fn status(router: &Router, path: &str, peer: &str, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = Request::builder().uri(path).extension(Peer { addr: Some(peer.parse().unwrap()) });
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn metrics_are_for_this_machine_and_for_manage_keys() {
    let router = router(&limits(), &Arc::new(Metrics::new()));
    let through_proxy = ("x-forwarded-for", "127.0.0.1");
    let manage = ("authorization", "Token manage");
    for (peer, headers, expected) in [
        ("127.0.0.1", vec![], StatusCode::OK),
        ("::1", vec![], StatusCode::OK),
        ("::ffff:127.0.0.1", vec![], StatusCode::OK),
        ("192.0.2.1", vec![], StatusCode::FORBIDDEN),
        ("127.0.0.1", vec![through_proxy], StatusCode::FORBIDDEN),
        ("127.0.0.1", vec![("forwarded", "for=127.0.0.1")], StatusCode::FORBIDDEN),
        ("192.0.2.1", vec![("authorization", "Token other")], StatusCode::FORBIDDEN),
        ("192.0.2.1", vec![manage], StatusCode::OK),
        ("127.0.0.1", vec![through_proxy, manage], StatusCode::OK),
    ] {
        assert_eq!(status(&router, "/metrics", peer, &headers).await, expected, "{peer} {headers:?}");
        assert_eq!(status(&router, "/healthz", peer, &headers).await, StatusCode::OK);
        assert_eq!(status(&router, "/readyz", peer, &headers).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn requests_are_counted_by_pattern_and_never_by_what_was_asked() {
    let rig = Rig::start(limits()).await;
    rig.get("/item/word-of-a-visitor?q=word-of-a-visitor").await;
    rig.get("/nowhere/word-of-a-visitor").await;
    let text = rig.get("/metrics").await;
    assert!(text.contains("content-type: application/openmetrics-text"), "{text}");
    assert!(text.contains("clicktally_requests_total{route=\"/item/{secret}\",status=\"2xx\"} 1"), "{text}");
    assert!(text.contains("clicktally_requests_total{route=\"unmatched\",status=\"4xx\"} 1"), "{text}");
    assert!(text.contains("clicktally_request_seconds_count{route=\"/item/{secret}\"} 1"), "{text}");
    assert!(text.contains("clicktally_requests_in_flight 1"), "this one is in flight: {text}");
    assert!(text.contains("clicktally_ready{check=\"journal\"} 1"), "{text}");
    assert!(text.contains("clicktally_store_clicks 366"), "{text}");
    assert!(!text.contains("word-of-a-visitor"), "{text}");
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_is_counted() {
    let rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    tokio::io::AsyncWriteExt::write_all(&mut client, b"GET /slow?60000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    drop(client);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let text = rig.metrics.render();
    assert!(text.contains("clicktally_requests_abandoned_total 1"), "{text}");
    assert!(text.contains("clicktally_requests_in_flight 0"), "{text}");
}

#[tokio::test]
async fn a_handler_is_told_who_is_calling() {
    let router = router(&limits(), &Arc::new(Metrics::new()));
    for (peer, expected) in
        [("192.0.2.9", "198.51.100.1 true shop.example"), ("192.0.2.8", "192.0.2.8 false inner")]
    {
        let request = Request::builder()
            .uri("/facts")
            .extension(Peer { addr: Some(peer.parse().unwrap()) })
            .header("host", "inner")
            .header("x-forwarded-for", "198.51.100.1")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "shop.example");
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        assert_eq!(body, expected);
    }
}
