//! The state of the agent as one value: what the page shows, and `saker top` reads as JSON.
//!
//! In: the exposition, the [`Readiness`] and who this host is. Out: [`Status`]. Never: a number that `/metrics` does not have.

use serde::{Deserialize, Serialize};

use super::samples::{Sample, samples};
use super::{Host, Readiness};
use crate::metrics::{REVISION, VERSION};

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
    /// The state, as the exposition tells it.
    pub(super) fn new(
        exposition: &str,
        host: &Host,
        readiness: &Readiness,
        time_seconds: f64,
    ) -> Self {
        let reason = readiness.reason();
        let mut status = Status {
            version: VERSION.to_owned(),
            revision: REVISION.to_owned(),
            hostname: host.name.clone(),
            kernel: host.kernel.clone(),
            ready: reason.is_none(),
            reason: reason.map(Into::into),
            time_seconds,
            ..Self::default()
        };
        let mut costs = Vec::new();
        for sample in samples(exposition) {
            match sample.name {
                "saker_rule_evaluations_total" | "saker_rule_evaluation_seconds_total" => {
                    costs.push(sample);
                }
                _ => status.take(&sample),
            }
        }
        // Rules with the same name in several sources share their cost, so this comes when all rules are there.
        for cost in &costs {
            let named = cost.label("rule");
            for rule in status.rules.iter_mut().filter(|rule| rule.rule == named) {
                match cost.name {
                    "saker_rule_evaluations_total" => rule.evaluations = Some(cost.count()),
                    _ => rule.evaluation_seconds = Some(cost.value),
                }
            }
        }
        status
            .rules
            .sort_by(|a, b| b.matches.cmp(&a.matches).then_with(|| a.rule.cmp(&b.rule)));
        status
            .events
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.kind.cmp(&b.kind)));
        status
    }

    fn take(&mut self, sample: &Sample<'_>) {
        let text = |label: &str| sample.label(label).to_owned();
        match sample.name {
            "saker_rule_matches_total" => self.rules.push(RuleStatus {
                rule: text("rule"),
                priority: text("priority"),
                source: text("source"),
                matches: sample.count(),
                ..RuleStatus::default()
            }),
            "saker_rules_loaded" => self.reload.rules = sample.count(),
            "saker_rules_last_reload_successful" => self.reload.successful = sample.value == 1.0,
            "saker_rules_last_reload_success_timestamp_seconds" => {
                self.reload.success_time_seconds = sample.value;
            }
            "saker_events_total" => self.events.push(EventCount {
                kind: text("type"),
                count: sample.count(),
            }),
            "saker_kernel_events_total" => self.take_kernel_events(sample),
            "saker_events_lost_total" => self.losses.push(ReasonCount {
                reason: text("reason"),
                count: sample.count(),
            }),
            "saker_hook_info" => self.hooks.push(Hook {
                event: text("event"),
                hook: text("hook"),
                tier: text("tier"),
                reason: text("reason"),
            }),
            "saker_output_lines_total" => self.lines.push(outcome(sample)),
            "saker_otlp_log_records_total" => self.log_records.push(outcome(sample)),
            "saker_table_entries" | "saker_table_capacity" | "saker_table_evictions_total" => {
                self.take_table(sample);
            }
            name => self.take_process(name, sample),
        }
    }

    fn take_kernel_events(&mut self, sample: &Sample<'_>) {
        let kind = sample.label("type");
        let found = self.kernel_events.iter().position(|one| one.kind == kind);
        let index = found.unwrap_or_else(|| {
            self.kernel_events.push(KernelEvents {
                kind: kind.to_owned(),
                ..KernelEvents::default()
            });
            self.kernel_events.len() - 1
        });
        let one = &mut self.kernel_events[index];
        match sample.label("outcome") {
            "submitted" => one.submitted = sample.count(),
            "filtered" => one.filtered = sample.count(),
            "lost" => one.lost = sample.count(),
            _ => {}
        }
    }

    fn take_table(&mut self, sample: &Sample<'_>) {
        let name = sample.label("table");
        let found = self.tables.iter().position(|table| table.table == name);
        let index = found.unwrap_or_else(|| {
            self.tables.push(Table {
                table: name.to_owned(),
                ..Table::default()
            });
            self.tables.len() - 1
        });
        let table = &mut self.tables[index];
        match sample.name {
            "saker_table_entries" => table.entries = sample.count(),
            "saker_table_capacity" => table.capacity = sample.count(),
            _ => table.evictions = sample.count(),
        }
    }

    fn take_process(&mut self, name: &str, sample: &Sample<'_>) {
        let (latency, process) = (&mut self.latency, &mut self.process);
        match name {
            "saker_detection_latency_seconds_count" => latency.count = sample.count(),
            "saker_detection_latency_seconds_sum" => latency.sum_seconds = sample.value,
            "saker_detection_latency_seconds_bucket" => latency.buckets.push(Bucket {
                le: sample.label("le").to_owned(),
                count: sample.count(),
            }),
            "process_cpu_seconds_total" => process.cpu_seconds = sample.value,
            "process_resident_memory_bytes" => process.resident_bytes = sample.count(),
            "process_open_fds" => process.open_fds = sample.count(),
            "process_threads" => process.threads = sample.count(),
            "process_start_time_seconds" => self.start_time_seconds = sample.value,
            _ => {}
        }
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

fn outcome(sample: &Sample<'_>) -> OutcomeCount {
    OutcomeCount {
        outcome: sample.label("outcome").to_owned(),
        reason: sample.label("reason").to_owned(),
        count: sample.count(),
    }
}

#[cfg(test)]
mod tests;
