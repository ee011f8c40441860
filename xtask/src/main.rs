//! Makes what is shipped from what describes it: `cargo run -p xtask -- dashboards` writes `grafana/*.json`.
//!
//! Never: needed to build or to run the agent. A test says that what is committed is what would be written.

mod dashboards;

use std::path::Path;

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the workspace");
    let task = std::env::args().nth(1);
    match task.as_deref() {
        Some("dashboards") => dashboards::write(&root.join("grafana")),
        other => anyhow::bail!(
            "{} is no task; there is: dashboards",
            other.unwrap_or("nothing")
        ),
    }
}
