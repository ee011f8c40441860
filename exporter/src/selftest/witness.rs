//! The agent that is put to the test: one of our own for this time, or one that runs already.
//!
//! In: a command, or a way to an agent. Out: its matches with the time of their arrival, as [`News`]. Never: an agent that goes
//! on when the test has ended.

use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::News;
use crate::http::status::Status;
use crate::http::{Client, ClientError};

/// Time between two questions to an agent that runs already.
const PACE: Duration = Duration::from_millis(50);

/// Who watches.
pub enum Witness {
    /// An agent for this time, with these rules files; none: the bundled rules.
    Own(Vec<PathBuf>),
    /// An agent that runs already.
    Running(Client),
}

/// A match as it came.
#[derive(Debug)]
pub(super) struct Arrived {
    /// When.
    pub(super) time: Timestamp,
    /// The match.
    pub(super) line: Value,
}

/// An agent that is watched; ours ends when this is dropped.
pub(super) struct Watched {
    child: Option<Child>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            // It may have ended by itself.
            let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
            let _ = child.wait();
        }
    }
}

/// Starts an agent, waits until it is ready, and tells of its matches. Rules that are off are switched on in it.
///
/// # Errors
/// When it does not become ready.
pub(super) fn start(
    rules: &[PathBuf],
    names: &[String],
    tell: Sender<News>,
) -> anyhow::Result<Watched> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["run", "--config", "/dev/stdin", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    for path in rules {
        command.arg("--rules").arg(path);
    }
    let mut child = command.spawn().context("the agent cannot be started")?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let watched = Watched { child: Some(child) };
    let (Some(mut stdin), Some(stdout), Some(stderr)) = streams else {
        bail!("the agent has no pipes");
    };
    // No engine is asked: the control group of the test is no engine's, and nobody waits for what nobody knows.
    let on: Vec<Value> = names
        .iter()
        .map(|name| json!({"enable": {"rule": name}}))
        .collect();
    let config = json!({"runtimes": [], "rule_selection": on});
    stdin.write_all(config.to_string().as_bytes())?;
    drop(stdin);
    wait_until_ready(stderr)?;
    thread::Builder::new()
        .name("saker-matches".to_owned())
        .spawn(move || read_lines(stdout, &tell))?;
    Ok(watched)
}

/// Reads the log until it says that the agent is ready, and leaves the rest to a thread.
fn wait_until_ready(stderr: ChildStderr) -> anyhow::Result<()> {
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let mut said = Vec::new();
    for line in lines.by_ref() {
        if line.contains("ready") && line.contains("address=") {
            thread::Builder::new()
                .name("saker-log".to_owned())
                .spawn(move || lines.for_each(drop))?;
            return Ok(());
        }
        said.push(line);
    }
    bail!(
        "the agent has ended before it was ready:\n{}",
        said.join("\n")
    )
}

fn read_lines(stdout: ChildStdout, tell: &Sender<News>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let time = Timestamp::now();
        // The agent writes nothing but matches.
        if let Ok(line) = serde_json::from_str(&line)
            && tell.send(News::Match(Arrived { time, line })).is_err()
        {
            return;
        }
    }
    let _ = tell.send(News::AgentEnded("the agent has ended".to_owned()));
}

/// The names of the rules that a running agent judges by.
///
/// # Errors
/// When it does not answer.
pub(super) fn rules_of(client: &Client) -> anyhow::Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let body = runtime.block_on(client.get("/api/v1/status"))?;
    let status: Status = serde_json::from_slice(&body)
        .with_context(|| format!("the answer of {} is no status", client.url()))?;
    Ok(status.rules.into_iter().map(|rule| rule.rule).collect())
}

/// Tells of the matches of a running agent.
///
/// # Errors
/// When there is no thread to be had.
pub(super) fn follow(client: Client, tell: Sender<News>) -> anyhow::Result<Watched> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    thread::Builder::new()
        .name("saker-matches".to_owned())
        .spawn(move || {
            let asked = runtime.block_on(ask(&client, &tell));
            if let Err(error) = asked {
                let _ = tell.send(News::AgentEnded(error.to_string()));
            }
        })?;
    Ok(Watched { child: None })
}

async fn ask(client: &Client, tell: &Sender<News>) -> Result<(), ClientError> {
    loop {
        let body = client.get("/api/v1/matches").await?;
        let time = Timestamp::now();
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        // Most of them have been told of before; who listens knows.
        for line in answer["matches"].as_array().into_iter().flatten() {
            let line = line.clone();
            if tell.send(News::Match(Arrived { time, line })).is_err() {
                return Ok(());
            }
        }
        tokio::time::sleep(PACE).await;
    }
}
