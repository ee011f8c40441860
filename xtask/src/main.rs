//! Makes what is shipped from what describes it: `cargo run -p xtask -- dashboards` writes `grafana/*.json`,
//! `cargo run -p xtask -- alerts` writes `alerts/kubernetes/`, `cargo run -p xtask -- chart` writes what the Helm chart carries of
//! both and its table of values, `cargo run -p xtask -- sbom TARGET` prints what a binary is made of, and `make demo` shows the whole chain.
//!
//! Never: needed to build or to run the agent. A test says that what is committed is what would be written.

mod alerts;
mod chart;
mod dashboards;
mod demo;
mod sbom;

use std::path::Path;

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the workspace");
    let task = std::env::args().nth(1);
    match task.as_deref() {
        Some("alerts") => alerts::write(&root.join("alerts")),
        Some("chart") => chart::write(root),
        Some("dashboards") => dashboards::write(&root.join("grafana")),
        Some("sbom") => {
            let target = std::env::args().nth(2);
            sbom::print(root, &target.context("say for which target: sbom TARGET")?)
        }
        Some("demo") => demo::run(root),
        other => anyhow::bail!(
            "{} is no task; there are: alerts, chart, dashboards, demo, sbom",
            other.unwrap_or("nothing")
        ),
    }
}
