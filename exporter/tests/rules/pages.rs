//! What docs/rules.md and docs/runbooks.md say of the bundled rules is true, and nothing is left out.
//!
//! `UPDATE=1` writes the tables of docs/rules.md anew; rows for new rules are added by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use exporter::bundled;
use regex::Regex;
use rule_engine::casetest;
use rule_engine::load::{self, LoadOptions, RuleInfo};
use rule_engine::render;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(page(name)).expect("a page of docs/")
}

fn rules() -> BTreeMap<String, RuleInfo> {
    let schema = Schema::syscall();
    let loaded = load::load(bundled::rules(), &schema, &LoadOptions::default());
    let infos = loaded.rule_infos(&schema);
    infos
        .into_iter()
        .map(|info| (info.name.clone(), info))
        .collect()
}

/// The section of docs/runbooks.md that the last line of a description names.
fn section(info: &RuleInfo) -> &str {
    let last = info.description.trim().rsplit(' ').next().unwrap_or("");
    last.strip_prefix("docs/runbooks.md#").unwrap_or_else(|| {
        panic!(
            "`{}`: its description must end with `Runbook: docs/runbooks.md#SECTION`",
            info.name
        )
    })
}

fn is_technique(tag: &str) -> bool {
    tag.starts_with('T') && tag[1..].starts_with(|first: char| first.is_ascii_digit())
}

/// Cells of a rule's row behind its behaviour.
fn cells(info: &RuleInfo) -> String {
    let techniques: Vec<&str> = info
        .tags
        .iter()
        .map(String::as_str)
        .filter(|tag| is_technique(tag))
        .collect();
    format!(
        "[{}](runbooks.md#{}) | {} | {}{} |",
        info.name,
        section(info),
        techniques.join(", "),
        info.priority,
        if info.enabled { "" } else { ", off" }
    )
}

#[test]
fn tables_of_rules_are_true_and_whole() {
    let rules = rules();
    let row = Regex::new(r"^(\| [^|]+ \|) \[(.+?)\](?:\(| \|).*$").expect("a pattern of this file");
    let mut listed = BTreeSet::new();
    let before = read("rules.md");
    let mut after = String::new();
    for line in before.lines() {
        if let Some(found) = row.captures(line) {
            let info = rules.get(&found[2]);
            let info = info.unwrap_or_else(|| panic!("docs/rules.md: no rule `{}`", &found[2]));
            listed.insert(info.name.as_str());
            after.push_str(&format!("{} {}\n", &found[1], cells(info)));
        } else {
            after.push_str(line);
            after.push('\n');
        }
    }
    let left_out: Vec<_> = rules
        .keys()
        .filter(|name| !listed.contains(name.as_str()))
        .collect();
    assert!(
        left_out.is_empty(),
        "docs/rules.md: no row for {left_out:?}"
    );
    if std::env::var_os("UPDATE").is_some_and(|value| !value.is_empty()) {
        fs::write(page("rules.md"), after).expect("written");
        return;
    }
    for (is, must) in before.lines().zip(after.lines()) {
        assert_eq!(
            is, must,
            "docs/rules.md: UPDATE=1 cargo test -p exporter --test rules"
        );
    }
}

#[test]
fn every_rule_says_where_it_belongs() {
    for info in rules().values() {
        let has = |wanted: &dyn Fn(&str) -> bool| info.tags.iter().any(|tag| wanted(tag));
        assert!(
            has(&is_technique),
            "`{}`: no technique of ATT&CK",
            info.name
        );
        assert!(
            has(&|tag| tag.starts_with("mitre_")),
            "`{}`: no tactic of ATT&CK",
            info.name
        );
        assert!(
            has(&|tag| matches!(tag, "host" | "container")),
            "`{}`: neither host nor container",
            info.name
        );
    }
}

#[test]
fn runbooks_have_a_section_for_every_rule() {
    let runbooks = read("runbooks.md");
    let mut sections: BTreeMap<String, &str> = BTreeMap::new();
    for part in runbooks.split("\n## ").skip(1) {
        let (title, text) = part.split_once('\n').unwrap_or((part, ""));
        sections.insert(title.to_lowercase().replace(' ', "-"), text);
    }
    for info in rules().values() {
        let text = sections.get(section(info));
        let text =
            text.unwrap_or_else(|| panic!("docs/runbooks.md: no section for `{}`", info.name));
        for needed in [
            format!("**{}**", info.name),
            "First checks:".to_owned(),
            "```yaml".to_owned(),
        ] {
            assert!(
                text.contains(&needed),
                "docs/runbooks.md, {}: no {needed}",
                section(info)
            );
        }
    }
}

#[test]
fn examples_of_exceptions_load() {
    let runbooks = read("runbooks.md");
    let block = Regex::new(r"(?s)```yaml exceptions\n(.*?)```").expect("a pattern of this file");
    let examples: Vec<&str> = block
        .captures_iter(&runbooks)
        .map(|found| found.get(1).expect("the group").as_str())
        .collect();
    assert!(examples.len() > 40, "{} examples", examples.len());
    let mut sources = bundled::rules();
    sources.push(Source {
        name: "docs/runbooks.md".to_owned(),
        text: examples.join("\n"),
    });
    let loaded = load::load(sources, &Schema::syscall(), &casetest::load_options());
    let drawn: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|one| render::draw(one, &loaded.sources, false))
        .collect();
    assert!(drawn.is_empty(), "{}", drawn.join("\n"));
}
