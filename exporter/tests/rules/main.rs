//! The rules that the binary carries, against their tests: all pass, and every rule has a case that it matches and one that
//! it does not. And against their pages: see `pages`.

mod pages;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use exporter::bundled;
use rule_engine::casetest::{self, Suite};
use rule_engine::load;
use rule_engine::render;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

#[test]
fn bundled_rules_leave_the_kernel_something_to_decide() {
    let schema = Schema::syscall();
    let loaded = load::load(bundled::rules(), &schema, &casetest::load_options());
    let lints: Vec<_> = loaded
        .filter_lints(&schema)
        .iter()
        .map(|one| render::draw(one, &loaded.sources, false))
        .collect();
    assert!(lints.is_empty(), "{}", lints.join("\n"));
}

#[test]
fn bundled_rules_pass_their_tests_and_each_has_some() {
    let schema = Schema::syscall();
    let loaded = load::load(bundled::rules(), &schema, &casetest::load_options());
    let drawn: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|one| render::draw(one, &loaded.sources, false))
        .collect();
    assert!(drawn.is_empty(), "{}", drawn.join("\n"));
    let rules = loaded
        .rules
        .as_ref()
        .expect("rules without errors are compiled");

    let (mut matched, mut missed) = (BTreeSet::new(), BTreeSet::new());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/tests");
    for entry in fs::read_dir(folder).expect("the rules have tests") {
        let path = entry.expect("the folder can be read").path();
        let text = fs::read_to_string(&path).expect("a test file is text");
        let source = Source {
            name: path.display().to_string(),
            text,
        };
        let suite = Suite::read(source, &schema)
            .unwrap_or_else(|report| panic!("{}", casetest::text(&[report], false)));
        let report = suite.run(rules, &schema);
        assert!(report.passed(), "{}", casetest::text(&[report], false));
        matched.extend(suite.tested_rules().into_iter().map(str::to_owned));
        missed.extend(suite.missed_rules().into_iter().map(str::to_owned));
    }
    for rule in rules.rules() {
        assert!(
            matched.contains(&rule.name),
            "no case expects rule `{}` to match",
            rule.name
        );
        assert!(
            missed.contains(&rule.name),
            "no case expects rule `{}` not to match",
            rule.name
        );
    }
}
