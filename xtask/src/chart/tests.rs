//! The chart: what it carries is what is elsewhere, and what Helm makes of it is what a cluster takes.

mod engine;
mod refused;
mod rendered;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{made, values};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_chart_carries_the_very_files_and_its_table_is_that_of_its_values() {
    let made = made(&root()).expect("files");
    for (path, text) in &made {
        let committed = fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == *text,
            "{} is out of date; run: cargo run -p xtask -- chart",
            path.display()
        );
    }
    let expected: BTreeSet<&Path> = made.iter().map(|(path, _)| path.as_path()).collect();
    for folder in ["alerts", "grafana"] {
        let folder = root().join("charts/saker/files").join(folder);
        for entry in fs::read_dir(folder).expect("a folder of the chart") {
            let path = entry.expect("an entry").path();
            assert!(
                expected.contains(path.as_path()),
                "{} comes from nowhere",
                path.display()
            );
        }
    }
}

/// The paths of what the schema says, down to where it leaves off or allows any key.
fn described(schema: &Value, above: &str, found: &mut BTreeSet<String>) {
    let Some(properties) = schema["properties"].as_object() else {
        found.insert(above.to_owned());
        return;
    };
    for (key, below) in properties {
        let path = match above {
            "" => key.clone(),
            above => format!("{above}.{key}"),
        };
        described(below, &path, found);
    }
}

#[test]
fn schema_and_values_have_the_same_keys() {
    let schema: Value = serde_json::from_str(&read("charts/saker/values.schema.json")).unwrap();
    let mut in_schema = BTreeSet::new();
    described(&schema, "", &mut in_schema);
    // Helm itself adds it for charts above.
    in_schema.remove("global");
    let in_values = values::paths(&read("charts/saker/values.yaml")).unwrap();
    let is_covered = |path: &str| {
        let below = |other: &str| other.starts_with(path) && other[path.len()..].starts_with('.');
        in_values
            .iter()
            .any(|value| value == path || below(value) || path.starts_with(&format!("{value}.")))
    };
    for path in &in_schema {
        assert!(
            is_covered(path),
            "{path} of the schema is not in values.yaml"
        );
    }
    for value in &in_values {
        let known = in_schema
            .iter()
            .any(|path| path == value || path.starts_with(&format!("{value}.")));
        assert!(known, "{value} of values.yaml is not in the schema");
    }
}

#[test]
fn chart_and_agent_have_one_version() {
    let chart = read("charts/saker/Chart.yaml");
    let version = env!("CARGO_PKG_VERSION");
    assert!(chart.contains(&format!("\nversion: {version}\n")));
    assert!(chart.contains(&format!("\nappVersion: \"{version}\"\n")));
}
