//! The load of the benchmarks of system calls, and the agent beside it.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

/// The agent's program.
pub(crate) const SAKER: &str = env!("CARGO_BIN_EXE_saker");

/// The load, which does a round when it is told to.
pub(crate) struct Load {
    /// What it does its work in.
    _folder: TempDir,
    program: Child,
    lines: BufReader<ChildStdout>,
}

impl Load {
    /// Compiles and starts it; `operations` is `mixed` or `types`.
    pub(crate) fn start(operations: &str, rounds: usize, count: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/kernel/load.c");
        let binary = folder.path().join("load");
        let compiled = Command::new("cc")
            .args(["-O2", "-o"])
            .args([&binary, &source])
            .status();
        assert!(compiled.expect("a C compiler").success());
        let mut program = Command::new(binary)
            .args([operations, &rounds.to_string(), &count.to_string()])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("compiled above");
        let lines = BufReader::new(program.stdout.take().expect("piped"));
        Self {
            _folder: folder,
            program,
            lines,
        }
    }

    /// One round: operations and their ns.
    pub(crate) fn round(&mut self) -> Vec<(String, f64)> {
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

    /// Ends it.
    pub(crate) fn end(mut self) {
        drop(self.program.stdin.take());
        let _ = self.program.wait();
    }
}

/// The agent, until it is dropped.
pub(crate) struct Agent(Child);

impl Agent {
    /// Runs it with `flags` besides those that keep it quiet, and returns when it is ready.
    pub(crate) fn start(flags: &[String]) -> Self {
        let mut agent = Command::new(SAKER)
            .args(["run", "--listen", "127.0.0.1:0", "--output", "none"])
            .args(flags)
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
    pub(crate) fn cpu_ns(&self) -> f64 {
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

/// The middle one.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
