//! Lines of matches in a file that is moved away, and on a pipe that nobody reads.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::agent::{Agent, SAKER};
use crate::support::daemon::Daemon;
use crate::support::exposition::Exposition;
use crate::support::http::{follow, free_address, get};
use crate::support::python::consume;
use crate::support::wait::wait_until;
use testing::rootfs;

/// A folder with a rule for opens of one file in it, which nobody else opens.
struct Watched {
    folder: TempDir,
    shell: PathBuf,
}

impl Watched {
    fn new() -> Watched {
        let folder = TempDir::with_prefix("saker-watched-").expect("a scratch folder");
        let shell = rootfs::make(folder.path()).join("bin/sh");
        let watched = Watched { folder, shell };
        fs::write(watched.path("watched"), "").expect("written");
        let rule = format!(
            "- rule: Watched file\n  desc: d\n  condition: evt.type in (open, openat) and fd.name = {}\n  output: opened (file=%fd.name process=%proc.name pid=%proc.pid user=%user.name container=%container.id)\n  priority: NOTICE\n  tags: [b, a]\n",
            watched.path("watched").display()
        );
        fs::write(watched.path("rules.yaml"), rule).expect("written");
        watched
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn argument(&self, name: &str) -> String {
        self.path(name).to_str().expect("a UTF-8 path").to_owned()
    }

    /// Opens the file so many times, and says which process has done it.
    fn open(&self, count: u32) -> u32 {
        let script = format!(
            "i=0; while [ $i -lt {count} ]; do : <{}; i=$((i+1)); done",
            self.argument("watched")
        );
        let shell = Command::new(&self.shell).args(["-c", &script]).spawn();
        let mut shell = shell.expect("busybox runs");
        assert!(shell.wait().expect("a child").success());
        shell.id()
    }
}

fn lines(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "whole lines");
    text.lines().count()
}

#[test]
fn lines_go_to_a_file_that_can_be_moved_away() {
    let watched = Watched::new();
    let (rules, file) = (watched.argument("rules.yaml"), watched.argument("matches"));
    let (matches, moved) = (watched.path("matches"), watched.path("moved"));
    let mut agent = Agent::start(&["-r", &rules, "--output-file", &file]);
    watched.open(10);
    wait_until("ten lines", || lines(&matches) == 10);

    fs::rename(&matches, &moved).expect("moved");
    agent.signal(Signal::USR1);
    wait_until("the file is there again", || matches.exists());
    watched.open(20);
    wait_until("twenty lines", || lines(&matches) == 20);
    assert_eq!(lines(&moved), 10);

    // What is matched when the end comes is written before it.
    watched.open(500);
    wait_until("all are matched", || {
        agent.matches_of("Watched file") == 530.0
    });
    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
    assert_eq!((consume(&moved), consume(&matches)), (10, 520));
    let first = fs::read_to_string(&moved).expect("a file");
    let first: Value = serde_json::from_str(first.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["rule"], "Watched file");
    assert_eq!(
        agent.count_matches(|_| true),
        0,
        "nothing on standard output"
    );
}

#[test]
fn a_file_that_cannot_be_opened_is_told_before_anything_starts() {
    let output = Command::new(SAKER)
        .args(["run", "--listen", &free_address().to_string()])
        .args(["--output-file", "/nonexistent/matches"])
        .output()
        .expect("saker runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["/nonexistent/matches", "--output-file", "No such file"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_costs_lines_and_no_matches() {
    // More than the pipe, the queue and a batch of the writer hold together.
    const OPENED: u32 = 7000;
    let watched = Watched::new();
    let address = free_address();
    let mut agent = Daemon::start("saker", SAKER, watched.folder.path(), |command| {
        command.args(["run", "--listen", &address.to_string()]);
        command.args(["-r", &watched.argument("rules.yaml")]);
        command.stdout(Stdio::piped());
    });
    // Held open, and never read.
    let _pipe = agent.child().stdout.take().expect("piped");
    wait_until("the agent is ready", || {
        assert!(agent.ended().is_none(), "{}", agent.log());
        matches!(get(address, "/-/ready", ""), Ok((200, _)))
    });
    watched.open(OPENED);
    let scrape = || {
        let (_, text) = get(address, "/metrics", "").expect("the agent answers");
        Exposition::parse(&text)
    };
    let sum = |scrape: &Exposition, name: &str, labels: &[(&str, &str)]| {
        scrape.sum(name, labels).unwrap_or(0.0)
    };
    wait_until("all are matched or lost", || {
        let scrape = scrape();
        let matches = sum(&scrape, "saker_rule_matches_total", &[]);
        matches + sum(&scrape, "saker_events_lost_total", &[]) >= f64::from(OPENED)
    });
    wait_until("the books balance", || {
        let scrape = scrape();
        let lines = sum(&scrape, "saker_output_lines_total", &[]);
        let waiting = sum(&scrape, "saker_output_queue_length", &[]);
        lines + waiting == sum(&scrape, "saker_rule_matches_total", &[])
    });
    let full = [("outcome", "dropped"), ("reason", "queue_full")];
    assert!(sum(&scrape(), "saker_output_lines_total", &full) > 0.0);
    page_goes_on(address, || watched.open(1));
    wait_until("the books of the page balance", || {
        let scrape = scrape();
        let page = sum(&scrape, "saker_page_matches_total", &[]);
        let waiting = sum(&scrape, "saker_page_queue_length", &[]);
        page + waiting == sum(&scrape, "saker_rule_matches_total", &[])
    });
    // What the rule costs: every event of its types, one in 512 of them timed.
    let rule = [("rule", "Watched file")];
    let evaluations = sum(&scrape(), "saker_rule_evaluations_total", &rule);
    assert!(evaluations >= f64::from(OPENED), "{evaluations}");
    let seconds = sum(&scrape(), "saker_rule_evaluation_seconds_total", &rule);
    assert!(seconds > 0.0);
    // The reader's sloth does not hold up the end.
    let status = agent.stop();
    assert!(status.success(), "{status}: {}", agent.log());
    assert!(
        agent.log().contains("nobody took the last lines"),
        "{}",
        agent.log()
    );
}

/// What matches now is on the page, in the list behind it and in its stream.
fn page_goes_on(address: SocketAddr, open: impl FnOnce() -> u32) {
    let mut told = follow(address, "");
    let pid = open();
    let arrived = told.any(|line| line["output_fields"]["proc.pid"] == pid);
    assert!(arrived, "the stream tells of process {pid}");
    for path in ["/api/v1/matches", "/"] {
        let (status, text) = get(address, path, "").expect("the agent answers");
        assert_eq!(status, 200);
        assert!(text.contains(&format!("pid={pid} ")), "{path}: {text}");
    }
}
