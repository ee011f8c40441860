//! The canary on the real kernel: noticed and told by its metrics alone, and missed when its rule is gone.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::agent::Agent;
use crate::support::exposition::Exposition;
use crate::support::wait::wait_until;

const RULE: &str = "Saker canary";

/// A metric without labels.
fn value(scrape: &Exposition, name: &str) -> f64 {
    let value = scrape.sum(name, &[]);
    value.unwrap_or_else(|| panic!("no series {name}"))
}

/// Waits until the last of at least so many canaries more was noticed, or missed.
fn wait_for_run(agent: &Agent, more: f64, detected: f64) {
    let before = value(&agent.scrape(), "saker_canary_runs_total");
    wait_until("a canary has run", || {
        let scrape = agent.scrape();
        value(&scrape, "saker_canary_runs_total") >= before + more
            && value(&scrape, "saker_canary_detected") == detected
    });
}

fn is_canary(line: &Value) -> bool {
    line["rule"] == RULE
}

#[test]
fn canaries_are_noticed_and_leave_no_other_trace() {
    let mut agent = Agent::start_configured(&json!({ "canary_interval_seconds": 1 }));
    wait_for_run(&agent, 2.0, 1.0);
    let latency = value(&agent.scrape(), "saker_canary_latency_seconds");
    assert!(latency > 0.0 && latency < 5.0, "{latency}");

    // What others do there is nobody's canary, and no match.
    let nothing = Command::new("/saker-canary/somebody").spawn();
    nothing.expect_err("it is not there");
    fs::read_to_string("/etc/shadow").expect("this is root");
    let shadow = |line: &Value| line["rule"] == "Read sensitive file untrusted";
    agent.wait_for_match("what came after it", shadow);
    wait_for_run(&agent, 1.0, 1.0);
    assert_eq!(agent.count_matches(is_canary), 0);
    assert_eq!(agent.matches_of(RULE), 0.0);
}

#[test]
fn canaries_are_missed_while_their_rule_is_gone() {
    let folder = TempDir::with_prefix("saker-canary-").expect("a scratch folder");
    let file = folder.path().join("rules.yaml");
    let rules = |prefix: &str| {
        let rule = json!([{
            "rule": RULE, "desc": "d", "priority": "DEBUG", "output": "%evt.arg.filename",
            "condition": format!("evt.type in (execve, execveat) and evt.arg.filename startswith {prefix}"),
        }]);
        fs::write(&file, rule.to_string()).expect("the scratch folder is writable");
    };
    rules("/saker-canary/");
    let agent = Agent::start_configured(&json!({
        "canary_interval_seconds": 1, "runtimes": [], "rules": [&file],
    }));
    wait_for_run(&agent, 1.0, 1.0);
    rules("/elsewhere/");
    agent.hang_up();
    wait_for_run(&agent, 1.0, 0.0);
    assert!(
        agent.log().contains("did not notice its own canary"),
        "{}",
        agent.log()
    );
    rules("/saker-canary/");
    agent.hang_up();
    wait_for_run(&agent, 1.0, 1.0);
}

#[test]
fn without_an_interval_there_is_no_canary() {
    let agent = Agent::start(&[]);
    assert_eq!(agent.scrape().sum("saker_canary_detected", &[]), None);
}
