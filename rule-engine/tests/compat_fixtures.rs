//! Falco's stable rule file against events of ours: each rule matches one and misses a near one.
//!
//! The file is not part of this repository: SAKER_COMPAT_RULES names the directory that holds it. Without it nothing can
//! run, and that is said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rule_engine::casetest::{self, Suite};
use rule_engine::load;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

#[test]
fn every_stable_rule_matches_its_event_and_misses_a_near_one() {
    let Some(directory) = std::env::var_os("SAKER_COMPAT_RULES").map(PathBuf::from) else {
        eprintln!("NOT RUN: SAKER_COMPAT_RULES does not name the directory of Falco's rule files");
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
