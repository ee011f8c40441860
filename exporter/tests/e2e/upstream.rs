//! Falco's rules, unmodified: the real action fires the rule, one that comes close does not.
//!
//! The rule files are not part of this project: `SAKER_COMPAT_RULES` names a folder that holds them. Without it this test says
//! that it did not run. `UPDATE=1` writes docs/coverage-falco.md anew.

mod incubating;
mod sandbox;
mod stable;
mod stage;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use self::stage::{NAMESPACE, Stage};
use crate::support::agent::{Agent, field};
use crate::support::wait::wait_until;

/// Where an action takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// On the host.
    Host,
    /// On the host, on a terminal.
    Terminal,
    /// A program of the host's, in the cgroup of a Docker container.
    Container,
    /// A program of the host's, in the cgroup of a pod's container.
    Pod,
    /// In a shell inside a Docker container.
    Inside,
    /// The same, on a terminal.
    InsideOnTerminal,
    /// Inside a Docker container, without a shell.
    InsideAlone,
    /// In a shell inside a privileged Docker container.
    Privileged,
    /// A Docker container is started for it; the action is the options.
    Run,
}

/// One rule.
#[derive(Debug)]
struct Case {
    rule: &'static str,
    /// What is done, in words.
    action: &'static str,
    place: Place,
    fire: &'static str,
    near: &'static str,
    /// Where the near miss takes place, if elsewhere.
    near_place: Option<Place>,
}

const fn case(
    rule: &'static str,
    action: &'static str,
    place: Place,
    fire: &'static str,
    near: &'static str,
) -> Case {
    Case {
        rule,
        action,
        place,
        fire,
        near,
        near_place: None,
    }
}

/// A case whose near miss takes place elsewhere.
const fn elsewhere(near_place: Place, case: Case) -> Case {
    Case {
        near_place: Some(near_place),
        ..case
    }
}

/// A file of rules.
struct Maturity {
    title: &'static str,
    file: &'static str,
    cases: &'static [Case],
}

const FILES: [Maturity; 3] = [
    Maturity {
        title: "Stable",
        file: "falco_rules.yaml",
        cases: stable::CASES,
    },
    Maturity {
        title: "Incubating",
        file: "falco-incubating_rules.yaml",
        cases: incubating::CASES,
    },
    Maturity {
        title: "Sandbox",
        file: "falco-sandbox_rules.yaml",
        cases: sandbox::CASES,
    },
];

/// Two rules are made for their users to name what they are about: this does.
const OVERRIDES: &str = "
- list: namespace_scope_network_only_subnet
  items: [NAMESPACE]
  override: {items: replace}
- macro: allowed_containers
  condition: (container.name startswith allowed)
  override: {condition: replace}
";

/// Where two rules' names lead to: `$outside` of the actions.
const HOSTS: &str = "127.0.0.1 localhost
198.51.100.7 kubernetes.default.svc.cluster.local pool.supportxmr.com
";

/// What every output gets, to tell by.
const SHOWN: [&str; 3] = ["proc.cmdline", "proc.pcmdline", "proc.acmdline[2]"];

/// Actions that are under way at a time; most of them wait for programs that they start.
const WORKERS: usize = 3;

/// Whether a line is this rule's, about what carries the marker.
fn is_of(rule: &str, marker: &str) -> impl Fn(&Value) -> bool {
    move |line| {
        let says = |name: &&str| {
            field(line, name)
                .as_str()
                .is_some_and(|text| text.contains(marker))
        };
        line["rule"] == rule && SHOWN.iter().any(says)
    }
}

fn fire_marker(number: usize) -> String {
    format!("fire-{number}-x")
}

fn near_marker(number: usize) -> String {
    format!("near-{number}-x")
}

/// Does all actions; the agent has seen all of them when this returns.
fn act(cases: &[&Case], stage: &Stage, agent: &mut Agent) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(number) else {
                        break;
                    };
                    let near_place = case.near_place.unwrap_or(case.place);
                    stage.act(case.near, near_place, &near_marker(number));
                    stage.act(case.fire, case.place, &fire_marker(number));
                }
            });
        }
    });
    settle(stage, agent, "last-x");
    // On a busy machine an engine may answer too late for a rule that asks it, as its documentation says: once more, then.
    for round in 0..3 {
        let silent = (0..cases.len()).filter(|number| {
            let marker = fire_marker(*number);
            agent.count_matches(is_of(cases[*number].rule, &marker)) == 0
        });
        let silent: Vec<_> = silent.collect();
        for number in &silent {
            let case = cases[*number];
            let marker = format!("{}again-{round}-x", fire_marker(*number));
            stage.act(case.fire, case.place, &marker);
        }
        if silent.is_empty() {
            break;
        }
        settle(stage, agent, &format!("last-{round}-x"));
    }
}

/// Waits until the agent has judged all that was done so far.
fn settle(stage: &Stage, agent: &mut Agent, marker: &str) {
    stage.act("/bin/cat /etc/shadow; true", Place::Inside, marker);
    agent.wait_for_match(
        "the last action",
        is_of("Read sensitive file untrusted", marker),
    );
    wait_until("no event waits for what an engine knows", || {
        let parked = agent
            .scrape()
            .sum("saker_table_entries", &[("table", "parked_events")]);
        parked == Some(0.0)
    });
}

#[test]
fn every_rule_that_can_be_provoked_fires_and_its_near_miss_does_not() {
    let Some(folder) = testing::falco_rules() else {
        return;
    };
    let stage = Stage::new();
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let overrides = scratch.path().join("overrides.yaml");
    let mut text = OVERRIDES.replace("NAMESPACE", NAMESPACE);
    for name in FILES
        .iter()
        .flat_map(|rules| names(&folder.join(rules.file)))
    {
        let shown: String = SHOWN.map(|field| format!(" %{field}")).concat();
        text.push_str(&format!(
            "- rule: {name}\n  output: \"{shown}\"\n  override: {{output: append}}\n"
        ));
    }
    fs::write(&overrides, text).expect("written");
    let mut rules: Vec<_> = FILES.iter().map(|rules| folder.join(rules.file)).collect();
    rules.push(overrides);
    let config = json!({
        "runtimes": stage.runtimes(),
        "rules": rules,
        // Some are off unless their users want them.
        "rule_selection": [{ "enable": { "rule": "*" } }],
        "ring_bytes": 64 << 20,
    });
    let mut agent = Agent::start_knowing(HOSTS, &config);
    wait_until("the names lead somewhere", || {
        let resolved = [("outcome", "resolved")];
        agent.scrape().sum("saker_domain_lookups_total", &resolved) >= Some(2.0)
    });
    let cases: Vec<_> = FILES.iter().flat_map(|rules| rules.cases).collect();
    act(&cases, &stage, &mut agent);
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        if agent.count_matches(is_of(case.rule, &fire_marker(number))) == 0 {
            let others = agent.matches(|line| line["rule"] == case.rule);
            let others: Vec<_> = others.iter().map(|line| &line["output"]).collect();
            wrong.push(format!("{} did not fire, but for {others:?}", case.rule));
        }
        for missed in agent.matches(is_of(case.rule, &near_marker(number))) {
            wrong.push(format!("{} fired for what came close: {missed}", case.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    write_coverage(&folder);
}

/// The names of the rules in a file, in its order.
fn names(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("the rule file");
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("- rule: "));
    names.map(|name| name.trim().to_owned()).collect()
}

/// Brings docs/coverage-falco.md up to the run, or compares.
fn write_coverage(folder: &Path) {
    let mut page = String::from(
        "# What is proven of Falco's rules\n\nFalco's rules, unmodified, on a real kernel with real containers: the action that a rule is about was \
         done and the rule fired, and one that\ncomes close was done and it did not. The test run writes these tables \
         (`exporter/tests/e2e/upstream.rs`, `UPDATE=1`).\n",
    );
    let (mut tables, mut all) = (String::new(), 0);
    for rules in &FILES {
        let names = names(&folder.join(rules.file));
        let proven: HashMap<_, _> = rules
            .cases
            .iter()
            .map(|case| (case.rule, case.action))
            .collect();
        assert_eq!(names.len(), proven.len(), "of each rule one case");
        all += names.len();
        tables.push_str(&format!(
            "\n## {}\n\n{} of {} rules.\n\n| rule | action |\n|---|---|\n",
            rules.title,
            proven.len(),
            names.len()
        ));
        for name in &names {
            let action = proven.get(name.as_str());
            let action = action.unwrap_or_else(|| panic!("{name:?} has no case"));
            tables.push_str(&format!("| {name} | {action} |\n"));
        }
    }
    page.push_str(&format!("\n{all} of {all} rules.\n{tables}"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/coverage-falco.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &page).expect("the folder is there");
    }
    assert_eq!(
        fs::read_to_string(&file).unwrap_or_default(),
        page,
        "UPDATE=1 writes it anew"
    );
}
