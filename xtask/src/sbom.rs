//! What a binary is made of, as a CycloneDX document: `cargo run -p xtask -- sbom TARGET`.
//!
//! In: what cargo resolves for the agent and a target, without building. Out: JSON on standard output: each crate that is linked
//! in or runs while building, with version, licence and package URL.
//! Sources: CycloneDX 1.5, package-url.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

/// Prints the document of the agent for this target.
pub(crate) fn print(root: &Path, target: &str) -> anyhow::Result<()> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(["--filter-platform", target])
        .current_dir(root)
        .output()
        .context("cargo does not run")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata prints JSON")?;
    println!("{:#}", document(&metadata)?);
    Ok(())
}

fn document(metadata: &Value) -> anyhow::Result<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let id = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> = list(&metadata["packages"])
        .into_iter()
        .map(|package| (id(&package["id"]), package))
        .collect();
    let nodes: BTreeMap<String, Value> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|node| (id(&node["id"]), node))
        .collect();
    let agent = packages
        .iter()
        .find(|(_, package)| package["name"] == "exporter")
        .map(|(id, _)| id.clone())
        .context("the workspace has no crate `exporter`")?;
    let (mut reached, mut open) = (BTreeMap::new(), vec![agent.clone()]);
    while let Some(at) = open.pop() {
        if reached.contains_key(&at) {
            continue;
        }
        let needed: Vec<String> = list(&nodes.get(&at).unwrap_or(&Value::Null)["deps"])
            .iter()
            // What only tests need is no part of the binary.
            .filter(|dependency| {
                list(&dependency["dep_kinds"])
                    .iter()
                    .any(|kind| kind["kind"] != "dev")
            })
            .map(|dependency| id(&dependency["pkg"]))
            .collect();
        open.extend(needed.iter().cloned());
        reached.insert(at, needed);
    }
    let component = |id: &String| {
        let package = &packages[id];
        let (name, version) = (&package["name"], &package["version"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut component = json!({
            "type": if *id == agent { "application" } else { "library" },
            "bom-ref": format!("pkg:cargo/{}@{}", text(name), text(version)),
            "name": name,
            "version": version,
            "purl": format!("pkg:cargo/{}@{}", text(name), text(version)),
        });
        if let Some(licence) = package["license"].as_str() {
            // Old manifests write a slash for OR.
            let expression = licence.replace('/', " OR ");
            component["licenses"] = json!([{ "expression": expression }]);
        }
        component
    };
    let reference = |id: &String| component(id)["bom-ref"].clone();
    let components: Vec<Value> = reached
        .keys()
        .filter(|id| **id != agent)
        .map(component)
        .collect();
    let dependencies: Vec<Value> = reached
        .iter()
        .map(|(id, needed)| {
            let on: Vec<Value> = needed.iter().map(reference).collect();
            json!({ "ref": reference(id), "dependsOn": on })
        })
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(&agent) },
        "components": components,
        "dependencies": dependencies,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_listed_and_what_tests_need_is_not() {
        let package = |name: &str, licence: &str| json!({"id": name, "name": name, "version": "1.0.0", "license": licence});
        let dependency =
            |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [package("exporter", "Apache-2.0"), package("a", "MIT/Apache-2.0"), package("b", "MIT"),
                         package("t", "MIT")],
            "resolve": {"nodes": [
                {"id": "exporter", "deps": [dependency("a", Value::Null), dependency("t", json!("dev"))]},
                {"id": "a", "deps": [dependency("b", json!("build"))]},
                {"id": "b", "deps": []},
                {"id": "t", "deps": []},
            ]},
        });
        let document = document(&metadata).unwrap();
        let names: Vec<&Value> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| &component["purl"])
            .collect();
        assert_eq!(
            json!(names),
            json!(["pkg:cargo/a@1.0.0", "pkg:cargo/b@1.0.0"])
        );
        assert_eq!(
            document["components"][0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(
            document["dependencies"][0],
            json!({"ref": "pkg:cargo/a@1.0.0", "dependsOn": ["pkg:cargo/b@1.0.0"]})
        );
        assert_eq!(document["metadata"]["component"]["type"], "application");
    }
}
