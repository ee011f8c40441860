//! The exposition as a scraper and as promtool see it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// A registry with one metric of each shape.
fn sample() -> Registry {
    let mut registry = Registry::new();
    registry
        .counter(Declaration {
            name: "saker_turns_total",
            help: "Turns made.",
            labels: [],
        })
        .inc_by(3);
    let matches = registry.counters(Declaration {
        name: "saker_rule_matches_total",
        help: "Matches by rule.",
        labels: ["rule", "priority"],
    });
    matches.with(["b", "Notice"]);
    matches.with(["a \"quoted\" \\ rule\n", "Warning"]).inc();
    matches.with(["a \"quoted\" \\ rule\n", "Warning"]).inc();
    registry.counters_read(
        Declaration {
            name: "saker_kernel_busy_seconds_total",
            help: "Time in the kernel.",
            labels: ["type"],
        },
        |rows| {
            rows(["execve"], 1.5);
            rows(["open"], 0.0);
        },
    );
    registry.gauges_read(
        Declaration {
            name: "saker_queue_bytes",
            help: "Bytes waiting.",
            labels: [],
        },
        |rows| rows([], u64::MAX),
    );
    registry.counters(Declaration {
        name: "saker_nothing_yet_total",
        help: "A family without a series.",
        labels: ["reason"],
    });
    registry
}

const OPEN_METRICS: &str = r##"# HELP saker_turns Turns made.
# TYPE saker_turns counter
saker_turns_total 3
# HELP saker_rule_matches Matches by rule.
# TYPE saker_rule_matches counter
saker_rule_matches_total{rule="a \"quoted\" \\ rule\n",priority="Warning"} 2
saker_rule_matches_total{rule="b",priority="Notice"} 0
# HELP saker_kernel_busy_seconds Time in the kernel.
# TYPE saker_kernel_busy_seconds counter
# UNIT saker_kernel_busy_seconds seconds
saker_kernel_busy_seconds_total{type="execve"} 1.5
saker_kernel_busy_seconds_total{type="open"} 0
# HELP saker_queue_bytes Bytes waiting.
# TYPE saker_queue_bytes gauge
# UNIT saker_queue_bytes bytes
saker_queue_bytes 18446744073709551615
# EOF
"##;

const TEXT: &str = r##"# HELP saker_turns_total Turns made.
# TYPE saker_turns_total counter
saker_turns_total 3
# HELP saker_rule_matches_total Matches by rule.
# TYPE saker_rule_matches_total counter
saker_rule_matches_total{rule="a \"quoted\" \\ rule\n",priority="Warning"} 2
saker_rule_matches_total{rule="b",priority="Notice"} 0
# HELP saker_kernel_busy_seconds_total Time in the kernel.
# TYPE saker_kernel_busy_seconds_total counter
saker_kernel_busy_seconds_total{type="execve"} 1.5
saker_kernel_busy_seconds_total{type="open"} 0
# HELP saker_queue_bytes Bytes waiting.
# TYPE saker_queue_bytes gauge
saker_queue_bytes 18446744073709551615
"##;

#[test]
fn both_text_formats_say_the_same() {
    let registry = sample();
    assert_eq!(open_metrics(&registry), OPEN_METRICS);
    assert_eq!(classic_text(&registry), TEXT);
}

#[test]
fn own_metrics_pass_promtool() {
    let mut registry = Registry::new();
    declare_build_info(&mut registry);
    declare_process(&mut registry);
    registry.counters_read(
        Declaration {
            name: "saker_kernel_events_total",
            help: "Events in the kernel, by what became of them.",
            labels: ["type", "outcome"],
        },
        |rows| rows(["execve", "submitted"], 7_u64),
    );
    let text = classic_text(&registry);
    // Every metric has a sample: nothing of /proc was unreadable.
    for description in registry.descriptions() {
        let sample = |line: &str| line.starts_with(description.name);
        assert!(text.lines().any(sample), "{} in\n{text}", description.name);
    }
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed (Debian package prometheus)");
    let mut stdin = promtool.stdin.take().expect("piped");
    stdin.write_all(text.as_bytes()).expect("promtool reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn descriptions_list_what_was_declared() {
    let registry = sample();
    let listed: Vec<_> = registry
        .descriptions()
        .iter()
        .map(|metric| (metric.name, metric.kind.as_str(), metric.labels.join(",")))
        .collect();
    assert_eq!(
        listed,
        [
            ("saker_turns_total", "counter", String::new()),
            (
                "saker_rule_matches_total",
                "counter",
                "rule,priority".to_owned()
            ),
            (
                "saker_kernel_busy_seconds_total",
                "counter",
                "type".to_owned()
            ),
            ("saker_queue_bytes", "gauge", String::new()),
            ("saker_nothing_yet_total", "counter", "reason".to_owned()),
        ]
    );
}

#[test]
fn series_are_shared_by_all_who_ask_for_the_same_values() {
    let mut registry = Registry::new();
    let lost = registry.counters(Declaration {
        name: "saker_events_lost_total",
        help: "Events lost.",
        labels: ["reason"],
    });
    let handle = lost.with(["ring_full"]);
    handle.inc();
    lost.clone().with(["ring_full"]).inc();
    assert_eq!(handle.get(), 2);
}

fn open_metrics(registry: &Registry) -> String {
    let mut out = Vec::new();
    encode(registry, Format::OpenMetrics, None, &mut out).expect("there is time");
    String::from_utf8(out).expect("text")
}
