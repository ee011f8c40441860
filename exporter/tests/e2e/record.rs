//! What was recorded gives, replayed, what the agent gave live.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::agent::{Agent, SAKER, field};
use crate::support::daemon::Daemon;
use crate::support::docker::{Docker, IMAGE};
use crate::support::wait::wait_until;

const RULES: &str = "
- rule: Program
  desc: A program of the test.
  condition: evt.type = execve and (proc.name = e2e-record or proc.pname = e2e-record)
  output: '%proc.name %proc.pname %proc.aname[2] %proc.cmdline %proc.exepath %proc.cwd %proc.pid %user.name %container.id'
  priority: NOTICE
- rule: File
  desc: A file that it opens.
  condition: evt.type in (open, openat, openat2) and proc.name = e2e-record
  output: '%evt.type %evt.res %fd.name %fd.num %proc.name %evt.cpu %thread.tid'
  priority: WARNING
- rule: Connection
  desc: A connection that it makes.
  condition: evt.type = connect and proc.name = e2e-record
  output: '%evt.type %evt.res %fd.name %fd.rip %fd.rport %fd.l4proto %proc.name'
  priority: ERROR
- rule: End
  desc: A program of the test ends.
  condition: evt.type = procexit and (proc.name = e2e-record or proc.pname = e2e-record)
  output: '%proc.name %proc.pname %proc.pid'
  priority: DEBUG
- rule: Container
  desc: A program of a container of the test.
  condition: evt.type = execve and container.name = e2e-record and proc.exepath startswith /bin
  output: '%container.name %container.image.repository %container.label.tier %proc.env[E2E]'
  priority: DEBUG
";
/// bash, since it connects by itself.
const SCRIPT: &str = "
read line </etc/shadow
exec 3<>/dev/tcp/127.0.0.1/1
for i in 1 2 3 4 5; do /bin/true; done
read line </e2e-record-end
";
const END: &str = "/e2e-record-end";

/// Rules, and a program that nobody else runs.
struct Scene {
    folder: TempDir,
    rules: PathBuf,
    program: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let folder = TempDir::with_prefix("saker-record-").expect("a scratch folder");
        let (rules, program) = (
            folder.path().join("rules.yaml"),
            folder.path().join("e2e-record"),
        );
        fs::write(&rules, RULES).expect("written");
        fs::copy("/bin/bash", &program).expect("Debian package bash");
        Scene {
            folder,
            rules,
            program,
        }
    }

    fn act(&self) {
        let status = Command::new(&self.program)
            .args(["--norc", "-c", SCRIPT])
            .env_clear()
            .output();
        // The connection and the last file are refused.
        assert!(!status.expect("bash runs").status.success());
    }

    /// A recorder that records everything from here on.
    fn recorder(&self, capture: &Path, options: &[&str]) -> Daemon {
        let recorder = Daemon::start("record", SAKER, self.folder.path(), |command| {
            command.args(["record", "-o"]).arg(capture);
            command.arg("-r").arg(&self.rules).args(options);
        });
        wait_until("the recorder records", || {
            recorder.log().contains("recording to")
        });
        recorder
    }

    fn replay(&self, capture: &Path) -> (Vec<Value>, Output) {
        let output = Command::new(SAKER)
            .arg("replay")
            .arg(capture)
            .arg("-r")
            .arg(&self.rules)
            .output()
            .expect("the binary runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        (lines.collect(), output)
    }
}

fn is_end(line: &Value) -> bool {
    field(line, "fd.name") == END
}

/// All that lines say but their names, and when, in an order of its own: the probes of the agent and of the recorder stamp
/// an event one after the other, and what happens on two CPUs at once may come in either order.
fn told(lines: &[Value]) -> Vec<(String, f64)> {
    let mut told: Vec<(String, f64)> = lines
        .iter()
        .map(|line| {
            let mut line = line.clone();
            let object = line.as_object_mut().expect("a line is an object");
            for key in ["uuid", "time", "output"] {
                assert!(object.remove(key).is_some(), "no {key}");
            }
            let fields = object["output_fields"].as_object_mut().expect("an object");
            let time = fields.remove("evt.time").and_then(|time| time.as_f64());
            (line.to_string(), time.expect("a time"))
        })
        .collect();
    told.sort_by(|(a, at), (b, bt)| a.cmp(b).then(at.total_cmp(bt)));
    told
}

#[test]
fn replay_tells_what_the_agent_told() {
    let scene = Scene::new();
    let capture = scene.folder.path().join("all.capture");
    let mut agent = Agent::start(&["-r", scene.rules.to_str().expect("a UTF-8 path")]);
    let mut recorder = scene.recorder(&capture, &[]);

    scene.act();
    agent.wait_for_match("the last file", is_end);
    agent.wait_for_match("the last end", |line| {
        line["rule"] == "End" && field(line, "proc.name") == "e2e-record"
    });
    let status = recorder.stop();
    assert!(status.success(), "{}", recorder.log());
    assert!(recorder.log().contains("lost: 0\n"), "{}", recorder.log());
    agent.stop();

    let (replayed, output) = scene.replay(&capture);
    assert!(output.status.success(), "{output:?}");
    let live = agent.matches(|_| true);
    for rule in ["Program", "File", "Connection", "End"] {
        let of_rule = live.iter().filter(|line| line["rule"] == rule).count();
        assert!(of_rule > 0, "no match of {rule}");
    }
    let (replayed, live) = (told(&replayed), told(&live));
    for ((replayed, at), (live, live_at)) in replayed.iter().zip(&live) {
        assert_eq!(replayed, live);
        assert!((at - live_at).abs() < 1e9, "{at} {live_at}: {live}");
    }
    assert_eq!(replayed.len(), live.len());
}

#[test]
fn a_recorder_that_is_killed_leaves_what_it_has_written() {
    let scene = Scene::new();
    let capture = scene.folder.path().join("killed.capture");
    let mut recorder = scene.recorder(&capture, &[]);
    scene.act();
    wait_until("the capture holds the last file", || {
        scene.replay(&capture).0.iter().any(is_end)
    });
    let pid = i32::try_from(recorder.child().id())
        .ok()
        .and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), Signal::KILL).expect("a child of this process");
    recorder.stop();

    let (lines, output) = scene.replay(&capture);
    assert!(lines.iter().any(is_end));
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    let length = fs::metadata(&capture).expect("the capture").len();
    let expected = format!("damaged at byte {length}: the file ends here");
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn a_recording_ends_when_its_time_is_over_or_its_disk_is_full() {
    let folder = TempDir::new().expect("a scratch folder");
    let capture = folder.path().join("short.capture");
    let record = |file: &Path| {
        Command::new(SAKER)
            .args(["record", "--all", "--for", "100ms", "-o"])
            .arg(file)
            .output()
            .expect("the binary runs")
    };
    let output = record(&capture);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("records: "), "{said}");
    let replay = Command::new(SAKER).arg("replay").arg(&capture).output();
    assert!(replay.expect("the binary runs").status.success());

    let output = record(Path::new("/dev/full"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("/dev/full cannot be written"), "{said}");
    assert!(said.contains("No space left"), "{said}");
}

#[test]
fn a_capture_knows_the_containers_and_what_its_rules_need() {
    let docker = Docker::start();
    let scene = Scene::new();
    let capture = scene.folder.path().join("container.capture");
    let config = scene.folder.path().join("config.yaml");
    let settings = serde_json::json!({ "runtimes": [docker.runtime()] });
    fs::write(&config, settings.to_string()).expect("written");
    let options = ["-c", config.to_str().expect("a UTF-8 path")];
    let mut recorder = scene.recorder(&capture, &options);
    let mut run = vec!["run", "--rm", "--network", "none", "--name", "e2e-record"];
    run.extend([
        "--label",
        "tier=front",
        "--env",
        "E2E=1",
        IMAGE,
        "/bin/true",
    ]);
    docker.run(&run);
    let is_program = |line: &Value| line["rule"] == "Container";
    wait_until("the capture holds its program and its name", || {
        scene.replay(&capture).0.iter().any(is_program)
    });
    assert!(recorder.stop().success(), "{}", recorder.log());
    // No engine is asked now, and the container is gone.
    drop(docker);
    let (lines, output) = scene.replay(&capture);
    assert!(output.status.success(), "{output:?}");
    let line = lines
        .iter()
        .find(|line| is_program(line))
        .expect("its program");
    assert_eq!(field(line, "container.image.repository"), "saker/busybox");
    assert_eq!(field(line, "container.label.tier"), "front");
    assert_eq!(field(line, "proc.env[E2E]"), "1");
}
