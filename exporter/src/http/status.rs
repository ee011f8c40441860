//! The state of the agent as one value: what the page shows, and `saker top` reads as JSON.
//!
//! In: the registry, the [`Readiness`] and who this host is. Out: [`Status`]. Never: a number that `/metrics` does not have.

mod reader;

use serde::{Deserialize, Serialize};

use super::{Host, Readiness};
use crate::metrics::{REVISION, Registry, VERSION};

/// The state of an agent. New keys may come; those that are there stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Of the agent.
    pub version: String,
    /// Commit that it was built from.
    pub revision: String,
    /// Where it runs.
    pub hostname: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Whether probes are attached and rules loaded.
    pub ready: bool,
    /// Why it is not ready.
    pub reason: Option<String>,
    /// When this was so, in seconds since the epoch.
    pub time_seconds: f64,
    /// When the agent started, in seconds since the epoch.
    pub start_time_seconds: f64,
    /// The rules as a whole.
    pub reload: Reload,
    /// Rules, the one with the most matches first.
    pub rules: Vec<RuleStatus>,
    /// Event types that reach the rules, the most frequent first.
    pub events: Vec<EventCount>,
    /// Records of the probes.
    pub kernel_events: Vec<KernelEvents>,
    /// Events that no rule has seen, by reason.
    pub losses: Vec<ReasonCount>,
    /// Which probe serves an event type.
    pub hooks: Vec<Hook>,
    /// From the kernel's clock to the counter.
    pub latency: Latency,
    /// Tables with a limit.
    pub tables: Vec<Table>,
    /// Lines for matches, by what became of them.
    pub lines: Vec<OutcomeCount>,
    /// OTLP log records, by what became of them.
    pub log_records: Vec<OutcomeCount>,
    /// Matches for the page, by what became of them.
    pub page_matches: Vec<OutcomeCount>,
    /// The process of the agent.
    pub process: Process,
}

/// How the rules were loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reload {
    /// Rules in force.
    pub rules: u64,
    /// Whether the last load succeeded.
    pub successful: bool,
    /// When a load last did, in seconds since the epoch.
    pub success_time_seconds: f64,
}

/// A rule and what it has done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleStatus {
    /// Its name.
    pub rule: String,
    /// How grave a match is.
    pub priority: String,
    /// Where its events come from.
    pub source: String,
    /// Matches.
    pub matches: u64,
    /// How often it was evaluated; absent where that is not counted.
    pub evaluations: Option<u64>,
    /// What that took, in seconds; absent where that is not counted.
    pub evaluation_seconds: Option<f64>,
}

/// Events of a type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventCount {
    /// As rules name it.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many.
    pub count: u64,
}

/// What became of the records of a kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelEvents {
    /// Kind of record.
    #[serde(rename = "type")]
    pub kind: String,
    /// Put into the ring.
    pub submitted: u64,
    /// Dropped, since no rule could match.
    pub filtered: u64,
    /// Lost.
    pub lost: u64,
}

/// A number for a reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// A number for an outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutcomeCount {
    /// What became of them.
    pub outcome: String,
    /// Why; empty where there is nothing to say.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// The probe that serves an event type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// Event type.
    pub event: String,
    /// Where in the kernel.
    pub hook: String,
    /// How good that is.
    pub tier: String,
    /// Why it is not a better one.
    pub reason: String,
}

/// A histogram of seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Observations.
    pub count: u64,
    /// Their sum.
    pub sum_seconds: f64,
    /// By upper bound, each including those before it.
    pub buckets: Vec<Bucket>,
}

/// One bucket of a histogram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Upper bound in seconds as text, `+Inf` for the last.
    pub le: String,
    /// Observations up to it.
    pub count: u64,
}

/// How full a table is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// Its name.
    pub table: String,
    /// Entries that it holds.
    pub entries: u64,
    /// Entries that it can hold.
    pub capacity: u64,
    /// Living entries that it gave up.
    pub evictions: u64,
}

/// What the agent's process uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Processor time since the start.
    pub cpu_seconds: f64,
    /// Memory in use.
    pub resident_bytes: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// Threads.
    pub threads: u64,
}

impl Status {
    /// The state, as the metrics tell it.
    pub(super) fn new(
        registry: &Registry,
        host: &Host,
        readiness: &Readiness,
        time_seconds: f64,
    ) -> Self {
        let reason = readiness.reason();
        Status {
            version: VERSION.to_owned(),
            revision: REVISION.to_owned(),
            hostname: host.name.clone(),
            kernel: host.kernel.clone(),
            ready: reason.is_none(),
            reason: reason.map(Into::into),
            time_seconds,
            ..reader::read(registry)
        }
    }

    /// What outputs have lost: of what, and what became of how many.
    pub fn unsent(&self) -> impl Iterator<Item = (&'static str, &OutcomeCount)> {
        let outputs = [
            ("lines", "written", &self.lines),
            ("log records", "exported", &self.log_records),
            ("matches for the page", "shown", &self.page_matches),
        ];
        outputs.into_iter().flat_map(|(what, good, counts)| {
            let lost = counts.iter().filter(move |count| count.outcome != good);
            lost.map(move |count| (what, count))
        })
    }

    /// Matches of all rules.
    #[must_use]
    pub fn matches(&self) -> u64 {
        self.rules.iter().map(|rule| rule.matches).sum()
    }

    /// Events of all types that reached the rules.
    #[must_use]
    pub fn events_seen(&self) -> u64 {
        self.events.iter().map(|event| event.count).sum()
    }

    /// Events that no rule has seen.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.losses.iter().map(|loss| loss.count).sum()
    }
}

#[cfg(test)]
mod tests;
