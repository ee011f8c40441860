//! The examples of docs/testing-rules.md do what the page says. With `UPDATE=1` the table of fixtures is written anew.

use std::fs;
use std::path::{Path, PathBuf};

use rule_engine::casetest::{self, Suite};
use rule_engine::load::{self, Loaded};
use rule_engine::sample;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/testing-rules.md")
}

fn page() -> String {
    fs::read_to_string(path()).expect("the page is part of the project")
}

/// The blocks of the page that are marked so.
fn blocks(page: &str, mark: &str) -> Vec<String> {
    let fence = format!("```{mark}\n");
    let parts = page.split(fence.as_str()).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

fn rules(page: &str, schema: &Schema) -> Loaded {
    let source = |text: String| Source {
        name: "files.yaml".to_owned(),
        text,
    };
    let sources = blocks(page, "yaml rules").into_iter().map(source).collect();
    let loaded = load::load(sources, schema, &casetest::load_options());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    loaded
}

fn suite(text: String, schema: &Schema) -> Suite {
    let source = Source {
        name: "rules/tests/files.test.yaml".to_owned(),
        text,
    };
    Suite::read(source, schema)
        .unwrap_or_else(|report| panic!("{}", casetest::text(&[report], false)))
}

#[test]
fn every_example_passes() {
    let (page, schema) = (page(), Schema::syscall());
    let loaded = rules(&page, &schema);
    let rules = loaded.rules.expect("the rules have no error");
    let cases = blocks(&page, "yaml test").concat();
    let report = suite(cases, &schema).run(&rules, &schema);
    assert_eq!(report.outcomes.len(), 7);
    assert!(report.passed(), "{}", casetest::text(&[report], false));
}

#[test]
fn the_failure_on_the_page_is_what_one_sees() {
    let (page, schema) = (page(), Schema::syscall());
    let loaded = rules(&page, &schema);
    let rules = loaded.rules.expect("the rules have no error");
    let first = blocks(&page, "yaml test")
        .concat()
        .replacen("/etc/shadow", "/etc/passwd", 1);
    let text = casetest::text(&[suite(first, &schema).run(&rules, &schema)], false);
    let failure = text.split("\nok ").next().unwrap_or_default();
    assert!(
        blocks(&page, "text")
            .iter()
            .any(|block| block.trim_end() == failure),
        "the page lacks:\n{failure}"
    );
}

#[test]
fn the_table_of_fixtures_is_complete() {
    const HEAD: &str =
        "| fixture | event | what happens | set to begin with |\n|---|---|---|---|\n";
    let page = page();
    let (before, rest) = page.split_once(HEAD).expect("the page has the table");
    let (table, after) = rest.split_once("\n\n").expect("text follows the table");
    let mut rows: Vec<String> = Vec::new();
    for base in sample::fixtures() {
        let seeds = base.seeds().iter().map(|(field, value)| match *value {
            "" => format!("`{field}` empty"),
            value => format!("`{field}: {}`", value.replace('|', "\\|")),
        });
        let seeds = seeds.collect::<Vec<_>>().join(", ");
        rows.push(format!(
            "| `{}` | {} | {} | {seeds} |",
            base.name, base.event, base.doc
        ));
    }
    let rows = rows.join("\n");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path(), format!("{before}{HEAD}{rows}\n\n{after}"))
            .expect("the page can be written");
        return;
    }
    assert_eq!(table, rows, "run the test with UPDATE=1");
}
