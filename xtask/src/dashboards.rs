//! The Grafana dashboards, described in few words and written out as the JSON that Grafana imports.
//!
//! In: the descriptions in the modules below. Out: one file for each dashboard, in the classic schema, which Grafana 10 to 13 read.
//! Sources: Grafana's dashboard JSON model, schema version 39; the rules of grafana/dashboard-linter.

mod health;
mod model;
mod overview;
mod rule;
mod workload;

#[cfg(test)]
mod tests;

use std::{fs, path::Path};

use anyhow::Context;
use model::Dashboard;

/// All of them, with the names of their files.
fn all() -> [(&'static str, Dashboard); 4] {
    [
        ("saker-overview.json", overview::dashboard()),
        ("saker-rule.json", rule::dashboard()),
        ("saker-workload.json", workload::dashboard()),
        ("saker-agent-health.json", health::dashboard()),
    ]
}

/// Writes every dashboard into the directory.
pub(crate) fn write(directory: &Path) -> anyhow::Result<()> {
    for (name, dashboard) in all() {
        let path = directory.join(name);
        fs::write(&path, text(&dashboard))
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

fn text(dashboard: &Dashboard) -> String {
    format!("{:#}\n", dashboard.to_json())
}
