//! Rule files and what loading them finds: `testdata/load/cases.txt`.
//!
//! A case is `=== TITLE`, then files, each behind `--- file`, then behind `--- found` what a load says: a line for each message and for
//! each rule that loads, with its condition normalised. Titles that begin with a number carry the row of the compatibility table
//! that they hold. `UPDATE=1` writes what is found now; every change of it is to be read.

use std::fmt::Write as _;
use std::path::Path;

use rule_engine::load::{LoadOptions, load};
use rule_engine::schema::Schema;
use rule_engine::source::Source;

/// Loads the files of a case and says what was found.
fn found(files: &[&str]) -> String {
    let source = |(index, text): (usize, &&str)| Source {
        name: format!("{}.yaml", index + 1),
        text: (*text).to_owned(),
    };
    let sources = files.iter().enumerate().map(source).collect();
    let schema = Schema::syscall();
    let options = LoadOptions {
        append_output: Vec::new(),
        ..LoadOptions::default()
    };
    let loaded = load(sources, &schema, &options);
    let mut out = String::new();
    for diagnostic in &loaded.diagnostics {
        let place = diagnostic.span.map_or("nowhere".into(), |span| {
            let source = &loaded.sources[span.source.0 as usize];
            let (line, column) = source.position(span.start);
            let text = source
                .text
                .get(span.start as usize..span.end as usize)
                .unwrap_or_default();
            format!(
                "{}:{line}:{column} `{}`",
                source.name,
                text.lines().next().unwrap_or_default()
            )
        });
        let (severity, code) = (diagnostic.severity.as_str(), diagnostic.code.as_str());
        out += &format!(
            "{severity} {code} {place} {}
",
            diagnostic.message
        );
    }
    if loaded.has_errors() {
        return out;
    }
    for rule in loaded.rule_infos(&schema) {
        let state = if rule.enabled { "on" } else { "off" };
        let tags = if rule.tags.is_empty() {
            String::new()
        } else {
            format!(" {:?}", rule.tags)
        };
        let capture = if rule.capture {
            format!(" capture {}", rule.capture_duration)
        } else {
            String::new()
        };
        let details = rule.details;
        let output = details.output_compiled;
        out += &format!(
            "rule {} {state} {}{tags}{capture}: {} | {output}\n",
            rule.name, rule.priority, details.condition_compiled
        );
    }
    if out.is_empty() {
        "nothing\n".into()
    } else {
        out
    }
}

#[test]
fn every_case_finds_what_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/load/cases.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    let (mut now, mut wrong) = (String::new(), Vec::new());
    for case in text.split("=== ").skip(1) {
        let (title, rest) = case.split_once('\n').unwrap();
        let (files, expected) = rest.split_once("--- found\n").unwrap();
        let files: Vec<_> = files.split("--- file\n").skip(1).collect();
        let found = found(&files);
        if found != expected {
            wrong.push(format!("{title}\nexpected:\n{expected}found:\n{found}"));
        }
        write!(
            now,
            "=== {title}\n{}--- found\n{found}",
            rest.split_once("--- found\n").unwrap().0
        )
        .unwrap();
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, now).unwrap();
    } else {
        assert!(
            wrong.is_empty(),
            "{} cases differ:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
}
