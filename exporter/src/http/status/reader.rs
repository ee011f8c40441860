//! Reads the state from the registry, as every format does: it shows what a scraper sees, and knows no room's counters.
//!
//! In: metrics, series by series. Out: the numbers of a [`Status`].

use super::{
    Bucket, EventCount, Hook, KernelEvents, OutcomeCount, ReasonCount, RuleStatus, Status, Table,
};
use crate::metrics::{Description, Distribution, Exemplar, Labels, Number, Registry, Visitor};

/// The numbers of the state.
pub(super) fn read(registry: &Registry) -> Status {
    let mut reader = Reader::default();
    registry.visit(&mut reader, || true);
    let Reader {
        mut status, costs, ..
    } = reader;
    // Rules with the same name in several sources share their cost, so this comes when all rules are there.
    for cost in &costs {
        for rule in &mut status.rules {
            if rule.rule == cost.rule {
                match cost.spent {
                    Spent::Evaluations(count) => rule.evaluations = Some(count),
                    Spent::Seconds(seconds) => rule.evaluation_seconds = Some(seconds),
                }
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

/// What has been read so far.
#[derive(Default)]
struct Reader {
    /// The metric that is being shown.
    name: &'static str,
    status: Status,
    costs: Vec<Cost>,
}

/// What a rule has cost.
struct Cost {
    rule: String,
    spent: Spent,
}

enum Spent {
    Evaluations(u64),
    Seconds(f64),
}

/// A series of a counter or gauge.
struct Sample<'a> {
    labels: Labels<'a>,
    number: Number,
}

impl Sample<'_> {
    /// The value of a label; empty, as in PromQL, if there is no such label.
    fn text(&self, name: &str) -> String {
        let found = self.labels.iter().find(|(label, _)| *label == name);
        found.map_or_else(String::new, |(_, value)| (*value).to_owned())
    }

    fn count(&self) -> u64 {
        match self.number {
            Number::Whole(count) => count,
            // Saturates, and NaN is 0: counts are neither.
            Number::Real(number) => number as u64,
        }
    }

    fn value(&self) -> f64 {
        self.number.as_f64()
    }

    fn outcome(&self) -> OutcomeCount {
        OutcomeCount {
            outcome: self.text("outcome"),
            reason: self.text("reason"),
            count: self.count(),
        }
    }
}

impl Visitor for Reader {
    fn metric(&mut self, description: &Description) {
        self.name = description.name;
    }

    fn number(&mut self, labels: Labels<'_>, number: Number, _: Option<Exemplar>) {
        let sample = Sample { labels, number };
        match self.name {
            "saker_rule_evaluations_total" => self.costs.push(Cost {
                rule: sample.text("rule"),
                spent: Spent::Evaluations(sample.count()),
            }),
            "saker_rule_evaluation_seconds_total" => self.costs.push(Cost {
                rule: sample.text("rule"),
                spent: Spent::Seconds(sample.value()),
            }),
            "saker_kernel_events_total" => self.kernel_events(&sample),
            "saker_table_entries" | "saker_table_capacity" | "saker_table_evictions_total" => {
                self.table(&sample);
            }
            _ => self.row(&sample),
        }
    }

    fn distribution(&mut self, _: Labels<'_>, distribution: &Distribution<'_>) {
        if self.name != "saker_detection_latency_seconds" {
            return;
        }
        let latency = &mut self.status.latency;
        latency.count = distribution.count;
        latency.sum_seconds = distribution.sum;
        let bucket = |(bound, count): &(f64, u64)| Bucket {
            le: match bound.is_finite() {
                true => format!("{bound:?}"),
                false => "+Inf".to_owned(),
            },
            count: *count,
        };
        latency.buckets = distribution.buckets.iter().map(bucket).collect();
    }
}

impl Reader {
    /// A series that stands for itself.
    fn row(&mut self, sample: &Sample<'_>) {
        let status = &mut self.status;
        match self.name {
            "saker_rule_matches_total" => status.rules.push(RuleStatus {
                rule: sample.text("rule"),
                priority: sample.text("priority"),
                source: sample.text("source"),
                matches: sample.count(),
                ..RuleStatus::default()
            }),
            "saker_rules_loaded" => status.reload.rules = sample.count(),
            "saker_rules_last_reload_successful" => {
                status.reload.successful = sample.value() == 1.0;
            }
            "saker_rules_last_reload_success_timestamp_seconds" => {
                status.reload.success_time_seconds = sample.value();
            }
            "saker_events_total" => status.events.push(EventCount {
                kind: sample.text("type"),
                count: sample.count(),
            }),
            "saker_events_lost_total" => status.losses.push(ReasonCount {
                reason: sample.text("reason"),
                count: sample.count(),
            }),
            "saker_hook_info" => status.hooks.push(Hook {
                event: sample.text("event"),
                hook: sample.text("hook"),
                tier: sample.text("tier"),
                reason: sample.text("reason"),
            }),
            "saker_output_lines_total" => status.lines.push(sample.outcome()),
            "saker_otlp_log_records_total" => status.log_records.push(sample.outcome()),
            "saker_page_matches_total" => status.page_matches.push(sample.outcome()),
            "process_cpu_seconds_total" => status.process.cpu_seconds = sample.value(),
            "process_resident_memory_bytes" => status.process.resident_bytes = sample.count(),
            "process_open_fds" => status.process.open_fds = sample.count(),
            "process_threads" => status.process.threads = sample.count(),
            "process_start_time_seconds" => status.start_time_seconds = sample.value(),
            _ => {}
        }
    }

    fn kernel_events(&mut self, sample: &Sample<'_>) {
        let rows = &mut self.status.kernel_events;
        let kind = sample.text("type");
        let row = row_of(
            rows,
            |row| row.kind == kind,
            || KernelEvents {
                kind: kind.clone(),
                ..KernelEvents::default()
            },
        );
        match &*sample.text("outcome") {
            "submitted" => row.submitted = sample.count(),
            "filtered" => row.filtered = sample.count(),
            "lost" => row.lost = sample.count(),
            _ => {}
        }
    }

    fn table(&mut self, sample: &Sample<'_>) {
        let rows = &mut self.status.tables;
        let table = sample.text("table");
        let row = row_of(
            rows,
            |row| row.table == table,
            || Table {
                table: table.clone(),
                ..Table::default()
            },
        );
        match self.name {
            "saker_table_entries" => row.entries = sample.count(),
            "saker_table_capacity" => row.capacity = sample.count(),
            _ => row.evictions = sample.count(),
        }
    }
}

/// The row that several series share, made with the first of them.
fn row_of<R>(rows: &mut Vec<R>, is: impl Fn(&R) -> bool, new: impl FnOnce() -> R) -> &mut R {
    let index = rows.iter().position(is).unwrap_or(rows.len());
    if index == rows.len() {
        rows.push(new());
    }
    &mut rows[index]
}
