//! Examples in the documentation: what a page shows is taken by whom it is for, and no example is of a kind that nobody tries.
//!
//! Values of the chart and objects of the cluster are tried by the tests of `xtask`, tests of rules by those of `rule-engine`,
//! exceptions by `tests/rules`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exporter::config::web::WebConfig;
use exporter::config::{Layer, Settings};

use crate::support::{root, saker_in};

/// What examples in YAML may be: each kind is tried by a test.
const KINDS: [&str; 9] = [
    "config",
    "web",
    "rules",
    "exceptions",
    "test",
    "prometheus",
    "alert",
    "values",
    "object",
];

/// The pages with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(root().join("docs")).expect("docs/");
    let pages = entries.map(|entry| entry.expect("an entry").path());
    let others = ["README.md", "CONTRIBUTING.md", "charts/saker/README.md"];
    pages
        .chain(others.map(|page| root().join(page)))
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

/// The blocks of all pages that are marked so, each with its page.
fn all(mark: &str) -> Vec<(PathBuf, String)> {
    let found: Vec<_> = pages()
        .into_iter()
        .flat_map(|(path, page)| {
            blocks(&page, mark)
                .into_iter()
                .map(move |block| (path.clone(), block))
        })
        .collect();
    assert!(!found.is_empty(), "{mark}");
    found
}

/// `promtool` takes a file.
fn passes_promtool(what: &str, file: &Path) {
    let output = Command::new("promtool")
        .args(["check", what])
        .arg(file)
        .output()
        .expect("promtool is installed (Debian package prometheus)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn every_example_is_of_a_kind_that_is_tried() {
    for (path, page) in pages() {
        for line in page.lines() {
            if let Some(kind) = line.strip_prefix("```yaml") {
                let kind = kind.trim();
                assert!(KINDS.contains(&kind), "{}: `{line}`", path.display());
            }
        }
    }
}

#[test]
fn configurations_are_accepted() {
    for (path, block) in all("yaml config") {
        let mut layer =
            Layer::parse(&block).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        layer.node_name = Some("node-1".to_owned());
        let settings = Settings::from_layers([layer]);
        assert!(settings.is_ok(), "{}: {settings:?}", path.display());
    }
}

#[test]
fn web_configurations_are_accepted() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("web.yaml");
    for (path, block) in all("yaml web") {
        fs::write(&file, block).expect("writable");
        let read = WebConfig::read(&file);
        assert!(read.is_ok(), "{}: {:?}", path.display(), read.err());
    }
}

#[test]
fn rules_on_other_pages_are_accepted() {
    for (path, block) in all("yaml rules") {
        // What the tutorials show needs what they have shown before.
        if ["writing-rules.md", "testing-rules.md"]
            .map(Path::new)
            .iter()
            .any(|page| path.ends_with(page))
        {
            continue;
        }
        let folder = tempfile::tempdir().expect("a scratch folder");
        fs::write(folder.path().join("example.yaml"), block).expect("writable");
        let run = saker_in(folder.path(), &["check", "-r", "example.yaml"]);
        assert_eq!(run.code, 0, "{}: {}{}", path.display(), run.out, run.err);
    }
}

#[test]
fn prometheus_takes_what_is_for_it() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("example.yaml");
    for secret in ["ca.crt", "password"] {
        fs::write(folder.path().join(secret), "").expect("writable");
    }
    for (_, block) in all("yaml prometheus") {
        fs::write(&file, block).expect("writable");
        passes_promtool("config", &file);
    }
    for (_, block) in all("yaml alert") {
        let rules = block.replace('\n', "\n  ");
        fs::write(
            &file,
            format!("groups:\n- name: example\n  rules:\n  {rules}\n"),
        )
        .expect("writable");
        passes_promtool("rules", &file);
    }
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
