use std::collections::BTreeSet;

use axum::http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

async fn ask(path: &str, encoding: &str) -> (StatusCode, HeaderMap, Bytes) {
    let request = Request::get(path).header("Accept-Encoding", encoding).body(Body::empty()).unwrap();
    let answer = routes().oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

/// Every text between double quotes that begins with `prefix`.
fn quoted<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.split('"').filter(move |piece| piece.starts_with(prefix))
}

#[test]
fn every_reference_leads_to_a_served_file() {
    let dashboard = Dashboard::new();
    let page = String::from_utf8(dashboard.page.plain.to_vec()).unwrap();
    assert_eq!(quoted(&page, FOLDER).count(), 4, "{page}");
    assert_eq!(quoted(&page, "./").count(), 0, "{page}");
    for reference in quoted(&page, FOLDER) {
        assert!(dashboard.files.contains_key(&reference[FOLDER.len()..]), "{reference}");
    }
}

#[test]
fn every_file_of_the_folder_is_served() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let there: BTreeSet<String> = names
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name != "index.html")
        .collect();
    let served = [files::PICTURES, files::STYLES, files::MODULES].into_iter().flatten();
    assert_eq!(there, served.map(|file| file.name.to_owned()).collect());
}

/// What the policy forbids would fail in silence: a handler or a style in an attribute, a script in the page.
#[test]
fn the_page_and_its_modules_need_nothing_that_the_policy_forbids() {
    assert!(!files::PAGE.contains("style=") && !files::PAGE.contains("onclick"));
    assert!(files::PAGE.matches("<script").count() == files::PAGE.matches("src=\"./").count());
    for file in files::MODULES {
        let text = std::str::from_utf8(file.bytes).unwrap();
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "localStorage",
            "sessionStorage",
        ] {
            assert!(!text.contains(forbidden), "{}: {forbidden}", file.name);
        }
    }
}

#[tokio::test]
async fn the_document_is_asked_for_each_time_and_its_files_are_kept_for_ever() {
    let (status, headers, body) = ask("/?view=items&from=2026-01-01", "br, gzip;q=0.5").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["cache-control"], ASK_EACH_TIME);
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(body.starts_with(&[0x1f, 0x8b]));
    let (_, headers, body) = ask("/", "identity").await;
    assert!(!headers.contains_key("content-encoding"));
    let page = String::from_utf8(body.to_vec()).unwrap();
    let main = quoted(&page, FOLDER).find(|name| name.contains("/modules-")).unwrap();
    let (status, headers, _) = ask(main, "gzip").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["cache-control"], FOR_EVER);
    assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(headers["vary"], "Accept-Encoding");
}

#[tokio::test]
async fn every_answer_is_guarded_also_that_there_is_no_such_file() {
    for (path, expected) in [("/", StatusCode::OK), ("/dashboard/main.js", StatusCode::NOT_FOUND)] {
        let (status, headers, _) = ask(path, "").await;
        assert_eq!(status, expected);
        for (name, value) in GUARDS {
            assert_eq!(headers[&name], value, "{path}");
        }
    }
}

#[test]
fn gzip_goes_to_those_who_take_it() {
    let takes = |value: &'static str| {
        takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
    };
    for value in ["gzip", "deflate, GZIP;q=0.1", "*", "br;q=1.0, *;q=0.5", "x-gzip"] {
        assert!(takes(value), "{value}");
    }
    for value in ["", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "identity"] {
        assert!(!takes(value), "{value}");
    }
}
