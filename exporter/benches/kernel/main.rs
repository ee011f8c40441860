//! What a system call costs while the agent runs, beside what it costs without: one load, the agent started and ended in turns.
//!
//! In: `load.c`, compiled here; the agent's binary, with the bundled rules. Out: Markdown; with `--write PAGE.md` put into the
//! page. Needs root and a C compiler. Times are those of a clock, so that what others do on the machine is in them: only what
//! stands in one row was measured in turns, and the median of the differences is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use testing::page;

const SAKER: &str = env!("CARGO_BIN_EXE_saker");
/// Rounds, of which every second one has the agent.
const ROUNDS: usize = 14;
/// Operations of the cheapest kind in a round.
const COUNT: u64 = 400_000;

/// By operation, in the order in which they are done: ns without the agent, with it, and the agent's ns of processor time.
type Figures = BTreeMap<usize, (String, Vec<f64>, Vec<f64>)>;

fn main() {
    page::main("kernel", &page::arguments(), report);
}

struct Load {
    program: Child,
    lines: BufReader<ChildStdout>,
}

impl Load {
    fn start(folder: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/kernel/load.c");
        let binary = folder.join("load");
        let compiled = Command::new("cc")
            .args(["-O2", "-o"])
            .args([&binary, &source])
            .status();
        assert!(compiled.expect("a C compiler").success());
        let mut program = Command::new(binary)
            .args([ROUNDS.to_string(), COUNT.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("compiled above");
        let lines = BufReader::new(program.stdout.take().expect("piped"));
        Self { program, lines }
    }

    /// One round: operations and their ns.
    fn round(&mut self) -> Vec<(String, f64)> {
        let input = self.program.stdin.as_mut().expect("piped");
        input.write_all(b"go\n").expect("it waits");
        let mut figures = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            assert!(
                self.lines.read_line(&mut line).expect("text") > 0,
                "the load ended early"
            );
            let Some((_, figure)) = line.trim_end().split_once('\t') else {
                return figures;
            };
            let (name, ns) = figure.split_once('\t').expect("name and figure");
            figures.push((name.to_owned(), ns.parse().expect("a number")));
        }
    }
}

struct Agent(Child);

impl Agent {
    /// Runs the agent, and returns when it is ready.
    fn start() -> Self {
        let mut agent = Command::new(SAKER)
            .args(["run", "--listen", "127.0.0.1:0", "--output", "none"])
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent's binary");
        let mut said = BufReader::new(agent.stderr.take().expect("piped")).lines();
        let ready = said.any(|line| line.expect("text").contains("ready"));
        assert!(ready, "the agent ended; this needs root");
        // What it says later is nobody's concern, but has to go somewhere.
        std::thread::spawn(move || said.for_each(drop));
        Self(agent)
    }

    /// Processor time that it has taken, ns.
    fn cpu_ns(&self) -> f64 {
        let task = format!("/proc/{}/task", self.0.id());
        let tasks = std::fs::read_dir(task).expect("it runs");
        let spent = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        });
        spent.sum()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn report() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut load = Load::start(folder.path());
    let mut figures = Figures::new();
    let mut agent_ns = Vec::new();
    for round in 0..ROUNDS {
        let agent = (round % 2 == 1).then(Agent::start);
        let before = agent.as_ref().map(Agent::cpu_ns);
        for (number, (name, ns)) in load.round().into_iter().enumerate() {
            let (_, without, with) = figures
                .entry(number)
                .or_insert_with(|| (name, Vec::new(), Vec::new()));
            match agent {
                Some(_) => with.push(ns),
                None => without.push(ns),
            }
        }
        if let (Some(agent), Some(before)) = (&agent, before) {
            agent_ns.push(agent.cpu_ns() - before);
        }
    }
    drop(load.program.stdin.take());
    let _ = load.program.wait();
    let mut out = format!(
        "Measured on {}; {} rounds with the agent, as many without, in turns; medians.\n\n| per operation | without | with | adds |\n|---|---|---|---|\n",
        page::machine(),
        ROUNDS / 2,
    );
    for (name, without, with) in figures.into_values() {
        let adds = median(without.iter().zip(&with).map(|(a, b)| b - a).collect());
        let (without, with) = (median(without), median(with));
        let _ = writeln!(
            out,
            "| {name} | {without:.0} ns | {with:.0} ns | {adds:+.0} ns, {:.2} times |",
            with / without
        );
    }
    let _ = writeln!(
        out,
        "\nDuring a round, a million and a half of these, the agent took {:.1} ms of processor time.",
        median(agent_ns) / 1e6
    );
    out
}
