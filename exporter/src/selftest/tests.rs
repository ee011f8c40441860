//! Every bundled rule has its place, and what a report says is what came of a test.

use std::collections::BTreeSet;

use rule_engine::casetest;
use rule_engine::load;
use rule_engine::schema::Schema;
use serde_json::json;

use super::*;
use crate::bundled;

#[test]
fn every_bundled_rule_is_provoked_or_says_why_not_once() {
    let schema = Schema::syscall();
    let loaded = load::load(bundled::rules(), &schema, &casetest::load_options());
    let set = loaded.rules.expect("the bundled rules load");
    let bundled: BTreeSet<&str> = set.rules().iter().map(|rule| rule.name.as_str()).collect();
    let named: Vec<&str> = actions::all()
        .map(|action| action.rule)
        .chain(actions::UNPROVOKED.iter().map(|(rule, _)| *rule))
        .collect();
    let once: BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(once.len(), named.len(), "some rule is named twice");
    assert_eq!(once, bundled);

    // Matches are told by the command line of the process or of its parent.
    for rule in set.rules() {
        let mut keys = rule.output.fields().iter().map(|field| field.key.as_str());
        assert!(
            keys.any(|key| key == "proc.pcmdline"),
            "`{}` does not show %proc.pcmdline",
            rule.name
        );
    }
}

#[test]
fn matches_are_told_by_the_command_line_of_the_process_or_its_parent() {
    for (own, parent, act) in [
        (
            "sh",
            "runc selftest --act 7 --marker id0-7 --on-stage",
            Some(7),
        ),
        ("saker selftest --marker id0-12", "init", Some(12)),
        ("sh id0", "saker selftest --marker id1-7", None),
        ("sh", "sh --marker id0-x", None),
    ] {
        let fields = json!({"proc.cmdline": own, "proc.pcmdline": parent});
        let line = json!({"rule": "r", "output_fields": fields});
        assert_eq!(act_of("id0", &line), act, "{own} | {parent}");
    }
}

#[test]
fn a_test_passes_when_something_was_done_and_nothing_missed() {
    let skipped = || Outcome::Skipped {
        reason: "no".to_owned(),
    };
    let detected = || Outcome::Detected {
        latency_seconds: 0.002,
    };
    for (outcomes, passed) in [
        (vec![detected(), skipped()], true),
        (vec![detected(), Outcome::Missed], false),
        (vec![skipped()], false),
        (vec![], false),
    ] {
        let lines = outcomes.into_iter().map(|outcome| Line {
            rule: "r".to_owned(),
            outcome,
            action: Some("does"),
        });
        let report = Report::new(lines.collect());
        assert_eq!(report.passed(), passed, "{report}");
    }
}
