//! Matches counted by workload, within a budget of series.
//!
//! In: a match with the container that it is about. Out: counts in series of the workload. Never: a lock that the event thread
//! waits for.
//!
//! The first match in a container can come before its engine has told what the container is called. It is counted as soon as that
//! is known, a second later at most; the counter of the rule does not wait.

use std::sync::Arc;

use crate::config::{WorkloadLabel, WorkloadMetrics};
use crate::event::container::{ContainerId, ContainerInfo, Metadata};
use crate::event::model::Surroundings;
use crate::metrics::{Budget, BudgetWriter, Declaration, Exemplar, Group, Groups, Registry};

/// How long a match waits for the name of its container, ns.
const WAIT_NS: u64 = 1_000_000_000;
/// Most matches that wait.
const WAITING_MAX: usize = 1024;

/// What counts a rule's matches by workload.
pub type RuleWorkloads = Arc<Group<2>>;

/// The event thread's end.
#[derive(Debug)]
pub struct Workloads {
    writer: BudgetWriter<2>,
    labels: Vec<WorkloadLabel>,
    waiting: Vec<Waiting>,
}

/// A match whose container has no name yet.
#[derive(Debug)]
struct Waiting {
    rule: RuleWorkloads,
    exemplar: Exemplar,
    container: ContainerId,
    until_boot_ns: u64,
}

impl Workloads {
    /// Declares the metrics; none when they are switched off.
    #[must_use]
    pub fn declare(
        registry: &mut Registry,
        settings: &WorkloadMetrics,
    ) -> Option<(Groups<2>, Self)> {
        if !settings.enabled {
            return None;
        }
        let labels = ["rule", "priority"];
        let shown = WorkloadLabel::ALL.into_iter();
        let shown: Vec<_> = shown
            .filter(|label| settings.labels.contains(label))
            .collect();
        let (groups, writer) = registry.limited(Budget {
            counter: Declaration {
                name: "saker_workload_rule_matches_total",
                help: "Events that a rule matched, by workload. What does not fit into the limit of series is counted in one series for each rule, which has overflow set.",
                labels,
            },
            expired: Declaration {
                name: "saker_workload_rule_matches_expired_total",
                help: "Events that a rule matched in workloads that are gone, and whose series have gone, too.",
                labels,
            },
            labels: shown.iter().map(|label| label.name()).collect(),
            series_max: settings.series_max,
            keep_ns: settings.expire_seconds.saturating_mul(1_000_000_000),
        });
        let workloads = Self {
            writer,
            labels: shown,
            waiting: Vec::new(),
        };
        Some((groups, workloads))
    }

    /// Counts a match. True if it waits for the name of its container, for which an engine should then be asked.
    pub fn count(
        &mut self,
        rule: &RuleWorkloads,
        exemplar: Exemplar,
        container: Option<&ContainerId>,
        surroundings: &dyn Surroundings,
        now_boot_ns: u64,
    ) -> bool {
        let Some(container) = container else {
            self.count_in(rule, exemplar, None, now_boot_ns);
            return false;
        };
        match surroundings.container(container) {
            Metadata::Known(info) => self.count_in(rule, exemplar, Some(info), now_boot_ns),
            Metadata::Awaited if self.waiting.len() < WAITING_MAX => {
                self.waiting.push(Waiting {
                    rule: Arc::clone(rule),
                    exemplar,
                    container: container.clone(),
                    until_boot_ns: now_boot_ns.saturating_add(WAIT_NS),
                });
                return true;
            }
            Metadata::Awaited | Metadata::Absent => {
                self.count_in(rule, exemplar, None, now_boot_ns);
            }
        }
        false
    }

    /// Counts what has waited for long enough, or whose wait is over; [`u64::MAX`] ends all waits. Then makes the counts
    /// visible, and lets series expire.
    pub fn settle(
        &mut self,
        surroundings: &dyn Surroundings,
        lives: impl Fn(&str) -> bool,
        now_boot_ns: u64,
    ) {
        let mut at = 0;
        while let Some(waiting) = self.waiting.get(at) {
            let info = match surroundings.container(&waiting.container) {
                Metadata::Known(info) => Some(info),
                Metadata::Awaited if waiting.until_boot_ns > now_boot_ns => {
                    at += 1;
                    continue;
                }
                Metadata::Awaited | Metadata::Absent => None,
            };
            let waiting = self.waiting.swap_remove(at);
            self.count_in(&waiting.rule, waiting.exemplar, info, now_boot_ns);
        }
        if now_boot_ns != u64::MAX {
            self.writer.expire(now_boot_ns, |owner| !lives(owner));
        }
        self.writer.publish();
    }

    fn count_in(
        &mut self,
        rule: &RuleWorkloads,
        exemplar: Exemplar,
        info: Option<&Arc<ContainerInfo>>,
        now_boot_ns: u64,
    ) {
        let mut values = [""; WorkloadLabel::ALL.len()];
        for (value, label) in values.iter_mut().zip(&self.labels) {
            *value = info.map_or("", |info| label_value(info, *label));
        }
        let owner = info.map_or("", |info| &info.id);
        let values = &values[..self.labels.len()];
        self.writer
            .count(rule, values, owner, exemplar, now_boot_ns);
    }
}

/// What a label says of a container; nothing where it does not apply.
fn label_value(info: &ContainerInfo, label: WorkloadLabel) -> &str {
    let pod = info.pod.as_deref();
    match label {
        WorkloadLabel::K8sNamespaceName => pod.map_or("", |pod| &pod.namespace),
        WorkloadLabel::K8sPodName => pod.map_or("", |pod| &pod.name),
        WorkloadLabel::K8sContainerName => pod.map_or("", |_| &info.name),
        WorkloadLabel::ContainerName => &info.name,
        WorkloadLabel::ContainerImageName => match &*info.image.repository {
            "" => &info.image.name,
            repository => repository,
        },
    }
}
