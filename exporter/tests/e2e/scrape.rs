//! What scrapes see: all metrics as they are listed, in every format; and what they must not hold up.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use crate::support::agent::{Agent, SAKER};
use crate::support::http::get;
use crate::support::prometheus::Prometheus;
use crate::support::wait::wait_until;

const RULE: &str = "Read sensitive file untrusted";
const MATCHES: &str = "saker_rule_matches_total";

fn read_shadow() {
    let read = Command::new("cat").arg("/etc/shadow").output();
    assert!(read.expect("cat runs").status.success());
}

/// Name → type and labels, from `saker list metrics --json`.
fn listed() -> BTreeMap<String, (String, Vec<String>)> {
    let output = Command::new(SAKER)
        .args(["list", "metrics", "--json"])
        .output()
        .expect("the binary runs");
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    list.iter()
        .map(|metric| {
            let labels = metric["labels"].as_array().expect("a list");
            let labels = labels.iter().map(text).collect();
            (text(&metric["name"]), (text(&metric["type"]), labels))
        })
        .collect()
}

#[test]
fn a_scrape_shows_what_is_listed_and_nothing_else() {
    let mut agent = Agent::start(&[]);
    read_shadow();
    agent.wait_for_match("a line for the reader", |line| line["rule"] == RULE);
    let listed = listed();
    let (_, text) = get(agent.addr(), "/metrics", "").expect("the agent answers");
    let mut shown = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            shown.insert(name.to_owned(), kind.to_owned());
        }
    }
    for (name, kind) in &shown {
        let (listed, _) = listed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not listed"));
        assert_eq!(kind, listed, "{name}");
    }
    let missing = listed.keys().filter(|name| !shown.contains_key(*name));
    // What has no series unless something is configured, or goes wrong.
    let optional = [
        "saker_canary_",
        "saker_runtime_",
        "saker_otlp_",
        "saker_kubernetes_",
        "saker_web_",
        "saker_http_",
    ];
    let missing: Vec<_> = missing
        .filter(|name| !optional.iter().any(|start| name.starts_with(start)))
        .collect();
    assert!(missing.is_empty(), "listed and not shown: {missing:?}");
    for sample in agent.scrape().0 {
        let stem = ["_bucket", "_count", "_sum"]
            .iter()
            .filter_map(|suffix| sample.name.strip_suffix(suffix))
            .find(|stem| listed.contains_key(*stem));
        let name = stem.unwrap_or(&sample.name);
        let (_, labels) = &listed[name];
        for (label, _) in &sample.labels {
            let bound = stem.is_some() && label == "le";
            assert!(
                bound || labels.contains(label),
                "{name} has a label {label}"
            );
        }
    }
}

#[test]
fn prometheus_reads_protobuf_with_native_histograms_and_exemplars() {
    let mut agent = Agent::start(&[]);
    let prometheus = Prometheus::start_flagged(
        agent.addr(),
        &["--enable-feature=native-histograms,exemplar-storage"],
    );
    read_shadow();
    let line = agent.wait_for_match("a line for the reader", |line| line["rule"] == RULE);
    // Only a native histogram has no buckets of its own and can be asked for a quantile as a whole.
    wait_until("a native histogram", || {
        let quantile = "histogram_quantile(0.5, saker_detection_latency_seconds)";
        prometheus.query(quantile).is_some_and(|value| value > 0.0)
    });
    let latencies = prometheus.query("histogram_count(saker_detection_latency_seconds)");
    assert!(latencies.is_some_and(|count| count >= 1.0), "{latencies:?}");
    exemplar_is_of(&prometheus, &mut agent, &line);
}

#[test]
fn prometheus_reads_open_metrics_with_exemplars() {
    let mut agent = Agent::start(&[]);
    let prometheus =
        Prometheus::start_flagged(agent.addr(), &["--enable-feature=exemplar-storage"]);
    read_shadow();
    let line = agent.wait_for_match("a line for the reader", |line| line["rule"] == RULE);
    exemplar_is_of(&prometheus, &mut agent, &line);
    let buckets = prometheus.query("count(saker_detection_latency_seconds_bucket)");
    assert_eq!(buckets, Some(16.0), "classic buckets");
}

/// Prometheus has the name of a match of the rule, and the agent has printed it.
fn exemplar_is_of(prometheus: &Prometheus, agent: &mut Agent, line: &Value) {
    let series = format!("{MATCHES}{{rule=\"{RULE}\"}}");
    assert!(line["uuid"].is_string());
    wait_until("an exemplar of the rule", || {
        prometheus.exemplars(&series).iter().any(|exemplar| {
            let uuid = exemplar["labels"]["uuid"].clone();
            !agent
                .matches(|line| line["rule"] == RULE && line["uuid"] == uuid)
                .is_empty()
        })
    });
}

#[test]
fn a_client_that_stops_reading_holds_up_neither_detection_nor_scrapes() {
    let agent = Agent::start(&[]);
    let mut blocked = TcpStream::connect(agent.addr()).expect("the agent listens");
    blocked.set_nonblocking(true).expect("a socket");
    // So many answers that the sockets' buffers are full, and then so many requests.
    let request = "GET /metrics HTTP/1.1\r\nHost: saker\r\n\r\n".repeat(100);
    wait_until("the agent reads no more of the client", || {
        loop {
            match blocked.write(request.as_bytes()) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        let before = agent.scrape().sum(MATCHES, &[]);
        // It takes a whole buffer again while it still answers.
        let refused = blocked.write(request.as_bytes());
        before.is_some() && refused.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    });
    let before = agent.matches_of(RULE);
    for _ in 0..20 {
        read_shadow();
    }
    wait_until("twenty matches more", || {
        agent.matches_of(RULE) >= before + 20.0
    });
    let late = agent
        .scrape()
        .sum("saker_detection_latency_seconds_count", &[]);
    assert!(late.is_some_and(|count| count >= 20.0), "{late:?}");
    let lost = agent.scrape().sum("saker_events_lost_total", &[]);
    assert_eq!(lost, Some(0.0));
    drop(blocked);
}
