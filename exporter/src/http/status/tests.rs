//! From the metrics to the state.

use super::*;
use crate::metrics::{Counter, Declaration, Gauge, SecondsCounter, Value, classic_text};

/// Declares a metric, and hands out its series.
fn family<const N: usize, V: Value>(
    registry: &mut Registry,
    name: &'static str,
    labels: [&'static str; N],
) -> impl Fn([&str; N]) -> V + use<N, V> {
    let family = registry.family(Declaration {
        name,
        help: "Help.",
        labels,
    });
    move |values| family.with(values)
}

fn gauge(registry: &mut Registry, name: &'static str, value: f64) {
    family::<0, Gauge>(registry, name, [])([]).set(value);
}

fn rules(registry: &mut Registry) {
    // Before the rules that they belong to.
    let evaluations = family::<1, Counter>(registry, "saker_rule_evaluations_total", ["rule"]);
    evaluations(["Shell"]).inc_by(40);
    let name = "saker_rule_evaluation_seconds_total";
    family::<1, SecondsCounter>(registry, name, ["rule"])(["Shell"]).add_ns(4_000_000);
    let labels = ["rule", "priority", "source"];
    let matches = family::<3, Counter>(registry, "saker_rule_matches_total", labels);
    matches(["Shell", "Notice", "syscall"]).inc_by(2);
    matches(["Read \"x\"", "Warning", "syscall"]).inc_by(9);
    matches(["Idle", "Error", "syscall"]);
    gauge(registry, "saker_rules_loaded", 3.0);
    gauge(registry, "saker_rules_last_reload_successful", 1.0);
    let name = "saker_rules_last_reload_success_timestamp_seconds";
    gauge(registry, name, 1_700_000_001.5);
}

fn events(registry: &mut Registry) {
    let seen = family::<1, Counter>(registry, "saker_events_total", ["type"]);
    seen(["open"]).inc_by(5);
    seen(["execve"]).inc_by(50);
    let labels = ["type", "outcome"];
    let kernel = family::<2, Counter>(registry, "saker_kernel_events_total", labels);
    kernel(["exec", "submitted"]).inc_by(50);
    kernel(["exec", "filtered"]).inc_by(7);
    kernel(["exec", "lost"]).inc_by(1);
    let lost = family::<1, Counter>(registry, "saker_events_lost_total", ["reason"]);
    lost(["ring_full"]).inc_by(1);
    lost(["malformed"]).inc_by(2);
    let labels = ["event", "hook", "tier", "reason"];
    let hooks = family::<4, Gauge>(registry, "saker_hook_info", labels);
    hooks(["execve", "sched_process_exec", "base", ""]).set(1.0);
    let latency = registry.histogram(Declaration {
        name: "saker_detection_latency_seconds",
        help: "Help.",
        labels: [],
    });
    for ns in [200_000, 3_000_000_000, 60_000_000_000] {
        latency.observe_ns(ns);
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    rules(&mut registry);
    events(&mut registry);
    let declared = &mut registry;
    let table = family::<1, Gauge>(declared, "saker_table_entries", ["table"]);
    table(["processes"]).set(12.0);
    let table = family::<1, Gauge>(declared, "saker_table_capacity", ["table"]);
    table(["processes"]).set(65536.0);
    let table = family::<1, Counter>(declared, "saker_table_evictions_total", ["table"]);
    table(["processes"]).inc_by(3);
    for (name, good) in [
        ("saker_output_lines_total", "written"),
        ("saker_otlp_log_records_total", "exported"),
        ("saker_page_matches_total", "shown"),
    ] {
        let outcomes = family::<2, Counter>(declared, name, ["outcome", "reason"]);
        outcomes([good, ""]).inc_by(11);
        outcomes(["dropped", "queue_full"]).inc_by(2);
    }
    let cpu = family::<0, SecondsCounter>(declared, "process_cpu_seconds_total", []);
    cpu([]).add_ns(1_250_000_000);
    gauge(declared, "process_resident_memory_bytes", 41_943_040.0);
    gauge(declared, "process_start_time_seconds", 1_700_000_000.0);
    gauge(declared, "process_open_fds", 17.0);
    gauge(declared, "process_threads", 4.0);
    registry
}

fn status() -> Status {
    let host = Host {
        name: "node-1".to_owned(),
        kernel: "6.18.0".to_owned(),
    };
    let readiness = Readiness::new("starting");
    Status::new(&registry(), &host, &readiness, 1_700_000_100.0)
}

#[test]
fn the_state_is_what_the_metrics_say() {
    let status = status();
    assert_eq!(
        (status.matches(), status.events_seen(), status.lost()),
        (11, 55, 3)
    );
    let names: Vec<_> = status.rules.iter().map(|rule| rule.rule.as_str()).collect();
    assert_eq!(names, ["Read \"x\"", "Shell", "Idle"]);
    assert_eq!(status.rules[1].evaluations, Some(40));
    assert_eq!(status.rules[1].evaluation_seconds, Some(0.004));
    assert_eq!(status.rules[0].evaluations, None);
    assert_eq!(status.events[0].kind, "execve");
    assert_eq!(
        status.kernel_events,
        [KernelEvents {
            kind: "exec".to_owned(),
            submitted: 50,
            filtered: 7,
            lost: 1
        }]
    );
    assert_eq!(status.hooks[0].tier, "base");
    let table = &status.tables[0];
    assert_eq!(
        (table.entries, table.capacity, table.evictions),
        (12, 65536, 3)
    );
    let outputs = [&status.lines, &status.log_records, &status.page_matches];
    for output in outputs {
        let counts: Vec<_> = output.iter().map(|one| one.count).collect();
        assert_eq!((counts.iter().sum::<u64>(), counts.len()), (13, 2));
    }
    let unsent: Vec<_> = status.unsent().collect();
    assert!(unsent.iter().all(|(_, lost)| lost.reason == "queue_full"));
    assert_eq!(unsent.len(), 3);
    assert_eq!(status.process.cpu_seconds, 1.25);
    assert_eq!(status.start_time_seconds, 1_700_000_000.0);
    assert_eq!(status.process.resident_bytes, 40 << 20);
    assert_eq!(status.reload.rules, 3);
    assert!(status.reload.successful && !status.ready);
    assert_eq!(status.reason.as_deref(), Some("starting"));
}

#[test]
fn buckets_are_those_of_a_scrape() {
    let text = classic_text(&registry());
    let series = "saker_detection_latency_seconds";
    let latency = status().latency;
    assert_eq!(latency.count, 3);
    assert!(latency.buckets.len() > 2);
    for Bucket { le, count } in &latency.buckets {
        let line = format!("\n{series}_bucket{{le=\"{le}\"}} {count}\n");
        assert!(text.contains(&line), "{line} in {text}");
    }
    let sum = format!("\n{series}_sum {}\n", latency.sum_seconds);
    assert!(text.contains(&sum), "{sum} in {text}");
}

#[test]
fn the_state_survives_the_way_to_the_terminal() {
    let status = status();
    let json = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
    // An agent of another version may say less, or more.
    let other: Status = serde_json::from_str(r#"{"version":"9","later":{}}"#).unwrap();
    assert_eq!((other.version.as_str(), other.rules.len()), ("9", 0));
}
