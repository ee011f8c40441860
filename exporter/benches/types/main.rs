//! What each type of event costs: in the kernel, in the ring buffer, and to the event thread.
//!
//! In: the load of the benchmark `kernel`, one call for each type, with the agent and without it in turns; the agent has one
//! rule, about all these types and true of nothing, and no filter in the kernel, so that every call becomes a record. Then
//! `saker record` takes such a load down, and the records are decoded again and again. Out: Markdown; with `--write PAGE.md`
//! put into the page. Needs root and a C compiler.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rule_engine::schema::Schema;
use rustix::process::{Pid, Signal, kill_process};
use testing::page;

use load::{Agent, Load, SAKER, median};
use records::{BIRTH, ByType, average_bytes, updating};

#[path = "../kernel/load.rs"]
mod load;
#[path = "../line/records.rs"]
mod records;

/// Rounds, of which every second one has the agent.
const ROUNDS: usize = 6;
/// Calls of each type in a round; as many in a hundredth of it as the smallest ring buffer takes.
const COUNT: u64 = 40_000;
/// Calls of each type that are recorded.
const RECORDED: u64 = 100;
/// Types that the load's programs cause without being told to.
const BESIDES: &str = "clone, clone3, fork, vfork, execve, procexit";

fn main() {
    page::main("types", &page::arguments(), report);
}

fn report() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut load = Load::start("types", ROUNDS, COUNT);
    let mut names = Vec::new();
    let mut without = Vec::new();
    let mut agent_ns = Vec::new();
    let mut adds = BTreeMap::<usize, Vec<f64>>::new();
    for _ in 0..ROUNDS / 2 {
        without.clear();
        for (name, ns) in load.round() {
            without.push(ns);
            if names.len() < without.len() {
                names.push(name);
            }
        }
        let agent = Agent::start(&configured(folder.path(), &names));
        let before = agent.cpu_ns();
        for (number, (_, ns)) in load.round().into_iter().enumerate() {
            adds.entry(number).or_default().push(ns - without[number]);
        }
        agent_ns.push(agent.cpu_ns() - before);
        drop(agent);
    }
    load.end();
    let records = recorded(folder.path());
    let mut out = format!(
        "Measured on {}; medians of {} rounds with the agent, as many without, in turns. Records are as large as in the ring \
         buffer, with their strings; decoding is processor time of the event thread, with bringing the tables up to the \
         record.\n\n| event | a call, without | the kernel adds | bytes of a record | ns to decode it |\n|---|---|---|---|---|\n",
        page::machine(),
        ROUNDS / 2,
    );
    for (number, name) in names.iter().enumerate() {
        let adds = median(adds.remove(&number).unwrap_or_default());
        let _ = write!(
            out,
            "| {name} | {:.0} ns | {adds:+.0} ns |",
            without[number]
        );
        let _ = match records.get(name.as_str()) {
            Some((bytes, ns)) => writeln!(out, " {bytes} | {ns:.0} |"),
            None => writeln!(out, " | |"),
        };
    }
    let _ = match records.get(BIRTH) {
        Some((bytes, ns)) => writeln!(out, "| {BIRTH} | | | {bytes} | {ns:.0} |"),
        None => Ok(()),
    };
    let _ = writeln!(
        out,
        "\nThe agent took {:.0} ns of processor time for each call, in all of its threads.",
        median(agent_ns) / (names.len() as u64 * COUNT) as f64
    );
    out
}

/// Flags for an agent that makes a record of every call of these types.
fn configured(folder: &Path, types: &[String]) -> [String; 2] {
    let types: Vec<&str> = types
        .iter()
        .map(String::as_str)
        .filter(|name| !name.contains(' '))
        .collect();
    let rule = format!(
        "- rule: Nothing\n  desc: True of no event.\n  condition: evt.type in ({BESIDES}, {}) and proc.name = 'no such program'\n  \
         output: '%evt.type'\n  priority: DEBUG\n",
        types.join(", ")
    );
    let rules = folder.join("rules.yaml");
    let config = folder.join("config.yaml");
    std::fs::write(&rules, rule).expect("a folder of ours");
    let text = format!(
        "rules: [{}]\nkernel_filter: {{enabled: false}}\nring_bytes: 67108864\n",
        rules.display()
    );
    std::fs::write(&config, text).expect("a folder of ours");
    ["--config".to_owned(), config.display().to_string()]
}

/// Lets the agent record what happens during `work` into a capture.
fn record(capture: &Path, flags: &[String], work: impl FnOnce()) {
    let mut recorder = Command::new(SAKER)
        .args(["record", "--output"])
        .arg(capture)
        .args(flags)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent's binary");
    let mut said = BufReader::new(recorder.stderr.take().expect("piped")).lines();
    let recording = said.any(|line| line.expect("text").contains("recording to"));
    assert!(recording, "the recorder ended; this needs root");
    work();
    let pid = Pid::from_child(&recorder);
    kill_process(pid, Signal::TERM).expect("it runs");
    said.for_each(drop);
    assert!(recorder.wait().expect("a child").success());
}

/// By type of event: bytes of a record on average, and ns to decode one.
fn recorded(folder: &Path) -> BTreeMap<&'static str, (usize, f64)> {
    let capture = folder.join("load.capture");
    let config = folder.join("config.yaml");
    let flags = ["--config".to_owned(), config.display().to_string()];
    record(&capture, &flags, || {
        let mut load = Load::start("types", 1, RECORDED);
        load.round();
        load.end();
    });
    let schema = Arc::new(Schema::syscall());
    let types = ByType::of(&capture, &schema);
    let figures = types.0.iter().map(|(name, records)| {
        let figure = (average_bytes(records), updating(records, &schema));
        (*name, figure)
    });
    figures.collect()
}
