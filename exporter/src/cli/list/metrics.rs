//! `saker list metrics`: what the agent shows on `/metrics`.
//!
//! In: the metrics as the rooms declare them. Out: text for people, JSON, or the page of documentation.

use std::io::{self, Write};

use rule_engine::schema::Schema;
use serde_json::{Value, json};

use crate::app;
use crate::config::{Layer, Settings};
use crate::metrics::Description;

/// What the page says before and after the table.
const INTRODUCTION: &str = include_str!("metrics.md");
/// Stands in it where the table comes.
const TABLE: &str = "TABLE\n";

/// Settings of an agent that does all it can, so that it counts all it can. Nothing is connected for a list.
const EVERYTHING: &str = concat!(
    "canary_interval_seconds: 60\n",
    "otlp: {endpoint: 'http://127.0.0.1:4317', logs: true, metrics: true}\n",
    "kubernetes: {node: node}\n",
);

/// The metrics, in the order of their names.
fn descriptions(schema: &Schema) -> Vec<Description> {
    let mut text = EVERYTHING;
    if cfg!(not(feature = "kube")) {
        text = text
            .split_once("kubernetes:")
            .map_or(text, |(rest, _)| rest);
    }
    let layer = Layer::parse(text).ok();
    let settings = layer.and_then(|layer| Settings::from_layers([layer]).ok());
    let registry = app::metrics(&settings.unwrap_or_default(), schema);
    let mut descriptions = registry.descriptions().to_vec();
    descriptions.sort_by_key(|metric| metric.name);
    descriptions
}

/// A line for each.
pub(super) fn text(schema: &Schema, out: &mut dyn Write) -> io::Result<()> {
    let descriptions = descriptions(schema);
    let names = descriptions.iter().map(|metric| metric.name.len());
    let width = names.max().unwrap_or(0);
    for metric in &descriptions {
        let (name, kind, help) = (metric.name, metric.kind.as_str(), metric.help);
        let labels = match metric.labels.as_slice() {
            [] => String::new(),
            labels => format!(" [{}]", labels.join(", ")),
        };
        writeln!(out, "{name:width$}  {kind:9}  {help}{labels}")?;
    }
    Ok(())
}

/// An object for each.
pub(super) fn json(schema: &Schema) -> Vec<Value> {
    let describe = |metric: Description| {
        json!({
            "name": metric.name,
            "type": metric.kind.as_str(),
            "labels": metric.labels,
            "unit": metric.unit(),
            "help": metric.help,
        })
    };
    descriptions(schema).into_iter().map(describe).collect()
}

/// `docs/metrics.md`.
pub(super) fn page(schema: &Schema, out: &mut dyn Write) -> io::Result<()> {
    let (before, after) = INTRODUCTION.split_once(TABLE).unwrap_or((INTRODUCTION, ""));
    write!(
        out,
        "{before}| metric | type | labels | meaning |\n|---|---|---|---|\n"
    )?;
    for metric in descriptions(schema) {
        let labels = metric.labels.iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        writeln!(
            out,
            "| `{}` | {} | {labels} | {} |",
            metric.name,
            metric.kind.as_str(),
            metric.help
        )?;
    }
    write!(out, "{after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::classic_text;

    #[test]
    fn every_table_is_told_of() {
        let registry = app::metrics(&Settings::default(), &Schema::syscall());
        let text = classic_text(&registry);
        let start = "saker_table_capacity{table=\"";
        let tables = text.lines().filter_map(|line| line.strip_prefix(start));
        let tables: Vec<_> = tables.filter_map(|rest| rest.split('"').next()).collect();
        assert!(tables.len() > 5, "{text}");
        for table in tables {
            assert!(
                INTRODUCTION.contains(&format!("`{table}`")),
                "the page of metrics says nothing of the table {table}"
            );
        }
    }
}
