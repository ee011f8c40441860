//! The self-test: harmless real actions for the bundled rules, and whether an agent notices them.
//!
//! In: an agent, and the names of the rules that it has loaded. Out: a [`Report`]. Never: a change to the host that outlasts
//! the test, or an action on what is the host's: see `stage` for where actions take place.

mod action;
mod actions;
mod cgroup;
mod loopback;
mod program;
mod report;
mod stage;
mod witness;

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use rustix::process::geteuid;
use serde_json::Value;
use uuid::Uuid;

use self::action::{Action, Place};
use self::cgroup::{Cgroups, container_start_boot_ns, inside_container};
pub use self::report::{Line, Outcome, Report};
use self::stage::DONE;
pub use self::stage::Order;
pub use self::witness::Witness;
use self::witness::{Arrived, Watched};
use crate::sys::{clock, signals};

/// Actions at a time.
const PERFORMERS: usize = 3;
/// How often an action is done that is not noticed: a host that is busy beyond measure loses an event now and then, as its agent
/// counts.
const ROUNDS: usize = 3;
/// After this time rules excuse nothing any more because a container has just started.
const SETTLED: Duration = Duration::from_secs(31);
/// How long after the last action or match something may still come.
const QUIET: Duration = Duration::from_secs(10);

/// What the test hears.
enum News {
    /// The agent tells of a match.
    Match(Arrived),
    /// An action was done, or why it could not be.
    Acted(usize, Result<(), String>),
    /// Nothing more comes from the agent.
    AgentEnded(String),
    /// A signal says that it is time to go.
    End,
}

/// A rule that an agent may judge by.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Whether it matches unless somebody switches it off.
    pub enabled: bool,
}

/// Does the actions for all rules that the agent has loaded, and says what came of each. `rules` are those that an agent of our
/// own will load, or those that are bundled; an agent that runs already is asked which of them it has.
///
/// # Errors
/// When the agent does not become ready, ends, or a signal comes.
pub fn run(witness: Witness, rules: &[Rule]) -> anyhow::Result<Report> {
    let (tell, news) = mpsc::channel();
    let signals = tell.clone();
    signals::on_end(move || {
        let _ = signals.send(News::End);
    })?;
    let known = |wanted: fn(&Rule) -> bool| {
        let rules = rules.iter().filter(move |rule| wanted(rule));
        rules.map(|rule| rule.name.clone()).collect::<Vec<_>>()
    };
    let (loaded, off, watched) = match witness {
        Witness::Own(paths) => {
            let watched = witness::start(&paths, &known(|rule| !rule.enabled), tell.clone())?;
            (known(|_| true), Vec::new(), watched)
        }
        Witness::Running(client) => {
            let loaded = witness::rules_of(&client)?;
            let watched = witness::follow(client, tell.clone())?;
            (loaded, known(|rule| !rule.enabled), watched)
        }
    };
    if inside_container() {
        settle(&news)?;
    }
    Test::new(&loaded, &off, watched).run(&tell, &news)
}

/// Waits until the container that this is done in has been there for a while: rules excuse what it does at its start.
fn settle(news: &Receiver<News>) -> anyhow::Result<()> {
    let start_boot_ns = container_start_boot_ns().context("when this container started")?;
    let settled_boot_ns = start_boot_ns + SETTLED.as_nanos() as u64;
    loop {
        let left = settled_boot_ns.saturating_sub(clock::boot_ns());
        if left == 0 {
            return Ok(());
        }
        match news.recv_timeout(Duration::from_nanos(left)) {
            Ok(News::AgentEnded(why)) => anyhow::bail!(why),
            Ok(News::End) => anyhow::bail!("ended by a signal"),
            _ => {}
        }
    }
}

/// A test under way.
struct Test {
    marker: String,
    cgroups: Option<Cgroups>,
    /// By action: what came of it so far.
    outcomes: Vec<Option<Outcome>>,
    /// By action: whether it is done, so that a match is due.
    acted: Vec<bool>,
    loaded: HashSet<String>,
    _watched: Watched,
}

impl Test {
    fn new(loaded: &[String], off: &[String], watched: Watched) -> Self {
        let inside = inside_container();
        let (cgroups, no_cgroups) = match (!inside).then(Cgroups::new).transpose() {
            Ok(cgroups) => (cgroups, None),
            Err(error) => (
                None,
                Some(format!("no control group can be made: {error:#}")),
            ),
        };
        let loaded: HashSet<String> = loaded.iter().cloned().collect();
        let is_root = geteuid().is_root();
        let reason = |action: &Action| match action.place {
            _ if !loaded.contains(action.rule) => Some("the agent has not loaded it".to_owned()),
            _ if off.iter().any(|name| name == action.rule) => {
                Some("it is off as it is shipped, and the agent does not tell more".to_owned())
            }
            Place::Host if inside => Some(
                "it is about what happens outside of containers, and this is inside of one"
                    .to_owned(),
            ),
            _ if action.takes_root && !is_root => {
                Some("it is about what root does, and this is somebody else".to_owned())
            }
            Place::Container if no_cgroups.is_some() => no_cgroups.clone(),
            _ if inside => action.excused_below_engine.map(str::to_owned),
            _ => None,
        };
        let outcomes: Vec<_> = actions::all()
            .map(|action| reason(action).map(|reason| Outcome::Skipped { reason }))
            .collect();
        Self {
            marker: format!("saker-selftest-{}", Uuid::now_v7().simple()),
            cgroups,
            acted: vec![false; outcomes.len()],
            outcomes,
            loaded,
            _watched: watched,
        }
    }

    fn run(mut self, tell: &Sender<News>, news: &Receiver<News>) -> anyhow::Result<Report> {
        for _ in 0..ROUNDS {
            let performers = self.start_performers(tell)?;
            self.listen(news)?;
            drop(performers);
            if self.is_decided() {
                break;
            }
        }
        Ok(self.report())
    }

    fn is_decided(&self) -> bool {
        self.outcomes.iter().all(Option::is_some)
    }

    /// Hears what comes until all is decided, or nothing more comes.
    fn listen(&mut self, news: &Receiver<News>) -> anyhow::Result<()> {
        let mut since = Instant::now();
        while !self.is_decided() {
            let left = QUIET.saturating_sub(since.elapsed());
            match news.recv_timeout(left) {
                Ok(News::Match(arrived)) => {
                    if self.take(&arrived) {
                        since = Instant::now();
                    }
                }
                Ok(News::Acted(act, Ok(()))) => {
                    self.acted[act] = true;
                    since = Instant::now();
                }
                Ok(News::Acted(act, Err(reason))) => {
                    // What was noticed was done, whatever came of it.
                    self.outcomes[act].get_or_insert(Outcome::Skipped { reason });
                    since = Instant::now();
                }
                Ok(News::AgentEnded(why)) => anyhow::bail!(why),
                Ok(News::End) => anyhow::bail!("ended by a signal"),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(())
    }

    /// Notes a match, and says whether it was one of ours that was not known.
    fn take(&mut self, arrived: &Arrived) -> bool {
        let Some(act) = act_of(&self.marker, &arrived.line) else {
            return false;
        };
        let expected = actions::all().nth(act).map(|action| action.rule);
        if expected != arrived.line["rule"].as_str() {
            return false;
        }
        let noticed = self.outcomes.get_mut(act);
        let Some(outcome @ None) = noticed else {
            return false;
        };
        let happened = arrived.line["time"]
            .as_str()
            .and_then(|time| time.parse::<Timestamp>().ok());
        let latency = happened.map(|happened| arrived.time.duration_since(happened).as_secs_f64());
        *outcome = Some(Outcome::Detected {
            latency_seconds: latency.unwrap_or(0.0).max(0.0),
        });
        true
    }

    /// Starts the threads that have actions done. They end when all are done, or what is returned is dropped.
    fn start_performers(&self, tell: &Sender<News>) -> anyhow::Result<Performers> {
        let stop = Arc::new(AtomicBool::new(false));
        let next = Arc::new(AtomicUsize::new(0));
        let places: Arc<[Vec<PathBuf>]> = actions::all().map(|action| self.place(action)).collect();
        let todo: Arc<[bool]> = self.outcomes.iter().map(Option::is_none).collect();
        let mut performers = Performers {
            stop: Arc::clone(&stop),
            threads: Vec::new(),
        };
        for _ in 0..PERFORMERS {
            let (stop, next) = (Arc::clone(&stop), Arc::clone(&next));
            let (places, todo) = (Arc::clone(&places), Arc::clone(&todo));
            let (marker, tell) = (self.marker.clone(), tell.clone());
            let work = move || {
                while !stop.load(Ordering::Relaxed) {
                    let act = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(todo), Some(cgroups)) = (todo.get(act), places.get(act)) else {
                        return;
                    };
                    if *todo {
                        let outcome = perform(act, &marker, cgroups);
                        let outcome = outcome.map_err(|error| format!("{error:#}"));
                        let _ = tell.send(News::Acted(act, outcome));
                    }
                }
            };
            let thread = thread::Builder::new()
                .name("saker-act".to_owned())
                .spawn(work);
            performers
                .threads
                .push(thread.context("there is no thread to be had")?);
        }
        Ok(performers)
    }

    /// The control groups that an action needs.
    fn place(&self, action: &Action) -> Vec<PathBuf> {
        match (&self.cgroups, action.place) {
            (Some(cgroups), Place::Container) => cgroups.paths().to_vec(),
            _ => Vec::new(),
        }
    }

    fn report(self) -> Report {
        let acted = actions::all().zip(self.outcomes).zip(self.acted);
        let mut lines: Vec<Line> = acted
            .map(|((action, outcome), acted)| Line {
                rule: action.rule.to_owned(),
                outcome: outcome.unwrap_or(match acted {
                    true => Outcome::Missed,
                    false => Outcome::Skipped {
                        reason: "its action did not end in time".to_owned(),
                    },
                }),
                action: Some(action.does),
            })
            .collect();
        let unprovoked = actions::UNPROVOKED
            .iter()
            .filter(|(rule, _)| self.loaded.contains(*rule));
        lines.extend(unprovoked.map(|(rule, why)| Line {
            rule: (*rule).to_owned(),
            outcome: Outcome::Unprovoked {
                reason: (*why).to_owned(),
            },
            action: None,
        }));
        Report::new(lines)
    }
}

/// The threads that have actions done.
struct Performers {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Drop for Performers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// The action that a match is about, by the command line of the process or of its parent.
fn act_of(marker: &str, line: &Value) -> Option<usize> {
    let fields = &line["output_fields"];
    ["proc.pcmdline", "proc.cmdline"].iter().find_map(|field| {
        let (_, after) = fields[*field].as_str()?.split_once(marker)?;
        let digits = after.strip_prefix('-')?;
        let digits = digits.split_once(' ').map_or(digits, |(number, _)| number);
        digits.parse().ok()
    })
}

/// Has an action done, and waits for its end.
fn perform(act: usize, marker: &str, cgroups: &[PathBuf]) -> anyhow::Result<()> {
    let mut command = Order::command(act, &format!("{marker}-{act}"), cgroups)?;
    // The stage holds its end of the pipe until it has ended.
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim() {
        DONE => Ok(()),
        "" => anyhow::bail!("its process ended without a word: {}", output.status),
        why => anyhow::bail!("{why}"),
    }
}

#[cfg(test)]
mod tests;
