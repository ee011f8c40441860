//! A real Prometheus scrapes the agent and answers with what it counted.

use std::process::Command;

use crate::support::agent::Agent;
use crate::support::http::get;
use crate::support::prometheus::Prometheus;
use crate::support::wait::wait_until;

const RULE: &str = "Read sensitive file untrusted";

#[test]
fn prometheus_answers_with_the_new_value() {
    let mut agent = Agent::start(&[]);
    let prometheus = Prometheus::start(agent.addr());
    let series = format!("saker_rule_matches_total{{rule=\"{RULE}\"}}");
    // The series is there before anything matches, so that a rise from 0 is seen as one.
    let before = prometheus
        .query(&series)
        .expect("every loaded rule has a series");
    let read = Command::new("cat")
        .arg("/etc/shadow")
        .output()
        .expect("cat runs");
    assert!(read.status.success());
    agent.wait_for_match("a line for the reader", |line| line["rule"] == RULE);
    wait_until("Prometheus has the new value", || {
        prometheus
            .query(&series)
            .is_some_and(|value| value > before && value == agent.matches_of(RULE))
    });
    assert_eq!(prometheus.query("count(saker_build_info)"), Some(1.0));
    assert!(
        prometheus
            .query("process_resident_memory_bytes > 0")
            .is_some()
    );
}

#[test]
fn both_text_formats_pass_promtool() {
    let agent = Agent::start(&[]);
    let (status, text) =
        get(agent.addr(), "/metrics", "Accept: text/plain\r\n").expect("the agent answers");
    assert_eq!(status, 200);
    for name in [
        "saker_rule_matches_total",
        "saker_kernel_events_total",
        "saker_events_lost_total",
        "saker_build_info",
        "process_cpu_seconds_total",
    ] {
        assert!(
            text.contains(&format!("\n# TYPE {name} ")),
            "{name} in\n{text}"
        );
    }
    let scratch = tempfile::NamedTempFile::new().expect("a scratch file");
    std::fs::write(scratch.path(), &text).expect("written");
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(scratch.reopen().expect("readable"))
        .output()
        .expect("promtool is installed (Debian package prometheus)");
    let said = String::from_utf8_lossy(&promtool.stderr);
    assert!(promtool.status.success() && said.is_empty(), "{said}");
    let open_metrics = get(
        agent.addr(),
        "/metrics",
        "Accept: application/openmetrics-text\r\n",
    );
    assert!(
        open_metrics
            .expect("the agent answers")
            .1
            .ends_with("# EOF\n")
    );
}
