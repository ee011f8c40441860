//! Rules that change under a running agent.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::agent::Agent;
use crate::support::wait::wait_until;

/// A rules file with one rule of this name, and what more is given.
fn write_rules(path: &Path, name: &str, more: &str) {
    let text = format!(
        "- rule: {name}\n  desc: d\n  condition: evt.type = execve and proc.name = no-such-program\n  output: o\n  priority: NOTICE\n{more}"
    );
    // As an editor does it: another file takes the name.
    let new = path.with_extension("new");
    fs::write(&new, text).expect("the scratch folder is writable");
    fs::rename(&new, path).expect("renamed");
}

#[test]
fn good_rules_replace_the_old_ones_and_bad_ones_do_not() {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("rules.yaml");
    write_rules(&path, "First", "");
    let mut agent = Agent::start(&["-r", path.to_str().expect("a UTF-8 path")]);
    let successful = |agent: &Agent| {
        agent
            .scrape()
            .sum("saker_rules_last_reload_successful", &[])
    };
    let has_rule = |agent: &Agent, name: &str| {
        agent
            .scrape()
            .sum("saker_rule_matches_total", &[("rule", name)])
            .is_some()
    };
    assert_eq!(successful(&agent), Some(1.0));
    assert!(has_rule(&agent, "First") && !has_rule(&agent, "Second"));

    write_rules(&path, "Second", "- rule: Third\n  condition: and\n");
    wait_until("the bad rules are refused", || {
        successful(&agent) == Some(0.0)
    });
    assert!(has_rule(&agent, "First") && !has_rule(&agent, "Second"));

    write_rules(&path, "Second", "");
    wait_until("the good rules are taken", || {
        successful(&agent) == Some(1.0)
    });
    assert!(has_rule(&agent, "Second"));

    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
    assert!(
        log.contains("rules.yaml:6:3"),
        "the log has the place of the error: {log}"
    );
}
