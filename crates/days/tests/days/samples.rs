//! Files of earlier versions stay readable: each is in `tests/fixtures`, and read back row by row.

use crate::world::{asked_searches, clicks_that_tell_no_custom_result, open_clicks, open_searches};

#[test]
fn files_of_version_1_are_read() {
    let file = include_bytes!("../fixtures/version-1/clicks.parquet");
    let found: Result<Vec<_>, _> = open_clicks(file.to_vec()).rows(0..u64::MAX).collect();
    assert_eq!(found.unwrap(), clicks_that_tell_no_custom_result(41, 40));
    let file = include_bytes!("../fixtures/version-1/searches.parquet");
    let found: Result<Vec<_>, _> = open_searches(file.to_vec()).rows(0..u64::MAX).collect();
    assert_eq!(found.unwrap(), asked_searches(42, 20));
}
