//! Ten thousand short-lived processes in a row: nothing is lost, or every loss is in the books.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::support::agent::Agent;
use crate::support::exposition::Exposition;
use crate::support::wait::wait_until;
use testing::rootfs;

/// How many, unless this variable asks for another number: memory is best judged over a hundred thousand.
const PRODUCED: u32 = 10_000;
const PRODUCED_VARIABLE: &str = "SAKER_E2E_PROCESSES";
const RULES: &str = "
- rule: Burst
  desc: Every process of the burst.
  condition: evt.type in (execve, execveat) and proc.name = e2e-burst
  output: burst (process=%proc.name parent=%proc.pname)
  priority: INFORMATIONAL
";

fn sum(scrape: &Exposition, name: &str, labels: &[(&str, &str)]) -> f64 {
    scrape.sum(name, labels).unwrap_or(0.0)
}

/// What became of the burst: matches, and events lost on the way.
fn books(agent: &Agent) -> (f64, f64) {
    let scrape = agent.scrape();
    (
        sum(&scrape, "saker_rule_matches_total", &[("rule", "Burst")]),
        sum(&scrape, "saker_events_lost_total", &[]),
    )
}

#[test]
fn ten_thousand_processes_are_matched_or_counted_as_lost() {
    let produced = match std::env::var(PRODUCED_VARIABLE) {
        Ok(number) => number.parse().expect("a number of processes"),
        Err(_) => PRODUCED,
    };
    let scratch = TempDir::new().expect("a scratch folder");
    let root = rootfs::make(scratch.path());
    let rules = scratch.path().join("burst.yaml");
    fs::write(&rules, RULES).expect("written");
    // Found by its name, the program does what `true` does, as fast as a process can.
    let burst = root.join("bin/e2e-burst");
    fs::copy("/bin/true", &burst).expect("copied");
    let mut agent = Agent::start(&["-r", rules.to_str().expect("a UTF-8 path")]);
    let resident = |agent: &Agent| sum(&agent.scrape(), "process_resident_memory_bytes", &[]) / 1e6;
    let resident_before = resident(&agent);

    let script = format!(
        "i=0; while [ $i -lt {produced} ]; do {}; i=$((i+1)); done",
        burst.display()
    );
    let status = Command::new(root.join("bin/sh"))
        .args(["-c", &script])
        .status();
    assert!(status.expect("busybox runs").success());

    let produced = f64::from(produced);
    wait_until("all processes are matched or lost", || {
        let (matches, lost) = books(&agent);
        matches + lost >= produced
    });
    let (matches, lost) = books(&agent);
    println!("{produced} processes: {matches} matches, {lost} events lost");
    println!(
        "resident memory: {resident_before:.1} MB before, {:.1} MB after",
        resident(&agent)
    );
    assert!(
        matches <= produced,
        "{matches} matches of {produced} processes"
    );

    // The same books for the lines: each match is a line, or was counted as not written.
    let lines = "saker_output_lines_total";
    wait_until("all lines are written", || {
        sum(&agent.scrape(), lines, &[]) == matches
    });
    let written = sum(&agent.scrape(), lines, &[("outcome", "written")]);
    wait_until("all lines have arrived", || {
        agent.count_matches(|line| line["rule"] == "Burst") as f64 == written
    });
}
