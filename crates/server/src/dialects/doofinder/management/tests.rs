//! The document of these routes: it names what is served, and every status that the front itself may answer.

use serde_json::Value;

use super::*;

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

#[test]
fn every_path_of_the_document_is_served_with_its_methods() {
    for (path, item) in document()["paths"].as_object().unwrap() {
        let target = Target::of(path).unwrap();
        for method in item.as_object().unwrap().keys() {
            let allow = target.place.allow();
            assert!(allow.split(", ").any(|allowed| allowed.eq_ignore_ascii_case(method)), "{method} {path}");
        }
    }
}

#[test]
fn the_front_refuses_with_statuses_that_the_document_names() {
    let troubles = [
        Trouble::Panicked,
        Trouble::Busy,
        Trouble::UriTooLong,
        Trouble::HeadersTooLarge,
        Trouble::HostRepeated,
    ];
    for (path, item) in document()["paths"].as_object().unwrap() {
        let uri: Uri = path.replace(['{', '}'], "").parse().unwrap();
        for trouble in troubles {
            let status = refusal(&uri, trouble).unwrap().status();
            assert_eq!(status, trouble.status());
            for operation in item.as_object().unwrap().values() {
                assert!(operation["responses"][status.as_str()].is_object(), "{path} {status}");
            }
        }
    }
    assert!(refusal(&Uri::from_static("/api/v2/stats/clicks"), Trouble::Busy).is_none());
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = document();
    let parts: Vec<&str> = OPENAPI.split("\"$ref\": \"#").skip(1).collect();
    assert!(parts.len() > 50);
    for part in parts {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
