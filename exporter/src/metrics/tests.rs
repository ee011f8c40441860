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

#[test]
fn a_histogram_reads_alike_in_both_texts() {
    let mut registry = Registry::new();
    let latency = registry.histogram(Declaration {
        name: "saker_detection_latency_seconds",
        help: "Latency.",
        labels: [],
    });
    for ns in [50_000, 2_000_000, 2_000_000_000] {
        latency.observe_ns(ns);
    }
    for text in [classic_text(&registry), open_metrics(&registry)] {
        for line in [
            "# TYPE saker_detection_latency_seconds histogram",
            "saker_detection_latency_seconds_bucket{le=\"0.0001\"} 1",
            "saker_detection_latency_seconds_bucket{le=\"1.0\"} 2",
            "saker_detection_latency_seconds_bucket{le=\"+Inf\"} 3",
            "saker_detection_latency_seconds_count 3",
            "saker_detection_latency_seconds_sum 2.00205",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
    }
}

#[test]
fn exemplars_stand_in_open_metrics_only() {
    let mut registry = Registry::new();
    let matches = registry.family::<1, TracedCounter>(Declaration {
        name: "saker_rule_matches_total",
        help: "Matches.",
        labels: ["rule"],
    });
    matches.with(["a"]).inc(Exemplar {
        uuid: uuid::Uuid::from_u128(5),
        wall_ns: 1_795_450_461_063_210_158,
    });
    let line = "saker_rule_matches_total{rule=\"a\"} 1";
    let exemplar = " # {uuid=\"00000000-0000-0000-0000-000000000005\"} 1 1795450461.063\n";
    assert!(classic_text(&registry).ends_with(&format!("{line}\n")));
    let expected = format!("{line}{exemplar}# EOF\n");
    assert!(open_metrics(&registry).ends_with(&expected));
}

#[test]
fn numbers_are_written_as_every_reader_reads_them() {
    for (value, expected) in [
        (0.0, "0"),
        (-2.0, "-2"),
        (0.25, "0.25"),
        (1e300, "1e300"),
        (1e-9, "1e-9"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
        (f64::NAN, "NaN"),
    ] {
        let mut registry = Registry::new();
        let gauge = registry.gauge(Declaration {
            name: "saker_queue_bytes",
            help: "Bytes.",
            labels: [],
        });
        gauge.set(value);
        let text = classic_text(&registry);
        assert!(text.ends_with(&format!(" {expected}\n")), "{text}");
    }
}
