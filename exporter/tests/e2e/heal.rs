//! The agent held up until the kernel has no room for records: every loss is in the books, and the process table is right
//! again afterwards.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::agent::{Agent, field};
use crate::support::wait::{wait_for, wait_until};

/// Processes that are made while nobody reads: many times what the ring holds.
const FLOOD: u32 = 500;
const RULES: &str = "
- rule: Flood
  desc: Every process of the flood.
  condition: evt.type = execve and evt.res = SUCCESS and proc.name = heal-flood
  output: flood
  priority: INFORMATIONAL
- rule: Leaf
  desc: A process whose ancestors were made, named and moved while nobody read.
  condition: >
    evt.type = execve and evt.res = SUCCESS and proc.name = heal-leaf and proc.aname[2] = heal-root
    and proc.pname = heal-branch and proc.cwd = /var/lib/
  output: leaf (root=%proc.aname[2] branch=%proc.pname cwd=%proc.cwd exe=%proc.aexepath[2])
  priority: INFORMATIONAL
";
/// Names itself, has a child that names itself and goes elsewhere, and lets that child start a program for every line it reads.
const TREE: &str = r#"
    my ($leaf) = @ARGV; $| = 1; $0 = "heal-root";
    if (!fork) {
        $0 = "heal-branch"; chdir "/var/lib" or die; print "grown\n";
        while (<STDIN>) { system $leaf; print "done\n" }
        exit 0;
    }
    close STDIN; wait; exit 0;
"#;

fn sum(agent: &Agent, name: &str, labels: &[(&str, &str)]) -> f64 {
    agent.scrape().sum(name, labels).unwrap_or(0.0)
}

fn lost_execs(agent: &Agent) -> f64 {
    let labels = [("type", "exec"), ("outcome", "lost")];
    sum(agent, "saker_kernel_events_total", &labels)
}

#[test]
fn a_table_that_missed_records_is_right_again() {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = |name: &str| scratch.path().join(name);
    fs::write(path("rules.yaml"), RULES).expect("written");
    let config = serde_json::json!({ "ring_bytes": 131_072, "rules": [path("rules.yaml")] });
    fs::write(path("config.yaml"), config.to_string()).expect("written");
    for program in ["heal-flood", "heal-leaf"] {
        fs::copy("/bin/true", path(program)).expect("copied");
    }
    let config = path("config.yaml");
    let mut agent = Agent::start(&["-c", config.to_str().expect("a UTF-8 path")]);
    let lost_before = lost_execs(&agent);

    agent.signal(Signal::STOP);
    let flood = format!(
        "i=0; while [ $i -lt {FLOOD} ]; do {}; i=$((i+1)); done",
        path("heal-flood").display()
    );
    let status = Command::new("sh").args(["-c", &flood]).status();
    assert!(status.expect("a shell").success());
    let mut tree = Command::new("perl")
        .args(["-e", TREE])
        .arg(path("heal-leaf"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("perl runs");
    let mut said = BufReader::new(tree.stdout.take().expect("piped")).lines();
    let mut told = tree.stdin.take().expect("piped");
    let mut next = || said.next().expect("a line").expect("text");
    assert_eq!(next(), "grown");
    agent.signal(Signal::CONT);

    // The books: what the flood made is matched or counted as lost, and both happened.
    wait_until("the flood is in the books", || {
        let matched = agent.matches_of("Flood");
        let lost = lost_execs(&agent) - lost_before;
        assert!(matched < f64::from(FLOOD), "{matched} of {FLOOD} matched");
        lost > 0.0 && matched + lost >= f64::from(FLOOD)
    });
    let leaf = wait_for("the ancestors are known", || {
        told.write_all(b"go\n").expect("the branch lives");
        assert_eq!(next(), "done");
        agent.matches(|line| line["rule"] == "Leaf").pop()
    });
    let exe = field(&leaf, "proc.aexepath[2]").as_str().expect("text");
    assert!(exe.contains("perl"), "{exe}");
    assert!(sum(&agent, "saker_process_rescans_total", &[]) >= 1.0);
    drop(told);
    assert!(tree.wait().expect("a child").success());
}
