//! Every query of the shipped dashboards, asked of a real Prometheus that scrapes the real agent.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::agent::Agent;
use crate::support::alertmanager::Alertmanager;
use crate::support::docker::Docker;
use crate::support::prometheus::Prometheus;
use crate::support::shipped;
use crate::support::wait::wait_until;

/// What may be empty on a healthy machine, by a part of the query that says why.
const EMPTY_WHEN_HEALTHY: [&str; 3] = [
    // No series reached its budget, no agent is degraded.
    r#"overflow="true""#,
    // Only a match of a rule of high priority gives these.
    r#"priority=~"Emergency|Alert|Critical""#,
    // Annotations are events: reloads and starts.
    "changes(",
];

/// As Grafana does before it asks.
fn filled(expression: &str) -> String {
    let mut filled = expression
        .replace("$__rate_interval", "1m")
        .replace("$__range", "5m");
    for variable in [
        "cluster",
        "job",
        "instance",
        "rule",
        "priority",
        "namespace",
        "pod",
        "container",
    ] {
        filled = filled.replace(&format!("${variable}"), ".*");
    }
    filled
}

/// Each query with the panel it belongs to.
fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for entry in fs::read_dir(shipped("grafana")).expect("grafana/") {
        let path = entry.expect("entry").path();
        let text = fs::read_to_string(&path).expect("readable");
        let dashboard: Value = serde_json::from_str(&text).expect("JSON");
        let name = |title: &Value| format!("{}, {title}", dashboard["title"]);
        for panel in dashboard["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().expect("expression");
                queries.push((name(&panel["title"]), expression.to_owned()));
            }
        }
        for annotation in dashboard["annotations"]["list"].as_array().expect("a list") {
            let expression = annotation["expr"].as_str().expect("expression");
            queries.push((name(&annotation["name"]), expression.to_owned()));
        }
        for variable in dashboard["templating"]["list"].as_array().expect("a list") {
            let definition = variable["definition"].as_str().unwrap_or_default();
            if let Some(values) = definition.strip_prefix("label_values(") {
                let (series, label) = values.rsplit_once(", ").expect("a label");
                let label = label.trim_end_matches(')');
                queries.push((
                    name(&variable["name"]),
                    format!("count by ({label}) ({series})"),
                ));
            }
        }
    }
    queries
}

#[test]
fn every_query_finds_what_it_asks_for() {
    let docker = Docker::start();
    let mut agent = Agent::start_bundled(&[docker.runtime()]);
    let alertmanager = Alertmanager::start();
    let prometheus = Prometheus::start_alerting(agent.addr(), alertmanager.addr());
    let id = docker.start_container(&["--name", "shop"], &["/bin/sleep", "1000"]);
    // Rates need a rise between two scrapes, so it happens until every query has seen one.
    let mut missing = Vec::new();
    wait_until("every query has found something", || {
        docker.run(&["exec", &id, "/bin/sh", "-c", "cat /etc/shadow"]);
        let read = Command::new("cat").arg("/etc/shadow").output();
        assert!(read.is_ok_and(|output| output.status.success()));
        missing.clear();
        for (panel, expression) in queries() {
            let filled = filled(&expression);
            assert!(!filled.contains('$'), "{panel}: {filled}");
            let series = prometheus
                .series(&filled)
                .unwrap_or_else(|error| panic!("{panel}: {filled}\n{error}"));
            let may_be_empty = EMPTY_WHEN_HEALTHY
                .iter()
                .any(|part| expression.contains(part));
            if series.is_empty() && !may_be_empty {
                missing.push(format!("{panel}: {filled}"));
            }
        }
        println!("without data: {missing:#?}");
        missing.is_empty()
    });
    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
}
