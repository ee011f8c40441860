//! Falco's own rule files load unmodified.
//!
//! They are not part of this project: `SAKER_COMPAT_RULES` names a folder that holds them. Without it this test says that it
//! did not run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rule_engine::diagnostic::Severity;
use rule_engine::load::{LoadOptions, load, read_paths};
use rule_engine::render;
use rule_engine::schema::Schema;

/// Warnings that these files deserve: macros and lists kept for users to fill or to use.
const EXPECTED: [&str; 2] = ["LOAD_UNUSED_MACRO", "LOAD_UNUSED_LIST"];

fn check(paths: &[PathBuf]) {
    let (sources, errors) = read_paths(paths);
    assert!(errors.is_empty(), "{errors:?}");
    let loaded = load(sources, &Schema::syscall(), &LoadOptions::default());
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unexpected = String::new();
    for diagnostic in &loaded.diagnostics {
        let code = diagnostic.code.as_str();
        *codes.entry(code).or_default() += 1;
        if diagnostic.severity == Severity::Error || !EXPECTED.contains(&code) {
            unexpected += &render::draw(diagnostic, &loaded.sources, false);
            unexpected.push('\n');
        }
    }
    eprintln!(
        "{paths:?}: {} rules, {codes:?}",
        loaded.rule_infos(&Schema::syscall()).len()
    );
    assert!(unexpected.is_empty(), "{paths:?}\n{unexpected}");
    assert!(loaded.rules.is_some());
}

#[test]
fn upstream_files_load_alone_and_together() {
    let Some(files) = testing::falco_files() else {
        return;
    };
    for file in &files {
        check(std::slice::from_ref(file));
    }
    check(&files);
}
