//! Matches of the running agent, as collectors get them.

mod faults;

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::agent::{Agent, field};
use crate::support::docker::Docker;
use crate::support::http::get;
use crate::support::otlp::{PROTOCOLS, Receiver, Rotel};
use crate::support::wait::{wait_for, wait_until};
use testing::rootfs;

const SHELL_RULE: &str = "Terminal shell in container";

/// Arguments of an agent that exports.
fn exporting(protocol: &str, endpoint: &str, folder: &TempDir) -> String {
    let config = format!("otlp: {{endpoint: '{endpoint}', protocol: {protocol}}}\n");
    let path = folder.path().join("config.yaml");
    fs::write(&path, config).expect("written");
    path.to_str().expect("a UTF-8 path").to_owned()
}

/// The record with this UUID.
fn record(receiver: &mut Receiver, uuid: &Value) -> Value {
    wait_for("the record of the match", || {
        let records = receiver.records().into_iter();
        let mut same = records.filter(|record| record["attributes"]["log.record.uid"] == *uuid);
        same.next()
    })
}

#[test]
fn a_shell_in_a_container_is_the_same_match_in_every_output() {
    let docker = Docker::start();
    for protocol in PROTOCOLS {
        let folder = TempDir::new().expect("a scratch folder");
        let mut receiver = Receiver::start(protocol);
        let config = exporting(protocol, &receiver.endpoint(), &folder);
        let mut agent = Agent::start(&["-c", &config]);
        let id = docker.start_container(&["--tty"], &["/bin/sh"]);
        let line = agent.wait_for_match("a line for the shell", |line| {
            line["rule"] == SHELL_RULE && field(line, "container.id") == &id[..12]
        });
        assert_eq!(agent.matches_of(SHELL_RULE), 1.0);

        // The exemplar of the counter.
        let accept = "Accept: application/openmetrics-text; version=1.0.0\r\n";
        let (_, text) = get(agent.addr(), "/metrics", accept).expect("the agent answers");
        let series = format!("saker_rule_matches_total{{rule=\"{SHELL_RULE}\"");
        let counter = text.lines().find(|line| line.starts_with(&series));
        let exemplar = format!("# {{uuid={}}}", line["uuid"]);
        assert!(
            counter.is_some_and(|counter| counter.contains(&exemplar)),
            "{counter:?}"
        );

        let record = record(&mut receiver, &line["uuid"]);
        let attributes = &record["attributes"];
        assert_eq!(record["event_name"], "security.rule.match");
        assert_eq!(record["scope"], "saker");
        assert_eq!(record["severity_number"], 10, "{}", line["priority"]);
        assert_eq!(record["severity_text"], line["priority"]);
        assert_eq!(record["time"], *field(&line, "evt.time"));
        let observed = record["observed"].as_u64().expect("a time");
        assert!(observed >= record["time"].as_u64().expect("a time"));
        let body = record["body"].as_str().expect("text");
        assert!(
            line["output"].as_str().expect("text").ends_with(body),
            "{body}"
        );
        assert_eq!(record["resource"]["service.name"], "saker");
        assert_eq!(
            record["resource"]["service.version"],
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(record["resource"]["host.name"], line["hostname"]);

        assert_eq!(attributes["security_rule.name"], SHELL_RULE);
        let file = attributes["security_rule.ruleset.name"].as_str();
        assert!(
            file.is_some_and(|file| file.starts_with("bundled:")),
            "{file:?}"
        );
        assert_eq!(attributes["container.id"], id.as_str());
        assert_eq!(attributes["process.pid"], *field(&line, "proc.pid"));
        assert_eq!(attributes["process.executable.name"], "busybox");
        assert_eq!(attributes["process.interactive"], true);
        assert_eq!(attributes["user.id"], "0");
        let fields = line["output_fields"].as_object().expect("an object");
        for (name, value) in fields.iter().filter(|(name, _)| *name != "evt.time") {
            assert_eq!(attributes[&format!("saker.{name}")], *value, "{name}");
        }
        let (status, log) = agent.stop();
        assert!(status.success(), "{status}: {log}");
    }
}

/// A rule for a program of ours, so that other tests do not count.
const RULES: &str = "
- rule: Burst of records
  desc: Every process of the burst.
  condition: evt.type in (execve, execveat) and proc.name = otlp-burst
  output: burst (process=%proc.name)
  priority: INFORMATIONAL
";

/// Runs a program of this name so many times.
fn burst(scratch: &TempDir, count: u32) {
    let root = rootfs::make(scratch.path());
    let program = root.join("bin/otlp-burst");
    fs::copy("/bin/true", &program).expect("copied");
    let script = format!(
        "i=0; while [ $i -lt {count} ]; do {}; i=$((i+1)); done",
        program.display()
    );
    let status = Command::new(root.join("bin/sh"))
        .args(["-c", &script])
        .status();
    assert!(status.expect("busybox runs").success());
}

/// Records by outcome.
fn sum(agent: &Agent, labels: &[(&str, &str)]) -> f64 {
    let scrape = agent.scrape();
    scrape
        .sum("saker_otlp_log_records_total", labels)
        .unwrap_or(0.0)
}

#[test]
fn a_real_collector_prints_the_records() {
    let rotel = Rotel::start();
    for protocol in PROTOCOLS {
        let scratch = TempDir::new().expect("a scratch folder");
        let rules = scratch.path().join("rules.yaml");
        fs::write(&rules, RULES).expect("written");
        let config = exporting(protocol, &rotel.endpoint(protocol), &scratch);
        let mut agent = Agent::start(&["-c", &config, "-r", rules.to_str().expect("UTF-8")]);
        burst(&scratch, 20);
        let line = agent.wait_for_match("a line", |line| line["rule"] == "Burst of records");
        wait_until("all records are exported", || {
            let produced = agent.matches_of("Burst of records");
            produced >= 20.0 && sum(&agent, &[("outcome", "exported")]) == produced
        });
        let uuid = line["uuid"].as_str().expect("text");
        wait_until("Rotel has printed the record", || {
            rotel.log().contains(uuid)
        });
        for part in [
            "security.rule.match",
            "Burst of records",
            "process.executable.path",
        ] {
            assert!(rotel.log().contains(part), "{part}: {}", rotel.log());
        }
    }
}

#[test]
fn what_waits_is_exported_at_the_end_of_the_agent() {
    let scratch = TempDir::new().expect("a scratch folder");
    let rules = scratch.path().join("rules.yaml");
    fs::write(&rules, RULES).expect("written");
    let mut receiver = Receiver::start("grpc");
    let path = exporting("grpc", &receiver.endpoint(), &scratch);
    // Nothing is sent before the end unless there are a thousand.
    let config = fs::read_to_string(&path).expect("written above");
    let config = config.replace("grpc}", "grpc, delay_ms: 60000, batch_len_max: 1000}");
    fs::write(&path, config).expect("written");
    let mut agent = Agent::start(&["-c", &path, "-r", rules.to_str().expect("UTF-8")]);
    burst(&scratch, 50);
    wait_until("all are matched", || {
        agent.matches_of("Burst of records") == 50.0
    });
    assert!(receiver.requests().is_empty());
    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
    wait_until("the records are there", || receiver.records().len() == 50);
}

/// The sum of a counter's points in what was pushed last.
fn pushed(receiver: &mut Receiver, name: &str, rule: &str) -> Option<f64> {
    let last = receiver.requests().last()?;
    let metrics = last["metrics"].as_array()?;
    let metric = metrics.iter().find(|metric| metric["name"] == name)?;
    assert_eq!(
        (&metric["kind"], &metric["monotonic"]),
        (&json!("sum"), &json!(true))
    );
    assert_eq!(metric["temporality"], 2, "cumulative");
    let points = metric["points"].as_array()?.iter();
    let of_rule = points.filter(|point| point["attributes"]["rule"] == rule);
    Some(of_rule.filter_map(|point| point["value"].as_f64()).sum())
}

#[test]
fn metrics_are_pushed_as_they_are_scraped() {
    for protocol in PROTOCOLS {
        let scratch = TempDir::new().expect("a scratch folder");
        let rules = scratch.path().join("rules.yaml");
        fs::write(&rules, RULES).expect("written");
        let mut receiver = Receiver::start(protocol);
        let path = exporting(protocol, &receiver.endpoint(), &scratch);
        let config = fs::read_to_string(&path).expect("written above");
        let push = format!("{protocol}, logs: false, metrics: true, metrics_interval_ms: 200}}");
        fs::write(&path, config.replace(&format!("{protocol}}}"), &push)).expect("written");
        let mut agent = Agent::start(&["-c", &path, "-r", rules.to_str().expect("UTF-8")]);
        let matches = "saker_rule_matches_total";
        wait_until("the rule is pushed at 0", || {
            pushed(&mut receiver, matches, "Burst of records") == Some(0.0)
        });
        burst(&scratch, 30);
        wait_until("the matches are pushed", || {
            pushed(&mut receiver, matches, "Burst of records") == Some(30.0)
        });
        let last = receiver.requests().last().expect("pushed").clone();
        let names: Vec<_> = last["metrics"]
            .as_array()
            .expect("metrics")
            .iter()
            .filter(|metric| {
                metric["points"]
                    .as_array()
                    .is_some_and(|points| !points.is_empty())
            })
            .filter_map(|metric| metric["name"].as_str().map(str::to_owned))
            .collect();
        let scrape = agent.scrape();
        for name in &names {
            let histogram = format!("{name}_count");
            let is_scraped = scrape
                .sum(name, &[])
                .or_else(|| scrape.sum(&histogram, &[]));
            assert!(is_scraped.is_some(), "{name} is pushed and not scraped");
        }
        assert!(names.len() > 20, "{names:?}");

        // The end pushes once more.
        let before = receiver.requests().len();
        let (status, log) = agent.stop();
        assert!(status.success(), "{status}: {log}");
        wait_until("a last push", || receiver.requests().len() > before);
    }
}
