//! What the chart carries of other folders, and the table of its values: `cargo run -p xtask -- chart`.
//!
//! In: `alerts/*.yaml`, `grafana/*.json`, and the comments in `charts/saker/values.yaml`. Out: `charts/saker/files/`, since Helm reads
//! nothing outside the chart, and the table between the marks in `charts/saker/README.md`.

mod values;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::alerts;

const BEGIN: &str = "<!-- values: begin -->\n";
const END: &str = "<!-- values: end -->";

/// Writes all of it below the root of the workspace.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    for (path, text) in made(root)? {
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Every file that is made, with what belongs into it.
fn made(root: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let chart = root.join("charts/saker");
    let read = |path: PathBuf| {
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut files = Vec::new();
    for name in alerts::FILES {
        let name = format!("alerts/{name}.yaml");
        files.push((chart.join("files").join(&name), read(root.join(&name))?));
    }
    let dashboards = root.join("grafana");
    for entry in fs::read_dir(&dashboards).context("cannot read grafana/")? {
        let from = entry?.path();
        if from.extension().is_some_and(|suffix| suffix == "json") {
            let name = from.strip_prefix(root).expect("it lies below the root");
            files.push((chart.join("files").join(name), read(from.clone())?));
        }
    }
    let readme = chart.join("README.md");
    let text = read(readme.clone())?;
    let table = values::table(&read(chart.join("values.yaml"))?)?;
    let (head, rest) = text
        .split_once(BEGIN)
        .context("charts/saker/README.md has no mark where the values begin")?;
    let (_, tail) = rest
        .split_once(END)
        .context("charts/saker/README.md has no mark where the values end")?;
    files.push((readme, format!("{head}{BEGIN}{table}{END}{tail}")));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
