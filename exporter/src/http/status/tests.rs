//! From an exposition to the state.

use super::*;

const EXPOSITION: &str = r#"
saker_rule_matches_total{rule="Shell",priority="Notice",source="syscall"} 2
saker_rule_matches_total{rule="Read \"x\"",priority="Warning",source="syscall"} 9
saker_rule_matches_total{rule="Idle",priority="Error",source="syscall"} 0
saker_rule_evaluations_total{rule="Shell"} 40
saker_rule_evaluation_seconds_total{rule="Shell"} 0.004
saker_rules_loaded 3
saker_rules_last_reload_successful 1
saker_rules_last_reload_success_timestamp_seconds 1700000001.5
saker_events_total{type="open"} 5
saker_events_total{type="execve"} 50
saker_kernel_events_total{type="exec",outcome="submitted"} 50
saker_kernel_events_total{type="exec",outcome="filtered"} 7
saker_kernel_events_total{type="exec",outcome="lost"} 1
saker_events_lost_total{reason="ring_full"} 1
saker_events_lost_total{reason="malformed"} 2
saker_hook_info{event="execve",hook="sched_process_exec",tier="base",reason=""} 1
saker_detection_latency_seconds_bucket{le="0.001"} 3
saker_detection_latency_seconds_bucket{le="+Inf"} 4
saker_detection_latency_seconds_sum 0.25
saker_detection_latency_seconds_count 4
saker_table_entries{table="processes"} 12
saker_table_capacity{table="processes"} 65536
saker_table_evictions_total{table="processes"} 3
saker_output_lines_total{outcome="written",reason=""} 11
process_cpu_seconds_total 1.25
process_resident_memory_bytes 41943040
process_start_time_seconds 1700000000
process_open_fds 17
process_threads 4
"#;

fn status() -> Status {
    let host = Host {
        name: "node-1".to_owned(),
        kernel: "6.18.0".to_owned(),
    };
    Status::new(
        EXPOSITION,
        &host,
        &Readiness::new("starting"),
        1_700_000_100.0,
    )
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
    assert_eq!((status.latency.count, status.latency.buckets.len()), (4, 2));
    assert_eq!(status.tables[0].capacity, 65536);
    assert_eq!(status.lines[0].count, 11);
    assert_eq!(status.process.resident_bytes, 40 << 20);
    assert_eq!(status.reload.rules, 3);
    assert!(status.reload.successful && !status.ready);
    assert_eq!(status.reason.as_deref(), Some("starting"));
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
