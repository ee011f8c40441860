//! What io_uring does is watched while a rule needs it, and costs nothing otherwise. (What is seen then is in `events`.)

use std::fs;

use serde_json::json;

use crate::support::agent::Agent;
use crate::support::wait::wait_until;

/// A rule about these events.
fn rule(events: &str) -> String {
    format!(
        "- rule: Any\n  desc: d\n  condition: evt.type in ({events}) and proc.name = nobody\n  output: x\n  priority: INFO\n"
    )
}

/// How many kernel programs an agent has attached.
fn attached(agent: &mut Agent) -> usize {
    let folder = format!("/proc/{}/fdinfo", agent.pid());
    let entries = fs::read_dir(folder).expect("it runs");
    let texts = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    texts.filter(|text| text.contains("link_type:")).count()
}

#[test]
fn requests_are_met_while_a_rule_needs_what_they_do() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let rules = folder.path().join("rules.yaml");
    fs::write(&rules, rule("execve, setuid, rename")).expect("the scratch folder is writable");
    let config = json!({ "rules": [rules], "runtimes": [] });
    let mut agent = Agent::start_configured(&config);
    let without = attached(&mut agent);
    assert!(without > 0);
    for (events, expected) in [("mkdirat", without + 2), ("mkdir", without)] {
        fs::write(&rules, rule(events)).expect("the scratch folder is writable");
        agent.hang_up();
        wait_until("the programs follow the rules", || {
            attached(&mut agent) == expected
        });
    }
}
