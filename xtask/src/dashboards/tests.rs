//! The rules that Grafana's own linter has, and that what is committed is what is described.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{all, text};

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    let panels = dashboard["panels"].as_array().expect("panels");
    panels.iter().filter(|panel| panel["type"] != "row")
}

fn expressions(dashboard: &Value) -> Vec<String> {
    let targets = panels(dashboard).flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let annotations = dashboard["annotations"]["list"]
        .as_array()
        .expect("annotations");
    targets
        .chain(annotations)
        .map(|query| query["expr"].as_str().expect("expression").to_owned())
        .collect()
}

#[test]
fn what_is_committed_is_what_is_described() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../grafana");
    let mut known = BTreeSet::new();
    for (name, dashboard) in all() {
        let committed = std::fs::read_to_string(root.join(name)).unwrap_or_default();
        assert!(
            committed == text(&dashboard),
            "grafana/{name} is not what xtask describes; run: cargo run -p xtask -- dashboards"
        );
        known.insert(name.to_owned());
    }
    let found: BTreeSet<String> = std::fs::read_dir(&root)
        .expect("grafana/")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("name")
        })
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert_eq!(found, known);
}

#[test]
fn every_query_names_its_agents_and_every_counter_is_a_rate() {
    for (name, dashboard) in all() {
        for expression in expressions(&dashboard.to_json()) {
            assert!(
                expression.contains(r#"job=~"$job", instance=~"$instance""#),
                "{name}: {expression}"
            );
            let counters =
                expression.matches("_total{").count() + expression.matches("_bucket{").count();
            let rates =
                expression.matches("rate(").count() + expression.matches("increase(").count();
            let since_start = expression.starts_with("sum(saker_rule_matches_total");
            assert!(
                counters == rates || since_start,
                "{name}: a counter without rate or increase: {expression}"
            );
        }
    }
}

#[test]
fn panels_say_what_they_show_and_do_not_overlap() {
    let mut uids = BTreeSet::new();
    for (name, dashboard) in all() {
        let json = dashboard.to_json();
        assert!(uids.insert(json["uid"].to_string()), "{name}: uid");
        let mut ids = BTreeSet::new();
        let mut cells = BTreeSet::new();
        for panel in json["panels"].as_array().expect("panels") {
            assert!(ids.insert(panel["id"].as_u64()), "{name}: {}", panel["id"]);
            let at = |key: &str| panel["gridPos"][key].as_u64().expect("position");
            assert!(at("x") + at("w") <= 24, "{name}: {}", panel["title"]);
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(cells.insert((x, y)), "{name}: {} overlaps", panel["title"]);
                }
            }
        }
        for panel in panels(&json) {
            let title = panel["title"].as_str().expect("title");
            assert!(!title.is_empty());
            assert!(
                panel["description"]
                    .as_str()
                    .is_some_and(|text| text.ends_with('.')),
                "{name}: {title}"
            );
            assert_eq!(
                panel["datasource"]["uid"], "${datasource}",
                "{name}: {title}"
            );
            assert_ne!(
                panel["fieldConfig"]["defaults"]["unit"], "",
                "{name}: {title}"
            );
        }
    }
}

#[test]
fn links_lead_to_dashboards_and_variables_that_exist() {
    let json: Vec<Value> = all().iter().map(|(_, one)| one.to_json()).collect();
    for dashboard in &json {
        for panel in panels(dashboard) {
            let links = panel["fieldConfig"]["defaults"]["links"].as_array();
            for link in links.expect("links") {
                let url = link["url"].as_str().expect("url");
                let target = json.iter().find(|target| {
                    let uid = target["uid"].as_str().expect("uid");
                    url.starts_with(&format!("/d/{uid}?"))
                });
                let target = target.unwrap_or_else(|| panic!("{url} leads nowhere"));
                for part in url.split("&var-").skip(1) {
                    let (variable, label) = part.split_once('=').expect("value");
                    let known = target["templating"]["list"].as_array().expect("variables");
                    assert!(known.iter().any(|one| one["name"] == variable), "{url}");
                    let label = label.trim_end_matches('}').rsplit('.').next();
                    let query = panel["targets"][0]["expr"].as_str().expect("query");
                    assert!(query.contains(label.expect("label")), "{url}: {query}");
                }
            }
        }
    }
}
