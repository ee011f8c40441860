//! Examples in the documentation: what a page shows as configuration is accepted, and what it shows as rules and tests passes.
//!
//! Values of the chart on these pages are rendered by the tests of `xtask`.

use std::fs;
use std::path::PathBuf;

use exporter::config::{Layer, Settings};

use crate::support::{root, saker_in};

/// The pages with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(root().join("docs")).expect("docs/");
    let pages = entries.map(|entry| entry.expect("an entry").path());
    pages
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "md"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a page");
            (path, text)
        })
        .collect()
}

/// The blocks of a page that are marked so.
fn blocks(page: &str, mark: &str) -> Vec<String> {
    page.split(&format!("```{mark}\n"))
        .skip(1)
        .map(|part| part.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn configurations_are_accepted() {
    let mut seen = 0;
    for (path, page) in pages() {
        for block in blocks(&page, "yaml config") {
            let layer =
                Layer::parse(&block).map_err(|error| format!("{}: {error}", path.display()));
            let settings = Settings::from_layers([layer.unwrap()]);
            assert!(settings.is_ok(), "{}: {settings:?}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen}");
}

/// The parser names the keys that it knows when it meets another.
#[test]
fn the_page_of_the_configuration_has_every_key() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).expect("a page");
    let error = Layer::parse("no_such_key: 1")
        .expect_err("no key")
        .to_string();
    let first = error.lines().next().unwrap_or_default();
    let (_, known) = first.split_once("expected one of ").expect("the keys");
    let known: Vec<&str> = known.split(", ").collect();
    assert!(known.len() > 10, "{error}");
    let example = blocks(&page, "yaml config").concat();
    for key in known {
        let shown = example
            .lines()
            .any(|line| line.starts_with(&format!("{key}:")));
        assert!(shown || page.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn the_tutorial_s_rules_pass_their_tests() {
    let page = fs::read_to_string(root().join("docs/writing-rules.md")).expect("a page");
    let folder = tempfile::tempdir().expect("a scratch folder");
    let put = |name: &str, mark| {
        let blocks = blocks(&page, mark);
        assert!(!blocks.is_empty(), "{mark}");
        fs::write(folder.path().join(name), blocks.concat()).expect("writable");
    };
    put("acme.yaml", "yaml rules");
    put("acme.test.yaml", "yaml test");
    for args in [
        &["check", "-r", "acme.yaml"][..],
        &["test", "-r", "acme.yaml", "acme.test.yaml"],
    ] {
        let run = saker_in(folder.path(), args);
        assert_eq!(run.code, 0, "{args:?}: {}{}", run.out, run.err);
        assert!(!run.err.contains("error"), "{}", run.err);
    }
}
