//! The alert rules as objects for the Prometheus operator, made from the files that Prometheus itself reads.
//!
//! In: `alerts/*.yaml` but Alertmanager's. Out: `alerts/kubernetes/prometheusrules.yaml`, one PrometheusRule for each file. Its `spec`
//! is the file, moved in: text needs no YAML library for that, and comments stay.

use std::{fmt::Write, fs, path::Path};

use anyhow::Context;

/// The rule files, in the order in which they build on each other.
pub(crate) const FILES: [&str; 3] = ["recording", "detections", "agent"];

/// Writes the objects below the directory of the alerts.
pub(crate) fn write(directory: &Path) -> anyhow::Result<()> {
    let path = directory.join("kubernetes/prometheusrules.yaml");
    let text = objects(directory)?;
    fs::create_dir_all(path.parent().expect("it has a directory"))?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

fn objects(directory: &Path) -> anyhow::Result<String> {
    let mut text = String::from(
        "# Made from the files in alerts/ by: cargo run -p xtask -- alerts. Change those and make it anew.\n",
    );
    for name in FILES {
        let path = directory.join(name).with_extension("yaml");
        let rules =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        write!(
            text,
            "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: saker-{name}\n  labels:\n    \
             app.kubernetes.io/name: saker\nspec:\n"
        )?;
        for line in rules.lines() {
            if line.is_empty() {
                text.push('\n');
            } else {
                writeln!(text, "  {line}")?;
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
        process::Command,
    };

    use super::{FILES, objects};

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the workspace")
            .to_owned()
    }

    fn rules() -> String {
        let read = |name| fs::read_to_string(root().join(format!("alerts/{name}.yaml")));
        FILES.map(|name| read(name).expect("rules")).concat()
    }

    /// What stands behind the key, in every line that has it.
    fn values<'a>(text: &'a str, key: &str) -> BTreeSet<&'a str> {
        let lines = text.lines().map(|line| line.trim_start_matches([' ', '-']));
        lines
            .filter_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
            .map(|value| value.trim_matches('\''))
            .collect()
    }

    fn run(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(root().join("alerts"))
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{program} {arguments:?}\n{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    #[test]
    fn the_objects_are_made_of_the_files() {
        let path = root().join("alerts/kubernetes/prometheusrules.yaml");
        let committed = fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == objects(&root().join("alerts")).expect("objects"),
            "alerts/kubernetes is not what alerts/ says; run: cargo run -p xtask -- alerts"
        );
    }

    #[test]
    fn prometheus_takes_the_rules_and_they_pass_their_tests() {
        for name in FILES {
            let file = format!("{name}.yaml");
            run(
                "promtool",
                &["check", "rules", "--lint=all", "--lint-fatal", &file],
            );
        }
        run(
            "promtool",
            &[
                "test",
                "rules",
                "tests/detections.test.yaml",
                "tests/agent.test.yaml",
            ],
        );
    }

    #[test]
    fn every_alert_is_tested_firing_and_silent() {
        let tests = ["detections", "agent"]
            .map(|name| root().join(format!("alerts/tests/{name}.test.yaml")))
            .map(|path| fs::read_to_string(path).expect("tests"))
            .concat();
        for alert in values(&rules(), "alert") {
            let cases: Vec<&str> = tests
                .split("- eval_time: ")
                .filter(|case| {
                    case.lines()
                        .nth(1)
                        .is_some_and(|line| line.ends_with(&format!(": {alert}")))
                })
                .collect();
            let fires = |case: &&str| case.contains("exp_alerts:");
            assert!(cases.iter().any(fires), "{alert} never fires");
            assert!(!cases.iter().all(fires), "{alert} is never silent");
        }
    }

    #[test]
    fn every_alert_has_its_texts_and_a_section_in_the_runbooks() {
        let rules = rules();
        let runbooks = fs::read_to_string(root().join("docs/runbooks.md")).expect("runbooks");
        let dashboards = fs::read_dir(root().join("grafana")).expect("grafana/");
        let dashboards: String = dashboards
            .filter_map(|entry| fs::read_to_string(entry.expect("entry").path()).ok())
            .collect();
        for alert in rules.split("- alert: ").skip(1) {
            let name = alert.lines().next().expect("name");
            for key in ["severity", "summary", "description", "dashboard_path"] {
                assert!(!values(alert, key).is_empty(), "{name} has no {key}");
            }
            // Who is told of a rule and an agent is led to the matches.
            if alert.contains("$labels.rule ") && alert.contains("$labels.instance ") {
                let urls = values(alert, "matches_url");
                assert!(
                    urls.iter().any(|url| url.contains("/?rule={{ urlquery")),
                    "{name} leads to no match"
                );
            }
            let anchor = format!("docs/runbooks.md#{}", name.to_lowercase());
            let urls = values(alert, "runbook_url");
            assert!(
                urls.iter().any(|url| url.ends_with(&anchor)),
                "{name}: {urls:?}"
            );
            assert!(
                runbooks.contains(&format!("## {name}\n")),
                "docs/runbooks.md has no section {name}"
            );
            for path in values(alert, "dashboard_path") {
                let uid = path.trim_start_matches("/d/").split('?').next();
                let uid = format!("\"uid\": \"{}\"", uid.expect("uid"));
                assert!(dashboards.contains(&uid), "{name} leads to {path}");
            }
        }
    }

    #[test]
    fn rules_that_alerts_name_are_bundled() {
        let bundled: String = fs::read_dir(root().join("rules"))
            .expect("rules/")
            .filter_map(|entry| fs::read_to_string(entry.expect("entry").path()).ok())
            .collect();
        let bundled = values(&bundled, "rule");
        let recording = fs::read_to_string(root().join("alerts/recording.yaml")).expect("rules");
        let named: Vec<&str> = recording
            .split("\"rule\",")
            .skip(1)
            .flat_map(|part| part.split('"').nth(1).expect("a text").split('|'))
            .collect();
        assert!(!named.is_empty());
        for name in named {
            assert!(bundled.contains(name), "no bundled rule is called {name}");
        }
    }

    #[test]
    fn alertmanager_takes_the_configuration_and_its_routes_lead_where_they_should() {
        run("amtool", &["check-config", "alertmanager.yaml"]);
        for (alert, severity, receiver) in [
            ("SakerShellInSensitiveNamespace", "critical", "page"),
            ("SakerDown", "critical", "page"),
            ("SakerRuleMatch", "warning", "ticket"),
            ("SakerTierDegraded", "info", "nobody"),
            ("SomethingElse", "critical", "nobody"),
        ] {
            let labels = [
                format!("alertname={alert}"),
                format!("severity={severity}"),
                format!("--verify.receivers={receiver}"),
            ];
            let mut arguments = vec![
                "config",
                "routes",
                "test",
                "--config.file=alertmanager.yaml",
            ];
            arguments.extend(labels.iter().map(String::as_str));
            run("amtool", &arguments);
        }
        let text = run(
            "amtool",
            &[
                "template",
                "render",
                "--template.glob=templates/*.tmpl",
                r#"--template.text={{ template "saker.title" . }}"#,
            ],
        );
        assert!(!text.trim().is_empty());
    }
}
