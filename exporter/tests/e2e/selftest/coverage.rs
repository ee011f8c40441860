//! docs/coverage.md: behaviour → rule → unit test → live proof, and the techniques.
//!
//! Behaviours are those of the tables of docs/rules.md, which have a row for every bundled rule.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use rule_engine::casetest::Suite;
use rule_engine::schema::Schema;
use rule_engine::source::Source;
use serde_json::Value;

use super::{CANARY, LATER, WITH_ENGINE};

const HEAD: &str = "\
# What is proven of the bundled rules

Every behaviour that the bundled rules are about, the rule for it, the file with its unit tests, and what was done on a real kernel so that
the rule fired. The test run writes this page (`exporter/tests/e2e/selftest.rs`, `UPDATE=1`): a rule without a proof fails it. Proofs
are actions of `saker selftest`, unless they name Docker, which takes a real engine. What is proven of Falco's own rules is in
[coverage-falco.md](coverage-falco.md).
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Brings the page up to what a test has found, or compares.
pub(super) fn write(report: &Value) {
    let page = page(report);
    let file = root().join("docs/coverage.md");
    if std::env::var_os("UPDATE").is_some_and(|value| !value.is_empty()) {
        fs::write(&file, &page).expect("the folder is there");
    }
    let is = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(is, page, "UPDATE=1 writes it anew");
}

fn page(report: &Value) -> String {
    let proofs = proofs(report);
    let tests = unit_tests();
    let rows = Regex::new(r"^\| ([^|]+) \| \[(.+?)\]\((runbooks[^)]+)\) \| ([^|]*) \|")
        .expect("of this file");
    let tables = fs::read_to_string(root().join("docs/rules.md")).expect("a page of docs/");
    let mut page = HEAD.to_owned();
    let mut techniques: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut title = "";
    for line in tables.lines() {
        if let Some(text) = line.strip_prefix("## ") {
            title = text;
        }
        let Some(row) = rows.captures(line) else {
            continue;
        };
        if !title.is_empty() {
            page.push_str(&format!(
                "\n## {title}\n\n| behaviour | rule | unit test | live proof |\n|---|---|---|---|\n"
            ));
            title = "";
        }
        let rule = &row[2];
        let proof = proofs
            .get(rule)
            .unwrap_or_else(|| panic!("no proof of {rule}"));
        let test = tests
            .get(rule)
            .unwrap_or_else(|| panic!("no test of {rule}"));
        page.push_str(&format!(
            "| {} | [{rule}]({}) | [{test}](../rules/tests/{test}) | {proof} |\n",
            &row[1], &row[3]
        ));
        for technique in row[4].split(", ") {
            techniques
                .entry(technique.to_owned())
                .or_default()
                .push(rule.to_owned());
        }
    }
    page.push_str(&format!(
        "\n## Techniques of MITRE ATT&CK\n\n{} techniques. `saker_rule_info` carries them in its label `tags`: \
         `count by (rule) (saker_rule_info{{tags=~\".*,T1611,.*\"}})`.\n\n| technique | rules |\n|---|---|\n",
        techniques.len()
    ));
    for (technique, rules) in &techniques {
        page.push_str(&format!("| {technique} | {} |\n", rules.join(", ")));
    }
    page
}

/// By rule: what was done.
fn proofs(report: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let lines = report["rules"].as_array().expect("rules").iter();
    let detected = lines.filter(|line| line["outcome"] == "detected");
    let mut proofs: BTreeMap<_, _> = detected
        .map(|line| (text(&line["rule"]), text(&line["action"])))
        .collect();
    let engines = WITH_ENGINE.iter().map(|case| (case.rule, case.does));
    proofs.extend(
        engines
            .chain([LATER, CANARY])
            .map(|(rule, does)| (rule.to_owned(), does.to_owned())),
    );
    proofs
}

/// By rule: a file with a case that it matches.
fn unit_tests() -> BTreeMap<String, String> {
    let schema = Schema::syscall();
    let mut tests = BTreeMap::new();
    let folder = root().join("rules/tests");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the rules have tests")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    for path in files {
        let name = path
            .file_name()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        let source = Source {
            name: name.clone(),
            text: fs::read_to_string(&path).expect("a test file is text"),
        };
        let suite = Suite::read(source, &schema).expect("they pass");
        for rule in suite.tested_rules() {
            tests.entry(rule.to_owned()).or_insert_with(|| name.clone());
        }
    }
    tests
}
