//! Pages of documentation that are generated: committed and equal to what the binary prints.

use std::fs;

use crate::support::{root, saker};

/// With `UPDATE=1` the page is written instead.
fn check(page: &str, args: &[&str]) {
    let run = saker(args);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
    let path = root().join("docs").join(page);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &run.out).expect("the page can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == run.out,
        "docs/{page} is not what `saker {}` prints; run the test with UPDATE=1",
        args.join(" ")
    );
}

#[test]
fn the_page_of_fields_is_that_of_the_schema() {
    check("fields.md", &["list", "fields", "--markdown"]);
}

#[test]
fn the_page_of_events_is_that_of_the_schema() {
    check("events.md", &["list", "events", "--markdown"]);
}

#[test]
fn the_page_of_metrics_is_that_of_the_declarations() {
    check("metrics.md", &["list", "metrics", "--markdown"]);
}
