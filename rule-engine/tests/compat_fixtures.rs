//! Falco's rule files against events of ours: each rule of the stable file matches one and misses a near one, and over every
//! fixture the compiled rules of all files agree with the plain evaluator.
//!
//! The file is not part of this repository: SAKER_COMPAT_RULES names the directory that holds it. Without it nothing can
//! run, and that is said.

use std::collections::BTreeSet;
use std::path::Path;

use bumpalo::Bump;
use rule_engine::casetest::{self, Suite};
use rule_engine::eval::Evaluator;
use rule_engine::load;
use rule_engine::reference::Plain;
use rule_engine::sample::{self, MapEvent};
use rule_engine::schema::Schema;
use rule_engine::source::Source;

#[test]
fn every_stable_rule_matches_its_event_and_misses_a_near_one() {
    let Some(directory) = testing::falco_rules() else {
        return;
    };
    let schema = Schema::syscall();
    let (sources, unread) = load::read_paths(&[directory.join("falco_rules.yaml")]);
    assert!(unread.is_empty(), "{unread:?}");
    let loaded = load::load(sources, &schema, &casetest::load_options());
    let rules = loaded
        .rules
        .as_ref()
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));

    let name = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/compat/stable.test.yaml");
    let text = std::fs::read_to_string(&name).expect("the cases are part of the crate");
    let source = Source {
        name: "stable.test.yaml".to_owned(),
        text,
    };
    let suite = Suite::read(source, &schema)
        .unwrap_or_else(|report| panic!("{}", casetest::text(&[report], false)));
    let report = suite.run(rules, &schema);
    assert!(report.passed(), "{}", casetest::text(&[report], false));

    let all: BTreeSet<_> = rules
        .rules()
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(
        all.difference(&suite.tested_rules()).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "rules without an event"
    );
    assert_eq!(
        all.difference(&suite.missed_rules()).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "rules without a near miss"
    );
}

#[test]
fn the_engine_agrees_with_the_plain_evaluator_over_every_fixture() {
    let Some(directory) = testing::falco_rules() else {
        return;
    };
    let schema = Schema::syscall();
    let (sources, unread) = load::read_paths(&[directory]);
    assert!(unread.is_empty(), "{unread:?}");
    let loaded = load::load(sources, &schema, &casetest::load_options());
    let rules = loaded
        .rules
        .as_ref()
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let mut evaluator = Evaluator::new(rules);
    let mut matches = 0;
    for base in sample::fixtures() {
        for place in ["", "_in_container", "_in_pod"] {
            let name = format!("{}{place}", base.name);
            let event = MapEvent::from_fixture(&schema, &name).expect("the fixture exists");
            let mut found = BTreeSet::new();
            evaluator.evaluate(rules, &event, |one| {
                found.insert(one.rule.name.clone());
            });
            let arena = Bump::new();
            let plain = Plain {
                schema: &schema,
                event: &event,
                arena: &arena,
            };
            let holding = rules
                .rules()
                .iter()
                .filter(|rule| plain.holds(&rule.condition.root));
            let expected: BTreeSet<_> = holding.map(|rule| rule.name.clone()).collect();
            assert_eq!(found, expected, "{name}");
            matches += found.len();
        }
    }
    assert!(
        matches > 10,
        "fixtures match {matches} rules: too few to show anything"
    );
}
