//! The bundled rules on the real kernel: `saker selftest` provokes each that can be provoked harmlessly, real containers those that
//! take a container engine. `UPDATE=1` writes docs/coverage.md, which says so rule by rule.

mod coverage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::agent::{Agent, SAKER, field};
use crate::support::docker::{Docker, LESSER};
use crate::support::wait::wait_until;

/// A rule about what engines tell, and the container that provokes it.
struct WithEngine {
    rule: &'static str,
    does: &'static str,
    /// What it is started with.
    options: &'static [&'static str],
    /// What is run in it then.
    program: &'static [&'static str],
}

const WITH_ENGINE: [WithEngine; 4] = [
    WithEngine {
        rule: "Launch Privileged Container",
        does: "Docker starts a privileged container",
        options: &["--privileged", "--runtime", LESSER],
        program: &["true"],
    },
    WithEngine {
        rule: "Launch Excessively Capable Container",
        does: "Docker starts a container with CAP_SYS_ADMIN",
        options: &["--cap-add", "SYS_ADMIN"],
        program: &["true"],
    },
    WithEngine {
        rule: "Launch Sensitive Mount Container",
        does: "Docker starts a container that has the host's /etc",
        options: &["--volume", "/etc:/etc:ro"],
        program: &["true"],
    },
    WithEngine {
        rule: "Mount Launched in Privileged Container",
        does: "mount is run in a privileged container of Docker's",
        options: &["--privileged", "--runtime", LESSER],
        program: &["sh", "-c", "/bin/mount -t tmpfs none /nowhere; true"],
    },
];

/// The rule that takes a container that is half a minute old.
const LATER: (&str, &str) = (
    "Shell spawned by main program of container",
    "the main program of a container of Docker's starts sh when half a minute has passed",
);

/// The rule that the agent provokes itself.
const CANARY: (&str, &str) = (
    "Saker canary",
    "the agent runs its canary, as `exporter/tests/e2e/canary.rs` sees in its metrics",
);

/// A control group of a test's own, in every hierarchy: what a process leaves behind, processes and groups, is found in it.
struct Enclosure {
    folders: Vec<PathBuf>,
}

impl Enclosure {
    fn new(name: &str) -> Enclosure {
        let base = Path::new("/sys/fs/cgroup");
        let hierarchies = ["", "memory", "pids", "unified"].map(|one| base.join(one));
        let here = hierarchies
            .into_iter()
            .filter(|one| one.join("cgroup.procs").exists());
        let name = format!("saker-{name}-{}", std::process::id());
        let folders: Vec<_> = here.map(|one| one.join(&name)).collect();
        assert!(!folders.is_empty(), "no control groups");
        for folder in &folders {
            fs::create_dir(folder).expect("root may");
        }
        Enclosure { folders }
    }

    /// Starts `saker selftest` in it.
    fn start(&self, arguments: &[&str]) -> Child {
        let enter = |folder: &PathBuf| format!("echo $$ > {}/cgroup.procs && ", folder.display());
        let enter: String = self.folders.iter().map(enter).collect();
        let line = format!("{enter} exec {SAKER} selftest {}", arguments.join(" "));
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).stdin(Stdio::null());
        shell.stdout(Stdio::piped()).stderr(Stdio::piped());
        shell.spawn().expect("sh")
    }

    /// Whether some process has made a group in it.
    fn has_groups(&self) -> bool {
        self.folders.iter().any(|folder| {
            let entries = fs::read_dir(folder).expect("it is there");
            entries.flatten().any(|entry| entry.path().is_dir())
        })
    }
}

impl Drop for Enclosure {
    fn drop(&mut self) {
        for folder in &self.folders {
            let removed = fs::remove_dir(folder);
            if !std::thread::panicking() {
                removed.expect("no process and no group is left in it");
            }
        }
    }
}

/// The result of `saker selftest` as JSON, after its end; nothing is left of it.
fn selftest(arguments: &[&str]) -> Value {
    let enclosure = Enclosure::new(&format!("selftest{}", arguments.len()));
    let child = enclosure.start(&[arguments, &["--json"]].concat());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {said}", output.status));
    assert!(output.status.success(), "{report:#}\n{said}");
    report
}

/// The rules with this outcome.
fn rules<'a>(report: &'a Value, outcome: &str) -> Vec<&'a str> {
    let lines = report["rules"].as_array().expect("rules");
    let fit = lines.iter().filter(|line| line["outcome"] == outcome);
    fit.map(|line| line["rule"].as_str().expect("a name"))
        .collect()
}

#[test]
fn every_bundled_rule_is_proven_live() {
    let report = selftest(&[]);
    assert_eq!(rules(&report, "skipped"), [""; 0], "{report:#}");
    let mut unprovoked = rules(&report, "unprovoked");
    unprovoked.sort_unstable();
    let mut with_engine: Vec<_> = WITH_ENGINE.iter().map(|case| case.rule).collect();
    with_engine.extend([LATER.0, CANARY.0]);
    with_engine.sort_unstable();
    assert_eq!(unprovoked, with_engine);

    let docker = Docker::start();
    let mut agent = Agent::start_bundled(&[docker.runtime()]);
    let later = docker.start_container(&[], &["/bin/watch", "-n", "31", "true"]);
    for case in &WITH_ENGINE {
        case.prove(&docker, &mut agent);
    }
    agent.wait_for_match(LATER.0, is_in(LATER.0, &later));
    coverage::write(&report);
}

impl WithEngine {
    /// Starts containers until the rule fires: on a busy machine an engine may answer too late for an event that waits for it.
    fn prove(&self, docker: &Docker, agent: &mut Agent) {
        for _ in 0..5 {
            let container = docker.start_container(self.options, &["/bin/sleep", "10000"]);
            docker.run(&[&["exec", &container], self.program].concat());
            // What is done last is judged last.
            docker.run(&["exec", &container, "cat", "/etc/shadow"]);
            let last = "Read sensitive file untrusted";
            agent.wait_for_match(last, is_in(last, &container));
            wait_until("no event waits for what an engine knows", || {
                let parked = [("table", "parked_events")];
                agent.scrape().sum("saker_table_entries", &parked) == Some(0.0)
            });
            if agent.count_matches(is_in(self.rule, &container)) > 0 {
                return;
            }
        }
        panic!("{}: not once in five times", self.rule);
    }
}

/// Whether a line is this rule's, about this container.
fn is_in(rule: &str, container: &str) -> impl Fn(&Value) -> bool {
    move |line| line["rule"] == rule && field(line, "container.id") == &container[..12]
}

#[test]
fn running_agent_is_put_to_the_test() {
    let agent = Agent::start_bundled(&[]);
    let report = selftest(&["--against", &format!("http://{}", agent.addr())]);
    let off = ["Unexpected inbound connection source"];
    assert_eq!(rules(&report, "skipped"), off, "{report:#}");
    let detected = rules(&report, "detected");
    for rule in &detected {
        assert!(agent.matches_of(rule) >= 1.0, "{rule}");
    }
    assert!(detected.len() >= 95, "{report:#}");
}

#[test]
fn nothing_is_left_of_a_test_that_is_ended_early() {
    let enclosure = Enclosure::new("early");
    let child = enclosure.start(&[]);
    wait_until("the test has begun", || enclosure.has_groups());
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), Signal::TERM).expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, b"saker: ended by a signal\n");
}

#[test]
fn agent_that_is_not_there_is_told_of() {
    let mut command = Command::new(SAKER);
    command.args(["selftest", "--against", "unix:/nowhere/saker.sock"]);
    let output = command.output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no agent answers at unix:/nowhere"), "{said}");
}
