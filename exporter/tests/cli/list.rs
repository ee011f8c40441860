//! `saker list`, `saker completions`, and usage in general.

use serde_json::Value;

use crate::support::saker;

fn json(args: &[&str]) -> Vec<Value> {
    let run = saker(args);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

#[test]
fn wrong_usage_is_two_and_says_so_on_standard_error() {
    for args in [
        &["list"][..],
        &["list", "nothing"],
        &["nothing"],
        &[],
        &["list", "fields", "--nothing"],
    ] {
        let run = saker(args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        assert!(!run.err.is_empty(), "{args:?}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for args in [&["--help"][..], &["list", "--help"], &["--version"]] {
        let run = saker(args);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
        assert!(run.out.contains("saker"), "{args:?}");
    }
}

#[test]
fn fields_and_events_are_listed_as_text_and_json() {
    let text = saker(&["list", "fields"]).out;
    assert!(
        text.lines()
            .any(|line| line.starts_with("proc.aname, proc.aname[N] ")),
        "{text}"
    );
    let fields = json(&["list", "fields", "--json"]);
    assert_eq!(fields.len(), text.lines().count());
    let field = fields
        .iter()
        .find(|field| field["name"] == "evt.arg")
        .expect("evt.arg is a field");
    assert_eq!(field["argument"], "name or index");
    assert_eq!(field["type"], "CHARBUF");
    assert!(
        fields
            .iter()
            .any(|field| field["name"] == "proc.name" && field["supplied"] == true)
    );
    assert!(
        fields
            .iter()
            .any(|field| field["name"] == "thread.cpu" && field["supplied"] == false)
    );

    let text = saker(&["list", "events"]).out;
    let events = json(&["list", "events", "--json"]);
    assert_eq!(events.len(), text.lines().count());
    let event = events
        .iter()
        .find(|event| event["name"] == "unlinkat")
        .expect("unlinkat is an event");
    assert_eq!(event["parameters"][1]["name"], "dirfd");
    assert_eq!(event["generic"], false);
    assert!(
        events
            .iter()
            .any(|event| event["name"] == "execve" && event["tier"] == "base")
    );
    assert!(
        events
            .iter()
            .any(|event| event["name"] == "modify_ldt" && event["tier"].is_null())
    );
}

#[test]
fn completions_are_scripts_of_the_shell() {
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef saker"),
        ("fish", "complete -c saker"),
    ] {
        let run = saker(&["completions", shell]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{shell}");
        assert!(run.out.contains(part), "{shell}");
    }
}

#[test]
fn metrics_are_listed_as_text_and_json_by_name() {
    let text = saker(&["list", "metrics"]).out;
    let metrics = json(&["list", "metrics", "--json"]);
    assert_eq!(metrics.len(), text.lines().count());
    let names: Vec<_> = metrics
        .iter()
        .map(|metric| metric["name"].as_str())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let named = |name: &str| {
        let mut metrics = metrics.iter();
        let found = metrics.find(|metric| metric["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is listed"))
    };
    for (name, kind, labels) in [
        (
            "saker_rule_matches_total",
            "counter",
            &["rule", "priority", "source"][..],
        ),
        (
            "saker_workload_rule_matches_total",
            "counter",
            &[
                "rule",
                "priority",
                "k8s_namespace_name",
                "k8s_pod_name",
                "k8s_container_name",
                "container_name",
                "container_image_name",
                "overflow",
            ],
        ),
        ("saker_events_total", "counter", &["type"]),
        ("saker_kernel_events_total", "counter", &["type", "outcome"]),
        ("saker_events_lost_total", "counter", &["reason"]),
        ("saker_rule_evaluations_total", "counter", &["rule"]),
        ("saker_rule_evaluation_seconds_total", "counter", &["rule"]),
        ("saker_detection_latency_seconds", "histogram", &[]),
        ("saker_rules_loaded", "gauge", &[]),
        ("saker_rules_last_reload_successful", "gauge", &[]),
        (
            "saker_rules_last_reload_success_timestamp_seconds",
            "gauge",
            &[],
        ),
        (
            "saker_hook_info",
            "gauge",
            &["event", "hook", "tier", "reason"],
        ),
        ("saker_metric_series", "gauge", &["metric"]),
        ("saker_metric_series_limit", "gauge", &["metric"]),
        ("saker_table_entries", "gauge", &["table"]),
        ("saker_table_capacity", "gauge", &["table"]),
        ("saker_table_evictions_total", "counter", &["table"]),
        (
            "saker_build_info",
            "gauge",
            &["version", "revision", "rustc"],
        ),
        ("process_cpu_seconds_total", "counter", &[]),
    ] {
        let metric = named(name);
        assert_eq!(metric["type"], kind, "{name}");
        assert_eq!(metric["labels"], serde_json::json!(labels), "{name}");
    }
    assert_eq!(named("saker_detection_latency_seconds")["unit"], "seconds");
}

#[test]
fn check_says_how_many_series_rules_make() {
    let run = saker(&["check", "--json"]);
    let summary: Value = serde_json::from_str(&run.out).expect("JSON");
    let number = |name: &str| summary["series"][name].as_u64().expect("a number");
    let rules = summary["rules"].as_u64().expect("a number");
    assert!(number("at_start") > 6 * rules, "{summary}");
    assert_eq!(number("at_most"), number("at_start") + 2000);
    let line = format!("series on /metrics: {} from the start", number("at_start"));
    assert!(saker(&["check"]).out.contains(&line), "{line}");
}
